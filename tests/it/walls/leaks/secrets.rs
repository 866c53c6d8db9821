//! The words and figures of an installation that are not for customers.

use std::collections::BTreeSet;

use super::super::scene::Scene;

/// What an hour, a month and the shortest time cost at every cloud, in micro-units.
pub(super) const COSTS: [i64; 3] = [13_371, 8_765_432, 13_373];

/// Basis points, and what is added to an hour and to a month, in micro-units.
pub(super) const MARKUP: (i32, i64, i64) = (12_345, 71_713, 3_131_719);

/// The same figures as pages and programs might show them.
const FIGURES: [&str; 19] = [
    "13371", "0.013371", "0.0134", "8765432", "8.765432", "8.7655", "8.77", "13373", "0.013373", "12345",
    "123.45", "1.2345", "71713", "0.071713", "0.0717", "3131719", "3.131719", "3.1317", "3.13",
];

/// Who is behind it, however it is spelled, and words that are only of use to who knows.
const WORDS: [&str; 10] = [
    "linode",
    "nanode",
    "akamai",
    "digitalocean",
    "digital ocean",
    "droplet",
    "markup",
    "upstream",
    "quayside",
    "wharf",
];

/// What the clouds and the gateway say when they refuse.
const REFUSALS: [&str; 7] = [
    "insufficient capacity",
    "size is not available",
    "invalid token",
    "unable to authenticate",
    "temporarily unavailable",
    "unprocessable_entity",
    "debug_id",
];

/// What is searched for.
pub(super) struct Secrets {
    /// In lower case, wherever they stand.
    words: Vec<String>,
    /// As whole numbers or names: an id of ours may contain one by chance.
    figures: Vec<String>,
}

impl Secrets {
    /// Vendors, ids and addresses of accounts and servers, the clouds' names of things, costs, markups, refusals.
    pub(super) async fn of(scene: &Scene) -> Self {
        let panel = &scene.panel;
        let mut words: Vec<String> = WORDS.into_iter().chain(REFUSALS).map(str::to_owned).collect();
        words.extend([panel.simulator.linode.to_string(), panel.simulator.digitalocean.to_string()]);
        for kept in [
            "select id::text from providers",
            "select distinct last_error from providers where last_error is not null",
            "select distinct last_error from jobs where last_error is not null",
        ] {
            words.extend(panel.fetch_all::<String>(kept).await);
        }
        let leaves: Vec<String> =
            panel.simulator.payment_tokens().into_iter().map(|leave| leave.id.to_lowercase()).collect();
        assert!(!leaves.is_empty(), "a payer left a leave to charge");
        words.extend(leaves);
        let mut figures: Vec<String> = FIGURES.map(str::to_owned).to_vec();
        for table in ["provider_sizes", "provider_images", "provider_regions"] {
            figures.extend(panel.fetch_all::<String>(format!("select distinct ref from {table}")).await);
        }
        for server in panel.simulator.servers() {
            figures.extend(server.tags.into_iter().filter(|tag| tag.contains('-')));
            figures.push(server.id.to_string());
        }
        let words = words.into_iter().map(|word| word.to_lowercase()).collect();
        Self { words, figures }
    }

    /// Those that a text tells.
    pub(super) fn found_in(&self, text: &str) -> impl Iterator<Item = &str> {
        let lower = text.to_lowercase();
        let split = |also: &'static str| {
            let parts = lower.split(move |c: char| !c.is_ascii_alphanumeric() && !also.contains(c));
            parts.map(|part| part.trim_matches('.').to_owned())
        };
        let tokens: BTreeSet<String> = split(".").chain(split(".-/")).collect();
        let told: Vec<&str> =
            self.words.iter().filter(|word| lower.contains(*word)).map(String::as_str).collect();
        let shown =
            self.figures.iter().filter(move |figure| tokens.contains(figure.as_str())).map(String::as_str);
        told.into_iter().chain(shown)
    }
}

#[test]
fn secrets_are_found_in_whatever_they_stand() {
    let secrets = Secrets { words: vec!["droplet".into()], figures: vec!["0.0134".into(), "12345".into()] };
    let found = |text| secrets.found_in(text).collect::<Vec<_>>();
    assert_eq!(found("<b title='A Droplet'>$0.0134/h</b>"), ["droplet", "0.0134"]);
    assert_eq!(found("{\"cost\":\"0.0134\",\"points\":12345}."), ["0.0134", "12345"]);
    assert!(found("10.0134 123456 a12345b 2026-01-01T00:00:00.12345Z").is_empty());
}
