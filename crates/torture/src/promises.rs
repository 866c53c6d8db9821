//! Whether people got what they were promised, and were told of everything.

use std::time::{Duration, Instant};

use testkit::Panel;
use tokio::time::sleep;

use crate::person::Outcome;

/// So long a page may take to tell the last event.
const DELIVERY: Duration = Duration::from_secs(8);

/// Every promise that was not kept.
pub(crate) async fn broken(panel: &Panel, outcome: &Outcome) -> Vec<String> {
    let name = &outcome.name;
    let mut wrong: Vec<String> =
        outcome.promises.wrong.iter().map(|what| format!("{name}: {what}")).collect();
    for (vps, id) in &outcome.promises.ordered {
        let there: i64 = panel
            .fetch(format!("select count(*) from vps_instances where id = '{id}' and name = '{vps}'"))
            .await;
        if there != 1 {
            wrong.push(format!("{name}: the order of {vps} ({id}) was accepted and is lost"));
        }
    }
    for id in &outcome.promises.deleted {
        let state: String = panel.fetch(format!("select state from vps_instances where id = '{id}'")).await;
        if state != "deleted" {
            wrong.push(format!("{name}: VPS {id} was to be deleted and is {state}"));
        }
    }
    for id in &outcome.promises.begun {
        let there: i64 = panel.fetch(format!("select count(*) from top_ups where id = '{id}'")).await;
        if there != 1 {
            wrong.push(format!("{name}: top-up {id} was accepted and is lost"));
        }
    }
    for (table, words) in [("credits", &outcome.promises.given), ("adjustments", &outcome.promises.adjusted)]
    {
        for word in words {
            let there: i64 =
                panel.fetch(format!("select count(*) from {table} where reason = '{word}'")).await;
            if there != 1 {
                wrong.push(format!("{name}: {word} is there {there} times in {table}"));
            }
        }
    }
    wrong.extend(untold(panel, outcome).await.map(|what| format!("{name}: {what}")));
    wrong
}

/// The stream of events against what was written: each once, in order, nothing else.
async fn untold(panel: &Panel, outcome: &Outcome) -> Option<String> {
    let listener = outcome.listener.as_ref()?;
    let written: Vec<String> = panel
        .fetch_all(format!(
            "select e.xid || '-' || e.id from events e join users u on u.organization_id = e.organization_id
                where u.email = '{}@example.com' order by e.xid, e.id",
            outcome.name
        ))
        .await;
    let deadline = Instant::now() + DELIVERY;
    let mut seen = listener.seen();
    while seen.len() < written.len() && Instant::now() < deadline {
        sleep(Duration::from_millis(30)).await;
        seen = listener.seen();
    }
    if seen == written {
        return None;
    }
    let missing = written.iter().filter(|id| !seen.contains(id)).count();
    let at = seen.iter().zip(&written).position(|(a, b)| a != b).unwrap_or(seen.len().min(written.len()));
    Some(format!(
        "{} events were written, {} told, {missing} never; the first difference is at {:?} after {:?}",
        written.len(),
        seen.len(),
        written.get(at),
        at.checked_sub(1).and_then(|before| written.get(before)),
    ))
}
