//! Credits and corrections.

use chrono::TimeDelta;

use super::{RULES, UNCAPPED, at, left, paid};
use crate::model::oracle::{Books, Event};

const BEGIN: &str = "2028-01-01T00:00:00Z";
const END: &str = "2028-01-10T00:00:00Z";

fn given(amount: i64, ends: Option<&str>) -> Event {
    Event::Given { amount, ends: ends.map(at) }
}

#[test]
fn credits_are_spent_before_money_and_first_the_one_that_ends_first() {
    let mut books = Books::new(RULES);
    let events =
        [paid(100), given(30, None), given(20, Some("2028-02-01T00:00:00Z")), given(20, Some(END)), paid(50)];
    for event in events {
        books.happens(at(BEGIN), event);
    }
    books.happens(at(BEGIN), Event::Correct(-45));
    assert_eq!(left(&books), [100, 25, 0, 0, 50], "20 that end first, 20 that end, 5 that do not");
    books.happens(at(BEGIN), Event::Correct(-130));
    assert_eq!(left(&books), [0, 0, 0, 0, 45], "then the older money");
}

#[test]
fn a_credit_ends_at_its_microsecond_and_what_is_left_is_taken() {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), paid(100));
    books.happens(at(BEGIN), given(50, Some(END)));
    books.happens(at(END) - TimeDelta::microseconds(1), Event::Expire);
    books.happens(at(END) - TimeDelta::microseconds(1), Event::Correct(-5));
    assert_eq!(left(&books), [100, 45]);
    // It has ended and is not taken yet: other money goes first, but it is still the organization's.
    books.happens(at(END), Event::Correct(-10));
    assert_eq!((left(&books), books.wallet()), (vec![90, 45], 135));
    books.happens(at(END), Event::Correct(-91));
    assert_eq!(left(&books), [0, 44]);
    books.happens(at(END), Event::Expire);
    assert_eq!((books.wallet(), books.platform.credits), (0, -50 + 44));
}

#[test]
fn what_an_order_holds_of_a_credit_that_ends_is_taken_when_it_comes_back() {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), paid(1_000));
    books.happens(at(BEGIN), given(50, Some(END)));
    assert!(books.happens(at(BEGIN), Event::Order(UNCAPPED)));
    assert_eq!((left(&books), books.held()), (vec![1_000, 40], 10));
    books.happens(at(END), Event::Expire);
    assert_eq!((left(&books), books.held()), (vec![1_000, 0], 10));
    books.happens(at(END), Event::SoldOut(0));
    assert_eq!(left(&books), [1_000, 10]);
    books.happens(at(END), Event::Expire);
    assert_eq!((left(&books), books.platform.credits), (vec![1_000, 0], 0));
}

#[test]
fn a_debt_takes_the_first_of_a_credit_and_of_a_correction() {
    let mut books = super::books(&[(UNCAPPED, BEGIN)], 0);
    books.happens(at("2028-01-01T05:00:00Z"), Event::Bill);
    assert_eq!(books.debt, 30, "five hours at cost");
    books.happens(at("2028-01-01T05:00:00Z"), given(20, None));
    books.happens(at("2028-01-01T05:00:00Z"), Event::Correct(15));
    assert_eq!((books.debt, books.wallet(), left(&books)), (0, 5, vec![0, 0, 5]));
}

#[test]
fn a_correction_takes_no_more_than_there_is_and_a_large_one_needs_two() {
    let mut books = Books::new(RULES);
    books.happens(at(BEGIN), paid(50));
    assert!(!books.happens(at(BEGIN), Event::Correct(-51)));
    let large = RULES.alone + 1;
    assert!(
        books.happens(at(BEGIN), Event::Correct(large)) && books.happens(at(BEGIN), Event::Correct(large))
    );
    assert_eq!(books.wallet(), 50, "both wait");
    assert!(books.happens(at(END) - TimeDelta::days(3), Event::Agree(0)));
    assert_eq!(books.wallet(), 50 + large);
    assert!(!books.happens(at(END) - TimeDelta::days(3), Event::Agree(0)), "once");
    assert!(!books.happens(at("2028-01-08T00:00:00Z"), Event::Agree(1)), "not after seven days");
}
