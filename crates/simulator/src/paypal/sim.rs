//! The truth that tests and the admin interface see.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::books::Books;
use super::order::Order;
use super::payment::Capture;
use super::vault::{PaymentToken, TokenState};
use crate::core::FaultKind;

/// An order as PayPal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimOrder {
    /// Simulated merchant account.
    pub account: String,
    pub id: String,
    /// In PayPal's words, or `EXPIRED` for an order that the API does not know any more.
    pub status: String,
    /// Of the first purchase unit.
    pub custom_id: Option<String>,
    /// Of the first purchase unit.
    pub invoice_id: Option<String>,
    /// Decimal text, the sum of all units.
    pub amount: String,
    pub currency: String,
    /// Virtual time.
    pub created_at: DateTime<Utc>,
    pub captures: Vec<SimCapture>,
}

/// A capture as PayPal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimCapture {
    pub id: String,
    /// `COMPLETED`, `PENDING`, `DECLINED`, `PARTIALLY_REFUNDED` or `REFUNDED`, and `REVERSED` where something was taken
    /// back: PayPal's API says one of the two before for that.
    pub status: String,
    /// Decimal text.
    pub amount: String,
    /// Decimal text: by refunds that have not failed.
    pub refunded: String,
    /// Decimal text: taken back by the payer's bank or lost in a dispute.
    pub reversed: String,
    pub currency: String,
    /// Virtual time.
    pub created_at: DateTime<Utc>,
}

/// A leave to charge as PayPal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimToken {
    pub id: String,
    /// `ACTIVE`, `DELETED` by the merchant or `REVOKED` by the payer.
    pub status: &'static str,
}

/// An attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimDelivery {
    /// `WH-…`: the same for every copy and every attempt.
    pub event_id: String,
    /// In PayPal's words: `PAYMENT.CAPTURE.COMPLETED`.
    pub event_type: String,
    /// Of the subscription.
    pub webhook_id: String,
    /// 1 for the first; copies of the same attempt have the same number.
    pub attempt: u32,
    /// What the listener answered; `None` when it did not, or nothing was sent.
    pub status: Option<u16>,
    /// The fault that was played.
    pub fault: Option<FaultKind>,
}

impl SimCapture {
    pub(super) fn of(capture: &Capture, now: DateTime<Utc>) -> Self {
        Self {
            id: capture.id.clone(),
            status: capture.truth(now).to_owned(),
            amount: capture.amount.value(),
            refunded: capture.amount.with_minor(capture.refunded_minor).value(),
            reversed: capture.amount.with_minor(capture.reversed_minor).value(),
            currency: capture.amount.currency.clone(),
            created_at: capture.created_at,
        }
    }
}

impl Books {
    /// Every leave to charge that was ever given, oldest first.
    pub(super) fn sim_tokens(&self) -> Vec<SimToken> {
        let mut tokens: Vec<&PaymentToken> = self.records.payment_tokens.values().collect();
        tokens.sort_by_key(|token| (token.created_at, &token.id));
        let status = |state| match state {
            TokenState::Active => "ACTIVE",
            TokenState::Deleted => "DELETED",
            TokenState::Revoked => "REVOKED",
        };
        tokens
            .into_iter()
            .map(|token| SimToken { id: token.id.clone(), status: status(token.state) })
            .collect()
    }

    /// Every order ever made, oldest first.
    pub(super) fn sim_orders(&self, now: DateTime<Utc>) -> Vec<SimOrder> {
        let mut orders: Vec<SimOrder> =
            self.records.orders.values().map(|order| self.sim_order(order, now)).collect();
        orders.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        orders
    }

    pub(super) fn sim_order(&self, order: &Order, now: DateTime<Utc>) -> SimOrder {
        let total = order.total();
        let text = |field| order.request.units.first()?.text(field).map(str::to_owned);
        SimOrder {
            account: order.account.clone(),
            id: order.id.clone(),
            status: if order.is_expired(now) { "EXPIRED" } else { order.status() }.to_owned(),
            custom_id: text("custom_id"),
            invoice_id: text("invoice_id"),
            amount: total.value(),
            currency: total.currency,
            created_at: order.created_at,
            captures: self.captures_of(order).map(|capture| SimCapture::of(capture, now)).collect(),
        }
    }
}
