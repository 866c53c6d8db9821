//! The simulated PayPal's reports.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use chrono::{SecondsFormat, TimeDelta};
use common::listener::Merchant;
use reqwest::Method;
use serde_json::{Value, json};

impl Merchant {
    /// The report of the last so many days, with more in the query.
    fn report_of(&self, days: i64, more: &str) -> String {
        let until = self.simulator.now();
        let from = until - TimeDelta::days(days);
        let [from, until] = [from, until].map(|moment| moment.to_rfc3339_opts(SecondsFormat::Millis, true));
        format!("/v1/reporting/transactions?start_date={from}&end_date={until}{more}")
    }

    async fn report(&self, more: &str) -> Value {
        self.simulator.step(TimeDelta::seconds(1));
        self.get(&self.report_of(1, more)).await
    }

    async fn balance(&self) -> [String; 3] {
        let balances = self.get("/v1/reporting/balances").await;
        ["total_balance", "available_balance", "withheld_balance"]
            .map(|field| balances["balances"][0][field]["value"].as_str().unwrap_or_default().to_owned())
    }
}

/// Code, amount, fee and reference of each line.
fn lines(report: &Value) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |detail: &Value| {
        let info = &detail["transaction_info"];
        (
            text(&info["transaction_event_code"]),
            text(&info["transaction_amount"]["value"]),
            text(&info["fee_amount"]["value"]),
            text(&info["paypal_reference_id"]),
        )
    };
    report["transaction_details"].as_array().into_iter().flatten().map(line).collect()
}

#[tokio::test]
async fn every_movement_is_a_line_and_the_balance_is_their_sum() {
    let merchant = Merchant::new().await;
    assert_eq!(merchant.report("").await.get("transaction_details"), None);
    let capture = merchant.captured(json!({})).await;
    let part = json!({ "amount": { "currency_code": "USD", "value": "5.00" } });
    merchant.post(&format!("/v2/payments/captures/{capture}/refund"), part).await;
    merchant.control(&format!("captures/{capture}/reverse"), json!({ "amount": "3.00" })).await;
    let dispute =
        merchant.control(&format!("captures/{capture}/dispute"), json!({ "amount": "10.00" })).await;
    assert_eq!(merchant.balance().await, ["15.64", "5.64", "10.00"]);
    let id = dispute["dispute_id"].as_str().unwrap();
    merchant.control(&format!("disputes/{id}/resolve"), json!({ "outcome": "RESOLVED_BUYER_FAVOUR" })).await;
    let report = merchant.report("&fields=all").await;
    let line = |code: &str, amount: &str, fee: &str, reference: &str| {
        (code.to_owned(), amount.to_owned(), fee.to_owned(), reference.to_owned())
    };
    assert_eq!(
        lines(&report),
        [
            line("T0006", "25.00", "-1.36", ""),
            line("T1107", "-5.00", "", &capture),
            line("T1106", "-3.00", "", &capture),
            line("T1110", "-10.00", "", &capture),
            line("T1201", "-10.00", "", &capture),
            line("T1111", "10.00", "", &capture),
        ]
    );
    let first = &report["transaction_details"][0];
    assert_eq!(first["transaction_info"]["transaction_id"], capture);
    assert_eq!(first["transaction_info"]["custom_field"], "top-up-1");
    assert_eq!(first["payer_info"]["account_id"], first["transaction_info"]["paypal_account_id"]);
    assert_eq!(merchant.balance().await, ["5.64", "5.64", "0.00"]);
    let refunds = merchant.report("&transaction_type=T1107").await;
    assert_eq!(lines(&refunds).len(), 1);
    let one = merchant.report(&format!("&transaction_id={capture}")).await;
    assert_eq!(lines(&one).len(), 1);
}

#[tokio::test]
async fn pending_money_is_reported_when_it_arrives() {
    let merchant = Merchant::new().await;
    let capture = merchant.captured(json!({ "pending": true })).await;
    assert_eq!(lines(&merchant.report("").await), []);
    merchant.control(&format!("captures/{capture}/complete"), json!({})).await;
    assert_eq!(lines(&merchant.report("").await).len(), 1);
}

#[tokio::test]
async fn reports_are_behind() {
    let merchant = Merchant::new().await;
    merchant.control("reporting", json!({ "lag_seconds": 10_800 })).await;
    merchant.captured(json!({})).await;
    merchant.simulator.step(TimeDelta::hours(2));
    let report = merchant.report("").await;
    assert_eq!((lines(&report), &report["total_items"]), (vec![], &json!(0)));
    assert_eq!(merchant.get("/v1/reporting/balances").await["balances"], json!([]));
    merchant.simulator.step(TimeDelta::hours(1));
    assert_eq!(lines(&merchant.report("").await).len(), 1);
}

#[tokio::test]
async fn reports_come_in_pages_of_at_most_a_month() {
    let merchant = Merchant::new().await;
    for _ in 0..3 {
        merchant.captured(json!({})).await;
    }
    let first = merchant.report("&page_size=2").await;
    assert_eq!(
        (lines(&first).len(), &first["page"], &first["total_items"], &first["total_pages"]),
        (2, &json!(1), &json!(3), &json!(2))
    );
    let next = first["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap();
    let next = next["href"].as_str().unwrap().strip_prefix(&merchant.simulator.paypal_url()).unwrap();
    assert_eq!(lines(&merchant.get(next).await).len(), 1);
    for (path, status) in [
        (merchant.report_of(31, ""), 200),
        (merchant.report_of(32, ""), 400),
        (merchant.report_of(-1, ""), 400),
        (merchant.report_of(1, "&page_size=501"), 400),
        ("/v1/reporting/transactions".to_owned(), 400),
        ("/v1/reporting/transactions?start_date=yesterday&end_date=today".to_owned(), 400),
    ] {
        assert_eq!(merchant.call(Method::GET, &path, None).await.status, status, "{path}");
    }
}
