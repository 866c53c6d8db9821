//! Clock, seed, limits, log and the `/_sim/` interface.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Cloud;
use serde_json::{Value, json};
use simulator::{Cloud as Vendor, Config, Simulator};

/// A few requests to both clouds; answers what the clouds made of them.
async fn story(seed: u64) -> Vec<(Vendor, u64, String, Value)> {
    let config = Config { seed, ..Config::default() };
    let linode = Cloud::start(config, |simulator| format!("{}/v4", simulator.linode_url())).await;
    for label in ["a-one", "b-two", "c-three"] {
        linode.post("/linode/instances", Cloud::linode_order(label)).await;
    }
    let addresses = linode.get("/linode/instances").await.body;
    let servers = linode.simulator.servers().into_iter().enumerate();
    servers.map(|(n, s)| (s.cloud, s.id, s.label, addresses["data"][n]["ipv6"].clone())).collect()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_and_addresses() {
    let first = story(7).await;
    assert_eq!(first.len(), 3);
    assert_eq!(first, story(7).await);
    assert_ne!(first[0].1, story(8).await[0].1);
}

#[tokio::test]
async fn speed_moves_virtual_time_only() {
    let cloud = Cloud::linode().await;
    let id = cloud.post("/linode/instances", Cloud::linode_order("web-1")).await.body["id"].clone();
    cloud.simulator.set_speed(1e6);
    cloud.simulator.freeze(false);
    let path = format!("/linode/instances/{id}");
    let begun = std::time::Instant::now();
    while cloud.get(&path).await.body["status"] != "running" {
        assert!(begun.elapsed().as_secs() < 5, "65 s at this speed are less than a millisecond");
    }
}

#[tokio::test]
async fn limits_are_shown_always_and_enforced_on_request() {
    let cloud = Cloud::linode().await;
    cloud.simulator.set_rate_limit("linode.create", 1);
    for label in ["one-1", "two-2"] {
        let answer = cloud.post("/linode/instances", Cloud::linode_order(label)).await;
        assert_eq!((answer.status, &answer.headers["x-ratelimit-limit"]), (200, &"1".parse().unwrap()));
        assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    }
    cloud.simulator.enforce_rate_limits(true);
    let refused = cloud.post("/linode/instances", Cloud::linode_order("three-3")).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 16);
    assert_eq!(cloud.get("/account").await.headers["x-ratelimit-limit"], "1840", "another budget");

    let cloud = Cloud::digitalocean().await;
    cloud.simulator.set_rate_limit("digitalocean.minute", 1);
    cloud.simulator.enforce_rate_limits(true);
    let first = cloud.get("/account").await;
    assert_eq!(first.headers["ratelimit-remaining"], "4999");
    let burst = cloud.get("/account").await;
    assert_eq!((burst.status, &burst.headers["ratelimit-remaining"]), (429, &"0".parse().unwrap()));
    assert!(burst.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn requests_are_logged_by_operation() {
    let cloud = Cloud::digitalocean().await;
    cloud.post("/droplets", Cloud::droplet_order("web-1")).await;
    cloud.get("/droplets?tag_name=skyp").await;
    cloud.get("/nonsense").await;
    let seen: Vec<_> =
        cloud.simulator.requests().into_iter().map(|r| (r.operation, r.path, r.status)).collect();
    assert_eq!(
        seen,
        [
            (Some("digitalocean.create"), "/v2/droplets".to_owned(), Some(202)),
            (Some("digitalocean.list"), "/v2/droplets?tag_name=skyp".to_owned(), Some(200)),
            (None, "/v2/nonsense".to_owned(), Some(404)),
        ]
    );
    let create = &cloud.simulator.requests()[0];
    assert_eq!(
        (create.account.as_deref(), &create.body.as_ref().unwrap()["name"]),
        (Some("acme"), &json!("web-1"))
    );
}

#[tokio::test]
async fn the_admin_interface_is_the_same_on_every_port() {
    let ports: [fn(&Simulator) -> String; 3] =
        [Simulator::linode_url, Simulator::digitalocean_url, Simulator::paypal_url];
    let cloud = Cloud::linode().await;
    cloud.post("/linode/instances", Cloud::linode_order("web-1")).await;
    let client = reqwest::Client::new();
    for port in ports {
        let url = |path: &str| format!("{}/_sim/{path}", port(&cloud.simulator));
        let state: Value = client.get(url("state")).send().await.unwrap().json().await.unwrap();
        assert_eq!(state["linode"]["servers"][0]["label"], "web-1");
        let fault = json!({"operation": "linode.list", "kind": "error", "status": 502, "count": 1});
        assert_eq!(client.post(url("faults")).json(&fault).send().await.unwrap().status(), 201);
        assert_eq!(cloud.get("/linode/instances").await.status, 502);
        assert_eq!(cloud.get("/linode/instances").await.status, 200);
        let nonsense = json!({"operation": "x", "kind": "explode"});
        assert_eq!(client.post(url("faults")).json(&nonsense).send().await.unwrap().status(), 422);
        client.post(url("faults")).json(&json!({"operation": "*", "kind": "error"})).send().await.unwrap();
        client.delete(url("faults")).send().await.unwrap();
        assert_eq!(cloud.get("/linode/instances").await.status, 200);
        let before = cloud.simulator.now();
        client.post(url("clock")).json(&json!({"step_seconds": 90})).send().await.unwrap();
        assert_eq!((cloud.simulator.now() - before).num_seconds(), 90);
    }
    let requests: Value = client
        .get(format!("{}/_sim/requests", cloud.simulator.paypal_url()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(requests[0]["operation"], "linode.create");
    client.post(format!("{}/_sim/reset", cloud.simulator.linode_url())).send().await.unwrap();
    assert!(cloud.simulator.servers().is_empty() && cloud.simulator.requests().is_empty());
    cloud.simulator.stop().await;
}
