//! PDFs of sample documents.
//!
//! `SKYPANEL_PREVIEW=<folder> cargo nextest run -p web pdf` writes them to a folder, to look at.

use super::*;
use crate::samples::documents;

/// How many pages it has: objects of the type, and not of the tree of them.
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf).replace(char::is_whitespace, "");
    text.matches("/Type/Page").count() - text.matches("/Type/Pages").count()
}

fn made(name: &str, page: &DocumentPage) -> Vec<u8> {
    let pdf = render(page, "Nimbus & Söhne", &Currency::new("EUR")).expect("a PDF");
    assert!(pdf.starts_with(b"%PDF-"), "{name}");
    if let Some(folder) = std::env::var_os("SKYPANEL_PREVIEW") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.pdf")), &pdf).expect("written");
    }
    pdf
}

#[test]
fn every_kind_of_document_is_drawn() {
    for (name, page) in [
        ("receipt", documents::receipt()),
        ("receipt-untaxed", documents::untaxed_receipt()),
        ("credit-note", documents::credit_note()),
        ("statement", documents::statement(4)),
        ("statement-empty", documents::statement(0)),
    ] {
        assert_eq!(pages(&made(name, &page)), 1, "{name}");
    }
}

#[test]
fn the_same_document_is_the_same_pdf() {
    let page = documents::receipt();
    assert_eq!(made("receipt", &page), made("receipt", &page));
}

#[test]
fn a_statement_of_a_thousand_vps_goes_over_pages() {
    let pdf = made("statement-1000", &documents::statement(1_000));
    assert!(pages(&pdf) > 20, "{}", pages(&pdf));
}

#[test]
fn what_does_not_fit_is_cut_and_never_panics() {
    let mut page = documents::receipt();
    page.buyer.name = "Wörterbuch ".repeat(40);
    page.buyer.lines = vec!["x".repeat(400), "東京都".repeat(30), String::new()];
    if let Some(tax) = &mut page.tax {
        tax.note = Some("sehrlangeswort".repeat(40));
    }
    made("receipt-long", &page);
}
