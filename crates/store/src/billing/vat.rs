//! What the register of the European Union said of the VAT numbers of profiles.

use chrono::{DateTime, Utc};
use domain::billing::{VatNumber, VatStatus};
use domain::{OrganizationId, billing::Party};

use super::profile::party;
use crate::handle::sealed::Conn as _;
use crate::{OrgDb, OrgTx, Result, SystemRead};

/// How a profile's VAT number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the register said of it.
    pub status: VatStatus,
    /// When it said so.
    pub checked_at: Option<DateTime<Utc>>,
}

impl Standing {
    /// From the columns, where what was said of another number is left out.
    fn of(valid: Option<bool>, checked_at: Option<DateTime<Utc>>) -> Self {
        let status = match valid {
            None => VatStatus::Unchecked,
            Some(true) => VatStatus::Valid,
            Some(false) => VatStatus::Invalid,
        };
        Self { status, checked_at }
    }
}

/// How the organization's number stands; `None` without a number.
pub async fn standing(db: &mut impl OrgDb) -> Result<Option<Standing>> {
    let organization = db.organization_id();
    let row = sqlx::query!(
        r#"select case when vat_checked = vat_number then vat_valid end as valid,
            case when vat_checked = vat_number then vat_checked_at end as at
        from billing_profiles where organization_id = $1 and vat_number is not null"#,
        organization.0
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map(|row| Standing::of(row.valid, row.at)))
}

/// Writes down what the register said, if the number is still the organization's. Answers whether that is news.
pub async fn record(tx: &mut OrgTx, number: &VatNumber, valid: bool) -> Result<bool> {
    let organization = tx.organization_id();
    let written = sqlx::query!(
        "update billing_profiles set vat_checked = $2, vat_valid = $3, vat_checked_at = now()
        where organization_id = $1 and vat_number = $2
            and (vat_checked is distinct from $2 or vat_valid is distinct from $3)",
        organization.0,
        number.as_str(),
        valid
    )
    .execute(tx.conn())
    .await?;
    Ok(written.rows_affected() > 0)
}

/// Profiles of these countries whose number the register was not asked about, those that wait longest first.
pub async fn unchecked(
    db: &mut SystemRead,
    countries: &[String],
    limit: i64,
) -> Result<Vec<(OrganizationId, Party)>> {
    let rows = sqlx::query!(
        r#"select organization_id as "organization_id: OrganizationId", name, address, country, vat_number
        from billing_profiles
        where vat_number is not null and vat_checked is distinct from vat_number and country = any($1)
        order by updated_at limit $2"#,
        countries,
        limit
    )
    .fetch_all(db.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok((row.organization_id, party(row.name, row.address, Some(row.country), row.vat_number)?))
        })
        .collect()
}
