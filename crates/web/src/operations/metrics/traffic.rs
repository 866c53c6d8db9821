//! What this process did: requests, streams, connections. Counted from its start.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::installation::gauge;
use crate::WebState;

/// Upper bounds, in seconds: from a page out of memory to the longest a page may take.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// The requests that were answered. Cloning it shares the counts.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

impl Default for Traffic {
    fn default() -> Self {
        let histogram = || Histogram::new(BUCKETS);
        Self { requests: Family::default(), durations: Family::new_with_constructor(histogram) }
    }
}

impl Traffic {
    pub(super) fn register(&self, registry: &mut Registry) {
        let requests = "Requests answered, by method, route and status";
        registry.register("http_requests", requests, self.requests.clone());
        let durations = "Time until an answer began, by route";
        registry.register_with_unit(
            "http_request_duration",
            durations,
            Unit::Seconds,
            self.durations.clone(),
        );
    }
}

/// Counts a request under the template of its route: a raw path may name anything, and is never the same twice.
pub(crate) async fn count(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let traffic = &state.traffic;
    let labels = RequestLabels { method, route: route.clone(), status: response.status().as_u16() };
    traffic.requests.get_or_create(&labels).inc();
    traffic.durations.get_or_create(&RouteLabels { route }).observe(begun.elapsed().as_secs_f64());
    response
}

/// Anybody may make up a method; a label must have few values.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| method == *known).unwrap_or("other")
}

/// How this process stands now.
pub(super) fn register_process(state: &WebState, registry: &mut Registry) {
    let connections = state.reads.connections();
    let gauges = [
        ("event_streams_open", "Event streams open in this process", state.hub.seats.taken()),
        ("database_connections_open", "Connections to the database", connections.open),
        ("database_connections_idle", "Connections to the database that are not in use", connections.idle),
        ("database_connections_limit", "Most connections to the database there may be", connections.most),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, gauge(i64::try_from(value).unwrap_or(i64::MAX)));
    }
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program that answers", version);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_are_one() {
        assert_eq!(known(&Method::POST), "POST");
        assert_eq!(known(&Method::from_bytes(b"MADEUP").unwrap()), "other");
    }
}
