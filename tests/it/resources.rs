//! What is sold by the hour besides VPSs: the same holds, hours, caps, suspension and explanation.

use app::vps::delete;
use app::{Caller, Error};
use chrono::{DateTime, TimeDelta, Utc};
use domain::catalog::Product;
use domain::{Money, PriceVersionId, ResourceId};
use store::billing::{hours, resource};
use store::wallet;
use store::wallet::{explain, verify::verify};
use testkit::{Balances, Panel};

const HARBOR: i64 = 22_500;
const HARBOR_COST: i64 = 18_000;

/// Volumes at 0.10 a GiB and month: the cost of 1,000 GiB, sold for a quarter more.
async fn volumes(panel: &Panel) -> PriceVersionId {
    panel.publish_resource(Product::Volume, None, (148_810, 100_000_000, 1_000), 2_500).await
}

/// Sold per hour, and at most per month, and the cost of an hour of so many GiB: counted here by hand.
fn volume(gib: i64) -> (i64, i64, i64) {
    let up = |amount: i64| (amount * gib + 999) / 1_000;
    (up(186_013), up(125_000_000), up(148_810))
}

async fn bill(panel: &Panel, at: &str) {
    let now: DateTime<Utc> = panel.fetch(format!("select {at}")).await;
    app::billing::run(&panel.store, now).await.unwrap();
}

/// The books while an order is open, which no job works on here.
async fn books(panel: &Panel) {
    verify(&panel.store).await.unwrap().unwrap();
}

async fn proven(panel: &Panel) {
    panel.verify().await;
    panel.recompute().await;
}

async fn amounts(panel: &Panel, id: ResourceId) -> Vec<i64> {
    let charged = format!(
        "select amount_micros from charges c join meters m on m.id = c.meter_id where m.resource_id = '{id}' order by span_start"
    );
    panel.fetch_all(charged).await
}

#[tokio::test]
async fn backups_switched_on_later_are_charged_from_then_on_and_end_with_their_vps() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let plan = panel.plan("harbor").await;
    let price = panel.publish_resource(Product::Backups, Some(plan), (3_000, 2_000_000, 1), 5_000).await;
    let web = panel.active(&acme, "harbor", "web").await;
    panel.backdate(web, "now() - interval '290 minutes'").await;
    bill(&panel, "now()").await;
    let before = panel.balances(&acme).await;

    let backups = panel.order_resource(&acme, Product::Backups, (Some(web), 1), price).await.unwrap();
    let ordered = panel.balances(&acme).await;
    assert_eq!(
        (ordered.available, ordered.held),
        (before.available - 4_500, 4_500),
        "the first hour is held"
    );
    assert_eq!(ordered.burn, HARBOR + 4_500);
    books(&panel).await;
    let charged = panel.confirm_resource(&acme, backups).await;
    assert_eq!(charged, Some(Money::from_micros(4_500)));
    assert_eq!(panel.confirm_resource(&acme, backups).await, None, "an order is confirmed once");
    assert!(!panel.fail_resource(&acme, backups).await);
    proven(&panel).await;

    panel.backdate(backups, "now() - interval '130 minutes'").await;
    bill(&panel, "now()").await;
    bill(&panel, "now()").await;
    assert_eq!(amounts(&panel, backups).await, [4_500; 3]);
    let after = panel.balances(&acme).await;
    assert_eq!(after.available, before.available - 3 * 4_500);
    proven(&panel).await;

    delete(&panel.app, &acme, web).await.unwrap();
    assert_eq!(panel.balances(&acme).await.burn, 0, "neither draws on the wallet any more");
    bill(&panel, "now() + interval '5 hours'").await;
    assert_eq!(panel.balances(&acme).await.available, after.available, "no hour begins after the end");
    panel.until_state(web, "deleted").await;
    assert!(!panel.end_resource(&acme, backups).await.unwrap(), "it ended with its VPS");
    assert!(panel.conclude_resource(&acme, backups, true).await);
    assert!(!panel.conclude_resource(&acme, backups, true).await);
    assert_eq!(
        panel.balances(&acme).await.available,
        after.available,
        "its first hour was charged when it began"
    );
    proven(&panel).await;
}

