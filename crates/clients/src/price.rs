//! Prices from the text of JSON numbers. Vendors send them as floats; no float is made of them here.

use domain::Money;
use serde_json::value::RawValue;

/// Digits kept of a price: micro-units.
const MICRO_DIGITS: i32 = 6;
/// More digits than this, or a larger exponent, is no price.
const MAX_DIGITS: usize = 30;

/// The amount in a JSON number, rounded half up to `digits` (0 to 6) after the point. `None` for anything
/// but a number that is not negative and fits.
pub(crate) fn amount(number: &RawValue, digits: i32) -> Option<Money> {
    let (mantissa, exponent) = match number.get().split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number.get(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.len() > MAX_DIGITS || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The number is `value / 10^scale`.
    let value: u128 = all.parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let rounded = match scale - digits {
        surplus if surplus > 0 => {
            let divisor = power_of_ten(surplus)?;
            value / divisor + u128::from(value % divisor >= divisor / 2)
        }
        missing => value.checked_mul(power_of_ten(-missing)?)?,
    };
    let micros = rounded.checked_mul(power_of_ten(MICRO_DIGITS - digits)?)?;
    i64::try_from(micros).ok().map(Money::from_micros)
}

fn power_of_ten(exponent: i32) -> Option<u128> {
    10_u128.checked_pow(u32::try_from(exponent).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str, digits: i32) -> Option<i64> {
        amount(&RawValue::from_string(text.to_owned()).unwrap(), digits).map(Money::micros)
    }

    #[test]
    fn plain_decimals_are_exact() {
        for (text, expected) in
            [("0.0075", 7_500), ("5.0", 5_000_000), ("5", 5_000_000), ("0", 0), ("8.295", 8_295_000)]
        {
            assert_eq!(micros(text, 6), Some(expected), "{text}");
        }
    }

    #[test]
    fn float_noise_is_rounded_away() {
        for (text, expected) in
            [("0.00743999984115362", 7_440), ("0.005950000137090683", 5_950), ("0.2455399930477142", 245_540)]
        {
            assert_eq!(micros(text, 5), Some(expected), "{text}");
        }
        assert_eq!(micros("0.000005", 5), Some(10));
        assert_eq!(micros("0.0000049999", 5), Some(0));
    }

    #[test]
    fn exponents_are_understood() {
        assert_eq!(micros("7.5e-3", 6), Some(7_500));
        assert_eq!(micros("1E+2", 6), Some(100_000_000));
        assert_eq!(micros("1e-9", 6), Some(0));
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in ["-1", "null", "\"5.00\"", "true", "1e99", "1e-99", "9999999999999999", "[1]"] {
            assert_eq!(micros(text, 6), None, "{text}");
        }
    }
}
