//! An example of each operation for a shell, as it stands: `$PANEL` is the panel's address, `$API_KEY`
//! a key, and `$VPS_ID` and the like are ids from other answers.

use serde_json::{Map, Value};

use super::reference::resolve;

/// The command.
pub(super) fn curl(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let mut lines = vec![match method {
        "get" => format!("curl \"$PANEL{}\"", with_ids(path)),
        _ => format!("curl -X {} \"$PANEL{}\"", method.to_uppercase(), with_ids(path)),
    }];
    lines.push("-H \"Authorization: Bearer $API_KEY\"".to_owned());
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    if parameters.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key") {
        lines.push("-H \"Idempotency-Key: $(openssl rand -hex 16)\"".to_owned());
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if body.is_object() {
        lines.push("-H \"Content-Type: application/json\"".to_owned());
        let example = serde_json::to_string_pretty(&of_schema(document, "", body)).unwrap_or_default();
        lines.push(format!("-d @- <<JSON\n{example}\nJSON"));
    }
    lines.join(" \\\n  ")
}

/// The path with a variable for each id.
fn with_ids(path: &str) -> String {
    let mut before = "";
    let parts = path.split('/').map(|part| {
        let text = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some("id") => variable(before),
            Some(name) => format!("${}", name.to_uppercase()),
            None => part.to_owned(),
        };
        before = part;
        text
    });
    parts.collect::<Vec<_>>().join("/")
}

/// `$SSH_KEY_ID` for the members of `ssh-keys`.
fn variable(list: &str) -> String {
    let one = if list == "vps" { list } else { list.strip_suffix('s').unwrap_or(list) };
    format!("${}_ID", one.replace('-', "_").to_uppercase())
}

/// What must be sent, and what may be if the document has an example of it.
fn of_schema(document: &Value, name: &str, schema: &Value) -> Value {
    let target = resolve(document, schema);
    if let Some(example) = [schema, target].into_iter().find_map(|s| s.get("example")) {
        return example.clone();
    }
    if let Some(word) = target["enum"].get(0) {
        return word.clone();
    }
    match (target["type"].as_str(), target["format"].as_str()) {
        (Some("object"), _) => {
            let required =
                |field: &str| target["required"].as_array().is_some_and(|r| r.iter().any(|n| n == field));
            let fields = target["properties"].as_object().into_iter().flatten();
            let fields = fields.filter(|(field, value)| required(field) || value.get("example").is_some());
            fields
                .map(|(field, value)| (field.clone(), of_schema(document, field, value)))
                .collect::<Map<_, _>>()
                .into()
        }
        (Some("array"), _) => vec![of_schema(document, name, &target["items"])].into(),
        (Some("string"), Some("uuid")) => variable(&name.replace('_', "-")).into(),
        (Some("integer" | "number"), _) => 1.into(),
        (Some("boolean"), _) => true.into(),
        _ => "…".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_variables() {
        assert_eq!(
            with_ids("/api/v1/vps/{id}/actions/{action_id}"),
            "/api/v1/vps/$VPS_ID/actions/$ACTION_ID"
        );
        assert_eq!(with_ids("/api/v1/ssh-keys/{id}"), "/api/v1/ssh-keys/$SSH_KEY_ID");
    }
}
