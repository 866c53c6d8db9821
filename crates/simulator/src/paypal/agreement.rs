//! The page where the payer lets a merchant charge without asking again.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::checkout::{escape, gone, page};
use super::vault::SetupToken;
use super::{Paypal, text};

/// The page and the forms on it.
pub(super) fn router() -> Router<Arc<Paypal>> {
    Router::new()
        .route("/agreements/approve", get(show).post(approve))
        .route("/agreements/cancel", post(cancel))
}

#[derive(Deserialize)]
struct Agreement {
    approval_session_id: String,
}

/// Browsers see the page. A client that does not ask for HTML has nobody to press a button: it approves.
async fn show(
    State(paypal): State<Arc<Paypal>>,
    Query(agreement): Query<Agreement>,
    headers: HeaderMap,
) -> Response {
    let id = &agreement.approval_session_id;
    if !text(&headers, "accept").is_some_and(|accept| accept.contains("text/html")) {
        return finish(&paypal, id, true);
    }
    let now = paypal.now();
    match paypal.books().records.setup_tokens.get(id).filter(|token| !token.is_expired(now)) {
        Some(token) => Html(agreement_page(token)).into_response(),
        None => gone(),
    }
}

async fn approve(State(paypal): State<Arc<Paypal>>, Form(agreement): Form<Agreement>) -> Response {
    finish(&paypal, &agreement.approval_session_id, true)
}

async fn cancel(State(paypal): State<Arc<Paypal>>, Form(agreement): Form<Agreement>) -> Response {
    finish(&paypal, &agreement.approval_session_id, false)
}

/// Takes the payer's decision and sends the payer back to the merchant.
fn finish(paypal: &Paypal, id: &str, agrees: bool) -> Response {
    let now = paypal.now();
    let mut books = paypal.books();
    if agrees {
        books.agree(id, now);
    }
    let token = books.records.setup_tokens.get(id).filter(|token| !token.is_expired(now));
    let Some(token) = token else { return gone() };
    match token.back(agrees) {
        Some(url) => (StatusCode::FOUND, [(header::LOCATION, url.to_string())]).into_response(),
        None => {
            let message = if agrees { "You have agreed." } else { "Nothing will be charged." };
            let content =
                format!("<h1>{}</h1>\n<p>{message}</p>\n<p>You can close this window.</p>", brand(token));
            Html(page("Agreement", &content)).into_response()
        }
    }
}

fn brand(token: &SetupToken) -> String {
    escape(token.experience.brand.as_deref().unwrap_or(&token.account))
}

fn agreement_page(token: &SetupToken) -> String {
    let (brand, id) = (brand(token), escape(&token.id));
    let content = format!(
        r#"<h1>Let {brand} charge you</h1>
<p>{brand} may take payments from your account without asking each time. You can take this back at any time.</p>
<dl>
<div><dt>Payer</dt><dd>Pat Payer</dd></div>
</dl>
<form method="post" action="/agreements/approve">
<input type="hidden" name="approval_session_id" value="{id}">
<button class="pay">Agree</button>
</form>
<form method="post" action="/agreements/cancel">
<input type="hidden" name="approval_session_id" value="{id}">
<button>Cancel</button>
</form>"#
    );
    page(&format!("Let {brand} charge you"), &content)
}
