//! Deleting a VPS, after its name was typed.

use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::VpsId;
use serde::Deserialize;
use store::vps::read::{self, Detail};

use super::view::{DeletePage, VpsName};
use crate::access::{Member, may};
use crate::error::{Failure, Result};
use crate::form::{Id, invalid, refused};
use crate::toast::{Said, see_other_saying};
use crate::view::Errors;

/// What was typed.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    confirm: String,
}

/// The page with the form, for browsers without script.
pub(crate) async fn form(member: Member<may::VpsDelete>, Id(id): Id<VpsId>) -> Result {
    page(&member, id, StatusCode::OK, Errors::new()).await
}

async fn find(member: &Member<may::VpsDelete>, id: VpsId) -> Result<Detail> {
    let mut db = member.read().await?;
    read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)
}

async fn page(member: &Member<may::VpsDelete>, id: VpsId, status: StatusCode, errors: Errors) -> Result {
    let mut db = member.read().await?;
    let vps = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    db.show_with(status, &DeletePage { vps: VpsName { id: id.to_string(), name: vps.name }, errors })
}

/// Accepts the delete.
pub(crate) async fn delete(
    member: Member<may::VpsDelete>,
    Id(id): Id<VpsId>,
    Form(Typed { confirm }): Form<Typed>,
) -> Result {
    if confirm.trim() != find(&member, id).await?.name {
        let (status, errors) = invalid("confirm", "This is not the name of the VPS.");
        return page(&member, id, status, errors).await;
    }
    match app::vps::delete(&member.state.app, &member.caller, id).await {
        Ok(()) => Ok(see_other_saying(&member.state, &format!("/vps/{id}"), Said::VpsDeleting)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&member, id, status, errors).await
        }
    }
}
