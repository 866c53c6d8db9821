//! The clouds outlive their process when they have a state file.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use common::read;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Config, Fault, FaultKind, Simulator};

/// A folder of one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("restart-{test}-{}", std::process::id());
        let folder = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn start(path: &Path, speed: f64) -> Simulator {
    // an error means that another test of this process has installed it
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config { state_file: Some(path.to_owned()), speed, ..Config::default() };
    Simulator::start(config).await.unwrap()
}

/// Waits until the file that a kill would leave behind contains `text`.
async fn saved(path: &Path, text: &str) {
    let begun = Instant::now();
    while !fs::read_to_string(path).unwrap().contains(text) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{text} was not saved");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn ask(token: &str, method: Method, url: String, body: &Value) -> (u16, Value) {
    let answer = read(reqwest::Client::new().request(method, url).bearer_auth(token).json(body)).await;
    (answer.status, answer.body)
}

async fn post(token: &str, url: String, body: Value) -> Value {
    let (status, answer) = ask(token, Method::POST, url, &body).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    answer
}

async fn get(token: &str, url: String) -> Value {
    ask(token, Method::GET, url, &Value::Null).await.1
}

async fn linode(simulator: &Simulator, label: &str) -> u64 {
    let url = format!("{}/v4/linode/instances", simulator.linode_url());
    post("acme-1", url, common::Cloud::linode_order(label)).await["id"].as_u64().unwrap()
}

async fn droplet(simulator: &Simulator, name: &str) -> u64 {
    let url = format!("{}/v2/droplets", simulator.digitalocean_url());
    post("acme-1", url, common::Cloud::droplet_order(name)).await["droplet"]["id"].as_u64().unwrap()
}

async fn paypal_token(simulator: &Simulator) -> String {
    let url = format!("{}/v1/oauth2/token", simulator.paypal_url());
    let request = reqwest::Client::new().post(url).basic_auth("acme-client", Some("secret"));
    let answer = read(request.form(&[("grant_type", "client_credentials")])).await;
    answer.body["access_token"].as_str().unwrap().to_owned()
}

/// An order of 25.00 USD; the same request id answers the same order.
async fn order(simulator: &Simulator, token: &str, request_id: &str) -> String {
    let amount = json!({ "currency_code": "USD", "value": "25.00" });
    let body =
        json!({ "intent": "CAPTURE", "purchase_units": [{ "amount": amount, "custom_id": "top-up-1" }] });
    let url = format!("{}/v2/checkout/orders", simulator.paypal_url());
    let request = reqwest::Client::new().post(url).bearer_auth(token).header("paypal-request-id", request_id);
    read(request.json(&body)).await.body["id"].as_str().unwrap().to_owned()
}

/// `status` of every server by id.
fn statuses(simulator: &Simulator) -> Vec<(u64, String)> {
    simulator.servers().into_iter().map(|server| (server.id, server.status)).collect()
}

