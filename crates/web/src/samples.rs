//! Every page with sample content, rendered strictly; and the rules all pages keep.
//!
//! `SKYPANEL_PREVIEW=<folder> cargo nextest run -p web pages_render` writes the pages to a folder,
//! to look at them without a database.

mod customer;
pub(crate) mod documents;
mod operator;

use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use domain::Money;
use domain::identity::Permission;

use crate::currency::Currency;
use crate::frame::{self, Balance, BrandView, Frame, Theme, Toast, UserView};
use crate::templates::{Page, Templates};
use crate::view::Errors;
use crate::wallet::view::Runway;

/// A rendered sample.
struct Sample {
    name: &'static str,
    html: String,
}

struct Renderer {
    templates: Templates,
    samples: Vec<Sample>,
}

impl Renderer {
    fn page<P: Page>(&mut self, name: &'static str, path: &str, page: P) {
        self.with_frame(name, &signed_in(path), page);
    }

    #[expect(clippy::needless_pass_by_value, reason = "samples are made for this call")]
    fn with_frame<P: Page>(&mut self, name: &'static str, frame: &Frame, page: P) {
        let html = self.templates.render(frame, &page).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        self.samples.push(Sample { name, html });
    }
}

fn render(add: fn(&mut Renderer)) -> Vec<Sample> {
    let mut renderer = Renderer { templates: Templates::new(&Currency::new("USD")), samples: Vec::new() };
    add(&mut renderer);
    renderer.samples
}

fn money(text: &str) -> Money {
    text.parse().expect("sample amounts are valid")
}

fn ago(minutes: i64) -> DateTime<Utc> {
    Utc::now() - Duration::minutes(minutes)
}

fn errors(of: &[(&str, &str)]) -> Errors {
    of.iter().map(|(field, message)| ((*field).to_owned(), (*message).to_owned())).collect()
}

fn signed_in(path: &str) -> Frame {
    let operator = path.starts_with("/operator");
    let runway = Runway::new(money("37.52"), money("0.0482"), Utc::now());
    let nav = frame::navigation(|_| true, operator, path);
    Frame {
        brand: BrandView::new("Nimbus Hosting", None),
        theme: Theme::System,
        toast: None,
        user: Some(UserView {
            name: "Ann Example".into(),
            email: "ann@example.com".into(),
            organization: "Example Studio".into(),
        }),
        can: Permission::ALL.iter().map(|p| p.as_str()).collect(),
        tabs: frame::tabs(&nav),
        nav,
        shortcuts: frame::shortcuts(|_| true),
        balance: (!operator).then(|| Balance::new(money("37.52"), &runway)),
        unconfirmed: path == "/",
        events: Some("/events?after=1-1".into()),
    }
}

fn signed_out() -> Frame {
    Frame { user: None, balance: None, events: None, nav: vec![], tabs: vec![], ..signed_in("/sign-in") }
}

fn toasted(path: &str, text: &'static str) -> Frame {
    Frame { toast: Some(Toast { tone: "good", text }), ..signed_in(path) }
}

#[test]
fn pages_render() {
    let samples: Vec<Sample> = render(customer::add)
        .into_iter()
        .chain(render(documents::add))
        .chain(render(operator::add))
        .collect();
    assert!(samples.iter().all(|s| !s.html.contains("none</") && s.html.ends_with("</html>")
        || ["balance", "tax", "tax-details-needed"].contains(&s.name)));
    if let Some(folder) = std::env::var_os("SKYPANEL_PREVIEW") {
        write(Path::new(&folder), &samples).expect("the preview folder can be written");
    }
}

fn write(folder: &Path, samples: &[Sample]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for sample in samples {
        std::fs::write(folder.join(format!("{}.html", sample.name)), &sample.html)?;
    }
    Ok(())
}

#[test]
fn customers_never_read_a_vendors_name_or_our_cost() {
    let vendors = domain::provider::ProviderKind::ALL.iter().flat_map(|k| [k.as_str(), k.label()]);
    let words: Vec<String> = vendors
        .map(str::to_lowercase)
        .chain(["droplet", "akamai", "markup", "provider", "upstream"].map(str::to_owned))
        .collect();
    for sample in render(customer::add).into_iter().chain(render(documents::customers)) {
        let text = sample.html.to_lowercase();
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} says {word}", sample.name);
        }
    }
}

#[test]
fn no_template_names_a_vendor() {
    let names = domain::provider::ProviderKind::ALL.iter().flat_map(|kind| [kind.as_str(), kind.label()]);
    let names: Vec<String> = names.map(str::to_lowercase).collect();
    for (file, text) in crate::templates::sources() {
        let text = text.to_lowercase();
        assert!(names.iter().all(|name| !text.contains(name)), "{file}: names come from data");
    }
}

#[test]
fn what_people_type_is_text_and_never_markup() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'";
    let templates = Templates::new(&Currency::new("USD"));
    let page = crate::identity::view::SignUpPage {
        name: HOSTILE.into(),
        organization: HOSTILE.into(),
        errors: errors(&[("form", HOSTILE), ("email", HOSTILE)]),
        ..Default::default()
    };
    let html = templates.render(&signed_out(), &page).expect("renders");
    assert!(!html.contains("<script>alert"), "unescaped");
    assert!(html.matches("&lt;script&gt;alert").count() >= 4);
}

#[test]
fn attributes_are_quoted_by_quotes() {
    for sample in render(customer::add).into_iter().chain(render(documents::add)).chain(render(operator::add))
    {
        assert!(
            !sample.html.contains("=&quot;"),
            "{} has an attribute that was escaped as text",
            sample.name
        );
    }
}

/// The content security policy allows none of them.
#[test]
fn pages_carry_no_inline_script_or_style() {
    for sample in render(customer::add).into_iter().chain(render(documents::add)).chain(render(operator::add))
    {
        for word in [" style=", "<style", "javascript:", " onclick=", " onload=", " hx-on", "<script>"] {
            assert!(!sample.html.contains(word), "{} has {word}", sample.name);
        }
    }
}

#[test]
fn every_control_has_a_name_for_screen_readers_and_every_id_is_unique() {
    for sample in render(customer::add).into_iter().chain(render(documents::add)).chain(render(operator::add))
    {
        let mut ids: Vec<&str> =
            sample.html.split(" id=\"").skip(1).filter_map(|s| s.split('"').next()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{}: an id is used twice", sample.name);
        for label in sample.html.split("<label for=\"").skip(1).filter_map(|s| s.split('"').next()) {
            assert!(ids.contains(&label), "{}: label for missing {label}", sample.name);
        }
    }
}
