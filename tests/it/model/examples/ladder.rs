//! What becomes of those who do not pay.

use chrono::TimeDelta;

use super::{UNCAPPED, amounts, at, books, paid};
use crate::model::oracle::{Books, Event, Price, Terms, Time};

const BEGIN: &str = "2028-01-01T00:00:00Z";

fn hours(hours: i64) -> Time {
    at(BEGIN) + TimeDelta::hours(hours)
}

/// Looks every five minutes, from one hour on to another one.
fn climb(books: &mut Books, from: i64, to: i64) {
    for step in from * 12..=to * 12 {
        books.happens(at(BEGIN) + TimeDelta::minutes(5 * step), Event::Climb);
    }
}

/// Books of somebody whose VPSs are suspended since an hour after their beginning.
fn suspended(prices: &[Price]) -> Books {
    let lives: Vec<_> = prices.iter().map(|price| (*price, BEGIN)).collect();
    let mut books = books(&lives, 0);
    books.happens(hours(1), Event::Bill);
    assert!(books.is_suspended());
    books
}

#[test]
fn whoever_looks_all_the_time_keeps_the_announced_date() {
    let mut books = suspended(&[UNCAPPED]);
    climb(&mut books, 1, 168);
    assert_eq!(books.kept(0), Some((hours(169), 1)), "told of three warnings, the last ten minutes early");
    assert!(books.destroyed.is_empty());
    climb(&mut books, 168, 169);
    assert_eq!(books.destroyed, [(0, hours(169))]);
    books.happens(hours(200), Event::Bill);
    assert_eq!(amounts(&books, 0).len(), 169, "hours begin until then");
}

#[test]
fn every_warning_leaves_its_hours_however_late_it_comes() {
    let mut books = suspended(&[UNCAPPED]);
    books.happens(hours(1), Event::Climb);
    assert_eq!(books.kept(0), Some((hours(169), 168)));
    let mut dates = Vec::new();
    for hour in [400, 500, 600, 700] {
        books.happens(hours(hour), Event::Climb);
        dates.push(books.kept(0).unwrap());
    }
    // After the last one, a look that comes after a pause leaves an hour.
    let expected = [(472, 72), (524, 24), (601, 1), (701, 1)].map(|(until, told)| (hours(until), told));
    assert_eq!(dates, expected);
    assert!(books.destroyed.is_empty());
    climb(&mut books, 700, 701);
    assert_eq!(books.destroyed, [(0, hours(701))]);
}

#[test]
fn the_newest_ends_first_and_what_is_affordable_then_is_resumed() {
    let mut books = suspended(&[UNCAPPED, UNCAPPED, UNCAPPED]);
    climb(&mut books, 1, 168);
    books.happens(hours(168), Event::Bill);
    // Enough for the debt, an hour at cost and a day of one of them, not for two.
    books.happens(hours(168), paid(books.debt + 6 + 24 * 10));
    climb(&mut books, 168, 169);
    assert_eq!(books.destroyed, [(2, hours(169)), (1, hours(169))]);
    books.happens(hours(169), Event::Bill);
    books.happens(hours(169), Event::Work);
    assert_eq!((books.is_suspended(), books.wallet()), (false, 240));
}

#[test]
fn other_terms_bring_another_date() {
    let mut books = suspended(&[UNCAPPED]);
    books.happens(hours(1), Event::Climb);
    books.happens(hours(2), Event::Agreed(Terms { retention_hours: Some(30), ..Terms::default() }));
    assert_eq!(books.kept(0), None);
    books.happens(hours(2), Event::Climb);
    assert_eq!(books.kept(0), Some((hours(32), 30)), "30 h after the second hour: less would be no warning");
    books.happens(hours(3), Event::Agreed(Terms { never_destroyed: true, ..Terms::default() }));
    climb(&mut books, 3, 400);
    assert_eq!((books.kept(0), books.destroyed.len()), (None, 0));
}

#[test]
fn a_credit_line_pays_hours_at_the_price_sold_up_to_its_limit() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 15);
    books.happens(hours(0), Event::Agreed(Terms { credit_limit: 25, ..Terms::default() }));
    books.happens(hours(6), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 10, 10, 10, 6, 6], "40 from wallet and line");
    assert_eq!((books.wallet(), books.debt), (0, 37));
    // A day costs 240: with the line of 25, and 37 owed, 252 are missing.
    books.happens(hours(6), paid(251));
    books.happens(hours(6), Event::Work);
    assert!(books.is_suspended());
    books.happens(hours(6), paid(1));
    books.happens(hours(6), Event::Work);
    assert_eq!((books.is_suspended(), books.debt, books.wallet()), (false, 0, 215));
}
