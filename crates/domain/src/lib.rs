//! The words and rules of the product.
//!
//! Everything here is a value or a pure function: no I/O, no clock, no SQL, no HTTP. The areas
//! (`identity`, `catalog`, `provider`, `vps`, `wallet`, `payment`, `billing`, `activity`,
//! `notify`, `operations`) have the same names in every crate, table and URL.
#![warn(missing_docs)]

pub mod activity;
pub mod billing;
pub mod catalog;
pub mod id;
pub mod identity;
pub mod money;
pub mod notify;
pub mod operations;
pub mod payment;
pub mod provider;
pub mod text_enum;
pub mod vps;
pub mod wallet;

pub use id::*;
pub use money::Money;
