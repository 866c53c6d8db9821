//! Terms of payment that an operator agreed with an organization.

use domain::{Money, OrganizationId};

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemDb, SystemTx};

/// What holds for an organization. The default is what holds for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Hours that the wallet cannot pay are owed up to this debt before anything is suspended.
    pub credit_limit: Money,
    /// How long unpaid VPSs are kept; `None` as the installation says.
    pub retention_hours: Option<i32>,
    /// Unpaid VPSs stay for ever.
    pub never_destroyed: bool,
}

/// The organization's terms.
pub async fn find(db: &mut impl SystemDb, organization: OrganizationId) -> Result<Terms> {
    let found = sqlx::query_as!(
        Terms,
        r#"select credit_limit_micros as "credit_limit: Money", retention_hours, never_destroyed
        from wallet_terms where organization_id = $1"#,
        organization.0
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(found.unwrap_or_default())
}

/// Locks the wallet of one organization from a transaction over all of them; `None` when there is none.
pub async fn lock_wallet(tx: &mut SystemTx, organization: OrganizationId) -> Result<Option<OrganizationId>> {
    Ok(sqlx::query_scalar!(
        r#"select organization_id as "id: OrganizationId" from wallets where organization_id = $1 for update"#,
        organization.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Replaces the organization's terms. Dates of unpaid VPSs that were made from others are forgotten when `redate` is
/// set, and announced anew.
pub async fn set(tx: &mut SystemTx, organization: OrganizationId, terms: Terms, redate: bool) -> Result<()> {
    sqlx::query!(
        "insert into wallet_terms (organization_id, credit_limit_micros, retention_hours, never_destroyed)
        values ($1, $2, $3, $4)
        on conflict (organization_id) do update set credit_limit_micros = $2, retention_hours = $3, never_destroyed = $4",
        organization.0,
        terms.credit_limit.micros(),
        terms.retention_hours,
        terms.never_destroyed,
    )
    .execute(tx.conn())
    .await?;
    if redate {
        sqlx::query!(
            "update vps_instances set kept_until = null, kept_told = null
            where organization_id = $1 and kept_until is not null",
            organization.0
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}
