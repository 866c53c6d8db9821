//! Payments into the wallet, and the gateway they come through.

mod auto;
mod refund;
mod report;
mod webhook;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;

pub use auto::{
    Agreed, Agreement, AutoTerms, AutoTopUpState, Charged, NewAgreement, NewCharge, OffReason, RETRY,
    THRESHOLD_HOURS_MAX, Threshold,
};
pub use refund::{
    Dispute, DisputeState, DisputeVerdict, Disputed, NewRefund, RefundKind, RefundState, Returned,
    ReturnedState,
};
pub use report::{Line, LineKind, LineState};
pub use webhook::{Leave, Message, News, Subject, Verdict};

use crate::Money;
use crate::provider::UpstreamError;
use crate::text_enum::stored_enum;

stored_enum! {
    /// How far a top-up is.
    pub enum TopUpState {
        /// Asked for; the order is being made at the gateway.
        Created = "created",
        /// The payer can approve.
        AwaitingApproval = "awaiting_approval",
        /// Taken, but the gateway holds the money back (for example an e-check).
        Pending = "pending",
        /// The money is in the wallet.
        Completed = "completed",
        /// Refused by the gateway or the payer's bank.
        Failed = "failed",
        /// Never approved in time.
        Expired = "expired",
    }
}

impl TopUpState {
    /// Is it over?
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Expired)
    }
}

/// An order to make at the gateway.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Same id, same order: the gateway's idempotency key.
    pub request_id: String,
    /// Our top-up id; comes back with captures. Also unique as invoice number.
    pub reference: String,
    /// What the payer pays.
    pub amount: Money,
    /// ISO 4217 code.
    pub currency: String,
    /// The name the payer sees.
    pub brand: String,
    /// Where the payer comes back to after approving.
    pub return_url: Url,
    /// Where the payer comes back to after declining.
    pub cancel_url: Url,
}

/// An order at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The gateway's id.
    pub id: String,
    /// How far it is.
    pub state: OrderState,
    /// Where the payer approves, while that is possible.
    pub approve_url: Option<Url>,
    /// The capture, once there is one.
    pub capture: Option<Capture>,
    /// What went back of it, as far as the gateway tells with the order.
    pub returned: Vec<Returned>,
}

/// How far an order is at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// Waits for the payer.
    AwaitingApproval,
    /// The payer approved; it can be captured.
    Approved,
    /// Captured: see the capture for whether the money is ours.
    Completed,
    /// Given up.
    Voided,
}

/// Money taken from a payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// The gateway's id: each is credited once, whatever brings the news.
    pub id: String,
    /// Whether the money is ours.
    pub state: CaptureState,
    /// What was really taken.
    pub amount: Money,
    /// ISO 4217 code of what was taken.
    pub currency: String,
}

/// Whether captured money is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureState {
    /// It is.
    Completed,
    /// Not yet.
    Pending,
    /// It will not be.
    Declined,
    /// It was, and went back in part or whole.
    Refunded,
}

/// How a gateway names one of our payments: whichever of these it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentRef {
    /// The gateway's order.
    pub order: Option<String>,
    /// The gateway's capture.
    pub capture: Option<String>,
    /// Our own reference, as it was given with the order.
    pub reference: Option<String>,
}

impl PaymentRef {
    /// By its capture alone.
    pub fn of_capture(capture: impl Into<String>) -> Self {
        Self { capture: Some(capture.into()), ..Self::default() }
    }
}

/// How many digits after the point a payer can pay, and be paid back, in a currency.
pub const fn digits(currency: &str) -> u32 {
    // Whatever ISO 4217 says: gateways take two for every currency but these.
    match currency.as_bytes() {
        b"HUF" | b"JPY" | b"TWD" => 0,
        _ => 2,
    }
}

/// Rounds down to what can be paid in the currency.
pub const fn payable(amount: Money, currency: &str) -> Money {
    let unit = 10_i64.pow(6 - digits(currency));
    Money::from_micros(amount.micros() - amount.micros().rem_euclid(unit))
}

/// A payment gateway. Part of the worker's context alone.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Makes an order; the same `request_id` gives the same order.
    async fn create_order(&self, order: &NewOrder) -> Result<Order, UpstreamError>;

    /// An order as it is now.
    async fn order(&self, id: &str) -> Result<Order, UpstreamError>;

    /// Takes the money of an approved order; the same `request_id` takes it once. An order that
    /// was captured before is returned with its capture. An order that is not approved yet is
    /// returned unchanged.
    async fn capture(&self, id: &str, request_id: &str) -> Result<Order, UpstreamError>;

    /// A capture as it is now.
    async fn capture_state(&self, capture_id: &str) -> Result<Capture, UpstreamError>;

    /// Asks a payer for the leave to charge; the same `request_id` asks once.
    async fn ask_to_agree(&self, agreement: &NewAgreement) -> Result<Agreement, UpstreamError>;

    /// What the payer answered; the same `request_id` gives the same leave.
    async fn agreed(&self, id: &str, request_id: &str) -> Result<Agreed, UpstreamError>;

    /// Does a leave to charge still hold?
    async fn holds(&self, token: &SecretString) -> Result<bool, UpstreamError>;

    /// Gives a leave to charge back. One that is not there any more is no failure.
    async fn give_back(&self, token: &SecretString) -> Result<(), UpstreamError>;

    /// Takes money from a payer who agreed to it; the same `request_id` takes it once.
    async fn charge(&self, charge: &NewCharge) -> Result<Charged, UpstreamError>;

    /// Gives money of a capture back to its payer; the same `request_id` gives it back once.
    async fn refund(&self, refund: &NewRefund) -> Result<Returned, UpstreamError>;

    /// What went back, by us, by the gateway itself or at the payer's wish, as it is now.
    async fn returned(&self, id: &str) -> Result<Returned, UpstreamError>;

    /// A dispute as it is now.
    async fn dispute(&self, id: &str) -> Result<Dispute, UpstreamError>;

    /// Ids of the disputes that began or changed since a time, at most 180 days ago.
    async fn disputes(&self, since: DateTime<Utc>) -> Result<Vec<String>, UpstreamError>;

    /// What the gateway's books say between two times, at most 31 days apart. They follow with some
    /// hours' delay.
    async fn report(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Line>, UpstreamError>;

    /// Whether a message really comes from the gateway, and what it is about.
    async fn verify(&self, message: &Message) -> Result<Verdict, UpstreamError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_paid_back_in_digits_that_exist() {
        let paid = |micros, currency| payable(Money::from_micros(micros), currency).micros();
        assert_eq!(paid(1_239_999, "USD"), 1_230_000);
        assert_eq!(paid(1_239_999, "JPY"), 1_000_000);
        assert_eq!(paid(9_999, "EUR"), 0);
    }
}
