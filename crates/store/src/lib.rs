//! Every SQL statement of the product, and the handles that are the only way to them.
//!
//! A handle is a transaction confined by the database itself: [`OrgRead`] and [`OrgTx`] see one
//! organization, [`SystemRead`] and [`SystemTx`] see all, [`Identify`] answers a few look-ups
//! before the organization is known. Changes are committed together with what the audit trail says
//! about them. Functions live in the area they are about and take a handle.

pub mod activity;
pub mod billing;
pub mod catalog;
pub mod demo;
mod error;
mod handle;
pub mod identity;
pub mod job;
pub mod notify;
pub mod operations;
pub mod payment;
pub mod provider;
pub mod setup;
pub mod vps;
pub mod wallet;

pub use error::Error;
pub use handle::{
    Connections, Exempt, Identify, Note, OrgDb, OrgRead, OrgScope, OrgTx, ReadStore, Store, SystemDb,
    SystemPurpose, SystemRead, SystemTx, WriteDb,
};

/// Result of a statement.
pub type Result<T> = std::result::Result<T, Error>;
