//! Amounts as PayPal takes them: decimal strings with the currency's own number of digits.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::{Issue, Problem};

/// The currencies PayPal takes, from its currency-codes reference.
const WITH_CENTS: [&str; 21] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK", "NZD",
    "PHP", "PLN", "SEK", "SGD", "THB", "USD",
];
/// Of these, the ones that take no decimals.
const WITHOUT_CENTS: [&str; 3] = ["HUF", "JPY", "TWD"];
const MAX_MINOR: i64 = 99_999_999_999_999_999;
const MAX_LENGTH: usize = 32;

/// An amount in the smallest unit of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    pub(super) currency: String,
    pub(super) minor: i64,
}

impl Amount {
    /// Reads `{currency_code, value}` that stands at `field`. It may be zero or less: see [`Self::positive`].
    pub(super) fn read(json: &Value, field: &str) -> Result<Self, Problem> {
        let text = |name: &str| {
            let at = format!("{field}/{name}");
            match json.get(name) {
                None | Some(Value::Null) => Err(Issue::MissingRequiredParameter.at(at, None)),
                Some(Value::String(text)) => Ok(text.as_str()),
                Some(other) => Err(Issue::InvalidParameterSyntax.at(at, Some(&other.to_string()))),
            }
        };
        let (currency, value) = (text("currency_code")?, text("value")?);
        let digits = digits(currency)
            .ok_or_else(|| Issue::InvalidCurrencyCode.at(format!("{field}/currency_code"), Some(currency)))?;
        let minor = parse(value, digits).map_err(|issue| issue.at(format!("{field}/value"), Some(value)))?;
        Ok(Self { currency: currency.to_owned(), minor })
    }

    /// An amount like the other one, from decimal text.
    pub(super) fn in_currency_of(other: &Self, value: &str) -> Option<Self> {
        let minor = parse(value, digits(&other.currency)?).ok()?;
        Some(other.with_minor(minor))
    }

    /// The amount, if there is anything to pay.
    pub(super) fn positive(self, field: &str) -> Result<Self, Problem> {
        if self.minor > 0 {
            return Ok(self);
        }
        Err(Issue::CannotBeZeroOrNegative.at(format!("{field}/value"), Some(&self.value())))
    }

    /// The same currency, another size.
    pub(super) fn with_minor(&self, minor: i64) -> Self {
        Self { currency: self.currency.clone(), minor }
    }

    /// What PayPal keeps for itself: 3.49 % and a fixed part, never more than there is.
    pub(super) fn fee(&self) -> Self {
        self.with_minor((self.minor / 10_000 * 349 + self.minor % 10_000 * 349 / 10_000 + 49).min(self.minor))
    }

    /// `25.00`, `1000`.
    pub(super) fn value(&self) -> String {
        match digits(&self.currency) {
            Some(0) | None => self.minor.to_string(),
            Some(_) => {
                let (sign, size) = (if self.minor < 0 { "-" } else { "" }, self.minor.abs());
                format!("{sign}{}.{:02}", size / 100, size % 100)
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "currency_code": self.currency, "value": self.value() })
    }
}

fn digits(currency: &str) -> Option<usize> {
    if WITHOUT_CENTS.contains(&currency) {
        return Some(0);
    }
    WITH_CENTS.contains(&currency).then_some(2)
}

/// PayPal's pattern is `^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$`.
fn parse(text: &str, digits: usize) -> Result<i64, Issue> {
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let complete = !fraction.is_empty() && (!whole.is_empty() || unsigned.contains('.'));
    if text.len() > MAX_LENGTH || !complete || !plain(whole) || !plain(fraction) {
        return Err(Issue::InvalidParameterSyntax);
    }
    match (unsigned.contains('.'), digits) {
        (true, 0) => return Err(Issue::DecimalsNotSupported),
        (true, _) if fraction.len() > digits => return Err(Issue::DecimalPrecision),
        _ => {}
    }
    let minor_text = match digits {
        0 => whole.to_owned(),
        _ => format!("{whole}{fraction:0<digits$}"),
    };
    let minor: i64 = minor_text.parse().map_err(|_| Issue::MaxValueExceeded)?;
    if minor > MAX_MINOR { Err(Issue::MaxValueExceeded) } else { Ok(sign * minor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_currency() {
        assert_eq!(parse("25", 2), Ok(2500));
        assert_eq!(parse("25.5", 2), Ok(2550));
        assert_eq!(parse(".05", 2), Ok(5));
        assert_eq!(parse("-1.00", 2), Ok(-100));
        assert_eq!(parse("1000", 0), Ok(1000));
        assert_eq!(parse("1000.50", 0), Err(Issue::DecimalsNotSupported));
        assert_eq!(parse("10.555", 2), Err(Issue::DecimalPrecision));
        assert_eq!(parse("9999999999999999.00", 2), Err(Issue::MaxValueExceeded));
        for text in ["", ".", "1.", "1e3", "1,5", "+1", " 1", "--1"] {
            assert_eq!(parse(text, 2), Err(Issue::InvalidParameterSyntax), "{text}");
        }
    }

    #[test]
    fn values_are_written_with_the_currencys_digits() {
        let amount = |currency: &str, minor| Amount { currency: currency.to_owned(), minor };
        assert_eq!(amount("USD", 2505).value(), "25.05");
        assert_eq!(amount("JPY", 2505).value(), "2505");
        assert_eq!(amount("USD", 2500).fee().value(), "1.36");
        assert_eq!(amount("USD", 10).fee().value(), "0.10");
    }
}
