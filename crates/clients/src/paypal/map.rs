//! From PayPal's words to neutral values. Words we do not know are taken for *not there yet*: never is money
//! believed to have come, or to be lost, by a word nobody has read.

use chrono::{DateTime, Timelike as _, Utc};
use domain::Money;
use domain::payment::{
    Agreement, Capture, CaptureState, Dispute, DisputeVerdict, Disputed, Line, LineKind, LineState, Order,
    OrderState, PaymentRef, Returned, ReturnedState,
};
use url::Url;

use super::{amount, wire};
use crate::http::Invalid;

/// `is_local`: links without TLS are fine, as the simulator's are.
pub(super) fn order(order: wire::Order, is_local: bool) -> Result<Order, Invalid> {
    if order.id.is_empty() {
        return Err(Invalid("order without an id"));
    }
    let state = order_state(&order.status);
    let captures = order.purchase_units.iter().flat_map(|unit| &unit.payments.captures);
    let captures: Vec<Capture> = captures.map(capture).collect::<Result<_, _>>()?;
    let best = captures.iter().find(|capture| capture.state != CaptureState::Declined).or(captures.first());
    if state == OrderState::Completed && best.is_none() {
        return Err(Invalid("completed order without a capture"));
    }
    let approve_url = match state {
        OrderState::AwaitingApproval => approve_url(&order.links, is_local)?,
        _ => None,
    };
    let refunds = order.purchase_units.iter().flat_map(|unit| &unit.payments.refunds);
    let returned: Vec<Returned> = refunds.map(self::returned).collect::<Result<_, _>>()?;
    Ok(Order { id: order.id, state, approve_url, capture: best.cloned(), returned })
}

/// A new order is of no use without the link to approve it.
pub(super) fn payable(order: Order) -> Result<Order, Invalid> {
    match (order.state, &order.approve_url) {
        (OrderState::AwaitingApproval, None) => Err(Invalid("order without an approval link")),
        _ => Ok(order),
    }
}

/// A question is of no use without the link to answer it.
pub(super) fn agreement(token: wire::SetupToken, is_local: bool) -> Result<Agreement, Invalid> {
    if token.id.is_empty() {
        return Err(Invalid("setup token without an id"));
    }
    let approve_url = approve_url(&token.links, is_local)?;
    Ok(Agreement {
        id: token.id,
        approve_url: approve_url.ok_or(Invalid("setup token without an approval link"))?,
    })
}

/// Guards against an answer about something else.
pub(super) fn same_order(order: Order, id: &str) -> Result<Order, Invalid> {
    if order.id == id { Ok(order) } else { Err(Invalid("another order than asked for")) }
}

/// Guards against an answer about something else.
pub(super) fn same_returned(returned: Returned, id: &str) -> Result<Returned, Invalid> {
    if returned.id == id { Ok(returned) } else { Err(Invalid("another refund than asked for")) }
}

/// Guards against an answer about something else.
pub(super) fn same_dispute(dispute: Dispute, id: &str) -> Result<Dispute, Invalid> {
    if dispute.id == id { Ok(dispute) } else { Err(Invalid("another dispute than asked for")) }
}

/// Guards against an answer about something else.
pub(super) fn same_capture(capture: Capture, id: &str) -> Result<Capture, Invalid> {
    if capture.id == id { Ok(capture) } else { Err(Invalid("another capture than asked for")) }
}

pub(super) fn capture(capture: &wire::Capture) -> Result<Capture, Invalid> {
    let wire::Amount { currency_code, value } = &capture.amount;
    if capture.id.is_empty() {
        return Err(Invalid("capture without an id"));
    }
    if !amount::is_currency(currency_code) {
        return Err(Invalid("capture without a currency"));
    }
    Ok(Capture {
        id: capture.id.clone(),
        state: capture_state(&capture.status),
        amount: amount::read(value).ok_or(Invalid("capture without an amount"))?,
        currency: currency_code.clone(),
    })
}

/// Amount and currency.
fn money(amount: &wire::Amount, what: &'static str) -> Result<(Money, String), Invalid> {
    let wire::Amount { currency_code, value } = amount;
    if !amount::is_currency(currency_code) {
        return Err(Invalid(what));
    }
    Ok((amount::read(value).ok_or(Invalid(what))?, currency_code.clone()))
}

pub(super) fn returned(refund: &wire::Refund) -> Result<Returned, Invalid> {
    if refund.id.is_empty() {
        return Err(Invalid("refund without an id"));
    }
    let (amount, currency) = money(&refund.amount, "refund without an amount")?;
    Ok(Returned {
        id: refund.id.clone(),
        state: returned_state(&refund.status),
        amount,
        currency,
        payment: PaymentRef {
            capture: capture_link(&refund.links),
            order: None,
            reference: refund.custom_id.clone().or(refund.invoice_id.clone()),
        },
        at: refund.create_time,
    })
}

/// The capture that a refund links to.
pub(super) fn capture_link(links: &[wire::Link]) -> Option<String> {
    let up = links.iter().find(|link| link.rel == "up" && link.href.contains("/captures/"))?;
    up.href.rsplit('/').next().filter(|id| !id.is_empty()).map(str::to_owned)
}

