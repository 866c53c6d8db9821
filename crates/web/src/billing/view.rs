//! What pages and PDFs of documents show.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Money;
use domain::billing::document::{DocumentKind, MovementLine, ResourceLine, Statement, TaxDocument, VpsLine};
use domain::billing::{Party, TaxReason, VatStatus};
use serde::Serialize;
use store::billing::document::{Content, Document, Line};
use store::billing::vat::Standing;

use crate::format::{self, product};
use crate::templates::Page;
use crate::view::{Choice, Errors, Pages};

/// The overview: whom documents are made out to, and what was issued.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BillingPage {
    /// `None` until it is filled in.
    pub(crate) profile: Option<PartyView>,
    /// `None` where no register is asked about the VAT number.
    pub(crate) vat: Option<VatView>,
    /// Where receipts go, if not to the owner.
    pub(crate) email: Option<String>,
    /// Does tax depend on the profile?
    pub(crate) tax: bool,
    /// What the running month is called.
    pub(crate) month: String,
    pub(crate) receipts: Vec<DocumentRow>,
    pub(crate) pages: Pages,
    pub(crate) statements: Vec<DocumentRow>,
}

impl Page for BillingPage {
    const TEMPLATE: &'static str = "billing/overview.html";
}

/// A document in a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocumentRow {
    pub(crate) id: String,
    pub(crate) title: &'static str,
    pub(crate) number: String,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) net: Option<Money>,
    pub(crate) tax: Option<Money>,
    /// Paid, or what went back as a negative amount.
    pub(crate) gross: Option<Money>,
    pub(crate) month: Option<String>,
    pub(crate) charges: Option<Money>,
    pub(crate) closing: Option<Money>,
}

impl From<Line> for DocumentRow {
    fn from(line: Line) -> Self {
        let signed = |amount: Option<Money>| match line.kind {
            DocumentKind::CreditNote => amount.and_then(|amount| amount.negated().ok()),
            DocumentKind::Receipt | DocumentKind::Statement => amount,
        };
        Self {
            id: line.id.to_string(),
            title: title(line.kind),
            number: line.number().to_string(),
            issued_at: line.issued_at,
            net: signed(line.net),
            tax: signed(line.tax),
            gross: signed(line.gross),
            month: line.month.map(month_name),
            charges: line.charges,
            closing: line.closing,
        }
    }
}

/// What a kind of document is called.
pub(crate) const fn title(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Receipt => "Receipt",
        DocumentKind::CreditNote => "Credit note",
        DocumentKind::Statement => "Statement",
    }
}

/// `November 2026`.
pub(crate) fn month_name(month: NaiveDate) -> String {
    month.format("%B %Y").to_string()
}

fn date(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

/// The form of the billing details.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DetailsPage {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) country: String,
    pub(crate) countries: Vec<Choice>,
    pub(crate) vat_number: String,
    /// Of the number as it is saved.
    pub(crate) vat: Option<VatView>,
    pub(crate) email: String,
    pub(crate) next: String,
    pub(crate) errors: Errors,
}

impl Page for DetailsPage {
    const TEMPLATE: &'static str = "billing/details.html";
}

/// What the register said of the VAT number.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct VatView {
    pub(crate) status: VatStatus,
    pub(crate) at: Option<DateTime<Utc>>,
}

impl From<Standing> for VatView {
    fn from(standing: Standing) -> Self {
        Self { status: standing.status, at: standing.checked_at }
    }
}

/// A name and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PartyView {
    pub(crate) name: String,
    /// Address and country.
    pub(crate) lines: Vec<String>,
    pub(crate) vat_number: Option<String>,
}

impl From<&Party> for PartyView {
    fn from(party: &Party) -> Self {
        let lines = party.address.lines().map(str::to_owned);
        Self {
            name: party.name.clone(),
            lines: lines.chain(party.country.map(|country| country.name().to_owned())).collect(),
            vat_number: party.vat_number.as_ref().map(ToString::to_string),
        }
    }
}

/// A document, as a page and as a PDF.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocumentPage {
    pub(crate) title: &'static str,
    /// `None` for a preview.
    pub(crate) number: Option<String>,
    /// `29 November 2026`; `None` for a preview.
    pub(crate) issued_on: Option<String>,
    pub(crate) seller: PartyView,
    pub(crate) buyer: PartyView,
    /// Of a receipt or credit note.
    pub(crate) tax: Option<TaxView>,
    /// Of a statement.
    pub(crate) statement: Option<StatementView>,
    /// Where the page was come from.
    pub(crate) back: Choice,
    pub(crate) pdf: Option<String>,
    pub(crate) csv: Option<String>,
}