#[tokio::test]
async fn everything_goes_on_after_a_kill() {
    let folder = Folder::new("kill");
    let path = folder.file("clouds.json");
    let first = start(&path, 1.0).await;
    first.freeze(true);
    first.inject(Fault::new("*.action", FaultKind::Stuck).once());
    let (old, web) = (linode(&first, "old-1").await, droplet(&first, "web-1").await);
    first.step(TimeDelta::seconds(70));
    let stuck = format!("{}/v4/linode/instances/{old}/shutdown", first.linode_url());
    post("acme-1", stuck, Value::Null).await;
    let new = linode(&first, "new-1").await;
    let public_key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@host";
    let keys = |simulator: &Simulator| format!("{}/v2/account/keys", simulator.digitalocean_url());
    let key = post("acme-1", keys(&first), json!({ "name": "mine", "public_key": public_key })).await;
    let token = paypal_token(&first).await;
    let (paid, open) = (order(&first, &token, "req-1").await, order(&first, &token, "req-2").await);
    // a plain client that follows the link approves by it, with a GET
    reqwest::get(format!("{}/checkoutnow?token={paid}", first.paypal_url())).await.unwrap();
    let capture =
        |simulator: &Simulator| format!("{}/v2/checkout/orders/{paid}/capture", simulator.paypal_url());
    post(&token, capture(&first), json!({})).await;
    first.step(TimeDelta::seconds(10));
    let moment = first.now();
    let (servers, orders) = (first.servers(), first.orders());
    let events = get("acme-1", format!("{}/v4/account/events", first.linode_url())).await;
    // what is saved with this time is all that happened before
    saved(&path, &moment.format("%FT%T%.6f").to_string()).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(first);

    let second = start(&path, 1.0).await;
    second.freeze(true);
    let later = second.now() - moment;
    assert!((TimeDelta::zero()..TimeDelta::seconds(20)).contains(&later), "{later}");
    assert_eq!(second.servers(), servers);
    assert_eq!(second.orders(), orders);
    assert_eq!(
        (orders[0].status.as_str(), orders[0].captures[0].status.as_str()),
        ("COMPLETED", "COMPLETED")
    );
    assert_eq!(
        get("acme-1", format!("{}/v4/account/events", second.linode_url())).await["results"],
        events["results"]
    );
    assert_eq!(get("acme-1", keys(&second)).await["ssh_keys"][0], key["ssh_key"]);
    let tagged = get("acme-1", format!("{}/v2/droplets?tag_name=req:web-1", second.digitalocean_url())).await;
    assert_eq!(tagged["droplets"][0]["id"], web);
    assert_eq!(order(&second, &token, "req-2").await, open, "tokens and request ids are remembered");

    let state = |id, status: &str| (id, status.to_owned());
    assert_eq!(
        statuses(&second),
        [state(old, "shutting_down"), state(new, "provisioning"), state(web, "active")]
    );
    second.step(TimeDelta::seconds(70));
    assert_eq!(statuses(&second), [state(old, "shutting_down"), state(new, "running"), state(web, "active")]);
    second.stop().await;
}

