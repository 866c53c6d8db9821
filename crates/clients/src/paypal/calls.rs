//! The requests.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::payment::{NewAgreement, NewCharge, NewOrder, NewRefund};
use domain::provider::{Rejection, UpstreamError};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::amount;
use crate::http::Call;

/// Longest `PayPal-Request-Id`.
const MAX_REQUEST_ID: usize = 108;
/// Longest `brand_name`, in characters.
const MAX_BRAND: usize = 127;
/// Longest `description` of an agreement, in characters.
const MAX_DESCRIPTION: usize = 128;
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

/// Asks the payer for the leave to charge. Repeatable: the same request id gives the same question, and one that nobody
/// answers costs nobody anything.
pub(super) fn ask_to_agree(agreement: &NewAgreement) -> Result<Call, UpstreamError> {
    let brand: String = agreement.brand.chars().take(MAX_BRAND).collect();
    let description: String = agreement.description.chars().take(MAX_DESCRIPTION).collect();
    let body = json!({ "payment_source": { "paypal": {
        "description": description,
        "usage_type": "MERCHANT",
        "permit_multiple_payment_tokens": true,
        "experience_context": {
            "brand_name": brand,
            "shipping_preference": "NO_SHIPPING",
            "return_url": agreement.return_url,
            "cancel_url": agreement.cancel_url,
        },
    } } });
    let call = Call::post(&["v3", "vault", "setup-tokens"]);
    Ok(change(call, &agreement.request_id)?.json(&body).repeatable())
}

/// Asks for the leave to charge. Repeatable: the same request id gives the same leave.
pub(super) fn agreed(id: &str, request_id: &str) -> Result<Call, UpstreamError> {
    let body = json!({ "payment_source": { "token": { "id": id, "type": "SETUP_TOKEN" } } });
    let call = Call::post(&["v3", "vault", "payment-tokens"]);
    Ok(change(call, request_id)?.json(&body).repeatable())
}

pub(super) fn leave(token: &SecretString) -> Call {
    Call::get(&["v3", "vault", "payment-tokens", token.expose_secret()]).hiding(token)
}

/// Repeatable: what is gone is gone.
pub(super) fn give_back(token: &SecretString) -> Call {
    Call::delete(&["v3", "vault", "payment-tokens", token.expose_secret()]).hiding(token).repeatable()
}

/// Takes money at once. Not repeated by itself: whether money moved must be known, so a lost answer is the caller's to
/// settle.
pub(super) fn charge(charge: &NewCharge) -> Result<Call, UpstreamError> {
    let value = amount::write(charge.amount, &charge.currency)?;
    let body = json!({
        "intent": "CAPTURE",
        "purchase_units": [{
            "custom_id": charge.reference,
            "invoice_id": charge.reference,
            "amount": { "currency_code": charge.currency, "value": value },
        }],
        "payment_source": { "paypal": {
            "vault_id": charge.token.expose_secret(),
            "stored_credential": {
                "payment_initiator": "MERCHANT",
                "usage": "SUBSEQUENT",
                "usage_pattern": "THRESHOLD_PREPAID",
            },
        } },
    });
    let call = Call::post(&["v2", "checkout", "orders"]).hiding(&charge.token);
    Ok(change(call, &charge.request_id)?.json(&body))
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
