//! Confirming an e-mail address by the link in a mail.

use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::view::ConfirmEmailPage;
use crate::access::{Public, SignedIn};
use crate::error::Result;
use crate::form::refused;
use crate::toast::{Said, see_other_saying};

/// What the link holds.
#[derive(Deserialize)]
pub(crate) struct Link {
    token: SecretString,
}

/// The page the link leads to. It changes nothing: programs that look at links beforehand use none up.
pub(crate) async fn form(visitor: Public, Query(link): Query<Link>) -> Result {
    let token = link.token.expose_secret().to_owned();
    visitor.show_with(StatusCode::OK, &ConfirmEmailPage { token, ..Default::default() })
}

/// Uses the link. Needs no session: people open mail on another device.
pub(crate) async fn confirm(visitor: Public, Form(link): Form<Link>) -> Result {
    let outcome = app::identity::confirm_email(&visitor.state.app, &link.token, visitor.visit.address).await;
    let token = link.token.expose_secret().to_owned();
    match outcome {
        Ok(()) => visitor.show_with(StatusCode::OK, &ConfirmEmailPage { done: true, ..Default::default() }),
        Err(app::Error::NotFound) => {
            let page = ConfirmEmailPage { over: true, ..Default::default() };
            visitor.show_with(StatusCode::GONE, &page)
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            visitor.show_with(status, &ConfirmEmailPage { token, errors, ..Default::default() })
        }
    }
}

/// Has another link sent to the signed-in person.
pub(crate) async fn resend(session: SignedIn) -> Result {
    app::identity::resend_confirmation(&session.state.app, &session.caller).await?;
    Ok(see_other_saying(&session.state, "/", Said::ConfirmationSent))
}
