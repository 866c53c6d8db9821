//! One movement of money, explained: its lines, the hours it paid, and which money it was.

use axum::extract::Query;
use domain::money::Overflow;
use domain::wallet::attribution::Attribution;
use domain::{Money, TransactionId};
use serde::Deserialize;
use store::billing::hours::{self, Hour};
use store::catalog;
use store::wallet::{
    self,
    explain::{self, Explained},
    read::Movement,
};

use super::transaction_view::{
    HourRow, LotView, OperatorHourRow, OperatorTransactionPage, OtherView, PaidWithRow, TransactionPage,
    TransferView,
};
use crate::access::{Member, Operator, may};
use crate::billing::view::month_name;
use crate::error::{Failure, Result};
use crate::form::Id;
use crate::format::product;
use crate::link;
use crate::view::{PAGE, Pages};

/// Where in the hours of a movement, newest first.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Skipped {
    #[serde(default)]
    skip: u32,
}

impl Skipped {
    fn rows(&self) -> i64 {
        i64::from(self.skip)
    }

    /// The links of a page that was read with one row more.
    fn pages(&self, rows: &mut Vec<Hour>, path: &str) -> Pages {
        let next = (self.rows() + PAGE).to_string();
        let newest = (self.skip > 0).then(|| path.to_owned());
        Pages::of(rows, newest, |_| link::with_query(path, &[("skip", &next)]))
    }
}

/// A movement of the customer's own.
pub(crate) async fn show(
    member: Member<may::WalletView>,
    Id(id): Id<TransactionId>,
    Query(skipped): Query<Skipped>,
) -> Result {
    let mut db = member.read().await?;
    let explained = explain::movement(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let mut rows = hours::of_movement(&mut db, &explained, skipped.rows(), PAGE + 1).await?;
    let money = wallet::attribution(&mut *db).await?;
    let pages = skipped.pages(&mut rows, &format!("/wallet/transactions/{id}"));
    let page = TransactionPage {
        paid_with: paid_with(&money, id),
        lot: lot(&money, id),
        actor: actor(&explained),
        hash: explained.hash,
        other: other(explained.other, "/wallet/transactions"),
        at: explained.movement.created_at,
        transfer: transfer(&explained.movement)?,
        transaction: explained.movement.into(),
        hours: rows.into_iter().map(Into::into).collect(),
        pages,
    };
    db.show(&page)
}

/// A movement of anybody's, with what its hours cost us.
pub(crate) async fn show_any(
    operator: Operator,
    Id(id): Id<TransactionId>,
    Query(skipped): Query<Skipped>,
) -> Result {
    let mut db = operator.read_all().await?;
    let explained = explain::any_movement(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let mut rows = hours::of_any_movement(&mut db, &explained, skipped.rows(), PAGE + 1).await?;
    let pages = skipped.pages(&mut rows, &format!("/operator/transactions/{id}"));
    let prices = catalog::prices(&mut *db, rows.iter().map(|hour| hour.price_version_id)).await?;
    let mut hours = Vec::with_capacity(rows.len());
    for row in rows {
        let price = prices.get(&row.price_version_id).ok_or(Failure::NOT_FOUND)?;
        let cost = row.cost(&price.of(row.quantity)?)?;
        hours.push(OperatorHourRow { margin: row.amount.minus(cost)?, cost, hour: row.into() });
    }
    let page = OperatorTransactionPage {
        organization_id: explained.organization_id.to_string(),
        organization: explained.organization.clone(),
        revenue: Money::total(hours.iter().map(|row| row.hour.amount))?,
        cost: Money::total(hours.iter().map(|row| row.cost))?,
        margin: Money::total(hours.iter().map(|row| row.margin))?,
        actor: actor(&explained),
        hash: explained.hash,
        other: other(explained.other, "/operator/transactions"),
        at: explained.movement.created_at,
        transfer: transfer(&explained.movement)?,
        transaction: explained.movement.into(),
        hours,
        pages,
    };
    db.show(&page)
}

/// The figures of a movement that charges transfer.
fn transfer(movement: &Movement) -> Result<Option<TransferView>, Overflow> {
    let Some(figures) = &movement.transfer else { return Ok(None) };
    Ok(Some(TransferView {
        pool: figures.pool.clone(),
        month: month_name(figures.month),
        used: figures.used,
        included: figures.included,
        above: figures.above(),
        price_gb: figures.price_gb,
        all: figures.all()?,
        before: figures.before,
        amount: figures.due()?,
    }))
}

fn actor(explained: &Explained) -> String {
    match (explained.actor_kind.as_str(), &explained.actor_name) {
        (_, Some(name)) => name.clone(),
        ("system", None) => "the panel itself".to_owned(),
        (_, None) => "support".to_owned(),
    }
}

fn other(other: Option<(TransactionId, i64)>, path: &str) -> Option<OtherView> {
    other.map(|(id, sequence)| OtherView { href: format!("{path}/{id}"), sequence })
}

/// Which money paid it, in the order in which it was taken.
fn paid_with(money: &Attribution, id: TransactionId) -> Vec<PaidWithRow> {
    money
        .payers_of(id)
        .map(|spending| {
            let lot = money.lot(spending.lot);
            PaidWithRow {
                id: lot.from.id.to_string(),
                sequence: lot.from.sequence,
                title: if lot.credit { "Credit" } else { "Payment" },
                at: lot.from.at,
                amount: spending.amount,
            }
        })
        .collect()
}

/// What became of the money that it brought.
fn lot(money: &Attribution, id: TransactionId) -> Option<LotView> {
    let lot = money.lots().iter().find(|lot| lot.from.id == id)?;
    Some(LotView { amount: lot.amount, left: lot.left() })
}

impl From<Hour> for HourRow {
    fn from(hour: Hour) -> Self {
        Self {
            capped: hour.is_capped(),
            suspended: hour.tariff() == domain::billing::Tariff::AtCost,
            vps_id: hour.vps_id.map(|id| id.to_string()),
            what: hour.vps_id.is_none().then(|| product(hour.kind, hour.quantity)),
            name: hour.name,
            at: hour.start,
            first: hour.first,
            price: hour.sell_hour,
            priced_at: hour.priced_at,
            cap: hour.sell_month,
            month_used: hour.month_used,
            amount: hour.amount,
            raised: Some(hour.raised).filter(|raised| raised.is_positive()),
            transaction_id: hour.transaction_id.map(|id| id.to_string()),
            sequence: hour.sequence,
        }
    }
}
