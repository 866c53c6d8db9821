//! What happens behind the panel's back, and what the reconciler makes of it.

use app::vps::power;
use domain::VpsId;
use domain::provider::{PowerAction, ServerTag};
use domain::vps::{Power, PowerRequest};
use simulator::Cloud;
use testkit::{Panel, RunningWorker, eventually};

use crate::on_both_clouds;

on_both_clouds!(
    a_server_switched_off_outside_is_shown_as_off,
    a_server_deleted_outside_is_lost_after_two_passes_and_charged_no_more,
    an_empty_inventory_changes_nothing_and_raises_an_alarm,
    a_server_nobody_ordered_is_listed_and_left_alone,
);

async fn with_servers(plan: &str, names: &[&str]) -> (Panel, RunningWorker, app::Caller, Vec<VpsId>) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let mut made = Vec::new();
    for name in names {
        made.push(panel.order(&acme, plan, name).await);
    }
    for vps in &made {
        panel.until_state(*vps, "active").await;
    }
    (panel, worker, acme, made)
}

async fn state(panel: &Panel, vps: VpsId) -> String {
    panel.fetch(format!("select state || ' ' || power from vps_instances where id = '{vps}'")).await
}

async fn a_server_switched_off_outside_is_shown_as_off(plan: &str, _: Cloud) {
    let (panel, _worker, _, made) = with_servers(plan, &["web"]).await;
    panel.power_outside(made[0], PowerAction::Stop, Power::Stopped).await;
    panel.reconcile().await;
    assert_eq!(state(&panel, made[0]).await, "active stopped");
    let noted = format!(
        "select detail->>'power' from activity_logs where action = 'vps.reconciled' and target_id = '{}'
            order by created_at desc limit 1",
        made[0]
    );
    assert_eq!(panel.fetch::<String>(noted).await, "stopped");
    panel.verify().await;
}

async fn a_server_deleted_outside_is_lost_after_two_passes_and_charged_no_more(plan: &str, _: Cloud) {
    let (panel, _worker, acme, made) = with_servers(plan, &["web", "db"]).await;
    let burn = panel.balances(&acme).await.burn;
    panel.destroy_outside(made[0]).await;
    panel.reconcile().await;
    assert_eq!(state(&panel, made[0]).await, "active running", "once may be a slip of the cloud");
    panel.reconcile().await;
    assert_eq!(state(&panel, made[0]).await, "lost running");
    assert_eq!(state(&panel, made[1]).await, "active running");
    assert_eq!(panel.balances(&acme).await.burn * 2, burn);

    let later = panel.fetch("select now() + interval '150 minutes'").await;
    app::billing::run(&panel.store, later).await.unwrap();
    let hours = |vps| {
        format!("select count(*) from charges c join meters m on m.id = c.meter_id where vps_id = '{vps}'")
    };
    assert_eq!(panel.fetch::<i64>(hours(made[0])).await, 1, "only the hour it had begun");
    assert_eq!(panel.fetch::<i64>(hours(made[1])).await, 3);
    app::vps::delete(&panel.app, &acme, made[0]).await.unwrap();
    panel.until_state(made[0], "deleted").await;
    panel.verify().await;
}

async fn an_empty_inventory_changes_nothing_and_raises_an_alarm(plan: &str, _: Cloud) {
    let (panel, _worker, _, made) = with_servers(plan, &["web"]).await;
    panel.destroy_outside(made[0]).await;
    for _ in 0..3 {
        panel.reconcile().await;
    }
    assert_eq!(state(&panel, made[0]).await, "active running");
    let alarms =
        "select count(*) from activity_logs where action = 'provider.reconciled' and detail ? 'alarm'";
    assert_eq!(panel.fetch::<i64>(alarms).await, 3);
    assert_eq!(
        panel.fetch::<i64>("select count(*) from providers where last_error like '%no server at all%'").await,
        1
    );
    panel.verify().await;
}

