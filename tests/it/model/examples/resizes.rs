//! VPSs and volumes that change their size.

use super::{PRICE, UNCAPPED, amounts, at, books, paid};
use crate::model::oracle::{Books, Event, PRICED_GIB, Price, Time};

const BEGIN: &str = "2028-01-01T00:00:00Z";
const BIGGER: Price = Price { plan: 1, cost_hour: 15, hour: 25, ..UNCAPPED };
/// A month is full after three hours.
const BIGGER_CAPPED: Price = Price { hour: 20, month: 60, ..BIGGER };

/// A time on the first day.
fn day_one(time: &str) -> Time {
    at(&format!("2028-01-01T{time}:00Z"))
}

/// Asks for another price of the first VPS.
fn resize(books: &mut Books, now: Time, to: Price) -> bool {
    books.happens(now, Event::Resize { vps: 0, to })
}

/// Resizes the first VPS at once. Answers by how much the hour was raised.
fn resized(books: &mut Books, now: Time, to: Price) -> i64 {
    let number = books.resizes();
    assert!(resize(books, now, to));
    assert!(books.happens(now, Event::Resized(number)));
    books.raised(number)
}

fn balances(books: &Books) -> (i64, i64, i64) {
    (books.wallet(), books.held(), books.burn())
}

#[test]
fn up_in_mid_hour_costs_what_the_hour_lacks() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    assert!(resize(&mut books, day_one("00:20"), BIGGER));
    assert_eq!(balances(&books), (985, 15, 25));
    assert!(books.happens(day_one("00:40"), Event::Resized(0)));
    assert_eq!((amounts(&books, 0), books.raised(0), balances(&books)), (vec![25], 15, (985, 0, 25)));
    assert!(!books.happens(day_one("00:50"), Event::Resized(0)), "it was done before");
    books.happens(day_one("02:00"), Event::Bill);
    assert_eq!((amounts(&books, 0), books.wallet()), (vec![25, 25, 25], 935));
    assert_eq!(books.platform.revenue, 75);
}

#[test]
fn it_waits_until_the_hour_that_runs_is_charged() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    assert!(resize(&mut books, day_one("00:20"), BIGGER));
    assert!(!books.happens(day_one("01:00"), Event::Resized(0)));
    assert_eq!(balances(&books), (985, 15, 25));
    books.happens(day_one("01:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10]);
    assert!(books.happens(day_one("01:00"), Event::Resized(0)));
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![10, 25], (975, 0, 25)));
}

#[test]
fn down_counts_from_the_next_hour() {
    let mut books = books(&[(BIGGER, BEGIN)], 0);
    assert!(resize(&mut books, day_one("00:10"), UNCAPPED), "it needs no money");
    assert_eq!(balances(&books), (0, 0, 25));
    assert!(books.happens(day_one("00:20"), Event::Resized(0)));
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![25], (0, 0, 10)));
    books.happens(day_one("00:30"), paid(100));
    books.happens(day_one("01:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [25, 10]);
}

#[test]
fn down_and_up_again_in_an_hour_pays_nothing_twice() {
    let mut books = books(&[(BIGGER, BEGIN)], 1_000);
    assert_eq!(resized(&mut books, day_one("00:10"), UNCAPPED), 0);
    assert_eq!(resized(&mut books, day_one("00:20"), BIGGER), 0);
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![25], (1_000, 0, 25)));
    // Down and further up: the hour has cost 25 of the 32.
    assert_eq!(resized(&mut books, day_one("00:30"), UNCAPPED), 0);
    assert_eq!(resized(&mut books, day_one("00:40"), Price { plan: 2, hour: 32, ..UNCAPPED }), 7);
    // And once more: the raise counts as well.
    assert_eq!(resized(&mut books, day_one("00:45"), BIGGER), 0);
    assert_eq!(resized(&mut books, day_one("00:50"), Price { plan: 2, hour: 33, ..UNCAPPED }), 1);
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![33], (992, 0, 33)));
}

