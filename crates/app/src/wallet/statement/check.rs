//! Whether a statement file is sound: from the file alone, without a database.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::transfer::Figures;
use domain::money::Overflow;
use domain::wallet::{Account, GENESIS, Hash, Place, Transaction, TransactionKind};
use domain::{MeterId, Money};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::file::{Charged, FORM, Head, Line, Seal, Standing};
use super::keys::{PublicKey, hex};

/// A file that was found sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Name of the organization.
    pub organization: String,
    /// Who issued it.
    pub issuer: String,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Until before when.
    pub until: DateTime<Utc>,
    /// Movements in it.
    pub movements: usize,
    /// Whom it was signed by.
    pub key: PublicKey,
}

/// The first thing wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// Where, 1 for the first line.
    pub line: usize,
    /// What, in one sentence.
    pub what: String,
}

type Found<T> = Result<T, String>;

fn wrong<T>(what: impl Into<String>) -> Found<T> {
    Err(what.into())
}

impl From<Overflow> for Fault {
    fn from(_: Overflow) -> Self {
        Self { line: 1, what: "an amount is out of range".into() }
    }
}

/// Checks chain, sums and signature. `expected` is the key that the issuer has published; without it only the file's own
/// word stands for whose key it is.
pub fn verify(file: &[u8], expected: Option<&PublicKey>) -> Result<Sound, Fault> {
    let at = |line| move |what: String| Fault { line, what };
    let text = std::str::from_utf8(file).map_err(|_| at(1)("it is not text in UTF-8".into()))?;
    let body = text.strip_suffix('\n').ok_or_else(|| at(text.lines().count())("it is cut off".into()))?;
    let lines: Vec<&str> = body.split('\n').collect();
    let [first, movements @ .., last] = lines.as_slice() else { return Err(at(1)("it is cut off".into())) };
    let head: Head = parse(first).map_err(at(1))?;
    let key = key(&head, expected).map_err(at(1))?;
    let mut books = Books::open(&head).map_err(at(1))?;
    for (number, line) in movements.iter().enumerate() {
        parse(line).and_then(|line| books.enter(line)).map_err(at(number + 2))?;
    }
    books.close(&head.closing).map_err(at(lines.len()))?;
    let seal: Seal = parse(last).map_err(at(lines.len()))?;
    let signed = &file[..file.len() - last.len() - 1];
    if !key.signed(signed, &seal.signature) {
        return Err(at(lines.len())("the signature is not of this file and this key".into()));
    }
    Ok(Sound {
        organization: head.organization,
        issuer: head.issuer,
        from: head.from,
        until: head.until,
        movements: movements.len(),
        key,
    })
}

/// Reads a line that stands exactly as it was written.
fn parse<T: DeserializeOwned + Serialize>(line: &str) -> Found<T> {
    let value: T = serde_json::from_str(line).map_err(|error| format!("it cannot be read: {error}"))?;
    match serde_json::to_string(&value) {
        Ok(same) if same == line => Ok(value),
        _ => wrong("it is not written as statements are"),
    }
}

fn key(head: &Head, expected: Option<&PublicKey>) -> Found<PublicKey> {
    if head.statement != FORM {
        return wrong(format!("its form is {}, only {FORM} is known here", head.statement));
    }
    let key: PublicKey = head.key.parse().map_err(|_| "its key is none".to_owned())?;
    match expected {
        Some(expected) if *expected != key => {
            wrong(format!("it is signed for key {}, not for {}", key.id(), expected.id()))
        }
        _ => Ok(key),
    }
}

/// A wallet on its way from the opening to the closing.
struct Books {
    head: Head,
    sequence: i64,
    previous: Hash,
    available: Money,
    held: Money,
    receivable: Money,
    hours: HashSet<(MeterId, DateTime<Utc>)>,
    /// By bill: what the ledger earned, and what its hours come to. What one run charged is one bill, whether the wallet
    /// paid it or it is owed.
    bills: BTreeMap<String, (Money, Money)>,
    /// The last charge of transfer of each pool and month, and what the ledger earned by it so far.
    transfer: BTreeMap<(String, NaiveDate), (Figures, Money)>,
}

