//! Start, stop and reboot.

use axum_extra::extract::Form;
use domain::VpsId;
use domain::vps::PowerRequest;
use serde::Deserialize;

use crate::access::{Member, may};
use crate::error::Result;
use crate::form::Id;
use crate::toast::{Said, see_other_saying};

/// What is asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    action: PowerRequest,
}

/// Accepts a request and shows the VPS, on which it is to be seen.
pub(crate) async fn power(
    member: Member<may::VpsPower>,
    Id(id): Id<VpsId>,
    Form(Asked { action }): Form<Asked>,
) -> Result {
    let said = match app::vps::power(&member.state.app, &member.caller, id, action).await {
        Ok(_) => match action {
            PowerRequest::Start => Said::VpsStarting,
            PowerRequest::Stop => Said::VpsStopping,
            PowerRequest::Reboot => Said::VpsRebooting,
        },
        Err(app::Error::Conflict { .. }) => Said::VpsBusy,
        Err(error) => return Err(error.into()),
    };
    Ok(see_other_saying(&member.state, &format!("/vps/{id}"), said))
}
