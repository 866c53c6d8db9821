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
    pub(super) refunded_minor: i64,
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
    /// `until`: when it completes by itself, if ever.
    Pending {
        until: Option<DateTime<Utc>>,
    },
    Declined,
}

impl Settlement {
    /// An e-check written at `now`.
    pub(super) fn clearing(now: DateTime<Utc>) -> Self {
        Self::Pending { until: Some(now + CLEARING) }
    }

    /// As it is at `now`.
    pub(super) fn at(self, now: DateTime<Utc>) -> Self {
        match self {
            Self::Pending { until: Some(until) } if until <= now => Self::Completed,
            other => other,
        }
    }
}

impl Capture {
    pub(super) fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.settlement.at(now) {
            Settlement::Declined => "DECLINED",
            Settlement::Pending { .. } => "PENDING",
            Settlement::Completed if self.refunded_minor == 0 => "COMPLETED",
            Settlement::Completed if self.refunded_minor < self.amount.minor => "PARTIALLY_REFUNDED",
            Settlement::Completed => "REFUNDED",
        }
    }

    /// When it last changed; a pending one also changes when it clears.
    pub(super) fn changed_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.settlement {
            Settlement::Pending { until: Some(until) } if until <= now => self.updated_at.max(until),
            _ => self.updated_at,
        }
    }

    pub(super) fn refundable(&self) -> Amount {
        self.amount.with_minor(self.amount.minor - self.refunded_minor)
    }
}

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
