//! Charges without the payer, in the simulated PayPal.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use chrono::TimeDelta;
use common::listener::Merchant;
use common::{Answer, read};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, FaultKind};

impl Merchant {
    /// A call with a `PayPal-Request-Id`.
    async fn once(&self, request: &str, path: &str, body: &Value) -> Answer {
        read(self.request(Method::POST, path).header("paypal-request-id", request).json(body)).await
    }

    /// A setup token that waits for the payer: its id and where the payer agrees.
    async fn setup_token(&self) -> (String, String) {
        let experience =
            json!({ "return_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no" });
        let paypal =
            json!({ "usage_type": "MERCHANT", "description": "Top-ups", "experience_context": experience });
        let body = json!({ "payment_source": { "paypal": paypal }, "customer": { "id": "org-1" } });
        let answer = self.once("setup-1", "/v3/vault/setup-tokens", &body).await;
        assert_eq!((answer.status, &answer.body["status"]), (201, &json!("PAYER_ACTION_REQUIRED")));
        let again = self.once("setup-1", "/v3/vault/setup-tokens", &body).await;
        assert_eq!((again.status, &again.body["id"]), (200, &answer.body["id"]));
        let approve = answer.body["links"].as_array().unwrap().iter().find(|link| link["rel"] == "approve");
        let href = approve.unwrap()["href"].as_str().unwrap().to_owned();
        (answer.body["id"].as_str().unwrap().to_owned(), href)
    }

    async fn payment_token_for(&self, setup: &str, request: &str) -> Answer {
        let token = json!({ "id": setup, "type": "SETUP_TOKEN" });
        let body = json!({ "payment_source": { "token": token } });
        self.once(request, "/v3/vault/payment-tokens", &body).await
    }

    async fn payment_token(&self) -> String {
        let (setup, _) = self.setup_token().await;
        self.control(&format!("setup-tokens/{setup}/approve"), json!({})).await;
        let answer = self.payment_token_for(&setup, "token-1").await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// An order of 10.00 USD that is to be paid with a token.
    async fn charge(&self, token: &str, request: &str) -> Answer {
        self.once(request, "/v2/checkout/orders", &charge(token, request)).await
    }
}

fn charge(token: &str, reference: &str) -> Value {
    let credential = json!({
        "payment_initiator": "MERCHANT", "usage": "SUBSEQUENT", "usage_pattern": "UNSCHEDULED_PREPAID",
    });
    let amount = json!({ "currency_code": "USD", "value": "10.00" });
    json!({
        "intent": "CAPTURE",
        "purchase_units": [{ "amount": amount, "custom_id": reference, "invoice_id": reference }],
        "payment_source": { "paypal": { "vault_id": token, "stored_credential": credential } },
    })
}

fn issue(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["details"][0]["issue"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_payer_agrees_once_and_is_charged_in_one_step() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&["VAULT.PAYMENT-TOKEN.CREATED", "PAYMENT.CAPTURE.COMPLETED"]).await;
    let (setup, href) = merchant.setup_token().await;
    assert_eq!(issue(&merchant.payment_token_for(&setup, "early").await), (422, "PAYER_ACTION_REQUIRED"));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = client.get(&href).header("accept", "text/html").send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Let acme charge you"));
    assert_eq!(
        merchant.get(&format!("/v3/vault/setup-tokens/{setup}")).await["status"],
        "PAYER_ACTION_REQUIRED"
    );
    let back = client.get(&href).send().await.unwrap();
    let location = back.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("https://shop.example/ok?approval_token_id="), "{location}");
    assert_eq!(merchant.get(&format!("/v3/vault/setup-tokens/{setup}")).await["status"], "APPROVED");

    let made = merchant.payment_token_for(&setup, "token-1").await;
    assert_eq!((made.status, &made.body["customer"]["id"]), (201, &json!("org-1")));
    let token = made.body["id"].as_str().unwrap();
    let again = merchant.payment_token_for(&setup, "token-1").await;
    assert_eq!((again.status, &again.body["id"]), (200, &made.body["id"]));
    assert_eq!(merchant.payment_token_for(&setup, "token-2").await.status, 404, "a setup token is used once");
    let list = merchant.get("/v3/vault/payment-tokens?customer_id=org-1&total_required=true").await;
    assert_eq!((&list["payment_tokens"][0]["id"], &list["total_items"]), (&json!(token), &json!(1)));

