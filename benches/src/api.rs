//! The JSON API under load: 64 connections that ask as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testkit::Panel;
use tokio::time::sleep;

use crate::measure::{cpu_seconds, memory_mb, percentile, round};
use crate::process::{self, Process};
use crate::scene;

const CONNECTIONS: usize = 64;
/// VPSs of one customer: one page of the list.
const EACH: usize = 20;
const WARM_UP: Duration = Duration::from_secs(2);
const LENGTH: Duration = Duration::from_secs(10);
/// A person signs in so often while others ask.
const SIGN_IN_EVERY: Duration = Duration::from_secs(1);

struct Load {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_ms: f64,
}

/// The benchmark `api`.
pub(crate) async fn run(vps: usize) -> Result<Value> {
    let panel = Panel::start().await;
    scene::customers(&panel, vps / EACH).await;
    scene::vps(&panel, vps / EACH, vps).await;
    scene::credentials(&panel, CONNECTIONS).await;
    panel.customer("signer").await;
    let address = testkit::free_address();
    let serve = process::serve(&panel, &address).await?;
    show_statements(&panel, &address).await?;
    println!("at rest: {} MB", memory_mb(serve.pid(), "VmRSS")?);
    measured(&serve, &address, "/api/v1/vps", WARM_UP).await?;
    let list = measured(&serve, &address, "/api/v1/vps", LENGTH).await?;
    for path in ["/api/v1/wallet", "/api/v1/activity"] {
        measured(&serve, &address, path, LENGTH / 2).await?;
    }
    println!("with one sign-in a second:");
    let over = Arc::new(AtomicBool::new(false));
    let signing = tokio::spawn(sign_in_until(address.clone(), over.clone()));
    measured(&serve, &address, "/api/v1/vps", LENGTH).await?;
    over.store(true, Ordering::Relaxed);
    let mut sign_ins = signing.await??;
    sign_ins.sort_unstable();
    println!("  sign-in: {} times, p50 {} ms", sign_ins.len(), percentile(&sign_ins, 0.5));
    Ok(json!({
        "list_rps": list.per_second.round(), "list_p99_ms": list.p99_ms, "cpu_ms_per_request": list.cpu_ms,
        "rss_mb": memory_mb(serve.pid(), "VmHWM")?
    }))
}

fn client() -> Result<Client> {
    Ok(Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

async fn measured(serve: &Process, address: &str, path: &str, length: Duration) -> Result<Load> {
    let (cpu, began) = (cpu_seconds(serve.pid())?, Instant::now());
    let until = began + length;
    let connections =
        (1..=CONNECTIONS).map(|n| tokio::spawn(ask_until(format!("http://{address}{path}"), n, until)));
    let mut samples = Vec::new();
    for one in try_join_all(connections).await? {
        samples.extend(one?);
    }
    samples.sort_unstable();
    let (count, took) = (samples.len() as f64, began.elapsed().as_secs_f64());
    let load = Load {
        per_second: count / took,
        p50_ms: percentile(&samples, 0.5),
        p99_ms: percentile(&samples, 0.99),
        cpu_ms: round((cpu_seconds(serve.pid())? - cpu) * 1e3 / count),
    };
    let Load { per_second, p50_ms, p99_ms, cpu_ms } = &load;
    let memory = memory_mb(serve.pid(), "VmRSS")?;
    println!(
        "  {path}: {per_second:.0}/s, p50 {p50_ms} ms, p99 {p99_ms} ms, {cpu_ms} ms of CPU each, {memory} MB"
    );
    Ok(load)
}

async fn ask_until(url: String, number: usize, until: Instant) -> Result<Vec<Duration>> {
    let (client, key) = (client()?, format!("skp_bench-{number}"));
    let mut samples = Vec::new();
    while Instant::now() < until {
        let asked = Instant::now();
        let answer = client.get(&url).bearer_auth(&key).send().await?;
        ensure!(answer.status() == StatusCode::OK, "{url} answered {}", answer.status());
        answer.bytes().await?;
        samples.push(asked.elapsed());
    }
    Ok(samples)
}

async fn sign_in_until(address: String, over: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let (client, mut samples) = (client()?, Vec::new());
    while !over.load(Ordering::Relaxed) {
        let form = [("email", "signer@example.com"), ("password", testkit::PASSWORD)];
        let asked = Instant::now();
        let answer = client.post(format!("http://{address}/sign-in")).form(&form).send().await?;
        ensure!(answer.status() == StatusCode::SEE_OTHER, "sign-in answered {}", answer.status());
        samples.push(asked.elapsed());
        sleep(SIGN_IN_EVERY).await;
    }
    Ok(samples)
}

/// Prints what one request sends to the database, from the server's own log.
async fn show_statements(panel: &Panel, address: &str) -> Result<()> {
    let database: String = panel.fetch("select current_database()::text").await;
    let ask = || async {
        client()?
            .get(format!("http://{address}/api/v1/vps"))
            .bearer_auth("skp_bench-1")
            .send()
            .await
            .map_err(anyhow::Error::from)
    };
    // The first request notes the use of the key and prepares statements.
    ask().await?;
    let Some(log) = std::env::var_os("BENCH_DATABASE_LOG") else { return Ok(()) };
    panel.execute(format!("alter database {database} set log_statement = 'all'")).await;
    panel.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and usename <> current_user").await;
    let before = std::fs::read_to_string(&log)?.len();
    ask().await?;
    let text = std::fs::read_to_string(&log)?.split_off(before);
    println!("one GET /api/v1/vps sends:");
    for line in text.lines().filter(|line| line.contains("statement:") || line.contains("execute")) {
        let statement = line.split_once("LOG: ").map_or(line, |(_, rest)| rest).trim();
        println!("  {}", statement.chars().take(150).collect::<String>());
    }
    panel.execute(format!("alter database {database} reset log_statement")).await;
    panel.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and usename <> current_user").await;
    Ok(())
}
