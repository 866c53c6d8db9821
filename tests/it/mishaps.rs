//! Orders when the clouds misbehave: at most one server, and money only for what is delivered.

use std::time::{Duration, Instant};

use app::provider::{disable, rotate};
use domain::ProviderId;
use domain::VpsId;
use domain::provider::ServerTag;
use simulator::{Cloud, Fault, FaultKind};
use testkit::Panel;

use crate::on_both_clouds;

on_both_clouds!(
    a_lost_answer_makes_one_server,
    an_unreadable_answer_makes_one_server,
    a_lost_request_is_sent_again_after_the_wait,
    a_server_that_vanishes_gives_the_money_back,
    a_cloud_that_asks_for_patience_gets_it,
    a_refused_order_gives_the_money_back,
);

/// An organization with $20 that orders a VPS while the cloud has a fault.
async fn order_with(fault: Fault, plan: &str) -> (Panel, testkit::RunningWorker, app::Caller, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    panel.simulator.inject(fault);
    let web = panel.order(&acme, plan, "web").await;
    (panel, worker, acme, web)
}

/// Was the fault played? Otherwise a test proves nothing.
fn was_met(panel: &Panel, kind: FaultKind) -> bool {
    panel.simulator.requests().iter().any(|request| request.fault == Some(kind))
}

fn creates(panel: &Panel, cloud: &str) -> usize {
    let operation = format!("{cloud}.create");
    panel.simulator.requests().iter().filter(|r| r.operation == Some(&operation)).count()
}

async fn assert_failed_for_nothing(panel: &Panel, acme: &app::Caller, web: VpsId) {
    panel.until_state(web, "failed").await;
    let balances = panel.balances(acme).await;
    assert_eq!((balances.available, balances.held, balances.burn), (20_000_000, 0, 0));
    assert!(panel.living_servers_of(web).is_empty());
    let reason: String = panel.fetch(format!("select failure from vps_instances where id = '{web}'")).await;
    let shown = reason.to_lowercase();
    assert!(
        !shown.contains("linode") && !shown.contains("droplet"),
        "customers do not see the cloud: {reason}"
    );
    panel.verify().await;
}

async fn a_lost_answer_makes_one_server(plan: &str, _: Cloud) {
    let (panel, _worker, _, web) = order_with(Fault::new("*.create", FaultKind::CutAfter).once(), plan).await;
    panel.until_state(web, "active").await;
    assert!(was_met(&panel, FaultKind::CutAfter));
    assert_eq!(panel.servers_of(web).len(), 1);
    panel.verify().await;
}

async fn an_unreadable_answer_makes_one_server(plan: &str, _: Cloud) {
    let (panel, _worker, _, web) =
        order_with(Fault::new("*.create", FaultKind::MalformedJson).once(), plan).await;
    panel.until_state(web, "active").await;
    assert!(was_met(&panel, FaultKind::MalformedJson));
    assert_eq!(panel.servers_of(web).len(), 1);
    panel.verify().await;
}

async fn a_lost_request_is_sent_again_after_the_wait(plan: &str, _: Cloud) {
    let began = Instant::now();
    let (panel, _worker, _, web) =
        order_with(Fault::new("*.create", FaultKind::CutBefore).once(), plan).await;
    panel.until_state(web, "active").await;
    assert!(began.elapsed() > panel.app.settings().lost_answer_wait);
    assert_eq!(panel.servers_of(web).len(), 1);
    panel.verify().await;
}

async fn a_server_that_vanishes_gives_the_money_back(plan: &str, _: Cloud) {
    let (panel, _worker, acme, web) = order_with(Fault::new("*.create", FaultKind::Vanish), plan).await;
    assert_failed_for_nothing(&panel, &acme, web).await;
}

async fn a_cloud_that_asks_for_patience_gets_it(plan: &str, _: Cloud) {
    let patience = Fault::new("*.create", FaultKind::RateLimited).once().with_retry_after(2);
    let began = Instant::now();
    let (panel, _worker, _, web) = order_with(patience, plan).await;
    panel.until_state(web, "active").await;
    assert!(began.elapsed() > Duration::from_secs(2));
    assert_eq!(panel.servers_of(web).len(), 1);
    panel.verify().await;
}

async fn a_refused_order_gives_the_money_back(plan: &str, cloud: Cloud) {
    let (panel, _worker, acme, web) = order_with(Fault::new("*.create", FaultKind::SoldOut), plan).await;
    assert_failed_for_nothing(&panel, &acme, web).await;
    let name = if cloud == Cloud::Linode { "linode" } else { "digitalocean" };
    assert_eq!(creates(&panel, name), 1);
}

#[tokio::test]
async fn a_plan_sold_out_at_one_cloud_is_made_at_the_other() {
    let (panel, _worker, _, web) = order_with(Fault::new("linode.create", FaultKind::SoldOut), "small").await;
    panel.until_state(web, "active").await;
    assert_eq!((panel.servers_of(web).len(), panel.servers_of(web)[0].cloud), (1, Cloud::DigitalOcean));
    panel.verify().await;
}

