//! Refunds, reversals and disputes of the simulated PayPal.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use chrono::TimeDelta;
use common::listener::Merchant;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, FaultKind};

impl Merchant {
    async fn capture(&self, id: &str) -> Value {
        self.get(&format!("/v2/payments/captures/{id}")).await
    }

    async fn refund(&self, capture: &str, value: &str) -> Value {
        let body = json!({ "amount": { "currency_code": "USD", "value": value } });
        self.post(&format!("/v2/payments/captures/{capture}/refund"), body).await
    }

    /// The issue of a call that must fail.
    async fn refusal(&self, path: &str, body: Value) -> String {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        answer.body["details"][0]["issue"].as_str().unwrap().to_owned()
    }

    async fn dispute(&self, capture: &str, how: Value) -> String {
        let dispute = self.control(&format!("captures/{capture}/dispute"), how).await;
        dispute["dispute_id"].as_str().unwrap().to_owned()
    }

    /// What the simulator knows: status, refunded and reversed.
    fn truth(&self, capture: &str) -> (String, String, String) {
        let orders = self.simulator.orders();
        let found =
            orders.iter().flat_map(|order| &order.captures).find(|found| found.id == capture).unwrap();
        (found.status.clone(), found.refunded.clone(), found.reversed.clone())
    }

    /// The types of the events about money that went back, and of disputes, in the order in which they happened.
    async fn told(&self) -> Vec<String> {
        let events = self.get("/_sim/paypal/events").await;
        let types = events.as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap());
        types
            .filter(|name| !name.ends_with("APPROVED") && !name.ends_with("COMPLETED"))
            .map(str::to_owned)
            .collect()
    }
}

fn truth(status: &str, refunded: &str, reversed: &str) -> (String, String, String) {
    (status.to_owned(), refunded.to_owned(), reversed.to_owned())
}

#[tokio::test]
async fn a_refund_that_is_pending_goes_through_or_fails() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({})).await;
    for (path, body, status, refunded) in [
        ("fail", json!({}), "FAILED", "0.00"),
        ("complete", json!({}), "COMPLETED", "5.00"),
        ("fail", json!({ "after_seconds": 60 }), "FAILED", "5.00"),
        ("complete", json!({ "after_seconds": 60 }), "COMPLETED", "10.00"),
    ] {
        merchant.simulator.inject(Fault::new("paypal.refund", FaultKind::Stuck).once());
        let refund = merchant.refund(&capture, "5.00").await;
        assert_eq!(
            (&refund["status"], &refund["status_details"]["reason"]),
            (&json!("PENDING"), &json!("ECHECK"))
        );
        let id = refund["id"].as_str().unwrap();
        merchant.control(&format!("refunds/{id}/{path}"), body).await;
        merchant.simulator.step(TimeDelta::seconds(60));
        assert_eq!(merchant.get(&format!("/v2/payments/refunds/{id}")).await["status"], status);
        assert_eq!(merchant.truth(&capture).1, refunded);
    }
    let (pending, failed, done) =
        ("PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED", "PAYMENT.CAPTURE.REFUNDED");
    assert_eq!(merchant.told().await, [pending, failed, pending, done, pending, failed, pending, done]);
    merchant.simulator.inject(Fault::new("paypal.refund", FaultKind::Failed).once());
    let path = format!("/v2/payments/captures/{capture}/refund");
    assert_eq!(merchant.refusal(&path, json!({})).await, "REFUND_FAILED_INSUFFICIENT_FUNDS");
}

