//! The list of everything that runs in the background.

use std::time::Duration;

use store::job::{Job, Next};
use store::{Exempt, SystemPurpose};

use super::{Context, Fail, WorkerSettings};
use crate::operations::jobs::DISCARD;
use crate::{billing, catalog, notify, payment, provider, vps, wallet};

/// Every kind of job there is.
const KINDS: &[&str] = &[
    "vps.create",
    "vps.delete",
    "vps.power",
    "vps.suspend",
    "vps.reconcile",
    "payment.order",
    "payment.capture",
    "payment.sweep",
    "payment.agreement",
    "payment.auto",
    "payment.charge",
    "payment.event",
    "payment.returned",
    "payment.dispute",
    "payment.refund",
    "payment.compare",
    "provider.validate",
    "provider.reconcile",
    "provider.reconcile_all",
    "catalog.sync",
    "catalog.sync_all",
    "catalog.tell_moves",
    "billing.run",
    "billing.resume",
    "billing.statements",
    "billing.ladder",
    "billing.transfer",
    "billing.destroy",
    "billing.vat_check",
    "billing.vat_sweep",
    "credit.sweep",
    "credit.expire",
    "mail.send",
    "notify.alarms",
    DISCARD,
    "housekeeping",
    "limits.sweep",
];

pub(super) fn kinds() -> Vec<String> {
    KINDS.iter().map(|kind| (*kind).to_owned()).collect()
}

/// What is enqueued by the clock, and how often.
pub(super) fn recurring(settings: &WorkerSettings) -> Vec<(&'static str, Duration)> {
    vec![
        ("billing.run", settings.billing_every),
        ("billing.statements", Duration::from_secs(3600)),
        ("billing.ladder", Duration::from_secs(60)),
        ("billing.transfer", Duration::from_secs(3600)),
        ("billing.vat_sweep", Duration::from_secs(3600)),
        ("credit.sweep", Duration::from_secs(60)),
        ("provider.reconcile_all", settings.reconcile_every),
        ("payment.sweep", Duration::from_secs(60)),
        ("payment.compare", Duration::from_secs(24 * 3600)),
        ("catalog.sync_all", Duration::from_secs(6 * 3600)),
        ("catalog.tell_moves", Duration::from_secs(60)),
        ("notify.alarms", Duration::from_secs(60)),
        ("housekeeping", Duration::from_secs(3600)),
        ("limits.sweep", Duration::from_secs(60)),
    ]
}

/// Runs a job's handler. Handlers end or delay their job in the transaction of their effect.
pub(super) async fn dispatch(ctx: &Context, job: &Job) -> Result<(), Fail> {
    match job.kind.as_str() {
        "vps.create" => vps::create_job::run(ctx, job).await,
        "vps.delete" => vps::delete_job::run(ctx, job).await,
        "vps.power" => vps::power_job::run(ctx, job).await,
        "vps.suspend" => vps::reconcile_job::suspend(ctx, job).await,
        "vps.reconcile" => vps::reconcile_job::run(ctx, job).await,
        "payment.order" => payment::jobs::order(ctx, job).await,
        "payment.capture" => payment::jobs::capture(ctx, job).await,
        "payment.agreement" => payment::agreement_job::run(ctx, job).await,
        "payment.auto" => payment::auto_job::decide(ctx, job).await,
        "payment.charge" => payment::auto_job::charge(ctx, job).await,
        "payment.sweep" => payment::jobs::sweep(ctx, job).await,
        "payment.event" => payment::webhook::run(ctx, job).await,
        "payment.returned" => payment::returned::run(ctx, job).await,
        "payment.dispute" => payment::dispute_job::run(ctx, job).await,
        "payment.refund" => payment::refund_job::run(ctx, job).await,
        "payment.compare" => payment::report_job::run(ctx, job).await,
        "provider.validate" => provider::validate_job::run(ctx, job).await,
        "provider.reconcile" => provider::reconcile_job::run(ctx, job).await,
        "provider.reconcile_all" => provider::reconcile_job::all(ctx, job).await,
        "catalog.sync" => catalog::sync_job::run(ctx, job).await,
        "catalog.sync_all" => provider::reconcile_job::fan_out(ctx, job, "catalog.sync").await,
        "catalog.tell_moves" => catalog::tell_job::run(ctx, job).await,
        "billing.run" => bill(ctx, job).await,
        "billing.resume" => billing::resume(ctx, job).await,
        "billing.statements" => billing::statement_job::run(ctx, job).await,
        "billing.ladder" => climb(ctx, job).await,
        "billing.transfer" => charge_transfer(ctx, job).await,
        "billing.destroy" => billing::destroy(ctx, job).await,
        "billing.vat_check" => billing::vat_job::run(ctx, job).await,
        "billing.vat_sweep" => billing::vat_job::sweep(ctx, job).await,
        "credit.sweep" => wallet::sweep(ctx, job).await,
        "credit.expire" => wallet::expire_job(ctx, job).await,
        "mail.send" => notify::mail::send_job::run(ctx, job).await,
        "notify.alarms" => notify::alarms::run(ctx, job).await,
        DISCARD => discard(ctx, job).await,
        "housekeeping" => housekeep(ctx, job).await,
        "limits.sweep" => sweep_limits(ctx, job).await,
        other => Err(Fail::give_up(format!("no handler for {other}"))),
    }
}

/// Undoes what a discarded job was for.
async fn discard(ctx: &Context, job: &Job) -> Result<(), Fail> {
    match job.payload["discards"]["kind"].as_str() {
        Some("vps.create") => vps::create_job::discard(ctx, job).await,
        Some("vps.power") => vps::power_job::discard(ctx, job).await,
        Some("payment.agreement") => payment::agreement_job::discard(ctx, job).await,
        Some("payment.order") => payment::jobs::discard_order(ctx, job).await,
        other => Err(Fail::give_up(format!("nothing undoes {}", other.unwrap_or("this job")))),
    }
}

/// A run commits its own batches; the job is only what starts it.
async fn bill(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = store::billing::now(ctx.store()).await?;
    billing::run(ctx.store(), now).await?;
    Ok(store::job::queue::done(ctx.store(), job).await?)
}

/// The same for the ladder.
async fn climb(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = store::billing::now(ctx.store()).await?;
    billing::climb(ctx.app(), now).await?;
    Ok(store::job::queue::done(ctx.store(), job).await?)
}

/// The same for transfer above what is included.
async fn charge_transfer(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let now = store::billing::now(ctx.store()).await?;
    billing::charge_transfer(ctx.store(), now).await?;
    Ok(store::job::queue::done(ctx.store(), job).await?)
}

async fn housekeep(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    store::identity::housekeep(&mut tx).await?;
    store::notify::mail::housekeep(&mut tx).await?;
    store::payment::event::housekeep(&mut tx).await?;
    Ok(tx.finish(job, Next::Done, Exempt::Housekeeping).await?)
}

/// Often, so that buckets do not pile up.
async fn sweep_limits(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    store::identity::remove_drained(&mut tx).await?;
    store::identity::remove_expired_limits(&mut tx).await?;
    Ok(tx.finish(job, Next::Done, Exempt::Housekeeping).await?)
}
