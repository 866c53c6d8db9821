//! What pages show of automatic top-ups.

use chrono::{DateTime, Utc};
use domain::Money;
use domain::payment::{AutoTopUpState, OffReason};
use serde::Serialize;
use store::payment::auto::Shown;

use super::view::{Step, Visit};
use crate::templates::Page;
use crate::view::{Chip, Choice, Errors};

/// The page of automatic top-ups.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AutoTopUpPage {
    /// This page's own address.
    pub(crate) here: String,
    /// `None` before it was ever set up.
    pub(crate) auto: Option<AutoView>,
    /// How setting it up goes, while it does.
    pub(crate) steps: Vec<Step>,
    /// Where the payer agrees, while that is possible.
    pub(crate) approve_href: Option<String>,
    /// Go on without a click?
    pub(crate) follow: bool,
    pub(crate) form: AutoForm,
    pub(crate) currency_sign: String,
    /// Do payments hold tax?
    pub(crate) tax: bool,
}

impl Page for AutoTopUpPage {
    const TEMPLATE: &'static str = "payment/auto_top_up.html";
}

/// The terms as they were typed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct AutoForm {
    pub(crate) by: String,
    pub(crate) measures: Vec<Choice>,
    pub(crate) threshold: String,
    pub(crate) amount: String,
    pub(crate) monthly_ceiling: String,
    pub(crate) errors: Errors,
}

/// How automatic top-ups stand.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AutoView {
    pub(crate) state: AutoTopUpState,
    pub(crate) status: Chip,
    /// Money is asked for below so many hours, or else below so much.
    pub(crate) hours: Option<i32>,
    pub(crate) below: Option<Money>,
    pub(crate) amount: Money,
    pub(crate) ceiling: Money,
    /// In this month, under way or arrived.
    pub(crate) taken: Money,
    /// Does the ceiling leave no room for another one in this month?
    pub(crate) is_full: bool,
    /// Why it is off.
    pub(crate) why: Option<&'static str>,
    /// Did it end by itself?
    pub(crate) is_alarming: bool,
    pub(crate) off_at: Option<DateTime<Utc>>,
    /// A payment was declined: when it is tried once more.
    pub(crate) retry_at: Option<DateTime<Utc>>,
    pub(crate) last: Option<LastView>,
}

/// The last payment that was asked for by itself.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LastView {
    pub(crate) id: String,
    pub(crate) amount: Money,
    pub(crate) status: Chip,
    pub(crate) why: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

impl From<Shown> for AutoView {
    fn from(shown: Shown) -> Self {
        let is_on = shown.state == AutoTopUpState::On;
        let terms = shown.terms;
        Self {
            state: shown.state,
            status: shown.state.into(),
            hours: terms.threshold.hours(),
            below: terms.threshold.amount(),
            amount: terms.amount,
            ceiling: terms.ceiling,
            taken: shown.taken,
            is_full: is_on && shown.taken.plus(terms.amount).map_or(true, |sum| sum > terms.ceiling),
            why: shown.off_reason.map(why),
            is_alarming: shown.off_reason.is_some_and(|reason| reason != OffReason::Customer),
            off_at: shown.off_at,
            retry_at: shown.retry_at.filter(|_| is_on),
            last: shown.last.map(|last| LastView {
                id: last.id.to_string(),
                amount: last.amount,
                status: last.state.into(),
                why: last.failure,
                at: last.created_at,
            }),
        }
    }
}

/// Why it is off, for whoever reads it.
fn why(reason: OffReason) -> &'static str {
    match reason {
        OffReason::Customer => "Somebody of the organization turned it off.",
        OffReason::NotStarted => "PayPal could not be asked. Nothing was charged.",
        OffReason::NotApproved => "Nobody agreed to it at PayPal in time. Nothing was charged.",
        OffReason::Declined => "PayPal declined two payments, a day apart. Nothing was charged.",
        OffReason::Revoked => "The agreement was ended at PayPal.",
        OffReason::DetailsNeeded => "The tax on a payment depends on billing details that are missing.",
    }
}

/// What has been done, happens now, and is still to come, while it is set up.
pub(crate) fn setup_steps(state: AutoTopUpState, visit: Visit) -> Vec<Step> {
    use AutoTopUpState as S;
    let step = |title, text: Option<&str>, state| Step { title, text: text.map(str::to_owned), state };
    let back = match visit {
        Visit::Declined => {
            ("You came back without agreeing", Some("Nothing was set up. You can still go on."))
        }
        _ => ("You agree at PayPal", None),
    };
    match (state, visit) {
        (S::Preparing, _) => vec![
            step("Preparing the agreement", Some("This takes a moment."), "now"),
            step("You agree at PayPal", None, "todo"),
            step("Automatic top-up is on", None, "todo"),
        ],
        (S::AwaitingApproval, Visit::Returned) => vec![
            step("Agreement prepared", None, "done"),
            step("Agreed by you", None, "done"),
            step("Switching it on", Some("We are waiting for PayPal to confirm it."), "now"),
        ],
        (S::AwaitingApproval, _) => vec![
            step("Agreement prepared", None, "done"),
            step(back.0, back.1, "now"),
            step("Automatic top-up is on", None, "todo"),
        ],
        (S::On | S::Off, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_up_has_one_present_step_until_it_is_over() {
        for state in AutoTopUpState::ALL {
            for visit in [Visit::Look, Visit::Pay, Visit::Returned, Visit::Declined] {
                let now = setup_steps(*state, visit).iter().filter(|s| s.state == "now").count();
                let is_over = matches!(state, AutoTopUpState::On | AutoTopUpState::Off);
                assert_eq!(now, usize::from(!is_over), "{state} {visit:?}");
            }
        }
    }
}
