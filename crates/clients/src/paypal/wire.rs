//! What the API sends. Only what we read; words PayPal may add to stay strings.

use secrecy::SecretString;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: SecretString,
    /// Seconds.
    pub(super) expires_in: u64,
}

#[derive(Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) links: Vec<Link>,
    #[serde(default)]
    pub(super) purchase_units: Vec<Unit>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
    #[serde(default)]
    pub(super) rel: String,
}

#[derive(Deserialize)]
pub(super) struct Unit {
    #[serde(default)]
    pub(super) payments: Payments,
}

#[derive(Deserialize, Default)]
pub(super) struct Payments {
    #[serde(default)]
    pub(super) captures: Vec<Capture>,
}

#[derive(Deserialize)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: Amount,
}

#[derive(Deserialize)]
pub(super) struct Amount {
    pub(super) currency_code: String,
    pub(super) value: String,
}

/// An error; the OAuth end point has another shape, of which nothing is needed.
#[derive(Deserialize, Default)]
pub(super) struct Problem {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) debug_id: String,
    #[serde(default)]
    pub(super) details: Vec<Detail>,
}

#[derive(Deserialize)]
pub(super) struct Detail {
    #[serde(default)]
    pub(super) issue: String,
    #[serde(default)]
    pub(super) field: String,
}