fn returned_state(status: &str) -> ReturnedState {
    match status {
        "COMPLETED" => ReturnedState::Completed,
        "PENDING" => ReturnedState::Pending,
        "FAILED" | "CANCELLED" => ReturnedState::Failed,
        other => {
            tracing::warn!(status = other.escape_debug().to_string(), "unknown PayPal refund status");
            ReturnedState::Pending
        }
    }
}

/// A dispute is about one payment as a rule; the amounts of one about several are laid on them in order.
pub(super) fn dispute(dispute: wire::Dispute) -> Result<Dispute, Invalid> {
    let (mut disputed, currency) = money(&dispute.dispute_amount, "dispute without an amount")?;
    let verdict = verdict(&dispute);
    let mut refunded = match (&verdict, &dispute.dispute_outcome) {
        (DisputeVerdict::ForPayer, Some(wire::Outcome { amount_refunded: Some(amount), .. })) => {
            money(amount, "dispute without an outcome")?.0
        }
        (DisputeVerdict::ForPayer, _) => disputed,
        _ => Money::ZERO,
    };
    let mut payments = Vec::new();
    let count = dispute.disputed_transactions.len();
    for (index, one) in dispute.disputed_transactions.into_iter().enumerate() {
        let gross = match &one.gross_amount {
            Some(amount) if index + 1 < count => money(amount, "disputed payment without an amount")?.0,
            _ => disputed.max(refunded),
        };
        let lay = |rest: &mut Money| {
            let part = gross.min(*rest);
            *rest = rest.minus(part).unwrap_or_default();
            part
        };
        payments.push(Disputed {
            amount: lay(&mut disputed),
            to_payer: lay(&mut refunded),
            payment: PaymentRef {
                capture: one.seller_transaction_id,
                order: None,
                reference: one.custom.or(one.invoice_number),
            },
        });
    }
    payments.retain(|one| one.amount.is_positive());
    Ok(Dispute {
        id: dispute.dispute_id,
        verdict,
        stage: dispute.dispute_life_cycle_stage.unwrap_or(dispute.status),
        reason: dispute.reason.unwrap_or_default(),
        currency,
        payments,
        // Times of refunds have whole seconds.
        began_at: dispute.create_time.with_nanosecond(0).unwrap_or(dispute.create_time),
        changed_at: dispute.update_time.unwrap_or(dispute.create_time),
    })
}

/// What the page after this one is called, if there is one.
pub(super) fn next_page(links: &[wire::Link]) -> Option<String> {
    let next = links.iter().find(|link| link.rel == "next")?;
    let url = Url::parse(&next.href).ok()?;
    url.query_pairs().find(|(name, _)| name == "next_page_token").map(|(_, page)| page.into_owned())
}

/// Only words we know decide about money.
fn verdict(dispute: &wire::Dispute) -> DisputeVerdict {
    if dispute.status != "RESOLVED" {
        return DisputeVerdict::Open;
    }
    match dispute.dispute_outcome.as_ref().map(|outcome| outcome.outcome_code.as_str()) {
        // PayPal pays the buyer out of its own pocket: the money stays with us.
        Some("RESOLVED_SELLER_FAVOUR" | "CANCELED_BY_BUYER" | "DENIED" | "RESOLVED_WITH_PAYOUT") => {
            DisputeVerdict::ForUs
        }
        Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => DisputeVerdict::ForPayer,
        other => {
            tracing::warn!(outcome = ?other, "unknown outcome of a PayPal dispute");
            DisputeVerdict::Open
        }
    }
}

/// A line of the report; `None` for one that moved no money.
pub(super) fn line(info: wire::TransactionInfo) -> Result<Option<Line>, Invalid> {
    let Some(amount) = &info.transaction_amount else { return Ok(None) };
    let wire::Amount { currency_code, value } = amount;
    let value: Money = value.parse().map_err(|_| Invalid("transaction without an amount"))?;
    let is_in = value >= Money::ZERO;
    let amount = if is_in { value } else { value.negated().map_err(|_| Invalid("amount out of range"))? };
    let kind = line_kind(&info.transaction_event_code, is_in);
    let related = info.paypal_reference_id.filter(|id| !id.is_empty());
    let (order, related) = match info.paypal_reference_id_type.as_deref() {
        Some("ODR") => (related, None),
        _ => (None, related),
    };
    let capture = match kind {
        LineKind::Capture => Some(info.transaction_id.clone()),
        _ => related,
    };
    Ok(Some(Line {
        id: info.transaction_id,
        kind,
        state: line_state(&info.transaction_status),
        amount,
        currency: currency_code.clone(),
        at: report_time(&info.transaction_initiation_date).ok_or(Invalid("transaction without a time"))?,
        payment: PaymentRef { order, capture, reference: info.custom_field.or(info.invoice_id) },
    }))
}

/// The report writes offsets without a colon.
fn report_time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    Some(time.ok()?.with_timezone(&Utc))
}

