//! What clients sent, so that tests can assert it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::faults::FaultKind;

/// Older requests are forgotten, a simulator may run for days.
const KEPT: usize = 5_000;
/// Bodies longer than this are not kept.
pub(super) const KEPT_BODY_BYTES: usize = 16 * 1024;

/// One request that reached a simulated vendor (calls to `/_sim/` are not among them).
#[derive(Debug, Clone, Serialize)]
pub struct RequestLog {
    /// Virtual time of arrival.
    pub at: DateTime<Utc>,
    /// `linode`, `digitalocean`, `paypal` or `mail`.
    pub vendor: &'static str,
    /// Name of the operation, for example `linode.create`; `None` when no operation has this path.
    pub operation: Option<&'static str>,
    pub method: String,
    /// Path with the query.
    pub path: String,
    /// Simulated account of the token, `None` without a token.
    pub account: Option<String>,
    /// JSON body, if there was one of reasonable size.
    pub body: Option<Value>,
    /// Status that was answered; `None` when the connection was cut instead.
    pub status: Option<u16>,
    /// The fault that was played.
    pub fault: Option<FaultKind>,
}

/// The newest requests, oldest first.
#[derive(Default)]
pub(crate) struct Requests(Mutex<VecDeque<RequestLog>>);

impl Requests {
    pub(crate) fn push(&self, entry: RequestLog) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(crate) fn all(&self) -> Vec<RequestLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
