//! What the simulated PayPal tells listeners, and how much of it they can believe.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use common::Answer;
use common::listener::Merchant;
use reqwest::Method;
use serde_json::json;
use simulator::{Config, Fault, FaultKind};

const CAPTURED: &str = "PAYMENT.CAPTURE.COMPLETED";

#[tokio::test]
async fn an_approval_and_a_capture_are_told_and_signed() {
    let merchant = Merchant::new().await;
    let webhook = merchant.subscribe(&["*"]).await;
    let capture = merchant.captured(json!({})).await;
    let arrivals = merchant.delivered().await;
    let told: BTreeSet<String> = merchant.types().into_iter().collect();
    assert_eq!(told, BTreeSet::from(["CHECKOUT.ORDER.APPROVED".to_owned(), CAPTURED.to_owned()]));
    for arrival in &arrivals {
        assert_eq!(merchant.verified_offline(arrival, &webhook).await, Ok(()));
        assert_eq!(merchant.verified_online(arrival, &webhook).await, "SUCCESS");
        assert_eq!(merchant.verified_online(arrival, "SOMEBODY").await, "FAILURE");
        assert!(merchant.verified_offline(arrival, "SOMEBODY").await.is_err());
    }
    let event = arrivals.iter().find(|arrival| arrival.event_type() == CAPTURED).unwrap().body();
    assert_eq!(event["resource"]["id"], capture);
    assert_eq!(event["resource"]["custom_id"], "top-up-1");
    assert_eq!(
        merchant.get(&format!("/v1/notifications/webhooks-events/{}", event["id"].as_str().unwrap())).await,
        event
    );
    let list = merchant.get(&format!("/v1/notifications/webhooks-events?event_type={CAPTURED}")).await;
    assert_eq!((&list["count"], &list["events"][0]), (&json!(1), &event));
}

#[tokio::test]
async fn listeners_hear_what_they_asked_for() {
    let merchant = Merchant::new().await;
    let webhook = merchant.subscribe(&["CHECKOUT.ORDER.APPROVED"]).await;
    merchant.captured(json!({})).await;
    merchant.delivered().await;
    assert_eq!(merchant.types(), ["CHECKOUT.ORDER.APPROVED"]);
    let path = format!("/v1/notifications/webhooks/{webhook}");
    let patch = json!([{ "op": "replace", "path": "/event_types", "value": [{ "name": CAPTURED }] }]);
    assert_eq!(merchant.call(Method::PATCH, &path, Some(patch)).await.status, 200);
    assert_eq!(merchant.get(&format!("{path}/event-types")).await["event_types"][0]["name"], CAPTURED);
    merchant.captured(json!({})).await;
    merchant.delivered().await;
    assert_eq!(merchant.types(), ["CHECKOUT.ORDER.APPROVED", CAPTURED]);
    assert_eq!(merchant.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(merchant.call(Method::GET, &path, None).await.status, 404);
}

#[tokio::test]
async fn subscriptions_are_checked() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&["*"]).await;
    let ask = |body| merchant.call(Method::POST, "/v1/notifications/webhooks", Some(body));
    let name = |answer: &Answer| answer.body["name"].as_str().unwrap().to_owned();
    let every = json!([{ "name": "*" }]);
    let again = ask(json!({ "url": merchant.address, "event_types": every })).await;
    assert_eq!((again.status, name(&again).as_str()), (400, "WEBHOOK_URL_ALREADY_EXISTS"));
    for body in [
        json!({ "event_types": every }),
        json!({ "url": "nowhere", "event_types": every }),
        json!({ "url": "http://x/", "event_types": [] }),
        json!({ "url": "http://x/", "event_types": [{ "name": "PAYMENT.MADE.UP" }] }),
    ] {
        assert_eq!(ask(body.clone()).await.status, 400, "{body}");
    }
    for number in 1..10 {
        let body = json!({ "url": format!("http://127.0.0.1:9/{number}"), "event_types": every });
        assert_eq!(ask(body).await.status, 201);
    }
    let eleventh = ask(json!({ "url": "http://x/", "event_types": every })).await;
    assert_eq!((eleventh.status, name(&eleventh).as_str()), (400, "WEBHOOK_NUMBER_LIMIT_EXCEEDED"));
}

#[tokio::test]
async fn what_is_not_taken_comes_again_25_times_over_three_days() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&[CAPTURED]).await;
    merchant.answers(&[500; 30]);
    merchant.captured(json!({})).await;
    for attempt in 1..=25 {
        merchant.arrived(attempt).await;
        merchant.attempted(attempt).await;
        assert_eq!(merchant.simulator.undelivered_webhooks(), usize::from(attempt < 25));
        merchant.simulator.step(TimeDelta::hours(4));
    }
    let ids: BTreeSet<String> = merchant.arrivals().iter().map(|arrival| arrival.id()).collect();
    assert_eq!((merchant.arrivals().len(), ids.len()), (25, 1));
    assert_eq!(merchant.simulator.webhook_deliveries()[24].attempt, 25);
}

