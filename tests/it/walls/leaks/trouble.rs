//! Everything goes wrong for acme, at unmistakable costs.

use app::Operator;
use app::catalog::publish_prices;
use app::payment::{ask_for_capture, begin_top_up};
use domain::catalog::Markup;
use domain::payment::TopUpState;
use domain::vps::PowerRequest;
use domain::{Money, PlanId};
use serde_json::json;
use simulator::{Fault, FaultKind};
use uuid::Uuid;

use super::super::scene::Scene;
use super::secrets;

/// Sold out, broken, refused and not paid: for each there is something of acme's that shows how it ended.
pub(super) async fn make(scene: &Scene) {
    let panel = &scene.panel;
    name_prices(scene).await;
    let worker = panel.worker();
    let rebooted = panel.active(&scene.acme, "harbor", "acme-rebooted").await;
    let kept = panel.active(&scene.acme, "meadow", "acme-kept").await;
    let declined = panel.begin_top_up(&scene.acme, "27.00").await;
    panel.approve(declined, &json!({ "declined": true })).await;
    ask_for_capture(&panel.app, &scene.acme, declined).await.unwrap();
    panel
        .until(format!(
            "select state in ('failed', 'awaiting_approval') and not exists (select from jobs
        where key = '{declined}' and state in ('ready', 'running')) from top_ups where id = '{declined}'"
        ))
        .await;
    worker.stop().await;

    // Asked while nobody works, so that no job gets a second attempt.
    let sold_out = panel.order(&scene.acme, "meadow", "acme-sold-out").await;
    let broken = panel.order(&scene.acme, "harbor", "acme-broken").await;
    app::vps::power(&panel.app, &scene.acme, rebooted, PowerRequest::Reboot).await.unwrap();
    app::vps::power(&panel.app, &scene.acme, kept, PowerRequest::Reboot).await.unwrap();
    let refused =
        begin_top_up(&panel.app, &scene.acme, "28.00".parse().unwrap(), None).await.unwrap().effect();
    panel.execute("update jobs set max_attempts = 1 where state = 'ready'").await;
    panel.simulator.inject(Fault::new("digitalocean.create", FaultKind::SoldOut));
    panel.simulator.inject(Fault::new("linode.create", FaultKind::Error).with_status(503));
    panel.simulator.inject(Fault::new("*.action", FaultKind::Failed));
    panel.simulator.inject(Fault::new("paypal.create_order", FaultKind::SoldOut));
    let worker = panel.worker();
    for vps in [sold_out, broken] {
        panel.until_state(vps, "failed").await;
    }
    for vps in [rebooted, kept] {
        panel
            .until(format!(
                "select count(*) = 1 from vps_actions where vps_id = '{vps}' and state = 'failed'"
            ))
            .await;
    }
    panel.until_top_up(refused, TopUpState::Failed).await;

    // What waits for a token.
    panel.simulator.inject(Fault::new("linode.*", FaultKind::Error).with_status(401));
    panel.order(&scene.acme, "harbor", "acme-paused").await;
    app::vps::delete(&panel.app, &scene.acme, rebooted).await.unwrap();
    panel.until("select bool_or(state = 'unauthorized') from providers").await;
    worker.stop().await;
}

/// New costs and markups, and other names of the accounts than those of plans.
async fn name_prices(scene: &Scene) {
    let [hour, month, minimum] = secrets::COSTS;
    scene
        .panel
        .execute(format!(
            "update provider_prices set cost_hour_micros = {hour}, cost_month_micros = {month},
                cost_minimum_micros = {minimum}"
        ))
        .await;
    scene
        .panel
        .execute("update providers set name = 'Quayside ' || name, upstream_label = 'Wharf ' || name")
        .await;
    let (basis_points, fixed_hour, fixed_month) = secrets::MARKUP;
    let markup = Markup {
        basis_points,
        fixed_hour: Money::from_micros(fixed_hour),
        fixed_month: Money::from_micros(fixed_month),
    };
    for plan in scene.panel.fetch_all::<Uuid>("select id from plans").await {
        publish_prices(&scene.panel.app, &Operator::command_line(), PlanId(plan), markup).await.unwrap();
    }
}
