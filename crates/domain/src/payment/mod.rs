//! Payments into the wallet, and the gateway they come through.

use async_trait::async_trait;
use url::Url;

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
}
