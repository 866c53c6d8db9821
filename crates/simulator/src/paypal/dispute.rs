//! A payer who wants the money back, and how far that has gone.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amount::Amount;

/// How long the merchant has to answer.
const ANSWER_WITHIN: TimeDelta = TimeDelta::days(10);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) capture_id: String,
    /// All of the capture or a part, held back while the dispute is open.
    pub(super) amount: Amount,
    pub(super) reason: String,
    pub(super) stage: Stage,
    /// Whether PayPal waits for the merchant's answer.
    pub(super) awaits_seller: bool,
    pub(super) outcome: Option<Outcome>,
    /// What the payer got back.
    pub(super) refunded: Option<Amount>,
    /// What the merchant has sent in.
    pub(super) evidences: Vec<Value>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// Between payer and merchant first, then before the payer's bank, then again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Stage {
    Inquiry,
    Chargeback,
    PreArbitration,
    Arbitration,
}

impl Stage {
    /// In PayPal's words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inquiry => "INQUIRY",
            Self::Chargeback => "CHARGEBACK",
            Self::PreArbitration => "PRE_ARBITRATION",
            Self::Arbitration => "ARBITRATION",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Outcome {
    /// The payer gets the amount back from the merchant.
    ResolvedBuyerFavour,
    ResolvedSellerFavour,
    /// Both keep the money: PayPal pays the payer.
    ResolvedWithPayout,
    CanceledByBuyer,
    /// The merchant's bank accepted the claim: as in the buyer's favour.
    Accepted,
    /// The claim was denied: as in the seller's favour.
    Denied,
}

impl Outcome {
    /// In PayPal's words.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::ResolvedBuyerFavour => "RESOLVED_BUYER_FAVOUR",
            Self::ResolvedSellerFavour => "RESOLVED_SELLER_FAVOUR",
            Self::ResolvedWithPayout => "RESOLVED_WITH_PAYOUT",
            Self::CanceledByBuyer => "CANCELED_BY_BUYER",
            Self::Accepted => "ACCEPTED",
            Self::Denied => "DENIED",
        }
    }

    /// Whether the merchant loses the disputed amount.
    pub(super) fn is_lost(self) -> bool {
        matches!(self, Self::ResolvedBuyerFavour | Self::Accepted)
    }
}

impl Dispute {
    pub(super) fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    pub(super) fn status(&self) -> &'static str {
        match (self.outcome, self.awaits_seller) {
            (Some(_), _) => "RESOLVED",
            (None, true) => "WAITING_FOR_SELLER_RESPONSE",
            (None, false) => "UNDER_REVIEW",
        }
    }

    /// The same in the words of lists.
    pub(super) fn state(&self) -> &'static str {
        match (self.outcome, self.awaits_seller) {
            (Some(_), _) => "RESOLVED",
            (None, true) => "REQUIRED_ACTION",
            (None, false) => "UNDER_PAYPAL_REVIEW",
        }
    }

    /// Until when the merchant has to answer, if it has to.
    pub(super) fn answer_due(&self) -> Option<DateTime<Utc>> {
        (self.is_open() && self.awaits_seller).then(|| self.updated_at + ANSWER_WITHIN)
    }
}
