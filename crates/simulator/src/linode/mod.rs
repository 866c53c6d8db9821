//! The simulated Linode API v4.
//!
//! In scope: account, profile and SSH keys, the catalogue, instances with power actions, events, tags.
//! Everything else answers Linode's 404.

mod account;
mod catalogue;
mod create;
mod edit;
mod errors;
mod event;
mod filter;
mod instance;
mod keys;
mod page;
mod power;
mod read;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::event::Event;
use self::instance::Instance;
use self::keys::SshKey;
use crate::SimServer;
use crate::core::service::{Call, Reply, Route, World};
use crate::core::{Budget, Core, Refusal, Standing};

/// Linode, with all its simulated accounts.
pub(crate) struct Linode {
    core: Arc<Core>,
    accounts: Accounts,
}

/// By name.
type Accounts = BTreeMap<String, Account>;

/// What one customer of Linode has.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The deleted ones stay, as the truth to compare with.
    instances: BTreeMap<u64, Instance>,
    /// Oldest first.
    events: Vec<Event>,
    keys: BTreeMap<u64, SshKey>,
    /// Tags made by hand; those on instances exist without being listed here.
    tags: BTreeSet<String>,
}

/// An event about to be written.
struct NewEvent {
    action: &'static str,
    secondary: Value,
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    fails: bool,
}

impl NewEvent {
    /// Something that is over at once.
    fn done(action: &'static str, now: DateTime<Utc>) -> Self {
        Self { action, secondary: Value::Null, span: Some((now, now)), fails: false }
    }
}

impl Linode {
    fn account(&mut self, call: &Call) -> &mut Account {
        self.accounts.entry(call.account.clone()).or_default()
    }

    /// The instance a path names, if the account has it.
    fn instance(&mut self, call: &Call) -> Result<&mut Instance, Reply> {
        let found = call.id(0).and_then(|id| self.account(call).instances.get_mut(&id));
        found.filter(|instance| instance.exists()).ok_or_else(errors::not_found)
    }

    /// Writes an event about an instance of the calling account.
    fn record(&mut self, call: &Call, id: u64, new: NewEvent) {
        let event_id = self.core.ids.next("linode.event", 1_100_000_000);
        let account = self.account(call);
        let label = account.instances.get(&id).map(|instance| instance.label.clone()).unwrap_or_default();
        account.events.push(Event {
            id: event_id,
            action: new.action.to_owned(),
            instance: id,
            instance_label: label,
            secondary: new.secondary,
            username: username(&call.account),
            created: call.now,
            span: new.span,
            fails: new.fails,
        });
    }

    /// Events end up to 1.5 s before or after the status they announce: clients see both orders.
    fn lag(&self) -> TimeDelta {
        let milliseconds = self.core.ids.below("linode.lag", 3_001);
        TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or_default() - 1_500)
    }

    /// Every instance ever made.
    pub(crate) fn servers(&self, now: DateTime<Utc>) -> Vec<SimServer> {
        let each = |(name, account): (&String, &Account)| -> Vec<SimServer> {
            account.instances.values().map(|instance| instance.truth(name, now)).collect()
        };
        self.accounts.iter().flat_map(each).collect()
    }
}

/// The simulated accounts have one user each.
fn username(account: &str) -> String {
    format!("{account}-admin")
}

/// Linode's timestamps are UTC without saying so.
fn wire_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

