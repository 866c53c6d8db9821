//! Proof that the books are in order: balances, chains, heads, holds, meters and charges, payments.
//!
//! One question is one statement over everybody's books; chains are recomputed as they are read, so memory grows with
//! the number of organizations and not with the length of the ledger.

mod holds;
mod hours;
mod payments;
mod transfer;

use std::collections::{HashMap, HashSet};
use std::fmt;

use domain::wallet::{GENESIS, Hash};
use domain::{Money, OrganizationId};
use futures_util::TryStreamExt as _;

use super::chain::{LedgerRow, ledger};
use crate::handle::sealed::Conn as _;
use crate::{Result, Store, SystemPurpose, SystemRead};

/// The first thing found wrong, with where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose books.
    pub organization_id: OrganizationId,
    /// What is wrong, in one sentence.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "organization {}: {}", self.organization_id, self.what)
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Organizations.
    pub organizations: u64,
    /// Ledger transactions.
    pub transactions: u64,
}

/// Checks all books, as they are at one moment; stops at the first difference.
pub async fn verify(store: &Store) -> Result<std::result::Result<Checked, Difference>> {
    let mut db = store.system_read(SystemPurpose::CommandLine).await?;
    // People go on working: all questions are asked of the same snapshot.
    sqlx::query("set transaction isolation level repeatable read").execute(db.conn()).await?;
    if let Some(difference) = strangers(&mut db).await? {
        return Ok(Err(difference));
    }
    let ends = match verify_chains(&mut db).await? {
        Ok(ends) => ends,
        Err(difference) => return Ok(Err(difference)),
    };
    let mut checked = Checked::default();
    for end in ends.values() {
        checked.transactions += u64::try_from(end.sequence).unwrap_or(0);
    }
    match verify_wallets(&mut db, ends).await? {
        Ok(organizations) => checked.organizations = organizations,
        Err(difference) => return Ok(Err(difference)),
    }
    for question in [
        holds_differ,
        holds::moved_otherwise,
        hours::paid_otherwise,
        hours::counted_otherwise,
        hours::charged_until_no_hour,
        hours::terms_differ,
        hours::charged_otherwise,
        hours::raised_otherwise,
        transfer::booked_otherwise,
        transfer::counted_otherwise,
        top_ups_differ,
        gifts_differ,
        payments::booked_otherwise,
        payments::in_another_currency,
    ] {
        if let Some(difference) = question(&mut db).await? {
            return Ok(Err(difference));
        }
    }
    Ok(Ok(checked))
}

type Verdict<T> = std::result::Result<T, Difference>;

/// Where a chain ends.
#[derive(Debug, Clone, Copy)]
struct End {
    /// Its length.
    sequence: i64,
    /// The hash of its last transaction.
    hash: Hash,
    /// Lines of all its transactions.
    entries: i64,
}

/// A chain without transactions.
const NOTHING: End = End { sequence: 0, hash: GENESIS, entries: 0 };

fn difference<T>(organization_id: OrganizationId, what: impl Into<String>) -> Verdict<T> {
    Err(Difference { organization_id, what: what.into() })
}

/// Organizations and wallets, of which each has one of the other.
async fn strangers(db: &mut SystemRead) -> Result<Option<Difference>> {
    let row = sqlx::query!(
        r#"select coalesce(o.id, w.organization_id) as "id!: OrganizationId", o.id is not null as "known!"
        from organizations o full join wallets w on w.organization_id = o.id
        where o.id is null or w.organization_id is null
        order by o.id is null limit 1"#
    )
    .fetch_optional(db.conn())
    .await?;
    let what = |known| if known { "it has no wallet" } else { "it has a wallet and does not exist" };
    Ok(row.map(|r| Difference { organization_id: r.id, what: what(r.known).into() }))
}

