//! Example data, made through the same use cases as real data, then made a month old.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use app::billing::{self, NewProfile};
use app::catalog::create_plan;
use app::provider::NewProvider;
use app::vps::NewVps;
use app::{App, Caller, Operator, identity, payment, provider, vps};
use domain::catalog::Markup;
use domain::identity::Role;
use domain::payment::{AutoTerms, Threshold};
use domain::provider::ProviderKind;
use domain::vps::{PowerRequest, VpsName};
use domain::{ProviderId, SshKeyId};
use secrecy::{ExposeSecret as _, SecretString};
use simulator::Simulator;
use store::{Store, SystemPurpose};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::wire;

/// A person of the example data.
pub(super) struct Login {
    pub(super) role: &'static str,
    pub(super) email: &'static str,
    pub(super) password: &'static str,
}

/// Who can sign in to the demo.
pub(super) const LOGINS: &[Login] = &[
    Login { role: "operator", email: "operator@example.com", password: "demo-operator" },
    Login { role: "customer", email: "ann@acme.example", password: "demo-customer" },
    Login { role: "member", email: "max@acme.example", password: "demo-member" },
    Login { role: "customer", email: "ben@harbor.example", password: "demo-customer" },
];

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann@laptop";

/// Whom the first customer's receipts are made out to.
const ACME: NewProfile<'_> = NewProfile {
    name: "Acme Studio GmbH",
    address: "Lindenallee 12\n20259 Hamburg",
    country: "DE",
    vat_number: "DE123456789",
    email: "",
};

/// Name and the sizes that deliver it: at the first account, at the second.
const PLANS: &[(&str, Option<&str>, Option<&str>)] = &[
    ("Micro 512", None, Some("s-1vcpu-512mb-10gb")),
    ("Cloud 1", Some("g6-nanode-1"), Some("s-1vcpu-1gb")),
    ("Cloud 2", Some("g6-standard-1"), Some("s-1vcpu-2gb")),
    ("Cloud 2 Plus", None, Some("s-2vcpu-2gb")),
    ("Cloud 4", Some("g6-standard-2"), Some("s-2vcpu-4gb")),
    ("Cloud 8", Some("g6-standard-4"), Some("s-4vcpu-8gb")),
    ("Cloud 16", Some("g6-standard-6"), None),
    ("Cloud 32", Some("g6-standard-8"), None),
    ("Fast 4", None, Some("s-2vcpu-4gb-intel")),
    ("Dedicated 4", Some("g6-dedicated-2"), None),
    ("Dedicated 8", Some("g6-dedicated-4"), None),
    ("General 8", None, Some("g-2vcpu-8gb")),
    ("Memory 16", None, Some("m-2vcpu-16gb")),
];

/// Days of history.
const DAYS: i32 = 31;

struct Seed<'a> {
    store: &'a Store,
    app: &'a App,
    simulator: &'a Simulator,
}

/// Fills an empty installation.
pub(super) async fn run(
    config: &Config,
    store: &Store,
    app: &App,
    simulator: &Simulator,
    speed: f64,
) -> Result<()> {
    // Servers come up at once, so that the first start is quick.
    simulator.set_speed(2_000.0);
    let stop = CancellationToken::new();
    let work = tokio::spawn(wire::worker(config, app.clone())?.run(stop.clone()));
    let made = Seed { store, app, simulator }.make().await;
    stop.cancel();
    work.await?;
    made?;
    // Everything is old at once; then its hours are charged day by day, each in the month it belongs to.
    let owner = config.database_owner_url()?;
    store::demo::age(owner, DAYS).await?;
    for days in (0..DAYS).rev() {
        let now = store::billing::now(store).await?;
        app::billing::run(store, now - Duration::from_secs(86_400) * days.unsigned_abs()).await?;
        store::demo::date_back(owner, now, days).await?;
    }
    app::billing::issue_statements(app, store::billing::now(store).await?).await?;
    simulator.set_speed(speed);
    Ok(())
}

