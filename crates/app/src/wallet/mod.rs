//! Money that is given and not paid: credits by code, by an operator, and corrections; and what customers take home of
//! their ledger.

mod adjustment;
mod campaign;
mod credit;
mod expiry_job;
mod receive;
pub mod statement;

pub use adjustment::{Adjusted, LAPSE, adjust, approve, reject};
pub use campaign::{NewPromotion, NewVouchers, create_promotion, create_vouchers, disable, redeem};
pub use credit::{EXPIRES_DAYS_MAX, NewGoodwill, grant};
pub use expiry_job::expire;
pub(crate) use expiry_job::{run as expire_job, sweep};

use domain::identity::Actor;
use domain::{OrganizationId, UserId};
use store::identity::visit;
use store::{OrgScope, SystemPurpose};

use crate::{App, Error, Operator, Result};

/// Authority over a customer's wallet for an operator. What is done with it is noted in the organization's trail.
async fn enter(app: &App, operator: &Operator, organization: OrganizationId) -> Result<OrgScope> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    visit(&mut tx, organization, operator.actor()).await?.ok_or(Error::NotFound)
}

/// The person behind an operator: money is given by people.
fn person(operator: &Operator) -> Result<UserId> {
    match operator.actor() {
        Actor::User { user } => Ok(user),
        Actor::ApiKey { .. } | Actor::System => Err(Error::Forbidden),
    }
}
