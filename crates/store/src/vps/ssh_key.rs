//! Public SSH keys of an organization.

use domain::SshKeyId;
use domain::vps::PublicKey;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result};

/// Adds a key. A key the organization already has is refused by constraint
/// `ssh_keys_organization_id_fingerprint_key`.
pub async fn insert(tx: &mut OrgTx, id: SshKeyId, name: &str, key: &PublicKey) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "insert into ssh_keys (organization_id, id, name, public_key, fingerprint) values ($1, $2, $3, $4, $5)",
        organization.0,
        id.0,
        name,
        key.line(),
        key.fingerprint(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deletes a key; its name if there was one. Servers that already have it keep it.
pub async fn delete(tx: &mut OrgTx, id: SshKeyId) -> Result<Option<String>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        "delete from ssh_keys where organization_id = $1 and id = $2 returning name",
        organization.0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The public keys behind these ids; fewer when some are not the organization's.
pub async fn public_keys(tx: &mut OrgTx, ids: &[SshKeyId]) -> Result<Vec<String>> {
    let organization = tx.organization_id();
    let ids: Vec<Uuid> = ids.iter().map(|k| k.0).collect();
    Ok(sqlx::query_scalar!(
        "select public_key from ssh_keys where organization_id = $1 and id = any($2) order by id",
        organization.0,
        &ids
    )
    .fetch_all(tx.conn())
    .await?)
}
