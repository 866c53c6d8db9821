//! What handlers work with.

use std::sync::Arc;
use std::time::Duration;

use domain::ProviderId;
use domain::billing::VatRegister;
use domain::notify::mail::Mailer;
use domain::payment::PaymentGateway;
use domain::provider::{
    CloudProvider, ProviderAccount, ProviderConnector, ProviderState, Rejection, UpstreamError,
};
use serde::de::DeserializeOwned;
use store::job::{Job, Next, queue};
use store::provider::{self, Account};
use store::{OrgScope, Store, SystemPurpose};

use super::Fail;
use crate::vault::Place;
use crate::{App, Settings};

/// The use cases' context and, here alone, the clients of the outside world.
pub(crate) struct Context {
    app: App,
    clouds: Arc<dyn ProviderConnector>,
    gateway: Arc<dyn PaymentGateway>,
    mailer: Option<Arc<dyn Mailer>>,
    vat_register: Option<Arc<dyn VatRegister>>,
    call_limit: Duration,
}

/// An id from a job's payload.
pub(crate) fn payload_id<T: DeserializeOwned>(job: &Job, field: &str) -> Result<T, Fail> {
    let value = job.payload.get(field).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|_| Fail::give_up(format!("the job has no {field}")))
}

impl Context {
    pub(super) fn new(
        app: App,
        clouds: Arc<dyn ProviderConnector>,
        gateway: Arc<dyn PaymentGateway>,
        mailer: Option<Arc<dyn Mailer>>,
        vat_register: Option<Arc<dyn VatRegister>>,
        lease: Duration,
    ) -> Self {
        Self { app, clouds, gateway, mailer, vat_register, call_limit: lease / 2 }
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    pub(crate) fn store(&self) -> &Store {
        &self.app.store
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.app.settings()
    }

    pub(crate) fn gateway(&self) -> &dyn PaymentGateway {
        &*self.gateway
    }

    /// The mail host; `None` when mail is switched off.
    pub(crate) fn mailer(&self) -> Option<&dyn Mailer> {
        self.mailer.as_deref()
    }

    /// The register of VAT numbers; `None` when it is not asked.
    pub(crate) fn vat_register(&self) -> Option<&dyn VatRegister> {
        self.vat_register.as_deref()
    }

    /// How much of the lease must be left before a call that must not be made twice: half of it,
    /// which is longer than any call takes.
    pub(crate) fn call_limit(&self) -> Duration {
        self.call_limit
    }

    /// What becomes of a job that waits for something under way: it looks again after the usual pause.
    pub(crate) fn soon(&self) -> Next {
        Next::Again(self.settings().watch_every)
    }

    /// Lets a job look again after the usual pause, without spending an attempt.
    pub(crate) async fn look_again(&self, job: &Job, why: &str) -> Result<(), Fail> {
        Ok(queue::again(self.store(), job, self.settings().watch_every, why).await?)
    }

    /// Authority over the job's organization, in the name of who asked.
    pub(crate) fn scope(&self, job: &Job) -> Result<OrgScope, Fail> {
        job.scope().ok_or_else(|| Fail::give_up("the job has no organization"))
    }

    /// Authority over the job's organization, in the panel's own name.
    pub(crate) fn system_scope(&self, job: &Job) -> Result<OrgScope, Fail> {
        job.system_scope().ok_or_else(|| Fail::give_up("the job has no organization"))
    }

    pub(crate) async fn account(&self, id: ProviderId) -> Result<Account, Fail> {
        let mut db = self.store().system_read(SystemPurpose::Job).await?;
        provider::find(&mut db, id).await?.ok_or_else(|| Fail::give_up("the provider account does not exist"))
    }

    /// A client for an account, with its token as it is now.
    fn client(&self, account: &Account) -> Result<Arc<dyn CloudProvider>, Fail> {
        self.client_with(account, &account.token_sealed)
    }

    /// A client for an account with this one of its tokens.
    pub(crate) fn client_with(
        &self,
        account: &Account,
        sealed: &str,
    ) -> Result<Arc<dyn CloudProvider>, Fail> {
        let open = self.app.vault.open(Place::provider_token(account.id), sealed);
        let token = open.map_err(|e| Fail::give_up(e.to_string()))?;
        let base_url = account.base_url.as_ref().map(|text| text.parse()).transpose();
        let base_url = base_url.map_err(|_| Fail::give_up("the account's address is not a URL"))?;
        let wanted = ProviderAccount { id: account.id, kind: account.kind, base_url, token };
        self.clouds.connect(&wanted).map_err(|e| self.upstream(account.id, e))
    }

    /// A client for an account that may be used. While its token is refused, jobs wait without
    /// spending an attempt.
    pub(crate) async fn connect(&self, id: ProviderId) -> Result<Arc<dyn CloudProvider>, Fail> {
        let account = self.account(id).await?;
        if account.state == ProviderState::Unauthorized {
            return Err(Fail::Paused);
        }
        self.client(&account)
    }

    /// Says which account a failure came from, so that a refused token pauses it.
    pub(crate) fn upstream(&self, provider: ProviderId, error: UpstreamError) -> Fail {
        Fail::Upstream { provider: Some(provider), error }
    }

    /// Writes down what is left of the accounts' request budgets, as far as this process knows.
    pub(super) async fn note_budgets(&self) -> Result<(), store::Error> {
        let budgets = self.clouds.budgets();
        if budgets.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().system_tx(SystemPurpose::Job).await?;
        provider::budget::note(&mut tx, &budgets).await?;
        tx.commit(store::Exempt::RateBucket).await
    }

    /// Notes what an account refused, for the operator.
    pub(crate) async fn note_refusal(
        &self,
        id: ProviderId,
        reason: Rejection,
        detail: &str,
    ) -> Result<(), Fail> {
        let mut tx = self.store().system_tx(SystemPurpose::Job).await?;
        provider::set_error(&mut tx, id, Some(detail)).await?;
        if reason == Rejection::Quota {
            provider::set_limit_reached(&mut tx, id).await?;
        }
        Ok(tx.commit(store::Exempt::JobBookkeeping).await?)
    }
}
