//! A merchant of the simulated PayPal, and the address where its webhooks arrive.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use serde_json::{Value, json};
use simulator::{Config, Simulator};
use tokio::net::TcpListener;

use super::{Answer, read};

/// What arrived, oldest first.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    headers: HeaderMap,
    raw: Bytes,
}

impl Arrival {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    pub(crate) fn id(&self) -> String {
        self.body()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn event_type(&self) -> String {
        self.body()["event_type"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// As the online check wants it, with the bytes of the event as they came.
    pub(crate) fn verification(&self, webhook: &str) -> String {
        let header = |name| json!(self.header(name));
        let fields = json!({
            "auth_algo": header("paypal-auth-algo"),
            "cert_url": header("paypal-cert-url"),
            "transmission_id": header("paypal-transmission-id"),
            "transmission_sig": header("paypal-transmission-sig"),
            "transmission_time": header("paypal-transmission-time"),
            "webhook_id": webhook,
        });
        let fields = fields.to_string();
        let event = std::str::from_utf8(&self.raw).unwrap();
        format!(r#"{},"webhook_event":{event}}}"#, fields.strip_suffix('}').unwrap())
    }
}

#[derive(Default)]
struct Inbox {
    arrivals: Vec<Arrival>,
    /// What the next arrivals are answered; 200 afterwards.
    answers: Vec<StatusCode>,
}

/// A simulator with frozen time, a merchant, and the merchant's listener.
pub(crate) struct Merchant {
    pub(crate) simulator: Simulator,
    client: reqwest::Client,
    token: String,
    inbox: Arc<Mutex<Inbox>>,
    orders: AtomicU32,
    /// Where webhooks arrive.
    pub(crate) address: String,
}

impl Merchant {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        // an error means that another test of this process has installed it
        let _ = rustls::crypto::ring::default_provider().install_default();
        let simulator = Simulator::start(config).await.unwrap();
        simulator.freeze(true);
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(take)).with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let client = reqwest::Client::new();
        let request = client.post(format!("{}/v1/oauth2/token", simulator.paypal_url()));
        let request = request.basic_auth("acme-client", Some("secret"));
        let answer = read(request.form(&[("grant_type", "client_credentials")])).await;
        let token = answer.body["access_token"].as_str().unwrap().to_owned();
        Self { simulator, client, token, inbox, orders: AtomicU32::default(), address }
    }

    /// The simulator ends and begins again, on the same port.
    pub(crate) async fn restarted(self, state_file: &Path) -> Self {
        let paypal = self.simulator.paypal;
        self.simulator.stop().await;
        let config = Config { paypal, state_file: Some(state_file.to_owned()), ..Config::default() };
        let simulator = Simulator::start(config).await.unwrap();
        simulator.freeze(true);
        Self { simulator, client: reqwest::Client::new(), ..self }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.simulator.paypal_url());
        let request = self.client.request(method, url).bearer_auth(&self.token);
        request.header("prefer", "return=representation")
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        read(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.body);
        answer.body
    }

    /// A call that works.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert!((200..300).contains(&answer.status), "{path} {} {}", answer.status, answer.body);
        answer.body
    }

