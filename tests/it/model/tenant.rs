//! An organization that lives a history drawn from a seed, once in the panel and once in the oracle.

use std::fmt::Write as _;

use app::Caller;
use app::vps::NewVps;
use domain::vps::{PowerRequest, VpsName};
use domain::{Money, SshKeyId, TopUpId, VpsId};
use serde_json::json;
use testkit::{PUBLIC_KEY, Panel, Random};

use super::cloud::SOLD_OUT;
use super::oracle::{Books, Event, Price, Time, Vps};
use super::timeline::LOOK;

/// Longest list of VPSs of an organization.
const MOST: usize = 4;

/// What can be ordered at a moment, and at which price by the rules.
pub(crate) struct Offer {
    pub(crate) order: NewVps,
    pub(crate) price: Price,
}

/// A VPS as the test knows it.
struct Ordered {
    id: VpsId,
    at: Time,
    /// When its server comes up; `None` when nobody delivers.
    up_at: Option<Time>,
    /// Was a server made before it was deleted?
    existed: bool,
    /// Deleted before it was active, and gone after so many looks.
    gone_at: Option<Time>,
}

pub(crate) struct Tenant {
    pub(crate) caller: Caller,
    /// What the rules say.
    pub(crate) books: Books,
    /// What happened, for people.
    pub(crate) story: String,
    ssh_key: SshKeyId,
    random: Random,
    ordered: Vec<Ordered>,
    /// Begun, and not captured yet.
    top_up: Option<(TopUpId, i64)>,
}

impl Tenant {
    pub(crate) async fn new(panel: &Panel, caller: Caller, random: Random) -> Self {
        let ssh_key = app::vps::ssh_key::add(&panel.app, &caller, "laptop", PUBLIC_KEY).await.unwrap();
        let (books, ordered) = (Books::default(), Vec::new());
        Self { caller, books, story: String::new(), ssh_key, random, ordered, top_up: None }
    }

    /// The organization's VPSs, in the order in which they were ordered.
    pub(crate) fn vps(&self) -> impl Iterator<Item = VpsId> {
        self.ordered.iter().map(|ordered| ordered.id)
    }

    /// Does one thing, or nothing.
    pub(crate) async fn act(&mut self, panel: &Panel, now: Time, offers: &[Offer]) {
        let living = self.books.living();
        let target = (!living.is_empty()).then(|| living[self.random.index(living.len())]);
        let is_first = self.story.is_empty();
        match (self.random.within(0..100), target) {
            _ if is_first => self.begin_top_up(panel, now).await,
            (0..10, _) if living.len() < MOST => self.order(panel, now, offers).await,
            (10..16, Some(vps)) => self.delete(panel, now, vps).await,
            (16..24, _) => self.begin_top_up(panel, now).await,
            (24..28, Some(vps)) => self.power(panel, now, vps).await,
            // Nobody lives without a server for long, or stays suspended.
            (28..60, _) if self.books.is_suspended() => self.begin_top_up(panel, now).await,
            (28.., None) => self.order(panel, now, offers).await,
            _ => {}
        }
    }

    /// The rules' answer to what is asked, told in the story.
    fn happens(&mut self, now: Time, event: Event) -> bool {
        let possible = self.books.happens(now, event);
        let balances = (self.books.wallet, self.books.held(), self.books.debt);
        writeln!(self.story, "{now} {event:?}: {possible}, then wallet, held, debt {balances:?}").unwrap();
        possible
    }

