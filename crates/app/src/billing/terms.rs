//! Terms of payment that an operator agrees with an organization.

use domain::activity::{Action, Activity, TargetKind};
use domain::notify::Topic;
use domain::{Money, OrganizationId};
use serde_json::json;
use store::wallet::terms::{self as rows, Terms};
use store::{SystemPurpose, notify, wallet};

use crate::{App, Error, Operator, Result};

/// Sets what holds for an organization. Dates of its unpaid VPSs are made and announced anew when another retention
/// holds; more credit may lift a suspension.
pub async fn set_terms(
    app: &App,
    operator: &Operator,
    organization: OrganizationId,
    new: Terms,
) -> Result<()> {
    if new.credit_limit < Money::ZERO {
        return Err(Error::invalid("credit_limit", "Use 0 or more."));
    }
    if new.retention_hours.is_some_and(|hours| !(1..=8760).contains(&hours)) {
        return Err(Error::invalid("retention_hours", "Choose 1 to 8760 hours, or leave it empty."));
    }
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    rows::lock_wallet(&mut tx, organization).await?.ok_or(Error::NotFound)?;
    let old = rows::find(&mut tx, organization).await?;
    let redate = (old.retention_hours, old.never_destroyed) != (new.retention_hours, new.never_destroyed);
    rows::set(&mut tx, organization, new, redate).await?;
    if new.credit_limit > old.credit_limit {
        wallet::ask_to_resume(&mut tx, &[organization]).await?;
    }
    notify::publish_system(&mut tx, Some(organization), Topic::Wallet, &[organization.0]).await?;
    let entry = Activity { organization_id: Some(organization), ..operator.did(Action::TermsChanged) };
    let detail = json!({
        "credit_limit": new.credit_limit.to_string(),
        "retention_hours": new.retention_hours,
        "never_destroyed": new.never_destroyed,
    });
    Ok(tx.commit(entry.on(TargetKind::Organization, organization).with(detail)).await?)
}
