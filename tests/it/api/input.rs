//! What the API refuses to read, and how it says so.

use serde_json::{Value, json};
use testkit::{PUBLIC_KEY, Panel};

use super::client::Service;

fn order() -> Value {
    json!({ "name": "web", "plan": "small", "region": "de-frankfurt", "image": "debian-13", "ssh_keys": [] })
}

fn with(field: &str, value: Value) -> Value {
    let mut order = order();
    order[field] = value;
    order
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    for (body, field) in [
        (with("name", json!(5)), "name"),
        (with("name", json!("-web")), "name"),
        (with("plan", json!("none")), "plan"),
        (with("region", json!("atlantis")), "region"),
        (with("image", json!("dos-6")), "image"),
        (with("ssh_keys", json!(["x"])), "ssh_keys[0]"),
        (with("ssh_keys", json!([])), "ssh_keys"),
        (with("price_version", json!("cheap")), "price_version"),
        (with("plna", json!("small")), "plna"),
        (with("user_data", json!("x".repeat(61 * 1024))), "user_data"),
        (json!({}), "name"),
        (json!([]), "body"),
    ] {
        let answer = api.post("/vps", &body).await;
        assert_eq!(answer.wrong_field(), field, "{body} {answer:?}");
    }
    let both =
        json!({ "name": "web", "plan": "none", "region": "de-frankfurt", "image": "dos-6", "ssh_keys": [] });
    let errors = api.post("/vps", &both).await.json()["errors"].clone();
    assert_eq!((&errors[0]["field"], &errors[1]["field"]), (&json!("plan"), &json!("image")));
    for (amount, wrong) in [
        (json!(25), true),
        (json!("25,00"), true),
        (json!("0.01"), true),
        (json!("25.001"), true),
        (json!("25"), false),
    ] {
        let answer = api.post("/top-ups", &json!({ "amount": amount })).await;
        assert_eq!(answer.status == 422, wrong, "{amount} {answer:?}");
    }
    api.post("/ssh-keys", &json!({ "public_key": PUBLIC_KEY })).await.ok();
    assert_eq!(api.post("/ssh-keys", &json!({ "public_key": PUBLIC_KEY })).await.wrong_field(), "public_key");
    let action = format!("/vps/{}/actions", uuid::Uuid::now_v7());
    assert_eq!(api.post(&action, &json!({ "type": "explode" })).await.wrong_field(), "type");
}

#[tokio::test]
async fn bodies_must_be_json_of_a_bearable_size() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    let path = "/api/v1/ssh-keys";
    let send = async |kind: Option<&str>, body: &str| api.send_raw("POST", path, kind, body.to_owned()).await;
    for body in ["", "{", "name=laptop", r#"{"public_key": "x"} {}"#] {
        assert_eq!(send(Some("application/json"), body).await.refused(400), "malformed", "{body}");
    }
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        assert_eq!(send(kind, "{}").await.refused(415), "unsupported_media_type", "{kind:?}");
    }
    let long = json!({ "public_key": "x".repeat(300 * 1024) }).to_string();
    assert_eq!(send(Some("application/json"), &long).await.refused(413), "too_large");
}

#[tokio::test]
async fn addresses_that_do_not_exist_are_problems_too() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let service = Service::of(&panel);
    let api = service.with_key(&panel, &acme).await;
    for path in ["/vps/web-1", "/vps/1/actions", "/nothing", "/vps/", ""] {
        assert_eq!(api.get(path).await.refused(404), "not_found", "{path:?}");
    }
    for path in ["/api", "/api/", "/api/v2/vps"] {
        let answer = service.anonymous().send_raw("GET", path, None, String::new()).await;
        assert_eq!(answer.refused(404), "not_found", "{path}");
    }
    let answer = api.send("PATCH", "/vps", None).await;
    assert_eq!(answer.refused(405), "method_not_allowed");
    let allow = answer.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn queries_are_strict() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("cursor=x", "cursor"),
        ("status=happy", "status"),
        ("stauts=running", "stauts"),
    ] {
        assert_eq!(api.get(&format!("/vps?{query}")).await.wrong_field(), field, "{query}");
    }
    let of_ids = api.get("/activity?limit=1").await.ok()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(api.get(&format!("/wallet/transactions?cursor={of_ids}")).await.wrong_field(), "cursor");
}
