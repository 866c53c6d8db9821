//! Prices of VPSs that are there.

use chrono::TimeDelta;

use super::{PRICE, UNCAPPED, amounts, at, books, paid};
use crate::model::oracle::{Event, Price};

const BEGIN: &str = "2028-01-01T00:00:00Z";
const DEARER: Price = Price { version: 1, hour: 20, ..UNCAPPED };

#[test]
fn a_dearer_price_needs_its_notice_and_a_lower_one_none() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    let notice = at(BEGIN) + TimeDelta::days(30);
    let early = notice - TimeDelta::microseconds(1);
    assert!(!books.happens(at(BEGIN), Event::Announce { to: DEARER, at: early }));
    let of_the_month = Price { version: 1, hour: 1, month: UNCAPPED.month + 1, ..UNCAPPED };
    assert!(!books.happens(at(BEGIN), Event::Announce { to: of_the_month, at: early }));
    assert!(!books.happens(at(BEGIN), Event::Announce { to: UNCAPPED, at: notice }), "it has that price");
    assert!(!books.happens(at(BEGIN), Event::Announce { to: Price { plan: 1, ..DEARER }, at: notice }));
    assert!(books.happens(at(BEGIN), Event::Announce { to: DEARER, at: notice }));
    let lower = Price { version: 2, hour: 9, ..UNCAPPED };
    let soon = at(BEGIN) + TimeDelta::minutes(1);
    assert!(!books.happens(at(BEGIN), Event::Announce { to: lower, at: soon }), "one at a time");
    assert!(books.happens(at(BEGIN), Event::TakeBack(0)));
    assert!(books.happens(at(BEGIN), Event::Announce { to: lower, at: soon }));
    assert!(!books.happens(at(BEGIN), Event::TakeBack(1)), "in its last minute");
}

#[test]
fn an_hour_costs_what_was_in_force_when_it_began_however_late_it_is_billed() {
    let lower = Price { version: 1, hour: 7, ..UNCAPPED };
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    let from = at("2028-01-01T03:00:00Z");
    assert!(books.happens(at(BEGIN), Event::Announce { to: lower, at: from }));
    books.happens(at("2028-01-01T04:30:00Z"), Event::Bill);
    assert_eq!((amounts(&books, 0), books.burn()), (vec![10, 10, 10, 7, 7], 7));
}

#[test]
fn a_vps_that_is_being_made_changes_after_its_first_hour() {
    let lower = Price { version: 1, hour: 7, ..UNCAPPED };
    let mut books = books(&[(UNCAPPED, BEGIN)], 10_000);
    assert!(books.happens(at(BEGIN), Event::Order(UNCAPPED)));
    assert!(books.happens(at(BEGIN), Event::Announce { to: lower, at: at("2028-01-01T01:00:00Z") }));
    books.happens(at("2028-01-01T01:00:00Z"), Event::Bill);
    assert_eq!(books.burn(), 17, "the one that runs");
    books.happens(at("2028-01-01T02:00:00Z"), Event::Active(1));
    books.happens(at("2028-01-01T03:00:00Z"), Event::Bill);
    assert_eq!((amounts(&books, 1), books.burn()), (vec![10, 7], 14));
}

#[test]
fn a_lower_price_may_lift_a_suspension() {
    let lower = Price { version: 1, hour: 7, ..UNCAPPED };
    let mut books = books(&[(UNCAPPED, BEGIN)], 0);
    let hour = |hours| at(BEGIN) + TimeDelta::hours(hours);
    assert!(books.happens(at(BEGIN), Event::Announce { to: lower, at: hour(2) }));
    books.happens(hour(1), Event::Bill);
    // 168 are a day at 7, and two hours at cost are owed by then.
    books.happens(hour(1), paid(6 + 6 + 168));
    books.happens(hour(1), Event::Work);
    assert!(books.is_suspended());
    books.happens(hour(2), Event::Bill);
    books.happens(hour(2), Event::Work);
    assert_eq!((books.is_suspended(), books.wallet(), books.debt), (false, 168, 0));
}

#[test]
fn in_a_month_of_two_prices_the_dearer_month_is_the_most() {
    // 25 a month, then 18: after two hours 5 are left of 25, and nothing would be of 18.
    let lower = Price { version: 1, month: 18, ..PRICE };
    let mut books = books(&[(PRICE, BEGIN)], 1_000);
    assert!(books.happens(at(BEGIN), Event::Announce { to: lower, at: at("2028-01-01T01:30:00Z") }));
    books.happens(at("2028-01-01T03:00:00Z"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 5, 0]);
    books.happens(at("2028-02-01T02:00:00Z"), Event::Bill);
    let february: Vec<_> = amounts(&books, 0)[31 * 24..].to_vec();
    assert_eq!(february, [10, 8, 0], "the next month knows the new one alone");
}
