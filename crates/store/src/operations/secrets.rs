//! Sealed secrets, to see whether the sealing keys of the settings open them.

use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Result, SystemRead};

/// What a secret belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Owner {
    /// The token of a provider account.
    Provider,
    /// The console key of a VPS.
    Vps,
    /// A payer's leave to charge.
    AutoTopUp,
    /// What a mail that is not sent yet says.
    Mail,
}

/// A sealed secret and where it stands.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What it belongs to.
    pub owner: Owner,
    /// The row's id.
    pub row: Uuid,
    /// As it is stored.
    pub text: String,
}

/// One secret in use for each column and each key that sealed there: text is `v1.<key id>.…`.
pub async fn samples(db: &mut SystemRead) -> Result<Vec<Sealed>> {
    Ok(sqlx::query_as!(
        Sealed,
        r#"select distinct on (owner, split_part(text, '.', 2))
            owner as "owner!: Owner", id as "row!", text as "text!"
        from (
            select 'provider' as owner, id, token_sealed as text from providers
            union all
            select 'provider', id, token_next_sealed from providers where token_next_sealed is not null
            union all
            select 'vps', id, console_key_sealed from vps_instances where ended_at is null
            union all
            select 'auto_top_up', id, token_sealed from auto_top_ups where token_sealed is not null
            union all
            select 'mail', id, context_sealed from mails where state in ('queued', 'failed')
        ) as secrets order by owner, split_part(text, '.', 2), id"#
    )
    .fetch_all(db.conn())
    .await?)
}