#[tokio::test]
async fn a_volume_costs_its_gibibytes_hour_by_hour_and_never_more_than_its_cap() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "200.00").await;
    let price = volumes(&panel).await;
    let sizes = [1, 37, 100];
    let mut made = Vec::new();
    for gib in sizes {
        let id = panel.active_resource(&acme, Product::Volume, (None, gib), price).await;
        panel.backdate(id, "timestamptz '2026-01-20T00:17:03Z'").await;
        made.push((id, gib));
    }
    let begin: DateTime<Utc> = "2026-01-20T00:17:03Z".parse().unwrap();
    // Every hour for a day, then late: 40 days, over the end of a month.
    let at = (1..24).chain((25..960).step_by(31)).chain([960]).map(|hours| begin + TimeDelta::hours(hours));
    for now in at {
        app::billing::run(&panel.store, now).await.unwrap();
        app::billing::run(&panel.store, now).await.unwrap();
    }
    let flat: i64 =
        panel.fetch("select count(*) from ledger_transactions where key like 'charge:flat:%'").await;
    assert!(flat > 10, "hours that cost what the hour before cost are counted by the wallet: {flat}");
    for (id, gib) in made {
        let (hour, month, _) = volume(gib);
        // 287 hours lie in January, and all of February is 672 of them.
        let expected = |hours: i64| {
            let within = (0..hours).map(|n| hour.min((month - n * hour).max(0)));
            within.collect::<Vec<_>>()
        };
        let expected: Vec<i64> = [288, 672, 1].into_iter().flat_map(expected).collect();
        assert_eq!(amounts(&panel, id).await, expected, "{gib} GiB");
    }
    proven(&panel).await;
}

#[tokio::test]
async fn an_order_needs_the_price_that_was_seen_and_a_day_of_everything() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "1.00").await;
    let old = volumes(&panel).await;
    let price = volumes(&panel).await;
    let (hour, ..) = volume(100);
    let refused = panel.order_resource(&acme, Product::Volume, (None, 100), old).await.unwrap_err();
    assert!(matches!(refused, Error::StalePrice), "{refused:?}");
    for (kind, of) in [
        (Product::Snapshot, (None, 5)),
        (Product::Volume, (None, 0)),
        (Product::Address, (None, 2)),
        (Product::Backups, (Some(domain::VpsId::new()), 1)),
    ] {
        let refused = panel.order_resource(&acme, kind, of, price).await.unwrap_err();
        assert_eq!(refused.code(), "invalid", "{kind} {of:?}");
    }
    panel.order_resource(&acme, Product::Volume, (None, 100), price).await.unwrap();
    // 24 hours of both would be needed, and the first of the new one.
    let (other, ..) = volume(200);
    let needed = 24 * (hour + other) + other;
    let refused = panel.order_resource(&acme, Product::Volume, (None, 200), price).await.unwrap_err();
    let Error::InsufficientFunds { needed: asked, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(asked, Money::from_micros(needed));
    let left = Balances { available: 1_000_000 - hour, held: hour, receivable: 0, burn: hour };
    assert_eq!(panel.balances(&acme).await, left);
    books(&panel).await;
}

#[tokio::test]
async fn an_order_nobody_delivers_or_that_is_deleted_first_gives_its_money_back_once() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "10.00").await;
    let price = volumes(&panel).await;
    let untouched = panel.balances(&acme).await;
    let failed = panel.order_resource(&acme, Product::Volume, (None, 10), price).await.unwrap();
    assert!(panel.fail_resource(&acme, failed).await);
    assert!(!panel.fail_resource(&acme, failed).await);
    assert_eq!(panel.confirm_resource(&acme, failed).await, None);
    let ended = panel.order_resource(&acme, Product::Volume, (None, 10), price).await.unwrap();
    assert!(panel.end_resource(&acme, ended).await.unwrap());
    assert!(!panel.end_resource(&acme, ended).await.unwrap());
    let (hour, ..) = volume(10);
    assert_eq!(panel.balances(&acme).await.held, hour, "until it is known whether it was made");
    assert!(panel.conclude_resource(&acme, ended, false).await);
    assert!(!panel.conclude_resource(&acme, ended, true).await);
    assert_eq!(panel.balances(&acme).await, untouched);
    let made = panel.order_resource(&acme, Product::Volume, (None, 10), price).await.unwrap();
    assert!(panel.end_resource(&acme, made).await.unwrap());
    assert!(panel.conclude_resource(&acme, made, true).await);
    let charged = Balances { available: untouched.available - hour, ..untouched };
    assert_eq!(panel.balances(&acme).await, charged, "its first hour, although it was never used");
    let nobodys = panel.customer("globex").await;
    let refused = panel.end_resource(&nobodys, ended).await.unwrap_err();
    assert!(matches!(refused, Error::NotFound), "{refused:?}");
    proven(&panel).await;
}

