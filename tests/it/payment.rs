//! Money in: credited once, whatever the gateway, the payer and the network do.

use app::payment::{ask_for_capture, begin_top_up};
use app::{Done, IdempotencyKey};
use domain::payment::TopUpState;
use serde_json::json;
use simulator::{Fault, FaultKind};
use testkit::Panel;

async fn start() -> (Panel, testkit::RunningWorker, app::Caller) {
    let panel = Panel::start().await;
    let (worker, acme) = (panel.worker(), panel.customer("acme").await);
    (panel, worker, acme)
}

async fn credits(panel: &Panel) -> Vec<i64> {
    panel.fetch_all("select amount_micros from ledger_entries where account = 'gateway_clearing'").await
}

#[tokio::test]
async fn a_payment_asked_for_twenty_times_at_once_is_credited_once() {
    let (panel, _worker, acme) = start().await;
    let _second = panel.worker();
    let id = panel.begin_top_up(&acme, "25.00").await;
    panel.approve(id, &json!({})).await;
    let asked = (0..20).map(|_| {
        let app = panel.app.clone();
        tokio::spawn(async move { ask_for_capture(&app, &acme, id).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    panel.until_top_up(id, TopUpState::Completed).await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_idle().await;
    assert_eq!(credits(&panel).await, [-25_000_000]);
    assert_eq!(panel.balances(&acme).await.available, 25_000_000);
    assert_eq!(panel.simulator.orders()[0].captures.len(), 1);
    panel.verify().await;
}

#[tokio::test]
async fn a_payment_held_back_is_credited_when_it_clears() {
    let (panel, _worker, acme) = start().await;
    let id = panel.begin_top_up(&acme, "25.00").await;
    panel.approve(id, &json!({ "pending": true })).await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Pending).await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_idle().await;
    assert_eq!((credits(&panel).await, panel.balances(&acme).await.available), (vec![], 0));

    panel.settle_capture(id, "complete").await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Completed).await;
    assert_eq!(panel.balances(&acme).await.available, 25_000_000);
    panel.verify().await;
}

#[tokio::test]
async fn a_payment_that_does_not_clear_is_not_credited() {
    let (panel, _worker, acme) = start().await;
    let id = panel.begin_top_up(&acme, "25.00").await;
    panel.approve(id, &json!({ "pending": true })).await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Pending).await;
    panel.settle_capture(id, "deny").await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Failed).await;
    assert_eq!((credits(&panel).await, panel.balances(&acme).await.available), (vec![], 0));
    panel.verify().await;
}

#[tokio::test]
async fn a_declined_payment_fails_and_costs_nothing() {
    let (panel, _worker, acme) = start().await;
    let id = panel.begin_top_up(&acme, "25.00").await;
    panel.approve(id, &json!({ "declined": true })).await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Failed).await;
    assert!(credits(&panel).await.is_empty());
    panel.verify().await;
}

#[tokio::test]
async fn a_payment_that_was_not_approved_stays_open() {
    let (panel, _worker, acme) = start().await;
    let id = panel.begin_top_up(&acme, "25.00").await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_idle().await;
    let state: String = panel.fetch("select state from top_ups").await;
    assert_eq!(state, "awaiting_approval");
    panel.approve(id, &json!({})).await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Completed).await;
}

async fn credited_once_although_both_answers_are(kind: FaultKind) {
    let (panel, _worker, acme) = start().await;
    panel.simulator.inject(Fault::new("paypal.create_order", kind).once());
    panel.simulator.inject(Fault::new("paypal.capture", kind).once());
    panel.top_up(&acme, "25.00").await;
    panel.until_idle().await;
    assert_eq!(credits(&panel).await, [-25_000_000]);
    let captured: usize = panel.simulator.orders().iter().map(|order| order.captures.len()).sum();
    assert_eq!((panel.simulator.orders().len(), captured), (1, 1));
    let played = panel.simulator.requests().into_iter().filter(|request| request.fault == Some(kind)).count();
    assert_eq!(played, 2, "the faults were met");
    panel.verify().await;
}

#[tokio::test]
async fn a_payment_whose_answers_are_lost_is_credited_once() {
    credited_once_although_both_answers_are(FaultKind::CutAfter).await;
}

#[tokio::test]
async fn a_payment_whose_answers_are_unreadable_is_credited_once() {
    credited_once_although_both_answers_are(FaultKind::MalformedJson).await;
}

