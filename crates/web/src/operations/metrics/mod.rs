//! `GET /metrics`: the installation and this process in numbers, as OpenMetrics text.
//!
//! No label names an organization, a person, a vendor or a raw path: what is shown leaves the panel.
//! `docs/operations.md` says what each metric means. This module is the one place where a float is
//! spoken of: durations are seconds there.

mod installation;
mod monitor;
mod traffic;

use app::operations::alarms::alarms;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use store::SystemPurpose;
use store::operations::measure;

use self::installation::Installation;
use self::monitor::Monitor;
pub(crate) use self::traffic::{Traffic, count};
use crate::WebState;
use crate::error::{Failure, Result};

/// The media type of OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything as it is now.
pub(crate) async fn show(Monitor { state }: Monitor) -> Result {
    let mut registry = Registry::with_prefix("skypanel");
    read(&state).await?.register(&mut registry);
    state.traffic.register(&mut registry);
    traffic::register_process(&state, &mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Failure::Internal(error.into()))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// What the database says, in one transaction.
async fn read(state: &WebState) -> Result<Installation> {
    let mut db = state.reads.system(SystemPurpose::Metrics).await?;
    Ok(Installation {
        jobs: measure::jobs(&mut db).await?,
        lag: measure::lag(&mut db).await?,
        budgets: measure::budgets(&mut db).await?,
        alarms: alarms(&mut db, state.app.settings()).await?,
    })
}
