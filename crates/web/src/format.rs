//! How values are written on pages: money, rates, times, sizes.

use chrono::{DateTime, Utc};
use domain::Money;
use domain::billing::transfer::GB;
use domain::catalog::Product;

use crate::currency::Currency;

/// Amounts below half of the currency's digits, so that a real charge never reads as nothing.
const LEAST_SHOWN: i64 = 5_000;
/// One currency unit.
const ONE: i64 = 1_000_000;

/// `$12.34`, `−$0.50`, `<$0.01`.
pub(crate) fn money(currency: &Currency, amount: Money) -> String {
    let micros = amount.micros();
    if micros > 0 && micros < LEAST_SHOWN {
        return format!("<{}", currency.write("0.01"));
    }
    signed_text(currency, &amount.display(2), false)
}

/// What is sold, and how much of it: `Volume, 100 GiB`, `Backups`.
pub(crate) fn product(kind: Product, quantity: i64) -> String {
    let name = match kind {
        Product::Vps => "VPS",
        Product::Backups => "Backups",
        Product::Snapshot => "Snapshot",
        Product::Volume => "Volume",
        Product::Address => "Address",
    };
    if kind.is_by_quantity() { format!("{name}, {quantity} GiB") } else { name.to_owned() }
}

/// All digits, at least two: `$0.0089`.
pub(crate) fn exact(currency: &Currency, amount: Money) -> String {
    signed_text(currency, &amount.to_string(), false)
}

/// All digits with a sign: `+$25.00`, `−$0.0089`.
pub(crate) fn change(currency: &Currency, amount: Money) -> String {
    signed_text(currency, &amount.to_string(), true)
}

/// With a sign, as short as its size allows: `−$2.69`, `−$0.0482`.
pub(crate) fn short_change(currency: &Currency, amount: Money) -> String {
    if amount.micros().abs() >= ONE {
        return signed_text(currency, &amount.display(2), true);
    }
    let text = amount.display(4);
    let text = text.strip_suffix("00").unwrap_or(&text);
    if amount != Money::ZERO && text.trim_start_matches('-') == "0.00" {
        return change(currency, amount);
    }
    signed_text(currency, text, true)
}

/// `$0.0089/h`.
pub(crate) fn rate(currency: &Currency, amount: Money) -> String {
    format!("{}/h", exact(currency, amount))
}

fn signed_text(currency: &Currency, number: &str, with_plus: bool) -> String {
    let (sign, size) = match number.strip_prefix('-') {
        Some(size) => ("−", size),
        None if with_plus => ("+", number),
        None => ("", number),
    };
    format!("{sign}{}", currency.write(&grouped(size)))
}

/// Thousands separated by commas.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let mut text = String::with_capacity(number.len() + 4);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// `12,000`: a number with its thousands set off.
pub(crate) fn count(number: u32) -> String {
    grouped(&number.to_string())
}

/// `512 MB`, `2 GB`, `1.5 GB`: memory as vendors advertise it.
pub(crate) fn memory(mib: i64) -> String {
    match (mib, mib.rem_euclid(1024)) {
        (..1024, _) => format!("{mib} MB"),
        (_, 0) => format!("{} GB", mib / 1024),
        (_, rest) => format!("{}.{} GB", mib / 1024, rest * 10 / 1024),
    }
}

/// `500 GB`, `1 TB`, `1.5 TB`: traffic in decimal units.
pub(crate) fn traffic(gb: i64) -> String {
    match (gb, gb.rem_euclid(1000)) {
        (..1000, _) => format!("{gb} GB"),
        (_, 0) => format!("{} TB", gb / 1000),
        (_, rest) => format!("{}.{} TB", gb / 1000, rest / 100),
    }
}

/// `1,000 GB`, `1,000.000000001 GB`: bytes in decimal gigabytes, exactly.
pub(crate) fn gigabytes(bytes: i64) -> String {
    let (whole, rest) = (bytes.div_euclid(GB), bytes.rem_euclid(GB));
    let exact = grouped(&format!("{whole}.{rest:09}"));
    format!("{} GB", exact.trim_end_matches('0').trim_end_matches('.'))
}

/// `25 %`, `12.5 %` from hundredths of a percent.
pub(crate) fn percent(basis_points: i64) -> String {
    let text = Money::from_micros(basis_points.saturating_mul(10_000)).display(2);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Hours as people say them: `5 hours`, `12 days`, `over a year`.
pub(crate) fn hours(count: i64) -> String {
    let some = |n: i64, unit: &str| if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") };
    match count {
        ..1 => "less than an hour".to_owned(),
        1..48 => some(count, "hour"),
        48..=8760 => some(count / 24, "day"),
        _ => "over a year".to_owned(),
    }
}

/// `22 Nov, 14:05`; the script turns it into the reader's zone.
pub(crate) fn date_time(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// `22 Nov 2026`.
pub(crate) fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y").to_string()
}

/// `5 min ago`; the script keeps it true.
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - at).num_minutes();
    match minutes {
        ..1 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        1440..10_080 => format!("{} d ago", minutes / 1440),
        _ => day(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_never_a_bare_or_vanishing_number() {
        let usd = Currency::new("USD");
        let of = |micros| money(&usd, Money::from_micros(micros));
        assert_eq!(of(12_340_000), "$12.34");
        assert_eq!(of(0), "$0.00");
        assert_eq!(of(8_900), "$0.01");
        assert_eq!(of(100), "<$0.01");
        assert_eq!(of(-1_500_000), "−$1.50");
        assert_eq!(of(1_234_567_890_000), "$1,234,567.89");
        assert_eq!(rate(&usd, Money::from_micros(8_900)), "$0.0089/h");
        assert_eq!(change(&Currency::new("CHF"), Money::from_micros(25_000_000)), "+25.00 CHF");
    }

    #[test]
    fn changes_are_short_but_never_nothing() {
        let usd = Currency::new("USD");
        let of = |micros| short_change(&usd, Money::from_micros(micros));
        assert_eq!((of(-2_687_136), of(25_000_000)), ("−$2.69".into(), "+$25.00".into()));
        assert_eq!(
            (of(-48_200), of(-44_638), of(-90_000)),
            ("−$0.0482".into(), "−$0.0446".into(), "−$0.09".into())
        );
        assert_eq!(of(-12), "−$0.000012");
    }

    #[test]
    fn percentages_drop_empty_digits() {
        assert_eq!(
            (percent(2500), percent(1250), percent(0)),
            ("25 %".into(), "12.5 %".into(), "0 %".into())
        );
    }

    #[test]
    fn sizes_read_as_sold() {
        assert_eq!(
            (memory(512), memory(2048), memory(1536)),
            ("512 MB".into(), "2 GB".into(), "1.5 GB".into())
        );
        assert_eq!(
            (traffic(500), traffic(1000), traffic(1500)),
            ("500 GB".into(), "1 TB".into(), "1.5 TB".into())
        );
    }

    #[test]
    fn transfer_is_written_to_the_byte() {
        let of = |bytes: i64| gigabytes(bytes);
        assert_eq!((of(0), of(GB), of(1_200 * GB)), ("0 GB".into(), "1 GB".into(), "1,200 GB".into()));
        assert_eq!((of(1_000 * GB + 1), of(1)), ("1,000.000000001 GB".into(), "0.000000001 GB".into()));
    }

    #[test]
    fn hours_become_days() {
        assert_eq!((hours(0), hours(1)), ("less than an hour".into(), "1 hour".into()));
        assert_eq!(
            (hours(47), hours(48), hours(9000)),
            ("47 hours".into(), "2 days".into(), "over a year".into())
        );
    }
}
