//! Transfer: bytes out of the VPSs of a pool in a month (UTC), what is included, and what the rest costs.
//!
//! It is counted, not timed. Each time the count has grown, what is above is charged less what was charged before:
//! nothing as long as what is included lasts, and never anything back.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::next_month;
use crate::Money;
use crate::money::Overflow;

/// Bytes of a gigabyte, the unit of prices and of what plans include.
pub const GB: i64 = 1_000_000_000;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// A VPS of the pool, as far as it brings included transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Gigabytes that its plan includes in a whole month.
    pub transfer_gb: i32,
    /// When its hours began.
    pub started_at: DateTime<Utc>,
    /// When they ended; `None` while it lives: it will until the month is over.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Bytes included in a month: of each VPS its plan's transfer by the hours that it lives in the month, of all hours there
/// are. An hour counts when it has begun, and a byte, too: both in the customer's favour.
pub fn included(month: NaiveDate, lives: &[Life]) -> Result<i64, Overflow> {
    let start = month.and_time(NaiveTime::MIN).and_utc();
    let end = next_month(month).ok_or(Overflow)?;
    let hours = i128::from((end - start).num_hours());
    let share = |life: &Life| {
        let lived = life.ended_at.map_or(end, |ended| ended.min(end)) - life.started_at.max(start);
        let lived = lived.num_microseconds().unwrap_or(i64::MAX).max(0);
        let lived = i128::from(rounded_up(lived, HOUR));
        let bytes = i128::from(life.transfer_gb) * i128::from(GB) * lived;
        i64::try_from((bytes + hours - 1).div_euclid(hours)).map_err(|_| Overflow)
    };
    lives.iter().try_fold(0_i64, |sum, life| sum.checked_add(share(life)?).ok_or(Overflow))
}

/// Whole times `unit` in an amount that is not negative, the last one begun.
const fn rounded_up(amount: i64, unit: i64) -> i64 {
    amount.div_euclid(unit) + (amount.rem_euclid(unit) != 0) as i64
}

/// One charge of transfer: of whose pool and month, the figures it comes from, and what was charged before. Its movements
/// of the ledger carry this as their reference, so that their hashes hold it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Name of the pool.
    #[serde(rename = "transfer")]
    pub pool: String,
    /// First day of the month.
    pub month: NaiveDate,
    /// Its place among the charges of the pool and month, 1 for the first.
    pub sequence: i32,
    /// Bytes out, as they were last read.
    pub used: i64,
    /// Bytes included.
    pub included: i64,
    /// Price of a gigabyte.
    pub price_gb: Money,
    /// What earlier charges of the pool and month come to.
    pub before: Money,
}

impl Figures {
    /// Bytes above what is included.
    pub fn above(&self) -> i64 {
        self.used.saturating_sub(self.included).max(0)
    }

    /// What all of them cost in this month, rounded up once.
    pub fn all(&self) -> Result<Money, Overflow> {
        self.price_gb.scaled_up(self.above(), GB)
    }

    /// What is to be charged now; never less than nothing.
    pub fn due(&self) -> Result<Money, Overflow> {
        Ok(self.all()?.minus(self.before)?.max(Money::ZERO))
    }

    /// Names the charge for ever: the keys of its movements are their kind and this.
    pub fn word(&self) -> String {
        format!("transfer:{}:{}:{}", self.pool, self.month, self.sequence)
    }

    /// Can this be the charge after `last` of the same pool and month, or the first when there is none? A count never falls.
    pub fn follows(&self, last: Option<&Self>) -> Result<bool, Overflow> {
        Ok(match last {
            None => self.sequence == 1 && self.before == Money::ZERO,
            Some(last) => {
                last.sequence.checked_add(1) == Some(self.sequence)
                    && self.before == last.before.plus(last.due()?)?
                    && self.used >= last.used
            }
        })
    }
}

#[cfg(test)]
mod tests;
