//! Refusals in DigitalOcean's words.
//!
//! The error id says little more than the status (`unprocessable_entity`), so the class is told by parts of the
//! message. A message we do not know is [`Rejection::Invalid`].

use domain::provider::{PowerAction, Rejection, UpstreamError};

use super::wire::Problem;
use crate::http::Answer;

/// Parts of messages in lower case, the most telling first.
const CLASSES: &[(Rejection, &[&str])] = &[
    (Rejection::Busy, &["pending event", "another event", "event in progress", "is locked due to"]),
    (Rejection::Quota, &["droplet limit", "limit exceeded", "exceed your", "limit has been reached"]),
    (
        Rejection::Payment,
        &[
            "payment",
            "past due",
            "outstanding balance",
            "billing",
            "account is locked",
            "account has been locked",
        ],
    ),
    (
        Rejection::Capacity,
        &[
            "capacity",
            "sold out",
            "not available in",
            "unavailable in",
            "region is not available",
            "currently unavailable",
            "currently not available",
            "not currently available",
        ],
    ),
];

/// The error for an answer that is no success.
pub(super) fn refusal(answer: &Answer) -> UpstreamError {
    let reason = match (class(&message(answer)), answer.status()) {
        (Rejection::Invalid, 402) => Rejection::Payment,
        // The token lacks a scope: the operator has to replace it.
        (Rejection::Invalid, 403) => return UpstreamError::Unauthorized,
        (Rejection::Invalid, 409 | 423) => Rejection::Busy,
        (known, _) => known,
    };
    UpstreamError::rejected(reason, answer.summary())
}

/// Was a key not registered because it is there already?
pub(super) fn is_key_known(answer: &Answer) -> bool {
    answer.status() == 422 && message(answer).contains("already in use")
}

/// Was a power action refused because there is nothing to do?
pub(super) fn is_already_so(answer: &Answer, action: PowerAction) -> bool {
    let telling: &[&str] = match action {
        PowerAction::Start => &["already powered on", "already running"],
        PowerAction::Stop | PowerAction::Cut => &["already powered off", "already off"],
        // A reboot of a droplet that is off is refused in the same words, and is not done.
        PowerAction::Reboot => &[],
    };
    let message = message(answer);
    telling.iter().any(|part| message.contains(part))
}

/// The message in lower case.
fn message(answer: &Answer) -> String {
    answer.json::<Problem>().map(|problem| problem.message.to_ascii_lowercase()).unwrap_or_default()
}

fn class(message: &str) -> Rejection {
    CLASSES
        .iter()
        .find(|(_, parts)| parts.iter().any(|part| message.contains(part)))
        .map_or(Rejection::Invalid, |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_classes() {
        for (message, expected) in [
            ("droplet already has a pending event.", Rejection::Busy),
            ("creating this/these droplet(s) will exceed your droplet limit.", Rejection::Quota),
            ("size is not available in this region.", Rejection::Capacity),
            ("region is not available", Rejection::Capacity),
            ("please add a payment method.", Rejection::Payment),
            ("you specified an invalid image for droplet creation.", Rejection::Invalid),
        ] {
            assert_eq!(class(message), expected, "{message}");
        }
    }
}
