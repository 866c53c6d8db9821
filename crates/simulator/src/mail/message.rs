//! A mail as its reader sees it.

use chrono::{DateTime, Utc};
use mailparse::{MailHeaderMap as _, ParsedMail};
use serde::Serialize;

use super::TakenMail;

/// A mail that the simulated host took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimMail {
    pub id: u64,
    /// Virtual time.
    pub at: DateTime<Utc>,
    /// Of the envelope: who gets it, whatever the headers say.
    pub recipients: Vec<String>,
    /// Headers, decoded; empty when missing.
    pub from: String,
    pub to: String,
    pub subject: String,
    pub message_id: String,
    /// Names of all headers, as they came.
    pub headers: Vec<String>,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl SimMail {
    pub(super) fn read(taken: &TakenMail) -> Self {
        let parsed = mailparse::parse_mail(taken.data.as_bytes()).ok();
        let header = |name: &str| {
            parsed.as_ref().and_then(|mail| mail.headers.get_first_value(name)).unwrap_or_default()
        };
        let part = |kind: &str| parsed.as_ref().and_then(|mail| body(mail, kind)).unwrap_or_default();
        Self {
            id: taken.id,
            at: taken.at,
            recipients: taken.recipients.clone(),
            from: header("From"),
            to: header("To"),
            subject: header("Subject"),
            message_id: header("Message-ID"),
            headers: parsed.iter().flat_map(|mail| mail.headers.iter().map(|h| h.get_key())).collect(),
            text: part("text/plain"),
            html: part("text/html"),
        }
    }
}

/// The first part of this kind.
fn body(mail: &ParsedMail<'_>, kind: &str) -> Option<String> {
    if mail.ctype.mimetype == kind {
        return mail.get_body().ok();
    }
    mail.subparts.iter().find_map(|part| body(part, kind))
}
