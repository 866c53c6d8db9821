//! Whose money it is. Everything that comes in is a purse of its own, and what is spent is taken out of purses one after
//! the other.

use super::{Time, Vps};

/// Where money came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The n-th payment.
    Payment(usize),
    /// The n-th credit.
    Credit(usize),
    Correction,
}

/// What money is reserved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Vps(Vps),
    /// The n-th resize.
    Resize(usize),
    /// The n-th to go back.
    Refund(usize),
    /// The n-th dispute.
    Dispute(usize),
}

/// Money that came in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purse {
    pub(crate) source: Source,
    /// Nothing is left of it from then on.
    pub(crate) ends: Option<Time>,
    /// What came.
    pub(crate) came: i64,
    /// What of it can be spent.
    pub(crate) free: i64,
    /// What of it is reserved.
    pub(crate) held: i64,
}

#[derive(Debug, Default)]
pub(super) struct Purses {
    all: Vec<Purse>,
    /// What for, from which purse, how much; in the order in which it was taken.
    reserved: Vec<(For, usize, i64)>,
}

impl Purses {
    pub(super) fn all(&self) -> &[Purse] {
        &self.all
    }

    pub(super) fn free(&self) -> i64 {
        self.all.iter().map(|purse| purse.free).sum()
    }

    pub(super) fn held(&self) -> i64 {
        self.all.iter().map(|purse| purse.held).sum()
    }

    /// What can be spent of the money of one source.
    pub(super) fn free_of(&self, source: Source) -> i64 {
        self.all.iter().filter(|purse| purse.source == source).map(|purse| purse.free).sum()
    }

    pub(super) fn came(&mut self, source: Source, ends: Option<Time>, came: i64, free: i64) {
        if came > 0 {
            self.all.push(Purse { source, ends, came, free, held: 0 });
        }
    }

    /// The purse that is opened next: that of the source which is to be first, then credits, the one that ends first
    /// before the others, then the oldest money. What has ended and was not taken yet comes last.
    fn next(&self, now: Time, first: Option<Source>) -> Option<usize> {
        let rank = |&number: &usize| {
            let Purse { source, ends, .. } = self.all[number];
            let is_credit = matches!(source, Source::Credit(_));
            let has_ended = ends.is_some_and(|end| end <= now);
            (first != Some(source), has_ended, !is_credit, ends.unwrap_or(Time::MAX_UTC), number)
        };
        (0..self.all.len()).filter(|&number| self.all[number].free > 0).min_by_key(rank)
    }

    /// Takes money that is there. Answers from which purses.
    pub(super) fn spend(&mut self, now: Time, amount: i64, first: Option<Source>) -> Vec<(usize, i64)> {
        let (mut left, mut taken) = (amount, Vec::new());
        while left > 0 {
            let number = self.next(now, first).expect("the money is there");
            let part = left.min(self.all[number].free);
            self.all[number].free -= part;
            left -= part;
            taken.push((number, part));
        }
        taken
    }

    /// Sets money aside.
    pub(super) fn reserve(&mut self, now: Time, amount: i64, first: Option<Source>, what: For) {
        for (number, part) in self.spend(now, amount, first) {
            self.all[number].held += part;
            self.reserved.push((what, number, part));
        }
    }

    /// What is reserved for something.
    pub(super) fn reserved_for(&self, what: For) -> i64 {
        self.reserved.iter().filter(|(one, ..)| *one == what).map(|(.., part)| part).sum()
    }

    /// Spends what is reserved for something, up to an amount, the first that was taken first. Answers how much.
    pub(super) fn consume_up_to(&mut self, what: For, amount: i64) -> i64 {
        let mut left = amount;
        for (one, number, part) in &mut self.reserved {
            if *one == what {
                let spent = left.min(*part);
                *part -= spent;
                left -= spent;
                self.all[*number].held -= spent;
            }
        }
        amount - left
    }

    /// Spends all that is reserved for something. Answers how much.
    pub(super) fn consume(&mut self, what: For) -> i64 {
        self.consume_up_to(what, i64::MAX)
    }

    /// What is reserved for something goes back to where it came from.
    pub(super) fn free_again(&mut self, what: For) {
        for (one, number, part) in &mut self.reserved {
            if *one == what {
                self.all[*number].held -= *part;
                self.all[*number].free += *part;
                *part = 0;
            }
        }
    }

    /// Takes what has ended and is not reserved. Answers how much, and whether something is reserved of what ended.
    pub(super) fn expire(&mut self, now: Time) -> (i64, bool) {
        let (mut taken, mut reserved) = (0, false);
        for purse in self.all.iter_mut().filter(|purse| purse.ends.is_some_and(|end| end <= now)) {
            taken += purse.free;
            purse.free = 0;
            reserved |= purse.held > 0;
        }
        (taken, reserved)
    }
}
