//! One request budget per account, as the vendor counts it: when it runs low, what matters least waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::ProviderId;
use domain::provider::RequestBudget;

use super::rate_limit::Standing;

/// Who is waiting for a call, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A person, or something that costs money until it is done.
    User,
    /// The outcome of an operation under way.
    Poll,
    /// Inventories and catalogues: any minute will do.
    List,
}

impl Priority {
    /// Percent of the limit that is kept back from calls of this class.
    const fn reserve(self) -> u64 {
        match self {
            Self::User => 0,
            Self::Poll => 10,
            Self::List => 30,
        }
    }
}

/// The budgets of all accounts of this process.
#[derive(Default)]
pub(crate) struct Budgets(Mutex<HashMap<ProviderId, Arc<Budget>>>);

impl Budgets {
    /// The budget of an account, the same one for every client of the account.
    pub(crate) fn of(&self, account: ProviderId) -> Arc<Budget> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.entry(account).or_default().clone()
    }

    /// The scarcest limit of every account of which something is known at `now`.
    pub(crate) fn standing(&self, now: Instant) -> Vec<(ProviderId, RequestBudget)> {
        let budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.iter().filter_map(|(id, budget)| Some((*id, budget.scarcest(now)?))).collect()
    }
}

/// What is known about one account's rate limits, by the name of the limit ([`super::Call::bucket`]).
/// Other processes may use the same account, so nothing is counted here: each answer brings the vendor's count.
#[derive(Default)]
pub(crate) struct Budget(Mutex<HashMap<&'static str, Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    limit: u32,
    remaining: u32,
    resets_at: Instant,
}

impl Budget {
    /// May a call of this class go out now? If not: how long to wait.
    pub(super) fn admit(&self, bucket: &str, priority: Priority, now: Instant) -> Result<(), Duration> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = windows.get(bucket).filter(|window| window.resets_at > now) else {
            return Ok(());
        };
        let is_low = u64::from(window.remaining) * 100 < u64::from(window.limit) * priority.reserve();
        if is_low { Err(window.resets_at - now) } else { Ok(()) }
    }

    /// Takes over the vendor's count.
    pub(super) fn note(&self, bucket: &'static str, standing: Standing, now: Instant) {
        let Standing { limit, remaining, resets_in } = standing;
        self.set(bucket, Window { limit, remaining, resets_at: now + resets_in });
    }

    /// The vendor refused a call for coming too soon: nothing is left for this long.
    pub(super) fn exhausted(&self, bucket: &'static str, wait: Duration, now: Instant) {
        self.set(bucket, Window { limit: 1, remaining: 0, resets_at: now + wait });
    }

    /// The limit of which the smallest part is left, among those whose window is not over.
    fn scarcest(&self, now: Instant) -> Option<RequestBudget> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = windows.values().filter(|window| window.resets_at > now);
        let part_left = |w: &&Window| u64::from(w.remaining) * 1_000_000 / u64::from(w.limit.max(1));
        open.min_by_key(part_left).map(|window| RequestBudget {
            limit: window.limit,
            remaining: window.remaining,
            resets_in: window.resets_at - now,
        })
    }

    fn set(&self, bucket: &'static str, window: Window) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket, window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn budget(remaining: u32, now: Instant) -> Budget {
        let budget = Budget::default();
        budget.note("", Standing { limit: 100, remaining, resets_in: MINUTE }, now);
        budget
    }

    #[test]
    fn what_matters_least_waits_first() {
        let now = Instant::now();
        let admitted = |remaining| {
            [Priority::User, Priority::Poll, Priority::List]
                .map(|priority| budget(remaining, now).admit("", priority, now).is_ok())
        };
        assert_eq!(admitted(30), [true, true, true]);
        assert_eq!(admitted(29), [true, true, false]);
        assert_eq!(admitted(9), [true, false, false]);
        assert_eq!(admitted(0), [true, false, false]);
    }

    #[test]
    fn the_wait_ends_with_the_window() {
        let now = Instant::now();
        let budget = budget(0, now);
        assert_eq!(budget.admit("", Priority::List, now + MINUTE / 2), Err(MINUTE / 2));
        assert_eq!(budget.admit("", Priority::List, now + MINUTE), Ok(()));
    }

    #[test]
    fn the_scarcest_limit_stands_for_the_account_until_its_window_ends() {
        let now = Instant::now();
        let (budgets, account) = (Budgets::default(), ProviderId::new());
        let standing = |limit, remaining, resets_in| Standing { limit, remaining, resets_in };
        budgets.of(account).note("", standing(1000, 500, MINUTE * 2), now);
        budgets.of(account).note("create", standing(10, 1, MINUTE), now);
        budgets.of(ProviderId::new());
        let seen = |at| budgets.standing(at).into_iter().map(|(_, b)| b.remaining).collect::<Vec<_>>();
        assert_eq!(seen(now), [1]);
        assert_eq!(seen(now + MINUTE), [500]);
        assert_eq!(seen(now + MINUTE * 2), [0; 0]);
    }

    #[test]
    fn limits_of_other_names_and_accounts_are_apart() {
        let now = Instant::now();
        let budgets = Budgets::default();
        let (ours, theirs) = (ProviderId::new(), ProviderId::new());
        budgets.of(ours).exhausted("create", MINUTE, now);
        assert!(budgets.of(ours).admit("create", Priority::Poll, now).is_err());
        assert!(budgets.of(ours).admit("", Priority::Poll, now).is_ok());
        assert!(budgets.of(theirs).admit("create", Priority::Poll, now).is_ok());
    }
}
