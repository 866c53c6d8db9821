//! Hours and what each cost: of a VPS, and of a movement of money.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::billing::Tariff;
use domain::{TransactionId, VpsId};
use serde::Serialize;
use store::billing::hours::{self, Hour};
use store::vps::read::{self, Wanted};
use store::wallet::explain;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::access::Allowed;
use super::endpoints::{Endpoints, endpoint};
use super::input::{Id, Query};
use super::page::{Cursor, Page, Paging};
use super::value::Amount;
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(of_vps)).add(endpoint!(of_transaction))
}

/// One charged hour. Every hour is charged once, at its beginning.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Charge {
    /// The VPS; `null` when it is an hour of something else.
    #[schema(required)]
    vps_id: Option<Uuid>,
    /// The backups, snapshot, volume or address; `null` when it is an hour of a VPS.
    #[schema(required)]
    resource_id: Option<Uuid>,
    /// Its name.
    name: String,
    /// The hour's beginning.
    start: DateTime<Utc>,
    /// What it cost.
    #[schema(example = "0.0089")]
    amount: Amount,
    /// What of that a resize added, in the hour in which it was made.
    #[schema(example = "0.00")]
    raised: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// The price version in force.
    price_version_id: Uuid,
    /// What an hour is sold for at it.
    #[schema(example = "0.0089")]
    price: Amount,
    /// Was it the first hour, which costs at least the minimum?
    first: bool,
    /// Did it count at cost because the wallet was empty? A VPS is suspended then.
    suspended: bool,
    /// What the hours of its month (UTC) had cost with it.
    #[schema(example = "3.4215")]
    month_used: Amount,
    /// What the hours of a month cost at most.
    #[schema(example = "6.00")]
    month_cap: Amount,
    /// Had its month cost all it could?
    cap_reached: bool,
    /// The movement of money that paid it; `null` when there was nothing to pay.
    #[schema(required)]
    transaction_id: Option<Uuid>,
}

type ChargePage = Page<Charge>;

impl Charge {
    fn new(hour: Hour, currency: String) -> Self {
        Self {
            vps_id: hour.vps_id.map(Uuid::from),
            resource_id: hour.resource_id.map(Uuid::from),
            start: hour.start,
            amount: Amount(hour.amount),
            raised: Amount(hour.raised),
            currency,
            price_version_id: hour.price_version_id.into(),
            price: Amount(hour.sell_hour),
            first: hour.first,
            suspended: hour.tariff() == Tariff::AtCost,
            month_used: Amount(hour.month_used),
            month_cap: Amount(hour.sell_month),
            cap_reached: hour.is_capped(),
            transaction_id: hour.transaction_id.map(Uuid::from),
            name: hour.name,
        }
    }
}

/// List a VPS's charges
///
/// Every hour that was charged, newest first.
#[utoipa::path(get, path = "/vps/{id}/charges", operation_id = "list_vps_charges", tag = "vps",
    params(("id" = Uuid, Path, description = "The VPS."), Paging),
    responses((status = 200, description = "A page of charges.", body = ChargePage)))]
async fn of_vps(
    client: Allowed<may::WalletView>,
    Id(vps): Id<VpsId>,
    Query(paging): Query<Paging>,
) -> Result<Json<ChargePage>, Problem> {
    let asked = paging.asked()?;
    let mut db = client.read().await?;
    if read::records(&mut db, Wanted::One(vps), None, 1).await?.is_empty() {
        return Err(Problem::not_found());
    }
    let before = asked.before_number()?.and_then(DateTime::from_timestamp_micros);
    let rows = hours::of_vps(&mut db, vps, before, asked.fetch()).await?;
    let cursor = |hour: &Hour| Cursor::number(hour.start.timestamp_micros());
    Ok(Json(asked.page(rows, cursor, |hour| Charge::new(hour, client.currency()))))
}

/// List a movement's charges
///
/// The hours that a movement of money paid, newest first.
#[utoipa::path(get, path = "/wallet/transactions/{id}/charges", operation_id = "list_transaction_charges",
    tag = "wallet", params(("id" = Uuid, Path, description = "The movement."), Paging),
    responses((status = 200, description = "A page of charges.", body = ChargePage)))]
async fn of_transaction(
    client: Allowed<may::WalletView>,
    Id(id): Id<TransactionId>,
    Query(paging): Query<Paging>,
) -> Result<Json<ChargePage>, Problem> {
    let asked = paging.asked()?;
    let mut db = client.read().await?;
    let explained = explain::movement(&mut db, id).await?.ok_or_else(Problem::not_found)?;
    // What a movement paid never changes: the cursor counts the rows before it.
    let skip = asked.before_number()?.unwrap_or(0);
    let rows = hours::of_movement(&mut db, &explained, skip, asked.fetch()).await?;
    let next = skip.saturating_add(asked.fetch() - 1);
    Ok(Json(asked.page(rows, |_| Cursor::number(next), |hour| Charge::new(hour, client.currency()))))
}
