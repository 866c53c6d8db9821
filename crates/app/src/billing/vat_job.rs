//! Asking the register of VAT numbers, after a profile was saved.

use std::time::Duration;

use domain::activity::{Action, Activity, TargetKind};
use domain::billing::VatNumber;
use domain::identity::Actor;
use serde_json::json;
use store::billing::{profile, vat as rows};
use store::job::{self, Job, Next, queue};
use store::{Exempt, OrgDb as _, OrgTx, SystemPurpose};

use super::ladder_mail::named_payers;
use super::vat::{check_job, countries, decisive};
use crate::App;
use crate::notify::mail::{Content, Mail, enqueue};
use crate::worker::{Context, Fail, payload_id};

/// Pauses between two questions while the register cannot say: as long again as it has not been able to.
const WAIT_MIN: Duration = Duration::from_secs(60);
const WAIT_MAX: Duration = Duration::from_secs(6 * 3600);

/// Numbers that one sweep has asked about, so that the register is not flooded.
const SWEPT: i64 = 1_000;

/// Asks about the number, unless the organization has another one by now.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let number: VatNumber = payload_id(job, "vat_number")?;
    let Some(register) = ctx.vat_register() else { return Ok(queue::done(ctx.store(), job).await?) };
    let mut db = ctx.store().org_read(&ctx.system_scope(job)?).await?;
    let profile = profile::find(&mut db).await?;
    drop(db);
    let current = profile.as_ref().and_then(|profile| decisive(ctx.settings(), &profile.party));
    if current != Some(&number) {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    match register.knows(&number).await {
        Ok(valid) => apply(ctx, job, &number, valid).await,
        // Until it can say, the number counts by its format.
        Err(error) => {
            let wait = queue::age(ctx.store(), job).await?.clamp(WAIT_MIN, WAIT_MAX);
            Ok(queue::again(ctx.store(), job, wait, &error.to_string()).await?)
        }
    }
}

/// Writes down what the register said. Only news is told and stands in the trail.
async fn apply(ctx: &Context, job: &Job, number: &VatNumber, valid: bool) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.system_scope(job)?).await?;
    if !rows::record(&mut tx, number, valid).await? {
        return Ok(tx.finish(job, Next::Done, Exempt::NothingChanged).await?);
    }
    if !valid {
        tell(ctx.app(), &mut tx, number).await?;
    }
    let organization = tx.organization_id();
    let entry = Activity::of(organization, Actor::System, Action::VatNumberChecked)
        .on(TargetKind::Organization, organization)
        .with(json!({ "vat_number": number, "valid": valid }));
    Ok(tx.finish(job, Next::Done, entry).await?)
}

/// Tells those who may pay that their payments hold tax from now on.
async fn tell(app: &App, tx: &mut OrgTx, number: &VatNumber) -> crate::Result<()> {
    let (organization, payers) = named_payers(tx).await?;
    for (to, member) in payers {
        let content = Content::VatNumber {
            name: member.name.clone(),
            organization: organization.clone(),
            number: number.to_string(),
        };
        enqueue(app, tx, &Mail::new(&to, &member.name, content)).await?;
    }
    Ok(())
}

/// Has the register asked about what it was not asked about: numbers that were saved before the check was switched on.
pub(crate) async fn sweep(ctx: &Context, job: &Job) -> Result<(), Fail> {
    if ctx.vat_register().is_none() {
        return Ok(queue::done(ctx.store(), job).await?);
    }
    let mut db = ctx.store().system_read(SystemPurpose::Job).await?;
    let waiting = rows::unchecked(&mut db, &countries(ctx.settings()), SWEPT).await?;
    drop(db);
    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    for (organization, party) in &waiting {
        if let Some(number) = decisive(ctx.settings(), party) {
            let new = check_job(*organization, number);
            job::enqueue_for(&mut tx, Some(*organization), Actor::System, new).await?;
        }
    }
    Ok(tx.finish(job, Next::Done, Exempt::JobBookkeeping).await?)
}
