//! What the histories came to: a check that never sees a suspension proves nothing about it.

use std::collections::BTreeMap;

use crate::deeds::answered;
use crate::disturbance::OF_NEWS;
use crate::world::World;

/// How often each change and each fault happened.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<String, i64>);

/// What happens where money goes back and forth, in the words of the audit trail.
const DEEDS: [&str; 17] = [
    "adjustment.applied",
    "adjustment.rejected",
    "adjustment.requested",
    "billing.credit_note_issued",
    "credit.expired",
    "credit.granted",
    "credit.redeemed",
    "dispute.changed",
    "dispute.lost",
    "dispute.opened",
    "dispute.won",
    "refund.completed",
    "refund.failed",
    "refund.requested",
    "refund.reversed",
    "top_up.failed",
    "top_up.pending",
];

impl Tally {
    /// Names all that is to happen to payments, so that what never happens is seen.
    pub(crate) fn expect_payments(&mut self) {
        let faults = OF_NEWS.iter().map(|kind| format!("webhook {kind:?}"));
        let all = DEEDS.iter().map(|&action| action.to_owned()).chain(faults);
        all.for_each(|what| *self.0.entry(what).or_default() += 0);
    }

    /// Adds what happened in a world that is about to be thrown away.
    pub(crate) async fn add(&mut self, world: &World) {
        let told = "select concat_ws(' ', action, count(*)) from activity_logs group by action";
        for line in world.panel.fetch_all::<String>(told).await {
            if let Some((action, times)) = line.split_once(' ') {
                *self.0.entry(action.to_owned()).or_default() += times.parse::<i64>().unwrap_or(0);
            }
        }
        let flat = "select count(*) from ledger_transactions where key like 'charge:flat:%'";
        *self.0.entry("hours charged flat".to_owned()).or_default() += world.panel.fetch::<i64>(flat).await;
        for fault in world.panel.simulator.requests().iter().filter_map(|request| request.fault) {
            *self.0.entry(format!("fault {fault:?}")).or_default() += 1;
        }
        for delivery in world.panel.simulator.webhook_deliveries() {
            let what = delivery.fault.map_or("webhook".to_owned(), |fault| format!("webhook {fault:?}"));
            *self.0.entry(what).or_default() += 1;
        }
        let url = format!("{}/_sim/paypal/events", world.panel.simulator.paypal_url());
        for event in answered(world.http.get(url)).await.as_array().into_iter().flatten() {
            let kind = event["event_type"].as_str().unwrap_or_default();
            *self.0.entry(format!("told {kind}")).or_default() += 1;
        }
    }

    /// `what: times`, the rarest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, times)| **times);
        all.into_iter().map(|(what, times)| format!("{what}: {times}")).collect()
    }
}
