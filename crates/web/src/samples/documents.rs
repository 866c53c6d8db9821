//! Sample content of documents and their pages; PDFs are drawn from the same.

use domain::billing::document::{DocumentKind, MovementLine, ResourceLine, Statement, VpsLine};
use domain::billing::{Party, VatNumber, VatStatus};
use domain::catalog::Product;
use domain::{Money, ResourceId, VpsId};

use super::{Renderer, ago, errors, money};
use crate::billing::view::{
    BillingPage, CorrectionView, DetailsPage, DocumentPage, DocumentRow, DocumentsPage, PartyView, RateRow,
    StatementView, TaxFragment, TaxLines, TaxView, TaxesPage, VatView, title,
};
use crate::view::{Choice, Errors, Pages};

const ID: &str = "0192f5c4-7d1e-7c3a-9b51-3f2f0a6d1e10";

fn party(name: &str, address: &str, country: &str, vat_number: Option<&str>) -> Party {
    let country = country.parse().expect("a country");
    Party {
        name: name.into(),
        address: address.into(),
        country: Some(country),
        vat_number: vat_number.map(|text| VatNumber::parse(country, text).expect("a number")),
    }
}

fn seller() -> Party {
    party("Nimbus Hosting GmbH", "Hauptstraße 1\n10115 Berlin", "DE", Some("DE123456789"))
}

fn buyer() -> Party {
    party("Example Studio e.U.", "Ringgasse 7\n1010 Wien", "AT", Some("ATU12345678"))
}

fn page(kind: DocumentKind, number: &str) -> DocumentPage {
    DocumentPage {
        title: title(kind),
        number: Some(number.into()),
        issued_on: Some("29 November 2026".into()),
        seller: (&seller()).into(),
        buyer: (&buyer()).into(),
        tax: None,
        statement: None,
        back: Choice::new("/billing", "Billing"),
        pdf: Some(format!("/billing/documents/{ID}/pdf")),
        csv: Some(format!("/billing/documents/{ID}/csv")),
    }
}

fn tax() -> TaxView {
    TaxView {
        what: "Prepaid credit for cloud services",
        net: money("21.01"),
        rate: Some("19 %".into()),
        tax: money("3.99"),
        gross: money("25"),
        total: "Paid",
        note: None,
        payment: "3C679366HH908993F".into(),
        currency: "EUR".into(),
        corrects: None,
    }
}

pub(crate) fn receipt() -> DocumentPage {
    DocumentPage { tax: Some(tax()), ..page(DocumentKind::Receipt, "R-2026-000042") }
}

pub(crate) fn untaxed_receipt() -> DocumentPage {
    let tax = TaxView {
        net: money("25"),
        rate: Some("0 %".into()),
        tax: money("0"),
        note: domain::billing::TaxReason::ReverseCharge.note().map(str::to_owned),
        ..tax()
    };
    DocumentPage { tax: Some(tax), ..page(DocumentKind::Receipt, "R-2026-000043") }
}

pub(crate) fn credit_note() -> DocumentPage {
    let tax = TaxView {
        what: "Prepaid credit for cloud services, taken back",
        net: money("8.4"),
        tax: money("1.6"),
        gross: money("10"),
        total: "Returned",
        corrects: Some(CorrectionView {
            receipt: "R-2026-000042".into(),
            issued_on: "29 November 2026".into(),
            reason: "Refund".into(),
        }),
        ..tax()
    };
    DocumentPage { tax: Some(tax), ..page(DocumentKind::CreditNote, "C-2026-000003") }
}

fn month(vps: usize) -> Statement {
    let line = |n: usize| VpsLine {
        id: VpsId(uuid::Uuid::nil()),
        name: if n == 2 { "a-rather-long-name-of-a-server.example.com".into() } else { format!("web-{n}") },
        plan: "Medium dedicated".into(),
        region: "Frankfurt".into(),
        hour: money("0.0134"),
        month: money("9"),
        hours: 720,
        amount: money("9"),
        suspended_hours: if n == 1 { 24 } else { 0 },
        suspended_amount: if n == 1 { money("0.2616") } else { Money::ZERO },
    };
    let vps: Vec<VpsLine> = (0..vps).map(line).collect();
    let volume = ResourceLine {
        id: ResourceId(uuid::Uuid::nil()),
        kind: Product::Volume,
        name: "archive".into(),
        region: "Frankfurt".into(),
        quantity: 100,
        hour: money("0.01489"),
        month: money("10"),
        hours: 300,
        amount: money("4.467"),
        suspended_hours: 0,
        suspended_amount: Money::ZERO,
    };
    let charges = vps.iter().flat_map(|v| [v.amount, v.suspended_amount]).chain([volume.amount]);
    let charges = Money::total(charges).expect("small");
    let payment = MovementLine {
        at: ago(60_000),
        kind: "top_up".into(),
        about: Some("R-2026-000042".into()),
        amount: money("21.01"),
    };
    let opening = money("37.5242");
    Statement {
        seller: seller(),
        buyer: buyer(),
        currency: "EUR".into(),
        month: chrono::NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day"),
        opening,
        payments: payment.amount,
        credits: Money::ZERO,
        adjustments: Money::ZERO,
        returned: Money::ZERO,
        other: Money::ZERO,
        charges,
        transfer: Money::ZERO,
        closing: opening.plus(payment.amount).and_then(|m| m.minus(charges)).expect("small"),
        vps,
        resources: vec![volume],
        movements: vec![payment],
    }
}

