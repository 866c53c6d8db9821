//! What moved on a merchant's balance, line by line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::books::{Books, Call};
use super::dispute::Dispute;
use super::payment::{Capture, Refund, Returned};

/// A line. Nothing is ever changed in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) account: String,
    /// Of the capture, refund or reversal; a hold has one of its own.
    pub(super) transaction_id: String,
    /// The capture that this is about, unless it is the capture itself.
    pub(super) reference_id: Option<String>,
    pub(super) code: Code,
    pub(super) at: DateTime<Utc>,
    /// Above zero for the merchant.
    pub(super) amount: Amount,
    /// Zero or below.
    pub(super) fee: Amount,
    pub(super) payer_id: Option<String>,
    pub(super) invoice_id: Option<String>,
    pub(super) custom_id: Option<String>,
}

/// PayPal's transaction event codes, as far as they occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Code {
    /// A payment by checkout.
    #[serde(rename = "T0006")]
    Payment,
    /// A payment without the payer, with a payment token.
    #[serde(rename = "T0003")]
    Preapproved,
    /// The payer's bank has taken money back.
    #[serde(rename = "T1106")]
    Reversal,
    #[serde(rename = "T1107")]
    Refund,
    /// What is disputed is held …
    #[serde(rename = "T1110")]
    Hold,
    /// … until the end.
    #[serde(rename = "T1111")]
    Release,
    /// A dispute was lost.
    #[serde(rename = "T1201")]
    Chargeback,
}

impl Code {
    /// As reports write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Payment => "T0006",
            Self::Preapproved => "T0003",
            Self::Reversal => "T1106",
            Self::Refund => "T1107",
            Self::Hold => "T1110",
            Self::Release => "T1111",
            Self::Chargeback => "T1201",
        }
    }

    /// Whether it moves money within the balance only.
    pub(super) fn is_hold(self) -> bool {
        matches!(self, Self::Hold | Self::Release)
    }
}

impl Books {
    /// A payment has arrived.
    pub(super) fn enter_payment(&mut self, call: &Call, capture: &Capture) {
        let fee = capture.amount.fee();
        let order = self.records.orders.get(&capture.order_id);
        let is_preapproved = order.is_some_and(|order| order.request.vault_id.is_some());
        let code = if is_preapproved { Code::Preapproved } else { Code::Payment };
        self.enter(call, capture, &capture.id, code, capture.amount.clone(), fee.with_minor(-fee.minor));
    }

    /// Money has gone back. PayPal keeps its fee.
    pub(super) fn enter_return(&mut self, call: &Call, refund: &Refund) {
        let Some(capture) = self.records.captures.get(&refund.capture_id).cloned() else { return };
        let code = match refund.how {
            Returned::Merchant => Code::Refund,
            Returned::Bank => Code::Reversal,
            Returned::Dispute => Code::Chargeback,
        };
        let amount = refund.amount.with_minor(-refund.amount.minor);
        self.enter(call, &capture, &refund.id, code, amount, refund.amount.with_minor(0));
    }

    /// What is disputed is held, or free again.
    pub(super) fn enter_hold(&mut self, call: &Call, dispute: &Dispute, code: Code) {
        let Some(capture) = self.records.captures.get(&dispute.capture_id).cloned() else { return };
        let sign = if code == Code::Hold { -1 } else { 1 };
        let (amount, id) =
            (dispute.amount.with_minor(sign * dispute.amount.minor), self.core.ids.code("paypal.hold", 17));
        self.enter(call, &capture, &id, code, amount, dispute.amount.with_minor(0));
    }

    fn enter(&mut self, call: &Call, capture: &Capture, id: &str, code: Code, amount: Amount, fee: Amount) {
        let payer_id = self.records.orders.get(&capture.order_id).map(|order| order.payer_id.clone());
        self.records.journal.push(Entry {
            account: capture.account.clone(),
            transaction_id: id.to_owned(),
            reference_id: Some(capture.id.clone()).filter(|capture| capture != id),
            code,
            at: call.now,
            amount,
            fee,
            payer_id,
            invoice_id: capture.invoice_id.clone(),
            custom_id: capture.custom_id.clone(),
        });
    }
}
