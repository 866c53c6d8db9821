//! A mail on the wire: RFC 5322 with a text and an HTML part.

use domain::notify::mail::{Message, one_line};
use domain::provider::{Rejection, UpstreamError};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

/// Names and subjects are made one line here, whatever was done before: the library encodes all but control
/// characters, at which it panics.
pub(super) fn build(from: &Mailbox, message: &Message) -> Result<lettre::Message, UpstreamError> {
    let wrong =
        |what: &str| UpstreamError::rejected(Rejection::Invalid, format!("{what} cannot be written to"));
    let address = message.to.as_str().parse().map_err(|_| wrong("the address"))?;
    let name = Some(one_line(&message.to_name)).filter(|name| !name.is_empty());
    lettre::Message::builder()
        .message_id(Some(format!("<{}>", message.message_id)))
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(one_line(&message.subject))
        .raw_header(automatic())
        .multipart(MultiPart::alternative_plain_html(message.text.clone(), message.html.clone()))
        .map_err(|_| wrong("the mail"))
}

/// Keeps holiday notices from answering (RFC 3834).
fn automatic() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

#[cfg(test)]
mod tests {
    use domain::identity::Email;

    use super::*;

    fn written(name: &str, subject: &str) -> String {
        let message = Message {
            message_id: "1@example.com".into(),
            to: Email::parse("ann@example.com").expect("an address"),
            to_name: name.into(),
            subject: subject.into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
        };
        let from = "Nimbus <noreply@example.com>".parse().expect("a sender");
        let built = build(&from, &message).unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8(built.formatted()).expect("ASCII")
    }

    /// Even if a line break came this far, it would end no header.
    #[test]
    fn names_and_subjects_add_no_header() {
        for text in ["Ann\r\nBcc: all@example.com", "\"Ann\" <b@example.com>, c", "Ann\nBcc: x@y.z", "Änn 安"]
        {
            let mail = written(text, text);
            let (head, _) = mail.split_once("\r\n\r\n").expect("headers and body");
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .filter_map(|line| line.split(':').next())
                .collect();
            assert!(names.iter().all(|name| !name.eq_ignore_ascii_case("bcc")), "{names:?}");
            assert_eq!(names.iter().filter(|name| **name == "To").count(), 1, "{head}");
            assert!(head.is_ascii(), "{head}");
        }
    }

    #[test]
    fn a_mail_has_both_parts_and_says_that_it_is_automatic() {
        let mail = written("Ann", "Welcome");
        for part in
            ["multipart/alternative", "text/plain", "text/html", "Auto-Submitted: auto-generated", "Date: "]
        {
            assert!(mail.contains(part), "{part}: {mail}");
        }
        assert!(mail.contains("Message-ID: <1@example.com>"), "{mail}");
    }
}
