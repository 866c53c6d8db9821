//! VPSs: what people ask for, and the jobs that make it so.

mod console_key;
mod create;
pub(crate) mod create_job;
mod delete;
pub(crate) mod delete_job;
mod power;
pub(crate) mod power_job;
pub(crate) mod reconcile_job;
pub mod ssh_key;

use domain::VpsId;
use domain::vps::Suspension;
use serde_json::json;
use store::job::NewJob;
use store::vps::Instance;

pub use create::{NewVps, create};
pub(crate) use delete::accept as accept_delete;
pub use delete::delete;
pub(crate) use power::action_job;
pub use power::power;

use crate::Error;

/// A job about one VPS; jobs of a VPS run one at a time.
pub(crate) fn job(kind: &'static str, id: VpsId) -> NewJob {
    NewJob::new(kind, json!({ "vps_id": id })).keyed(id)
}

/// Refuses to touch the power of a suspended VPS.
fn refuse_suspended(vps: &Instance) -> Result<(), Error> {
    match vps.suspended_by {
        None => Ok(()),
        Some(Suspension::Unpaid) => Err(Error::conflict(
            "suspended",
            "This VPS is suspended because the wallet is empty. Add money, and it starts again by itself.",
        )),
        Some(Suspension::Operator) => Err(Error::conflict(
            "suspended",
            "This VPS is suspended by the operator. Please contact support.",
        )),
    }
}
