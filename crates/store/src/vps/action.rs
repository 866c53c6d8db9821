//! What is asked of a VPS. At most one action of a VPS is open at a time.

use chrono::{DateTime, Utc};
use domain::vps::{ActionKind, ActionState};
use domain::{VpsActionId, VpsId};
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result};

/// Opens an action. A VPS with an open one is refused by constraint `vps_actions_one_open`.
pub async fn insert_action(tx: &mut OrgTx, id: VpsActionId, vps: VpsId, kind: ActionKind) -> Result<()> {
    let scope = tx.scope();
    sqlx::query!(
        "insert into vps_actions (organization_id, id, vps_id, kind, state, actor) values ($1, $2, $3, $4, 'queued', $5)",
        scope.organization_id().0,
        id.0,
        vps.0,
        kind.as_str(),
        Json(scope.actor()) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The kind of the open action of a VPS.
pub async fn open_action(tx: &mut OrgTx, vps: VpsId) -> Result<Option<ActionKind>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select kind as "kind: ActionKind" from vps_actions
        where organization_id = $1 and vps_id = $2 and state in ('queued', 'running')"#,
        organization.0,
        vps.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Ends what is open because something stronger comes: a delete, or a change of suspension.
pub async fn cancel_open_actions(tx: &mut OrgTx, vps: VpsId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_actions set state = 'cancelled', finished_at = now()
        where organization_id = $1 and vps_id = $2 and state in ('queued', 'running')",
        organization.0,
        vps.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An open action as its job needs it.
#[derive(Debug, Clone)]
pub struct OpenAction {
    /// Its id.
    pub id: VpsActionId,
    /// On which VPS.
    pub vps_id: VpsId,
    /// What.
    pub kind: ActionKind,
    /// How far.
    pub state: ActionState,
    /// The newest operation known at the provider before ours.
    pub marker: Option<String>,
    /// When the provider accepted, or the answer was lost.
    pub asked_at: Option<DateTime<Utc>>,
    /// Has the power been cut?
    pub cut: bool,
    /// Seconds since `asked_at`, by the database's clock.
    pub asked_seconds: i64,
    /// Seconds since it was opened.
    pub age_seconds: i64,
}

/// An action, locked; `None` when it is not there.
pub async fn action(tx: &mut OrgTx, id: VpsActionId) -> Result<Option<OpenAction>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        OpenAction,
        r#"select id as "id: VpsActionId", vps_id as "vps_id: VpsId", kind as "kind: ActionKind",
            state as "state: ActionState", marker, asked_at, cut,
            coalesce(extract(epoch from now() - asked_at), 0)::bigint as "asked_seconds!",
            extract(epoch from now() - created_at)::bigint as "age_seconds!"
        from vps_actions where organization_id = $1 and id = $2 for update"#,
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Notes the newest operation known before ours is asked for.
pub async fn prepare(tx: &mut OrgTx, id: VpsActionId, marker: &str) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_actions set state = 'running', marker = $3, asked_at = null
        where organization_id = $1 and id = $2 and state in ('queued', 'running')",
        organization.0,
        id.0,
        marker
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that the provider was asked (`true`), or that it has to be asked again.
pub async fn asked(tx: &mut OrgTx, id: VpsActionId, asked: bool) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_actions set asked_at = case when $3 then clock_timestamp() end
        where organization_id = $1 and id = $2",
        organization.0,
        id.0,
        asked
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that the guest ignored the request and the power is to be cut.
pub async fn cut(tx: &mut OrgTx, id: VpsActionId) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_actions set cut = true, asked_at = null where organization_id = $1 and id = $2",
        organization.0,
        id.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Closes the open action of this kind on a VPS, if there is one.
pub async fn finish_action(
    tx: &mut OrgTx,
    vps: VpsId,
    kind: ActionKind,
    state: ActionState,
    failure: Option<&str>,
) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update vps_actions set state = $4, failure = $5, finished_at = now()
        where organization_id = $1 and vps_id = $2 and kind = $3 and state in ('queued', 'running')",
        organization.0,
        vps.0,
        kind.as_str(),
        state.as_str(),
        failure,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
