//! An open page of an organization: follows its events, and comes back where it was cut off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::world::World;

/// Quiet for so long, the page takes the connection for dead and opens another. A stopped process does
/// not close it.
const QUIET: Duration = Duration::from_secs(5);

/// The listener. Dropping it closes the page.
pub(crate) struct Listener {
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Opens the stream at its very beginning.
    pub(crate) fn open(world: &World, session: String) -> Self {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let task = tokio::spawn(listen(world.http.clone(), world.addresses.clone(), session, seen.clone()));
        Self { seen, task }
    }

    /// Positions of the events told so far, in the order they were told.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    http: reqwest::Client,
    addresses: Vec<String>,
    session: String,
    seen: Arc<Mutex<Vec<String>>>,
) {
    for address in addresses.iter().cycle() {
        let last = seen.lock().unwrap_or_else(PoisonError::into_inner).last().cloned();
        let request = http
            .get(format!("{address}/events"))
            .header("cookie", format!("session={session}"))
            .header("last-event-id", last.unwrap_or_else(|| "0-0".to_owned()))
            .send();
        if let Ok(Ok(response)) = timeout(QUIET, request).await
            && response.status().is_success()
        {
            follow(response, &seen).await;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Notes what is told until the connection ends.
async fn follow(mut response: reqwest::Response, seen: &Mutex<Vec<String>>) {
    let mut text = String::new();
    while let Ok(Ok(Some(chunk))) = timeout(QUIET, response.chunk()).await {
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let id = frame.lines().find_map(|line| line.strip_prefix("id:")).map(|id| id.trim().to_owned());
            seen.lock().unwrap_or_else(PoisonError::into_inner).extend(id);
            text = rest.to_owned();
        }
    }
}
