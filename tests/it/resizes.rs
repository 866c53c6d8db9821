//! Something becomes larger or smaller: an hour costs the dearest price in force in it, once, whatever happens
//! (docs/adr/0020-resizes.md). Histories of them are in the model test.

use app::billing::resize::Confirmed;
use app::vps::delete;
use app::wallet::statement::{make, verify};
use app::{Caller, Error};
use chrono::{DateTime, TimeDelta, Utc};
use domain::billing::Subject;
use domain::catalog::Product;
use domain::wallet::TransactionKind;
use domain::{Money, PriceVersionId, ResizeId, ResourceId, TransactionId, VpsId};
use store::billing::{hours, resize};
use store::wallet::explain;
use testkit::Panel;

/// What an hour is sold for: of the plan *harbor*, and of so many GiB of a volume, counted here by hand.
const HARBOR: i64 = 22_500;
const fn volume(gib: i64) -> i64 {
    (186_013 * gib + 999) / 1_000
}

/// A customer with a volume of 100 GiB whose third hour has run for ten minutes.
struct Scene {
    panel: Panel,
    acme: Caller,
    disk: ResourceId,
    price: PriceVersionId,
}

impl Scene {
    async fn set() -> Self {
        let scene = Self::behind().await;
        scene.bill().await;
        scene
    }

    /// The same before its second and third hour are charged.
    async fn behind() -> Self {
        let panel = Panel::start().await;
        let acme = panel.customer("acme").await;
        panel.fund(&acme, "20.00").await;
        // Sold at 0.125 a GiB and month.
        let price = panel.publish_resource(Product::Volume, None, (148_810, 100_000_000, 1_000), 2_500).await;
        let disk = panel.active_resource(&acme, Product::Volume, (None, 100), price).await;
        panel.backdate(disk, "now() - interval '130 minutes'").await;
        Self { panel, acme, disk, price }
    }

    async fn bill(&self) {
        bill(&self.panel).await;
    }

    async fn order(&self, gib: i64) -> Result<ResizeId, Error> {
        self.panel.order_resize(&self.acme, Subject::Resource(self.disk), (self.price, gib)).await
    }

    async fn confirm(&self, id: ResizeId) -> Confirmed {
        self.panel.confirm_resize(&self.acme, id).await
    }

    /// What each hour came to.
    async fn hours(&self) -> Vec<i64> {
        self.panel
            .fetch_all(
                "select sum(amount_micros)::bigint from charged group by span_start order by span_start",
            )
            .await
    }
}

fn done(micros: i64) -> Confirmed {
    Confirmed::Done(Money::from_micros(micros))
}

#[tokio::test]
async fn the_running_hour_is_raised_once_to_its_dearest_price() {
    let scene = Scene::set().await;
    let (panel, acme) = (&scene.panel, &scene.acme);
    let (small, large) = (volume(100), volume(300));
    let before = panel.balances(acme).await;
    assert_eq!(before.burn, small);

    let up = scene.order(300).await.unwrap();
    let ordered = panel.balances(acme).await;
    assert_eq!((ordered.available, ordered.held), (before.available - (large - small), large - small));
    assert_eq!(ordered.burn, large);
    store::wallet::verify::verify(&panel.store).await.unwrap().unwrap();
    assert_eq!(scene.confirm(up).await, done(large - small));
    assert_eq!(scene.confirm(up).await, Confirmed::Over, "it is confirmed once");
    assert_eq!(scene.hours().await, [small, small, large]);
    assert_eq!((panel.balances(acme).await.held, panel.balances(acme).await.burn), (0, large));
    panel.verify().await;
    panel.recompute().await;

    // Down counts from the next hour on; up again within the hour costs nothing more, a little more costs a little more.
    for (gib, paid) in [(50, 0), (300, 0), (1, 0), (310, volume(310) - large), (20, 0)] {
        let id = scene.order(gib).await.unwrap();
        assert_eq!(scene.confirm(id).await, done(paid), "{gib} GiB");
        panel.verify().await;
        panel.recompute().await;
    }
    assert_eq!(panel.balances(acme).await.burn, volume(20));
    assert_eq!(panel.balances(acme).await.available, before.available - (volume(310) - small));
    assert_eq!(scene.hours().await, [small, small, volume(310)]);
}

