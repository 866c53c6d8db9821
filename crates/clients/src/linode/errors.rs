//! Refusals in Linode's words.
//!
//! There are no error codes, only sentences (`{"errors": [{"field": …, "reason": …}]}`), so the class is told
//! by parts of sentences. A sentence we do not know is [`Rejection::Invalid`].

use domain::provider::{PowerAction, Rejection, UpstreamError};

use super::wire::{Errors, Reason};
use crate::http::Answer;

/// Parts of sentences in lower case, the most telling first.
const CLASSES: &[(Rejection, &[&str])] = &[
    (Rejection::Busy, &["linode busy", "is busy", "being cloned", "being restored", "pending migration"]),
    (
        Rejection::Payment,
        &[
            "past due",
            "outstanding balance",
            "unpaid",
            "account owes",
            "make a payment",
            "payment method",
            "pay your",
        ],
    ),
    (
        Rejection::Quota,
        &["account limit", "limit reached", "reached a limit", "reached the limit", "limit has been reached"],
    ),
    (
        Rejection::Capacity,
        &[
            "capacity",
            "sold out",
            "out of stock",
            "currently unavailable",
            "not currently available",
            "not available in",
            "unavailable in",
        ],
    ),
];

/// The error for an answer that is no success.
pub(super) fn refusal(answer: &Answer) -> UpstreamError {
    let told = reasons(answer).iter().map(|reason| class(&reason.reason)).find(|c| *c != Rejection::Invalid);
    match (told, answer.status()) {
        (Some(class), _) => UpstreamError::rejected(class, answer.summary()),
        (None, 402) => UpstreamError::rejected(Rejection::Payment, answer.summary()),
        // The token lacks a scope, or its user a grant: the operator has to replace it.
        (None, 403) => UpstreamError::Unauthorized,
        (None, _) => UpstreamError::rejected(Rejection::Invalid, answer.summary()),
    }
}

/// Was a create refused because an instance with this label exists?
pub(super) fn is_label_taken(answer: &Answer) -> bool {
    reasons(answer).iter().any(|reason| {
        reason.field.as_deref() == Some("label") && reason.reason.to_ascii_lowercase().contains("unique")
    })
}

/// Was a power action refused because there is nothing to do?
pub(super) fn is_already_so(answer: &Answer, action: PowerAction) -> bool {
    let telling: &[&str] = match action {
        PowerAction::Start => &["already booted", "already running", "already powered on"],
        PowerAction::Stop | PowerAction::Cut => {
            &["already offline", "already shut down", "already powered off"]
        }
        PowerAction::Reboot => &[],
    };
    reasons(answer).iter().any(|reason| {
        let sentence = reason.reason.to_ascii_lowercase();
        telling.iter().any(|part| sentence.contains(part))
    })
}

fn reasons(answer: &Answer) -> Vec<Reason> {
    answer.json::<Errors>().map(|errors| errors.errors).unwrap_or_default()
}

fn class(sentence: &str) -> Rejection {
    let sentence = sentence.to_ascii_lowercase();
    CLASSES
        .iter()
        .find(|(_, parts)| parts.iter().any(|part| sentence.contains(part)))
        .map_or(Rejection::Invalid, |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_classes() {
        for (sentence, expected) in [
            ("Linode busy.", Rejection::Busy),
            ("Account Limit reached. Please open a support ticket.", Rejection::Quota),
            ("You've reached a limit for the number of active services on your account.", Rejection::Quota),
            ("The selected plan is sold out in this region.", Rejection::Capacity),
            ("g6-nanode-1 is not available in us-east.", Rejection::Capacity),
            ("Your account has an outstanding balance that must be paid first.", Rejection::Payment),
            ("region is not valid", Rejection::Invalid),
            ("Something new", Rejection::Invalid),
        ] {
            assert_eq!(class(sentence), expected, "{sentence}");
        }
    }
}
