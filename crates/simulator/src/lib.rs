//! Offline Linode, DigitalOcean, PayPal, a register of VAT numbers and a mail host speaking the real wire formats.
//!
//! The clouds keep state, take (virtual) time, limit rates and fail on request, so that the product can be
//! shown and tested without an account anywhere. [`Simulator`] runs them in-process; the same controls are
//! reachable over HTTP under `/_sim/` on each port.
//!
//! A token `acme-1` belongs to the simulated account `acme` (what stands before the last dash), `bad-token` is
//! refused, every other token is accepted.
//!
//! Faults and the request log name operations. Per cloud (`linode`, `digitalocean`): `.list`, `.get`, `.create`,
//! `.update`, `.delete` of servers, `.action` for power and other actions on them; Linode's `.events` and
//! `.event`, DigitalOcean's `.actions` and `.action_get`; `.account`, `.regions`, `.images`, `.keys`,
//! `.key_create`, `.tags` and so on as the route tables in `linode` and `digitalocean` say. PayPal's are in
//! `paypal/operation.rs`, for example `paypal.capture`; the mail host has `mail.auth`, `mail.rcpt` and `mail.send`,
//! the register of VAT numbers `vies.check`.
//!
//! Webhooks meet faults, too, each attempt anew: their operations are `webhook.` and the type of the event, for example
//! `webhook.PAYMENT.CAPTURE.COMPLETED` or `webhook.*`. Besides the kinds that are made for them, `slow` delays one,
//! `vanish` loses it for good, `cut_before`, `error` and the other refusals keep this attempt from being sent,
//! `cut_after` loses the listener's answer, `malformed_json` cuts the body in half.
//!
//! What payers, their banks and PayPal do by themselves are POSTs under `/_sim/paypal/`, with what is optional in
//! brackets:
//!
//! - `orders/ID/approve` `{[pending], [declined]}`; `setup-tokens/ID/approve`
//! - `captures/ID/complete`, `captures/ID/deny` `{[after_seconds]}` and `captures/ID/decline` of what is pending
//! - `captures/ID/reverse` `{[amount]}`: the bank takes money back
//! - `captures/ID/dispute` `{[amount], [reason], [stage]}`, `disputes/ID/stage` `{stage}`, `disputes/ID/resolve`
//!   `{outcome}`, with PayPal's words for stages and outcomes
//! - `refunds/ID/complete`, `refunds/ID/fail` `{[after_seconds]}` of what the fault `stuck` left pending
//! - `payment-tokens/ID/decline` `{[declined]}`, `payment-tokens/ID/revoke`
//! - `reporting` `{lag_seconds}`: how far reports are behind, in virtual time
//!
//! GET shows `orders`, `disputes`, `payment-tokens`, `events`, `deliveries` and `root.pem`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod core;
mod digitalocean;
mod linode;
mod mail;
mod paypal;
mod server;
mod vies;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::core::service::Service;
use crate::core::{Core, Keeper, admin_router};
pub use crate::core::{Fault, FaultKind, RequestLog};
use crate::digitalocean::DigitalOcean;
use crate::linode::Linode;
use crate::mail::MailHost;
pub use crate::mail::SimMail;
use crate::paypal::Paypal;
pub use crate::paypal::{SimCapture, SimDelivery, SimOrder, SimToken};
use crate::server::Servers;
use crate::vies::Vies;

/// Where the simulator listens and how it behaves.
#[derive(Debug, Clone)]
pub struct Config {
    pub linode: SocketAddr,
    pub digitalocean: SocketAddr,
    pub paypal: SocketAddr,
    /// SMTP. The inbox is at `/_sim/mail` of each HTTP port.
    pub mail: SocketAddr,
    /// Virtual seconds per real second.
    pub speed: f64,
    /// The same seed and the same order of requests give the same ids and addresses.
    pub seed: u64,
    /// With it the simulator goes on after a restart where it stood: servers, keys, tags, events and actions,
    /// PayPal's books, the mails taken, the ids given out (none is given twice) and virtual time. `None` keeps all in memory.
    ///
    /// What changed is written about every 200 ms and by [`Simulator::stop`], so that a kill loses no more than
    /// that. Virtual time goes on from where it stood or from the real time, whichever is later, at
    /// [`Config::speed`]; after a kill it may skip up to a minute's worth, so that it never goes back. The seed
    /// of the first start stays. A file that cannot be read is put aside as `FILE.bad`. One simulator at a time
    /// may use a file.
    pub state_file: Option<PathBuf>,
}

