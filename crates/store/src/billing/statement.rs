//! What moved in a month, organization by organization, in a handful of statements over all of them.
//!
//! Hours belong to the month in which they begin, whenever they were charged; everything else to the month in which
//! it was written down. The balance at the end of a month is counted backwards from the wallet as it is, so that the
//! cost of a statement does not grow with the history before it.

use std::collections::HashMap;

use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use domain::billing::Party;
use domain::billing::document::{MovementLine, ResourceLine, Statement, VpsLine};
use domain::catalog::Product;
use domain::{Money, OrganizationId, ResourceId, VpsId};
use uuid::Uuid;

use super::profile::party;
use crate::handle::sealed::Conn;
use crate::{OrgRead, Result, SystemTx};

/// The month and the moments of its beginning and end.
#[derive(Debug, Clone, Copy)]
struct Span {
    month: NaiveDate,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Span {
    fn of(month: NaiveDate) -> Self {
        let start = month.and_time(NaiveTime::MIN).and_utc();
        Self { month, start, end: start.checked_add_months(Months::new(1)).unwrap_or(start) }
    }
}

/// A statement under construction.
struct Draft {
    buyer: Party,
    closing: Money,
    vps: Vec<VpsLine>,
    resources: Vec<ResourceLine>,
    movements: Vec<MovementLine>,
}

/// Statements of a month for these organizations, from one snapshot. Open the transaction for this: it must be asked
/// before anything else.
pub async fn draft(
    tx: &mut SystemTx,
    organizations: &[OrganizationId],
    month: NaiveDate,
    seller: &Party,
    currency: &str,
) -> Result<Vec<(OrganizationId, Statement)>> {
    compose(tx, organizations, month, seller, currency).await
}

/// What the organization's statement of a month is so far. Like [`draft`], the first thing to ask.
pub async fn preview(
    db: &mut OrgRead,
    month: NaiveDate,
    seller: &Party,
    currency: &str,
) -> Result<Option<Statement>> {
    let organization = crate::OrgDb::organization_id(db);
    let mut drafts = compose(db, &[organization], month, seller, currency).await?;
    Ok(drafts.pop().map(|(_, statement)| statement))
}

async fn compose(
    db: &mut impl Conn,
    organizations: &[OrganizationId],
    month: NaiveDate,
    seller: &Party,
    currency: &str,
) -> Result<Vec<(OrganizationId, Statement)>> {
    sqlx::query("set transaction isolation level repeatable read").execute(db.conn()).await?;
    let span = Span::of(month);
    let ids: Vec<Uuid> = organizations.iter().map(|organization| organization.0).collect();
    let mut drafts = closings(db, &ids, span).await?;
    for (organization, line) in vps_lines(db, &ids, span).await? {
        if let Some(draft) = drafts.get_mut(&organization) {
            draft.vps.push(line);
        }
    }
    for (organization, line) in resource_lines(db, &ids, span).await? {
        if let Some(draft) = drafts.get_mut(&organization) {
            draft.resources.push(line);
        }
    }
    for (organization, line) in movements(db, &ids, span).await? {
        if let Some(draft) = drafts.get_mut(&organization) {
            draft.movements.push(line);
        }
    }
    let finished = organizations.iter().filter_map(|organization| {
        let draft = drafts.remove(organization)?;
        Some(draft.finish(span.month, seller, currency).map(|statement| (*organization, statement)))
    });
    finished.collect()
}

impl Draft {
    fn finish(self, month: NaiveDate, seller: &Party, currency: &str) -> Result<Statement> {
        let Self { buyer, closing, vps, resources, movements } = self;
        let of = |kinds: &[&str]| {
            let lines = movements.iter().filter(|line| kinds.contains(&line.kind.as_str()));
            Money::total(lines.map(|line| line.amount))
        };
        let payments = of(&["top_up"])?;
        let credits = of(&["credit", "credit_expiry"])?;
        let adjustments = of(&["adjustment"])?;
        let returned = of(&["refund", "reversal", "reversal_returned"])?;
        let transfer = of(&["transfer"])?;
        let moved = Money::total(movements.iter().map(|line| line.amount))?;
        let named = Money::total([payments, credits, adjustments, returned, transfer])?;
        let hours = vps.iter().flat_map(|line| [line.amount, line.suspended_amount]);
        let others = resources.iter().flat_map(|line| [line.amount, line.suspended_amount]);
        let charges = Money::total(hours.chain(others))?;
        Ok(Statement {
            seller: seller.clone(),
            buyer,
            currency: currency.to_owned(),
            month,
            opening: closing.minus(moved)?.plus(charges)?,
            payments,
            credits,
            adjustments,
            returned,
            other: moved.minus(named)?,
            charges,
            transfer: transfer.negated()?,
            closing,
            vps,
            resources,
            movements,
        })
    }
}

/// Buyers, and the balances at the end: what there is now, less what belongs to later.
async fn closings(
    db: &mut impl Conn,
    organizations: &[Uuid],
    span: Span,
) -> Result<HashMap<OrganizationId, Draft>> {
    let rows = sqlx::query!(
        r#"select w.organization_id as "organization_id!: OrganizationId", o.name as "organization!",
            (w.available_micros + w.held_micros - w.receivable_micros - coalesce(m.later, 0) + coalesce(c.later, 0))::bigint
                as "closing!: Money",
            p.name as "name?", p.address as "address?", p.country as "country?", p.vat_number
        from wallets w join organizations o on o.id = w.organization_id
        left join billing_profiles p on p.organization_id = w.organization_id
        left join lateral (select sum(e.amount_micros) as later from ledger_transactions t
            join ledger_entries e on e.organization_id = t.organization_id and e.transaction_id = t.id
                and e.account in ('wallet', 'held', 'receivable')
            where t.organization_id = w.organization_id and t.created_at >= $2
                and (t.kind not in ('charge', 'accrual') or t.reference ? 'transfer')
                and not (t.kind = 'capture' and exists (select from meters h
                    where h.organization_id = t.organization_id and (h.vps_id = (t.reference->>'vps_id')::uuid
                        or h.resource_id = (t.reference->>'resource_id')::uuid)))) m on true
        left join lateral (select sum(c.amount_micros) as later from meter_counts h
            join charged c on c.organization_id = h.organization_id and c.meter_id = h.id and c.span_start >= $2
            where h.organization_id = w.organization_id and h.paid_until > $2) c on true
        where w.organization_id = any($1)"#,
        organizations,
        span.end,
    )
    .fetch_all(db.conn())
    .await?;
    let mut drafts = HashMap::new();
    for row in rows {
        let buyer = match (row.name, row.address) {
            (Some(name), Some(address)) => party(name, address, row.country, row.vat_number)?,
            _ => Party { name: row.organization, ..Party::default() },
        };
        let (vps, resources, movements) = (Vec::new(), Vec::new(), Vec::new());
        let draft = Draft { buyer, closing: row.closing, vps, resources, movements };
        drafts.insert(row.organization_id, draft);
    }
    Ok(drafts)
}

/// The hours that began in the month, VPS by VPS.
async fn vps_lines(
    db: &mut impl Conn,
    organizations: &[Uuid],
    span: Span,
) -> Result<Vec<(OrganizationId, VpsLine)>> {
    let rows = sqlx::query!(
        r#"with counted as (
            select m.organization_id, m.vps_id, m.price_version_id,
                count(*) filter (where c.tariff = 'sold' and c.is_hour) as hours,
                coalesce(sum(c.amount_micros) filter (where c.tariff = 'sold'), 0)::bigint as amount,
                count(*) filter (where c.tariff = 'at_cost') as suspended_hours,
                coalesce(sum(c.amount_micros) filter (where c.tariff = 'at_cost'), 0)::bigint as suspended_amount
            from meter_counts m join charged c on c.organization_id = m.organization_id and c.meter_id = m.id
                and c.span_start >= $2 and c.span_start < $3
            where m.organization_id = any($1) and m.vps_id is not null and m.started_at < $3 and m.paid_until > $2
            group by m.organization_id, m.id, m.vps_id, m.price_version_id)
        select c.organization_id as "organization_id!: OrganizationId", v.id as "vps_id: VpsId", v.name,
            l.name as plan, r.name as region, p.sell_hour_micros as "hour: Money", p.sell_month_micros as "month: Money",
            c.hours as "hours!", c.amount as "amount!: Money", c.suspended_hours as "suspended_hours!",
            c.suspended_amount as "suspended_amount!: Money"
        from counted c join vps_instances v on v.organization_id = c.organization_id and v.id = c.vps_id
        join plans l on l.id = v.plan_id join regions r on r.id = v.region_id
        join price_versions p on p.id = c.price_version_id
        order by c.organization_id, v.name, v.id"#,
        organizations,
        span.start,
        span.end,
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let line = VpsLine {
                id: r.vps_id,
                name: r.name,
                plan: r.plan,
                region: r.region,
                hour: r.hour,
                month: r.month,
                hours: r.hours,
                amount: r.amount,
                suspended_hours: r.suspended_hours,
                suspended_amount: r.suspended_amount,
            };
            (r.organization_id, line)
        })
        .collect())
}

