//! From an account to the client of its vendor.

use std::sync::Arc;
use std::time::Instant;

use domain::ProviderId;
use domain::provider::{
    CloudProvider, ProviderAccount, ProviderConnector, ProviderKind, Rejection, RequestBudget, UpstreamError,
};

use crate::digitalocean::DigitalOcean;
use crate::http::{Auth, BaseUrl, Budgets, HttpClient, Options, SetupError, Transport};
use crate::linode::Linode;

/// Makes clients of all vendors we know. One per process: its clients share connections, and those of one
/// account share one request budget.
pub struct Clouds {
    transport: Transport,
    budgets: Budgets,
}

impl Clouds {
    /// Sets up connection pools.
    ///
    /// # Errors
    /// When HTTPS cannot be set up on this machine.
    ///
    /// # Panics
    /// When no rustls crypto provider is installed; the binary does that first thing.
    pub fn new(options: &Options) -> Result<Self, SetupError> {
        Ok(Self { transport: Transport::new(options)?, budgets: Budgets::default() })
    }
}

impl ProviderConnector for Clouds {
    fn connect(&self, account: &ProviderAccount) -> Result<Arc<dyn CloudProvider>, UpstreamError> {
        let base = match &account.base_url {
            Some(url) => BaseUrl::try_from(url.clone()),
            None => vendor_url(account.kind).parse(),
        };
        let base = base.map_err(|error| {
            UpstreamError::rejected(Rejection::Invalid, format!("address of the provider account: {error}"))
        })?;
        let http = HttpClient::new(self.transport.clone(), base, self.budgets.of(account.id));
        let auth = Auth::Bearer(account.token.clone());
        Ok(match account.kind {
            ProviderKind::Linode => Arc::new(Linode::new(http, auth)),
            ProviderKind::DigitalOcean => Arc::new(DigitalOcean::new(http, auth)),
        })
    }

    fn budgets(&self) -> Vec<(ProviderId, RequestBudget)> {
        self.budgets.standing(Instant::now())
    }
}

const fn vendor_url(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Linode => "https://api.linode.com",
        ProviderKind::DigitalOcean => "https://api.digitalocean.com",
    }
}