    let paid = merchant.charge(token, "auto-1").await;
    assert_eq!((paid.status, &paid.body["status"]), (201, &json!("COMPLETED")));
    let again = merchant.charge(token, "auto-1").await;
    assert_eq!((again.status, &again.body["id"]), (200, &paid.body["id"]));
    assert_eq!(merchant.simulator.orders().len(), 1);
    let capture = &paid.body["purchase_units"][0]["payments"]["captures"][0];
    assert_eq!((&capture["status"], &capture["amount"]["value"]), (&json!("COMPLETED"), &json!("10.00")));
    merchant.delivered().await;
    assert_eq!(merchant.types(), ["VAULT.PAYMENT-TOKEN.CREATED", "PAYMENT.CAPTURE.COMPLETED"]);
}

#[tokio::test]
async fn charges_are_refused_in_time() {
    let merchant = Merchant::new().await;
    let token = merchant.payment_token().await;
    let body = charge(&token, "auto-1");
    let without_id = merchant.call(Method::POST, "/v2/checkout/orders", Some(body)).await;
    assert_eq!(issue(&without_id), (400, "PAYPAL_REQUEST_ID_REQUIRED"));
    merchant.control(&format!("payment-tokens/{token}/decline"), json!({})).await;
    assert_eq!(issue(&merchant.charge(&token, "auto-2").await), (422, "INSTRUMENT_DECLINED"));
    merchant.control(&format!("payment-tokens/{token}/decline"), json!({ "declined": false })).await;
    merchant.simulator.inject(Fault::new("paypal.create_order", FaultKind::Failed).once());
    assert_eq!(issue(&merchant.charge(&token, "auto-2").await), (422, "INSTRUMENT_DECLINED"));
    merchant.simulator.inject(Fault::new("paypal.create_order", FaultKind::Stuck).once());
    let pending = merchant.charge(&token, "auto-2").await;
    let capture = &pending.body["purchase_units"][0]["payments"]["captures"][0];
    assert_eq!((pending.status, &capture["status"]), (201, &json!("PENDING")));
    assert_eq!(issue(&merchant.charge("nobody", "auto-3").await), (422, "TOKEN_ID_NOT_FOUND"));
    assert_eq!(merchant.simulator.orders().len(), 1);
}

#[tokio::test]
async fn a_leave_ends_on_both_sides() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&["VAULT.PAYMENT-TOKEN.DELETED"]).await;
    let (first, second) = (merchant.payment_token().await, {
        merchant.simulator.step(TimeDelta::hours(3));
        merchant.payment_token().await
    });
    assert_ne!(first, second, "after three hours a request id is a new one");
    merchant.control(&format!("payment-tokens/{first}/revoke"), json!({})).await;
    assert_eq!(issue(&merchant.charge(&first, "auto-1").await), (422, "AGREEMENT_ALREADY_CANCELLED"));
    let path = format!("/v3/vault/payment-tokens/{second}");
    assert_eq!(merchant.get(&path).await["id"], json!(second));
    for _ in 0..2 {
        assert_eq!(merchant.call(Method::DELETE, &path, None).await.status, 204);
    }
    assert_eq!(merchant.call(Method::GET, &path, None).await.status, 404);
    assert_eq!(issue(&merchant.charge(&second, "auto-2").await), (422, "TOKEN_ID_NOT_FOUND"));
    merchant.arrived(2).await;
    let list = merchant.get("/v3/vault/payment-tokens?customer_id=org-1").await;
    assert_eq!(list["payment_tokens"], json!([]));
}

#[tokio::test]
async fn setup_tokens_end_after_three_days() {
    let merchant = Merchant::new().await;
    let (setup, href) = merchant.setup_token().await;
    merchant.simulator.step(TimeDelta::days(3));
    assert_eq!(reqwest::get(&href).await.unwrap().status(), 404);
    let approve = format!("/_sim/paypal/setup-tokens/{setup}/approve");
    assert_eq!(merchant.call(Method::POST, &approve, Some(json!({}))).await.status, 404);
}
