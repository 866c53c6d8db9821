//! Who may call what.

use domain::identity::Role;
use serde_json::{Value, json};
use testkit::{PUBLIC_KEY, Panel};
use uuid::Uuid;

use super::client::{Client, Service};

/// A body that each operation takes, so that a refusal is about the caller alone.
fn body(path: &str) -> Value {
    match path {
        "/vps" => json!({ "name": "x", "plan": "p", "region": "r", "image": "i", "ssh_keys": [] }),
        "/vps/{id}/actions" => json!({ "type": "reboot" }),
        "/ssh-keys" => json!({ "public_key": PUBLIC_KEY }),
        "/top-ups" => json!({ "amount": "25.00" }),
        "/api-keys" => json!({ "name": "x" }),
        "/top-ups/{id}/capture" => json!({}),
        "/credits" => json!({ "code": "WELCOME10" }),
        "/auto-top-up" => {
            json!({ "threshold_hours": 72, "amount": "25.00", "monthly_ceiling": "100.00" })
        }
        "/auto-top-up/confirm" => json!({}),
        "/billing-profile" => json!({ "name": "x", "address": "x", "country": "DE" }),
        other => panic!("say what {other} takes"),
    }
}

async fn call(client: &Client, method: &str, path: &str, with_ids: &str) -> super::client::Answer {
    let body = ["POST", "PUT"].contains(&method).then(|| body(path));
    client.send(method, with_ids, body.as_ref()).await
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_refused_once_revoked() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "acme").await;

    let made = browser.post("/api-keys", &json!({ "name": "deploy" })).await;
    let key = made.ok()["key"].as_str().unwrap().to_owned();
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["cache-control"], "no-store");
    assert!(key.starts_with("skp_") && key.len() > 40, "{key}");

    let list = browser.get("/api-keys").await;
    assert_eq!(list.ok()["data"][0]["name"], "deploy");
    assert!(!list.text.contains(&key[8..]), "only its beginning is shown again");
    for table in ["api_keys", "activity_logs", "idempotency_keys"] {
        let kept: i64 =
            panel.fetch(format!("select count(*) from {table} t where t::text like '%{}%'", &key[8..])).await;
        assert_eq!(kept, 0, "{table} holds the key");
    }

    let program = service.with_header("authorization", &format!("Bearer {key}"));
    let me = program.get("/me").await.ok();
    assert_eq!(me["organization"]["id"], acme.organization_id().to_string());
    assert_eq!((&me["api_key_id"], &me["role"]), (&json!(id), &json!("owner")));
    assert!(browser.get("/me").await.ok()["api_key_id"].is_null());

    assert_eq!(program.delete(&format!("/api-keys/{id}")).await.status, 204, "a key can revoke itself");
    let refused = program.get("/me").await;
    assert_eq!(refused.refused(401), "unauthenticated");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    assert!(browser.get("/api-keys").await.ok()["data"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_answers_without_a_valid_key_or_session() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let service = Service::of(&panel);
    let strangers = [
        service.anonymous(),
        service.with_header("authorization", "Bearer skp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        service.with_header("authorization", "Basic YWNtZTphY21l"),
        service.with_header("cookie", "session=AAAA"),
    ];
    let operations = service.anonymous().operations().await;
    assert!(operations.len() > 20, "{}", operations.len());
    for (method, path, _) in operations {
        let id = Uuid::now_v7().to_string();
        for stranger in &strangers {
            let answer =
                call(stranger, &method, &path, &path.replace("{id}", &id).replace("{action_id}", &id)).await;
            assert_eq!(answer.refused(401), "unauthenticated", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_member_may_do_what_the_role_allows_and_nothing_else() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.member(&acme, "mia", Role::Member).await;
    let service = Service::of(&panel);
    let mia = service.with_session(&panel, "mia").await;
    let allowed = mia.get("/me").await.ok()["permissions"].as_array().unwrap().clone();
    let (mut refused, mut let_in) = (0, 0);
    for (method, path, operation) in mia.operations().await {
        let id = Uuid::now_v7().to_string();
        let answer = call(&mia, &method, &path, &path.replace("{id}", &id).replace("{action_id}", &id)).await;
        match operation["security"][0]["api_key"][0].as_str() {
            Some(needed) if !allowed.iter().any(|p| p == needed) => {
                assert_eq!(answer.refused(403), "forbidden", "{method} {path}");
                refused += 1;
            }
            _ => {
                assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path}: {answer:?}");
                let_in += 1;
            }
        }
    }
    assert!(refused >= 8 && let_in >= 12, "{refused} refused, {let_in} let in");
    let created: i64 = panel.fetch("select count(*) from vps_instances").await;
    assert_eq!(created, 0);
}

#[tokio::test]
async fn a_key_loses_what_its_person_loses() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let service = Service::of(&panel);
    let program = service.with_key(&panel, &acme).await;
    program.get("/api-keys").await.ok();
    panel.execute("update users set role = 'member' where email = 'acme@example.com'").await;
    assert_eq!(program.get("/api-keys").await.refused(403), "forbidden");
    program.get("/vps").await.ok();
    panel.execute("update users set suspended_at = now() where email = 'acme@example.com'").await;
    assert_eq!(program.get("/vps").await.refused(401), "unauthenticated");
}

#[tokio::test]
async fn what_belongs_to_another_organization_does_not_exist() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let worker = panel.worker();
    panel.top_up(&acme, "20.00").await;
    panel.documents(&acme).await;
    panel.give_and_take(&acme).await;
    worker.stop().await;
    let vps = panel.order(&acme, "small", "web").await;
    let service = Service::of(&panel);
    let owner = service.with_key(&panel, &acme).await;
    let key = owner.get("/api-keys").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let action =
        owner.get(&format!("/vps/{vps}/actions")).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let of = |path: &str| match path.split('/').nth(1).unwrap() {
        "vps" => format!("select '{vps}'"),
        "ssh-keys" => "select id::text from ssh_keys".to_owned(),
        "top-ups" => "select id::text from top_ups".to_owned(),
        "wallet" => "select id::text from ledger_transactions limit 1".to_owned(),
        "credits" => "select id::text from credits".to_owned(),
        "receipts" => "select id::text from documents where kind = 'receipt'".to_owned(),
        "credit-notes" => "select id::text from documents where kind = 'credit_note'".to_owned(),
        "statements" => "select id::text from documents where kind = 'statement'".to_owned(),
        "api-keys" => format!("select '{key}'"),
        other => panic!("say whose {other} is"),
    };

    let other = panel.customer("other").await;
    let stranger = service.with_key(&panel, &other).await;
    let mut met = 0;
    for (method, path, _) in owner.operations().await.into_iter().filter(|(_, path, _)| path.contains("{id}"))
    {
        let id: String = panel.fetch(of(&path)).await;
        let with_ids = path.replace("{id}", &id).replace("{action_id}", &action);
        let answer = call(&stranger, &method, &path, &with_ids).await;
        assert_eq!(answer.refused(404), "not_found", "{method} {with_ids}");
        if method == "GET" {
            owner.get(&with_ids).await.ok();
        }
        met += 1;
    }
    assert!(met >= 10, "{met}");
    for list in
        ["/vps", "/ssh-keys", "/top-ups", "/wallet/transactions", "/receipts", "/credit-notes", "/statements"]
    {
        assert!(stranger.get(list).await.ok()["data"].as_array().unwrap().is_empty(), "{list}");
    }
    let order = json!({ "name": "x", "plan": "small", "region": "de-frankfurt", "image": "debian-13",
        "ssh_keys": [panel.ssh_key(&acme).await.to_string()] });
    panel.fund(&other, "20.00").await;
    assert_eq!(stranger.post("/vps", &order).await.wrong_field(), "ssh_keys");
}

#[tokio::test]
async fn a_foreign_site_cannot_use_the_session_of_a_browser() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "acme").await;
    let lured = browser.and("origin", "https://evil.test").and("sec-fetch-site", "cross-site");
    let answer = lured.post("/ssh-keys", &json!({ "public_key": PUBLIC_KEY })).await;
    assert_eq!(answer.refused(403), "forbidden");
    let own = browser.and("origin", "http://127.0.0.1:8080").and("sec-fetch-site", "same-origin");
    assert_eq!(own.post("/ssh-keys", &json!({ "public_key": PUBLIC_KEY })).await.status, 201);
}
