//! The `/_sim/` interface: faults, clock, limits, state and the request log of all three vendors.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Core;
use super::faults::Fault;
use super::log::RequestLog;

/// The routes, the same on each of the three ports.
pub(crate) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/_sim/faults", post(inject).get(faults).delete(clear_faults))
        .route("/_sim/clock", post(set_clock).get(clock))
        .route("/_sim/limits", post(set_limits))
        .route("/_sim/reset", post(reset))
        .route("/_sim/state", get(state))
        .route("/_sim/requests", get(requests))
        .with_state(core)
}

async fn inject(State(core): State<Arc<Core>>, Json(fault): Json<Fault>) -> (StatusCode, Json<Fault>) {
    core.faults.inject(fault.clone());
    (StatusCode::CREATED, Json(fault))
}

async fn faults(State(core): State<Arc<Core>>) -> Json<Vec<Fault>> {
    Json(core.faults.all())
}

async fn clear_faults(State(core): State<Arc<Core>>) -> StatusCode {
    core.faults.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    speed: Option<f64>,
    freeze: Option<bool>,
    step_seconds: Option<f64>,
}

async fn set_clock(State(core): State<Arc<Core>>, Json(change): Json<ClockChange>) -> Json<Value> {
    if let Some(speed) = change.speed {
        core.clock.set_speed(speed);
    }
    if let Some(frozen) = change.freeze {
        core.clock.freeze(frozen);
    }
    if let Some(seconds) = change.step_seconds {
        core.clock.step(TimeDelta::try_milliseconds((seconds * 1e3) as i64).unwrap_or(TimeDelta::MAX));
    }
    clock(State(core)).await
}

async fn clock(State(core): State<Arc<Core>>) -> Json<Value> {
    Json(describe_clock(&core))
}

fn describe_clock(core: &Core) -> Value {
    json!({ "now": core.clock.now(), "speed": core.clock.speed(), "frozen": core.clock.is_frozen() })
}

/// `{"enforce": true, "classes": {"linode.create": 5}}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsChange {
    enforce: Option<bool>,
    #[serde(default)]
    classes: BTreeMap<String, u32>,
}

async fn set_limits(State(core): State<Arc<Core>>, Json(change): Json<LimitsChange>) -> StatusCode {
    for (class, limit) in &change.classes {
        core.limits.set(class, *limit);
    }
    if let Some(enforce) = change.enforce {
        core.limits.enforce(enforce);
    }
    StatusCode::NO_CONTENT
}

async fn reset(State(core): State<Arc<Core>>) -> StatusCode {
    core.reset();
    StatusCode::NO_CONTENT
}

async fn state(State(core): State<Arc<Core>>) -> Json<Value> {
    let mut state = json!({
        "clock": describe_clock(&core),
        "faults": core.faults.all(),
        "limits": { "enforced": core.limits.is_enforced() },
    });
    for part in core.parts() {
        state[part.name()] = part.snapshot();
    }
    Json(state)
}

async fn requests(State(core): State<Arc<Core>>) -> Json<Vec<RequestLog>> {
    Json(core.requests.all())
}
