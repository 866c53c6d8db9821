//! Wallets and the ledger as pages show them.

use chrono::{DateTime, Utc};
use domain::billing::ladder::Funds;
use domain::billing::transfer::Figures;
use domain::catalog::Product;
use domain::wallet::{Account, TransactionKind};
use domain::{Money, OrganizationId, TopUpId, TransactionId, VpsId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgRead, Result, SystemRead};

/// The figures of a wallet.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    /// Money that can be spent.
    pub available: Money,
    /// Money reserved for open orders.
    pub held: Money,
    /// What the organization owes.
    pub receivable: Money,
    /// What everything that draws on the wallet costs per hour.
    pub burn: Money,
    /// How much the organization may owe before anything is suspended.
    pub credit_limit: Money,
    /// Are VPSs kept off, or resources at cost, because the wallet could not pay?
    pub suspended: bool,
    /// What these would cost per hour.
    pub suspended_burn: Money,
    /// When the first of them is destroyed, once that was announced.
    pub kept_until: Option<DateTime<Utc>>,
}

impl Balance {
    /// What decides whether the organization can go on.
    pub fn funds(&self) -> Funds {
        Funds { available: self.available, receivable: self.receivable, credit_limit: self.credit_limit }
    }
}

/// The organization's wallet.
pub async fn balance(db: &mut OrgRead) -> Result<Balance> {
    let organization = db.organization_id();
    Ok(sqlx::query_as!(
        Balance,
        r#"select w.available_micros as "available: Money", w.held_micros as "held: Money",
            w.receivable_micros as "receivable: Money", w.burn_micros as "burn: Money",
            coalesce(t.credit_limit_micros, 0) as "credit_limit!: Money", u.count > 0 as "suspended!",
            u.burn as "suspended_burn!: Money", u.kept_until as "kept_until?"
        from wallets w
        left join wallet_terms t on t.organization_id = w.organization_id
        cross join lateral (
            select count(*) as count, min(s.kept_until) as kept_until,
                coalesce(sum(amount_of(p.sell_hour_micros, s.quantity, p.per_units)), 0)::bigint as burn
            from sold_hourly s join price_versions p on p.id = s.price_version_id
            where s.organization_id = w.organization_id and s.state = 'active' and s.unpaid
        ) u
        where w.organization_id = $1"#,
        organization.0
    )
    .fetch_one(db.conn())
    .await?)
}

/// What was charged for this month (UTC).
pub async fn charged_this_month(db: &mut OrgRead) -> Result<Money> {
    let organization = db.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select (coalesce((select sum(month_used_micros) from meter_counts
                where organization_id = $1 and month = date_trunc('month', now() at time zone 'utc')::date), 0)
            + coalesce((select sum(amount_micros) from transfer_charges
                where organization_id = $1 and month = date_trunc('month', now() at time zone 'utc')::date), 0))::bigint
            as "sum!: Money""#,
        organization.0
    )
    .fetch_one(db.conn())
    .await?)
}

/// A movement of money.
#[derive(Debug, Clone)]
pub struct Movement {
    /// Its id.
    pub id: TransactionId,
    /// Its place in the organization's ledger, 1 for the first.
    pub sequence: i64,
    /// Why money moved.
    pub kind: TransactionKind,
    /// The VPS it is about.
    pub vps_id: Option<VpsId>,
    /// What kind of thing it is about.
    pub product: Option<Product>,
    /// The name of that.
    pub name: Option<String>,
    /// The top-up it is about.
    pub top_up_id: Option<TopUpId>,
    /// Is it about money that goes back to the payer?
    pub refund: bool,
    /// Is it about a resize?
    pub resize: bool,
    /// How many hours it pays.
    pub hours: Option<i64>,
    /// The transfer it charges, and the figures that came from.
    pub transfer: Option<Figures>,
    /// Why an operator gave or corrected it.
    pub reason: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// What each account gained, in the order written.
    pub lines: Vec<(Account, Money)>,
}

