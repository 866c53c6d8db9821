//! Orders, hours, and what they cost.

use std::collections::BTreeMap;

use chrono::{Datelike as _, TimeDelta};

use super::purses::For;
use super::{Books, RESERVE_HOURS, Time};

/// A VPS or volume of the organization: the first it ordered is 0.
pub(crate) type Vps = usize;

/// Nobody takes an announcement back later than so many seconds before its time.
const LAST_CALL: i64 = 60;

/// Stands for the plan of a volume, which has none.
const VOLUME: usize = usize::MAX;

/// Volumes are priced by so many GiB.
pub(crate) const PRICED_GIB: i64 = 1_000;

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

/// A price as it was published. A VPS keeps the one it was ordered at, until it is moved to another one or resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    /// Of which plan, and which of its prices: the first is 0.
    pub(crate) plan: usize,
    pub(crate) version: usize,
    pub(crate) cost_hour: i64,
    pub(crate) hour: i64,
    pub(crate) month: i64,
    pub(crate) minimum: i64,
}

impl Price {
    /// The share of each cost is rounded up to the micro-unit. Hour and month have a price each; neither is
    /// derived from the other.
    pub(crate) fn of(plan: usize, version: usize, cost: Cost, markup: Markup) -> Self {
        let with_share = |cost: i64| (cost * (10_000 + markup.basis_points) + 9_999) / 10_000;
        Self {
            plan,
            version,
            cost_hour: cost.hour,
            hour: with_share(cost.hour) + markup.fixed_hour,
            month: with_share(cost.month) + markup.fixed_month,
            minimum: with_share(cost.minimum),
        }
    }

    /// What so many GiB cost of which [`PRICED_GIB`] cost this: each amount rounded up to the micro-unit.
    pub(crate) fn of_volume(self, gib: i64) -> Self {
        let share = |amount: i64| (amount * gib + PRICED_GIB - 1) / PRICED_GIB;
        Self {
            plan: VOLUME,
            version: self.version,
            cost_hour: share(self.cost_hour),
            hour: share(self.hour),
            month: share(self.month),
            minimum: share(self.minimum),
        }
    }

    /// The first hour costs at least the minimum, and no more than a month.
    pub(super) fn first_hour(&self) -> i64 {
        self.hour.max(self.minimum).min(self.month)
    }

    fn is_dearer_than(&self, other: &Self) -> bool {
        self.hour > other.hour || self.month > other.month
    }
}

/// Whose price an hour counts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tariff {
    Sold,
    AtCost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
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

/// A price that was announced for a VPS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    announcement: usize,
    to: Price,
    at: Time,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) price: Price,
    pub(super) life: Life,
    pub(super) suspended: bool,
    /// Since when it is suspended.
    pub(super) suspended_at: Time,
    /// While suspended: when it ends, and how many whole hours before that its people were last told so.
    pub(super) kept: Option<(Time, i64)>,
    pub(super) moves: Option<Move>,
    /// When the first hour that is not charged yet begins, once it is active.
    next_hour: Time,
    /// What the charged hours cost that began in a month (UTC), and the highest monthly price that was in force
    /// in one of them.
    pub(super) by_month: BTreeMap<(i32, u32), (i64, i64)>,
}

impl Machine {
    /// A volume cannot be switched off, and is not destroyed for want of money. Its hours are those of a VPS.
    pub(super) fn is_volume(&self) -> bool {
        self.price.plan == VOLUME
    }

    /// Has its next hour begun, and did it live then?
    pub(super) fn is_due(&self, now: Time) -> bool {
        let ended = match self.life {
            Life::Active => false,
            Life::Deleted(at) => self.next_hour >= at,
            Life::Ordered | Life::Leaving | Life::Never => true,
        };
        !ended && self.next_hour <= now
    }

    /// When the last hour began that is charged: the one that runs, once no other is due.
    pub(super) fn last_hour(&self) -> Time {
        self.next_hour - TimeDelta::hours(1)
    }

    /// Its price changes, and was in force in the last hour that is charged, perhaps for a part of it only.
    pub(super) fn remember_the_month(&mut self) {
        let (_, dearest) = self.by_month.entry(month(self.last_hour())).or_default();
        *dearest = self.price.month.max(*dearest);
    }

    /// What its next hour costs: in a month never more, in all, than the month is sold for; after a change of the
    /// price, the dearer of the months.
    fn amount(&self, price: i64) -> i64 {
        let (used, dearest) = self.by_month.get(&month(self.next_hour)).copied().unwrap_or_default();
        price.min(self.price.month.max(dearest) - used).max(0)
    }
}

pub(super) fn month(at: Time) -> (i32, u32) {
    (at.year(), at.month())
}

impl Books {
    /// An order needs its first hour, money for the reserve of everything that then runs, and what is owed.
    pub(super) fn order(&mut self, now: Time, price: Price) -> bool {
        let first = price.first_hour();
        if self.wallet() < first + RESERVE_HOURS * (self.burn() + price.hour) + self.debt {
            return false;
        }
        self.purses.reserve(now, first, None, For::Vps(self.machines.len()));
        self.machines.push(Machine {
            price,
            life: Life::Ordered,
            suspended: false,
            suspended_at: now,
            kept: None,
            moves: None,
            next_hour: now,
            by_month: BTreeMap::new(),
        });
        true
    }

