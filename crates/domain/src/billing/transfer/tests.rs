use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a literal time").with_timezone(&Utc)
}

fn month(year: i32, month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, 1).expect("a literal month")
}

/// Bytes that one VPS of 1,000 GB brings.
fn brings(month: NaiveDate, from: &str, until: Option<&str>) -> i64 {
    let life = Life { transfer_gb: 1_000, started_at: at(from), ended_at: until.map(at) };
    included(month, &[life]).expect("small numbers")
}

fn figures(used: i64, included: i64, price_gb: i64, before: i64) -> Figures {
    let (price_gb, before) = (Money::from_micros(price_gb), Money::from_micros(before));
    Figures { pool: "standard".into(), month: month(2026, 11), sequence: 1, used, included, price_gb, before }
}

fn due(used: i64, included: i64, price_gb: i64, before: i64) -> i64 {
    figures(used, included, price_gb, before).due().expect("small numbers").micros()
}

#[test]
fn a_whole_month_brings_all_of_it_however_long_the_month_is() {
    for (year, number) in [(2026, 2), (2028, 2), (2026, 4), (2026, 12)] {
        let month = month(year, number);
        assert_eq!(brings(month, "2025-06-15T12:00:00Z", None), 1_000 * GB, "{month}");
        let first = month.and_time(NaiveTime::MIN).and_utc();
        let life = Life { transfer_gb: 1_000, started_at: first, ended_at: next_month(month) };
        assert_eq!(included(month, &[life]), Ok(1_000 * GB), "{month}");
    }
}

#[test]
fn a_part_of_a_month_brings_its_hours_of_the_hours_of_that_month() {
    // 672, 696 and 744 hours.
    let day = 24 * 1_000 * GB;
    let (february, leap, march) = (month(2026, 2), month(2028, 2), month(2026, 3));
    assert_eq!(brings(february, "2026-02-28T00:00:00Z", None), rounded_up(day, 672));
    assert_eq!(brings(leap, "2028-02-29T00:00:00Z", None), rounded_up(day, 696));
    assert_eq!(brings(march, "2026-03-10T07:00:00Z", Some("2026-03-11T07:00:00Z")), rounded_up(day, 744));
    assert_eq!(brings(march, "2026-02-10T00:00:00Z", Some("2026-03-02T00:00:00Z")), rounded_up(day, 744));
    assert_eq!(brings(march, "2026-03-31T00:00:00Z", Some("2026-04-20T00:00:00Z")), rounded_up(day, 744));
}

#[test]
fn an_hour_that_began_and_a_byte_that_began_count() {
    let march = month(2026, 3);
    let hour = brings(march, "2026-03-10T07:00:00Z", Some("2026-03-10T08:00:00Z"));
    assert_eq!(hour, 1_344_086_022, "1,344,086,021.5 bytes");
    assert_eq!(brings(march, "2026-03-10T07:30:00Z", Some("2026-03-10T07:30:01Z")), hour);
    assert_eq!(brings(march, "2026-03-31T23:59:59.999999Z", None), hour);
    let life = Life { transfer_gb: 1_000, started_at: at("2026-03-10T07:00:00Z"), ended_at: None };
    let ended = life.started_at + TimeDelta::microseconds(HOUR + 1);
    let two = included(march, &[Life { ended_at: Some(ended), ..life }]);
    assert_eq!(two, Ok(2_688_172_044), "the second hour has begun by a microsecond");
}

#[test]
fn other_months_and_no_time_at_all_bring_nothing() {
    let march = month(2026, 3);
    assert_eq!(brings(march, "2026-04-01T00:00:00Z", None), 0);
    assert_eq!(brings(march, "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z")), 0);
    assert_eq!(brings(march, "2026-03-10T07:00:00Z", Some("2026-03-10T07:00:00Z")), 0);
    assert_eq!(included(march, &[]), Ok(0));
}

#[test]
fn what_is_included_is_shared_by_all_vps_of_the_pool() {
    let march = month(2026, 3);
    let old = Life { transfer_gb: 500, started_at: at("2025-01-01T00:00:00Z"), ended_at: None };
    let half = Life { transfer_gb: 2_000, started_at: at("2026-03-16T12:00:00Z"), ended_at: None };
    assert_eq!(included(march, &[old, half]), Ok(1_500 * GB));
    let much = Life { transfer_gb: i32::MAX, ..old };
    assert_eq!(included(march, &[much]), Ok(i64::from(i32::MAX) * GB));
    assert_eq!(included(march, &[much; 5]), Err(Overflow));
}

