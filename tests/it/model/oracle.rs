//! What an organization must have been charged, and what is left to it: the rules of money, told as a simulation.
//!
//! Events go in, one after the other; what comes out is every charge, the balances, whose money is left, and when
//! servers were suspended, resumed and destroyed. It is slow on purpose: every hour of every VPS and volume is visited by itself,
//! nothing is computed in bulk, and nothing is kept that can be counted again. It knows times and whole micro-units, and
//! no line of the product.

mod hours;
mod ladder;
mod payback;
mod purses;
mod resizes;
mod tax;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use self::hours::{Cost, Markup, PRICED_GIB, Price, Tariff, Vps};
use self::hours::{Life, Machine};
pub(crate) use self::payback::Kind;
use self::payback::{Back, Dispute, Payment};
use self::purses::{For, Purses};
pub(crate) use self::purses::{Purse, Source};
use self::resizes::Resize;
pub(crate) use self::tax::rate_on;

pub(crate) type Time = DateTime<Utc>;

/// What begins or goes on must leave money for so many hours of everything that then runs.
const RESERVE_HOURS: i64 = 24;

/// So long a correction waits for a second operator.
const DECISION_DAYS: i64 = 7;

/// What the operator has set for everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// A price that rises is announced so many days ahead.
    pub(crate) notice_days: i64,
    /// Unpaid VPSs are kept for so many hours.
    pub(crate) retention_hours: i64,
    /// One operator alone corrects and gives at most so much.
    pub(crate) alone: i64,
}

/// What was agreed with the organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Hours may be owed up to so much.
    pub(crate) credit_limit: i64,
    /// Its unpaid VPSs are kept for so many hours.
    pub(crate) retention_hours: Option<i64>,
    /// They are kept for ever.
    pub(crate) never_destroyed: bool,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// A VPS or volume is ordered at this price.
    Order(Price),
    /// Nobody can deliver the order.
    SoldOut(Vps),
    /// The provider confirmed the server.
    Active(Vps),
    /// Somebody asks for power on or off.
    Power(Vps),
    /// Somebody asks for the end of a VPS or volume.
    Delete(Vps),
    /// A VPS that was deleted before it was active is gone; was there ever a server?
    Gone { vps: Vps, existed: bool },
    /// A VPS is to have this price of another plan, or of its own; a volume, that of another size.
    Resize { vps: Vps, to: Price },
    /// What was ordered as the n-th resize is done.
    Resized(usize),
    /// It cannot be done.
    NotResized(usize),
    /// Money was captured that holds tax at this rate, in hundredths of a percent of what it leaves.
    Paid { gross: i64, rate: i64 },
    /// A credit is given, of which nothing is left after that time.
    Given { amount: i64, ends: Option<Time> },
    /// The panel takes what has ended.
    Expire,
    /// One operator corrects the wallet, up or down. What is more than one alone may correct waits for another.
    Correct(i64),
    /// Another operator agrees to the correction that was asked for as the n-th.
    Agree(usize),
    /// An operator gives money of a payment back.
    Refund { payment: usize, gross: i64 },
    /// The payer has what was the n-th to go back; at the gateway that began at this time.
    Refunded { back: usize, at: Time },
    /// The gateway did not give it back.
    NotRefunded { back: usize },
    /// Money went back that nobody here asked for.
    WentBack { payment: usize, gross: i64, kind: Kind, at: Time },
    /// A dispute is heard of for the first time, that began then and was decided then.
    Disputed { payment: usize, gross: i64, began: Time, decided: Option<Time> },
    /// It was decided for us.
    Won { dispute: usize, at: Time },
    /// It was decided for the payer.
    Lost { dispute: usize, gross: i64, at: Time },
    /// It is open again.
    Appealed { dispute: usize },
    /// All VPSs of the price's plan that have another one are to have it from then on. Announced as the n-th.
    Announce { to: Price, at: Time },
    /// The n-th announcement is taken back.
    TakeBack(usize),
    /// Terms are agreed.
    Agreed(Terms),
    /// Who does not pay is warned, and what was warned of ends.
    Climb,
    /// The panel does what is left to do.
    Work,
    /// The hours are billed.
    Bill,
}

