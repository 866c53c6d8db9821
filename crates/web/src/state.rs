//! What every request can reach: use cases, reads, templates, events.

use std::ops::Deref;
use std::sync::Arc;

use app::App;
use secrecy::SecretString;
use store::ReadStore;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::billing::pdf;
use crate::client::Proxies;
use crate::currency::Currency;
use crate::notify::Hub;
use crate::operations::metrics::Traffic;
use crate::templates::Templates;

/// How the process is placed in its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Proxies,
    /// What the monitoring system shows at `/metrics`; `None` hides the route.
    pub metrics_token: Option<SecretString>,
}

/// The context of all handlers. Cloning it is cheap.
#[derive(Clone)]
pub struct WebState(Arc<Inner>);

/// What a [`WebState`] holds.
pub struct Inner {
    /// The use cases: the only way to change something.
    pub app: App,
    /// The reading half of the database.
    pub reads: ReadStore,
    pub(crate) options: Options,
    pub(crate) currency: Currency,
    pub(crate) templates: Templates,
    pub(crate) hub: Hub,
    pub(crate) traffic: Traffic,
    /// Who may draw a PDF now.
    pub(crate) pdfs: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
}

impl WebState {
    /// Puts the context together and begins to listen for events. Must be called within a Tokio
    /// runtime. Event streams and the listener end with `stop`.
    pub fn new(app: App, options: Options, stop: CancellationToken) -> Self {
        let reads = app.reads();
        let currency = Currency::new(&app.settings().currency);
        let templates = Templates::new(&currency);
        let hub = Hub::start(reads.clone(), stop.clone());
        let traffic = Traffic::default();
        let pdfs = Arc::new(Semaphore::new(pdf::AT_ONCE));
        Self(Arc::new(Inner { app, reads, options, currency, templates, hub, traffic, pdfs, stop }))
    }

    /// Do browsers reach us by HTTPS?
    pub(crate) fn is_secure(&self) -> bool {
        self.app.settings().public_url.scheme() == "https"
    }
}

impl Deref for WebState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
