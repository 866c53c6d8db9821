//! How many requests may come from an address, a person, a key and an organization.
//!
//! Each process counts for itself and settles with the buckets in the database that all processes
//! share, a share of the quota at a time: requests cost no round trip, and the total is exact up to
//! one share per process. `docs/adr/0010-outer-limits.md` says what that guarantees.

mod book;
mod bucket;
mod key;
mod overrides;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::identity::{Actor, Identity, Quota};
use store::Store;
use store::identity::{Charge, charge};

pub(crate) use key::network;
pub use overrides::{NewLimit, restore_limit, set_limit};

use crate::{Error, Result};
use book::{Account, Book};
use bucket::Count;
use key::Key;
use overrides::InForce;

/// Addresses that a process counts one by one; more share buckets among them.
const MOST_ADDRESSES: usize = 50_000;

/// The installation's limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All requests of an address (IPv6: of a /64), signed in or not.
    pub address: Quota,
    /// A person in the browser.
    pub user: Quota,
    /// An API key.
    pub api_key: Quota,
    /// Everybody and everything of an organization together.
    pub organization: Quota,
    /// Signing in and up, per address.
    pub sign_in: Quota,
    /// Payments, per organization.
    pub money: Quota,
    /// Messages of the payment gateway, per address.
    pub webhook: Quota,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address: Quota::per_minute(6_000),
            user: Quota::per_minute(1_200),
            api_key: Quota::per_minute(1_200),
            organization: Quota::per_minute(6_000),
            sign_in: Quota::per_minute(30),
            money: Quota::per_minute(30),
            webhook: Quota::per_minute(600),
        }
    }
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestKind {
    /// Nothing particular.
    #[default]
    Usual,
    /// An attempt to sign in or up.
    SignIn,
    /// A payment.
    Money,
    /// A message of the payment gateway, or of whoever says so.
    Webhook,
}

/// How a limit stands after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name.
    pub policy: &'static str,
    /// The limit.
    pub quota: Quota,
    /// So many more may come now.
    pub remaining: u32,
    /// After this all of the quota is there again.
    pub full_in: Duration,
    /// The request may not come in: not before this has passed.
    pub refused: Option<Duration>,
}

/// Counts requests. Cloning it is cheap, and clones count together.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    limits: Limits,
    began: Instant,
    addresses: Mutex<Book>,
    callers: Mutex<Book>,
    in_force: InForce,
}

