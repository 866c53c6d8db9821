//! Money out, and what the gateway tells: each effect once, in whatever order and however often it is told.

mod mails;

use std::future::IntoFuture as _;
use std::net::SocketAddr;

use app::Caller;
use app::billing::tax::publish_rate;
use app::payment::{ask_for_capture, refund};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::Utc;
use clients::paypal::WebhookCheck;
use domain::billing::Party;
use domain::payment::TopUpState;
use domain::{Money, TopUpId};
use serde_json::{Value, json};
use simulator::{Fault, FaultKind};
use testkit::{Panel, RunningWorker, eventually};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;
use web::{Options, WebState};

/// An installation that the gateway tells what happens.
pub(crate) struct Told {
    pub(crate) panel: Panel,
    pub(crate) acme: Caller,
    _worker: RunningWorker,
    _stop: DropGuard,
}

impl Told {
    pub(crate) async fn start() -> Self {
        Self::checking(WebhookCheck::Certificate).await
    }

    async fn checking(check: WebhookCheck) -> Self {
        Self::of(Panel::start().await, check).await
    }

    async fn of(panel: Panel, check: WebhookCheck) -> Self {
        let stop = CancellationToken::new();
        let router = web::router(WebState::new(panel.app.clone(), Options::default(), stop.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/payments", listener.local_addr().unwrap());
        let served = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, served).into_future());
        let webhook = panel.subscribe(&url).await;
        let worker = panel.worker_hearing(&webhook, check);
        let acme = panel.customer("acme").await;
        Self { panel, acme, _worker: worker, _stop: stop.drop_guard() }
    }

    /// Waits until everything is told and nobody works on anything.
    pub(crate) async fn quiet(&self) {
        eventually("everything is told", || self.panel.simulator.undelivered_webhooks() == 0).await;
        self.panel.until_idle().await;
    }

    /// A payment whose payer never comes back to us.
    async fn paid(&self, amount: &str) -> TopUpId {
        let id = self.panel.begin_top_up(&self.acme, amount).await;
        self.panel.approve(id, &json!({})).await;
        self.panel.until_top_up(id, TopUpState::Completed).await;
        self.quiet().await;
        id
    }

    async fn capture(&self, id: TopUpId, what: &str, body: Value) -> Value {
        let capture = self.panel.capture_of(id).await;
        self.panel.at_the_gateway(&format!("captures/{capture}/{what}"), &body).await
    }

    async fn refunded_there(&self, id: TopUpId, amount: &str) {
        let capture = self.panel.capture_of(id).await;
        let body = json!({ "amount": { "currency_code": "USD", "value": amount } });
        self.panel.on_the_gateways_pages(&format!("/v2/payments/captures/{capture}/refund"), &body).await;
    }

    /// Opens a dispute; answers its id.
    async fn dispute(&self, id: TopUpId, amount: &str) -> String {
        let dispute = self.capture(id, "dispute", json!({ "amount": amount })).await;
        dispute["dispute_id"].as_str().unwrap().to_owned()
    }

    async fn resolve(&self, dispute: &str, outcome: &str) {
        self.panel
            .at_the_gateway(&format!("disputes/{dispute}/resolve"), &json!({ "outcome": outcome }))
            .await;
    }

    /// Takes money out of the wallet as hours do, so that what goes back is not all there.
    async fn spend(&self, name: &str) {
        self.panel.active(&self.acme, "harbor", name).await;
    }

    /// available, held, receivable
    async fn balances(&self) -> (i64, i64, i64) {
        let b = self.panel.balances(&self.acme).await;
        (b.available, b.held, b.receivable)
    }

