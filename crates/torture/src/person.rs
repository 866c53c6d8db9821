//! An organization's people, doing what the history says, and remembering what they were promised.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Answer, Client, NoAnswer};
use crate::history::{History, Organization, Payer, Step};
use crate::hours;
use crate::listener::Listener;
use crate::world::World;
use testkit::Random;

/// What an organization was told, to be held against the books.
#[derive(Default)]
pub(crate) struct Promises {
    /// Name and id of each VPS whose order was accepted.
    pub(crate) ordered: BTreeMap<String, String>,
    /// Ids of VPSs whose delete was accepted.
    pub(crate) deleted: Vec<String>,
    /// Ids of top-ups that were begun.
    pub(crate) begun: Vec<String>,
    /// What was given, by the reason that was said; once each.
    pub(crate) given: Vec<String>,
    /// What was corrected, by the reason that was said; once each.
    pub(crate) adjusted: Vec<String>,
    /// What should not have been answered.
    pub(crate) wrong: Vec<String>,
}

/// An organization after its history.
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) promises: Promises,
    pub(crate) listener: Option<Listener>,
}

/// What everybody in an organization shares.
pub(crate) struct Shared<'a> {
    pub(crate) world: &'a World,
    history: &'a History,
    client: Client,
    ssh_key: String,
    organization: &'a Organization,
    promises: Mutex<Promises>,
    /// Our id and the gateway's of each payment that was begun, by the step's word for it.
    payments: Mutex<BTreeMap<String, (String, String)>>,
}

/// Plays an organization's part, at most `until`.
pub(crate) async fn play(
    world: &World,
    history: &History,
    organization: &Organization,
    until: Instant,
) -> Outcome {
    let mut random =
        Random::new(history.seed ^ u64::from(organization.name.bytes().map(u32::from).sum::<u32>()));
    let mut client = Client::new(&world.http, &world.addresses, &mut random, until);
    let name = organization.name.clone();
    if client.sign_up(&mut random, &name).await.is_err() {
        return Outcome { name, promises: Promises::default(), listener: None };
    }
    if billing_details(&client, &mut random, organization).await.is_err() {
        return Outcome { name, promises: Promises::default(), listener: None };
    }
    let session = client.session().unwrap_or_default().to_owned();
    let listener = Some(Listener::open(world, session));
    let Ok(ssh_key) = ssh_key(&client, &mut random).await else {
        return Outcome { name, promises: Promises::default(), listener };
    };
    let (promises, payments) = (Mutex::default(), Mutex::default());
    let shared = Shared { world, history, client, ssh_key, organization, promises, payments };
    drop(shared.top_up(&mut random, "first", organization.first_top_up, Payer::Pays, 1).await);
    let people = organization.people.iter().enumerate().map(|(number, steps)| {
        let (shared, mut random) = (&shared, random.fork());
        async move { drop(shared.live(&mut random, number, steps).await) }
    });
    join_all(people).await;
    let promises = shared.promises.into_inner().unwrap_or_else(PoisonError::into_inner);
    Outcome { name, promises, listener }
}

