//! Proof that the books are in order: balances, chains, heads, holds, meters and charges.
//!
//! Reads everything in pages by organization, so memory stays flat however large the ledger is.

use std::fmt;

use domain::wallet::{GENESIS, Hash};
use domain::{Money, OrganizationId};

use super::chain::{LedgerRow, ledger_page};
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

/// Checks all books; stops at the first difference.
pub async fn verify(store: &Store) -> Result<std::result::Result<Checked, Difference>> {
    let mut checked = Checked::default();
    let mut db = store.system_read(SystemPurpose::CommandLine).await?;
    for organization in organizations(&mut db).await? {
        match verify_organization(&mut db, organization).await? {
            Ok(transactions) => checked.transactions += transactions,
            Err(what) => return Ok(Err(Difference { organization_id: organization, what })),
        }
        checked.organizations += 1;
    }
    Ok(Ok(checked))
}

async fn organizations(db: &mut SystemRead) -> Result<Vec<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"select organization_id as "id: OrganizationId" from wallets
        union select organization_id from ledger_transactions order by 1"#
    )
    .fetch_all(db.conn())
    .await?
    .into_iter()
    .flatten()
    .collect())
}

type Verdict<T> = std::result::Result<T, String>;

async fn verify_organization(db: &mut SystemRead, organization: OrganizationId) -> Result<Verdict<u64>> {
    let (length, head) = match verify_chain(db, organization).await? {
        Ok(end) => end,
        Err(what) => return Ok(Err(what)),
    };
    if let Err(what) = verify_wallet(db, organization, length, head).await? {
        return Ok(Err(what));
    }
    for question in [holds_differ, charges_differ, meters_differ, top_ups_differ] {
        if let Some(what) = question(db, organization).await? {
            return Ok(Err(what));
        }
    }
    Ok(Ok(u64::try_from(length).unwrap_or(0)))
}

/// Recomputes every hash; answers length and end of the chain.
async fn verify_chain(db: &mut SystemRead, organization: OrganizationId) -> Result<Verdict<(i64, Hash)>> {
    let (mut length, mut head) = (0, GENESIS);
    loop {
        let page = ledger_page(db.conn(), organization, length).await?;
        if page.is_empty() {
            return Ok(Ok((length, head)));
        }
        for row in page {
            if row.sequence != length + 1 {
                return Ok(Err(format!("ledger transaction {} is missing", length + 1)));
            }
            match recompute(organization, &row, head) {
                Ok(hash) => (length, head) = (row.sequence, hash),
                Err(what) => {
                    return Ok(Err(format!("ledger transaction {} ({}): {what}", row.sequence, row.id)));
                }
            }
        }
    }
}

fn recompute(organization: OrganizationId, row: &LedgerRow, previous: Hash) -> Verdict<Hash> {
    if row.previous_hash != previous {
        return Err("it does not follow the one before it".into());
    }
    let posted = row.chain_to(organization, previous)?;
    let lines = posted.transaction.entries().iter().map(|e| e.amount.micros());
    if posted.hash[..] != row.hash[..] || !lines.eq(row.amounts.iter().copied()) {
        return Err("its content does not match its hash".into());
    }
    Ok(posted.hash)
}

/// The wallet row against the sums of the entries, and its head against the end of the chain.
async fn verify_wallet(
    db: &mut SystemRead,
    organization: OrganizationId,
    length: i64,
    head: Hash,
) -> Result<Verdict<()>> {
    let row = sqlx::query!(
        r#"select w.available_micros, w.held_micros, w.receivable_micros, w.burn_micros, w.sequence, w.head_hash,
            coalesce(sum(e.amount_micros) filter (where e.account = 'wallet'), 0)::bigint as "wallet!",
            coalesce(sum(e.amount_micros) filter (where e.account = 'held'), 0)::bigint as "held!",
            coalesce(sum(e.amount_micros) filter (where e.account = 'receivable'), 0)::bigint as "receivable!",
            (select coalesce(sum(p.sell_hour_micros), 0)::bigint
                from vps_instances v join price_versions p on p.id = v.price_version_id
                where v.organization_id = $1 and v.state in ('creating', 'active')
                    and v.suspended_by is distinct from 'unpaid') as "burn!"
        from wallets w left join ledger_entries e on e.organization_id = w.organization_id
        where w.organization_id = $1 group by w.organization_id"#,
        organization.0
    )
    .fetch_optional(db.conn())
    .await?;
    let Some(row) = row else { return Ok(Err("it has ledger transactions but no wallet".into())) };
    let differs = |what: &str, shown: i64, counted: i64| {
        (shown != counted).then(|| {
            let (shown, counted) = (Money::from_micros(shown), Money::from_micros(counted));
            format!("the wallet shows {what} {shown}, the books say {counted}")
        })
    };
    if row.sequence != length || row.head_hash[..] != head[..] {
        return Ok(Err(format!("the ledger ends at {length}, the wallet says {}", row.sequence)));
    }
    let wrong = differs("available", row.available_micros, row.wallet)
        .or_else(|| differs("held", row.held_micros, row.held))
        .or_else(|| differs("receivable", row.receivable_micros, -row.receivable))
        .or_else(|| differs("burn", row.burn_micros, row.burn));
    Ok(wrong.map_or(Ok(()), Err))
}

