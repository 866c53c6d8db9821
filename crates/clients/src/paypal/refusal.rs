//! Refusals in PayPal's words: a status, and issue codes that say what exactly.

use domain::payment::Charged;
use domain::provider::{Rejection, UpstreamError};

use super::wire::Problem;
use crate::http::Answer;

/// Longest part of a refusal that is repeated in an error.
const MAX_WORD: usize = 80;

/// Issues about the payer's or our account, or the payer's instrument.
const PAYMENT: &[&str] = &[
    "CARD_EXPIRED",
    "COMPLIANCE_VIOLATION",
    "DOMESTIC_TRANSACTION_REQUIRED",
    "INSTRUMENT_DECLINED",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYEE_ACCOUNT_RESTRICTED",
    "PAYEE_BLOCKED_TRANSACTION",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYER_ACCOUNT_RESTRICTED",
    "PAYER_CANNOT_PAY",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    "TRANSACTION_BLOCKED_BY_PAYEE",
    "TRANSACTION_LIMIT_EXCEEDED",
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
    "TRANSACTION_REFUSED",
];

/// Issues that say of a leave to charge that the payer, or we, ended it.
const ENDED: &[&str] = &["AGREEMENT_ALREADY_CANCELLED", "INVALID_RESOURCE_ID", "TOKEN_ID_NOT_FOUND"];

/// Issues that say of a question that it cannot be answered (any more).
const UNANSWERABLE: &[&str] = &["INVALID_RESOURCE_ID", "TOKEN_EXPIRED"];

/// A refused request.
pub(super) struct Refusal {
    status: u16,
    problem: Problem,
}

/// What a refused capture calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The order itself tells what is the matter: not approved (again), or captured before.
    LookAgain,
    /// The refusal is the outcome.
    Fail,
}

/// What a refused leave to charge means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum No {
    /// The payer has not answered.
    NotYet,
    /// The payer cannot answer any more.
    Over,
}

impl Refusal {
    /// Whether the payer will still answer; `None` when the refusal is about something else.
    pub(super) fn no(&self) -> Option<No> {
        if self.has("PAYER_ACTION_REQUIRED") {
            return Some(No::NotYet);
        }
        UNANSWERABLE.iter().any(|issue| self.has(issue)).then_some(No::Over)
    }

    /// What a refused charge means: that it was refused is its outcome.
    pub(super) fn charged(self) -> Result<Charged, UpstreamError> {
        if self.has("DUPLICATE_INVOICE_ID") {
            return Ok(Charged::Before);
        }
        if ENDED.iter().any(|issue| self.has(issue)) {
            return Ok(Charged::Revoked);
        }
        match UpstreamError::from(self) {
            UpstreamError::Rejected { detail, .. } => Ok(Charged::Declined(detail)),
            error => Err(error),
        }
    }

    pub(super) fn of(answer: &Answer) -> Self {
        Self { status: answer.status(), problem: answer.json().unwrap_or_default() }
    }

    pub(super) fn step(&self) -> Step {
        let issues = ["ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED", "ORDER_ALREADY_CAPTURED"];
        if issues.iter().any(|issue| self.has(issue)) { Step::LookAgain } else { Step::Fail }
    }

    fn has(&self, issue: &str) -> bool {
        self.problem.details.iter().any(|detail| detail.issue == issue)
    }

    /// Codes and places only: descriptions and values may quote the payer.
    fn detail(&self) -> String {
        let mut text = format!("{} {}", self.status, word(&self.problem.name));
        for detail in &self.problem.details {
            text.push_str(&format!(" {}", word(&detail.issue)));
            if !detail.field.is_empty() {
                text.push_str(&format!(" at {}", word(&detail.field)));
            }
        }
        if !self.problem.debug_id.is_empty() {
            text.push_str(&format!(", PayPal debug id {}", word(&self.problem.debug_id)));
        }
        text
    }
}

impl From<Refusal> for UpstreamError {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.detail();
        match refusal.status {
            // The application lacks a permission, or its account does: the operator has to act.
            403 => {
                tracing::warn!(detail, "PayPal does not permit this");
                Self::Unauthorized
            }
            // An earlier call for the same thing is under way.
            409 => Self::transient(detail),
            _ if refusal.has("ORDER_COMPLETION_IN_PROGRESS") => Self::transient(detail),
            _ if PAYMENT.iter().any(|issue| refusal.has(issue)) => Self::rejected(Rejection::Payment, detail),
            _ => Self::rejected(Rejection::Invalid, detail),
        }
    }
}

fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(MAX_WORD).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, issue: &str) -> Refusal {
        let problem = json!({
            "name": "UNPROCESSABLE_ENTITY",
            "message": "no",
            "debug_id": "f9a1",
            "details": [{ "issue": issue, "description": "Pat may not pay", "value": "pat@example.com" }],
        });
        Refusal { status, problem: serde_json::from_value(problem).unwrap() }
    }

    #[test]
    fn issues_have_classes() {
        for (issue, reason) in [
            ("INSTRUMENT_DECLINED", Rejection::Payment),
            ("PAYER_CANNOT_PAY", Rejection::Payment),
            ("DUPLICATE_INVOICE_ID", Rejection::Invalid),
            ("SOMETHING_NEW", Rejection::Invalid),
        ] {
            let error = UpstreamError::from(refusal(422, issue));
            assert!(matches!(error, UpstreamError::Rejected { reason: r, .. } if r == reason), "{issue}");
        }
        assert_eq!(UpstreamError::from(refusal(403, "PERMISSION_DENIED")), UpstreamError::Unauthorized);
        for busy in [refusal(409, ""), refusal(422, "ORDER_COMPLETION_IN_PROGRESS")] {
            assert!(matches!(busy.into(), UpstreamError::Transient { .. }));
        }
    }

    #[test]
    fn only_the_order_can_tell_about_some_refusals() {
        assert_eq!(refusal(422, "ORDER_ALREADY_CAPTURED").step(), Step::LookAgain);
        assert_eq!(refusal(422, "INSTRUMENT_DECLINED").step(), Step::Fail);
    }

    #[test]
    fn details_hold_codes_and_the_debug_id_but_nothing_about_the_payer() {
        let detail = refusal(422, "PAYER_CANNOT_PAY").detail();
        assert_eq!(detail, "422 UNPROCESSABLE_ENTITY PAYER_CANNOT_PAY, PayPal debug id f9a1");
    }

    #[test]
    fn other_shapes_are_no_trouble() {
        let refusal = Refusal { status: 400, problem: Problem::default() };
        assert!(matches!(refusal.into(), UpstreamError::Rejected { reason: Rejection::Invalid, .. }));
    }
}
