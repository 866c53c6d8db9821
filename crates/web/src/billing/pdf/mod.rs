//! Documents as PDFs: A4, text that can be selected, the same words as the page.

mod canvas;

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use domain::Money;
use store::billing::document::Document;

use self::canvas::{Canvas, LEFT, RIGHT, Style};
use super::view::{DocumentPage, PartyView, StatementView, TaxView};
use crate::WebState;
use crate::currency::Currency;
use crate::format;

/// PDFs made at once in one process: each takes a core.
pub(crate) const AT_ONCE: usize = 2;

/// A document as a PDF. Made from what was read before, on a thread of its own: no transaction is open, and other
/// requests go on.
pub(crate) async fn answer(state: &WebState, document: &Document) -> app::Result<Response> {
    let page = DocumentPage::new(document);
    let name = document.number.to_string();
    let brand = state.app.settings().company_name.clone();
    let currency = state.currency.clone();
    let permit = state.pdfs.clone().acquire_owned().await.map_err(app::Error::internal)?;
    let made = tokio::task::spawn_blocking(move || {
        let made = render(&page, &brand, &currency);
        drop(permit);
        made
    });
    let bytes = made.await.map_err(app::Error::internal)?.map_err(app::Error::internal)?;
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}.pdf\"")),
    ];
    Ok((headers, bytes).into_response())
}

/// Draws a document.
pub(crate) fn render(
    page: &DocumentPage,
    brand: &str,
    currency: &Currency,
) -> Result<Vec<u8>, canvas::Failed> {
    let title = page.number.as_ref().map_or_else(|| page.title.to_owned(), |n| format!("{} {n}", page.title));
    let mut canvas = Canvas::new(title, brand)?;
    head(&mut canvas, page, brand);
    if let Some(tax) = &page.tax {
        tax_document(&mut canvas, page, tax, currency);
    }
    if let Some(statement) = &page.statement {
        self::statement(&mut canvas, statement, currency);
    }
    canvas.finish()
}

fn head(canvas: &mut Canvas, page: &DocumentPage, brand: &str) {
    canvas.text(LEFT, Style::BRAND, brand);
    canvas.text_right(RIGHT, Style::TITLE, page.title);
    canvas.down(17.0);
    if let Some(number) = &page.number {
        canvas.text_right(RIGHT, Style::BODY, &format!("No. {number}"));
    }
    canvas.down(14.0);
    if let Some(on) = &page.issued_on {
        canvas.text_right(RIGHT, Style::SOFT, on);
    }
    canvas.down(40.0);
    let top = canvas.y();
    let after_seller = party(canvas, LEFT, "From", &page.seller);
    canvas.move_to(top);
    let after_buyer = party(canvas, LEFT + 260.0, "To", &page.buyer);
    canvas.move_to(after_seller.max(after_buyer) + 24.0);
}

/// A name and what stands below it; answers where it ends.
fn party(canvas: &mut Canvas, x: f32, label: &str, party: &PartyView) -> f32 {
    canvas.text(x, Style::LABEL, label);
    canvas.down(15.0);
    canvas.fitted(x, 240.0, Style::STRONG, &party.name);
    for line in &party.lines {
        canvas.down(13.5);
        canvas.fitted(x, 240.0, Style::BODY, line);
    }
    if let Some(number) = &party.vat_number {
        canvas.down(13.5);
        canvas.fitted(x, 240.0, Style::SOFT, &format!("VAT number {number}"));
    }
    canvas.down(13.5);
    canvas.y()
}

