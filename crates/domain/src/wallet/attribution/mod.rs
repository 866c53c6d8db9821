//! Which money paid for what, derived from the ledger alone.
//!
//! Every inflow (a payment, a credit, a correction) is a [`Lot`]. Money that leaves takes from the lots in one order:
//! credits first, the one that expires earliest before the others, then the oldest money. A movement whose
//! reference names a payment or a credit (a refund, a dispute, an expiry) takes from the lots of that one first. A
//! reservation keeps its parts apart, and what is given back returns to the lots it came from. What the wallet could
//! not pay is a [`Debt`]; later money pays the oldest debt first, and is said to have paid what the debt is for.
//!
//! Only the entries, the time and ids in the reference are read, so a new kind of movement needs nothing here.

mod held;
mod lots;

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde_json::Value;

use self::held::Held;
use self::lots::Lots;
pub use self::lots::{Lot, LotId};
use super::{Account, Entry, Posted, TransactionKind};
use crate::money::Overflow;
use crate::{Money, TransactionId};

/// Reference of a payment and of whatever concerns it: its money is taken first.
pub const TOP_UP: &str = "top_up_id";
/// Reference of a credit and of its expiry.
pub const CREDIT: &str = "credit_id";
/// Reference of a credit: when what is left of it ends, in RFC 3339.
pub const EXPIRES_AT: &str = "expires_at";

/// A ledger transaction, as far as it says where money came from and went.
#[derive(Debug, Clone, Copy)]
pub struct Movement<'a> {
    /// Its id.
    pub id: TransactionId,
    /// Its place in the organization's ledger, 1 for the first.
    pub sequence: i64,
    /// Why money moved.
    pub kind: TransactionKind,
    /// When it was posted.
    pub at: DateTime<Utc>,
    /// Ids of what it is about.
    pub reference: &'a Value,
    /// The lines.
    pub entries: &'a [Entry],
}

impl<'a> From<&'a Posted> for Movement<'a> {
    fn from(posted: &'a Posted) -> Self {
        Self {
            id: posted.place.id,
            sequence: posted.place.sequence,
            kind: posted.transaction.kind(),
            at: posted.place.at,
            reference: posted.transaction.reference(),
            entries: posted.transaction.entries(),
        }
    }
}

/// Which movement, for those who tell people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its id.
    pub id: TransactionId,
    /// Its place in the ledger.
    pub sequence: i64,
    /// Why money moved.
    pub kind: TransactionKind,
    /// When.
    pub at: DateTime<Utc>,
}

impl From<&Movement<'_>> for Origin {
    fn from(m: &Movement<'_>) -> Self {
        Self { id: m.id, sequence: m.sequence, kind: m.kind, at: m.at }
    }
}

/// Money of one lot that left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// Whose money.
    pub lot: LotId,
    /// The movement that took it.
    pub by: Origin,
    /// What it paid for: the movement itself, or an earlier one whose debt it paid.
    pub paid: Origin,
    /// How much.
    pub amount: Money,
}

/// What a movement took beyond the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debt {
    /// The movement that made it.
    pub of: Origin,
    /// How much.
    pub amount: Money,
    /// What later money paid of it.
    pub paid: Money,
}

/// The ledger moves money that is not there, or amounts beyond all range: it is not one that a wallet wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ledger transaction {sequence} moves money that is not there")]
pub struct Untraceable {
    /// The first transaction that cannot be followed.
    pub sequence: i64,
}

/// What cannot be followed, before it is known where.
struct Lost;

impl From<Overflow> for Lost {
    fn from(_: Overflow) -> Self {
        Self
    }
}

/// Money of a lot on its way from one place to another.
#[derive(Debug, Clone, Copy)]
struct Part {
    lot: LotId,
    amount: Money,
}

/// Takes up to `wanted` from the front.
fn take_front(parts: &mut VecDeque<Part>, mut wanted: Money) -> Result<Vec<Part>, Overflow> {
    let mut taken = Vec::new();
    while wanted.is_positive() {
        let Some(first) = parts.front_mut() else { break };
        let amount = first.amount.min(wanted);
        taken.push(Part { lot: first.lot, amount });
        wanted = wanted.minus(amount)?;
        first.amount = first.amount.minus(amount)?;
        if first.amount == Money::ZERO {
            parts.pop_front();
        }
    }
    Ok(taken)
}

fn total(parts: &[Part]) -> Result<Money, Overflow> {
    Money::total(parts.iter().map(|p| p.amount))
}

/// Where an organization's money came from and went, after every movement applied so far.
///
/// After each of them the sum of [`Lot::left`] over all lots equals the ledger's wallet plus held, and the sum of the
/// open debts its receivable. Costs O((n + p) log n) for n movements and p parts that they took.
#[derive(Debug, Clone, Default)]
pub struct Attribution {
    lots: Lots,
    held: Held,
    debts: Vec<Debt>,
    /// Debts before this one are paid.
    paid_debts: usize,
    spendings: Vec<Spending>,
}

/// Follows an organization's whole ledger, in sequence.
pub fn attribute<'a>(movements: impl IntoIterator<Item = Movement<'a>>) -> Result<Attribution, Untraceable> {
    let mut attribution = Attribution::default();
    for movement in movements {
        attribution.apply(&movement)?;
    }
    Ok(attribution)
}