    /// The books are in order, and the gateway has given back what we say it has.
    async fn verify(&self) {
        self.panel.verify().await;
        let micros = |text: &str| text.parse::<Money>().unwrap().micros();
        let orders = self.panel.simulator.orders();
        let captures = orders.iter().flat_map(|order| &order.captures);
        let theirs: i64 = captures.map(|one| micros(&one.refunded) + micros(&one.reversed)).sum();
        let ours: i64 = self
            .panel
            .fetch(
                "select (coalesce((select sum(amount_micros) from refunds where state = 'completed'), 0)
                    - coalesce((select sum(returned_micros) from disputes), 0))::bigint",
            )
            .await;
        assert_eq!(ours, theirs, "what went back");
    }
}

async fn credits(panel: &Panel) -> Vec<i64> {
    panel.fetch_all("select -e.amount_micros from ledger_entries e join ledger_transactions t on t.id = e.transaction_id
        where e.account = 'gateway_clearing' and t.kind = 'top_up'").await
}

#[tokio::test]
async fn a_payer_who_never_comes_back_is_credited_by_what_the_gateway_tells() {
    for check in [WebhookCheck::Certificate, WebhookCheck::Gateway] {
        let told = Told::checking(check).await;
        told.paid("25.00").await;
        assert_eq!(told.balances().await, (25_000_000, 0, 0));
        let refused: i64 =
            told.panel.fetch("select count(*) from payment_events where state = 'refused'").await;
        assert_eq!(refused, 0);
        let kept: i64 = told.panel.fetch("select count(*) from payment_events where body is not null").await;
        assert_eq!(kept, 0, "what was looked at is forgotten");
        told.verify().await;
    }
}

async fn once_although_it_is_told(kind: FaultKind) {
    let told = Told::start().await;
    told.panel.simulator.inject(Fault::new("webhook.*", kind));
    let id = told.panel.begin_top_up(&told.acme, "25.00").await;
    told.panel.approve(id, &json!({})).await;
    ask_for_capture(&told.panel.app, &told.acme, id).await.unwrap();
    told.panel.until_top_up(id, TopUpState::Completed).await;
    told.refunded_there(id, "10.00").await;
    told.panel.until("select exists (select from refunds where state = 'completed')").await;
    let dispute = told.dispute(id, "5.00").await;
    told.panel.until("select exists (select from disputes)").await;
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.panel.until("select state = 'lost' from disputes").await;
    told.panel.simulator.clear_faults();
    told.quiet().await;
    assert_eq!(credits(&told.panel).await, [25_000_000]);
    assert_eq!(told.balances().await, (10_000_000, 0, 0));
    let mails: i64 = told.panel.fetch("select count(*) from mails where kind = 'dispute'").await;
    assert_eq!(mails, 2, "of its beginning and of its end");
    told.verify().await;
}

#[tokio::test]
async fn what_is_told_twice_happens_once() {
    once_although_it_is_told(FaultKind::Duplicate).await;
}

#[tokio::test]
async fn what_is_told_twenty_five_times_happens_once() {
    once_although_it_is_told(FaultKind::Replay).await;
}

#[tokio::test]
async fn what_is_told_in_another_order_happens_once() {
    once_although_it_is_told(FaultKind::Reorder).await;
}

async fn changes_nothing(kind: FaultKind) {
    let told = Told::start().await;
    told.panel.simulator.inject(Fault::new("webhook.*", kind));
    let id = told.panel.begin_top_up(&told.acme, "25.00").await;
    told.panel.approve(id, &json!({})).await;
    told.quiet().await;
    told.panel.until("select count(*) > 0 from payment_events where state = 'refused'").await;
    let genuine: i64 = told.panel.fetch("select count(*) from payment_events where state <> 'refused'").await;
    assert_eq!(genuine, 0);
    let state: String = told.panel.fetch("select state from top_ups").await;
    assert_eq!((state.as_str(), told.balances().await), ("awaiting_approval", (0, 0, 0)));
    told.verify().await;
}

#[tokio::test]
async fn a_forged_signature_changes_nothing() {
    changes_nothing(FaultKind::ForgedSignature).await;
}

#[tokio::test]
async fn a_certificate_nobody_trusts_changes_nothing() {
    changes_nothing(FaultKind::ForgedCertificate).await;
}

#[tokio::test]
async fn a_certificate_that_is_over_changes_nothing() {
    changes_nothing(FaultKind::ExpiredCertificate).await;
}

#[tokio::test]
async fn a_signature_of_long_ago_changes_nothing() {
    changes_nothing(FaultKind::StaleTime).await;
}

#[tokio::test]
async fn a_refund_made_at_the_gateway_takes_what_is_there_and_the_rest_is_owed() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.refunded_there(id, "5.00").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (20_000_000, 0, 0));
    told.spend("web").await;
    told.refunded_there(id, "20.00").await;
    told.quiet().await;
    let (available, held, owed) = told.balances().await;
    assert!((available, held) == (0, 0) && owed > 0, "{available} {held} {owed}");
    let mailed: i64 = told.panel.fetch("select count(*) from mails where kind = 'refund'").await;
    assert_eq!(mailed, 2);
    told.verify().await;

    // The next money pays what is owed first.
    told.paid("10.00").await;
    assert_eq!(told.balances().await, (10_000_000 - owed, 0, 0));
    told.verify().await;
}

