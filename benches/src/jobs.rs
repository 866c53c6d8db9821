//! The queue: how many jobs two workers do in a second, and how soon one begins after its commit.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use store::job::{self, NewJob};
use store::{Exempt, Store};
use testkit::Panel;
use tokio::time::sleep;

use crate::measure::{percentile, round};
use crate::process::Process;

const WORKERS: usize = 2;
/// Jobs whose start is timed, and the pause between them.
const SINGLE: usize = 300;
const PAUSE: Duration = Duration::from_millis(10);
/// A real job that finds nothing to do: locks a wallet, looks, and ends.
const KIND: &str = "billing.resume";
/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// The benchmark `jobs`.
pub(crate) async fn run(count: usize) -> Result<Value> {
    let panel = Panel::start().await;
    let crowd = panel.crowd(200).await;
    let store = &panel.store;
    let workers: Vec<Process> =
        (0..WORKERS).map(|_| Process::start(&panel, "work", &[])).collect::<Result<_>>()?;
    // The first jobs prepare connections and statements.
    for caller in &crowd {
        enqueue(store, caller).await?;
    }
    finished(&panel, crowd.len()).await?;

    panel.execute(STARTS).await;
    let mut committed = Vec::new();
    for caller in crowd.iter().cycle().take(SINGLE) {
        enqueue(store, caller).await?;
        committed.push(Utc::now());
        sleep(PAUSE).await;
    }
    finished(&panel, crowd.len() + SINGLE).await?;
    let started: Vec<DateTime<Utc>> = panel.fetch_all("select at from bench_starts order by id").await;
    ensure!(started.len() == SINGLE, "{} jobs began", started.len());
    let mut waits: Vec<Duration> =
        committed.iter().zip(&started).map(|(c, s)| (*s - *c).to_std().unwrap_or_default()).collect();
    waits.sort_unstable();
    panel.execute("drop trigger bench_starts on jobs").await;

    let began = Instant::now();
    panel
        .execute(format!(
            "insert into jobs (kind, payload, organization_id, actor)
            select '{KIND}', 'null', organization_id, '{{\"kind\": \"system\"}}'
            from generate_series(1, {}), wallets w join organizations o on o.id = w.organization_id
                and o.name like 'crowd %'",
            count / crowd.len()
        ))
        .await;
    finished(&panel, crowd.len() + SINGLE + count).await?;
    let per_second = count as f64 / began.elapsed().as_secs_f64();
    drop(workers);
    let (p50, p99) = (percentile(&waits, 0.5), percentile(&waits, 0.99));
    println!("{count} jobs by {WORKERS} workers; start after commit: p50 {p50} ms, p99 {p99} ms");
    Ok(json!({ "per_second": round(per_second), "start_p50_ms": p50 }))
}

async fn enqueue(store: &Store, caller: &app::Caller) -> Result<()> {
    let mut tx = store.org_tx(&caller.scope).await?;
    job::enqueue(&mut tx, NewJob::new(KIND, Value::Null)).await?;
    Ok(tx.commit(Exempt::JobBookkeeping).await?)
}

/// Waits until so many jobs are done.
async fn finished(panel: &Panel, count: usize) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    let done = format!("select count(*) = {count} from jobs where kind = '{KIND}' and state = 'done'");
    while !panel.fetch::<bool>(done.clone()).await {
        ensure!(Instant::now() < deadline, "the jobs do not come to an end");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Notes when each job is claimed.
const STARTS: &str = "create table bench_starts (id bigint, at timestamptz);
    create function bench_note() returns trigger language plpgsql security definer as $$
    begin insert into bench_starts values (new.id, clock_timestamp()); return null; end $$;
    create trigger bench_starts after update on jobs for each row
        when (new.state = 'running' and old.state = 'ready') execute function bench_note()";
