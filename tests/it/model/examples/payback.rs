//! Tax, refunds, reversals and disputes.

use chrono::TimeDelta;

use super::{RULES, at, left, paid};
use crate::model::oracle::{Books, Event, Kind, Platform, rate_on};

const BEGIN: &str = "2028-01-01T00:00:00Z";
const CENT: i64 = 10_000;

fn taxed(cents: i64) -> Event {
    Event::Paid { gross: cents * CENT, rate: 1_900 }
}

/// Books with one payment of so many cents without tax, of which so many are spent.
fn spent(cents: i64, spent: i64) -> Books {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), paid(cents * CENT));
    books.happens(at(BEGIN), Event::Correct(-spent * CENT));
    books
}

fn went_back(cents: i64, kind: Kind, at: &str) -> Event {
    Event::WentBack { payment: 0, gross: cents * CENT, kind, at: super::at(at) }
}

fn disputed(cents: i64) -> Event {
    Event::Disputed { payment: 0, gross: cents * CENT, began: at(BEGIN), decided: None }
}

/// In cents: can be spent, reserved, owed.
fn cents(books: &Books) -> [i64; 3] {
    [books.wallet() / CENT, books.held() / CENT, books.debt / CENT]
}

#[test]
fn a_payment_holds_its_tax_and_the_rest_is_credited() {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), taxed(1_190));
    assert_eq!((books.wallet(), books.platform.tax), (1_000 * CENT, 190 * CENT));
    books.happens(at(BEGIN), taxed(2_500));
    assert_eq!(left(&books)[1], 2_101 * CENT, "25.00 hold 3.9915...");
}

#[test]
fn the_rate_is_that_of_the_last_day_that_has_begun() {
    let rates = [(at(BEGIN), 1_900), (at("2028-01-03T00:00:00Z"), 700), (at("2028-01-03T00:00:00Z"), 500)];
    assert_eq!(rate_on(&rates, at("2028-01-03T00:00:00Z") - TimeDelta::microseconds(1)), 1_900);
    assert_eq!(rate_on(&rates, at("2028-01-03T00:00:00Z")), 500, "what was published last for a day counts");
}

#[test]
fn what_goes_back_takes_its_tax_along_and_all_parts_take_all_of_it() {
    // 10 cents hold 1.597, so 2 cents. Three, six and ten cents of it hold 0.6, 1.2 and 2: as cents 1, 1 and 2.
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), taxed(10));
    assert_eq!(cents(&books), [8, 0, 0]);
    let mut after = Vec::new();
    for part in [3, 3, 4] {
        books.happens(at(BEGIN), went_back(part, Kind::Refund, BEGIN));
        after.push((cents(&books)[0], books.platform.tax / CENT));
    }
    assert_eq!(after, [(6, 1), (3, 1), (0, 0)]);
    assert_eq!(books.platform, Platform::default());
}

#[test]
fn what_is_unspent_can_go_back_with_the_tax_in_it() {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), taxed(1_190));
    books.happens(at(BEGIN), Event::Correct(-400 * CENT - 1));
    // 5.999999 of 10.00 are left: of 11.90 that is 7.13999881.
    assert_eq!(books.refundable(0), 713 * CENT);
    assert!(!books.happens(at(BEGIN), Event::Refund { payment: 0, gross: 714 * CENT }));
    assert!(books.happens(at(BEGIN), Event::Refund { payment: 0, gross: 713 * CENT }));
    // 7.13 hold 1.1384, so 1.14.
    assert_eq!((books.held(), books.wallet()), (599 * CENT, CENT - 1));
    books.happens(at(BEGIN), Event::NotRefunded { back: 0 });
    assert_eq!(left(&books), [600 * CENT - 1]);
}

#[test]
fn what_the_wallet_does_not_have_of_a_reversal_is_owed_and_the_next_money_pays_it() {
    let mut books = spent(1_000, 700);
    books.happens(at(BEGIN), Event::Given { amount: 50 * CENT, ends: None });
    // The money of that payment goes first, although there is a credit.
    books.happens(at(BEGIN), went_back(100, Kind::Refund, BEGIN));
    assert_eq!(left(&books), [200 * CENT, 50 * CENT]);
    books.happens(at(BEGIN), went_back(900, Kind::Reversal, BEGIN));
    assert_eq!(cents(&books), [0, 0, 650]);
    assert_eq!((books.platform.gateway, books.platform.chargebacks), (-900 * CENT, 900 * CENT));
    books.happens(at(BEGIN), paid(700 * CENT));
    assert_eq!(cents(&books), [50, 0, 0]);
}

