//! When things happen in a world: the same moments for all of its organizations.

use chrono::{DateTime, TimeDelta, Utc};
use testkit::{Cut, Random};

use super::oracle::{Markup, Time};

/// Times at which somebody has miscounted before: ends of months and years, and of February in a leap year.
const TURNS: [&str; 6] = [
    "2028-02-29T00:00:00Z",
    "2028-03-01T00:00:00Z",
    "2028-01-01T00:00:00Z",
    "2027-11-01T00:00:00Z",
    "2028-03-26T01:00:00Z",
    "2028-05-01T00:00:00Z",
];

/// From the moment itself to each look of the workers, and to the billing run: the second look confirms what
/// was ordered at the moment.
pub(crate) const LOOK: TimeDelta = TimeDelta::seconds(20);

/// Moments of a world; about as many hours in each of its steps as its length asks for.
const MOMENTS: usize = 36;

/// A moment: what the operator publishes, and how the hours are billed after everybody has acted.
pub(crate) struct Moment {
    pub(crate) at: Time,
    /// New prices of a plan, by its place in the list.
    pub(crate) publish: Option<(usize, Markup)>,
    /// Another tax rate at home, in hundredths of a percent, from so many days later on.
    pub(crate) tax: Option<(i32, u64)>,
    /// Is what has ended of credits taken before anybody acts?
    pub(crate) expire: bool,
    pub(crate) bill: Option<Billing>,
    /// How often those who do not pay are looked after in the end, a few minutes apart.
    pub(crate) climbs: u32,
}

/// Between two looks after those who do not pay: less than what counts as a pause.
pub(crate) const CLIMB: TimeDelta = TimeDelta::minutes(9);

/// Enough of them for the last hour of something.
const LAST_HOUR: u32 = 8;

/// How a billing run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Billing {
    /// It goes well.
    Once,
    /// Two processes run at once.
    AtOnce,
    /// The wire is cut at the n-th commit.
    Cut(usize, Cut),
    /// It is given up after so many milliseconds.
    GivenUp(u64),
}

/// When a world begins and what happens in it. A long one lasts for months, so that real caps are reached.
pub(crate) fn moments(random: &mut Random, is_long: bool, plans: usize) -> Vec<Moment> {
    let turn: DateTime<Utc> = random.pick(&TURNS).parse().unwrap();
    // All times are near one of two grids, a few looks beside it: so hours begin, end and are billed at the very
    // same microsecond often.
    let grid = random.pick(&[TimeDelta::zero(), TimeDelta::microseconds(1_023_123_456)]);
    let days_before = random.within(2..if is_long { 40 } else { 7 });
    let mut at = turn - TimeDelta::days(i64::try_from(days_before).unwrap());
    let mut without_billing = 0;
    let mut moments = Vec::new();
    for _ in 0..MOMENTS {
        let step = if is_long {
            random.pick(&[4, 13, 24, 50, 90, 170])
        } else {
            random.pick(&[1, 1, 2, 3, 5, 9, 26])
        };
        at += TimeDelta::hours(step);
        let beside = match random.within(0..10) {
            0..5 => grid,
            5..8 => TimeDelta::zero(),
            _ => TimeDelta::microseconds(i64::try_from(random.within(0..3_400_000_000)).unwrap()),
        };
        let looks = i32::try_from(random.within(0..4)).unwrap() - 2;
        if without_billing == 0 && random.percent(8) {
            without_billing = random.within(2..6);
        }
        let is_down = without_billing > 0;
        without_billing = without_billing.saturating_sub(1);
        let climbs = match random.within(0..100) {
            0..35 => 1,
            35..60 => LAST_HOUR,
            _ => 0,
        };
        moments.push(Moment {
            at: at + beside + LOOK * looks,
            publish: random.percent(30).then(|| (random.index(plans), markup(random))),
            tax: random.percent(8).then(|| (random.pick(&[0, 700, 1_900, 2_550]), random.within(0..3))),
            expire: random.percent(85),
            bill: (!is_down && random.percent(85)).then(|| billing(random)),
            climbs,
        });
        if climbs > 1 {
            // The next moment comes after it.
            at += TimeDelta::hours(2);
        }
    }
    moments
}

/// Sometimes an hour is so dear that the month is full after a day or two.
fn markup(random: &mut Random) -> Markup {
    Markup {
        basis_points: random.pick(&[0, 1, 2_500, 3_333, 9_999]),
        fixed_hour: random.pick(&[0, 1, 40_000, 333_333]),
        fixed_month: random.pick(&[0, 0, 1_000_001]),
    }
}

fn billing(random: &mut Random) -> Billing {
    match random.within(0..100) {
        0..20 => Billing::AtOnce,
        20..30 => Billing::Cut(1 + random.index(2), Cut::Before),
        30..40 => Billing::Cut(1 + random.index(2), Cut::After),
        40..50 => Billing::GivenUp(random.within(0..60)),
        _ => Billing::Once,
    }
}