async fn a_server_nobody_ordered_is_listed_and_left_alone(plan: &str, cloud: Cloud) {
    let (panel, _worker, _, made) = with_servers(plan, &["web"]).await;
    let spec = Panel::spec(cloud, ServerTag::of(VpsId::new()));
    let stranger = panel.cloud(cloud).create(&spec).await.unwrap();
    for _ in 0..2 {
        panel.reconcile().await;
    }
    let listed: String = panel.fetch("select string_agg(server_ref, ' ') from orphan_servers").await;
    assert_eq!(listed, stranger.id.0);
    let told = "select count(*) from activity_logs where action = 'provider.orphans_found'";
    assert_eq!(panel.fetch::<i64>(told).await, 1, "told once");
    let alive = panel.simulator.servers().into_iter().filter(|s| !s.is_deleted()).count();
    assert_eq!((alive, panel.living_servers_of(made[0]).len()), (2, 1));

    panel.cloud(cloud).delete(&stranger.id).await.unwrap();
    eventually("the stranger is gone", || {
        panel.simulator.servers().iter().filter(|s| !s.is_deleted()).count() == 1
    })
    .await;
    panel.reconcile().await;
    assert_eq!(panel.fetch::<i64>("select count(*) from orphan_servers").await, 0);
}

#[tokio::test]
async fn many_servers_gone_at_once_change_nothing() {
    let (panel, _worker, acme, made) = with_servers("harbor", &["a", "b", "c", "d"]).await;
    for vps in &made[..3] {
        panel.destroy_outside(*vps).await;
    }
    for _ in 0..3 {
        panel.reconcile().await;
    }
    for vps in &made {
        assert_eq!(state(&panel, *vps).await, "active running");
    }
    assert!(panel.balances(&acme).await.burn > 0);
}

#[tokio::test]
async fn a_twin_that_turns_up_later_is_destroyed_and_the_known_server_stays() {
    let (panel, _worker, _, made) = with_servers("meadow", &["web"]).await;
    let known = panel.living_servers_of(made[0])[0].id;
    let spec = Panel::spec(Cloud::DigitalOcean, ServerTag::of(made[0]));
    panel.cloud(Cloud::DigitalOcean).create(&spec).await.unwrap();
    panel.reconcile().await;
    let living = panel.living_servers_of(made[0]);
    assert_eq!((living.len(), living[0].id), (1, known));
}

#[tokio::test]
async fn the_server_of_a_failed_order_is_destroyed() {
    let (panel, _worker, acme, _) = with_servers("harbor", &["web"]).await;
    let db = panel.active(&acme, "harbor", "db").await;
    // As if the order had been given up just before its server was seen.
    panel
        .execute(format!("update vps_instances set state = 'failed', ended_at = now() where id = '{db}'"))
        .await;
    panel.reconcile().await;
    assert!(panel.living_servers_of(db).is_empty());
}

#[tokio::test]
async fn a_suspended_server_booted_outside_is_switched_off_again() {
    let (panel, _worker, _, made) = with_servers("harbor", &["web"]).await;
    panel.backdate(made[0], "now() - interval '150 days'").await;
    app::billing::run(&panel.store, panel.fetch("select now()").await).await.unwrap();
    panel.until_power(made[0], "stopped").await;
    panel.power_outside(made[0], PowerAction::Start, Power::Running).await;
    panel.reconcile().await;
    panel.until_power(made[0], "stopped").await;
    let (cloud, server) = panel.behind(made[0]);
    assert_eq!(cloud.get(&server).await.unwrap().state, domain::provider::ServerState::Up(Power::Stopped));
    panel.verify().await;
}

#[tokio::test]
async fn an_action_under_way_is_not_mistaken_for_a_change_outside() {
    let (panel, _worker, acme, made) = with_servers("meadow", &["web"]).await;
    power(&panel.app, &acme, made[0], PowerRequest::Stop).await.unwrap();
    panel.reconcile().await;
    panel.until_power(made[0], "stopped").await;
    let noted = format!(
        "select count(*) from activity_logs where action = 'vps.reconciled' and target_id = '{}' and detail->>'power' = 'stopped'",
        made[0]
    );
    assert_eq!(panel.fetch::<i64>(noted).await, 0);
}
