//! The oracle on examples that were worked out by hand.

mod credits;
mod ladder;
mod payback;
mod prices;
mod resizes;

use chrono::TimeDelta;

use super::oracle::{Books, Cost, Event, Markup, Price, Rules, Tariff, Time};

const RULES: Rules = Rules { notice_days: 30, retention_hours: 168, alone: 100_000_000 };
const PRICE: Price = Price { plan: 0, version: 0, cost_hour: 6, hour: 10, month: 25, minimum: 0 };
const UNCAPPED: Price = Price { month: 1_000_000, ..PRICE };

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// Books with money and active VPSs from these times on, whose first hours are paid, and which leave so much.
fn books(prices: &[(Price, &str)], left: i64) -> Books {
    let mut books = Books::new(RULES);
    books.happens(at(prices[0].1), paid(1_000_000));
    for (vps, (price, from)) in prices.iter().enumerate() {
        assert!(books.happens(at(from), Event::Order(*price)));
        books.happens(at(from), Event::Active(vps));
    }
    let too_much = books.wallet() - left;
    assert!(books.happens(at(prices[0].1), Event::Correct(-too_much)));
    books
}

/// A payment that holds no tax.
fn paid(gross: i64) -> Event {
    Event::Paid { gross, rate: 0 }
}

/// What is left of everything that came in, in its order.
fn left(books: &Books) -> Vec<i64> {
    books.purses().iter().map(|purse| purse.free).collect()
}

fn amounts(books: &Books, vps: usize) -> Vec<i64> {
    books.charges.iter().filter(|((of, _), _)| *of == vps).map(|(_, (amount, _))| *amount).collect()
}

#[test]
fn a_price_is_the_cost_with_its_share_rounded_up_and_the_fixed_part() {
    let cost = Cost { hour: 7_440, month: 5_000_001, minimum: 1 };
    let price = Price::of(0, 0, cost, Markup { basis_points: 2_500, fixed_hour: 7, fixed_month: 9 });
    let expected = Price { plan: 0, version: 0, cost_hour: 7_440, hour: 9_307, month: 6_250_011, minimum: 2 };
    assert_eq!(price, expected);
}

#[test]
fn a_month_is_full_at_its_cap_and_the_next_begins_afresh() {
    let mut books = books(&[(PRICE, "2028-02-29T20:30:00Z")], 1_000);
    books.happens(at("2028-03-01T00:30:00Z"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 5, 0, 10]);
}

#[test]
fn the_last_hour_begins_before_the_delete() {
    let mut books = books(&[(UNCAPPED, "2028-01-01T00:00:00Z")], 1_000);
    books.happens(at("2028-01-01T02:00:00Z"), Event::Delete(0));
    books.happens(at("2028-01-02T00:00:00Z"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10], "the third hour begins with the delete");
}

#[test]
fn an_empty_wallet_suspends_and_the_next_money_pays_the_debt_first() {
    let mut books = books(&[(UNCAPPED, "2028-01-01T00:00:00Z")], 15);
    let now = at("2028-01-01T03:00:00Z");
    books.happens(now, Event::Bill);
    assert_eq!((amounts(&books, 0), books.wallet(), books.debt), (vec![10, 10, 6, 6], 5, 12));
    books.happens(now, paid(246));
    books.happens(now, Event::Work);
    assert_eq!((books.wallet(), books.debt, books.burn()), (239, 0, 0), "a micro short of a day");
    books.happens(now, paid(1));
    books.happens(now, Event::Work);
    assert_eq!((books.wallet(), books.burn()), (240, 10));
    assert_eq!(books.power_cuts, [(0, now, true), (0, now, false)]);
}

#[test]
fn hours_that_were_not_billed_are_paid_in_their_order() {
    // The second VPS began when the first had lived for two hours. There is money for four hours.
    let lives = [(UNCAPPED, "2028-01-01T00:00:00Z"), (UNCAPPED, "2028-01-01T02:00:00Z")];
    let mut books = books(&lives, 40);
    books.happens(at("2028-01-01T04:00:00Z"), Event::Bill);
    assert_eq!((amounts(&books, 0), amounts(&books, 1)), (vec![10, 10, 10, 10, 6], vec![10, 10, 6]));
    let last = books.charges[&(1, at("2028-01-01T03:00:00Z"))];
    assert_eq!((books.wallet(), last.1), (0, Tariff::Sold));
}

#[test]
fn what_a_deleted_vps_owes_is_taken_as_far_as_the_wallet_goes() {
    let mut books = books(&[(UNCAPPED, "2028-01-01T00:00:00Z")], 15);
    books.happens(at("2028-01-01T00:00:00Z") + TimeDelta::minutes(150), Event::Delete(0));
    books.happens(at("2028-01-01T12:00:00Z"), Event::Bill);
    assert_eq!((amounts(&books, 0), books.wallet(), books.debt), (vec![10, 10, 10], 0, 5));
}
