//! Alarms in words: the one list behind the overview and the mail to operators.

use chrono::{DateTime, Utc};
use domain::operations::{AlarmCode, Severity};
use store::SystemRead;
use store::operations::alarms::{Open, open};

use crate::{Result, Settings};

/// Something an operator should look at.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Stable word for programs.
    pub code: AlarmCode,
    /// How urgent it is.
    pub severity: Severity,
    /// How many things it concerns.
    pub count: i64,
    /// Since when it is so, if known.
    pub since: Option<DateTime<Utc>>,
    /// What is wrong, in one sentence.
    pub title: String,
    /// What was seen and what to do.
    pub text: String,
    /// The page on which to do it.
    pub href: String,
}

/// All open alarms, the most urgent first.
pub async fn alarms(db: &mut SystemRead, settings: &Settings) -> Result<Vec<Alarm>> {
    let mut alarms: Vec<Alarm> = open(db, settings.patience).await?.into_iter().map(Alarm::from).collect();
    alarms.sort_by_key(|alarm| alarm.severity);
    Ok(alarms)
}

impl From<Open> for Alarm {
    fn from(open: Open) -> Self {
        Self {
            code: open.code,
            severity: open.code.severity(),
            count: open.count,
            since: open.since,
            title: title(&open),
            text: [open.detail.as_deref().unwrap_or_default(), advice(open.code)].join(" ").trim().to_owned(),
            href: href(&open),
        }
    }
}

fn title(open: &Open) -> String {
    use AlarmCode as C;
    let name = open.name.as_deref().unwrap_or_default();
    let some = |one: &str, many: &str| match open.count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    match open.code {
        C::BillingLag => {
            format!("Billing is behind: {} unpaid hours.", some("VPS has", "VPSs have"))
        }
        C::QueueLag => format!("{} not begun.", some("due job is", "due jobs are")),
        C::DeadJobs => format!("{name}: {}.", some("dead job", "dead jobs")),
        C::AccountUnauthorized => format!("{name}: the token is refused."),
        C::ReconcileFailing => format!("{name}: the inventory has not been compared for a while."),
        C::AccountError => format!("{name}: the last operation went wrong."),
        C::QuotaLow => format!("{name}: the request quota is low."),
        C::AccountLimit => format!("{name}: the account's limit is reached."),
        C::Orphans => format!("{name}: {} nobody ordered.", some("server", "servers")),
        C::PlanBelowCost => format!("{} sold below cost: {name}.", some("plan is", "plans are")),
        C::KeptPriceBelowCost => {
            format!("{name}: {} a price below cost.", some("VPS keeps", "VPSs keep"))
        }
        C::CostChanged => format!("The cost of {} changed: {name}.", some("plan has", "plans have")),
        C::HoldWithoutJob => {
            format!("Money is held for {} nobody works on.", some("order", "orders"))
        }
        C::DisputeOpen => format!("{} in dispute.", some("payment is", "payments are")),
        C::PaymentDifference => {
            format!("The payment provider's books and ours differ in {}.", some("place", "places"))
        }
        C::WebhookRefused => format!("{} refused today.", some("webhook was", "webhooks were")),
    }
}

const fn advice(code: AlarmCode) -> &'static str {
    use AlarmCode as C;
    match code {
        C::BillingLag => "See that a worker runs and what became of the billing runs.",
        C::QueueLag => "See that a worker runs; add one if all are busy.",
        C::DeadJobs => "Retry them when the cause is gone, or discard them.",
        C::AccountUnauthorized => "Work in this account waits until the token is replaced.",
        C::ReconcileFailing => "What happens at the provider is not noticed meanwhile.",
        C::AccountError => "",
        C::QuotaLow => "Inventories and catalogues wait, so that customers need not.",
        C::AccountLimit => "Ask the provider for more, then check the token to close this.",
        C::Orphans => "They cost money. Look at them at the provider.",
        C::PlanBelowCost => "Publish new prices, or take the plan off sale.",
        C::KeptPriceBelowCost => "A VPS keeps the price it was sold at until you move it to another.",
        C::CostChanged => "Publish new prices, so that new VPSs are sold at the markup you want.",
        C::HoldWithoutJob => "Retry or discard the job of the order.",
        C::DisputeOpen => "Answer at the payment provider before its term ends.",
        C::PaymentDifference => "No job could settle it: compare the two by hand.",
        C::WebhookRefused => {
            "Somebody forges them, or the webhook's id is wrong: then real ones are refused, too."
        }
    }
}

fn href(open: &Open) -> String {
    use AlarmCode as C;
    match (open.code, open.subject, &open.name) {
        (C::BillingLag, ..) => "/operator/jobs?kind=billing.run&state=all".to_owned(),
        (C::QueueLag, ..) => "/operator/jobs?state=ready".to_owned(),
        (C::DeadJobs, _, Some(kind)) => format!("/operator/jobs?state=dead&kind={kind}"),
        (C::HoldWithoutJob, ..) => "/operator/jobs?state=dead".to_owned(),
        (C::DisputeOpen | C::PaymentDifference | C::WebhookRefused, ..) => "/operator/payments".to_owned(),
        (C::PlanBelowCost | C::CostChanged, ..) => "/operator/plans".to_owned(),
        (C::KeptPriceBelowCost, Some(plan), _) => format!("/operator/plans/{plan}/moves"),
        (_, Some(account), _) => format!("/operator/providers/{account}"),
        _ => "/operator".to_owned(),
    }
}
