//! What an organization must have been charged: the rules of money, told as a simulation.
//!
//! Events go in, one after the other; what comes out is every charge, the balances, and when servers were
//! suspended and resumed. It is slow on purpose: every hour of every VPS is visited by itself, nothing is
//! computed in bulk, and nothing is kept that can be counted again. It knows times and whole micro-units, and
//! no line of the product.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

pub(crate) type Time = DateTime<Utc>;

/// A VPS of the organization: the first it ordered is 0.
pub(crate) type Vps = usize;

/// What begins or goes on must leave money for so many hours of everything that then runs.
const RESERVE_HOURS: i64 = 24;

/// What a vendor takes, in micro-units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) hour: i64,
    /// At most, in a month.
    pub(crate) month: i64,
    /// At least, however short the life.
    pub(crate) minimum: i64,
}

/// What the operator adds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Markup {
    /// Hundredths of a percent of each cost.
    pub(crate) basis_points: i64,
    pub(crate) fixed_hour: i64,
    pub(crate) fixed_month: i64,
}

/// A price as it was published. A VPS keeps the one it was ordered at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) cost_hour: i64,
    pub(crate) hour: i64,
    pub(crate) month: i64,
    pub(crate) minimum: i64,
}

impl Price {
    /// The share of each cost is rounded up to the micro-unit. Hour and month have a price each; neither is
    /// derived from the other.
    pub(crate) fn of(cost: Cost, markup: Markup) -> Self {
        let with_share = |cost: i64| (cost * (10_000 + markup.basis_points) + 9_999) / 10_000;
        Self {
            cost_hour: cost.hour,
            hour: with_share(cost.hour) + markup.fixed_hour,
            month: with_share(cost.month) + markup.fixed_month,
            minimum: with_share(cost.minimum),
        }
    }

    /// The first hour costs at least the minimum, and no more than a month.
    fn first_hour(&self) -> i64 {
        self.hour.max(self.minimum).min(self.month)
    }
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// A VPS is ordered at this price.
    Order(Price),
    /// Nobody can deliver the order.
    SoldOut(Vps),
    /// The provider confirmed the server.
    Active(Vps),
    /// Somebody asks for power on or off.
    Power(Vps),
    /// Somebody asks for the end of a VPS.
    Delete(Vps),
    /// A VPS that was deleted before it was active is gone; was there ever a server?
    Gone { vps: Vps, existed: bool },
    /// Money was captured.
    Paid(i64),
    /// The panel does what is left to do.
    Work,
    /// The hours are billed.
    Bill,
}

/// Whose price an hour counts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tariff {
    Sold,
    AtCost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Its first hour is held.
    Ordered,
    /// It was deleted in that state; what becomes of the held hour depends on whether there was a server.
    Leaving,
    /// Its hours count.
    Active,
    /// It was deleted; hours that began before still count.
    Deleted(Time),
    /// It never was, or went before its hours began.
    Never,
}

#[derive(Debug)]
struct Machine {
    price: Price,
    life: Life,
    suspended: bool,
    /// When the first hour that is not charged yet begins, once it is active.
    next_hour: Time,
    /// What the charged hours cost that began in a month (UTC).
    by_month: BTreeMap<(i32, u32), i64>,
}

impl Machine {
    /// Has its next hour begun, and did it live then?
    fn is_due(&self, now: Time) -> bool {
        let ended = match self.life {
            Life::Active => false,
            Life::Deleted(at) => self.next_hour >= at,
            Life::Ordered | Life::Leaving | Life::Never => true,
        };
        !ended && self.next_hour <= now
    }

    /// What its next hour costs: in a month never more, in all, than the month is sold for.
    fn amount(&self, price: i64) -> i64 {
        let used = self.by_month.get(&month(self.next_hour)).copied().unwrap_or(0);
        price.min(self.price.month - used).max(0)
    }
}

fn month(at: Time) -> (i32, u32) {
    (at.year(), at.month())
}

/// An organization's money, from its beginning.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Each charged hour: amount and tariff by VPS and beginning.
    pub(crate) charges: BTreeMap<(Vps, Time), (i64, Tariff)>,
    /// Can be spent.
    pub(crate) wallet: i64,
    /// Owed.
    pub(crate) debt: i64,
    /// Suspended (`true`) or resumed, and when.
    pub(crate) power_cuts: Vec<(Vps, Time, bool)>,
    machines: Vec<Machine>,
    /// Something happened after which a suspension may be lifted.
    may_resume: bool,
}

impl Books {
    /// Lets something happen. Answers whether it was possible; if not, nothing changed.
    pub(crate) fn happens(&mut self, now: Time, event: Event) -> bool {
        match event {
            Event::Order(price) => return self.order(now, price),
            Event::SoldOut(vps) => {
                self.wallet += self.machines[vps].price.first_hour();
                self.machines[vps].life = Life::Never;
                self.may_resume = true;
            }
            Event::Active(vps) => {
                // Hours are counted from here; the first is paid with what was held.
                self.machines[vps].life = Life::Active;
                self.machines[vps].next_hour = now;
                let amount = self.machines[vps].price.first_hour();
                self.charge(vps, amount, Tariff::Sold);
            }
            // Hours count whatever the power; only a suspended VPS stays off.
            Event::Power(vps) => {
                return self.machines[vps].life == Life::Active && !self.machines[vps].suspended;
            }
            Event::Delete(vps) => {
                self.machines[vps].life = match self.machines[vps].life {
                    Life::Ordered => Life::Leaving,
                    Life::Active => Life::Deleted(now),
                    _ => return false,
                };
                self.may_resume = true;
            }
            Event::Gone { vps, existed } => {
                // A server that existed was paid for by the hour that was held.
                if !existed {
                    self.wallet += self.machines[vps].price.first_hour();
                    self.may_resume = true;
                }
                self.machines[vps].life = Life::Never;
            }
            Event::Paid(amount) => {
                // The first money pays the debt.
                let to_debt = amount.min(self.debt);
                self.debt -= to_debt;
                self.wallet += amount - to_debt;
                self.may_resume = true;
            }
            Event::Work => self.resume(now),
            Event::Bill => self.bill(now),
        }
        true
    }

