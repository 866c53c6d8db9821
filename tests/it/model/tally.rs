//! What happened in histories: what never happens is not tested.

use super::oracle::{Books, Tariff};

/// How often something happened.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    hours: usize,
    at_cost: usize,
    beyond_the_cap: usize,
    suspended: usize,
    resumed: usize,
    in_debt: usize,
}

impl Tally {
    pub(crate) fn of(books: &Books) -> Self {
        let hours = |f: fn(i64, Tariff) -> bool| books.charges.values().filter(|(a, t)| f(*a, *t)).count();
        let cuts = |wanted| books.power_cuts.iter().filter(|(_, _, cut)| *cut == wanted).count();
        Self {
            hours: books.charges.len(),
            at_cost: hours(|_, tariff| tariff == Tariff::AtCost),
            beyond_the_cap: hours(|amount, _| amount == 0),
            suspended: cuts(true),
            resumed: cuts(false),
            in_debt: usize::from(books.debt > 0),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            hours: self.hours + other.hours,
            at_cost: self.at_cost + other.at_cost,
            beyond_the_cap: self.beyond_the_cap + other.beyond_the_cap,
            suspended: self.suspended + other.suspended,
            resumed: self.resumed + other.resumed,
            in_debt: self.in_debt + other.in_debt,
        }
    }

    /// Did everything happen that is to be tested?
    pub(crate) fn is_rich(&self) -> bool {
        ![self.hours, self.at_cost, self.beyond_the_cap, self.suspended, self.resumed, self.in_debt]
            .contains(&0)
    }
}
