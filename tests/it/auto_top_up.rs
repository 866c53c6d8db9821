//! Automatic top-ups: agreed to once, never two at once, declined twice at most, and every one credited once.

use app::Caller;
use app::payment::{ask_for_answer, ask_for_capture, set_auto_top_up, turn_off_auto_top_up};
use domain::identity::Role;
use domain::payment::{AutoTerms, Threshold, TopUpState};
use domain::{Money, TopUpId, VpsId};
use serde_json::{Value, json};
use simulator::{Fault, FaultKind};
use testkit::{Panel, RunningWorker, eventually};

use crate::payback::Told;

const HOUR: i64 = 22_500;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// 25.00 below 10.00, at most 100.00 a month.
fn terms() -> AutoTerms {
    let threshold = Threshold::Amount(money("10.00"));
    AutoTerms { threshold, amount: money("25.00"), ceiling: money("100.00") }
}

/// Acme has agreed, and its wallet is above the threshold.
async fn agreed() -> (Panel, RunningWorker, Caller) {
    let panel = Panel::start().await;
    let (worker, acme) = (panel.worker(), panel.customer("acme").await);
    panel.fund(&acme, "20.00").await;
    panel.agree(&acme, terms()).await;
    panel.until_idle().await;
    assert_eq!(automatic(&panel).await, 0);
    (panel, worker, acme)
}

/// The wallet is below the threshold from now on, without anything that would say so.
async fn below(panel: &Panel) {
    panel.execute("update auto_top_ups set threshold_micros = 1000000000").await;
}

/// What the clock would start.
async fn sweep(panel: &Panel) {
    panel.enqueue("payment.sweep", &Value::Null).await;
    panel.until_idle().await;
}

/// The wallet falls below the threshold, and what is due is done.
async fn cross(panel: &Panel) {
    below(panel).await;
    sweep(panel).await;
}

/// A day and more passes.
async fn a_day_later(panel: &Panel) {
    panel.execute("update auto_top_ups set retry_at = retry_at - interval '25 hours'").await;
    panel.execute("update top_ups set created_at = created_at - interval '25 hours'").await;
}

async fn automatic(panel: &Panel) -> i64 {
    panel.fetch("select count(*) from top_ups where auto_top_up_id is not null").await
}

/// The newest automatic top-up, once there is one.
async fn the_automatic(panel: &Panel) -> TopUpId {
    panel.until("select exists (select from top_ups where auto_top_up_id is not null)").await;
    let newest = "select id from top_ups where auto_top_up_id is not null order by id desc limit 1";
    TopUpId(panel.fetch(newest).await)
}

async fn entries(panel: &Panel, action: &str) -> i64 {
    panel.fetch(format!("select count(*) from activity_logs where action = 'auto_top_up.{action}'")).await
}

async fn mails(panel: &Panel) -> Vec<String> {
    panel.until("select not exists (select from mails where state = 'queued')").await;
    let subjects = "select subject from mails where kind = 'auto_top_up' order by created_at, id";
    panel.fetch_all(subjects).await
}

/// What PayPal took: captures that are or become ours.
fn captures(panel: &Panel) -> usize {
    panel.simulator.orders().iter().map(|order| order.captures.len()).sum()
}

fn token(panel: &Panel) -> String {
    panel.simulator.payment_tokens().pop().expect("a leave was given").id
}

async fn payer(panel: &Panel, does: &str, how: Value) {
    panel.at_the_gateway(&format!("payment-tokens/{}/{does}", token(panel)), &how).await;
}

async fn off_reason(panel: &Panel) -> Option<String> {
    panel.fetch("select off_reason from auto_top_ups order by id desc limit 1").await
}

/// A VPS whose second hour is due, and a threshold that it crosses.
async fn an_hour_is_due(panel: &Panel, acme: &Caller) -> VpsId {
    let vps = panel.active(acme, "harbor", "web").await;
    panel.backdate(vps, "now() - interval '90 minutes'").await;
    panel
        .execute(
            "update auto_top_ups a set threshold_micros = w.available_micros from wallets w
            where w.organization_id = a.organization_id",
        )
        .await;
    vps
}

