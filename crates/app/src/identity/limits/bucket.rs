//! What one process has counted for one key since it last settled with the bucket all share.

use domain::identity::Quota;

/// A process settles when it has counted this part of a quota on its own; smaller quotas are asked for
/// request by request. See `docs/adr/0010-outer-limits.md`.
const PARTS: u32 = 32;

/// The share of a quota that a process counts on its own.
pub(super) const fn share(quota: Quota) -> u32 {
    quota.requests() / PARTS
}

/// The local side of a bucket. Times are microseconds of the process's own clock.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When it is empty again, as far as this process knows.
    empty_at: i64,
    /// Let in, and not settled yet.
    unsettled: u32,
    /// Not forgotten before.
    kept_until: i64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// It may come in; the bucket then drains in so many microseconds.
    In(i64),
    /// It may not, for so many microseconds.
    Full(i64),
    /// First these must be settled; none means: ask for this very request.
    Settle(u32),
}

impl Bucket {
    /// Counts a request.
    pub(super) fn count(&mut self, quota: Quota, now: i64) -> Count {
        self.kept_until = now + quota.window();
        let level = (self.empty_at - now).max(0) + quota.cost(1);
        if level > quota.window() {
            return Count::Full(level - quota.window());
        }
        if self.unsettled >= share(quota) {
            return Count::Settle(self.unsettled);
        }
        self.unsettled += 1;
        self.empty_at = now + level;
        Count::In(level)
    }

    /// What must be settled before another request is counted, if anything.
    pub(super) fn due(&self, quota: Quota) -> Option<u32> {
        (self.unsettled >= share(quota) && self.unsettled > 0).then_some(self.unsettled)
    }

    /// `count` were settled; the shared bucket drains in so many microseconds.
    pub(super) fn settled(&mut self, count: u32, drains_in: i64, now: i64) {
        self.unsettled = self.unsettled.saturating_sub(count);
        self.empty_at = now + drains_in;
    }

    /// Is there nothing to remember any more? What is left unsettled, less than a share, is let go
    /// after a window without requests.
    pub(super) fn is_idle(&self, now: i64) -> bool {
        now >= self.kept_until && now >= self.empty_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota::per_minute(64);

    #[test]
    fn a_share_is_counted_alone_then_settled() {
        let mut bucket = Bucket::default();
        let step = QUOTA.cost(1);
        assert_eq!(bucket.count(QUOTA, 0), Count::In(step));
        assert_eq!(bucket.count(QUOTA, 0), Count::In(2 * step));
        assert_eq!(bucket.due(QUOTA), Some(2));
        assert_eq!(bucket.count(QUOTA, 0), Count::Settle(2));
        // Other processes have used some, too.
        bucket.settled(2, 10 * step, 5);
        assert_eq!(bucket.due(QUOTA), None);
        assert_eq!(bucket.count(QUOTA, 5), Count::In(11 * step));
    }

    #[test]
    fn a_full_bucket_refuses_until_one_has_drained() {
        let mut bucket = Bucket::default();
        bucket.settled(0, QUOTA.window(), 0);
        assert_eq!(bucket.count(QUOTA, 0), Count::Full(QUOTA.cost(1)));
        assert_eq!(bucket.count(QUOTA, QUOTA.cost(1)), Count::In(QUOTA.window()));
    }

    #[test]
    fn small_quotas_are_asked_for_one_by_one() {
        let small = Quota::per_minute(31);
        assert_eq!(Bucket::default().count(small, 0), Count::Settle(0));
        assert_eq!(Bucket::default().due(small), None);
    }

    #[test]
    fn what_is_unused_for_a_window_is_forgotten() {
        let mut bucket = Bucket::default();
        bucket.count(QUOTA, 7);
        assert!(!bucket.is_idle(QUOTA.window() + 6));
        assert!(bucket.is_idle(QUOTA.window() + 7));
    }
}