/// What the platform's own accounts have gained: it adds up to what the organization has lost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) gateway: i64,
    pub(crate) revenue: i64,
    pub(crate) credits: i64,
    pub(crate) tax: i64,
    pub(crate) chargebacks: i64,
    pub(crate) corrections: i64,
}

/// A correction that waits for somebody to decide.
#[derive(Debug, Clone, Copy)]
struct Asked {
    amount: i64,
    at: Time,
    decided: bool,
}

/// An organization's money, from its beginning.
#[derive(Debug)]
pub(crate) struct Books {
    /// Each charged hour: amount and tariff by VPS and beginning.
    pub(crate) charges: BTreeMap<(Vps, Time), (i64, Tariff)>,
    /// Owed.
    pub(crate) debt: i64,
    /// Suspended (`true`) or resumed, and when.
    pub(crate) power_cuts: Vec<(Vps, Time, bool)>,
    /// Ended because nobody paid, and when.
    pub(crate) destroyed: Vec<(Vps, Time)>,
    pub(crate) platform: Platform,
    /// How often what happened.
    pub(crate) happened: BTreeMap<&'static str, usize>,
    purses: Purses,
    machines: Vec<Machine>,
    resizes: Vec<Resize>,
    payments: Vec<Payment>,
    backs: Vec<Back>,
    disputes: Vec<Dispute>,
    corrections: Vec<Asked>,
    credits: usize,
    /// When each is to happen, and whether it was taken back.
    announcements: Vec<(Time, bool)>,
    rules: Rules,
    terms: Terms,
    /// When warnings were last looked after.
    climbed: Option<Time>,
    /// Something happened after which a suspension may be lifted.
    may_resume: bool,
}

