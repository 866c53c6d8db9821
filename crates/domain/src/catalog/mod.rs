//! Plans and what they cost.

use crate::Money;
use crate::money::Overflow;
use crate::text_enum::stored_enum;

stored_enum! {
    /// What is sold by the hour.
    pub enum Product {
        /// A virtual server.
        Vps = "vps",
        /// Backups of a VPS, made by the provider.
        Backups = "backups",
        /// An image of a disk, sold by the GiB.
        Snapshot = "snapshot",
        /// A disk of its own, sold by the GiB.
        Volume = "volume",
        /// Another address.
        Address = "address",
    }
}

impl Product {
    /// Is it sold by the GiB?
    pub const fn is_by_quantity(self) -> bool {
        matches!(self, Self::Snapshot | Self::Volume)
    }
}

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

/// A price version as it is published: a price of so many units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitPrice {
    /// What `per_units` of them cost.
    pub price: Price,
    /// How many that are: 1 of what is not sold by quantity. Positive.
    pub per_units: i64,
}

impl UnitPrice {
    /// What so many units cost: each amount rounded up once, so it never falls below cost. PostgreSQL's `amount_of`
    /// counts the same.
    pub fn of(&self, quantity: i64) -> Result<Price, Overflow> {
        let of = |amount: Money| amount.scaled_up(quantity, self.per_units);
        let Price { cost_hour, cost_month, cost_minimum, sell_hour, sell_month, sell_minimum } = self.price;
        Ok(Price {
            cost_hour: of(cost_hour)?,
            cost_month: of(cost_month)?,
            cost_minimum: of(cost_minimum)?,
            sell_hour: of(sell_hour)?,
            sell_month: of(sell_month)?,
            sell_minimum: of(sell_minimum)?,
        })
    }
}

/// What the first span costs: an hour, or the minimum when that is more, within the monthly cap.
/// It is held with the order and captured when the VPS becomes active.
pub fn first_span(hour: Money, month: Money, minimum: Money) -> Money {
    hour.max(minimum).min(month)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(hour: i64, month: i64) -> Price {
        let amount = Money::from_micros;
        let cost = Cost { hour: amount(hour), month: amount(month), minimum: Money::ZERO };
        Price::new(cost, Markup::default()).expect("small numbers")
    }

    #[test]
    fn what_is_sold_by_quantity_is_rounded_once() {
        // A cloud's volumes: $0.10 a GiB and month, $0.00015 an hour; published for 1,000 GiB.
        let thousand = UnitPrice { price: price(148_810, 100_000_000), per_units: 1_000 };
        let ten = thousand.of(10).expect("small");
        assert_eq!(
            (ten.sell_hour, ten.sell_month),
            (Money::from_micros(1_489), Money::from_micros(1_000_000))
        );
        assert_eq!(thousand.of(1_000), Ok(thousand.price));
        assert_eq!(thousand.of(i64::MAX), Err(Overflow));
    }

    proptest! {
        #[test]
        fn no_quantity_is_sold_below_cost_and_parts_are_never_cheaper_than_the_whole(
            cost in 1_i64..1_000_000, share in 0..10_000, per_units in 1_i64..10_000,
            (one, other) in (1_i64..100_000, 1_i64..100_000)
        ) {
            let cost = Cost { hour: Money::from_micros(cost), month: Money::from_micros(cost * 667), minimum: Money::ZERO };
            let markup = Markup { basis_points: share, ..Markup::default() };
            let unit = UnitPrice { price: Price::new(cost, markup).expect("small"), per_units };
            let of = |quantity| unit.of(quantity).expect("small");
            prop_assert!(of(one).sell_hour >= of(one).cost_hour && of(one).sell_month >= of(one).cost_month);
            prop_assert!(of(one).sell_hour.is_positive());
            prop_assert!(of(one).sell_hour.plus(of(other).sell_hour).expect("small") >= of(one + other).sell_hour);
        }
    }
}
