//! The page where the payer approves. Its path is the one PayPal's own links have.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::books::Books;
use super::order::{Instrument, Order};
use super::{Paypal, text};

const STYLE: &str = include_str!("checkout.css");

/// The page and the forms on it.
pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/checkoutnow", get(show))
        .route("/checkoutnow/approve", post(approve))
        .route("/checkoutnow/cancel", post(cancel))
}

#[derive(Deserialize)]
struct Checkout {
    token: String,
}

#[derive(Deserialize)]
struct Approve {
    token: String,
    #[serde(default)]
    instrument: Choice,
}

#[derive(Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    #[default]
    Balance,
    ECheck,
    Declined,
}

impl From<Choice> for Instrument {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Balance => Self::Balance,
            Choice::ECheck => Self::ECheck,
            Choice::Declined => Self::Declined,
        }
    }
}

/// Browsers see the page. A client that does not ask for HTML has nobody to press a button: it approves.
async fn show(
    State(paypal): State<Arc<Paypal>>,
    Query(checkout): Query<Checkout>,
    headers: HeaderMap,
) -> Response {
    if !text(&headers, "accept").is_some_and(|accept| accept.contains("text/html")) {
        return finish(&paypal, &checkout.token, Some(Instrument::Balance));
    }
    let now = paypal.now();
    match find(&paypal.books(), &checkout.token, now) {
        Some(order) if order.awaits_payer() => Html(payment_page(order)).into_response(),
        Some(order) => Html(done_page(order, true)).into_response(),
        None => gone(),
    }
}

async fn approve(State(paypal): State<Arc<Paypal>>, Form(form): Form<Approve>) -> Response {
    finish(&paypal, &form.token, Some(form.instrument.into()))
}

async fn cancel(State(paypal): State<Arc<Paypal>>, Form(form): Form<Checkout>) -> Response {
    finish(&paypal, &form.token, None)
}

/// Takes the payer's decision (no instrument: cancelled) and sends the payer back to the merchant. Pressing a
/// button again after the approval changes nothing.
fn finish(paypal: &Paypal, id: &str, decision: Option<Instrument>) -> Response {
    let now = paypal.now();
    let mut books = paypal.books();
    let Some(order) = find(&books, id, now) else { return gone() };
    if let Some(instrument) = decision.filter(|_| order.awaits_payer()) {
        books.approve(id, instrument, now);
    }
    let Some(order) = find(&books, id, now) else { return gone() };
    match order.back(decision.is_some()) {
        Some(url) => (StatusCode::FOUND, [(header::LOCATION, url.to_string())]).into_response(),
        None => Html(done_page(order, decision.is_some())).into_response(),
    }
}

fn find<'b>(books: &'b Books, id: &str, now: DateTime<Utc>) -> Option<&'b Order> {
    books.records.orders.get(id).filter(|order| !order.is_expired(now))
}

fn brand(order: &Order) -> String {
    escape(order.request.experience.brand.as_deref().unwrap_or(&order.account))
}

fn payment_page(order: &Order) -> String {
    let (brand, total, id) = (brand(order), order.total(), escape(&order.id));
    let (value, currency) = (total.value(), escape(&total.currency));
    let reference = order
        .request
        .units
        .first()
        .and_then(|unit| unit.text("invoice_id"))
        .map_or_else(String::new, |invoice| {
            format!("<div><dt>Reference</dt><dd>{}</dd></div>", escape(invoice))
        });
    let content = format!(
        r#"<h1>Pay {brand}</h1>
<p class="amount">{value} <small>{currency}</small></p>
<dl>
<div><dt>Payer</dt><dd>Pat Payer</dd></div>
<div><dt>Order</dt><dd>{id}</dd></div>
{reference}
</dl>
<form method="post" action="/checkoutnow/approve">
<input type="hidden" name="token" value="{id}">
<button class="pay" name="instrument" value="balance">Approve</button>
<button name="instrument" value="e_check">Approve with an e&#8209;check (stays pending)</button>
<button name="instrument" value="declined">Approve with a card that is declined</button>
</form>
<form method="post" action="/checkoutnow/cancel">
<input type="hidden" name="token" value="{id}">
<button>Cancel</button>
</form>"#
    );
    page(&format!("Pay {brand}"), &content)
}

fn done_page(order: &Order, approved: bool) -> String {
    let brand = brand(order);
    let message = if approved { "You have approved this payment." } else { "Nothing will be charged." };
    let back = order.back(approved).map_or_else(
        || "<p>You can close this window.</p>".to_owned(),
        |url| format!(r#"<a class="button" href="{}">Back to {brand}</a>"#, escape(url.as_str())),
    );
    page(&brand, &format!("<h1>{brand}</h1>\n<p>{message}</p>\n{back}"))
}

pub(super) fn gone() -> Response {
    let content = "<h1>This payment is not available</h1>\n\
                   <p>It is unknown or was not approved in time. Go back to the shop and start again.</p>";
    (StatusCode::NOT_FOUND, Html(page("Payment not available", content))).into_response()
}

pub(super) fn page(title: &str, content: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – simulated PayPal</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<p class="name">PayPal <span class="badge">simulated</span></p>
{content}
<p class="note">This is a simulation. No money moves.</p>
</main>
</body>
</html>
"#
    )
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_of_merchants_cannot_become_markup() {
        assert_eq!(escape("<b a=\"1\">&'"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;");
    }
}
