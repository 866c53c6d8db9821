//! An empty wallet: what runs is switched off, what it costs us is owed, and money brings it back.

use app::Caller;
use app::vps::{delete, power};
use domain::VpsId;
use domain::vps::PowerRequest;
use testkit::{Balances, Panel, RunningWorker};

const HOUR: i64 = 22_500;
const COST: i64 = 18_000;

/// Two VPSs, `web` on and `db` off, suspended since the wallet could not pay the fifth hour of both, and two
/// more hours have passed at cost.
async fn suspended() -> (Panel, RunningWorker, Caller, VpsId, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "1.20").await;
    let web = panel.active(&acme, "harbor", "web").await;
    let db = panel.active(&acme, "harbor", "db").await;
    power(&panel.app, &acme, db, PowerRequest::Stop).await.unwrap();
    panel.until_power(db, "stopped").await;
    for vps in [web, db] {
        panel.backdate(vps, "now() - interval '350 minutes'").await;
    }
    // Four hours of both have been paid; what is left does not pay a fifth.
    let left = 2 * HOUR - 1;
    let paid = panel.balances(&acme).await.available - 6 * HOUR - left;
    let old = panel.deleted_early(web, "old").await;
    panel.spend(&acme, old, domain::Money::from_micros(paid)).await.unwrap();
    bill(&panel).await;
    panel.until_power(web, "stopped").await;
    (panel, worker, acme, web, db)
}

async fn bill(panel: &Panel) {
    app::billing::run(&panel.store, panel.fetch("select now()").await).await.unwrap();
}

#[tokio::test]
async fn an_empty_wallet_suspends_everything_and_accrues_at_cost() {
    let (panel, _worker, acme, web, db) = suspended().await;
    let expected = Balances { available: 2 * HOUR - 1, held: 0, receivable: 4 * COST, burn: 0 };
    assert_eq!(panel.balances(&acme).await, expected);
    for vps in [web, db] {
        let suspended = format!("select suspended_by from vps_instances where id = '{vps}'");
        assert_eq!(panel.fetch::<String>(suspended).await, "unpaid");
        let refused = power(&panel.app, &acme, vps, PowerRequest::Start).await.unwrap_err();
        assert_eq!(refused.code(), "suspended");
    }
    let told = "select count(*) from activity_logs where action = 'vps.suspended'";
    assert_eq!(panel.fetch::<i64>(told).await, 2);
    panel.verify().await;

    let later = panel.fetch("select now() + interval '1 hour'").await;
    app::billing::run(&panel.store, later).await.unwrap();
    let balances = panel.balances(&acme).await;
    assert_eq!(
        (balances.available, balances.receivable),
        (2 * HOUR - 1, 6 * COST),
        "nothing from the wallet"
    );
    panel.verify().await;
}

#[tokio::test]
async fn money_pays_the_debt_first_and_boots_only_what_was_on() {
    let (panel, _worker, acme, web, db) = suspended().await;
    panel.top_up(&acme, "5.00").await;
    panel.until_power(web, "running").await;
    panel.until_idle().await;

    let state =
        |vps| format!("select concat_ws(' ', power, suspended_by) from vps_instances where id = '{vps}'");
    assert_eq!(panel.fetch::<String>(state(web)).await, "running");
    assert_eq!(panel.fetch::<String>(state(db)).await, "stopped");
    let balances = panel.balances(&acme).await;
    let expected = 5_000_000 + 2 * HOUR - 1 - 4 * COST;
    assert_eq!(balances, Balances { available: expected, held: 0, receivable: 0, burn: 2 * HOUR });
    panel.verify().await;

    let later = panel.fetch("select now() + interval '1 hour'").await;
    app::billing::run(&panel.store, later).await.unwrap();
    assert_eq!(panel.balances(&acme).await.available, expected - 2 * HOUR, "sold again");
    panel.verify().await;
}

