//! What the API sends. Only what we read; words the vendor may add to stay strings.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a listing.
pub(super) trait Listing {
    type Item;
    fn has_next(&self) -> bool;
    fn items(self) -> Vec<Self::Item>;
}

macro_rules! listings {
    ($($name:ident { $field:ident: $item:ty }),+ $(,)?) => {$(
        #[derive(Deserialize)]
        pub(super) struct $name {
            $field: Vec<$item>,
            #[serde(default)]
            links: Links,
        }
        impl Listing for $name {
            type Item = $item;
            fn has_next(&self) -> bool {
                self.links.pages.as_ref().is_some_and(|pages| pages.next.is_some())
            }
            fn items(self) -> Vec<$item> {
                self.$field
            }
        }
    )+};
}

listings! {
    Droplets { droplets: Droplet },
    Actions { actions: Action },
    Regions { regions: Box<RawValue> },
    Sizes { sizes: Box<RawValue> },
    Images { images: Box<RawValue> },
}

#[derive(Deserialize, Default)]
struct Links {
    pages: Option<Pages>,
}

#[derive(Deserialize)]
struct Pages {
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Problem {
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct AccountAnswer {
    pub(super) account: Account,
}

#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) uuid: String,
    #[serde(default)]
    pub(super) email: String,
    pub(super) team: Option<Team>,
}

#[derive(Deserialize)]
pub(super) struct Team {
    #[serde(default)]
    pub(super) uuid: String,
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct DropletAnswer {
    pub(super) droplet: Droplet,
}

#[derive(Deserialize)]
pub(super) struct Droplet {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) size_slug: String,
    pub(super) region: Option<DropletRegion>,
    /// Empty until the create action has completed.
    #[serde(default)]
    pub(super) networks: Networks,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct DropletRegion {
    #[serde(default)]
    pub(super) slug: String,
}

#[derive(Deserialize, Default)]
pub(super) struct Networks {
    #[serde(default)]
    pub(super) v4: Vec<Network>,
    #[serde(default)]
    pub(super) v6: Vec<Network>,
}

#[derive(Deserialize)]
pub(super) struct Network {
    #[serde(default)]
    pub(super) ip_address: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) status: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct Region {
    pub(super) slug: String,
    #[serde(default)]
    pub(super) available: bool,
}

#[derive(Deserialize)]
pub(super) struct Size {
    pub(super) slug: String,
    /// MB, which are MiB.
    pub(super) memory: i64,
    pub(super) vcpus: i64,
    /// GB, which are GiB.
    pub(super) disk: i64,
    /// TB a month, with a fraction.
    pub(super) transfer: Box<RawValue>,
    pub(super) price_monthly: Box<RawValue>,
    pub(super) price_hourly: Box<RawValue>,
    #[serde(default)]
    pub(super) regions: Vec<String>,
    #[serde(default)]
    pub(super) available: bool,
    #[serde(default)]
    pub(super) gpu_info: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Image {
    /// Gone once an image is retired.
    pub(super) slug: Option<String>,
    #[serde(default)]
    pub(super) status: String,
    /// GB.
    #[serde(default)]
    pub(super) min_disk_size: i32,
}
