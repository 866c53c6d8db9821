//! Waiting in the foreground until something happens.

use anyhow::{Context as _, Result};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// What ended the waiting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The user wants us to stop (Ctrl-C, a closed terminal, `kill`).
    Stop,
    /// A child may have ended.
    Child,
}

/// Takes over the signals of this process. Make it before the children, so that none ends unseen.
pub(crate) struct Events(Signals);

impl Events {
    pub(crate) fn subscribe() -> Result<Self> {
        Ok(Self(Signals::new([SIGINT, SIGTERM, SIGHUP, SIGCHLD]).context("cannot watch for signals")?))
    }

    /// Waits for the next event.
    pub(crate) fn next(&mut self) -> Event {
        match self.0.forever().next() {
            Some(SIGCHLD) => Event::Child,
            _ => Event::Stop,
        }
    }

    /// Says whether the user asked us to stop since the last look.
    pub(crate) fn stop_is_pending(&mut self) -> bool {
        self.0.pending().any(|signal| signal != SIGCHLD)
    }
}