#[tokio::test]
async fn an_empty_wallet_counts_everything_at_cost_until_money_comes() {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "2.00").await;
    let price = volumes(&panel).await;
    let web = panel.active(&acme, "harbor", "web").await;
    let disk = panel.active_resource(&acme, Product::Volume, (None, 100), price).await;
    let (hour, _, cost) = volume(100);
    for id in [web.0, disk.0] {
        panel.backdate(id, "now() - interval '230 minutes'").await;
    }
    // Money for one more hour of both, and a micro-unit less than another.
    let left = 2 * (HARBOR + hour) - 1;
    let spent = panel.balances(&acme).await.available - left;
    let old = panel.deleted_early(web, "old").await;
    panel.spend(&acme, old, Money::from_micros(spent)).await.unwrap();
    bill(&panel, "now()").await;
    let expected =
        Balances { available: HARBOR + hour - 1, held: 0, receivable: 2 * (HARBOR_COST + cost), burn: 0 };
    assert_eq!(panel.balances(&acme).await, expected);
    let unpaid = format!("select unpaid_at is not null from resources where id = '{disk}'");
    assert!(panel.fetch::<bool>(&unpaid).await);
    panel.verify().await;

    panel.until_power(web, "stopped").await;
    let now = panel.balances(&acme).await;
    panel.top_up(&acme, "5.00").await;
    panel.until_power(web, "running").await;
    panel.until_idle().await;
    assert!(!panel.fetch::<bool>(&unpaid).await);
    let paid = now.available + 5_000_000 - now.receivable;
    let expected = Balances { available: paid, held: 0, receivable: 0, burn: HARBOR + hour };
    assert_eq!(panel.balances(&acme).await, expected);
    bill(&panel, "now() + interval '1 hour'").await;
    assert_eq!(panel.balances(&acme).await.available, paid - HARBOR - hour, "sold again");
    panel.verify().await;
    worker.stop().await;
}

#[tokio::test]
async fn who_has_no_vps_is_unpaid_and_resumed_all_the_same() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "5.00").await;
    let price = volumes(&panel).await;
    let disk = panel.active_resource(&acme, Product::Volume, (None, 1_000), price).await;
    panel.backdate(disk, "now() - interval '40 hours'").await;
    bill(&panel, "now()").await;
    let (hour, _, cost) = volume(1_000);
    // The first hour was paid when it began; the rest pays so many.
    let paid = 5_000_000 / hour;
    let owed = (41 - paid) * cost;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.receivable, balances.burn), (5_000_000 - paid * hour, owed, 0));
    proven(&panel).await;
    panel.top_up(&acme, "20.00").await;
    panel.until_idle().await;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.receivable, balances.burn), (0, hour));
    proven(&panel).await;
}