#[test]
fn up_the_month_is_that_of_the_new_price() {
    let mut books = books(&[(PRICE, BEGIN)], 1_000);
    books.happens(day_one("03:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 5, 0]);
    // The hour was free, and the difference of 10 is all that it can cost.
    assert_eq!(resized(&mut books, day_one("03:30"), BIGGER_CAPPED), 10);
    books.happens(day_one("06:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 5, 10, 20, 5, 0]);
}

#[test]
fn up_in_a_full_month_that_is_no_dearer_costs_nothing() {
    let mut books = books(&[(PRICE, BEGIN)], 1_000);
    books.happens(day_one("01:00"), Event::Bill);
    // 5 are left of 25.
    assert_eq!(resized(&mut books, day_one("01:30"), Price { plan: 1, hour: 20, ..PRICE }), 5);
    assert_eq!(resized(&mut books, day_one("01:40"), Price { plan: 2, hour: 30, ..PRICE }), 0);
    assert_eq!(balances(&books), (985, 0, 30));
    books.happens(day_one("02:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 15, 0]);
}

#[test]
fn down_the_month_stays_that_of_the_dearer_price() {
    let mut books = books(&[(BIGGER_CAPPED, BEGIN)], 1_000);
    books.happens(day_one("01:00"), Event::Bill);
    assert_eq!(resized(&mut books, day_one("01:30"), PRICE), 0);
    books.happens(day_one("04:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [20, 20, 10, 10, 0]);
    books.happens(at("2028-02-01T03:00:00Z"), Event::Bill);
    assert_eq!(amounts(&books, 0)[31 * 24..], [10, 10, 5, 0], "the next month knows the new one alone");
}

#[test]
fn a_price_that_was_in_force_within_an_hour_counts_for_its_month() {
    let small = Price { month: 50, minimum: 30, ..PRICE };
    let mut books = books(&[(small, BEGIN)], 1_000);
    assert_eq!(resized(&mut books, day_one("00:20"), Price { month: 85, ..BIGGER }), 0);
    assert_eq!(resized(&mut books, day_one("00:40"), small), 0);
    books.happens(day_one("07:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [30, 10, 10, 10, 10, 10, 5, 0]);
}

#[test]
fn a_first_hour_of_a_dear_minimum_is_raised_by_less() {
    let with_minimum = Price { minimum: 30, ..UNCAPPED };
    let mut books = books(&[(with_minimum, BEGIN)], 2_000);
    assert_eq!(resized(&mut books, day_one("00:20"), BIGGER), 0);
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![30], (2_000, 0, 25)));
    // The new one's minimum is of no account.
    let dear = Price { plan: 2, hour: 40, minimum: 90, ..UNCAPPED };
    assert_eq!(resized(&mut books, day_one("00:30"), dear), 10);
    books.happens(day_one("01:00"), Event::Bill);
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![40, 40], (1_950, 0, 40)));
}

#[test]
fn an_hour_that_began_in_the_last_month_is_of_that_month() {
    let mut books = books(&[(PRICE, "2028-01-31T21:30:00Z")], 1_000);
    books.happens(at("2028-01-31T23:30:00Z"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 5]);
    assert_eq!(resized(&mut books, at("2028-02-01T00:10:00Z"), BIGGER_CAPPED), 10);
    books.happens(at("2028-02-01T03:30:00Z"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10, 10, 15, 20, 20, 20, 0]);
}

#[test]
fn up_needs_the_reserve_of_everything_at_the_new_price() {
    // 15 for the hour that runs, and a day of 10 and 25.
    let mut books = books(&[(UNCAPPED, BEGIN), (UNCAPPED, BEGIN)], 15 + 24 * 35 - 1);
    assert!(!resize(&mut books, day_one("00:10"), BIGGER));
    assert_eq!(balances(&books), (854, 0, 20));
    books.happens(day_one("00:10"), paid(1));
    assert!(resize(&mut books, day_one("00:10"), BIGGER));
    assert_eq!(balances(&books), (840, 15, 35));
    assert!(
        !books.happens(day_one("00:10"), Event::Order(UNCAPPED)),
        "the day at the new price is spoken for"
    );
}

#[test]
fn only_what_runs_and_really_changes_is_resized_and_one_at_a_time() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 10_000);
    assert!(!resize(&mut books, day_one("00:10"), UNCAPPED), "it has that price");
    let newer = Price { version: 1, ..UNCAPPED };
    assert!(resize(&mut books, day_one("00:10"), newer));
    assert!(!resize(&mut books, day_one("00:20"), BIGGER), "one is under way");
    assert!(books.happens(day_one("00:30"), Event::Resized(0)));
    assert!(books.happens(day_one("00:30"), Event::Order(UNCAPPED)));
    assert!(!books.happens(day_one("00:30"), Event::Resize { vps: 1, to: BIGGER }), "it is not there yet");
    books.happens(day_one("00:30"), Event::Delete(0));
    assert!(!resize(&mut books, day_one("00:40"), BIGGER));
}

#[test]
fn what_fails_or_ends_leaves_everything_as_it_was() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    assert!(resize(&mut books, day_one("00:10"), BIGGER));
    assert!(books.happens(day_one("00:20"), Event::NotResized(0)));
    assert_eq!(balances(&books), (1_000, 0, 10));
    assert!(!books.happens(day_one("00:20"), Event::NotResized(0)));
    assert!(resize(&mut books, day_one("00:30"), BIGGER));
    books.happens(day_one("00:40"), Event::Delete(0));
    assert_eq!(balances(&books), (1_000, 0, 0));
    assert!(!books.happens(day_one("00:50"), Event::Resized(1)), "nobody waits for it");
    books.happens(day_one("02:00"), Event::Bill);
    assert_eq!(amounts(&books, 0), [10]);
}

#[test]
fn suspended_it_stays_under_way_and_is_done_for_nothing() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    assert!(resize(&mut books, day_one("00:10"), BIGGER));
    books.happens(day_one("00:20"), Event::Correct(3 - 985));
    books.happens(day_one("01:00"), Event::Bill);
    assert_eq!((books.is_suspended(), balances(&books), books.debt), (true, (3, 15, 15), 6));
    assert!(books.happens(day_one("01:10"), Event::Resized(0)));
    assert_eq!((amounts(&books, 0), balances(&books), books.debt), (vec![10, 6], (18, 0, 0), 6));
    books.happens(day_one("02:00"), Event::Bill);
    assert_eq!((amounts(&books, 0), books.debt), (vec![10, 6, 15], 21));
    // A day at 25, and what is owed.
    books.happens(day_one("02:10"), paid(24 * 25 + 21 - 18 - 1));
    books.happens(day_one("02:10"), Event::Work);
    assert!(books.is_suspended());
    books.happens(day_one("02:10"), paid(1));
    books.happens(day_one("02:10"), Event::Work);
    assert!(!books.is_suspended());
}

#[test]
fn one_that_is_given_up_may_lift_a_suspension() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    assert!(resize(&mut books, day_one("00:10"), BIGGER));
    books.happens(day_one("00:20"), Event::Correct(3 - 985));
    books.happens(day_one("01:00"), Event::Bill);
    // A day at 10, and what is owed: 15 of it are held.
    books.happens(day_one("01:10"), paid(24 * 10 + 6 - 3 - 15));
    books.happens(day_one("01:10"), Event::Work);
    assert!(books.is_suspended());
    assert!(books.happens(day_one("01:20"), Event::NotResized(0)));
    books.happens(day_one("01:20"), Event::Work);
    assert_eq!((books.is_suspended(), balances(&books), books.debt), (false, (240, 0, 10), 0));
}

#[test]
fn a_change_of_price_that_comes_first_changes_neither_what_is_held_nor_the_price_ordered_at() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    let lower = Price { version: 1, hour: 7, ..UNCAPPED };
    assert!(books.happens(day_one("00:00"), Event::Announce { to: lower, at: day_one("01:00") }));
    assert!(resize(&mut books, day_one("00:30"), BIGGER));
    books.happens(day_one("01:10"), Event::Bill);
    assert_eq!((amounts(&books, 0), books.burn()), (vec![10, 7], 7 + 15));
    assert!(books.happens(day_one("01:20"), Event::Resized(0)));
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![10, 22], (978, 0, 25)));
}

