//! Payments into the wallet.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::TopUpId;
use serde::{Deserialize, Serialize};
use store::payment::{dispute, read, refund};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::access::{Allowed, Client};
use super::endpoints::{Endpoints, endpoint};
use super::idempotency::created;
use super::input::{Id, IdempotencyHeader, Keyed, Query};
use super::page::{Cursor, Page, Paging};
use super::value::{Amount, DisputeStatus, RefundStatus, RefundType, TopUpStatus};
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(all))
        .add(endpoint!(create))
        .add(endpoint!(show))
        .add(endpoint!(capture))
        .add(endpoint!(refunds))
        .add(endpoint!(disputes))
}

/// A payment into the wallet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopUp {
    id: Uuid,
    status: TopUpStatus,
    /// What was asked for.
    #[schema(example = "25.00")]
    amount: Amount,
    /// What was really paid, once it was.
    #[schema(required)]
    captured: Option<Amount>,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Did the panel ask for it by itself, under an agreement?
    automatic: bool,
    /// Where a person approves the payment; `null` unless the status is `awaiting_approval`.
    #[schema(required)]
    approve_url: Option<String>,
    /// Why it came to nothing, for people.
    #[schema(required)]
    failure: Option<String>,
    created_at: DateTime<Utc>,
}

type TopUpPage = Page<TopUp>;

impl TopUp {
    fn new(row: read::TopUp, currency: String) -> Self {
        Self {
            id: row.id.into(),
            status: TopUpStatus(row.state),
            amount: Amount(row.amount),
            captured: row.captured.map(Amount),
            currency,
            automatic: row.automatic,
            approve_url: row.approve_url,
            failure: row.failure,
            created_at: row.created_at,
        }
    }

    async fn find(client: &Client, id: TopUpId) -> Result<Self, Problem> {
        let row = read::find(&mut client.read().await?, id).await?.ok_or_else(Problem::not_found)?;
        Ok(Self::new(row, client.currency()))
    }
}

/// A payment to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct NewTopUp {
    /// How much to pay in, in the currency of the installation, with at most two digits after the
    /// point.
    #[schema(example = "25.00")]
    amount: Amount,
}

/// List top-ups
///
/// Newest first.
#[utoipa::path(get, path = "/top-ups", operation_id = "list_top_ups", tag = "wallet",
    params(Paging), responses((status = 200, description = "A page of top-ups.", body = TopUpPage)))]
async fn all(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<TopUpPage>, Problem> {
    let asked = paging.asked()?;
    let rows = read::list(&mut client.read().await?, asked.before(), asked.fetch()).await?;
    Ok(Json(asked.page(rows, |row| Cursor::id(row.id), |row| TopUp::new(row, client.currency()))))
}

/// Begin a top-up
///
/// Follow it with `GET /api/v1/top-ups/{id}` until its status is `awaiting_approval`, let a person
/// approve the payment at `approve_url`, then ask for the capture. The money is in the wallet when
/// the status is `completed`.
#[utoipa::path(post, path = "/top-ups", operation_id = "create_top_up", tag = "wallet",
    params(IdempotencyHeader), request_body = NewTopUp,
    responses((status = 201, description = "Begun.", body = TopUp,
        headers(("Location" = String, description = "Address of the top-up.")))))]
async fn create(client: Allowed<may::WalletTopUp>, new: Keyed<NewTopUp>) -> Result<Response, Problem> {
    let Keyed { input: new, key } = new;
    let done = app::payment::begin_top_up(client.app(), &client.caller, new.amount.0, key.as_ref()).await?;
    let id = done.effect();
    created(&client, key.as_ref(), done, "/top-ups", TopUp::find(&client, id)).await
}

/// Show a top-up
#[utoipa::path(get, path = "/top-ups/{id}", operation_id = "show_top_up", tag = "wallet",
    params(("id" = Uuid, Path, description = "The top-up.")),
    responses((status = 200, description = "The top-up.", body = TopUp)))]
async fn show(client: Allowed<may::WalletView>, Id(id): Id<TopUpId>) -> Result<Json<TopUp>, Problem> {
    Ok(Json(TopUp::find(&client, id).await?))
}

/// Capture a top-up
///
/// Takes the money after a person has approved. Asking early, or again, does no harm.
#[utoipa::path(post, path = "/top-ups/{id}/capture", operation_id = "capture_top_up", tag = "wallet",
    params(("id" = Uuid, Path, description = "The top-up.")),
    responses((status = 202, description = "The capture is under way, or was not needed.", body = TopUp)))]
async fn capture(
    client: Allowed<may::WalletTopUp>,
    Id(id): Id<TopUpId>,
) -> Result<(StatusCode, Json<TopUp>), Problem> {
    app::payment::ask_for_capture(client.app(), &client.caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(TopUp::find(&client, id).await?)))
}

/// Money of a top-up that went back to its payer, or is to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refund {
    id: Uuid,
    /// The top-up it is of.
    top_up_id: Uuid,
    #[serde(rename = "type")]
    kind: RefundType,
    status: RefundStatus,
    #[schema(example = "10.00")]
    amount: Amount,
    /// ISO 4217 code of the amount.
    #[schema(example = "USD")]
    currency: String,
    /// Why, for people.
    #[schema(required)]
    reason: Option<String>,
    /// Why it came to nothing, for people.
    #[schema(required)]
    failure: Option<String>,
    created_at: DateTime<Utc>,
}

type RefundPage = Page<Refund>;

/// List refunds
///
/// Money that went back to payers, or is to: by refunds, and by what their banks took back. Newest first.
#[utoipa::path(get, path = "/refunds", operation_id = "list_refunds", tag = "wallet",
    params(Paging), responses((status = 200, description = "A page of refunds.", body = RefundPage)))]
async fn refunds(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<RefundPage>, Problem> {
    let asked = paging.asked()?;
    let rows = refund::list(&mut client.read().await?, asked.before(), asked.fetch()).await?;
    let shown = |row: refund::Shown| Refund {
        id: row.id.into(),
        top_up_id: row.top_up_id.into(),
        kind: RefundType(row.kind),
        status: RefundStatus(row.state),
        amount: Amount(row.amount),
        currency: client.currency(),
        reason: row.reason,
        failure: row.failure,
        created_at: row.created_at,
    };
    Ok(Json(asked.page(rows, |row| Cursor::id(row.id), shown)))
}

/// A dispute about a top-up. What is disputed is held, as far as it is there, until the dispute is decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dispute {
    id: Uuid,
    /// The top-up it is about.
    top_up_id: Uuid,
    status: DisputeStatus,
    /// How much the payer wants back.
    #[schema(example = "25.00")]
    amount: Amount,
    /// How much of it is held in the wallet.
    #[schema(example = "25.00")]
    held: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    created_at: DateTime<Utc>,
}

type DisputePage = Page<Dispute>;

/// List disputes
///
/// Newest first.
#[utoipa::path(get, path = "/disputes", operation_id = "list_disputes", tag = "wallet",
    params(Paging), responses((status = 200, description = "A page of disputes.", body = DisputePage)))]
async fn disputes(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<DisputePage>, Problem> {
    let asked = paging.asked()?;
    let rows = dispute::list(&mut client.read().await?, asked.before(), asked.fetch()).await?;
    let shown = |row: dispute::Shown| Dispute {
        id: row.id.into(),
        top_up_id: row.top_up_id.into(),
        status: DisputeStatus(row.state),
        amount: Amount(row.disputed),
        held: Amount(row.frozen),
        currency: client.currency(),
        created_at: row.opened_at,
    };
    Ok(Json(asked.page(rows, |row| Cursor::id(row.id), shown)))
}
