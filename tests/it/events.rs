//! The stream of events: all of them, once, in order, while everybody writes.

use std::collections::BTreeSet;

use app::Caller;
use domain::notify::Topic;
use store::notify::{self, Event, Position};
use store::{Exempt, OrgTx, SystemPurpose};
use testkit::Panel;
use uuid::Uuid;

async fn begin(panel: &Panel, caller: &Caller) -> OrgTx {
    panel.store.org_tx(&caller.scope).await.unwrap()
}

async fn position(panel: &Panel, caller: &Caller) -> Position {
    notify::position(&mut panel.store.org_read(&caller.scope).await.unwrap()).await.unwrap()
}

/// Reads on from a position as a page does that was cut off after each batch; asks again while something is
/// unsettled or fewer than `expected` have come.
async fn read(panel: &Panel, caller: &Caller, mut from: Position, expected: usize) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let mut db = panel.store.org_read(&caller.scope).await.unwrap();
        let batch = notify::read_after(&mut db, from).await.unwrap();
        drop(db);
        if let Some(last) = batch.events.last() {
            from = last.position.to_string().parse().unwrap();
        }
        events.extend(batch.events);
        if events.len() >= expected && !batch.unsettled {
            return events;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reader_sees_everything_once_and_in_order_however_it_was_written() {
    let panel = Panel::start().await;
    let [acme, other] = panel.crowd(2).await[..] else { unreachable!("two were asked for") };
    let from = position(&panel, &acme).await;

    // Numbered before all others, and still open when they are long over.
    let mut slow = begin(&panel, &acme).await;
    let slowest = Uuid::now_v7();
    notify::publish(&mut slow, Topic::Vps, slowest).await.unwrap();
    let writers = (0..200).map(|n| {
        let (store, caller) = (panel.store.clone(), if n % 10 == 0 { other } else { acme });
        tokio::spawn(async move {
            let mut tx = store.org_tx(&caller.scope).await.unwrap();
            let mut written = Vec::new();
            for _ in 0..=n % 3 {
                let subject = Uuid::now_v7();
                notify::publish(&mut tx, Topic::Wallet, subject).await.unwrap();
                written.push(subject);
                tokio::task::yield_now().await;
            }
            if n % 7 == 0 {
                return Vec::new(); // rolled back: nobody may hear of it
            }
            tx.commit(Exempt::NothingChanged).await.unwrap();
            if n % 10 == 0 { Vec::new() } else { written }
        })
    });
    let mut written = BTreeSet::from([slowest]);
    for writer in writers.collect::<Vec<_>>() {
        written.extend(writer.await.unwrap());
    }
    let early =
        notify::read_after(&mut panel.store.org_read(&acme.scope).await.unwrap(), from).await.unwrap();
    assert!(early.events.is_empty() && early.unsettled, "nothing may be told before what came first");
    slow.commit(Exempt::NothingChanged).await.unwrap();

    let events = read(&panel, &acme, from, written.len()).await;
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "in order");
    assert_eq!(events.len(), written.len(), "each once");
    assert_eq!(events.iter().filter_map(|event| event.subject).collect::<BTreeSet<_>>(), written);
    assert!(events.iter().all(|event| event.organization_id == Some(acme.organization_id())));
    assert!(read(&panel, &acme, position(&panel, &acme).await, 0).await.is_empty(), "the end is the end");
}

#[tokio::test]
async fn a_page_that_reads_while_others_write_misses_nothing() {
    let panel = Panel::start().await;
    let acme = panel.crowd(1).await[0];
    let from = position(&panel, &acme).await;
    let writers = (0..200).map(|_| {
        let store = panel.store.clone();
        tokio::spawn(async move {
            let mut tx = store.org_tx(&acme.scope).await.unwrap();
            notify::publish(&mut tx, Topic::Wallet, acme.organization_id()).await.unwrap();
            tokio::task::yield_now().await;
            tx.commit(Exempt::NothingChanged).await.unwrap();
        })
    });
    let writers: Vec<_> = writers.collect();
    let events = read(&panel, &acme, from, 200).await;
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "in order");
    assert_eq!(events.len(), 200);
    let mut db = panel.store.system_read(SystemPurpose::Events).await.unwrap();
    assert_eq!(notify::read_all_after(&mut db, from).await.unwrap().events, events, "operators see the same");
}

#[tokio::test]
async fn listeners_are_told_whose_events_there_are_when_they_are_there() {
    let panel = Panel::start().await;
    let acme = panel.crowd(1).await[0];
    let mut ear = notify::Ear::connect(&panel.store.reads()).await.unwrap();
    let mut tx = begin(&panel, &acme).await;
    notify::publish(&mut tx, Topic::Vps, Uuid::now_v7()).await.unwrap();
    tx.commit(Exempt::NothingChanged).await.unwrap();
    assert_eq!(ear.hear().await.unwrap(), notify::Heard::Organization(acme.organization_id()));
    let mut tx = panel.store.system_tx(SystemPurpose::Operator).await.unwrap();
    notify::publish_system(&mut tx, None, Topic::Catalog, &[Uuid::now_v7()]).await.unwrap();
    tx.commit(Exempt::NothingChanged).await.unwrap();
    assert_eq!(ear.hear().await.unwrap(), notify::Heard::Platform);
}
