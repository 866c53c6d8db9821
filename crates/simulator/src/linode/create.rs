//! `POST /linode/instances`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::catalogue::{CATALOGUE, Plan, Region};
use super::instance::Instance;
use super::{Linode, NewEvent, edit, errors, keys};
use crate::core::service::{Call, Reply};
use crate::core::{Timeline, Twist};

/// From the request to *running*, and the part of it the boot takes.
const CREATE: TimeDelta = TimeDelta::seconds(65);
const BOOT_PART: TimeDelta = TimeDelta::seconds(24);
/// A create that does not boot ends *offline*.
const CREATE_OFFLINE: TimeDelta = TimeDelta::seconds(40);
const USER_DATA_BYTES: usize = 65_535;

/// What the request asked for, checked.
struct Wish {
    plan: &'static Plan,
    region: &'static Region,
    image: Option<String>,
    label: Option<String>,
    tags: Vec<String>,
}

pub(super) fn create(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let wish = check(world, call)?;
    if !CATALOGUE.sells(wish.region, wish.plan) {
        return Err(errors::sold_out());
    }
    let boots = wish.image.is_some() && call.body.get("booted") != Some(&Value::Bool(false));
    let id = world.core.ids.next("linode.instance", 60_000_000);
    let instance = build(world, call, id, wish);
    world.account(call).instances.insert(id, instance);
    schedule(world, call, id, boots);
    let account = world.account(call);
    let instance = account.instances.get_mut(&id).ok_or_else(errors::not_found)?;
    let answer = instance.json(call.now);
    if call.twist == Some(Twist::Vanish) {
        instance.deleted = Some(call.now);
    }
    Ok(Reply::ok(answer))
}

/// Plans the states of a new instance and writes its events.
fn schedule(world: &mut Linode, call: &Call, id: u64, boots: bool) {
    let now = call.now;
    let length = if boots { CREATE } else { CREATE_OFFLINE };
    let (end, event_end) = (now + length, now + length + world.lag());
    let fails = matches!(call.twist, Some(Twist::Failed | Twist::Vanish));
    let stuck = call.twist == Some(Twist::Stuck);
    let Some(instance) = world.account(call).instances.get_mut(&id) else { return };
    instance.busy_until = if stuck { DateTime::<Utc>::MAX_UTC } else { end.max(event_end) };
    if !stuck {
        if boots && !fails {
            instance.status.plan(end - BOOT_PART, "booting");
        }
        instance.status.plan(end, if boots && !fails { "running" } else { "offline" });
    }
    let image = instance.image.clone();
    let config = (instance.config, instance.config_label());
    let secondary = image.as_deref().and_then(|id| CATALOGUE.image(id)).map_or(Value::Null, |image| {
        let url = format!("/v4/images/{}", image.id);
        json!({ "id": image.id, "type": "image", "label": image.label, "url": url })
    });
    let span = (!stuck).then_some((now + TimeDelta::seconds(1), event_end));
    world.record(call, id, NewEvent { action: "linode_create", secondary, span, fails });
    if boots && !fails && !stuck {
        let url = format!("/v4/linode/instances/{id}/configs/{}", config.0);
        let secondary = json!({ "id": config.0, "type": "linode_config", "label": config.1, "url": url });
        let span = Some((end - BOOT_PART, event_end));
        world.record(call, id, NewEvent { action: "linode_boot", secondary, span, fails: false });
    }
}

fn build(world: &mut Linode, call: &Call, id: u64, wish: Wish) -> Instance {
    let ids = &world.core.ids;
    let ordinal = ids.ordinal("linode.address");
    let percent = |share: u32| json!(share);
    Instance {
        id,
        label: wish.label.unwrap_or_else(|| format!("linode{id}")),
        group: call.text("group").unwrap_or_default().to_owned(),
        tags: wish.tags,
        plan: wish.plan,
        region: wish.region,
        image: wish.image,
        created: call.now,
        updated: call.now,
        deleted: None,
        status: Timeline::new("provisioning"),
        busy_until: call.now,
        ipv4: address(ordinal),
        private_ipv4: call.flag("private_ip").then(|| private_address(ordinal)),
        ipv6: format!("2001:db8:1::f03c:95ff:{}:{}", ids.hex("linode.ipv6", 4), ids.hex("linode.ipv6", 4)),
        host_uuid: ids.hex("linode.host", 40),
        alerts: json!({
            "cpu": percent(90), "network_in": 10, "network_out": 10, "transfer_quota": percent(80), "io": 10_000,
        }),
        backups_enabled: call.flag("backups_enabled"),
        watchdog_enabled: true,
        has_user_data: user_data(call).is_some(),
        maintenance_policy: call.text("maintenance_policy").unwrap_or("linode/migrate").to_owned(),
        root_disk: ids.next("linode.disk", 100_000_000),
        swap_disk: ids.next("linode.disk", 100_000_000),
        swap_size: call.body.get("swap_size").and_then(Value::as_u64).unwrap_or(512),
        config: ids.next("linode.config", 60_000_000),
    }
}

