//! The simulated DigitalOcean behaves as clients know DigitalOcean.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Cloud;
use serde_json::{Value, json};

/// Creates a droplet and waits until it is active; answers its path.
async fn active(cloud: &Cloud, name: &str) -> String {
    let created = cloud.post("/droplets", Cloud::droplet_order(name)).await;
    assert_eq!(created.status, 202, "{}", created.body);
    cloud.wait(45);
    format!("/droplets/{}", created.body["droplet"]["id"])
}

#[tokio::test]
async fn a_create_is_followed_by_its_action() {
    let cloud = Cloud::digitalocean().await;
    let created = cloud.post("/droplets", Cloud::droplet_order("web-1")).await;
    let droplet = &created.body["droplet"];
    assert_eq!((created.status, &droplet["status"]), (202, &json!("new")));
    assert_eq!(droplet["networks"], json!({"v4": [], "v6": []}));
    assert!(droplet["created_at"].as_str().unwrap().ends_with('Z'));
    let link = &created.body["links"]["actions"][0];
    let href = link["href"].as_str().unwrap();
    assert!(href.starts_with(&cloud.simulator.digitalocean_url()), "{href}");

    let action = format!("/actions/{}", link["id"]);
    assert_eq!(cloud.get(&action).await.body["action"]["status"], "in-progress");
    cloud.wait(45);
    let done = cloud.get(&action).await.body;
    assert_eq!((&done["action"]["status"], &done["action"]["type"]), (&json!("completed"), &json!("create")));
    let droplet = cloud.get(&format!("/droplets/{}", droplet["id"])).await.body["droplet"].clone();
    assert_eq!(droplet["status"], "active");
    let kinds: Vec<&Value> =
        droplet["networks"]["v4"].as_array().unwrap().iter().map(|n| &n["type"]).collect();
    assert_eq!(kinds, ["public", "private"]);
    assert_eq!(droplet["networks"]["v6"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn status_changes_by_actions_one_at_a_time() {
    let cloud = Cloud::digitalocean().await;
    let path = active(&cloud, "web-1").await;
    let actions = format!("{path}/actions");
    let off = cloud.post(&actions, json!({"type": "power_off"})).await;
    assert_eq!((off.status, &off.body["action"]["status"]), (201, &json!("in-progress")));
    let second = cloud.post(&actions, json!({"type": "reboot"})).await;
    assert_eq!((second.status, &second.body["id"]), (422, &json!("unprocessable_entity")));
    assert_eq!(second.body["message"], "Droplet already has a pending event.");
    assert_eq!(
        cloud.get(&path).await.body["droplet"]["status"],
        "active",
        "the action shows it, not the status"
    );
    cloud.wait(10);
    assert_eq!(cloud.get(&path).await.body["droplet"]["status"], "off");
    assert_eq!(cloud.post(&actions, json!({"type": "power_off"})).await.status, 422);
    assert_eq!(cloud.post(&actions, json!({"type": "fly"})).await.status, 422);
    assert_eq!(cloud.post(&actions, json!({"type": "power_on"})).await.status, 201);
    cloud.wait(12);
    assert_eq!(cloud.post(&actions, json!({"type": "rename", "name": "db-1"})).await.status, 201);
    cloud.wait(7);
    let droplet = &cloud.get(&path).await.body["droplet"];
    assert_eq!((&droplet["status"], &droplet["name"]), (&json!("active"), &json!("db-1")));
    let kinds = cloud.get(&actions).await.body["actions"].clone();
    let kinds: Vec<&Value> = kinds.as_array().unwrap().iter().map(|action| &action["type"]).collect();
    assert_eq!(kinds, ["rename", "power_on", "power_off", "create"]);
    let deleted = cloud.delete(&path).await;
    assert_eq!((deleted.status, deleted.body), (204, json!("")));
    assert_eq!(cloud.get(&path).await.status, 404);
}

#[tokio::test]
async fn links_carry_the_host_and_the_query() {
    let cloud = Cloud::digitalocean().await;
    let names: Vec<String> = (0..5).map(|n| format!("web-{n}")).collect();
    let mut order = Cloud::droplet_order("unused");
    order.as_object_mut().unwrap().remove("name");
    order["names"] = json!(names);
    assert_eq!(cloud.post("/droplets", order).await.body["droplets"].as_array().unwrap().len(), 5);
    let page = cloud.get("/droplets?tag_name=skyp&per_page=2&page=2").await.body;
    let pages = page["links"]["pages"].clone();
    let base = format!("{}/v2/droplets?tag_name=skyp&per_page=2&page=", cloud.simulator.digitalocean_url());
    assert_eq!(
        pages,
        json!({
            "first": format!("{base}1"), "prev": format!("{base}1"), "next": format!("{base}3"), "last": format!("{base}3"),
        })
    );
    assert_eq!((page["droplets"].as_array().unwrap().len(), &page["meta"]["total"]), (2, &json!(5)));
    let past = cloud.get("/droplets?per_page=200&page=9").await.body;
    assert_eq!((&past["droplets"], &past["meta"]["total"]), (&json!([]), &json!(5)));
    assert_eq!(cloud.get("/droplets?per_page=200").await.body["links"], json!({}));
    assert_eq!(cloud.get("/droplets?name=WEB-3").await.body["meta"]["total"], 1);
}

#[tokio::test]
async fn a_create_is_checked_in_digitaloceans_words() {
    let cloud = Cloud::digitalocean().await;
    for (change, message) in [
        (
            json!({"name": "bad_name!"}),
            "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
        ),
        (json!({"size": "s-nope"}), "invalid size"),
        (json!({"image": "nope"}), "invalid image"),
        (json!({"region": "nope"}), "invalid region"),
        (json!({"region": "ams2"}), "Region is not available"),
        (json!({"region": "blr1", "size": "c-2"}), "Size is not available in this region."),
        (json!({"size": "s-1vcpu-512mb-10gb", "image": "docker-20-04"}), "larger disk"),
        (json!({"ssh_keys": [12, "ab:cd"]}), "12, ab:cd are invalid key identifiers for Droplet creation."),
        (json!({"tags": ["no spaces"]}), "Tags may contain"),
    ] {
        let mut order = Cloud::droplet_order("web-1");
        order.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = cloud.post("/droplets", order).await;
        let got = answer.body["message"].as_str().unwrap().to_owned();
        assert_eq!((answer.status, &answer.body["id"]), (422, &json!("unprocessable_entity")), "{change}");
        assert!(got.contains(message), "{change}: {got}");
        assert!(answer.body["request_id"].is_string());
    }
    assert_eq!(cloud.get("/droplets").await.body["meta"]["total"], 0);
    let mut anywhere = Cloud::droplet_order("web-1");
    anywhere["region"] = json!("ams");
    let created = cloud.post("/droplets", anywhere).await.body;
    assert_eq!(created["droplet"]["region"]["slug"], "ams3");
}

#[tokio::test]
async fn keys_are_found_by_fingerprint_and_registered_once() {
    let cloud = Cloud::digitalocean().await;
    let body = json!({
        "name": "me",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@host",
    });
    let created = cloud.post("/account/keys", body.clone()).await;
    assert_eq!(created.status, 201);
    let again = cloud.post("/account/keys/", body).await;
    assert_eq!(
        (again.status, &again.body["message"]),
        (422, &json!("SSH Key is already in use on your account"))
    );
    let key = &created.body["ssh_key"];
    let fingerprint = key["fingerprint"].as_str().unwrap();
    assert_eq!(cloud.get(&format!("/account/keys/{fingerprint}")).await.body["ssh_key"]["id"], key["id"]);
    for identifier in [key["id"].clone(), json!(fingerprint)] {
        let mut order = Cloud::droplet_order("web-1");
        order["ssh_keys"] = json!([identifier]);
        assert_eq!(cloud.post("/droplets", order).await.status, 202);
    }
    assert_eq!(cloud.delete(&format!("/account/keys/{}", key["id"])).await.status, 204);
}

#[tokio::test]
async fn tags_count_their_droplets() {
    let cloud = Cloud::digitalocean().await;
    let path = active(&cloud, "web-1").await;
    let count = |body: &Value| body["tag"]["resources"]["droplets"]["count"].clone();
    assert_eq!(count(&cloud.get("/tags/req%3Aweb-1").await.body), 1);
    assert_eq!(cloud.delete("/tags/req:web-1").await.status, 204);
    assert_eq!(cloud.get(&path).await.body["droplet"]["tags"], json!(["skyp"]));
    cloud.delete(&path).await;
    assert_eq!(count(&cloud.get("/tags/skyp").await.body), 0);
    let cloud = cloud.with_token("bad-token");
    let refused = cloud.get("/account").await;
    assert_eq!((refused.status, &refused.body["id"]), (401, &json!("unauthorized")));
}
