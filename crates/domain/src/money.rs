//! Money in integer micro-units of the installation's one currency.

use std::fmt;
use std::str::FromStr;

/// One currency unit in micro-units.
const UNIT: i64 = 1_000_000;

/// An amount in micro-units (1 USD = 1,000,000). May be negative: ledger entries are signed.
///
/// There is no `Add`: arithmetic is checked, so an overflow is a decision of the caller and never
/// a wrapped number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
pub struct Money(i64);

/// Arithmetic left the range of 64-bit micro-units (about 9.2 trillion currency units).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("amount out of range")]
pub struct Overflow;

/// Text that is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not of the form `12` or `12.34`.
    #[error("not an amount, expected for example 25.00")]
    Malformed,
    /// More digits after the point than can be kept exactly.
    #[error("too many digits after the point")]
    TooPrecise,
    /// Larger than can be stored.
    #[error("amount out of range")]
    OutOfRange,
}

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From micro-units.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In micro-units.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// `count` times this amount.
    pub fn times(self, count: i64) -> Result<Self, Overflow> {
        self.0.checked_mul(count).map(Self).ok_or(Overflow)
    }

    /// The same amount with the other sign.
    pub fn negated(self) -> Result<Self, Overflow> {
        self.0.checked_neg().map(Self).ok_or(Overflow)
    }

    /// The sum of many.
    pub fn total(amounts: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// `self × numerator / denominator`, rounded up to the micro, so that a price derived from a
    /// cost is never below it. The denominator must be positive.
    pub fn scaled_up(self, numerator: i64, denominator: i64) -> Result<Self, Overflow> {
        let product = i128::from(self.0) * i128::from(numerator);
        let divisor = i128::from(denominator);
        if divisor <= 0 {
            return Err(Overflow);
        }
        let quotient = product.div_euclid(divisor) + i128::from(product.rem_euclid(divisor) != 0);
        i64::try_from(quotient).map(Self).map_err(|_| Overflow)
    }

    /// `self × numerator / denominator`, rounded half up to `digits` (0 to 6) after the point, as tax offices round.
    /// For amounts that are not negative, and a positive denominator.
    pub fn scaled_half_up(self, numerator: i64, denominator: i64, digits: u32) -> Result<Self, Overflow> {
        let step = 10_i128.pow(6 - digits.min(6));
        let divisor = i128::from(denominator) * step;
        let product = i128::from(self.0) * i128::from(numerator);
        if divisor <= 0 || product < 0 {
            return Err(Overflow);
        }
        let rounded = (product * 2 + divisor) / (divisor * 2) * step;
        i64::try_from(rounded).map(Self).map_err(|_| Overflow)
    }

    /// Rounded up to `digits` (0 to 6) after the point: what has to be paid in, so that it suffices.
    pub fn rounded_up(self, digits: u32) -> Result<Self, Overflow> {
        let step = 10_i64.pow(6 - digits.min(6));
        self.scaled_up(1, step)?.times(step)
    }

    /// Whole times `rate` fits into this amount; `None` when the rate is not positive (it lasts
    /// for ever).
    pub fn whole_times(self, rate: Self) -> Option<i64> {
        (rate.0 > 0).then(|| self.0.div_euclid(rate.0))
    }

    /// Is it more than nothing?
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Rounded half-even to `digits` (0 to 6) after the point, as text: for display only.
    pub fn display(self, digits: u32) -> String {
        let digits = digits.min(6);
        let step = 10_i128.pow(6 - digits);
        let micros = i128::from(self.0);
        let (floor, rest) = (micros.div_euclid(step), micros.rem_euclid(step));
        let up = match (rest * 2).cmp(&step) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => floor.rem_euclid(2) == 1,
        };
        let rounded = floor + i128::from(up);
        let scale = 10_i128.pow(digits);
        let (sign, size) = (if rounded < 0 { "-" } else { "" }, rounded.abs());
        let width = usize::try_from(digits).unwrap_or(0);
        match width {
            0 => format!("{sign}{size}"),
            _ => format!("{sign}{}.{:0width$}", size / scale, size % scale),
        }
    }
}

/// The exact amount with at least two digits after the point: `25.00`, `0.0075`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.display(6);
        let point = text.len() - 6;
        let keep = text.trim_end_matches('0').len().max(point + 2);
        f.write_str(&text[..keep])
    }
}

/// Reads plain decimals only: no exponent, no separators, nothing finer than a micro-unit.
impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let has_point = digits.contains('.');
        if whole.is_empty() || !plain(whole) || !plain(fraction) || (has_point && fraction.is_empty()) {
            return Err(ParseMoneyError::Malformed);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 6 {
            return Err(ParseMoneyError::TooPrecise);
        }
        let whole: i64 = whole.parse().map_err(|_| ParseMoneyError::OutOfRange)?;
        let part: i64 = format!("{fraction:0<6}").parse().map_err(|_| ParseMoneyError::Malformed)?;
        let micros = whole.checked_mul(UNIT).and_then(|w| w.checked_add(part));
        micros.map(|m| Self(if negative { -m } else { m })).ok_or(ParseMoneyError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vendor_prices_are_exact() {
        for (text, micros) in [("0.0075", 7_500), ("0.00595", 5_950), ("5", 5_000_000), ("-1.5", -1_500_000)]
        {
            assert_eq!(text.parse::<Money>(), Ok(Money(micros)));
        }
    }

    #[test]
    fn refuses_what_is_not_plain_money() {
        for text in ["", ".", "1.", ".5", "1e3", "1,5", " 1", "1.0000001", "--1", "99999999999999"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }

    #[test]
    fn scaling_rounds_up_to_the_micro() {
        assert_eq!(Money(7_440).scaled_up(12_500, 10_000), Ok(Money(9_300)));
        assert_eq!(Money(1).scaled_up(10_001, 10_000), Ok(Money(2)));
        assert_eq!(Money(i64::MAX).scaled_up(2, 1), Err(Overflow));
    }

    #[test]
    fn tax_is_rounded_half_up_to_the_digits_of_the_currency() {
        assert_eq!(Money(25_000_000).scaled_half_up(1_900, 11_900, 2), Ok(Money(3_990_000)));
        assert_eq!(Money(15_000).scaled_half_up(1, 1, 2), Ok(Money(20_000)));
        assert_eq!(Money(14_999).scaled_half_up(1, 1, 2), Ok(Money(10_000)));
        assert_eq!(Money(-1).scaled_half_up(1, 1, 2), Err(Overflow));
        assert_eq!(Money(i64::MAX).scaled_half_up(2, 1, 6), Err(Overflow));
    }

    #[test]
    fn what_has_to_be_paid_in_suffices() {
        assert_eq!(Money(1_080_000).rounded_up(2), Ok(Money(1_080_000)));
        assert_eq!(Money(1_080_001).rounded_up(2), Ok(Money(1_090_000)));
        assert_eq!(Money(1).rounded_up(0), Ok(Money(1_000_000)));
    }

    #[test]
    fn display_rounds_half_even() {
        assert_eq!(Money(125_000).display(2), "0.12");
        assert_eq!(Money(135_000).display(2), "0.14");
        assert_eq!(Money(-125_001).display(2), "-0.13");
        assert_eq!(Money(8_900).to_string(), "0.0089");
        assert_eq!(Money(25_000_000).to_string(), "25.00");
    }

    proptest! {
        #[test]
        fn text_round_trips(micros in -(1_i64 << 60)..(1_i64 << 60)) {
            prop_assert_eq!(Money(micros).to_string().parse::<Money>(), Ok(Money(micros)));
        }
    }
}