#[tokio::test]
async fn a_plan_sold_out_everywhere_gives_the_money_back() {
    let (panel, _worker, acme, web) = order_with(Fault::new("*.create", FaultKind::SoldOut), "small").await;
    assert_failed_for_nothing(&panel, &acme, web).await;
    assert_eq!((creates(&panel, "linode"), creates(&panel, "digitalocean")), (1, 1));
}

#[tokio::test]
async fn a_server_that_vanishes_is_made_at_the_other_cloud() {
    let (panel, _worker, _, web) = order_with(Fault::new("linode.create", FaultKind::Vanish), "small").await;
    panel.until_state(web, "active").await;
    assert_eq!(panel.living_servers_of(web)[0].cloud, Cloud::DigitalOcean);
    panel.verify().await;
}

#[tokio::test]
async fn an_order_nobody_can_work_on_any_more_gives_the_money_back() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.order(&acme, "harbor", "web").await;
    panel.execute("update jobs set max_attempts = 1").await;
    panel.simulator.inject(Fault::new("linode.list", FaultKind::Error));
    let _worker = panel.worker();
    assert_failed_for_nothing(&panel, &acme, web).await;
}

#[tokio::test]
async fn a_server_that_is_there_already_is_adopted_and_its_twin_destroyed() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.order(&acme, "meadow", "web").await;
    let spec = Panel::spec(Cloud::DigitalOcean, ServerTag::of(web));
    let cloud = panel.cloud(Cloud::DigitalOcean);
    let oldest = cloud.create(&spec).await.unwrap();
    panel.simulator.step(chrono::TimeDelta::seconds(5));
    cloud.create(&spec).await.unwrap();

    let _worker = panel.worker();
    panel.until_state(web, "active").await;
    let living = panel.living_servers_of(web);
    assert_eq!((living.len(), living[0].id.to_string()), (1, oldest.id.0));
    assert_eq!(panel.servers_of(web).len(), 2, "no third one was made");
    let destroyed = "select count(*) from activity_logs where action = 'vps.twin_destroyed'";
    assert_eq!(panel.fetch::<i64>(destroyed).await, 1);
    panel.verify().await;
}

async fn harbor(panel: &Panel) -> ProviderId {
    ProviderId(panel.fetch("select id from providers where name = 'Harbor'").await)
}

#[tokio::test]
async fn a_refused_token_pauses_the_account_and_a_new_one_resumes_it() {
    let revoked = Fault::new("linode.*", FaultKind::Error).with_status(401);
    let (panel, _worker, _, web) = order_with(revoked, "harbor").await;
    panel.until("select state = 'unauthorized' from providers where name = 'Harbor'").await;
    panel.until("select state = 'ready' and attempts = 0 from jobs where kind = 'vps.create'").await;
    let told = "select count(*) from activity_logs where action = 'provider.unauthorized'";
    assert_eq!(panel.fetch::<i64>(told).await, 1);

    panel.simulator.clear_faults();
    rotate(&panel.app, &panel.operator().await, harbor(&panel).await, &"harbor-2".into()).await.unwrap();
    panel
        .until("select state = 'active' and token_next_sealed is null from providers where name = 'Harbor'")
        .await;
    panel.skip_waits().await;
    panel.until_state(web, "active").await;
    panel.verify().await;
}

#[tokio::test]
async fn a_new_token_that_is_refused_or_of_another_account_is_never_used() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let (operator, account) = (panel.operator().await, harbor(&panel).await);
    for token in ["stranger-1", "bad-token"] {
        rotate(&panel.app, &operator, account, &token.into()).await.unwrap();
        panel.until("select token_next_sealed is null and last_error is not null from providers where name = 'Harbor'").await;
        let state: String = panel.fetch("select state from providers where name = 'Harbor'").await;
        assert_eq!(state, "active", "the old token still works");
    }
    let web = panel.active(&acme, "harbor", "web").await;
    assert_eq!(panel.servers_of(web)[0].account, "harbor");
}

#[tokio::test]
async fn a_disabled_account_takes_no_orders_and_everything_else_goes_on() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "harbor", "web").await;
    let order = panel.new_vps(&acme, "harbor", "db").await;
    disable(&panel.app, &panel.operator().await, harbor(&panel).await).await.unwrap();
    let refused = app::vps::create(&panel.app, &acme, order, None).await.unwrap_err();
    assert_eq!(refused.code(), "not_available");
    let elsewhere = panel.active(&acme, "small", "db").await;
    assert_eq!(panel.servers_of(elsewhere)[0].cloud, Cloud::DigitalOcean);

    app::vps::delete(&panel.app, &acme, web).await.unwrap();
    panel.until_state(web, "deleted").await;
    panel.verify().await;
}