#[tokio::test]
async fn hours_that_passed_before_the_money_came_are_settled_before_the_resume() {
    let (panel, _worker, acme, web, _) = suspended().await;
    // Two more hours at cost are due and not written down when the payment arrives.
    panel.execute("update meters set started_at = started_at - interval '1 hour', paid_until = paid_until - interval '1 hour'").await;
    panel.execute("update charges c set span_start = span_start - interval '1 hour' from meters m where m.id = c.meter_id").await;
    panel.execute("update meters m set month = n.month, month_used_micros = (select sum(amount_micros) from charges
        where meter_id = m.id and span_start >= n.month at time zone 'utc') from (select id,
            date_trunc('month', (paid_until - interval '1 hour') at time zone 'utc')::date as month from meters) n where n.id = m.id").await;
    panel.execute("update meter_terms set until = until - interval '1 hour'").await;
    panel.execute("update vps_instances set active_at = active_at - interval '1 hour'").await;
    panel.top_up(&acme, "5.00").await;
    panel.until("select state = 'ready' and run_at > now() from jobs where kind = 'billing.resume'").await;
    bill(&panel).await;
    panel.skip_waits().await;
    panel.until_power(web, "running").await;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.receivable), (5_000_000 + 2 * HOUR - 1 - 6 * COST, 0));
    let settled: i64 =
        panel.fetch("select count(*) from ledger_transactions where kind = 'settlement'").await;
    assert_eq!(settled, 1);
    panel.verify().await;
}

#[tokio::test]
async fn too_little_money_lifts_nothing() {
    let (panel, _worker, acme, web, db) = suspended().await;
    // A day of both is 1.08, and the debt is paid before.
    panel.fund(&acme, "1.00").await;
    panel.enqueue_for(&acme, "billing.resume").await;
    panel.until_idle().await;
    for vps in [web, db] {
        let suspended = format!("select suspended_by from vps_instances where id = '{vps}'");
        assert_eq!(panel.fetch::<String>(suspended).await, "unpaid");
    }
    // One of them is affordable.
    delete(&panel.app, &acme, db).await.unwrap();
    panel.until_power(web, "running").await;
    panel.until_state(db, "deleted").await;
    panel.verify().await;
}

#[tokio::test]
async fn what_becomes_affordable_when_something_else_ends_is_resumed() {
    let (panel, _worker, acme, web, _) = suspended().await;
    panel.fund(&acme, "1.00").await;
    let third = panel.active(&acme, "harbor", "third").await;
    // A day of two is 1.08, and the debt; a day of all three would be 1.62.
    panel.fund(&acme, "0.30").await;
    panel.enqueue_for(&acme, "billing.resume").await;
    panel.until_idle().await;
    let suspended = format!("select suspended_by from vps_instances where id = '{web}'");
    assert_eq!(panel.fetch::<String>(suspended).await, "unpaid");
    delete(&panel.app, &acme, third).await.unwrap();
    panel.until_power(web, "running").await;
    panel.verify().await;
}

#[tokio::test]
async fn a_suspended_vps_can_be_deleted_and_owes_no_more() {
    let (panel, _worker, acme, web, db) = suspended().await;
    for vps in [web, db] {
        delete(&panel.app, &acme, vps).await.unwrap();
        panel.until_state(vps, "deleted").await;
    }
    let owed = panel.balances(&acme).await.receivable;
    app::billing::run(&panel.store, panel.fetch("select now() + interval '5 hours'").await).await.unwrap();
    assert_eq!(panel.balances(&acme).await.receivable, owed);
    panel.verify().await;
}

#[tokio::test]
async fn a_stopped_vps_is_charged_like_a_running_one() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "harbor", "web").await;
    power(&panel.app, &acme, web, PowerRequest::Stop).await.unwrap();
    panel.until_power(web, "stopped").await;
    let before = panel.balances(&acme).await.available;
    app::billing::run(&panel.store, panel.fetch("select now() + interval '10 hours'").await).await.unwrap();
    assert_eq!(panel.balances(&acme).await.available, before - 10 * HOUR);
    panel.verify().await;
}