#[tokio::test]
async fn hours_of_before_cost_the_price_of_before() {
    let scene = Scene::behind().await;
    let up = scene.order(300).await.unwrap();
    assert_eq!(scene.confirm(up).await, Confirmed::Behind);
    let open: i64 = scene.panel.fetch("select count(*) from resizes where state = 'open'").await;
    assert_eq!(open, 1, "it is confirmed once they are charged");
    scene.bill().await;
    assert_eq!(scene.confirm(up).await, done(volume(300) - volume(100)));
    assert_eq!(scene.hours().await, [volume(100), volume(100), volume(300)]);
    scene.panel.verify().await;
    scene.panel.recompute().await;
}

#[tokio::test]
async fn the_hours_after_cost_the_new_price_within_the_higher_cap() {
    let scene = Scene::set().await;
    let (panel, small, large) = (&scene.panel, volume(100), volume(300));
    panel.fund(&scene.acme, "90.00").await;
    let up = scene.order(300).await.unwrap();
    scene.confirm(up).await;
    let first: DateTime<Utc> = panel.fetch("select started_at from meters").await;
    app::billing::run(&panel.store, first + TimeDelta::hours(5)).await.unwrap();
    assert_eq!(scene.hours().await, [small, small, large, large, large, large]);
    panel.verify().await;
    panel.recompute().await;
    app::billing::run(&panel.store, first + TimeDelta::days(62)).await.unwrap();
    let dearest: i64 = panel
        .fetch(
            "select max(sum)::bigint from (select sum(amount_micros) from charged
            group by date_trunc('month', span_start, 'utc')) months",
        )
        .await;
    assert_eq!(dearest, 300 * 125_000, "a month costs the month of the larger one");
    panel.verify().await;
    panel.recompute().await;
}

#[tokio::test]
async fn what_fails_or_ends_gives_the_difference_back_once() {
    let scene = Scene::set().await;
    let (panel, acme) = (&scene.panel, &scene.acme);
    let before = panel.balances(acme).await;
    let up = scene.order(300).await.unwrap();
    assert!(panel.fail_resize(acme, up).await);
    assert!(!panel.fail_resize(acme, up).await);
    assert_eq!(scene.confirm(up).await, Confirmed::Over);
    let after = panel.balances(acme).await;
    assert_eq!((after.available, after.held, after.burn), (before.available, 0, before.burn));
    panel.verify().await;

    let up = scene.order(300).await.unwrap();
    assert!(panel.end_resource(acme, scene.disk).await.unwrap());
    let ended = panel.balances(acme).await;
    assert_eq!((ended.available, ended.held, ended.burn), (before.available, 0, 0));
    assert_eq!(scene.confirm(up).await, Confirmed::Over);
    panel.verify().await;
    panel.recompute().await;
}

#[tokio::test]
async fn whatever_happens_at_once_happens_once() {
    let scene = Scene::set().await;
    let (panel, acme) = (&scene.panel, &scene.acme);
    let before = panel.balances(acme).await.available;
    let orders = futures_util::future::join_all((0..6).map(|_| scene.order(300))).await;
    let mut accepted: Vec<ResizeId> = Vec::new();
    for order in orders {
        match order {
            Ok(id) => accepted.push(id),
            Err(error) => assert_eq!(error.code(), "resizing"),
        }
    }
    let [id] = accepted[..] else { panic!("{} resizes of one volume", accepted.len()) };
    let confirmed = futures_util::future::join_all((0..6).map(|_| scene.confirm(id))).await;
    let expected = volume(300) - volume(100);
    assert_eq!(confirmed.iter().filter(|one| **one == done(expected)).count(), 1);
    assert_eq!(confirmed.iter().filter(|one| **one == Confirmed::Over).count(), 5);
    assert_eq!(panel.balances(acme).await.available, before - expected);
    panel.verify().await;
    panel.recompute().await;
}

