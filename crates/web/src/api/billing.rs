//! Receipts, credit notes, statements, and whom they are made out to.

use app::billing::{NewProfile, set_profile, vat_standing};
use axum::Json;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use domain::DocumentId;
use domain::billing::Party as Partner;
use domain::billing::document::{self as content, DocumentKind};
use serde::{Deserialize, Serialize};
use store::billing::document::{self, Content, Document, Line};
use store::billing::profile;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Problem;
use super::access::{Allowed, Client};
use super::endpoints::{Endpoints, endpoint};
use super::input::{Body, Id, Query};
use super::page::{Cursor, Page, Paging};
use super::value::{Amount, TaxReasonName, VatNumberStatus};
use crate::access::may;
use crate::billing::{pdf, preview_of};

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(show_profile))
        .add(endpoint!(save_profile))
        .add(endpoint!(receipts))
        .add(endpoint!(receipt))
        .add(endpoint!(receipt_pdf))
        .add(endpoint!(credit_notes))
        .add(endpoint!(credit_note))
        .add(endpoint!(credit_note_pdf))
        .add(endpoint!(statements))
        .add(endpoint!(preview))
        .add(endpoint!(statement))
        .add(endpoint!(statement_pdf))
}

/// Whom documents are made out to. Documents keep what was set when they were issued.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct BillingProfile {
    /// Legal name.
    #[schema(min_length = 1, max_length = 100, example = "Example GmbH")]
    name: String,
    /// Street, postcode and town, line by line, without the country.
    #[schema(min_length = 1, max_length = 500, example = "Hauptstr. 1\n10115 Berlin")]
    address: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(example = "DE")]
    country: String,
    /// Of a business; `null` or left out for anybody else.
    #[schema(example = "DE123456789")]
    vat_number: Option<String>,
    /// Read only, ignored in requests. `null` where it does not depend on the number who owes the tax, or no register is
    /// asked.
    #[schema(read_only)]
    vat_number_status: Option<VatNumberStatus>,
    /// Read only, ignored in requests. When the register said so.
    #[schema(read_only)]
    vat_number_checked_at: Option<DateTime<Utc>>,
    /// Where receipts are sent; `null` or left out for the owner of the organization.
    #[schema(example = "books@example.com")]
    email: Option<String>,
}

impl BillingProfile {
    async fn of(client: &Client, profile: profile::Profile) -> Result<Self, Problem> {
        let settings = client.app().settings();
        let vat = vat_standing(settings, &mut client.read().await?, &profile.party).await?;
        Ok(Self {
            name: profile.party.name,
            address: profile.party.address,
            country: profile.party.country.map(|c| c.code().to_owned()).unwrap_or_default(),
            vat_number: profile.party.vat_number.map(|number| number.to_string()),
            vat_number_status: vat.map(|vat| VatNumberStatus(vat.status)),
            vat_number_checked_at: vat.and_then(|vat| vat.checked_at),
            email: profile.email.map(|email| email.as_str().to_owned()),
        })
    }
}

/// A name, an address and a tax number, as they were when the document was issued.
#[derive(Debug, Serialize, ToSchema)]
struct Party {
    name: String,
    /// Lines without the country.
    address: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(required)]
    country: Option<String>,
    #[schema(required)]
    vat_number: Option<String>,
}

impl From<&Partner> for Party {
    fn from(party: &Partner) -> Self {
        Self {
            name: party.name.clone(),
            address: party.address.clone(),
            country: party.country.map(|country| country.code().to_owned()),
            vat_number: party.vat_number.as_ref().map(ToString::to_string),
        }
    }
}

/// A receipt or credit note in a list. Amounts of a credit note are what went back, positive.
#[derive(Debug, Serialize, ToSchema)]
struct TaxDocumentSummary {
    id: Uuid,
    #[schema(example = "R-2026-000042")]
    number: String,
    issued_at: DateTime<Utc>,
    /// Credited to the wallet, or taken from it.
    #[schema(example = "21.01")]
    net: Amount,
    #[schema(example = "3.99")]
    tax: Amount,
    /// Paid, or returned to the payer.
    #[schema(example = "25.00")]
    gross: Amount,
    /// ISO 4217 code of the amounts.
    #[schema(example = "USD")]
    currency: String,
}

