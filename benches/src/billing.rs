//! One due hour of many meters and the next, and the check of the books that result.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::Actor;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, OrganizationId, TopUpId};
use serde_json::{Value, json};
use store::{Exempt, Store, SystemPurpose, billing, wallet};
use testkit::Panel;

use crate::measure::{memory_mb, round};
use crate::{floor, scene};

/// VPSs of one customer.
const EACH: usize = 20;
/// What each customer has paid in; micro-units.
const PAID_IN: i64 = 1_000_000_000;
/// The product's default.
const CONNECTIONS: u32 = 20;

/// The benchmark `billing`.
pub(crate) async fn run(meters: usize) -> Result<Value> {
    let (panel, store, now) = prepared(meters).await?;
    let organizations = meters / EACH;
    let mut floors = vec![floor::hour(&panel, meters, organizations).await];
    scene::settle(&panel).await;
    // A VPS pays its first hour when it becomes active; here a run has to, and asks the rule of hours for each.
    let first = one_hour(&store, now, meters).await?;
    println!("the first hour of everything: {:.1} s", first.as_secs_f64());
    scene::settle(&panel).await;
    let mut hours = Vec::new();
    for hour in 1..3 {
        let took = one_hour(&store, now + TimeDelta::hours(hour), meters).await?;
        println!("hour {hour}: {:.1} s", took.as_secs_f64());
        hours.push(took);
        scene::settle(&panel).await;
    }
    floors.push(floor::hour(&panel, meters, organizations).await);
    let seconds = |all: &[Duration]| all.iter().sum::<Duration>().as_secs_f64() / all.len() as f64;
    let (seconds, floor) = (seconds(&hours), seconds(&floors));
    println!("the floor before and after: {floors:.1?}");
    let memory = memory_mb(std::process::id(), "VmHWM")?;
    let (rows, verified) = check(&store, &panel).await?;
    println!("ledger verify: {rows} rows in {verified:.1?}");
    Ok(json!({
        "seconds": round(seconds), "floor_seconds": round(floor), "ratio": round(seconds / floor), "rss_mb": memory
    }))
}

/// The benchmark `ledger-verify`.
pub(crate) async fn verify(meters: usize) -> Result<Value> {
    let (panel, store, now) = prepared(meters).await?;
    for hour in 0..2 {
        one_hour(&store, now + TimeDelta::hours(hour), meters).await?;
    }
    scene::settle(&panel).await;
    let (rows, took) = check(&store, &panel).await?;
    Ok(json!({ "rows": rows, "seconds": round(took.as_secs_f64()) }))
}

/// An installation whose customers have paid in, with an hour due for every meter at the time answered.
async fn prepared(meters: usize) -> Result<(Panel, Store, DateTime<Utc>)> {
    let began = Instant::now();
    let panel = Panel::start().await;
    let store = Store::connect_lazy(&panel.database().login_url(), CONNECTIONS)?;
    scene::customers(&panel, meters / EACH).await;
    scene::vps(&panel, meters / EACH, meters).await;
    let now: DateTime<Utc> = panel.fetch("select max(paid_until) from meters").await;
    let due = billing::due_organizations(&mut store.system_read(SystemPurpose::Billing).await?, now).await?;
    for some in due.chunks(1_000) {
        pay_in(&store, some).await?;
    }
    panel
        .execute(format!(
            "insert into top_ups (organization_id, id, amount_micros, currency, state, capture_ref, captured_micros,
                requested_by)
            select organization_id, (reference->>'top_up_id')::uuid, {PAID_IN}, 'USD', 'completed',
                reference->>'top_up_id', {PAID_IN}, '{{\"kind\": \"system\"}}'
            from ledger_transactions"
        ))
        .await;
    println!("{meters} meters of {} customers, made in {:.0?}", due.len(), began.elapsed());
    scene::settle(&panel).await;
    Ok((panel, store, now))
}

async fn pay_in(store: &Store, customers: &[OrganizationId]) -> Result<()> {
    let mut tx = store.system_tx(SystemPurpose::Billing).await?;
    let mut wallets = wallet::try_lock(&mut tx, customers).await?;
    let amount = Money::from_micros(PAID_IN);
    for wallet in &mut wallets {
        let lines = [(Account::GatewayClearing, amount.negated()?), (Account::Wallet, amount)];
        let id = TopUpId::new();
        let (key, about) = (format!("payment:{id}"), json!({ "top_up_id": id }));
        let payment = Transaction::new(TransactionKind::TopUp, key, Actor::System, about, &lines)?;
        wallet.record(payment)?;
    }
    wallet::save(&mut tx, &mut wallets).await?;
    Ok(tx.commit(Exempt::NothingChanged).await?)
}

async fn one_hour(store: &Store, now: DateTime<Utc>, meters: usize) -> Result<Duration> {
    let began = Instant::now();
    let summary = app::billing::run(store, now).await?;
    let took = began.elapsed();
    ensure!(summary.hours == meters && summary.suspended == 0, "billed {summary:?}");
    Ok(took)
}

/// Verifies the books; answers how many rows they have.
async fn check(store: &Store, panel: &Panel) -> Result<(i64, Duration)> {
    let rows = "select (select count(*) from ledger_transactions) + (select count(*) from ledger_entries)
        + (select count(*) from charges) + (select count(*) from meters)";
    let rows = panel.fetch(rows).await;
    let began = Instant::now();
    let verdict = wallet::verify::verify(store).await?;
    let took = began.elapsed();
    match verdict {
        Ok(_) => Ok((rows, took)),
        Err(difference) => anyhow::bail!("{difference}"),
    }
}