impl Page for DocumentPage {
    const TEMPLATE: &'static str = "billing/document.html";
}

/// What a receipt or credit note says of money.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaxView {
    /// What was sold, or taken back.
    pub(crate) what: &'static str,
    pub(crate) net: Money,
    /// `19 %`; `None` when there is no word about tax.
    pub(crate) rate: Option<String>,
    pub(crate) tax: Money,
    pub(crate) gross: Money,
    /// `Paid`, or `Returned`.
    pub(crate) total: &'static str,
    pub(crate) note: Option<String>,
    pub(crate) payment: String,
    pub(crate) currency: String,
    pub(crate) corrects: Option<CorrectionView>,
}

/// What a credit note corrects.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CorrectionView {
    pub(crate) receipt: String,
    pub(crate) issued_on: String,
    pub(crate) reason: String,
}

impl From<&TaxDocument> for TaxView {
    fn from(content: &TaxDocument) -> Self {
        let is_receipt = content.corrects.is_none();
        Self {
            what: if is_receipt {
                "Prepaid credit for cloud services"
            } else {
                "Prepaid credit for cloud services, taken back"
            },
            net: content.net,
            rate: (content.tax.reason != TaxReason::Off)
                .then(|| format::percent(i64::from(content.tax.basis_points))),
            tax: content.tax_amount,
            gross: content.gross,
            total: if is_receipt { "Paid" } else { "Returned" },
            note: content.note.clone(),
            payment: content.payment.clone(),
            currency: content.currency.clone(),
            corrects: content.corrects.as_ref().map(|correction| CorrectionView {
                receipt: correction.receipt.clone(),
                issued_on: date(correction.issued_on),
                reason: correction.reason.clone(),
            }),
        }
    }
}

/// What a statement says.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StatementView {
    pub(crate) month: String,
    pub(crate) currency: String,
    pub(crate) preview: bool,
    /// From the opening to the closing balance; what did not move is left out.
    pub(crate) summary: Vec<SummaryLine>,
    pub(crate) hours: Vec<HoursView>,
    pub(crate) movements: Vec<MovementView>,
}

/// A line of a statement's summary.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SummaryLine {
    pub(crate) label: &'static str,
    pub(crate) amount: Money,
    /// Is it a balance?
    pub(crate) balance: bool,
}

/// The hours of a VPS or resource.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HoursView {
    pub(crate) name: String,
    /// Its plan, or what it is.
    pub(crate) what: String,
    pub(crate) region: String,
    pub(crate) hour: Money,
    pub(crate) hours: i64,
    /// Of them, while they were not paid.
    pub(crate) suspended_hours: i64,
    pub(crate) amount: Money,
}

impl From<&VpsLine> for HoursView {
    fn from(line: &VpsLine) -> Self {
        Self {
            name: line.name.clone(),
            what: line.plan.clone(),
            region: line.region.clone(),
            hour: line.hour,
            hours: line.hours + line.suspended_hours,
            suspended_hours: line.suspended_hours,
            amount: line.amount.plus(line.suspended_amount).unwrap_or(line.amount),
        }
    }
}

impl From<&ResourceLine> for HoursView {
    fn from(line: &ResourceLine) -> Self {
        Self {
            name: line.name.clone(),
            what: product(line.kind, line.quantity),
            region: line.region.clone(),
            hour: line.hour,
            hours: line.hours + line.suspended_hours,
            suspended_hours: line.suspended_hours,
            amount: line.amount.plus(line.suspended_amount).unwrap_or(line.amount),
        }
    }
}

/// A movement that is not an hour.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MovementView {
    pub(crate) on: String,
    pub(crate) title: &'static str,
    pub(crate) about: Option<String>,
    pub(crate) amount: Money,
}

impl From<&MovementLine> for MovementView {
    fn from(line: &MovementLine) -> Self {
        Self {
            on: line.at.format("%-d %b %Y").to_string(),
            title: movement_title(&line.kind),
            about: line.about.clone(),
            amount: line.amount,
        }
    }
}

/// How transfer that was charged is called.
pub(crate) const TRANSFER: &str = "Transfer above what is included";

/// What a movement is called.
pub(crate) fn movement_title(kind: &str) -> &'static str {
    match kind {
        "top_up" => "Payment",
        "capture" => "First hour of an order",
        "refund" => "Refund",
        "reversal" => "Payment taken back",
        "reversal_returned" => "Payment returned",
        "credit" => "Credit",
        "credit_expiry" => "Credit expired",
        "adjustment" => "Correction",
        "transfer" => TRANSFER,
        _ => "Other",
    }
}

