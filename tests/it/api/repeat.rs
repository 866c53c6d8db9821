//! Requests that come twice, and orders that are refused.

use app::Operator;
use app::catalog::publish_prices;
use domain::PlanId;
use domain::catalog::Markup;
use serde_json::{Value, json};
use testkit::Panel;

use super::client::{Answer, Client, Service};

async fn order(panel: &Panel, acme: &app::Caller, name: &str) -> Value {
    let key = panel.ssh_key(acme).await.to_string();
    json!({ "name": name, "plan": "small", "region": "de-frankfurt", "image": "debian-13", "ssh_keys": [key] })
}

/// Sends the same request many times at once.
async fn at_once(client: &Client, count: usize, path: &'static str, body: &Value) -> Vec<Answer> {
    let sending: Vec<_> = (0..count)
        .map(|_| {
            let (client, body) = (client.clone(), body.clone());
            tokio::spawn(async move { client.post(path, &body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in sending {
        answers.push(one.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn twenty_orders_with_one_key_make_one_vps_and_get_one_answer() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let _worker = panel.worker();
    let api = Service::of(&panel).with_key(&panel, &acme).await.and("idempotency-key", "order-1");
    let body = order(&panel, &acme, "web").await;

    let answers = at_once(&api, 20, "/vps", &body).await;
    let first = &answers[0];
    assert_eq!(first.status, 201, "{first:?}");
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (first.status, &first.text));
        assert_eq!(answer.headers["location"], first.headers["location"]);
    }
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(first.headers["location"], format!("/api/v1/vps/{id}"));
    assert_eq!(panel.fetch::<i64>("select count(*) from vps_instances").await, 1);
    assert_eq!(panel.fetch::<i64>("select count(*) from holds").await, 1);

    panel.until(format!("select state = 'active' from vps_instances where id = '{id}'")).await;
    let later = api.post("/vps", &body).await;
    assert_eq!(later.text, first.text, "the answer stays what it was");
    panel.verify().await;
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_organization() {
    let panel = Panel::start().await;
    let (acme, other) = (panel.customer("acme").await, panel.customer("other").await);
    let service = Service::of(&panel);
    let api = service.with_key(&panel, &acme).await.and("idempotency-key", "pay-1");
    let first = api.post("/top-ups", &json!({ "amount": "25.00" })).await;
    assert_eq!(first.status, 201);
    assert_eq!(api.post("/top-ups", &json!({ "amount": "25.00" })).await.text, first.text);
    assert_eq!(api.post("/top-ups", &json!({ "amount": "26.00" })).await.wrong_field(), "Idempotency-Key");
    let elsewhere = service.with_key(&panel, &other).await.and("idempotency-key", "pay-1");
    assert_eq!(elsewhere.post("/top-ups", &json!({ "amount": "26.00" })).await.status, 201);
    let no_key = service.with_key(&panel, &acme).await.and("idempotency-key", "with blanks in it");
    assert_eq!(no_key.post("/top-ups", &json!({ "amount": "25.00" })).await.wrong_field(), "Idempotency-Key");
    assert_eq!(panel.fetch::<i64>("select count(*) from top_ups").await, 2);
}

#[tokio::test]
async fn after_a_day_a_key_is_forgotten() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let _worker = panel.worker();
    let api = Service::of(&panel).with_key(&panel, &acme).await.and("idempotency-key", "pay-1");
    let body = json!({ "amount": "25.00" });
    let first = api.post("/top-ups", &body).await.ok();
    for (age, same) in [("23 hours", true), ("25 hours", false)] {
        panel.execute(format!("update idempotency_keys set created_at = now() - interval '{age}'")).await;
        panel.enqueue("housekeeping", &Value::Null).await;
        panel.until_idle().await;
        assert_eq!(api.post("/top-ups", &body).await.ok()["id"] == first["id"], same, "{age}");
    }
}

#[tokio::test]
async fn a_refused_order_is_not_remembered_and_tells_what_is_missing() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await.and("idempotency-key", "order-1");
    let body = order(&panel, &acme, "web").await;
    let refused = api.post("/vps", &body).await;
    assert_eq!(refused.refused(402), "insufficient_funds");
    let problem = refused.json();
    assert_eq!((&problem["available"], &problem["currency"]), (&json!("0.00"), &json!("USD")));
    panel.fund(&acme, problem["needed"].as_str().unwrap()).await;
    assert_eq!(api.post("/vps", &body).await.status, 201, "what was said to be needed is enough");
}

#[tokio::test]
async fn an_order_at_yesterdays_price_is_told_todays() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    let plans = api.get("/plans").await.ok();
    let small = plans["data"].as_array().unwrap().iter().find(|p| p["slug"] == "small").unwrap().clone();
    let here =
        small["regions"].as_array().unwrap().iter().find(|r| r["region"] == "de-frankfurt").unwrap().clone();
    let mut body = order(&panel, &acme, "web").await;
    body["price_version"] = here["price_version"].clone();

    let plan: uuid::Uuid = panel.fetch("select id from plans where slug = 'small'").await;
    let dearer = Markup { basis_points: 5_000, ..Markup::default() };
    publish_prices(&panel.app, &Operator::command_line(), PlanId(plan), dearer).await.unwrap();
    let refused = api.post("/vps", &body).await;
    assert_eq!(refused.refused(409), "price_changed");
    let price = refused.json()["price"].clone();
    assert_ne!(price["per_hour"], here["per_hour"], "{price}");
    assert_eq!(panel.fetch::<i64>("select count(*) from vps_instances").await, 0);

    body["price_version"] = price["price_version"].clone();
    assert_eq!(api.post("/vps", &body).await.ok()["per_hour"], price["per_hour"]);
}
