//! The router and the document, as a whole.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ROOT, resources};

fn document() -> Value {
    serde_json::to_value(resources().1).expect("the document is JSON")
}

/// `(method, path, operation)` of everything in the document.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    let of_path = |(path, item): (String, Value)| {
        let item = item.as_object().cloned().unwrap_or_default();
        item.into_iter().map(move |(method, operation)| (method, path.clone(), operation))
    };
    paths.into_iter().flat_map(of_path).collect()
}

#[test]
fn the_document_is_as_reviewed() {
    insta::assert_json_snapshot!("openapi", document());
}

/// Axum lists its paths only in `Debug`; a route added past the document shows there.
#[test]
fn every_route_is_documented_and_every_documented_path_is_routed() {
    let (router, document) = resources();
    let shown = format!("{router:?}");
    let below = format!("{ROOT}/");
    let routed: BTreeSet<&str> = shown.split('"').filter(|text| text.starts_with(&below)).collect();
    let documented: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
    assert!(routed.len() > 10, "{shown}");
    assert_eq!(routed, documented);
}

#[test]
fn every_operation_is_told_in_full() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().map(str::to_owned)), "{name}: id used twice");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty() && !summary.ends_with('.'), "{name}: {summary}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}: tags");
        assert_eq!(operation["security"].as_array().map(Vec::len), Some(2), "{name}: security");
        let answers = operation["responses"].as_object().cloned().unwrap_or_default();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{name}: no success");
        let needs = [
            ("401", true),
            ("429", true),
            ("403", path != "/api/v1/me"),
            ("404", path.contains('{')),
            ("400", operation["requestBody"].is_object()),
            ("422", operation["requestBody"].is_object()),
        ];
        for (status, needed) in needs {
            assert!(!needed || answers.contains_key(status), "{name}: {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn the_document_tells_nothing_of_what_is_behind() {
    let text = document().to_string().to_lowercase();
    let vendors = domain::provider::ProviderKind::ALL.iter().flat_map(|k| [k.as_str(), k.label()]);
    for word in vendors
        .map(str::to_lowercase)
        .chain(["droplet", "markup", "provider", "upstream", "sell_"].map(str::to_owned))
    {
        assert!(!text.contains(&word), "the document says {word}");
    }
}
