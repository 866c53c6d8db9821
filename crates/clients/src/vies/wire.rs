//! What VIES answers.

use serde::Deserialize;

/// The word for a number that is well asked about and not in use.
const INVALID: &str = "INVALID";
/// The word for one that is in use.
const VALID: &str = "VALID";

/// An answer, or what stands in place of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    country_code: Option<String>,
    vat_number: Option<String>,
    valid: Option<bool>,
    /// A word for how the question went.
    user_error: Option<String>,
    action_succeed: Option<bool>,
    error_wrappers: Option<Vec<ErrorWrapper>>,
}

#[derive(Debug, Deserialize)]
struct ErrorWrapper {
    #[expect(dead_code, reason = "that there is one is enough; the whole answer is what operators read")]
    error: Option<String>,
}

impl Answer {
    /// Is the number in use? `None` when this does not say so, or says it of another number.
    pub(super) fn verdict(&self, country: &str, number: &str) -> Option<bool> {
        let went_wrong = self.action_succeed == Some(false)
            || self.error_wrappers.as_ref().is_some_and(|errors| !errors.is_empty())
            || self
                .user_error
                .as_deref()
                .is_some_and(|word| !word.is_empty() && word != VALID && word != INVALID);
        let about_it = self.country_code.as_deref().is_none_or(|code| code == country)
            && self.vat_number.as_deref().is_none_or(|text| text == number);
        self.valid.filter(|_| !went_wrong && about_it)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdict(answer: Value) -> Option<bool> {
        serde_json::from_value::<Answer>(answer).unwrap().verdict("AT", "U12345678")
    }

    #[test]
    fn a_verdict_is_one_about_the_number_that_was_asked_about() {
        let about = |valid: bool| {
            json!({ "countryCode": "AT", "vatNumber": "U12345678", "requestDate": "2026-11-30T09:00:00.000Z",
                "valid": valid, "requestIdentifier": "", "name": "---", "address": "---" })
        };
        assert_eq!(verdict(about(true)), Some(true));
        assert_eq!(verdict(about(false)), Some(false));
        assert_eq!(verdict(json!({ "valid": true, "vatNumber": "U87654321" })), None);
        assert_eq!(verdict(json!({ "valid": true, "countryCode": "DE" })), None);
        assert_eq!(verdict(json!({ "valid": false, "userError": "INVALID" })), Some(false));
        assert_eq!(verdict(json!({ "valid": true, "userError": "VALID" })), Some(true));
    }

    #[test]
    fn a_word_in_place_of_an_answer_is_no_verdict() {
        for word in [
            "MS_UNAVAILABLE",
            "SERVICE_UNAVAILABLE",
            "MS_MAX_CONCURRENT_REQ",
            "GLOBAL_MAX_CONCURRENT_REQ",
            "TIMEOUT",
            "INVALID_INPUT",
            "VAT_BLOCKED",
            "WHO_KNOWS",
        ] {
            assert_eq!(verdict(json!({ "valid": false, "userError": word })), None, "{word}");
            assert_eq!(
                verdict(json!({ "actionSucceed": false, "errorWrappers": [{ "error": word }] })),
                None,
                "{word}"
            );
        }
        assert_eq!(verdict(json!({})), None);
        assert_eq!(
            verdict(json!({ "valid": false, "errorWrappers": [{ "error": "MS_UNAVAILABLE" }] })),
            None
        );
    }
}