/// The hours of everything else that began in the month, one by one.
async fn resource_lines(
    db: &mut impl Conn,
    organizations: &[Uuid],
    span: Span,
) -> Result<Vec<(OrganizationId, ResourceLine)>> {
    let rows = sqlx::query!(
        r#"with counted as (
            select m.organization_id, m.resource_id, m.price_version_id,
                count(*) filter (where c.tariff = 'sold' and c.is_hour) as hours,
                coalesce(sum(c.amount_micros) filter (where c.tariff = 'sold'), 0)::bigint as amount,
                count(*) filter (where c.tariff = 'at_cost') as suspended_hours,
                coalesce(sum(c.amount_micros) filter (where c.tariff = 'at_cost'), 0)::bigint as suspended_amount
            from meter_counts m join charged c on c.organization_id = m.organization_id and c.meter_id = m.id
                and c.span_start >= $2 and c.span_start < $3
            where m.organization_id = any($1) and m.resource_id is not null and m.started_at < $3 and m.paid_until > $2
            group by m.organization_id, m.id, m.resource_id, m.price_version_id)
        select c.organization_id as "organization_id!: OrganizationId", r.id as "id: ResourceId",
            r.kind as "kind: Product", r.name, g.name as region, r.quantity,
            amount_of(p.sell_hour_micros, r.quantity, p.per_units) as "hour!: Money",
            amount_of(p.sell_month_micros, r.quantity, p.per_units) as "month!: Money",
            c.hours as "hours!", c.amount as "amount!: Money", c.suspended_hours as "suspended_hours!",
            c.suspended_amount as "suspended_amount!: Money"
        from counted c join resources r on r.organization_id = c.organization_id and r.id = c.resource_id
        join regions g on g.id = r.region_id
        join price_versions p on p.id = c.price_version_id
        order by c.organization_id, r.name, r.id"#,
        organizations,
        span.start,
        span.end,
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let line = ResourceLine {
                id: r.id,
                kind: r.kind,
                name: r.name,
                region: r.region,
                quantity: r.quantity,
                hour: r.hour,
                month: r.month,
                hours: r.hours,
                amount: r.amount,
                suspended_hours: r.suspended_hours,
                suspended_amount: r.suspended_amount,
            };
            (r.organization_id, line)
        })
        .collect())
}

