//! Payments, and what goes back of them: by us, by the gateway, and by disputes.

use chrono::TimeDelta;

use super::purses::For;
use super::tax::{share, tax_gone, tax_in};
use super::{Books, Source, Time};

/// The smallest amount that can be paid.
const CENT: i64 = 10_000;

/// A payment that was captured.
#[derive(Debug)]
pub(super) struct Payment {
    gross: i64,
    tax: i64,
    /// So much of it went back with the tax in it.
    corrected: i64,
}

impl Payment {
    /// The tax in the next part of it that goes back, when so much went back before: counted from the beginning, so
    /// that all parts hold exactly what the whole held.
    fn tax_of(&self, before: i64, part: i64) -> i64 {
        let gone = |gone| tax_gone(self.gross, self.tax, gone);
        (gone(before + part) - gone(before)).min(part)
    }
}

/// Who sends money back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// We do.
    Refund,
    /// The gateway does, for the payer.
    Reversal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BackState {
    /// Money is reserved for it.
    Asked,
    /// The payer has it.
    Done,
    /// It came to nothing.
    Failed,
}

/// Money that goes back.
#[derive(Debug)]
pub(super) struct Back {
    payment: usize,
    gross: i64,
    /// What of it was tax.
    tax: i64,
    kind: Kind,
    state: BackState,
    /// When, at the gateway. What a lost dispute took is not known there yet.
    at: Option<Time>,
    /// It went back because of this dispute.
    dispute: Option<usize>,
}

