//! Transfer above what is included: charged once, as it grows, and explained.

use std::time::Duration;

use app::Caller;
use app::billing::charge_transfer;
use app::wallet::statement::{make, verify};
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use domain::billing::Party;
use domain::billing::transfer::GB;
use domain::{Money, TransactionId, VpsId};
use serde_json::Value;
use store::SystemPurpose;
use store::billing::statement;
use store::billing::transfer::{Behind, Reading, write_readings};
use store::wallet::explain;
use testkit::{Panel, RunningWorker};

use crate::api::client::Service;
use crate::explain::page;

/// A month of 744 hours.
const MARCH: NaiveDate = month(3);
/// What the plan of the scene's VPSs includes in a month.
const INCLUDED: i64 = 2_000 * GB;
/// Micro-units for a gigabyte.
const PRICE: i64 = 10_000;

const fn month(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, number, 1).unwrap()
}

/// A time in March 2026, or another.
fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The middle of March.
fn mid_march() -> DateTime<Utc> {
    at("2026-03-16T12:00:00Z")
}

/// An organization with one VPS since February, and a price since January.
struct Scene {
    panel: Panel,
    _worker: RunningWorker,
    acme: Caller,
    web: VpsId,
}

impl Scene {
    async fn set() -> Self {
        let panel = Panel::start().await;
        let _worker = panel.worker();
        let acme = panel.customer("acme").await;
        panel.fund(&acme, "50.00").await;
        let web = vps(&panel, &acme, "web", "2026-02-10T07:00:00Z").await;
        panel.price_transfer(PRICE, "timestamptz '2026-01-01T00:00:00Z'").await;
        let gb: i32 = panel.fetch("select transfer_gb from plans where slug = 'harbor'").await;
        assert_eq!(i64::from(gb) * GB, INCLUDED);
        Self { panel, _worker, acme, web }
    }

    async fn read(&self, bytes_out: i64) -> Vec<Behind> {
        self.panel.read_transfer(self.web, MARCH, bytes_out).await
    }

    /// Charges what is due in the middle of March; answers how many charges that were.
    async fn charge(&self) -> usize {
        charge_transfer(&self.panel.store, mid_march()).await.unwrap()
    }

    /// What each charge came to, oldest first, in micro-units.
    async fn charges(&self) -> Vec<i64> {
        let charges = "select amount_micros from transfer_charges order by month, sequence";
        self.panel.fetch_all(charges).await
    }

    /// Everything that proves the books says that they are right.
    async fn prove(&self) {
        self.panel.verify().await;
        self.panel.recompute().await;
        let (from, until) = (Utc::now() - TimeDelta::days(1), Utc::now() + TimeDelta::days(1));
        let file = make(&self.panel.app, &self.acme, from, until).await.unwrap();
        verify(file.as_bytes(), None).unwrap();
    }
}

/// A VPS that has been active since a time.
async fn vps(panel: &Panel, caller: &Caller, name: &str, since: &str) -> VpsId {
    let vps = panel.active(caller, "harbor", name).await;
    panel.backdate(vps, &format!("timestamptz '{since}'")).await;
    vps
}

/// Ends a VPS at a time, as a delete then would have.
async fn end(panel: &Panel, vps: VpsId, when: &str) {
    panel.execute(format!("update meters set ended_at = '{when}' where vps_id = '{vps}'")).await;
    panel
        .execute(format!(
            "with ended as (update vps_instances set ended_at = '{when}', deleted_at = '{when}', state = 'deleted'
                where id = '{vps}' returning organization_id, price_version_id)
            update wallets w set burn_micros = burn_micros - p.sell_hour_micros
            from ended e join price_versions p on p.id = e.price_version_id where w.organization_id = e.organization_id"
        ))
        .await;
}

#[tokio::test]
async fn nothing_is_charged_while_what_is_included_lasts_and_the_first_byte_above_it_is() {
    let scene = Scene::set().await;
    assert_eq!(scene.charge().await, 0, "nothing was read");
    let before = scene.panel.balances(&scene.acme).await;
    for bytes in [0, GB, INCLUDED] {
        scene.read(bytes).await;
        assert_eq!(scene.charge().await, 0, "{bytes} bytes");
    }
    assert_eq!(scene.panel.balances(&scene.acme).await, before);
    scene.prove().await;
    scene.read(INCLUDED + 1).await;
    assert_eq!(scene.charge().await, 1);
    assert_eq!(scene.charges().await, [1], "a hundred-thousandth of a micro-unit is one");
    assert_eq!(scene.panel.balances(&scene.acme).await.available, before.available - 1);
    scene.prove().await;
}

