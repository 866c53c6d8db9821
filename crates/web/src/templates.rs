//! The template engine: embedded templates, strict about what is missing, with the filters that
//! write money, times and sizes.

use chrono::{DateTime, Utc};
use domain::Money;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, TemplateSource, UndefinedBehavior, Value, context};
use serde::Serialize;

use crate::currency::Currency;
use crate::frame::Frame;
use crate::{assets, format};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/templates"]
struct Files;

/// What a page shows. The type is the contract with its template: templates see these fields and
/// the frame, and nothing else.
pub(crate) trait Page: Serialize {
    /// The template's file.
    const TEMPLATE: &'static str;
}

/// The templates with the installation's currency.
pub(crate) struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Reads templates when they are first used.
    pub(crate) fn new(currency: &Currency) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_loader(|name| {
            let file = Files::get(name);
            Ok::<_, Error>(file.map(|f| TemplateSource::new(String::from_utf8_lossy(&f.data).into_owned())))
        });
        environment.add_function("icon", icon);
        environment.add_function("asset", |name: &str| Value::from_safe_string(assets::url(name)));
        environment.add_filter("memory", format::memory);
        environment.add_filter("traffic", format::traffic);
        environment.add_filter("gigabytes", format::gigabytes);
        environment.add_filter("hours", format::hours);
        environment.add_filter("when", |at: &str| time(at, "time", format::date_time));
        environment.add_filter("utc", |at: &str| time(at, "utc", format::date_time));
        environment.add_filter("day", |at: &str| time(at, "day", format::day));
        environment.add_filter("ago", |at: &str| time(at, "ago", |at| format::ago(at, Utc::now())));
        let mut add = |name: &'static str, write: fn(&Currency, Money) -> String| {
            let currency = currency.clone();
            environment.add_filter(name, move |micros: i64| write(&currency, Money::from_micros(micros)));
        };
        add("money", format::money);
        add("exact", format::exact);
        add("change", format::change);
        add("short_change", format::short_change);
        add("rate", format::rate);
        Self { environment }
    }

    /// A page in its frame.
    pub(crate) fn render<P: Page>(&self, frame: &Frame, page: &P) -> Result<String, Error> {
        let context = context! { frame => Value::from(Serde(frame)), page => Value::from(Serde(page)) };
        self.environment.get_template(P::TEMPLATE)?.render(context)
    }
}

/// An icon as inline SVG. It is decoration: the word beside it, or the button's label, speaks.
fn icon(name: &str, class: Option<&str>) -> Result<Value, Error> {
    let shapes = assets::icon(name).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("icon {name} is not listed in assets/icons.json"))
    })?;
    Ok(Value::from_safe_string(format!(
        r#"<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{shapes}</svg>"#,
        class.unwrap_or_default(),
    )))
}

/// A `<time>` with the machine-readable time and UTC on hover.
fn time(at: &str, form: &str, write: impl Fn(DateTime<Utc>) -> String) -> Result<Value, Error> {
    let parsed = DateTime::parse_from_rfc3339(at)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "not an RFC 3339 time"))?
        .with_timezone(&Utc);
    Ok(Value::from_safe_string(format!(
        r#"<time datetime="{}" data-form="{form}" title="{}">{}</time>"#,
        parsed.format("%Y-%m-%dT%H:%M:%SZ"),
        parsed.format("%-d %b %Y, %H:%M:%S UTC"),
        write(parsed),
    )))
}

/// Every template's name and text.
#[cfg(test)]
pub(crate) fn sources() -> Vec<(String, String)> {
    let read = |name: std::borrow::Cow<'static, str>| {
        let text = Files::get(&name).map(|file| String::from_utf8_lossy(&file.data).into_owned());
        (name.into_owned(), text.unwrap_or_default())
    };
    Files::iter().map(read).collect()
}