/// Everything else that moved the balance in the month, oldest first. Orders that were given up while a server
/// existed are among it: they have no meter. So is transfer, which has no hours.
async fn movements(
    db: &mut impl Conn,
    organizations: &[Uuid],
    span: Span,
) -> Result<Vec<(OrganizationId, MovementLine)>> {
    let rows = sqlx::query!(
        r#"select t.organization_id as "organization_id: OrganizationId", t.created_at,
            case when t.reference ? 'transfer' then 'transfer' else t.kind end as "kind!",
            sum(e.amount_micros)::bigint as "amount!: Money", min(coalesce(s.name,
                to_char(case when t.reference ? 'transfer' then (t.reference->>'month')::date end, 'FMMonth YYYY'),
                (select 'R-' || d.year || '-' || lpad(d.number::text,
                    greatest(6, length(d.number::text)), '0') from documents d
                where d.organization_id = t.organization_id and d.kind = 'receipt'
                    and d.top_up_id = (t.reference->>'top_up_id')::uuid))) as about
        from ledger_transactions t
        join ledger_entries e on e.organization_id = t.organization_id and e.transaction_id = t.id
            and e.account in ('wallet', 'held', 'receivable')
        left join sold_hourly s on s.organization_id = t.organization_id
            and s.id = coalesce(t.reference->>'vps_id', t.reference->>'resource_id')::uuid
        where t.organization_id = any($1) and t.created_at >= $2 and t.created_at < $3
            and (t.kind not in ('charge', 'accrual', 'hold', 'release', 'settlement') or t.reference ? 'transfer')
            and not (t.kind = 'capture' and exists (select from meters h
                where h.organization_id = t.organization_id and (h.vps_id = (t.reference->>'vps_id')::uuid
                        or h.resource_id = (t.reference->>'resource_id')::uuid)))
        group by t.organization_id, t.id
        having sum(e.amount_micros) <> 0
        order by t.organization_id, t.sequence"#,
        organizations,
        span.start,
        span.end,
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let line = MovementLine { at: r.created_at, kind: r.kind, about: r.about, amount: r.amount };
            (r.organization_id, line)
        })
        .collect())
}