#[tokio::test]
async fn it_is_charged_as_it_grows_and_never_again() {
    let scene = Scene::set().await;
    let before = scene.panel.balances(&scene.acme).await.available;
    for (bytes, charges) in
        [(GB / 2, 1), (GB, 1), (GB, 0), (GB + 1, 1), (GB + 2, 0), (5 * GB, 1), (100 * GB, 1)]
    {
        scene.read(INCLUDED + bytes).await;
        assert_eq!(scene.charge().await, charges, "{bytes} bytes above");
        assert_eq!(scene.charge().await, 0, "{bytes} bytes above, again");
    }
    assert_eq!(
        scene.charges().await,
        [5_000, 5_000, 1, 39_999, 950_000],
        "a byte that began is paid until it is full"
    );
    assert_eq!(scene.panel.balances(&scene.acme).await.available, before - 100 * PRICE);
    let told: Vec<String> = scene
        .panel
        .fetch_all("select detail->>'amount' from activity_logs where action = 'billing.transfer_charged' order by id")
        .await;
    assert_eq!(told, ["0.005", "0.005", "0.000001", "0.039999", "0.95"]);
    scene.prove().await;
}

#[tokio::test]
async fn runs_at_once_charge_once() {
    let scene = Scene::set().await;
    for n in 0..5 {
        let caller = scene.panel.customer(&format!("customer-{n}")).await;
        scene.panel.fund(&caller, "20.00").await;
        let vps = vps(&scene.panel, &caller, "web", "2026-02-10T07:00:00Z").await;
        scene.panel.read_transfer(vps, MARCH, INCLUDED + 7 * GB).await;
    }
    scene.read(INCLUDED + 7 * GB).await;
    let runs = (0..6).map(|_| {
        let store = scene.panel.store.clone();
        tokio::spawn(async move { charge_transfer(&store, mid_march()).await.unwrap() })
    });
    let mut charged = 0;
    for run in runs.collect::<Vec<_>>() {
        charged += run.await.unwrap();
    }
    // A run leaves to the next what another had locked.
    charged += scene.charge().await;
    assert_eq!(charged, 6);
    assert_eq!(scene.charges().await, [70_000; 6]);
    let refused = "insert into transfer_charges select * from transfer_charges";
    let refused = sqlx::raw_sql(refused).execute(scene.panel.superuser()).await.unwrap_err();
    assert!(refused.to_string().contains("transfer_charges_pkey"), "{refused}");
    scene.prove().await;
}

#[tokio::test]
async fn killed_runs_lose_and_repeat_nothing() {
    let scene = Scene::set().await;
    for step in 1..20 {
        scene.read(INCLUDED + step * GB).await;
        let running = charge_transfer(&scene.panel.store, mid_march());
        let after = Duration::from_millis(u64::try_from(step).unwrap());
        drop(tokio::time::timeout(after, running).await);
        scene.panel.verify().await;
    }
    scene.panel.until_wallets_are_free().await;
    scene.charge().await;
    assert_eq!(scene.charges().await.iter().sum::<i64>(), 19 * PRICE);
    scene.prove().await;
}

#[tokio::test]
async fn a_vps_that_ends_takes_its_later_share_along() {
    let scene = Scene::set().await;
    let db = vps(&scene.panel, &scene.acme, "db", "2026-03-01T00:00:00Z").await;
    scene.panel.read_transfer(db, MARCH, INCLUDED).await;
    scene.read(INCLUDED).await;
    assert_eq!(scene.charge().await, 0);
    // 372 of 744 hours: half of what it brought is gone.
    end(&scene.panel, db, "2026-03-16T12:00:00Z").await;
    assert_eq!(scene.charge().await, 1);
    assert_eq!(scene.charges().await, [1_000 * PRICE]);
    scene.prove().await;
    // Another one brings its share from then on, and nothing comes back.
    let before = scene.panel.balances(&scene.acme).await;
    vps(&scene.panel, &scene.acme, "new", "2026-03-16T12:00:00Z").await;
    assert_eq!(scene.charge().await, 0);
    let hour = before.available - scene.panel.balances(&scene.acme).await.available;
    assert!((0..100_000).contains(&hour), "only its first hour was taken, not {hour}");
    scene.read(INCLUDED + 1_000 * GB).await;
    assert_eq!(scene.charge().await, 0, "so much above was charged already");
    scene.read(INCLUDED + 1_001 * GB).await;
    assert_eq!((scene.charge().await, scene.charges().await), (1, vec![1_000 * PRICE, PRICE]));
    scene.prove().await;
}

