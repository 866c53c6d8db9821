//! The wallet and its movements.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::money::Overflow;
use domain::wallet::Account;
use domain::{Money, TopUpId, VpsId};
use serde::Serialize;
use store::wallet::read::{self, Movement};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::access::Allowed;
use super::endpoints::{Endpoints, endpoint};
use super::input::Query;
use super::page::{Cursor, Page, Paging};
use super::value::{Amount, TransactionType};
use crate::access::may;

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(show)).add(endpoint!(transactions))
}

/// The organization's money.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Wallet {
    /// What can be spent.
    #[schema(example = "37.52")]
    available: Amount,
    /// What is reserved for open orders.
    #[schema(example = "0.0089")]
    held: Amount,
    /// What is owed; the next payment settles it first.
    #[schema(example = "0.00")]
    receivable: Amount,
    /// How much may be owed before VPSs are suspended.
    #[schema(example = "0.00")]
    credit_limit: Amount,
    /// What everything together costs per hour.
    #[schema(example = "0.0482")]
    burn: Amount,
    /// Whole hours until neither money nor credit is left at this burn; `null` when nothing costs anything.
    #[schema(required, example = 778)]
    runway_hours: Option<i64>,
    /// An order must leave money for so many hours of everything that then runs.
    #[schema(example = 24)]
    reserve_hours: i64,
    /// Are VPSs kept off because the wallet is empty?
    suspended: bool,
    /// When the first of these is destroyed; `null` unless that was announced.
    #[schema(required)]
    kept_until: Option<DateTime<Utc>>,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
}

/// A movement of money. Movements are never changed or removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transaction {
    id: Uuid,
    /// Its place in the organization's ledger, 1 for the first.
    sequence: i64,
    #[serde(rename = "type")]
    kind: TransactionType,
    /// What `available` changed by.
    #[schema(example = "-0.0089")]
    available: Amount,
    /// What `held` changed by.
    #[schema(example = "0.0089")]
    held: Amount,
    /// What `receivable` changed by.
    #[schema(example = "0.00")]
    receivable: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// The VPS it is about, if it is about one.
    #[schema(required)]
    vps_id: Option<Uuid>,
    /// The top-up it is about.
    #[schema(required)]
    top_up_id: Option<Uuid>,
    /// How many hours it pays.
    #[schema(required)]
    hours: Option<i64>,
    created_at: DateTime<Utc>,
}

type TransactionPage = Page<Transaction>;

impl Transaction {
    fn new(movement: &Movement, currency: String) -> Result<Self, Overflow> {
        let change =
            |account| Money::total(movement.lines.iter().filter(|line| line.0 == account).map(|line| line.1));
        Ok(Self {
            id: movement.id.into(),
            sequence: movement.sequence,
            kind: TransactionType(movement.kind),
            available: Amount(change(Account::Wallet)?),
            held: Amount(change(Account::Held)?),
            // In the ledger, a debt is a negative amount.
            receivable: Amount(change(Account::Receivable)?.negated()?),
            currency,
            vps_id: movement.vps_id.map(|VpsId(id)| id),
            top_up_id: movement.top_up_id.map(|TopUpId(id)| id),
            hours: movement.hours,
            created_at: movement.created_at,
        })
    }
}

/// Show the wallet
#[utoipa::path(get, path = "/wallet", operation_id = "show_wallet", tag = "wallet",
    responses((status = 200, description = "The wallet.", body = Wallet)))]
async fn show(client: Allowed<may::WalletView>) -> Result<Json<Wallet>, Problem> {
    let balance = read::balance(&mut client.read().await?).await?;
    Ok(Json(Wallet {
        available: Amount(balance.available),
        held: Amount(balance.held),
        receivable: Amount(balance.receivable),
        burn: Amount(balance.burn),
        credit_limit: Amount(balance.credit_limit),
        runway_hours: balance.funds().runway_hours(balance.burn)?,
        reserve_hours: client.app().settings().reserve_hours,
        suspended: balance.suspended,
        kept_until: balance.kept_until,
        currency: client.currency(),
    }))
}

/// List movements of money
///
/// The organization's ledger, newest first.
#[utoipa::path(get, path = "/wallet/transactions", operation_id = "list_transactions", tag = "wallet",
    params(Paging), responses((status = 200, description = "A page of movements.", body = TransactionPage)))]
async fn transactions(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<TransactionPage>, Problem> {
    let asked = paging.asked()?;
    let rows = read::movements(&mut client.read().await?, asked.before_number()?, asked.fetch()).await?;
    let page = asked.page(
        rows,
        |movement| Cursor::number(movement.sequence),
        |movement| Transaction::new(&movement, client.currency()),
    );
    Ok(Json(page.transposed()?))
}
