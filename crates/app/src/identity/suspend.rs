//! Shutting a person out, and letting them in again.

use domain::activity::{Action, Activity, TargetKind};
use domain::{OrganizationId, UserId};
use serde_json::json;
use store::SystemPurpose;
use store::identity as rows;

use crate::{App, Error, Operator, Result};

/// Shuts a person out: their sessions end, and their API keys and password are refused until [`resume`]. Their
/// organization goes on. Operators cannot be shut out: somebody must be there to let people in again.
pub async fn suspend(app: &App, operator: &Operator, user: UserId) -> Result<OrganizationId> {
    change(app, operator, user, true).await
}

/// Lets a person in again. Their API keys work as before; they sign in anew.
pub async fn resume(app: &App, operator: &Operator, user: UserId) -> Result<OrganizationId> {
    change(app, operator, user, false).await
}

async fn change(app: &App, operator: &Operator, user: UserId, suspended: bool) -> Result<OrganizationId> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let person = rows::lock_person(&mut tx, user).await?.ok_or(Error::NotFound)?;
    if person.platform_role.is_some() {
        return Err(Error::conflict("operator", "Operators of the installation cannot be suspended."));
    }
    if person.suspended == suspended {
        return Ok(person.organization_id);
    }
    rows::set_suspended(&mut tx, user, suspended).await?;
    if suspended {
        rows::revoke_sessions(&mut tx, user).await?;
    }
    let action = if suspended { Action::UserSuspended } else { Action::UserResumed };
    let entry = operator.did(action).on(TargetKind::User, user).with(json!({ "email": person.email }));
    tx.commit(Activity { organization_id: Some(person.organization_id), ..entry }).await?;
    Ok(person.organization_id)
}