impl Limiter {
    /// A process's limiter.
    pub fn new(store: Store, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            store,
            limits,
            began: Instant::now(),
            addresses: Mutex::new(Book::new(MOST_ADDRESSES)),
            callers: Mutex::new(Book::new(usize::MAX)),
            in_force: InForce::default(),
        }))
    }

    /// Counts a request for its address, before it is known who asks. The last standing says
    /// whether it may come in.
    pub async fn arrive(&self, address: Option<IpAddr>, kind: RequestKind) -> Result<Vec<Standing>> {
        let (network, limits) = (network(address), &self.0.limits);
        let usual = ("address", Key::Address(network), limits.address);
        let tight = ("sign-in", Key::SignIn(network), limits.sign_in);
        let webhook = ("webhook", Key::Webhook(network), limits.webhook);
        match kind {
            RequestKind::SignIn => self.all(&[usual, tight]).await,
            RequestKind::Webhook => self.all(&[usual, webhook]).await,
            RequestKind::Usual | RequestKind::Money => self.all(&[usual]).await,
        }
    }

    /// Counts a request for the person or key it comes from and for their organization. The last
    /// standing says whether it may come in.
    pub async fn act(&self, who: &Identity, kind: RequestKind) -> Result<Vec<Standing>> {
        self.0.in_force.keep_fresh(&self.0.store).await?;
        let (limits, organization) = (&self.0.limits, who.organization_id);
        let quota = |key, otherwise| self.0.in_force.quota(key).unwrap_or(otherwise);
        let caller = match who.actor {
            Actor::ApiKey { key } => ("api-key", Key::Program(key), limits.api_key),
            Actor::User { .. } | Actor::System => ("user", Key::User(who.user_id), limits.user),
        };
        let all = ("organization", Key::Organization(organization), limits.organization);
        let [caller, all] = [caller, all].map(|(name, key, otherwise)| (name, key, quota(key, otherwise)));
        let money = ("money", Key::Money(organization), limits.money);
        match kind {
            RequestKind::Money => self.all(&[caller, all, money]).await,
            RequestKind::Usual | RequestKind::SignIn | RequestKind::Webhook => self.all(&[caller, all]).await,
        }
    }

    /// Reads the limits that operators set, now instead of within some seconds.
    pub async fn refresh(&self) -> Result<()> {
        self.0.in_force.read(&self.0.store).await
    }

    /// Up to the first that refuses.
    async fn all(&self, asks: &[(&'static str, Key, Quota)]) -> Result<Vec<Standing>> {
        let mut standings = Vec::with_capacity(asks.len());
        for (policy, key, quota) in asks {
            let count = self.take(*key, *quota).await?;
            standings.push(standing(policy, *quota, count));
            if !matches!(count, Count::In(_)) {
                break;
            }
        }
        Ok(standings)
    }

    /// Counts one request: never answers [`Count::Settle`].
    async fn take(&self, key: Key, quota: Quota) -> Result<Count> {
        let (account, key) = self.account(key, quota);
        loop {
            let count = account.bucket().count(quota, self.now());
            match count {
                Count::In(_) | Count::Full(_) => return Ok(count),
                Count::Settle(0) => return self.ask(&account, key, quota).await,
                Count::Settle(_) => self.settle(&account, key, quota).await?,
            }
        }
    }

    /// Asks the shared bucket for this one request.
    async fn ask(&self, account: &Account, key: Key, quota: Quota) -> Result<Count> {
        let level = charge(&self.0.store, &format!("{key}:{quota}"), quota, Charge::One).await?;
        account.bucket().settled(0, level.drains_in, self.now());
        Ok(match level.charged {
            true => Count::In(level.drains_in),
            false => Count::Full((level.drains_in + quota.cost(1) - quota.window()).max(1)),
        })
    }

    /// Tells the shared bucket what was let in. Requests of the same key wait meanwhile.
    async fn settle(&self, account: &Account, key: Key, quota: Quota) -> Result<()> {
        let _turn = account.turn.lock().await;
        let Some(count) = account.bucket().due(quota) else { return Ok(()) };
        let level = charge(&self.0.store, &format!("{key}:{quota}"), quota, Charge::Past(count)).await?;
        account.bucket().settled(count, level.drains_in, self.now());
        Ok(())
    }

    fn account(&self, key: Key, quota: Quota) -> (Arc<Account>, Key) {
        let book = match key {
            Key::Address(_) | Key::SignIn(_) | Key::Webhook(_) => &self.0.addresses,
            _ => &self.0.callers,
        };
        let found = book.lock().unwrap_or_else(PoisonError::into_inner).account(key, quota, self.now());
        match found {
            Some(account) => (account, key),
            None => self.account(key.crowd(), quota),
        }
    }

    fn now(&self) -> i64 {
        i64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

fn standing(policy: &'static str, quota: Quota, count: Count) -> Standing {
    let micros = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    let (level, refused) = match count {
        Count::In(level) => (level, None),
        Count::Full(wait) => (quota.window(), Some(micros(wait))),
        Count::Settle(_) => (quota.window(), Some(Duration::ZERO)),
    };
    let remaining = (quota.window() - level).max(0) / quota.cost(1).max(1);
    Standing {
        policy,
        quota,
        remaining: u32::try_from(remaining).unwrap_or(u32::MAX).min(quota.requests()),
        full_in: micros(level),
        refused,
    }
}

/// Refuses what comes too often, exactly: for what is worth a look into the database each time.
pub(crate) async fn throttle(store: &Store, key: &str, every: Duration, burst: u32) -> Result<()> {
    let seconds = u32::try_from(every.as_secs()).map_err(Error::internal)?.saturating_mul(burst);
    let quota = Quota::new(burst, seconds).map_err(Error::internal)?;
    let level = charge(store, key, quota, Charge::One).await?;
    if level.charged {
        return Ok(());
    }
    let wait = (level.drains_in + quota.cost(1) - quota.window()).max(1);
    Err(Error::TooManyRequests { retry_after: rounded_up(wait) })
}

/// Whole seconds, at least one: sooner would be refused again.
fn rounded_up(micros: i64) -> Duration {
    Duration::from_secs(u64::try_from(micros).unwrap_or(1).div_ceil(1_000_000).max(1))
}

impl Standing {
    /// The refusal of a request that may not come in.
    pub fn refusal(&self) -> Option<Error> {
        let micros = i64::try_from(self.refused?.as_micros()).unwrap_or(i64::MAX);
        Some(Error::TooManyRequests { retry_after: rounded_up(micros) })
    }
}
