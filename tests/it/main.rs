//! Integration tests: the use cases and workers over a real database and the simulated clouds.
//!
//! One file per area; a test's name says who does what and what comes of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod auto_top_up;
mod billing;
mod crash;
mod credits;
mod doctor;
mod documents;
mod events;
mod explain;
mod finance;
mod flat_hours;
mod hot_wallet;
mod hours;
mod identity;
mod jobs;
mod ladder;
mod ledger_tamper;
mod limits;
mod mail;
mod metrics;
mod mishaps;
mod model;
mod operations;
mod orders;
mod payback;
mod payment;
mod pool;
mod price_moves;
mod prices;
mod recompute;
mod reconcile;
mod resizes;
mod resources;
mod statement;
mod suspension;
mod tenancy;
mod tenancy_ledger;
mod tenancy_queries;
mod tenancy_walls;
mod tidy;
mod transfer;
mod vat;
mod versions;
mod vps;
mod walls;

/// Makes a test of each function for each cloud, with the plan that only this cloud delivers.
macro_rules! on_both_clouds {
    ($($test:ident),+ $(,)?) => {
        mod harbor { $( #[tokio::test] async fn $test() { super::$test("harbor", simulator::Cloud::Linode).await; } )+ }
        mod meadow { $( #[tokio::test] async fn $test() { super::$test("meadow", simulator::Cloud::DigitalOcean).await; } )+ }
    };
}
use on_both_clouds;
