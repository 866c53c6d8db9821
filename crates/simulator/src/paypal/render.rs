//! Orders and payments as JSON.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::books::{Books, Call};
use super::order::{Flow, Intent, Order, Unit};
use super::payment::{Authorization, Capture, Refund, RefundState, Settlement};

const PAYER_EMAIL: &str = "payer@example.com";
/// How long an authorization can be captured.
const AUTHORIZED_FOR: TimeDelta = TimeDelta::days(29);

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn link(href: &str, rel: &str, method: &str) -> Value {
    json!({ "href": href, "rel": rel, "method": method })
}

/// Where the payer approves.
pub(super) fn checkout_url(origin: &str, order_id: &str) -> String {
    format!("{origin}/checkoutnow?token={order_id}")
}

impl Books {
    /// The whole order.
    pub(super) fn order_json(&self, order: &Order, call: &Call) -> Value {
        let mut json = self.order_summary(order, call, false);
        json["intent"] = json!(match order.request.intent {
            Intent::Capture => "CAPTURE",
            Intent::Authorize => "AUTHORIZE",
        });
        json["create_time"] = json!(time(order.created_at));
        json["update_time"] = json!(time(order.updated_at));
        let units: Vec<Value> = order
            .request
            .units
            .iter()
            .enumerate()
            .map(|(index, unit)| self.unit_json(order, index, unit, call))
            .collect();
        json["purchase_units"] = Value::Array(units);
        json
    }

    /// What `Prefer: return=minimal` leaves of an order; what was paid only `with_payments`.
    pub(super) fn order_summary(&self, order: &Order, call: &Call, with_payments: bool) -> Value {
        let mut json = json!({
            "id": order.id,
            "status": order.status(),
            "links": order_links(order, &call.origin),
        });
        let is_approved = order.approval.is_some() || order.outcome.is_some();
        if is_approved {
            json["payer"] = payer(&order.payer_id);
            json["payment_source"] = json!({ "paypal": wallet(&order.payer_id) });
        } else if order.request.flow == Flow::PaymentSource {
            json["payment_source"] = json!({ "paypal": {} });
        }
        if with_payments && order.outcome.is_some() {
            let units = order.request.units.iter().enumerate().map(|(index, unit)| {
                let payments = self.payments_json(order, index, call);
                json!({ "reference_id": unit.reference_id, "payments": payments })
            });
            json["purchase_units"] = units.collect();
        }
        json
    }

    fn unit_json(&self, order: &Order, index: usize, unit: &Unit, call: &Call) -> Value {
        let mut json = Value::Object(unit.extra.clone());
        let mut amount = unit.amount.json();
        if let Some(breakdown) = json.as_object_mut().and_then(|fields| fields.remove("breakdown")) {
            amount["breakdown"] = breakdown;
        }
        json["reference_id"] = json!(unit.reference_id);
        json["amount"] = amount;
        json["payee"] = json!({
            "email_address": format!("merchant@{}.example", order.account),
            "merchant_id": merchant_id(&order.account),
        });
        if order.outcome.is_some() {
            json["payments"] = self.payments_json(order, index, call);
        }
        json
    }

    fn payments_json(&self, order: &Order, index: usize, call: &Call) -> Value {
        let mut payments = Map::new();
        let mut put = |name: &str, list: Vec<Value>| {
            if !list.is_empty() {
                payments.insert(name.to_owned(), Value::Array(list));
            }
        };
        let captures: Vec<&Capture> =
            self.captures_of(order).filter(|capture| capture.unit == index).collect();
        let of_unit = |refund: &&Refund| captures.iter().any(|capture| capture.id == refund.capture_id);
        put("captures", captures.iter().map(|capture| capture_json(capture, call)).collect());
        put(
            "refunds",
            self.records
                .refunds
                .values()
                .filter(of_unit)
                .map(|refund| self.refund_json(refund, call))
                .collect(),
        );
        let authorizations = self.records.authorizations.values().filter(|found| found.order_id == order.id);
        put("authorizations", authorizations.map(|found| authorization_json(found, call)).collect());
        Value::Object(payments)
    }

    pub(super) fn refund_json(&self, refund: &Refund, call: &Call) -> Value {
        let origin = &call.origin;
        let mut json = json!({
            "id": refund.id,
            "status": refund.state.name(),
            "amount": refund.amount.json(),
            "create_time": time(refund.created_at),
            "update_time": time(refund.settled_at.unwrap_or(refund.created_at)),
            "seller_payable_breakdown": {
                "gross_amount": refund.amount.json(),
                "paypal_fee": refund.amount.with_minor(0).json(),
                "net_amount": refund.amount.json(),
                "total_refunded_amount": refund.total_refunded.json(),
            },
            "links": [
                link(&format!("{origin}/v2/payments/refunds/{}", refund.id), "self", "GET"),
                link(&format!("{origin}/v2/payments/captures/{}", refund.capture_id), "up", "GET"),
            ],
        });
        if let Some(capture) = self.records.captures.get(&refund.capture_id) {
            references(&mut json, capture.invoice_id.as_deref(), capture.custom_id.as_deref());
        }
        if matches!(refund.state, RefundState::Pending { .. }) {
            json["status_details"] = json!({ "reason": "ECHECK" });
        }
        if let Some(note) = &refund.note_to_payer {
            json["note_to_payer"] = json!(note);
        }
        json
    }
}

