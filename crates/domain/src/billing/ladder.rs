//! What an organization goes through when its money runs out: notices while the wallet still lasts, then, once its
//! VPSs are suspended, a date until which they are kept, and warnings before it.

use chrono::{DateTime, Duration, Utc};

use super::{hour, runway_hours};
use crate::Money;
use crate::money::Overflow;

/// Hours of runway below which people are told that the wallet runs out; the most urgent last.
pub const NOTICES: [i64; 3] = [72, 24, 1];

/// Hours before the destruction of unpaid VPSs at which people are warned; the last one last.
pub const WARNINGS: [i64; 3] = [72, 24, 1];

/// A warning may go out so much before its time: a program that looks once a minute then never has to move the date.
pub fn lead() -> Duration {
    Duration::minutes(10)
}

/// The most urgent notice that holds at this runway; `None` when it is long enough, or nothing burns.
pub fn notice(runway: Option<i64>) -> Option<i64> {
    NOTICES.into_iter().rev().find(|&hours| runway.is_some_and(|runway| runway < hours))
}

/// What decides whether an organization can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    /// Money that can be spent.
    pub available: Money,
    /// What it owes.
    pub receivable: Money,
    /// How much it may owe before anything is suspended.
    pub credit_limit: Money,
}

impl Funds {
    /// What it may still come to owe.
    pub fn credit_left(self) -> Result<Money, Overflow> {
        Ok(self.credit_limit.minus(self.receivable)?.max(Money::ZERO))
    }

    /// Money and credit that hours can still be paid from.
    pub fn spendable(self) -> Result<Money, Overflow> {
        self.available.plus(self.credit_left()?)
    }

    /// How long these last: whole hours of `burn`; `None` when nothing burns.
    pub fn runway_hours(self, burn: Money) -> Result<Option<i64>, Overflow> {
        Ok(runway_hours(self.spendable()?, burn))
    }

    /// What must come before suspended VPSs run again: the debt beyond the credit line, and the reserve hours of
    /// `burn`, everything that then runs. Nothing when they can.
    pub fn missing(self, burn: Money, reserve_hours: i64) -> Result<Money, Overflow> {
        let needed = burn.times(reserve_hours)?.plus(self.receivable)?;
        Ok(needed.minus(self.available)?.minus(self.credit_limit)?.max(Money::ZERO))
    }
}

/// Until when an unpaid VPS is kept, and what its people know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When it is destroyed.
    pub until: DateTime<Utc>,
    /// So many whole hours before that they were last told, at least.
    pub told: i64,
}

/// What comes next for an unpaid VPS that has a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A warning so many hours before the destruction.
    Warn(i64),
    /// The destruction.
    Destroy,
}

impl Kept {
    /// As it is stored: both or none.
    pub fn of(until: Option<DateTime<Utc>>, told: Option<i32>) -> Option<Self> {
        until.zip(told).map(|(until, told)| Self { until, told: told.into() })
    }

    /// The date that is announced at `now` for a VPS suspended since `suspended_at`: the end of the retention, but
    /// never sooner than a first warning would leave them.
    pub fn announce(suspended_at: DateTime<Utc>, retention_hours: i64, now: DateTime<Utc>) -> Self {
        let first = retention_hours.min(WARNINGS[0]);
        let until = (suspended_at + hour() * whole(retention_hours)).max(now + hour() * whole(first));
        Self { until, told: (until - now).num_hours() }
    }

    /// What comes next, and when.
    pub fn next(self) -> (Step, DateTime<Utc>) {
        match WARNINGS.into_iter().find(|&hours| hours < self.told) {
            Some(hours) => (Step::Warn(hours), self.until - hour() * whole(hours)),
            None => (Step::Destroy, self.until),
        }
    }

    /// The step to take at `now`, if one is due.
    pub fn due(self, now: DateTime<Utc>) -> Option<Step> {
        let (step, at) = self.next();
        let early = match step {
            Step::Warn(_) => lead(),
            Step::Destroy => Duration::zero(),
        };
        (at - early <= now).then_some(step)
    }

    /// The same after a warning at `now`. One that comes late moves the date: every warning leaves its hours.
    #[must_use]
    pub fn warned(self, hours: i64, now: DateTime<Utc>) -> Self {
        Self { until: self.until.max(now + hour() * whole(hours)), told: hours }
    }
}