#[tokio::test]
async fn every_change_is_saved_without_being_asked() {
    let folder = Folder::new("changes");
    let path = folder.file("clouds.json");
    let simulator = start(&path, 1.0).await;
    let token = paypal_token(&simulator).await;
    saved(&path, &token).await;
    linode(&simulator, "one-1").await;
    saved(&path, "one-1").await;
    let [plain, pending] = [order(&simulator, &token, "a").await, order(&simulator, &token, "b").await];
    saved(&path, &pending).await;
    reqwest::get(format!("{}/checkoutnow?token={plain}", simulator.paypal_url())).await.unwrap();
    saved(&path, r#""instrument":"Balance""#).await;
    let approve = format!("{}/_sim/paypal/orders/{pending}/approve", simulator.paypal_url());
    post("", approve, json!({ "pending": true })).await;
    saved(&path, r#""instrument":"ECheck""#).await;
    simulator.reset();
    saved(&path, r#""orders":{}"#).await;
}

#[tokio::test]
async fn no_id_is_given_twice_even_if_what_carried_it_was_lost() {
    let folder = Folder::new("ids");
    let path = folder.file("clouds.json");
    let first = start(&path, 1.0).await;
    let token = paypal_token(&first).await;
    let mut servers = vec![linode(&first, "zero-0").await];
    let mut orders = vec![order(&first, &token, "zero-0").await];
    first.stop().await;
    for _ in 0..4 {
        let simulator = start(&path, 1.0).await;
        let at_start = fs::read(&path).unwrap();
        let token = paypal_token(&simulator).await;
        for request in ["one-1", "two-2", "three-3"] {
            servers.push(linode(&simulator, request).await);
            servers.push(droplet(&simulator, request).await);
            orders.push(order(&simulator, &token, request).await);
        }
        drop(simulator);
        // as after a kill before anything could be saved
        fs::write(&path, at_start).unwrap();
    }
    let (servers, orders) = (BTreeSet::from_iter(servers), BTreeSet::from_iter(orders));
    assert_eq!((servers.len(), orders.len()), (25, 13));
}

#[tokio::test]
async fn virtual_time_never_goes_back() {
    let folder = Folder::new("clock");
    let path = folder.file("clouds.json");
    let first = start(&path, 1e5).await;
    let begun = first.now();
    while first.now() - begun < TimeDelta::hours(1) {
        tokio::task::yield_now().await;
    }
    let moment = first.now();
    drop(first);
    let second = start(&path, 1.0).await;
    assert!(second.now() >= moment, "nothing has changed, so the clock was saved at the start only");
    second.step(TimeDelta::days(400));
    let moment = second.now();
    second.stop().await;
    let third = start(&path, 1.0).await;
    let later = third.now() - moment;
    assert!((TimeDelta::zero()..TimeDelta::seconds(60)).contains(&later), "{later}");
}

#[tokio::test]
async fn stopping_saves_the_last_changes() {
    let folder = Folder::new("stop");
    let path = folder.file("clouds.json");
    let first = start(&path, 1.0).await;
    let ids = [linode(&first, "one-1").await, linode(&first, "two-2").await, linode(&first, "three-3").await];
    first.stop().await;
    let second = start(&path, 1.0).await;
    assert_eq!(second.servers().iter().map(|server| server.id).collect::<Vec<_>>(), ids);
    second.reset();
    second.stop().await;
    assert!(start(&path, 1.0).await.servers().is_empty());
}

/// A demo of an earlier version goes on, with an empty inbox.
#[tokio::test]
async fn a_file_from_before_there_was_mail_is_taken_up() {
    let folder = Folder::new("mailless");
    let path = folder.file("clouds.json");
    let first = start(&path, 1.0).await;
    let id = linode(&first, "one-1").await;
    first.stop().await;
    let saved = fs::read_to_string(&path).unwrap();
    let older = saved.replacen(r#""mail":"#, r#""other":"#, 1);
    assert_ne!(older, saved);
    fs::write(&path, older).unwrap();
    let second = start(&path, 1.0).await;
    assert_eq!((second.servers()[0].id, second.mails()), (id, vec![]));
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside() {
    let folder = Folder::new("broken");
    let path = folder.file("clouds.json");
    let aside = folder.file("clouds.json.bad");
    let first = start(&path, 1.0).await;
    let id = linode(&first, "one-1").await;
    first.stop().await;
    let good = fs::read_to_string(&path).unwrap();
    let older = good.replacen(r#""format":1"#, r#""format":0"#, 1);
    // two clouds can be read, but a part of the state is none
    let partial = good.replacen(r#""paypal":"#, r#""other":"#, 1);
    let gone = good.replace("g6-nanode-1", "g0-forgotten-1");
    let cut = good[..good.len() / 2].to_owned();
    for broken in [older, partial, gone, cut, String::new()] {
        assert_ne!(broken, good);
        fs::write(&path, &broken).unwrap();
        let simulator = start(&path, 1.0).await;
        assert!(simulator.servers().is_empty());
        assert_eq!(fs::read_to_string(&aside).unwrap(), broken);
        droplet(&simulator, "web-1").await;
        simulator.stop().await;
        assert_eq!(start(&path, 1.0).await.servers().len(), 1);
    }
    fs::write(&path, good).unwrap();
    assert_eq!(start(&path, 1.0).await.servers()[0].id, id);
}

#[tokio::test]
async fn a_state_file_that_cannot_be_written_is_an_error() {
    let folder = Folder::new("nowhere");
    let path = folder.file("missing/clouds.json");
    assert!(Simulator::start(Config { state_file: Some(path), ..Config::default() }).await.is_err());
}
