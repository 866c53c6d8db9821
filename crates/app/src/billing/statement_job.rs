//! Monthly statements: issued once for each organization when all hours of the month are charged.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::{DocumentId, OrganizationId};
use serde_json::json;
use store::billing::{document, statement};
use store::job::{Job, queue};
use store::{Exempt, SystemPurpose};

use crate::worker::{Context, Fail};
use crate::{App, Result};

/// So long after its end a month is let rest: what began before its end is written down by then.
const GRACE: TimeDelta = TimeDelta::hours(1);
/// Organizations in one transaction.
const BATCH: i64 = 50;

/// Issues what is due.
pub(crate) async fn run(ctx: &Context, job: &Job) -> std::result::Result<(), Fail> {
    let now = store::billing::now(ctx.store()).await?;
    issue_statements(ctx.app(), now).await?;
    Ok(queue::done(ctx.store(), job).await?)
}

/// Issues the statements of every month that was over an hour before `now`, and answers how many. Commits batch by
/// batch; may be repeated and killed: a month has one statement for each organization.
pub async fn issue_statements(app: &App, now: DateTime<Utc>) -> Result<usize> {
    let mut tx = app.store.system_tx(SystemPurpose::Billing).await?;
    let months = statement::open_months(&mut tx, now - GRACE).await?;
    tx.commit(Exempt::NothingChanged).await?;
    let mut issued = 0;
    for month in months {
        issued += month_of(app, month).await?;
    }
    Ok(issued)
}

async fn month_of(app: &App, month: NaiveDate) -> Result<usize> {
    let mut tx = app.store.system_tx(SystemPurpose::Billing).await?;
    // Asked before looking who is due: whoever waits now may be passed by, and is found the next time.
    let is_waiting = statement::is_waiting(&mut tx, month).await?;
    let (mut issued, mut after) = (0, None);
    loop {
        let due = statement::due(&mut tx, month, after, BATCH).await?;
        if due.is_empty() && !is_waiting {
            statement::close_month(&mut tx, month).await?;
        }
        tx.commit(Exempt::JobBookkeeping).await?;
        if due.is_empty() {
            return Ok(issued);
        }
        after = due.last().copied();
        issued += batch(app, &due, month).await?;
        tx = app.store.system_tx(SystemPurpose::Billing).await?;
    }
}

async fn batch(app: &App, organizations: &[OrganizationId], month: NaiveDate) -> Result<usize> {
    let settings = app.settings();
    let mut tx = app.store.system_tx(SystemPurpose::Billing).await?;
    let drafts =
        statement::draft(&mut tx, organizations, month, &settings.seller, &settings.currency).await?;
    let statements: Vec<_> = drafts
        .into_iter()
        .map(|(organization, statement)| (organization, DocumentId::new(), statement))
        .collect();
    document::insert_statements(&mut tx, &statements).await?;
    let entries = statements.iter().map(|(organization, id, _)| {
        Activity::of(*organization, Actor::System, Action::StatementIssued)
            .on(TargetKind::Document, *id)
            .with(json!({ "month": month.format("%B %Y").to_string() }))
    });
    tx.commit(entries.collect::<Vec<_>>()).await?;
    Ok(statements.len())
}
