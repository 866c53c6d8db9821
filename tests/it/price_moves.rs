//! VPSs moved to another price: hours to the micro, once whatever happens, and people who know before.

use std::collections::BTreeMap;
use std::time::Duration;

use app::billing::run;
use app::catalog::moves::{Wish, announce, cancel, tell};
use app::{Caller, Error};
use chrono::{DateTime, Datelike as _, Days, TimeDelta, Utc};
use domain::operations::AlarmCode;
use domain::{PriceMoveId, VpsId};
use store::catalog::moves::{announced, effects, total_effects};
use store::{SystemPurpose, SystemRead};
use testkit::{IMAGE, Panel, REGION};

use crate::api::client::Service;

/// What an hour and a month of the plan *harbor* cost at a markup of 10, 25 and 50 percent.
const CHEAP: (i64, i64) = (19_800, 13_200_000);
const SOLD: (i64, i64) = (22_500, 15_000_000);
const DEAR: (i64, i64) = (27_000, 18_000_000);

/// A customer with an active VPS of the plan *harbor*, and nobody at work any more.
async fn one_vps() -> (Panel, Caller, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "200.00").await;
    let web = panel.active(&acme, "harbor", "web").await;
    panel.until_idle().await;
    worker.stop().await;
    (panel, acme, web)
}

fn in_days(days: u64) -> DateTime<Utc> {
    Utc::now() + Days::new(days)
}

async fn price_of(panel: &Panel, vps: VpsId) -> (i64, i64) {
    let price: Vec<i64> = panel
        .fetch(format!(
            "select array[p.sell_hour_micros, p.sell_month_micros] from vps_instances v
            join price_versions p on p.id = v.price_version_id where v.id = '{vps}'"
        ))
        .await;
    (price[0], price[1])
}

async fn count(panel: &Panel, what: &str) -> i64 {
    panel.fetch(format!("select count(*) from {what}")).await
}

async fn reading(panel: &Panel) -> SystemRead {
    panel.store.system_read(SystemPurpose::Operator).await.unwrap()
}

/// Every hour of a VPS and its price, simply counted: hours that begin before the move cost the old price, the others
/// the new; a month costs at most the highest cap among the prices of its hours.
fn oracle(
    from: DateTime<Utc>,
    moved: DateTime<Utc>,
    until: DateTime<Utc>,
    (old, new): ((i64, i64), (i64, i64)),
) -> BTreeMap<DateTime<Utc>, i64> {
    let mut months: BTreeMap<(i32, u32), (i64, i64)> = BTreeMap::new();
    let mut hours = BTreeMap::new();
    let mut start = from;
    while start <= until {
        let (hour, cap) = if start < moved { old } else { new };
        let (used, highest) = months.entry((start.year(), start.month())).or_default();
        *highest = cap.max(*highest);
        let amount = hour.min(*highest - *used);
        *used += amount;
        hours.insert(start, amount);
        start += TimeDelta::hours(1);
    }
    hours
}

async fn charged(panel: &Panel, vps: VpsId) -> BTreeMap<DateTime<Utc>, i64> {
    sqlx::query_as::<_, (DateTime<Utc>, i64)>(
        "select span_start, amount_micros from charges c join meters m on m.id = c.meter_id where m.vps_id = $1",
    )
    .bind(vps.0)
    .fetch_all(panel.superuser())
    .await
    .unwrap()
    .into_iter()
    .collect()
}

