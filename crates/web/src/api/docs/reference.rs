//! The OpenAPI document, arranged for reading.

use serde::Serialize;
use serde_json::Value;

use super::{example, text};

/// Everything the document tells.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reference {
    /// What holds for all operations, as HTML.
    pub(crate) introduction: String,
    pub(crate) groups: Vec<Group>,
    pub(crate) schemas: Vec<Schema>,
}

/// Operations on one kind of thing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    /// HTML.
    pub(crate) description: String,
    pub(crate) permission: Option<String>,
    pub(crate) parameters: Vec<Field>,
    pub(crate) body: Option<String>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) curl: String,
}

/// A parameter or a field.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// HTML.
    pub(crate) description: String,
}

/// What a value is; `schema` is the one to look up, if it has a name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kind {
    pub(crate) text: String,
    pub(crate) schema: Option<String>,
}

/// An answer of an operation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answer {
    pub(crate) status: String,
    /// HTML.
    pub(crate) description: String,
    pub(crate) schema: Option<String>,
}

/// A named shape of JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Schema {
    pub(crate) name: String,
    /// HTML.
    pub(crate) description: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) words: Vec<String>,
}

/// What a reference leads to; the value itself if it is none.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target =
        value["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    target.unwrap_or(value)
}

impl Reference {
    /// Arranges a document.
    pub(super) fn of(document: &Value) -> Self {
        let tags = document["tags"].as_array().into_iter().flatten();
        let groups = tags.map(|tag| {
            let name = string(&tag["name"]);
            let operations = operations(document, &name);
            Group { description: string(&tag["description"]), operations, name }
        });
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        let schemas = schemas.map(|(name, schema)| Schema {
            name: name.clone(),
            description: html(&schema["description"]),
            fields: fields(schema),
            words: schema["enum"].as_array().into_iter().flatten().map(string).collect(),
        });
        Self {
            introduction: html(&document["info"]["description"]),
            groups: groups.collect(),
            schemas: schemas.collect(),
        }
    }
}

fn operations(document: &Value, tag: &str) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(one) = item.get(method).filter(|one| one["tags"][0] == tag) else { continue };
            found.push(operation(document, method, path, one));
        }
    }
    found
}

fn operation(document: &Value, method: &str, path: &str, one: &Value) -> Operation {
    let parameters = one["parameters"].as_array().into_iter().flatten();
    let answers = one["responses"].as_object().into_iter().flatten();
    Operation {
        id: string(&one["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: string(&one["summary"]),
        description: html(&one["description"]),
        permission: one["security"][0]["api_key"][0].as_str().map(str::to_owned),
        parameters: parameters
            .map(|parameter| Field {
                name: string(&parameter["name"]),
                kind: kind(&parameter["schema"]),
                required: parameter["required"] == true,
                description: html(&parameter["description"]),
            })
            .collect(),
        body: kind(&one["requestBody"]["content"]["application/json"]["schema"]).schema,
        answers: answers
            .map(|(status, answer)| {
                let answer = resolve(document, answer);
                let content = answer["content"].as_object().and_then(|content| content.values().next());
                Answer {
                    status: status.clone(),
                    description: html(&answer["description"]),
                    schema: content.and_then(|content| kind(&content["schema"]).schema),
                }
            })
            .collect(),
        curl: example::curl(document, method, path, one),
    }
}

fn fields(schema: &Value) -> Vec<Field> {
    // What is made of several shapes has the fields of all.
    let parts: Vec<&Value> =
        schema["allOf"].as_array().map_or_else(|| vec![schema], |all| all.iter().collect());
    let of_part = |part: &&Value| {
        let required = part["required"].as_array().cloned().unwrap_or_default();
        let properties = part["properties"].as_object().cloned().unwrap_or_default();
        properties.into_iter().map(move |(name, value)| Field {
            required: required.iter().any(|field| *field == name),
            kind: kind(&value),
            description: html(&value["description"]),
            name,
        })
    };
    parts.iter().flat_map(of_part).collect()
}

/// What a schema is, in a few words.
fn kind(schema: &Value) -> Kind {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return Kind { text: name.to_owned(), schema: Some(name.to_owned()) };
    }
    if let Some(one) = ["oneOf", "anyOf"].iter().find_map(|key| schema[key].as_array()) {
        let named = one.iter().map(kind).find(|kind| kind.schema.is_some());
        let is_optional = one.iter().any(|part| part["type"] == "null");
        return named.map_or_else(
            || plain("any"),
            |kind| match is_optional {
                true => Kind { text: format!("{} or null", kind.text), ..kind },
                false => kind,
            },
        );
    }
    if schema["type"] == "array" {
        let of = kind(&schema["items"]);
        return Kind { text: format!("list of {}", of.text), ..of };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let exact = schema["format"].as_str();
    plain(
        &types
            .into_iter()
            .map(|t| if t == "string" { exact.unwrap_or(t) } else { t })
            .collect::<Vec<_>>()
            .join(" or "),
    )
}

fn plain(text: &str) -> Kind {
    Kind { text: text.to_owned(), schema: None }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn html(value: &Value) -> String {
    text::html(value.as_str().unwrap_or_default())
}
