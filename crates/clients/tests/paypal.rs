//! The PayPal gateway against the simulated PayPal: money is taken once, whatever gets lost on the way.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/checker.rs"]
mod checker;

use checker::Checker;
use chrono::TimeDelta;
use clients::paypal::{PayPal, PayPalSettings, PayPalSetupError};
use domain::Money;
use domain::payment::{
    Agreed, CaptureState, Charged, NewAgreement, NewCharge, NewOrder, Order, OrderState, PaymentGateway,
};
use domain::provider::{Rejection, UpstreamError};
use reqwest::header::{ACCEPT, LOCATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use simulator::{Config, Fault, FaultKind, Simulator};

const SECRET: &str = "test-client-secret";

/// A simulated PayPal, our gateway to it, and a payer's browser.
struct Play {
    sim: Simulator,
    gateway: PayPal,
    browser: reqwest::Client,
}

impl Play {
    async fn new() -> Self {
        // Fails when another test of this process has installed it, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let checker = Checker::of("paypal");
        let mut config = Config::default();
        if let Some(checker) = &checker {
            config.paypal = checker.upstream;
        }
        let sim = Simulator::start(config).await.unwrap();
        sim.freeze(true);
        let url = checker.map_or_else(|| sim.paypal_url(), |checker| checker.url);
        let gateway = gateway(&url, "test-client-id", SECRET);
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { sim, gateway, browser: browser.build().unwrap() }
    }

    /// An order of 25.00 USD that waits for the payer.
    async fn order(&self, reference: &str) -> Order {
        self.gateway.create_order(&new_order(reference)).await.unwrap()
    }

    /// An order that the payer has approved.
    async fn approved(&self, reference: &str, how: Value) -> String {
        let order = self.order(reference).await;
        self.control(&format!("orders/{}/approve", order.id), how).await;
        order.id
    }

    /// The payer's or the payer's bank's doing.
    async fn control(&self, path: &str, body: Value) {
        let url = format!("{}/_sim/paypal/{path}", self.sim.paypal_url());
        let response = self.browser.post(url).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    }

    /// Presses a button of the approval page; answers where the payer is sent.
    async fn press(&self, button: &str, fields: &[(&str, &str)]) -> String {
        let url = format!("{}/checkoutnow/{button}", self.sim.paypal_url());
        let response = self.browser.post(url).form(fields).send().await.unwrap();
        assert_eq!(response.status(), 302);
        response.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    /// Ids of all captures PayPal has.
    fn captures(&self) -> Vec<String> {
        self.sim.orders().into_iter().flat_map(|order| order.captures).map(|capture| capture.id).collect()
    }

    fn requests(&self, operation: &str) -> usize {
        self.sim.requests().iter().filter(|request| request.operation == Some(operation)).count()
    }
}

fn gateway(base_url: &str, id: &str, secret: &str) -> PayPal {
    PayPal::new(PayPalSettings {
        base_url: base_url.parse().unwrap(),
        client_id: id.to_owned(),
        client_secret: secret.into(),
        webhook: None,
    })
    .unwrap()
}

fn new_order(reference: &str) -> NewOrder {
    NewOrder {
        request_id: format!("topup:{reference}:create"),
        reference: reference.to_owned(),
        amount: Money::from_micros(25_000_000),
        currency: "USD".to_owned(),
        brand: "Fjord & Sons".to_owned(),
        return_url: "https://panel.example/wallet/back?top_up=1".parse().unwrap(),
        cancel_url: "https://panel.example/wallet/cancelled".parse().unwrap(),
    }
}

fn capture_id(order: &Order) -> String {
    assert_eq!(order.state, OrderState::Completed);
    order.capture.as_ref().unwrap().id.clone()
}

#[tokio::test]
async fn a_payer_approves_on_the_page_and_the_money_is_taken() {
    let play = Play::new().await;
    let order = play.order("T1").await;
    assert_eq!((order.state, &order.capture), (OrderState::AwaitingApproval, &None));
    let link = order.approve_url.clone().unwrap();
    assert!(link.as_str().starts_with(&play.sim.paypal_url()), "{link}");
    assert_eq!(play.gateway.order(&order.id).await.unwrap(), order);

    let page = play.browser.get(link).header(ACCEPT, "text/html").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Fjord &amp; Sons") && page.contains("25.00 <small>USD"), "{page}");
    assert_eq!(play.gateway.order(&order.id).await.unwrap().state, OrderState::AwaitingApproval);
    let back = play.press("approve", &[("token", &order.id), ("instrument", "balance")]).await;
    let expected = format!("https://panel.example/wallet/back?top_up=1&token={}&PayerID=", order.id);
    assert!(back.starts_with(&expected), "{back}");
    let approved = play.gateway.order(&order.id).await.unwrap();
    assert_eq!((approved.state, approved.approve_url), (OrderState::Approved, None));

    let captured = play.gateway.capture(&order.id, "topup:T1:capture").await.unwrap();
    let capture = captured.capture.clone().unwrap();
    assert_eq!((captured.state, capture.state), (OrderState::Completed, CaptureState::Completed));
    assert_eq!((capture.amount, capture.currency.as_str()), (Money::from_micros(25_000_000), "USD"));
    assert_eq!(play.gateway.capture_state(&capture.id).await.unwrap(), capture);
    assert_eq!(play.gateway.order(&order.id).await.unwrap(), captured);
    let known = &play.sim.orders()[0];
    assert_eq!((known.custom_id.as_deref(), known.invoice_id.as_deref()), (Some("T1"), Some("T1")));
}

#[tokio::test]
async fn a_payer_who_cancels_can_still_approve() {
    let play = Play::new().await;
    let order = play.order("T1").await;
    let back = play.press("cancel", &[("token", &order.id)]).await;
    assert_eq!(back, format!("https://panel.example/wallet/cancelled?token={}", order.id));
    assert_eq!(play.gateway.order(&order.id).await.unwrap(), order);
}

#[tokio::test]
async fn capturing_too_early_answers_the_order_unchanged() {
    let play = Play::new().await;
    let order = play.order("T1").await;
    assert_eq!(play.gateway.capture(&order.id, "c1").await, Ok(order));
    assert!(play.captures().is_empty());
}

#[tokio::test]
async fn the_same_request_makes_one_order() {
    let play = Play::new().await;
    let first = play.order("T1").await;
    assert_eq!(play.order("T1").await, first);
    play.sim.inject(Fault::new("paypal.create_order", FaultKind::CutAfter).once());
    let second = play.order("T2").await;
    assert_eq!(play.order("T2").await, second);
    assert_eq!(play.sim.orders().len(), 2);
}

#[tokio::test]
async fn captures_in_parallel_take_the_money_once() {
    let play = Play::new().await;
    let id = play.approved("T1", json!({})).await;
    let capture =
        async |request_id: &'static str| capture_id(&play.gateway.capture(&id, request_id).await.unwrap());
    let (a, b, c, d) = tokio::join!(capture("c1"), capture("c1"), capture("c1"), capture("c2"));
    assert_eq!([&b, &c, &d], [&a, &a, &a]);
    assert_eq!(play.captures(), [a]);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_open_and_a_repeat_settles_it() {
    let play = Play::new().await;
    for (fault, taken, repeat_as) in [
        (FaultKind::CutAfter, 1, "c1"),
        (FaultKind::CutAfter, 1, "c2"),
        (FaultKind::MalformedJson, 1, "c1"),
        (FaultKind::CutBefore, 0, "c1"),
        (FaultKind::HtmlError, 0, "c1"),
    ] {
        play.sim.reset();
        let id = play.approved("T1", json!({})).await;
        play.sim.inject(Fault::new("paypal.capture", fault).once());
        let lost = play.gateway.capture(&id, "c1").await;
        assert!(matches!(lost, Err(UpstreamError::OutcomeUnknown { .. })), "{fault:?}: {lost:?}");
        assert_eq!(play.captures().len(), taken, "{fault:?}");
        let settled = capture_id(&play.gateway.capture(&id, repeat_as).await.unwrap());
        assert_eq!(play.captures(), [settled], "{fault:?}");
    }
}

#[tokio::test]
async fn an_e_check_is_pending_until_the_bank_decides() {
    let play = Play::new().await;
    for (reference, decision, end) in [
        ("T1", Some("complete"), CaptureState::Completed),
        ("T2", Some("deny"), CaptureState::Declined),
        ("T3", None, CaptureState::Completed),
    ] {
        let id = play.approved(reference, json!({ "pending": true })).await;
        let order = play.gateway.capture(&id, &format!("{reference}:capture")).await.unwrap();
        let capture = capture_id(&order);
        assert_eq!(order.capture.unwrap().state, CaptureState::Pending);
        match decision {
            Some(decision) => play.control(&format!("captures/{capture}/{decision}"), json!({})).await,
            None => play.sim.step(TimeDelta::days(1)),
        }
        assert_eq!(play.gateway.capture_state(&capture).await.unwrap().state, end, "{decision:?}");
        assert_eq!(play.gateway.order(&id).await.unwrap().capture.unwrap().state, end, "{decision:?}");
    }
}

#[tokio::test]
async fn a_declined_card_is_a_payment_refusal_and_another_can_be_chosen() {
    let play = Play::new().await;
    let id = play.approved("T1", json!({ "declined": true })).await;
    let refused = play.gateway.capture(&id, "c1").await.unwrap_err();
    let UpstreamError::Rejected { reason: Rejection::Payment, detail } = &refused else {
        panic!("{refused:?}")
    };
    assert!(detail.contains("INSTRUMENT_DECLINED") && detail.contains("PayPal debug id "), "{detail}");
    let order = play.gateway.order(&id).await.unwrap();
    assert!(order.state == OrderState::AwaitingApproval && order.approve_url.is_some());
    play.control(&format!("orders/{id}/approve"), json!({})).await;
    capture_id(&play.gateway.capture(&id, "c2").await.unwrap());
}

#[tokio::test]
async fn an_invoice_is_paid_once_even_under_another_request_id() {
    let play = Play::new().await;
    let (first, second) =
        (play.approved("T1", json!({})).await, NewOrder { request_id: "b".into(), ..new_order("T1") });
    let second = play.gateway.create_order(&second).await.unwrap().id;
    play.control(&format!("orders/{second}/approve"), json!({})).await;
    capture_id(&play.gateway.capture(&first, "c1").await.unwrap());
    let third = NewOrder { request_id: "c".into(), ..new_order("T1") };
    for refused in [play.gateway.capture(&second, "c2").await, play.gateway.create_order(&third).await] {
        let Err(UpstreamError::Rejected { reason: Rejection::Invalid, detail }) = refused else {
            panic!("{refused:?}")
        };
        assert!(detail.contains("DUPLICATE_INVOICE_ID"), "{detail}");
    }
    assert_eq!(play.captures().len(), 1);
}

#[tokio::test]
async fn an_order_nobody_approves_is_gone_after_three_hours() {
    let play = Play::new().await;
    let order = play.order("T1").await;
    play.sim.step(TimeDelta::hours(3) - TimeDelta::seconds(1));
    assert_eq!(play.gateway.order(&order.id).await, Ok(order.clone()));
    play.sim.step(TimeDelta::seconds(1));
    assert_eq!(play.gateway.order(&order.id).await, Err(UpstreamError::NotFound));
    assert_eq!(play.gateway.capture(&order.id, "c1").await, Err(UpstreamError::NotFound));
    assert_eq!(play.sim.orders()[0].status, "EXPIRED");
}

#[tokio::test]
async fn amounts_have_the_currencys_digits() {
    let play = Play::new().await;
    let yen =
        NewOrder { currency: "JPY".into(), amount: Money::from_micros(2_500_000_000), ..new_order("T1") };
    let id = play.gateway.create_order(&yen).await.unwrap().id;
    assert_eq!(play.sim.orders()[0].amount, "2500");
    play.control(&format!("orders/{id}/approve"), json!({})).await;
    let capture = play.gateway.capture(&id, "c1").await.unwrap().capture.unwrap();
    assert_eq!((capture.amount, capture.currency.as_str()), (yen.amount, "JPY"));

    let sent = play.requests("paypal.create_order");
    for (micros, currency) in [(2_500_500_000, "JPY"), (25_005_000, "USD"), (0, "USD")] {
        let order =
            NewOrder { currency: currency.into(), amount: Money::from_micros(micros), ..new_order("T2") };
        let refused = play.gateway.create_order(&order).await;
        assert!(
            matches!(refused, Err(UpstreamError::Rejected { reason: Rejection::Invalid, .. })),
            "{refused:?}"
        );
    }
    assert_eq!(play.requests("paypal.create_order"), sent);
}

#[tokio::test]
async fn one_token_serves_many_calls_and_is_replaced_when_it_ends() {
    let play = Play::new().await;
    let id = play.approved("T1", json!({ "pending": true })).await;
    play.gateway.order(&id).await.unwrap();
    assert_eq!(play.requests("paypal.token"), 1);
    let capture = capture_id(&play.gateway.capture(&id, "c1").await.unwrap());
    play.sim.step(TimeDelta::hours(9));
    let again = play.gateway.capture(&id, "c1").await.unwrap();
    assert_eq!(capture_id(&again), capture);
    play.gateway.capture_state(&capture).await.unwrap();
    assert_eq!(play.requests("paypal.token"), 2);
}

#[tokio::test]
async fn wrong_credentials_are_unauthorized_and_never_repeated_in_errors() {
    let play = Play::new().await;
    let gateway = gateway(&play.sim.paypal_url(), "bad", SECRET);
    assert_eq!(gateway.create_order(&new_order("T1")).await, Err(UpstreamError::Unauthorized));
    assert_eq!(gateway.capture("5O190127TN364715T", "c1").await, Err(UpstreamError::Unauthorized));
    assert_eq!(play.requests("paypal.create_order"), 0);
}

#[tokio::test]
async fn trouble_before_the_effect_is_transient() {
    let play = Play::new().await;
    let id = play.approved("T1", json!({})).await;
    play.sim.inject(Fault::new("paypal.capture", FaultKind::RateLimited).once().with_retry_after(40));
    let busy = play.gateway.capture(&id, "c1").await;
    let Err(UpstreamError::Transient { retry_after: Some(wait), .. }) = busy else { panic!("{busy:?}") };
    assert_eq!(wait.as_secs(), 40);
    assert!(play.captures().is_empty());

    play.sim.inject(Fault::new("paypal.token", FaultKind::Error).with_status(503));
    let other = gateway(&play.sim.paypal_url(), "test-client-id", SECRET);
    let down = other.capture(&id, "c1").await;
    assert!(matches!(down, Err(UpstreamError::Transient { .. })), "{down:?}");
    assert!(!format!("{down:?}").contains(SECRET));
}

#[tokio::test]
async fn orders_of_another_merchant_are_not_found() {
    let play = Play::new().await;
    let id = play.approved("T1", json!({})).await;
    let other = gateway(&play.sim.paypal_url(), "rival-client-id", SECRET);
    assert_eq!(other.order(&id).await, Err(UpstreamError::NotFound));
    assert_eq!(other.capture(&id, "c1").await, Err(UpstreamError::NotFound));
}

#[test]
fn credentials_go_over_tls_only() {
    let settings = PayPalSettings {
        base_url: "http://api-m.paypal.com".parse().unwrap(),
        client_id: "id".to_owned(),
        client_secret: SECRET.into(),
        webhook: None,
    };
    assert!(matches!(PayPal::new(settings), Err(PayPalSetupError::BaseUrl(_))));
}

fn new_agreement(id: &str) -> NewAgreement {
    NewAgreement {
        request_id: format!("agreement:{id}:ask"),
        brand: "Fjord & Sons".to_owned(),
        description: "Automatic top-ups of your wallet".to_owned(),
        return_url: "https://panel.example/wallet/auto-top-up/return".parse().unwrap(),
        cancel_url: "https://panel.example/wallet/auto-top-up/cancel".parse().unwrap(),
    }
}

fn new_charge(token: &SecretString, reference: &str) -> NewCharge {
    NewCharge {
        request_id: format!("topup:{reference}:charge"),
        reference: reference.to_owned(),
        amount: Money::from_micros(25_000_000),
        currency: "USD".to_owned(),
        token: token.clone(),
    }
}

impl Play {
    /// A leave to charge, from the question to the answer.
    async fn leave(&self) -> SecretString {
        let asked = self.gateway.ask_to_agree(&new_agreement("A1")).await.unwrap();
        assert!(self.sim.agree(&asked.id));
        match self.gateway.agreed(&asked.id, "agreement:A1:leave").await.unwrap() {
            Agreed::Token(token) => token,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_payer_who_agreed_is_charged_without_being_asked() {
    let play = Play::new().await;
    let asked = play.gateway.ask_to_agree(&new_agreement("A1")).await.unwrap();
    assert!(asked.approve_url.as_str().contains("/agreements/approve?"), "{}", asked.approve_url);
    assert_eq!(
        play.gateway.ask_to_agree(&new_agreement("A1")).await.unwrap(),
        asked,
        "the same request asks once"
    );
    let early = play.gateway.agreed(&asked.id, "agreement:A1:early").await.unwrap();
    assert!(matches!(early, Agreed::NotYet), "{early:?}");
    let token = play.leave().await;
    assert!(!format!("{token:?}").contains(token.expose_secret()));
    assert!(play.gateway.holds(&token).await.unwrap());

    for _ in 0..2 {
        let Charged::Order(order) = play.gateway.charge(&new_charge(&token, "T1")).await.unwrap() else {
            panic!("it is charged")
        };
        assert_eq!(
            (capture_id(&order), order.capture.unwrap().state),
            (play.captures()[0].clone(), CaptureState::Completed)
        );
    }
    assert_eq!(play.captures().len(), 1, "the same request takes the money once");
    // After six hours the request is a new one there; the invoice is not.
    play.sim.step(TimeDelta::hours(7));
    assert!(matches!(play.gateway.charge(&new_charge(&token, "T1")).await.unwrap(), Charged::Before));
    assert_eq!(play.captures().len(), 1);
}

#[tokio::test]
async fn a_charge_is_declined_or_the_agreement_is_over() {
    let play = Play::new().await;
    let token = play.leave().await;
    play.control(&format!("payment-tokens/{}/decline", token.expose_secret()), json!({})).await;
    let declined = play.gateway.charge(&new_charge(&token, "T1")).await.unwrap();
    assert!(
        matches!(&declined, Charged::Declined(why) if why.contains("INSTRUMENT_DECLINED")),
        "{declined:?}"
    );
    play.control(&format!("payment-tokens/{}/revoke", token.expose_secret()), json!({})).await;
    assert!(matches!(play.gateway.charge(&new_charge(&token, "T2")).await.unwrap(), Charged::Revoked));
    assert!(!play.gateway.holds(&token).await.unwrap());
    play.gateway.give_back(&token).await.unwrap();
    assert!(play.captures().is_empty());
}

#[tokio::test]
async fn a_lost_answer_to_a_charge_is_not_asked_for_by_itself() {
    let play = Play::new().await;
    let token = play.leave().await;
    play.sim.inject(Fault::new("paypal.create_order", FaultKind::CutAfter).once());
    let lost = play.gateway.charge(&new_charge(&token, "T1")).await.unwrap_err();
    assert!(matches!(lost, UpstreamError::OutcomeUnknown { .. }), "{lost:?}");
    assert_eq!((play.requests("paypal.create_order"), play.captures().len()), (1, 1));
    let Charged::Order(order) = play.gateway.charge(&new_charge(&token, "T1")).await.unwrap() else {
        panic!("it is the same payment")
    };
    assert_eq!(vec![capture_id(&order)], play.captures());
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends() {
    let play = Play::new().await;
    let asked = play.gateway.ask_to_agree(&new_agreement("A1")).await.unwrap();
    play.sim.step(TimeDelta::days(3));
    let late = play.gateway.agreed(&asked.id, "agreement:A1:leave").await.unwrap();
    assert!(matches!(late, Agreed::Over), "{late:?}");
}
