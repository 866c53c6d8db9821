//! Money that goes back to the payer, and disputes about it.

use chrono::{DateTime, Utc};

use super::PaymentRef;
use crate::Money;
use crate::text_enum::stored_enum;

stored_enum! {
    /// Why money went back to the payer.
    pub enum RefundKind {
        /// We gave it back.
        Refund = "refund",
        /// The gateway took it back, for example for the payer's bank.
        Reversal = "reversal",
    }
}

stored_enum! {
    /// How far a refund is.
    pub enum RefundState {
        /// Asked for; the money is reserved.
        Requested = "requested",
        /// The gateway has accepted it and has not paid it out.
        Pending = "pending",
        /// The payer has it.
        Completed = "completed",
        /// It came to nothing; what was reserved is given back.
        Failed = "failed",
    }
}

impl RefundState {
    /// Is money reserved for it?
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Pending)
    }
}

/// A refund to ask for.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// Same id, same refund: the gateway's idempotency key.
    pub request_id: String,
    /// Of which capture.
    pub capture: String,
    /// How much of it.
    pub amount: Money,
    /// ISO 4217 code; the capture's own.
    pub currency: String,
    /// What the payer reads.
    pub note: String,
}

/// Money that went back, at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The gateway's id: each is booked once, whatever brings the news.
    pub id: String,
    /// How far it is.
    pub state: ReturnedState,
    /// How much.
    pub amount: Money,
    /// ISO 4217 code.
    pub currency: String,
    /// Of which payment.
    pub payment: PaymentRef,
    /// When it was sent back.
    pub at: DateTime<Utc>,
}

/// How far money that goes back is at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnedState {
    /// On its way.
    Pending,
    /// With the payer.
    Completed,
    /// It stays with us.
    Failed,
}

stored_enum! {
    /// How a dispute stands with us.
    pub enum DisputeState {
        /// Undecided: the amount is frozen as far as the wallet had it.
        Open = "open",
        /// For us: what was frozen is free again.
        Won = "won",
        /// For the payer: the money is gone.
        Lost = "lost",
    }
}

/// A dispute at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The gateway's id.
    pub id: String,
    /// How it was decided, if it was.
    pub verdict: DisputeVerdict,
    /// How far it has gone, in the gateway's words.
    pub stage: String,
    /// What the payer says, in the gateway's words.
    pub reason: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The payments it is about.
    pub payments: Vec<Disputed>,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// A payment in dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disputed {
    /// Which one.
    pub payment: PaymentRef,
    /// How much of it the payer wants back.
    pub amount: Money,
    /// How much of it goes back, when the dispute was decided for the payer.
    pub to_payer: Money,
}

/// How a dispute was decided at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeVerdict {
    /// Not yet.
    Open,
    /// The money stays with us.
    ForUs,
    /// It goes back to the payer.
    ForPayer,
}
