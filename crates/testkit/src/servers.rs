//! VPSs, and the servers behind them.

use std::sync::Arc;

use app::Caller;
use app::vps::NewVps;
use domain::provider::{
    CloudProvider, PowerAction, ProviderAccount, ProviderConnector as _, ProviderKind, ServerRef, ServerSpec,
    ServerState, ServerTag,
};
use domain::vps::{Power, VpsName};
use domain::{ProviderId, SshKeyId, VpsId};
use simulator::{Cloud, SimServer};

use crate::{IMAGE, Panel, REGION, eventually, worker};

/// A public key whose private half nobody has.
pub const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl laptop";

impl Panel {
    /// Orders a VPS of a plan (`small`, `harbor`, `meadow`, `large`) in the usual region.
    pub async fn order(&self, caller: &Caller, plan: &str, name: &str) -> VpsId {
        let new = self.new_vps(caller, plan, name).await;
        app::vps::create(&self.app, caller, new, None).await.unwrap().effect()
    }

    /// Orders a VPS and waits until it is active. Needs a worker.
    pub async fn active(&self, caller: &Caller, plan: &str, name: &str) -> VpsId {
        let vps = self.order(caller, plan, name).await;
        self.until_state(vps, "active").await;
        vps
    }

    /// What an order of a plan in the usual region says, at the price in force.
    pub async fn new_vps(&self, caller: &Caller, plan: &str, name: &str) -> NewVps {
        let mut db = self.store.org_read(&caller.scope).await.unwrap();
        let found = store::catalog::orderable(&mut db, plan, REGION, IMAGE).await.unwrap();
        let found = found.unwrap_or_else(|| panic!("{plan} cannot be ordered"));
        drop(db);
        NewVps {
            name: VpsName::parse(name).unwrap(),
            plan_id: found.plan_id,
            region_id: found.region_id,
            image_id: found.image_id,
            price_version_id: found.price_version_id,
            ssh_keys: vec![self.ssh_key(caller).await],
            user_data: None,
        }
    }

    /// A key of the organization.
    pub async fn ssh_key(&self, caller: &Caller) -> SshKeyId {
        let organization = caller.organization_id();
        let known: Option<uuid::Uuid> = self
            .fetch(format!(
                "select (select id from ssh_keys where organization_id = '{organization}' limit 1)"
            ))
            .await;
        match known {
            Some(id) => SshKeyId(id),
            None => app::vps::ssh_key::add(&self.app, caller, "laptop", PUBLIC_KEY).await.unwrap(),
        }
    }

    /// Waits until a VPS is in a state.
    pub async fn until_state(&self, vps: VpsId, state: &str) {
        self.until(format!("select state = '{state}' from vps_instances where id = '{vps}'")).await;
    }

    /// Waits until nothing is under way on a VPS and it is known to have this power.
    pub async fn until_power(&self, vps: VpsId, power: &str) {
        self.until(format!(
            "select power = '{power}' and not exists (select from vps_actions where vps_id = v.id
                and state in ('queued', 'running')) from vps_instances v where id = '{vps}'"
        ))
        .await;
    }

    /// What a small server at a cloud is ordered with, for servers made past the panel.
    pub fn spec(cloud: Cloud, tag: ServerTag) -> ServerSpec {
        let (region, size, image) = match cloud {
            Cloud::Linode => ("de-fra-2", "g6-nanode-1", "linode/debian13"),
            Cloud::DigitalOcean => ("fra1", "s-1vcpu-1gb", "debian-13-x64"),
        };
        ServerSpec {
            tag,
            hostname: "past-the-panel".into(),
            region: region.into(),
            size: size.into(),
            image: image.into(),
            ssh_keys: vec![PUBLIC_KEY.into()],
            user_data: None,
        }
    }

    /// Every server that a cloud ever made for a VPS.
    pub fn servers_of(&self, vps: VpsId) -> Vec<SimServer> {
        let tag = ServerTag::of(vps).to_string();
        self.simulator.servers().into_iter().filter(|server| server.tags.contains(&tag)).collect()
    }

    /// The servers of a VPS that still run up a bill.
    pub fn living_servers_of(&self, vps: VpsId) -> Vec<SimServer> {
        self.servers_of(vps).into_iter().filter(|server| !server.is_deleted()).collect()
    }

    /// A cloud account of the installation, used past the panel.
    pub fn cloud(&self, cloud: Cloud) -> Arc<dyn CloudProvider> {
        let (kind, token, url) = match cloud {
            Cloud::Linode => (ProviderKind::Linode, "harbor-1", self.simulator.linode_url()),
            Cloud::DigitalOcean => {
                (ProviderKind::DigitalOcean, "meadow-1", self.simulator.digitalocean_url())
            }
        };
        let base_url = Some(url.parse().unwrap());
        let account = ProviderAccount { id: ProviderId::new(), kind, base_url, token: token.into() };
        worker::clouds().connect(&account).unwrap()
    }

    /// The cloud at which a VPS is placed, and its server there, to be used past the panel.
    pub fn behind(&self, vps: VpsId) -> (Arc<dyn CloudProvider>, ServerRef) {
        let server = self.living_servers_of(vps).remove(0);
        (self.cloud(server.cloud), ServerRef(server.id.to_string()))
    }

    /// Removes the server of a VPS past the panel.
    pub async fn destroy_outside(&self, vps: VpsId) {
        let (cloud, server) = self.behind(vps);
        cloud.delete(&server).await.unwrap();
        eventually("the server is gone", || self.living_servers_of(vps).is_empty()).await;
    }

    /// Switches the server of a VPS on or off past the panel, and waits until it is.
    pub async fn power_outside(&self, vps: VpsId, action: PowerAction, until: Power) {
        let (cloud, server) = self.behind(vps);
        cloud.power(&server, action).await.unwrap();
        while cloud.get(&server).await.unwrap().state != ServerState::Up(until) {
            tokio::task::yield_now().await;
        }
    }

    /// Compares all inventories once, and waits until everything that follows is done. Needs a worker.
    pub async fn reconcile(&self) {
        for provider in self.fetch_all::<uuid::Uuid>("select id from providers").await {
            self.enqueue("provider.reconcile", &serde_json::json!({ "provider_id": provider })).await;
        }
        self.until_idle().await;
    }

    /// Moves the hours of a VPS or resource into the past, as if it had been active since `started_at` (SQL for a
    /// timestamp) and nothing but its first hour had been charged.
    pub async fn backdate(&self, id: impl std::fmt::Display, started_at: &str) {
        self.execute(format!(
            "with moved as (
                update meters set started_at = {started_at}, paid_until = {started_at} + interval '1 hour', flat_until = null,
                    month = date_trunc('month', ({started_at}) at time zone 'UTC')::date
                where vps_id = '{id}' or resource_id = '{id}' returning id, started_at
            ), active as (update vps_instances set active_at = {started_at} where id = '{id}'
            ), also as (update resources set active_at = {started_at} where id = '{id}')
            update charges c set span_start = m.started_at from moved m where c.meter_id = m.id"
        ))
        .await;
    }
}