/// T00: payments, T1107: refunds by the merchant, T11 and T12 otherwise: reversals and chargebacks, of which T1105 and
/// T1110 are holds and T1108 and T1109 are about fees.
fn line_kind(code: &str, is_in: bool) -> LineKind {
    match code {
        "T1107" if !is_in => LineKind::Refund,
        "T1105" | "T1108" | "T1109" | "T1110" | "T1111" => LineKind::Other,
        "T1106" | "T1201" if !is_in => LineKind::Reversal,
        _ if code.starts_with("T00") && is_in => LineKind::Capture,
        _ => LineKind::Other,
    }
}

fn line_state(status: &str) -> LineState {
    match status {
        "S" | "V" => LineState::Completed,
        "D" => LineState::Failed,
        _ => LineState::Pending,
    }
}

fn order_state(status: &str) -> OrderState {
    match status {
        "APPROVED" => OrderState::Approved,
        "COMPLETED" => OrderState::Completed,
        "VOIDED" => OrderState::Voided,
        "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => OrderState::AwaitingApproval,
        other => {
            tracing::warn!(status = other.escape_debug().to_string(), "unknown PayPal order status");
            OrderState::AwaitingApproval
        }
    }
}

/// The API says `DECLINED` where webhooks say `DENIED`; both are taken.
fn capture_state(status: &str) -> CaptureState {
    match status {
        "COMPLETED" => CaptureState::Completed,
        "PENDING" => CaptureState::Pending,
        "DECLINED" | "DENIED" | "FAILED" => CaptureState::Declined,
        "REFUNDED" | "PARTIALLY_REFUNDED" | "REVERSED" => CaptureState::Refunded,
        other => {
            tracing::warn!(status = other.escape_debug().to_string(), "unknown PayPal capture status");
            CaptureState::Pending
        }
    }
}

fn approve_url(links: &[wire::Link], is_local: bool) -> Result<Option<Url>, Invalid> {
    let Some(link) = links.iter().find(|link| matches!(link.rel.as_str(), "payer-action" | "approve")) else {
        return Ok(None);
    };
    let url = Url::parse(&link.href).map_err(|_| Invalid("approval link that is no URL"))?;
    match url.scheme() {
        "https" => Ok(Some(url)),
        "http" if is_local => Ok(Some(url)),
        _ => Err(Invalid("approval link without TLS")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(json: Value) -> Result<Order, Invalid> {
        order(serde_json::from_value(json).unwrap(), false)
    }

    fn capture_json(id: &str, status: &str) -> Value {
        json!({ "id": id, "status": status, "amount": { "currency_code": "USD", "value": "25.00" } })
    }

    fn with_captures(captures: &[Value]) -> Value {
        let units = json!([{ "payments": { "captures": captures } }]);
        json!({ "id": "O1", "status": "COMPLETED", "purchase_units": units })
    }

    #[test]
    fn unknown_words_mean_not_there_yet() {
        let order = read(json!({ "id": "O1", "status": "SOMETHING_NEW" })).unwrap();
        assert_eq!((order.state, order.capture), (OrderState::AwaitingApproval, None));
        let order = read(with_captures(&[capture_json("C1", "SOMETHING_NEW")])).unwrap();
        assert_eq!(order.capture.unwrap().state, CaptureState::Pending);
    }

    #[test]
    fn a_completed_order_may_hold_a_pending_capture() {
        let order = read(with_captures(&[capture_json("C1", "PENDING")])).unwrap();
        assert_eq!(
            (order.state, order.capture.unwrap().state),
            (OrderState::Completed, CaptureState::Pending)
        );
    }

    #[test]
    fn the_capture_that_took_money_counts() {
        let order = read(with_captures(&[capture_json("C1", "DECLINED"), capture_json("C2", "COMPLETED")]));
        assert_eq!(order.unwrap().capture.unwrap().id, "C2");
    }

    #[test]
    fn answers_that_cannot_be_are_refused() {
        assert!(read(json!({ "id": "", "status": "CREATED" })).is_err());
        assert!(read(json!({ "id": "O1", "status": "COMPLETED" })).is_err());
        let mut odd = capture_json("C1", "COMPLETED");
        odd["amount"]["value"] = json!("-25.00");
        assert!(read(with_captures(&[odd])).is_err());
    }

    #[test]
    fn approval_links_are_encrypted_and_there_only_while_useful() {
        let order = |status: &str, href: &str| {
            read(json!({ "id": "O1", "status": status, "links": [{ "rel": "payer-action", "href": href }] }))
        };
        let link = "https://www.paypal.com/checkoutnow?token=O1";
        assert_eq!(order("PAYER_ACTION_REQUIRED", link).unwrap().approve_url.unwrap().as_str(), link);
        assert_eq!(order("APPROVED", link).unwrap().approve_url, None);
        for bad in ["http://www.paypal.com/checkoutnow", "javascript:alert(1)", "/checkoutnow"] {
            assert!(order("CREATED", bad).is_err(), "{bad}");
        }
        assert!(payable(order("CREATED", link).unwrap()).is_ok());
        assert!(payable(read(json!({ "id": "O1", "status": "CREATED" })).unwrap()).is_err());
    }
}
