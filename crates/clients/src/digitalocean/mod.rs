//! DigitalOcean, API v2.
//!
//! What is particular about it: names may repeat and there is no idempotency key, so droplets are found by our
//! tag; SSH keys are registered at the account before a droplet can name them; what happens to a droplet shows
//! only in its actions; a graceful shutdown may be ignored by the guest.

mod account;
mod api;
mod catalogue;
mod droplets;
mod errors;
mod map;
mod operations;
mod places;
mod ssh_keys;
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
pub(crate) struct DigitalOcean {
    http: HttpClient,
    auth: Auth,
}

impl DigitalOcean {
    pub(crate) fn new(http: HttpClient, auth: Auth) -> Self {
        Self { http, auth }
    }

    /// Begins an operation.
    fn api(&self, priority: Priority) -> Api<'_> {
        Api::new(self.http.exchange(self.auth.clone(), priority))
    }
}

#[async_trait]
impl CloudProvider for DigitalOcean {
    /// Since January 2026 droplets are billed per second, with a minimum of 60 s or $0.01.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop: StopStyle::AskThenCut(Duration::from_secs(60)),
            minimum_charge: Money::from_micros(10_000),
            usual_create: Duration::from_secs(60),
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
        droplets::find_by_tag(&self.api(Priority::User), tag).await
    }

    async fn create(&self, spec: &ServerSpec) -> Result<Server, UpstreamError> {
        droplets::create(&self.api(Priority::User), spec).await
    }

    async fn get(&self, server: &ServerRef) -> Result<Server, UpstreamError> {
        droplets::get(&self.api(Priority::Poll), server).await
    }

    async fn list(&self) -> Result<Vec<Server>, UpstreamError> {
        droplets::list(&self.api(Priority::List)).await
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
        droplets::delete(&self.api(Priority::User), server).await
    }
}
