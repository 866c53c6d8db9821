//! Lists: filtered by `X-Filter`, cut into pages of 25 to 500.

use serde_json::{Value, json};

use super::errors;
use super::filter::Filter;
use crate::core::service::{Call, Reply};

/// Answers a list of objects of which `filterable` names the fields a filter may use.
pub(super) fn list(call: &Call, mut items: Vec<Value>, filterable: &[&str]) -> Result<Reply, Reply> {
    let page_size = number(call, "page_size", 100, 25, 500, "Must be 25-500")?;
    let page = number(call, "page", 1, 1, usize::MAX, "Must be a positive integer")?;
    if let Some(header) = call.headers.get("x-filter") {
        Filter::parse(header.to_str().unwrap_or_default(), filterable)?.apply(&mut items);
    }
    let results = items.len();
    let pages = results.div_ceil(page_size).max(1);
    if page > pages {
        return Err(errors::not_found());
    }
    let data: Vec<Value> = items.into_iter().skip((page - 1) * page_size).take(page_size).collect();
    Ok(Reply::ok(json!({ "data": data, "page": page, "pages": pages, "results": results })))
}

fn number(
    call: &Call,
    name: &str,
    default: usize,
    min: usize,
    max: usize,
    reason: &str,
) -> Result<usize, Reply> {
    match call.query(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| errors::field(name, reason)),
    }
}
