//! Signing in and out.

use std::net::IpAddr;
use std::time::Duration;

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::{Actor, Email};
use domain::{OrganizationId, SessionId, UserId};
use secrecy::SecretString;
use store::identity::{self as rows, Credentials};
use store::{SystemPurpose, SystemTx};

use super::limits::network;
use super::{NewSession, SESSION_DAYS, throttle, token};
use crate::{App, Caller, Error, Result};

/// What a person who signs in fills in.
pub struct SignIn<'a> {
    /// Sign-in name.
    pub email: &'a str,
    /// Password.
    pub password: &'a SecretString,
    /// Client address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: Option<&'a str>,
}

/// Checks the credentials and begins a session with a fresh token. Throttled per account and per
/// address; the answer does not tell whether the account exists.
pub async fn sign_in(app: &App, attempt: SignIn<'_>) -> Result<NewSession> {
    let address = network(attempt.address);
    let email = Email::parse(attempt.email).ok_or(Error::Unauthenticated)?;
    throttle(app, &format!("sign-in:address:{address}"), Duration::from_secs(3), 30).await?;
    throttle(app, &format!("sign-in:account:{}", email.as_str()), Duration::from_secs(30), 10).await?;
    let found = rows::credentials(&mut app.store.identify().await?, &email).await?;
    let hash = found.as_ref().map(|c| c.password_hash.clone());
    let right = app.passwords.verify(attempt.password, hash).await?;
    match found {
        Some(user) if right && !user.suspended => admit(app, &user, &attempt).await,
        Some(user) => refuse(app, &user, &attempt).await,
        None => Err(Error::Unauthenticated),
    }
}

async fn admit(app: &App, user: &Credentials, attempt: &SignIn<'_>) -> Result<NewSession> {
    let mut tx = app.store.system_tx(SystemPurpose::SignIn).await?;
    let session =
        begin(&mut tx, user.organization_id, user.user_id, attempt.address, attempt.user_agent).await?;
    tx.commit(entry(user, Action::SignedIn, attempt.address)).await?;
    Ok(session)
}

async fn refuse(app: &App, user: &Credentials, attempt: &SignIn<'_>) -> Result<NewSession> {
    let tx = app.store.system_tx(SystemPurpose::SignIn).await?;
    tx.commit(entry(user, Action::SignInRefused, attempt.address)).await?;
    Err(Error::Unauthenticated)
}

fn entry(user: &Credentials, action: Action, address: Option<IpAddr>) -> Activity {
    let actor = match action {
        Action::SignedIn => Actor::User { user: user.user_id },
        _ => Actor::System,
    };
    Activity::of(user.organization_id, actor, action).on(TargetKind::User, user.user_id).from_address(address)
}

/// Begins a session in the caller's transaction.
pub(super) async fn begin(
    tx: &mut SystemTx,
    organization_id: OrganizationId,
    user_id: UserId,
    address: Option<IpAddr>,
    user_agent: Option<&str>,
) -> Result<NewSession> {
    let (id, token) = (SessionId::new(), token::generate(""));
    let user_agent: Option<String> = user_agent.map(|a| a.chars().take(200).collect());
    let session = rows::NewSession {
        id,
        organization_id,
        user_id,
        digest: &token::digest_secret(&token),
        address: address.map(|a| a.to_string()),
        user_agent: user_agent.as_deref(),
        days: SESSION_DAYS,
    };
    rows::insert_session(tx, session).await?;
    Ok(NewSession { id, token })
}

/// Ends the session the caller came with.
pub async fn sign_out(app: &App, caller: &Caller, session: SessionId) -> Result<()> {
    let mut tx = app.store.org_tx(&caller.scope).await?;
    if !rows::revoke_session(&mut tx, caller.identity.user_id, session).await? {
        return Ok(());
    }
    Ok(tx.commit(caller.did(Action::SignedOut).on(TargetKind::Session, session)).await?)
}
