//! What came back, classified by what it means for the caller.

use std::time::Duration;

use domain::provider::UpstreamError;
use reqwest::StatusCode;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::call::Effect;
use super::detail;

/// JSON of the expected shape with a value that cannot be: a server without an id, a negative size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) &'static str);

/// A vendor's decision: success, or a refusal in the vendor's own words. The body is empty or JSON.
pub(crate) struct Answer {
    status: StatusCode,
    effect: Effect,
    body: Vec<u8>,
}

impl Answer {
    /// Sorts an answer by its status; only successes and refusals that need the vendor's vocabulary
    /// (4xx apart from 401, 404, 408 and 429) come back as answers.
    pub(super) fn classify(
        effect: Effect,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: Vec<u8>,
    ) -> Result<Self, UpstreamError> {
        let told = || format!("{}: {}", status.as_u16(), detail::of_body(&body));
        match status.as_u16() {
            // Both mean "not now", also when a proxy says it: the request was turned away unread.
            429 | 503 => return Err(UpstreamError::Transient { retry_after, detail: told() }),
            408 | 500.. => return Err(lost(effect, retry_after, told())),
            _ => {}
        }
        // HTML comes from something between us and the vendor; its 404 says nothing about a server.
        let is_json = body.is_empty() || serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        if !is_json {
            return Err(lost(effect, None, format!("{}: not JSON", status.as_u16())));
        }
        match status.as_u16() {
            401 => Err(UpstreamError::Unauthorized),
            404 => Err(UpstreamError::NotFound),
            200..300 | 400..500 => Ok(Self { status, effect, body }),
            _ => Err(lost(effect, None, told())),
        }
    }

    /// Did the vendor do what was asked?
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Reads the body; `None` when it has another shape.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Reads the body and maps it to neutral values. A shape or a value we do not understand is a failure
    /// that keeps in mind whether something was changed.
    pub(crate) fn read<T: DeserializeOwned, U>(
        &self,
        map: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Result<U, UpstreamError> {
        // Only the position: the error's own text may quote the body.
        let wire = serde_json::from_slice(&self.body).map_err(|error| {
            let place = format!("unexpected JSON at line {} column {}", error.line(), error.column());
            lost(self.effect, None, place)
        })?;
        map(wire).map_err(|Invalid(what)| lost(self.effect, None, format!("unusable answer: {what}")))
    }

    /// The body as one short line, for an operator.
    pub(crate) fn summary(&self) -> String {
        format!("{}: {}", self.status.as_u16(), detail::of_body(&self.body))
    }
}

/// The answer is lost on us. After a safe call nothing happened; after a change it may have.
pub(super) fn lost(effect: Effect, retry_after: Option<Duration>, detail: String) -> UpstreamError {
    match effect {
        Effect::Safe => UpstreamError::Transient { retry_after, detail },
        Effect::Change => UpstreamError::OutcomeUnknown { detail },
    }
}

/// An item of a catalogue; `None` and a warning when it has another shape, so that one odd item does not hide
/// all others. Not for servers: a server that is left out looks like one that is gone.
pub(crate) fn catalogue_item<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    let item = serde_json::from_str(raw.get());
    item.inspect_err(|error| tracing::warn!(%error, "left out an item of a catalogue")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The class of an answer as one word.
    fn class(effect: Effect, status: u16, body: &str) -> &'static str {
        let status = StatusCode::from_u16(status).unwrap();
        match Answer::classify(effect, status, None, body.as_bytes().to_vec()) {
            Ok(answer) if answer.is_success() => "success",
            Ok(_) => "refusal",
            Err(UpstreamError::Transient { .. }) => "transient",
            Err(UpstreamError::OutcomeUnknown { .. }) => "unknown",
            Err(UpstreamError::NotFound) => "not found",
            Err(UpstreamError::Unauthorized) => "unauthorized",
            Err(UpstreamError::Rejected { .. }) => "rejected",
        }
    }

    #[test]
    fn every_status_has_a_class() {
        for (status, body, safe, change) in [
            (200, "{}", "success", "success"),
            (204, "", "success", "success"),
            (302, "", "transient", "unknown"),
            (400, "{}", "refusal", "refusal"),
            (401, "{}", "unauthorized", "unauthorized"),
            (404, "{}", "not found", "not found"),
            (408, "", "transient", "unknown"),
            (422, "{}", "refusal", "refusal"),
            (429, "{}", "transient", "transient"),
            (500, "{}", "transient", "unknown"),
            (502, "<html>", "transient", "unknown"),
            (503, "<html>", "transient", "transient"),
        ] {
            assert_eq!(class(Effect::Safe, status, body), safe, "{status} {body}");
            assert_eq!(class(Effect::Change, status, body), change, "{status} {body}");
        }
    }

    #[test]
    fn what_is_not_json_is_no_decision_of_the_vendor() {
        for status in [200, 400, 401, 404] {
            for body in ["<html></html>", "{\"id\": 1", "OK"] {
                assert_eq!(class(Effect::Safe, status, body), "transient", "{status} {body}");
                assert_eq!(class(Effect::Change, status, body), "unknown", "{status} {body}");
            }
        }
    }

    #[test]
    fn errors_about_shapes_do_not_quote_the_body() {
        let body = br#"{"access_token": "secret"}"#.to_vec();
        let answer = Answer::classify(Effect::Safe, StatusCode::OK, None, body).unwrap();
        let error = answer.read(|_: u32| Ok(())).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