#[tokio::test]
async fn a_payer_agrees_once_and_the_leave_to_charge_stands_nowhere_in_the_clear() {
    let panel = Panel::start().await;
    let (_worker, acme) = (panel.worker(), panel.customer("acme").await);
    panel.fund(&acme, "20.00").await;
    panel.ask_to_agree(&acme, terms()).await;
    let url: String = panel.fetch("select approve_url from auto_top_ups").await;
    assert!(url.contains("/agreements/approve?approval_session_id="), "{url}");
    ask_for_answer(&panel.app, &acme).await.unwrap();
    panel.until_idle().await;
    let state: String = panel.fetch("select state from auto_top_ups").await;
    assert_eq!(state, "awaiting_approval", "asked too early");

    panel.payer_agrees(&acme).await;
    for _ in 0..3 {
        ask_for_answer(&panel.app, &acme).await.unwrap();
    }
    panel.until_auto(&acme, "on").await;
    panel.until_idle().await;
    let secret = token(&panel);
    let tables: Vec<String> =
        panel.fetch_all("select tablename::text from pg_tables where schemaname = 'public'").await;
    for table in tables {
        let told: i64 = panel
            .fetch(format!("select count(*) from {table} t where strpos(t::text, '{secret}') > 0"))
            .await;
        assert_eq!(told, 0, "{table} has the leave in the clear");
    }
    assert_eq!(panel.simulator.payment_tokens().len(), 1);
    assert_eq!((entries(&panel, "requested").await, entries(&panel, "on").await), (1, 1));
    assert_eq!(mails(&panel).await, ["Automatic top-up is on for acme"]);
    assert_eq!(automatic(&panel).await, 0, "nothing is due");
}

#[tokio::test]
async fn a_payer_who_does_not_come_back_is_heard_by_the_sweep() {
    let panel = Panel::start().await;
    let (_worker, acme) = (panel.worker(), panel.customer("acme").await);
    panel.ask_to_agree(&acme, terms()).await;
    panel.payer_agrees(&acme).await;
    sweep(&panel).await;
    assert_eq!(
        panel.fetch::<String>("select state from auto_top_ups").await,
        "awaiting_approval",
        "too soon"
    );
    panel.execute("update auto_top_ups set looked_at = now() - interval '3 minutes', created_at = now() - interval '4 minutes'").await;
    sweep(&panel).await;
    // The wallet is empty, so that the first payment follows at once.
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Completed).await;
    assert_eq!(panel.balances(&acme).await.available, 25_000_000);
    panel.verify().await;
}

#[tokio::test]
async fn a_payer_who_never_agrees_is_not_waited_for_for_ever() {
    let panel = Panel::start().await;
    let (_worker, acme) = (panel.worker(), panel.customer("acme").await);
    panel.ask_to_agree(&acme, terms()).await;
    panel
        .execute("update auto_top_ups set created_at = now() - interval '73 hours', looked_at = now() - interval '20 hours'")
        .await;
    sweep(&panel).await;
    assert_eq!(off_reason(&panel).await.as_deref(), Some("not_approved"));
    assert_eq!(mails(&panel).await, ["Automatic top-up of acme was not set up"]);
    // And it can be set up anew.
    panel.agree(&acme, terms()).await;
}

