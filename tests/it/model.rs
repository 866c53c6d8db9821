//! The model test: thousands of histories, lived once by the panel and once by an oracle that knows the rules
//! and nothing else, agree to the micro-unit. `docs/model.md` says how to play more of them.

#![expect(clippy::print_stdout, reason = "a history is told to whoever plays it again")]

mod cloud;
mod examples;
mod gateway;
mod oracle;
mod tally;
mod tenant;
mod timeline;
mod world;

use std::env;
use std::ops::Range;

use futures_util::{StreamExt as _, future, stream};
use serde_json::json;
use tally::Tally;
use world::{Plan, World};

/// Histories of the usual run.
const HISTORIES: u64 = 40;

/// Histories that share a world, at least. A billing run takes 300 organizations in one transaction.
const IN_A_WORLD: u64 = 20;

/// Worlds that run at once.
const AT_ONCE: usize = 2;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Seed, world and history of one to play again.
fn replay() -> Option<Plan> {
    let text = env::var("MODEL_REPLAY").ok()?;
    let mut parts =
        text.split('/').map(|part| part.parse::<u64>().expect("MODEL_REPLAY is seed/world/history"));
    let mut next = || parts.next().expect("MODEL_REPLAY is seed/world/history");
    let (seed, number, history) = (next(), next(), next());
    Some(Plan { seed, number, histories: history..history + 1, tells: true })
}

/// Worlds of different sizes: when many are asked for, some are larger than a batch of the billing run.
fn worlds(seed: u64, histories: u64) -> Vec<Plan> {
    let (mut worlds, mut from) = (Vec::new(), 0);
    for number in 0.. {
        let size = match number % 4 {
            0 if histories > 1_000 => 18 * IN_A_WORLD,
            _ if histories > 100 => 3 * IN_A_WORLD,
            _ => IN_A_WORLD,
        };
        let to = (from + size).min(histories);
        let histories: Range<u64> = from..to;
        if histories.is_empty() {
            break;
        }
        worlds.push(Plan { seed, number, histories, tells: false });
        from = to;
    }
    worlds
}

#[tokio::test(flavor = "multi_thread")]
async fn panel_and_oracle_agree_on_every_hour_of_every_history() {
    let worlds = match replay() {
        Some(one) => vec![one],
        None => worlds(number("MODEL_SEED").unwrap_or(1), number("MODEL_HISTORIES").unwrap_or(HISTORIES)),
    };
    let histories: u64 = worlds.iter().map(|world| world.histories.end - world.histories.start).sum();
    let is_one = worlds.iter().all(|world| world.tells);
    let tallies = stream::iter(worlds).map(World::run).buffer_unordered(AT_ONCE);
    let tally = tallies.fold(Tally::default(), |sum, one| future::ready(sum.plus(one))).await;
    println!("what happened: {tally}");
    println!("{}", json!({ "histories": histories, "differences": 0 }));
    assert!(is_one || tally.missing().is_empty(), "never happened: {:?}", tally.missing());
}
