//! What a top-up page shows.

use chrono::{DateTime, Utc};
use domain::Money;
use domain::payment::{RefundKind, TopUpState};
use serde::Serialize;
use store::payment::refund::Shown;

use crate::billing::view::TaxLines;
use crate::templates::Page;
use crate::view::Chip;

/// One payment into the wallet, on its way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TopUpPage {
    pub(crate) id: String,
    /// This page's own address.
    pub(crate) here: String,
    pub(crate) amount: Money,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) state: TopUpState,
    pub(crate) status: Chip,
    pub(crate) steps: Vec<Step>,
    /// Did the panel ask for it by itself?
    pub(crate) automatic: bool,
    pub(crate) approve_href: Option<String>,
    /// Go on without a click?
    pub(crate) follow: bool,
    /// Did the payer come back without paying?
    pub(crate) declined: bool,
    pub(crate) over: bool,
    /// How it divides into credit and tax, when there is something to say of tax.
    pub(crate) tax: Option<TaxLines>,
    /// Where its receipt is.
    pub(crate) receipt: Option<String>,
    /// What went back of it, or is to.
    pub(crate) refunds: Vec<RefundRow>,
    /// What the payer disputes of it.
    pub(crate) disputes: Vec<DisputedRow>,
    /// Where the customer was before.
    pub(crate) next: Option<String>,
}

impl Page for TopUpPage {
    const TEMPLATE: &'static str = "payment/top_up.html";
}

/// Money that goes back to the payer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RefundRow {
    pub(crate) title: &'static str,
    pub(crate) amount: Money,
    pub(crate) status: Chip,
    pub(crate) why: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

impl From<Shown> for RefundRow {
    fn from(refund: Shown) -> Self {
        Self {
            title: match refund.kind {
                RefundKind::Refund => "Refund",
                RefundKind::Reversal => "Taken back by the payer",
            },
            amount: refund.amount,
            status: refund.state.into(),
            why: refund.failure.or(refund.reason),
            at: refund.created_at,
        }
    }
}

/// A dispute about a payment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DisputedRow {
    pub(crate) disputed: Money,
    /// Of it, in the wallet until it is decided.
    pub(crate) held: Option<Money>,
    pub(crate) status: Chip,
    pub(crate) at: DateTime<Utc>,
}

/// A step of the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    pub(crate) title: &'static str,
    pub(crate) text: Option<String>,
    /// `done`, `now`, `todo` or `bad`.
    pub(crate) state: &'static str,
}

crate::words::words! {
    /// Why the customer looks at the page.
    pub(crate) enum Visit {
        /// To see how it goes.
        Look = "look",
        /// To pay, now.
        Pay = "pay",
        /// Back from PayPal after approving.
        Returned = "returned",
        /// Back from PayPal without paying.
        Declined = "declined",
    }
}

/// What has been done, happens now, and is still to come.
pub(crate) fn steps(state: TopUpState, visit: Visit, failure: Option<String>) -> Vec<Step> {
    let step = |(title, text, state): (&'static str, Option<&str>, &'static str)| Step {
        title,
        text: text.map(str::to_owned),
        state,
    };
    let mut arrived = step(arrival(state, visit));
    if let (TopUpState::Failed, Some(why)) = (state, failure) {
        arrived.text = Some(why);
    }
    vec![step(preparation(state)), step(approval(state, visit)), arrived]
}

/// The same for a payment that nobody has to approve.
pub(crate) fn steps_by_itself(state: TopUpState, failure: Option<String>) -> Vec<Step> {
    use TopUpState as S;
    let (title, text, state) = match state {
        S::Created | S::AwaitingApproval => {
            ("Taking the payment", Some("PayPal is asked for it under your agreement."), "now")
        }
        other => arrival(other, Visit::Look),
    };
    let text = text.map(str::to_owned);
    let text = if state == "bad" { failure.or(text) } else { text };
    let first = Step { title: "Asked for automatically", text: None, state: "done" };
    vec![first, Step { title, text, state }]
}

type Words = (&'static str, Option<&'static str>, &'static str);

fn preparation(state: TopUpState) -> Words {
    match state {
        TopUpState::Created => ("Preparing the payment", Some("This takes a moment."), "now"),
        _ => ("Payment prepared", None, "done"),
    }
}

fn approval(state: TopUpState, visit: Visit) -> Words {
    use TopUpState as S;
    match (state, visit) {
        (S::Created, _) => ("You approve it at PayPal", None, "todo"),
        (S::AwaitingApproval, Visit::Returned) => ("Approved by you", None, "done"),
        (S::AwaitingApproval, Visit::Declined) => {
            ("You came back without paying", Some("Nothing was taken. You can still go on."), "now")
        }
        (S::AwaitingApproval, _) => ("You approve it at PayPal", None, "now"),
        (S::Expired, _) => ("Not approved in time", Some("Nothing was taken."), "bad"),
        _ => ("Approved by you", None, "done"),
    }
}

fn arrival(state: TopUpState, visit: Visit) -> Words {
    use TopUpState as S;
    match (state, visit) {
        (S::Completed, _) => ("In your wallet", None, "done"),
        (S::Pending, _) => (
            "PayPal holds the payment back",
            Some("Some kinds of payment take days. Your wallet follows."),
            "now",
        ),
        (S::AwaitingApproval, Visit::Returned) => {
            ("Taking the payment", Some("We are waiting for PayPal to confirm it."), "now")
        }
        (S::Failed, _) => {
            ("The payment did not go through", Some("Nothing was added. Another way to pay may work."), "bad")
        }
        _ => ("In your wallet", None, "todo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_one_present_step_or_is_over() {
        for state in TopUpState::ALL {
            for visit in [Visit::Look, Visit::Pay, Visit::Returned, Visit::Declined] {
                let steps = steps(*state, visit, None);
                let now = steps.iter().filter(|s| s.state == "now").count();
                assert_eq!(now, usize::from(!state.is_final()), "{state} {visit:?}");
            }
            let now = steps_by_itself(*state, None).iter().filter(|s| s.state == "now").count();
            assert_eq!(now, usize::from(!state.is_final()), "{state} by itself");
        }
    }
}