#[tokio::test]
async fn hours_that_cross_the_threshold_ask_for_one_payment_whoever_runs_at_once() {
    let (panel, _worker, acme) = agreed().await;
    let _second = panel.worker();
    an_hour_is_due(&panel, &acme).await;
    let before = panel.balances(&acme).await.available;
    let now = panel.fetch("select now()").await;
    let runs = (0..2).map(|_| {
        let store = store::Store::connect_lazy(&panel.database().login_url(), 4).unwrap();
        tokio::spawn(async move { app::billing::run(&store, now).await })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap().unwrap();
    }
    for _ in 0..5 {
        panel.enqueue("payment.sweep", &Value::Null).await;
    }
    panel.until("select exists (select from top_ups where auto_top_up_id is not null)").await;
    panel.until_idle().await;
    app::billing::run(&panel.store, now).await.unwrap();
    sweep(&panel).await;
    assert_eq!((automatic(&panel).await, captures(&panel)), (1, 1));
    assert_eq!(panel.balances(&acme).await.available, before - HOUR + 25_000_000);
    let receipts: Vec<String> = panel.fetch_all("select kind from documents").await;
    assert_eq!(receipts, ["receipt"]);
    panel.verify().await;
}

#[tokio::test]
async fn hours_above_the_threshold_ask_nobody() {
    let (panel, _worker, acme) = agreed().await;
    an_hour_is_due(&panel, &acme).await;
    panel.execute("update auto_top_ups set threshold_micros = 10000").await;
    app::billing::run(&panel.store, panel.fetch("select now()").await).await.unwrap();
    let asked: i64 = panel.fetch("select count(*) from jobs where kind = 'payment.auto'").await;
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn an_order_that_crosses_the_threshold_asks_for_a_payment() {
    let (panel, _worker, acme) = agreed().await;
    let hours = AutoTerms { threshold: Threshold::Hours(720), ..terms() };
    set_auto_top_up(&panel.app, &acme, hours).await.unwrap();
    panel.until_idle().await;
    assert_eq!(automatic(&panel).await, 0, "nothing runs, so nothing is needed");
    panel.active(&acme, "harbor", "web").await;
    panel.active(&acme, "harbor", "db").await;
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Completed).await;
    panel.until_idle().await;
    assert_eq!(automatic(&panel).await, 1, "two orders, one payment: what follows waits for an hour");
    panel.verify().await;
}

#[tokio::test]
async fn the_ceiling_holds_and_is_told_once_a_month() {
    let (panel, _worker, acme) = agreed().await;
    let once = AutoTerms { ceiling: money("49.99"), ..terms() };
    set_auto_top_up(&panel.app, &acme, once).await.unwrap();
    cross(&panel).await;
    assert_eq!(automatic(&panel).await, 1);
    // Later in the same month, if it is not the first hour of one.
    panel.execute("update top_ups set created_at = greatest(created_at - interval '2 hours', date_trunc('month', now()))").await;
    for _ in 0..3 {
        sweep(&panel).await;
    }
    let is_young: bool = panel.fetch("select now() - date_trunc('month', now()) < interval '1 hour'").await;
    let told = i64::from(!is_young);
    assert_eq!((automatic(&panel).await, entries(&panel, "ceiling_reached").await), (1, told));
    if !is_young {
        let expected =
            ["Automatic top-up is on for acme", "Automatic top-up of acme has reached its monthly ceiling"];
        assert_eq!(mails(&panel).await, expected);
    }
    // Another month.
    panel.execute("update top_ups set created_at = created_at - interval '40 days'").await;
    panel.execute("update auto_top_ups set ceiling_told = ceiling_told - 40").await;
    sweep(&panel).await;
    assert_eq!((automatic(&panel).await, captures(&panel)), (2, 2));
    panel.verify().await;
}

#[tokio::test]
async fn a_declined_payment_is_tried_once_more_after_a_day_and_then_never() {
    let (panel, _worker, acme) = agreed().await;
    payer(&panel, "decline", json!({})).await;
    cross(&panel).await;
    let top_up: (String, String) = (
        panel.fetch("select state from top_ups where auto_top_up_id is not null").await,
        panel.fetch("select failure from top_ups where auto_top_up_id is not null").await,
    );
    assert_eq!(top_up, ("failed".into(), "The automatic payment was declined. Nothing was charged.".into()));
    let hours: i64 = panel
        .fetch("select round(extract(epoch from retry_at - now()) / 3600)::bigint from auto_top_ups")
        .await;
    assert_eq!(hours, 24);
    // Nothing is tried before, whatever happens to the wallet.
    panel.execute("update top_ups set created_at = created_at - interval '2 hours'").await;
    panel.active(&acme, "harbor", "web").await;
    sweep(&panel).await;
    assert_eq!(automatic(&panel).await, 1);

    a_day_later(&panel).await;
    sweep(&panel).await;
    assert_eq!(automatic(&panel).await, 2);
    assert_eq!(off_reason(&panel).await.as_deref(), Some("declined"));
    for _ in 0..2 {
        a_day_later(&panel).await;
        sweep(&panel).await;
    }
    assert_eq!((automatic(&panel).await, captures(&panel)), (2, 0));
    let expected = [
        "Automatic top-up is on for acme",
        "An automatic payment for acme was declined",
        "Automatic top-up of acme is off",
    ];
    assert_eq!(mails(&panel).await, expected);
    assert_eq!((entries(&panel, "declined").await, entries(&panel, "off").await), (1, 1));
    // What cannot be used any more is given back.
    assert_eq!(panel.simulator.payment_tokens().pop().unwrap().status, "DELETED");
    assert_eq!(
        panel.fetch::<i64>("select count(*) from auto_top_ups where token_sealed is not null").await,
        0
    );
    panel.verify().await;
}

#[tokio::test]
async fn a_payment_that_goes_through_a_day_later_forgets_the_declined_one() {
    let (panel, _worker, acme) = agreed().await;
    payer(&panel, "decline", json!({})).await;
    cross(&panel).await;
    payer(&panel, "decline", json!({ "declined": false })).await;
    a_day_later(&panel).await;
    sweep(&panel).await;
    let stands = "select state = 'on' and retry_at is null from auto_top_ups";
    assert!(panel.fetch::<bool>(stands).await);
    assert_eq!((captures(&panel), panel.balances(&acme).await.available), (1, 45_000_000));
    panel.verify().await;
}

#[tokio::test]
async fn an_agreement_that_the_payer_ended_is_over_at_the_next_payment() {
    let (panel, _worker, _acme) = agreed().await;
    payer(&panel, "revoke", json!({})).await;
    cross(&panel).await;
    assert_eq!(off_reason(&panel).await.as_deref(), Some("revoked"));
    assert_eq!(mails(&panel).await[1..], ["Automatic top-up of acme is off"]);
    assert_eq!(
        panel.fetch::<i64>("select count(*) from auto_top_ups where token_sealed is not null").await,
        0
    );
    assert_eq!(captures(&panel), 0);
    panel.verify().await;
}

#[tokio::test]
async fn an_agreement_that_the_payer_ended_is_over_when_the_gateway_tells_it() {
    let told = Told::start().await;
    told.panel.agree(&told.acme, AutoTerms { threshold: Threshold::Amount(money("0.01")), ..terms() }).await;
    told.panel.until_top_up(the_automatic(&told.panel).await, TopUpState::Completed).await;
    told.quiet().await;
    payer(&told.panel, "revoke", json!({})).await;
    told.panel.until_auto(&told.acme, "off").await;
    told.quiet().await;
    assert_eq!(off_reason(&told.panel).await.as_deref(), Some("revoked"));
    assert_eq!(mails(&told.panel).await.last().unwrap(), "Automatic top-up of acme is off");
    told.panel.verify().await;
}

async fn charged_once_although_the_answer_is(kind: FaultKind) {
    let (panel, _worker, acme) = agreed().await;
    panel.simulator.inject(Fault::new("paypal.create_order", kind).once());
    cross(&panel).await;
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Completed).await;
    panel.until_idle().await;
    assert_eq!((automatic(&panel).await, captures(&panel), panel.simulator.orders().len()), (1, 1, 1));
    assert_eq!(panel.balances(&acme).await.available, 45_000_000);
    let played = panel.simulator.requests().into_iter().filter(|request| request.fault == Some(kind)).count();
    assert_eq!(played, 1, "the fault was met");
    panel.verify().await;
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_taken_and_credited_once() {
    charged_once_although_the_answer_is(FaultKind::CutAfter).await;
}

#[tokio::test]
async fn a_charge_whose_answer_is_unreadable_is_taken_and_credited_once() {
    charged_once_although_the_answer_is(FaultKind::MalformedJson).await;
}

#[tokio::test]
async fn a_charge_whose_request_is_lost_is_taken_and_credited_once() {
    charged_once_although_the_answer_is(FaultKind::CutBefore).await;
}

#[tokio::test]
async fn a_charge_during_errors_of_the_gateway_is_taken_and_credited_once() {
    charged_once_although_the_answer_is(FaultKind::Error).await;
}

/// A charge whose every answer is lost, and then nobody works for four hours.
async fn unanswered(kind: FaultKind) -> (Panel, Caller) {
    let (panel, worker, acme) = agreed().await;
    panel.simulator.inject(Fault::new("paypal.create_order", kind));
    below(&panel).await;
    panel.enqueue("payment.sweep", &Value::Null).await;
    eventually("a charge is asked for", || {
        panel.simulator.requests().iter().any(|request| request.fault == Some(kind))
    })
    .await;
    worker.stop().await;
    panel.simulator.clear_faults();
    panel.execute("update top_ups set charge_sent_at = charge_sent_at - interval '4 hours'").await;
    panel.simulator.step(chrono::TimeDelta::hours(7));
    (panel, acme)
}

#[tokio::test]
async fn a_charge_that_nobody_remembers_is_found_in_the_gateways_books_and_not_repeated() {
    let (panel, acme) = unanswered(FaultKind::CutAfter).await;
    let asked = panel.simulator.orders().len();
    let _worker = panel.worker();
    panel.skip_waits().await;
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Completed).await;
    panel.until_idle().await;
    assert_eq!((panel.simulator.orders().len(), captures(&panel)), (asked, 1));
    assert_eq!(panel.balances(&acme).await.available, 45_000_000);
    panel.verify().await;
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_not_called_declined_when_the_gateway_then_refuses_us() {
    let (panel, worker, acme) = agreed().await;
    panel.simulator.inject(Fault::new("paypal.create_order", FaultKind::CutAfter));
    below(&panel).await;
    panel.enqueue("payment.sweep", &Value::Null).await;
    panel
        .until("select exists (select from jobs where kind = 'payment.charge' and last_error is not null)")
        .await;
    worker.stop().await;
    panel.simulator.clear_faults();
    let refusal = Fault { status: Some(403), ..Fault::new("paypal.create_order", FaultKind::Error) };
    panel.simulator.inject(refusal);
    panel.simulator.step(chrono::TimeDelta::hours(7));
    let _worker = panel.worker();
    panel.skip_waits().await;
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Completed).await;
    panel.until_idle().await;
    assert_eq!((captures(&panel), panel.balances(&acme).await.available), (1, 45_000_000));
    panel.verify().await;
}

