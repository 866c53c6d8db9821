//! VPSs: look at them, delete them.

use axum::Json;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::VpsId;
use serde::{Deserialize, Serialize};
use store::catalog::read as catalog;
use store::vps::read::{self, Record, Wanted};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::may;
use crate::api::Problem;
use crate::api::access::{Allowed, Client};
use crate::api::catalog::NextPrice;
use crate::api::input::{Id, Query};
use crate::api::page::{Cursor, Page, Paging};
use crate::api::problem::{Details, PROBLEM_JSON};
use crate::api::value::{Amount, VpsStatus};

/// A virtual server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Vps {
    id: Uuid,
    #[schema(example = "web-1")]
    name: String,
    status: VpsStatus,
    /// Slug of the plan.
    #[schema(example = "cloud-1")]
    plan: String,
    /// Slug of the region.
    #[schema(example = "frankfurt")]
    region: String,
    /// Slug of the image it was made from.
    #[schema(example = "debian-13")]
    image: String,
    #[schema(required, example = "203.0.113.7")]
    ipv4: Option<String>,
    #[schema(required, example = "2001:db8::7")]
    ipv6: Option<String>,
    /// The price of each hour until it is deleted, running or stopped: as it was ordered, or moved to after notice.
    per_hour: Amount,
    /// The most a calendar month (UTC) costs.
    per_month: Amount,
    /// The price of the hours that begin from a time on, when another is announced for it.
    #[schema(required)]
    next_price: Option<NextPrice>,
    /// What it cost since the beginning of the month (UTC).
    month_spent: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Until when it is paid; `null` before it is ready.
    #[schema(required)]
    paid_until: Option<DateTime<Utc>>,
    /// When it is destroyed because it stays unpaid; `null` unless that was announced.
    #[schema(required)]
    kept_until: Option<DateTime<Utc>>,
    /// Why it could not be made, for people.
    #[schema(required)]
    failure: Option<String>,
    /// When it was ordered.
    created_at: DateTime<Utc>,
    /// When it was ready: hours are counted from then on.
    #[schema(required)]
    active_at: Option<DateTime<Utc>>,
    /// When it was gone.
    #[schema(required)]
    deleted_at: Option<DateTime<Utc>>,
}

type VpsPage = Page<Vps>;

impl Vps {
    fn new(row: Record, currency: String) -> Self {
        Self {
            id: row.id.into(),
            status: VpsStatus(row.status()),
            name: row.name,
            plan: row.plan,
            region: row.region,
            image: row.image,
            ipv4: row.ipv4,
            ipv6: row.ipv6,
            per_hour: Amount(row.sell_hour),
            per_month: Amount(row.sell_month),
            next_price: catalog::NextPrice::of(row.next_at, row.next_hour, row.next_month).map(Into::into),
            month_spent: Amount(row.month_spent),
            currency,
            paid_until: row.paid_until,
            kept_until: row.kept_until,
            failure: row.failure,
            created_at: row.created_at,
            active_at: row.active_at,
            deleted_at: row.deleted_at,
        }
    }

    /// Reads one of the caller's.
    pub(super) async fn find(client: &Client, id: VpsId) -> Result<Self, Problem> {
        let rows = read::records(&mut client.read().await?, Wanted::One(id), None, 1).await?;
        let row = rows.into_iter().next().ok_or_else(Problem::not_found)?;
        Ok(Self::new(row, client.currency()))
    }
}

/// Which VPSs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Only those with this status; without it, all that are not deleted.
    #[param(inline)]
    status: Option<VpsStatus>,
    /// Most rows to answer.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u8>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List VPSs
///
/// Newest first. Deleted ones are listed with `status=deleted` only.
#[utoipa::path(get, path = "/vps", operation_id = "list_vps", tag = "vps",
    params(Filter), responses((status = 200, description = "A page of VPSs.", body = VpsPage)))]
pub(super) async fn list(
    client: Allowed<may::VpsView>,
    Query(filter): Query<Filter>,
) -> Result<Json<VpsPage>, Problem> {
    let asked = Paging { limit: filter.limit, cursor: filter.cursor }.asked()?;
    let wanted = filter.status.map_or(Wanted::Living, |status| Wanted::With(status.0));
    let rows = read::records(&mut client.read().await?, wanted, asked.before(), asked.fetch()).await?;
    Ok(Json(asked.page(rows, |vps| Cursor::id(vps.id), |vps| Vps::new(vps, client.currency()))))
}

/// Show a VPS
#[utoipa::path(get, path = "/vps/{id}", operation_id = "show_vps", tag = "vps",
    params(("id" = Uuid, Path, description = "The VPS.")),
    responses((status = 200, description = "The VPS.", body = Vps)))]
pub(super) async fn show(client: Allowed<may::VpsView>, Id(id): Id<VpsId>) -> Result<Json<Vps>, Problem> {
    Ok(Json(Vps::find(&client, id).await?))
}

/// Delete a VPS
///
/// Charging ends now; the VPS and everything on it is removed soon. Deleting one that is being
/// deleted changes nothing.
#[utoipa::path(delete, path = "/vps/{id}", operation_id = "delete_vps", tag = "vps",
    params(("id" = Uuid, Path, description = "The VPS.")),
    responses(
        (status = 202, description = "It is being deleted.", body = Vps),
        (status = 409, description = "`gone`: it does not exist any more.",
            body = Details, content_type = PROBLEM_JSON),
    ))]
pub(super) async fn delete(
    client: Allowed<may::VpsDelete>,
    Id(id): Id<VpsId>,
) -> Result<(StatusCode, Json<Vps>), Problem> {
    app::vps::delete(client.app(), &client.caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(Vps::find(&client, id).await?)))
}
