//! The interface every cloud client implements.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::{
    OfferedImage, OfferedRegion, OfferedSize, ProviderKind, Server, ServerRef, ServerSpec, ServerTag,
    UpstreamError,
};
use crate::text_enum::stored_enum;
use crate::{Money, ProviderId};

/// An account to connect to: one credential of one vendor.
#[derive(Clone)]
pub struct ProviderAccount {
    /// Our row; clients share one request budget per account.
    pub id: ProviderId,
    /// The vendor.
    pub kind: ProviderKind,
    /// Another address than the vendor's own, for simulated clouds.
    pub base_url: Option<Url>,
    /// The API token, read afresh for every job.
    pub token: SecretString,
}

/// Who the token belongs to at the vendor. A rotated token must show the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamAccount {
    /// The vendor's id of the account.
    pub id: String,
    /// E-mail or company, for the operator to recognize it by.
    pub label: String,
}

/// How a provider switches a server off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopStyle {
    /// One call that ends with the server off.
    Always,
    /// The guest is asked and may ignore it: after this time, power is cut.
    AskThenCut(Duration),
}

/// What a provider can do and how it bills, as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// How stop works.
    pub stop: StopStyle,
    /// The least a server costs, however short it lives.
    pub minimum_charge: Money,
    /// How long a server usually takes to come up; after three times this, the operator is told.
    pub usual_create: Duration,
}

/// The scarcest of an account's request limits, by the vendor's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBudget {
    /// Requests allowed in the present window.
    pub limit: u32,
    /// Requests left in it.
    pub remaining: u32,
    /// Until the vendor counts anew.
    pub resets_in: Duration,
}

stored_enum! {
    /// A power operation, as asked of a provider.
    pub enum PowerAction {
        /// Switch on.
        Start = "start",
        /// Ask the guest to switch off.
        Stop = "stop",
        /// Cut the power.
        Cut = "cut",
        /// Restart.
        Reboot = "reboot",
    }
}

/// The newest operation known on a server before we act, so that ours is recognized as newer even
/// when the answer is lost. Empty when there was none.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct OperationMarker(pub String);

/// How far an operation is at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Waiting or running.
    Pending,
    /// Finished well.
    Done,
    /// Gone wrong.
    Failed,
}

/// One account at one vendor. Every answer is validated before it is returned; unknown values of
/// the vendor become neutral "unknown" values, never errors or panics.
#[async_trait]
pub trait CloudProvider: Send + Sync {
    /// What this provider can do.
    fn capabilities(&self) -> Capabilities;

    /// Checks the token and says whose it is.
    async fn validate(&self) -> Result<UpstreamAccount, UpstreamError>;

    /// All regions.
    async fn regions(&self) -> Result<Vec<OfferedRegion>, UpstreamError>;

    /// All sizes with their prices.
    async fn sizes(&self) -> Result<Vec<OfferedSize>, UpstreamError>;

    /// All operating-system images.
    async fn images(&self) -> Result<Vec<OfferedImage>, UpstreamError>;

    /// All servers that carry the tag, oldest first. Servers on their way out may be included, as
    /// [`super::ServerState::Gone`].
    async fn find_by_tag(&self, tag: &ServerTag) -> Result<Vec<Server>, UpstreamError>;

    /// Makes a server. Sent once: a lost answer is [`UpstreamError::OutcomeUnknown`], and the
    /// caller looks for the tag before it asks again.
    async fn create(&self, spec: &ServerSpec) -> Result<Server, UpstreamError>;

    /// One server.
    async fn get(&self, server: &ServerRef) -> Result<Server, UpstreamError>;

    /// Every server of the account, ours or not.
    async fn list(&self) -> Result<Vec<Server>, UpstreamError>;

    /// The newest operation on a server.
    async fn latest_operation(&self, server: &ServerRef) -> Result<OperationMarker, UpstreamError>;

    /// Asks for a power operation; answers when the provider accepted it.
    async fn power(&self, server: &ServerRef, action: PowerAction) -> Result<(), UpstreamError>;

    /// The newest operation of this kind after the marker, if there is one.
    async fn operation_since(
        &self,
        server: &ServerRef,
        action: PowerAction,
        marker: &OperationMarker,
    ) -> Result<Option<OperationState>, UpstreamError>;

    /// Removes a server. A server that is already gone is success.
    async fn delete(&self, server: &ServerRef) -> Result<(), UpstreamError>;
}

/// Makes clients for accounts. Part of the worker's context alone, so that no page and no API
/// request can reach a provider.
pub trait ProviderConnector: Send + Sync {
    /// A client for the account. Cheap: connections and budgets are shared per account.
    fn connect(&self, account: &ProviderAccount) -> Result<Arc<dyn CloudProvider>, UpstreamError>;

    /// What the vendors' last answers said is left of each account's requests. Accounts whose vendor
    /// said nothing, or whose window is over, are left out.
    fn budgets(&self) -> Vec<(ProviderId, RequestBudget)>;
}
