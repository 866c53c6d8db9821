//! Proof that the books are in order: balances, chains, heads, holds, meters and charges.
//!
//! One question is one statement over everybody's books; chains are recomputed as they are read, so memory grows with
//! the number of organizations and not with the length of the ledger.

use std::collections::HashMap;
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
    let ends = match verify_chains(&mut db).await? {
        Ok(ends) => ends,
        Err(difference) => return Ok(Err(difference)),
    };
    let mut checked = Checked::default();
    for (sequence, _) in ends.values() {
        checked.transactions += u64::try_from(*sequence).unwrap_or(0);
    }
    match verify_wallets(&mut db, ends).await? {
        Ok(organizations) => checked.organizations = organizations,
        Err(difference) => return Ok(Err(difference)),
    }
    for question in [holds_differ, stray_charge, charges_differ, meters_differ, top_ups_differ, gifts_differ]
    {
        if let Some(difference) = question(&mut db).await? {
            return Ok(Err(difference));
        }
    }
    Ok(Ok(checked))
}

type Verdict<T> = std::result::Result<T, Difference>;

/// Length and end of a chain.
type End = (i64, Hash);

fn difference<T>(organization_id: OrganizationId, what: impl Into<String>) -> Verdict<T> {
    Err(Difference { organization_id, what: what.into() })
}

/// Recomputes every hash; answers where the chains end.
async fn verify_chains(db: &mut SystemRead) -> Result<Verdict<HashMap<OrganizationId, End>>> {
    let mut ends = HashMap::new();
    let mut rows = ledger(db.conn());
    while let Some(row) = rows.try_next().await? {
        let organization = row.organization_id;
        let end = ends.entry(organization).or_insert((0, GENESIS));
        if row.sequence != end.0 + 1 {
            return Ok(difference(organization, format!("ledger transaction {} is missing", end.0 + 1)));
        }
        match recompute(&row, end.1) {
            Ok(hash) => *end = (row.sequence, hash),
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
    let posted = row.chain_to(previous)?;
    let lines = posted.transaction.entries().iter().map(|e| e.amount.micros());
    if posted.hash[..] != row.hash[..] || !lines.eq(row.amounts.iter().copied()) {
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
    wallet_booked: i64,
    held_booked: i64,
    receivable_booked: i64,
    burn_counted: i64,
}

impl WalletSums {
    /// The wallet row against the sums of the entries, and its head against the end of the chain.
    fn verify(&self, (length, head): End) -> Verdict<()> {
        if self.sequence != length || self.head_hash[..] != head[..] {
            let what = format!("the ledger ends at {length}, the wallet says {}", self.sequence);
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
        r#"select w.organization_id as "organization_id: OrganizationId", w.available_micros as available,
            w.held_micros as held, w.receivable_micros as receivable, w.burn_micros as burn, w.sequence, w.head_hash,
            coalesce(e.wallet, 0) as "wallet_booked!", coalesce(e.held, 0) as "held_booked!",
            coalesce(e.receivable, 0) as "receivable_booked!", coalesce(v.burn, 0) as "burn_counted!"
        from wallets w
        left join (
            select organization_id, (sum(amount_micros) filter (where account = 'wallet'))::bigint as wallet,
                (sum(amount_micros) filter (where account = 'held'))::bigint as held,
                (sum(amount_micros) filter (where account = 'receivable'))::bigint as receivable
            from ledger_entries group by organization_id
        ) e on e.organization_id = w.organization_id
        left join (
            select v.organization_id, sum(p.sell_hour_micros)::bigint as burn
            from vps_instances v join price_versions p on p.id = v.price_version_id
            where v.state in ('creating', 'active') and v.suspended_by is distinct from 'unpaid'
            group by v.organization_id
        ) v on v.organization_id = w.organization_id"#
    )
    .fetch(db.conn());
    while let Some(row) = rows.try_next().await? {
        let end = ends.remove(&row.organization_id).unwrap_or((0, GENESIS));
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
            )
            select w.organization_id as "organization_id: OrganizationId", w.held_micros,
                (coalesce(sum(h.amount_micros), 0) + coalesce(r.amount, 0))::bigint as "open!",
                count(h.id) filter (where v.state not in ('creating', 'deleting')) as "idle!"
            from wallets w left join holds h on h.organization_id = w.organization_id and h.state = 'open'
            left join vps_instances v on v.id = h.vps_id
            left join reserved r on r.organization_id = w.organization_id
            group by w.organization_id, r.amount
            having coalesce(sum(h.amount_micros), 0) + coalesce(r.amount, 0) <> w.held_micros
                or count(h.id) filter (where v.state not in ('creating', 'deleting')) > 0
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

/// Charges that say a movement paid them which is not there.
fn stray_charge(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        let organization = sqlx::query_scalar!(
            r#"select organization_id as "organization_id: OrganizationId" from charges c
            where c.transaction_id is not null and not exists (select from ledger_transactions t
                where t.id = c.transaction_id and t.organization_id = c.organization_id)
            limit 1"#
        )
        .fetch_optional(db.conn())
        .await?;
        let what = "a charge belongs to no movement of the ledger";
        Ok(organization.map(|organization_id| Difference { organization_id, what: what.into() }))
    })
}

/// Charges against what the ledger earned. Orders deleted before they were active are charged without a meter.
fn charges_differ(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"with movements as (
                select t.organization_id, t.id, t.kind, t.key, e.amount_micros as revenue
                from ledger_transactions t
                join ledger_entries e on e.transaction_id = t.id and e.account = 'revenue'
                where t.kind in ('charge', 'accrual', 'capture')
            ), early as (
                select m.organization_id, m.revenue from movements m
                where m.kind = 'capture' and not exists (select from charges c where c.transaction_id = m.id)
                    and exists (select from holds h
                        where h.organization_id = m.organization_id and m.key = 'capture:' || h.vps_id)
            )
            select organization_id as "organization_id!: OrganizationId", sum(earned)::bigint as "earned!",
                sum(charged)::bigint as "charged!"
            from (
                select organization_id, revenue as earned, 0 as charged from movements
                union all select organization_id, 0, revenue from early
                union all select organization_id, 0, amount_micros from charges
            ) sums
            group by organization_id having sum(earned) <> sum(charged) limit 1"#
        )
        .fetch_optional(db.conn())
        .await?;
        Ok(row.map(|r| {
            let what = format!("charges sum to {} micros, the ledger earned {}", r.charged, r.earned);
            Difference { organization_id: r.organization_id, what }
        }))
    })
}

/// Meters against their hours: one charge for every hour between start and cursor, none outside.
fn meters_differ(db: &mut SystemRead) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"with counted as (
                select m.organization_id, m.id, count(c.meter_id) as charges,
                    count(c.meter_id) filter (where c.span_start >= m.started_at and c.span_start < m.paid_until
                        and mod(extract(epoch from c.span_start - m.started_at), 3600) = 0) as hours,
                    (extract(epoch from m.paid_until - m.started_at) / 3600)::bigint as expected
                from meters m left join charges c on c.meter_id = m.id
                group by m.id
            )
            select organization_id as "organization_id: OrganizationId", id, hours as "hours!", expected as "expected!"
            from counted where hours <> expected or charges <> hours limit 1"#
        )
        .fetch_optional(db.conn())
        .await?;
        Ok(row.map(|r| {
            let what = format!("meter {} has {} charged hours, {} were due", r.id, r.hours, r.expected);
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