type TaxDocumentSummaryPage = Page<TaxDocumentSummary>;

/// A receipt for a payment, or a credit note for what went back of one. Never changed.
#[derive(Debug, Serialize, ToSchema)]
struct TaxDocument {
    #[serde(flatten)]
    summary: TaxDocumentSummary,
    seller: Party,
    buyer: Party,
    /// Hundredths of a percent of the net amount.
    #[schema(example = 1900)]
    tax_basis_points: i32,
    tax_reason: TaxReasonName,
    /// What the law wants said about the tax.
    #[schema(required)]
    note: Option<String>,
    /// The payment's own reference.
    payment: String,
    /// The top-up it is about.
    #[schema(required)]
    top_up_id: Option<Uuid>,
    /// Of a credit note: number of the receipt it corrects.
    #[schema(required)]
    receipt_number: Option<String>,
    /// Of a credit note: why money went back.
    #[schema(required)]
    reason: Option<String>,
}

/// A month's statement in a list.
#[derive(Debug, Serialize, ToSchema)]
struct StatementSummary {
    id: Uuid,
    #[schema(example = "S-2026-000007")]
    number: String,
    issued_at: DateTime<Utc>,
    /// Its first day.
    month: NaiveDate,
    /// What hours that began in the month cost.
    charges: Amount,
    /// The balance at its end.
    closing: Amount,
    /// ISO 4217 code of the amounts.
    currency: String,
}

type StatementSummaryPage = Page<StatementSummary>;

/// What happened to the organization's money in a month (UTC). The balance is what is available and held, less what
/// is owed. opening + payments + credits + adjustments + returned + other - charges - transfer = closing.
#[derive(Debug, Serialize, ToSchema)]
struct Statement {
    /// `null` for the running month, whose statement is not issued.
    #[schema(required)]
    id: Option<Uuid>,
    #[schema(required)]
    number: Option<String>,
    #[schema(required)]
    issued_at: Option<DateTime<Utc>>,
    /// Its first day.
    month: NaiveDate,
    seller: Party,
    buyer: Party,
    opening: Amount,
    /// Credited by payments, without their tax.
    payments: Amount,
    credits: Amount,
    adjustments: Amount,
    /// What went back to payers; negative.
    returned: Amount,
    other: Amount,
    /// What hours that began in the month cost.
    charges: Amount,
    /// What was charged in the month of transfer above what is included.
    transfer: Amount,
    closing: Amount,
    /// ISO 4217 code of the amounts.
    currency: String,
    vps: Vec<StatementVps>,
    resources: Vec<StatementResource>,
    movements: Vec<StatementMovement>,
}

/// What the hours of one VPS cost.
#[derive(Debug, Serialize, ToSchema)]
struct StatementVps {
    id: Uuid,
    name: String,
    plan: String,
    region: String,
    /// What an hour is sold at.
    price_hour: Amount,
    hours: i64,
    amount: Amount,
    /// Hours while it was suspended for want of money.
    suspended_hours: i64,
    /// What they added to the debt.
    suspended_amount: Amount,
}

/// The hours of one resource.
#[derive(Debug, Serialize, ToSchema)]
struct StatementResource {
    id: Uuid,
    /// `backups`, `snapshot`, `volume` or `address`.
    #[schema(example = "volume")]
    kind: String,
    name: String,
    region: String,
    /// GiB of a snapshot or volume, else 1.
    quantity: i64,
    /// What an hour of that is sold at.
    price_hour: Amount,
    hours: i64,
    amount: Amount,
    /// Hours that counted at cost for want of money.
    suspended_hours: i64,
    /// What they added to the debt.
    suspended_amount: Amount,
}

/// A movement that is not an hour.
#[derive(Debug, Serialize, ToSchema)]
struct StatementMovement {
    at: DateTime<Utc>,
    /// Why money moved, as in the list of movements; `transfer` for transfer above what is included.
    #[serde(rename = "type")]
    kind: String,
    /// The VPS or receipt it is about; of transfer, the month.
    #[schema(required)]
    about: Option<String>,
    amount: Amount,
}

