//! The simulated DigitalOcean API v2.
//!
//! In scope: account and billing reads, the catalogue, SSH keys, tags, droplets with power actions, actions.
//! Everything else answers DigitalOcean's 404.

mod account;
mod action;
mod catalogue;
mod create;
mod droplet;
mod errors;
mod keys;
mod page;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::action::Action;
use self::droplet::Droplet;
use self::keys::SshKey;
use crate::SimServer;
use crate::core::service::{Call, Reply, Route, World};
use crate::core::{Budget, Core, Refusal, Standing};

/// Droplets an account may have.
const DROPLET_LIMIT: usize = 1_000;

/// DigitalOcean, with all its simulated accounts.
pub(crate) struct DigitalOcean {
    core: Arc<Core>,
    accounts: Accounts,
}

/// By name.
type Accounts = BTreeMap<String, Account>;

/// What one team has.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The deleted ones stay, as the truth to compare with.
    droplets: BTreeMap<u64, Droplet>,
    /// Oldest first.
    actions: Vec<Action>,
    keys: BTreeMap<u64, SshKey>,
    tags: BTreeSet<String>,
}

impl Account {
    fn existing(&self) -> impl Iterator<Item = &Droplet> {
        self.droplets.values().filter(|droplet| droplet.exists())
    }

    /// Whether an action is in progress on the droplet.
    fn is_pending(&self, droplet: u64, now: DateTime<Utc>) -> bool {
        self.actions.iter().any(|action| action.droplet == droplet && action.is_pending(now))
    }
}

impl DigitalOcean {
    fn account(&mut self, call: &Call) -> &mut Account {
        self.accounts.entry(call.account.clone()).or_default()
    }

    /// The droplet a path names, if the account has it.
    fn droplet(&mut self, call: &Call) -> Result<&mut Droplet, Reply> {
        let found = call.id(0).and_then(|id| self.account(call).droplets.get_mut(&id));
        found.filter(|droplet| droplet.exists()).ok_or_else(errors::not_found)
    }

    /// Begins an action on a droplet of the calling account; answers it as JSON.
    fn record(
        &mut self,
        call: &Call,
        droplet: u64,
        kind: &str,
        ends: Option<DateTime<Utc>>,
        fails: bool,
    ) -> Value {
        let id = self.core.ids.next("digitalocean.action", 2_000_000_000);
        let account = self.account(call);
        let Some(region) = account.droplets.get(&droplet).map(|droplet| droplet.region) else {
            return Value::Null;
        };
        let action = Action { id, kind: kind.to_owned(), droplet, region, started: call.now, ends, fails };
        let answer = action.json(call.now);
        account.actions.push(action);
        answer
    }

    /// Actions complete up to a second before or after the status they bring: clients see both orders.
    fn lag(&self) -> TimeDelta {
        let milliseconds = self.core.ids.below("digitalocean.lag", 2_001);
        TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or_default() - 1_000)
    }

    /// Every droplet ever made.
    pub(crate) fn servers(&self, now: DateTime<Utc>) -> Vec<SimServer> {
        let each = |(name, account): (&String, &Account)| -> Vec<SimServer> {
            account.droplets.values().map(|droplet| droplet.truth(name, now)).collect()
        };
        self.accounts.iter().flat_map(each).collect()
    }
}