#[tokio::test]
async fn a_charge_that_the_gateways_books_do_not_know_is_given_up_and_not_repeated() {
    let (panel, _acme) = unanswered(FaultKind::CutBefore).await;
    let _worker = panel.worker();
    panel.skip_waits().await;
    panel
        .until("select exists (select from jobs where kind = 'payment.charge' and last_error like '%books%')")
        .await;
    panel.execute("update top_ups set charge_sent_at = charge_sent_at - interval '6 hours'").await;
    panel.skip_waits().await;
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Failed).await;
    panel.until_idle().await;
    assert_eq!(captures(&panel), 0);
    assert!(panel.fetch::<bool>("select state = 'on' and retry_at is not null from auto_top_ups").await);
}

#[tokio::test]
async fn a_payment_held_back_waits_and_no_second_one_is_asked_for() {
    let (panel, _worker, acme) = agreed().await;
    panel.simulator.inject(Fault::new("paypal.create_order", FaultKind::Stuck).once());
    cross(&panel).await;
    let id = the_automatic(&panel).await;
    panel.until_top_up(id, TopUpState::Pending).await;
    panel.execute("update top_ups set created_at = created_at - interval '2 hours'").await;
    for _ in 0..3 {
        sweep(&panel).await;
    }
    assert_eq!((automatic(&panel).await, panel.balances(&acme).await.available), (1, 20_000_000));

    panel.settle_capture(id, "complete").await;
    ask_for_capture(&panel.app, &acme, id).await.unwrap();
    panel.until_top_up(id, TopUpState::Completed).await;
    assert_eq!(panel.balances(&acme).await.available, 45_000_000);
    panel.verify().await;
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_one_under_way() {
    let (panel, _worker, _acme) = agreed().await;
    panel.simulator.inject(Fault::new("paypal.create_order", FaultKind::Stuck).once());
    cross(&panel).await;
    let id = the_automatic(&panel).await;
    panel.until_top_up(id, TopUpState::Pending).await;
    let twin = format!(
        "do $$ begin
            insert into top_ups (organization_id, id, amount_micros, currency, state, requested_by, auto_top_up_id)
            select organization_id, gen_random_uuid(), amount_micros, currency, 'created', requested_by, auto_top_up_id
            from top_ups where id = '{id}';
            raise 'there are two';
        exception when unique_violation then null;
        end $$"
    );
    panel.execute(twin).await;
}

#[tokio::test]
async fn turned_off_while_a_payment_is_under_way_it_goes_on_and_is_the_last_one() {
    let (panel, _worker, acme) = agreed().await;
    panel.simulator.inject(Fault::new("paypal.create_order", FaultKind::CutAfter));
    below(&panel).await;
    panel.enqueue("payment.sweep", &Value::Null).await;
    panel.until("select exists (select from top_ups where charge_sent_at is not null)").await;
    turn_off_auto_top_up(&panel.app, &acme).await.unwrap();
    panel
        .until("select exists (select from jobs where kind = 'payment.agreement' and last_error like '%under way%')")
        .await;
    assert_eq!(panel.simulator.payment_tokens().pop().unwrap().status, "ACTIVE", "it may be needed still");
    panel.simulator.clear_faults();
    panel.until_idle().await;
    assert_eq!((captures(&panel), panel.balances(&acme).await.available), (1, 45_000_000));
    assert_eq!(panel.simulator.payment_tokens().pop().unwrap().status, "DELETED");
    assert_eq!(
        panel.fetch::<i64>("select count(*) from auto_top_ups where token_sealed is not null").await,
        0
    );
    panel.execute("update top_ups set created_at = created_at - interval '2 hours'").await;
    sweep(&panel).await;
    assert_eq!(automatic(&panel).await, 1);
    assert_eq!(off_reason(&panel).await.as_deref(), Some("customer"));
    panel.verify().await;
}

#[tokio::test]
async fn turned_off_before_anything_was_asked_nothing_is_charged() {
    let (panel, worker, acme) = agreed().await;
    worker.stop().await;
    below(&panel).await;
    // As a worker leaves it that is killed right after it decided.
    panel
        .execute(
            "insert into top_ups (organization_id, id, amount_micros, currency, state, requested_by, auto_top_up_id)
            select organization_id, gen_random_uuid(), 25000000, 'USD', 'created', requested_by, id from auto_top_ups",
        )
        .await;
    panel
        .execute(
            "insert into jobs (kind, payload, organization_id, actor, key)
            select 'payment.charge', jsonb_build_object('top_up_id', id), organization_id, '{\"kind\": \"system\"}', id::text
            from top_ups where auto_top_up_id is not null",
        )
        .await;
    turn_off_auto_top_up(&panel.app, &acme).await.unwrap();
    let _worker = panel.worker();
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Failed).await;
    panel.until("select token_sealed is null from auto_top_ups").await;
    assert_eq!((captures(&panel), mails(&panel).await.len()), (0, 1));
}

