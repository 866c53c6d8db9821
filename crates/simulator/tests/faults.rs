//! Faults do what they say, as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io;
use std::time::{Duration, Instant};

use common::Cloud;
use serde_json::json;
use simulator::{Fault, FaultKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends one raw create; answers every byte that came back before the connection ended.
async fn raw_create(cloud: &Cloud, label: &str) -> Vec<u8> {
    let body = Cloud::linode_order(label).to_string();
    let request = format!(
        "POST /v4/linode/instances HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer acme-1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(cloud.simulator.linode).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => answer,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => answer,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_cut_connection_carries_no_byte_of_an_answer() {
    let cloud = Cloud::linode().await;
    cloud.simulator.inject(Fault::new("linode.create", FaultKind::CutBefore).once());
    assert_eq!(raw_create(&cloud, "before").await, b"");
    assert!(cloud.simulator.servers().is_empty(), "nothing happened");
    cloud.simulator.inject(Fault::new("*.create", FaultKind::CutAfter).once());
    assert_eq!(raw_create(&cloud, "after").await, b"");
    let servers = cloud.simulator.servers();
    assert_eq!((servers.len(), servers[0].label.as_str()), (1, "after"), "the effect happened");
    let requests = cloud.simulator.requests();
    assert_eq!(requests.iter().map(|request| request.status).collect::<Vec<_>>(), [None, None]);

    cloud.simulator.inject(Fault::new("*.create", FaultKind::CutAfter).once());
    let order = Cloud::linode_order("again");
    let error =
        cloud.request(reqwest::Method::POST, "/linode/instances").json(&order).send().await.unwrap_err();
    assert!(error.status().is_none() && !error.is_timeout(), "{error:?}");
    assert_eq!(cloud.filtered("/linode/instances", json!({"label": "again"})).await.body["results"], 1);
}

#[tokio::test]
async fn refusals_come_in_the_vendors_words() {
    let (linode, digitalocean) = (Cloud::linode().await, Cloud::digitalocean().await);
    linode.simulator.inject(Fault::new("linode.get", FaultKind::RateLimited).once().with_retry_after(7));
    let limited = linode.get("/linode/instances/1").await;
    assert_eq!((limited.status, limited.linode_error().1), (429, "Too many requests"));
    assert_eq!(limited.headers["retry-after"], "7");
    linode.simulator.inject(Fault::new("*", FaultKind::Error).once().with_status(503));
    let down = linode.get("/account").await;
    assert_eq!((down.status, down.headers.contains_key("retry-after")), (503, false));
    assert!(down.body["errors"][0]["reason"].is_string());
    linode.simulator.inject(Fault::new("*", FaultKind::HtmlError).once().with_status(400));
    let html = linode.get("/account").await;
    assert_eq!((html.status, &html.headers["server"]), (400, &"nginx".parse().unwrap()));
    assert!(html.body.as_str().unwrap().starts_with("<html>"));
    linode.simulator.inject(Fault::new("*", FaultKind::MalformedJson).once());
    let broken = linode.get("/account").await;
    assert!(broken.status == 200 && broken.body.is_string(), "{}", broken.body);
    linode.simulator.inject(Fault::new("*.create", FaultKind::SoldOut).once());
    let sold_out = linode.post("/linode/instances", Cloud::linode_order("web-1")).await;
    assert_eq!((sold_out.status, sold_out.linode_error().0), (400, Some("region")));

    digitalocean.simulator.inject(Fault::new("digitalocean.*", FaultKind::RateLimited).once());
    assert_eq!(digitalocean.get("/account").await.body["id"], "too_many_requests");
    digitalocean.simulator.inject(Fault::new("*.create", FaultKind::SoldOut).once());
    let sold_out = digitalocean.post("/droplets", Cloud::droplet_order("web-1")).await;
    assert_eq!(
        (sold_out.status, &sold_out.body["message"]),
        (422, &json!("Size is not available in this region."))
    );
    assert!(digitalocean.simulator.servers().is_empty());
}

#[tokio::test]
async fn a_slow_request_takes_effect_after_the_client_gave_up() {
    let cloud = Cloud::linode().await;
    cloud.simulator.inject(Fault::new("linode.create", FaultKind::Slow).once().with_delay_ms(300));
    let order = Cloud::linode_order("late");
    let request = cloud.request(reqwest::Method::POST, "/linode/instances").json(&order);
    let error = request.timeout(Duration::from_millis(100)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert!(cloud.simulator.servers().is_empty(), "not yet");
    let begun = Instant::now();
    while cloud.simulator.servers().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(5), "the effect never came");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_vanished_server_has_an_id_and_nothing_else() {
    let cloud = Cloud::digitalocean().await;
    cloud.simulator.inject(Fault::new("*.create", FaultKind::Vanish).once());
    let created = cloud.post("/droplets", Cloud::droplet_order("web-1")).await;
    assert_eq!(created.status, 202);
    let id = &created.body["droplet"]["id"];
    for seconds in [0, 60] {
        cloud.wait(seconds);
        assert_eq!(cloud.get(&format!("/droplets/{id}")).await.status, 404);
        assert_eq!(cloud.get("/droplets").await.body["meta"]["total"], 0);
    }
    let action = format!("/actions/{}", created.body["links"]["actions"][0]["id"]);
    assert_eq!(cloud.get(&action).await.body["action"]["status"], "errored");
    let truth = &cloud.simulator.servers()[0];
    assert_eq!((truth.is_deleted(), truth.deleted_at), (true, Some(truth.created_at)));

    let cloud = Cloud::linode().await;
    cloud.simulator.inject(Fault::new("*.create", FaultKind::Vanish).once());
    let id = cloud.post("/linode/instances", Cloud::linode_order("web-1")).await.body["id"].clone();
    assert_eq!(cloud.get(&format!("/linode/instances/{id}")).await.status, 404);
    assert_eq!(cloud.get("/linode/instances").await.body["results"], 0);
}

#[tokio::test]
async fn transitions_can_hang_or_fail() {
    let cloud = Cloud::linode().await;
    cloud.simulator.inject(Fault::new("linode.create", FaultKind::Stuck).once());
    let id = cloud.post("/linode/instances", Cloud::linode_order("stuck")).await.body["id"].clone();
    let failing = cloud.post("/linode/instances", Cloud::linode_order("fails")).await.body["id"].clone();
    cloud.wait(86_400);
    let path = format!("/linode/instances/{id}");
    assert_eq!(cloud.get(&path).await.body["status"], "provisioning");
    assert_eq!(cloud.post(&format!("{path}/boot"), json!({})).await.linode_error().1, "Linode busy.");
    let event = &cloud.filtered("/account/events", json!({"entity.id": id})).await.body["data"][0];
    assert_eq!(event["status"], "scheduled");
    cloud.simulator.inject(Fault::new("*.action", FaultKind::Failed).once());
    let path = format!("/linode/instances/{failing}");
    assert_eq!(cloud.post(&format!("{path}/shutdown"), json!({})).await.status, 200);
    cloud.wait(40);
    assert_eq!(cloud.get(&path).await.body["status"], "running");
    let wanted = json!({"entity.id": failing, "action": "linode_shutdown"});
    assert_eq!(cloud.filtered("/account/events", wanted).await.body["data"][0]["status"], "failed");

    let cloud = Cloud::digitalocean().await;
    let id = cloud.post("/droplets", Cloud::droplet_order("web-1")).await.body["droplet"]["id"].clone();
    cloud.wait(45);
    let path = format!("/droplets/{id}");
    for (kind, status) in [(FaultKind::Failed, "errored"), (FaultKind::Stuck, "in-progress")] {
        cloud.simulator.inject(Fault::new("*.action", kind).once());
        let action =
            cloud.post(&format!("{path}/actions"), json!({"type": "power_off"})).await.body["action"].clone();
        cloud.wait(3_600);
        let action = cloud.get(&format!("{path}/actions/{}", action["id"])).await.body["action"].clone();
        assert_eq!(
            (&action["status"], action["completed_at"].is_null()),
            (&json!(status), status != "errored")
        );
        assert_eq!(cloud.get(&path).await.body["droplet"]["status"], "active");
    }
    assert_eq!(cloud.post(&format!("{path}/actions"), json!({"type": "reboot"})).await.status, 422);
}
