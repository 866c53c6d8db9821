//! What PayPal answers, operation by operation, without HTTP.

use axum::http::{HeaderMap, Method, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::books::{Books, Call, Records};
use super::operation::Operation;
use super::order::Instrument;
use crate::core::{Core, Twist};

/// One merchant's view of a fresh PayPal.
struct Merchant {
    books: Books,
    now: DateTime<Utc>,
    request_id: Option<String>,
    twist: Option<Twist>,
}

impl Merchant {
    fn new() -> Self {
        let core = Core::new(1.0, 1);
        let now = core.clock.now();
        Self { books: Books::new(core, Records::default()), now, request_id: None, twist: None }
    }

    /// The next call carries this `PayPal-Request-Id`.
    fn as_request(&mut self, id: &str) -> &mut Self {
        self.request_id = Some(id.to_owned());
        self
    }

    /// The next call meets this fault.
    fn twisted(&mut self, twist: Twist) -> &mut Self {
        self.twist = Some(twist);
        self
    }

    /// Status and body of a call.
    fn call(&mut self, method: &Method, path: &str, body: Value) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call {
            account: "test".to_owned(),
            now: self.now,
            origin: "http://sim".to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            raw: body.to_string().into_bytes(),
            body,
            request_id: self.request_id.take(),
            wants_all: true,
            twist: self.twist.take(),
        };
        let operation = Operation::of(method, path).unwrap();
        match self.books.run(operation, &call) {
            Ok(reply) => (reply.status.as_u16(), reply.body),
            Err(problem) => {
                let (status, body) = problem.into_parts("debug");
                assert_eq!(body["debug_id"], "debug");
                (status.as_u16(), body)
            }
        }
    }

    fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.call(&Method::POST, path, body)
    }

    fn get(&mut self, path: &str) -> Value {
        self.call(&Method::GET, path, json!({})).1
    }

    /// The status and the issue code of a call that must fail.
    fn refusal(&mut self, path: &str, body: Value) -> (u16, String) {
        let (status, body) = self.post(path, body);
        (status, body["details"][0]["issue"].as_str().unwrap_or_default().to_owned())
    }

    fn create(&mut self, intent: &str, invoice: &str) -> String {
        let body = json!({
            "intent": intent,
            "purchase_units": [{ "invoice_id": invoice, "amount": usd("25.00")["amount"] }],
        });
        let (status, order) = self.post("/v2/checkout/orders", body);
        assert_eq!((status, &order["status"]), (201, &json!("CREATED")));
        id_of(&order)
    }

    fn approved(&mut self, intent: &str, invoice: &str) -> String {
        let id = self.create(intent, invoice);
        self.books.records.orders.get_mut(&id).unwrap().approve(Instrument::Balance, self.now);
        id
    }

    /// A capture of 25.00 USD.
    fn captured(&mut self) -> String {
        let id = self.approved("CAPTURE", "inv");
        let (status, order) = self.post(&format!("/v2/checkout/orders/{id}/capture"), json!({}));
        assert_eq!((status, &order["status"]), (201, &json!("COMPLETED")));
        id_of(&order["purchase_units"][0]["payments"]["captures"][0])
    }
}

fn id_of(json: &Value) -> String {
    json["id"].as_str().unwrap().to_owned()
}

fn usd(value: &str) -> Value {
    json!({ "amount": { "currency_code": "USD", "value": value } })
}

