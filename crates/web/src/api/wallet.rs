//! The wallet and its movements.

use app::wallet::statement::make;
use axum::Json;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::transfer::Figures;
use domain::money::Overflow;
use domain::wallet::Account;
use domain::wallet::attribution::Spending;
use domain::{Money, TopUpId, TransactionId, VpsId};
use serde::{Deserialize, Serialize};
use store::wallet::explain;
use store::wallet::read::{self, Movement};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Problem;
use super::access::Allowed;
use super::endpoints::{Endpoints, endpoint};
use super::input::{Id, Query};
use super::page::{Cursor, Page, Paging};
use super::value::{Amount, TransactionType};
use crate::access::may;
use crate::wallet::statement::{days, file, midnight};

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(show))
        .add(endpoint!(transactions))
        .add(endpoint!(transaction))
        .add(endpoint!(totals))
        .add(endpoint!(ledger))
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
    /// Why support gave or corrected it.
    #[schema(required)]
    reason: Option<String>,
    created_at: DateTime<Utc>,
}

type TransactionPage = Page<Transaction>;

/// A movement of money, explained.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExplainedTransaction {
    /// The movement.
    transaction: Transaction,
    /// SHA-256 over it and the movement before it, hexadecimal.
    hash: String,
    /// The other movement of the same hours or transfer: what was paid of it and what was owed stand apart.
    #[schema(required)]
    other_id: Option<Uuid>,
    /// Of a movement that charges transfer above what is included: how its price came about.
    #[schema(required)]
    transfer: Option<TransferCharge>,
    /// Which money paid it, in the order taken: credits first, then the oldest money.
    paid_with: Vec<Source>,
}

/// A charge of transfer: what all that is above what is included costs in its month, less what was charged before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferCharge {
    /// Regions whose transfer is counted together.
    #[schema(example = "standard")]
    pool: String,
    /// First day of the month (UTC).
    #[schema(example = "2026-11-01")]
    month: NaiveDate,
    /// Bytes out of all VPSs of the pool so far.
    #[schema(example = 1_250_000_000_000_i64)]
    used_bytes: i64,
    /// Bytes that are included.
    #[schema(example = 1_000_000_000_000_i64)]
    included_bytes: i64,
    /// Price of a gigabyte (10^9 bytes).
    #[schema(example = "0.01")]
    price_gb: Amount,
    /// What was charged of this month before.
    #[schema(example = "2.00")]
    charged_before: Amount,
    /// What is charged here and by the movement `other_id`, if there is one.
    #[schema(example = "0.50")]
    amount: Amount,
}

impl TransferCharge {
    fn new(figures: &Figures) -> Result<Self, Overflow> {
        Ok(Self {
            pool: figures.pool.clone(),
            month: figures.month,
            used_bytes: figures.used,
            included_bytes: figures.included,
            price_gb: Amount(figures.price_gb),
            charged_before: Amount(figures.before),
            amount: Amount(figures.due()?),
        })
    }
}

/// Money that came in earlier and was spent here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Source {
    /// The movement that brought it.
    transaction_id: Uuid,
    /// How much of it.
    #[schema(example = "0.0089")]
    amount: Amount,
}

/// Which part of the ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    /// The first day (UTC); the first of this month if left out.
    from: Option<NaiveDate>,
    /// The day after the last (UTC); a month after the first day if left out.
    until: Option<NaiveDate>,
}

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
            reason: movement.reason.clone(),
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

/// Which movements to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only movements of this type.
    #[serde(rename = "type")]
    kind: Option<TransactionType>,
    /// Most rows to answer.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u8>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List movements of money
///
/// The organization's ledger, newest first.
#[utoipa::path(get, path = "/wallet/transactions", operation_id = "list_transactions", tag = "wallet",
    params(Filter), responses((status = 200, description = "A page of movements.", body = TransactionPage)))]