impl StatementView {
    /// A statement in words.
    pub(crate) fn new(statement: &Statement, preview: bool) -> Self {
        let balance = |label, amount| SummaryLine { label, amount, balance: true };
        let charged = statement.charges.negated().unwrap_or_default();
        let transfer = statement.transfer.negated().unwrap_or_default();
        let moved = [
            ("Payments", statement.payments),
            ("Credits", statement.credits),
            ("Refunds and payments taken back", statement.returned),
            ("Corrections", statement.adjustments),
            ("Other", statement.other),
            ("Hours charged", charged),
            (TRANSFER, transfer),
        ];
        let moved = moved.into_iter().filter(|(_, amount)| *amount != Money::ZERO);
        let moved = moved.map(|(label, amount)| SummaryLine { label, amount, balance: false });
        let closing = if preview { "Balance now" } else { "Closing balance" };
        Self {
            month: month_name(statement.month),
            currency: statement.currency.clone(),
            preview,
            summary: std::iter::once(balance("Opening balance", statement.opening))
                .chain(moved)
                .chain([balance(closing, statement.closing)])
                .collect(),
            hours: (statement.vps.iter().map(Into::into))
                .chain(statement.resources.iter().map(Into::into))
                .collect(),
            movements: statement.movements.iter().map(Into::into).collect(),
        }
    }
}

impl DocumentPage {
    /// A document as its owner sees it.
    pub(crate) fn new(document: &Document) -> Self {
        let here = format!("/billing/documents/{}", document.id);
        Self::of(document, Choice::new("/billing", "Billing"), &here, true)
    }

    /// A document as operators see it.
    pub(crate) fn for_operators(document: &Document) -> Self {
        let back = format!("/operator/organizations/{}/documents", document.organization_id);
        let here = format!("/operator/documents/{}", document.id);
        Self::of(document, Choice::new(back, "Documents"), &here, false)
    }

    fn of(document: &Document, back: Choice, here: &str, csv: bool) -> Self {
        let (seller, buyer, tax, statement) = match &document.content {
            Content::Tax(content) => (&content.seller, &content.buyer, Some(TaxView::from(&**content)), None),
            Content::Statement(content) => {
                (&content.seller, &content.buyer, None, Some(StatementView::new(content, false)))
            }
        };
        Self {
            title: title(document.number.kind),
            number: Some(document.number.to_string()),
            issued_on: Some(date(document.issued_at.date_naive())),
            seller: seller.into(),
            buyer: buyer.into(),
            tax,
            statement,
            back,
            pdf: Some(format!("{here}/pdf")),
            csv: csv.then(|| format!("{here}/csv")),
        }
    }

    /// The running month so far.
    pub(crate) fn preview(statement: &Statement) -> Self {
        Self {
            title: "Statement",
            number: None,
            issued_on: None,
            seller: (&statement.seller).into(),
            buyer: (&statement.buyer).into(),
            tax: None,
            statement: Some(StatementView::new(statement, true)),
            back: Choice::new("/billing", "Billing"),
            pdf: None,
            csv: None,
        }
    }
}

/// How a payment divides, for the form and the page of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TaxLines {
    pub(crate) net: Money,
    pub(crate) tax: Money,
    pub(crate) gross: Money,
    /// `19 % VAT`, or why none is owed.
    pub(crate) words: String,
}

/// The tax on what is about to be paid.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TaxFragment {
    /// `None` when there is no amount, or no tax to speak of.
    pub(crate) lines: Option<TaxLines>,
    /// Must the details be filled in first?
    pub(crate) details_needed: bool,
}

impl Page for TaxFragment {
    const TEMPLATE: &'static str = "billing/tax.html";
}

/// Tax rates, for operators.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaxesPage {
    /// Is tax switched on?
    pub(crate) on: bool,
    pub(crate) seller: PartyView,
    pub(crate) rates: Vec<RateRow>,
    pub(crate) countries: Vec<Choice>,
    pub(crate) country: String,
    pub(crate) percent: String,
    pub(crate) effective_on: String,
    pub(crate) errors: Errors,
    /// Months with documents for the bookkeeper.
    pub(crate) months: Vec<Choice>,
}

impl Page for TaxesPage {
    const TEMPLATE: &'static str = "billing/taxes.html";
}

/// A rate from a day on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RateRow {
    pub(crate) country: String,
    /// `19 %`, or that there is none.
    pub(crate) rate: String,
    pub(crate) effective_on: String,
    pub(crate) in_force: bool,
}

/// The documents of an organization, for operators.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocumentsPage {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) profile: Option<PartyView>,
    pub(crate) documents: Vec<DocumentRow>,
    pub(crate) pages: Pages,
}

impl Page for DocumentsPage {
    const TEMPLATE: &'static str = "billing/documents.html";
}
