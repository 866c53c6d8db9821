//! What the mail host's answers mean.

use domain::notify::mail::one_line;
use domain::provider::{Rejection, UpstreamError};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Severity;

/// Answers are kept this long.
const KEPT: usize = 300;

/// 5xx will not change, 4xx may; without an answer the mail may have been taken.
///
/// A refused sign-in (RFC 4954) says nothing about the mail: it waits until the settings are right.
pub(super) fn upstream(error: &Error) -> UpstreamError {
    let detail = detail(error);
    match error.status() {
        Some(code) if matches!(u16::from(code), 530 | 534 | 535 | 538) => UpstreamError::transient(detail),
        Some(code) if code.severity == Severity::PermanentNegativeCompletion => {
            UpstreamError::rejected(Rejection::Invalid, detail)
        }
        Some(_) => UpstreamError::transient(detail),
        None => UpstreamError::OutcomeUnknown { detail },
    }
}

/// The host's words, on one line.
fn detail(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    one_line(&text).chars().take(KEPT).collect()
}
