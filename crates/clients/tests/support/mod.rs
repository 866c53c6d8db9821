//! A simulated cloud with the client under test.

mod checker;

use std::sync::{Arc, Once};
use std::time::Duration;

pub(crate) use checker::Checker;
use chrono::TimeDelta;
use clients::{Clouds, Options};
use domain::provider::{
    CloudProvider, ProviderAccount, ProviderConnector as _, ProviderKind, Rejection, ServerRef, ServerSpec,
    ServerTag, UpstreamError,
};
use domain::{ProviderId, VpsId};
use simulator::{Config, Fault, SimServer, Simulator};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
/// Between two looks at something that becomes true soon.
pub(crate) const MOMENT: Duration = Duration::from_millis(50);
/// After this, what should have become true will not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Makes a test of each function for each provider.
macro_rules! contract {
    ($($test:ident),+ $(,)?) => {
        mod linode { $(
            #[tokio::test]
            async fn $test() {
                let kind = domain::provider::ProviderKind::Linode;
                super::$test(super::World::start(kind).await).await;
            }
        )+ }
        mod digitalocean { $(
            #[tokio::test]
            async fn $test() {
                let kind = domain::provider::ProviderKind::DigitalOcean;
                super::$test(super::World::start(kind).await).await;
            }
        )+ }
    };
}
pub(crate) use contract;

/// One provider, simulated, with its clock frozen.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    kind: ProviderKind,
    checker: Option<Checker>,
    account: ProviderId,
    clouds: Clouds,
}

impl World {
    pub(crate) async fn start(kind: ProviderKind) -> Self {
        let checker = Checker::of(kind.as_str());
        let mut config = Config::default();
        if let Some(checker) = &checker {
            match kind {
                ProviderKind::Linode => config.linode = checker.upstream,
                ProviderKind::DigitalOcean => config.digitalocean = checker.upstream,
            }
        }
        let simulator = Simulator::start(config).await.unwrap();
        simulator.freeze(true);
        Self { simulator, kind, checker, account: ProviderId::new(), clouds: clouds(&Options::default()) }
    }

    /// A client as the product makes it, for an account of its own.
    pub(crate) fn client(&self, token: &str) -> Arc<dyn CloudProvider> {
        self.client_at(&self.url(), token, ProviderId::new())
    }

    pub(crate) fn client_at(&self, url: &str, token: &str, account: ProviderId) -> Arc<dyn CloudProvider> {
        self.clouds.connect(&self.account_at(url, token, account)).unwrap()
    }

    /// A client that gives up after a second.
    pub(crate) fn hasty_client(&self) -> Arc<dyn CloudProvider> {
        let options = Options { call_timeout: Duration::from_secs(1) };
        clouds(&options).connect(&self.account_at(&self.url(), "acme-1", self.account)).unwrap()
    }

    fn account_at(&self, url: &str, token: &str, id: ProviderId) -> ProviderAccount {
        ProviderAccount { id, kind: self.kind, base_url: Some(url.parse().unwrap()), token: token.into() }
    }

    pub(crate) fn url(&self) -> String {
        if let Some(checker) = &self.checker {
            return checker.url.clone();
        }
        match self.kind {
            ProviderKind::Linode => self.simulator.linode_url(),
            ProviderKind::DigitalOcean => self.simulator.digitalocean_url(),
        }
    }

    /// An order for a small server in Frankfurt, each with a tag of its own.
    pub(crate) fn spec(&self) -> ServerSpec {
        let (region, image) = match self.kind {
            ProviderKind::Linode => ("de-fra-2", "linode/debian13"),
            ProviderKind::DigitalOcean => ("fra1", "debian-13-x64"),
        };
        ServerSpec {
            tag: ServerTag::of(VpsId::new()),
            hostname: "web-1".to_owned(),
            region: region.to_owned(),
            size: self.small_size().to_owned(),
            image: image.to_owned(),
            ssh_keys: vec![KEY.to_owned()],
            user_data: Some("#cloud-config\n".to_owned()),
        }
    }

    pub(crate) fn small_size(&self) -> &'static str {
        match self.kind {
            ProviderKind::Linode => "g6-nanode-1",
            ProviderKind::DigitalOcean => "s-1vcpu-1gb",
        }
    }

    /// Hour and month of the small size, as the vendors' price lists say.
    pub(crate) fn small_price(&self) -> (&'static str, &'static str) {
        match self.kind {
            ProviderKind::Linode => ("0.0075", "5.00"),
            ProviderKind::DigitalOcean => ("0.00893", "6.00"),
        }
    }

    /// The simulator's name of the limit that listings count against.
    pub(crate) fn general_limit(&self) -> &'static str {
        match self.kind {
            ProviderKind::Linode => "linode.general",
            ProviderKind::DigitalOcean => "digitalocean.hour",
        }
    }

    /// A server that has come up.
    pub(crate) async fn running_server(&self, client: &Arc<dyn CloudProvider>) -> ServerRef {
        let server = client.create(&self.spec()).await.unwrap();
        self.settle();
        server.id
    }

    /// Lets the cloud finish whatever is under way.
    pub(crate) fn settle(&self) {
        self.simulator.step(TimeDelta::minutes(10));
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.simulator.inject(fault);
    }

    /// How many requests of an operation have arrived.
    pub(crate) fn sent(&self, operation: &str) -> usize {
        let requests = self.simulator.requests();
        let suffix = format!(".{operation}");
        requests
            .iter()
            .filter(|request| request.operation.is_some_and(|name| name.ends_with(&suffix)))
            .count()
    }

    pub(crate) fn alive(&self) -> Vec<SimServer> {
        self.simulator.servers().into_iter().filter(|server| !server.is_deleted()).collect()
    }
}

/// Was it refused for this reason?
pub(crate) fn is_rejected(outcome: &Result<(), UpstreamError>, expected: Rejection) -> bool {
    matches!(outcome, Err(UpstreamError::Rejected { reason, .. }) if *reason == expected)
}

/// An address where nobody listens.
pub(crate) fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn clouds(options: &Options) -> Clouds {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    Clouds::new(options).unwrap()
}
