//! The process's one listener and the streams it wakes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::UserId;
use store::ReadStore;
use store::notify::{Ear, Heard};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Announcements a slow stream may fall behind; then it reads anew, which loses nothing.
const BACKLOG: usize = 256;
/// Open streams a person may have: some browsers full of tabs.
const STREAMS_PER_PERSON: usize = 10;
/// Pause before the listener connects again.
const RETRY: Duration = Duration::from_secs(1);

/// Wakes streams when their organization has new events.
#[derive(Clone)]
pub(crate) struct Hub {
    announcements: broadcast::Sender<Heard>,
    open: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl Hub {
    /// Begins to listen, until `stop`.
    pub(crate) fn start(reads: ReadStore, stop: CancellationToken) -> Self {
        let (announcements, _) = broadcast::channel(BACKLOG);
        tokio::spawn(listen(reads, announcements.clone(), stop));
        Self { announcements, open: Arc::default() }
    }

    /// What is heard from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.announcements.subscribe()
    }

    /// How many streams are open in this process.
    pub(crate) fn streams(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// A place for one more stream of this person, given back when dropped.
    pub(crate) fn admit(&self, user: UserId) -> Option<Seat> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        (*count < STREAMS_PER_PERSON).then(|| {
            *count += 1;
            Seat { open: Arc::clone(&self.open), user }
        })
    }
}

/// An open stream of a person.
pub(crate) struct Seat {
    open: Arc<Mutex<HashMap<UserId, usize>>>,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

/// Listens for ever; a database that is away is asked again every second.
async fn listen(reads: ReadStore, announcements: broadcast::Sender<Heard>, stop: CancellationToken) {
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            lost = hear(&reads, &announcements) => lost,
        };
        tracing::warn!(error = app::full(&lost), "events cannot be heard; trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Passes on what is heard until the connection fails. Nobody listening is no fault.
async fn hear(reads: &ReadStore, announcements: &broadcast::Sender<Heard>) -> store::Error {
    let mut ear = match Ear::connect(reads).await {
        Ok(ear) => ear,
        Err(error) => return error,
    };
    let _ = announcements.send(Heard::Gap);
    loop {
        match ear.hear().await {
            Ok(heard) => {
                let _ = announcements.send(heard);
            }
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let hub = Hub { announcements: broadcast::channel(1).0, open: Arc::default() };
        let user = UserId::new();
        let mut seats: Vec<_> = (0..STREAMS_PER_PERSON).map_while(|_| hub.admit(user)).collect();
        assert_eq!(seats.len(), STREAMS_PER_PERSON);
        assert!(hub.admit(user).is_none(), "one too many");
        assert!(hub.admit(UserId::new()).is_some(), "others are not affected");
        assert_eq!(hub.streams(), STREAMS_PER_PERSON);
        seats.pop();
        assert_eq!(hub.streams(), STREAMS_PER_PERSON - 1);
        assert!(hub.admit(user).is_some());
    }
}