#[tokio::test]
async fn a_bank_takes_back_what_is_left() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({})).await;
    merchant.refund(&capture, "5.00").await;
    let reverse = format!("captures/{capture}/reverse");
    merchant.control(&reverse, json!({ "amount": "8.00" })).await;
    assert_eq!(merchant.truth(&capture), truth("REVERSED", "5.00", "8.00"));
    assert_eq!(merchant.capture(&capture).await["status"], "PARTIALLY_REFUNDED");
    merchant.control(&reverse, json!({})).await;
    assert_eq!(merchant.truth(&capture), truth("REVERSED", "5.00", "20.00"));
    assert_eq!(merchant.capture(&capture).await["status"], "REFUNDED");
    let again = merchant.call(Method::POST, &format!("/_sim/paypal/{reverse}"), Some(json!({}))).await;
    assert_eq!(again.status, 409);
    let reversed = "PAYMENT.CAPTURE.REVERSED";
    assert_eq!(merchant.told().await, ["PAYMENT.CAPTURE.REFUNDED", reversed, reversed]);
    let events = merchant.get(&format!("/v1/notifications/webhooks-events?event_type={reversed}")).await;
    let resource = &events["events"][0]["resource"];
    assert_eq!(resource["amount"]["value"], "12.00");
    let up = resource["links"].as_array().unwrap().iter().find(|link| link["rel"] == "up").unwrap();
    assert!(up["href"].as_str().unwrap().ends_with(&format!("/v2/payments/captures/{capture}")));
    let id = resource["id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("/v2/payments/refunds/{id}")).await["amount"]["value"], "12.00");
}

#[tokio::test]
async fn what_is_pending_cannot_be_taken_back_or_disputed() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({ "pending": true })).await;
    for path in ["reverse", "dispute"] {
        let path = format!("/_sim/paypal/captures/{capture}/{path}");
        assert_eq!(merchant.call(Method::POST, &path, Some(json!({}))).await.status, 409);
    }
}

#[tokio::test]
async fn a_dispute_goes_through_its_stages() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({})).await;
    let id = merchant.dispute(&capture, json!({ "amount": "10.00", "reason": "UNAUTHORISED" })).await;
    let path = format!("/v1/customer/disputes/{id}");
    let dispute = merchant.get(&path).await;
    assert_eq!(dispute["disputed_transactions"][0]["seller_transaction_id"], capture);
    assert_eq!(dispute["dispute_amount"], json!({ "currency_code": "USD", "value": "10.00" }));
    assert_eq!(
        (&dispute["status"], &dispute["dispute_life_cycle_stage"], &dispute["reason"]),
        (&json!("WAITING_FOR_SELLER_RESPONSE"), &json!("INQUIRY"), &json!("UNAUTHORISED"))
    );
    let evidence = json!({ "evidences": [{ "evidence_type": "PROOF_OF_FULFILLMENT", "notes": "It ran." }] });
    merchant.post(&format!("{path}/provide-evidence"), evidence).await;
    let dispute = merchant.get(&path).await;
    assert_eq!(
        (&dispute["status"], &dispute["evidences"][0]["notes"]),
        (&json!("UNDER_REVIEW"), &json!("It ran."))
    );
    for stage in ["CHARGEBACK", "PRE_ARBITRATION", "ARBITRATION"] {
        merchant.control(&format!("disputes/{id}/stage"), json!({ "stage": stage })).await;
        assert_eq!(merchant.get(&path).await["dispute_life_cycle_stage"], stage);
    }
    assert_eq!(merchant.truth(&capture).2, "0.00", "nothing is taken before the end");
    merchant.control(&format!("disputes/{id}/resolve"), json!({ "outcome": "RESOLVED_BUYER_FAVOUR" })).await;
    let outcome = &merchant.get(&path).await["dispute_outcome"];
    assert_eq!(
        (&outcome["outcome_code"], &outcome["amount_refunded"]["value"]),
        (&json!("RESOLVED_BUYER_FAVOUR"), &json!("10.00"))
    );
    assert_eq!(merchant.truth(&capture), truth("REVERSED", "0.00", "10.00"));
    let updated = "CUSTOMER.DISPUTE.UPDATED";
    let end = ["PAYMENT.CAPTURE.REVERSED", "CUSTOMER.DISPUTE.RESOLVED"];
    assert_eq!(
        merchant.told().await,
        ["CUSTOMER.DISPUTE.CREATED", updated, updated, updated, updated, end[0], end[1]]
    );
    let over = format!("/_sim/paypal/disputes/{id}/stage");
    assert_eq!(merchant.call(Method::POST, &over, Some(json!({ "stage": "INQUIRY" }))).await.status, 409);
    assert_eq!(merchant.refusal(&format!("{path}/accept-claim"), json!({})).await, "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn only_a_lost_dispute_costs_the_merchant() {
    let merchant = Merchant::new().await;
    for (outcome, reversed) in [
        ("RESOLVED_SELLER_FAVOUR", "0.00"),
        ("CANCELED_BY_BUYER", "0.00"),
        ("RESOLVED_WITH_PAYOUT", "0.00"),
        ("DENIED", "0.00"),
        ("ACCEPTED", "25.00"),
        ("RESOLVED_BUYER_FAVOUR", "25.00"),
    ] {
        let capture = merchant.captured(json!({})).await;
        let id = merchant.dispute(&capture, json!({ "stage": "CHARGEBACK" })).await;
        let dispute =
            merchant.control(&format!("disputes/{id}/resolve"), json!({ "outcome": outcome })).await;
        assert_eq!(
            (&dispute["status"], &dispute["dispute_outcome"]["outcome_code"]),
            (&json!("RESOLVED"), &json!(outcome))
        );
        assert_eq!(merchant.truth(&capture).2, reversed, "{outcome}");
    }
}