#[tokio::test]
async fn what_the_wallet_lacks_is_owed_and_the_next_money_settles_it() {
    let scene = Scene::set().await;
    let before = scene.panel.balances(&scene.acme).await.available;
    scene.read(INCLUDED + 6_000 * GB).await;
    assert_eq!(scene.charge().await, 1);
    let owed = 6_000 * PRICE - before;
    let after = scene.panel.balances(&scene.acme).await;
    assert_eq!((after.available, after.receivable), (0, owed));
    scene.prove().await;
    let movements: Vec<uuid::Uuid> = scene
        .panel
        .fetch_all("select id from ledger_transactions where reference ? 'transfer' order by sequence")
        .await;
    let mut db = scene.panel.store.org_read(&scene.acme.scope).await.unwrap();
    for (own, other) in [(0, 1), (1, 0)] {
        let explained = explain::movement(&mut db, TransactionId(movements[own])).await.unwrap().unwrap();
        assert_eq!(explained.other.map(|(id, _)| id.0), Some(movements[other]));
        let figures = explained.movement.transfer.unwrap();
        assert_eq!(figures.due(), Ok(Money::from_micros(6_000 * PRICE)), "both tell of the whole charge");
    }
    drop(db);
    // Nothing is left: all of the next charge is owed.
    scene.read(INCLUDED + 6_001 * GB).await;
    assert_eq!(scene.charge().await, 1);
    assert_eq!(scene.panel.balances(&scene.acme).await.receivable, owed + PRICE);
    let parts: Vec<i32> = scene
        .panel
        .fetch_all("select num_nonnulls(transaction_id, debt_transaction_id) from transfer_charges order by sequence")
        .await;
    assert_eq!(parts, [2, 1]);
    scene.prove().await;
    scene.panel.top_up(&scene.acme, "25.00").await;
    scene.panel.until_idle().await;
    let settled = scene.panel.balances(&scene.acme).await;
    assert_eq!((settled.available, settled.receivable), (25_000_000 - owed - PRICE, 0));
    scene.prove().await;
}

#[tokio::test]
async fn a_month_costs_the_price_that_was_in_force_when_it_began() {
    let scene = Scene::set().await;
    scene.panel.price_transfer(2 * PRICE, "timestamptz '2026-03-15T00:00:00Z'").await;
    scene.panel.price_transfer(3 * PRICE, "timestamptz '2026-04-01T00:00:00.000001Z'").await;
    scene.read(INCLUDED + GB).await;
    scene.panel.read_transfer(scene.web, month(4), INCLUDED + GB).await;
    let april = at("2026-04-20T00:00:00Z");
    assert_eq!(charge_transfer(&scene.panel.store, april).await.unwrap(), 2);
    assert_eq!(scene.charges().await, [PRICE, 2 * PRICE]);
    scene.prove().await;
}

#[tokio::test]
async fn a_month_that_began_without_a_price_is_not_charged() {
    let scene = Scene::set().await;
    scene.panel.execute("delete from transfer_prices").await;
    scene.panel.price_transfer(PRICE, "timestamptz '2026-03-01T00:00:00.000001Z'").await;
    scene.read(INCLUDED + GB).await;
    assert_eq!(scene.charge().await, 0);
    scene.panel.execute("update regions set transfer_pool = 'other'").await;
    scene.panel.price_transfer(PRICE, "timestamptz '2026-01-01T00:00:00Z'").await;
    assert_eq!(scene.charge().await, 0, "another pool has a price");
    scene.panel.execute("update regions set transfer_pool = 'standard'").await;
    assert_eq!(scene.charge().await, 1);
    scene.prove().await;
}

