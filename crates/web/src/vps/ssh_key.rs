//! SSH keys.

use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::SshKeyId;
use serde::Deserialize;
use store::vps::read::{self, SshKey};

use super::view::{SshKeyRow, SshKeysPage};
use crate::access::{Member, Session, may};
use crate::error::Result;
use crate::form::{Id, refused};
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::Errors;

const HERE: &str = "/ssh-keys";

/// A key to add, and where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NewKey {
    #[serde(default)]
    name: String,
    #[serde(default)]
    public_key: String,
    #[serde(default)]
    next: String,
}

/// The list.
pub(crate) async fn list(member: Member<may::SshKeyView>, Query(form): Query<NewKey>) -> Result {
    page(&member, StatusCode::OK, NewKey { next: form.next, ..Default::default() }, Errors::new()).await
}

async fn page(session: &Session, status: StatusCode, form: NewKey, errors: Errors) -> Result {
    let mut db = session.read().await?;
    let keys = read::ssh_keys(&mut db).await?;
    let NewKey { name, public_key, next } = form;
    let keys = keys.into_iter().map(row).collect();
    db.show_with(status, &SshKeysPage { keys, name, public_key, next, errors })
}

fn row(key: SshKey) -> SshKeyRow {
    SshKeyRow {
        id: key.id.to_string(),
        name: key.name,
        algorithm: key.public_key.split(' ').next().unwrap_or_default().to_owned(),
        fingerprint: key.fingerprint,
        created_at: key.created_at,
    }
}

/// Adds a key.
pub(crate) async fn add(member: Member<may::SshKeyManage>, Form(form): Form<NewKey>) -> Result {
    match app::vps::ssh_key::add(&member.state.app, &member.caller, &form.name, &form.public_key).await {
        Ok(_) => {
            Ok(see_other_saying(&member.state, link::own_path(&form.next).unwrap_or(HERE), Said::KeyAdded))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&member, status, form, errors).await
        }
    }
}

/// Deletes a key.
pub(crate) async fn delete(member: Member<may::SshKeyManage>, Id(id): Id<SshKeyId>) -> Result {
    app::vps::ssh_key::delete(&member.state.app, &member.caller, id).await?;
    Ok(see_other_saying(&member.state, HERE, Said::KeyDeleted))
}
