//! An organization that lives a history drawn from a seed, once in the panel and once in the oracle.

mod customer;
mod operator;
mod payer;
mod resizes;

use std::fmt::Write as _;

use app::vps::NewVps;
use app::{Caller, Operator};
use domain::wallet::Code;
use domain::{AdjustmentId, PlanId, PriceMoveId, PriceVersionId, SshKeyId, TopUpId};
use testkit::{PUBLIC_KEY, Panel, Random};
use uuid::Uuid;

use super::gateway::Gateway;
use super::oracle::{Books, Event, Price, Rules, Time, rate_on};
use payer::{Case, Waiting};
use resizes::UnderWay;

pub(crate) use operator::DAYS;

/// What can be ordered at a moment, and at which price by the rules.
pub(crate) struct Offer {
    pub(crate) order: NewVps,
    pub(crate) price: Price,
}

/// A code: what it is worth, and after how many days that ends.
#[derive(Clone)]
pub(crate) struct Gift {
    pub(crate) code: Code,
    pub(crate) amount: i64,
    pub(crate) days: Option<i32>,
}

/// Vouchers of each organization.
pub(crate) const VOUCHERS: usize = 3;

/// What everybody finds who acts at a moment.
pub(crate) struct Scene<'a> {
    pub(crate) panel: &'a Panel,
    pub(crate) gateway: &'a Gateway,
    pub(crate) now: Time,
    pub(crate) offers: &'a [Offer],
    /// What volumes cost, by [`PRICED_GIB`](super::oracle::PRICED_GIB).
    pub(crate) volumes: (PriceVersionId, Price),
    /// Tax rates at home and their days.
    pub(crate) rates: &'a [(Time, i64)],
    /// Who asks, and who agrees.
    pub(crate) operators: [Operator; 2],
    pub(crate) promotion: &'a Gift,
    pub(crate) rules: Rules,
}

/// Where the organization is, for its tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Where the panel is: it pays the rate.
    Here,
    /// A business in another country of the union: it owes the tax itself.
    BusinessAbroad,
    /// A country without a rate.
    Elsewhere,
}

/// A VPS or volume as the test knows it.
struct Ordered {
    id: Uuid,
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
    home: Home,
    /// It does not hurry to pay.
    is_slow: bool,
    ordered: Vec<Ordered>,
    /// Begun, and not captured yet: with which rate of tax.
    top_up: Option<(TopUpId, i64, i64)>,
    /// Captured, in their order.
    payments: Vec<TopUpId>,
    /// What the workers do the next time they look, of what was asked for.
    at_next_look: Vec<Event>,
    /// A refund of which the gateway does not know yet what becomes.
    waiting: Option<Waiting>,
    /// A payer who wants money back.
    case: Option<Case>,
    disputes: usize,
    vouchers: Vec<Gift>,
    has_redeemed: bool,
    /// Corrections that wait for another operator, or did.
    asked: Vec<AdjustmentId>,
    /// Announced changes of prices.
    moves: Vec<(PlanId, PriceMoveId)>,
    /// Resizes that the provider has not answered yet.
    under_way: Vec<UnderWay>,
}

impl Tenant {
    pub(crate) async fn new(
        panel: &Panel,
        caller: Caller,
        mut random: Random,
        vouchers: Vec<Gift>,
        rules: Rules,
    ) -> Self {
        let ssh_key = app::vps::ssh_key::add(&panel.app, &caller, "laptop", PUBLIC_KEY).await.unwrap();
        let home = random.pick(&[Home::Here, Home::Here, Home::BusinessAbroad, Home::Elsewhere]);
        let (country, number) = match home {
            Home::Here => ("DE", ""),
            Home::BusinessAbroad => ("AT", "ATU12345678"),
            Home::Elsewhere => ("US", ""),
        };
        panel.billing_details(&caller, country, number).await;
        Self {
            caller,
            books: Books::new(rules),
            story: String::new(),
            ssh_key,
            home,
            is_slow: random.percent(30),
            random,
            ordered: Vec::new(),
            top_up: None,
            payments: Vec::new(),
            at_next_look: Vec::new(),
            waiting: None,
            case: None,
            disputes: 0,
            vouchers,
            has_redeemed: false,
            asked: Vec::new(),
            moves: Vec::new(),
            under_way: Vec::new(),
        }
    }