#[tokio::test]
async fn a_reading_that_goes_back_changes_nothing_and_is_told() {
    let scene = Scene::set().await;
    assert_eq!(scene.read(INCLUDED + 2 * GB).await, []);
    assert_eq!(scene.charge().await, 1);
    let behind = scene.read(GB).await;
    let known = INCLUDED + 2 * GB;
    assert_eq!(behind, [Behind { vps_id: scene.web, month: MARCH, read: GB, known }]);
    assert_eq!(scene.panel.fetch::<i64>("select bytes_out from transfer_readings").await, known);
    assert_eq!(scene.charge().await, 0);
    assert_eq!(scene.read(known).await, [], "the same again is none that goes back");
    // Many at once, one of them twice.
    let db = vps(&scene.panel, &scene.acme, "db", "2026-02-10T07:00:00Z").await;
    let one = |vps_id, month, bytes_out| Reading { vps_id, month, bytes_out, read_at: Utc::now() };
    let readings =
        [one(db, MARCH, 5), one(scene.web, MARCH, 6), one(db, MARCH, 4), one(scene.web, month(4), 7)];
    let mut tx = scene.panel.store.system_tx(SystemPurpose::Job).await.unwrap();
    let mut behind = write_readings(&mut tx, &readings).await.unwrap();
    tx.commit(store::Exempt::NothingChanged).await.unwrap();
    behind.sort_by_key(|behind| behind.read);
    let expected = [(db, 4, 5), (scene.web, 6, known)].map(|(vps_id, read, known)| Behind {
        vps_id,
        month: MARCH,
        read,
        known,
    });
    assert_eq!(behind, expected);
    let readings: Vec<i64> =
        scene.panel.fetch_all("select bytes_out from transfer_readings order by bytes_out").await;
    assert_eq!(readings, [5, 7, known]);
    scene.prove().await;
}

#[tokio::test]
async fn the_last_month_is_charged_when_it_is_read_late_and_no_older_one() {
    let scene = Scene::set().await;
    scene.panel.read_transfer(scene.web, month(2), 3 * INCLUDED).await;
    scene.read(INCLUDED + GB).await;
    for (now, charges) in [
        (at("2026-05-01T00:00:00Z"), 0),
        (at("2026-04-30T23:59:59Z"), 1),
        (at("2026-04-01T00:00:00Z"), 0),
        (at("2026-03-01T00:00:00Z"), 1),
    ] {
        assert_eq!(charge_transfer(&scene.panel.store, now).await.unwrap(), charges, "{now}");
    }
    // 449 of 672 hours: the VPS began on the tenth, in the eighth hour.
    let included = (i128::from(INCLUDED) * 449 + 671) / 672;
    let above = 3 * i128::from(INCLUDED) - included;
    let february = i64::try_from((above * i128::from(PRICE) + i128::from(GB) - 1) / i128::from(GB)).unwrap();
    assert_eq!(scene.charges().await, [february, PRICE]);
    scene.prove().await;
}

#[tokio::test]
async fn figures_of_organizations_and_pools_never_mix() {
    let scene = Scene::set().await;
    let panel = &scene.panel;
    let bolt = panel.customer("bolt").await;
    panel.fund(&bolt, "50.00").await;
    let theirs = vps(panel, &bolt, "web", "2026-02-10T07:00:00Z").await;
    // Together they would have used no more than what is included.
    scene.read(INCLUDED + 100 * GB).await;
    panel.read_transfer(theirs, MARCH, INCLUDED - 100 * GB).await;
    let before = panel.balances(&bolt).await;
    assert_eq!(scene.charge().await, 1);
    assert_eq!(panel.balances(&bolt).await, before);
    let whose: Vec<uuid::Uuid> = panel.fetch_all("select organization_id from transfer_charges").await;
    assert_eq!(whose, [scene.acme.organization_id().0]);
    // A VPS of another pool neither brings nor uses anything here.
    let far = vps(panel, &bolt, "far", "2026-02-10T07:00:00Z").await;
    panel.read_transfer(far, MARCH, 10 * INCLUDED).await;
    panel
        .execute(format!(
            "with elsewhere as (insert into regions (id, slug, name, country, transfer_pool)
                values (gen_random_uuid(), 'far', 'Far', 'DE', 'far') returning id)
            update vps_instances set region_id = elsewhere.id from elsewhere where vps_instances.id = '{far}'"
        ))
        .await;
    assert_eq!(scene.charge().await, 0, "its pool has no price");
    panel.read_transfer(theirs, MARCH, INCLUDED + GB).await;
    assert_eq!(scene.charge().await, 1, "what it includes stays in its pool");
    assert_eq!(scene.charges().await, [100 * PRICE, PRICE]);
    scene.prove().await;
}

