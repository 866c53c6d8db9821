//! Wallets and the ledger as pages show them.

use chrono::{DateTime, Utc};
use domain::billing::ladder::Funds;
use domain::wallet::{Account, TransactionKind};
use domain::{Money, TopUpId, TransactionId, VpsId};
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
    /// Are VPSs kept off because the wallet could not pay?
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
            select count(*) as count, coalesce(sum(p.sell_hour_micros), 0)::bigint as burn, min(v.kept_until) as kept_until
            from vps_instances v join price_versions p on p.id = v.price_version_id
            where v.organization_id = w.organization_id and v.state = 'active' and v.suspended_by = 'unpaid'
        ) u
        where w.organization_id = $1"#,
        organization.0
    )
    .fetch_one(db.conn())
    .await?)
}

/// What was charged since the beginning of the month (UTC).
pub async fn charged_this_month(db: &mut OrgRead) -> Result<Money> {
    let organization = db.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(month_used_micros), 0)::bigint as "sum!: Money" from meters
        where organization_id = $1 and month = date_trunc('month', now() at time zone 'utc')::date"#,
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
    /// Name of the VPS it is about.
    pub vps_name: Option<String>,
    /// The top-up it is about.
    pub top_up_id: Option<TopUpId>,
    /// How many hours it pays.
    pub hours: Option<i64>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// What each account gained, in the order written.
    pub lines: Vec<(Account, Money)>,
}

/// Up to `limit` movements before the one numbered `before`, newest first.
pub async fn movements(db: &mut OrgRead, before: Option<i64>, limit: i64) -> Result<Vec<Movement>> {
    let organization = db.organization_id();
    let rows = sqlx::query!(
        r#"select t.id as "id: TransactionId", t.sequence, t.kind as "kind: TransactionKind", t.created_at,
            v.id as "vps_id?: VpsId", v.name as "vps_name?", (t.reference->>'top_up_id')::uuid as "top_up_id: TopUpId",
            (t.reference->>'hours')::bigint as hours
        from ledger_transactions t
        left join vps_instances v on v.organization_id = t.organization_id and v.id = (t.reference->>'vps_id')::uuid
        where t.organization_id = $1 and ($2::bigint is null or t.sequence < $2)
        order by t.sequence desc limit $3"#,
        organization.0,
        before,
        limit
    )
    .fetch_all(db.conn())
    .await?;
    let mut movements: Vec<Movement> = rows
        .into_iter()
        .map(|r| Movement {
            id: r.id,
            sequence: r.sequence,
            kind: r.kind,
            vps_id: r.vps_id,
            vps_name: r.vps_name,
            top_up_id: r.top_up_id,
            hours: r.hours,
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
    .fetch_all(db.conn())
    .await?;
    for line in lines {
        if let Some(movement) = movements.iter_mut().find(|m| m.id == line.transaction_id) {
            movement.lines.push((line.account, line.amount));
        }
    }
    Ok(movements)
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
    /// What was charged since the beginning of the month (UTC).
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
            (select coalesce(sum(p.cost_hour_micros), 0)::bigint as cost_hour
                from vps_instances v join price_versions p on p.id = v.price_version_id where v.state = 'active') c,
            (select coalesce(sum(month_used_micros), 0)::bigint as charged from meters
                where month = date_trunc('month', now() at time zone 'utc')::date) m,
            (select coalesce(sum(captured_micros), 0)::bigint as ever,
                coalesce(sum(captured_micros) filter (where updated_at >= date_trunc('month', now(), 'utc')), 0)::bigint
                    as month
                from top_ups where state = 'completed') t"#
    )
    .fetch_one(db.conn())
    .await?)
}
