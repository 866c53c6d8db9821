//! The buckets a process keeps, as many as it has room for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::identity::Quota;

use super::bucket::Bucket;
use super::key::Key;

/// A bucket, and the turn of who settles it.
#[derive(Debug, Default)]
pub(super) struct Account {
    bucket: Mutex<Bucket>,
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Account {
    pub(super) fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pause between two looks for what can be forgotten, in microseconds.
const SWEEP_PAUSE: i64 = 1_000_000;
/// With fewer buckets it is not worth looking.
const SWEEP_FROM: usize = 1024;

/// Buckets by key and quota: somebody who is given another quota begins with all of it.
#[derive(Debug)]
pub(super) struct Book {
    accounts: HashMap<(Key, Quota), Arc<Account>>,
    most: usize,
    sweep_from: usize,
    swept_at: i64,
}

impl Book {
    /// Room for `most` buckets.
    pub(super) fn new(most: usize) -> Self {
        Self { accounts: HashMap::new(), most, sweep_from: SWEEP_FROM, swept_at: -SWEEP_PAUSE }
    }

    /// The bucket of a key; `None` when there is no room for another.
    pub(super) fn account(&mut self, key: Key, quota: Quota, now: i64) -> Option<Arc<Account>> {
        if let Some(account) = self.accounts.get(&(key, quota)) {
            return Some(account.clone());
        }
        if self.accounts.len() >= self.sweep_from.min(self.most) && now - self.swept_at >= SWEEP_PAUSE {
            self.accounts.retain(|_, account| !account.bucket().is_idle(now));
            self.sweep_from = (self.accounts.len() * 2).max(SWEEP_FROM);
            self.swept_at = now;
        }
        (self.accounts.len() < self.most).then(|| self.accounts.entry((key, quota)).or_default().clone())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn key(number: u32) -> Key {
        Key::Address(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let (quota, mut book) = (Quota::per_minute(640), Book::new(3));
        for number in 0..3 {
            let account = book.account(key(number), quota, 0).expect("there is room");
            account.bucket().count(quota, 0);
        }
        assert!(book.account(key(3), quota, 1).is_none(), "no room");
        assert!(book.account(key(2), quota, 1).is_some(), "who is known goes on");
        book.account(key(2), quota, 1).expect("known").bucket().count(quota, quota.window());
        assert!(book.account(key(3), quota, quota.window() + 1).is_some(), "idle ones are forgotten");
        assert_eq!(book.accounts.len(), 2);
    }

    #[test]
    fn a_large_book_forgets_what_is_idle_before_it_is_full() {
        let (quota, mut book) = (Quota::per_minute(640), Book::new(1_000_000));
        for number in 0..10_000 {
            let now = i64::from(number) * 100_000;
            book.account(key(number), quota, now).expect("room").bucket().count(quota, now);
        }
        assert!(book.accounts.len() <= 2 * SWEEP_FROM, "{}", book.accounts.len());
    }
}