#[tokio::test]
async fn a_payment_whose_requests_are_lost_is_credited_once() {
    credited_once_although_both_answers_are(FaultKind::CutBefore).await;
}

#[tokio::test]
async fn a_payment_during_errors_of_the_gateway_is_credited_once() {
    credited_once_although_both_answers_are(FaultKind::Error).await;
}

#[tokio::test]
async fn a_payer_who_does_not_come_back_is_credited_by_the_sweep() {
    let (panel, _worker, acme) = start().await;
    let id = panel.begin_top_up(&acme, "25.00").await;
    panel.approve(id, &json!({})).await;
    panel.execute("update top_ups set updated_at = now() - interval '3 minutes'").await;
    panel.enqueue("payment.sweep", &json!(null)).await;
    panel.until_top_up(id, TopUpState::Completed).await;
    panel.verify().await;
}

#[tokio::test]
async fn an_order_the_gateway_forgot_expires() {
    let (panel, _worker, acme) = start().await;
    let id = panel.begin_top_up(&acme, "25.00").await;
    panel.simulator.step(chrono::TimeDelta::hours(4));
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Expired).await;
    assert!(credits(&panel).await.is_empty());
}

#[tokio::test]
async fn a_gateway_that_refuses_every_order_fails_the_top_up() {
    let (panel, _worker, acme) = start().await;
    panel.simulator.inject(Fault::new("paypal.create_order", FaultKind::Failed));
    let id = begin_top_up(&panel.app, &acme, "25.00".parse().unwrap(), None).await.unwrap().effect();
    panel.until_top_up(id, TopUpState::Failed).await;
}

#[tokio::test]
async fn a_gateway_that_refuses_our_credentials_fails_the_top_up() {
    let (panel, _worker, acme) = start().await;
    panel.simulator.inject(Fault::new("paypal.token", FaultKind::Error).with_status(401));
    let id = begin_top_up(&panel.app, &acme, "25.00".parse().unwrap(), None).await.unwrap().effect();
    panel.until_top_up(id, TopUpState::Failed).await;
}

#[tokio::test]
async fn amounts_outside_the_limits_are_refused() {
    let (panel, _worker, acme) = start().await;
    for amount in ["4.99", "5000.01", "25.001", "-25.00", "0"] {
        let refused = begin_top_up(&panel.app, &acme, amount.parse().unwrap(), None).await;
        assert_eq!(refused.unwrap_err().code(), "invalid", "{amount}");
    }
    assert_eq!(panel.fetch::<i64>("select count(*) from top_ups").await, 0);
}

#[tokio::test]
async fn a_top_up_begun_twice_with_one_key_is_one() {
    let (panel, _worker, acme) = start().await;
    let key = IdempotencyKey::new("pay-1", "POST", "/top-ups", b"25").unwrap();
    let amount = "25.00".parse().unwrap();
    let first = begin_top_up(&panel.app, &acme, amount, Some(&key)).await.unwrap();
    let second = begin_top_up(&panel.app, &acme, amount, Some(&key)).await.unwrap();
    assert!(matches!(second, Done::Before { .. }));
    assert_eq!(first.effect(), second.effect());
    panel.until_top_up(first.effect(), TopUpState::AwaitingApproval).await;
    assert_eq!(panel.simulator.orders().len(), 1);
}

#[tokio::test]
async fn a_payment_refunded_before_it_was_credited_is_credited_whole_and_then_refunded() {
    for (refunded, rest) in [("10.00", 15_000_000), ("25.00", 0)] {
        let (panel, _worker, acme) = start().await;
        let id = panel.begin_top_up(&acme, "25.00").await;
        panel.approve(id, &json!({ "pending": true })).await;
        ask_for_capture(&panel.app, &acme, id).await.unwrap();
        panel.until_top_up(id, TopUpState::Pending).await;
        panel.settle_capture(id, "complete").await;
        let capture = panel.capture_of(id).await;
        let amount = json!({ "amount": { "currency_code": "USD", "value": refunded } });
        panel.on_the_gateways_pages(&format!("/v2/payments/captures/{capture}/refund"), &amount).await;

        ask_for_capture(&panel.app, &acme, id).await.unwrap();
        panel.until_top_up(id, TopUpState::Completed).await;
        panel.until_idle().await;
        assert_eq!(credits(&panel).await, [-25_000_000, 25_000_000 - rest]);
        assert_eq!(panel.balances(&acme).await.available, rest);
        panel.verify().await;
    }
}
