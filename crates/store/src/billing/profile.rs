//! Whom an organization's documents are made out to.

use domain::billing::Party;
use domain::identity::Email;
use domain::{OrganizationId, UserId};

use crate::handle::sealed::Conn;
use crate::{Error, OrgDb, OrgTx, Result, SystemDb};

/// Whom documents are made out to, and where receipts are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Legal name, address, country and tax number.
    pub party: Party,
    /// Where receipts are sent; without it, to the owner.
    pub email: Option<Email>,
}

struct ProfileRow {
    name: String,
    address: String,
    country: String,
    vat_number: Option<String>,
    email: Option<String>,
    vat_refused: bool,
}

impl ProfileRow {
    fn profile(self) -> Result<Profile> {
        let party = party(self.name, self.address, Some(self.country), self.vat_number)?;
        let email = self.email.map(|text| Email::parse(&text).ok_or(Error::Inconsistent("e-mail address")));
        Ok(Profile { party, email: email.transpose()? })
    }
}

/// What the columns say. A number was checked when it was written.
pub(super) fn party(
    name: String,
    address: String,
    country: Option<String>,
    vat_number: Option<String>,
) -> Result<Party> {
    let wrong = |_| Error::Inconsistent("country of a billing profile");
    let vat_number = vat_number
        .map(|number| serde_json::from_value(number.into()))
        .transpose()
        .map_err(|_| Error::Inconsistent("VAT number of a billing profile"))?;
    Ok(Party {
        name,
        address,
        country: country.map(|code| code.parse()).transpose().map_err(wrong)?,
        vat_number,
    })
}

async fn row(db: &mut impl Conn, organization: OrganizationId) -> Result<Option<ProfileRow>> {
    Ok(sqlx::query_as!(
        ProfileRow,
        r#"select name, address, country, vat_number, email,
            coalesce(vat_checked = vat_number and not vat_valid, false) as "vat_refused!"
        from billing_profiles where organization_id = $1"#,
        organization.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// The organization's profile, if it has filled one in.
pub async fn find(db: &mut impl OrgDb) -> Result<Option<Profile>> {
    let organization = db.organization_id();
    row(db, organization).await?.map(ProfileRow::profile).transpose()
}

/// An organization's profile, for operators.
pub async fn of_organization(
    db: &mut impl SystemDb,
    organization: OrganizationId,
) -> Result<Option<Profile>> {
    row(db, organization).await?.map(ProfileRow::profile).transpose()
}

/// Writes the profile.
pub async fn set(tx: &mut OrgTx, profile: &Profile) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "insert into billing_profiles (organization_id, name, address, country, vat_number, email)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (organization_id) do update set name = excluded.name, address = excluded.address,
            country = excluded.country, vat_number = excluded.vat_number, email = excluded.email, updated_at = now()",
        organization.0,
        profile.party.name,
        profile.party.address,
        profile.party.country.map(domain::billing::Country::code).unwrap_or_default(),
        profile.party.vat_number.as_ref().map(domain::billing::VatNumber::as_str),
        profile.email.as_ref().map(Email::as_str),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Who buys, as tax and documents have to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// As documents name it.
    pub party: Party,
    /// Does the register of VAT numbers not know its number?
    pub vat_refused: bool,
}

/// The organization as a buyer: by its profile, else by its name alone.
pub async fn buyer(db: &mut impl OrgDb) -> Result<Buyer> {
    let organization = db.organization_id();
    if let Some(row) = row(db, organization).await? {
        let vat_refused = row.vat_refused;
        return Ok(Buyer { party: row.profile()?.party, vat_refused });
    }
    let name = sqlx::query_scalar!("select name from organizations where id = $1", organization.0)
        .fetch_one(db.conn())
        .await?;
    Ok(Buyer { party: Party { name, ..Party::default() }, vat_refused: false })
}

/// Who gets the organization's receipts.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
}

/// Where receipts go: to the profile's address, else to who paid, else to the first owner.
pub async fn recipient(tx: &mut OrgTx, payer: Option<UserId>) -> Result<Option<Recipient>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_as!(
        Recipient,
        r#"select email as "email!", name as "name!" from (
            select p.email, p.name, 0 as rank, p.updated_at as at from billing_profiles p where p.organization_id = $1
            union all
            select u.email, u.name, case when u.id = $2 then 1 else 2 end, u.created_at from users u
            where u.organization_id = $1 and u.suspended_at is null and (u.role = 'owner' or u.id = $2)
        ) known where email is not null order by rank, at limit 1"#,
        organization.0,
        payer.map(|user| user.0),
    )
    .fetch_optional(tx.conn())
    .await?)
}
