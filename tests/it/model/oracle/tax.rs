//! Tax: a payment holds it, and what goes back takes its part of it along.

use super::Time;

/// Tax is paid in whole cents.
const CENT: i64 = 10_000;

/// `whole * part / of`, rounded to the nearest unit, half of one up.
pub(super) fn share(whole: i64, part: i64, of: i64, unit: i64) -> i64 {
    let [whole, part, of, step] = [whole, part, of, unit].map(i128::from);
    let units = (2 * whole * part + of * step) / (2 * of * step);
    i64::try_from(units).expect("a payment is small") * unit
}

/// The tax that a payment holds: what is left after it, times the rate in hundredths of a percent.
pub(super) fn tax_in(gross: i64, rate: i64) -> i64 {
    share(gross, rate, 10_000 + rate, CENT)
}

/// The tax that went back when so much of a payment went back, from its beginning.
pub(super) fn tax_gone(gross: i64, tax: i64, gone: i64) -> i64 {
    share(tax, gone, gross, CENT)
}

/// The rate in force at a time: that of the last day that has begun.
pub(crate) fn rate_on(rates: &[(Time, i64)], now: Time) -> i64 {
    rates.iter().filter(|(from, _)| *from <= now).max_by_key(|(from, _)| *from).map_or(0, |(_, rate)| *rate)
}
