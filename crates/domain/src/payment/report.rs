//! The gateway's own books, for comparing them with ours.

use chrono::{DateTime, Utc};

use super::PaymentRef;
use crate::Money;

/// A line of the gateway's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The gateway's id: of a capture, or of what went back.
    pub id: String,
    /// What moved.
    pub kind: LineKind,
    /// Whether it is final.
    pub state: LineState,
    /// How much, never negative.
    pub amount: Money,
    /// ISO 4217 code.
    pub currency: String,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// Of which payment.
    pub payment: PaymentRef,
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Money came in.
    Capture,
    /// We gave money back.
    Refund,
    /// The gateway took money back.
    Reversal,
    /// Something that is not about a payment of ours: fees, holds, payouts.
    Other,
}

/// Whether a line is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Money moved.
    Completed,
    /// Not yet.
    Pending,
    /// It will not.
    Failed,
}
