//! The outer limits: over several processes, per address, person, key and organization.

use std::net::IpAddr;
use std::sync::Arc;

use app::identity::create_api_key;
use app::identity::limits::{Limiter, Limits, RequestKind, restore_limit};
use axum::http::header;
use domain::identity::Quota;
use secrecy::ExposeSecret as _;
use store::identity::LimitSubject;
use testkit::Panel;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use web::Options;

use crate::api::client::{Answer, Service};

const PROCESSES: u32 = 3;

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

fn address() -> Option<IpAddr> {
    "192.0.2.7".parse().ok()
}

/// A service with these limits.
fn service(panel: &Panel, limits: Limits, proxies: &str) -> Service {
    let app = panel.process(|settings| settings.limits = limits);
    let options = Options { trusted_proxies: proxies.parse().unwrap(), ..Options::default() };
    Service::with(app, options, CancellationToken::new())
}

/// How many of `requests` three processes let in that share a database, and how long that took in seconds.
async fn let_in(panel: &Panel, limits: Limits, kind: RequestKind, requests: u32) -> (u32, u32) {
    let processes: Vec<Limiter> =
        (0..PROCESSES).map(|_| panel.process(|s| s.limits = limits).limiter().clone()).collect();
    let processes = Arc::new(processes);
    let (mut tasks, began) = (JoinSet::new(), std::time::Instant::now());
    for task in 0..12 {
        let processes = processes.clone();
        tasks.spawn(async move {
            let mut entered = 0;
            for number in 0..requests / 12 {
                let process = &processes[((task + number) % PROCESSES) as usize];
                let standings = process.arrive(address(), kind).await.unwrap();
                entered += u32::from(standings.last().unwrap().refused.is_none());
            }
            entered
        });
    }
    let entered = tasks.join_all().await.into_iter().sum();
    (entered, u32::try_from(began.elapsed().as_secs()).unwrap() + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_processes_let_in_no_more_than_one_and_a_share_each() {
    let panel = Panel::start().await;
    let limits = Limits { address: quota("640/3600"), ..Limits::default() };
    let (entered, seconds) = let_in(&panel, limits, RequestKind::Usual, 6_000).await;
    let share = 640 / 32;
    let refilled = seconds * 640 / 3600 + 1;
    assert!(entered >= 640, "{entered} of 640");
    assert!(entered <= 640 + PROCESSES * share + refilled, "{entered} in {seconds} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn small_limits_are_exact_over_three_processes() {
    let panel = Panel::start().await;
    let limits = Limits { sign_in: quota("30/36000"), ..Limits::default() };
    let (entered, _) = let_in(&panel, limits, RequestKind::SignIn, 300).await;
    assert_eq!(entered, 30);
}

#[tokio::test]
async fn many_addresses_leave_few_rows_and_drained_buckets_go() {
    let panel = Panel::start().await;
    let limiter = panel.app.limiter();
    for number in 0..20_000u128 {
        let one = IpAddr::from((0x2001_0db8_u128 << 96 | number << 64).to_be_bytes());
        limiter.arrive(Some(one), RequestKind::Usual).await.unwrap();
    }
    assert_eq!(panel.fetch::<i64>("select count(*) from rate_buckets").await, 0, "a share is counted alone");

    panel.execute("insert into rate_buckets values ('old', now() - interval '1 s'), ('full', now() + interval '1 h')").await;
    let acme = panel.customer("acme").await;
    panel.limit(&acme, LimitSubject::Organization, "100/60").await;
    panel.execute("update limit_overrides set expires_at = now()").await;
    let _worker = panel.worker();
    panel.enqueue("limits.sweep", &serde_json::Value::Null).await;
    panel.until_idle().await;
    let left: Vec<String> =
        panel.fetch_all("select key from rate_buckets where key in ('old', 'full')").await;
    assert_eq!(left, ["full"]);
    assert_eq!(
        panel.fetch::<i64>("select count(*) from limit_overrides").await,
        0,
        "what is over is forgotten"
    );
}

fn standing(answer: &Answer) -> String {
    answer.headers["ratelimit"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn programs_are_told_how_they_stand_and_when_to_come_again() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let limits = Limits { api_key: quota("3/3600"), ..Limits::default() };
    let service = service(&panel, limits, "");
    let api = service.with_key(&panel, &acme).await;
    for left in [2, 1, 0] {
        let answer = api.get("/me").await;
        assert!(answer.status.is_success(), "{answer:?}");
        assert!(standing(&answer).starts_with(&format!(r#""api-key";r={left};t="#)), "{answer:?}");
        let policy = answer.headers["ratelimit-policy"].to_str().unwrap();
        assert_eq!(policy, r#""address";q=6000;w=60, "api-key";q=3;w=3600, "organization";q=6000;w=60"#);
    }
    let refused = api.get("/me").await;
    assert_eq!(refused.refused(429), "too_many_requests");
    let wait: u32 = refused.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1190..=1200).contains(&wait), "{wait}");
    assert!(standing(&refused).starts_with(r#""api-key";r=0"#), "{refused:?}");

    let other = service.with_key(&panel, &acme).await;
    other.get("/me").await.ok();
}

#[tokio::test]
async fn browsers_get_a_page_and_streams_are_told_when_to_come_again() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let limits = Limits { user: quota("1/3600"), ..Limits::default() };
    let ann = service(&panel, limits, "").with_session(&panel, "acme").await;
    assert_eq!(ann.send_raw("GET", "/", None, String::new()).await.status, 200);
    for path in ["/", "/events?after=0-0"] {
        let answer = ann.send_raw("GET", path, None, String::new()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (429, &"text/html; charset=utf-8".parse().unwrap())
        );
        assert!(answer.text.contains("Too many requests"), "{}", answer.text);
        assert!(
            answer.headers.contains_key(header::RETRY_AFTER) && answer.headers.contains_key("ratelimit"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn strangers_are_limited_by_address_and_cannot_pretend_to_be_others() {
    let panel = Panel::start().await;
    let limits = Limits { address: quota("2/3600"), ..Limits::default() };
    // The client of these tests comes from 192.0.2.7.
    let open = service(&panel, limits, "");
    for (number, expected) in [(1, 200), (2, 200), (3, 429)] {
        let spoofed = open.with_header("x-forwarded-for", &format!("203.0.113.{number}"));
        assert_eq!(spoofed.send_raw("GET", "/sign-in", None, String::new()).await.status, expected);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(open.anonymous().send_raw("GET", path, None, String::new()).await.status, 200, "{path}");
    }
    let unknown = open.anonymous().get("/nothing").await;
    assert_eq!(unknown.refused(429), "too_many_requests", "also where there is nothing");

    let behind = service(&panel, limits, "192.0.2.0/24");
    for (number, expected) in [(1, 200), (2, 200), (3, 429)] {
        let sent = format!("198.51.100.{number}, 203.0.113.9");
        let client = behind.with_header("x-forwarded-for", &sent);
        let answer = client.send_raw("GET", "/sign-in", None, String::new()).await;
        assert_eq!(answer.status, expected, "the right one counts, whatever stands before it");
    }
}

#[tokio::test]
async fn payments_are_limited_for_the_organization_as_a_whole() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let limits = Limits { money: quota("2/3600"), ..Limits::default() };
    let service = service(&panel, limits, "");
    let (one, other) = (service.with_key(&panel, &acme).await, service.with_key(&panel, &acme).await);
    let amount = serde_json::json!({ "amount": "25.00" });
    one.post("/top-ups", &amount).await.ok();
    other.post("/top-ups", &amount).await.ok();
    let refused = one.post("/top-ups", &amount).await;
    assert_eq!(refused.refused(429), "too_many_requests");
    assert!(standing(&refused).starts_with(r#""money";r=0"#), "{refused:?}");
    one.get("/top-ups").await.ok();
    let bolt = panel.customer("bolt").await;
    service.with_key(&panel, &bolt).await.post("/top-ups", &amount).await.ok();
}

#[tokio::test]
async fn operators_give_other_limits_for_a_time() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let app = panel.process(|s| s.limits = Limits { api_key: quota("1/3600"), ..Limits::default() });
    let service = Service::with(app.clone(), Options::default(), CancellationToken::new());
    let (key_id, key) = create_api_key(&panel.app, &acme, "deploy").await.unwrap();
    let api = service.with_header("authorization", &format!("Bearer {}", key.expose_secret()));
    api.get("/me").await.ok();
    assert_eq!(api.get("/me").await.refused(429), "too_many_requests");

    let limit = panel.limit(&acme, LimitSubject::ApiKey(key_id), "500/3600").await;
    app.limiter().refresh().await.unwrap();
    let answer = api.get("/me").await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert!(
        answer.headers["ratelimit-policy"].to_str().unwrap().contains(r#""api-key";q=500;w=3600"#),
        "{answer:?}"
    );
    let said: String = panel
        .fetch("select detail->>'limit' from activity_logs where action = 'organization.limit_overridden'")
        .await;
    assert_eq!(said, "500/3600");

    // What is over does not count, whether it was removed yet or not.
    panel.execute("update limit_overrides set expires_at = now() - interval '1 s'").await;
    app.limiter().refresh().await.unwrap();
    assert_eq!(api.get("/me").await.refused(429), "too_many_requests");

    let operator = panel.operator().await;
    restore_limit(&panel.app, &operator, acme.organization_id(), limit).await.unwrap();
    let again = restore_limit(&panel.app, &operator, acme.organization_id(), limit).await;
    assert!(matches!(again, Err(app::Error::NotFound)));
    let bolt = panel.customer("bolt").await;
    let new = app::identity::limits::NewLimit {
        subject: LimitSubject::ApiKey(key_id),
        requests: 1,
        seconds: 1,
        days: 1,
        reason: "not theirs",
    };
    let foreign = app::identity::limits::set_limit(&panel.app, &operator, bolt.organization_id(), new).await;
    assert!(matches!(foreign, Err(app::Error::NotFound)), "{foreign:?}");
}
