//! A client of the API: requests go through the whole service, without a socket.

use std::net::SocketAddr;

use app::identity::{SignIn, create_api_key, sign_in};
use app::{App, Caller};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use testkit::{PASSWORD, Panel};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;
use web::{Options, WebState};

/// The service over a panel.
pub(crate) struct Service {
    router: Router,
    _stop: DropGuard,
}

impl Service {
    pub(crate) fn of(panel: &Panel) -> Self {
        let stop = CancellationToken::new();
        Self::with(panel.app.clone(), Options::default(), stop)
    }

    /// The service of another process, or with other options.
    pub(crate) fn with(app: App, options: Options, stop: CancellationToken) -> Self {
        let state = WebState::new(app, options, stop.clone());
        Self { router: web::router(state), _stop: stop.drop_guard() }
    }

    /// Serves on a port of this machine; answers the address.
    pub(crate) async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        format!("http://{address}")
    }

    /// A program with a fresh API key of somebody.
    pub(crate) async fn with_key(&self, panel: &Panel, caller: &Caller) -> Client {
        let (_, key) = create_api_key(&panel.app, caller, "test").await.unwrap();
        self.with_header(header::AUTHORIZATION.as_str(), &format!("Bearer {}", key.expose_secret()))
    }

    /// A browser in which `name@example.com` is signed in.
    pub(crate) async fn with_session(&self, panel: &Panel, name: &str) -> Client {
        let email = format!("{name}@example.com");
        let attempt = SignIn { email: &email, password: &PASSWORD.into(), address: None, user_agent: None };
        let session = sign_in(&panel.app, attempt).await.unwrap();
        self.with_header(header::COOKIE.as_str(), &format!("session={}", session.token.expose_secret()))
    }

    /// Somebody who sends this with every request.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Client {
        Client { router: self.router.clone(), headers: vec![(name.to_owned(), value.to_owned())] }
    }

    /// Somebody unknown.
    pub(crate) fn anonymous(&self) -> Client {
        Client { router: self.router.clone(), headers: Vec::new() }
    }
}

/// Somebody who calls the API.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    headers: Vec<(String, String)>,
}

/// What the API said.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a request that must have gone well.
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        if self.text.is_empty() || self.text.starts_with("%PDF") { Value::Null } else { self.json() }
    }

    /// The code of a refusal, which must be a problem with this status.
    pub(crate) fn refused(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self:?}");
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["type"], format!("/problems/{code}"), "{self:?}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{self:?}");
        code
    }

    /// The field a refusal is about.
    pub(crate) fn wrong_field(&self) -> String {
        assert_eq!(self.refused(422), "invalid");
        let problem = self.json();
        assert_eq!(problem["field"], problem["errors"][0]["field"], "{self:?}");
        problem["field"].as_str().unwrap().to_owned()
    }
}

impl Client {
    /// The same, with another header.
    pub(crate) fn and(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Sends JSON below `/api/v1`.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let kind = body.map(|_| "application/json");
        let text = body.map(Value::to_string).unwrap_or_default();
        self.send_raw(method, &format!("/api/v1{path}"), kind, text).await
    }

    /// Sends anything anywhere.
    pub(crate) async fn send_raw(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(kind) = content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        let peer: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 24).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            // A PDF is not text; that it is one is all that is asked.
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// All rows of a list, page by page.
    pub(crate) async fn walk(&self, list: &str, limit: usize) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{list}?limit={limit}{cursor}")).await.ok();
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= limit, "{page}");
            rows.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// Everything the document tells of, as `(method, path, operation)`; paths are below `/api/v1`.
    pub(crate) async fn operations(&self) -> Vec<(String, String, Value)> {
        let document = self.send_raw("GET", "/api/openapi.json", None, String::new()).await.ok();
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let path = path.strip_prefix("/api/v1").unwrap().to_owned();
                operations.push((method.to_uppercase(), path, operation.clone()));
            }
        }
        operations
    }
}
