//! What the histories came to: a check that never sees a suspension proves nothing about it.

use std::collections::BTreeMap;

use crate::world::World;

/// How often each change and each fault happened.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<String, i64>);

impl Tally {
    /// Adds what happened in a world that is about to be thrown away.
    pub(crate) async fn add(&mut self, world: &World) {
        let told = "select concat_ws(' ', action, count(*)) from activity_logs group by action";
        for line in world.panel.fetch_all::<String>(told).await {
            if let Some((action, times)) = line.split_once(' ') {
                *self.0.entry(action.to_owned()).or_default() += times.parse::<i64>().unwrap_or(0);
            }
        }
        for fault in world.panel.simulator.requests().iter().filter_map(|request| request.fault) {
            *self.0.entry(format!("fault {fault:?}")).or_default() += 1;
        }
    }

    /// `what: times`, the rarest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, times)| **times);
        all.into_iter().map(|(what, times)| format!("{what}: {times}")).collect()
    }
}
