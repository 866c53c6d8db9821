//! Any cent: from a movement to its hours and the money that paid them, and from an hour to its price.

use app::Caller;
use chrono::{DateTime, TimeDelta, Utc};
use domain::billing::Tariff;
use domain::wallet::TransactionKind;
use domain::{Money, TransactionId, VpsId};
use store::billing::hours::{self, Hour};
use store::wallet::explain;
use testkit::{Panel, RunningWorker};

use crate::api::client::{Client, Service};

const HOUR: i64 = 22_500;
const COST: i64 = 18_000;
/// Hours that the wallet pays after the first.
pub(crate) const AFFORDABLE: i64 = 54;

/// Acme's VPS `web`: sold for as long as the money lasted, suspended, at cost for five hours, and sold for three again. A
/// VPS `old` reached its cap last month.
pub(crate) async fn history() -> (Panel, RunningWorker, Caller, VpsId, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "16.25").await;
    let old = panel.active(&acme, "harbor", "old").await;
    panel.backdate(old, "date_trunc('month', now(), 'utc') - interval '28 days'").await;
    let ended = "date_trunc('month', now(), 'utc') - interval '30 minutes'";
    panel.execute(format!("update meters set ended_at = {ended}")).await;
    panel
        .execute(format!(
            "update vps_instances set ended_at = {ended}, state = 'deleted', deleted_at = {ended}"
        ))
        .await;
    panel.execute("update wallets set burn_micros = 0 where sequence > 0").await;
    bill(&panel, "now()").await;
    let web = panel.active(&acme, "harbor", "web").await;
    let affordable = panel.balances(&acme).await.available / HOUR;
    assert_eq!(affordable, AFFORDABLE, "what is left pays so many hours");
    bill(&panel, &format!("now() + interval '{} hours 30 minutes'", affordable + 5)).await;
    panel.fund(&acme, "5.00").await;
    panel.enqueue_for(&acme, "billing.resume").await;
    panel.until_idle().await;
    bill(&panel, &format!("now() + interval '{} hours 30 minutes'", affordable + 8)).await;
    panel.verify().await;
    (panel, worker, acme, old, web)
}

async fn bill(panel: &Panel, at: &str) {
    let at: DateTime<Utc> = panel.fetch(format!("select {at}")).await;
    app::billing::run(&panel.store, at).await.unwrap();
}

/// A page that must be shown.
pub(crate) async fn page(client: &Client, path: &str) -> String {
    let answer = client.send_raw("GET", path, None, String::new()).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.status);
    answer.text
}

async fn hours_of(panel: &Panel, caller: &Caller, vps: VpsId) -> Vec<Hour> {
    let mut db = panel.store.org_read(&caller.scope).await.unwrap();
    hours::of_vps(&mut db, vps, None, 10_000).await.unwrap()
}

#[tokio::test]
async fn every_hour_says_its_price_its_cap_and_what_paid_it() {
    let (panel, _worker, acme, old, web) = history().await;
    let mut told = hours_of(&panel, &acme, web).await;
    told.reverse();
    let amounts: Vec<(i64, Tariff)> = told.iter().map(|h| (h.amount.micros(), h.tariff())).collect();
    let (sold, at_cost) = ((HOUR, Tariff::Sold), (COST, Tariff::AtCost));
    let sold_first = usize::try_from(1 + AFFORDABLE).unwrap();
    assert_eq!(amounts, [vec![sold; sold_first], vec![at_cost; 5], vec![sold; 3]].concat());
    assert!(told[0].first && told[1..].iter().all(|hour| !hour.first));
    assert!(
        told.iter().all(|hour| hour.sell_hour == Money::from_micros(HOUR) && hour.transaction_id.is_some())
    );
    assert!(told.windows(2).all(|two| two[1].start - two[0].start == TimeDelta::hours(1)));

    let capped = hours_of(&panel, &acme, old).await;
    assert_eq!(capped.len(), 672);
    let beyond = capped.iter().filter(|hour| hour.amount == Money::ZERO).count();
    assert!(beyond > 0 && capped[..=beyond].iter().all(Hour::is_capped) && !capped[beyond + 1].is_capped());
    assert!(
        capped[..beyond]
            .iter()
            .all(|hour| hour.transaction_id.is_none() && hour.month_used == hour.sell_month)
    );

    // What a movement paid is found from its side, too, and adds up to it.
    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let ids: Vec<uuid::Uuid> = panel.fetch_all("select id from ledger_transactions order by sequence").await;
    let (mut found, mut others) = (0, 0);
    for id in ids.into_iter().map(TransactionId) {
        let explained = explain::movement(&mut db, id).await.unwrap().unwrap();
        let paid = hours::of_movement(&mut db, &explained, 0, 10_000).await.unwrap();
        let sum: i64 = paid.iter().map(|hour| hour.amount.micros()).sum();
        let earned: i64 = explained
            .movement
            .lines
            .iter()
            .filter(|line| line.0 == domain::wallet::Account::Revenue)
            .map(|line| line.1.micros())
            .sum();
        assert_eq!(sum, earned, "{explained:?}");
        if explained.movement.kind == TransactionKind::TopUp {
            assert!(paid.is_empty() && explained.movement.hours.is_none());
        }
        let some = hours::of_movement(&mut db, &explained, 1, 1).await.unwrap();
        assert_eq!(
            some.first().map(|h| h.start),
            paid.get(1).map(|h| h.start),
            "pages go on where they ended"
        );
        found += paid.len();
        others += usize::from(explained.other.is_some());
    }
    assert_eq!(found, told.len() + capped.len() - beyond);
    assert_eq!(others, 2, "one run charged the wallet and the debt");
}

