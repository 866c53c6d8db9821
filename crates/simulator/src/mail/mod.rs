//! The simulated mail host: takes every mail over SMTP, delivers none, and shows them as an inbox.
//!
//! Every sign-in is taken but the one with the password `bad`. Faults: `mail.auth`, `mail.rcpt` (one recipient) and
//! `mail.send` (the end of the data). `error` answers 451 or [`Fault::status`](crate::Fault::status), for example 550;
//! `rate_limited` 450; `cut_before` and `cut_after` close the connection before and after the mail was taken; `slow`
//! answers late; `malformed_json` answers gibberish.

mod inbox;
mod message;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

pub(crate) use self::inbox::router;
pub use self::message::SimMail;
pub(crate) use self::session::converse;
use crate::core::{Core, Part};

/// The newest mails that are kept.
const KEPT: usize = 1_000;

/// The mail host with its one big inbox.
pub(crate) struct MailHost {
    core: Arc<Core>,
    taken: Mutex<Taken>,
}

/// What was taken, oldest first.
#[derive(Default, Serialize, Deserialize)]
struct Taken {
    last_id: u64,
    mails: Vec<TakenMail>,
}

/// A mail as it came over the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TakenMail {
    id: u64,
    /// Virtual time.
    at: DateTime<Utc>,
    /// Of the envelope.
    from: String,
    /// Of the envelope.
    recipients: Vec<String>,
    data: String,
}

impl MailHost {
    pub(crate) fn new(core: &Arc<Core>) -> Arc<Self> {
        let host = Arc::new(Self { core: core.clone(), taken: Mutex::default() });
        core.register(&host);
        host
    }

    /// Every mail that was taken, oldest first (the newest 1000).
    pub(crate) fn mails(&self) -> Vec<SimMail> {
        self.taken().mails.iter().map(SimMail::read).collect()
    }

    fn find(&self, id: u64) -> Option<SimMail> {
        self.taken().mails.iter().find(|mail| mail.id == id).map(SimMail::read)
    }

    fn take(&self, from: String, recipients: Vec<String>, data: &[u8]) {
        let mut taken = self.taken();
        taken.last_id += 1;
        let (id, at) = (taken.last_id, self.core.clock.now());
        let data = String::from_utf8_lossy(data).into_owned();
        taken.mails.push(TakenMail { id, at, from, recipients, data });
        let surplus = taken.mails.len().saturating_sub(KEPT);
        taken.mails.drain(..surplus);
        self.core.changes.mark();
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part for MailHost {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn snapshot(&self) -> serde_json::Value {
        serde_json::json!({ "mails": self.mails() })
    }

    fn save(&self) -> serde_json::Result<Box<RawValue>> {
        to_raw_value(&*self.taken())
    }

    fn restore(&self, saved: &RawValue) -> serde_json::Result<()> {
        *self.taken() = serde_json::from_str(saved.get())?;
        Ok(())
    }

    fn may_be_unknown(&self) -> bool {
        true
    }

    fn reset(&self) {
        *self.taken() = Taken::default();
    }
}
