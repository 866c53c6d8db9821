//! Rate limits: always shown in headers, enforced on request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;

/// So many requests of one class per window and account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Name of the class, for example `linode.create`.
    pub(crate) class: &'static str,
    pub(crate) limit: u32,
    pub(crate) window: Duration,
}

impl Budget {
    pub(crate) const fn new(class: &'static str, limit: u32, seconds: u64) -> Self {
        Self { class, limit, window: Duration::from_secs(seconds) }
    }
}

/// How an account stands against one budget after a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Epoch second at which the oldest counted request expires.
    pub(crate) reset: i64,
    /// Seconds to wait when this request was over the limit and limits are enforced.
    pub(crate) refused: Option<u32>,
}

/// Sliding windows per vendor account and class. In real time, as the client's own waiting is.
#[derive(Default)]
pub(crate) struct Limits(Mutex<State>);

#[derive(Default)]
struct State {
    enforce: bool,
    overrides: BTreeMap<String, u32>,
    spent: BTreeMap<(String, &'static str), VecDeque<Instant>>,
}

impl Limits {
    /// Turns refusals on or off. Off at the start.
    pub(crate) fn enforce(&self, enforce: bool) {
        self.lock().enforce = enforce;
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.lock().enforce
    }

    /// Replaces the limit of one class.
    pub(crate) fn set(&self, class: &str, limit: u32) {
        self.lock().overrides.insert(class.to_owned(), limit);
    }

    /// Forgets counts and changed limits, and stops refusing.
    pub(crate) fn reset(&self) {
        *self.lock() = State::default();
    }

    /// Counts one request against a budget.
    pub(super) fn spend(&self, account: &str, budget: Budget) -> Standing {
        let mut state = self.lock();
        let limit = state.overrides.get(budget.class).copied().unwrap_or(budget.limit);
        let enforce = state.enforce;
        let spent = state.spent.entry((account.to_owned(), budget.class)).or_default();
        while spent.front().is_some_and(|at| at.elapsed() >= budget.window) {
            spent.pop_front();
        }
        let over = spent.len() >= limit as usize;
        if !over {
            spent.push_back(Instant::now());
        }
        let wait = spent.front().map_or(budget.window, |at| budget.window.saturating_sub(at.elapsed()));
        let wait = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Standing {
            limit,
            remaining: limit.saturating_sub(u32::try_from(spent.len()).unwrap_or(u32::MAX)),
            reset: Utc::now().timestamp() + i64::from(wait),
            refused: (over && enforce).then_some(wait),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_per_account_and_refuses_only_when_enforced() {
        let limits = Limits::default();
        let budget = Budget::new("linode.create", 2, 60);
        let standings: Vec<_> = (0..3).map(|_| limits.spend("acme", budget)).collect();
        assert_eq!(standings.iter().map(|s| s.remaining).collect::<Vec<_>>(), [1, 0, 0]);
        assert!(standings.iter().all(|s| s.refused.is_none()));
        limits.enforce(true);
        assert!(limits.spend("acme", budget).refused.is_some_and(|seconds| seconds <= 60));
        assert!(limits.spend("other", budget).refused.is_none());
        limits.set("linode.create", 9);
        assert!(limits.spend("acme", budget).refused.is_none());
    }
}
