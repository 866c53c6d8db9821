//! Money as PayPal writes it: decimal text with the currency's own number of digits, never a float.

use domain::Money;
use domain::payment::digits;
use domain::provider::{Rejection, UpstreamError};

/// The value to send: positive, and exact in the currency's digits.
pub(super) fn write(amount: Money, currency: &str) -> Result<String, UpstreamError> {
    let digits = digits(currency);
    let refuse = |why: &str| {
        UpstreamError::rejected(Rejection::Invalid, format!("{amount} {currency} cannot be charged: {why}"))
    };
    if !amount.is_positive() {
        return Err(refuse("not positive"));
    }
    if amount.micros() % 10_i64.pow(6 - digits) != 0 {
        return Err(refuse("finer than the currency's digits"));
    }
    Ok(amount.display(digits))
}

/// A value that came back. `None` for anything but plain money that is not negative.
pub(super) fn read(value: &str) -> Option<Money> {
    value.parse().ok().filter(|amount| *amount >= Money::ZERO)
}

/// Three capital letters.
pub(super) fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_currencys_digits() {
        for (micros, currency, value) in [
            (25_000_000, "USD", "25.00"),
            (10_000, "EUR", "0.01"),
            (1_000_000_000, "JPY", "1000"),
            (9_223_372_036_850_000_000, "USD", "9223372036850.00"),
        ] {
            assert_eq!(write(Money::from_micros(micros), currency), Ok(value.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_written_exactly_is_refused() {
        for (micros, currency) in [(25_005_000, "USD"), (500_000, "JPY"), (0, "USD"), (-1_000_000, "USD")] {
            let refused = write(Money::from_micros(micros), currency);
            assert!(
                matches!(refused, Err(UpstreamError::Rejected { reason: Rejection::Invalid, .. })),
                "{micros} {currency}"
            );
        }
    }

    #[test]
    fn values_are_read_exactly() {
        assert_eq!(read("25.05"), Some(Money::from_micros(25_050_000)));
        assert_eq!(read("1000"), Some(Money::from_micros(1_000_000_000)));
        for nonsense in ["-1.00", "1e3", "", "1,00"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
