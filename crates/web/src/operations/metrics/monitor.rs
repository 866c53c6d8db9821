//! The guard of the route: the monitoring system has no session.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::headers::authorization::Bearer;
use axum_extra::headers::{Authorization, HeaderMapExt as _};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use crate::WebState;
use crate::access::{Access, Guard};

/// The monitoring system: shows the token of the settings.
pub(crate) struct Monitor {
    pub(crate) state: WebState,
}

impl Guard for Monitor {
    const ACCESS: Access = Access::Monitor;
}

impl FromRequestParts<WebState> for Monitor {
    type Rejection = Response;

    /// Without a token in the settings there is nothing to be seen. Comparing takes as long for each wrong token.
    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        let Some(expected) = &state.options.metrics_token else {
            return Err(StatusCode::NOT_FOUND.into_response());
        };
        let shown = parts.headers.typed_get::<Authorization<Bearer>>();
        let shown = shown.as_ref().map(|shown| shown.token()).unwrap_or_default();
        if bool::from(shown.as_bytes().ct_eq(expected.expose_secret().as_bytes())) {
            return Ok(Self { state: state.clone() });
        }
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        Err((StatusCode::UNAUTHORIZED, ask).into_response())
    }
}