/// Months that are over and whose statements are not all issued, oldest first: of an installation's life.
pub async fn open_months(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Vec<NaiveDate>> {
    Ok(sqlx::query_scalar!(
        r#"select m.start::date as "month!" from generate_series(
            (select date_trunc('month', min(created_at) at time zone 'utc') from organizations),
            date_trunc('month', $1::timestamptz at time zone 'utc') - interval '1 month', interval '1 month') m (start)
        where not exists (select from statement_months s where s.month = m.start::date) order by 1"#,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Organizations whose statement of a month is due: money moved, all hours are charged, and there is none yet. Up to
/// `limit` after `after`, in id order.
pub async fn due(
    tx: &mut SystemTx,
    month: NaiveDate,
    after: Option<OrganizationId>,
    limit: i64,
) -> Result<Vec<OrganizationId>> {
    let span = Span::of(month);
    Ok(sqlx::query_scalar!(
        r#"select w.organization_id as "id: OrganizationId" from wallets w
        where w.sequence > 0 and ($5::uuid is null or w.organization_id > $5)
            and not exists (select from documents d
                where d.organization_id = w.organization_id and d.kind = 'statement' and d.month = $1)
            and not exists (select from meter_counts m where m.organization_id = w.organization_id and not m.settled
                and m.paid_until < $3 and (m.ended_at is null or m.paid_until < m.ended_at))
            and (exists (select from ledger_transactions t where t.organization_id = w.organization_id
                    and t.created_at >= $2 and t.created_at < $3)
                or exists (select from meter_counts m where m.organization_id = w.organization_id
                    and m.started_at < $3 and m.paid_until > $2))
        order by 1 limit $4"#,
        span.month,
        span.start,
        span.end,
        limit,
        after.map(|organization| organization.0),
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Are there hours in a month that are not charged yet?
pub async fn is_waiting(tx: &mut SystemTx, month: NaiveDate) -> Result<bool> {
    let span = Span::of(month);
    Ok(sqlx::query_scalar!(
        r#"select exists (select from meter_counts
            where not settled and paid_until < $1 and (ended_at is null or paid_until < ended_at)) as "waiting!""#,
        span.end
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Notes that every statement of a month is issued.
pub async fn close_month(tx: &mut SystemTx, month: NaiveDate) -> Result<()> {
    sqlx::query!("insert into statement_months (month) values ($1) on conflict do nothing", month)
        .execute(tx.conn())
        .await?;
    Ok(())
}