/// DigitalOcean's timestamps: whole seconds of UTC, with the Z.
fn wire_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl World for DigitalOcean {
    type State = Accounts;
    const NAME: &'static str = "digitalocean";
    const PREFIXES: &'static [&'static str] = &["/v2"];
    const ROUTES: &'static [Route<Self>] = &[
        Route::new(Method::GET, "/account", "digitalocean.account", account::account),
        Route::new(Method::GET, "/customers/my/balance", "digitalocean.billing", account::balance),
        Route::new(
            Method::GET,
            "/customers/my/billing_history",
            "digitalocean.billing",
            account::billing_history,
        ),
        Route::new(Method::GET, "/customers/my/invoices", "digitalocean.billing", account::invoices),
        Route::new(Method::GET, "/customers/my/invoices/{}", "digitalocean.billing", account::invoice_items),
        Route::new(Method::GET, "/regions", "digitalocean.regions", account::regions),
        Route::new(Method::GET, "/sizes", "digitalocean.sizes", account::sizes),
        Route::new(Method::GET, "/images", "digitalocean.images", account::images),
        Route::new(Method::GET, "/images/{}", "digitalocean.images", account::image),
        Route::new(Method::GET, "/1-clicks", "digitalocean.images", account::one_clicks),
        Route::new(Method::GET, "/account/keys", "digitalocean.keys", keys::list),
        Route::new(Method::POST, "/account/keys", "digitalocean.key_create", keys::create),
        Route::new(Method::GET, "/account/keys/{}", "digitalocean.key", keys::get),
        Route::new(Method::PUT, "/account/keys/{}", "digitalocean.key_update", keys::update),
        Route::new(Method::DELETE, "/account/keys/{}", "digitalocean.key_delete", keys::delete),
        Route::new(Method::GET, "/tags", "digitalocean.tags", tags::list),
        Route::new(Method::POST, "/tags", "digitalocean.tag_create", tags::create),
        Route::new(Method::GET, "/tags/{}", "digitalocean.tags", tags::get),
        Route::new(Method::DELETE, "/tags/{}", "digitalocean.tag_delete", tags::delete),
        Route::new(Method::POST, "/tags/{}/resources", "digitalocean.tag_update", tags::tag_resources),
        Route::new(Method::DELETE, "/tags/{}/resources", "digitalocean.tag_update", tags::untag_resources),
        Route::new(Method::GET, "/droplets", "digitalocean.list", droplet::list),
        Route::new(Method::POST, "/droplets", "digitalocean.create", create::create),
        Route::new(Method::GET, "/droplets/{}", "digitalocean.get", droplet::get),
        Route::new(Method::DELETE, "/droplets/{}", "digitalocean.delete", droplet::delete),
        Route::new(Method::POST, "/droplets/{}/actions", "digitalocean.action", action::create),
        Route::new(Method::GET, "/droplets/{}/actions", "digitalocean.actions", action::list_of_droplet),
        Route::new(Method::GET, "/droplets/{}/actions/{}", "digitalocean.action_get", action::get_of_droplet),
        Route::new(Method::GET, "/actions", "digitalocean.actions", action::list),
        Route::new(Method::GET, "/actions/{}", "digitalocean.action_get", action::get),
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
                let actions: Vec<Value> = account.actions.iter().map(|action| action.json(now)).collect();
                (name.as_str(), json!({ "keys": keys, "actions": actions, "tags": account.tags }))
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
        errors::bad_request("Invalid JSON")
    }

    fn refuse(refusal: Refusal) -> Reply {
        errors::refuse(refusal)
    }

    /// 5000 an hour, and 250 a minute; the list of keys has 10 a minute.
    fn budgets(operation: Option<&'static str>) -> Vec<Budget> {
        let mut budgets =
            vec![Budget::new("digitalocean.hour", 5_000, 3_600), Budget::new("digitalocean.minute", 250, 60)];
        if operation == Some("digitalocean.keys") {
            budgets.push(Budget::new("digitalocean.keys", 10, 60));
        }
        budgets
    }

    /// The hourly budget is shown; a refused burst reads as nothing left.
    fn rate_headers(standings: &[Standing], headers: &mut HeaderMap) {
        let Some(hour) = standings.first() else { return };
        let refused = standings.iter().any(|standing| standing.refused.is_some());
        headers.insert("ratelimit-limit", HeaderValue::from(hour.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(if refused { 0 } else { hour.remaining }));
        headers.insert("ratelimit-reset", HeaderValue::from(hour.reset));
    }
}
