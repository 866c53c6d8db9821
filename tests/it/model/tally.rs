//! What happened in histories: what never happens is not tested.

use std::collections::BTreeMap;
use std::fmt;

use super::oracle::{Books, Tariff};

/// Everything that is to happen in every run.
const TO_HAPPEN: [&str; 50] = [
    "hours",
    "hours at cost",
    "hours beyond the cap",
    "hours of volumes",
    "hours of volumes at cost",
    "hours of volumes beyond the cap",
    "hours on credit",
    "suspended",
    "resumed",
    "in debt",
    "payments with tax",
    "payments without tax",
    "credits that end",
    "credits without end",
    "credits that ended with something left",
    "credits that ended while reserved",
    "codes redeemed",
    "codes refused",
    "corrections up",
    "corrections down",
    "corrections by two",
    "refunds",
    "refunds refused",
    "refunds that waited",
    "refunds that failed",
    "refunds by others",
    "reversals",
    "reversals that were taken before",
    "reversals that came back",
    "disputes frozen",
    "disputes won",
    "disputes lost",
    "disputes appealed",
    "VPSs moved to another price",
    "announcements refused",
    "resizes up",
    "resizes down",
    "resizes of volumes",
    "resizes refused",
    "resizes refused for want of money",
    "resizes that waited for billing",
    "resizes that failed",
    "resizes under way at a delete",
    "resizes while suspended",
    "hours that were raised",
    "raises held back by what the hour had cost",
    "terms agreed",
    "dates announced",
    "warnings",
    "destroyed",
];

/// How often what happened.
#[derive(Default, Clone)]
pub(crate) struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    pub(crate) fn of(books: &Books) -> Self {
        let hours = |f: fn(i64, Tariff) -> bool| books.charges.values().filter(|(a, t)| f(*a, *t)).count();
        let cuts = |wanted| books.power_cuts.iter().filter(|(_, _, cut)| *cut == wanted).count();
        let mut tally = books.happened.clone();
        tally.insert("hours", books.charges.len());
        tally.insert("hours at cost", hours(|_, tariff| tariff == Tariff::AtCost));
        tally.insert("hours beyond the cap", hours(|amount, _| amount == 0));
        tally.insert("suspended", cuts(true));
        tally.insert("resumed", cuts(false));
        tally.insert("in debt", usize::from(books.debt > 0));
        Self(tally)
    }

    pub(crate) fn plus(mut self, other: Self) -> Self {
        for (what, times) in other.0 {
            *self.0.entry(what).or_default() += times;
        }
        self
    }

    /// What is to be tested and never happened.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        TO_HAPPEN.into_iter().filter(|what| self.0.get(what).is_none_or(|&times| times == 0)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(what, times)| format!("{times} {what}")).collect();
        f.write_str(&all.join(", "))
    }
}
