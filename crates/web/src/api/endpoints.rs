//! The list of operations. Adding one completes its documentation from what the code says: who may
//! call it, and which refusals follow from what it takes.

use axum::Router;
use axum::handler::Handler;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, Ref, RefOr};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::ROOT;
use super::document::{self, API_KEY, Refusal, SESSION};
use crate::WebState;
use crate::access::Access;
use crate::routes::Guarded;

/// An operation: its handler, its document, and who may call it.
pub(crate) struct Endpoint {
    routes: UtoipaMethodRouter<WebState>,
    access: Access,
}

impl Endpoint {
    /// Use [`endpoint!`]. The handler is named twice, since its type alone tells the guard.
    pub(crate) fn new<H, T>(routes: UtoipaMethodRouter<WebState>, _: H) -> Self
    where
        H: Handler<T, WebState>,
        T: Guarded + 'static,
    {
        Self { routes, access: T::ACCESS }
    }
}

/// An [`Endpoint`] from a handler with `#[utoipa::path]`.
macro_rules! endpoint {
    ($handler:path) => {
        $crate::api::endpoints::Endpoint::new(utoipa_axum::routes!($handler), $handler)
    };
}
pub(crate) use endpoint;

/// Operations under construction.
#[derive(Default)]
pub(crate) struct Endpoints(OpenApiRouter<WebState>);

impl Endpoints {
    /// Adds an operation.
    pub(crate) fn add(self, endpoint: Endpoint) -> Self {
        let Endpoint { routes: (schemas, mut paths, methods), access } = endpoint;
        for (path, item) in &mut paths.paths {
            for operation in operations(item) {
                complete(operation, access, path.contains('{'));
            }
        }
        Self(self.0.routes((schemas, paths, methods)))
    }

    /// Adds the operations of an area.
    pub(crate) fn with(self, area: fn(Self) -> Self) -> Self {
        area(self)
    }

    /// Router and document.
    pub(crate) fn finish(self) -> (Router<WebState>, OpenApi) {
        OpenApiRouter::with_openapi(document::frame()).nest(ROOT, self.0).split_for_parts()
    }
}

/// The operations of a path, whatever their method.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn complete(operation: &mut Operation, access: Access, names_something: bool) {
    let permission = match access {
        Access::Member(permission) => Some(permission.as_str()),
        Access::Public | Access::SignedIn | Access::Operator | Access::Monitor => None,
    };
    operation.security =
        Some([API_KEY, SESSION].map(|scheme| SecurityRequirement::new(scheme, permission)).into());
    let has_body = operation.request_body.is_some();
    let has_input = has_body || operation.parameters.iter().flatten().any(is_input);
    let refusals = [
        (Refusal::MALFORMED, has_body),
        (Refusal::UNAUTHENTICATED, true),
        (Refusal::FORBIDDEN, permission.is_some()),
        (Refusal::NOT_FOUND, names_something),
        (Refusal::TOO_LARGE, has_body),
        (Refusal::NOT_JSON, has_body),
        (Refusal::INVALID, has_input),
        (Refusal::TOO_MANY, true),
        (Refusal::INTERNAL, true),
    ];
    for (refusal, _) in refusals.into_iter().filter(|(_, applies)| *applies) {
        let answers = &mut operation.responses.responses;
        answers
            .entry(refusal.status.to_owned())
            .or_insert_with(|| RefOr::Ref(Ref::from_response_name(refusal.name)));
    }
}

/// Can the parameter be wrong? An id in a path cannot: it then names nothing.
fn is_input(parameter: &RefOr<Parameter>) -> bool {
    match parameter {
        RefOr::T(parameter) => parameter.parameter_in != ParameterIn::Path,
        RefOr::Ref(_) => true,
    }
}