#[tokio::test]
async fn a_reversal_goes_through_the_receivable() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.spend("web").await;
    told.capture(id, "reverse", json!({})).await;
    told.quiet().await;
    let (available, held, owed) = told.balances().await;
    assert!((available, held) == (0, 0) && owed > 0);
    let taken: i64 = told
        .panel
        .fetch("select sum(amount_micros)::bigint from ledger_entries where account = 'chargebacks'")
        .await;
    assert_eq!(taken, 25_000_000);
    told.verify().await;
}

#[tokio::test]
async fn a_dispute_freezes_what_is_disputed_and_frees_it_when_it_is_won() {
    for outcome in ["RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED", "RESOLVED_WITH_PAYOUT"] {
        let told = Told::start().await;
        let id = told.paid("25.00").await;
        let dispute = told.dispute(id, "15.00").await;
        told.quiet().await;
        assert_eq!(told.balances().await, (10_000_000, 15_000_000, 0));
        told.verify().await;
        told.panel
            .at_the_gateway(&format!("disputes/{dispute}/stage"), &json!({ "stage": "CHARGEBACK" }))
            .await;
        told.quiet().await;
        assert_eq!(told.panel.fetch::<String>("select stage from disputes").await, "CHARGEBACK");
        told.resolve(&dispute, outcome).await;
        told.quiet().await;
        assert_eq!(told.balances().await, (25_000_000, 0, 0), "{outcome}");
        assert_eq!(told.panel.fetch::<String>("select state from disputes").await, "won");
        told.verify().await;
    }
}

#[tokio::test]
async fn what_comes_back_after_a_dispute_brings_the_tax_that_went_with_it() {
    let panel = Panel::start().await.with_settings(|settings| {
        settings.tax = true;
        settings.seller = Party { country: "DE".parse().ok(), ..settings.seller.clone() };
    });
    let told = Told::of(panel, WebhookCheck::Certificate).await;
    let (operator, germany, today) =
        (told.panel.operator().await, "DE".parse().unwrap(), Utc::now().date_naive());
    publish_rate(&told.panel.app, &operator, germany, Some(1_900), today).await.unwrap();
    told.panel.billing_details(&told.acme, "DE", "").await;
    // 5.00 hold 0.80. Of three cents that go back none is tax, of the next three one is.
    let id = told.paid("5.00").await;
    told.refunded_there(id, "0.03").await;
    told.quiet().await;
    let tax_due = "select sum(amount_micros)::bigint from ledger_entries where account = 'tax_payable'";
    let before = (told.balances().await, told.panel.fetch::<i64>(tax_due).await);
    assert_eq!(before, ((4_170_000, 0, 0), 800_000));
    let dispute = told.dispute(id, "0.03").await;
    told.quiet().await;
    told.capture(id, "reverse", json!({ "amount": "0.03" })).await;
    told.quiet().await;
    assert_eq!(
        (told.balances().await, told.panel.fetch::<i64>(tax_due).await),
        ((4_140_000, 10_000, 0), 790_000)
    );
    told.resolve(&dispute, "RESOLVED_SELLER_FAVOUR").await;
    told.quiet().await;
    assert_eq!((told.balances().await, told.panel.fetch::<i64>(tax_due).await), before);
    told.panel.verify().await;
}

