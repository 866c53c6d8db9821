//! Moves of VPSs to another price, as a billing run carries them out.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{MeterId, Money, OrganizationId, PriceMoveId, PriceVersionId, VpsId};
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemTx};

/// A VPS whose time to move has come.
#[derive(Debug, Clone)]
pub struct DueMove {
    /// Whose.
    pub organization_id: OrganizationId,
    /// As part of which move.
    pub move_id: PriceMoveId,
    /// Which.
    pub vps_id: VpsId,
    /// Name of its plan.
    pub plan: String,
    /// Name of its region.
    pub region: String,
    /// To which price.
    pub to: PriceVersionId,
    /// Hours that begin from then on cost that price.
    pub moves_at: DateTime<Utc>,
    /// Its hours, unless they are all paid or have not begun.
    pub meter_id: Option<MeterId>,
    /// Is it being made? Then it moves once its hours have begun.
    pub creating: bool,
    /// When its hours ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The VPSs of these organizations that are to be moved by `now`, by time. Their wallets are locked; the rows are, too,
/// from here on.
pub async fn due(
    tx: &mut SystemTx,
    organizations: &[OrganizationId],
    now: DateTime<Utc>,
) -> Result<Vec<DueMove>> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    let mut due = sqlx::query_as!(
        DueMove,
        r#"select r.organization_id as "organization_id: OrganizationId", r.move_id as "move_id: PriceMoveId",
            r.vps_id as "vps_id: VpsId", p.name as plan, g.name as region, r.to_version_id as "to: PriceVersionId",
            r.moves_at, m.id as "meter_id?: MeterId", v.state = 'creating' as "creating!", m.ended_at as "ended_at?"
        from vps_price_moves r
        join vps_instances v on v.organization_id = r.organization_id and v.id = r.vps_id
        join plans p on p.id = v.plan_id
        join regions g on g.id = v.region_id
        left join meters m on m.vps_id = r.vps_id and not m.settled
        where r.organization_id = any($1) and r.state = 'announced' and r.moves_at <= $2
        order by r.organization_id, r.vps_id for update of r"#,
        &ids,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    due.sort_by_key(|m| m.moves_at);
    Ok(due)
}

/// A VPS that moves now.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// As part of which move.
    pub move_id: PriceMoveId,
    /// Which.
    pub vps_id: VpsId,
    /// Its hours.
    pub meter_id: MeterId,
    /// To which price.
    pub to: PriceVersionId,
    /// Beginning of the first hour at that price.
    pub first_span_at: DateTime<Utc>,
    /// The highest cap of the earlier prices of the month, and that month.
    pub cap: (NaiveDate, Money),
}

/// Gives VPSs and their meters the new price. Answers those of them that draw on the wallet: their share of its burn is
/// another now.
pub async fn apply(tx: &mut SystemTx, moved: &[Moved]) -> Result<Vec<VpsId>> {
    let moves: Vec<Uuid> = moved.iter().map(|m| m.move_id.0).collect();
    let vps: Vec<Uuid> = moved.iter().map(|m| m.vps_id.0).collect();
    let meters: Vec<Uuid> = moved.iter().map(|m| m.meter_id.0).collect();
    let versions: Vec<Uuid> = moved.iter().map(|m| m.to.0).collect();
    let spans: Vec<DateTime<Utc>> = moved.iter().map(|m| m.first_span_at).collect();
    let months: Vec<NaiveDate> = moved.iter().map(|m| m.cap.0).collect();
    let caps: Vec<i64> = moved.iter().map(|m| m.cap.1.micros()).collect();
    sqlx::query!(
        "update vps_price_moves r set state = 'moved', first_span_at = n.span
        from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as n (move, vps, span)
        where r.move_id = n.move and r.vps_id = n.vps and r.state = 'announced'",
        &moves,
        &vps,
        &spans,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update meters m set price_version_id = n.version, cap_month = n.month, cap_micros = n.cap
        from unnest($1::uuid[], $2::uuid[], $3::date[], $4::bigint[]) as n (id, version, month, cap)
        where m.id = n.id",
        &meters,
        &versions,
        &months,
        &caps,
    )
    .execute(tx.conn())
    .await?;
    let rows = sqlx::query!(
        r#"update vps_instances v set price_version_id = n.version
        from unnest($1::uuid[], $2::uuid[]) as n (id, version)
        where v.id = n.id
        returning v.id as "id: VpsId", v.state = 'active' and v.suspended_by is distinct from 'unpaid' as "burns!""#,
        &vps,
        &versions,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().filter(|row| row.burns).map(|row| row.id).collect())
}

/// These VPSs ended before they were moved.
pub async fn end(tx: &mut SystemTx, over: &[(PriceMoveId, VpsId)]) -> Result<()> {
    let moves: Vec<Uuid> = over.iter().map(|(id, _)| id.0).collect();
    let vps: Vec<Uuid> = over.iter().map(|(_, id)| id.0).collect();
    sqlx::query!(
        "update vps_price_moves r set state = 'over' from unnest($1::uuid[], $2::uuid[]) as n (move, vps)
        where r.move_id = n.move and r.vps_id = n.vps and r.state = 'announced'",
        &moves,
        &vps,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