pub(super) fn capture_json(capture: &Capture, call: &Call) -> Value {
    let (origin, now) = (&call.origin, call.now);
    let href = format!("{origin}/v2/payments/captures/{}", capture.id);
    let mut json = json!({
        "id": capture.id,
        "status": capture.status(now),
        "amount": capture.amount.json(),
        "final_capture": capture.is_final,
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "disbursement_mode": "INSTANT",
        "supplementary_data": { "related_ids": { "order_id": capture.order_id } },
        "create_time": time(capture.created_at),
        "update_time": time(capture.changed_at(now)),
        "links": [
            link(&href, "self", "GET"),
            link(&format!("{href}/refund"), "refund", "POST"),
            link(&format!("{origin}/v2/checkout/orders/{}", capture.order_id), "up", "GET"),
        ],
    });
    match capture.settlement.at(now) {
        Settlement::Completed => {
            let fee = capture.amount.fee();
            json["seller_receivable_breakdown"] = json!({
                "gross_amount": capture.amount.json(),
                "paypal_fee": fee.json(),
                "net_amount": capture.amount.with_minor(capture.amount.minor - fee.minor).json(),
            });
        }
        Settlement::Pending { .. } => json["status_details"] = json!({ "reason": "ECHECK" }),
        Settlement::Declined => {}
    }
    references(&mut json, capture.invoice_id.as_deref(), capture.custom_id.as_deref());
    json
}

pub(super) fn authorization_json(authorization: &Authorization, call: &Call) -> Value {
    let href = format!("{}/v2/payments/authorizations/{}", call.origin, authorization.id);
    let mut json = json!({
        "id": authorization.id,
        "status": authorization.status(),
        "amount": authorization.amount.json(),
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "supplementary_data": { "related_ids": { "order_id": authorization.order_id } },
        "create_time": time(authorization.created_at),
        "update_time": time(authorization.updated_at),
        "expiration_time": time(authorization.created_at + AUTHORIZED_FOR),
        "links": [
            link(&href, "self", "GET"),
            link(&format!("{href}/capture"), "capture", "POST"),
            link(&format!("{href}/void"), "void", "POST"),
            link(&format!("{}/v2/checkout/orders/{}", call.origin, authorization.order_id), "up", "GET"),
        ],
    });
    references(&mut json, authorization.invoice_id.as_deref(), authorization.custom_id.as_deref());
    json
}

fn references(json: &mut Value, invoice_id: Option<&str>, custom_id: Option<&str>) {
    for (field, value) in [("invoice_id", invoice_id), ("custom_id", custom_id)] {
        if let Some(value) = value {
            json[field] = json!(value);
        }
    }
}

fn order_links(order: &Order, origin: &str) -> Value {
    let href = format!("{origin}/v2/checkout/orders/{}", order.id);
    let mut links = vec![link(&href, "self", "GET")];
    if order.awaits_payer() {
        let rel = match order.request.flow {
            Flow::PaymentSource => "payer-action",
            Flow::ApplicationContext => "approve",
        };
        links.push(link(&checkout_url(origin, &order.id), rel, "GET"));
    }
    if order.outcome.is_none() {
        links.push(link(&href, "update", "PATCH"));
        let verb = match order.request.intent {
            Intent::Capture => "capture",
            Intent::Authorize => "authorize",
        };
        if order.approval.is_some() || order.request.flow == Flow::ApplicationContext {
            links.push(link(&format!("{href}/{verb}"), verb, "POST"));
        }
    }
    Value::Array(links)
}

pub(super) fn payer(payer_id: &str) -> Value {
    json!({
        "name": { "given_name": "Pat", "surname": "Payer" },
        "email_address": PAYER_EMAIL,
        "payer_id": payer_id,
        "address": { "country_code": "US" },
    })
}

pub(super) fn wallet(payer_id: &str) -> Value {
    json!({
        "email_address": PAYER_EMAIL,
        "account_id": payer_id,
        "account_status": "VERIFIED",
        "name": { "given_name": "Pat", "surname": "Payer" },
        "address": { "country_code": "US" },
    })
}

/// 13 capital letters and digits, the same for the same account.
pub(super) fn merchant_id(account: &str) -> String {
    let mut id: String = account
        .chars()
        .map(|c| c.to_ascii_uppercase())
        .filter(|c| matches!(c, '2'..='9' | 'A'..='H' | 'J'..='N' | 'P'..='Z'))
        .take(13)
        .collect();
    while id.len() < 13 {
        id.push('X');
    }
    id
}