async fn transactions(
    client: Allowed<may::WalletView>,
    Query(filter): Query<Filter>,
) -> Result<Json<TransactionPage>, Problem> {
    let asked = Paging { limit: filter.limit, cursor: filter.cursor }.asked()?;
    let kind = filter.kind.map(|kind| kind.0);
    let rows =
        read::movements(&mut client.read().await?, kind, asked.before_number()?, asked.fetch()).await?;
    let page = asked.page(
        rows,
        |movement| Cursor::number(movement.sequence),
        |movement| Transaction::new(&movement, client.currency()),
    );
    Ok(Json(page.transposed()?))
}

/// All movements of one type.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionTotal {
    #[serde(rename = "type")]
    kind: TransactionType,
    /// How many.
    #[schema(example = 3)]
    count: i64,
    /// What came (positive) or went. Of money that stayed with the organization: what became free to spend.
    #[schema(example = "75.00")]
    amount: Amount,
    /// ISO 4217 code of the amount.
    #[schema(example = "USD")]
    currency: String,
}

/// What each type of movement adds up to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionTotals {
    /// One for each type there was a movement of.
    data: Vec<TransactionTotal>,
}

/// Sum up movements of money
///
/// What payments, credits, charges, adjustments and all other types add up to since the organization was made.
#[utoipa::path(get, path = "/wallet/totals", operation_id = "sum_transactions", tag = "wallet",
    responses((status = 200, description = "The totals.", body = TransactionTotals)))]
async fn totals(client: Allowed<may::WalletView>) -> Result<Json<TransactionTotals>, Problem> {
    let totals = read::totals_by_kind(&mut client.read().await?).await?.into_iter();
    let totals = totals.map(|total| TransactionTotal {
        kind: TransactionType(total.kind),
        count: total.count,
        amount: Amount(total.amount()),
        currency: client.currency(),
    });
    Ok(Json(TransactionTotals { data: totals.collect() }))
}

/// Explain a movement of money
///
/// With its place in the chain of hashes and the money that paid it. The hours it paid are a list of their own.
#[utoipa::path(get, path = "/wallet/transactions/{id}", operation_id = "show_transaction", tag = "wallet",
    params(("id" = Uuid, Path, description = "The movement.")),
    responses((status = 200, description = "The movement.", body = ExplainedTransaction)))]
async fn transaction(
    client: Allowed<may::WalletView>,
    Id(id): Id<TransactionId>,
) -> Result<Json<ExplainedTransaction>, Problem> {
    let mut db = client.read().await?;
    let explained = explain::movement(&mut db, id).await?.ok_or_else(Problem::not_found)?;
    let money = store::wallet::attribution(&mut db).await?;
    let source = |spent: &Spending| Source {
        transaction_id: money.lot(spent.lot).from.id.into(),
        amount: Amount(spent.amount),
    };
    Ok(Json(ExplainedTransaction {
        transaction: Transaction::new(&explained.movement, client.currency())?,
        hash: explained.hash,
        other_id: explained.other.map(|(id, _)| id.into()),
        transfer: explained.movement.transfer.as_ref().map(TransferCharge::new).transpose()?,
        paid_with: money.payers_of(id).map(source).collect(),
    }))
}

/// Download the signed ledger
///
/// The movements of some days with their hours, as lines of JSON: the head, each movement, and the signature. At most 92
/// days. `skypanel statement verify` checks the file; the public keys are at `/statement-keys`.
#[utoipa::path(get, path = "/wallet/ledger", operation_id = "download_ledger", tag = "wallet", params(Days),
    responses((status = 200, description = "The file.", body = String, content_type = "application/jsonl")))]
async fn ledger(client: Allowed<may::WalletView>, Query(asked): Query<Days>) -> Result<Response, Problem> {
    let (from, until) = days(asked.from, asked.until)
        .ok_or_else(|| Problem::invalid("from", "Choose a day in this millennium."))?;
    let text = make(client.app(), &client.caller, midnight(from), midnight(until)).await?;
    Ok(file(from, until, text))
}
