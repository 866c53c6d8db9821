//! Billing runs of many organizations: at once, killed, repeated.

use std::time::Duration;

use app::billing::run;
use chrono::{DateTime, Utc};
use testkit::Panel;

/// Organizations with two active VPSs each, `hours` old, nothing charged yet. The money lasts for exactly
/// half of these hours in every third organization, and for all of them in the others.
async fn crowd(panel: &Panel, count: usize, hours: i64) {
    let price: i64 = panel.fetch(format!("select sell_hour_micros from {PRICE}")).await;
    for (number, caller) in panel.crowd(count).await.into_iter().enumerate() {
        let hours = if number % 3 == 0 { hours / 2 } else { hours };
        panel.fund(&caller, &domain::Money::from_micros(2 * hours * price).to_string()).await;
    }
    panel
        .execute(format!(
            "with price as (select price.*, i.id as image_id from {PRICE}, images i where i.slug = '{image}'),
            born as (
                insert into vps_instances (organization_id, id, name, state, power, plan_id, region_id, image_id,
                    price_version_id, ssh_keys, console_public_key, console_key_sealed, provider_server_id, created_by,
                    active_at)
                select w.organization_id, gen_random_uuid(), 'vps-' || n, 'active', 'running', plan_id, region_id,
                    image_id, price.id, '{{}}', '', '', w.organization_id::text || n, '{{\"kind\": \"system\"}}',
                    date_trunc('hour', now()) - interval '{hours} hours'
                from wallets w join organizations o on o.id = w.organization_id and o.name like 'crowd %',
                    generate_series(1, 2) n, price
                returning organization_id, id, price_version_id, active_at
            ), metered as (
                insert into meters (organization_id, id, vps_id, price_version_id, started_at, paid_until, month,
                    month_used_micros)
                select organization_id, gen_random_uuid(), id, price_version_id, active_at, active_at,
                    date_trunc('month', active_at at time zone 'UTC')::date, 0
                from born
            )
            update wallets set burn_micros = 2 * {price} from organizations o
            where o.id = organization_id and o.name like 'crowd %'",
            image = testkit::IMAGE,
        ))
        .await;
}

const PRICE: &str = "(select c.* from price_versions c join plans p on p.id = c.plan_id
    join regions r on r.id = c.region_id where p.slug = 'harbor' and r.slug = 'de-frankfurt') as price";

/// The last hour that has begun before the present one, so that `hours` are due.
async fn now(panel: &Panel) -> DateTime<Utc> {
    panel.fetch("select date_trunc('hour', now()) - interval '1 second'").await
}

/// Each hour of each VPS once: paid where there was money, at cost after the suspension.
async fn assert_each_hour_once(panel: &Panel, count: usize, hours: i64) {
    let poor = count.div_ceil(3);
    let sold = "select count(*) from charges where tariff = 'sold'";
    let expected =
        i64::try_from(count - poor).unwrap() * 2 * hours + i64::try_from(poor).unwrap() * 2 * (hours / 2);
    assert_eq!(panel.fetch::<i64>(sold).await, expected);
    let all = i64::try_from(count).unwrap() * 2 * hours;
    assert_eq!(panel.fetch::<i64>("select count(*) from charges").await, all);
    let suspended: i64 =
        panel.fetch("select count(*) from vps_instances where suspended_by = 'unpaid'").await;
    assert_eq!(suspended, i64::try_from(poor * 2).unwrap());
    panel.verify().await;
}

#[tokio::test]
async fn runs_at_once_charge_each_hour_once() {
    let panel = Panel::start().await;
    crowd(&panel, 60, 10).await;
    let now = now(&panel).await;
    let runs = (0..4).map(|_| {
        let store = panel.store.clone();
        tokio::spawn(async move { run(&store, now).await.unwrap() })
    });
    let mut hours = 0;
    for run in runs.collect::<Vec<_>>() {
        hours += run.await.unwrap().hours;
    }
    // A run leaves to the next what another had locked.
    hours += run(&panel.store, now).await.unwrap().hours;
    assert_eq!(hours, 60 * 2 * 10);
    assert_each_hour_once(&panel, 60, 10).await;
}

/// Most hours cost what the one before cost; the database charges those itself, as far as the money goes.
#[tokio::test]
async fn hours_that_come_one_by_one_are_charged_like_hours_that_pile_up() {
    let panel = Panel::start().await;
    crowd(&panel, 30, 10).await;
    let last = now(&panel).await;
    for behind in (0..10).rev() {
        let now = last - chrono::TimeDelta::hours(behind);
        let (one, two) = tokio::join!(run(&panel.store, now), run(&panel.store, now));
        // What both left to the other.
        let rest = run(&panel.store, now).await.unwrap();
        let hours = one.unwrap().hours + two.unwrap().hours + rest.hours;
        assert_eq!(hours, 30 * 2, "{behind} hours before the last");
    }
    assert_each_hour_once(&panel, 30, 10).await;
}

#[tokio::test]
async fn killed_runs_lose_and_repeat_nothing() {
    let panel = Panel::start().await;
    crowd(&panel, 12, 10).await;
    let now = now(&panel).await;
    // Later and later on its way, up to and past the commit.
    for step in 0..20 {
        let running = run(&panel.store, now);
        drop(tokio::time::timeout(Duration::from_millis(2 * step), running).await);
        panel.verify().await;
    }
    panel.until_wallets_are_free().await;
    run(&panel.store, now).await.unwrap();
    assert_each_hour_once(&panel, 12, 10).await;
}

#[tokio::test]
async fn a_run_after_a_run_finds_nothing_to_do() {
    let panel = Panel::start().await;
    crowd(&panel, 3, 5).await;
    let now = now(&panel).await;
    assert_eq!(run(&panel.store, now).await.unwrap().hours, 3 * 2 * 5);
    assert_eq!(run(&panel.store, now).await.unwrap(), app::billing::Summary::default());
    let told = "select count(*) from activity_logs where action in ('billing.hours_charged', 'billing.hours_accrued')";
    assert_eq!(panel.fetch::<i64>(told).await, 3 + 1, "one entry per movement");
}