/// The 1st of a month that is over a month ahead.
fn first_of_a_month() -> DateTime<Utc> {
    let day = in_days(70).date_naive().with_day(1).unwrap();
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Charges from the 1st of a month with a move in its middle, up to the end of the next; `runs` says when billing runs.
async fn two_months(basis_points: i32, to: (i64, i64), runs: impl Fn(DateTime<Utc>) -> Vec<DateTime<Utc>>) {
    let (panel, acme, web) = one_vps().await;
    let first = first_of_a_month();
    // Hours begin at 17 past; the move comes at half past one of them.
    let from = first + TimeDelta::minutes(17);
    panel.backdate(web, &format!("'{from}'::timestamptz")).await;
    panel.publish("harbor", basis_points).await;
    let moved = first + Days::new(9) + TimeDelta::minutes(30);
    panel.announce_move("harbor", Some(moved)).await;
    let until = first + Days::new(58) + TimeDelta::minutes(20);
    for now in runs(first).into_iter().chain([until]) {
        run(&panel.store, now).await.unwrap();
    }
    panel.verify().await;
    panel.recompute().await;
    let expected = oracle(from, moved, until, (SOLD, to));
    let hours = charged(&panel, web).await;
    assert_eq!(hours, expected);
    // By hand: nine days and the hour that began at 17 past were paid at the old price.
    let before = hours.range(..moved).map(|(_, amount)| amount).sum::<i64>();
    assert_eq!(before, 217 * SOLD.0);
    assert_eq!(
        hours[&(first + Days::new(9) + TimeDelta::minutes(17))],
        SOLD.0,
        "the hour that is paid stays"
    );
    assert_eq!(hours[&(first + Days::new(9) + TimeDelta::minutes(77))], to.0, "the next costs the new price");
    let total: i64 = hours.values().sum();
    assert_eq!(panel.balances(&acme).await.available, 200_000_000 - total);
    assert_eq!(panel.balances(&acme).await.burn, to.0);
    assert_eq!(price_of(&panel, web).await, to);
    assert_eq!(count(&panel, "activity_logs where action = 'billing.price_changed'").await, 1);
    let first_span: DateTime<Utc> = panel.fetch("select first_span_at from vps_price_moves").await;
    assert_eq!(first_span, first + Days::new(9) + TimeDelta::minutes(77));
}

#[tokio::test]
async fn a_rise_in_mid_month_costs_the_new_price_from_the_next_hour_and_at_most_the_higher_cap() {
    two_months(5_000, DEAR, |first| {
        // Every hour around the move, then once a day.
        let hours = (200..240).map(|hour| first + TimeDelta::minutes(hour * 60 + 40));
        hours.chain((10..59).map(|day| first + Days::new(day) + TimeDelta::minutes(1))).collect()
    })
    .await;
}

#[tokio::test]
async fn a_fall_in_mid_month_leaves_the_month_its_old_cap_and_the_next_the_new() {
    two_months(1_000, CHEAP, |first| {
        (0..59).map(|day| first + Days::new(day) + TimeDelta::minutes(3)).collect()
    })
    .await;
}

#[tokio::test]
async fn billing_that_was_down_over_a_move_charges_each_hour_at_the_price_of_its_time() {
    two_months(5_000, DEAR, |first| vec![first + Days::new(2), first + Days::new(40)]).await;
}

#[test]
fn the_oracle_counts_caps_by_hand() {
    let first: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let month = |moved: u64, prices| {
        let until = first + Days::new(31) - TimeDelta::seconds(1);
        oracle(first, first + Days::new(moved), until, prices).values().sum::<i64>()
    };
    // 240 h at 0.0225 and 504 h at 0.0198 are 15.3792: capped at the old price's 15.00.
    assert_eq!(month(10, (SOLD, CHEAP)), 15_000_000);
    // The same the other way round: 240 h at 0.0198 and 504 h at 0.0225 are 16.092, capped at 15.00.
    assert_eq!(month(10, (CHEAP, SOLD)), 15_000_000);
    // 720 h at 0.0225 are capped at 15.00 after 667 h; a day at 0.027 under a cap of 18.00 is 0.648 more.
    assert_eq!(month(30, (SOLD, DEAR)), 15_648_000);
}

/// Two VPSs of each of `size` organizations, sold before the price rose; a move of all of them.
async fn crowd(size: usize) -> (Panel, DateTime<Utc>) {
    let panel = Panel::start().await;
    let born = "date_trunc('hour', now()) - interval '3 hours'";
    for caller in panel.crowd(size).await {
        panel.fund(&caller, "100.00").await;
    }
    panel
        .execute(format!(
            "with price as (select c.*, i.id as image_id from price_versions c join plans p on p.id = c.plan_id
                join regions r on r.id = c.region_id, images i
                where p.slug = 'harbor' and r.slug = '{REGION}' and i.slug = '{IMAGE}'),
            born as (
                insert into vps_instances (organization_id, id, name, state, power, plan_id, region_id, image_id,
                    price_version_id, ssh_keys, console_public_key, console_key_sealed, provider_server_id, created_by,
                    active_at)
                select w.organization_id, gen_random_uuid(), 'vps-' || n, 'active', 'running', plan_id, region_id,
                    image_id, price.id, '{{}}', '', '', w.organization_id::text || n, '{{\"kind\": \"system\"}}', {born}
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
            update wallets set burn_micros = 2 * {hour} from organizations o
            where o.id = organization_id and o.name like 'crowd %'",
            hour = SOLD.0,
        ))
        .await;
    run(&panel.store, Utc::now()).await.unwrap();
    panel.publish("harbor", 5_000).await;
    let at = in_days(31);
    panel.announce_move("harbor", Some(at)).await;
    (panel, at)
}

/// All are moved, each once, and the books are in order.
async fn assert_moved_once(panel: &Panel, size: usize) {
    let size = i64::try_from(size).unwrap();
    assert_eq!(count(panel, "vps_price_moves where state = 'moved'").await, 2 * size);
    assert_eq!(count(panel, "activity_logs where action = 'billing.price_changed'").await, size);
    let burns: Vec<i64> =
        panel.fetch_all("select distinct burn_micros from wallets where burn_micros > 0").await;
    assert_eq!(burns, [2 * DEAR.0]);
    // Before, a month may have been capped; after, it is not yet.
    let wrong = "charges c join meters m on m.id = c.meter_id join vps_price_moves r on r.vps_id = m.vps_id
        where case when c.span_start < r.moves_at then c.amount_micros > 22500 else c.amount_micros <> 27000 end";
    assert_eq!(count(panel, wrong).await, 0, "no hour at the price of another time");
    panel.verify().await;
}

#[tokio::test]
async fn runs_at_once_move_each_vps_once() {
    let (panel, at) = crowd(40).await;
    let now = at + TimeDelta::hours(2);
    let runs = (0..4).map(|_| {
        let store = panel.store.clone();
        tokio::spawn(async move { run(&store, now).await.unwrap() })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    run(&panel.store, now).await.unwrap();
    assert_moved_once(&panel, 40).await;
    assert_eq!(run(&panel.store, now).await.unwrap(), app::billing::Summary::default(), "nothing is left");
}

#[tokio::test]
async fn killed_runs_leave_moves_whole_or_undone() {
    let (panel, at) = crowd(8).await;
    let now = at + TimeDelta::hours(1);
    for step in 0..25 {
        drop(tokio::time::timeout(Duration::from_millis(4 * step), run(&panel.store, now)).await);
        panel.verify().await;
        let half =
            "(select organization_id from vps_price_moves group by 1 having count(distinct state) > 1) o";
        assert_eq!(count(&panel, half).await, 0, "an organization is moved as a whole");
    }
    panel.until_wallets_are_free().await;
    run(&panel.store, now).await.unwrap();
    assert_moved_once(&panel, 8).await;
}

#[tokio::test]
async fn a_rise_takes_its_notice_and_a_fall_can_be_at_once() {
    let (panel, acme, web) = one_vps().await;
    let operator = panel.operator().await;
    let plan = panel.plan("harbor").await;
    let wish = async |moves_at| {
        let version = panel.price_in_force("harbor").await;
        let wish = Wish { version, moves_at, organizations: Vec::new() };
        announce(&panel.app, &operator, plan, &wish).await
    };
    assert_eq!(wish(None).await.unwrap_err().code(), "nothing_to_move");
    panel.publish("harbor", 5_000).await;
    for early in [None, Some(in_days(1)), Some(in_days(30) - TimeDelta::minutes(1))] {
        let refused = wish(early).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "moves_at", .. }), "{refused:?}");
        assert_eq!(count(&panel, "vps_price_moves").await + count(&panel, "price_moves").await, 0);
    }
    let past = wish(Some(Utc::now() - TimeDelta::seconds(1))).await.unwrap_err();
    assert!(matches!(past, Error::Invalid { field: "moves_at", .. }), "{past:?}");
    // A cheaper hour with a dearer month is a rise.
    let mixed = domain::catalog::Markup {
        basis_points: 1_000,
        fixed_month: "5".parse().unwrap(),
        ..Default::default()
    };
    app::catalog::publish_prices(&panel.app, &operator, plan, mixed).await.unwrap();
    assert!(wish(None).await.is_err());
    panel.publish("harbor", 5_000).await;
    let id = wish(Some(in_days(30) + TimeDelta::minutes(1))).await.unwrap();
    assert_eq!(wish(Some(in_days(40))).await.unwrap_err().code(), "move_open", "one at a time");
    cancel(&panel.app, &operator, plan, id).await.unwrap();

    panel.publish("harbor", 1_000).await;
    wish(None).await.unwrap();
    let paid = panel.balances(&acme).await.available;
    run(&panel.store, panel.fetch("select now()").await).await.unwrap();
    assert_eq!(price_of(&panel, web).await, CHEAP);
    assert_eq!(panel.balances(&acme).await.burn, CHEAP.0);
    assert_eq!(panel.balances(&acme).await.available, paid, "the hour that is paid stays");
    panel.verify().await;
}