#[tokio::test]
async fn a_payment_of_a_person_at_the_same_time_is_another_one() {
    let (panel, _worker, acme) = agreed().await;
    let manual = panel.begin_top_up(&acme, "30.00").await;
    below(&panel).await;
    panel.enqueue("payment.sweep", &Value::Null).await;
    panel.approve(manual, &json!({})).await;
    ask_for_capture(&panel.app, &acme, manual).await.unwrap();
    panel.until_top_up(manual, TopUpState::Completed).await;
    panel.until_idle().await;
    assert_eq!((automatic(&panel).await, captures(&panel)), (1, 2));
    assert_eq!(panel.balances(&acme).await.available, 75_000_000);
    panel.verify().await;
}

#[tokio::test]
async fn an_agreement_brings_back_what_an_empty_wallet_suspended() {
    let (panel, _worker, acme, web, _) = crate::ladder::unpaid().await;
    let hours = AutoTerms { threshold: Threshold::Hours(24), ..terms() };
    panel.agree(&acme, hours).await;
    panel.until_top_up(the_automatic(&panel).await, TopUpState::Completed).await;
    panel
        .until(format!(
            "select suspended_by is null and power = 'running' from vps_instances where id = '{web}'"
        ))
        .await;
    panel.until_idle().await;
    panel.verify().await;
}