impl Default for Config {
    /// Free ports of the loopback interface, real time, seed 1, all in memory.
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { linode: any, digitalocean: any, paypal: any, mail: any, speed: 1.0, seed: 1, state_file: None }
    }
}

/// A cloud of the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    Linode,
    DigitalOcean,
}

/// A server as the cloud knows it: the truth that tests compare the product's view with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimServer {
    pub cloud: Cloud,
    /// Simulated account it belongs to.
    pub account: String,
    pub id: u64,
    /// Linode label or droplet name.
    pub label: String,
    pub tags: Vec<String>,
    /// In the cloud's words: `running`, `active` …; the last one for a deleted server.
    pub status: String,
    /// Virtual times.
    pub created_at: DateTime<Utc>,
    /// Set once the server was deleted; equals `created_at` if it vanished right after the create.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Linode type or droplet size.
    pub size: String,
    pub region: String,
}

impl SimServer {
    /// Whether the server is gone (and costs nothing any more).
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }
}

/// The running simulator. Dropping it stops it, too, without a last save.
pub struct Simulator {
    pub linode: SocketAddr,
    pub digitalocean: SocketAddr,
    pub paypal: SocketAddr,
    pub mail: SocketAddr,
    /// Before the clouds, which it saves as long as it is there.
    keeper: Option<Keeper>,
    core: Arc<Core>,
    linode_cloud: Arc<Service<Linode>>,
    digitalocean_cloud: Arc<Service<DigitalOcean>>,
    paypal_gateway: Arc<Paypal>,
    mail_host: Arc<MailHost>,
    vies: Arc<Vies>,
    servers: Servers,
}