impl Statement {
    fn new(statement: &content::Statement, issued: Option<&Document>) -> Self {
        Self {
            id: issued.map(|document| document.id.into()),
            number: issued.map(|document| document.number.to_string()),
            issued_at: issued.map(|document| document.issued_at),
            month: statement.month,
            seller: (&statement.seller).into(),
            buyer: (&statement.buyer).into(),
            opening: Amount(statement.opening),
            payments: Amount(statement.payments),
            credits: Amount(statement.credits),
            adjustments: Amount(statement.adjustments),
            returned: Amount(statement.returned),
            other: Amount(statement.other),
            charges: Amount(statement.charges),
            transfer: Amount(statement.transfer),
            closing: Amount(statement.closing),
            currency: statement.currency.clone(),
            vps: statement.vps.iter().map(Into::into).collect(),
            resources: statement.resources.iter().map(Into::into).collect(),
            movements: statement.movements.iter().map(Into::into).collect(),
        }
    }
}

impl From<&content::VpsLine> for StatementVps {
    fn from(line: &content::VpsLine) -> Self {
        Self {
            id: line.id.into(),
            name: line.name.clone(),
            plan: line.plan.clone(),
            region: line.region.clone(),
            price_hour: Amount(line.hour),
            hours: line.hours,
            amount: Amount(line.amount),
            suspended_hours: line.suspended_hours,
            suspended_amount: Amount(line.suspended_amount),
        }
    }
}

impl From<&content::ResourceLine> for StatementResource {
    fn from(line: &content::ResourceLine) -> Self {
        Self {
            id: line.id.into(),
            kind: line.kind.to_string(),
            name: line.name.clone(),
            region: line.region.clone(),
            quantity: line.quantity,
            price_hour: Amount(line.hour),
            hours: line.hours,
            amount: Amount(line.amount),
            suspended_hours: line.suspended_hours,
            suspended_amount: Amount(line.suspended_amount),
        }
    }
}

impl From<&content::MovementLine> for StatementMovement {
    fn from(line: &content::MovementLine) -> Self {
        Self { at: line.at, kind: line.kind.clone(), about: line.about.clone(), amount: Amount(line.amount) }
    }
}

/// Show the billing profile
///
/// Answers 404 until there is one.
#[utoipa::path(get, path = "/billing-profile", operation_id = "show_billing_profile", tag = "billing",
    responses((status = 200, description = "The profile.", body = BillingProfile),
        (status = 404, description = "There is none yet.")))]
async fn show_profile(client: Allowed<may::WalletView>) -> Result<Json<BillingProfile>, Problem> {
    let profile = profile::find(&mut client.read().await?).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(BillingProfile::of(&client, profile).await?))
}

/// Set the billing profile
///
/// What is issued from now on is made out to it. Where it depends on the VAT number who owes the tax, the register of
/// the European Union may be asked about it afterwards: see `vat_number_status`.
#[utoipa::path(put, path = "/billing-profile", operation_id = "set_billing_profile", tag = "billing",
    request_body = BillingProfile,
    responses((status = 200, description = "The profile as it was set.", body = BillingProfile)))]
async fn save_profile(
    client: Allowed<may::BillingManage>,
    Body(new): Body<BillingProfile>,
) -> Result<Json<BillingProfile>, Problem> {
    let typed = NewProfile {
        name: &new.name,
        address: &new.address,
        country: &new.country,
        vat_number: new.vat_number.as_deref().unwrap_or_default(),
        email: new.email.as_deref().unwrap_or_default(),
    };
    let profile = typed.parse()?;
    set_profile(client.app(), &client.caller, &profile).await?;
    Ok(Json(BillingProfile::of(&client, profile).await?))
}

async fn lines(
    client: &Client,
    paging: &Paging,
    kind: DocumentKind,
) -> Result<(super::page::Asked, Vec<Line>), Problem> {
    let asked = paging.asked()?;
    let rows = document::list(&mut client.read().await?, &[kind], asked.before(), asked.fetch()).await?;
    Ok((asked, rows))
}

