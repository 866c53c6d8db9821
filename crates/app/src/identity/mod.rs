//! Signing up, in and out; API keys; the limits on all of that.

mod confirmation;
pub mod idempotency;
pub mod limits;
pub mod password;
mod sign_in;
mod sign_up;
mod suspend;
mod token;

use std::time::Duration;

use domain::activity::{Action, TargetKind};
use domain::identity::{Actor, Permission};
use domain::{ApiKeyId, SessionId};
use secrecy::SecretString;
use serde_json::json;
use store::identity::{self as rows, Known};
use store::{Exempt, Identify, SystemPurpose};

pub use confirmation::{confirm_email, resend_confirmation};
pub use sign_in::{SignIn, sign_in, sign_out};
pub use sign_up::{NewOrganization, add_member, create_operator, sign_up};
pub use suspend::{resume, suspend};
pub use token::digest;

use crate::{App, Caller, Error, Result};

/// A session just begun. The token goes into the cookie and is kept nowhere else.
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// For the cookie.
    pub token: SecretString,
}

/// How long a session may last however much it is used, in days.
pub const SESSION_DAYS: i32 = 30;

/// What a request authenticates with.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The token of a browser's session.
    Session(&'a str),
    /// An API key.
    ApiKey(&'a str),
}

/// Who a credential belongs to, and the transaction that found it, to read on in. Notes that it was used, at most once
/// a minute.
pub async fn identify(app: &App, credential: Credential<'_>) -> Result<Option<(Known, Identify)>> {
    let mut db = app.store.identify().await?;
    let known = match credential {
        Credential::Session(token) => rows::by_session(&mut db, &digest(token)).await?,
        Credential::ApiKey(key) => rows::by_api_key(&mut db, &digest(key)).await?,
    };
    let Some(known) = known else { return Ok(None) };
    if is_stale(known.last_used_at) {
        // Nobody holds one connection and asks for another.
        drop(db);
        note_use(app, &known).await?;
        db = app.store.identify().await?;
    }
    Ok(Some((known, db)))
}

async fn note_use(app: &App, known: &Known) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::SignIn).await?;
    match (known.session_id, known.identity.actor) {
        (Some(session), _) => rows::touch_session(&mut tx, session).await?,
        (None, Actor::ApiKey { key }) => rows::touch_api_key(&mut tx, key).await?,
        (None, _) => {}
    }
    Ok(tx.commit(Exempt::LastUse).await?)
}

/// Who a session token belongs to.
pub async fn by_session(app: &App, token: &str) -> Result<Option<Known>> {
    Ok(identify(app, Credential::Session(token)).await?.map(|(known, _)| known))
}

fn is_stale(last_used_at: Option<chrono::DateTime<chrono::Utc>>) -> bool {
    last_used_at.is_none_or(|at| chrono::Utc::now() - at > chrono::TimeDelta::minutes(1))
}

/// Refuses what comes too often.
async fn throttle(app: &App, key: &str, every: Duration, burst: u32) -> Result<()> {
    limits::throttle(&app.store, key, every, burst).await
}

/// Makes an API key for the acting person; it can do what the person can. Shown once.
pub async fn create_api_key(app: &App, caller: &Caller, name: &str) -> Result<(ApiKeyId, SecretString)> {
    caller.require(Permission::ApiKeyManage)?;
    let name = short_text("name", name)?;
    let (id, key) = (ApiKeyId::new(), token::generate("skp_"));
    let mut tx = app.store.org_tx(&caller.scope).await?;
    rows::insert_api_key(
        &mut tx,
        id,
        caller.identity.user_id,
        &name,
        &token::hint(&key),
        &token::digest_secret(&key),
    )
    .await?;
    let entry = caller.did(Action::ApiKeyCreated).on(TargetKind::ApiKey, id).with(json!({ "name": name }));
    tx.commit(entry).await?;
    Ok((id, key))
}

/// Ends an API key at once.
pub async fn revoke_api_key(app: &App, caller: &Caller, id: ApiKeyId) -> Result<()> {
    caller.require(Permission::ApiKeyManage)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let name = rows::revoke_api_key(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let entry = caller.did(Action::ApiKeyRevoked).on(TargetKind::ApiKey, id).with(json!({ "name": name }));
    Ok(tx.commit(entry).await?)
}

/// Ends one of the acting person's own sessions at once.
pub async fn revoke_session(app: &App, caller: &Caller, id: SessionId) -> Result<()> {
    let mut tx = app.store.org_tx(&caller.scope).await?;
    if !rows::revoke_session(&mut tx, caller.identity.user_id, id).await? {
        return Err(Error::NotFound);
    }
    Ok(tx.commit(caller.did(Action::SessionRevoked).on(TargetKind::Session, id)).await?)
}

/// A name of 1 to 100 characters, trimmed, without control characters.
pub(crate) fn short_text(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Error::invalid(field, "Please fill this in.")),
        1..=100 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=100 => Err(Error::invalid(field, "Control characters are not allowed here.")),
        _ => Err(Error::invalid(field, "Use at most 100 characters.")),
    }
}
