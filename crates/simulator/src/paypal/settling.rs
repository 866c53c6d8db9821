//! What happens to money by and by, and who hears of it.

use chrono::{DateTime, Utc};

use super::amount::Amount;
use super::books::{Books, Call};
use super::event_type::EventType;
use super::order::{Instrument, Order};
use super::payment::{Capture, Refund, RefundState, Returned, Settlement};
use super::render::capture_json;
use crate::core::Twist;

impl Books {
    /// Lets happen what was planned until now, each at its own moment. Everything that reads the books comes after it.
    pub(super) fn pass(&mut self, now: DateTime<Utc>) {
        let captures = self.records.captures.values();
        let due = captures.filter(|capture| capture.settlement.at(now) != capture.settlement);
        let mut due: Vec<(String, Settlement, DateTime<Utc>)> = due
            .map(|capture| (capture.id.clone(), capture.settlement.at(now), capture.changed_at(now)))
            .collect();
        due.sort_by_key(|(_, _, at)| *at);
        for (id, settlement, at) in due {
            self.settle(&id, settlement, EventType::CaptureDenied, at);
        }
        let refunds = self.records.refunds.values().filter(|refund| refund.state.at(now) != refund.state);
        let due: Vec<(String, RefundState)> =
            refunds.map(|refund| (refund.id.clone(), refund.state.at(now))).collect();
        for (id, state) in due {
            self.settle_refund(&id, state, now);
        }
    }

    /// The payer approves.
    pub(super) fn approve(&mut self, id: &str, instrument: Instrument, now: DateTime<Utc>) -> Option<&Order> {
        let order = self.records.orders.get_mut(id)?;
        order.approve(instrument, now);
        let order = order.clone();
        let call = self.aside(&order.account, now);
        let resource = self.order_json(&order, &call);
        self.tell(&call, EventType::OrderApproved, "An order has been approved by buyer", resource);
        self.core.changes.mark();
        self.records.orders.get(id)
    }

    /// Enters a new capture.
    pub(super) fn take_in(&mut self, call: &Call, capture: Capture) {
        let id = capture.id.clone();
        self.records.captures.insert(id.clone(), capture);
        self.tell_of_capture(call, &id, EventType::CaptureDeclined);
    }

    /// The payer's bank decides on a pending capture. `refusal` names what listeners are told if it refuses: PayPal's
    /// documents disagree.
    pub(super) fn settle(&mut self, id: &str, settlement: Settlement, refusal: EventType, at: DateTime<Utc>) {
        let Some(capture) = self.records.captures.get_mut(id) else { return };
        capture.settlement = settlement;
        capture.updated_at = at;
        let account = capture.account.clone();
        self.tell_of_capture(&self.aside(&account, at), id, refusal);
        self.core.changes.mark();
    }

    /// Money goes back to the payer, or will if the call says that it is stuck. Answers the id of the refund, as which
    /// PayPal writes reversals, too.
    pub(super) fn give_back(
        &mut self,
        call: &Call,
        capture_id: &str,
        amount: Amount,
        how: Returned,
    ) -> String {
        let id = self.core.ids.code("paypal.refund", 17);
        // What ends a dispute does not wait.
        let is_stuck = call.twist == Some(Twist::Stuck) && self.open_dispute(capture_id).is_none();
        let mut total_refunded = amount.clone();
        if let Some(capture) = self.records.captures.get_mut(capture_id) {
            match how {
                Returned::Merchant => capture.refunded_minor += amount.minor,
                Returned::Bank | Returned::Dispute => capture.reversed_minor += amount.minor,
            }
            capture.updated_at = call.now;
            total_refunded.minor = capture.refunded_minor + capture.reversed_minor;
        }
        let refund = Refund {
            id: id.clone(),
            account: call.account.clone(),
            capture_id: capture_id.to_owned(),
            amount,
            total_refunded,
            note_to_payer: call.body["note_to_payer"].as_str().map(str::to_owned),
            created_at: call.now,
            how,
            state: if is_stuck {
                RefundState::Pending { until: None, fails: false }
            } else {
                RefundState::Completed
            },
            settled_at: None,
        };
        self.records.refunds.insert(id.clone(), refund);
        self.tell_of_refund(call, &id);
        self.core.changes.mark();
        id
    }

    /// A pending refund goes through, or does not: then the capture has its money again.
    pub(super) fn settle_refund(&mut self, id: &str, state: RefundState, now: DateTime<Utc>) {
        let Some(refund) = self.records.refunds.get_mut(id) else { return };
        refund.settled_at = Some(match refund.state {
            RefundState::Pending { until: Some(until), .. } => until.min(now),
            _ => now,
        });
        refund.state = state;
        let (account, at) = (refund.account.clone(), refund.settled_at.unwrap_or(now));
        if let Some(capture) = self.records.captures.get_mut(&refund.capture_id) {
            if state == RefundState::Failed {
                capture.refunded_minor -= refund.amount.minor;
            }
            capture.updated_at = at;
        }
        self.tell_of_refund(&self.aside(&account, at), id);
        self.core.changes.mark();
    }

    /// Everybody hears what has become of money that goes back, and it is booked.
    fn tell_of_refund(&mut self, call: &Call, id: &str) {
        let Some(refund) = self.records.refunds.get(id) else { return };
        let (event_type, word) = match (refund.state, refund.how) {
            (RefundState::Pending { .. }, _) => (EventType::RefundPending, "refund is pending"),
            (RefundState::Failed, _) => (EventType::RefundFailed, "refund failed"),
            (RefundState::Completed, Returned::Merchant) => {
                (EventType::CaptureRefunded, "capture payment was refunded")
            }
            (RefundState::Completed, _) => (EventType::CaptureReversed, "capture payment was reversed"),
        };
        let summary = format!("A {} {word}", spoken(&refund.amount));
        let (refund, resource) = (refund.clone(), self.refund_json(refund, call));
        if refund.state == RefundState::Completed {
            self.enter_return(call, &refund);
        }
        self.tell(call, event_type, &summary, resource);
    }

    /// Everybody hears what has become of a capture, and what it brought is booked.
    fn tell_of_capture(&mut self, call: &Call, id: &str, refusal: EventType) {
        let Some(capture) = self.records.captures.get(id) else { return };
        let (event_type, word) = match capture.settlement {
            Settlement::Completed => (EventType::CaptureCompleted, "completed"),
            Settlement::Pending { .. } => (EventType::CapturePending, "pending"),
            Settlement::Declined => (refusal, "declined"),
        };
        let summary = format!("Payment {word} for {}", spoken(&capture.amount));
        let (capture, resource) = (capture.clone(), capture_json(capture, call));
        if capture.is_paid() {
            self.enter_payment(call, &capture);
        }
        self.tell(call, event_type, &summary, resource);
    }
}

/// `$ 25.00 USD`, as in PayPal's summaries.
pub(super) fn spoken(amount: &Amount) -> String {
    let sign = if amount.currency == "USD" { "$ " } else { "" };
    format!("{sign}{} {}", amount.value(), amount.currency)
}