async fn tax_documents(
    client: &Client,
    paging: &Paging,
    kind: DocumentKind,
) -> Result<Json<TaxDocumentSummaryPage>, Problem> {
    let (asked, rows) = lines(client, paging, kind).await?;
    let shown = |row: Line| TaxDocumentSummary {
        id: row.id.into(),
        number: row.number().to_string(),
        issued_at: row.issued_at,
        net: Amount(row.net.unwrap_or_default()),
        tax: Amount(row.tax.unwrap_or_default()),
        gross: Amount(row.gross.unwrap_or_default()),
        currency: client.currency(),
    };
    Ok(Json(asked.page(rows, |row| Cursor::id(row.id), shown)))
}

/// A document of this kind; those of others do not exist.
async fn find(client: &Client, id: DocumentId, kind: DocumentKind) -> Result<Document, Problem> {
    let found = document::find(&mut client.read().await?, id).await?;
    found.filter(|document| document.number.kind == kind).ok_or_else(Problem::not_found)
}

async fn tax_document(
    client: &Client,
    id: DocumentId,
    kind: DocumentKind,
) -> Result<Json<TaxDocument>, Problem> {
    let document = find(client, id, kind).await?;
    let Content::Tax(content) = &document.content else { return Err(Problem::not_found()) };
    Ok(Json(TaxDocument {
        summary: TaxDocumentSummary {
            id: document.id.into(),
            number: document.number.to_string(),
            issued_at: document.issued_at,
            net: Amount(content.net),
            tax: Amount(content.tax_amount),
            gross: Amount(content.gross),
            currency: content.currency.clone(),
        },
        seller: (&content.seller).into(),
        buyer: (&content.buyer).into(),
        tax_basis_points: content.tax.basis_points,
        tax_reason: TaxReasonName(content.tax.reason),
        note: content.note.clone(),
        payment: content.payment.clone(),
        top_up_id: document.top_up.map(Into::into),
        receipt_number: content.corrects.as_ref().map(|c| c.receipt.clone()),
        reason: content.corrects.as_ref().map(|c| c.reason.clone()),
    }))
}

async fn drawn(client: &Client, id: DocumentId, kind: DocumentKind) -> Result<Response, Problem> {
    let document = find(client, id, kind).await?;
    Ok(pdf::answer(client.state(), &document).await?)
}

/// List receipts
///
/// Newest first. Each payment has its receipt, the tax document.
#[utoipa::path(get, path = "/receipts", operation_id = "list_receipts", tag = "billing",
    params(Paging), responses((status = 200, description = "A page of receipts.", body = TaxDocumentSummaryPage)))]
async fn receipts(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<TaxDocumentSummaryPage>, Problem> {
    tax_documents(&client, &paging, DocumentKind::Receipt).await
}

/// Show a receipt
#[utoipa::path(get, path = "/receipts/{id}", operation_id = "show_receipt", tag = "billing",
    params(("id" = Uuid, Path, description = "The receipt.")),
    responses((status = 200, description = "The receipt.", body = TaxDocument)))]
async fn receipt(
    client: Allowed<may::WalletView>,
    Id(id): Id<DocumentId>,
) -> Result<Json<TaxDocument>, Problem> {
    tax_document(&client, id, DocumentKind::Receipt).await
}

/// Get a receipt as PDF
#[utoipa::path(get, path = "/receipts/{id}/pdf", operation_id = "get_receipt_pdf", tag = "billing",
    params(("id" = Uuid, Path, description = "The receipt.")),
    responses((status = 200, description = "The PDF.", body = Vec<u8>, content_type = "application/pdf")))]
async fn receipt_pdf(client: Allowed<may::WalletView>, Id(id): Id<DocumentId>) -> Result<Response, Problem> {
    drawn(&client, id, DocumentKind::Receipt).await
}