/// Recomputes every hash; answers where the chains end.
async fn verify_chains(db: &mut SystemRead) -> Result<Verdict<HashMap<OrganizationId, End>>> {
    let wallets = sqlx::query_scalar!(r#"select organization_id as "id: OrganizationId" from wallets"#);
    let known: HashSet<OrganizationId> = wallets.fetch_all(db.conn()).await?.into_iter().collect();
    let mut ends = HashMap::new();
    let mut rows = ledger(db.conn());
    while let Some(row) = rows.try_next().await? {
        let organization = row.organization_id;
        let end = ends.entry(organization).or_insert(NOTHING);
        if !known.contains(&organization) {
            // Whose it was is told by the gap it left, which is found first.
            continue;
        }
        if row.sequence <= end.sequence {
            let what = format!("there is more than one ledger transaction {}", row.sequence);
            return Ok(difference(organization, what));
        }
        if row.sequence != end.sequence + 1 {
            return Ok(difference(
                organization,
                format!("ledger transaction {} is missing", end.sequence + 1),
            ));
        }
        match recompute(&row, end.hash) {
            Ok(hash) => {
                let entries = end.entries + i64::try_from(row.lines.len()).unwrap_or(i64::MAX);
                *end = End { sequence: row.sequence, hash, entries };
            }
            Err(what) => {
                let what = format!("ledger transaction {} ({}): {what}", row.sequence, row.id);
                return Ok(difference(organization, what));
            }
        }
    }
    Ok(Ok(ends))
}

fn recompute(row: &LedgerRow, previous: Hash) -> std::result::Result<Hash, String> {
    if row.previous_hash != previous {
        return Err("it does not follow the one before it".into());
    }
    if !row.lines.iter().copied().eq((1..).take(row.lines.len())) {
        return Err("its lines are not numbered from 1 on".into());
    }
    let posted = row.chain_to(previous)?;
    let amounts = posted.transaction.entries().iter().map(|e| e.amount.micros());
    if posted.hash[..] != row.hash[..] || !amounts.eq(row.amounts.iter().copied()) {
        return Err("its content does not match its hash".into());
    }
    Ok(posted.hash)
}

struct WalletSums {
    organization_id: OrganizationId,
    available: i64,
    held: i64,
    receivable: i64,
    burn: i64,
    sequence: i64,
    head_hash: Vec<u8>,
    entries: i64,
    wallet_booked: i64,
    held_booked: i64,
    receivable_booked: i64,
    burn_counted: i64,
}

impl WalletSums {
    /// The wallet row against the sums of the entries, and its head against the end of the chain.
    fn verify(&self, end: End) -> Verdict<()> {
        if self.sequence != end.sequence {
            let what = format!("the ledger ends at {}, the wallet says {}", end.sequence, self.sequence);
            return difference(self.organization_id, what);
        }
        if self.head_hash[..] != end.hash[..] {
            return difference(self.organization_id, "the ledger does not end in the wallet's head hash");
        }
        if self.entries != end.entries {
            let what =
                format!("there are {} ledger entries, its transactions have {}", self.entries, end.entries);
            return difference(self.organization_id, what);
        }
        let figures = [
            ("available", self.available, self.wallet_booked),
            ("held", self.held, self.held_booked),
            ("receivable", self.receivable, -self.receivable_booked),
            ("burn", self.burn, self.burn_counted),
        ];
        match figures.into_iter().find(|(_, shown, counted)| shown != counted) {
            None => Ok(()),
            Some((what, shown, counted)) => {
                let (shown, counted) = (Money::from_micros(shown), Money::from_micros(counted));
                let what = format!("the wallet shows {what} {shown}, the books say {counted}");
                difference(self.organization_id, what)
            }
        }
    }
}

/// Every wallet against its ledger; answers how many there are.
async fn verify_wallets(db: &mut SystemRead, mut ends: HashMap<OrganizationId, End>) -> Result<Verdict<u64>> {
    let mut wallets = 0;
    let mut rows = sqlx::query_as!(
        WalletSums,
        r#"select coalesce(w.organization_id, e.organization_id) as "organization_id!: OrganizationId",
            coalesce(w.available_micros, 0) as "available!", coalesce(w.held_micros, 0) as "held!",
            coalesce(w.receivable_micros, 0) as "receivable!", coalesce(w.burn_micros, 0) as "burn!",
            coalesce(w.sequence, 0) as "sequence!", coalesce(w.head_hash, $1) as "head_hash!",
            coalesce(e.entries, 0) as "entries!", coalesce(e.wallet, 0) as "wallet_booked!",
            coalesce(e.held, 0) as "held_booked!", coalesce(e.receivable, 0) as "receivable_booked!",
            coalesce(v.burn, 0) as "burn_counted!"
        from wallets w
        full join (
            select organization_id, count(*) as entries,
                (sum(amount_micros) filter (where account = 'wallet'))::bigint as wallet,
                (sum(amount_micros) filter (where account = 'held'))::bigint as held,
                (sum(amount_micros) filter (where account = 'receivable'))::bigint as receivable
            from ledger_entries group by organization_id
        ) e on e.organization_id = w.organization_id
        left join (
            select organization_id, sum(hour)::bigint as burn from (
                select s.organization_id, amount_of(p.sell_hour_micros, s.quantity, p.per_units) as hour
                from sold_hourly s join price_versions p on p.id = s.price_version_id
                where s.state in ('creating', 'active') and not s.unpaid
                union all
                select organization_id, amount_micros from holds where state = 'open' and resize_id is not null
            ) draws group by organization_id
        ) v on v.organization_id = w.organization_id"#,
        GENESIS.as_slice()
    )
    .fetch(db.conn());
    while let Some(row) = rows.try_next().await? {
        let end = ends.remove(&row.organization_id).unwrap_or(NOTHING);
        if let Err(difference) = row.verify(end) {
            return Ok(Err(difference));
        }
        wallets += 1;
    }
    Ok(match ends.into_keys().next() {
        Some(organization) => difference(organization, "it has ledger transactions but no wallet"),
        None => Ok(wallets),
    })
}

type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Option<Difference>>> + Send + 'a>>;

/// Open holds, amounts frozen by disputes and refunds under way against the held balance, and each hold against a
/// living order.
fn holds_differ(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"with reserved as (
                select organization_id, sum(amount) as amount from (
                    select organization_id, frozen_micros as amount from disputes where frozen_micros > 0
                    union all select organization_id, held_micros from refunds where held_micros > 0
                ) r group by organization_id
            ), open as (
                select h.organization_id, sum(h.amount_micros) as amount,
                    count(*) filter (where s.state not in ('creating', 'deleting') or r.state <> 'open') as idle
                from holds h left join sold_hourly s on s.id = coalesce(h.vps_id, h.resource_id)
                left join resizes r on r.id = h.resize_id
                where h.state = 'open' group by h.organization_id
            )
            select w.organization_id as "organization_id: OrganizationId", w.held_micros,
                (coalesce(o.amount, 0) + coalesce(r.amount, 0))::bigint as "open!", coalesce(o.idle, 0) as "idle!"
            from wallets w left join open o on o.organization_id = w.organization_id
            left join reserved r on r.organization_id = w.organization_id
            where coalesce(o.amount, 0) + coalesce(r.amount, 0) <> w.held_micros or o.idle > 0
            limit 1"#
        )
        .fetch_optional(db.conn())
        .await?;
        Ok(row.map(|r| {
            let what = if r.open == r.held_micros {
                format!("{} open holds belong to no open order", r.idle)
            } else {
                format!(
                    "open holds, disputes and refunds sum to {} micros, {} are held",
                    r.open, r.held_micros
                )
            };
            Difference { organization_id: r.organization_id, what }
        }))
    })
}

