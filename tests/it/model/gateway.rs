//! A payment gateway on the stopped clock. Payers, their banks and its own pages do what the test says, and it tells
//! the panel of that when the test says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::payment::{
    Agreed, Agreement, Capture, CaptureState, Charged, Dispute, DisputeVerdict, Disputed, Line, Message,
    NewAgreement, NewCharge, NewOrder, NewRefund, News, Order, OrderState, PaymentGateway, PaymentRef,
    RefundKind, Returned, ReturnedState, Subject, Verdict,
};
use domain::provider::{Rejection, UpstreamError};
use domain::{Money, RefundId, TopUpId};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::Panel;

/// The gateway. Orders and captures have names made from the top-up's id.
#[derive(Clone)]
pub(crate) struct Gateway {
    state: Arc<Mutex<State>>,
}

struct State {
    now: DateTime<Utc>,
    orders: HashMap<String, Paid>,
    /// Everything that went back, and those of it that we asked for.
    returned: Vec<Returned>,
    asked: HashMap<String, usize>,
    /// What of it came back to us.
    given_back: BTreeSet<usize>,
    disputes: Vec<Dispute>,
    /// What becomes of the next refund of a payment.
    fates: HashMap<String, Fate>,
    messages: usize,
}

struct Paid {
    amount: Money,
    currency: String,
    approved: bool,
    captured: bool,
    /// What of it is with us.
    left: Money,
}

/// What becomes of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Paid,
    /// Nobody knows yet.
    Waits,
    Refused,
}

/// What the gateway tells of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About {
    Returned { number: usize, kind: RefundKind },
    Dispute(usize),
}

impl Gateway {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let state = State {
            now,
            orders: HashMap::new(),
            returned: Vec::new(),
            asked: HashMap::new(),
            given_back: BTreeSet::new(),
            disputes: Vec::new(),
            fates: HashMap::new(),
            messages: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set_clock(&self, now: DateTime<Utc>) {
        self.state().now = now;
    }

    /// The payer agrees to pay.
    pub(crate) fn approve(&self, top_up: TopUpId) {
        self.state().orders.get_mut(&top_up.to_string()).unwrap().approved = true;
    }

    /// What becomes of the next refund of a payment.
    pub(crate) fn set_fate(&self, top_up: TopUpId, fate: Fate) {
        self.state().fates.insert(top_up.to_string(), fate);
    }

    /// What waited is decided. Answers its number.
    pub(crate) fn settle(&self, refund: RefundId, is_paid: bool) -> usize {
        let mut state = self.state();
        let number = state.asked[&request(refund)];
        let one = &mut state.returned[number];
        one.state = if is_paid { ReturnedState::Completed } else { ReturnedState::Failed };
        let (amount, top_up) = (one.amount, one.payment.reference.clone().unwrap());
        if !is_paid {
            state.is_with_us_again(&top_up, amount);
        }
        number
    }

    /// What of a payment is with us.
    pub(crate) fn left(&self, top_up: TopUpId) -> Money {
        self.state().orders[&top_up.to_string()].left
    }

    /// Money goes back that we have not asked for. Answers its number.
    pub(crate) fn send_back(&self, top_up: TopUpId, amount: Money) -> usize {
        self.state().send_back(&top_up.to_string(), amount, ReturnedState::Completed)
    }

    /// The payer disputes a payment. Answers the dispute's number.
    pub(crate) fn open_dispute(&self, top_up: TopUpId, amount: Money) -> usize {
        let mut state = self.state();
        let now = state.now;
        let payment = payment(&top_up.to_string());
        let number = state.disputes.len();
        state.disputes.push(Dispute {
            id: format!("D-{number}"),
            verdict: DisputeVerdict::Open,
            stage: "review".into(),
            reason: "not received".into(),
            currency: "USD".into(),
            payments: vec![Disputed { payment, amount, to_payer: Money::ZERO }],
            began_at: now,
            changed_at: now,
        });
        number
    }