#[test]
fn creates_are_checked() {
    let good = json!({ "intent": "CAPTURE", "purchase_units": [usd("10.00")] });
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let long = "x".repeat(128);
    let mut merchant = Merchant::new();
    for (body, status, issue) in [
        (json!({}), 400, "MISSING_REQUIRED_PARAMETER"),
        (with("/intent", json!("GIVE")), 400, "INVALID_PARAMETER_VALUE"),
        (with("/purchase_units", json!([])), 400, "INVALID_ARRAY_MIN_ITEMS"),
        (with("/purchase_units", json!([usd("1"), usd("1")])), 422, "REFERENCE_ID_REQUIRED"),
        (
            with("/purchase_units/0/amount", json!({ "currency_code": "USD" })),
            400,
            "MISSING_REQUIRED_PARAMETER",
        ),
        (with("/purchase_units/0/amount/value", json!(10)), 400, "INVALID_PARAMETER_SYNTAX"),
        (with("/purchase_units/0/amount/value", json!("0.00")), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (with("/purchase_units/0/amount/value", json!("10.555")), 422, "DECIMAL_PRECISION"),
        (with("/purchase_units/0/amount/currency_code", json!("JPY")), 422, "DECIMALS_NOT_SUPPORTED"),
        (with("/purchase_units/0/amount/currency_code", json!("ZZZ")), 422, "INVALID_CURRENCY_CODE"),
        (
            with("/purchase_units/0", json!({ "custom_id": long, "amount": usd("1")["amount"] })),
            400,
            "INVALID_STRING_LENGTH",
        ),
    ] {
        let text = body.to_string();
        assert_eq!(merchant.refusal("/v2/checkout/orders", body), (status, issue.to_owned()), "{text}");
    }
    assert_eq!(merchant.post("/v2/checkout/orders", good).0, 201);
}

#[test]
fn breakdowns_must_add_up() {
    let mut merchant = Merchant::new();
    let mut body = json!({ "intent": "CAPTURE", "purchase_units": [usd("10.00")] });
    body["purchase_units"][0]["amount"]["breakdown"] = json!({
        "item_total": { "currency_code": "USD", "value": "9.00" },
        "tax_total": { "currency_code": "USD", "value": "2.00" },
        "discount": { "currency_code": "USD", "value": "1.00" },
    });
    let (status, order) = merchant.post("/v2/checkout/orders", body.clone());
    assert_eq!(status, 201);
    assert_eq!(order["purchase_units"][0]["amount"]["breakdown"]["tax_total"]["value"], "2.00");
    body["purchase_units"][0]["amount"]["breakdown"].as_object_mut().unwrap().remove("discount");
    assert_eq!(merchant.refusal("/v2/checkout/orders", body), (422, "AMOUNT_MISMATCH".to_owned()));
}

#[test]
fn request_ids_are_remembered_for_a_while() {
    let mut merchant = Merchant::new();
    let body = json!({ "intent": "CAPTURE", "purchase_units": [usd("10.00")] });
    let first = merchant.as_request("r1").post("/v2/checkout/orders", body.clone());
    let again = merchant.as_request("r1").post("/v2/checkout/orders", body.clone());
    assert_eq!((first.0, again.0), (201, 200));
    assert_eq!(id_of(&first.1), id_of(&again.1));
    let other = merchant.as_request("r2").post("/v2/checkout/orders", body.clone());
    assert_ne!(id_of(&first.1), id_of(&other.1));
    merchant.now += TimeDelta::hours(6);
    let late = merchant.as_request("r1").post("/v2/checkout/orders", body);
    assert_ne!(id_of(&first.1), id_of(&late.1));
}

#[test]
fn orders_are_patched_until_they_are_paid() {
    let mut merchant = Merchant::new();
    let id = merchant.approved("CAPTURE", "inv");
    let path = format!("/v2/checkout/orders/{id}");
    let patch = |field: &str, value: Value| {
        let path = format!("/purchase_units/@reference_id=='default'/{field}");
        json!([{ "op": "replace", "path": path, "value": value }])
    };
    assert_eq!(merchant.call(&Method::PATCH, &path, patch("custom_id", json!("c"))).0, 204);
    assert_eq!(merchant.get(&path)["purchase_units"][0]["custom_id"], "c");
    let (status, body) = merchant.call(&Method::PATCH, &path, patch("payee", json!({})));
    assert_eq!((status, &body["details"][0]["issue"]), (422, &json!("NOT_PATCHABLE")));
    merchant.post(&format!("{path}/capture"), json!({}));
    let (status, body) = merchant.call(&Method::PATCH, &path, patch("custom_id", json!("d")));
    assert_eq!((status, &body["details"][0]["issue"]), (422, &json!("ORDER_ALREADY_COMPLETED")));
}

#[test]
fn refunds_add_up_to_the_capture() {
    let mut merchant = Merchant::new();
    let capture = merchant.captured();
    let path = format!("/v2/payments/captures/{capture}");
    let refund = format!("{path}/refund");
    let first = merchant.as_request("r1").post(&refund, usd("5.00"));
    let again = merchant.as_request("r1").post(&refund, usd("5.00"));
    assert_eq!((first.0, again.0), (201, 201));
    assert_eq!(id_of(&first.1), id_of(&again.1));
    assert_eq!(merchant.get(&path)["status"], "PARTIALLY_REFUNDED");
    assert_eq!(merchant.refusal(&refund, usd("20.01")), (422, "REFUND_AMOUNT_EXCEEDED".to_owned()));
    let euros = json!({ "amount": { "currency_code": "EUR", "value": "1.00" } });
    assert_eq!(merchant.refusal(&refund, euros), (422, "REFUND_CAPTURE_CURRENCY_MISMATCH".to_owned()));
    let (_, rest) = merchant.post(&refund, json!({}));
    assert_eq!(rest["amount"]["value"], "20.00");
    assert_eq!(merchant.get(&path)["status"], "REFUNDED");
    assert_eq!(merchant.refusal(&refund, json!({})), (422, "CAPTURE_FULLY_REFUNDED".to_owned()));
    assert_eq!(merchant.get(&format!("/v2/payments/refunds/{}", id_of(&first.1))), again.1);
}

#[test]
fn old_captures_are_not_refunded() {
    let mut merchant = Merchant::new();
    let refund = format!("/v2/payments/captures/{}/refund", merchant.captured());
    merchant.now += TimeDelta::days(181);
    assert_eq!(merchant.refusal(&refund, json!({})), (422, "REFUND_TIME_LIMIT_EXCEEDED".to_owned()));
}

#[test]
fn authorizations_are_captured_in_parts_or_voided() {
    let mut merchant = Merchant::new();
    let authorized = |merchant: &mut Merchant, invoice: &str| {
        let id = merchant.approved("AUTHORIZE", invoice);
        let capture = merchant.refusal(&format!("/v2/checkout/orders/{id}/capture"), json!({}));
        assert_eq!(capture, (422, "ACTION_DOES_NOT_MATCH_INTENT".to_owned()));
        let (_, order) = merchant.post(&format!("/v2/checkout/orders/{id}/authorize"), json!({}));
        let authorization = id_of(&order["purchase_units"][0]["payments"]["authorizations"][0]);
        (format!("/v2/checkout/orders/{id}"), format!("/v2/payments/authorizations/{authorization}"))
    };
    let (order, path) = authorized(&mut merchant, "a");
    assert_eq!(merchant.post(&format!("{path}/void"), json!({})).0, 200);
    assert_eq!(
        (&merchant.get(&path)["status"], &merchant.get(&order)["status"]),
        (&json!("VOIDED"), &json!("VOIDED"))
    );
    let capture = merchant.refusal(&format!("{path}/capture"), json!({}));
    assert_eq!(capture, (422, "AUTHORIZATION_VOIDED".to_owned()));

    let (_, path) = authorized(&mut merchant, "b");
    let capture = format!("{path}/capture");
    let mut part = usd("10.00");
    part["invoice_id"] = json!("b-1");
    assert_eq!(merchant.post(&capture, part).0, 201);
    assert_eq!(merchant.get(&path)["status"], "PARTIALLY_CAPTURED");
    assert_eq!(merchant.refusal(&capture, usd("15.01")), (422, "MAX_CAPTURE_AMOUNT_EXCEEDED".to_owned()));
    let (_, rest) = merchant.post(&capture, json!({}));
    assert_eq!(rest["amount"]["value"], "15.00");
    assert_eq!(merchant.get(&path)["status"], "CAPTURED");
}

#[test]
fn approvals_end_after_three_hours_captures_stay() {
    let mut merchant = Merchant::new();
    let (late, paid) = (merchant.approved("CAPTURE", "a"), merchant.approved("CAPTURE", "b"));
    merchant.post(&format!("/v2/checkout/orders/{paid}/capture"), json!({}));
    merchant.now += TimeDelta::hours(3);
    let capture = merchant.refusal(&format!("/v2/checkout/orders/{late}/capture"), json!({}));
    assert_eq!(capture, (404, "INVALID_RESOURCE_ID".to_owned()));
    assert_eq!(merchant.get(&format!("/v2/checkout/orders/{paid}"))["status"], "COMPLETED");
}

#[test]
fn twists_have_a_meaning() {
    let mut merchant = Merchant::new();
    let body = json!({ "intent": "CAPTURE", "purchase_units": [usd("10.00")] });
    let refused = merchant.twisted(Twist::Failed).refusal("/v2/checkout/orders", body.clone());
    assert_eq!(refused, (422, "PAYEE_ACCOUNT_RESTRICTED".to_owned()));
    let (status, ghost) = merchant.twisted(Twist::Vanish).post("/v2/checkout/orders", body);
    assert_eq!(status, 201);
    assert_eq!(merchant.get(&format!("/v2/checkout/orders/{}", id_of(&ghost)))["name"], "RESOURCE_NOT_FOUND");

    let capture = format!("/v2/checkout/orders/{}/capture", merchant.approved("CAPTURE", "a"));
    let declined = merchant.twisted(Twist::Failed).refusal(&capture, json!({}));
    assert_eq!(declined, (422, "INSTRUMENT_DECLINED".to_owned()));
    let capture = format!("/v2/checkout/orders/{}/capture", merchant.approved("CAPTURE", "b"));
    let (_, order) = merchant.twisted(Twist::Stuck).post(&capture, json!({}));
    let pending = id_of(&order["purchase_units"][0]["payments"]["captures"][0]);
    merchant.now += TimeDelta::days(30);
    assert_eq!(merchant.get(&format!("/v2/payments/captures/{pending}"))["status"], "PENDING");
}

#[test]
fn tokens_end_and_other_accounts_see_nothing() {
    let mut merchant = Merchant::new();
    let basic = |pair: &str| {
        use base64::Engine as _;
        let mut headers = HeaderMap::new();
        let value = base64::engine::general_purpose::STANDARD.encode(pair);
        headers.insert("authorization", format!("Basic {value}").parse().unwrap());
        headers
    };
    let now = merchant.now;
    let form = b"grant_type=client_credentials";
    for bad in ["bad:x", "acme-id:bad", "acme-id"] {
        let problem = merchant.books.grant(&basic(bad), form, now).unwrap_err();
        assert_eq!(problem.into_parts("").0, StatusCode::UNAUTHORIZED, "{bad}");
    }
    let granted = merchant.books.grant(&basic("acme-id:secret"), form, now).unwrap().body;
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    headers.insert("authorization", bearer.parse().unwrap());
    assert_eq!(merchant.books.authenticate(&headers, now), Ok("acme".to_owned()));
    let end = now + TimeDelta::seconds(granted["expires_in"].as_i64().unwrap());
    assert!(merchant.books.authenticate(&headers, end).is_err());
}