    /// An order needs its first hour, money for the reserve of everything that then runs, and what is owed.
    fn order(&mut self, now: Time, price: Price) -> bool {
        let first = price.first_hour();
        if self.wallet < first + RESERVE_HOURS * (self.burn() + price.hour) + self.debt {
            return false;
        }
        self.wallet -= first;
        let (life, suspended) = (Life::Ordered, false);
        self.machines.push(Machine { price, life, suspended, next_hour: now, by_month: BTreeMap::new() });
        true
    }

    /// Writes down the next hour of a VPS.
    fn charge(&mut self, vps: Vps, amount: i64, tariff: Tariff) {
        let machine = &mut self.machines[vps];
        let hour = machine.next_hour;
        assert!(self.charges.insert((vps, hour), (amount, tariff)).is_none(), "an hour was charged twice");
        *machine.by_month.entry(month(hour)).or_default() += amount;
        machine.next_hour = hour + TimeDelta::hours(1);
    }

    /// Charges each hour that has begun, in the order in which they began.
    ///
    /// From the oldest on, an hour's worth of time is looked at: every VPS begins one hour in it. The wallet
    /// pays all of these or none. If it cannot, what runs is suspended; the hours of what was deleted are
    /// taken from what is left, and the rest is owed. Suspended hours are owed at cost.
    fn bill(&mut self, now: Time) {
        loop {
            let sold = |m: &Machine| !m.suspended && m.is_due(now);
            let due: Vec<Vps> = (0..self.machines.len()).filter(|&vps| sold(&self.machines[vps])).collect();
            let Some(oldest) = due.iter().map(|&vps| self.machines[vps].next_hour).min() else { break };
            let in_it = |vps: &Vps| self.machines[*vps].next_hour < oldest + TimeDelta::hours(1);
            let round: Vec<Vps> = due.into_iter().filter(in_it).collect();
            let amount = |vps: Vps| self.machines[vps].amount(self.machines[vps].price.hour);
            let can_pay = round.iter().map(|&vps| amount(vps)).sum::<i64>() <= self.wallet;
            let runs = round.iter().any(|&vps| self.machines[vps].life == Life::Active);
            if !can_pay && runs {
                self.suspend(now);
                continue;
            }
            for vps in round {
                let amount = self.machines[vps].amount(self.machines[vps].price.hour);
                let paid = amount.min(self.wallet);
                self.wallet -= paid;
                self.debt += amount - paid;
                self.charge(vps, amount, Tariff::Sold);
            }
        }
        for vps in 0..self.machines.len() {
            while self.machines[vps].suspended && self.machines[vps].is_due(now) {
                let amount = self.machines[vps].amount(self.machines[vps].price.cost_hour);
                self.debt += amount;
                self.charge(vps, amount, Tariff::AtCost);
            }
        }
    }

    /// Everything that runs is switched off.
    fn suspend(&mut self, now: Time) {
        for (vps, machine) in self.machines.iter_mut().enumerate() {
            if machine.life == Life::Active && !machine.suspended {
                machine.suspended = true;
                self.power_cuts.push((vps, now, true));
            }
        }
    }

    /// A suspension ends when all its hours are written down and the wallet covers the debt and the reserve
    /// of everything that then runs. The debt is paid with it.
    fn resume(&mut self, now: Time) {
        let suspended = |m: &&Machine| m.suspended && m.life == Life::Active;
        if !self.may_resume || self.machines.iter().any(|m| m.suspended && m.is_due(now)) {
            return;
        }
        self.may_resume = false;
        let hours: i64 = self.machines.iter().filter(suspended).map(|m| m.price.hour).sum();
        if hours == 0 || self.wallet < RESERVE_HOURS * (self.burn() + hours) + self.debt {
            return;
        }
        self.wallet -= self.debt;
        self.debt = 0;
        for (vps, machine) in self.machines.iter_mut().enumerate() {
            if machine.life == Life::Active && machine.suspended {
                machine.suspended = false;
                self.power_cuts.push((vps, now, false));
            }
        }
    }

    /// What an hour of everything costs that is ordered or runs.
    pub(crate) fn burn(&self) -> i64 {
        let draws = |m: &&Machine| matches!(m.life, Life::Ordered | Life::Active) && !m.suspended;
        self.machines.iter().filter(draws).map(|m| m.price.hour).sum()
    }

    /// Reserved for the first hours of orders.
    pub(crate) fn held(&self) -> i64 {
        let open = |m: &&Machine| matches!(m.life, Life::Ordered | Life::Leaving);
        self.machines.iter().filter(open).map(|m| m.price.first_hour()).sum()
    }

    /// VPSs that were ordered and not deleted.
    pub(crate) fn living(&self) -> Vec<Vps> {
        let lives = |&vps: &Vps| matches!(self.machines[vps].life, Life::Ordered | Life::Active);
        (0..self.machines.len()).filter(lives).collect()
    }

    /// Is a VPS kept off for want of money?
    pub(crate) fn is_suspended(&self) -> bool {
        self.machines.iter().any(|m| m.suspended && m.life == Life::Active)
    }

    /// Is it ordered and not active yet?
    pub(crate) fn is_ordered(&self, vps: Vps) -> bool {
        self.machines[vps].life == Life::Ordered
    }
}
