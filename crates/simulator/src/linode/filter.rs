//! The `X-Filter` header: a JSON object of conditions, combined with `+and` and `+or`, and an order.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::errors;
use crate::core::service::Reply;

/// A checked filter over objects with known filterable fields.
#[derive(Debug)]
pub(super) struct Filter {
    condition: Map<String, Value>,
    order_by: Option<String>,
    descending: bool,
}

impl Filter {
    /// Reads the header's value and checks every field it names.
    pub(super) fn parse(header: &str, filterable: &[&str]) -> Result<Self, Reply> {
        let Ok(Value::Object(mut condition)) = serde_json::from_str(header) else {
            return Err(errors::field("X-Filter", "Filter must be valid JSON"));
        };
        let order_by = condition.remove("+order_by").and_then(|field| field.as_str().map(str::to_owned));
        let descending = condition.remove("+order").is_some_and(|order| order == "desc");
        if let Some(field) = &order_by {
            check_field(field, filterable)?;
        }
        check(&condition, filterable)?;
        Ok(Self { condition, order_by, descending })
    }

    /// Keeps what matches, in the order asked for.
    pub(super) fn apply(&self, items: &mut Vec<Value>) {
        items.retain(|item| matches(&self.condition, item));
        if let Some(field) = &self.order_by {
            items.sort_by(|a, b| compare(lookup(a, field), lookup(b, field)).unwrap_or(Ordering::Equal));
            if self.descending {
                items.reverse();
            }
        }
    }
}

fn check_field(field: &str, filterable: &[&str]) -> Result<(), Reply> {
    if filterable.contains(&field) {
        return Ok(());
    }
    Err(errors::field("X-Filter", &format!("Cannot filter on {field}")))
}

fn check(condition: &Map<String, Value>, filterable: &[&str]) -> Result<(), Reply> {
    for (key, value) in condition {
        match (key.as_str(), value) {
            ("+and" | "+or", Value::Array(parts)) => {
                for part in parts {
                    let part = part.as_object().ok_or_else(|| malformed(key))?;
                    check(part, filterable)?;
                }
            }
            (key, _) if key.starts_with('+') => return Err(malformed(key)),
            (field, Value::Object(operators)) => {
                check_field(field, filterable)?;
                if let Some(unknown) = operators.keys().find(|key| !OPERATORS.contains(&key.as_str())) {
                    return Err(malformed(unknown));
                }
            }
            (field, _) => check_field(field, filterable)?,
        }
    }
    Ok(())
}

const OPERATORS: [&str; 6] = ["+gt", "+gte", "+lt", "+lte", "+contains", "+neq"];

fn malformed(operator: &str) -> Reply {
    errors::field("X-Filter", &format!("Invalid operator: {operator}"))
}

fn matches(condition: &Map<String, Value>, item: &Value) -> bool {
    condition.iter().all(|(key, expected)| match (key.as_str(), expected) {
        ("+and", Value::Array(parts)) => parts.iter().all(|part| matches_value(part, item)),
        ("+or", Value::Array(parts)) => parts.iter().any(|part| matches_value(part, item)),
        (field, expected) => holds(lookup(item, field), expected),
    })
}

fn matches_value(condition: &Value, item: &Value) -> bool {
    condition.as_object().is_some_and(|condition| matches(condition, item))
}

fn holds(actual: &Value, expected: &Value) -> bool {
    let Value::Object(operators) = expected else {
        return equal(actual, expected);
    };
    operators.iter().all(|(operator, operand)| {
        let ordering = compare(actual, operand);
        match operator.as_str() {
            "+gt" => ordering == Some(Ordering::Greater),
            "+gte" => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
            "+lt" => ordering == Some(Ordering::Less),
            "+lte" => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            "+neq" => !equal(actual, operand),
            _ => contains(actual, operand),
        }
    })
}

/// A list field equals any of its elements; numbers and their texts are the same thing.
fn equal(actual: &Value, expected: &Value) -> bool {
    match actual {
        Value::Array(elements) => elements.iter().any(|element| equal(element, expected)),
        actual => actual == expected || compare(actual, expected) == Some(Ordering::Equal),
    }
}

fn contains(actual: &Value, expected: &Value) -> bool {
    match actual {
        Value::Array(elements) => elements.iter().any(|element| contains(element, expected)),
        actual => text(actual).to_lowercase().contains(&text(expected).to_lowercase()),
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (a, b) => Some(text(a).cmp(&text(b))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `entity.id` is the field `id` of the object `entity`.
fn lookup<'a>(item: &'a Value, field: &str) -> &'a Value {
    field.split('.').fold(item, |value, part| &value[part])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: [&str; 5] = ["label", "tags", "memory", "entity.id", "created"];

    fn ids(filter: &Value) -> Vec<i64> {
        let mut items = vec![
            json!({"id": 1, "label": "alpha", "tags": ["a", "b"], "memory": 1024, "entity": {"id": 7}}),
            json!({"id": 2, "label": "beta", "tags": ["b"], "memory": 2048, "entity": {"id": 8}}),
            json!({"id": 3, "label": "Gamma", "tags": [], "memory": 4096, "entity": null}),
        ];
        Filter::parse(&filter.to_string(), &FIELDS).unwrap().apply(&mut items);
        items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
    }

    #[test]
    fn grammar() {
        assert_eq!(ids(&json!({})), [1, 2, 3]);
        assert_eq!(ids(&json!({"label": "beta"})), [2]);
        assert_eq!(ids(&json!({"tags": "b"})), [1, 2]);
        assert_eq!(ids(&json!({"label": {"+contains": "gam"}})), [3]);
        assert_eq!(ids(&json!({"label": {"+neq": "beta"}, "memory": {"+lt": 4096}})), [1]);
        assert_eq!(ids(&json!({"memory": {"+gt": 1024, "+lte": 4096}})), [2, 3]);
        assert_eq!(ids(&json!({"entity.id": 8})), [2]);
        assert_eq!(ids(&json!({"+or": [{"label": "alpha"}, {"memory": {"+gte": 4096}}]})), [1, 3]);
        assert_eq!(ids(&json!({"+and": [{"tags": "b"}, {"tags": "a"}]})), [1]);
        assert_eq!(ids(&json!({"+order_by": "memory", "+order": "desc"})), [3, 2, 1]);
    }

    #[test]
    fn unknown_fields_and_operators_are_refused() {
        for filter in [
            json!({"foo": 1}),
            json!({"+or": [{"foo": 1}]}),
            json!({"label": {"+like": "x"}}),
            json!({"+order_by": "foo"}),
            json!([1]),
        ] {
            let refusal = Filter::parse(&filter.to_string(), &FIELDS).unwrap_err();
            assert_eq!(refusal.body["errors"][0]["field"], "X-Filter", "{filter}");
        }
    }
}