#[tokio::test]
async fn a_listener_that_recovers_has_heard_it_when_it_says_so() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&[CAPTURED]).await;
    merchant.answers(&[503, 302]);
    merchant.captured(json!({})).await;
    for attempt in 1..=2 {
        merchant.attempted(attempt).await;
        merchant.simulator.step(TimeDelta::minutes(1));
    }
    assert_eq!(merchant.delivered().await.len(), 3);
    let statuses: Vec<_> =
        merchant.simulator.webhook_deliveries().iter().map(|delivery| delivery.status).collect();
    assert_eq!(statuses, [Some(503), Some(302), Some(200)]);
}

#[tokio::test]
async fn an_event_can_be_sent_again() {
    let merchant = Merchant::new().await;
    let webhook = merchant.subscribe(&[CAPTURED]).await;
    merchant.captured(json!({})).await;
    let first = merchant.delivered().await.remove(0);
    let path = format!("/v1/notifications/webhooks-events/{}/resend", first.id());
    let answer = merchant.call(Method::POST, &path, Some(json!({ "webhook_ids": [webhook] }))).await;
    assert_eq!(answer.status, 202);
    let arrivals = merchant.arrived(2).await;
    assert_eq!(arrivals[1].id(), first.id());
    assert_ne!(arrivals[1].header("paypal-transmission-id"), first.header("paypal-transmission-id"));
    let unknown = "/v1/notifications/webhooks-events/WH-0/resend";
    assert_eq!(merchant.call(Method::POST, unknown, Some(json!({}))).await.status, 404);
}

#[tokio::test]
async fn events_are_simulated_for_whoever_asks() {
    let merchant = Merchant::new().await;
    let webhook = merchant.subscribe(&[CAPTURED]).await;
    for (number, event_type) in ["CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REVERSED"].iter().enumerate() {
        let body = json!({ "webhook_id": webhook, "event_type": event_type });
        merchant.post("/v1/notifications/simulate-event", body).await;
        let arrival = merchant.arrived(number + 1).await.remove(number);
        assert_eq!(arrival.event_type(), *event_type);
        assert_eq!(merchant.verified_offline(&arrival, &webhook).await, Ok(()));
    }
    let body = json!({ "url": merchant.address, "event_type": CAPTURED });
    merchant.post("/v1/notifications/simulate-event", body).await;
    let arrival = merchant.arrived(3).await.remove(2);
    assert_eq!(merchant.verified_offline(&arrival, "WEBHOOK_ID").await, Ok(()));
}

#[tokio::test]
async fn pending_money_is_told_of_when_it_comes_or_does_not() {
    let merchant = Merchant::new().await;
    merchant
        .subscribe(&[
            "PAYMENT.CAPTURE.PENDING",
            CAPTURED,
            "PAYMENT.CAPTURE.DENIED",
            "PAYMENT.CAPTURE.DECLINED",
        ])
        .await;
    let pending = json!({ "pending": true });
    for (path, after, told) in [
        ("complete", json!({}), CAPTURED),
        ("deny", json!({}), "PAYMENT.CAPTURE.DENIED"),
        ("decline", json!({}), "PAYMENT.CAPTURE.DECLINED"),
        ("complete", json!({ "after_seconds": 60 }), CAPTURED),
        ("deny", json!({ "after_seconds": 60 }), "PAYMENT.CAPTURE.DENIED"),
    ] {
        let before = merchant.arrivals().len();
        let capture = merchant.captured(pending.clone()).await;
        merchant.arrived(before + 1).await;
        merchant.control(&format!("captures/{capture}/{path}"), after.clone()).await;
        if after != json!({}) {
            assert_eq!(merchant.get(&format!("/v2/payments/captures/{capture}")).await["status"], "PENDING");
            merchant.simulator.step(TimeDelta::seconds(60));
        }
        merchant.arrived(before + 2).await;
        assert_eq!(merchant.types()[before..], ["PAYMENT.CAPTURE.PENDING", told]);
    }
    let before = merchant.arrivals().len();
    merchant.captured(pending).await;
    merchant.simulator.step(TimeDelta::days(1));
    merchant.arrived(before + 2).await;
    assert_eq!(
        merchant.types()[before..],
        ["PAYMENT.CAPTURE.PENDING", CAPTURED],
        "an e-check clears by itself"
    );
}

