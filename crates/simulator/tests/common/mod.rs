//! A frozen simulator and a client that speaks JSON.

#![allow(dead_code, reason = "every test file uses its own part of this")]

pub(crate) mod listener;

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use simulator::{Config, Simulator};

/// A simulator whose time moves by [`Cloud::wait`] only.
pub(crate) struct Cloud {
    pub(crate) simulator: Simulator,
    client: reqwest::Client,
    base: String,
    token: &'static str,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Cloud {
    pub(crate) async fn linode() -> Self {
        Self::start(Config::default(), |simulator| format!("{}/v4", simulator.linode_url())).await
    }

    pub(crate) async fn digitalocean() -> Self {
        Self::start(Config::default(), |simulator| format!("{}/v2", simulator.digitalocean_url())).await
    }

    pub(crate) async fn start(config: Config, base: fn(&Simulator) -> String) -> Self {
        // an error means that another test of this process has installed it
        let _ = rustls::crypto::ring::default_provider().install_default();
        let simulator = Simulator::start(config).await.unwrap();
        simulator.freeze(true);
        let base = base(&simulator);
        Self { simulator, client: reqwest::Client::new(), base, token: "acme-1" }
    }

    pub(crate) fn with_token(mut self, token: &'static str) -> Self {
        self.token = token;
        self
    }

    /// Lets virtual time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.simulator.step(TimeDelta::seconds(seconds));
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        read(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        read(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        read(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn filtered(&self, path: &str, filter: Value) -> Answer {
        read(self.request(Method::GET, path).header("x-filter", filter.to_string())).await
    }

    /// The body of a Linode create that is accepted.
    pub(crate) fn linode_order(label: &str) -> Value {
        json!({
            "type": "g6-nanode-1", "region": "us-east", "image": "linode/debian13", "label": label,
            "root_pass": "Correct-Horse-7", "tags": ["skyp", format!("req-{label}")],
        })
    }

    /// The body of a droplet create that is accepted.
    pub(crate) fn droplet_order(name: &str) -> Value {
        json!({
            "name": name, "region": "nyc3", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "ipv6": true,
            "tags": ["skyp", format!("req:{name}")],
        })
    }
}

pub(crate) async fn read(request: RequestBuilder) -> Answer {
    decode(request.send().await.unwrap()).await
}

async fn decode(response: Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body, headers }
}

impl Answer {
    /// The one message of a Linode error.
    pub(crate) fn linode_error(&self) -> (Option<&str>, &str) {
        let error = &self.body["errors"][0];
        (error["field"].as_str(), error["reason"].as_str().unwrap_or_default())
    }
}