    /// What payers, banks and PayPal do by themselves.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        self.post(&format!("/_sim/paypal/{path}"), body).await
    }

    /// Subscribes the listener; answers the id of the subscription.
    pub(crate) async fn subscribe(&self, event_types: &[&str]) -> String {
        let names: Vec<Value> = event_types.iter().map(|name| json!({ "name": name })).collect();
        let body = json!({ "url": self.address, "event_types": names });
        self.post("/v1/notifications/webhooks", body).await["id"].as_str().unwrap().to_owned()
    }

    /// An order of 25.00 USD that waits for the payer.
    pub(crate) async fn order(&self) -> String {
        let amount = json!({ "currency_code": "USD", "value": "25.00" });
        let reference = format!("top-up-{}", 1 + self.orders.fetch_add(1, Ordering::Relaxed));
        let units = json!([{ "amount": amount, "custom_id": reference, "invoice_id": reference }]);
        let order = json!({ "intent": "CAPTURE", "purchase_units": units });
        self.post("/v2/checkout/orders", order).await["id"].as_str().unwrap().to_owned()
    }

    /// A capture of 25.00 USD that the payer approved in this way.
    pub(crate) async fn captured(&self, how: Value) -> String {
        let order = self.order().await;
        self.control(&format!("orders/{order}/approve"), how).await;
        let paid = self.post(&format!("/v2/checkout/orders/{order}/capture"), json!({})).await;
        paid["purchase_units"][0]["payments"]["captures"][0]["id"].as_str().unwrap().to_owned()
    }

    /// The next arrivals are answered with these.
    pub(crate) fn answers(&self, statuses: &[u16]) {
        self.inbox.lock().unwrap().answers =
            statuses.iter().rev().map(|status| StatusCode::from_u16(*status).unwrap()).collect();
    }

    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.inbox.lock().unwrap().arrivals.clone()
    }

    /// Waits until so many have arrived.
    pub(crate) async fn arrived(&self, count: usize) -> Vec<Arrival> {
        self.until(|| self.arrivals().len() >= count, || format!("{} of {count}", self.types().join(", ")))
            .await;
        self.arrivals()
    }

    /// Waits until so many attempts to deliver are over.
    pub(crate) async fn attempted(&self, count: usize) {
        let over = || self.simulator.webhook_deliveries().len();
        self.until(|| over() >= count, || format!("{} of {count} attempts", over())).await;
    }

    /// Waits until nothing is left to deliver.
    pub(crate) async fn delivered(&self) -> Vec<Arrival> {
        let left = || self.simulator.undelivered_webhooks();
        self.until(|| left() == 0, || format!("{} left", left())).await;
        self.arrivals()
    }

    /// The types of what has arrived.
    pub(crate) fn types(&self) -> Vec<String> {
        self.arrivals().iter().map(Arrival::event_type).collect()
    }

    /// Long, because a busy machine takes its time for the first key.
    async fn until(&self, condition: impl Fn() -> bool, complaint: impl Fn() -> String) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", complaint());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What PayPal's own check says.
    pub(crate) async fn verified_online(&self, arrival: &Arrival, webhook: &str) -> String {
        let url = format!("{}/v1/notifications/verify-webhook-signature", self.simulator.paypal_url());
        let request =
            self.client.post(url).bearer_auth(&self.token).header("content-type", "application/json");
        let answer = read(request.body(arrival.verification(webhook))).await;
        answer.body["verification_status"].as_str().unwrap().to_owned()
    }

    /// The check that needs nobody but the root: chain, validity, signature.
    pub(crate) async fn verified_offline(
        &self,
        arrival: &Arrival,
        webhook: &str,
    ) -> Result<(), webpki::Error> {
        let response = self.client.get(arrival.header("paypal-cert-url")).send().await.unwrap();
        let chain = response.text().await.unwrap();
        let chain: Vec<CertificateDer<'_>> =
            CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
        let root = self.simulator.webhook_root().unwrap();
        let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
        let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let certificate = webpki::EndEntityCert::try_from(&chain[0])?;
        certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &chain[1..],
            UnixTime::now(),
            webpki::KeyUsage::server_auth(),
            None,
            None,
        )?;
        let message = format!(
            "{}|{}|{webhook}|{}",
            arrival.header("paypal-transmission-id"),
            arrival.header("paypal-transmission-time"),
            crc32fast::hash(&arrival.raw),
        );
        let signature = STANDARD.decode(arrival.header("paypal-transmission-sig")).unwrap();
        let algorithm = webpki::ring::RSA_PKCS1_2048_8192_SHA256;
        certificate.verify_signature(algorithm, message.as_bytes(), &signature)
    }
}

async fn take(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let mut inbox = inbox.lock().unwrap();
    inbox.arrivals.push(Arrival { at: Instant::now(), headers, raw });
    inbox.answers.pop().unwrap_or(StatusCode::OK)
}
