//! The statement of an organization with many VPSs: issued from all hours of a month, and drawn as a PDF.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chrono::Utc;
use reqwest::Client;
use serde_json::{Value, json};
use testkit::Panel;

use crate::measure::round;
use crate::{process, scene};

/// The month before this, as PostgreSQL says it.
const MONTH: &str = "date_trunc('month', now(), 'utc') - interval '1 month'";

/// The benchmark `statement`.
pub(crate) async fn run(vps: usize) -> Result<Value> {
    let panel = Panel::start().await;
    scene::customers(&panel, 1).await;
    scene::vps(&panel, 1, vps).await;
    scene::credentials(&panel, 1).await;
    let charged = format!(
        "update organizations set created_at = {MONTH};
        update wallets set sequence = 1, available_micros = 5000000000;
        update meters set started_at = {MONTH}, paid_until = date_trunc('month', now(), 'utc') + interval '2 hours';
        insert into charges (organization_id, meter_id, span_start, amount_micros, tariff, transaction_id)
        select m.organization_id, m.id, start, 8900, 'sold', m.id from meters m,
            generate_series({MONTH}, date_trunc('month', now(), 'utc') + interval '1 hour', interval '1 hour') start"
    );
    panel
        .execute(format!("set session_replication_role = replica; {charged}; reset session_replication_role"))
        .await;
    scene::settle(&panel).await;
    let hours: i64 = panel.fetch("select count(*) from charges").await;
    println!("{vps} VPSs with {hours} hours");

    let began = Instant::now();
    ensure!(app::billing::issue_statements(&panel.app, Utc::now()).await? == 1, "one statement is due");
    let issued = began.elapsed();
    println!("issued in {issued:.2?}");

    let address = testkit::free_address();
    let _serve = process::serve(&panel, &address).await?;
    let client = Client::new();
    let ask = async |path: &str| -> Result<Vec<u8>> {
        let url = format!("http://{address}/api/v1{path}");
        let answer = client.get(url).header("authorization", "Bearer skp_bench-1").send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.bytes().await?.to_vec())
    };
    let list: Value = serde_json::from_slice(&ask("/statements").await?)?;
    let id = list["data"][0]["id"].as_str().context("no statement")?.to_owned();
    let began = Instant::now();
    let pdf = ask(&format!("/statements/{id}/pdf")).await?;
    let drawn = began.elapsed();
    ensure!(pdf.starts_with(b"%PDF"), "no PDF");
    println!("PDF of {} bytes in {drawn:.2?}", pdf.len());
    Ok(json!({
        "issued_seconds": round(issued.as_secs_f64()), "pdf_seconds": round(drawn.as_secs_f64()),
        "seconds": round((issued + drawn).as_secs_f64()), "pdf_kb": pdf.len() / 1024
    }))
}