#[tokio::test]
async fn taxed_payments_are_frozen_and_without_billing_details_it_ends() {
    let panel = Panel::start().await.with_settings(|settings| {
        settings.tax = true;
        settings.seller.country = "DE".parse().ok();
    });
    let (_worker, acme) = (panel.worker(), panel.customer("acme").await);
    let refused = set_auto_top_up(&panel.app, &acme, terms()).await.unwrap_err();
    assert_eq!(refused.code(), "billing_profile_needed");
    panel.billing_details(&acme, "DE", "").await;
    app::billing::tax::publish_rate(
        &panel.app,
        &panel.operator().await,
        "DE".parse().unwrap(),
        Some(1_900),
        chrono::Utc::now().date_naive(),
    )
    .await
    .unwrap();
    panel.fund(&acme, "20.00").await;
    panel.agree(&acme, terms()).await;
    cross(&panel).await;
    let rate: i32 =
        panel.fetch("select tax_basis_points from top_ups where auto_top_up_id is not null").await;
    assert_eq!((rate, panel.balances(&acme).await.available), (1_900, 20_000_000 + 21_010_000));
    // As if tax had been switched on after it was set up.
    panel.execute("delete from billing_profiles").await;
    panel.execute("update top_ups set created_at = created_at - interval '2 hours'").await;
    sweep(&panel).await;
    assert_eq!((off_reason(&panel).await.as_deref(), captures(&panel)), (Some("details_needed"), 1));
    assert_eq!(mails(&panel).await.last().unwrap(), "Automatic top-up of acme is off");
    panel.verify().await;
}

