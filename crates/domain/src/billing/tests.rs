use chrono::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::catalog::{Cost, Markup};

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a literal time").with_timezone(&Utc)
}

fn price(hour: i64, month: i64, minimum: i64, basis_points: i32) -> Price {
    let cost = Cost {
        hour: Money::from_micros(hour),
        month: Money::from_micros(month),
        minimum: Money::from_micros(minimum),
    };
    let markup = Markup { basis_points, ..Markup::default() };
    Price::new(cost, markup).expect("small numbers")
}

fn total(spans: &[Span]) -> Money {
    Money::total(spans.iter().map(|s| s.amount)).expect("small numbers")
}

#[test]
fn a_span_is_due_at_its_beginning_not_its_end() {
    let start = at("2026-01-01T00:00:00Z");
    let meter = Meter::start(start);
    assert!(meter.is_due(start) && !meter.is_due(start - Duration::microseconds(1)));
}

#[test]
fn a_delete_in_the_first_minute_costs_one_hour() {
    let start = at("2026-01-01T00:00:30Z");
    let meter = Meter { ended_at: Some(start + Duration::seconds(20)), ..Meter::start(start) };
    let (spans, after) = meter
        .all_due(&price(7_500, 5_000_000, 0, 2_000), Tariff::Sold, start + Duration::days(3))
        .expect("fits");
    assert_eq!(spans, [Span { start, amount: Money::from_micros(9_000) }]);
    assert!(after.is_settled());
}

#[test]
fn a_delete_exactly_on_the_hour_does_not_begin_another() {
    let start = at("2026-01-01T00:00:00Z");
    let meter = Meter { ended_at: Some(start + hour()), ..Meter::start(start) };
    let (spans, _) =
        meter.all_due(&price(7_500, 5_000_000, 0, 0), Tariff::Sold, start + Duration::days(3)).expect("fits");
    assert_eq!(spans.len(), 1);
}

#[test]
fn a_month_never_costs_more_than_its_cap_and_the_next_begins_afresh() {
    let price = price(7_500, 5_000_000, 0, 2_000); // 0.009 an hour, 6.00 a month: capped after 666.67 hours
    let start = at("2026-01-01T00:00:00Z");
    let (january, meter) =
        Meter::start(start).all_due(&price, Tariff::Sold, at("2026-01-31T23:59:59Z")).expect("fits");
    assert_eq!((january.len(), total(&january)), (744, Money::from_micros(6_000_000)));
    assert_eq!(
        january[666].amount,
        Money::from_micros(6_000),
        "the span that reaches the cap costs the rest"
    );
    assert_eq!(january[700].amount, Money::ZERO);
    let (february, _) = meter.all_due(&price, Tariff::Sold, at("2026-02-01T00:00:00Z")).expect("fits");
    assert_eq!(february, [Span { start: at("2026-02-01T00:00:00Z"), amount: Money::from_micros(9_000) }]);
}

#[test]
fn the_first_span_covers_the_providers_minimum() {
    let start = at("2026-01-01T00:00:00Z");
    let (span, _) =
        Meter::start(start).next(&price(5_950, 4_000_000, 10_000, 1_000), Tariff::Sold).expect("fits");
    assert_eq!(span.amount, Money::from_micros(11_000));
}

#[test]
fn hours_are_flat_between_the_first_and_the_cap_or_the_end_of_the_month() {
    let price = price(7_500, 5_000_000, 0, 2_000); // 0.009 an hour, 6.00 a month: capped after 666.67 hours
    let start = at("2026-01-01T00:00:00Z");
    let after = |hours| {
        let paid = |meter: Meter, _| meter.next(&price, Tariff::Sold).expect("fits").1;
        (0..hours).fold(Meter::start(start), paid).flat(&price)
    };
    let sold = Money::from_micros(9_000);
    assert_eq!(after(0), None, "the first may cost more");
    assert_eq!(after(1), Some(Flat { amount: sold, until: start + hour() * 666 }));
    assert_eq!(after(666), None, "the one that reaches the cap costs less");
    assert_eq!(after(667), Some(Flat { amount: Money::ZERO, until: at("2026-02-01T00:00:00Z") }));
    assert_eq!(after(744), None, "a new month begins afresh");
    assert_eq!(after(745).map(|flat| flat.amount), Some(sold));
}

/// What a vendor that bills by the hour, rounded up, with a monthly cap takes for the same life.
fn hourly_vendor(price: &Price, start: DateTime<Utc>, end: DateTime<Utc>) -> i64 {
    let mut by_month = std::collections::BTreeMap::<(i32, u32), i64>::new();
    let mut span = start;
    while span < end {
        *by_month.entry((span.year(), span.month())).or_default() += price.cost_hour.micros();
        span += hour();
    }
    by_month.values().map(|used| (*used).min(price.cost_month.micros())).sum()
}

/// What a vendor that bills by the second, with a minimum and a monthly cap, takes.
fn per_second_vendor(price: &Price, start: DateTime<Utc>, end: DateTime<Utc>) -> i64 {
    let mut sum = 0;
    let mut from = start;
    while from < end {
        let next =
            (month_of(from) + chrono::Months::new(1)).and_hms_opt(0, 0, 0).expect("midnight").and_utc();
        let until = next.min(end);
        let seconds = (until - from).num_seconds().max(60);
        sum += (seconds * price.cost_hour.micros() / 3_600).min(price.cost_month.micros());
        from = until;
    }
    sum.max(price.cost_minimum.micros())
}