#[tokio::test]
async fn a_resize_needs_what_it_costs_for_a_day_and_something_to_resize() {
    let scene = Scene::set().await;
    let (panel, acme, disk) = (&scene.panel, &scene.acme, Subject::Resource(scene.disk));
    let code = async |of, to| panel.order_resize(acme, of, to).await.unwrap_err().code().to_owned();
    assert_eq!(code(disk, (scene.price, 100)).await, "invalid");
    assert_eq!(code(disk, (scene.price, 0)).await, "invalid");
    assert_eq!(code(disk, (panel.price_in_force("harbor").await, 100)).await, "invalid");
    let bolt = panel.customer("bolt").await;
    let foreign = panel.order_resize(&bolt, disk, (scene.price, 200)).await.unwrap_err();
    assert_eq!(foreign.code(), "not_found");
    let address = panel.publish_resource(Product::Address, None, (1_000, 500_000, 1), 0).await;
    let address = (panel.active_resource(acme, Product::Address, (None, 1), address).await, address);
    assert_eq!(code(Subject::Resource(address.0), (address.1, 2)).await, "invalid");
    let newer = panel.publish_resource(Product::Volume, None, (148_810, 100_000_000, 1_000), 5_000).await;
    assert_eq!(code(disk, (scene.price, 200)).await, "price_changed");

    // A day of the larger one and the difference of an hour, to the micro-unit.
    let (small, large) = (volume(100), (223_215 * 300 + 999) / 1_000);
    let needed = 24 * (large + 1_000) + large - small;
    let operator = panel.operator().await;
    let spare = Money::from_micros(needed - 1 - panel.balances(acme).await.available);
    app::wallet::adjust(&panel.app, &operator, acme.organization_id(), spare, "a test", None).await.unwrap();
    assert_eq!(code(disk, (newer, 300)).await, "insufficient_funds");
    let one = Money::from_micros(1);
    app::wallet::adjust(&panel.app, &operator, acme.organization_id(), one, "a test", None).await.unwrap();
    let id = panel.order_resize(acme, disk, (newer, 300)).await.unwrap();
    assert_eq!(code(disk, (newer, 400)).await, "resizing");
    assert_eq!(scene.confirm(id).await, done(large - small), "it moves to the price in force");
    panel.end_resource(acme, scene.disk).await.unwrap();
    assert_eq!(code(disk, (newer, 400)).await, "not_active");
    panel.verify().await;
    panel.recompute().await;
}

/// A customer with a VPS of the plan *small*, an hour and a half old with only its first hour charged, and nobody at work
/// any more.
async fn one_vps() -> (Panel, Caller, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "small", "web").await;
    panel.until_idle().await;
    worker.stop().await;
    panel.backdate(web, "now() - interval '90 minutes'").await;
    (panel, acme, web)
}

async fn bill(panel: &Panel) {
    let now: DateTime<Utc> = panel.fetch("select now()").await;
    app::billing::run(&panel.store, now).await.unwrap();
}