#[tokio::test]
async fn only_those_who_may_pay_set_it_up_and_what_makes_no_sense_is_refused() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let mia = panel.member(&acme, "mia", Role::Member).await;
    for refused in [
        set_auto_top_up(&panel.app, &mia, terms()).await,
        turn_off_auto_top_up(&panel.app, &mia).await,
        ask_for_answer(&panel.app, &mia).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), "forbidden");
    }
    let amount = |text| Threshold::Amount(money(text));
    for (field, wrong) in [
        ("threshold_hours", AutoTerms { threshold: Threshold::Hours(0), ..terms() }),
        ("threshold_hours", AutoTerms { threshold: Threshold::Hours(721), ..terms() }),
        ("threshold_amount", AutoTerms { threshold: amount("0"), ..terms() }),
        ("threshold_amount", AutoTerms { threshold: amount("1.001"), ..terms() }),
        ("amount", AutoTerms { amount: money("4.99"), ..terms() }),
        ("amount", AutoTerms { amount: money("5000.01"), ceiling: money("6000"), ..terms() }),
        ("monthly_ceiling", AutoTerms { ceiling: money("24.99"), ..terms() }),
        ("monthly_ceiling", AutoTerms { ceiling: money("100.001"), ..terms() }),
    ] {
        match set_auto_top_up(&panel.app, &acme, wrong).await {
            Err(app::Error::Invalid { field: said, .. }) => assert_eq!(said, field, "{wrong:?}"),
            other => panic!("{wrong:?}: {other:?}"),
        }
    }
    assert_eq!(panel.fetch::<i64>("select count(*) from auto_top_ups").await, 0);
}

#[tokio::test]
async fn an_organization_has_one_agreement_however_often_it_is_asked_for() {
    let panel = Panel::start().await;
    let (_worker, acme) = (panel.worker(), panel.customer("acme").await);
    let asked = (0..10).map(|_| {
        let app = panel.app.clone();
        tokio::spawn(async move { set_auto_top_up(&app, &acme, terms()).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    panel.until_auto(&acme, "awaiting_approval").await;
    assert_eq!(panel.fetch::<i64>("select count(*) from auto_top_ups").await, 1);
    turn_off_auto_top_up(&panel.app, &acme).await.unwrap();
    turn_off_auto_top_up(&panel.app, &acme).await.unwrap();
    panel.until_idle().await;
    assert_eq!((entries(&panel, "off").await, off_reason(&panel).await.as_deref()), (1, Some("customer")));
}