impl Back {
    fn is_lost_and_not_paid_out(&self) -> bool {
        self.state == BackState::Done && self.at.is_none()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DisputeState {
    Open,
    Won,
    Lost,
}

/// The payer wants money back.
#[derive(Debug)]
pub(super) struct Dispute {
    payment: usize,
    gross: i64,
    state: DisputeState,
    began: Time,
    decided: Option<Time>,
    /// What the gateway gave back of what it had taken for it, and the tax in that.
    returned: i64,
    tax_returned: i64,
}

impl Dispute {
    /// It answers for what goes back while it is open, and within an hour after it was decided.
    fn answers_for(&self, payment: usize, at: Time) -> bool {
        let is_in_time = self.decided.is_none_or(|decided| at <= decided + TimeDelta::hours(1));
        self.payment == payment && self.began <= at && is_in_time
    }
}

impl Books {
    /// What a payment leaves after its tax is the organization's.
    pub(super) fn paid(&mut self, gross: i64, rate: i64) {
        let tax = tax_in(gross, rate);
        self.platform.gateway -= gross;
        self.platform.tax += tax;
        self.receive(Source::Payment(self.payments.len()), None, gross - tax);
        self.payments.push(Payment { gross, tax, corrected: 0 });
        self.count(if tax > 0 { "payments with tax" } else { "payments without tax" });
    }

    /// What of a payment can go back: not more than is with us, undisputed, and not more than is unspent, with the tax
    /// in it; in whole cents.
    pub(crate) fn refundable(&self, payment: usize) -> i64 {
        let Payment { gross, tax, .. } = self.payments[payment];
        let unspent = self.purses.free_of(Source::Payment(payment));
        let with_tax = share(unspent, gross, gross - tax, 1);
        let most = with_tax.min(gross - self.gone(payment));
        most - most.rem_euclid(CENT)
    }

    /// What of a payment went back, is asked back, or is disputed.
    fn gone(&self, payment: usize) -> i64 {
        let backs = self.backs.iter().filter(|back| back.payment == payment);
        let backs: i64 = backs.filter(|back| back.state != BackState::Failed).map(|back| back.gross).sum();
        let disputes = || self.disputes.iter().filter(|dispute| dispute.payment == payment);
        let open: i64 = disputes().filter(|one| one.state == DisputeState::Open).map(|one| one.gross).sum();
        let returned: i64 = disputes().map(|one| one.returned).sum();
        (backs + open - returned).min(self.payments[payment].gross)
    }

    /// What a lost dispute took of a payment and nobody has heard to be paid out.
    pub(crate) fn lost_and_not_paid_out(&self, payment: usize) -> i64 {
        let is_it = |back: &&Back| back.payment == payment && back.is_lost_and_not_paid_out();
        self.backs.iter().find(is_it).map_or(0, |back| back.gross)
    }

    /// Is reserved first; the gateway is asked then.
    pub(super) fn refund(&mut self, now: Time, payment: usize, gross: i64) -> bool {
        if gross <= 0 || gross > self.refundable(payment) {
            self.count("refunds refused");
            return false;
        }
        let tax = self.payments[payment].tax_of(self.gone(payment), gross);
        let source = Source::Payment(payment);
        let net = (gross - tax).min(self.purses.free_of(source));
        // A cent can be tax alone: there is nothing to take it from.
        if net <= 0 {
            self.count("refunds refused");
            return false;
        }
        self.purses.reserve(now, net, Some(source), For::Refund(self.backs.len()));
        let (kind, state) = (Kind::Refund, BackState::Asked);
        self.backs.push(Back { payment, gross, tax, kind, state, at: None, dispute: None });
        true
    }

    /// How many there are to go back, or did.
    pub(crate) fn backs(&self) -> usize {
        self.backs.len()
    }

    pub(super) fn refunded(&mut self, now: Time, back: usize, at: Time) {
        let Back { payment, gross, .. } = self.backs[back];
        let tax = self.correct_tax(payment, gross);
        self.goes_back(now, payment, gross, tax, Kind::Refund, For::Refund(back));
        self.purses.free_again(For::Refund(back));
        let dispute = self.answering(payment, at);
        let it = &mut self.backs[back];
        (it.tax, it.state, it.at, it.dispute) = (tax, BackState::Done, Some(at), dispute);
        self.count("refunds");
    }

    pub(super) fn not_refunded(&mut self, back: usize) {
        self.release(For::Refund(back));
        self.backs[back].state = BackState::Failed;
        self.count("refunds that failed");
    }

    /// What goes back is taken from what is reserved for it, then from what is left of that payment, then from the
    /// wallet; the rest is owed.
    fn goes_back(&mut self, now: Time, payment: usize, gross: i64, tax: i64, kind: Kind, reserved: For) {
        let net = gross - tax;
        let taken = self.purses.consume_up_to(reserved, net);
        self.pay(now, net - taken, Some(Source::Payment(payment)));
        self.platform.tax -= tax;
        match kind {
            Kind::Refund => self.platform.gateway += gross,
            Kind::Reversal => self.platform.chargebacks += gross,
        }
    }

    /// The tax in what goes back. A payment that went back whole and came again holds none that was not corrected.
    fn correct_tax(&mut self, payment: usize, gross: i64) -> i64 {
        let payment = &mut self.payments[payment];
        if payment.corrected + gross > payment.gross {
            return 0;
        }
        let tax = payment.tax_of(payment.corrected, gross);
        payment.corrected += gross;
        tax
    }

    fn answering(&self, payment: usize, at: Time) -> Option<usize> {
        self.disputes.iter().position(|dispute| dispute.answers_for(payment, at))
    }

    /// The gateway says that money went back. What a lost dispute took before is how it was paid out.
    pub(super) fn went_back(&mut self, now: Time, payment: usize, gross: i64, kind: Kind, at: Time) {
        let is_it = |back: &&mut Back| {
            back.payment == payment && back.gross == gross && back.is_lost_and_not_paid_out()
        };
        if let Some(back) = self.backs.iter_mut().find(is_it) {
            back.at = Some(at);
            self.count("reversals that were taken before");
            return;
        }
        let dispute = self.answering(payment, at);
        let tax = self.correct_tax(payment, gross);
        // Nothing is reserved for what no dispute is about.
        let reserved = dispute.map_or(For::Refund(self.backs.len()), For::Dispute);
        self.goes_back(now, payment, gross, tax, kind, reserved);
        self.backs.push(Back { payment, gross, tax, kind, state: BackState::Done, at: Some(at), dispute });
        self.count(match kind {
            Kind::Refund => "refunds by others",
            Kind::Reversal => "reversals",
        });
        match dispute.filter(|&one| self.disputes[one].state == DisputeState::Won) {
            // It was decided for us before we heard that it had been taken.
            Some(dispute) if kind == Kind::Reversal => self.come_back(dispute),
            _ => {}
        }
    }

    /// What is disputed and has not gone back yet is frozen, as far as the wallet has it.
    pub(super) fn disputed(
        &mut self,
        now: Time,
        payment: usize,
        gross: i64,
        began: Time,
        decided: Option<Time>,
    ) {
        let number = self.disputes.len();
        let state = DisputeState::Open;
        let dispute = Dispute { payment, gross, state, began, decided, returned: 0, tax_returned: 0 };
        for back in self.backs.iter_mut().filter(|back| back.dispute.is_none()) {
            let is_its = back.at.is_some_and(|at| dispute.answers_for(back.payment, at));
            back.dispute = is_its.then_some(number);
        }
        self.disputes.push(dispute);
        if decided.is_none() {
            let gone: i64 = self.taken_for(number).map(|back| back.gross).sum();
            let frozen = (gross - gone).max(0).min(self.wallet());
            self.purses.reserve(now, frozen, Some(Source::Payment(payment)), For::Dispute(number));
            if frozen > 0 {
                self.count("disputes frozen");
            }
        }
    }

    /// What went back because of a dispute.
    fn taken_for(&self, dispute: usize) -> impl Iterator<Item = &Back> {
        self.backs.iter().filter(move |back| back.dispute == Some(dispute) && back.state == BackState::Done)
    }

    /// What the gateway took for a dispute comes back, with the tax that went with it.
    fn come_back(&mut self, dispute: usize) {
        let reversals = || self.taken_for(dispute).filter(|back| back.kind == Kind::Reversal);
        let gross = reversals().map(|back| back.gross).sum::<i64>() - self.disputes[dispute].returned;
        let tax = reversals().map(|back| back.tax).sum::<i64>() - self.disputes[dispute].tax_returned;
        if gross <= 0 {
            return;
        }
        self.platform.chargebacks -= gross;
        self.platform.tax += tax;
        self.receive(Source::Payment(self.disputes[dispute].payment), None, gross - tax);
        self.disputes[dispute].returned += gross;
        self.disputes[dispute].tax_returned += tax;
        self.count("reversals that came back");
    }

    pub(super) fn won(&mut self, dispute: usize, at: Time) {
        self.disputes[dispute].state = DisputeState::Won;
        self.disputes[dispute].decided = Some(at);
        self.release(For::Dispute(dispute));
        self.come_back(dispute);
        self.count("disputes won");
    }

    /// What goes to the payer and was not taken already is taken; what is frozen beyond that is free again. A refund of
    /// all of it has ended the dispute, a smaller one is one more.
    pub(super) fn lost(&mut self, now: Time, dispute: usize, gross: i64, at: Time) {
        let payment = self.disputes[dispute].payment;
        let of_kind = |kind| self.taken_for(dispute).filter(move |back| back.kind == kind);
        let taken =
            of_kind(Kind::Reversal).map(|back| back.gross).sum::<i64>() - self.disputes[dispute].returned;
        let is_refunded = of_kind(Kind::Refund).any(|back| back.gross >= gross);
        let rest = if is_refunded { 0 } else { gross - taken.min(gross) };
        self.disputes[dispute].state = DisputeState::Lost;
        self.disputes[dispute].decided = Some(at);
        if rest > 0 {
            let tax = self.correct_tax(payment, rest);
            self.goes_back(now, payment, rest, tax, Kind::Reversal, For::Dispute(dispute));
            let (kind, state, dispute) = (Kind::Reversal, BackState::Done, Some(dispute));
            self.backs.push(Back { payment, gross: rest, tax, kind, state, at: None, dispute });
        }
        self.release(For::Dispute(dispute));
        self.count("disputes lost");
    }

    /// Nothing moves before it is decided again.
    pub(super) fn appealed(&mut self, dispute: usize) {
        self.disputes[dispute].state = DisputeState::Open;
        self.disputes[dispute].decided = None;
        self.count("disputes appealed");
    }

    /// State, what is frozen and what came back of each dispute, in the order in which they were heard of.
    pub(crate) fn disputes(&self) -> Vec<(DisputeState, i64, i64)> {
        let frozen = |number| self.purses.reserved_for(For::Dispute(number));
        let all = self.disputes.iter().enumerate();
        all.map(|(number, one)| (one.state, frozen(number), one.returned)).collect()
    }
}
