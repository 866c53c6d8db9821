//! `skypanel demo`: everything in one process, with simulated clouds and example data.

mod seed;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simulator::Simulator;

use crate::cli::Demo;
use crate::config::Config;
use crate::{serve, wire};

/// Written when the example data is complete.
const SEEDED: &str = "seeded";

/// Runs until told to stop; the next start goes on with the same data.
pub(crate) async fn run(options: &Demo) -> Result<()> {
    let stop = wire::stop_signal()?;
    let seeded = options.data.join(SEEDED);
    let first_start = !seeded.exists();
    let simulator_file = options.data.join("simulator.json");
    if first_start && simulator_file.exists() {
        std::fs::remove_file(&simulator_file)?;
    }
    let address = |offset| SocketAddr::from((Ipv4Addr::LOCALHOST, options.port + offset));
    let simulator = Simulator::start(simulator::Config {
        linode: address(1),
        digitalocean: address(2),
        paypal: address(3),
        mail: address(4),
        speed: options.speed,
        seed: 1,
        state_file: Some(simulator_file),
    })
    .await
    .context("cannot start the simulated clouds on the four ports after the panel's")?;
    let config = config(options, &simulator)?;
    if first_start {
        store::demo::reset(config.database_owner_url()?).await?;
    }
    let login = store::setup::login_of(config.database_url()?)?;
    store::setup::migrate(config.database_owner_url()?, &login).await?;
    let store = wire::store(&config).await?;
    let app = wire::app(&config, store.clone())?;
    if first_start {
        tracing::info!("making example data");
        seed::run(&config, &store, &app, &simulator, options.speed).await?;
        std::fs::write(&seeded, "")?;
    }
    let worker = wire::worker(&config, app.clone())?;
    let work = tokio::spawn(worker.run(stop.clone()));
    let listener = serve::listen(&config).await?;
    announce(options, &simulator)?;
    serve::until(listener, &config, app, stop).await?;
    work.await?;
    simulator.stop().await;
    Ok(())
}

fn announce(options: &Demo, simulator: &Simulator) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready http://127.0.0.1:{}", options.port)?;
    for login in seed::LOGINS {
        writeln!(out, "  {:<9} {:<24} {}", login.role, login.email, login.password)?;
    }
    writeln!(out, "  inbox     {}", simulator.inbox_url())?;
    Ok(out.flush()?)
}

fn config(options: &Demo, simulator: &Simulator) -> Result<Config> {
    let key = random_key(&options.data.join("sealing.key"))?;
    let statement_key = random_key(&options.data.join("statement.key"))?;
    let panel = format!("127.0.0.1:{}", options.port);
    let (url, paypal, smtp) = (format!("http://{panel}"), simulator.paypal_url(), simulator.smtp_url());
    let vies = simulator.vies_url();
    Config::from_environment(|name| match name {
        "SEALING_KEYS" => Some(format!("demo:{key}")),
        "STATEMENT_KEYS" => Some(statement_key.clone()),
        "LISTEN" => Some(panel.clone()),
        "PUBLIC_URL" => Some(url.clone()),
        "PAYPAL_BASE_URL" => Some(paypal.clone()),
        "VIES_BASE_URL" => Some(vies.clone()),
        "PAYPAL_CLIENT_ID" => Some("demo-1".into()),
        "PAYPAL_CLIENT_SECRET" => Some("demo-secret".into()),
        "SMTP_URL" => Some(smtp.clone()),
        "MAIL_FROM" => Some("SkyPanel <noreply@panel.example>".into()),
        // Simulated clouds are fast, and people who try them are waiting.
        "RECONCILE_SECONDS" | "BILLING_SECONDS" => Some("10".into()),
        "LOST_ANSWER_SECONDS" => Some("20".into()),
        "WATCH_MILLISECONDS" => Some("500".into()),
        _ => std::env::var(name).ok(),
    })
}

/// A key of the demo's own, made at the first start.
fn random_key(file: &Path) -> Result<String> {
    if let Ok(key) = std::fs::read_to_string(file) {
        return Ok(key.trim().to_owned());
    }
    let key = STANDARD.encode(rand::random::<[u8; 32]>());
    let mut out =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(out, "{key}")?;
    Ok(key)
}
