//! What a monitoring system is told, and that nobody else is.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use domain::operations::AlarmCode;
use serde_json::json;
use testkit::Panel;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

const TOKEN: &str = "0123456789abcdef";

/// A process that serves, with this token in its settings.
struct Server {
    router: Router,
    _stop: DropGuard,
}

impl Server {
    fn of(panel: &Panel, token: Option<&str>) -> Self {
        let stop = CancellationToken::new();
        let options = web::Options { metrics_token: token.map(Into::into), ..web::Options::default() };
        let state = web::WebState::new(panel.app.clone(), options, stop.clone());
        Self { router: web::router(state), _stop: stop.drop_guard() }
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1))));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn scrape(&self) -> String {
        let (status, headers, text) = self.ask("GET", "/metrics", Some(TOKEN)).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(headers[header::CONTENT_TYPE], kind);
        text
    }
}

/// The value of a series, as it is written.
fn value<'a>(text: &'a str, series: &str) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    lines.next().unwrap_or_else(|| panic!("no {series} in\n{text}"))
}

#[tokio::test]
async fn metrics_are_shown_for_the_token_alone_and_do_not_exist_without_one() {
    let panel = Panel::start().await;
    let hidden = Server::of(&panel, None);
    for shown in [None, Some(""), Some(TOKEN)] {
        assert_eq!(hidden.ask("GET", "/metrics", shown).await.0, StatusCode::NOT_FOUND, "{shown:?}");
    }
    let server = Server::of(&panel, Some(TOKEN));
    let longer = format!("{TOKEN}0");
    for shown in [None, Some(""), Some("0123456789abcdeF"), Some(&TOKEN[1..]), Some(&longer)] {
        let (status, headers, text) = server.ask("GET", "/metrics", shown).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{shown:?}");
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!text.contains("skypanel_"), "{text}");
    }
    server.scrape().await;
}

#[tokio::test]
async fn metrics_tell_of_work_alarms_and_accounts() {
    let panel = Panel::start().await;
    let server = Server::of(&panel, Some(TOKEN));
    panel.execute("update providers set last_reconciled_at = now(), last_error = null").await;
    let calm = server.scrape().await;
    for code in AlarmCode::ALL {
        let series = format!(r#"skypanel_alarms_open{{code="{code}",severity="{}"}}"#, code.severity());
        assert_eq!(value(&calm, &series), "0");
    }
    assert_eq!(value(&calm, "skypanel_billing_lag_seconds"), "0");

    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    panel.active(&acme, "harbor", "web").await;
    panel.until_idle().await;
    worker.stop().await;
    panel.execute("delete from jobs").await;
    panel.execute("update providers set last_reconciled_at = now(), last_error = null").await;
    panel.execute("update meters set paid_until = now() - interval '2 hours'").await;
    let dead = panel.enqueue("catalog.sync", &json!({})).await;
    panel.execute(format!("update jobs set state = 'dead', finished_at = now() where id = {dead}")).await;
    let due = panel.enqueue("payment.sweep", &json!({})).await;
    panel.execute(format!("update jobs set run_at = now() - interval '20 minutes' where id = {due}")).await;
    panel.execute("delete from provider_budgets").await;
    panel
        .execute(
            "insert into provider_budgets (provider_id, request_limit, remaining, resets_at)
            select id, 1000, 99, now() + interval '1 hour' from providers where name = 'Harbor'",
        )
        .await;

    let text = server.scrape().await;
    let account: uuid::Uuid = panel.fetch("select id from providers where name = 'Harbor'").await;
    for (series, expected) in [
        (r#"skypanel_jobs{kind="catalog.sync",state="dead"}"#.to_owned(), "1"),
        (r#"skypanel_jobs{kind="payment.sweep",state="ready"}"#.to_owned(), "1"),
        (r#"skypanel_alarms_open{code="dead_jobs",severity="critical"}"#.to_owned(), "1"),
        (r#"skypanel_alarms_open{code="quota_low",severity="warning"}"#.to_owned(), "1"),
        (r#"skypanel_alarms_open{code="orphans",severity="warning"}"#.to_owned(), "0"),
        (format!(r#"skypanel_account_requests_remaining{{account="{account}"}}"#), "99"),
        (format!(r#"skypanel_account_requests_limit{{account="{account}"}}"#), "1000"),
    ] {
        assert_eq!(value(&text, &series), expected, "{series}");
    }
    let seconds = |series: &str| value(&text, series).parse::<i64>().unwrap();
    assert!((7200..7300).contains(&seconds("skypanel_billing_lag_seconds")));
    assert!((1200..1300).contains(&seconds("skypanel_queue_lag_seconds")));
    says_nothing_of_anybody(&panel, &text).await;
}

/// What leaves the panel names no organization, no person and no vendor.
async fn says_nothing_of_anybody(panel: &Panel, text: &str) {
    let ids = "select id::text from organizations union all select id::text from users
        union all select id::text from vps_instances union all select name from providers";
    let words = ["linode", "digitalocean", "droplet", "paypal", "acme"].map(str::to_owned);
    for word in words.into_iter().chain(panel.fetch_all::<String>(ids).await) {
        assert!(!text.to_lowercase().contains(&word.to_lowercase()), "{word} in\n{text}");
    }
}

#[tokio::test]
async fn metrics_count_requests_by_the_template_of_their_route() {
    let panel = Panel::start().await;
    let server = Server::of(&panel, Some(TOKEN));
    for path in ["/problems/not_found", "/problems/invalid", "/nowhere/acme", "/elsewhere", "/healthz"] {
        server.ask("GET", path, None).await;
    }
    server.ask("GET", "/api/v1/vps/8e0b0c6e-0000-4000-8000-000000000000", None).await;
    server.ask("MADEUP", "/healthz", None).await;
    server.ask("GET", "/metrics", None).await;
    let text = server.scrape().await;
    for (method, route, status, count) in [
        ("GET", "/problems/{code}", 303, "2"),
        ("GET", "(none)", 404, "2"),
        ("GET", "/healthz", 200, "1"),
        ("other", "/healthz", 405, "1"),
        ("GET", "/api/v1/vps/{id}", 401, "1"),
        ("GET", "/metrics", 401, "1"),
    ] {
        let series =
            format!(r#"skypanel_http_requests_total{{method="{method}",route="{route}",status="{status}"}}"#);
        assert_eq!(value(&text, &series), count, "{series}");
    }
    let durations = r#"skypanel_http_request_duration_seconds_count{route="/problems/{code}"}"#;
    assert_eq!(value(&text, durations), "2");
    assert_eq!(value(&text, "skypanel_event_streams_open"), "0");
    assert_ne!(value(&text, "skypanel_database_connections_open"), "0");
    assert_eq!(value(&text, "skypanel_database_connections_limit"), "24");
    assert!(text.contains(r#"skypanel_build_info{version=""#), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    assert!(!text.contains("nowhere"), "a raw path");
}
