//! `POST /v2/droplets`.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::catalogue::{CATALOGUE, Image, Region, Size};
use super::droplet::Droplet;
use super::{DROPLET_LIMIT, DigitalOcean, errors, tags};
use crate::core::service::{Call, Reply};
use crate::core::{Timeline, Twist, stable_hash};

const CREATE: TimeDelta = TimeDelta::seconds(40);
const MAX_AT_ONCE: usize = 10;
const USER_DATA_BYTES: usize = 64 * 1024;

pub(super) const BAD_NAME: &str = "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)";

/// What the request asked for, checked.
struct Wish {
    names: Vec<String>,
    size: &'static Size,
    region: &'static Region,
    image: &'static Image,
    tags: Vec<String>,
}

pub(super) fn create(world: &mut DigitalOcean, call: &Call) -> Result<Reply, Reply> {
    let wish = check(world, call)?;
    for tag in &wish.tags {
        world.account(call).tags.insert(tag.clone());
    }
    let (mut droplets, mut actions) = (Vec::new(), Vec::new());
    for name in &wish.names {
        let (droplet, action) = start(world, call, &wish, name);
        let href = format!("{}/v2/actions/{action}", call.origin());
        actions.push(json!({ "id": action, "rel": "create", "href": href }));
        droplets.push(droplet);
    }
    let links = json!({ "actions": actions });
    let body = match (call.body.get("name"), droplets.pop()) {
        (Some(_), Some(droplet)) => json!({ "droplet": droplet, "links": links }),
        (_, last) => {
            droplets.extend(last);
            json!({ "droplets": droplets, "links": links })
        }
    };
    Ok(Reply::new(StatusCode::ACCEPTED, body))
}

/// Makes one droplet; answers it as it is now, with the id of its create action.
fn start(world: &mut DigitalOcean, call: &Call, wish: &Wish, name: &str) -> (Value, u64) {
    let (id, ordinal) = (
        world.core.ids.next("digitalocean.droplet", 500_000_000),
        world.core.ids.ordinal("digitalocean.address"),
    );
    let active_at = call.now + CREATE;
    let ends = active_at + world.lag();
    let mut status = Timeline::new("new");
    if call.twist.is_none() {
        status.plan(active_at, "active");
    }
    let droplet = Droplet {
        id,
        name: Timeline::new(name.to_owned()),
        size: wish.size,
        region: wish.region,
        image: wish.image,
        created: call.now,
        deleted: (call.twist == Some(Twist::Vanish)).then_some(call.now),
        status,
        networks_from: call.twist.is_none().then_some(ends),
        ipv6_from: call.flag("ipv6").then_some(call.now),
        tags: wish.tags.clone(),
        monitoring: call.flag("monitoring"),
        backups: call.flag("backups"),
        vpc: vpc(&call.account, &wish.region.slug),
        ordinal,
    };
    let answer = droplet.json(call.now);
    world.account(call).droplets.insert(id, droplet);
    let ends = (call.twist != Some(Twist::Stuck)).then_some(ends);
    let action = world.record(call, id, "create", ends, call.twist.is_some());
    (answer, action["id"].as_u64().unwrap_or_default())
}

/// The default VPC of an account in a region.
fn vpc(account: &str, region: &str) -> String {
    let hash = stable_hash(&format!("{account}/{region}"));
    uuid::Uuid::from_u64_pair(hash, hash.rotate_left(17)).to_string()
}

fn check(world: &mut DigitalOcean, call: &Call) -> Result<Wish, Reply> {
    let refuse = |message: &str| Err(errors::unprocessable(message));
    let names: Vec<String> = match call.text("name") {
        Some(name) => vec![name.to_owned()],
        None => call.list("names").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    if names.is_empty() {
        return refuse("Name can't be blank");
    }
    if names.len() > MAX_AT_ONCE {
        return refuse("You can create at most 10 Droplets at once.");
    }
    if !names.iter().all(|name| is_hostname(name)) {
        return refuse(BAD_NAME);
    }
    let Some(size) = call.text("size").and_then(|slug| CATALOGUE.size(slug)) else {
        return refuse("You specified an invalid size for Droplet creation.");
    };
    let Some(image) = key(call.body.get("image")).and_then(|key| CATALOGUE.image(&key)) else {
        return refuse("You specified an invalid image for Droplet creation.");
    };
    let region = region(call, size)?;
    if size.disk < image.min_disk_size {
        return refuse("The image you specified needs a larger disk than this size has.");
    }
    if call.text("user_data").is_some_and(|data| data.len() > USER_DATA_BYTES) {
        return refuse("User data is too long (maximum is 64 KiB)");
    }
    let account = world.account(call);
    let known = |wanted: &String| account.keys.values().any(|key| key.is_named(wanted));
    let keys = call.list("ssh_keys").iter().filter_map(|value| key(Some(value)));
    let unknown: Vec<String> = keys.filter(|wanted| !known(wanted)).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return refuse(&format!("{unknown} are invalid key identifiers for Droplet creation."));
    }
    let tags: Vec<String> = call.list("tags").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if !tags.iter().all(|tag| tags::is_tag(tag)) {
        return refuse(tags::BAD_TAG);
    }
    if account.existing().count() + names.len() > DROPLET_LIMIT {
        return refuse("creating this/these droplet(s) will exceed your droplet limit");
    }
    Ok(Wish { names, size, region, image, tags })
}

/// The region asked for, by slug or prefix (`nyc` takes any in New York); without one, any that has the size.
fn region(call: &Call, size: &Size) -> Result<&'static Region, Reply> {
    let mut regions = CATALOGUE.regions.iter();
    let Some(asked) = call.text("region").filter(|region| !region.is_empty()) else {
        return regions.find(|region| region.sells(size)).ok_or_else(errors::sold_out);
    };
    if let Some(region) = CATALOGUE.region(asked) {
        return match (region.available, region.sells(size)) {
            (false, _) => Err(errors::unprocessable("Region is not available")),
            (true, false) => Err(errors::sold_out()),
            (true, true) => Ok(region),
        };
    }
    let prefix = |region: &&Region| region.slug.trim_end_matches(|c: char| c.is_ascii_digit()) == asked;
    regions
        .filter(prefix)
        .find(|region| region.sells(size))
        .ok_or_else(|| errors::unprocessable("You specified an invalid region for Droplet creation."))
}

/// Ids come as numbers or as text.
fn key(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Letters, digits, dots and dashes, ending with a letter or digit.
pub(super) fn is_hostname(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::is_hostname;

    #[test]
    fn hostnames() {
        assert!(is_hostname("web-1.example.com") && is_hostname("X"));
        assert!(!is_hostname("bad_name!") && !is_hostname("") && !is_hostname("a-") && !is_hostname("a b"));
    }
}
