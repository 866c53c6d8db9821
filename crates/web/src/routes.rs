//! The list of all routes, each with who may call it.
//!
//! A handler's first parameter is its guard; a handler without one does not compile here. What was
//! recorded is what a test walks through as every kind of person.

use axum::Router;
use axum::handler::Handler;
use axum::routing;

use crate::WebState;
use crate::access::{Access, Guard};

/// A route and who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path with `{placeholders}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

/// Routes under construction.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<WebState>,
    list: Vec<Route>,
}

/// The tuple of a handler's parameters, the first of which is a guard.
pub(crate) trait Guarded {
    /// Whom the guard lets in.
    const ACCESS: Access;
}

macro_rules! guarded {
    ($(($($rest:ident),*))+) => {$(
        impl<M, G: Guard, $($rest),*> Guarded for (M, G, $($rest,)*) {
            const ACCESS: Access = G::ACCESS;
        }
    )+};
}
guarded! { () (A) (A, B) (A, B, C) }

impl Routes {
    /// Answers GET.
    pub(crate) fn get<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: Guarded + 'static,
    {
        self.list.push(Route { method: "GET", path, access: T::ACCESS });
        Self { router: self.router.route(path, routing::get(handler)), ..self }
    }

    /// Answers POST.
    pub(crate) fn post<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, WebState>,
        T: Guarded + 'static,
    {
        self.list.push(Route { method: "POST", path, access: T::ACCESS });
        Self { router: self.router.route(path, routing::post(handler)), ..self }
    }

    /// Adds the routes of an area.
    pub(crate) fn add(self, area: fn(Self) -> Self) -> Self {
        area(self)
    }

    /// Router and list.
    pub(crate) fn finish(self) -> (Router<WebState>, Vec<Route>) {
        (self.router, self.list)
    }
}