    async fn order(&mut self, panel: &Panel, now: Time, offers: &[Offer]) {
        let Offer { order, price } = &offers[self.random.index(offers.len())];
        let number = self.ordered.len();
        let minutes = self.random.pick(&[Some(0), Some(0), Some(0), Some(0), Some(45), Some(700), None]);
        let pace = minutes.map_or(SOLD_OUT.to_owned(), |minutes: i64| minutes.to_string());
        let name = VpsName::parse(&format!("vps-{number}-{pace}")).unwrap();
        let order = NewVps { name, ssh_keys: vec![self.ssh_key], ..order.clone() };
        let made = app::vps::create(&panel.app, &self.caller, order, None).await;
        let accepted = match made {
            Ok(done) => Some(done.effect()),
            Err(app::Error::InsufficientFunds { .. }) => None,
            Err(error) => self.fails(&format!("an order was answered {error:?}")),
        };
        let possible = self.happens(now, Event::Order(*price));
        self.agree("an order", accepted.is_some(), possible);
        let Some(id) = accepted else { return };
        let up_at = minutes.map(|minutes| now + chrono::TimeDelta::minutes(minutes));
        self.ordered.push(Ordered { id, at: now, up_at, existed: false, gone_at: None });
        if self.random.percent(5) {
            self.delete(panel, now, number).await;
        }
    }

    async fn delete(&mut self, panel: &Panel, now: Time, vps: Vps) {
        let before_active = self.books.is_ordered(vps);
        app::vps::delete(&panel.app, &self.caller, self.ordered[vps].id).await.unwrap();
        let possible = self.happens(now, Event::Delete(vps));
        self.agree("a delete", true, possible);
        let ordered = &mut self.ordered[vps];
        if before_active {
            // Deleted together with the order, it never reached a provider. Else its server has to go first.
            ordered.existed = ordered.at < now;
            ordered.gone_at = Some(if ordered.existed { now + LOOK * 2 } else { now });
        }
    }

    async fn power(&mut self, panel: &Panel, now: Time, vps: Vps) {
        let request = self.random.pick(&[PowerRequest::Start, PowerRequest::Stop]);
        let done = app::vps::power(&panel.app, &self.caller, self.ordered[vps].id, request).await;
        let possible = self.happens(now, Event::Power(vps));
        self.agree("a power request", done.is_ok(), possible);
    }

    async fn begin_top_up(&mut self, panel: &Panel, now: Time) {
        let most = if self.random.percent(25) { 9_000 } else { 700 };
        let cents = self.random.within(50..most);
        let amount = i64::try_from(cents).unwrap() * 10_000;
        let begun = app::payment::begin_top_up(&panel.app, &self.caller, Money::from_micros(amount), None);
        self.top_up = Some((begun.await.unwrap().effect(), amount));
        writeln!(self.story, "{now} begins to pay {amount}").unwrap();
    }

    /// Approves what was begun and comes back.
    pub(crate) async fn pay(&mut self, panel: &Panel) {
        if let Some((id, _)) = self.top_up {
            panel.approve(id, &json!({})).await;
            app::payment::ask_for_capture(&panel.app, &self.caller, id).await.unwrap();
        }
    }

    /// What became of orders and payments when the workers looked at this time.
    pub(crate) fn workers_looked(&mut self, now: Time) {
        for vps in 0..self.ordered.len() {
            let Ordered { at, up_at, existed, gone_at, .. } = self.ordered[vps];
            if gone_at == Some(now) {
                self.happens(now, Event::Gone { vps, existed });
            }
            if !self.books.is_ordered(vps) {
                continue;
            }
            match up_at {
                None => _ = self.happens(now, Event::SoldOut(vps)),
                // The server was asked for at the first look and is found by the next.
                Some(up_at) if at < now && up_at <= now => _ = self.happens(now, Event::Active(vps)),
                Some(_) => {}
            }
        }
        self.books.happens(now, Event::Work);
    }

    /// What was begun is in the wallet at this look.
    pub(crate) fn captured(&mut self, now: Time) {
        if let Some((_, amount)) = self.top_up.take() {
            self.happens(now, Event::Paid(amount));
        }
    }

    pub(crate) fn billed(&mut self, now: Time) {
        let before = self.books.charges.len();
        self.books.happens(now, Event::Bill);
        let (hours, wallet, debt) = (self.books.charges.len() - before, self.books.wallet, self.books.debt);
        writeln!(self.story, "{now} billed {hours} hours, then wallet, debt {wallet}, {debt}").unwrap();
    }

    fn agree(&self, what: &str, panel: bool, rules: bool) {
        if panel != rules {
            self.fails(&format!("{what} was possible: {panel}, by the rules: {rules}"));
        }
    }

    fn fails(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.story)
    }
}
