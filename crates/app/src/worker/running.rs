//! What a worker is working on: the leases it renews.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use store::job::Claim;

/// The claims that are being worked on in this process.
///
/// The database cannot say: when the answer to a claim is lost, it shows jobs as running that nobody runs, and
/// when a job cannot be settled, it shows one that is over. Neither lease may be renewed.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashSet<Claim>>>);

/// A claim that is being worked on, until this is dropped.
pub(super) struct Begun {
    running: Running,
    claim: Claim,
}

impl Running {
    /// Work on a claim begins.
    pub(super) fn begin(&self, claim: Claim) -> Begun {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(claim);
        Begun { running: self.clone(), claim }
    }

    /// All that is being worked on.
    pub(super) fn claims(&self) -> Vec<Claim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.claim);
    }
}
