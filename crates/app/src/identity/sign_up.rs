//! New organizations and users.

use std::net::IpAddr;
use std::time::Duration;

use domain::activity::{Action, Activity, TargetKind};
use domain::identity::{Actor, Email, Permission, PlatformRole, Role};
use domain::{OrganizationId, UserId};
use secrecy::SecretString;
use serde_json::json;
use store::SystemPurpose;
use store::identity::{self as rows, NewUser};

use super::confirmation;
use super::limits::network;
use super::password::Passwords;
use super::{NewSession, short_text, sign_in, throttle};
use crate::notify::mail::{self, Content, Mail};
use crate::{App, Caller, Error, Operator, Result};

/// What a person who signs up fills in.
pub struct NewOrganization<'a> {
    /// Name of the organization.
    pub organization: &'a str,
    /// Name of the person.
    pub name: &'a str,
    /// Sign-in name.
    pub email: &'a str,
    /// At least 10 characters.
    pub password: &'a SecretString,
    /// Client address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: Option<&'a str>,
}

struct Person {
    name: String,
    email: Email,
    password_hash: String,
}

async fn person(app: &App, name: &str, email: &str, password: &SecretString) -> Result<Person> {
    let name = short_text("name", name)?;
    let email = Email::parse(email)
        .ok_or_else(|| Error::invalid("email", "This does not look like an e-mail address."))?;
    Passwords::check_strength(password)?;
    Ok(Person { name, email, password_hash: app.passwords.hash(password).await? })
}

fn taken(error: store::Error) -> Error {
    if error.is_constraint("users_email_key") {
        Error::invalid("email", "There is an account with this e-mail address already. Sign in instead.")
    } else {
        error.into()
    }
}

/// Makes organization, owner, wallet, session and the welcome mail in one transaction.
pub async fn sign_up(app: &App, new: NewOrganization<'_>) -> Result<NewSession> {
    let address = network(new.address);
    throttle(app, &format!("sign-up:{address}"), Duration::from_secs(60), 10).await?;
    let organization = short_text("organization", new.organization)?;
    let person = person(app, new.name, new.email, new.password).await?;
    let (organization_id, user_id) = (OrganizationId::new(), UserId::new());
    let mut tx = app.store.system_tx(SystemPurpose::SignIn).await?;
    rows::insert_organization(&mut tx, organization_id, &organization).await?;
    let user = NewUser {
        id: user_id,
        organization_id,
        email: &person.email,
        name: &person.name,
        password_hash: &person.password_hash,
        role: Role::Owner,
        platform_role: None,
    };
    rows::insert_user(&mut tx, user).await.map_err(taken)?;
    let session = sign_in::begin(&mut tx, organization_id, user_id, new.address, new.user_agent).await?;
    let link = confirmation::link(&mut tx, organization_id, user_id).await?;
    let content = Content::Welcome { name: person.name.clone(), organization: organization.clone(), link };
    let (actor, welcome) = (Actor::User { user: user_id }, Mail::new(&person.email, &person.name, content));
    mail::enqueue_for(app, &mut tx, Some(organization_id), actor, &welcome).await?;
    let entry = Activity::of(organization_id, actor, Action::OrganizationCreated)
        .on(TargetKind::Organization, organization_id)
        .with(json!({ "organization": organization, "owner": person.email.as_str() }))
        .from_address(new.address);
    tx.commit(entry).await?;
    Ok(session)
}

/// Makes an operator with the operators' organization, from the command line.
pub async fn create_operator(
    app: &App,
    organization: &str,
    name: &str,
    email: &str,
    password: &SecretString,
) -> Result<UserId> {
    let by = Operator::command_line();
    let organization = short_text("organization", organization)?;
    let person = person(app, name, email, password).await?;
    let (organization_id, user_id) = (OrganizationId::new(), UserId::new());
    let mut tx = app.store.system_tx(SystemPurpose::CommandLine).await?;
    rows::insert_organization(&mut tx, organization_id, &organization).await?;
    let user = NewUser {
        id: user_id,
        organization_id,
        email: &person.email,
        name: &person.name,
        password_hash: &person.password_hash,
        role: Role::Owner,
        platform_role: Some(PlatformRole::Operator),
    };
    rows::insert_user(&mut tx, user).await.map_err(taken)?;
    // Whoever gives commands on the server knows the own address.
    rows::set_email_confirmed(&mut tx, user_id).await?;
    let entry = Activity::of(organization_id, by.actor(), Action::UserCreated)
        .on(TargetKind::User, user_id)
        .with(json!({ "email": person.email.as_str(), "platform_role": "operator" }));
    tx.commit(entry).await?;
    Ok(user_id)
}

/// Adds a person to the caller's organization. Only owners may.
pub async fn add_member(
    app: &App,
    caller: &Caller,
    name: &str,
    email: &str,
    password: &SecretString,
    role: Role,
) -> Result<UserId> {
    caller.require(Permission::MemberManage)?;
    let person = person(app, name, email, password).await?;
    let user_id = UserId::new();
    let mut tx = app.store.system_tx(SystemPurpose::SignIn).await?;
    let user = NewUser {
        id: user_id,
        organization_id: caller.organization_id(),
        email: &person.email,
        name: &person.name,
        password_hash: &person.password_hash,
        role,
        platform_role: None,
    };
    rows::insert_user(&mut tx, user).await.map_err(taken)?;
    let entry = caller
        .did(Action::UserCreated)
        .on(TargetKind::User, user_id)
        .with(json!({ "email": person.email.as_str(), "role": role.as_str() }));
    tx.commit(entry).await?;
    Ok(user_id)
}
