//! Reading what people send: ids in paths, and refusals shown at the fields they are about.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, NaiveDateTime, Utc};
use domain::Money;

use crate::WebState;
use crate::error::{Failure, Result, status_of};
use crate::view::Errors;

/// The id in a path. What is no id does not exist.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<WebState> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self> {
        let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|_| Failure::NOT_FOUND)?;
        path.get("id").and_then(|text| text.parse().ok()).map(Self).ok_or(Failure::NOT_FOUND)
    }
}

/// Status and messages of a refused form. What has no place in a form (not allowed, not there, our
/// fault) is passed on.
pub(crate) fn refused(error: app::Error) -> Result<(StatusCode, Errors)> {
    let status = status_of(&error);
    let message = error.public_message();
    let field = match error {
        app::Error::Invalid { field, .. } => field,
        app::Error::Forbidden | app::Error::NotFound | app::Error::Internal(_) => return Err(error.into()),
        _ => "form",
    };
    Ok((status, Errors::from([(field.to_owned(), message)])))
}

/// A refused field.
pub(crate) fn invalid(field: &str, message: impl Into<String>) -> (StatusCode, Errors) {
    (StatusCode::UNPROCESSABLE_ENTITY, Errors::from([(field.to_owned(), message.into())]))
}

/// An amount as people type it; empty is nothing.
pub(crate) fn amount(field: &'static str, text: &str) -> Result<Money, app::Error> {
    let text = text.trim().trim_start_matches(['$', '€', '£']).trim_start();
    if text.is_empty() {
        return Ok(Money::ZERO);
    }
    text.parse().map_err(|error: domain::money::ParseMoneyError| {
        app::Error::invalid(field, sentence(&error.to_string()))
    })
}

/// A time as a `datetime-local` field sends it, in UTC; empty is none.
pub(crate) fn utc(field: &'static str, text: &str) -> Result<Option<DateTime<Utc>>, app::Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let time = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let refused = || app::Error::invalid(field, "Use a time in UTC, for example 2027-01-31T00:00.");
    time.map(|time| Some(time.and_utc())).ok_or_else(refused)
}

/// An error's words as people read them beside a field.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_none_is_now() {
        let read = |text| utc("at", text).map(|at| at.map(|at| at.to_rfc3339())).ok();
        assert_eq!(read("2027-01-31T08:15"), Some(Some("2027-01-31T08:15:00+00:00".to_owned())));
        assert_eq!(read("2027-01-31T08:15:30"), Some(Some("2027-01-31T08:15:30+00:00".to_owned())));
        assert_eq!((read(" "), read("tomorrow"), read("2027-02-30T00:00")), (Some(None), None, None));
    }

    #[test]
    fn amounts_are_read_as_people_type_them() {
        assert_eq!(amount("amount", " $25 ").ok(), Some(Money::from_micros(25_000_000)));
        assert_eq!(amount("amount", "").ok(), Some(Money::ZERO));
        let refused = amount("amount", "25,00").map_err(|e| e.public_message());
        assert_eq!(refused, Err("Not an amount, expected for example 25.00.".to_owned()));
    }
}
