//! What the simulated vendors share: virtual time, ids, faults, limits, the request log and the admin interface.

mod admin;
mod call;
mod clock;
mod faults;
mod gate;
mod ids;
mod limits;
mod log;
mod persist;
mod route;
pub(crate) mod service;
mod timeline;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::value::RawValue;

pub(crate) use admin::router as admin_router;
pub(crate) use clock::Clock;
pub use faults::{Fault, FaultKind};
pub(crate) use faults::{Faults, Twist};
pub(crate) use gate::{Refusal, Vendor, account_of, bearer, guard};
pub(crate) use ids::{Ids, stable_hash};
pub(crate) use limits::{Budget, Limits, Standing};
pub use log::RequestLog;
pub(crate) use log::Requests;
pub(crate) use persist::{Changes, Keeper, Listed, by_key};
pub(crate) use timeline::Timeline;

/// One per simulator, shared by its three vendors.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) faults: Faults,
    pub(crate) limits: Limits,
    pub(crate) requests: Requests,
    pub(crate) changes: Changes,
    /// Weak, because every part holds the core.
    parts: Mutex<Vec<Weak<dyn Part>>>,
}

/// State of one vendor, as far as the admin interface is concerned.
pub(crate) trait Part: Send + Sync + 'static {
    /// Key of the state in `/_sim/state`.
    fn name(&self) -> &'static str;

    /// Everything that exists, as JSON for people and tests. No secrets are simulated, so none are hidden.
    fn snapshot(&self) -> serde_json::Value;

    /// Everything that has to outlive the process.
    fn save(&self) -> serde_json::Result<Box<RawValue>>;

    /// Replaces everything by what was saved; changes nothing when that cannot be read.
    fn restore(&self, saved: &RawValue) -> serde_json::Result<()>;

    /// Is it younger than the file's format? Then it begins empty beside the saved state of the others.
    fn may_be_unknown(&self) -> bool {
        false
    }

    /// Forgets everything.
    fn reset(&self);
}

impl Core {
    pub(crate) fn new(speed: f64, seed: u64) -> Arc<Self> {
        let changes = Changes::default();
        Arc::new(Self {
            clock: Clock::new(speed, changes.clone()),
            ids: Ids::new(seed),
            faults: Faults::default(),
            limits: Limits::default(),
            requests: Requests::default(),
            changes,
            parts: Mutex::default(),
        })
    }

    /// The fault that hits this operation, if any; its count goes down.
    pub(crate) fn fault(&self, operation: &str) -> Option<Fault> {
        self.faults.take(operation, &self.ids)
    }

    /// Adds a vendor's state to `/_sim/state` and `/_sim/reset`.
    pub(crate) fn register<P: Part>(&self, part: &Arc<P>) {
        let part: Weak<P> = Arc::downgrade(part);
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }

    fn parts(&self) -> Vec<Arc<dyn Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    /// As freshly started: no servers, orders, faults or log; first speed, seed and time.
    pub(crate) fn reset(&self) {
        self.faults.clear();
        self.limits.reset();
        self.requests.clear();
        self.ids.reset();
        self.clock.reset();
        for part in self.parts() {
            part.reset();
        }
        self.changes.mark();
    }
}
