//! What waits to be told, and the courier that tells it.
//!
//! A delivery is due in virtual time and tried again after a while, which doubles, until the listener answers with a
//! 2xx or has failed 25 times. Gaps and delays of faults are real milliseconds: they are races with the listener.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, header};
use chrono::{DateTime, TimeDelta, Utc};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use url::Url;

use super::Paypal;
use super::books::{Books, Call};
use super::event::{Event, NO_WEBHOOK};
use super::sim::SimDelivery;
use super::transmission::{Message, Transmission};
use crate::core::{Fault, FaultKind};

const MAX_ATTEMPTS: u32 = 25;
/// Virtual time from the first failure to the second attempt. It doubles with every failure …
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// … up to this, so that all attempts take about three days.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(4);
/// Real time between two looks at the queue.
const TICK: Duration = Duration::from_millis(20);
/// How long a listener may take to answer, real time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between the two copies of a duplicate.
const GAP: Duration = Duration::from_millis(70);
const REPLAYS: usize = 25;
/// The longest that a reordered delivery waits for another one to overtake it.
const LONGEST_HOLD: Duration = Duration::from_secs(2);
/// Older attempts are forgotten.
const KEPT_ATTEMPTS: usize = 5_000;

/// An event that a listener has not taken yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    number: u64,
    event_id: String,
    webhook_id: String,
    url: Url,
    /// Of PayPal, for the address of the certificate.
    origin: String,
    /// That have failed.
    attempts: u32,
    due: DateTime<Utc>,
    #[serde(skip)]
    stage: Stage,
}

/// Where a delivery is. A restart begins with all of them waiting: what was under way then comes twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Waiting,
    UnderWay,
    /// Waits for another one to overtake it, since then.
    Held(Instant),
    /// Has been overtaken.
    Overtaken,
}

impl Delivery {
    pub(super) fn new(event: &Event, webhook_id: &str, url: Url, call: &Call) -> Self {
        Self {
            number: 0,
            event_id: event.id.clone(),
            webhook_id: webhook_id.to_owned(),
            url,
            origin: call.origin.clone(),
            attempts: 0,
            due: call.now,
            stage: Stage::Waiting,
        }
    }

    /// Whether it is to be sent now.
    fn is_ready(&self, now: DateTime<Utc>) -> bool {
        match self.stage {
            Stage::Waiting => self.due <= now,
            Stage::UnderWay => false,
            Stage::Held(since) => since.elapsed() >= LONGEST_HOLD,
            Stage::Overtaken => true,
        }
    }

    /// Virtual time until the next attempt.
    fn pause(&self) -> TimeDelta {
        let doubled = FIRST_PAUSE * 2_i32.saturating_pow(self.attempts.saturating_sub(1).min(16));
        doubled.min(LONGEST_PAUSE)
    }
}

type Client = legacy::Client<HttpConnector, Body>;

/// One delivery on its way.
struct Errand {
    number: u64,
    url: Url,
    copies: Vec<Transmission>,
    /// Between the copies, whether the listener has answered or not.
    gap: Duration,
    delay: Duration,
    fault: Option<FaultKind>,
    /// What is noted about each copy, but for the listener's answer.
    note: SimDelivery,
}

impl Books {
    pub(super) fn queue(&mut self, delivery: Delivery) {
        let number = self.core.ids.next("paypal.delivery", 0);
        self.records.deliveries.push(Delivery { number, ..delivery });
    }

    /// Every attempt to tell somebody something, oldest first.
    pub(super) fn sim_deliveries(&self) -> Vec<SimDelivery> {
        self.attempts.iter().cloned().collect()
    }

    /// How many deliveries are not through.
    pub(super) fn undelivered(&self) -> usize {
        self.records.deliveries.len()
    }

    /// What is to be sent now.
    fn errands(&mut self, now: DateTime<Utc>) -> Vec<Errand> {
        self.forget_deleted();
        let ready: Vec<u64> =
            self.records.deliveries.iter().filter(|one| one.is_ready(now)).map(|one| one.number).collect();
        ready.into_iter().filter_map(|number| self.errand(number)).collect()
    }

    /// Nothing is sent to a listener that was deleted.
    fn forget_deleted(&mut self) {
        let webhooks = &self.records.webhooks;
        let is_wanted =
            |one: &Delivery| one.webhook_id == NO_WEBHOOK || webhooks.contains_key(&one.webhook_id);
        self.records.deliveries.retain(is_wanted);
    }

