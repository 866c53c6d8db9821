//! The connections of this process.

use std::time::Duration;

use super::BaseUrl;

/// All calls of one operation of a client together. Well under the 30 s lease of the job that makes them.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// DNS, TCP and TLS together. A connection that fails has not sent anything.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the vendors' own, so that a call is seldom sent into a connection that is just being closed:
/// after a change that would look like a lost answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const USER_AGENT: &str = concat!("SkyPanel/", env!("CARGO_PKG_VERSION"));

/// How clients behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time for all calls of one operation. Not more than [`CALL_TIMEOUT`], which is the default.
    pub call_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { call_timeout: CALL_TIMEOUT }
    }
}

/// The HTTP stack could not be set up, for example because the system has no trusted certificates.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up HTTPS")]
pub struct SetupError(#[from] reqwest::Error);

/// Connection pools, shared by all clients.
#[derive(Clone)]
pub(crate) struct Transport {
    remote: reqwest::Client,
    local: reqwest::Client,
    pub(super) call_timeout: Duration,
}

impl Transport {
    /// Sets up the pools.
    ///
    /// # Panics
    /// When no rustls crypto provider is installed; the binary does that first thing.
    pub(crate) fn new(options: &Options) -> Result<Self, SetupError> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
        };
        Ok(Self {
            remote: builder().https_only(true).build()?,
            // A proxy from the environment cannot reach our own loopback.
            local: builder().no_proxy().build()?,
            call_timeout: options.call_timeout.min(CALL_TIMEOUT),
        })
    }

    pub(super) fn pool(&self, base: &BaseUrl) -> &reqwest::Client {
        if base.is_loopback() { &self.local } else { &self.remote }
    }
}