    pub(super) fn free_the_first_hour(&mut self, vps: Vps) {
        self.purses.free_again(For::Vps(vps));
        self.machines[vps].life = Life::Never;
    }

    /// Hours are counted from here; the first is paid with what was held.
    pub(super) fn activate(&mut self, now: Time, vps: Vps) {
        self.machines[vps].life = Life::Active;
        self.machines[vps].next_hour = now;
        let amount = self.purses.consume(For::Vps(vps));
        self.charge(vps, amount, Tariff::Sold);
    }

    pub(super) fn delete(&mut self, now: Time, vps: Vps) -> bool {
        self.not_resized_any_more(vps);
        self.machines[vps].life = match self.machines[vps].life {
            Life::Ordered => Life::Leaving,
            Life::Active => Life::Deleted(now),
            _ => return false,
        };
        // What is left may be affordable.
        self.may_resume = true;
        true
    }

    /// Writes down the next hour of a VPS.
    fn charge(&mut self, vps: Vps, amount: i64, tariff: Tariff) {
        let machine = &mut self.machines[vps];
        let hour = machine.next_hour;
        assert!(self.charges.insert((vps, hour), (amount, tariff)).is_none(), "an hour was charged twice");
        let (used, dearest) = machine.by_month.entry(month(hour)).or_default();
        *used += amount;
        *dearest = machine.price.month.max(*dearest);
        machine.next_hour = hour + TimeDelta::hours(1);
        self.platform.revenue += amount;
        match (self.machines[vps].is_volume(), tariff) {
            (true, Tariff::Sold) if amount == 0 => self.count("hours of volumes beyond the cap"),
            (true, Tariff::Sold) => self.count("hours of volumes"),
            (true, Tariff::AtCost) => self.count("hours of volumes at cost"),
            (false, _) => {}
        }
    }

    /// Charges each hour that has begun. What an hour costs depends on when it begins: hours from before a change of
    /// the price are charged before it, all others after it.
    pub(super) fn bill(&mut self, now: Time) {
        let mut changes: Vec<Time> =
            self.machines.iter().filter_map(|m| m.moves.map(|one| one.at)).filter(|at| *at <= now).collect();
        changes.sort();
        changes.dedup();
        for at in changes {
            self.charge_hours(now, at - TimeDelta::microseconds(1));
            self.change_prices(at);
        }
        self.charge_hours(now, now);
    }

    /// Charges each hour that began until then, in the order in which they began.
    ///
    /// From the oldest on, an hour's worth of time is looked at: every VPS begins one hour in it. The wallet, and what
    /// may be owed still, pay all of these or none. If they cannot, what runs is suspended; the hours of what was
    /// deleted are taken from what is left, and the rest is owed. Suspended hours are owed at cost.
    fn charge_hours(&mut self, now: Time, until: Time) {
        loop {
            let sold = |m: &Machine| !m.suspended && m.is_due(until);
            let due: Vec<Vps> = (0..self.machines.len()).filter(|&vps| sold(&self.machines[vps])).collect();
            let Some(oldest) = due.iter().map(|&vps| self.machines[vps].next_hour).min() else { break };
            let in_it = |vps: &Vps| self.machines[*vps].next_hour < oldest + TimeDelta::hours(1);
            let round: Vec<Vps> = due.into_iter().filter(in_it).collect();
            let amount = |vps: Vps| self.machines[vps].amount(self.machines[vps].price.hour);
            let there = self.wallet() + (self.terms.credit_limit - self.debt).max(0);
            let can_pay = round.iter().map(|&vps| amount(vps)).sum::<i64>() <= there;
            let runs = round.iter().any(|&vps| self.machines[vps].life == Life::Active);
            if !can_pay && runs {
                self.suspend(now);
                continue;
            }
            for vps in round {
                let amount = self.machines[vps].amount(self.machines[vps].price.hour);
                if amount > self.wallet() && runs {
                    self.count("hours on credit");
                }
                self.pay(now, amount, None);
                self.charge(vps, amount, Tariff::Sold);
            }
        }
        for vps in 0..self.machines.len() {
            while self.machines[vps].suspended && self.machines[vps].is_due(until) {
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
                machine.suspended_at = now;
                machine.kept = None;
                if !machine.is_volume() {
                    self.power_cuts.push((vps, now, true));
                }
            }
        }
    }

    /// A suspension ends when all its hours are written down and the wallet, with what may be owed, covers the debt and
    /// the reserve of everything that then runs. The debt is paid with it, as far as the wallet goes.
    pub(super) fn resume(&mut self, now: Time) {
        if !self.may_resume || self.machines.iter().any(|m| m.suspended && m.is_due(now)) {
            return;
        }
        self.may_resume = false;
        if !self.is_suspended() || self.lacks_money() {
            return;
        }
        let debt = self.debt.min(self.wallet());
        self.purses.spend(now, debt, None);
        self.debt -= debt;
        for (vps, machine) in self.machines.iter_mut().enumerate() {
            if machine.life == Life::Active && machine.suspended {
                machine.suspended = false;
                machine.kept = None;
                if !machine.is_volume() {
                    self.power_cuts.push((vps, now, false));
                }
            }
        }
    }