proptest! {
    #[test]
    fn flat_hours_cost_what_the_rule_of_hours_says(
        hour_cost in 1_000_i64..2_000_000,
        hours_in_cap in 1_i64..900,
        minimum in 0_i64..20_000,
        start_seconds in 0_i64..40_000_000,
        paid in 0_usize..1_500,
    ) {
        let price = price(hour_cost, hour_cost * hours_in_cap + hour_cost / 3, minimum, 1_000);
        let start = Utc.timestamp_opt(1_767_225_600 + start_seconds, 0).single().expect("in range");
        let mut meter = Meter::start(start);
        for _ in 0..paid {
            meter = meter.next(&price, Tariff::Sold).expect("fits").1;
        }
        let Some(flat) = meter.flat(&price) else { return Ok(()) };
        prop_assert!(flat.until > meter.paid_until);
        while meter.paid_until < flat.until {
            let (span, after) = meter.next(&price, Tariff::Sold).expect("fits");
            prop_assert_eq!((span.amount, after.month), (flat.amount, meter.month));
            prop_assert_eq!(after.month_used, meter.month_used.plus(flat.amount).expect("fits"));
            meter = after;
        }
    }

    #[test]
    fn revenue_covers_the_providers_cost_for_every_lifetime(
        hour_cost in 1_000_i64..2_000_000,
        hours_in_cap in 600_i64..731,
        minimum in 0_i64..20_000,
        basis_points in 0_i32..5_000,
        start_seconds in 0_i64..40_000_000,
        life_seconds in 1_i64..9_000_000,
    ) {
        let price = price(hour_cost, hour_cost * hours_in_cap, minimum.min(hour_cost * 600), basis_points);
        let start = Utc.timestamp_opt(1_767_225_600 + start_seconds, 0).single().expect("in range");
        let end = start + Duration::seconds(life_seconds);
        let meter = Meter { ended_at: Some(end), ..Meter::start(start) };
        let (spans, after) = meter.all_due(&price, Tariff::Sold, end + Duration::days(1)).expect("fits");
        let revenue = total(&spans).micros();
        prop_assert!(after.is_settled());
        prop_assert!(revenue >= hourly_vendor(&price, start, end));
        prop_assert!(spans.windows(2).all(|w| w[1].start - w[0].start == hour()));
    }

    #[test]
    fn revenue_covers_a_vendor_that_counts_seconds_within_a_month(
        hour_cost in 1_000_i64..2_000_000,
        minimum in 0_i64..20_000,
        basis_points in 0_i32..5_000,
        life_seconds in 1_i64..2_678_400,
    ) {
        let price = price(hour_cost, hour_cost * 672, minimum.min(hour_cost * 600), basis_points);
        let start = at("2026-01-01T00:00:00Z");
        let end = start + Duration::seconds(life_seconds);
        let meter = Meter { ended_at: Some(end), ..Meter::start(start) };
        let (spans, _) = meter.all_due(&price, Tariff::Sold, end + Duration::days(1)).expect("fits");
        prop_assert!(total(&spans).micros() >= per_second_vendor(&price, start, end));
    }
}

#[test]
fn after_a_move_the_month_costs_at_most_its_highest_cap_and_the_next_only_the_new_one() {
    let (dear, cheap) = (price(10_000, 6_000_000, 0, 0), price(8_000, 5_000_000, 0, 0));
    for (before, then, january) in [(dear, cheap, 6_000_000), (cheap, dear, 6_000_000)] {
        let start = at("2026-01-01T00:30:00Z");
        let (paid, meter) =
            Meter::start(start).all_due(&before, Tariff::Sold, at("2026-01-11T00:00:00Z")).expect("fits");
        assert_eq!(paid.len(), 240);
        // The span that is paid already stays; the next costs the new price.
        let (first, _) = meter.moved(before.sell_month).next(&then, Tariff::Sold).expect("fits");
        assert_eq!((first.start, first.amount), (at("2026-01-11T00:30:00Z"), then.sell_hour));
        let moved = meter.moved(before.sell_month);
        let (rest, meter) = moved.all_due(&then, Tariff::Sold, at("2026-01-31T23:59:59Z")).expect("fits");
        let total = total(&paid).plus(total(&rest)).expect("fits");
        let uncapped = 240 * before.sell_hour.micros() + 504 * then.sell_hour.micros();
        assert_eq!(total.micros(), uncapped.min(january));
        // A whole month later only the new cap is left.
        let (february, _) = meter.all_due(&then, Tariff::Sold, at("2026-02-28T23:59:59Z")).expect("fits");
        let february = Money::total(february.iter().map(|s| s.amount)).expect("fits");
        assert_eq!(february.micros(), (672 * then.sell_hour.micros()).min(then.sell_month.micros()));
    }
}

#[test]
fn of_several_moves_in_a_month_the_highest_cap_holds() {
    let start = at("2026-01-01T00:00:00Z");
    let prices = [price(100, 500, 0, 0), price(100, 900, 0, 0), price(100, 300, 0, 0)];
    let mut meter = Meter::start(start);
    for pair in prices.windows(2) {
        meter = meter.next(&pair[0], Tariff::Sold).expect("fits").1.moved(pair[0].sell_month);
    }
    let (spans, _) = meter.all_due(&prices[2], Tariff::Sold, start + Duration::days(20)).expect("fits");
    assert_eq!(total(&spans).micros(), 900 - 200);
}
