//! The simulated VIES: knows every VAT number but those it was told not to know.
//!
//! The operation for faults is `vies.check`. `error` and `rate_limited` are VIES' own way not to answer: a word such as
//! `MS_UNAVAILABLE` with status 200.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::core::{Core, Part, Refusal, Vendor, guard};

/// Where it is on every HTTP port.
pub(crate) const PATH: &str = "/taxation_customs/vies/rest-api";

/// The register of all members.
pub(crate) struct Vies {
    core: Arc<Core>,
    /// With their prefix.
    unknown: Mutex<BTreeSet<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    #[serde(default)]
    country_code: String,
    #[serde(default)]
    vat_number: String,
}

impl Vies {
    pub(crate) fn new(core: &Arc<Core>) -> Arc<Self> {
        let vies = Arc::new(Self { core: core.clone(), unknown: Mutex::default() });
        core.register(&vies);
        vies
    }

    /// The service behind the gate, and what it is told: PUT and DELETE of `/_sim/vies/unknown/NUMBER`. The same on each
    /// HTTP port.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let service =
            Router::new().route(&format!("{PATH}/check-vat-number"), post(check)).with_state(self.clone());
        let control = Router::new()
            .route("/_sim/vies/unknown", get(list))
            .route("/_sim/vies/unknown/{number}", put(forget).delete(remember))
            .with_state(self.clone());
        guard(service, &self.core, self.clone()).merge(control)
    }

    /// Makes the register know a number, or not.
    pub(crate) fn set_known(&self, number: &str, known: bool) {
        match known {
            true => _ = self.unknown().remove(number),
            false => _ = self.unknown().insert(number.to_owned()),
        }
        self.core.changes.mark();
    }

    fn unknown(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check(State(vies): State<Arc<Vies>>, Json(asked): Json<Question>) -> Response {
    let Question { country_code, vat_number } = asked;
    if country_code.is_empty() || vat_number.is_empty() {
        return word("INVALID_INPUT");
    }
    let valid = !vies.unknown().contains(&format!("{country_code}{vat_number}"));
    let known = |text: &str| if valid { text.to_owned() } else { "---".to_owned() };
    Json(json!({
        "countryCode": country_code,
        "vatNumber": vat_number,
        "requestDate": vies.core.clock.now(),
        "valid": valid,
        "requestIdentifier": "",
        "name": known("EXAMPLE BUSINESS"),
        "address": known("HAUPTSTR. 1"),
    }))
    .into_response()
}

/// What stands in place of an answer.
fn word(error: &str) -> Response {
    Json(json!({ "actionSucceed": false, "errorWrappers": [{ "error": error }] })).into_response()
}

async fn list(State(vies): State<Arc<Vies>>) -> Json<Vec<String>> {
    Json(vies.unknown().iter().cloned().collect())
}

async fn forget(State(vies): State<Arc<Vies>>, Path(number): Path<String>) -> StatusCode {
    vies.set_known(&number, false);
    StatusCode::NO_CONTENT
}

async fn remember(State(vies): State<Arc<Vies>>, Path(number): Path<String>) -> StatusCode {
    vies.set_known(&number, true);
    StatusCode::NO_CONTENT
}

impl Vendor for Vies {
    fn name(&self) -> &'static str {
        "vies"
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&'static str> {
        let asks = *method == Method::POST && path.ends_with("/check-vat-number");
        asks.then_some("vies.check")
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        word(match refusal {
            Refusal::RateLimited => "MS_MAX_CONCURRENT_REQ",
            Refusal::Server(_) | Refusal::SoldOut => "MS_UNAVAILABLE",
        })
    }
}

impl Part for Vies {
    fn name(&self) -> &'static str {
        "vies"
    }

    fn snapshot(&self) -> Value {
        json!({ "unknown": *self.unknown() })
    }

    fn save(&self) -> serde_json::Result<Box<RawValue>> {
        to_raw_value(&*self.unknown())
    }

    fn restore(&self, saved: &RawValue) -> serde_json::Result<()> {
        *self.unknown() = serde_json::from_str(saved.get())?;
        Ok(())
    }

    fn may_be_unknown(&self) -> bool {
        true
    }

    fn reset(&self) {
        self.unknown().clear();
    }
}