#[tokio::test]
async fn a_dispute_that_is_lost_takes_the_money_once() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "25.00").await;
    told.quiet().await;
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (0, 0, 0));
    let rows: i64 = told.panel.fetch("select count(*) from refunds where kind = 'reversal'").await;
    assert_eq!(rows, 1, "the reversal and the outcome are the same money");
    told.verify().await;
}

#[tokio::test]
async fn a_dispute_about_money_that_is_spent_freezes_what_is_left() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.spend("web").await;
    let before = told.balances().await.0;
    let dispute = told.dispute(id, "25.00").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (0, before, 0));
    told.resolve(&dispute, "ACCEPTED").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (0, 0, 25_000_000 - before));
    told.verify().await;
}

#[tokio::test]
async fn a_dispute_that_only_its_end_is_heard_of_takes_the_money_once() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    for lost in ["CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REVERSED"] {
        told.panel.simulator.inject(Fault::new(format!("webhook.{lost}"), FaultKind::Vanish));
    }
    let dispute = told.dispute(id, "25.00").await;
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (0, 0, 0));
    told.panel.simulator.clear_faults();

    // The daily comparison finds the reversal, which is no second loss.
    compare(&told).await;
    assert_eq!(told.balances().await, (0, 0, 0));
    let known: bool = told.panel.fetch("select bool_and(refund_ref is not null) from refunds").await;
    assert!(known, "the reversal is recognised");
    told.verify().await;
}

/// Compares the books, twice: what a job can settle is settled at the second.
async fn compare(told: &Told) {
    for _ in 0..2 {
        told.panel.enqueue("payment.compare", &Value::Null).await;
        told.quiet().await;
    }
    let left: Vec<String> = told.panel.fetch_all("select what from payment_differences where seen > 1").await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn what_was_never_told_is_found_by_the_daily_comparison() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.panel.simulator.inject(Fault::new("webhook.*", FaultKind::Vanish));
    told.refunded_there(id, "5.00").await;
    told.capture(id, "reverse", json!({ "amount": "10.00" })).await;
    told.quiet().await;
    assert_eq!(told.balances().await, (25_000_000, 0, 0));
    // The gateway's books follow with a delay.
    told.panel.simulator.step(chrono::TimeDelta::hours(4));
    compare(&told).await;
    assert_eq!(told.balances().await, (10_000_000, 0, 0));
    told.verify().await;
}

#[tokio::test]
async fn a_dispute_nobody_told_of_is_found_by_the_daily_comparison() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.panel.simulator.inject(Fault::new("webhook.*", FaultKind::Vanish));
    let dispute = told.dispute(id, "15.00").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (25_000_000, 0, 0));
    compare(&told).await;
    assert_eq!(told.balances().await, (10_000_000, 15_000_000, 0));
    told.resolve(&dispute, "RESOLVED_SELLER_FAVOUR").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (10_000_000, 15_000_000, 0), "nobody told of its end");
    compare(&told).await;
    assert_eq!(told.balances().await, (25_000_000, 0, 0));
    told.verify().await;
}

