//! What PayPal checks before it makes an order.

use serde_json::{Map, Value};
use url::Url;

use super::amount::Amount;
use super::order::{Experience, Flow, Intent, NewOrder, Unit};
use super::problem::{Issue, Problem};

const MAX_UNITS: usize = 10;
/// Limit of `custom_id`, `invoice_id`, `description` and `brand_name`.
const MAX_TEXT: usize = 127;
/// Fields of a purchase unit that are kept as they are.
const KEPT: [&str; 5] = ["custom_id", "invoice_id", "description", "soft_descriptor", "items"];
const ADDED: [&str; 5] = ["item_total", "tax_total", "shipping", "handling", "insurance"];
const TAKEN_OFF: [&str; 2] = ["shipping_discount", "discount"];

/// The order a create request asks for.
pub(super) fn read(body: &Value) -> Result<NewOrder, Problem> {
    let intent = intent(body)?;
    let units = units(body, intent)?;
    let (flow, context, at) = match &body["payment_source"] {
        Value::Null => (Flow::ApplicationContext, &body["application_context"], "/application_context"),
        source if source.get("paypal").is_some() => (
            Flow::PaymentSource,
            &source["paypal"]["experience_context"],
            "/payment_source/paypal/experience_context",
        ),
        _ => return Err(Issue::NotSupported.at("/payment_source", None)),
    };
    let vault_id = body["payment_source"]["paypal"]["vault_id"].as_str().map(str::to_owned);
    Ok(NewOrder { intent, units, flow, experience: experience(context, at)?, vault_id })
}

/// A changed amount or text of a unit, under the rules of a new one.
pub(super) fn change(unit: &mut Unit, field: &str, value: &Value, at: &str) -> Result<(), Problem> {
    match field {
        "amount" => unit.amount = amount(value, at, &mut unit.extra)?,
        "custom_id" | "invoice_id" | "description" | "soft_descriptor" => {
            let text = value.as_str().ok_or_else(|| Issue::InvalidParameterSyntax.at(at, None))?;
            short(text, at)?;
            unit.extra.insert(field.to_owned(), value.clone());
        }
        _ => return Err(Issue::NotPatchable.at(at, None)),
    }
    Ok(())
}

fn intent(body: &Value) -> Result<Intent, Problem> {
    match &body["intent"] {
        Value::Null => Err(Issue::MissingRequiredParameter.at("/intent", None)),
        Value::String(text) if text == "CAPTURE" => Ok(Intent::Capture),
        Value::String(text) if text == "AUTHORIZE" => Ok(Intent::Authorize),
        other => Err(Issue::InvalidParameterValue.at("/intent", Some(&other.to_string()))),
    }
}

fn units(body: &Value, intent: Intent) -> Result<Vec<Unit>, Problem> {
    let at = "/purchase_units";
    let units = match &body["purchase_units"] {
        Value::Null => return Err(Issue::MissingRequiredParameter.at(at, None)),
        Value::Array(units) => units,
        _ => return Err(Issue::InvalidParameterSyntax.at(at, None)),
    };
    match units.len() {
        0 => return Err(Issue::InvalidArrayMinItems.at(at, None)),
        1 => {}
        2..=MAX_UNITS if intent == Intent::Authorize => {
            return Err(Issue::UnsupportedIntent.at("/intent", None));
        }
        2..=MAX_UNITS if units.iter().any(|unit| unit["reference_id"].is_null()) => {
            return Err(Issue::ReferenceIdRequired.at(at, None));
        }
        2..=MAX_UNITS => {}
        _ => return Err(Issue::InvalidArrayMaxItems.at(at, None)),
    }
    let units: Vec<Unit> = units.iter().map(unit).collect::<Result<_, _>>()?;
    for (index, unit) in units.iter().enumerate() {
        let before = &units[..index];
        if before.iter().any(|other| other.reference_id == unit.reference_id) {
            return Err(Issue::DuplicateReferenceId.at(at, Some(&unit.reference_id)));
        }
        if before.iter().any(|other| other.amount.currency != unit.amount.currency) {
            return Err(Issue::MultiCurrencyOrder.at(at, Some(&unit.amount.currency)));
        }
    }
    Ok(units)
}

fn unit(json: &Value) -> Result<Unit, Problem> {
    let reference_id = json["reference_id"].as_str().unwrap_or("default").to_owned();
    let at = format!("/purchase_units/@reference_id=='{reference_id}'");
    let mut extra = Map::new();
    for field in KEPT {
        if let Some(value) = json.get(field).filter(|value| !value.is_null()) {
            if let Some(text) = value.as_str() {
                short(text, &format!("{at}/{field}"))?;
            }
            extra.insert(field.to_owned(), value.clone());
        }
    }
    let amount = amount(&json["amount"], &format!("{at}/amount"), &mut extra)?;
    Ok(Unit { reference_id, amount, extra })
}

/// The amount; a matching breakdown is kept beside the unit's other fields.
fn amount(json: &Value, at: &str, extra: &mut Map<String, Value>) -> Result<Amount, Problem> {
    if json.is_null() {
        return Err(Issue::MissingRequiredParameter.at(at, None));
    }
    let amount = Amount::read(json, at)?.positive(at)?;
    let breakdown = &json["breakdown"];
    if breakdown.is_null() {
        extra.remove("breakdown");
        return Ok(amount);
    }
    let sum = sum(breakdown, &ADDED, at)? - sum(breakdown, &TAKEN_OFF, at)?;
    if sum != amount.minor {
        return Err(Issue::AmountMismatch.at(format!("{at}/value"), Some(&amount.value())));
    }
    extra.insert("breakdown".to_owned(), breakdown.clone());
    Ok(amount)
}

fn sum(breakdown: &Value, names: &[&str], at: &str) -> Result<i64, Problem> {
    let given = names.iter().filter_map(|name| Some((name, breakdown.get(name)?)));
    given
        .map(|(name, json)| {
            let at = format!("{at}/breakdown/{name}");
            let part = Amount::read(json, &at)?;
            if part.minor < 0 {
                Err(Issue::CannotBeNegative.at(at, Some(&part.value())))
            } else {
                Ok(part.minor)
            }
        })
        .sum()
}

/// What the payer sees, and where the payer goes afterwards.
pub(super) fn experience(context: &Value, at: &str) -> Result<Experience, Problem> {
    let url = |field: &str| match &context[field] {
        Value::Null => Ok(None),
        value => match value.as_str().map(Url::parse) {
            Some(Ok(url)) if matches!(url.scheme(), "http" | "https") => Ok(Some(url)),
            _ => Err(Issue::InvalidParameterSyntax.at(format!("{at}/{field}"), Some(&value.to_string()))),
        },
    };
    let brand = context["brand_name"].as_str();
    if let Some(brand) = brand {
        short(brand, &format!("{at}/brand_name"))?;
    }
    Ok(Experience {
        brand: brand.map(str::to_owned),
        return_url: url("return_url")?,
        cancel_url: url("cancel_url")?,
    })
}

fn short(text: &str, at: &str) -> Result<(), Problem> {
    if text.chars().count() <= MAX_TEXT {
        return Ok(());
    }
    Err(Issue::InvalidStringLength.at(at, Some(text)))
}
