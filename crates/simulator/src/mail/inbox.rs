//! `/_sim/mail`: the inbox as pages for people and as JSON for tests.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::{MailHost, SimMail};

const STYLE: &str = include_str!("inbox.css");

/// The routes, the same on each HTTP port.
pub(crate) fn router(host: Arc<MailHost>) -> Router {
    Router::new()
        .route("/_sim/mail", get(list))
        .route("/_sim/mail/messages", get(messages).delete(clear))
        .route("/_sim/mail/{id}", get(show))
        .with_state(host)
}

async fn messages(State(host): State<Arc<MailHost>>) -> Json<Vec<SimMail>> {
    Json(host.mails())
}

async fn clear(State(host): State<Arc<MailHost>>) -> StatusCode {
    host.taken().mails.clear();
    host.core.changes.mark();
    StatusCode::NO_CONTENT
}

async fn list(State(host): State<Arc<MailHost>>) -> Response {
    let rows: String = host.mails().iter().rev().map(row).collect();
    let list = match rows.as_str() {
        "" => "<p class=\"empty\">No mail yet. Sign up in the panel, and the welcome mail arrives here.</p>"
            .to_owned(),
        rows => format!("<ul>{rows}</ul>"),
    };
    // Looks again by itself: mail comes while one waits.
    page("Inbox", "<meta http-equiv=\"refresh\" content=\"5\">", &format!("<h1>Inbox</h1>{list}"))
}

fn row(mail: &SimMail) -> String {
    format!(
        "<li><a href=\"/_sim/mail/{}\"><b>{}</b><span>to {}</span><time>{}</time></a></li>",
        mail.id,
        escaped(&mail.subject),
        escaped(&mail.to),
        mail.at.format("%H:%M:%S"),
    )
}

async fn show(State(host): State<Arc<MailHost>>, Path(id): Path<u64>) -> Response {
    let Some(mail) = host.find(id) else { return StatusCode::NOT_FOUND.into_response() };
    let facts: String = [("From", &mail.from), ("To", &mail.to), ("Message-ID", &mail.message_id)]
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value)))
        .collect();
    // Runs no script and sends no form; links open in a window of their own.
    let html = format!(
        "<iframe title=\"HTML part\" sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\"{}\"></iframe>",
        escaped(&format!("<base target=\"_blank\">{}", mail.html)),
    );
    let body = format!(
        "<p><a href=\"/_sim/mail\">Inbox</a></p><h1>{}</h1><dl>{facts}</dl>{html}<h2>Text part</h2><pre>{}</pre>",
        escaped(&mail.subject),
        escaped(&mail.text),
    );
    page(&mail.subject, "", &body)
}

fn page(title: &str, head: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>{head}\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><style>{STYLE}</style></head>\
         <body><p class=\"note\">Simulated mail host: nothing here is ever delivered.</p><main>{body}</main></body></html>",
        escaped(title),
    );
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; frame-src 'self'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