    /// A dispute is decided, or open again.
    pub(crate) fn decide(&self, dispute: usize, verdict: DisputeVerdict) {
        let mut state = self.state();
        let now = state.now;
        if verdict == DisputeVerdict::ForUs {
            state.gives_back_what_it_took(dispute);
        }
        let dispute = &mut state.disputes[dispute];
        (dispute.verdict, dispute.changed_at) = (verdict, now);
        dispute.payments[0].to_payer = match verdict {
            DisputeVerdict::ForPayer => dispute.payments[0].amount,
            DisputeVerdict::ForUs | DisputeVerdict::Open => Money::ZERO,
        };
    }

    /// Tells the panel, which asks then.
    pub(crate) async fn tell(&self, panel: &Panel, about: About) {
        let body = self.state().message(about).to_string();
        let answer = app::payment::webhook::receive(&panel.app, BTreeMap::new(), body.as_bytes()).await;
        assert_eq!(answer.unwrap(), app::payment::webhook::Answer::Kept);
    }
}

fn request(refund: RefundId) -> String {
    format!("refund:{refund}")
}

fn order_of(top_up: &str) -> String {
    format!("O-{top_up}")
}

fn capture_of(top_up: &str) -> String {
    format!("C-{top_up}")
}

/// Whose order or capture it is.
fn top_up_of(name: &str) -> &str {
    &name[2..]
}

fn payment(top_up: &str) -> PaymentRef {
    PaymentRef {
        order: Some(order_of(top_up)),
        capture: Some(capture_of(top_up)),
        reference: Some(top_up.to_owned()),
    }
}

impl State {
    fn send_back(&mut self, top_up: &str, amount: Money, state: ReturnedState) -> usize {
        let number = self.returned.len();
        let paid = self.orders.get_mut(top_up).unwrap();
        paid.left = paid.left.minus(amount).unwrap();
        self.returned.push(Returned {
            id: format!("B-{number}"),
            state,
            amount,
            currency: "USD".into(),
            payment: payment(top_up),
            at: self.now,
        });
        number
    }

    fn is_with_us_again(&mut self, top_up: &str, amount: Money) {
        let paid = self.orders.get_mut(top_up).unwrap();
        paid.left = paid.left.plus(amount).unwrap();
    }

    /// What was taken for a dispute is with us again.
    fn gives_back_what_it_took(&mut self, dispute: usize) {
        let Dispute { began_at, payments, .. } = &self.disputes[dispute];
        let (began, top_up) = (*began_at, payments[0].payment.reference.clone().unwrap());
        let asked: Vec<usize> = self.asked.values().copied().collect();
        for number in 0..self.returned.len() {
            let one = &self.returned[number];
            let is_its = one.payment.reference.as_deref() == Some(&*top_up) && one.at >= began;
            if is_its && !asked.contains(&number) && self.given_back.insert(number) {
                self.is_with_us_again(&top_up, self.returned[number].amount);
            }
        }
    }

    fn message(&mut self, about: About) -> Value {
        self.messages += 1;
        let id = format!("W-{}", self.messages);
        match about {
            About::Returned { number, kind } => {
                let capture = &self.returned[number].payment.capture;
                json!({ "id": id, "returned": self.returned[number].id, "by": kind.as_str(), "capture": capture })
            }
            About::Dispute(number) => json!({ "id": id, "dispute": self.disputes[number].id }),
        }
    }

    fn order(&self, id: &str) -> Result<Order, UpstreamError> {
        let top_up = top_up_of(id);
        let paid = self.orders.get(top_up).ok_or(UpstreamError::NotFound)?;
        let state = match paid {
            Paid { captured: true, .. } => OrderState::Completed,
            Paid { approved: true, .. } => OrderState::Approved,
            Paid { .. } => OrderState::AwaitingApproval,
        };
        let returned = self.returned.iter().filter(|one| one.payment.order.as_deref() == Some(id));
        Ok(Order {
            id: id.to_owned(),
            state,
            approve_url: "https://pay.example/approve".parse().ok(),
            capture: paid.captured.then(|| self.capture(top_up)),
            returned: returned.cloned().collect(),
        })
    }