#[tokio::test]
async fn operators_see_cost_and_margin_and_customers_do_not() {
    let (panel, _worker, acme, _, web) = history().await;
    let service = Service::of(&panel);
    let (ann, olga) =
        (service.with_session(&panel, "acme").await, service.with_session(&panel, "olga").await);
    let charge: uuid::Uuid = panel
        .fetch("select id from ledger_transactions where kind = 'charge' order by sequence desc limit 1")
        .await;
    let shown = page(&ann, &format!("/wallet/transactions/{charge}")).await;
    assert!(shown.contains("Hours it paid") && shown.contains("Paid with"), "{shown}");
    assert!(!shown.contains("argin"), "{shown}");
    let shown = page(&olga, &format!("/operator/transactions/{charge}")).await;
    for word in ["Sold for $0.0675, cost $0.054, margin $0.0135", "acme"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let list = page(&olga, &format!("/operator/organizations/{}/wallet", acme.organization_id())).await;
    let link = format!("/operator/transactions/{charge}");
    assert!(list.replace("&#x2f;", "/").contains(&link), "{list}");
    let hours = page(&ann, &format!("/vps/{web}/charges")).await;
    assert!(hours.contains("while suspended") && hours.contains("sold since"), "{hours}");
}

#[tokio::test]
async fn programs_are_told_the_same() {
    let (panel, _worker, acme, old, web) = history().await;
    let api = Service::of(&panel).with_key(&panel, &acme).await;
    let charges = api.walk(&format!("/vps/{web}/charges"), 4).await;
    assert_eq!(charges.len(), usize::try_from(AFFORDABLE + 9).unwrap());
    assert_eq!(charges.last().unwrap()["first"], true);
    assert_eq!((&charges[0]["amount"], &charges[0]["suspended"]), (&"0.0225".into(), &false.into()));
    let capped = api.walk(&format!("/vps/{old}/charges"), 100).await;
    assert_eq!(capped.len(), 672);
    assert_eq!(
        (&capped[0]["cap_reached"], &capped[0]["transaction_id"]),
        (&true.into(), &serde_json::Value::Null)
    );

    let paid_by = charges[0]["transaction_id"].as_str().unwrap();
    let of_it = api.walk(&format!("/wallet/transactions/{paid_by}/charges"), 2).await;
    assert_eq!(of_it, charges[..3], "three hours of one run");
    let explained = api.get(&format!("/wallet/transactions/{paid_by}")).await.ok();
    assert_eq!(explained["transaction"]["available"], "-0.0675");
    assert_eq!(explained["paid_with"][0]["amount"], "0.0675");
    let source = explained["paid_with"][0]["transaction_id"].as_str().unwrap();
    assert_eq!(
        api.get(&format!("/wallet/transactions/{source}")).await.ok()["transaction"]["type"],
        "top_up"
    );
}