/// Fills in where the organization is: nobody pays before it is known which tax is due.
async fn billing_details(
    client: &Client,
    random: &mut Random,
    organization: &Organization,
) -> Result<(), NoAnswer> {
    let Organization { name, country, .. } = organization;
    let details = [("name", name.as_str()), ("address", "Hauptstr. 1"), ("country", country)];
    while client.form(random, "/billing/details", &details).await?.status != 303 {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Adds the key; it is there already when an answer was lost.
async fn ssh_key(client: &Client, random: &mut Random) -> Result<String, NoAnswer> {
    let key = json!({ "name": "laptop", "public_key": testkit::PUBLIC_KEY });
    loop {
        client.call(random, Method::POST, "/ssh-keys", Some(&key), None).await?;
        let list = client.call(random, Method::GET, "/ssh-keys", None, None).await?;
        if let Some(id) = list.body["data"][0]["id"].as_str() {
            return Ok(id.to_owned());
        }
    }
}

impl Shared<'_> {
    /// One person's steps.
    async fn live(&self, random: &mut Random, person: usize, steps: &[Step]) -> Result<(), NoAnswer> {
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::TopUp { amount, payer, returns } => {
                    self.top_up(random, &format!("{person}-{number}"), *amount, *payer, *returns).await?;
                }
                Step::Create { name, plan, copies } => self.create(random, name, plan, *copies).await?,
                Step::Await { name } => self.made(random, name).await?,
                Step::Power { name, action, copies } => self.power(random, name, action, *copies).await?,
                Step::Delete { name, copies } => self.delete(random, name, *copies).await?,
                Step::Hours(hours) => {
                    // The last one on its own: after hours that were asked of the rule it is a flat one.
                    for hours in [*hours, 1] {
                        hours::pass(self.world, &self.organization.name, hours).await;
                        // Until the next billing run.
                        sleep(Duration::from_millis(1_100)).await;
                    }
                }
                Step::Pause(milliseconds) => sleep(Duration::from_millis(*milliseconds)).await,
                Step::Deed(deed) => {
                    let word = format!("{}-{person}-{number}", self.organization.name);
                    self.deed(random, &word, deed).await?;
                }
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        random: &mut Random,
        name: &str,
        plan: &str,
        copies: usize,
    ) -> Result<(), NoAnswer> {
        let order = json!({ "name": name, "plan": plan, "region": testkit::REGION, "image": testkit::IMAGE,
            "ssh_keys": [self.ssh_key] });
        let key = format!("create-{name}");
        let answers = self.several(random, copies, Method::POST, "/vps", Some(&order), Some(&key)).await?;
        for answer in self.expect(answers, &[201, 402, 409]) {
            let Some(id) = answer.text("id") else { continue };
            let other = self.promises().ordered.insert(name.to_owned(), id.clone()).filter(|o| *o != id);
            if let Some(other) = other {
                self.wrong(format!("one order of {name} made two VPSs: {other} and {id}"));
            }
        }
        Ok(())
    }

    async fn made(&self, random: &mut Random, name: &str) -> Result<(), NoAnswer> {
        let Some(id) = self.vps(name) else { return Ok(()) };
        self.until(random, &format!("/vps/{id}"), |status| status != "provisioning").await.map(drop)
    }

    async fn power(
        &self,
        random: &mut Random,
        name: &str,
        action: &str,
        copies: usize,
    ) -> Result<(), NoAnswer> {
        let Some(id) = self.vps(name) else { return Ok(()) };
        let (path, body) = (format!("/vps/{id}/actions"), json!({ "type": action }));
        let answers = self.several(random, copies, Method::POST, &path, Some(&body), None).await?;
        self.expect(answers, &[202, 409]);
        Ok(())
    }

    async fn delete(&self, random: &mut Random, name: &str, copies: usize) -> Result<(), NoAnswer> {
        let Some(id) = self.vps(name) else { return Ok(()) };
        let path = format!("/vps/{id}");
        let answers = self.several(random, copies, Method::DELETE, &path, None, None).await?;
        if self.expect(answers, &[202, 409]).iter().any(Answer::is_success) {
            self.promises().deleted.push(id);
        }
        Ok(())
    }

    /// Looks at something until its status is as wanted, for five seconds at most.
    pub(crate) async fn until(
        &self,
        random: &mut Random,
        path: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Answer>, NoAnswer> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            let answer = self.client.call(random, Method::GET, path, None, None).await?;
            if answer.body["status"].as_str().is_some_and(&wanted) {
                return Ok(Some(answer));
            }
            sleep(Duration::from_millis(60)).await;
        }
        Ok(None)
    }

    /// The same request several times at once.
    pub(crate) async fn several(
        &self,
        random: &mut Random,
        copies: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Vec<Answer>, NoAnswer> {
        let calls = (0..copies).map(|_| {
            let (mut random, method) = (random.fork(), method.clone());
            async move { self.client.call(&mut random, method, path, body, key).await }
        });
        join_all(calls).await.into_iter().collect()
    }

    /// Notes answers that should not be, and gives the others.
    pub(crate) fn expect(&self, answers: Vec<Answer>, statuses: &[u16]) -> Vec<Answer> {
        let (right, wrong): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| statuses.contains(&answer.status));
        for answer in wrong {
            if !(answer.status >= 500 && self.history.excuses_failures()) {
                self.wrong(format!("answered {}: {}", answer.status, answer.body));
            }
        }
        right
    }

    fn vps(&self, name: &str) -> Option<String> {
        self.promises().ordered.get(name).cloned()
    }

    fn wrong(&self, what: String) {
        self.promises().wrong.push(what);
    }

    pub(crate) fn payments(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (String, String)>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.history.seed
    }

    pub(crate) fn until_when(&self) -> Instant {
        self.client.until()
    }

    /// The organization's id.
    pub(crate) async fn organization_id(&self) -> String {
        let email = format!("{}@example.com", self.organization.name);
        let asked = format!("select organization_id::text from users where email = '{email}'");
        self.world.look_up(&asked).await.unwrap_or_default()
    }

    pub(crate) fn promises(&self) -> std::sync::MutexGuard<'_, Promises> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
