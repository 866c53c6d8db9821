//! Mails from templates: strict about what is missing, escaping in HTML and nowhere else.

use std::sync::LazyLock;

use domain::notify::mail::one_line;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::Content;
use crate::Settings;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../templates/mail/", $name)))),+]
    };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "layout.html",
    "layout.txt",
    "welcome.subject.txt",
    "welcome.txt",
    "welcome.html",
    "confirm.subject.txt",
    "confirm.txt",
    "confirm.html",
    "receipt.subject.txt",
    "receipt.txt",
    "receipt.html",
    "credit_note.subject.txt",
    "credit_note.txt",
    "credit_note.html",
    "runway.subject.txt",
    "runway.txt",
    "runway.html",
    "suspended.subject.txt",
    "suspended.txt",
    "suspended.html",
    "destruction.subject.txt",
    "destruction.txt",
    "destruction.html",
    "destroyed.subject.txt",
    "destroyed.txt",
    "destroyed.html",
    "credit_expiring.subject.txt",
    "credit_expiring.txt",
    "credit_expiring.html",
    "refund.subject.txt",
    "refund.txt",
    "refund.html",
    "dispute.subject.txt",
    "dispute.txt",
    "dispute.html",
    "auto_top_up.subject.txt",
    "auto_top_up.txt",
    "auto_top_up.html",
    "vat_number.subject.txt",
    "vat_number.txt",
    "vat_number.html",
    "alarm.subject.txt",
    "alarm.txt",
    "alarm.html",
    "price_change.subject.txt",
    "price_change.txt",
    "price_change.html",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    for (name, source) in TEMPLATES {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(%error, name, "a mail template cannot be read");
        }
    }
    environment
});

/// A mail in words.
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

#[derive(Serialize)]
struct Brand<'a> {
    name: &'a str,
    logo: Option<&'a str>,
    /// Without a slash at the end: paths follow.
    url: &'a str,
}

/// Fills the templates of a content.
pub(super) fn render(settings: &Settings, content: &Content) -> Result<Rendered, Error> {
    let brand = Brand {
        name: &settings.company_name,
        logo: settings.company_logo.as_deref(),
        url: settings.public_url.as_str().trim_end_matches('/'),
    };
    let part = |ending: &str| -> Result<String, Error> {
        let context = context! { brand => Value::from(Serde(&brand)), mail => Value::from(Serde(content)) };
        ENVIRONMENT.get_template(&format!("{}.{ending}", content.kind()))?.render(context)
    };
    Ok(Rendered { subject: one_line(&part("subject.txt")?), text: part("txt")?, html: part("html")? })
}

#[cfg(test)]
mod tests;
