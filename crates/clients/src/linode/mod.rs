//! Linode (Akamai Cloud), API v4.
//!
//! What is particular about it: labels are unique per account, so a repeated create is refused instead of
//! making a twin; actions answer with nothing and show up as events of the account; a second action while one
//! runs is refused as *busy*; times carry no offset and are UTC.

mod account;
mod api;
mod catalogue;
mod errors;
mod instances;
mod map;
mod operations;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use domain::Money;
use domain::provider::{
    Capabilities, CloudProvider, OfferedImage, OfferedRegion, OfferedSize, OperationMarker, OperationState,
    PowerAction, Server, ServerRef, ServerSpec, ServerTag, StopStyle, UpstreamAccount, UpstreamError,
};

use self::api::Api;
use crate::http::{Auth, HttpClient, Priority};

/// The client of one account.
pub(crate) struct Linode {
    http: HttpClient,
    auth: Auth,
}

impl Linode {
    pub(crate) fn new(http: HttpClient, auth: Auth) -> Self {
        Self { http, auth }
    }

    /// Begins an operation.
    fn api(&self, priority: Priority) -> Api<'_> {
        Api::new(self.http.exchange(self.auth.clone(), priority))
    }
}

#[async_trait]
impl CloudProvider for Linode {
    /// Creation took 65 s and shutdown 28 s where it was recorded; every started hour is charged, so there is
    /// no minimum beyond it.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop: StopStyle::Always,
            minimum_charge: Money::ZERO,
            usual_create: Duration::from_secs(90),
        }
    }

    async fn validate(&self) -> Result<UpstreamAccount, UpstreamError> {
        account::validate(&self.api(Priority::List)).await
    }

    async fn regions(&self) -> Result<Vec<OfferedRegion>, UpstreamError> {
        catalogue::regions(&self.api(Priority::List)).await
    }

    async fn sizes(&self) -> Result<Vec<OfferedSize>, UpstreamError> {
        catalogue::sizes(&self.api(Priority::List)).await
    }

    async fn images(&self) -> Result<Vec<OfferedImage>, UpstreamError> {
        catalogue::images(&self.api(Priority::List)).await
    }

    async fn find_by_tag(&self, tag: &ServerTag) -> Result<Vec<Server>, UpstreamError> {
        instances::find_by_tag(&self.api(Priority::User), tag).await
    }

    async fn create(&self, spec: &ServerSpec) -> Result<Server, UpstreamError> {
        instances::create(&self.api(Priority::User), spec).await
    }

    async fn get(&self, server: &ServerRef) -> Result<Server, UpstreamError> {
        instances::get(&self.api(Priority::Poll), server).await
    }

    async fn list(&self) -> Result<Vec<Server>, UpstreamError> {
        instances::list(&self.api(Priority::List)).await
    }

    async fn latest_operation(&self, server: &ServerRef) -> Result<OperationMarker, UpstreamError> {
        operations::latest(&self.api(Priority::Poll), server).await
    }

    async fn power(&self, server: &ServerRef, action: PowerAction) -> Result<(), UpstreamError> {
        operations::power(&self.api(Priority::User), server, action).await
    }

    async fn operation_since(
        &self,
        server: &ServerRef,
        action: PowerAction,
        marker: &OperationMarker,
    ) -> Result<Option<OperationState>, UpstreamError> {
        operations::since(&self.api(Priority::Poll), server, action, marker).await
    }

    async fn delete(&self, server: &ServerRef) -> Result<(), UpstreamError> {
        instances::delete(&self.api(Priority::User), server).await
    }
}
