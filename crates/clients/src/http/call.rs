//! One request, described before it is sent.

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// What a call leaves behind at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing, or nothing that matters when it happens twice: may be repeated.
    Safe,
    /// A change: sent once, and a lost answer means that it may have happened.
    Change,
}

/// Body of a request.
pub(super) enum Payload {
    Empty,
    Json(String),
    Form(Vec<(&'static str, String)>),
}

/// A request to a vendor.
pub(crate) struct Call {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) payload: Payload,
    pub(super) effect: Effect,
    pub(super) bucket: &'static str,
    pub(super) secret: Option<SecretString>,
}

impl Call {
    /// Reads. The path is given in segments, which are percent-encoded.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, Effect::Safe)
    }

    /// Changes or makes something.
    pub(crate) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path, Effect::Change)
    }

    /// Removes something.
    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path, Effect::Change)
    }

    fn new(method: Method, path: &[&str], effect: Effect) -> Self {
        Self {
            method,
            path: path.iter().map(ToString::to_string).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            payload: Payload::Empty,
            effect,
            bucket: "",
            secret: None,
        }
    }

    /// Adds a query parameter.
    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    /// Sends a JSON body.
    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.payload = Payload::Json(body.to_string());
        self
    }

    /// Sends a JSON body that is written already, byte for byte.
    pub(crate) fn raw_json(mut self, body: String) -> Self {
        self.payload = Payload::Json(body);
        self
    }

    /// Sends a form body.
    pub(crate) fn form(mut self, fields: Vec<(&'static str, String)>) -> Self {
        self.payload = Payload::Form(fields);
        self
    }

    /// Doing this twice is as good as once (asking for a token, registering a key, a request with an
    /// idempotency key): a lost answer may be asked for again.
    pub(crate) fn repeatable(mut self) -> Self {
        self.effect = Effect::Safe;
        self
    }

    /// The path or the body holds a secret, which must stand in no log and no error.
    pub(crate) fn hiding(mut self, secret: &SecretString) -> Self {
        self.secret = Some(secret.clone());
        self
    }

    /// The path as logs may have it.
    pub(super) fn public_path(&self) -> String {
        self.hide(self.path.join("/"))
    }

    /// A text without the secret.
    pub(super) fn hide(&self, text: String) -> String {
        match &self.secret {
            Some(secret) => text.replace(secret.expose_secret(), "…"),
            None => text,
        }
    }

    /// Names the rate limit this call counts against, when the vendor has a separate one for it.
    pub(crate) fn bucket(mut self, bucket: &'static str) -> Self {
        self.bucket = bucket;
        self
    }
}
