//! Puts the pieces together from the settings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use app::identity::limits::Limits;
use app::vault::Vault;
use app::worker::{Worker, WorkerSettings};
use app::{App, Settings};
use clients::Clouds;
use clients::mail::{Smtp, SmtpSettings};
use clients::paypal::{PayPal, PayPalSettings};
use clients::vies::Vies;
use domain::billing::VatRegister;
use domain::notify::mail::Mailer;
use store::Store;
use store::operations::alarms::Patience;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// So long a program that starts waits for a database that starts, too, or recovers.
const DATABASE_WAIT: Duration = Duration::from_secs(30);
/// Pause between two attempts.
const DATABASE_PAUSE: Duration = Duration::from_millis(250);

/// The database. Refuses a role with more power than it needs, and a schema older than this program.
pub(crate) async fn store(config: &Config) -> Result<Store> {
    let store = Store::connect_lazy(config.database_url()?, config.database_connections)?;
    let unfit =
        once_there(|| store::setup::check_login(&store)).await.context("cannot reach the database")?;
    if let Some(reason) = unfit {
        bail!("DATABASE_URL: {reason}");
    }
    let old = once_there(|| store::setup::check_schema(&store))
        .await
        .context("cannot read the schema's version")?;
    if let Some(old) = old {
        bail!("{old}");
    }
    Ok(store)
}

/// Asks until the database is there.
async fn once_there<T>(mut ask: impl AsyncFnMut() -> store::Result<T>) -> store::Result<T> {
    let until = Instant::now() + DATABASE_WAIT;
    loop {
        match ask().await {
            Err(error) if error.is_away() && Instant::now() < until => {
                tracing::warn!(error = app::full(&error), "waiting for the database");
                tokio::time::sleep(DATABASE_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// The use cases' context. Refuses missing and weak sealing keys.
pub(crate) fn app(config: &Config, store: Store) -> Result<App> {
    let vault = Vault::parse(config.sealing_keys()).context("SEALING_KEYS")?;
    Ok(App::new(store, vault, settings(config)?).signing(config.statement_keys()?))
}

fn settings(config: &Config) -> Result<Settings> {
    Ok(Settings {
        company_name: config.company_name.clone(),
        company_logo: config.company_logo()?.map(String::from),
        seller: config.seller()?,
        tax: config.tax(),
        vat_check: config.vat_check(),
        currency: config.currency.clone(),
        mail: config.smtp_url().is_some(),
        webhook: config.paypal_webhook()?.is_some(),
        reserve_hours: config.reserve_hours,
        notice_days: config.notice_days,
        retention_hours: config.retention_hours,
        adjustment_limit: config.adjustment_limit()?,
        lost_answer_wait: Duration::from_secs(config.lost_answer_seconds),
        watch_every: Duration::from_millis(config.watch_milliseconds),
        limits: Limits {
            address: config.limit_address,
            user: config.limit_user,
            api_key: config.limit_api_key,
            organization: config.limit_organization,
            sign_in: config.limit_sign_in,
            money: config.limit_money,
            webhook: config.limit_webhook,
        },
        patience: patience(config),
        ..Settings::new(config.public_url.clone())
    })
}

/// Five missed turns are an alarm, and never less than a few minutes.
fn patience(config: &Config) -> Patience {
    let turns = |seconds: u64, least: u64| Duration::from_secs(seconds.saturating_mul(5).max(least));
    Patience { work: turns(config.billing_seconds, 300), reconcile: turns(config.reconcile_seconds, 900) }
}

/// A worker with the clients of the outside world.
pub(crate) fn worker(config: &Config, app: App) -> Result<Worker> {
    let clouds = Clouds::new(&clients::Options::default())?;
    let gateway = PayPal::new(PayPalSettings {
        base_url: config.paypal_base_url.clone(),
        client_id: config.paypal_client_id.clone(),
        client_secret: config.paypal_client_secret.clone(),
        webhook: config.paypal_webhook()?,
    })?;
    let settings = WorkerSettings {
        slots: config.worker_slots,
        lease: Duration::from_secs(config.lease_seconds),
        billing_every: Duration::from_secs(config.billing_seconds),
        reconcile_every: Duration::from_secs(config.reconcile_seconds),
        ..WorkerSettings::default()
    };
    let register = vat_register(config)?;
    Ok(Worker::new(app, Arc::new(clouds), Arc::new(gateway), mailer(config)?, register, settings))
}

/// The mail host, if mail is switched on.
pub(crate) fn mailer(config: &Config) -> Result<Option<Arc<dyn Mailer>>> {
    let Some(url) = config.smtp_url() else {
        tracing::warn!("SMTP_URL is not set: mail is switched off");
        return Ok(None);
    };
    let settings =
        SmtpSettings { url: url.clone(), from: config.mail_from.clone(), name: config.company_name.clone() };
    Ok(Some(Arc::new(Smtp::new(&settings).context("SMTP_URL and MAIL_FROM")?)))
}

/// The register of VAT numbers, if it is to be asked.
fn vat_register(config: &Config) -> Result<Option<Arc<dyn VatRegister>>> {
    if !config.vat_check() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Vies::new(config.vies_base_url.clone()).context("VIES_BASE_URL")?)))
}

/// Cancelled by Ctrl-C and SIGTERM.
pub(crate) fn stop_signal() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("stopping");
        token.cancel();
    });
    Ok(stop)
}
