//! `GET /events`: what changed, by topic and id; pages read the rest anew.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use store::SystemPurpose;
use store::notify::{Batch, Event, Heard, Position, position, read_after, read_all_after, system_position};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::hub::Seat;
use crate::access::{Operator, Session, SignedIn};
use crate::error::Result;

/// How often it is checked that the session still holds.
const RECHECK: Duration = Duration::from_secs(30);
/// Shortest time between two looks for operators: every VPS of the installation is told there.
const OPERATOR_PAUSE: Duration = Duration::from_secs(1);
/// Pause while older transactions are open that may still write events.
const SETTLE: Duration = Duration::from_millis(50);

/// From where to tell.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct From {
    after: Option<String>,
}

/// Whose events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// The organization of the session, as far as the role may see.
    Organization,
    /// Everything.
    Operators,
}

/// The stream of an organization's pages.
pub(crate) async fn customer(session: SignedIn, Query(from): Query<From>, headers: HeaderMap) -> Result {
    open(&session, Audience::Organization, &from, &headers).await
}

/// The stream of operators' pages.
pub(crate) async fn operator(operator: Operator, Query(from): Query<From>, headers: HeaderMap) -> Result {
    open(&operator, Audience::Operators, &from, &headers).await
}

async fn open(session: &Session, audience: Audience, from: &From, headers: &HeaderMap) -> Result {
    let Some(seat) = session.state.hub.admit(session.caller.identity.user_id) else {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    };
    // Subscribe before reading: what is announced in between is not missed.
    let heard = session.state.hub.subscribe();
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let asked = resumed.or(from.after.as_deref()).and_then(|text| text.parse().ok());
    let position = match asked {
        Some(position) => position,
        None => end(session, audience).await?,
    };
    let told = Told {
        session: session.clone(),
        audience,
        heard,
        position,
        frames: VecDeque::new(),
        behind: true,
        check_at: Instant::now() + RECHECK,
        _seat: seat,
    };
    let stream = tell(told).take_until(session.state.stop.clone().cancelled_owned());
    Ok(respond(stream))
}

async fn end(session: &Session, audience: Audience) -> Result<Position> {
    let reads = &session.state.reads;
    Ok(match audience {
        Audience::Organization => position(&mut reads.org(&session.caller.scope).await?).await?,
        Audience::Operators => system_position(&mut reads.system(SystemPurpose::Events).await?).await?,
    })
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
    heard: Receiver<Heard>,
    position: Position,
    frames: VecDeque<Frame>,
    /// May there be events after `position`?
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
                match told.read().await {
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
        let batch = self.batch().await?;
        let mut topics = BTreeSet::new();
        for event in &batch.events {
            self.position = event.position;
            if self.may_know(event) {
                let new = topics.insert(event.topic.as_str());
                self.frames.extend(new.then(|| topic_frame(event)));
                self.frames.push_back(frame(event));
            }
        }
        if batch.unsettled {
            tokio::time::sleep(SETTLE).await;
        }
        self.behind = batch.unsettled || !batch.events.is_empty();
        Ok(())
    }

    async fn batch(&self) -> store::Result<Batch> {
        let reads = &self.session.state.reads;
        match self.audience {
            Audience::Organization => {
                read_after(&mut reads.org(&self.session.caller.scope).await?, self.position).await
            }
            Audience::Operators => {
                read_all_after(&mut reads.system(SystemPurpose::Events).await?, self.position).await
            }
        }
    }

    fn may_know(&self, event: &Event) -> bool {
        match self.audience {
            Audience::Operators => true,
            Audience::Organization => event.topic.permission().is_some_and(|p| self.session.may(p)),
        }
    }

    /// Waits until there may be something new. Answers whether the stream goes on.
    async fn wait(&mut self) -> bool {
        loop {
            match timeout_at(self.check_at, self.heard.recv()).await {
                Ok(Ok(heard)) if !self.concerns(heard) => {}
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {
                    self.behind = true;
                    if self.audience == Audience::Operators {
                        tokio::time::sleep(OPERATOR_PAUSE).await;
                    }
                    return true;
                }
                Ok(Err(RecvError::Closed)) => return false,
                Err(_) => {
                    (self.behind, self.check_at) = (true, Instant::now() + RECHECK);
                    return self.still_allowed().await;
                }
            }
        }
    }

    fn concerns(&self, heard: Heard) -> bool {
        match heard {
            Heard::Gap => true,
            Heard::Platform => self.audience == Audience::Operators,
            Heard::Organization(id) => {
                self.audience == Audience::Operators || id == self.session.caller.organization_id()
            }
        }
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