/// Hours for a duration; nobody keeps anything for longer than that many.
fn whole(hours: i64) -> i32 {
    i32::try_from(hours).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).expect("a valid time")
    }

    fn at(hours: i64) -> DateTime<Utc> {
        start() + Duration::hours(hours)
    }

    #[test]
    fn the_most_urgent_notice_holds() {
        let notices = [None, Some(72), Some(71), Some(24), Some(23), Some(1), Some(0), Some(-3)].map(notice);
        assert_eq!(notices, [None, None, Some(72), Some(72), Some(24), Some(24), Some(1), Some(1)]);
    }

    #[test]
    fn credit_lengthens_the_runway_and_lowers_what_is_missing() -> Result<(), Overflow> {
        let funds = |available, receivable, limit| Funds {
            available: Money::from_micros(available),
            receivable: Money::from_micros(receivable),
            credit_limit: Money::from_micros(limit),
        };
        let burn = Money::from_micros(10);
        assert_eq!(funds(100, 0, 0).runway_hours(burn)?, Some(10));
        assert_eq!(funds(100, 30, 80).runway_hours(burn)?, Some(15));
        assert_eq!(funds(100, 90, 80).runway_hours(burn)?, Some(10), "a debt beyond the line takes no money");
        assert_eq!(funds(100, 0, 0).runway_hours(Money::ZERO)?, None);
        assert_eq!(funds(240, 0, 0).missing(burn, 24)?, Money::ZERO);
        assert_eq!(funds(240, 1, 0).missing(burn, 24)?, Money::from_micros(1));
        assert_eq!(funds(0, 100, 200).missing(burn, 24)?, Money::from_micros(140));
        Ok(())
    }

    /// Every step from the announcement on, with when it was taken, by somebody who looks at these times.
    fn steps(mut kept: Kept, looks: impl IntoIterator<Item = DateTime<Utc>>) -> Vec<(Step, DateTime<Utc>)> {
        let mut taken = Vec::new();
        for now in looks {
            match kept.due(now) {
                None => {}
                Some(Step::Warn(hours)) => {
                    kept = kept.warned(hours, now);
                    taken.push((Step::Warn(hours), now));
                }
                Some(Step::Destroy) => {
                    taken.push((Step::Destroy, now));
                    return taken;
                }
            }
        }
        taken
    }

    fn minutely(from: i64, to: i64) -> impl Iterator<Item = DateTime<Utc>> {
        (from * 60..=to * 60).map(|minute| start() + Duration::minutes(minute))
    }

    #[test]
    fn whoever_looks_every_minute_keeps_the_date() {
        let kept = Kept::announce(start(), 168, start());
        assert_eq!(kept, Kept { until: at(168), told: 168 });
        let early = |hours: i64| at(168 - hours) - lead();
        let expected = [
            (Step::Warn(72), early(72)),
            (Step::Warn(24), early(24)),
            (Step::Warn(1), early(1)),
            (Step::Destroy, at(168)),
        ];
        assert_eq!(steps(kept, minutely(0, 200)), expected);
    }

    #[test]
    fn a_pause_moves_the_date_so_that_every_warning_leaves_its_hours() {
        let kept = Kept::announce(start(), 168, start());
        let taken = steps(kept, minutely(0, 1).chain(minutely(400, 600)));
        assert_eq!(taken.first(), Some(&(Step::Warn(72), at(400))));
        assert_eq!(taken.last(), Some(&(Step::Destroy, at(472))));
        for (step, when) in &taken {
            if let Step::Warn(hours) = step {
                assert!(at(472) - *when >= Duration::hours(*hours), "{step:?}");
            }
        }
    }

    #[test]
    fn a_short_retention_skips_the_warnings_that_it_is_shorter_than() {
        let kept = Kept::announce(start(), 12, start());
        assert_eq!(kept, Kept { until: at(12), told: 12 });
        let taken: Vec<Step> = steps(kept, minutely(0, 20)).into_iter().map(|(step, _)| step).collect();
        assert_eq!(taken, [Step::Warn(1), Step::Destroy]);
        assert_eq!(Kept::announce(start(), 1, start()).next(), (Step::Destroy, at(1)));
    }

    #[test]
    fn an_announcement_that_comes_late_still_leaves_time() {
        assert_eq!(Kept::announce(start(), 168, at(1_000)), Kept { until: at(1_072), told: 72 });
        assert_eq!(Kept::announce(start(), 24, at(1_000)), Kept { until: at(1_024), told: 24 });
    }
}
