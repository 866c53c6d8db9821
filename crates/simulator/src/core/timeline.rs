//! A value that changes at planned moments of virtual time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a value is from when on. Reading is a pure function of the time asked for, so nothing has to tick.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Timeline<T> {
    first: T,
    changes: Vec<(DateTime<Utc>, T)>,
}

impl<T> Timeline<T> {
    pub(crate) fn new(first: impl Into<T>) -> Self {
        Self { first: first.into(), changes: Vec::new() }
    }

    /// The value at `now`.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> &T {
        self.changes.iter().rev().find(|(from, _)| *from <= now).map_or(&self.first, |(_, value)| value)
    }

    /// Plans a change. Plans are made in order of time.
    pub(crate) fn plan(&mut self, from: DateTime<Utc>, value: impl Into<T>) {
        self.changes.push((from, value.into()));
    }

    /// Whether no planned change is left after `now`.
    pub(crate) fn is_settled(&self, now: DateTime<Utc>) -> bool {
        self.changes.iter().all(|(from, _)| *from <= now)
    }
}
