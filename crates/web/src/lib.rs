//! Pages, JSON API and event streams.
//!
//! Pages are rendered on the server; htmx fetches parts of them anew when `/events` says that
//! something changed. Handlers read through [`store::ReadStore`] and change things through use
//! cases of [`app`], never otherwise. [`router`] is the whole service, [`routes`] the list of who
//! may call what.
#![warn(missing_docs)]

mod access;
mod activity;
mod api;
mod assets;
mod billing;
mod catalog;
mod client;
mod cookie;
mod country;
mod currency;
mod dashboard;
mod error;
mod form;
mod format;
mod frame;
mod identity;
mod limits;
mod link;
mod notify;
mod operations;
mod overview;
mod payment;
mod provider;
mod router;
mod routes;
#[cfg(test)]
mod samples;
mod show;
mod spreadsheet;
mod state;
mod templates;
mod toast;
mod view;
mod vps;
mod wallet;
mod words;

pub use access::Access;
pub use client::Proxies;
pub use router::{router, routes};
pub use routes::Route;
pub use state::{Inner, Options, WebState};