impl Books {
    fn open(head: &Head) -> Found<Self> {
        let Standing { sequence, available, held, receivable, .. } = head.opening;
        let previous = unhex(&head.opening.hash).ok_or("its opening hash is none")?;
        let nothing = previous == GENESIS && [available, held, receivable] == [Money::ZERO; 3];
        if sequence < 0 || (sequence == 0 && !nothing) {
            return wrong("a wallet does not open like this");
        }
        let (hours, bills, transfer) = (HashSet::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            head: head.clone(),
            sequence,
            previous,
            available,
            held,
            receivable,
            hours,
            bills,
            transfer,
        })
    }

    /// The next movement: its place, its hash, what it leaves in the wallet, and its hours.
    fn enter(&mut self, line: Line) -> Found<()> {
        if line.sequence != self.sequence + 1 {
            return wrong(format!("movement {} is missing", self.sequence + 1));
        }
        let Line { sequence, id, kind, key, actor, reference, at, entries, hash, charges } = line;
        let transaction = Transaction::new(kind, key.clone(), actor, reference, &entries)
            .map_err(|unbalanced| unbalanced.to_string())?;
        if transaction.entries().len() != entries.len() {
            return wrong("one of its entries moves nothing");
        }
        let organization_id = self.head.organization_id;
        let posted = transaction.chain(Place { organization_id, id, sequence, at, previous: self.previous });
        if hex(&posted.hash) != hash {
            return wrong("its content, or the movement before it, does not match its hash");
        }
        (self.sequence, self.previous) = (sequence, posted.hash);
        let over = |_: Overflow| "an amount is out of range".to_owned();
        let change = |account| posted.transaction.change(account).map_err(over);
        self.available = self.available.plus(change(Account::Wallet)?).map_err(over)?;
        self.held = self.held.plus(change(Account::Held)?).map_err(over)?;
        self.receivable = self.receivable.minus(change(Account::Receivable)?).map_err(over)?;
        if [self.available, self.held, self.receivable].iter().any(|balance| *balance < Money::ZERO) {
            return wrong("it takes more than there is");
        }
        let hours = self.hours_of(&charges)?;
        if posted.transaction.reference().get("transfer").is_some() {
            return self.transfer(&posted.transaction, change(Account::Revenue)?, hours);
        }
        self.bill(kind, &key, change(Account::Revenue)?, hours).map_err(over)
    }

    /// What hours come to, none of which was there before, and what resizes added to hours.
    fn hours_of(&mut self, charges: &[Charged]) -> Found<Option<Money>> {
        for one in charges.iter().filter(|one| !one.raise) {
            for (start, _) in &one.hours {
                if !self.hours.insert((one.meter_id, *start)) {
                    let name = one.vps.as_ref().or(one.resource.as_ref()).map_or("", String::as_str);
                    return wrong(format!("the hour of {name} at {start} is charged twice"));
                }
            }
        }
        let amounts = charges.iter().flat_map(|one| one.hours.iter().map(|(_, amount)| *amount));
        let sum = Money::total(amounts).map_err(|_| "an amount is out of range")?;
        Ok((!charges.is_empty()).then_some(sum))
    }

    /// A charge of transfer has no hours: the figures it comes from are its reference. What the wallet paid of it and what
    /// is owed are two movements.
    fn transfer(&mut self, transaction: &Transaction, earned: Money, hours: Option<Money>) -> Found<()> {
        let over = |_: Overflow| "an amount is out of range".to_owned();
        let figures: Figures = serde_json::from_value(transaction.reference().clone())
            .map_err(|error| format!("its figures of transfer cannot be read: {error}"))?;
        let is_one = matches!(transaction.kind(), TransactionKind::Charge | TransactionKind::Accrual);
        if !is_one
            || hours.is_some()
            || transaction.key() != format!("{}:{}", transaction.kind(), figures.word())
        {
            return wrong("it is no charge of transfer");
        }
        let last = self.transfer.entry((figures.pool.clone(), figures.month));
        let last = match last {
            Entry::Vacant(first) => {
                // Those before may be in an earlier file.
                if figures.sequence == 1 && !figures.follows(None).map_err(over)? {
                    return wrong(format!("{} is the first and says that more was charged", figures.word()));
                }
                first.insert((figures, Money::ZERO))
            }
            Entry::Occupied(last) => {
                let last = last.into_mut();
                if last.0 != figures {
                    come_to(last)?;
                    if !figures.follows(Some(&last.0)).map_err(over)? {
                        return wrong(format!("{} does not follow {}", figures.word(), last.0.word()));
                    }
                    *last = (figures, Money::ZERO);
                }
                last
            }
        };
        last.1 = last.1.plus(earned).map_err(over)?;
        Ok(())
    }

    fn bill(
        &mut self,
        kind: TransactionKind,
        key: &str,
        earned: Money,
        hours: Option<Money>,
    ) -> Result<(), Overflow> {
        use TransactionKind as K;
        // An order that was deleted before it became active is captured without an hour of its own.
        let has_hours = matches!(kind, K::Charge | K::Accrual) || (kind == K::Capture && hours.is_some());
        if has_hours || hours.is_some() {
            let word = key.split_once(':').map_or(key, |(_, word)| word);
            let bill = self.bills.entry(word.to_owned()).or_default();
            bill.0 = bill.0.plus(earned)?;
            bill.1 = bill.1.plus(hours.unwrap_or_default())?;
        }
        Ok(())
    }

    fn close(&self, closing: &Standing) -> Found<()> {
        if let Some((bill, (earned, hours))) = self.bills.iter().find(|(_, (earned, hours))| earned != hours)
        {
            return wrong(format!("the hours of bill {bill} come to {hours}, the ledger earned {earned}"));
        }
        self.transfer.values().try_for_each(come_to)?;
        let reached = Standing {
            sequence: self.sequence,
            hash: hex(&self.previous),
            available: self.available,
            held: self.held,
            receivable: self.receivable,
        };
        if reached != *closing {
            return wrong(
                "the movements do not end where the statement closes: some are missing or too many",
            );
        }
        Ok(())
    }
}

/// Does the ledger earn what a charge of transfer comes to?
fn come_to((figures, earned): &(Figures, Money)) -> Found<()> {
    match figures.due() {
        Ok(due) if due == *earned => Ok(()),
        Ok(due) => wrong(format!("{} comes to {due}, the ledger earned {earned}", figures.word())),
        Err(_) => wrong("an amount is out of range"),
    }
}

/// 32 bytes from lower-case hexadecimal.
fn unhex(text: &str) -> Option<Hash> {
    let byte = |i: usize| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok();
    let mut hash = Hash::default();
    for (i, place) in hash.iter_mut().enumerate() {
        *place = byte(i)?;
    }
    (hex(&hash) == text).then_some(hash)
}

#[cfg(test)]
mod tests;
