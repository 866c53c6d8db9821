//! A cloud whose servers come up when the stopped clock says so. The order says when, in the VPS's name.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ProviderId;
use domain::provider::{
    Capabilities, CloudProvider, OfferedImage, OfferedRegion, OfferedSize, OperationMarker, OperationState,
    PowerAction, ProviderAccount, ProviderConnector, Rejection, RequestBudget, Server, ServerRef, ServerSpec,
    ServerState, ServerTag, StopStyle, UpstreamAccount, UpstreamError,
};
use domain::vps::Power;

/// Names of VPSs that no account delivers end so.
pub(crate) const SOLD_OUT: &str = "none";

/// The cloud, the same behind every account.
#[derive(Clone)]
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
}

struct State {
    now: DateTime<Utc>,
    servers: Vec<Made>,
}

struct Made {
    tag: ServerTag,
    created_at: DateTime<Utc>,
    up_at: DateTime<Utc>,
    power: Power,
    gone: bool,
    operations: Vec<PowerAction>,
}

impl Cloud {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        Self { state: Arc::new(Mutex::new(State { now, servers: Vec::new() })) }
    }

    pub(crate) fn set_clock(&self, now: DateTime<Utc>) {
        self.state().now = now;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn server(&self, number: usize) -> Server {
        let made = &self.servers[number];
        let state = match made.gone {
            true => ServerState::Gone,
            false if self.now < made.up_at => ServerState::Provisioning,
            false => ServerState::Up(made.power),
        };
        Server {
            id: ServerRef(number.to_string()),
            tag: Some(made.tag.clone()),
            label: made.tag.to_string(),
            state,
            created_at: made.created_at,
            region: String::new(),
            size: String::new(),
            ipv4: None,
            ipv6: None,
        }
    }

    fn made(&mut self, server: &ServerRef) -> Result<&mut Made, UpstreamError> {
        let number: usize = server.0.parse().map_err(|_| UpstreamError::NotFound)?;
        self.servers.get_mut(number).ok_or(UpstreamError::NotFound)
    }
}

#[async_trait]
impl CloudProvider for Cloud {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop: StopStyle::Always,
            minimum_charge: domain::Money::ZERO,
            usual_create: std::time::Duration::from_secs(60),
        }
    }

    async fn find_by_tag(&self, tag: &ServerTag) -> Result<Vec<Server>, UpstreamError> {
        let state = self.state();
        let tagged = (0..state.servers.len()).filter(|&number| state.servers[number].tag == *tag);
        Ok(tagged.map(|number| state.server(number)).collect())
    }

    async fn create(&self, spec: &ServerSpec) -> Result<Server, UpstreamError> {
        let (_, pace) = spec.hostname.rsplit_once('-').unwrap();
        if pace == SOLD_OUT {
            return Err(UpstreamError::rejected(Rejection::Capacity, "no room"));
        }
        let mut state = self.state();
        let now = state.now;
        state.servers.push(Made {
            tag: spec.tag.clone(),
            created_at: now,
            up_at: now + TimeDelta::minutes(pace.parse().unwrap()),
            power: Power::Running,
            gone: false,
            operations: Vec::new(),
        });
        Ok(state.server(state.servers.len() - 1))
    }

    async fn get(&self, server: &ServerRef) -> Result<Server, UpstreamError> {
        let mut state = self.state();
        state.made(server)?;
        Ok(state.server(server.0.parse().unwrap()))
    }

    async fn list(&self) -> Result<Vec<Server>, UpstreamError> {
        let state = self.state();
        Ok((0..state.servers.len()).map(|number| state.server(number)).collect())
    }

    async fn latest_operation(&self, server: &ServerRef) -> Result<OperationMarker, UpstreamError> {
        Ok(OperationMarker(self.state().made(server)?.operations.len().to_string()))
    }

    async fn power(&self, server: &ServerRef, action: PowerAction) -> Result<(), UpstreamError> {
        let mut state = self.state();
        let made = state.made(server)?;
        made.operations.push(action);
        made.power = match action {
            PowerAction::Start | PowerAction::Reboot => Power::Running,
            PowerAction::Stop | PowerAction::Cut => Power::Stopped,
        };
        Ok(())
    }

    async fn operation_since(
        &self,
        server: &ServerRef,
        action: PowerAction,
        marker: &OperationMarker,
    ) -> Result<Option<OperationState>, UpstreamError> {
        let mut state = self.state();
        let newer = &state.made(server)?.operations[marker.0.parse::<usize>().unwrap()..];
        Ok(newer.contains(&action).then_some(OperationState::Done))
    }

    async fn delete(&self, server: &ServerRef) -> Result<(), UpstreamError> {
        self.state().made(server)?.gone = true;
        Ok(())
    }

    async fn validate(&self) -> Result<UpstreamAccount, UpstreamError> {
        Err(unused())
    }

    async fn regions(&self) -> Result<Vec<OfferedRegion>, UpstreamError> {
        Err(unused())
    }

    async fn sizes(&self) -> Result<Vec<OfferedSize>, UpstreamError> {
        Err(unused())
    }

    async fn images(&self) -> Result<Vec<OfferedImage>, UpstreamError> {
        Err(unused())
    }
}

/// Nothing here asks for the catalogue.
fn unused() -> UpstreamError {
    UpstreamError::transient("there is no catalogue here")
}

impl ProviderConnector for Cloud {
    fn connect(&self, _: &ProviderAccount) -> Result<Arc<dyn CloudProvider>, UpstreamError> {
        Ok(Arc::new(self.clone()))
    }

    fn budgets(&self) -> Vec<(ProviderId, RequestBudget)> {
        Vec::new()
    }
}