type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + 'a>>;

/// Open holds against the held balance, and each against a living order.
fn holds_differ(db: &mut SystemRead, organization: OrganizationId) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"select coalesce(sum(h.amount_micros), 0)::bigint as "open!", w.held_micros,
                count(h.id) filter (where v.state not in ('creating', 'deleting')) as "idle!"
            from wallets w left join holds h on h.organization_id = w.organization_id and h.state = 'open'
            left join vps_instances v on v.id = h.vps_id
            where w.organization_id = $1 group by w.organization_id"#,
            organization.0
        )
        .fetch_one(db.conn())
        .await?;
        Ok(match row {
            r if r.open != r.held_micros => {
                Some(format!("open holds sum to {} micros, {} are held", r.open, r.held_micros))
            }
            r if r.idle > 0 => Some(format!("{} open holds belong to no open order", r.idle)),
            _ => None,
        })
    })
}

/// Charges against the movements they belong to.
fn charges_differ(db: &mut SystemRead, organization: OrganizationId) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"with movements as (
                select t.id, sum(e.amount_micros) filter (where e.account = 'revenue') as revenue
                from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
                where t.organization_id = $1 and t.kind in ('charge', 'accrual', 'capture') group by t.id
            ), charged as (
                select coalesce(sum(amount_micros), 0)::bigint as total from charges where organization_id = $1
            ), early as (
                select coalesce(sum(m.revenue), 0)::bigint as total from movements m
                where not exists (select from charges c where c.transaction_id = m.id)
                    and exists (select from ledger_transactions t join holds h
                        on t.kind = 'capture' and t.key = 'capture:' || h.vps_id where t.id = m.id)
            )
            select (select coalesce(sum(revenue), 0)::bigint from movements) as "earned!",
                (select total from charged) as "charged!", (select total from early) as "early!",
                exists (select from charges c where c.organization_id = $1 and c.transaction_id is not null
                    and not exists (select from ledger_transactions t where t.id = c.transaction_id
                        and t.organization_id = $1)) as "stray!""#,
            organization.0
        )
        .fetch_one(db.conn())
        .await?;
        Ok(match row {
            r if r.stray => Some("a charge belongs to no movement of the ledger".into()),
            // Orders deleted before they were active are charged without a meter.
            r if r.earned != r.charged + r.early => {
                Some(format!("charges sum to {} micros, the ledger earned {}", r.charged + r.early, r.earned))
            }
            _ => None,
        })
    })
}

/// Meters against their hours: one charge for every hour between start and cursor, none outside.
fn meters_differ(db: &mut SystemRead, organization: OrganizationId) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"select m.id, count(c.span_start) as "hours!",
                (extract(epoch from m.paid_until - m.started_at) / 3600)::bigint as "expected!"
            from meters m left join charges c on c.meter_id = m.id and c.span_start >= m.started_at
                and c.span_start < m.paid_until
                and mod(extract(epoch from c.span_start - m.started_at)::numeric, 3600) = 0
            where m.organization_id = $1 group by m.id
            having count(c.span_start) <> (extract(epoch from m.paid_until - m.started_at) / 3600)::bigint
                or (select count(*) from charges a where a.meter_id = m.id) <> count(c.span_start)
            limit 1"#,
            organization.0
        )
        .fetch_optional(db.conn())
        .await?;
        Ok(row.map(|r| format!("meter {} has {} charged hours, {} were due", r.id, r.hours, r.expected)))
    })
}

/// Completed top-ups against the ledger.
fn top_ups_differ(db: &mut SystemRead, organization: OrganizationId) -> Answer<'_> {
    Box::pin(async move {
        let row = sqlx::query!(
            r#"select coalesce((select sum(captured_micros) from top_ups
                    where organization_id = $1 and state = 'completed'), 0)::bigint as "captured!",
                coalesce((select -sum(e.amount_micros) from ledger_entries e
                    where e.organization_id = $1 and e.account = 'gateway_clearing'), 0)::bigint as "booked!""#,
            organization.0
        )
        .fetch_one(db.conn())
        .await?;
        Ok((row.captured != row.booked)
            .then(|| format!("top-ups sum to {} micros, the ledger booked {}", row.captured, row.booked)))
    })
}
