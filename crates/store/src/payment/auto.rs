//! Automatic top-ups: what payers agreed to, and what is due of it.

use chrono::{DateTime, Utc};
use domain::identity::Actor;
use domain::payment::{AutoTerms, AutoTopUpState, OffReason, Threshold, TopUpState};
use domain::{AutoTopUpId, Money, OrganizationId, TopUpId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgRead, OrgTx, Result, SystemDb, SystemRead, SystemTx, WriteDb};

/// SHA-256 of a leave to charge.
pub type Digest = [u8; 32];

/// An agreement as its jobs need it.
#[derive(Debug, Clone)]
pub struct AutoTopUp {
    /// Its id.
    pub id: AutoTopUpId,
    /// How far it is.
    pub state: AutoTopUpState,
    /// The gateway's question to the payer.
    pub setup_ref: Option<String>,
    /// The leave to charge, sealed.
    pub token_sealed: Option<String>,
    /// A payment was declined, and the next one is the last.
    pub retry_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Writes down that an organization wants automatic top-ups. The wallet is locked.
pub async fn insert(tx: &mut OrgTx, id: AutoTopUpId, terms: AutoTerms) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into auto_top_ups
            (organization_id, id, state, threshold_hours, threshold_micros, amount_micros, ceiling_micros, requested_by)
        values ($1, $2, 'preparing', $3, $4, $5, $6, $7)",
        scope.organization_id().0,
        id.0,
        terms.threshold.hours(),
        terms.threshold.amount().map(Money::micros),
        terms.amount.micros(),
        terms.ceiling.micros(),
        Json(scope.actor()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The agreement that counts, locked. The wallet is locked before it.
pub async fn lock_live(tx: &mut OrgTx) -> Result<Option<AutoTopUp>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        AutoTopUp,
        r#"select id as "id: AutoTopUpId", state as "state: AutoTopUpState", setup_ref, token_sealed, retry_at, created_at
        from auto_top_ups where organization_id = $1 and state <> 'off' for update"#,
        organization.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// An agreement, locked. The wallet is locked before it.
pub async fn lock(tx: &mut OrgTx, id: AutoTopUpId) -> Result<Option<AutoTopUp>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        AutoTopUp,
        r#"select id as "id: AutoTopUpId", state as "state: AutoTopUpState", setup_ref, token_sealed, retry_at, created_at
        from auto_top_ups where organization_id = $1 and id = $2 for update"#,
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// When money is asked for, and how much.
pub async fn terms(tx: &mut OrgTx, id: AutoTopUpId) -> Result<Option<AutoTerms>> {
    let organization = tx.organization_id();
    let row = sqlx::query!(
        r#"select threshold_hours, threshold_micros as "threshold_micros: Money", amount_micros as "amount: Money",
            ceiling_micros as "ceiling: Money"
        from auto_top_ups where organization_id = $1 and id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let threshold = threshold(row.threshold_hours, row.threshold_micros)?;
    Ok(Some(AutoTerms { threshold, amount: row.amount, ceiling: row.ceiling }))
}

fn threshold(hours: Option<i32>, amount: Option<Money>) -> Result<Threshold> {
    Threshold::of(hours, amount).ok_or(Error::Inconsistent("a threshold of automatic top-ups"))
}

/// Sets when money is asked for, and how much.
pub async fn set_terms(tx: &mut OrgTx, id: AutoTopUpId, terms: AutoTerms) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set threshold_hours = $3, threshold_micros = $4, amount_micros = $5, ceiling_micros = $6,
            ceiling_told = null
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        terms.threshold.hours(),
        terms.threshold.amount().map(Money::micros),
        terms.amount.micros(),
        terms.ceiling.micros(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The payer can agree.
pub async fn set_asked(tx: &mut OrgTx, id: AutoTopUpId, setup: &str, approve_url: &str) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set state = 'awaiting_approval', setup_ref = $3, approve_url = $4, looked_at = now()
        where organization_id = $1 and id = $2 and state = 'preparing'",
        organization.0,
        id.0,
        setup,
        approve_url,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It is being looked at.
pub async fn set_looked(tx: &mut OrgTx, id: AutoTopUpId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set looked_at = now() where organization_id = $1 and id = $2",
        organization.0,
        id.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps the leave to charge. It puts in force what waits for it; one that was turned off meanwhile stays off, and the
/// leave can be given back.
pub async fn keep_token(tx: &mut OrgTx, id: AutoTopUpId, sealed: &str, digest: &Digest) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set token_sealed = $3, token_digest = $4, approve_url = null, looked_at = now(),
            on_at = case when state = 'awaiting_approval' then now() else on_at end,
            state = case when state = 'awaiting_approval' then 'on' else state end
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        sealed,
        digest.as_slice(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It is over. The leave to charge stays until the gateway has forgotten it.
pub async fn set_off(tx: &mut OrgTx, id: AutoTopUpId, reason: OffReason) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set state = 'off', off_reason = $3, off_at = now(), approve_url = null, looked_at = now()
        where organization_id = $1 and id = $2 and state <> 'off'",
        organization.0,
        id.0,
        reason.as_str(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The gateway has forgotten the leave to charge, and so do we.
pub async fn forget_token(tx: &mut OrgTx, id: AutoTopUpId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set token_sealed = null, token_digest = null
        where organization_id = $1 and id = $2 and state = 'off'",
        organization.0,
        id.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// After a declined payment, when the last one is tried; `None` once one went through.
pub async fn set_retry(tx: &mut OrgTx, id: AutoTopUpId, at: Option<DateTime<Utc>>) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set retry_at = $3 where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// People are told, once in a month, that no more is asked for in it.
pub async fn set_ceiling_told(tx: &mut OrgTx, id: AutoTopUpId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update auto_top_ups set ceiling_told = date_trunc('month', now() at time zone 'utc')::date
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How things stand with an agreement in force.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The agreement.
    pub id: AutoTopUpId,
    /// How much is asked for.
    pub amount: Money,
    /// How much at most in a month.
    pub ceiling: Money,
    /// Is it to be asked for now, as far as the ceiling leaves room?
    pub is_due: bool,
    /// Does it?
    pub has_room: bool,
    /// Were people told of the ceiling in this month?
    pub is_told: bool,
}

/// How things stand; `None` when nothing is in force. What it says holds while the wallet is locked.
pub async fn standing(tx: &mut OrgTx) -> Result<Option<Standing>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Standing,
        r#"select id as "id!: AutoTopUpId", amount_micros as "amount!: Money", ceiling_micros as "ceiling!: Money",
            is_due as "is_due!", has_room as "has_room!", is_told as "is_told!"
        from auto_top_up_standings where organization_id = $1"#,
        organization.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Has a job decide about an automatic top-up for those of these organizations where one is due.
pub async fn ask(tx: &mut impl WriteDb, organizations: &[OrganizationId]) -> Result<()> {
    if organizations.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    sqlx::query!(
        "insert into jobs (kind, payload, organization_id, actor, dedupe)
        select 'payment.auto', 'null', s.organization_id, $2, 'auto:' || s.organization_id
        from auto_top_up_standings s
        where s.organization_id = any($1) and s.is_due and (s.has_room or not s.is_told)
        order by s.organization_id
        on conflict (dedupe) where dedupe is not null and state in ('ready', 'running')
            do update set asked_again = (jobs.state = 'running')",
        &ids,
        Json(Actor::System) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The same for all: what became due because time passed.
pub async fn ask_all(tx: &mut SystemTx) -> Result<()> {
    sqlx::query!(
        "insert into jobs (kind, payload, organization_id, actor, dedupe)
        select 'payment.auto', 'null', s.organization_id, $1, 'auto:' || s.organization_id
        from auto_top_up_standings s
        where s.is_due and (s.has_room or not s.is_told)
        order by s.organization_id
        on conflict (dedupe) where dedupe is not null and state in ('ready', 'running')
            do update set asked_again = (jobs.state = 'running')",
        Json(Actor::System) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Agreements that wait for their payer, or whose leave to charge is still to be given back. The longer one waits, the
/// less often it is looked at.
pub async fn unattended(db: &mut impl SystemDb) -> Result<Vec<(OrganizationId, AutoTopUpId)>> {
    let rows = sqlx::query!(
        r#"select organization_id as "organization_id: OrganizationId", id as "id: AutoTopUpId" from auto_top_ups
        where (state in ('preparing', 'awaiting_approval') or (state = 'off' and token_sealed is not null))
            and looked_at < now() - greatest(interval '2 minutes', (looked_at - coalesce(off_at, created_at)) / 5)
        order by looked_at limit 500"#
    )
    .fetch_all(db.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.organization_id, r.id)).collect())
}

/// Whose leave to charge the gateway speaks of.
pub async fn find(db: &mut impl SystemDb, digest: &Digest) -> Result<Option<(OrganizationId, AutoTopUpId)>> {
    let row = sqlx::query!(
        r#"select organization_id as "organization_id: OrganizationId", id as "id: AutoTopUpId" from auto_top_ups
        where token_digest = $1"#,
        digest.as_slice(),
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map(|r| (r.organization_id, r.id)))
}

/// Writes the intent to charge. The wallet is locked.
pub async fn insert_top_up(
    tx: &mut OrgTx,
    id: TopUpId,
    agreement: AutoTopUpId,
    amount: Money,
    currency: &str,
) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into top_ups (organization_id, id, amount_micros, currency, state, requested_by, auto_top_up_id)
        values ($1, $2, $3, $4, 'created', $5, $6)",
        scope.organization_id().0,
        id.0,
        amount.micros(),
        currency,
        Json(scope.actor()) as _,
        agreement.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The gateway is asked to charge from now on. Answers since when, by the clock of the database, and how many seconds
/// ago that was.
pub async fn set_sent(tx: &mut OrgTx, id: TopUpId) -> Result<(DateTime<Utc>, i64)> {
    let organization = tx.organization_id();
    let row = sqlx::query!(
        r#"update top_ups set charge_sent_at = coalesce(charge_sent_at, now()), updated_at = now()
        where organization_id = $1 and id = $2
        returning charge_sent_at as "at!", extract(epoch from now() - charge_sent_at)::bigint as "seconds!""#,
        organization.0,
        id.0,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::Inconsistent("an automatic top-up"))?;
    Ok((row.at, row.seconds))
}

/// The gateway's order of a charge.
pub async fn set_order(tx: &mut OrgTx, id: TopUpId, order: &str) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update top_ups set order_ref = $3, updated_at = now() where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        order,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Is a charge under way for which the leave may still be needed?
pub async fn is_charging(tx: &mut OrgTx, agreement: AutoTopUpId) -> Result<bool> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select exists (select from top_ups
            where organization_id = $1 and auto_top_up_id = $2 and state = 'created') as "is_charging!""#,
        organization.0,
        agreement.0,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// An agreement as people see it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// How far it is.
    pub state: AutoTopUpState,
    /// When money is asked for, and how much.
    pub terms: AutoTerms,
    /// Where the payer agrees, while that is possible.
    pub approve_url: Option<String>,
    /// Why it is over.
    pub off_reason: Option<OffReason>,
    /// Since when it is over.
    pub off_at: Option<DateTime<Utc>>,
    /// A payment was declined: when the last one is tried.
    pub retry_at: Option<DateTime<Utc>>,
    /// How much came in this month (UTC), or is under way.
    pub taken: Money,
    /// The last payment that was asked for by itself.
    pub last: Option<Last>,
}

/// An automatic payment.
#[derive(Debug, Clone)]
pub struct Last {
    /// Its id.
    pub id: TopUpId,
    /// How much was asked for, or taken.
    pub amount: Money,
    /// How far it is.
    pub state: TopUpState,
    /// Why it came to nothing.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// The newest agreement of the organization.
pub async fn current(db: &mut OrgRead) -> Result<Option<Shown>> {
    let organization = db.organization_id();
    shown(db.conn(), organization).await
}

/// The newest agreement of an organization, for operators.
pub async fn of_organization(db: &mut SystemRead, organization: OrganizationId) -> Result<Option<Shown>> {
    shown(db.conn(), organization).await
}

async fn shown(conn: &mut PgConnection, organization: OrganizationId) -> Result<Option<Shown>> {
    let row = sqlx::query!(
        r#"select state as "state: AutoTopUpState", threshold_hours, threshold_micros as "threshold_micros: Money",
            amount_micros as "amount: Money", ceiling_micros as "ceiling: Money", approve_url,
            off_reason as "off_reason: OffReason", off_at, retry_at,
            (select coalesce(sum(coalesce(captured_micros, amount_micros)), 0)::bigint from top_ups
                where organization_id = $1 and auto_top_up_id is not null and state not in ('failed', 'expired')
                    and created_at >= date_trunc('month', now() at time zone 'utc') at time zone 'utc')
                as "taken!: Money"
        from auto_top_ups where organization_id = $1 order by id desc limit 1"#,
        organization.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let threshold = threshold(row.threshold_hours, row.threshold_micros)?;
    let last = sqlx::query_as!(
        Last,
        r#"select id as "id: TopUpId", coalesce(captured_micros, amount_micros) as "amount!: Money",
            state as "state: TopUpState", failure, created_at
        from top_ups where organization_id = $1 and auto_top_up_id is not null order by id desc limit 1"#,
        organization.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(Some(Shown {
        state: row.state,
        terms: AutoTerms { threshold, amount: row.amount, ceiling: row.ceiling },
        approve_url: row.approve_url,
        off_reason: row.off_reason,
        off_at: row.off_at,
        retry_at: row.retry_at,
        taken: row.taken,
        last,
    }))
}
