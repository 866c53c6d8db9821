//! From PayPal's words to neutral values. Words we do not know are taken for *not there yet*: never is money
//! believed to have come, or to be lost, by a word nobody has read.

use domain::payment::{Capture, CaptureState, Order, OrderState};
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
    Ok(Order { id: order.id, state, approve_url, capture: best.cloned() })
}

/// A new order is of no use without the link to approve it.
pub(super) fn payable(order: Order) -> Result<Order, Invalid> {
    match (order.state, &order.approve_url) {
        (OrderState::AwaitingApproval, None) => Err(Invalid("order without an approval link")),
        _ => Ok(order),
    }
}

/// Guards against an answer about something else.
pub(super) fn same_order(order: Order, id: &str) -> Result<Order, Invalid> {
    if order.id == id { Ok(order) } else { Err(Invalid("another order than asked for")) }
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