impl Seed<'_> {
    async fn make(&self) -> Result<()> {
        let [operator, ann, max, ben] = LOGINS else { bail!("the list of logins changed") };
        let password = SecretString::from(operator.password);
        refused(
            identity::create_operator(self.app, "SkyPanel Operators", "Olivia", operator.email, &password)
                .await,
        )?;
        self.catalogue().await?;

        let acme = self.sign_up("Acme Studio", "Ann Archer", ann).await?;
        refused(billing::set_profile(self.app, &acme, &refused(ACME.parse())?).await)?;
        let member = SecretString::from(max.password);
        refused(identity::add_member(self.app, &acme, "Max Miller", max.email, &member, Role::Member).await)?;
        let key = refused(vps::ssh_key::add(self.app, &acme, "Ann's laptop", KEY).await)?;
        self.top_up(&acme, "250.00").await?;
        for (name, plan, region, image) in [
            ("web-1", "cloud-2", "gb-london", "debian-12"),
            ("web-2", "cloud-2", "gb-london", "debian-12"),
            ("db-1", "cloud-4", "us-new-york", "ubuntu-24-04"),
            ("staging", "cloud-1", "us-new-york", "debian-12"),
            ("mail", "cloud-1", "de-frankfurt", "debian-12"),
        ] {
            self.order(&acme, key, name, plan, region, image).await?;
        }
        self.top_up(&acme, "50.00").await?;

        let harbor = self.sign_up("Blue Harbor", "Ben Brook", ben).await?;
        let key = refused(vps::ssh_key::add(self.app, &harbor, "", KEY).await)?;
        self.top_up(&harbor, "60.00").await?;
        self.auto_top_up(&harbor).await?;
        self.order(&harbor, key, "shop", "cloud-2", "sg-singapore", "ubuntu-24-04").await?;
        self.order(&harbor, key, "ci-runner", "micro-512", "us-new-york", "debian-12").await?;
        self.settled().await
    }

    async fn catalogue(&self) -> Result<()> {
        let operator = Operator::command_line();
        let first =
            self.account(&operator, ProviderKind::Linode, "Linode EU", self.simulator.linode_url()).await?;
        let second = self.account(
            &operator,
            ProviderKind::DigitalOcean,
            "DigitalOcean US",
            self.simulator.digitalocean_url(),
        );
        let second = second.await?;
        self.settled().await?;
        for (name, at_first, at_second) in PLANS {
            let sizes: Vec<(ProviderId, String)> = [(first, at_first), (second, at_second)]
                .into_iter()
                .filter_map(|(account, size)| size.map(|s| (account, s.to_owned())))
                .collect();
            let markup = Markup { basis_points: 2_500, ..Markup::default() };
            refused(create_plan(self.app, &operator, name, &sizes, markup).await)
                .with_context(|| name.to_owned())?;
        }
        Ok(())
    }

    async fn account(
        &self,
        operator: &Operator,
        kind: ProviderKind,
        name: &str,
        url: String,
    ) -> Result<ProviderId> {
        let token = SecretString::from("demo-1");
        refused(
            provider::add(self.app, operator, NewProvider { kind, name, token: &token, base_url: &url })
                .await,
        )
    }

    async fn sign_up(&self, organization: &str, name: &str, login: &Login) -> Result<Caller> {
        let password = SecretString::from(login.password);
        let new = identity::NewOrganization {
            organization,
            name,
            email: login.email,
            password: &password,
            address: None,
            user_agent: None,
        };
        let session = refused(identity::sign_up(self.app, new).await)?;
        self.settled().await?;
        self.confirm(login.email).await?;
        let known = refused(identity::by_session(self.app, session.token.expose_secret()).await)?;
        Ok(Caller::new(&known.context("the session just begun is unknown")?, None))
    }

    /// Opens the link in the welcome mail.
    async fn confirm(&self, email: &str) -> Result<()> {
        let mails = self.simulator.mails();
        let mail = mails.iter().find(|mail| mail.recipients.iter().any(|to| to == email));
        let link = mail.and_then(|mail| mail.text.split_once("/confirm-email?token="));
        let token = link.and_then(|(_, rest)| rest.split_whitespace().next());
        let token = SecretString::from(token.context("the welcome mail has no link")?);
        refused(identity::confirm_email(self.app, &token, None).await)
    }

    async fn top_up(&self, caller: &Caller, amount: &str) -> Result<()> {
        let id = refused(payment::begin_top_up(self.app, caller, amount.parse()?, None).await)?.effect();
        self.settled().await?;
        let reference = id.to_string();
        let orders = self.simulator.orders();
        let order =
            orders.iter().find(|o| o.custom_id.as_ref() == Some(&reference)).context("no order was made")?;
        if !self.simulator.approve(&order.id) {
            bail!("the order cannot be approved");
        }
        refused(payment::ask_for_capture(self.app, caller, id).await)?;
        self.settled().await
    }

    /// The payer agrees to automatic top-ups.
    async fn auto_top_up(&self, caller: &Caller) -> Result<()> {
        let terms = AutoTerms {
            threshold: Threshold::Hours(72),
            amount: "25.00".parse()?,
            ceiling: "100.00".parse()?,
        };
        refused(payment::set_auto_top_up(self.app, caller, terms).await)?;
        self.settled().await?;
        let shown = {
            let mut db = self.store.org_read(&caller.scope).await?;
            store::payment::auto::current(&mut db).await?
        };
        let url = shown.and_then(|shown| shown.approve_url).context("no payer was asked to agree")?;
        if !self.simulator.agree(url.rsplit('=').next().unwrap_or_default()) {
            bail!("the payer cannot agree");
        }
        refused(payment::ask_for_answer(self.app, caller).await)?;
        self.settled().await
    }

    async fn order(
        &self,
        caller: &Caller,
        key: SshKeyId,
        name: &str,
        plan: &str,
        region: &str,
        image: &str,
    ) -> Result<()> {
        let found = {
            let mut db = self.store.org_read(&caller.scope).await?;
            store::catalog::orderable(&mut db, plan, region, image).await?
        };
        let offer = found.with_context(|| format!("{plan} with {image} is not sold in {region}"))?;
        let new = NewVps {
            name: VpsName::parse(name)?,
            plan_id: offer.plan_id,
            region_id: offer.region_id,
            image_id: offer.image_id,
            price_version_id: offer.price_version_id,
            ssh_keys: vec![key],
            user_data: None,
        };
        let id = refused(vps::create(self.app, caller, new, None).await)?.effect();
        if name == "staging" {
            self.settled().await?;
            refused(vps::power(self.app, caller, id, PowerRequest::Stop).await)?;
        }
        Ok(())
    }

    /// Waits until all work is done.
    async fn settled(&self) -> Result<()> {
        for _ in 0..600 {
            if store::job::queue::open_of_people(self.store, SystemPurpose::CommandLine).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the example data did not come to rest")
    }
}

/// A refusal of a use case as an error with its public words.
fn refused<T>(outcome: app::Result<T>) -> Result<T> {
    outcome.map_err(|error| anyhow!("{error}: {}", error.public_message()))
}