#[tokio::test]
async fn a_refund_of_what_was_not_disputed_does_not_pay_a_lost_dispute() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "10.00").await;
    told.quiet().await;
    told.panel.simulator.inject(Fault::new("webhook.PAYMENT.CAPTURE.REVERSED", FaultKind::Vanish));
    told.panel.simulator.inject(Fault::new("webhook.CUSTOMER.*", FaultKind::CutBefore));
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    operator_refunds(&told, id, "5.00").await.unwrap();
    told.panel.until("select bool_and(state = 'completed') from refunds").await;
    told.panel.simulator.clear_faults();
    told.quiet().await;
    assert_eq!(told.balances().await, (10_000_000, 0, 0));
    compare(&told).await;
    assert_eq!(told.balances().await, (10_000_000, 0, 0));
    told.verify().await;
}

#[tokio::test]
async fn a_refund_at_the_gateway_is_not_taken_for_the_payment_of_a_lost_dispute() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "10.00").await;
    told.panel.simulator.inject(Fault::new("webhook.PAYMENT.CAPTURE.REVERSED", FaultKind::Vanish));
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.quiet().await;
    told.refunded_there(id, "5.00").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (10_000_000, 0, 0));
    compare(&told).await;
    assert_eq!(told.balances().await, (10_000_000, 0, 0));
    told.verify().await;
}

#[tokio::test]
async fn a_refund_of_all_that_ends_a_dispute_is_booked_whole_whatever_is_heard_first() {
    for held_back in ["PAYMENT.CAPTURE.REFUNDED", "CUSTOMER.DISPUTE.RESOLVED"] {
        let told = Told::start().await;
        let id = told.paid("25.00").await;
        told.dispute(id, "10.00").await;
        told.quiet().await;
        told.panel.simulator.inject(Fault::new(format!("webhook.{held_back}"), FaultKind::CutBefore));
        told.refunded_there(id, "25.00").await;
        told.panel.until("select exists (select from refunds)").await;
        told.panel.simulator.clear_faults();
        told.quiet().await;
        assert_eq!(told.balances().await, (0, 0, 0), "{held_back}");
        told.verify().await;
    }
}

async fn operator_refunds(told: &Told, id: TopUpId, amount: &str) -> app::Result<domain::RefundId> {
    let operator = told.panel.operator().await;
    let organization = told.acme.organization_id();
    refund(&told.panel.app, &operator, organization, id, amount.parse().unwrap(), "by mistake").await
}

#[tokio::test]
async fn an_operator_gives_back_at_most_what_is_unspent() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    operator_refunds(&told, id, "10.00").await.unwrap();
    told.quiet().await;
    assert_eq!(told.balances().await, (15_000_000, 0, 0));
    for refused in ["15.01", "0", "-1.00", "1.001"] {
        let refused = operator_refunds(&told, id, refused).await;
        assert_eq!(refused.unwrap_err().code(), "invalid");
    }
    told.paid("100.00").await;
    let of_another = operator_refunds(&told, id, "15.01").await;
    assert_eq!(of_another.unwrap_err().code(), "invalid", "money of another payment");
    operator_refunds(&told, id, "15.00").await.unwrap();
    told.quiet().await;
    assert_eq!(told.balances().await, (100_000_000, 0, 0));
    let told_of: i64 =
        told.panel.fetch("select count(*) from activity_logs where action = 'refund.completed'").await;
    assert_eq!(told_of, 2);
    told.verify().await;
}

#[tokio::test]
async fn refunds_asked_for_at_once_never_exceed_the_payment() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let (operator, organization) = (told.panel.operator().await, told.acme.organization_id());
    let asked = (0..10).map(|_| {
        let app = told.panel.app.clone();
        tokio::spawn(async move {
            refund(&app, &operator, organization, id, "10.00".parse().unwrap(), "twice").await.is_ok()
        })
    });
    let mut done = 0;
    for asked in asked.collect::<Vec<_>>() {
        done += i32::from(asked.await.unwrap());
    }
    told.quiet().await;
    assert_eq!((done, told.balances().await), (2, (5_000_000, 0, 0)));
    told.verify().await;
}

