//! The requests.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::payment::{NewOrder, NewRefund};
use domain::provider::{Rejection, UpstreamError};
use reqwest::header::HeaderValue;
use serde_json::json;

use super::amount;
use crate::http::Call;

/// Longest `PayPal-Request-Id`.
const MAX_REQUEST_ID: usize = 108;
/// Longest `brand_name`, in characters.
const MAX_BRAND: usize = 127;
/// Longest `note_to_payer`, in characters.
const MAX_NOTE: usize = 255;
/// Most lines of a page of the report.
const REPORT_PAGE: &str = "500";
/// Most disputes of a page.
const DISPUTES_PAGE: &str = "50";

/// A lost answer is asked for again: the same request id gives the same order, and an order that the payer
/// has not approved costs nobody anything.
pub(super) fn create(order: &NewOrder) -> Result<Call, UpstreamError> {
    let value = amount::write(order.amount, &order.currency)?;
    let brand: String = order.brand.chars().take(MAX_BRAND).collect();
    let body = json!({
        "intent": "CAPTURE",
        "purchase_units": [{
            "custom_id": order.reference,
            "invoice_id": order.reference,
            "amount": { "currency_code": order.currency, "value": value },
        }],
        "payment_source": { "paypal": { "experience_context": {
            "brand_name": brand,
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            "return_url": order.return_url,
            "cancel_url": order.cancel_url,
        } } },
    });
    Ok(change(Call::post(&["v2", "checkout", "orders"]), &order.request_id)?.json(&body).repeatable())
}

pub(super) fn order(id: &str) -> Call {
    Call::get(&["v2", "checkout", "orders", id])
}

/// Not repeated by itself: whether money moved must be known, so a lost answer is the caller's to settle.
pub(super) fn capture(id: &str, request_id: &str) -> Result<Call, UpstreamError> {
    let call = Call::post(&["v2", "checkout", "orders", id, "capture"]);
    Ok(change(call, request_id)?.json(&json!({})))
}

pub(super) fn capture_state(id: &str) -> Call {
    Call::get(&["v2", "payments", "captures", id])
}

/// Not repeated by itself, for the same reason; the same request id gives the same refund.
pub(super) fn refund(refund: &NewRefund) -> Result<Call, UpstreamError> {
    let value = amount::write(refund.amount, &refund.currency)?;
    let note: String = refund.note.chars().take(MAX_NOTE).collect();
    let body = json!({
        "amount": { "currency_code": refund.currency, "value": value },
        "note_to_payer": note,
    });
    let call = Call::post(&["v2", "payments", "captures", &refund.capture, "refund"]);
    Ok(change(call, &refund.request_id)?.json(&body))
}

pub(super) fn returned(id: &str) -> Call {
    Call::get(&["v2", "payments", "refunds", id])
}

pub(super) fn dispute(id: &str) -> Call {
    Call::get(&["v1", "customer", "disputes", id])
}

/// A page of the disputes that changed since; `page` is what the one before it called it.
pub(super) fn disputes(since: DateTime<Utc>, page: Option<&str>) -> Call {
    let call = Call::get(&["v1", "customer", "disputes"])
        .query("update_time_after", since.to_rfc3339_opts(SecondsFormat::Millis, true))
        .query("page_size", DISPUTES_PAGE);
    match page {
        Some(page) => call.query("next_page_token", page),
        None => call,
    }
}

/// A page of the report, counted from 1. Only what moved the balance: holds and authorizations move nothing of ours.
pub(super) fn report(from: DateTime<Utc>, to: DateTime<Utc>, page: u32) -> Call {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    Call::get(&["v1", "reporting", "transactions"])
        .query("start_date", time(from))
        .query("end_date", time(to))
        .query("fields", "transaction_info")
        .query("page_size", REPORT_PAGE)
        .query("page", page.to_string())
}

/// Asks PayPal whether it signed a webhook. Changes nothing, so it may be repeated.
pub(super) fn verify(body: String) -> Call {
    Call::post(&["v1", "notifications", "verify-webhook-signature"]).raw_json(body).repeatable()
}

/// Idempotent, and answered in full instead of by id and state alone.
fn change(call: Call, request_id: &str) -> Result<Call, UpstreamError> {
    let fits = (1..=MAX_REQUEST_ID).contains(&request_id.len());
    let value = HeaderValue::from_str(request_id).ok().filter(|_| fits);
    let value = value.ok_or_else(|| {
        UpstreamError::rejected(Rejection::Invalid, "the request id is no PayPal-Request-Id")
    })?;
    Ok(call
        .header("paypal-request-id", value)
        .header("prefer", HeaderValue::from_static("return=representation")))
}
