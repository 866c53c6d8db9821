//! Sign-up, sign-in and sign-out.

use app::identity::{NewOrganization, NewSession, SESSION_DAYS, SignIn};
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::view::{SignInPage, SignUpPage};
use crate::WebState;
use crate::access::{Public, SignedIn};
use crate::cookie::{NewCookie, session_name};
use crate::error::Result;
use crate::form::refused;
use crate::link;
use crate::toast::see_other;

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// What signing in needs.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    email: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// What signing up needs.
#[derive(Deserialize)]
pub(crate) struct Newcomer {
    name: String,
    organization: String,
    email: String,
    password: SecretString,
}

/// The sign-in form.
pub(crate) async fn form(visitor: Public, Query(Next { next }): Query<Next>) -> Result {
    if visitor.session.is_some() {
        return Ok(see_other(link::own_path(&next).unwrap_or("/")));
    }
    visitor.show_with(StatusCode::OK, &SignInPage { next, ..Default::default() })
}

/// Begins a session.
pub(crate) async fn sign_in(visitor: Public, Form(form): Form<Credentials>) -> Result {
    let attempt = SignIn {
        email: &form.email,
        password: &form.password,
        address: visitor.visit.address,
        user_agent: visitor.visit.user_agent.as_deref(),
    };
    match app::identity::sign_in(&visitor.state.app, attempt).await {
        Ok(session) => Ok(admit(&visitor.state, link::own_path(&form.next).unwrap_or("/"), &session)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            visitor.show_with(status, &SignInPage { email: form.email, next: form.next, errors })
        }
    }
}

/// The sign-up form.
pub(crate) async fn new(visitor: Public) -> Result {
    if visitor.session.is_some() {
        return Ok(see_other("/"));
    }
    visitor.show_with(StatusCode::OK, &SignUpPage::default())
}

/// Makes an organization and begins a session.
pub(crate) async fn sign_up(visitor: Public, Form(form): Form<Newcomer>) -> Result {
    let new = NewOrganization {
        organization: &form.organization,
        name: &form.name,
        email: &form.email,
        password: &form.password,
        address: visitor.visit.address,
        user_agent: visitor.visit.user_agent.as_deref(),
    };
    match app::identity::sign_up(&visitor.state.app, new).await {
        Ok(session) => Ok(admit(&visitor.state, "/", &session)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            let Newcomer { name, organization, email, .. } = form;
            visitor.show_with(status, &SignUpPage { name, organization, email, errors })
        }
    }
}

/// Ends the session.
pub(crate) async fn sign_out(session: SignedIn) -> Result {
    app::identity::sign_out(&session.state.app, &session.caller, session.id).await?;
    let mut response = see_other("/sign-in");
    session_cookie("", 0, &session.state, &mut response);
    Ok(response)
}

fn admit(state: &WebState, to: &str, session: &NewSession) -> Response {
    let mut response = see_other(to);
    let seconds = i64::from(SESSION_DAYS) * 24 * 60 * 60;
    session_cookie(session.token.expose_secret(), seconds, state, &mut response);
    response
}

fn session_cookie(token: &str, max_age: i64, state: &WebState, response: &mut Response) {
    let secure = state.is_secure();
    NewCookie { name: session_name(secure), value: token, max_age, hidden: true }.set(response, secure);
}