/// 198.18.0.0/16: reserved for benchmarks, so no simulated address is a machine of somebody.
fn address(ordinal: u64) -> Ipv4Addr {
    let host = u8::try_from(ordinal % 250).unwrap_or_default() + 2;
    Ipv4Addr::new(198, 18, u8::try_from(ordinal / 250 % 250).unwrap_or_default(), host)
}

fn private_address(ordinal: u64) -> Ipv4Addr {
    let host = u8::try_from(ordinal % 250).unwrap_or_default() + 2;
    Ipv4Addr::new(192, 168, 128 + u8::try_from(ordinal / 250 % 100).unwrap_or_default(), host)
}

fn user_data(call: &Call) -> Option<&str> {
    call.body.get("metadata")?.get("user_data")?.as_str()
}

/// Checks the whole request, so that all errors come at once.
fn check(world: &mut Linode, call: &Call) -> Result<Wish, Reply> {
    if !call.body.is_object() {
        return Err(errors::general("Request body must be a JSON object"));
    }
    let mut wrong = Vec::new();
    let plan = match call.text("type") {
        None => Err(errors::entry("type", "type is required")),
        Some(id) => CATALOGUE
            .plan(id)
            .ok_or_else(|| errors::entry("type", "A valid plan type by that ID was not found")),
    };
    let region = match call.text("region") {
        None => Err(errors::entry("region", "region is required")),
        Some(id) => CATALOGUE.region(id).ok_or_else(|| errors::entry("region", "region is not valid")),
    };
    let image = call.text("image").filter(|id| !id.is_empty());
    if image.is_some_and(|id| CATALOGUE.image(id).is_none()) {
        wrong.push(errors::entry("image", "image is not valid"));
    }
    check_access(call, image, &mut wrong);
    check_user_data(call, &mut wrong);
    if let Some(id) = call.body.get("stackscript_id").and_then(Value::as_u64)
        && !CATALOGUE.stackscripts().iter().any(|script| script["id"] == id)
    {
        wrong.push(errors::entry("stackscript_id", "stackscript_id is not valid"));
    }
    let label = call.text("label").filter(|label| !label.is_empty());
    if let Some(label) = label {
        wrong.extend(edit::label_error(world.account(call), label, None));
    }
    let tags = edit::tags(call).unwrap_or_else(|error| {
        wrong.push(error);
        Vec::new()
    });
    match (plan, region) {
        (Ok(plan), Ok(region)) if wrong.is_empty() => {
            Ok(Wish { plan, region, image: image.map(str::to_owned), label: label.map(str::to_owned), tags })
        }
        (plan, region) => {
            let mut entries: Vec<Value> = [plan.err(), region.err()].into_iter().flatten().collect();
            entries.extend(wrong);
            Err(errors::all(&entries))
        }
    }
}

/// An image needs a way in: a password, keys or users whose keys are taken.
fn check_access(call: &Call, image: Option<&str>, wrong: &mut Vec<Value>) {
    let password = call.text("root_pass");
    if let Some(password) = password {
        if !(7..=128).contains(&password.chars().count()) {
            wrong.push(errors::entry("root_pass", "Password must be between 7 and 128 characters"));
        } else if !is_strong(password) {
            wrong.push(errors::entry("root_pass", "Password does not meet strength requirement"));
        }
    }
    let keys = call.list("authorized_keys");
    if !keys.iter().all(|key| key.as_str().is_some_and(keys::is_public_key)) {
        wrong.push(errors::entry("authorized_keys", keys::BAD_KEY));
    }
    let nobody = password.is_none() && keys.is_empty() && call.list("authorized_users").is_empty();
    if image.is_some() && nobody {
        let reason = "Must provide valid root_pass, authorized_keys, or authorized_users";
        wrong.push(json!({ "reason": reason }));
    }
}

/// Linode scores passwords; this keeps the spirit: two kinds of characters and some variety.
fn is_strong(password: &str) -> bool {
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    let variety = password.chars().collect::<BTreeSet<_>>().len();
    kinds.iter().filter(|kind| password.chars().any(**kind)).count() >= 2 && variety >= 5
}

fn check_user_data(call: &Call, wrong: &mut Vec<Value>) {
    let Some(data) = user_data(call) else { return };
    let reason = match STANDARD.decode(data) {
        Err(_) => "user_data must be a valid base64-encoded string.",
        Ok(decoded) if decoded.len() > USER_DATA_BYTES => "decoded user_data must not exceed 65535 bytes.",
        Ok(_) => return,
    };
    wrong.push(errors::entry("metadata.user_data", reason));
}

#[cfg(test)]
mod tests {
    use super::{address, is_strong};

    #[test]
    fn passwords_and_addresses() {
        assert!(is_strong("thisIsYourRootPassword") && is_strong("Conf!1234-Aa9"));
        assert!(!is_strong("aaaaaaa") && !is_strong("abcdefgh") && !is_strong("Aa1Aa1Aa1"));
        assert_eq!(address(1).to_string(), "198.18.0.3");
        assert_eq!(address(250).to_string(), "198.18.1.2");
    }
}