/// Completed top-ups and what went back of them against the ledger, through the gateway's hands and past them.
fn top_ups_differ(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"select organization_id as "organization_id!: OrganizationId", account as "account!",
                sum(paid)::bigint as "paid!", sum(booked)::bigint as "booked!"
            from (
                select organization_id, 'gateway_clearing' as account, captured_micros as paid, 0 as booked
                    from top_ups where state = 'completed'
                union all
                select organization_id, case kind when 'reversal' then 'chargebacks' else 'gateway_clearing' end,
                    -amount_micros, 0 from refunds where state = 'completed'
                union all
                select organization_id, 'chargebacks', returned_micros, 0 from disputes
                union all
                select organization_id, account, 0, -amount_micros from ledger_entries
                    where account in ('gateway_clearing', 'chargebacks')
            ) sums
            group by 1, 2 having sum(paid) <> sum(booked) limit 1"#
        )
        .fetch_optional(db.conn())
        .await?;
        Ok(row.map(|r| {
            let what = if r.account == "chargebacks" {
                format!("reversals leave {} micros, the ledger booked {}", r.paid, r.booked)
            } else {
                format!("top-ups less refunds sum to {} micros, the ledger booked {}", r.paid, r.booked)
            };
            Difference { organization_id: r.organization_id, what }
        }))
    })
}

/// Credits and corrections against the ledger.
fn gifts_differ(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"select organization_id as "organization_id!: OrganizationId", sum(noted)::bigint as "noted!",
                sum(booked)::bigint as "booked!"
            from (
                select organization_id, amount_micros - ended_micros as noted, 0 as booked from credits
                union all
                select organization_id, amount_micros, 0 from adjustments where state in ('applied', 'approved')
                union all
                select t.organization_id, 0, -e.amount_micros from ledger_transactions t
                join ledger_entries e on e.transaction_id = t.id and e.account in ('credits_given', 'adjustments')
                where t.kind in ('credit', 'credit_expiry', 'adjustment')
            ) sums
            group by organization_id having sum(noted) <> sum(booked) limit 1"#
        )
        .fetch_optional(db.conn())
        .await?;
        Ok(row.map(|r| {
            let what =
                format!("credits and corrections sum to {} micros, the ledger booked {}", r.noted, r.booked);
            Difference { organization_id: r.organization_id, what }
        }))
    })
}
