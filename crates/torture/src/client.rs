//! A person's browser or program: asks any `serve` process, and another one when it does not answer.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use testkit::Random;

/// One that is stopped does not answer; another one is asked after this time.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `null` unless the body is JSON.
    pub(crate) body: Value,
    cookie: Option<String>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A field of the body as text.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        self.body[field].as_str().map(str::to_owned)
    }
}

/// Nobody answered until the history was over.
#[derive(Debug)]
pub(crate) struct NoAnswer;

/// Somebody with a session.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    addresses: Vec<String>,
    /// Where the person seems to be: limits count by address.
    from: String,
    session: Option<String>,
    until: Instant,
}

impl Client {
    /// Somebody without a session, who gives up at a time.
    pub(crate) fn new(
        http: &reqwest::Client,
        addresses: &[String],
        random: &mut Random,
        until: Instant,
    ) -> Self {
        let bits = random.next();
        Self {
            http: http.clone(),
            addresses: addresses.to_vec(),
            from: format!("2001:db8:{:x}:{:x}::1", bits & 0xffff, (bits >> 16) & 0xffff),
            session: None,
            until,
        }
    }

    /// The session cookie, for the stream of events.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The same person, who gives up at another time.
    pub(crate) fn patient_until(&self, until: Instant) -> Self {
        Self { until, ..self.clone() }
    }

    /// When this person gives up.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Signs in somebody who is known.
    pub(crate) async fn sign_in(&mut self, random: &mut Random, email: &str) -> Result<(), NoAnswer> {
        let known = [("email", email), ("password", testkit::PASSWORD)];
        while self.session.is_none() {
            self.session = self.form(random, "/sign-in", &known).await?.cookie;
        }
        Ok(())
    }

    /// Posts a form of a page.
    pub(crate) async fn form(
        &self,
        random: &mut Random,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, NoAnswer> {
        self.ask(random, Method::POST, path, |request| request.form(form)).await
    }

    /// Signs up, or in when an earlier answer was lost.
    pub(crate) async fn sign_up(&mut self, random: &mut Random, name: &str) -> Result<(), NoAnswer> {
        let (email, password) = (format!("{name}@example.com"), testkit::PASSWORD);
        let newcomer = [("name", name), ("organization", name), ("email", &email), ("password", password)];
        let known = [("email", email.as_str()), ("password", password)];
        loop {
            for (path, form) in [("/sign-up", &newcomer[..]), ("/sign-in", &known[..])] {
                let answer = self.ask(random, Method::POST, path, |request| request.form(form)).await?;
                if let Some(cookie) = answer.cookie {
                    self.session = Some(cookie);
                    return Ok(());
                }
            }
        }
    }

    /// Calls the API; with a key, the request may be sent again safely.
    pub(crate) async fn call(
        &self,
        random: &mut Random,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, NoAnswer> {
        let path = format!("/api/v1{path}");
        self.ask(random, method, &path, |mut request| {
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            request
        })
        .await
    }

    /// Asks until somebody answers, or time is up. Waits when told to come back later.
    pub(crate) async fn ask(
        &self,
        random: &mut Random,
        method: Method,
        path: &str,
        fill: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Result<Answer, NoAnswer> {
        let mut server = random.index(self.addresses.len());
        while Instant::now() < self.until {
            let url = format!("{}{path}", self.addresses[server]);
            let request = self.http.request(method.clone(), url).timeout(PATIENCE);
            let mut request = request.header("x-forwarded-for", &self.from);
            if let Some(session) = &self.session {
                request = request.header("cookie", format!("session={session}"));
            }
            match fill(request).send().await {
                Ok(response) if response.status() == 429 => sleep(Duration::from_millis(300)).await,
                Ok(response) => {
                    if let Some(answer) = read(response).await {
                        return Ok(answer);
                    }
                }
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
            server = (server + 1) % self.addresses.len();
        }
        Err(NoAnswer)
    }
}

/// The whole answer; `None` when it breaks off.
async fn read(response: reqwest::Response) -> Option<Answer> {
    let status = response.status().as_u16();
    let cookies = response.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let session = cookies.filter_map(|cookie| cookie.strip_prefix("session=")).next();
    let cookie = session.and_then(|rest| rest.split(';').next()).filter(|token| !token.is_empty());
    let cookie = cookie.map(str::to_owned);
    let bytes = response.bytes().await.ok()?;
    Some(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), cookie })
}
