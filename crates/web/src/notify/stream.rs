//! `GET /events`: what changed, by topic and id; pages read the rest anew.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use store::notify::{Event, Position};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::hub::{Audience, Feed, SETTLE};
use super::seats::Seat;
use crate::access::{Operator, Session, SignedIn};
use crate::error::Result;

/// How often it is checked that the session still holds.
const RECHECK: Duration = Duration::from_secs(30);

/// From where to tell.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct From {
    after: Option<String>,
}

/// The stream of an organization's pages.
pub(crate) async fn customer(session: SignedIn, Query(from): Query<From>, headers: HeaderMap) -> Result {
    open(&session, Audience::Organization(session.caller.scope), &from, &headers).await
}

/// The stream of operators' pages.
pub(crate) async fn operator(operator: Operator, Query(from): Query<From>, headers: HeaderMap) -> Result {
    open(&operator, Audience::Operators, &from, &headers).await
}

async fn open(session: &Session, audience: Audience, from: &From, headers: &HeaderMap) -> Result {
    let Some(seat) = session.state.hub.seats.admit(session.caller.identity.user_id) else {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    };
    // Subscribe before reading: what is told in between is not missed.
    let feed = session.state.hub.feed(audience).await?;
    let batches = feed.subscribe();
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let asked = resumed.or(from.after.as_deref()).and_then(|text| text.parse().ok());
    let position = match asked {
        Some(position) => position,
        None => audience.end(&session.state.reads).await?,
    };
    let told = Told {
        session: session.clone(),
        audience,
        _feed: feed,
        batches,
        position,
        frames: VecDeque::new(),
        behind: true,
        check_at: Instant::now() + RECHECK,
        _seat: seat,
    };
    let stream = tell(told).take_until(session.state.stop.clone().cancelled_owned());
    Ok(respond(stream))
}

fn respond(stream: impl Stream<Item = Result<Frame, Infallible>> + Send + 'static) -> Response {
    let unbuffered =
        [(HeaderName::from_static("x-accel-buffering"), "no"), (header::CACHE_CONTROL, "no-store")];
    (unbuffered, Sse::new(stream).keep_alive(KeepAlive::default())).into_response()
}

/// An open stream: what was told so far.
struct Told {
    session: Session,
    audience: Audience,
    /// Held, so that it goes on.
    _feed: Arc<Feed>,
    batches: Receiver<Arc<[Event]>>,
    position: Position,
    frames: VecDeque<Frame>,
    /// May there be events after `position` that the feed does not tell any more?
    behind: bool,
    /// When it is next checked that the session holds.
    check_at: Instant,
    _seat: Seat,
}

/// Frames until the session or the permission ends.
fn tell(told: Told) -> impl Stream<Item = Result<Frame, Infallible>> + Send {
    // A comment at once, so that the browser knows it is connected.
    let hello = stream::once(async { Ok(Frame::default().comment("connected")) });
    hello.chain(stream::unfold(told, |mut told| async move {
        loop {
            if let Some(frame) = told.frames.pop_front() {
                return Some((Ok(frame), told));
            }
            if told.behind {
                // Boxed: what it needs while it waits would lie in every quiet stream as well.
                match Box::pin(told.read()).await {
                    Ok(()) => continue,
                    Err(error) => {
                        tracing::warn!(error = app::full(&error), "an event stream ends");
                        return None;
                    }
                }
            }
            if !told.wait().await {
                return None;
            }
        }
    }))
}

impl Told {
    /// Reads what comes after the position.
    async fn read(&mut self) -> store::Result<()> {
        let batch = self.audience.after(&self.session.state.reads, self.position).await?;
        self.note(&batch.events);
        if batch.unsettled {
            tokio::time::sleep(SETTLE).await;
        }
        self.behind = batch.unsettled || !batch.events.is_empty();
        Ok(())
    }

    /// Makes frames of what is new among these events.
    fn note(&mut self, events: &[Event]) {
        let mut topics = BTreeSet::new();
        for event in events.iter().filter(|event| event.position > self.position) {
            if self.may_know(event) {
                let new = topics.insert(event.topic.as_str());
                self.frames.extend(new.then(|| topic_frame(event)));
                self.frames.push_back(frame(event));
            }
        }
        self.position = events.last().map_or(self.position, |last| self.position.max(last.position));
    }

    fn may_know(&self, event: &Event) -> bool {
        match self.audience {
            Audience::Operators => true,
            Audience::Organization(_) => event.topic.permission().is_some_and(|p| self.session.may(p)),
        }
    }

    /// Waits until there may be something new. Answers whether the stream goes on.
    async fn wait(&mut self) -> bool {
        match timeout_at(self.check_at, self.batches.recv()).await {
            Ok(Ok(events)) => self.note(&events),
            Ok(Err(RecvError::Lagged(_))) => self.behind = true,
            Ok(Err(RecvError::Closed)) => return false,
            Err(_) => {}
        }
        // Asked here too when news never ends.
        if Instant::now() < self.check_at {
            return true;
        }
        self.check_at = Instant::now() + RECHECK;
        Box::pin(self.still_allowed()).await
    }

    /// Does the session still hold, with the same role?
    async fn still_allowed(&self) -> bool {
        let before = self.session.known.identity;
        let now = async {
            let mut db = self.session.state.reads.identify().await?;
            store::identity::by_session(&mut db, &self.session.digest).await
        };
        match now.await {
            Ok(Some(known)) => {
                known.identity.role == before.role && known.identity.platform_role == before.platform_role
            }
            Ok(None) => false,
            // The database is away: the stream ends, the browser comes back and is asked again.
            Err(_) => false,
        }
    }
}

/// Something of this topic changed: told once for all events that are read together.
fn topic_frame(event: &Event) -> Frame {
    Frame::default().event(event.topic.as_str()).data(subject(event))
}

/// This very thing changed. It carries the position, so that a connection lost before it tells the
/// topic again.
fn frame(event: &Event) -> Frame {
    let (topic, subject) = (event.topic.as_str(), subject(event));
    Frame::default().event(format!("{topic}-{subject}")).data(&subject).id(event.position.to_string())
}

fn subject(event: &Event) -> String {
    event.subject.map(|id| id.to_string()).unwrap_or_default()
}
