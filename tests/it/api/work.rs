//! What a program does with the API, from the first payment to the last server.

use domain::TopUpId;
use serde_json::{Value, json};
use testkit::{PUBLIC_KEY, Panel, eventually};

use super::client::{Client, Service};

async fn until(client: &Client, path: &str, status: &str) -> Value {
    for _ in 0..1_000 {
        let found = client.get(path).await.ok();
        if found["status"] == status {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} does not become {status}: {}", client.get(path).await.text);
}

#[tokio::test]
async fn a_program_pays_orders_restarts_and_deletes() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let _worker = panel.worker();
    let api = Service::of(&panel).with_key(&panel, &acme).await;

    let begun = api.post("/top-ups", &json!({ "amount": "25.00" })).await;
    assert_eq!((begun.status.as_u16(), &begun.ok()["amount"]), (201, &json!("25.00")));
    let top_up = begun.headers["location"].to_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    let waiting = until(&api, &top_up, "awaiting_approval").await;
    assert!(waiting["approve_url"].as_str().unwrap().starts_with("http"), "{waiting}");
    let id: TopUpId = waiting["id"].as_str().unwrap().parse().unwrap();
    panel.approve(id, &json!({})).await;
    assert_eq!(api.post(&format!("{top_up}/capture"), &Value::Null).await.status, 202);
    let paid = until(&api, &top_up, "completed").await;
    assert_eq!((&paid["captured"], &paid["approve_url"]), (&json!("25.00"), &Value::Null));
    let wallet = api.get("/wallet").await.ok();
    assert_eq!(
        (&wallet["available"], &wallet["burn"], &wallet["runway_hours"]),
        (&json!("25.00"), &json!("0.00"), &Value::Null)
    );

    let key = api.post("/ssh-keys", &json!({ "name": "", "public_key": PUBLIC_KEY })).await;
    assert_eq!((key.status.as_u16(), &key.ok()["name"]), (201, &json!("laptop")));
    let order = json!({ "name": "web", "plan": "harbor", "region": "de-frankfurt", "image": "debian-13",
        "ssh_keys": [key.json()["id"]] });
    panel.simulator.freeze(true);
    let ordered = api.post("/vps", &order).await;
    panel.simulator.freeze(false);
    assert_eq!((ordered.status.as_u16(), &ordered.ok()["status"]), (201, &json!("provisioning")));
    let vps = ordered.headers["location"].to_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    let running = until(&api, &vps, "running").await;
    assert!(running["ipv4"].is_string() && running["paid_until"].is_string(), "{running}");
    assert_eq!(running["month_spent"], running["per_hour"]);

    panel.simulator.freeze(true);
    let asked = api.post(&format!("{vps}/actions"), &json!({ "type": "reboot" })).await;
    assert_eq!((asked.status.as_u16(), &asked.ok()["type"]), (202, &json!("reboot")));
    let busy = api.post(&format!("{vps}/actions"), &json!({ "type": "stop" })).await;
    assert_eq!(busy.refused(409), "busy");
    panel.simulator.freeze(false);
    let action = asked.headers["location"].to_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    assert!(until(&api, &action, "done").await["finished_at"].is_string());
    let actions = api.get(&format!("{vps}/actions")).await.ok();
    let kinds: Vec<&str> =
        actions["data"].as_array().unwrap().iter().map(|a| a["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reboot", "create"]);

    assert_eq!(api.delete(&vps).await.ok()["status"], "deleting");
    let gone = until(&api, &vps, "deleted").await;
    assert!(gone["deleted_at"].is_string(), "{gone}");
    assert_eq!(api.delete(&vps).await.refused(409), "gone");
    eventually("no server is left", || panel.simulator.servers().iter().all(|server| server.is_deleted()))
        .await;

    let moves = api.get("/wallet/transactions").await.ok();
    let hour = running["per_hour"].as_str().unwrap();
    let told: Vec<_> = moves["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| json!([m["type"], m["available"], m["held"]]))
        .collect();
    let expected = json!([
        ["capture", "0.00", format!("-{hour}")],
        ["hold", format!("-{hour}"), hour],
        ["top_up", "25.00", "0.00"],
    ]);
    assert_eq!(json!(told), expected);
    assert_eq!(moves["data"][0]["vps_id"], gone["id"]);
    assert_eq!(moves["data"][2]["top_up_id"], paid["id"]);
    panel.verify().await;
}
