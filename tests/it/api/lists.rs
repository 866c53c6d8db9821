//! Lists and the catalogue.

use std::collections::BTreeSet;

use domain::provider::ProviderKind;
use serde_json::{Value, json};
use testkit::{IMAGE, Panel, REGION};

use super::client::Service;

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_walk_sees_every_row_once_whatever_is_added_meanwhile() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    for _ in 0..7 {
        panel.fund(&acme, "10.00").await;
    }
    for (list, table) in [
        ("/top-ups", "top_ups"),
        ("/wallet/transactions", "ledger_transactions"),
        ("/activity", "activity_logs"),
    ] {
        let mut expected: Vec<String> = panel
            .fetch_all(format!(
                "select id::text from {table} where organization_id = '{}' order by id desc",
                acme.organization_id()
            ))
            .await;
        for limit in [1, 3, 7, 100] {
            let mut seen = ids(&api.walk(list, limit).await);
            assert_eq!(
                seen.iter().collect::<BTreeSet<_>>().len(),
                seen.len(),
                "{list} by {limit}: a row twice"
            );
            seen.sort();
            expected.sort();
            assert_eq!(seen, expected, "{list} by {limit}");
        }
    }
    let first = api.get("/top-ups?limit=3").await.ok();
    panel.fund(&acme, "10.00").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("/top-ups?limit=100&cursor={cursor}")).await.ok();
    assert_eq!(rest["data"].as_array().unwrap().len(), 4, "the new one is not among the old ones");
    assert!(rest["next_cursor"].is_null());
}

#[tokio::test]
async fn vps_are_listed_by_the_word_they_are_shown_with() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let worker = panel.worker();
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    let [on, off, gone] = [
        panel.active(&acme, "small", "on").await,
        panel.active(&acme, "small", "off").await,
        panel.active(&acme, "small", "gone").await,
    ];
    panel.until_power(on, "running").await;
    api.post(&format!("/vps/{off}/actions"), &json!({ "type": "stop" })).await.ok();
    api.delete(&format!("/vps/{gone}")).await.ok();
    panel.until_power(off, "stopped").await;
    panel.until_state(gone, "deleted").await;
    worker.stop().await;
    let new = panel.order(&acme, "small", "new").await;
    api.post(&format!("/vps/{on}/actions"), &json!({ "type": "reboot" })).await.ok();

    for (query, expected) in [
        ("", vec![new, off, on]),
        ("?status=provisioning", vec![new]),
        ("?status=running", vec![]),
        ("?status=rebooting", vec![on]),
        ("?status=stopped", vec![off]),
        ("?status=deleted", vec![gone]),
        ("?status=failed", vec![]),
    ] {
        let rows = api.get(&format!("/vps{query}")).await.ok()["data"].as_array().unwrap().clone();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(ids(&rows), expected, "{query}");
        if let Some(word) = query.strip_prefix("?status=") {
            assert!(rows.iter().all(|row| row["status"] == word), "{rows:?}");
        }
    }
}

#[tokio::test]
async fn activity_is_filtered_by_action_kind_and_target() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let vps = panel.order(&acme, "small", "web").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    api.delete(&format!("/vps/{vps}")).await.ok();
    for (query, expected) in [
        ("action=vps", vec!["vps.delete_requested", "vps.create_requested"]),
        ("action=vps.delete_requested", vec!["vps.delete_requested"]),
        ("action=vp", vec![]),
        (&format!("target={vps}"), vec!["vps.delete_requested", "vps.create_requested"]),
        (&format!("target={vps}&action=ssh_key"), vec![]),
    ] {
        let rows = api.get(&format!("/activity?{query}")).await.ok()["data"].as_array().unwrap().clone();
        let actions: Vec<&str> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions, expected, "{query}");
    }
    let entry = &api.get(&format!("/activity?target={vps}")).await.ok()["data"][0];
    assert_eq!(entry["actor"], json!({ "type": "api_key", "name": "test" }));
    assert_eq!(entry["target"], json!({ "type": "vps", "id": vps.to_string() }));
    assert_eq!((&entry["address"], &entry["detail"]["name"]), (&json!("192.0.2.7"), &json!("web")));
}

#[tokio::test]
async fn the_catalogue_tells_what_can_be_ordered_at_which_price() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    let plans = api.get("/plans").await.ok()["data"].as_array().unwrap().clone();
    assert_eq!(plans.iter().map(|plan| plan["slug"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 4);
    let small = plans.iter().find(|plan| plan["slug"] == "small").unwrap();
    let here = small["regions"].as_array().unwrap().iter().find(|r| r["region"] == REGION).unwrap();
    let (hour, version): (i64, String) = (
        panel
            .fetch(format!(
                "select sell_hour_micros from price_versions where id = '{}'",
                here["price_version"].as_str().unwrap()
            ))
            .await,
        here["price_version"].as_str().unwrap().to_owned(),
    );
    assert_eq!(here["per_hour"], domain::Money::from_micros(hour).to_string(), "{version}");
    assert_eq!((&here["orderable"], &small["currency"]), (&json!(true), &json!("USD")));

    let regions = api.get("/regions").await.ok();
    assert!(regions["data"].as_array().unwrap().iter().any(|r| r["slug"] == REGION && r["country"] == "DE"));
    for (query, there) in [
        ("", true),
        ("?region=de-frankfurt&plan=small", true),
        ("?region=atlantis", false),
        ("?plan=none", false),
    ] {
        let images = api.get(&format!("/images{query}")).await.ok();
        assert_eq!(images["data"].as_array().unwrap().iter().any(|i| i["slug"] == IMAGE), there, "{query}");
    }
}

#[tokio::test]
async fn no_answer_tells_what_is_behind() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let _worker = panel.worker();
    let service = Service::of(&panel);
    let api = service.with_key(&panel, &acme).await;
    let vps = panel.active(&acme, "harbor", "web").await;
    panel.active(&acme, "meadow", "db").await;
    api.delete(&format!("/vps/{vps}")).await.ok();
    panel.until_state(vps, "deleted").await;
    panel.billing_details(&acme, "DE", "").await;
    let vendors = ProviderKind::ALL.iter().flat_map(|kind| [kind.as_str(), kind.label()]);
    let words: Vec<String> = vendors
        .chain([
            "droplet", "akamai", "markup", "provider", "upstream", "cost", "g6-", "s-1vcpu", "harbor-1",
            "meadow-1",
        ])
        .map(str::to_lowercase)
        .collect();
    let mut read = 0;
    for (method, path, _) in api.operations().await {
        if method == "GET" && !path.contains('{') {
            let answer = api.get(&path).await;
            assert!(answer.status.is_success(), "{answer:?}");
            let text = answer.text.to_lowercase();
            for word in &words {
                assert!(!text.contains(word.as_str()), "{path} says {word}: {text}");
            }
            read += 1;
        }
    }
    assert!(read >= 10, "{read}");
    assert!(!api.get(&format!("/vps/{vps}/actions")).await.text.contains("marker"));
}