#[test]
fn what_is_disputed_is_frozen_as_far_as_it_is_there_and_free_when_it_is_won() {
    let mut books = spent(1_000, 600);
    books.happens(at(BEGIN), disputed(500));
    assert_eq!(cents(&books), [0, 400, 0]);
    assert_eq!(books.refundable(0), 0, "what is disputed is not refunded");
    books.happens(at("2028-01-02T00:00:00Z"), Event::Won { dispute: 0, at: at("2028-01-02T00:00:00Z") });
    assert_eq!(cents(&books), [400, 0, 0]);
}

#[test]
fn a_lost_dispute_takes_what_is_frozen_and_the_rest_is_owed_and_its_reversal_takes_nothing_more() {
    let mut books = spent(1_000, 600);
    books.happens(at(BEGIN), disputed(500));
    let later = "2028-01-02T00:00:00Z";
    books.happens(at(later), Event::Lost { dispute: 0, gross: 500 * CENT, at: at(later) });
    assert_eq!(cents(&books), [0, 0, 100]);
    assert_eq!(books.lost_and_not_paid_out(0), 500 * CENT);
    books.happens(at(later), went_back(500, Kind::Reversal, later));
    assert_eq!((cents(&books), books.lost_and_not_paid_out(0)), ([0, 0, 100], 0));
    books.happens(at(later), Event::Appealed { dispute: 0 });
    books.happens(at(later), Event::Won { dispute: 0, at: at(later) });
    assert_eq!(cents(&books), [400, 0, 0], "it came back, and paid the debt first");
}

#[test]
fn what_went_back_while_a_dispute_was_open_went_back_because_of_it() {
    let mut books = spent(1_000, 0);
    // The reversal is heard of before the dispute.
    books.happens(at(BEGIN), went_back(300, Kind::Reversal, BEGIN));
    books.happens(at(BEGIN), disputed(500));
    assert_eq!(cents(&books), [500, 200, 0]);
    books.happens(at(BEGIN), Event::Lost { dispute: 0, gross: 500 * CENT, at: at(BEGIN) });
    assert_eq!(cents(&books), [500, 0, 0], "the other 2.00");
    // A refund of less is one more.
    let mut books = spent(1_000, 0);
    books.happens(at(BEGIN), went_back(300, Kind::Refund, BEGIN));
    books.happens(at(BEGIN), disputed(500));
    books.happens(at(BEGIN), Event::Lost { dispute: 0, gross: 500 * CENT, at: at(BEGIN) });
    assert_eq!(cents(&books), [200, 0, 0], "all 5.00");
    let mut books = spent(1_000, 0);
    books.happens(at(BEGIN), went_back(500, Kind::Refund, BEGIN));
    books.happens(at(BEGIN), disputed(500));
    books.happens(at(BEGIN), Event::Lost { dispute: 0, gross: 500 * CENT, at: at(BEGIN) });
    assert_eq!(cents(&books), [500, 0, 0], "the refund ended it");
    // One that came before it, did not.
    let mut books = spent(1_000, 0);
    books.happens(at(BEGIN), went_back(300, Kind::Reversal, "2027-12-31T23:59:59Z"));
    books.happens(at(BEGIN), disputed(500));
    assert_eq!(cents(&books), [200, 500, 0]);
}

#[test]
fn what_was_taken_for_a_dispute_that_was_won_before_comes_back_with_its_tax() {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), taxed(1_190));
    books.happens(at(BEGIN), disputed(595));
    books.happens(at(BEGIN), Event::Won { dispute: 0, at: at("2028-01-02T00:00:00Z") });
    assert_eq!(cents(&books), [1_000, 0, 0]);
    books.happens(at("2028-01-03T00:00:00Z"), went_back(595, Kind::Reversal, "2028-01-02T01:00:00Z"));
    assert_eq!(cents(&books), [1_000, 0, 0]);
    assert_eq!((books.platform.tax, books.platform.chargebacks), (190 * CENT, 0));
    assert_eq!(books.disputes()[0].2, 595 * CENT);
}