impl Attribution {
    /// Follows the next movement of the ledger. After an error nothing here is of use any more.
    pub fn apply(&mut self, movement: &Movement<'_>) -> Result<(), Untraceable> {
        self.follow(movement).map_err(|Lost| Untraceable { sequence: movement.sequence })
    }

    /// All lots, oldest first; a [`LotId`] is a place in it.
    pub fn lots(&self) -> &[Lot] {
        self.lots.all()
    }

    /// One lot.
    pub fn lot(&self, id: LotId) -> &Lot {
        &self.lots.all()[id.0]
    }

    /// The lots of a payment ([`TOP_UP`]) or a credit ([`CREDIT`]). A payment has several after a reversal came back.
    pub fn lots_of(&self, name: &str, id: impl ToString) -> impl Iterator<Item = &Lot> {
        self.lots.named(name, id.to_string()).iter().map(|lot| self.lot(*lot))
    }

    /// What is left and not reserved of a payment ([`TOP_UP`]) or a credit ([`CREDIT`]): what can go back to the
    /// payer, or expire.
    pub fn free_of(&self, name: &str, id: impl ToString) -> Money {
        // No overflow: all lots together are a wallet's balance.
        Money::total(self.lots_of(name, id).map(|lot| lot.free)).unwrap_or(Money::ZERO)
    }

    /// Everything that was paid, in the order of the ledger.
    pub fn spendings(&self) -> &[Spending] {
        &self.spendings
    }

    /// What a lot paid for.
    pub fn spent_from(&self, lot: LotId) -> impl Iterator<Item = &Spending> {
        self.spendings.iter().filter(move |s| s.lot == lot)
    }

    /// Which money paid for a movement, so far: what is missing is a debt.
    pub fn payers_of(&self, movement: TransactionId) -> impl Iterator<Item = &Spending> {
        self.spendings.iter().filter(move |s| s.paid.id == movement)
    }

    /// Every debt there ever was, oldest first.
    pub fn debts(&self) -> &[Debt] {
        &self.debts
    }

    fn follow(&mut self, m: &Movement<'_>) -> Result<(), Lost> {
        let change =
            |account| Money::total(m.entries.iter().filter(|e| e.account == account).map(|e| e.amount));
        let (wallet, held) = (change(Account::Wallet)?, change(Account::Held)?);
        let receivable = change(Account::Receivable)?;
        let inflow = wallet.plus(held)?.plus(receivable)?;
        self.lots.pass_to(m.at);

        let mut parts = VecDeque::new();
        if held < Money::ZERO {
            parts.extend(self.held.take(m.reference, held.negated()?, &mut self.lots)?);
        }
        if wallet < Money::ZERO {
            parts.extend(self.lots.take(m.reference, wallet.negated()?)?);
        }
        if inflow.is_positive() {
            parts.push_back(self.lots.open(m, inflow));
        }
        if receivable.is_positive() {
            self.pay_debts(m, take_front(&mut parts, receivable)?)?;
        }
        let spent = take_front(&mut parts, inflow.negated()?)?;
        let unpaid = inflow.negated()?.max(Money::ZERO).minus(total(&spent)?)?;
        let by = Origin::from(m);
        self.spendings.extend(spent.iter().map(|p| Spending { lot: p.lot, by, paid: by, amount: p.amount }));
        if receivable < Money::ZERO {
            let amount = receivable.negated()?;
            self.debts.push(Debt { of: by, amount, paid: Money::ZERO });
            // Borrowed beyond what was to be paid: it stays with the organization.
            let kept = amount.minus(unpaid)?;
            if kept.is_positive() {
                parts.push_back(self.lots.open(m, kept));
            }
        }
        if held.is_positive() {
            self.held.put(m.reference, take_front(&mut parts, held)?, &mut self.lots)?;
        }
        for part in parts {
            self.lots.give_back(part)?;
        }
        Ok(())
    }

    fn pay_debts(&mut self, m: &Movement<'_>, parts: Vec<Part>) -> Result<(), Lost> {
        let mut parts = VecDeque::from(parts);
        while !parts.is_empty() {
            let debt = self.debts.get_mut(self.paid_debts).ok_or(Lost)?;
            let open = debt.amount.minus(debt.paid)?;
            let paid = take_front(&mut parts, open)?;
            debt.paid = debt.paid.plus(total(&paid)?)?;
            let (by, of) = (Origin::from(m), debt.of);
            self.spendings.extend(paid.iter().map(|p| Spending {
                lot: p.lot,
                by,
                paid: of,
                amount: p.amount,
            }));
            if debt.paid == debt.amount {
                self.paid_debts += 1;
            }
        }
        Ok(())
    }
}

/// The ids in a reference, as pairs of name and id.
fn ids(reference: &Value) -> impl Iterator<Item = (&str, &str)> {
    let pairs = reference.as_object().into_iter().flatten();
    pairs.filter_map(|(name, id)| Some((name.as_str(), id.as_str().filter(|_| name.ends_with("_id"))?)))
}

#[cfg(test)]
mod tests;