    /// Sets a delivery on its way, unless a fault has it wait or get lost.
    fn errand(&mut self, number: u64) -> Option<Errand> {
        let delivery = self.delivery(number)?.clone();
        let event = self.records.events.iter().rfind(|event| event.id == delivery.event_id)?.clone();
        let fault = match delivery.stage {
            // had its fault when it was held
            Stage::Held(_) | Stage::Overtaken => None,
            Stage::Waiting | Stage::UnderWay => self.core.fault(&format!("webhook.{}", event.event_type)),
        };
        let kind = fault.as_ref().map(|fault| fault.kind);
        let was_held = matches!(delivery.stage, Stage::Held(_) | Stage::Overtaken);
        let note = SimDelivery {
            event_id: event.id.clone(),
            event_type: event.event_type.clone(),
            webhook_id: delivery.webhook_id.clone(),
            attempt: delivery.attempts + 1,
            status: None,
            fault: if was_held { Some(FaultKind::Reorder) } else { kind },
        };
        match kind {
            Some(FaultKind::Vanish) => {
                self.note(note);
                self.records.deliveries.retain(|one| one.number != number);
                return None;
            }
            Some(FaultKind::Reorder) => {
                self.delivery(number)?.stage = Stage::Held(Instant::now());
                return None;
            }
            _ => {}
        }
        let message =
            Message { body: &event.body, webhook_id: &delivery.webhook_id, origin: &delivery.origin };
        let copies = match self.copies(&message, kind) {
            Ok(copies) => copies,
            Err(error) => {
                tracing::error!(%error, "a webhook could not be signed");
                return None;
            }
        };
        self.delivery(number)?.stage = Stage::UnderWay;
        let gap = if kind == Some(FaultKind::Duplicate) { GAP } else { Duration::ZERO };
        let delay = Duration::from_millis(fault.and_then(|fault: Fault| fault.delay_ms).unwrap_or_default());
        Some(Errand { number, url: delivery.url, copies, gap, delay, fault: kind, note })
    }

    /// A duplicate is signed twice; what is replayed is signed once.
    fn copies(
        &mut self,
        message: &Message<'_>,
        fault: Option<FaultKind>,
    ) -> Result<Vec<Transmission>, super::certificates::NoCertificates> {
        let first = self.transmit(message, fault)?;
        Ok(match fault {
            Some(FaultKind::Duplicate) => vec![first, self.transmit(message, fault)?],
            Some(FaultKind::Replay) => vec![first; REPLAYS],
            _ => vec![first],
        })
    }

    /// A listener that did not take it hears it again later; one that did releases what was held back for it.
    fn arrived(&mut self, number: u64, taken: bool, now: DateTime<Utc>) {
        let Some(delivery) = self.delivery(number) else { return };
        delivery.attempts += 1;
        delivery.stage = Stage::Waiting;
        delivery.due = now + delivery.pause();
        let (is_over, webhook_id) = (taken || delivery.attempts >= MAX_ATTEMPTS, delivery.webhook_id.clone());
        let deliveries = &mut self.records.deliveries;
        if is_over {
            deliveries.retain(|one| one.number != number);
        }
        let held = deliveries.iter_mut().filter(|one| one.webhook_id == webhook_id && one.number < number);
        for one in held.filter(|one| matches!(one.stage, Stage::Held(_))) {
            one.stage = Stage::Overtaken;
        }
    }

    fn delivery(&mut self, number: u64) -> Option<&mut Delivery> {
        self.records.deliveries.iter_mut().find(|one| one.number == number)
    }

    fn note(&mut self, attempt: SimDelivery) {
        if self.attempts.len() == KEPT_ATTEMPTS {
            self.attempts.pop_front();
        }
        self.attempts.push_back(attempt);
    }
}

impl Paypal {
    /// Lets time pass in the books and delivers what is due, for ever.
    pub(crate) async fn deliver(self: Arc<Self>) {
        let mut errands = JoinSet::new();
        let mut client = None;
        loop {
            tokio::time::sleep(TICK).await;
            while errands.try_join_next().is_some() {}
            for errand in self.due_errands() {
                let client = client.get_or_insert_with(client_of_listeners).clone();
                errands.spawn(self.clone().run(errand, client));
            }
        }
    }

    fn due_errands(&self) -> Vec<Errand> {
        let now = self.now();
        let mut books = self.books();
        books.pass(now);
        books.errands(now)
    }

    async fn run(self: Arc<Self>, errand: Errand, client: Client) {
        tokio::time::sleep(errand.delay).await;
        let is_kept_back = matches!(
            errand.fault,
            Some(FaultKind::CutBefore | FaultKind::Error | FaultKind::HtmlError | FaultKind::RateLimited)
        );
        let (client, errand) = (&client, &errand);
        let copies = errand.copies.iter().zip(0_u32..).map(|(copy, index)| async move {
            tokio::time::sleep(errand.gap * index).await;
            if is_kept_back { None } else { send(client, &errand.url, copy, errand.fault).await }
        });
        let statuses = futures_util::future::join_all(copies).await;
        let is_taken = statuses.iter().flatten().any(|status| (200..300).contains(status));
        let is_heard = is_taken && errand.fault != Some(FaultKind::CutAfter);
        let mut books = self.books();
        for status in statuses {
            books.note(SimDelivery { status, ..errand.note.clone() });
        }
        books.arrived(errand.number, is_heard, self.now());
        self.core.changes.mark();
    }
}

/// Speaks plain HTTP only: listeners of tests and demos have no certificates.
fn client_of_listeners() -> Client {
    legacy::Client::builder(TokioExecutor::new()).build_http()
}

/// The listener's status, if it answers in time.
async fn send(
    client: &Client,
    url: &Url,
    transmission: &Transmission,
    fault: Option<FaultKind>,
) -> Option<u16> {
    let mut request = Request::post(url.as_str()).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in &transmission.headers {
        request = request.header(*name, value);
    }
    let mut body = transmission.body.clone().into_bytes();
    if fault == Some(FaultKind::MalformedJson) {
        body.truncate(body.len() / 2);
    }
    let asked = client.request(request.body(Body::from(body)).ok()?);
    Some(tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?.status().as_u16())
}