#[tokio::test]
async fn a_vps_becomes_one_of_another_plan_and_every_cent_of_it_is_explained() {
    let (panel, acme, web) = one_vps().await;
    bill(&panel).await;
    panel.publish("small", 3_000).await;
    panel.announce_move("small", Some(Utc::now() + chrono::Days::new(40))).await;
    let small: i64 = panel.fetch("select amount_micros from charges order by span_start desc limit 1").await;
    let harbor = panel.price_in_force("harbor").await;
    let id = panel.order_resize(&acme, Subject::Vps(web), (harbor, 1)).await.unwrap();
    assert_eq!(panel.confirm_resize(&acme, id).await, done(HARBOR - small));
    let plan: String =
        panel.fetch("select p.slug from vps_instances v join plans p on p.id = v.plan_id").await;
    assert_eq!(plan, "harbor");
    let moves: i64 = panel.fetch("select count(*) from vps_price_moves where state = 'announced'").await;
    assert_eq!(moves, 0, "what was announced for the plan it had is over");

    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let listed = hours::of_vps(&mut db, web, None, 10).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|hour| (hour.amount.micros(), hour.raised.micros())).collect();
    assert_eq!(listed, [(HARBOR, HARBOR - small), (12_500, 0)], "the first hour costs the minimum");
    let capture: uuid::Uuid = panel
        .fetch("select id from ledger_transactions where kind = 'capture' order by sequence desc limit 1")
        .await;
    let paid = explain::movement(&mut db, TransactionId(capture)).await.unwrap().unwrap();
    assert_eq!((paid.movement.kind, paid.movement.vps_id), (TransactionKind::Capture, Some(web)));
    assert!(paid.movement.resize);
    let of_it = hours::of_movement(&mut db, &paid, 0, 10).await.unwrap();
    assert_eq!((of_it.len(), of_it[0].amount, of_it[0].raised), (1, of_it[0].raised, of_it[0].amount));
    assert_eq!((of_it[0].price_version_id, of_it[0].sell_hour.micros()), (harbor, HARBOR));
    drop(db);

    let day = TimeDelta::days(1);
    let file = make(&panel.app, &acme, Utc::now() - day, Utc::now() + day).await.unwrap();
    verify(file.as_bytes(), None).unwrap();
    assert_eq!(file.matches(r#""raise":true"#).count(), 1);
    assert!(verify(file.replace(r#""raise":true"#, r#""raise":false"#).as_bytes(), None).is_err());
    panel.verify().await;
    panel.recompute().await;
}

#[tokio::test]
async fn a_vps_with_backups_keeps_its_size() {
    let (panel, acme, web) = one_vps().await;
    bill(&panel).await;
    let plan = panel.plan("small").await;
    let price = panel.publish_resource(Product::Backups, Some(plan), (3_000, 2_000_000, 1), 0).await;
    let backups = panel.active_resource(&acme, Product::Backups, (Some(web), 1), price).await;
    let to = (panel.price_in_force("harbor").await, 1);
    let refused = panel.order_resize(&acme, Subject::Vps(web), to).await.unwrap_err();
    assert_eq!(refused.code(), "backups");
    panel.end_resource(&acme, backups).await.unwrap();
    let id = panel.order_resize(&acme, Subject::Vps(web), to).await.unwrap();
    // A delete ends it, and its hold with it.
    delete(&panel.app, &acme, web).await.unwrap();
    assert_eq!(panel.confirm_resize(&acme, id).await, Confirmed::Over);
    assert_eq!((panel.balances(&acme).await.held, panel.balances(&acme).await.burn), (0, 0));
}

#[tokio::test]
async fn what_is_suspended_meanwhile_is_not_raised_and_resumes_at_the_new_price() {
    let (panel, acme, web) = one_vps().await;
    let harbor = panel.price_in_force("harbor").await;
    let id = panel.order_resize(&acme, Subject::Vps(web), (harbor, 1)).await.unwrap();
    let held = panel.balances(&acme).await.held;
    let operator = panel.operator().await;
    let all = Money::from_micros(-panel.balances(&acme).await.available);
    app::wallet::adjust(&panel.app, &operator, acme.organization_id(), all, "a test", None).await.unwrap();
    bill(&panel).await;
    assert_eq!(panel.balances(&acme).await.burn, held, "what is under way draws on");
    assert_eq!(
        panel.order_resize(&acme, Subject::Vps(web), (harbor, 1)).await.unwrap_err().code(),
        "suspended"
    );
    assert_eq!(panel.confirm_resize(&acme, id).await, done(0));
    let after = panel.balances(&acme).await;
    assert_eq!((after.available, after.held, after.burn), (held, 0, 0));
    let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
    let present = resize::present(&mut tx, Subject::Vps(web)).await.unwrap().unwrap();
    assert_eq!((present.price_version_id, present.unpaid, present.resizing), (harbor, true, false));
}