impl World for Linode {
    type State = Accounts;
    const NAME: &'static str = "linode";
    const PREFIXES: &'static [&'static str] = &["/v4beta", "/v4"];
    const ROUTES: &'static [Route<Self>] = &[
        Route::new(Method::GET, "/account", "linode.account", account::account),
        Route::new(Method::GET, "/account/settings", "linode.account", account::settings),
        Route::new(Method::GET, "/account/transfer", "linode.account", account::transfer),
        Route::new(Method::GET, "/account/availability", "linode.availability", account::availability),
        Route::new(Method::GET, "/account/invoices", "linode.invoices", account::nothing),
        Route::new(Method::GET, "/account/payments", "linode.invoices", account::nothing),
        Route::new(Method::GET, "/account/notifications", "linode.notifications", account::nothing),
        Route::new(Method::GET, "/account/maintenance", "linode.notifications", account::nothing),
        Route::new(Method::GET, "/account/events", "linode.events", event::list),
        Route::new(Method::GET, "/account/events/{}", "linode.event", event::get),
        Route::new(Method::GET, "/profile", "linode.profile", account::profile),
        Route::new(Method::GET, "/profile/sshkeys", "linode.keys", keys::list),
        Route::new(Method::POST, "/profile/sshkeys", "linode.key_create", keys::create),
        Route::new(Method::GET, "/profile/sshkeys/{}", "linode.key", keys::get),
        Route::new(Method::PUT, "/profile/sshkeys/{}", "linode.key_update", keys::update),
        Route::new(Method::DELETE, "/profile/sshkeys/{}", "linode.key_delete", keys::delete),
        Route::public(Method::GET, "/regions", "linode.regions", account::regions),
        Route::public(
            Method::GET,
            "/regions/availability",
            "linode.availability",
            account::plan_availability,
        ),
        Route::public(Method::GET, "/regions/{}", "linode.regions", account::region),
        Route::public(Method::GET, "/regions/{}/availability", "linode.availability", account::region_plans),
        Route::public(Method::GET, "/linode/types", "linode.types", account::types),
        Route::public(Method::GET, "/linode/types/{}", "linode.types", account::plan),
        Route::public(Method::GET, "/linode/kernels", "linode.kernels", account::kernels),
        Route::public(Method::GET, "/linode/kernels/{*}", "linode.kernels", account::kernel),
        Route::public(Method::GET, "/images", "linode.images", account::images),
        Route::public(Method::GET, "/images/{*}", "linode.images", account::image),
        Route::public(Method::GET, "/linode/stackscripts", "linode.stackscripts", account::stackscripts),
        Route::public(Method::GET, "/linode/stackscripts/{}", "linode.stackscripts", account::stackscript),
        Route::public(
            Method::GET,
            "/network-transfer/prices",
            "linode.prices",
            account::network_transfer_prices,
        ),
        Route::public(Method::GET, "/volumes/types", "linode.prices", account::volume_types),
        Route::new(Method::GET, "/linode/instances", "linode.list", read::list),
        Route::new(Method::POST, "/linode/instances", "linode.create", create::create),
        Route::new(Method::GET, "/linode/instances/{}", "linode.get", read::get),
        Route::new(Method::PUT, "/linode/instances/{}", "linode.update", edit::update),
        Route::new(Method::DELETE, "/linode/instances/{}", "linode.delete", edit::delete),
        Route::new(Method::POST, "/linode/instances/{}/boot", "linode.action", power::boot),
        Route::new(Method::POST, "/linode/instances/{}/reboot", "linode.action", power::reboot),
        Route::new(Method::POST, "/linode/instances/{}/shutdown", "linode.action", power::shutdown),
        Route::new(Method::GET, "/linode/instances/{}/ips", "linode.ips", read::ips),
        Route::new(Method::GET, "/linode/instances/{}/disks", "linode.disks", read::disks),
        Route::new(Method::GET, "/linode/instances/{}/configs", "linode.configs", read::configs),
        Route::new(Method::GET, "/linode/instances/{}/transfer", "linode.transfer", read::transfer),
        Route::new(Method::GET, "/linode/instances/{}/stats", "linode.stats", read::stats),
        Route::new(Method::GET, "/tags", "linode.tags", tags::list),
        Route::new(Method::POST, "/tags", "linode.tag_create", tags::create),
        Route::new(Method::GET, "/tags/{}", "linode.tags", tags::objects),
        Route::new(Method::DELETE, "/tags/{}", "linode.tag_delete", tags::delete),
    ];

    fn new(core: Arc<Core>, accounts: Accounts) -> Self {
        Self { core, accounts }
    }

    fn state(&self) -> &Accounts {
        &self.accounts
    }

    fn snapshot(&self, now: DateTime<Utc>) -> Value {
        let accounts: BTreeMap<&str, Value> = self
            .accounts
            .iter()
            .map(|(name, account)| {
                let keys: Vec<Value> = account.keys.values().map(SshKey::json).collect();
                let events: Vec<Value> = account.events.iter().map(|event| event.json(now)).collect();
                (name.as_str(), json!({ "keys": keys, "events": events, "tags": account.tags }))
            })
            .collect();
        json!({ "servers": self.servers(now), "accounts": accounts })
    }

    fn unauthorized() -> Reply {
        errors::unauthorized()
    }

    fn not_found() -> Reply {
        errors::not_found()
    }

    fn bad_json() -> Reply {
        errors::general("Invalid JSON")
    }

    fn refuse(refusal: Refusal) -> Reply {
        errors::refuse(refusal)
    }

    /// As recorded in 2025 and 2026: 1840 a minute in general, own budgets for create, images, StackScripts.
    fn budgets(operation: Option<&'static str>) -> Vec<Budget> {
        vec![match operation {
            Some("linode.create") => Budget::new("linode.create", 20, 15),
            Some("linode.images") => Budget::new("linode.images", 20, 60),
            Some("linode.stackscripts") => Budget::new("linode.stackscripts", 60, 60),
            Some("linode.stats") => Budget::new("linode.stats", 50, 60),
            _ => Budget::new("linode.general", 1840, 60),
        }]
    }

    fn rate_headers(standings: &[Standing], headers: &mut HeaderMap) {
        for standing in standings {
            headers.insert("x-ratelimit-limit", HeaderValue::from(standing.limit));
            headers.insert("x-ratelimit-remaining", HeaderValue::from(standing.remaining));
            headers.insert("x-ratelimit-reset", HeaderValue::from(standing.reset));
        }
    }
}
