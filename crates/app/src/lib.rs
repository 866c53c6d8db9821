//! Use cases and job handlers: every write transaction of the product begins here.
//!
//! [`App`] is what pages, the API and the command line call. [`worker::Worker`] runs the jobs; it
//! alone holds the clients of providers and of the payment gateway, so nothing else can reach them.

pub mod activity;
pub mod billing;
mod caller;
pub mod catalog;
mod error;
pub mod identity;
pub mod notify;
pub mod operations;
pub mod payment;
pub mod provider;
mod settings;
pub mod vault;
pub mod vps;
pub mod wallet;
pub mod worker;

use std::sync::Arc;

pub use caller::{Caller, Operator};
pub use error::{Error, Result, full};
pub use identity::idempotency::{Done, IdempotencyKey};
pub use settings::Settings;

use store::Store;

/// The use cases' context: the database, the vault and the settings. No provider, no gateway.
#[derive(Clone)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) vault: Arc<vault::Vault>,
    pub(crate) passwords: identity::password::Passwords,
    limiter: identity::limits::Limiter,
    settings: Arc<Settings>,
    statement_keys: Arc<wallet::statement::StatementKeys>,
}

impl App {
    /// Puts the context together.
    pub fn new(store: Store, vault: vault::Vault, settings: Settings) -> Self {
        Self {
            limiter: identity::limits::Limiter::new(store.clone(), settings.limits),
            store,
            vault: Arc::new(vault),
            passwords: identity::password::Passwords::default(),
            settings: Arc::new(settings),
            statement_keys: Arc::default(),
        }
    }

    /// The same, with keys to sign statements.
    #[must_use]
    pub fn signing(self, keys: wallet::statement::StatementKeys) -> Self {
        Self { statement_keys: Arc::new(keys), ..self }
    }

    /// The keys that statements are signed with.
    pub fn statement_keys(&self) -> &wallet::statement::StatementKeys {
        &self.statement_keys
    }

    /// The reading half of the database, for pages.
    pub fn reads(&self) -> store::ReadStore {
        self.store.reads()
    }

    /// Counts requests.
    pub fn limiter(&self) -> &identity::limits::Limiter {
        &self.limiter
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
