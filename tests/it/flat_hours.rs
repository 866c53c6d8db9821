//! Hours that cost what the hour before cost are charged without writing down their count at each meter
//! (docs/adr/0018-flat-hours.md): what everybody reads of a meter is right all the same, whatever happens to it next.

use app::Caller;
use app::billing::run;
use app::vps::delete;
use chrono::{DateTime, TimeDelta, Utc};
use domain::VpsId;
use testkit::{Panel, RunningWorker};

/// How far a meter has come: until when it is paid, and what its month has cost in micro-units.
type Count = (DateTime<Utc>, i64);

async fn read(panel: &Panel, from: &str, vps: VpsId) -> Count {
    sqlx::query_as::<_, Count>(sqlx::AssertSqlSafe(format!(
        "select paid_until, month_used_micros from {from} where vps_id = $1"
    )))
    .bind(vps.0)
    .fetch_one(panel.superuser())
    .await
    .unwrap()
}

/// What is written down at the meter.
async fn written(panel: &Panel, vps: VpsId) -> Count {
    read(panel, "meters", vps).await
}

/// How the meter stands.
async fn count(panel: &Panel, vps: VpsId) -> Count {
    read(panel, "meter_counts", vps).await
}

async fn is_right(panel: &Panel) {
    panel.verify().await;
    panel.recompute().await;
}

/// A customer with two active VPSs, in the middle of a month.
async fn two_vps() -> (Panel, RunningWorker, Caller, VpsId, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "200.00").await;
    let (web, db) = (panel.active(&acme, "harbor", "web").await, panel.active(&acme, "harbor", "db").await);
    for vps in [web, db] {
        panel.backdate(vps, "date_trunc('month', now(), 'utc') + interval '40 days 1 hour 17 minutes'").await;
    }
    panel.until_idle().await;
    (panel, worker, acme, web, db)
}

/// Charges so many hours one by one; answers when the run after them would find the next.
async fn hours(panel: &Panel, hours: i32, vps: VpsId) -> DateTime<Utc> {
    for _ in 0..hours {
        let (due, _) = count(panel, vps).await;
        run(&panel.store, due + TimeDelta::minutes(1)).await.unwrap();
    }
    count(panel, vps).await.0
}

#[tokio::test]
async fn flat_hours_are_counted_and_not_written_at_each_meter() {
    let (panel, _worker, _, web, db) = two_vps().await;
    // The first run asks the rule what hours cost, and writes it down.
    hours(&panel, 1, web).await;
    let before = written(&panel, web).await;
    assert_eq!(count(&panel, web).await, before);
    hours(&panel, 3, web).await;
    assert_eq!(written(&panel, web).await, before);
    let hour = before.1 / 2;
    for vps in [web, db] {
        assert_eq!(count(&panel, vps).await, (before.0 + TimeDelta::hours(3), before.1 + 3 * hour));
    }
    is_right(&panel).await;
    // A run that comes late finds several hours of each, and asks the rule.
    let (due, _) = count(&panel, web).await;
    run(&panel.store, due + TimeDelta::hours(4)).await.unwrap();
    assert_eq!(written(&panel, web).await, (before.0 + TimeDelta::hours(8), before.1 + 8 * hour));
    assert_eq!(count(&panel, web).await, written(&panel, web).await);
    is_right(&panel).await;
}

#[tokio::test]
async fn a_meter_that_ends_or_goes_on_otherwise_is_written_down_as_it_stands() {
    let (panel, _worker, acme, web, db) = two_vps().await;
    hours(&panel, 3, web).await;
    let stood = count(&panel, web).await;
    assert_ne!(written(&panel, web).await, stood);
    // Hours to come were charged, so this one has ended before its last.
    delete(&panel.app, &acme, web).await.unwrap();
    panel.until_state(web, "deleted").await;
    assert_eq!(written(&panel, web).await, stood);
    assert_eq!(count(&panel, web).await, stood);
    let settled: bool = panel.fetch(format!("select settled from meters where vps_id = '{web}'")).await;
    assert!(settled);
    for change in [
        "tariff = 'at_cost'",
        "tariff = 'sold'",
        "price_version_id = (select p.id from price_versions p where p.id <> price_version_id limit 1)",
    ] {
        hours(&panel, 2, db).await;
        let stood = count(&panel, db).await;
        panel.execute(format!("update meters set {change} where vps_id = '{db}'")).await;
        assert_eq!(written(&panel, db).await, stood, "{change}");
        assert_eq!(count(&panel, db).await, stood, "{change}");
    }
}

#[tokio::test]
async fn an_hour_of_new_terms_begins_after_the_flat_hours_before_it() {
    let (panel, _worker, _, web, _) = two_vps().await;
    hours(&panel, 3, web).await;
    panel.publish("harbor", 1_000).await;
    let (due, _) = count(&panel, web).await;
    panel.announce_move("harbor", Some(due + TimeDelta::hours(1))).await;
    // One hour at the old price and two at the new are charged at once.
    run(&panel.store, due + TimeDelta::hours(2)).await.unwrap();
    let until: DateTime<Utc> = panel
        .fetch(format!(
            "select until from meter_terms t join meters m on m.id = t.meter_id where m.vps_id = '{web}'"
        ))
        .await;
    assert_eq!(until, due + TimeDelta::hours(1));
    is_right(&panel).await;
}

#[tokio::test]
async fn a_meter_that_begins_after_hours_to_come_were_charged_counts_its_own_only() {
    let (panel, _worker, acme, web, _) = two_vps().await;
    hours(&panel, 5, web).await;
    // What was charged lies ahead, so this one begins before it.
    let new = panel.active(&acme, "harbor", "new").await;
    let first = written(&panel, new).await;
    assert_eq!(count(&panel, new).await, first);
    is_right(&panel).await;
    let (due, _) = count(&panel, web).await;
    run(&panel.store, due).await.unwrap();
    assert!(count(&panel, new).await.0 > due);
    is_right(&panel).await;
}

/// What `docs/operations.md` tells to do before going back behind the view.
#[tokio::test]
async fn counts_can_be_written_down_for_programs_that_know_no_view() {
    let (panel, _worker, _, web, db) = two_vps().await;
    hours(&panel, 4, web).await;
    let stand = [count(&panel, web).await, count(&panel, db).await];
    assert_ne!([written(&panel, web).await, written(&panel, db).await], stand);
    let manual = include_str!("../../docs/operations.md");
    let (_, told) = manual.split_once("```sql\nupdate meters").expect("the manual says how");
    let (told, _) = told.split_once("```").expect("it ends");
    panel.execute(format!("update meters{told}")).await;
    assert_eq!([written(&panel, web).await, written(&panel, db).await], stand);
    assert_eq!([count(&panel, web).await, count(&panel, db).await], stand);
    hours(&panel, 2, web).await;
    is_right(&panel).await;
}