#[tokio::test]
async fn nothing_is_sold_for_nothing_or_at_the_price_of_something_else() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "10.00").await;
    let price = volumes(&panel).await;
    let disk = panel.active_resource(&acme, Product::Volume, (None, 1), price).await;
    assert_eq!(amounts(&panel, disk).await, [volume(1).0], "not even a gibibyte");
    for (wrong, constraint) in [
        (
            "update price_versions set cost_hour_micros = 0, sell_hour_micros = 0 where kind = 'volume'",
            "price_versions_cost_hour_micros_check",
        ),
        (
            "update price_versions set sell_hour_micros = cost_hour_micros - 1 where kind = 'volume'",
            "price_versions_check",
        ),
        ("update price_versions set per_units = 0 where kind = 'volume'", "price_versions_per_units_check"),
        ("update price_versions set kind = 'vps' where kind = 'volume'", "price_versions_check"),
        ("update resources set kind = 'snapshot'", "resources_price_version_id_kind_fkey"),
        ("update resources set quantity = 0", "resources_quantity_check"),
        ("update meters set resource_id = null", "meters_check"),
        ("update holds set resource_id = null", "holds_one_order"),
    ] {
        let refused = sqlx::query(wrong).execute(panel.superuser()).await.unwrap_err().to_string();
        assert!(refused.contains(constraint), "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn every_hour_says_what_it_was_of() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "10.00").await;
    let price = volumes(&panel).await;
    let disk = panel.active_resource(&acme, Product::Volume, (None, 100), price).await;
    panel.backdate(disk, "now() - interval '150 minutes'").await;
    bill(&panel, "now()").await;
    let (hour, month, cost) = volume(100);
    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let movements = wallet::read::movements(&mut db, None, None, 10).await.unwrap();
    let first = movements.iter().find(|m| m.product.is_some()).expect("the first hour names what it is of");
    assert_eq!((first.product, first.vps_id), (Some(Product::Volume), None));
    let paid = explain::movement(&mut db, movements[0].id).await.unwrap().unwrap();
    let rows = hours::of_movement(&mut db, &paid, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(
            (row.kind, row.quantity, row.resource_id, row.vps_id),
            (Product::Volume, 100, Some(disk), None)
        );
        assert_eq!((row.amount, row.sell_hour), (Money::from_micros(hour), Money::from_micros(hour)));
        assert_eq!(row.sell_month, Money::from_micros(month));
    }
    drop(db);
    let mut all = panel.store.system_read(store::SystemPurpose::Operator).await.unwrap();
    let unit = store::catalog::prices(&mut all, [price]).await.unwrap()[&price];
    assert_eq!(rows[0].cost(&unit.of(100).unwrap()), Ok(Money::from_micros(cost)));
    drop(all);
    statement(&panel, &acme, disk).await;
}

/// The month so far, and the signed ledger of it.
async fn statement(panel: &Panel, acme: &Caller, disk: ResourceId) {
    let month = domain::billing::month_of(Utc::now());
    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let seller = domain::billing::Party::default();
    let statement =
        store::billing::statement::preview(&mut db, month, &seller, "USD").await.unwrap().unwrap();
    let started: bool =
        panel.fetch("select started_at >= date_trunc('month', now(), 'utc') from meters").await;
    let of_the_month = "select count(*) from charges where span_start >= date_trunc('month', now(), 'utc')";
    if panel.fetch::<i64>(of_the_month).await == 0 {
        assert!(statement.resources.is_empty(), "the hours of the month before are not of this one");
        return;
    }
    let [line] = &*statement.resources else { panic!("{:?}", statement.resources) };
    assert_eq!((line.id, line.kind, line.quantity), (disk, Product::Volume, 100));
    let (hour, ..) = volume(100);
    assert_eq!(line.amount, Money::from_micros(hour * line.hours));
    assert!(line.hours == 3 || !started, "{line:?}");
    assert_eq!(statement.charges, line.amount);
    assert_eq!(statement.other, Money::ZERO);
}

#[tokio::test]
async fn a_tenant_changes_its_own_resources_alone() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let globex = panel.customer("globex").await;
    panel.fund(&acme, "10.00").await;
    let price = volumes(&panel).await;
    let disk = panel.active_resource(&acme, Product::Volume, (None, 10), price).await;
    let mut tx = panel.store.org_tx(&globex.scope).await.unwrap();
    assert!(resource::lock(&mut tx, disk).await.unwrap().is_none());
    assert!(resource::lock_unpaid(&mut tx).await.unwrap().is_empty());
    resource::set_state(&mut tx, &[disk], domain::vps::VpsState::Deleted, Utc::now()).await.unwrap();
    tx.commit(globex.did(domain::activity::Action::VpsDeleted)).await.unwrap();
    let state: String = panel.fetch(format!("select state from resources where id = '{disk}'")).await;
    assert_eq!(state, "active");
    // Its VPS is one of its own organization.
    let foreign = format!("update resources set organization_id = '{}'", globex.organization_id());
    assert!(sqlx::query(sqlx::AssertSqlSafe(foreign)).execute(panel.superuser()).await.is_err());
}