#[test]
fn a_resize_voids_what_was_announced_and_later_announcements_are_of_the_new_plan() {
    let mut books = books(&[(UNCAPPED, BEGIN)], 1_000);
    let lower = Price { version: 1, hour: 7, ..UNCAPPED };
    assert!(books.happens(day_one("00:00"), Event::Announce { to: lower, at: day_one("01:00") }));
    assert_eq!(resized(&mut books, day_one("00:30"), BIGGER), 15);
    books.happens(day_one("01:10"), Event::Bill);
    assert_eq!(amounts(&books, 0), [25, 25]);
    let soon = day_one("02:00");
    assert!(!books.happens(day_one("01:10"), Event::Announce { to: lower, at: soon }));
    let of_the_new = Price { version: 1, hour: 24, ..BIGGER };
    assert!(books.happens(day_one("01:10"), Event::Announce { to: of_the_new, at: soon }));
    books.happens(soon, Event::Bill);
    assert_eq!(amounts(&books, 0), [25, 25, 24]);
}

#[test]
fn a_volume_grows_and_shrinks() {
    let price = |gib| Price { hour: 10 * PRICED_GIB, ..UNCAPPED }.of_volume(gib);
    let mut books = books(&[(price(13), BEGIN)], 10_000);
    assert_eq!(amounts(&books, 0), [130]);
    assert!(!resize(&mut books, day_one("00:10"), price(13)));
    assert_eq!(resized(&mut books, day_one("00:20"), price(20)), 70);
    assert_eq!(resized(&mut books, day_one("00:30"), price(2)), 0);
    books.happens(day_one("01:00"), Event::Bill);
    assert_eq!((amounts(&books, 0), balances(&books)), (vec![200, 20], (9_910, 0, 20)));
    assert_eq!(books.volumes(), [0]);
}