/// List credit notes
///
/// Newest first. What goes back of a payment has its credit note, which corrects the receipt.
#[utoipa::path(get, path = "/credit-notes", operation_id = "list_credit_notes", tag = "billing",
    params(Paging),
    responses((status = 200, description = "A page of credit notes.", body = TaxDocumentSummaryPage)))]
async fn credit_notes(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<TaxDocumentSummaryPage>, Problem> {
    tax_documents(&client, &paging, DocumentKind::CreditNote).await
}

/// Show a credit note
#[utoipa::path(get, path = "/credit-notes/{id}", operation_id = "show_credit_note", tag = "billing",
    params(("id" = Uuid, Path, description = "The credit note.")),
    responses((status = 200, description = "The credit note.", body = TaxDocument)))]
async fn credit_note(
    client: Allowed<may::WalletView>,
    Id(id): Id<DocumentId>,
) -> Result<Json<TaxDocument>, Problem> {
    tax_document(&client, id, DocumentKind::CreditNote).await
}

/// Get a credit note as PDF
#[utoipa::path(get, path = "/credit-notes/{id}/pdf", operation_id = "get_credit_note_pdf", tag = "billing",
    params(("id" = Uuid, Path, description = "The credit note.")),
    responses((status = 200, description = "The PDF.", body = Vec<u8>, content_type = "application/pdf")))]
async fn credit_note_pdf(
    client: Allowed<may::WalletView>,
    Id(id): Id<DocumentId>,
) -> Result<Response, Problem> {
    drawn(&client, id, DocumentKind::CreditNote).await
}

/// List statements
///
/// Newest first. A month's statement is issued when the month is over and all its hours are charged.
#[utoipa::path(get, path = "/statements", operation_id = "list_statements", tag = "billing",
    params(Paging), responses((status = 200, description = "A page of statements.", body = StatementSummaryPage)))]
async fn statements(
    client: Allowed<may::WalletView>,
    Query(paging): Query<Paging>,
) -> Result<Json<StatementSummaryPage>, Problem> {
    let (asked, rows) = lines(&client, &paging, DocumentKind::Statement).await?;
    let shown = |row: Line| StatementSummary {
        id: row.id.into(),
        number: row.number().to_string(),
        issued_at: row.issued_at,
        month: row.month.unwrap_or_default(),
        charges: Amount(row.charges.unwrap_or_default()),
        closing: Amount(row.closing.unwrap_or_default()),
        currency: client.currency(),
    };
    Ok(Json(asked.page(rows, |row| Cursor::id(row.id), shown)))
}

/// Preview the running month
///
/// What the statement of the running month is so far. It has no number and is not issued.
#[utoipa::path(get, path = "/statements/preview", operation_id = "preview_statement", tag = "billing",
    responses((status = 200, description = "The running month.", body = Statement)))]
async fn preview(client: Allowed<may::WalletView>) -> Result<Json<Statement>, Problem> {
    let statement = preview_of(client.state(), &client.caller).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(Statement::new(&statement, None)))
}

/// Show a statement
#[utoipa::path(get, path = "/statements/{id}", operation_id = "show_statement", tag = "billing",
    params(("id" = Uuid, Path, description = "The statement.")),
    responses((status = 200, description = "The statement.", body = Statement)))]
async fn statement(
    client: Allowed<may::WalletView>,
    Id(id): Id<DocumentId>,
) -> Result<Json<Statement>, Problem> {
    let document = find(&client, id, DocumentKind::Statement).await?;
    let Content::Statement(content) = &document.content else { return Err(Problem::not_found()) };
    Ok(Json(Statement::new(content, Some(&document))))
}

/// Get a statement as PDF
#[utoipa::path(get, path = "/statements/{id}/pdf", operation_id = "get_statement_pdf", tag = "billing",
    params(("id" = Uuid, Path, description = "The statement.")),
    responses((status = 200, description = "The PDF.", body = Vec<u8>, content_type = "application/pdf")))]
async fn statement_pdf(
    client: Allowed<may::WalletView>,
    Id(id): Id<DocumentId>,
) -> Result<Response, Problem> {
    drawn(&client, id, DocumentKind::Statement).await
}
