//! The life of a VPS when nothing goes wrong.

use app::vps::{delete, power};
use domain::vps::PowerRequest;
use serde_json::json;
use simulator::{Cloud, Fault, FaultKind};
use testkit::{Panel, eventually};

use crate::on_both_clouds;

on_both_clouds!(
    a_customer_takes_a_vps_through_its_whole_life,
    a_delete_during_create_charges_the_first_hour_and_leaves_nothing,
    a_delete_before_the_cloud_was_asked_costs_nothing,
    a_delete_in_the_first_minute_charges_one_hour,
    a_delete_succeeds_when_the_server_has_vanished,
    a_reboot_whose_answer_is_lost_happens_once,
);

async fn a_customer_takes_a_vps_through_its_whole_life(plan: &str, cloud: Cloud) {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;

    let web = panel.active(&acme, plan, "web").await;
    let servers = panel.servers_of(web);
    assert_eq!((servers.len(), servers[0].cloud), (1, cloud));
    for (request, reached) in
        [(PowerRequest::Reboot, "running"), (PowerRequest::Stop, "stopped"), (PowerRequest::Start, "running")]
    {
        power(&panel.app, &acme, web, request).await.unwrap();
        panel.until_power(web, reached).await;
    }
    delete(&panel.app, &acme, web).await.unwrap();
    panel.until_state(web, "deleted").await;
    assert!(panel.living_servers_of(web).is_empty());

    let about = format!("activity_logs where target_id = '{web}' order by created_at, id");
    let trail: Vec<String> = panel.fetch_all(format!("select action from {about}")).await;
    let expected = [
        "vps.create_requested",
        "vps.created",
        "vps.reboot_requested",
        "vps.power_changed",
        "vps.stop_requested",
        "vps.power_changed",
        "vps.start_requested",
        "vps.power_changed",
        "vps.delete_requested",
        "vps.deleted",
    ];
    assert_eq!(trail, expected);
    let strangers = format!(
        "select count(*) from {}",
        about.replace("order by created_at, id", "and actor_kind <> 'user'")
    );
    assert_eq!(panel.fetch::<i64>(strangers).await, 0, "jobs act in the name of who asked");
    let ledger: Vec<String> = panel.fetch_all("select kind from ledger_transactions order by sequence").await;
    assert_eq!(ledger, ["top_up", "hold", "capture"]);
    panel.verify().await;
}

async fn a_delete_during_create_charges_the_first_hour_and_leaves_nothing(plan: &str, _: Cloud) {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    panel.simulator.freeze(true);
    let web = panel.order(&acme, plan, "web").await;
    eventually("the cloud makes a server", || !panel.servers_of(web).is_empty()).await;

    delete(&panel.app, &acme, web).await.unwrap();
    panel.simulator.freeze(false);
    panel.until_state(web, "deleted").await;

    let hour: i64 = panel.fetch(hour_price(plan)).await;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.held, balances.burn), (20_000_000 - hour, 0, 0));
    assert!(panel.living_servers_of(web).is_empty());
    panel.verify().await;
}

async fn a_delete_before_the_cloud_was_asked_costs_nothing(plan: &str, _: Cloud) {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.order(&acme, plan, "web").await;
    delete(&panel.app, &acme, web).await.unwrap();
    delete(&panel.app, &acme, web).await.expect("deleting twice is one delete");

    let _worker = panel.worker();
    panel.until_state(web, "deleted").await;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.held, balances.burn), (20_000_000, 0, 0));
    assert!(panel.simulator.servers().is_empty());
    panel.verify().await;
}

async fn a_delete_in_the_first_minute_charges_one_hour(plan: &str, _: Cloud) {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, plan, "web").await;
    delete(&panel.app, &acme, web).await.unwrap();
    panel.until_state(web, "deleted").await;

    let now = panel.fetch("select now() + interval '3 hours'").await;
    app::billing::run(&panel.store, now).await.unwrap();
    let charges: Vec<i64> = panel.fetch_all("select amount_micros from charges").await;
    assert_eq!(charges, [panel.fetch::<i64>(hour_price(plan)).await]);
    panel.verify().await;
}

async fn a_delete_succeeds_when_the_server_has_vanished(plan: &str, _: Cloud) {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, plan, "web").await;
    panel.destroy_outside(web).await;
    delete(&panel.app, &acme, web).await.unwrap();
    panel.until_state(web, "deleted").await;
    panel.verify().await;
}