#[test]
fn the_first_byte_above_is_charged_and_no_byte_below() {
    assert_eq!(due(0, 0, 10_000, 0), 0);
    assert_eq!(due(999 * GB, 1_000 * GB, 10_000, 0), 0);
    assert_eq!(due(1_000 * GB, 1_000 * GB, 10_000, 0), 0);
    assert_eq!(due(1_000 * GB + 1, 1_000 * GB, 10_000, 0), 1);
    assert_eq!(due(1_001 * GB, 1_000 * GB, 10_000, 0), 10_000);
}

#[test]
fn what_was_charged_before_is_not_charged_again_and_nothing_comes_back() {
    assert_eq!(due(1_001 * GB, 1_000 * GB, 10_000, 1), 9_999);
    assert_eq!(due(1_001 * GB, 1_000 * GB, 10_000, 10_000), 0);
    assert_eq!(due(1_001 * GB, 2_000 * GB, 10_000, 10_000), 0, "more is included than when it was charged");
}

#[test]
fn more_than_money_can_count_is_refused() {
    assert_eq!(figures(i64::MAX, 0, i64::MAX, 0).due(), Err(Overflow));
    assert_eq!(due(i64::MAX, 0, 1_000, 0), 9_223_372_036_855);
}

#[test]
fn charges_follow_each_other() {
    let first = figures(1_001 * GB, 1_000 * GB, 10_000, 0);
    let second =
        Figures { sequence: 2, used: 1_002 * GB, before: Money::from_micros(10_000), ..first.clone() };
    let follows = |one: &Figures, last| one.follows(last).expect("small numbers");
    assert!(follows(&first, None) && follows(&second, Some(&first)));
    assert!(!follows(&second, None) && !follows(&first, Some(&first)));
    for wrong in [
        Figures { sequence: 3, ..second.clone() },
        Figures { before: Money::from_micros(9_999), ..second.clone() },
        Figures { used: 1_001 * GB - 1, ..second },
    ] {
        assert!(!follows(&wrong, Some(&first)), "{wrong:?}");
    }
}

#[test]
fn a_charge_is_written_as_its_reference_and_read_back() {
    let charge = figures(1_001 * GB, 1_000 * GB, 10_000, 5);
    let written = serde_json::to_value(&charge).expect("JSON");
    let expected = serde_json::json!({ "transfer": "standard", "month": "2026-11-01", "sequence": 1,
        "used": 1_001_000_000_000_i64, "included": 1_000_000_000_000_i64, "price_gb": 10_000, "before": 5 });
    assert_eq!(written, expected);
    assert_eq!(serde_json::from_value::<Figures>(written).ok(), Some(charge.clone()));
    assert_eq!(charge.word(), "transfer:standard:2026-11-01:1");
}

/// Some VPS around some month.
fn life() -> impl Strategy<Value = Life> {
    (0..20_000_i32, -2_000_000_i64..4_000_000, proptest::option::of(0..4_000_000_i64)).prop_map(
        |(gb, from, lived)| {
            let started_at = at("2028-02-01T00:00:00Z") + TimeDelta::seconds(from);
            Life { transfer_gb: gb, started_at, ended_at: lived.map(|s| started_at + TimeDelta::seconds(s)) }
        },
    )
}

proptest! {
    #[test]
    fn a_share_lies_between_nothing_and_the_plans_transfer(life in life()) {
        let share = included(month(2028, 2), &[life]).expect("small numbers");
        prop_assert!((0..=i64::from(life.transfer_gb) * GB).contains(&share));
    }

    #[test]
    fn whoever_lives_longer_has_no_less(life in life(), more in 0..4_000_000_i64) {
        let longer = Life { ended_at: life.ended_at.map(|ended| ended + TimeDelta::seconds(more)), ..life };
        let of = |life| included(month(2028, 2), &[life]).expect("small numbers");
        prop_assert!(of(life) <= of(longer));
        let alive = Life { ended_at: None, ..life };
        prop_assert!(of(longer) <= of(alive));
    }

    /// However a count grows and what is included moves: what is charged never falls, and comes to the dearest moment.
    #[test]
    fn charged_step_by_step_it_comes_to_the_dearest_moment(
        steps in proptest::collection::vec((0..100 * GB, 0..2_000 * GB), 1..20), price in 1..1_000_000_i64,
    ) {
        let (mut used, mut charged, mut dearest) = (0, Money::ZERO, Money::ZERO);
        for (more, included) in steps {
            used += more;
            let now = figures(used, included, price, charged.micros());
            let due = now.due().expect("small numbers");
            prop_assert!(due >= Money::ZERO);
            charged = charged.plus(due).expect("small numbers");
            dearest = dearest.max(now.all().expect("small numbers"));
            prop_assert_eq!(charged, dearest);
        }
    }
}