impl Simulator {
    /// Takes up the saved state, if any, binds the ports and begins to serve.
    ///
    /// # Errors
    /// When a port cannot be bound or the state file cannot be written.
    pub async fn start(config: Config) -> std::io::Result<Self> {
        let core = Core::new(config.speed, config.seed);
        let linode_cloud = Service::<Linode>::new(&core);
        let digitalocean_cloud = Service::<DigitalOcean>::new(&core);
        let paypal_gateway = Paypal::new(&core);
        let mail_host = MailHost::new(&core);
        let vies = Vies::new(&core);
        let keeper = config.state_file.map(|path| Keeper::start(core.clone(), path)).transpose()?;
        let mut servers = Servers::default();
        let admin = || admin_router(core.clone()).merge(mail::router(mail_host.clone())).merge(vies.router());
        let linode = servers.bind(config.linode, linode_cloud.router().merge(admin())).await?;
        let digitalocean =
            servers.bind(config.digitalocean, digitalocean_cloud.router().merge(admin())).await?;
        let paypal = servers.bind(config.paypal, paypal_gateway.router().merge(admin())).await?;
        servers.run(paypal_gateway.clone().deliver());
        let host = mail_host.clone();
        let mail = servers.listen(config.mail, move |stream| mail::converse(host.clone(), stream)).await?;
        tracing::info!(%linode, %digitalocean, %paypal, %mail, "simulated providers are listening");
        Ok(Self {
            linode,
            digitalocean,
            paypal,
            mail,
            keeper,
            core,
            linode_cloud,
            digitalocean_cloud,
            paypal_gateway,
            mail_host,
            vies,
            servers,
        })
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn linode_url(&self) -> String {
        format!("http://{}", self.linode)
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn digitalocean_url(&self) -> String {
        format!("http://{}", self.digitalocean)
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn paypal_url(&self) -> String {
        format!("http://{}", self.paypal)
    }

    /// The register of VAT numbers, with its path.
    pub fn vies_url(&self) -> String {
        format!("{}{}", self.paypal_url(), vies::PATH)
    }

    /// Where the root that vouches for webhooks is served: see [`Simulator::webhook_root`].
    pub fn webhook_root_url(&self) -> String {
        format!("{}/_sim/paypal/root.pem", self.paypal_url())
    }

    /// `smtp://127.0.0.1:PORT`.
    pub fn smtp_url(&self) -> String {
        format!("smtp://{}", self.mail)
    }

    /// The page with every mail that was sent.
    pub fn inbox_url(&self) -> String {
        format!("{}/_sim/mail", self.linode_url())
    }

    /// Ends the servers and saves the state; requests under way get a moment to finish.
    pub async fn stop(self) {
        self.servers.stop().await;
        if let Some(keeper) = self.keeper {
            keeper.finish().await;
        }
    }

    /// Every server of both clouds that was ever accepted, the deleted ones included, by cloud and id.
    pub fn servers(&self) -> Vec<SimServer> {
        let now = self.core.clock.now();
        let mut servers = self.linode_cloud.world().servers(now);
        servers.extend(self.digitalocean_cloud.world().servers(now));
        servers.sort_by_key(|server| (server.cloud, server.id));
        servers
    }

    /// Every PayPal order ever made, oldest first.
    pub fn orders(&self) -> Vec<SimOrder> {
        self.paypal_gateway.orders()
    }

    /// The payer approves an order as on the approval page. `false` when there is no such open order.
    pub fn approve(&self, order: &str) -> bool {
        self.paypal_gateway.approve_with_balance(order)
    }

    /// The payer lets a merchant charge, as on the page for that. `false` when there is no such question.
    pub fn agree(&self, setup_token: &str) -> bool {
        self.paypal_gateway.agree(setup_token)
    }

    /// Every leave to charge that was ever given.
    pub fn payment_tokens(&self) -> Vec<SimToken> {
        self.paypal_gateway.tokens()
    }

    /// Every attempt to deliver a webhook of PayPal's, oldest first (the newest 5000).
    pub fn webhook_deliveries(&self) -> Vec<SimDelivery> {
        self.paypal_gateway.deliveries()
    }

    /// How many webhooks are still to be delivered: not taken, given up or lost yet.
    pub fn undelivered_webhooks(&self) -> usize {
        self.paypal_gateway.undelivered()
    }

    /// The root certificate that the signatures of webhooks go back to, as PEM; also at `/_sim/paypal/root.pem`.
    /// Made when it is first asked for, which takes about a second. `None` if the system gives no random numbers.
    pub fn webhook_root(&self) -> Option<String> {
        self.paypal_gateway.root()
    }

    /// Makes the register of VAT numbers know a number (with its prefix), or not. At the start it knows all.
    pub fn set_vat_number(&self, number: &str, known: bool) {
        self.vies.set_known(number, known);
    }

    /// Every mail that was taken, oldest first (the newest 1000).
    pub fn mails(&self) -> Vec<SimMail> {
        self.mail_host.mails()
    }

    /// The virtual time.
    pub fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }

    /// Virtual seconds per real second from now on.
    pub fn set_speed(&self, speed: f64) {
        self.core.clock.set_speed(speed);
    }

    /// Stops virtual time, or lets it run again.
    pub fn freeze(&self, frozen: bool) {
        self.core.clock.freeze(frozen);
    }

    /// Lets virtual time jump ahead; negative steps are ignored.
    pub fn step(&self, by: TimeDelta) {
        self.core.clock.step(by);
    }

    /// Adds a fault.
    pub fn inject(&self, fault: Fault) {
        self.core.faults.inject(fault);
    }

    /// Faults that have not hit as often as they are to.
    pub fn faults(&self) -> Vec<Fault> {
        self.core.faults.all()
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
    }

    /// Refuses requests over the vendors' rate limits from now on (off at the start; headers always show them).
    pub fn enforce_rate_limits(&self, enforce: bool) {
        self.core.limits.enforce(enforce);
    }

    /// Replaces the limit of one class (`linode.create`, `digitalocean.minute` …) per its window.
    pub fn set_rate_limit(&self, class: &str, limit: u32) {
        self.core.limits.set(class, limit);
    }

    /// Forgets everything: servers, keys, orders, faults, requests; ids and time start again.
    pub fn reset(&self) {
        self.core.reset();
    }

    /// What clients sent, oldest first (the newest 5000).
    pub fn requests(&self) -> Vec<RequestLog> {
        self.core.requests.all()
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("linode", &self.linode)
            .field("digitalocean", &self.digitalocean)
            .field("paypal", &self.paypal)
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}