    /// Is there too little for what is suspended to run again?
    pub(super) fn lacks_money(&self) -> bool {
        let suspended = |m: &&Machine| m.suspended && m.life == Life::Active;
        let hours: i64 = self.machines.iter().filter(suspended).map(|m| m.price.hour).sum();
        self.wallet() + self.terms.credit_limit < RESERVE_HOURS * (self.burn() + hours) + self.debt
    }

    /// VPSs of the plan that have another price are to have this one. Dearer prices need the notice; a VPS is
    /// announced for one change at a time.
    pub(super) fn announce(&mut self, now: Time, to: Price, at: Time) -> bool {
        let concerned = |m: &&mut Machine| {
            matches!(m.life, Life::Ordered | Life::Active)
                && m.price.plan == to.plan
                && m.price.version != to.version
        };
        let mut machines: Vec<&mut Machine> = self.machines.iter_mut().filter(concerned).collect();
        let is_dearer = machines.iter().any(|m| to.is_dearer_than(&m.price));
        let is_late = is_dearer && at < now + TimeDelta::days(self.rules.notice_days);
        if machines.is_empty() || is_late || machines.iter().any(|m| m.moves.is_some()) {
            return false;
        }
        for machine in &mut machines {
            machine.moves = Some(Move { announcement: self.announcements.len(), to, at });
        }
        self.announcements.push((at, false));
        true
    }

    /// Until a minute before its time, what was announced can be taken back.
    pub(super) fn take_back(&mut self, now: Time, announcement: usize) -> bool {
        let (at, is_taken_back) = self.announcements[announcement];
        if is_taken_back {
            return true;
        }
        if at <= now + TimeDelta::seconds(LAST_CALL) {
            return false;
        }
        self.announcements[announcement].1 = true;
        for machine in &mut self.machines {
            machine.moves = machine.moves.filter(|one| one.announcement != announcement);
        }
        self.count("announcements taken back");
        true
    }

    /// The time of these changes has come. What is not active yet changes later; what ended before, does not.
    fn change_prices(&mut self, at: Time) {
        let mut changed = 0;
        for machine in &mut self.machines {
            let Some(Move { to, .. }) = machine.moves.filter(|one| one.at == at) else { continue };
            let changes = match machine.life {
                Life::Ordered => continue,
                Life::Active => true,
                Life::Deleted(end) => end > at,
                Life::Leaving | Life::Never => false,
            };
            machine.moves = None;
            if changes {
                machine.remember_the_month();
                machine.price = to;
                changed += 1;
            }
        }
        // At a lower price, what is suspended may be affordable.
        self.may_resume |= changed > 0;
        for _ in 0..changed {
            self.count("VPSs moved to another price");
        }
    }

    /// What an hour of everything costs that is ordered or runs, and what is held for resizes.
    pub(crate) fn burn(&self) -> i64 {
        let draws = |m: &&Machine| matches!(m.life, Life::Ordered | Life::Active) && !m.suspended;
        self.machines.iter().filter(draws).map(|m| m.price.hour).sum::<i64>() + self.differences()
    }

    /// VPSs that were ordered and not deleted.
    pub(crate) fn living(&self) -> Vec<Vps> {
        self.not_deleted(false)
    }

    /// Volumes that were ordered and not deleted.
    pub(crate) fn volumes(&self) -> Vec<Vps> {
        self.not_deleted(true)
    }

    fn not_deleted(&self, volumes: bool) -> Vec<Vps> {
        let lives = |m: &Machine| matches!(m.life, Life::Ordered | Life::Active);
        let wanted = |&vps: &Vps| self.machines[vps].is_volume() == volumes && lives(&self.machines[vps]);
        (0..self.machines.len()).filter(wanted).collect()
    }

    /// Is a VPS kept off, or a volume at cost, for want of money?
    pub(crate) fn is_suspended(&self) -> bool {
        self.machines.iter().any(|m| m.suspended && m.life == Life::Active)
    }

    /// Is it ordered and not active yet?
    pub(crate) fn is_ordered(&self, vps: Vps) -> bool {
        self.machines[vps].life == Life::Ordered
    }

    /// Do its hours count, at the price sold?
    pub(crate) fn is_running(&self, vps: Vps) -> bool {
        self.machines[vps].life == Life::Active && !self.machines[vps].suspended
    }

    /// The price of a VPS now.
    pub(crate) fn price(&self, vps: Vps) -> Price {
        self.machines[vps].price
    }

    /// Until when a suspended VPS is kept, and how many hours before that its people were last told.
    pub(crate) fn kept(&self, vps: Vps) -> Option<(Time, i64)> {
        let machine = &self.machines[vps];
        machine.kept.filter(|_| machine.life == Life::Active && machine.suspended)
    }
}
