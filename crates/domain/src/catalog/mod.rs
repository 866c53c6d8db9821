//! Plans and what they cost.

use crate::Money;
use crate::money::Overflow;

/// What a plan costs us in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Per hour.
    pub hour: Money,
    /// Monthly cap.
    pub month: Money,
    /// The least a server costs, however short it lives.
    pub minimum: Money,
}

/// What the operator adds: a share of the cost and a fixed amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Markup {
    /// Share of the cost in hundredths of a percent: 2,500 is 25 %. Never negative.
    pub basis_points: i32,
    /// Added to each hour.
    pub fixed_hour: Money,
    /// Added to the monthly cap.
    pub fixed_month: Money,
}

/// A plan's price in a region: the price shown is the price charged. Hour and month are each
/// derived from the vendor's own hour and month, never from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// What an hour costs us.
    pub cost_hour: Money,
    /// What a month costs us at most.
    pub cost_month: Money,
    /// The least a server costs us.
    pub cost_minimum: Money,
    /// What an hour is sold for.
    pub sell_hour: Money,
    /// What a month is sold for at most.
    pub sell_month: Money,
    /// What the first hour is sold for at least.
    pub sell_minimum: Money,
}

const WHOLE: i64 = 10_000;

impl Price {
    /// Cost plus markup, rounded up to the micro.
    pub fn new(cost: Cost, markup: Markup) -> Result<Self, Overflow> {
        let share = WHOLE + i64::from(markup.basis_points);
        Ok(Self {
            cost_hour: cost.hour,
            cost_month: cost.month,
            cost_minimum: cost.minimum,
            sell_hour: cost.hour.scaled_up(share, WHOLE)?.plus(markup.fixed_hour)?,
            sell_month: cost.month.scaled_up(share, WHOLE)?.plus(markup.fixed_month)?,
            sell_minimum: cost.minimum.scaled_up(share, WHOLE)?,
        })
    }

    /// What the first span is sold for.
    pub fn first_span(&self) -> Money {
        first_span(self.sell_hour, self.sell_month, self.sell_minimum)
    }
}

/// What the first span costs: an hour, or the minimum when that is more, within the monthly cap.
/// It is held with the order and captured when the VPS becomes active.
pub fn first_span(hour: Money, month: Money, minimum: Money) -> Money {
    hour.max(minimum).min(month)
}