    /// The organization's VPSs and volumes, in the order in which they were ordered.
    pub(crate) fn ordered(&self) -> impl Iterator<Item = Uuid> {
        self.ordered.iter().map(|ordered| ordered.id)
    }

    /// Its payments, in the order in which they were captured.
    pub(crate) fn payments(&self) -> &[TopUpId] {
        &self.payments
    }

    /// Does one thing, or nothing.
    pub(crate) async fn act(&mut self, scene: &Scene<'_>) {
        self.hear_of_resizes(scene).await;
        let living = self.books.living();
        let target = (!living.is_empty()).then(|| living[self.random.index(living.len())]);
        let is_first = self.story.is_empty();
        // Nobody stays suspended for long, but those who are slow.
        let pays = self.books.is_suspended() && self.random.percent(if self.is_slow { 3 } else { 35 });
        match (self.random.within(0..100), target) {
            _ if is_first || pays => self.begin_top_up(scene).await,
            (0..8, _) if living.len() < customer::MOST => self.order(scene).await,
            (8..13, Some(vps)) => self.delete(scene, vps).await,
            (13..21, _) => self.begin_top_up(scene).await,
            (21..24, Some(vps)) => self.power(scene, vps).await,
            (24..32, _) => self.give(scene).await,
            (32..38, _) => self.redeem(scene).await,
            (38..46, _) => self.correct(scene).await,
            (46..56, _) => self.refund(scene).await,
            (56..72, _) => self.go_on_with_a_case(scene).await,
            (72..80, Some(vps)) => self.move_price(scene, vps).await,
            (80..84, _) => self.agree_on_terms(scene).await,
            // Nobody lives without a server for long.
            (84..90, None) => self.order(scene).await,
            (84..93, _) if self.books.volumes().len() < customer::MOST_VOLUMES => {
                self.order_volume(scene).await;
            }
            (84..94, _) => self.delete_a_volume(scene).await,
            (94.., Some(_)) => self.resize(scene, self.all()).await,
            (94.., None) => self.order(scene).await,
            _ => {}
        }
    }

    /// The rules' answer to what is asked, told in the story.
    fn happens(&mut self, now: Time, event: Event) -> bool {
        let possible = self.books.happens(now, event);
        let balances = (self.books.wallet(), self.books.held(), self.books.debt);
        writeln!(self.story, "{now} {event:?}: {possible}, then wallet, held, debt {balances:?}").unwrap();
        possible
    }

    /// What the panel answered is what the rules say, and then it happens by them, too.
    fn agree(&mut self, now: Time, event: Event, panel: bool) {
        let rules = self.happens(now, event);
        if panel != rules {
            self.fails(&format!("{event:?} was possible: {panel}, by the rules: {rules}"));
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.books.happened.entry(what).or_default() += 1;
    }

    /// What became of orders and payments when the workers looked at this time.
    pub(crate) fn workers_looked(&mut self, now: Time) {
        for event in std::mem::take(&mut self.at_next_look) {
            self.happens(now, event);
        }
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

    /// What has ended of credits is taken.
    pub(crate) fn expired(&mut self, now: Time) {
        let before = self.books.wallet();
        self.books.happens(now, Event::Expire);
        if self.books.wallet() < before {
            writeln!(self.story, "{now} {} ended", before - self.books.wallet()).unwrap();
        }
    }

    pub(crate) fn billed(&mut self, now: Time) {
        let before = self.books.charges.len();
        self.books.happens(now, Event::Bill);
        let (hours, wallet, debt) = (self.books.charges.len() - before, self.books.wallet(), self.books.debt);
        writeln!(self.story, "{now} billed {hours} hours, then wallet, debt {wallet}, {debt}").unwrap();
    }

    /// Those who do not pay were looked after.
    pub(crate) fn climbed(&mut self, now: Time) {
        let before = self.books.destroyed.len();
        self.books.happens(now, Event::Climb);
        for (vps, _) in &self.books.destroyed[before..] {
            writeln!(self.story, "{now} VPS {vps} is destroyed").unwrap();
        }
    }

    /// The rate of tax of what it pays now.
    fn rate(&self, scene: &Scene<'_>) -> i64 {
        match self.home {
            Home::Here => rate_on(scene.rates, scene.now),
            Home::BusinessAbroad | Home::Elsewhere => 0,
        }
    }

    fn fails(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.story)
    }
}