#[tokio::test]
async fn a_delete_the_cloud_refuses_is_tried_until_it_works() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "harbor", "web").await;
    panel.simulator.inject(Fault::new("linode.delete", FaultKind::Error).with_status(400));
    delete(&panel.app, &acme, web).await.unwrap();
    panel.until("select last_error is not null from jobs where kind = 'vps.delete'").await;
    assert_eq!(panel.living_servers_of(web).len(), 1);

    panel.simulator.clear_faults();
    panel.skip_waits().await;
    panel.until_state(web, "deleted").await;
    assert!(panel.living_servers_of(web).is_empty());
    panel.verify().await;
}

#[tokio::test]
async fn a_refused_power_action_ends_and_the_next_is_accepted() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "meadow", "web").await;
    power(&panel.app, &acme, web, PowerRequest::Stop).await.unwrap();
    let busy = power(&panel.app, &acme, web, PowerRequest::Start).await.unwrap_err();
    assert_eq!(busy.code(), "busy");
    panel.until_power(web, "stopped").await;

    // This cloud does not reboot what is off.
    power(&panel.app, &acme, web, PowerRequest::Reboot).await.unwrap();
    panel.until("select state = 'failed' from vps_actions where kind = 'reboot'").await;
    power(&panel.app, &acme, web, PowerRequest::Start).await.unwrap();
    panel.until_power(web, "running").await;
}

#[tokio::test]
async fn a_guest_that_ignores_the_shutdown_has_its_power_cut() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "meadow", "web").await;
    panel.simulator.inject(Fault::new("digitalocean.action", FaultKind::Failed).once());
    power(&panel.app, &acme, web, PowerRequest::Stop).await.unwrap();
    panel.until_power(web, "stopped").await;

    let asked: Vec<_> = panel
        .simulator
        .requests()
        .into_iter()
        .filter(|r| r.operation == Some("digitalocean.action"))
        .collect();
    let kinds: Vec<_> = asked.iter().map(|r| r.body.as_ref().unwrap()["type"].clone()).collect();
    assert_eq!(kinds, [json!("shutdown"), json!("power_off")]);
}

async fn a_reboot_whose_answer_is_lost_happens_once(plan: &str, _: Cloud) {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, plan, "web").await;
    panel.simulator.inject(Fault::new("*.action", FaultKind::CutAfter).once());
    power(&panel.app, &acme, web, PowerRequest::Reboot).await.unwrap();
    panel.until("select state = 'done' from vps_actions where kind = 'reboot'").await;
    let is_action = |operation: Option<&str>| operation.is_some_and(|name| name.ends_with(".action"));
    let asked = panel.simulator.requests().into_iter().filter(|request| is_action(request.operation));
    assert_eq!(asked.count(), 1);
}

fn hour_price(plan: &str) -> String {
    format!(
        "select greatest(sell_hour_micros, sell_minimum_micros) from current_prices c
        join plans p on p.id = c.plan_id join regions r on r.id = c.region_id
        where p.slug = '{plan}' and r.slug = '{}'",
        testkit::REGION
    )
}

/// The delete comes while the outcome of a stop is being looked at: the stop is cancelled, and nobody reads
/// that it was done.
#[tokio::test]
async fn a_cancelled_power_action_is_not_told_as_done() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "small", "web").await;
    panel.simulator.freeze(true);
    power(&panel.app, &acme, web, PowerRequest::Stop).await.unwrap();
    panel
        .until(format!("select bool_or(asked_at is not null) from vps_actions where vps_id = '{web}'"))
        .await;
    panel.simulator.inject(Fault::new("*.get", FaultKind::Slow).once().with_delay_ms(700));
    panel.simulator.freeze(false);
    eventually("the outcome is being looked at", || panel.simulator.faults().is_empty()).await;
    delete(&panel.app, &acme, web).await.unwrap();
    panel.until_state(web, "deleted").await;
    panel.until_idle().await;
    let ends: Vec<String> = panel
        .fetch_all(format!("select state from vps_actions where vps_id = '{web}' and kind = 'stop'"))
        .await;
    assert_eq!(ends, ["cancelled"]);
    let told: i64 = panel
        .fetch(format!(
            "select count(*) from activity_logs where target_id = '{web}' and action like 'vps.power%'"
        ))
        .await;
    assert_eq!(told, 0, "a stop that was cancelled was told as done");
}