async fn given_back_once_although_the_answer_is(kind: FaultKind) {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.panel.simulator.inject(Fault::new("paypal.refund", kind).once());
    operator_refunds(&told, id, "10.00").await.unwrap();
    told.panel.until("select bool_and(state = 'completed') from refunds").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (15_000_000, 0, 0));
    told.verify().await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_given_once() {
    given_back_once_although_the_answer_is(FaultKind::CutAfter).await;
}

#[tokio::test]
async fn a_refund_whose_request_is_lost_is_given_once() {
    given_back_once_although_the_answer_is(FaultKind::CutBefore).await;
}

#[tokio::test]
async fn a_refund_that_waits_is_reserved_until_it_is_through_or_failed() {
    for (end, left) in [("complete", 15_000_000), ("fail", 25_000_000)] {
        let told = Told::start().await;
        let id = told.paid("25.00").await;
        told.panel.simulator.inject(Fault::new("paypal.refund", FaultKind::Stuck).once());
        operator_refunds(&told, id, "10.00").await.unwrap();
        told.panel.until("select state = 'pending' from refunds").await;
        told.quiet().await;
        assert_eq!(told.balances().await, (15_000_000, 10_000_000, 0));
        told.panel.verify().await;
        let refund: String = told.panel.fetch("select refund_ref from refunds").await;
        told.panel.at_the_gateway(&format!("refunds/{refund}/{end}"), &json!({})).await;
        told.panel.until("select state in ('completed', 'failed') from refunds").await;
        told.quiet().await;
        assert_eq!(told.balances().await, (left, 0, 0), "{end}");
        told.verify().await;
    }
}

#[tokio::test]
async fn a_refund_the_gateway_refuses_is_free_again() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.panel.simulator.inject(Fault::new("paypal.refund", FaultKind::Failed).once());
    operator_refunds(&told, id, "10.00").await.unwrap();
    told.panel.until("select state = 'failed' from refunds").await;
    told.quiet().await;
    assert_eq!(told.balances().await, (25_000_000, 0, 0));
    told.verify().await;
}

/// What is posted to the webhook's address by somebody.
async fn posted(panel: &Panel, webhook: bool, body: Vec<u8>) -> StatusCode {
    let app = panel.process(|settings| settings.webhook = webhook);
    let router = web::router(WebState::new(app, Options::default(), CancellationToken::new()));
    let request = Request::post("/webhooks/payments").header("content-type", "application/json");
    router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn what_cannot_be_an_event_is_refused_and_what_may_be_is_bounded() {
    let panel = Panel::start().await;
    let event = |id: &str| json!({ "id": id }).to_string().into_bytes();
    assert_eq!(posted(&panel, false, event("WH-1")).await, StatusCode::SERVICE_UNAVAILABLE, "not configured");
    for bad in ["", "{}", "[]", "{\"id\": 1}", "{\"id\": \"\"}", "{\"id\": \"a b\"}", "{\"id\":\"\\u0000\"}"]
    {
        assert_eq!(posted(&panel, true, bad.into()).await, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(posted(&panel, true, event(&"x".repeat(101))).await, StatusCode::BAD_REQUEST);
    let long = json!({ "id": "WH-1", "long": "x".repeat(70_000) }).to_string().into_bytes();
    assert_eq!(posted(&panel, true, long).await, StatusCode::PAYLOAD_TOO_LARGE);
    for _ in 0..2 {
        assert_eq!(posted(&panel, true, event("WH-1")).await, StatusCode::OK);
    }
    assert_eq!(panel.fetch::<i64>("select count(*) from payment_events").await, 1);
    panel
        .execute(
            "insert into payment_events (id, event_ref, digest, headers, body)
            select gen_random_uuid(), 'x' || n, sha256('x'), '{}', '' from generate_series(1, 1999) n",
        )
        .await;
    assert_eq!(posted(&panel, true, event("WH-2")).await, StatusCode::SERVICE_UNAVAILABLE, "full");
    assert_eq!(posted(&panel, true, event("WH-1")).await, StatusCode::OK, "known");
}
