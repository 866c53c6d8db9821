//! The process's one listener, and a feed for each organization with open streams.
//!
//! A feed reads each new event once, however many streams are open. A stream reads for itself only what came before it
//! was there, or what it was too slow for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::OrganizationId;
use store::notify::{
    Batch, Ear, Event, Heard, Position, position, read_after, read_all_after, system_position,
};
use store::{OrgScope, ReadStore, SystemPurpose};
use tokio::sync::{Notify, broadcast};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::seats::Seats;

/// Batches a slow stream may fall behind; then it reads for itself, which loses nothing.
const BACKLOG: usize = 32;
/// Pause before the listener connects again, and before a feed asks again.
const RETRY: Duration = Duration::from_secs(1);
/// A feed looks at least so often, besides being woken.
const LOOK: Duration = Duration::from_secs(30);
/// Shortest time between two looks for operators: every VPS of the installation is told there.
const OPERATOR_PAUSE: Duration = Duration::from_secs(1);
/// Pause while older transactions are open that may still write events.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// Whose events are told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Audience {
    /// Those of one organization.
    Organization(OrgScope),
    /// Everybody's.
    Operators,
}

impl Audience {
    fn key(self) -> Option<OrganizationId> {
        match self {
            Self::Organization(scope) => Some(scope.organization_id()),
            Self::Operators => None,
        }
    }

    /// The present end of what there is to tell.
    pub(super) async fn end(self, reads: &ReadStore) -> store::Result<Position> {
        match self {
            Self::Organization(scope) => position(&mut reads.org(&scope).await?).await,
            Self::Operators => system_position(&mut reads.system(SystemPurpose::Events).await?).await,
        }
    }

    /// What comes after a position.
    pub(super) async fn after(self, reads: &ReadStore, position: Position) -> store::Result<Batch> {
        match self {
            Self::Organization(scope) => read_after(&mut reads.org(&scope).await?, position).await,
            Self::Operators => {
                read_all_after(&mut reads.system(SystemPurpose::Events).await?, position).await
            }
        }
    }
}

/// The new events of one audience, for as long as somebody holds it.
pub(super) struct Feed {
    batches: broadcast::Sender<Arc<[Event]>>,
    wake: Arc<Notify>,
}

impl Feed {
    /// What is told from now on. Whoever reads for itself after this misses nothing.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<[Event]>> {
        self.batches.subscribe()
    }
}

impl Drop for Feed {
    /// The task that fills it looks, and ends.
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// By organization; operators' is that of none.
type Feeds = Arc<Mutex<HashMap<Option<OrganizationId>, Weak<Feed>>>>;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes feeds when there are new events.
#[derive(Clone)]
pub(crate) struct Hub {
    reads: ReadStore,
    feeds: Feeds,
    pub(crate) seats: Seats,
}

impl Hub {
    /// Begins to listen, until `stop`.
    pub(crate) fn start(reads: ReadStore, stop: CancellationToken) -> Self {
        let hub = Self { reads, feeds: Feeds::default(), seats: Seats::default() };
        tokio::spawn(listen(hub.clone(), stop));
        hub
    }

    /// The feed of an audience; begins it when there is none.
    pub(super) async fn feed(&self, audience: Audience) -> store::Result<Arc<Feed>> {
        if let Some(feed) = self.living(audience.key()) {
            return Ok(feed);
        }
        let from = audience.end(&self.reads).await?;
        let mut feeds = locked(&self.feeds);
        if let Some(feed) = feeds.get(&audience.key()).and_then(Weak::upgrade) {
            return Ok(feed);
        }
        let feed = Arc::new(Feed { batches: broadcast::channel(BACKLOG).0, wake: Arc::default() });
        feeds.insert(audience.key(), Arc::downgrade(&feed));
        let (wake, weak) = (Arc::clone(&feed.wake), Arc::downgrade(&feed));
        tokio::spawn(fill(self.clone(), audience, from, wake, weak));
        Ok(feed)
    }

    fn living(&self, key: Option<OrganizationId>) -> Option<Arc<Feed>> {
        locked(&self.feeds).get(&key).and_then(Weak::upgrade)
    }

    /// Wakes whom an announcement concerns.
    fn pass_on(&self, heard: Heard) {
        let wake = |feed: Option<Arc<Feed>>| feed.iter().for_each(|feed| feed.wake.notify_one());
        match heard {
            Heard::Organization(id) => {
                wake(self.living(Some(id)));
                wake(self.living(None));
            }
            Heard::Platform => wake(self.living(None)),
            Heard::Gap => {
                let feeds: Vec<_> = locked(&self.feeds).values().filter_map(Weak::upgrade).collect();
                feeds.into_iter().for_each(|feed| wake(Some(feed)));
            }
        }
    }
}

/// Listens for ever; a database that is away is asked again every second.
async fn listen(hub: Hub, stop: CancellationToken) {
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            lost = hear(&hub) => lost,
        };
        tracing::warn!(error = app::full(&lost), "events cannot be heard; trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(RETRY) => {}
        }
    }
}

/// Passes on what is heard until the connection fails.
async fn hear(hub: &Hub) -> store::Error {
    let mut ear = match Ear::connect(&hub.reads).await {
        Ok(ear) => ear,
        Err(error) => return error,
    };
    hub.pass_on(Heard::Gap);
    loop {
        match ear.hear().await {
            Ok(heard) => hub.pass_on(heard),
            Err(error) => return error,
        }
    }
}

/// Fills a feed until nobody holds it any more.
async fn fill(hub: Hub, audience: Audience, from: Position, wake: Arc<Notify>, feed: Weak<Feed>) {
    let mut position = from;
    while feed.strong_count() > 0 {
        match audience.after(&hub.reads, position).await {
            Ok(batch) => {
                let Batch { events, unsettled } = batch;
                let Some(last) = events.last() else {
                    if unsettled {
                        sleep(SETTLE).await;
                    } else {
                        // Whatever ends the wait, the next look is the same.
                        let _ = timeout(LOOK, wake.notified()).await;
                    }
                    continue;
                };
                position = last.position;
                if let Some(feed) = feed.upgrade() {
                    // Nobody listening just now is no fault.
                    let _ = feed.batches.send(events.into());
                }
                if matches!(audience, Audience::Operators) {
                    sleep(OPERATOR_PAUSE).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = app::full(&error), "events cannot be read; trying again");
                sleep(RETRY).await;
            }
        }
    }
    let mut feeds = locked(&hub.feeds);
    // There may be a new one by now.
    if feeds.get(&audience.key()).is_some_and(|feed| feed.strong_count() == 0) {
        feeds.remove(&audience.key());
    }
}