    fn capture(&self, top_up: &str) -> Capture {
        let Paid { amount, currency, .. } = &self.orders[top_up];
        let went_back = self.returned.iter().any(|one| one.payment.reference.as_deref() == Some(top_up));
        let state = if went_back { CaptureState::Refunded } else { CaptureState::Completed };
        Capture { id: capture_of(top_up), state, amount: *amount, currency: currency.clone() }
    }
}

#[async_trait]
impl PaymentGateway for Gateway {
    async fn create_order(&self, order: &NewOrder) -> Result<Order, UpstreamError> {
        let mut state = self.state();
        let (amount, currency) = (order.amount, order.currency.clone());
        let new = || Paid { amount, currency, approved: false, captured: false, left: amount };
        state.orders.entry(order.reference.clone()).or_insert_with(new);
        state.order(&order_of(&order.reference))
    }

    async fn order(&self, id: &str) -> Result<Order, UpstreamError> {
        self.state().order(id)
    }

    async fn capture(&self, id: &str, _: &str) -> Result<Order, UpstreamError> {
        let mut state = self.state();
        let paid = state.orders.get_mut(top_up_of(id)).ok_or(UpstreamError::NotFound)?;
        paid.captured |= paid.approved;
        state.order(id)
    }

    async fn capture_state(&self, capture: &str) -> Result<Capture, UpstreamError> {
        Ok(self.state().capture(top_up_of(capture)))
    }

    async fn refund(&self, refund: &NewRefund) -> Result<Returned, UpstreamError> {
        let mut state = self.state();
        if let Some(&number) = state.asked.get(&refund.request_id) {
            return Ok(state.returned[number].clone());
        }
        let top_up = top_up_of(&refund.capture);
        let outcome = match state.fates.get(top_up) {
            Some(Fate::Refused) => return Err(UpstreamError::rejected(Rejection::Invalid, "not this one")),
            Some(Fate::Waits) => ReturnedState::Pending,
            Some(Fate::Paid) | None => ReturnedState::Completed,
        };
        let number = state.send_back(top_up, refund.amount, outcome);
        state.asked.insert(refund.request_id.clone(), number);
        Ok(state.returned[number].clone())
    }

    async fn returned(&self, id: &str) -> Result<Returned, UpstreamError> {
        let state = self.state();
        state.returned.iter().find(|one| one.id == id).cloned().ok_or(UpstreamError::NotFound)
    }

    async fn dispute(&self, id: &str) -> Result<Dispute, UpstreamError> {
        let state = self.state();
        state.disputes.iter().find(|one| one.id == id).cloned().ok_or(UpstreamError::NotFound)
    }

    async fn disputes(&self, since: DateTime<Utc>) -> Result<Vec<String>, UpstreamError> {
        let state = self.state();
        Ok(state.disputes.iter().filter(|one| one.changed_at >= since).map(|one| one.id.clone()).collect())
    }

    // Nobody here lets us charge.

    async fn ask_to_agree(&self, _: &NewAgreement) -> Result<Agreement, UpstreamError> {
        Err(UpstreamError::NotFound)
    }

    async fn agreed(&self, _: &str, _: &str) -> Result<Agreed, UpstreamError> {
        Err(UpstreamError::NotFound)
    }

    async fn holds(&self, _: &SecretString) -> Result<bool, UpstreamError> {
        Ok(false)
    }

    async fn give_back(&self, _: &SecretString) -> Result<(), UpstreamError> {
        Ok(())
    }

    async fn charge(&self, _: &NewCharge) -> Result<Charged, UpstreamError> {
        Err(UpstreamError::NotFound)
    }

    async fn report(&self, _: DateTime<Utc>, _: DateTime<Utc>) -> Result<Vec<Line>, UpstreamError> {
        Ok(Vec::new())
    }

    async fn verify(&self, message: &Message) -> Result<Verdict, UpstreamError> {
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let subject = match (text("returned"), text("dispute")) {
            (Some(id), _) => Subject::Returned { id, kind: text("by").unwrap().parse().unwrap() },
            (_, Some(id)) => Subject::Dispute { id },
            _ => Subject::Nothing,
        };
        let payment = PaymentRef { capture: text("capture"), ..PaymentRef::default() };
        Ok(Verdict::Genuine(News { kind: "news".into(), subject, payment }))
    }
}
