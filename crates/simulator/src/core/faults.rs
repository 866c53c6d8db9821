//! Failures on request: what goes wrong with which operation, how often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::ids::Ids;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 in the vendor's words, with `Retry-After` if the fault names one.
    RateLimited,
    /// 5xx in the vendor's words, before any effect ([`Fault::status`], 500 by default).
    Error,
    /// An HTML page of a proxy, before any effect ([`Fault::status`]: 502 by default, or 400 as nginx sends it).
    HtmlError,
    /// Only [`Fault::delay_ms`]. The effect comes after the delay, also when the client has given up.
    Slow,
    /// The connection is closed without an answer, nothing has happened.
    CutBefore,
    /// The connection is closed without an answer, and the effect has happened.
    CutAfter,
    /// The effect happens, the answer is cut off in the middle of its JSON.
    MalformedJson,
    /// A create is accepted and answered with an id; the server is then never seen.
    Vanish,
    /// The transition begins and never finishes.
    Stuck,
    /// The transition runs and ends as *failed* (event) or *errored* (action), without its effect.
    Failed,
    /// A create is refused for lack of capacity, in the vendor's words.
    SoldOut,
    /// A webhook comes twice, 70 ms apart.
    Duplicate,
    /// A webhook comes 25 times at once with the same signature, as if somebody had recorded it.
    Replay,
    /// A webhook is held back until a later one to the same listener is through, or for two real seconds.
    Reorder,
    /// A webhook with a signature of something else.
    ForgedSignature,
    /// A webhook signed well, with a certificate that nobody trusts.
    ForgedCertificate,
    /// A webhook signed well, with a certificate that is over.
    ExpiredCertificate,
    /// A webhook signed well, two days ago.
    StaleTime,
}

/// One injected fault. It applies to the operations whose name matches, until its count is used up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Operation name, where `*` stands for any text: `linode.create`, `*.action`, `*`.
    pub operation: String,
    pub kind: FaultKind,
    /// How many times; `None` means until the faults are cleared.
    #[serde(default)]
    pub count: Option<u32>,
    /// Share of the matching requests that are hit, 0 to 1; `None` means all.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Real milliseconds to wait first.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// Seconds in `Retry-After`.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// HTTP status of [`FaultKind::Error`] and [`FaultKind::HtmlError`]; the reply code of the mail host.
    #[serde(default)]
    pub status: Option<u16>,
}

impl Fault {
    /// A fault that hits every matching request until the faults are cleared.
    pub fn new(operation: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            operation: operation.into(),
            kind,
            count: None,
            probability: None,
            delay_ms: None,
            retry_after: None,
            status: None,
        }
    }

    /// Hits this many requests, then is gone.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Hits the next matching request only.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Hits this share of the matching requests (0 to 1).
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// Real milliseconds to wait first.
    #[must_use]
    pub fn with_delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = Some(delay_ms);
        self
    }

    /// Seconds in `Retry-After` of a 429 or 503.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// HTTP status of [`FaultKind::Error`] and [`FaultKind::HtmlError`].
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

/// How a fault that only the vendor's own logic can play changes its next operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    Vanish,
    Stuck,
    Failed,
}

impl FaultKind {
    pub(super) fn twist(self) -> Option<Twist> {
        match self {
            Self::Vanish => Some(Twist::Vanish),
            Self::Stuck => Some(Twist::Stuck),
            Self::Failed => Some(Twist::Failed),
            _ => None,
        }
    }
}

/// The faults in force, in the order they were injected.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The first fault that hits this request; its count goes down.
    pub(super) fn take(&self, operation: &str, ids: &Ids) -> Option<Fault> {
        let mut faults = self.lock();
        let index = faults.iter().position(|fault| {
            matches(&fault.operation, operation)
                && fault.count != Some(0)
                && fault.probability.is_none_or(|p| ids.chance("fault", p))
        })?;
        let fault = &mut faults[index];
        fault.count = fault.count.map(|left| left - 1);
        let hit = fault.clone();
        if hit.count == Some(0) {
            faults.remove(index);
        }
        Some(hit)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Glob match with `*` only.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((prefix, rest)) => name.strip_prefix(prefix).is_some_and(|tail| {
            rest.is_empty()
                || (0..=tail.len()).any(|from| tail.get(from..).is_some_and(|part| matches(rest, part)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("*", "linode.create") && matches("linode.*", "linode.create"));
        assert!(matches("*.create", "digitalocean.create") && matches("l*.c*e", "linode.create"));
        assert!(!matches("linode", "linode.create") && !matches("*.create", "linode.create.x"));
    }

    #[test]
    fn counts_run_out_and_order_is_kept() {
        let (faults, ids) = (Faults::default(), Ids::new(1));
        faults.inject(Fault::new("a.*", FaultKind::Error).times(2));
        faults.inject(Fault::new("*", FaultKind::Slow).with_probability(0.0));
        let kinds: Vec<_> = (0..3).map(|_| faults.take("a.get", &ids).map(|f| f.kind)).collect();
        assert_eq!(kinds, [Some(FaultKind::Error), Some(FaultKind::Error), None]);
        assert!(faults.take("b.get", &ids).is_none());
    }
}
