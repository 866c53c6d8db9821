//! API keys and sessions.

use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::identity::Permission;
use domain::{ApiKeyId, SessionId};
use secrecy::ExposeSecret;
use serde::Deserialize;
use store::identity::read;

use super::view::{ApiKeyRow, SecurityPage, SessionRow};
use crate::access::{Member, Session, SignedIn, may};
use crate::client::browser_name;
use crate::error::Result;
use crate::form::{Id, refused};
use crate::toast::{Said, see_other_saying};
use crate::view::Errors;

const HERE: &str = "/settings/security";

/// A key to make.
#[derive(Debug, Deserialize)]
pub(crate) struct NewKey {
    name: String,
}

/// What is particular about this showing of the page.
#[derive(Default)]
struct Extra {
    new_key: Option<String>,
    name: String,
    errors: Errors,
}

/// The page.
pub(crate) async fn show(session: SignedIn) -> Result {
    page(&session, StatusCode::OK, Extra::default()).await
}

async fn page(session: &Session, status: StatusCode, extra: Extra) -> Result {
    let mut db = session.read().await?;
    let keys = match session.may(Permission::ApiKeyManage) {
        true => read::api_keys(&mut db).await?,
        false => Vec::new(),
    };
    let sessions = read::sessions(&mut db, session.caller.identity.user_id).await?;
    let page = SecurityPage {
        keys: keys.into_iter().map(ApiKeyRow::from).collect(),
        sessions: sessions.into_iter().map(|row| session_row(row, session.id)).collect(),
        new_key: extra.new_key,
        name: extra.name,
        errors: extra.errors,
    };
    db.show_with(status, &page)
}

/// Makes a key and shows it, this once.
pub(crate) async fn create_key(member: Member<may::ApiKeyManage>, Form(form): Form<NewKey>) -> Result {
    match app::identity::create_api_key(&member.state.app, &member.caller, &form.name).await {
        Ok((_, key)) => {
            let new_key = Some(key.expose_secret().to_owned());
            page(&member, StatusCode::OK, Extra { new_key, ..Default::default() }).await
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&member, status, Extra { name: form.name, errors, new_key: None }).await
        }
    }
}

/// Ends a key.
pub(crate) async fn revoke_key(member: Member<may::ApiKeyManage>, Id(id): Id<ApiKeyId>) -> Result {
    app::identity::revoke_api_key(&member.state.app, &member.caller, id).await?;
    Ok(see_other_saying(&member.state, HERE, Said::ApiKeyRevoked))
}

/// Ends a session of one's own.
pub(crate) async fn revoke_session(session: SignedIn, Id(id): Id<SessionId>) -> Result {
    app::identity::revoke_session(&session.state.app, &session.caller, id).await?;
    Ok(see_other_saying(&session.state, HERE, Said::SessionEnded))
}

impl From<read::ApiKey> for ApiKeyRow {
    fn from(key: read::ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            hint: key.hint,
            owner: key.owner,
            last_used_at: key.last_used_at,
            created_at: key.created_at,
        }
    }
}

fn session_row(row: read::Session, here: SessionId) -> SessionRow {
    SessionRow {
        id: row.id.to_string(),
        browser: browser_name(row.user_agent.as_deref()),
        address: row.address,
        here: row.id == here,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    }
}
