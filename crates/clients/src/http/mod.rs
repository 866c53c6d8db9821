//! The one way out of this process to a vendor's API.
//!
//! What it promises to the clients above it:
//! * a call ends: connecting, one attempt and all calls of one [`Exchange`] have time limits, and the last
//!   ([`CALL_TIMEOUT`]) is well under the lease of the job that makes the call;
//! * only calls that change nothing are repeated, and only when there is time for it;
//! * a failure says whether the change that was asked for may have happened
//!   ([`UpstreamError`](domain::provider::UpstreamError));
//! * an [`Answer`] is empty or well-formed JSON of bounded size, whatever stands between us and the vendor;
//! * no credential appears in an error, a log line or a `Debug` output;
//! * redirects are not followed, and nothing but a loopback address is spoken to without TLS.

mod answer;
mod auth;
mod base_url;
mod budget;
mod call;
mod detail;
mod exchange;
mod rate_limit;
mod retry;
mod transport;

pub(crate) use answer::{Answer, Invalid, catalogue_item};
pub(crate) use auth::Auth;
pub(crate) use base_url::BaseUrl;
pub use base_url::InvalidBaseUrl;
pub(crate) use budget::{Budget, Budgets, Priority};
pub(crate) use call::Call;
pub(crate) use exchange::{Exchange, HttpClient};
pub(crate) use transport::Transport;
pub use transport::{CALL_TIMEOUT, Options, SetupError};