#[tokio::test]
async fn the_job_charges_the_running_month() {
    let scene = Scene::set().await;
    let now: DateTime<Utc> = scene.panel.fetch("select now()").await;
    let month = now.date_naive().with_day(1).unwrap();
    scene.panel.read_transfer(scene.web, month, INCLUDED + GB).await;
    scene.panel.enqueue("billing.transfer", &Value::Null).await;
    scene.panel.until_idle().await;
    assert_eq!(scene.charges().await, [PRICE]);
    scene.panel.until("select bool_and(state = 'done') from jobs where kind = 'billing.transfer'").await;
    let mut db = scene.panel.store.org_read(&scene.acme.scope).await.unwrap();
    let this_month = store::wallet::read::charged_this_month(&mut db).await.unwrap();
    assert_eq!(this_month, Money::from_micros(PRICE), "no hour of this month is charged yet");
    drop(db);
    scene.prove().await;
}

#[tokio::test]
async fn a_charge_is_explained_to_its_owner_to_operators_and_to_programs() {
    let scene = Scene::set().await;
    let panel = &scene.panel;
    for above in [GB + 1, 5_500 * GB] {
        scene.read(INCLUDED + above).await;
        assert_eq!(scene.charge().await, 1);
    }
    let ids: Vec<uuid::Uuid> = panel
        .fetch_all("select id from ledger_transactions where reference ? 'transfer' order by sequence")
        .await;
    let [_, paid, owed] = ids[..] else { panic!("{ids:?}") };
    let service = Service::of(panel);
    let (ann, olga) = (service.with_session(panel, "acme").await, service.with_session(panel, "olga").await);
    let explained = [
        page(&ann, &format!("/wallet/transactions/{paid}")).await,
        page(&ann, &format!("/wallet/transactions/{owed}")).await,
        page(&olga, &format!("/operator/transactions/{paid}")).await,
    ];
    for text in explained {
        for word in [
            "Transfer above what is included",
            "Transfer of March 2026",
            "Pool standard",
            "7,500 GB",
            "2,000 GB",
            "5,500 GB, at $0.01 per GB: $55.00",
            "$0.010001",
            "$54.989999",
            "Same charge",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    let list = page(&ann, "/wallet").await;
    assert!(list.contains("Transfer above what is included") && list.contains("March 2026"), "{list}");
    let trail = page(&ann, "/activity").await;
    assert!(trail.contains("Charged transfer above what is included"), "{trail}");

    let api = service.with_key(panel, &scene.acme).await;
    let told = api.get(&format!("/wallet/transactions/{owed}")).await.ok();
    let expected = serde_json::json!({ "pool": "standard", "month": "2026-03-01", "used_bytes": INCLUDED + 5_500 * GB,
        "included_bytes": INCLUDED, "price_gb": "0.01", "charged_before": "0.010001", "amount": "54.989999" });
    assert_eq!(told["transfer"], expected);
    assert_eq!(told["other_id"], paid.to_string());
    let first: uuid::Uuid = panel.fetch("select id from ledger_transactions where kind = 'top_up'").await;
    let told = api.get(&format!("/wallet/transactions/{first}")).await.ok();
    assert_eq!(told["transfer"], Value::Null);
    scene.prove().await;
}

#[tokio::test]
async fn the_months_statement_has_it_and_adds_up() {
    let scene = Scene::set().await;
    let panel = &scene.panel;
    // All is of this month: hours as well.
    panel.backdate(scene.web, "date_trunc('month', now(), 'utc')").await;
    let month: NaiveDate = panel.fetch("select date_trunc('month', now() at time zone 'utc')::date").await;
    panel.read_transfer(scene.web, month, INCLUDED + 5_500 * GB).await;
    assert_eq!(charge_transfer(&panel.store, panel.fetch("select now()").await).await.unwrap(), 1);
    let of = async |month: NaiveDate| {
        let mut db = panel.store.org_read(&scene.acme.scope).await.unwrap();
        statement::preview(&mut db, month, &Party::default(), "USD").await.unwrap().unwrap()
    };
    let told = of(month).await;
    let balances = panel.balances(&scene.acme).await;
    assert_eq!(balances.available, 0);
    assert_eq!(told.closing.micros(), -balances.receivable);
    assert_eq!((told.transfer.micros(), told.other, told.opening), (5_500 * PRICE, Money::ZERO, Money::ZERO));
    let sum = told.payments.minus(told.charges).unwrap().minus(told.transfer).unwrap();
    assert_eq!(sum, told.closing);
    let lines = told.movements.iter().filter(|line| line.kind == "transfer");
    let lines: Vec<_> = lines.map(|line| (line.about.clone().unwrap(), line.amount.micros())).collect();
    let about = month.format("%B %Y").to_string();
    let paid = 5_500 * PRICE - balances.receivable;
    assert_eq!(lines, [(about.clone(), -paid), (about, -balances.receivable)]);
    // It is no part of the month before, which it does not disturb either.
    let before = of(month.pred_opt().unwrap().with_day(1).unwrap()).await;
    assert_eq!((before.closing, before.transfer, before.movements.len()), (Money::ZERO, Money::ZERO, 0));

    let service = Service::of(panel);
    let ann = service.with_session(panel, "acme").await;
    let shown = page(&ann, "/billing/preview").await;
    assert!(shown.contains("Transfer above what is included") && shown.contains("−$55.00"), "{shown}");
    let api = service.with_key(panel, &scene.acme).await;
    let told = api.get("/statements/preview").await.ok();
    assert_eq!(told["transfer"], "55.00", "{told}");
    scene.prove().await;
}

#[tokio::test]
async fn a_signed_statement_holds_the_figures_of_each_charge() {
    let scene = Scene::set().await;
    scene.read(INCLUDED + GB).await;
    scene.charge().await;
    let middle: DateTime<Utc> = scene.panel.fetch("select clock_timestamp()").await;
    scene.read(INCLUDED + 6_000 * GB).await;
    scene.charge().await;
    let day = TimeDelta::days(1);
    for (from, until, charges) in
        [(middle - day, middle + day, 3), (middle - day, middle, 1), (middle, middle + day, 2)]
    {
        let file = make(&scene.panel.app, &scene.acme, from, until).await.unwrap();
        verify(file.as_bytes(), None).unwrap();
        let figures = file.lines().filter(|line| line.contains(r#""transfer":"standard""#)).count();
        assert_eq!(figures, charges, "{file}");
    }
}

#[tokio::test]
async fn a_price_slipped_in_later_and_a_changed_charge_are_found() {
    let scene = Scene::set().await;
    for above in [GB, 2 * GB] {
        scene.read(INCLUDED + above).await;
        scene.charge().await;
    }
    scene.prove().await;
    let verified = async || store::wallet::verify::verify(&scene.panel.store).await.unwrap();
    let recomputed = async || store::billing::recompute::recompute(&scene.panel.store, None).await.unwrap();
    scene.panel.price_transfer(PRICE, "timestamptz '2026-02-01T00:00:00Z'").await;
    let found = verified().await.unwrap_err();
    assert_eq!(found.organization_id, scene.acme.organization_id());
    assert!(found.what.ends_with("is not at the price that was in force"), "{found}");
    scene.panel.execute("delete from transfer_prices where effective_at = '2026-02-01T00:00:00Z'").await;
    for (change, what) in [
        (
            "amount_micros = amount_micros + 1",
            "transfer:standard:2026-03-01:2 costs 0.01 by its figures, charged was 0.010001",
        ),
        (
            "used_bytes = used_bytes - 1000000001",
            "transfer:standard:2026-03-01:2 does not follow the charge before",
        ),
        ("charged_before_micros = 9999", "transfer:standard:2026-03-01:2 does not follow the charge before"),
        ("pool = 'other', sequence = 1", "transfer:other:2026-03-01:1 does not follow the charge before"),
        (
            "organization_id = gen_random_uuid(), pool = 'nobody'",
            "transfer:nobody:2026-03-01:2 does not follow",
        ),
    ] {
        scene.panel.execute("create table kept as table transfer_charges").await;
        scene
            .panel
            .execute("alter table transfer_charges drop constraint if exists transfer_charges_check1")
            .await;
        scene.panel.execute(format!("update transfer_charges set {change} where sequence = 2")).await;
        assert!(verified().await.is_err(), "{change}");
        let found = recomputed().await.unwrap_err();
        assert!(found.what.starts_with(what), "{change}: {found}");
        scene.panel.execute("truncate transfer_charges").await;
        scene.panel.execute("insert into transfer_charges table kept").await;
        scene.panel.execute("drop table kept").await;
    }
    scene.panel.execute("delete from transfer_charges where sequence = 2").await;
    let found = recomputed().await.unwrap_err();
    assert_eq!(found.what, "transfer comes to 0.01, the ledger earned 0.02");
}
