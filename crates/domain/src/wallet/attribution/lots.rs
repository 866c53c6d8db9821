//! The lots and the order in which they are spent.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{CREDIT, EXPIRES_AT, Lost, Movement, Origin, Part, TOP_UP, ids};
use crate::Money;
use crate::money::Overflow;
use crate::wallet::Account;

/// A place in the list of lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LotId(pub usize);

/// Money that came in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// Its place in the list.
    pub id: LotId,
    /// The movement that brought it.
    pub from: Origin,
    /// Given, not paid: it is spent first.
    pub credit: bool,
    /// From then on nothing more is to be spent of it.
    pub expires_at: Option<DateTime<Utc>>,
    /// What came in, also what paid a debt at once.
    pub amount: Money,
    /// What is left of it to spend.
    pub free: Money,
    /// What is left of it, but reserved.
    pub held: Money,
}

impl Lot {
    /// What is left of it, reserved or not.
    pub fn left(&self) -> Money {
        // No overflow: both are parts of its amount.
        self.free.plus(self.held).unwrap_or(self.amount)
    }

    fn rank(&self) -> Rank {
        (!self.credit, self.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC), self.id)
    }
}

/// Credit before money, the earliest expiry before the others, the older before the younger.
type Rank = (bool, DateTime<Utc>, LotId);

#[derive(Debug, Clone, Default)]
pub(super) struct Lots {
    all: Vec<Lot>,
    /// With something to spend.
    spendable: BTreeSet<Rank>,
    /// With something left that is not to be spent any more.
    expired: BTreeSet<Rank>,
    /// By the payment or credit they belong to.
    named: BTreeMap<(String, String), Vec<LotId>>,
    /// The latest time seen: movements that waited for each other may be posted with times a little out of order.
    clock: DateTime<Utc>,
}

impl Lots {
    pub(super) fn all(&self) -> &[Lot] {
        &self.all
    }

    pub(super) fn named(&self, name: &str, id: String) -> &[LotId] {
        self.named.get(&(name.to_owned(), id)).map_or(&[], Vec::as_slice)
    }

    /// Time goes on to `at`: credits that end by then are not spendable any more.
    pub(super) fn pass_to(&mut self, at: DateTime<Utc>) {
        self.clock = self.clock.max(at);
        while let Some(&rank) = self.spendable.first()
            && rank.1 <= self.clock
        {
            self.spendable.remove(&rank);
            self.expired.insert(rank);
        }
    }

    /// A lot of what a movement brings. Nothing is free of it yet.
    pub(super) fn open(&mut self, m: &Movement<'_>, amount: Money) -> Part {
        let id = LotId(self.all.len());
        let given = |e: &crate::wallet::Entry| e.account == Account::CreditsGiven && e.amount < Money::ZERO;
        let credit = m.entries.iter().any(given);
        let expiry = m.reference.get(EXPIRES_AT).and_then(Value::as_str).filter(|_| credit);
        let expires_at = expiry.and_then(|at| at.parse().ok());
        let (free, held) = (Money::ZERO, Money::ZERO);
        self.all.push(Lot { id, from: Origin::from(m), credit, expires_at, amount, free, held });
        for (name, value) in owners(m.reference) {
            self.named.entry((name.to_owned(), value.to_owned())).or_default().push(id);
        }
        Part { lot: id, amount }
    }

    /// Takes from what can be spent: first from the lots that the reference names, then in order. What has expired and
    /// was not collected comes last, for the ledger counts it as the organization's.
    pub(super) fn take(&mut self, reference: &Value, mut wanted: Money) -> Result<Vec<Part>, Lost> {
        let mut taken = Vec::new();
        for (name, value) in owners(reference) {
            for lot in self.named(name, value.to_owned()).to_vec() {
                self.take_from(lot, &mut wanted, &mut taken)?;
            }
        }
        while wanted.is_positive() {
            let next = self.spendable.first().or_else(|| self.expired.first()).ok_or(Lost)?;
            self.take_from(next.2, &mut wanted, &mut taken)?;
        }
        Ok(taken)
    }

    fn take_from(&mut self, id: LotId, wanted: &mut Money, taken: &mut Vec<Part>) -> Result<(), Overflow> {
        let lot = &mut self.all[id.0];
        let amount = lot.free.min(*wanted);
        if amount == Money::ZERO {
            return Ok(());
        }
        lot.free = lot.free.minus(amount)?;
        *wanted = wanted.minus(amount)?;
        taken.push(Part { lot: id, amount });
        if lot.free == Money::ZERO {
            let rank = lot.rank();
            self.spendable.remove(&rank);
            self.expired.remove(&rank);
        }
        Ok(())
    }

    /// Makes it free to spend.
    pub(super) fn give_back(&mut self, part: Part) -> Result<(), Overflow> {
        let lot = &mut self.all[part.lot.0];
        lot.free = lot.free.plus(part.amount)?;
        let rank = lot.rank();
        if lot.expires_at.is_some_and(|at| at <= self.clock) {
            self.expired.insert(rank);
        } else {
            self.spendable.insert(rank);
        }
        Ok(())
    }

    /// Notes that money of a lot is reserved, or, with a negative amount, no more.
    pub(super) fn reserve(&mut self, part: Part) -> Result<(), Overflow> {
        let lot = &mut self.all[part.lot.0];
        lot.held = lot.held.plus(part.amount)?;
        Ok(())
    }
}

/// The payment or credit that a reference names.
fn owners(reference: &Value) -> impl Iterator<Item = (&str, &str)> {
    ids(reference).filter(|(name, _)| [TOP_UP, CREDIT].contains(name))
}