fn tax_document(canvas: &mut Canvas, page: &DocumentPage, tax: &TaxView, currency: &Currency) {
    if let Some(corrects) = &tax.corrects {
        let text = format!(
            "Corrects the receipt {} of {}. {}",
            corrects.receipt, corrects.issued_on, corrects.reason
        );
        canvas.wrapped(LEFT, RIGHT - LEFT, Style::BODY, &text);
        canvas.down(24.0);
    }
    canvas.text(LEFT, Style::LABEL, "Description");
    canvas.text_right(RIGHT, Style::LABEL, "Amount");
    canvas.down(7.0);
    canvas.line();
    canvas.down(17.0);
    let row = |canvas: &mut Canvas, style: Style, label: &str, amount: Money| {
        canvas.text(LEFT, style, label);
        canvas.text_right(RIGHT, style, &format::money(currency, amount));
        canvas.down(20.0);
    };
    row(canvas, Style::BODY, tax.what, tax.net);
    if let Some(rate) = &tax.rate {
        row(canvas, Style::BODY, &format!("VAT {rate}"), tax.tax);
    }
    canvas.up(8.0);
    canvas.line();
    canvas.down(18.0);
    row(canvas, Style::STRONG, tax.total, tax.gross);
    canvas.down(16.0);
    let date = page.issued_on.as_deref().unwrap_or_default();
    for (label, value) in
        [("Date of supply and payment", date), ("Payment", &tax.payment), ("Currency", &tax.currency)]
    {
        canvas.text(LEFT, Style::SOFT, label);
        canvas.fitted(LEFT + 150.0, RIGHT - LEFT - 150.0, Style::BODY, value);
        canvas.down(15.0);
    }
    if let Some(note) = &tax.note {
        canvas.down(14.0);
        canvas.wrapped(LEFT, RIGHT - LEFT, Style::BODY, note);
    }
}

fn statement(canvas: &mut Canvas, statement: &StatementView, currency: &Currency) {
    let exact = |amount| format::exact(currency, amount);
    heading(canvas, &format!("{}, in {}", statement.month, statement.currency));
    for line in &statement.summary {
        let style = if line.balance { Style::STRONG } else { Style::BODY };
        canvas.text(LEFT, style, line.label);
        canvas.text_right(RIGHT, style, &exact(line.amount));
        canvas.down(17.0);
    }
    if !statement.movements.is_empty() {
        canvas.down(18.0);
        heading(canvas, "Payments and other movements");
        for line in &statement.movements {
            canvas.row(16.0, |_| {});
            canvas.text(LEFT, Style::SOFT, &line.on);
            canvas.text(LEFT + 80.0, Style::BODY, line.title);
            canvas.fitted(LEFT + 240.0, 160.0, Style::SOFT, line.about.as_deref().unwrap_or_default());
            canvas.text_right(RIGHT, Style::BODY, &exact(line.amount));
            canvas.down(16.0);
        }
    }
    if !statement.hours.is_empty() {
        canvas.down(18.0);
        hours(canvas, statement, currency);
    }
    canvas.down(14.0);
    canvas.row(14.0, |_| {});
    canvas.text(
        LEFT,
        Style::SOFT,
        "For information. Not a tax document: tax is on the receipts of your payments.",
    );
}

fn heading(canvas: &mut Canvas, text: &str) {
    canvas.row(60.0, |_| {});
    canvas.text(LEFT, Style::STRONG, text);
    canvas.down(7.0);
    canvas.line();
    canvas.down(17.0);
}

const REGION: f32 = LEFT + 190.0;
const PRICE: f32 = LEFT + 385.0;
const HOURS: f32 = LEFT + 430.0;

fn hours(canvas: &mut Canvas, statement: &StatementView, currency: &Currency) {
    let head = |canvas: &mut Canvas| {
        canvas.text(LEFT, Style::LABEL, "Name");
        canvas.text(REGION, Style::LABEL, "Plan and region");
        canvas.text_right(PRICE, Style::LABEL, "Per hour");
        canvas.text_right(HOURS, Style::LABEL, "Hours");
        canvas.text_right(RIGHT, Style::LABEL, "Amount");
        canvas.down(7.0);
        canvas.line();
        canvas.down(16.0);
    };
    canvas.row(60.0, |_| {});
    head(canvas);
    for line in &statement.hours {
        canvas.row(15.0, head);
        canvas.fitted(LEFT, 180.0, Style::BODY, &line.name);
        canvas.fitted(REGION, 135.0, Style::SOFT, &format!("{}, {}", line.what, line.region));
        canvas.text_right(PRICE, Style::SOFT, &format::exact(currency, line.hour));
        canvas.text_right(HOURS, Style::BODY, &line.hours.to_string());
        canvas.text_right(RIGHT, Style::BODY, &format::exact(currency, line.amount));
        canvas.down(15.0);
        if line.suspended_hours > 0 {
            canvas.row(13.0, head);
            let of_it = format!("{} of these hours while suspended", line.suspended_hours);
            canvas.text(LEFT + 8.0, Style::SOFT, &of_it);
            canvas.down(14.0);
        }
    }
}

#[cfg(test)]
mod tests;
