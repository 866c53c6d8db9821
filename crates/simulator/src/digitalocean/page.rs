//! Lists: 20 a page, at most 200, with links that carry the host the client used.

use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use crate::core::service::{Call, Reply};

const PER_PAGE: usize = 20;
const MAX_PER_PAGE: usize = 200;

/// Answers `{name: [...], "links": {...}, "meta": {"total"}}`. Past the end the list is empty.
pub(super) fn list(call: &Call, name: &str, items: Vec<Value>) -> Reply {
    let number = |key: &str| call.query(key).and_then(|text| text.parse::<usize>().ok()).filter(|n| *n > 0);
    let per_page = number("per_page").unwrap_or(PER_PAGE).min(MAX_PER_PAGE);
    let page = number("page").unwrap_or(1);
    let total = items.len();
    let last = total.div_ceil(per_page).max(1);
    let mut pages = Map::new();
    let mut link = |rel: &str, page: usize| {
        pages.insert(rel.to_owned(), url(call, page).into());
    };
    if page > 1 {
        link("first", 1);
        link("prev", (page - 1).min(last));
    }
    if page < last {
        link("next", page + 1);
        link("last", last);
    }
    let links = if pages.is_empty() { json!({}) } else { json!({ "pages": pages }) };
    let shown: Vec<Value> =
        items.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    Reply::ok(json!({ name: shown, "links": links, "meta": { "total": total } }))
}

/// The address of another page of the same list.
fn url(call: &Call, page: usize) -> String {
    let kept = call.query.iter().filter(|(key, _)| key != "page");
    let query =
        Serializer::new(String::new()).extend_pairs(kept).append_pair("page", &page.to_string()).finish();
    format!("{}{}?{query}", call.origin(), call.path)
}
