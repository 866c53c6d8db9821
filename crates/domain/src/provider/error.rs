//! What can go wrong upstream, in the words that decide what to do next.

use std::time::Duration;

/// Why a vendor refused a valid-looking request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// No room for this size in this region just now: another account may have some.
    Capacity,
    /// The account's own limit is reached: the operator must act.
    Quota,
    /// Another operation runs on the server: wait and ask again.
    Busy,
    /// The request itself is not acceptable.
    Invalid,
    /// The account or the payer's instrument may not pay.
    Payment,
}

/// A failed call to a cloud or to the payment gateway. `detail` is for the operator and the log;
/// it never reaches a customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Nothing happened; the same call may succeed later.
    #[error("temporarily unavailable: {detail}")]
    Transient {
        /// How long the vendor asked us to wait, if it said so.
        retry_after: Option<Duration>,
        /// What the vendor answered, without secrets.
        detail: String,
    },
    /// Nothing happened and repeating the same call will not help (except for [`Rejection::Busy`]).
    #[error("refused: {detail}")]
    Rejected {
        /// The class of refusal.
        reason: Rejection,
        /// What the vendor answered, without secrets.
        detail: String,
    },
    /// The thing asked for does not exist at the vendor.
    #[error("not found upstream")]
    NotFound,
    /// The credential is not accepted.
    #[error("the credential is not accepted")]
    Unauthorized,
    /// The answer was lost or not understood after a change was asked for: it may have happened.
    #[error("outcome unknown: {detail}")]
    OutcomeUnknown {
        /// What was seen instead of an answer.
        detail: String,
    },
}

impl UpstreamError {
    /// A transient failure without advice how long to wait.
    pub fn transient(detail: impl Into<String>) -> Self {
        Self::Transient { retry_after: None, detail: detail.into() }
    }

    /// A refusal.
    pub fn rejected(reason: Rejection, detail: impl Into<String>) -> Self {
        Self::Rejected { reason, detail: detail.into() }
    }
}
