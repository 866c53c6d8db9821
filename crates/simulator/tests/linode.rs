//! The simulated Linode behaves as clients know Linode.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Cloud, read};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_create_goes_through_its_states_and_events() {
    let cloud = Cloud::linode().await;
    let created = cloud.post("/linode/instances", Cloud::linode_order("web-1")).await;
    assert_eq!((created.status, &created.body["status"]), (200, &json!("provisioning")));
    let time = created.body["created"].as_str().unwrap();
    assert_eq!((time.len(), time.contains('Z')), (19, false));
    let path = format!("/linode/instances/{}", created.body["id"]);
    let entity = json!({"entity.id": created.body["id"], "entity.type": "linode", "action": "linode_create"});

    let mut percents = Vec::new();
    let mut statuses = Vec::new();
    for seconds in [0, 20, 30, 13] {
        cloud.wait(seconds);
        let events = cloud.filtered("/account/events", entity.clone()).await;
        percents.push(events.body["data"][0]["percent_complete"].as_i64().unwrap());
        statuses.push(cloud.get(&path).await.body["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(statuses, ["provisioning", "provisioning", "booting", "booting"]);
    assert!(percents.windows(2).all(|pair| pair[0] < pair[1]), "{percents:?}");
    assert!(percents[0] == 0 && percents[3] < 100);

    cloud.wait(4);
    assert_eq!(cloud.get(&path).await.body["status"], "running");
    let event = &cloud.filtered("/account/events", entity).await.body["data"][0];
    assert_eq!((&event["status"], &event["percent_complete"]), (&json!("finished"), &json!(100)));
    assert_eq!(event["secondary_entity"]["id"], "linode/debian13");
}

#[tokio::test]
async fn one_job_at_a_time() {
    let cloud = Cloud::linode().await;
    let id = cloud.post("/linode/instances", Cloud::linode_order("web-1")).await.body["id"].clone();
    let path = format!("/linode/instances/{id}");
    let busy = cloud.post(&format!("{path}/reboot"), json!({})).await;
    assert_eq!((busy.status, busy.linode_error()), (400, (None, "Linode busy.")));
    cloud.wait(70);
    let shutdown = cloud.post(&format!("{path}/shutdown/"), Value::Null).await;
    assert_eq!((shutdown.status, shutdown.body), (200, json!({})));
    assert_eq!(cloud.get(&path).await.body["status"], "shutting_down");
    assert_eq!(cloud.post(&format!("{path}/boot"), json!({})).await.linode_error().1, "Linode busy.");
    cloud.wait(30);
    assert_eq!(cloud.get(&path).await.body["status"], "offline");
    assert_eq!(read(cloud.request(Method::POST, &format!("{path}/boot"))).await.status, 200);
    cloud.wait(27);
    assert_eq!(cloud.get(&path).await.body["status"], "running");
    assert!(cloud.post(&format!("{path}/boot"), json!({})).await.linode_error().1.contains("already booted"));
    assert_eq!(cloud.delete(&path).await.body, json!({}));
    assert_eq!(cloud.delete(&path).await.status, 404);
}

#[tokio::test]
async fn a_create_is_checked_in_linodes_words() {
    let cloud = Cloud::linode().await;
    assert_eq!(cloud.post("/linode/instances", Cloud::linode_order("web-1")).await.status, 200);
    let long = "a".repeat(90_000);
    for (change, field, reason) in [
        (json!({"label": "web-1"}), Some("label"), "Label must be unique among your linodes"),
        (json!({"label": "a--b"}), Some("label"), "two dashes"),
        (json!({"type": "g6-nope"}), Some("type"), "not found"),
        (json!({"region": "xx-none"}), Some("region"), "region is not valid"),
        (json!({"region": "us-den-1"}), Some("region"), "insufficient capacity"),
        (json!({"image": "linode/none"}), Some("image"), "image is not valid"),
        (
            json!({"root_pass": null}),
            None,
            "Must provide valid root_pass, authorized_keys, or authorized_users",
        ),
        (json!({"root_pass": "aaaaaaaa"}), Some("root_pass"), "does not meet strength requirement"),
        (json!({"authorized_keys": ["nonsense"]}), Some("authorized_keys"), "key-type"),
        (json!({"tags": ["x"]}), Some("tags"), "3-50"),
        (json!({"metadata": {"user_data": "%%%"}}), Some("metadata.user_data"), "base64"),
        (json!({"metadata": {"user_data": long}}), Some("metadata.user_data"), "65535"),
    ] {
        let mut order = Cloud::linode_order("web-2");
        order.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = cloud.post("/linode/instances", order).await;
        let (got_field, got_reason) = answer.linode_error();
        assert_eq!((answer.status, got_field), (400, field), "{change}");
        assert!(got_reason.contains(reason), "{change}: {got_reason}");
    }
    let both = cloud.post("/linode/instances", json!({})).await;
    assert_eq!(both.body["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn lists_have_pages_filters_and_owners() {
    let cloud = Cloud::linode().await;
    for n in 0..30 {
        cloud.post("/linode/instances", Cloud::linode_order(&format!("web-{n}"))).await;
    }
    let page = cloud.get("/linode/instances?page=2&page_size=25").await.body;
    assert_eq!((&page["pages"], &page["results"]), (&json!(2), &json!(30)));
    assert_eq!(page["data"].as_array().unwrap().len(), 5);
    assert_eq!(cloud.get("/linode/instances?page_size=10").await.linode_error().0, Some("page_size"));
    let found = cloud.filtered("/linode/instances", json!({"tags": "req-web-7"})).await.body;
    assert_eq!((&found["results"], &found["data"][0]["label"]), (&json!(1), &json!("web-7")));
    let unknown = cloud.filtered("/images", json!({"foo": 1})).await;
    assert_eq!((unknown.status, unknown.linode_error()), (400, (Some("X-Filter"), "Cannot filter on foo")));

    let cloud = cloud.with_token("acme-2");
    assert_eq!(cloud.get("/linode/instances").await.body["results"], 30);
    let cloud = cloud.with_token("other-1");
    assert_eq!(cloud.get("/linode/instances").await.body["results"], 0);
    let cloud = cloud.with_token("bad-token");
    let refused = cloud.get("/account").await;
    assert_eq!((refused.status, refused.linode_error()), (401, (None, "Invalid Token")));
}

#[tokio::test]
async fn tags_and_labels_can_be_changed() {
    let cloud = Cloud::linode().await;
    let id = cloud.post("/linode/instances", Cloud::linode_order("web-1")).await.body["id"].clone();
    let changed = cloud
        .put(
            &format!("/linode/instances/{id}"),
            json!({"label": "web-9", "tags": ["new"], "alerts": {"cpu": 50}}),
        )
        .await;
    assert_eq!((&changed.body["label"], &changed.body["alerts"]["cpu"]), (&json!("web-9"), &json!(50)));
    assert_eq!(cloud.get("/tags/new").await.body["data"][0]["data"]["id"], id);
    assert_eq!(cloud.get("/tags/skyp").await.status, 404);
    assert_eq!(cloud.delete("/tags/new").await.status, 200);
    assert_eq!(cloud.get(&format!("/linode/instances/{id}")).await.body["tags"], json!([]));
    assert_eq!(
        cloud.post("/linode/instances", Cloud::linode_order("web-1")).await.status,
        200,
        "label is free"
    );
}

#[tokio::test]
async fn what_is_not_simulated_is_not_found() {
    let cloud = Cloud::linode().await;
    for path in ["/volumes", "/nonsense", "/linode/instances/1", "/linode/instances/abc"] {
        assert_eq!(cloud.get(path).await.linode_error(), (None, "Not found"), "{path}");
    }
}