/// Up to `limit` movements of a kind, or of all, before the one numbered `before`, newest first.
pub async fn movements(
    db: &mut OrgRead,
    kind: Option<TransactionKind>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Movement>> {
    let organization = db.organization_id();
    movements_of(db.conn(), organization, kind, before, limit).await
}

/// The same of any organization, for operators.
pub async fn any_movements(
    db: &mut SystemRead,
    organization: OrganizationId,
    kind: Option<TransactionKind>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Movement>> {
    movements_of(db.conn(), organization, kind, before, limit).await
}

async fn movements_of(
    conn: &mut PgConnection,
    organization: OrganizationId,
    kind: Option<TransactionKind>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Movement>> {
    let rows = sqlx::query!(
        r#"select t.id as "id: TransactionId", t.sequence, t.kind as "kind: TransactionKind", t.created_at,
            (t.reference->>'vps_id')::uuid as "vps_id: VpsId", s.kind as "product?: Product", s.name as "name?", (t.reference->>'top_up_id')::uuid as "top_up_id: TopUpId",
            (t.reference->>'hours')::bigint as hours, t.reference ? 'refund_id' as "refund!",
            t.reference ? 'resize_id' as "resize!",
            case when t.reference ? 'transfer' then t.reference end as "transfer: Json<Figures>",
            coalesce(c.reason, a.reason) as reason
        from ledger_transactions t
        left join sold_hourly s on s.organization_id = t.organization_id
            and s.id = coalesce(t.reference->>'vps_id', t.reference->>'resource_id')::uuid
        left join credits c on c.organization_id = t.organization_id and c.id = (t.reference->>'credit_id')::uuid
        left join adjustments a
            on a.organization_id = t.organization_id and a.id = (t.reference->>'adjustment_id')::uuid
        where t.organization_id = $1 and ($2::bigint is null or t.sequence < $2)
            and ($4::text is null or t.kind = $4)
        order by t.sequence desc limit $3"#,
        organization.0,
        before,
        limit,
        kind.map(TransactionKind::as_str),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut movements: Vec<Movement> = rows
        .into_iter()
        .map(|r| Movement {
            id: r.id,
            sequence: r.sequence,
            kind: r.kind,
            vps_id: r.vps_id,
            product: r.product,
            name: r.name,
            top_up_id: r.top_up_id,
            refund: r.refund,
            resize: r.resize,
            hours: r.hours,
            transfer: r.transfer.map(|figures| figures.0),
            reason: r.reason,
            created_at: r.created_at,
            lines: Vec::new(),
        })
        .collect();
    let ids: Vec<Uuid> = movements.iter().map(|m| m.id.0).collect();
    let lines = sqlx::query!(
        r#"select transaction_id as "transaction_id: TransactionId", account as "account: Account",
            amount_micros as "amount: Money"
        from ledger_entries where organization_id = $1 and transaction_id = any($2)
        order by transaction_id, line"#,
        organization.0,
        &ids
    )
    .fetch_all(&mut *conn)
    .await?;
    for line in lines {
        if let Some(movement) = movements.iter_mut().find(|m| m.id == line.transaction_id) {
            movement.lines.push((line.account, line.amount));
        }
    }
    Ok(movements)
}

/// All movements of one kind.
#[derive(Debug, Clone, Copy)]
pub struct KindTotal {
    /// Why money moved.
    pub kind: TransactionKind,
    /// How often.
    pub count: i64,
    /// What it did to the money that can be spent.
    wallet: Money,
    /// What it made the organization richer or poorer by.
    own: Money,
}

impl KindTotal {
    /// What came or went; of money that stayed with the organization, what became free to spend.
    pub fn amount(&self) -> Money {
        if self.own == Money::ZERO { self.wallet } else { self.own }
    }
}

/// What each kind of movement adds up to, for kinds there were.
pub async fn totals_by_kind(db: &mut OrgRead) -> Result<Vec<KindTotal>> {
    let organization = db.organization_id();
    totals_of(db.conn(), organization).await
}

/// The same of any organization, for operators.
pub async fn any_totals_by_kind(db: &mut SystemRead, organization: OrganizationId) -> Result<Vec<KindTotal>> {
    totals_of(db.conn(), organization).await
}

async fn totals_of(conn: &mut PgConnection, organization: OrganizationId) -> Result<Vec<KindTotal>> {
    Ok(sqlx::query_as!(
        KindTotal,
        r#"select t.kind as "kind: TransactionKind", count(distinct t.id) as "count!",
            coalesce(sum(e.amount_micros) filter (where e.account = 'wallet'), 0)::bigint as "wallet!: Money",
            coalesce(sum(e.amount_micros) filter (where e.account in ('wallet', 'held', 'receivable')), 0)::bigint
                as "own!: Money"
        from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
        where t.organization_id = $1 group by t.kind order by t.kind"#,
        organization.0
    )
    .fetch_all(conn)
    .await?)
}

/// Money over all organizations.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// Money that can be spent.
    pub available: Money,
    /// Money reserved for open orders.
    pub held: Money,
    /// What is owed to us.
    pub receivable: Money,
    /// What all that runs is sold for per hour.
    pub burn: Money,
    /// What all that is active costs us per hour.
    pub cost_hour: Money,
    /// What was charged for this month (UTC).
    pub charged_month: Money,
    /// What was paid in since the beginning of the month (UTC).
    pub paid_in_month: Money,
    /// What was ever paid in.
    pub paid_in: Money,
}

/// Sums over all wallets, meters and top-ups.
pub async fn totals(db: &mut SystemRead) -> Result<Totals> {
    Ok(sqlx::query_as!(
        Totals,
        r#"select w.available as "available!: Money", w.held as "held!: Money", w.receivable as "receivable!: Money",
            w.burn as "burn!: Money", c.cost_hour as "cost_hour!: Money", m.charged as "charged_month!: Money",
            t.month as "paid_in_month!: Money", t.ever as "paid_in!: Money"
        from (select coalesce(sum(available_micros), 0)::bigint as available,
                coalesce(sum(held_micros), 0)::bigint as held,
                coalesce(sum(receivable_micros), 0)::bigint as receivable,
                coalesce(sum(burn_micros), 0)::bigint as burn from wallets) w,
            (select coalesce(sum(amount_of(p.cost_hour_micros, s.quantity, p.per_units)), 0)::bigint as cost_hour
                from sold_hourly s join price_versions p on p.id = s.price_version_id where s.state = 'active') c,
            (select (coalesce((select sum(month_used_micros) from meter_counts
                        where month = date_trunc('month', now() at time zone 'utc')::date), 0)
                    + coalesce((select sum(amount_micros) from transfer_charges
                        where month = date_trunc('month', now() at time zone 'utc')::date), 0))::bigint as charged) m,
            (select coalesce(sum(captured_micros), 0)::bigint as ever,
                coalesce(sum(captured_micros) filter (where updated_at >= date_trunc('month', now(), 'utc')), 0)::bigint
                    as month
                from top_ups where state = 'completed') t"#
    )
    .fetch_one(db.conn())
    .await?)
}
