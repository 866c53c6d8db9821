//! Does a person read what is sent to their address?

use std::net::IpAddr;
use std::time::Duration;

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::{Actor, Email};
use domain::{OrganizationId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use store::identity as rows;
use store::{SystemPurpose, WriteDb};

use super::{throttle, token};
use crate::notify::mail::{self, Content, Mail};
use crate::{App, Caller, Error, Result};

/// What the link in the mail begins with. The token is in its query; only the button on that page uses it up, so
/// that programs which look at links beforehand do not.
const PAGE: &str = "/confirm-email?token=";

/// Makes a link. Its token is in the mail alone.
pub(super) async fn link(
    tx: &mut impl WriteDb,
    organization: OrganizationId,
    user: UserId,
) -> Result<String> {
    let token = token::generate("ec_");
    rows::insert_confirmation(tx, organization, user, &token::digest_secret(&token)).await?;
    Ok(format!("{PAGE}{}", token.expose_secret()))
}

/// Sends another link to the acting person: the first was lost, or is too old.
pub async fn resend_confirmation(app: &App, caller: &Caller) -> Result<()> {
    let user = caller.identity.user_id;
    throttle(app, &format!("confirm-email:{user}"), Duration::from_secs(120), 3).await?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    let person = rows::addressee(&mut tx, user).await?.ok_or(Error::NotFound)?;
    if person.confirmed {
        return Err(Error::conflict("confirmed", "The address is confirmed already."));
    }
    let to = Email::parse(&person.email).ok_or(Error::NotFound)?;
    let link = link(&mut tx, caller.organization_id(), user).await?;
    let content = Content::Confirm { name: person.name.clone(), link };
    mail::enqueue(app, &mut tx, &Mail::new(&to, &person.name, content)).await?;
    let entry = caller.did(Action::EmailConfirmationRequested).on(TargetKind::User, user);
    Ok(tx.commit(entry).await?)
}

/// Uses a link. Whoever has it may: it only says that the mail arrived.
pub async fn confirm_email(app: &App, token: &SecretString, address: Option<IpAddr>) -> Result<()> {
    let from = address.map(|a| a.to_string()).unwrap_or_default();
    throttle(app, &format!("confirm-email:{from}"), Duration::from_secs(6), 20).await?;
    let mut tx = app.store.system_tx(SystemPurpose::SignIn).await?;
    let used = rows::use_confirmation(&mut tx, &token::digest_secret(token)).await?;
    let (organization, user) = used.ok_or(Error::NotFound)?;
    rows::set_email_confirmed(&mut tx, user).await?;
    let entry = Activity::of(organization, Actor::User { user }, Action::EmailConfirmed)
        .on(TargetKind::User, user)
        .from_address(address);
    Ok(tx.commit(entry).await?)
}
