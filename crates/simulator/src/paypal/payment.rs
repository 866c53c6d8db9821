//! Money that was taken, promised or given back.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::amount::Amount;

/// After this virtual time the bank pays an e-check by itself.
const CLEARING: TimeDelta = TimeDelta::days(1);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) order_id: String,
    /// Index of the purchase unit.
    pub(super) unit: usize,
    pub(super) amount: Amount,
    /// By refunds that have not failed.
    pub(super) refunded_minor: i64,
    /// Taken back by the payer's bank or lost in a dispute.
    #[serde(default)]
    pub(super) reversed_minor: i64,
    pub(super) invoice_id: Option<String>,
    pub(super) custom_id: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) is_final: bool,
    pub(super) settlement: Settlement,
}

/// Whether the payer's money has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Settlement {
    Completed,
    /// `until`: when the bank decides by itself, if ever. `denied`: against it.
    Pending {
        until: Option<DateTime<Utc>>,
        #[serde(default)]
        denied: bool,
    },
    Declined,
}

impl Settlement {
    /// An e-check written at `now`.
    pub(super) fn clearing(now: DateTime<Utc>) -> Self {
        Self::Pending { until: Some(now + CLEARING), denied: false }
    }

    /// As it is at `now`.
    pub(super) fn at(self, now: DateTime<Utc>) -> Self {
        match self {
            Self::Pending { until: Some(until), denied } if until <= now => match denied {
                true => Self::Declined,
                false => Self::Completed,
            },
            other => other,
        }
    }
}

impl Capture {
    pub(super) fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.settlement.at(now) {
            Settlement::Declined => "DECLINED",
            Settlement::Pending { .. } => "PENDING",
            Settlement::Completed => match self.amount.minor - self.refundable().minor {
                0 => "COMPLETED",
                gone if gone < self.amount.minor => "PARTIALLY_REFUNDED",
                _ => "REFUNDED",
            },
        }
    }

    /// What disputes call the state: there, what was taken back has a word of its own, which the payments API lacks.
    pub(super) fn truth(&self, now: DateTime<Utc>) -> &'static str {
        if self.reversed_minor > 0 { "REVERSED" } else { self.status(now) }
    }

    /// Whether the money has arrived, whatever became of it.
    pub(super) fn is_paid(&self) -> bool {
        self.settlement == Settlement::Completed
    }

    /// When it last changed; a pending one also changes when it clears.
    pub(super) fn changed_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.settlement {
            Settlement::Pending { until: Some(until), .. } if until <= now => self.updated_at.max(until),
            _ => self.updated_at,
        }
    }

    pub(super) fn refundable(&self) -> Amount {
        self.amount.with_minor(self.amount.minor - self.refunded_minor - self.reversed_minor)
    }
}

/// Money that went back to the payer. PayPal writes a reversal as a refund, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) capture_id: String,
    pub(super) amount: Amount,
    /// Of the capture, this refund included.
    pub(super) total_refunded: Amount,
    pub(super) note_to_payer: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    #[serde(default)]
    pub(super) how: Returned,
    #[serde(default)]
    pub(super) state: RefundState,
    /// When it was completed or failed, if that was later.
    #[serde(default)]
    pub(super) settled_at: Option<DateTime<Utc>>,
}

/// Who gave the money back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Returned {
    #[default]
    Merchant,
    /// The payer's bank took it, without a dispute.
    Bank,
    /// The merchant lost a dispute.
    Dispute,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RefundState {
    #[default]
    Completed,
    /// `until`: when it is decided by itself, if ever. `fails`: and then how.
    Pending {
        until: Option<DateTime<Utc>>,
        fails: bool,
    },
    Failed,
}

impl RefundState {
    /// As it is at `now`.
    pub(super) fn at(self, now: DateTime<Utc>) -> Self {
        match self {
            Self::Pending { until: Some(until), fails } if until <= now => match fails {
                true => Self::Failed,
                false => Self::Completed,
            },
            other => other,
        }
    }

    /// In PayPal's words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Completed => "COMPLETED",
            Self::Pending { .. } => "PENDING",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Authorization {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) order_id: String,
    pub(super) amount: Amount,
    pub(super) captured_minor: i64,
    pub(super) invoice_id: Option<String>,
    pub(super) custom_id: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) is_voided: bool,
    /// A capture said it was the last one.
    pub(super) is_closed: bool,
}

impl Authorization {
    pub(super) fn status(&self) -> &'static str {
        match (self.is_voided, self.is_closed, self.captured_minor) {
            (true, _, _) => "VOIDED",
            (false, true, _) => "CAPTURED",
            (false, false, 0) => "CREATED",
            (false, false, _) => "PARTIALLY_CAPTURED",
        }
    }

    pub(super) fn capturable(&self) -> Amount {
        self.amount.with_minor(self.amount.minor - self.captured_minor)
    }
}
