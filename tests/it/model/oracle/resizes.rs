//! VPSs that get the price of another plan, and volumes that get another size.

use super::hours::{Life, Price, Vps, month};
use super::purses::For;
use super::{Books, RESERVE_HOURS, Time};

/// A resize that was ordered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resize {
    vps: Vps,
    /// The price it was ordered at, whatever becomes of prices until it is done.
    to: Price,
    /// By so much an hour was dearer then. It is held, and counts in the burn.
    difference: i64,
    is_under_way: bool,
    /// By so much the hour was raised that ran when it was done.
    raised: i64,
}

impl Books {
    /// What grows needs the difference of an hour, money for the reserve of everything at the new price, and what is
    /// owed. What shrinks needs nothing.
    pub(super) fn resize(&mut self, now: Time, vps: Vps, to: Price) -> bool {
        let machine = &self.machines[vps];
        let can_be = machine.life == Life::Active && !machine.suspended && machine.price != to;
        if !can_be || self.under_way(vps).is_some() {
            self.count("resizes refused");
            return false;
        }
        let difference = (to.hour - machine.price.hour).max(0);
        let needed = self.debt + difference + RESERVE_HOURS * (self.burn() + difference);
        if difference > 0 && self.wallet() < needed {
            self.count("resizes refused for want of money");
            return false;
        }
        self.purses.reserve(now, difference, None, For::Resize(self.resizes.len()));
        let is_volume = machine.is_volume();
        self.resizes.push(Resize { vps, to, difference, is_under_way: true, raised: 0 });
        self.count(if difference > 0 { "resizes up" } else { "resizes down" });
        if is_volume {
            self.count("resizes of volumes");
        }
        true
    }

    /// The provider has done it. Nothing happens before the hour that runs is charged, or when nobody waits for it.
    pub(super) fn resized(&mut self, now: Time, number: usize) -> bool {
        let Resize { vps, to, is_under_way, .. } = self.resizes[number];
        if !is_under_way {
            return false;
        }
        if self.machines[vps].is_due(now) {
            self.count("resizes that waited for billing");
            return false;
        }
        self.machines[vps].remember_the_month();
        if self.machines[vps].suspended {
            self.count("resizes while suspended");
        } else {
            self.raise(number);
        }
        self.end(number);
        self.machines[vps].price = to;
        if self.machines[vps].moves.take().is_some() {
            self.count("changes of prices that a resize made void");
        }
        true
    }

    /// The hour that runs costs the new price, as far as it has not cost that already, and no more than is held or than
    /// is left of the month, which is that of the dearer price.
    fn raise(&mut self, number: usize) {
        let Resize { vps, to, difference, .. } = self.resizes[number];
        let hour = self.machines[vps].last_hour();
        let (used, dearest) = self.machines[vps].by_month[&month(hour)];
        let missing = to.hour - self.charges[&(vps, hour)].0;
        let left = dearest.max(to.month) - used;
        let raised = difference.min(missing).min(left).max(0);
        if raised < difference {
            self.count(match missing < left {
                true => "raises held back by what the hour had cost",
                false => "raises held back by the cap",
            });
        }
        if raised == 0 {
            return;
        }
        self.machines[vps].by_month.insert(month(hour), (used + raised, dearest.max(to.month)));
        self.charges.get_mut(&(vps, hour)).expect("it is charged").0 += raised;
        self.platform.revenue += self.purses.consume_up_to(For::Resize(number), raised);
        self.resizes[number].raised = raised;
        self.count("hours that were raised");
    }

    /// The provider could not do it. Answers whether it was waited for.
    pub(super) fn not_resized(&mut self, number: usize) -> bool {
        let was_under_way = self.resizes[number].is_under_way;
        if was_under_way {
            self.end(number);
        }
        was_under_way
    }

    /// A VPS or volume ends: what it was to become comes to nothing first.
    pub(super) fn not_resized_any_more(&mut self, vps: Vps) {
        if let Some(number) = self.under_way(vps) {
            self.end(number);
            self.count("resizes under way at a delete");
        }
    }

    /// Nobody waits for it any more: what is still held for it is free again.
    fn end(&mut self, number: usize) {
        self.resizes[number].is_under_way = false;
        self.purses.free_again(For::Resize(number));
        self.may_resume = true;
    }

    /// The resize of a VPS or volume that is under way: one at a time.
    fn under_way(&self, vps: Vps) -> Option<usize> {
        self.resizes.iter().position(|resize| resize.vps == vps && resize.is_under_way)
    }

    /// What an hour of everything is dearer once the resizes are done that are under way, of what is suspended, too.
    pub(super) fn differences(&self) -> i64 {
        self.resizes.iter().filter(|resize| resize.is_under_way).map(|resize| resize.difference).sum()
    }

    /// How many resizes were ordered.
    pub(crate) fn resizes(&self) -> usize {
        self.resizes.len()
    }

    /// By how much the n-th resize raised the hour that ran when it was done.
    pub(crate) fn raised(&self, number: usize) -> i64 {
        self.resizes[number].raised
    }
}
