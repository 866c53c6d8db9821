//! Money that was given: by code or by support.

use axum::Json;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::wallet::attribution::{Attribution, CREDIT};
use domain::{CreditId, Money};
use serde::{Deserialize, Serialize};
use store::wallet::{attribution, credit as rows};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::access::{Allowed, Client};
use super::endpoints::{Endpoints, endpoint};
use super::idempotency::created;
use super::input::{Id, IdempotencyHeader, Keyed, Query};
use super::page::{Cursor, Page, Paging};
use super::value::{Amount, CreditType};
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(all)).add(endpoint!(redeem)).add(endpoint!(show))
}

/// Money that was given. It is spent before money that was paid in, the credit that ends first before the others.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Credit {
    id: Uuid,
    #[serde(rename = "type")]
    kind: CreditType,
    /// How much.
    #[schema(example = "10.00")]
    amount: Amount,
    /// What is left of it, reserved or not.
    #[schema(example = "7.3121")]
    left: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Why support gave it.
    #[schema(required)]
    reason: Option<String>,
    /// What is left then is taken out of the wallet; `null` when it never ends.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

type CreditPage = Page<Credit>;

impl Credit {
    fn new(row: rows::Credit, money: &Attribution, currency: String) -> Self {
        let left = Money::total(money.lots_of(CREDIT, row.id).map(|lot| lot.left())).unwrap_or_default();
        Self {
            id: row.id.into(),
            kind: CreditType(row.source),
            amount: Amount(row.amount),
            left: Amount(left),
            currency,
            reason: row.reason,
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    }

    async fn find(client: &Client, id: CreditId) -> Result<Self, Problem> {
        let mut db = client.read().await?;
        let row = rows::find(&mut db, id).await?.ok_or_else(Problem::not_found)?;
        Ok(Self::new(row, &attribution(&mut db).await?, client.currency()))
    }
}

/// A code to redeem.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Redemption {
    /// As it was given to you; case, spaces and dashes do not matter.
    #[schema(example = "WELCOME10")]
    code: String,
}

/// List credits
///
/// Newest first.
#[utoipa::path(get, path = "/credits", operation_id = "list_credits", tag = "wallet",
    params(Paging), responses((status = 200, description = "A page of credits.", body = CreditPage)))]
async fn all(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<CreditPage>, Problem> {
    let asked = paging.asked()?;
    let mut db = client.read().await?;
    let rows = rows::list(&mut db, asked.before(), asked.fetch()).await?;
    let money = attribution(&mut db).await?;
    let show = |row| Credit::new(row, &money, client.currency());
    Ok(Json(asked.page(rows, |row| Cursor::id(row.id), show)))
}

/// Redeem a code
///
/// Turns the code of a promotion or a voucher into a credit. A promotion can be redeemed once by an organization, a
/// voucher once at all.
#[utoipa::path(post, path = "/credits", operation_id = "redeem_code", tag = "wallet",
    params(IdempotencyHeader), request_body = Redemption,
    responses((status = 201, description = "The credit is in the wallet.", body = Credit,
        headers(("Location" = String, description = "Address of the credit.")))))]
async fn redeem(client: Allowed<may::WalletTopUp>, new: Keyed<Redemption>) -> Result<Response, Problem> {
    let Keyed { input: new, key } = new;
    let done = app::wallet::redeem(client.app(), &client.caller, &new.code, key.as_ref()).await?;
    let id = done.effect();
    created(&client, key.as_ref(), done, "/credits", Credit::find(&client, id)).await
}

/// Show a credit
#[utoipa::path(get, path = "/credits/{id}", operation_id = "show_credit", tag = "wallet",
    params(("id" = Uuid, Path, description = "The credit.")),
    responses((status = 200, description = "The credit.", body = Credit)))]
async fn show(client: Allowed<may::WalletView>, Id(id): Id<CreditId>) -> Result<Json<Credit>, Problem> {
    Ok(Json(Credit::find(&client, id).await?))
}
