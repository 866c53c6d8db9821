//! Changing and deleting an instance, and the rules for labels and tags.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Account, Linode, NewEvent, errors};
use crate::core::Twist;
use crate::core::service::{Call, Reply};

pub(super) fn update(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let id = world.instance(call)?.id;
    let label = call.text("label");
    if let Some(error) = label.and_then(|label| label_error(world.account(call), label, Some(id))) {
        return Err(errors::all(&[error]));
    }
    let tags = tags(call).map_err(|error| errors::all(&[error]))?;
    let instance = world.instance(call)?;
    if let Some(label) = label {
        label.clone_into(&mut instance.label);
    }
    if call.body.get("tags").is_some() {
        instance.tags = tags;
    }
    if let Some(group) = call.text("group") {
        group.clone_into(&mut instance.group);
    }
    if let Some(policy) = call.text("maintenance_policy") {
        policy.clone_into(&mut instance.maintenance_policy);
    }
    if let Some(on) = call.body.get("watchdog_enabled").and_then(Value::as_bool) {
        instance.watchdog_enabled = on;
    }
    if let (Some(alerts), Some(Value::Object(changes))) =
        (instance.alerts.as_object_mut(), call.body.get("alerts"))
    {
        alerts
            .extend(changes.iter().filter(|(_, value)| value.is_u64()).map(|(k, v)| (k.clone(), v.clone())));
    }
    instance.updated = call.now;
    let answer = instance.json(call.now);
    world.record(call, id, NewEvent::done("linode_update", call.now));
    Ok(Reply::ok(answer))
}

/// Immediate, also while a job is running.
pub(super) fn delete(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let now = call.now;
    let instance = world.instance(call)?;
    let id = instance.id;
    let mut event = NewEvent::done("linode_delete", now);
    match call.twist {
        Some(Twist::Failed) => event.fails = true,
        Some(Twist::Stuck) => {
            instance.status.plan(now, "deleting");
            instance.busy_until = DateTime::<Utc>::MAX_UTC;
            event.span = None;
        }
        Some(Twist::Vanish) | None => instance.deleted = Some(now),
    }
    world.record(call, id, event);
    Ok(Reply::ok(json!({})))
}

/// What is wrong with a label of an instance, if anything. `own` is the instance that may keep it.
pub(super) fn label_error(account: &Account, label: &str, own: Option<u64>) -> Option<Value> {
    let reason = if !(3..=64).contains(&label.len()) {
        "Length must be 3-64 characters"
    } else if !label.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        "Label must include only ASCII letters, numbers, underscores, periods, and dashes"
    } else if !label.starts_with(|c: char| c.is_ascii_alphabetic())
        || !label.ends_with(|c: char| c.is_ascii_alphanumeric())
    {
        "Label must begin with a letter and end with an alphanumeric character"
    } else if ["--", "__", ".."].iter().any(|double| label.contains(double)) {
        "Label must not contain two dashes, underscores or periods in a row"
    } else if account.instances.values().any(|i| i.exists() && i.label == label && Some(i.id) != own) {
        "Label must be unique among your linodes"
    } else {
        return None;
    };
    Some(errors::entry("label", reason))
}

/// The tags of the body, each once; none when the field is absent.
pub(super) fn tags(call: &Call) -> Result<Vec<String>, Value> {
    let mut tags = Vec::new();
    for tag in call.list("tags") {
        let tag = tag.as_str().filter(|tag| is_tag(tag));
        let tag = tag.ok_or_else(|| errors::entry("tags", "Length must be 3-50 characters"))?;
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}

pub(super) fn is_tag(tag: &str) -> bool {
    (3..=50).contains(&tag.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_rules() {
        let account = Account::default();
        for bad in ["ab", "1abc", "a--b", "a..b", "a b", "abc-", "é-abc", &"x".repeat(65)] {
            assert!(label_error(&account, bad, None).is_some(), "{bad}");
        }
        for good in ["abc", "skyp-0190", "web_1.example"] {
            assert!(label_error(&account, good, None).is_none(), "{good}");
        }
    }
}
