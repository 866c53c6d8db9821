//! Tax rates of countries, and how a payment is taxed.

use chrono::NaiveDate;
use domain::billing::{Country, Party, Tax, TaxReason};
use domain::identity::Actor;
use domain::{Money, TaxRateId, TopUpId, UserId};
use sqlx::types::Json;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgRead, OrgTx, Result, SystemRead, SystemTx};

/// The rate of a country today (UTC), in hundredths of a percent; `None` when it is not taxed.
pub async fn rate(db: &mut impl OrgDb, country: Country) -> Result<Option<i32>> {
    let rate = sqlx::query_scalar!(
        "select basis_points from tax_rates
        where country = $1 and effective_on <= (now() at time zone 'utc')::date
        order by effective_on desc, id desc limit 1",
        country.code()
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(rate.flatten())
}

/// A rate from a day on.
#[derive(Debug, Clone)]
pub struct TaxRate {
    /// Its id.
    pub id: TaxRateId,
    /// Of which country.
    pub country: String,
    /// Hundredths of a percent; `None`: not taxed from then on.
    pub basis_points: Option<i32>,
    /// The first day on which it counts (UTC).
    pub effective_on: NaiveDate,
    /// Does it count today?
    pub in_force: bool,
}

/// All rates there ever were, by country, the newest first.
pub async fn rates(db: &mut SystemRead) -> Result<Vec<TaxRate>> {
    Ok(sqlx::query_as!(
        TaxRate,
        r#"select r.id as "id: TaxRateId", r.country, r.basis_points, r.effective_on,
            r.id = (select f.id from tax_rates f where f.country = r.country
                and f.effective_on <= (now() at time zone 'utc')::date
                order by f.effective_on desc, f.id desc limit 1) is true as "in_force!"
        from tax_rates r order by r.country, r.effective_on desc, r.id desc"#
    )
    .fetch_all(db.conn())
    .await?)
}

/// Publishes a rate.
pub async fn insert_rate(
    tx: &mut SystemTx,
    id: TaxRateId,
    country: Country,
    basis_points: Option<i32>,
    effective_on: NaiveDate,
    by: Actor,
) -> Result<()> {
    sqlx::query!(
        "insert into tax_rates (id, country, basis_points, effective_on, published_by) values ($1, $2, $3, $4, $5)",
        id.0,
        country.code(),
        basis_points,
        effective_on,
        Json(by) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Freezes how a top-up is taxed and whom its receipt is for.
pub async fn freeze(tx: &mut OrgTx, top_up: TopUpId, tax: Tax, buyer: &Party) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update top_ups set tax_basis_points = $3, tax_reason = $4, buyer = $5
        where organization_id = $1 and id = $2 and state = 'created'",
        organization.0,
        top_up.0,
        tax.basis_points,
        tax.reason.as_str(),
        Json(buyer) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How a top-up is taxed, as it was frozen.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Rate and reason.
    pub tax: Tax,
    /// Whom its receipt is for; `None` for one begun before receipts were issued.
    pub buyer: Option<Party>,
    /// Who asked for it, if that was a person.
    pub payer: Option<UserId>,
}

/// How a top-up is taxed.
pub async fn frozen(tx: &mut OrgTx, top_up: TopUpId) -> Result<Frozen> {
    let organization = tx.organization_id();
    let row = sqlx::query!(
        r#"select tax_basis_points, tax_reason as "tax_reason: TaxReason", buyer as "buyer: Json<Party>",
            requested_by as "requested_by: Json<Actor>"
        from top_ups where organization_id = $1 and id = $2"#,
        organization.0,
        top_up.0
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::Inconsistent("the top-up of a receipt"))?;
    let payer = match row.requested_by.0 {
        Actor::User { user } => Some(user),
        Actor::ApiKey { .. } | Actor::System => None,
    };
    let tax = Tax { basis_points: row.tax_basis_points, reason: row.tax_reason };
    Ok(Frozen { tax, buyer: row.buyer.map(|buyer| buyer.0), payer })
}

/// How a top-up is taxed, as pages show it; off when there is no such top-up.
pub async fn of_top_up(db: &mut OrgRead, top_up: TopUpId) -> Result<Tax> {
    let organization = db.organization_id();
    let row = sqlx::query!(
        r#"select tax_basis_points, tax_reason as "tax_reason: TaxReason"
        from top_ups where organization_id = $1 and id = $2"#,
        organization.0,
        top_up.0
    )
    .fetch_optional(db.conn())
    .await?;
    Ok(row.map_or(Tax::OFF, |row| Tax { basis_points: row.tax_basis_points, reason: row.tax_reason }))
}

/// Notes what of a captured payment is tax.
pub async fn set_tax(tx: &mut OrgTx, top_up: TopUpId, tax: Money) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "update top_ups set tax_micros = $3 where organization_id = $1 and id = $2",
        organization.0,
        top_up.0,
        tax.micros()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
