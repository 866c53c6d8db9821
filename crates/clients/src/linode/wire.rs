//! What the API sends. Only what we read; words the vendor may add to stay strings.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    pub(super) pages: u64,
}

#[derive(Deserialize)]
pub(super) struct Errors {
    pub(super) errors: Vec<Reason>,
}

#[derive(Deserialize)]
pub(super) struct Reason {
    pub(super) field: Option<String>,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) euuid: String,
    #[serde(default)]
    pub(super) company: String,
    #[serde(default)]
    pub(super) email: String,
}

#[derive(Deserialize)]
pub(super) struct Instance {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) status: String,
    /// UTC without offset.
    pub(super) created: String,
    #[serde(rename = "type")]
    pub(super) size: Option<String>,
    pub(super) region: Option<String>,
    #[serde(default)]
    pub(super) ipv4: Vec<String>,
    /// With prefix length.
    pub(super) ipv6: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) action: String,
    pub(super) status: String,
    pub(super) entity: Option<Entity>,
}

#[derive(Deserialize)]
pub(super) struct Entity {
    /// A number for instances, a text for other things.
    pub(super) id: Option<serde_json::Value>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Region {
    pub(super) id: String,
    pub(super) label: Option<String>,
    #[serde(default)]
    pub(super) country: String,
    #[serde(default)]
    pub(super) capabilities: Vec<String>,
    #[serde(default)]
    pub(super) status: String,
    pub(super) site_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Type {
    pub(super) id: String,
    #[serde(default)]
    pub(super) class: String,
    pub(super) price: Price,
    #[serde(default)]
    pub(super) region_prices: Vec<RegionPrice>,
    /// MB, which are MiB.
    pub(super) memory: i64,
    /// MB, which are MiB.
    pub(super) disk: i64,
    /// GB a month.
    pub(super) transfer: i64,
    pub(super) vcpus: i64,
    #[serde(default)]
    pub(super) gpus: i64,
}

#[derive(Deserialize)]
pub(super) struct Price {
    pub(super) hourly: Box<RawValue>,
    pub(super) monthly: Box<RawValue>,
}

#[derive(Deserialize)]
pub(super) struct RegionPrice {
    pub(super) id: String,
    pub(super) hourly: Box<RawValue>,
    pub(super) monthly: Box<RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Availability {
    pub(super) region: String,
    pub(super) plan: String,
    pub(super) available: bool,
}

#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) id: String,
    #[serde(default)]
    pub(super) deprecated: bool,
    /// MB.
    #[serde(default)]
    pub(super) size: i64,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) is_public: bool,
    #[serde(default)]
    pub(super) capabilities: Vec<String>,
}
