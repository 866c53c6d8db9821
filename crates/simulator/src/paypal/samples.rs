//! The made-up resources of simulated events, with the ids of PayPal's own examples.

use serde_json::{Value, json};

use super::books::Call;
use super::event_type::EventType;
use super::render::{link, time};

/// A resource of the type that this event carries.
pub(super) fn resource(event_type: EventType, call: &Call) -> Value {
    let (now, amount) = (time(call.now), json!({ "currency_code": "USD", "value": "2.51" }));
    let href = |path: &str| format!("{}{path}", call.origin);
    match event_type.resource_type() {
        "checkout-order" => json!({
            "id": "5O190127TN364715T",
            "intent": "CAPTURE",
            "status": if event_type == EventType::OrderApproved { "APPROVED" } else { "COMPLETED" },
            "purchase_units": [{ "reference_id": "default", "amount": amount }],
            "create_time": now,
            "links": [link(&href("/v2/checkout/orders/5O190127TN364715T"), "self", "GET")],
        }),
        "payment_approval" => json!({ "order_id": "5O190127TN364715T", "payment_source": { "paypal": {} } }),
        "dispute" => json!({
            "dispute_id": "PP-D-4012",
            "create_time": now,
            "update_time": now,
            "disputed_transactions": [{ "seller_transaction_id": "2GG279541U471931P" }],
            "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
            "status": if event_type == EventType::DisputeResolved { "RESOLVED" } else { "OPEN" },
            "dispute_amount": amount,
            "dispute_life_cycle_stage": "INQUIRY",
            "dispute_channel": "INTERNAL",
            "links": [link(&href("/v1/customer/disputes/PP-D-4012"), "self", "GET")],
        }),
        "payment_token" => json!({
            "id": "8kk8451t",
            "customer": { "id": "customer_4029352050" },
            "payment_source": { "paypal": { "usage_type": "MERCHANT" } },
            "links": [link(&href("/v3/vault/payment-tokens/8kk8451t"), "self", "GET")],
        }),
        "capture" => json!({
            "id": "2GG279541U471931P",
            "status": match event_type {
                EventType::CaptureCompleted => "COMPLETED",
                EventType::CapturePending => "PENDING",
                _ => "DECLINED",
            },
            "amount": amount,
            "final_capture": true,
            "create_time": now,
            "update_time": now,
            "links": [link(&href("/v2/payments/captures/2GG279541U471931P"), "self", "GET")],
        }),
        _ => json!({
            "id": "1JU08902781691411",
            "status": match event_type {
                EventType::RefundPending => "PENDING",
                EventType::RefundFailed => "FAILED",
                _ => "COMPLETED",
            },
            "amount": amount,
            "create_time": now,
            "update_time": now,
            "links": [
                link(&href("/v2/payments/refunds/1JU08902781691411"), "self", "GET"),
                link(&href("/v2/payments/captures/2GG279541U471931P"), "up", "GET"),
            ],
        }),
    }
}