impl Books {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            charges: BTreeMap::new(),
            debt: 0,
            power_cuts: Vec::new(),
            destroyed: Vec::new(),
            platform: Platform::default(),
            happened: BTreeMap::new(),
            purses: Purses::default(),
            machines: Vec::new(),
            resizes: Vec::new(),
            payments: Vec::new(),
            backs: Vec::new(),
            disputes: Vec::new(),
            corrections: Vec::new(),
            credits: 0,
            announcements: Vec::new(),
            rules,
            terms: Terms::default(),
            climbed: None,
            may_resume: false,
        }
    }

    /// Lets something happen. Answers whether it was possible; if not, nothing changed.
    pub(crate) fn happens(&mut self, now: Time, event: Event) -> bool {
        let worth = self.wallet() - self.debt;
        let possible = self.lets(now, event);
        // Whatever makes the wallet richer may lift a suspension.
        self.may_resume |= self.wallet() - self.debt > worth;
        possible
    }

    fn lets(&mut self, now: Time, event: Event) -> bool {
        match event {
            Event::Order(price) => return self.order(now, price),
            Event::SoldOut(vps) => self.free_the_first_hour(vps),
            Event::Active(vps) => self.activate(now, vps),
            // Hours count whatever the power; only a suspended VPS stays off.
            Event::Power(vps) => {
                return self.machines[vps].life == Life::Active && !self.machines[vps].suspended;
            }
            Event::Delete(vps) => return self.delete(now, vps),
            // A server that existed was paid for by the hour that was held.
            Event::Gone { vps, existed: true } => {
                self.platform.revenue += self.purses.consume(For::Vps(vps));
                self.machines[vps].life = Life::Never;
            }
            Event::Gone { vps, existed: false } => self.free_the_first_hour(vps),
            Event::Resize { vps, to } => return self.resize(now, vps, to),
            Event::Resized(number) => return self.resized(now, number),
            Event::NotResized(number) => return self.not_resized(number),
            Event::Paid { gross, rate } => self.paid(gross, rate),
            Event::Given { amount, ends } => {
                self.count(if ends.is_some() { "credits that end" } else { "credits without end" });
                self.platform.credits -= amount;
                self.receive(Source::Credit(self.credits), ends, amount);
                self.credits += 1;
            }
            Event::Expire => self.expire(now),
            Event::Correct(amount) if amount.abs() > self.rules.alone => {
                self.corrections.push(Asked { amount, at: now, decided: false });
            }
            Event::Correct(amount) => return self.correct(now, amount),
            Event::Agree(asked) => return self.agree(now, asked),
            Event::Refund { payment, gross } => return self.refund(now, payment, gross),
            Event::Refunded { back, at } => self.refunded(now, back, at),
            Event::NotRefunded { back } => self.not_refunded(back),
            Event::WentBack { payment, gross, kind, at } => self.went_back(now, payment, gross, kind, at),
            Event::Disputed { payment, gross, began, decided } => {
                self.disputed(now, payment, gross, began, decided);
            }
            Event::Won { dispute, at } => self.won(dispute, at),
            Event::Lost { dispute, gross, at } => self.lost(now, dispute, gross, at),
            Event::Appealed { dispute } => self.appealed(dispute),
            Event::Announce { to, at } => return self.announce(now, to, at),
            Event::TakeBack(announcement) => return self.take_back(now, announcement),
            Event::Agreed(terms) => self.agreed(terms),
            Event::Climb => self.climb(now),
            Event::Work => self.resume(now),
            Event::Bill => self.bill(now),
        }
        true
    }

    /// Can be spent.
    pub(crate) fn wallet(&self) -> i64 {
        self.purses.free()
    }

    /// Reserved for orders, resizes, refunds and disputes.
    pub(crate) fn held(&self) -> i64 {
        self.purses.held()
    }

    /// Everything that ever came in, in its order, and what is left of it.
    pub(crate) fn purses(&self) -> &[Purse] {
        self.purses.all()
    }

    fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// Money comes: the debt takes the first of it.
    fn receive(&mut self, source: Source, ends: Option<Time>, amount: i64) {
        let to_debt = amount.min(self.debt);
        self.debt -= to_debt;
        self.purses.came(source, ends, amount, amount - to_debt);
    }

    /// Something is to be paid: what the wallet does not have is owed.
    fn pay(&mut self, now: Time, amount: i64, first: Option<Source>) {
        let there = amount.min(self.wallet());
        self.purses.spend(now, there, first);
        self.debt += amount - there;
    }

    /// What is reserved is free again, as far as the debt leaves it.
    fn release(&mut self, what: For) {
        self.debt -= self.purses.consume_up_to(what, self.debt);
        self.purses.free_again(what);
    }

    /// What has ended is taken. What is reserved of it stays with what it is reserved for.
    fn expire(&mut self, now: Time) {
        let (taken, reserved) = self.purses.expire(now);
        self.platform.credits += taken;
        if taken > 0 {
            self.count("credits that ended with something left");
        }
        if reserved {
            self.count("credits that ended while reserved");
        }
    }

    fn correct(&mut self, now: Time, amount: i64) -> bool {
        if self.wallet() + amount < 0 {
            return false;
        }
        self.platform.corrections -= amount;
        if amount > 0 {
            self.count("corrections up");
            self.receive(Source::Correction, None, amount);
        } else {
            self.count("corrections down");
            self.purses.spend(now, -amount, None);
        }
        true
    }

    fn agree(&mut self, now: Time, asked: usize) -> bool {
        let Asked { amount, at, decided } = self.corrections[asked];
        if decided || now >= at + TimeDelta::days(DECISION_DAYS) || !self.correct(now, amount) {
            return false;
        }
        self.count("corrections by two");
        self.corrections[asked].decided = true;
        true
    }
}