#[tokio::test]
async fn hours_worked_out_at_one_price_do_not_outlive_it() {
    let (panel, _, web) = one_vps().await;
    // An hour within a month: nothing is worked out in advance of the hour with which the next one begins.
    let from = first_of_a_month() + TimeDelta::minutes(17);
    panel.backdate(web, &format!("'{from}'::timestamptz")).await;
    run(&panel.store, from + TimeDelta::hours(1)).await.unwrap();
    let flat = format!("meters where vps_id = '{web}' and flat_until is not null");
    assert_eq!(count(&panel, &flat).await, 1, "the next hours cost what the first did");
    let dear = panel.publish("harbor", 5_000).await;
    panel.execute(format!("update meters set price_version_id = '{dear}'")).await;
    assert_eq!(count(&panel, &flat).await, 0);
}

#[tokio::test]
async fn only_the_organizations_that_were_chosen_move() {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let (acme, bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
    let mut all = Vec::new();
    for caller in [&acme, &bolt] {
        panel.fund(caller, "20.00").await;
        all.push(panel.active(caller, "harbor", "web").await);
    }
    panel.until_idle().await;
    worker.stop().await;
    let version = panel.publish("harbor", 1_000).await;
    let wish = Wish { version, moves_at: None, organizations: vec![bolt.organization_id()] };
    announce(&panel.app, &panel.operator().await, panel.plan("harbor").await, &wish).await.unwrap();
    let of = async |caller: &Caller| {
        announced(&mut panel.store.org_read(&caller.scope).await.unwrap()).await.unwrap().len()
    };
    assert_eq!((of(&acme).await, of(&bolt).await), (0, 1));
    run(&panel.store, panel.fetch("select now()").await).await.unwrap();
    assert_eq!((price_of(&panel, all[0]).await, price_of(&panel, all[1]).await), (SOLD, CHEAP));
    panel.verify().await;
}

#[tokio::test]
async fn a_lower_price_that_the_wallet_covers_ends_a_suspension() {
    let (panel, acme, web) = one_vps().await;
    panel.backdate(web, "now() - interval '61 minutes'").await;
    let (operator, organization) = (panel.operator().await, acme.organization_id());
    let left = panel.balances(&acme).await.available;
    for less in [100_000_000 - left, -99_990_000] {
        let less = domain::Money::from_micros(less);
        app::wallet::adjust(&panel.app, &operator, organization, less, "a test", None).await.unwrap();
    }
    run(&panel.store, Utc::now()).await.unwrap();
    // A day at the old price is 0.54, at the new one 0.4752; an hour at cost is owed.
    panel.fund(&acme, "0.52").await;
    let worker = panel.worker();
    panel.until_idle().await;
    let suspended = "select suspended_by is not distinct from 'unpaid' from vps_instances";
    assert!(panel.fetch::<bool>(suspended).await);
    panel.publish("harbor", 1_000).await;
    panel.announce_move("harbor", None).await;
    panel.until_idle().await;
    assert!(!panel.fetch::<bool>(suspended).await);
    worker.stop().await;
    panel.verify().await;
}

#[tokio::test]
async fn what_an_organization_pays_does_not_depend_on_whether_prices_of_others_change() {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let (acme, bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
    for caller in [&acme, &bolt] {
        panel.fund(caller, "20.00").await;
    }
    let own = [panel.active(&acme, "harbor", "web").await, panel.active(&acme, "harbor", "db").await];
    panel.active(&bolt, "harbor", "web").await;
    panel.until_idle().await;
    worker.stop().await;
    let first = first_of_a_month();
    for (vps, minutes) in own.into_iter().zip([0, 30]) {
        panel.backdate(vps, &format!("'{}'::timestamptz", first + TimeDelta::minutes(minutes))).await;
    }
    // Enough for the next hour of one of them, not for that of both.
    let left = panel.balances(&acme).await.available - SOLD.0 * 3 / 2;
    let (operator, less) = (panel.operator().await, domain::Money::from_micros(-left));
    app::wallet::adjust(&panel.app, &operator, acme.organization_id(), less, "a test", None).await.unwrap();
    let version = panel.publish("harbor", 1_000).await;
    let moves_at = Some(first + TimeDelta::minutes(75));
    let wish = Wish { version, moves_at, organizations: vec![bolt.organization_id()] };
    announce(&panel.app, &operator, panel.plan("harbor").await, &wish).await.unwrap();
    run(&panel.store, first + TimeDelta::minutes(91)).await.unwrap();
    for vps in own {
        let suspended: String =
            panel.fetch(format!("select suspended_by from vps_instances where id = '{vps}'")).await;
        assert_eq!(suspended, "unpaid");
    }
    let ours: i64 = panel
        .fetch(format!(
            "select count(*) from charges where tariff = 'sold' and organization_id = '{}'",
            acme.organization_id()
        ))
        .await;
    assert_eq!(ours, 2, "the first hours; of the next, both or none");
    panel.verify().await;
}

#[tokio::test]
async fn a_vps_moves_once_it_is_ready_and_not_after_its_end() {
    let (panel, acme, gone) = one_vps().await;
    let making = panel.order(&acme, "harbor", "making").await;
    panel.publish("harbor", 5_000).await;
    let at = in_days(31);
    panel.announce_move("harbor", Some(at)).await;
    app::vps::delete(&panel.app, &acme, gone).await.unwrap();
    run(&panel.store, at).await.unwrap();
    let states = "select string_agg(r.state, ' ' order by v.name) from vps_price_moves r join vps_instances v on v.id = r.vps_id";
    assert_eq!(panel.fetch::<String>(states).await, "announced over", "making, then web");
    assert_eq!((price_of(&panel, gone).await, price_of(&panel, making).await), (SOLD, SOLD));
    panel.verify().await;

    // It is ready later: its first hour is the one that was held, the next costs the new price.
    let worker = panel.worker();
    panel.until_state(making, "active").await;
    panel.until_idle().await;
    worker.stop().await;
    run(&panel.store, at).await.unwrap();
    assert_eq!(price_of(&panel, making).await, DEAR);
    let first: i64 = panel
        .fetch(format!(
            "select amount_micros from charges c join meters m on m.id = c.meter_id
        where m.vps_id = '{making}' order by span_start limit 1"
        ))
        .await;
    assert_eq!(first, SOLD.0);
    assert_eq!(panel.balances(&acme).await.burn, DEAR.0);
    panel.verify().await;
}

#[tokio::test]
async fn a_suspended_vps_moves_without_burning_and_resumes_at_the_new_price() {
    let (panel, acme, web) = one_vps().await;
    panel.publish("harbor", 5_000).await;
    let at = in_days(31);
    panel.announce_move("harbor", Some(at)).await;
    // 200.00 last longer than a month, so the wallet is emptied by a long way ahead: far beyond the move.
    let long = at + Days::new(400);
    run(&panel.store, long).await.unwrap();
    let suspended = format!("select suspended_by from vps_instances where id = '{web}'");
    assert_eq!(panel.fetch::<String>(suspended).await, "unpaid");
    assert_eq!(price_of(&panel, web).await, DEAR);
    assert_eq!(panel.balances(&acme).await.burn, 0);
    panel.verify().await;

    // Another price while it is off.
    panel.publish("harbor", 1_000).await;
    panel.announce_move("harbor", None).await;
    run(&panel.store, long).await.unwrap();
    assert_eq!((price_of(&panel, web).await, panel.balances(&acme).await.burn), (CHEAP, 0));
    panel.verify().await;
    panel.fund(&acme, "900.00").await;
    panel.enqueue_for(&acme, "billing.resume").await;
    let _worker = panel.worker();
    panel.until(format!("select suspended_by is null from vps_instances where id = '{web}'")).await;
    assert_eq!(panel.balances(&acme).await.burn, CHEAP.0);
    panel.verify().await;
}

/// How many mails about prices were written, by their words.
async fn mails(panel: &Panel, stage: &str) -> i64 {
    count(panel, &format!("mails where kind = 'price_change' and dedupe like '%:{stage}:%'")).await
}

/// Told by several at once.
async fn tell_at_once(panel: &Panel, now: DateTime<Utc>) {
    let tellers = (0..4).map(|_| {
        let app = panel.app.clone();
        tokio::spawn(async move { tell(&app, now).await.unwrap() })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.unwrap();
    }
}

#[tokio::test]
async fn owners_are_told_once_reminded_once_and_told_of_the_end() {
    let (panel, acme, _) = one_vps().await;
    panel.member(&acme, "sue", domain::identity::Role::Owner).await;
    panel.member(&acme, "mia", domain::identity::Role::Member).await;
    panel.publish("harbor", 5_000).await;
    let at = in_days(40);
    let id = panel.announce_move("harbor", Some(at)).await;
    for now in [Utc::now(), at - Days::new(4)] {
        tell_at_once(&panel, now).await;
        let told = (mails(&panel, "Announced").await, mails(&panel, "Reminded").await);
        assert_eq!(told, (2, 0), "both owners, and no reminder yet");
    }
    for now in [at - Days::new(3), at - TimeDelta::minutes(1), at, at + Days::new(1)] {
        tell_at_once(&panel, now).await;
        assert_eq!((mails(&panel, "Announced").await, mails(&panel, "Reminded").await), (2, 2));
    }
    cancel(&panel.app, &panel.operator().await, panel.plan("harbor").await, id).await.unwrap();
    for _ in 0..2 {
        tell_at_once(&panel, Utc::now()).await;
        assert_eq!(mails(&panel, "Cancelled").await, 2);
    }
    let trail =
        "select string_agg(action, ' ' order by id) from activity_logs where action like 'billing.price%'";
    assert_eq!(
        panel.fetch::<String>(trail).await,
        "billing.price_change_announced billing.price_change_cancelled"
    );
    let recipients: Vec<String> =
        panel.fetch_all("select distinct recipient from mails where kind = 'price_change' order by 1").await;
    assert_eq!(recipients, ["acme@example.com", "sue@example.com"]);
}

#[tokio::test]
async fn who_was_told_nothing_yet_is_not_told_of_a_cancellation() {
    let (panel, _, web) = one_vps().await;
    panel.publish("harbor", 5_000).await;
    let id = panel.announce_move("harbor", Some(in_days(31))).await;
    let (operator, plan) = (panel.operator().await, panel.plan("harbor").await);
    assert_eq!(
        cancel(&panel.app, &operator, panel.plan("small").await, id).await.unwrap_err().code(),
        "not_found"
    );
    assert_eq!(
        cancel(&panel.app, &operator, plan, PriceMoveId::new()).await.unwrap_err().code(),
        "not_found"
    );
    cancel(&panel.app, &operator, plan, id).await.unwrap();
    cancel(&panel.app, &operator, plan, id).await.unwrap();
    assert_eq!(tell(&panel.app, Utc::now()).await.unwrap(), 0);
    assert_eq!(count(&panel, "mails where kind = 'price_change'").await, 0);
    run(&panel.store, in_days(32)).await.unwrap();
    assert_eq!(price_of(&panel, web).await, SOLD, "a cancelled move moves nothing");
    panel.verify().await;

    // When its time has come it is too late.
    panel.publish("harbor", 1_000).await;
    let now = panel.announce_move("harbor", Some(Utc::now() + TimeDelta::seconds(50))).await;
    assert_eq!(cancel(&panel.app, &operator, plan, now).await.unwrap_err().code(), "move_over");
}

#[tokio::test]
async fn customers_read_of_the_change_in_mail_page_and_api() {
    let (panel, acme, web) = one_vps().await;
    let bolt = panel.customer("bolt").await;
    panel.publish("harbor", 5_000).await;
    let at: DateTime<Utc> = panel.fetch("select date_trunc('day', now() + interval '40 days', 'utc')").await;
    panel.announce_move("harbor", Some(at)).await;
    let worker = panel.worker();
    panel.until("select count(*) = 1 from mails where kind = 'price_change' and state = 'sent'").await;
    let mails = panel.simulator.mails();
    let mail = mails.iter().find(|mail| mail.subject.starts_with("New price")).unwrap();
    let day = at.format("%-d %B %Y, 00:00 UTC").to_string();
    assert_eq!(mail.subject, format!("New price of your Harbor VPSs from {day}"));
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("web") && part.contains("0.0225 USD") && part.contains("0.027 USD"), "{part}");
        assert!(
            part.contains("15.00 USD") && part.contains("18.00 USD") && part.contains("Frankfurt"),
            "{part}"
        );
    }
    worker.stop().await;

    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "acme").await;
    for page in [format!("/vps/{web}"), "/".to_owned()] {
        let shown = browser.send_raw("GET", &page, None, String::new()).await.text;
        assert!(shown.contains("$0.027") && shown.contains("$0.0225"), "{page}: {shown}");
        assert!(shown.contains(&at.format("%-d %b %Y, 00:00 UTC").to_string()), "{page}: {shown}");
    }
    let api = service.with_key(&panel, &acme).await;
    let vps = api.get(&format!("/vps/{web}")).await.ok();
    assert_eq!(vps["per_hour"], "0.0225");
    let next = &vps["next_price"];
    assert_eq!((&next["per_hour"], &next["per_month"]), (&"0.027".into(), &"18.00".into()));
    assert_eq!(next["from"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), at);
    run(&panel.store, at).await.unwrap();
    let vps = api.get(&format!("/vps/{web}")).await.ok();
    assert_eq!((&vps["per_hour"], &vps["next_price"]), (&"0.027".into(), &serde_json::Value::Null));
    let other = service.with_session(&panel, "bolt").await;
    let theirs = other.send_raw("GET", "/", None, String::new()).await.text;
    assert!(!theirs.contains("data-testid=\"price-change\""));
    let mut db = panel.store.org_read(&bolt.scope).await.unwrap();
    assert!(announced(&mut db).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_move_would_mean_adds_up_and_saves_nothing() {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let (acme, bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
    for (caller, vps) in [(&acme, 2), (&bolt, 1)] {
        panel.fund(caller, "20.00").await;
        for number in 0..vps {
            panel.active(caller, "harbor", &format!("web-{number}")).await;
        }
    }
    panel.until_idle().await;
    worker.stop().await;
    let version = panel.publish("harbor", 5_000).await;
    // 72 hours and a half at what both burn now; a day and a bit at what the other does.
    let set = async |caller: &Caller, amount: i64| {
        let organization = caller.organization_id();
        panel
            .execute(format!(
                "update wallets set available_micros = {amount} where organization_id = '{organization}'"
            ))
            .await;
    };
    set(&acme, 2 * SOLD.0 * 72 + SOLD.0).await;
    set(&bolt, SOLD.0 * 25).await;
    let mut db = reading(&panel).await;
    let rows = effects(&mut db, version, None, 10, None, 10).await.unwrap();
    let found =
        |caller: &Caller| rows.iter().find(|row| row.organization_id == caller.organization_id()).unwrap();
    let (a, b) = (found(&acme), found(&bolt));
    assert_eq!((a.vps, a.old_hour.micros(), a.new_hour.micros()), (2, 2 * SOLD.0, 2 * DEAR.0));
    // A month of 730 hours is beyond both caps.
    assert_eq!((a.old_month.micros(), a.new_month.micros()), (2 * SOLD.1, 2 * DEAR.1));
    assert_eq!((a.runway_before, a.runway_after), (Some(72), Some(60)));
    assert_eq!((b.runway_before, b.runway_after), (Some(25), Some(20)));
    assert_eq!((a.left_then.micros(), b.left_then.micros()), (2 * SOLD.0 * 62 + SOLD.0, SOLD.0 * 15));
    let total = total_effects(&mut db, version, None, 10).await.unwrap();
    assert_eq!((total.organizations, total.vps), (2, 3));
    assert_eq!((total.old_hour.micros(), total.new_hour.micros()), (3 * SOLD.0, 3 * DEAR.0));
    assert_eq!(total.new_month.micros() - total.old_month.micros(), 3 * (DEAR.1 - SOLD.1));
    assert_eq!((total.below_72, total.below_24, total.below_1, total.below_zero), (1, 1, 0, 0));
    assert_eq!(
        total_effects(&mut db, version, None, 26).await.unwrap().below_zero,
        1,
        "one is empty by then"
    );
    let chosen = [bolt.organization_id()];
    assert_eq!(total_effects(&mut db, version, Some(&chosen), 10).await.unwrap().vps, 1);
    // Page by page.
    let first = effects(&mut db, version, None, 10, None, 1).await.unwrap();
    let second = effects(&mut db, version, None, 10, Some(first[0].organization_id), 5).await.unwrap();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].organization_id, second[0].organization_id);

    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "olga").await;
    let plan = panel.plan("harbor").await;
    let look = async |path: &str| {
        let address = format!("/operator/plans/{plan}/{path}?version={version}&moves_at=2099-01-01T00%3A00");
        browser.send_raw("GET", &address, None, String::new()).await
    };
    let page = look("moves").await.text;
    assert!(page.contains("data-testid=\"affected\">3<") && page.contains("+$9.00"), "{page}");
    assert!(page.contains("1 Jan 2099, 00:00 UTC") && page.contains("below 72 h"), "{page}");
    let file = look("moves/csv").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let mut lines = file.text.lines();
    let heading = lines.next().unwrap();
    assert!(heading.starts_with("organization,vps,old_per_hour"), "{heading}");
    assert!(lines.any(|line| line.starts_with("acme,2,0.045,0.054,30.00,36.00,72,60,")), "{}", file.text);
    assert_eq!(count(&panel, "price_moves").await + count(&panel, "vps_price_moves").await, 0);
}

