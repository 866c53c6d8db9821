//! Clients of the vendors' APIs: the only crate that speaks their wire formats and says their words.
//!
//! Each vendor has a folder: private wire structs, pure mapping to the neutral types of [`domain`], and an
//! implementation of the trait that `domain` declares. All of them go through one HTTP layer (`http`) with
//! time limits, retries of safe calls, a request budget per account, and redaction.
#![warn(missing_docs)]

mod connector;
mod digitalocean;
mod http;
mod linode;
pub mod mail;
pub mod paypal;
mod price;
pub mod vies;

pub use connector::Clouds;
pub use http::{CALL_TIMEOUT, InvalidBaseUrl, Options, SetupError};

/// Carried by every server and key of ours, beside the tag of its VPS.
const OUR_TAG: &str = "skyp";