#[tokio::test]
async fn a_claim_that_is_accepted_is_refunded() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({})).await;
    let id = merchant.dispute(&capture, json!({ "amount": "10.00" })).await;
    merchant.post(&format!("/v1/customer/disputes/{id}/accept-claim"), json!({ "note": "Sorry." })).await;
    assert_eq!(merchant.truth(&capture), truth("PARTIALLY_REFUNDED", "10.00", "0.00"));
    let told = ["CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REFUNDED", "CUSTOMER.DISPUTE.RESOLVED"];
    assert_eq!(merchant.told().await, told);
}

#[tokio::test]
async fn what_is_disputed_is_refunded_as_a_whole_or_not_at_all() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({})).await;
    let refund = format!("/v2/payments/captures/{capture}/refund");
    let part = json!({ "amount": { "currency_code": "USD", "value": "5.00" } });
    let id = merchant.dispute(&capture, json!({ "amount": "10.00" })).await;
    let second = format!("/_sim/paypal/captures/{capture}/dispute");
    assert_eq!(merchant.call(Method::POST, &second, Some(json!({}))).await.status, 409, "one at a time");
    assert_eq!(merchant.refusal(&refund, part).await, "TRANSACTION_DISPUTED");
    merchant.post(&refund, json!({})).await;
    assert_eq!(merchant.get(&format!("/v1/customer/disputes/{id}")).await["status"], "RESOLVED");

    let capture = merchant.captured(json!({})).await;
    merchant.dispute(&capture, json!({ "stage": "CHARGEBACK" })).await;
    let refund = format!("/v2/payments/captures/{capture}/refund");
    assert_eq!(merchant.refusal(&refund, json!({})).await, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK");
}

#[tokio::test]
async fn disputes_are_listed_in_pages() {
    let merchant = Merchant::new().await;
    let list = merchant.get("/v1/customer/disputes").await;
    assert_eq!(list.get("items"), None);
    let mut captures = Vec::new();
    for _ in 0..3 {
        let capture = merchant.captured(json!({})).await;
        merchant.dispute(&capture, json!({})).await;
        merchant.simulator.step(TimeDelta::seconds(1));
        captures.push(capture);
    }
    let page = merchant.get("/v1/customer/disputes?page_size=2").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap();
    let next = next["href"].as_str().unwrap().strip_prefix(&merchant.simulator.paypal_url()).unwrap();
    assert_eq!(merchant.get(next).await["items"].as_array().unwrap().len(), 1);
    let path = format!("/v1/customer/disputes?disputed_transaction_id={}", captures[0]);
    assert_eq!(merchant.get(&path).await["items"].as_array().unwrap().len(), 1);
    let resolved = merchant.get("/v1/customer/disputes?dispute_state=RESOLVED").await;
    assert_eq!(resolved.get("items"), None);
}
