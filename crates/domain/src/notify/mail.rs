//! Mail: what is sent, and the host it is handed to.

use async_trait::async_trait;

use crate::identity::Email;
use crate::provider::UpstreamError;
use crate::text_enum::stored_enum;

stored_enum! {
    /// How far a mail is.
    pub enum MailState {
        /// Waits for its turn or for the mail host.
        Queued = "queued",
        /// The mail host took it.
        Sent = "sent",
        /// It cannot be delivered; an operator may have it sent again.
        Failed = "failed",
        /// Mail was switched off when its turn came.
        Skipped = "skipped",
    }
}

/// A mail as it goes over the wire, from the installation's own address.
///
/// Has no `Debug`: what people are told belongs into no log.
pub struct Message {
    /// Stable over repetitions, so that a mail sent twice after a lost answer is recognised as one. Without the
    /// angle brackets.
    pub message_id: String,
    /// Who gets it.
    pub to: Email,
    /// The name of who gets it; without control characters.
    pub to_name: String,
    /// One line, without control characters.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// A mail host. Part of the worker's context alone.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over. After [`UpstreamError::OutcomeUnknown`] it may have been taken: sending it again makes at
    /// most a duplicate with the same `message_id`.
    async fn send(&self, message: &Message) -> Result<(), UpstreamError>;
}

/// One line from text that people typed: runs of control characters and white space become one space. What is in a
/// header cannot end it.
pub fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_line_stays_one() {
        assert_eq!(one_line(" Ann\r\nBcc: all@example.com\u{85}\u{2028} Ä\t"), "Ann Bcc: all@example.com Ä");
    }
}