#[tokio::test]
async fn what_is_forged_is_seen_by_both_checks() {
    let merchant = Merchant::new().await;
    let webhook = merchant.subscribe(&[CAPTURED]).await;
    for (kind, error) in [
        (FaultKind::ForgedSignature, "InvalidSignatureForPublicKey"),
        (FaultKind::ForgedCertificate, "InvalidSignatureForPublicKey"),
        (FaultKind::ExpiredCertificate, "CertExpired"),
    ] {
        let before = merchant.arrivals().len();
        merchant.simulator.inject(Fault::new("webhook.*", kind).once());
        merchant.captured(json!({})).await;
        let arrival = merchant.arrived(before + 1).await.remove(before);
        let found = format!("{:?}", merchant.verified_offline(&arrival, &webhook).await.unwrap_err());
        assert!(found.starts_with(error), "{found} instead of {error}");
        assert_eq!(merchant.verified_online(&arrival, &webhook).await, "FAILURE");
    }
}

#[tokio::test]
async fn a_stale_message_is_genuine_but_old() {
    let merchant = Merchant::new().await;
    let webhook = merchant.subscribe(&[CAPTURED]).await;
    merchant.simulator.inject(Fault::new("webhook.*", FaultKind::StaleTime).once());
    merchant.captured(json!({})).await;
    let arrival = merchant.arrived(1).await.remove(0);
    assert_eq!(merchant.verified_offline(&arrival, &webhook).await, Ok(()));
    let time: chrono::DateTime<chrono::Utc> = arrival.header("paypal-transmission-time").parse().unwrap();
    assert!(chrono::Utc::now() - time > TimeDelta::days(1));
}

#[tokio::test]
async fn duplicates_replays_and_losses() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&[CAPTURED]).await;
    let inject = |kind| merchant.simulator.inject(Fault::new("webhook.PAYMENT.*", kind).once());

    inject(FaultKind::Duplicate);
    merchant.captured(json!({})).await;
    let twice = merchant.delivered().await;
    assert_eq!((twice.len(), twice[0].id()), (2, twice[1].id()));
    assert_ne!(twice[0].header("paypal-transmission-id"), twice[1].header("paypal-transmission-id"));
    assert!(twice[1].at - twice[0].at >= Duration::from_millis(60));

    inject(FaultKind::Replay);
    merchant.captured(json!({})).await;
    let replays = merchant.delivered().await.split_off(2);
    let signatures: BTreeSet<&str> =
        replays.iter().map(|arrival| arrival.header("paypal-transmission-sig")).collect();
    assert_eq!((replays.len(), signatures.len()), (25, 1));

    inject(FaultKind::Vanish);
    merchant.captured(json!({})).await;
    assert_eq!(merchant.delivered().await.len(), 27);
    assert_eq!(merchant.simulator.webhook_deliveries().last().unwrap().fault, Some(FaultKind::Vanish));

    inject(FaultKind::CutAfter);
    merchant.captured(json!({})).await;
    merchant.arrived(28).await;
    merchant.attempted(28).await;
    merchant.simulator.step(TimeDelta::minutes(1));
    let again = merchant.delivered().await.split_off(27);
    assert_eq!((again.len(), again[0].id()), (2, again[1].id()), "the answer was lost, so it comes again");
}

#[tokio::test]
async fn events_overtake_each_other() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&["*"]).await;
    merchant.simulator.inject(Fault::new("webhook.CHECKOUT.ORDER.APPROVED", FaultKind::Reorder).once());
    merchant.captured(json!({})).await;
    merchant.delivered().await;
    assert_eq!(merchant.types(), [CAPTURED, "CHECKOUT.ORDER.APPROVED"]);
    merchant.simulator.inject(Fault::new("webhook.*", FaultKind::Slow).with_delay_ms(300).once());
    let begun = std::time::Instant::now();
    let order = merchant.order().await;
    merchant.control(&format!("orders/{order}/approve"), json!({})).await;
    merchant.delivered().await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn what_was_not_delivered_outlives_the_simulator() {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("webhooks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("clouds.json");
    let merchant = Merchant::with(Config { state_file: Some(file.clone()), ..Config::default() }).await;
    let webhook = merchant.subscribe(&[CAPTURED]).await;
    merchant.answers(&[500]);
    merchant.captured(json!({})).await;
    merchant.attempted(1).await;
    let (root, first) = (merchant.simulator.webhook_root(), merchant.arrivals().remove(0));
    let merchant = merchant.restarted(&file).await;
    assert_eq!(merchant.simulator.webhook_root(), root);
    assert_eq!(merchant.verified_offline(&first, &webhook).await, Ok(()));
    merchant.simulator.step(TimeDelta::minutes(1));
    let second = merchant.arrived(2).await.remove(1);
    assert_eq!(second.id(), first.id());
    assert_eq!(merchant.verified_offline(&second, &webhook).await, Ok(()));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_reset_forgets_listeners_but_not_what_they_trust() {
    let merchant = Merchant::new().await;
    merchant.subscribe(&["*"]).await;
    let root = merchant.simulator.webhook_root();
    merchant.simulator.reset();
    assert_eq!(merchant.simulator.webhook_root(), root);
    let answer = merchant.call(Method::GET, "/v1/notifications/webhooks", None).await;
    assert_eq!(answer.status, 401, "the token is forgotten with everything else");
}