#[tokio::test]
async fn a_kept_price_below_cost_is_an_alarm_until_its_vpss_are_moved() {
    let (panel, acme, _) = one_vps().await;
    let plan = panel.plan("harbor").await;
    let kept = async || {
        let mut db = reading(&panel).await;
        let open = app::operations::alarms::alarms(&mut db, panel.app.settings()).await.unwrap();
        open.into_iter().filter(|alarm| alarm.code == AlarmCode::KeptPriceBelowCost).collect::<Vec<_>>()
    };
    assert!(kept().await.is_empty());
    // A micro above what an hour is sold for.
    let cost = "update provider_prices set cost_hour_micros = 22501 where size_ref = 'g6-standard-1'";
    panel.execute(cost.replace("22501", "22500")).await;
    assert!(kept().await.is_empty(), "at cost is not below");
    panel.execute(cost).await;
    let alarms = kept().await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!((alarms[0].title.as_str(), alarms[0].count), ("Harbor: 1 VPS keeps a price below cost.", 1));
    assert_eq!(alarms[0].href, format!("/operator/plans/{plan}/moves"));
    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "olga").await;
    let page = browser.send_raw("GET", &alarms[0].href, None, String::new()).await.text;
    assert!(page.contains("1 below cost") && page.contains("Move VPSs here"), "{page}");

    panel.publish("harbor", 1_000).await;
    let at = in_days(31);
    panel.announce_move("harbor", Some(at)).await;
    assert_eq!(kept().await.len(), 1, "until they are moved");
    run(&panel.store, at).await.unwrap();
    assert!(kept().await.is_empty());
    assert_eq!(panel.balances(&acme).await.burn, 24_752, "22,501 and a tenth, rounded up");
    panel.verify().await;
}

#[tokio::test]
async fn after_a_move_that_the_wallet_does_not_cover_nothing_is_refused() {
    let (panel, acme, web) = one_vps().await;
    panel.publish("harbor", 5_000).await;
    let at = in_days(31);
    panel.announce_move("harbor", Some(at)).await;
    run(&panel.store, at - TimeDelta::hours(1)).await.unwrap();
    let left = panel.balances(&acme).await.available;
    // What is left pays one hour at the new price.
    let organization = acme.organization_id();
    panel
        .execute(format!(
            "update wallets set available_micros = {} where organization_id = '{organization}'",
            DEAR.0
        ))
        .await;
    assert!(left > DEAR.0);
    run(&panel.store, at).await.unwrap();
    assert_eq!(price_of(&panel, web).await, DEAR);
    let suspended: bool =
        panel.fetch(format!("select suspended_by is not null from vps_instances where id = '{web}'")).await;
    assert!(!suspended);
    assert_eq!(panel.balances(&acme).await.burn, DEAR.0);
}