pub(crate) fn statement(vps: usize) -> DocumentPage {
    let statement = StatementView::new(&month(vps), false);
    DocumentPage { statement: Some(statement), ..page(DocumentKind::Statement, "S-2026-000007") }
}

fn row(kind: DocumentKind, number: &str, month: Option<&str>) -> DocumentRow {
    let amount = |text| month.is_none().then(|| money(text));
    DocumentRow {
        id: ID.into(),
        title: title(kind),
        number: number.into(),
        issued_at: ago(3_000),
        net: amount("21.01"),
        tax: amount("3.99"),
        gross: amount("25"),
        month: month.map(Into::into),
        charges: month.map(|_| money("55.9821")),
        closing: month.map(|_| money("37.5242")),
    }
}

pub(super) fn add(r: &mut Renderer) {
    customers(r);
    operators(r);
}

pub(super) fn customers(r: &mut Renderer) {
    let party = PartyView::from(&buyer());
    let billing = BillingPage {
        profile: Some(party),
        vat: None,
        email: Some("books@example.com".into()),
        tax: true,
        month: "November 2026".into(),
        receipts: vec![
            row(DocumentKind::CreditNote, "C-2026-000003", None),
            row(DocumentKind::Receipt, "R-2026-000042", None),
        ],
        pages: Pages { newest: None, older: Some("/billing?before=x".into()) },
        statements: vec![row(DocumentKind::Statement, "S-2026-000007", Some("October 2026"))],
    };
    r.page("billing", "/billing", billing.clone());
    for (name, status) in [
        ("billing-vat-unchecked", VatStatus::Unchecked),
        ("billing-vat-valid", VatStatus::Valid),
        ("billing-vat-invalid", VatStatus::Invalid),
    ] {
        let at = (status != VatStatus::Unchecked).then(|| ago(60));
        r.page(name, "/billing", BillingPage { vat: Some(VatView { status, at }), ..billing.clone() });
    }
    let none = BillingPage {
        profile: None,
        receipts: vec![],
        statements: vec![],
        pages: Pages::default(),
        ..billing
    };
    r.page("billing-none", "/billing", none.clone());
    r.page("billing-none-untaxed", "/billing", BillingPage { tax: false, ..none });
    let details = DetailsPage {
        name: "Example Studio".into(),
        countries: vec![Choice::new("", "Choose a country"), Choice::new("AT", "Austria")],
        errors: errors(&[("vat_number", "This is not a VAT number of Austria.")]),
        ..DetailsPage::default()
    };
    r.page("billing-details", "/billing/details", details.clone());
    let vat = Some(VatView { status: VatStatus::Invalid, at: Some(ago(60)) });
    r.page("billing-details-vat-invalid", "/billing/details", DetailsPage { vat, ..details });
    r.page("receipt", "/billing/documents/x", receipt());
    r.page("receipt-reverse-charge", "/billing/documents/x", untaxed_receipt());
    r.page("credit-note", "/billing/documents/x", credit_note());
    r.page("statement", "/billing/documents/x", statement(4));
    r.page("statement-preview", "/billing/preview", DocumentPage::preview(&month(3)));
    let quiet = Statement { movements: vec![], ..month(0) };
    r.page("statement-preview-none", "/billing/preview", DocumentPage::preview(&quiet));
    let lines =
        TaxLines { net: money("21.01"), tax: money("3.99"), gross: money("25"), words: "19 % VAT".into() };
    r.page("tax", "/billing/tax", TaxFragment { lines: Some(lines), details_needed: false });
    r.page("tax-details-needed", "/billing/tax", TaxFragment { lines: None, details_needed: true });
}

fn operators(r: &mut Renderer) {
    let rate = |country: &str, rate: &str, in_force| RateRow {
        country: country.into(),
        rate: rate.into(),
        effective_on: "1 Jan 2026".into(),
        in_force,
    };
    let taxes = TaxesPage {
        on: true,
        seller: (&seller()).into(),
        rates: vec![
            rate("Austria", "20 %", true),
            rate("Germany", "19 %", true),
            rate("Germany", "16 %", false),
        ],
        countries: vec![Choice::new("", "Choose a country"), Choice::new("DE", "Germany")],
        country: String::new(),
        percent: "many".into(),
        effective_on: "2026-11-29".into(),
        errors: errors(&[("percent", "Not a percentage, expected for example 19 or 8.1.")]),
        months: vec![Choice::new("2026-11", "November 2026"), Choice::new("2026-10", "October 2026")],
    };
    r.page("operator-taxes", "/operator/taxes", taxes.clone());
    r.page(
        "operator-taxes-off",
        "/operator/taxes",
        TaxesPage { on: false, rates: vec![], errors: Errors::new(), ..taxes },
    );
    let documents = DocumentsPage {
        id: ID.into(),
        name: "Example Studio".into(),
        profile: Some((&buyer()).into()),
        documents: vec![
            row(DocumentKind::Statement, "S-2026-000007", Some("October 2026")),
            row(DocumentKind::Receipt, "R-2026-000042", None),
        ],
        pages: Pages::default(),
    };
    r.page("operator-documents", "/operator/organizations/x/documents", documents.clone());
    let none = DocumentsPage { profile: None, documents: vec![], ..documents };
    r.page("operator-documents-none", "/operator/organizations/x/documents", none);
    r.page("operator-receipt", "/operator/documents/x", DocumentPage { csv: None, ..receipt() });
}
