//! The panel as tests see it: a database of its own, simulated clouds and PayPal, workers in process.
//!
//! ```no_run
//! # async fn test() {
//! let panel = testkit::Panel::start().await;
//! let _worker = panel.worker();
//! let acme = panel.customer("acme").await;
//! panel.fund(&acme, "20.00").await;
//! let web = panel.active(&acme, "small", "web").await;
//! assert_eq!(panel.living_servers_of(web).len(), 1);
//! panel.verify().await;
//! # }
//! ```
//!
//! Nothing here sleeps for a fixed time: whoever waits looks until what was awaited is so, and panics with
//! the state of the queue when it takes too long. Helpers panic instead of returning errors: in a test,
//! nothing can be done about them.
#![warn(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod database;
mod documents;
mod money;
mod mutant;
mod panel;
mod people;
mod prices;
mod process;
mod random;
mod resizes;
mod resources;
mod rows;
mod seed;
mod servers;
mod transfer;
mod tripwire;
mod worker;

pub use database::Database;
pub use money::Balances;
pub use panel::{Panel, eventually};
pub use process::{WorkerProcess, free_address};
pub use random::Random;
pub use seed::{IMAGE, OPERATOR_EMAIL, PASSWORD, PLANS, REGION};
pub use servers::PUBLIC_KEY;
pub use tripwire::{Cut, Tripwire};
pub use worker::{RunningWorker, install_crypto};
