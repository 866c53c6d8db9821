//! One document: as a page, a PDF and a file.

use axum::response::Response;
use chrono::{Datelike as _, Utc};
use domain::billing::document::{Statement, TaxDocument};
use domain::{DocumentId, Money};
use serde::Serialize;
use store::billing::document::{Content, Document, find};
use store::billing::statement;

use super::pdf;
use super::view::{DocumentPage, movement_title, title};
use crate::WebState;
use crate::access::{Member, Session, may};
use crate::error::{Failure, Result};
use crate::form::Id;
use crate::format::product;
use crate::spreadsheet::{Amount, file, plain};

/// The page.
pub(crate) async fn show(member: Member<may::WalletView>, Id(id): Id<DocumentId>) -> Result {
    let mut db = member.read().await?;
    let document = find(&mut *db, id).await?.ok_or(Failure::NOT_FOUND)?;
    db.show(&DocumentPage::new(&document))
}

/// The running month so far.
pub(crate) async fn preview(member: Member<may::WalletView>) -> Result {
    let statement = preview_of(&member.state, &member.caller).await?.ok_or(Failure::NOT_FOUND)?;
    member.read().await?.show(&DocumentPage::preview(&statement))
}

/// What the caller's statement of the running month is so far.
pub(crate) async fn preview_of(state: &WebState, caller: &app::Caller) -> app::Result<Option<Statement>> {
    let today = Utc::now().date_naive();
    let month = today.with_day(1).unwrap_or(today);
    let settings = state.app.settings();
    let mut db = state.reads.org(&caller.scope).await?;
    Ok(statement::preview(&mut db, month, &settings.seller, &settings.currency).await?)
}

/// The PDF.
pub(crate) async fn pdf(member: Member<may::WalletView>, Id(id): Id<DocumentId>) -> Result {
    let document = read(&member, id).await?;
    Ok(pdf::answer(&member.state, &document).await?)
}

async fn read(session: &Session, id: DocumentId) -> Result<Document> {
    let mut db = session.state.reads.org(&session.caller.scope).await?;
    find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)
}

/// The file.
pub(crate) async fn csv(member: Member<may::WalletView>, Id(id): Id<DocumentId>) -> Result {
    let document = read(&member, id).await?;
    let name = format!("{}.csv", document.number);
    match &document.content {
        Content::Tax(content) => file(&name, [TaxLine::new(&document, content)]),
        Content::Statement(statement) => statement_file(&name, statement),
    }
}

/// A receipt or credit note as a line. Amounts of credit notes are negative.
#[derive(Serialize)]
pub(super) struct TaxLine {
    number: String,
    kind: &'static str,
    issued_on: String,
    corrects: String,
    buyer: String,
    country: &'static str,
    vat_number: String,
    net: Amount,
    tax_percent: String,
    tax_reason: &'static str,
    tax: Amount,
    gross: Amount,
    currency: String,
    payment: String,
}

impl TaxLine {
    pub(super) fn new(document: &Document, content: &TaxDocument) -> Self {
        let signed = |amount: Money| match content.corrects {
            Some(_) => amount.negated().unwrap_or(amount).into(),
            None => amount.into(),
        };
        Self {
            number: document.number.to_string(),
            kind: title(document.number.kind),
            issued_on: document.issued_at.date_naive().to_string(),
            corrects: content.corrects.as_ref().map(|c| c.receipt.clone()).unwrap_or_default(),
            buyer: plain(&content.buyer.name),
            country: content.buyer.country.map(domain::billing::Country::code).unwrap_or_default(),
            vat_number: content.buyer.vat_number.as_ref().map(ToString::to_string).unwrap_or_default(),
            net: signed(content.net),
            tax_percent: Money::from_micros(i64::from(content.tax.basis_points) * 10_000).to_string(),
            tax_reason: content.tax.reason.as_str(),
            tax: signed(content.tax_amount),
            gross: signed(content.gross),
            currency: content.currency.clone(),
            payment: plain(&content.payment),
        }
    }
}

#[derive(Serialize)]
struct StatementLine<'a> {
    kind: &'a str,
    date: String,
    name: String,
    plan: String,
    region: String,
    hours: Option<i64>,
    price_hour: Option<Amount>,
    amount: Amount,
    currency: &'a str,
}

fn statement_file(name: &str, statement: &Statement) -> Result<Response> {
    let line = |kind, date: String, name: &str, amount: Money| StatementLine {
        kind,
        date,
        name: plain(name),
        plan: String::new(),
        region: String::new(),
        hours: None,
        price_hour: None,
        amount: amount.into(),
        currency: &statement.currency,
    };
    let first = statement.month.to_string();
    let mut lines = vec![line("Opening balance", first, "", statement.opening)];
    lines.extend(statement.movements.iter().map(|m| {
        let about = m.about.as_deref().unwrap_or_default();
        line(movement_title(&m.kind), m.at.date_naive().to_string(), about, m.amount)
    }));
    let vps = statement.vps.iter().map(|v| {
        let counted = [(v.hours, v.amount), (v.suspended_hours, v.suspended_amount)];
        (&v.name, v.plan.clone(), &v.region, v.hour, counted)
    });
    let resources = statement.resources.iter().map(|r| {
        let counted = [(r.hours, r.amount), (r.suspended_hours, r.suspended_amount)];
        (&r.name, product(r.kind, r.quantity), &r.region, r.hour, counted)
    });
    for (name, what, region, hour, counted) in vps.chain(resources) {
        for (kind, (hours, amount)) in ["Hours", "Suspended hours"].into_iter().zip(counted) {
            if hours > 0 {
                lines.push(StatementLine {
                    plan: plain(&what),
                    region: plain(region),
                    hours: Some(hours),
                    price_hour: (kind == "Hours").then(|| hour.into()),
                    ..line(kind, String::new(), name, amount.negated()?)
                });
            }
        }
    }
    lines.push(line("Closing balance", String::new(), "", statement.closing));
    file(name, lines)
}
