//! What operators watch and repair: alarms that come and go, jobs retried and discarded.

use app::identity::{SignIn, sign_in};
use app::operations::alarms::alarms;
use app::operations::jobs::{discard, retry};
use app::provider::{disable, enable, rotate, validate};
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use domain::operations::AlarmCode;
use domain::{ProviderId, VpsId};
use secrecy::ExposeSecret as _;
use serde_json::json;
use simulator::{Fault, FaultKind};
use store::SystemPurpose;
use testkit::{PASSWORD, Panel};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

async fn codes(panel: &Panel) -> Vec<AlarmCode> {
    let mut db = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
    alarms(&mut db, panel.app.settings()).await.unwrap().into_iter().map(|alarm| alarm.code).collect()
}

/// Each statement opens the alarm, the other one closes it.
async fn comes_and_goes(panel: &Panel, code: AlarmCode, cause: &str, remedy: &str) {
    assert!(!codes(panel).await.contains(&code), "{code} before its cause");
    assert!(panel.execute(cause).await > 0, "{cause}");
    assert!(codes(panel).await.contains(&code), "{code} is not raised by {cause}");
    assert!(panel.execute(remedy).await > 0, "{remedy}");
    assert!(!codes(panel).await.contains(&code), "{code} stays after {remedy}");
}

/// The state of things just after the inventories were compared.
async fn quiet(panel: &Panel) {
    panel.execute("update providers set last_reconciled_at = now(), last_error = null").await;
    assert_eq!(codes(panel).await, []);
}

#[tokio::test]
async fn every_alarm_comes_with_its_cause_and_goes_with_it() {
    use AlarmCode as C;
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let web = panel.active(&acme, "harbor", "web").await;
    panel.until_idle().await;
    worker.stop().await;
    quiet(&panel).await;

    let harbor = "where name = 'Harbor'";
    let late = "now() - interval '20 minutes'";
    let insert = "insert into jobs (kind, payload, actor, state, run_at, finished_at, key)";
    let actor = r#"'{"kind": "system"}'"#;
    let cases = [
        (
            C::BillingLag,
            "update meters set paid_until = paid_until - interval '2 hours'".to_owned(),
            "update meters set paid_until = paid_until + interval '2 hours'".to_owned(),
        ),
        (
            C::QueueLag,
            format!("{insert} values ('housekeeping', '{{}}', {actor}, 'ready', {late}, null, null)"),
            "delete from jobs where kind = 'housekeeping'".to_owned(),
        ),
        (
            C::DeadJobs,
            format!("{insert} values ('catalog.sync', '{{}}', {actor}, 'dead', now(), now(), null)"),
            "update jobs set state = 'cancelled' where state = 'dead'".to_owned(),
        ),
        (
            C::AccountUnauthorized,
            format!("update providers set health = 'unauthorized' {harbor}"),
            format!("update providers set health = 'ok' {harbor}"),
        ),
        (
            C::ReconcileFailing,
            format!("update providers set last_reconciled_at = {late} {harbor}"),
            format!("update providers set last_reconciled_at = now() {harbor}"),
        ),
        (
            C::AccountError,
            format!("update providers set last_error = 'odd' {harbor}"),
            format!("update providers set last_error = null {harbor}"),
        ),
        (
            C::AccountLimit,
            format!("update providers set limit_reached_at = now() {harbor}"),
            format!("update providers set limit_reached_at = null {harbor}"),
        ),
        (
            C::QuotaLow,
            "insert into provider_budgets (provider_id, request_limit, remaining, resets_at)
                select id, 1000, 99, now() + interval '1 minute' from providers where name = 'Harbor'
                on conflict (provider_id) do update set request_limit = 1000, remaining = 99,
                    resets_at = excluded.resets_at"
                .to_owned(),
            "update provider_budgets set remaining = 100 where request_limit = 1000".to_owned(),
        ),
        (
            C::Orphans,
            format!(
                "insert into orphan_servers (provider_id, server_ref, label, size, region, tagged)
                select id, '1', 'x', 'x', 'x', false from providers {harbor}"
            ),
            "delete from orphan_servers".to_owned(),
        ),
        (
            C::CostChanged,
            "update provider_prices set cost_hour_micros = cost_hour_micros + 1".to_owned(),
            "update provider_prices set cost_hour_micros = cost_hour_micros - 1".to_owned(),
        ),
        (
            C::PlanBelowCost,
            "update provider_prices set cost_hour_micros = cost_hour_micros * 2".to_owned(),
            "update provider_prices set cost_hour_micros = cost_hour_micros / 2".to_owned(),
        ),
        (
            C::KeptPriceBelowCost,
            "update provider_prices set cost_month_micros = cost_month_micros * 2".to_owned(),
            "update provider_prices set cost_month_micros = cost_month_micros / 2".to_owned(),
        ),
        (
            C::HoldWithoutJob,
            format!(
                "insert into holds (organization_id, id, vps_id, amount_micros, created_at)
                select organization_id, gen_random_uuid(), id, 1, {late} from vps_instances where id = '{web}'"
            ),
            "delete from holds where state = 'open'".to_owned(),
        ),
        (
            C::DisputeOpen,
            "insert into disputes (organization_id, id, top_up_id, dispute_ref, state, stage, reason, disputed_micros,
                began_at)
            select organization_id, gen_random_uuid(), id, 'x', 'open', 'x', 'x', 1, now() from top_ups limit 1"
                .to_owned(),
            "delete from disputes".to_owned(),
        ),
        (
            C::PaymentDifference,
            "insert into payment_differences (key, what, seen) values ('x', 'They differ.', 2)".to_owned(),
            "delete from payment_differences".to_owned(),
        ),
        (
            C::WebhookRefused,
            "insert into payment_events (id, event_ref, digest, state, detail, checked_at)
            values (gen_random_uuid(), 'x', sha256('x'), 'refused', 'x', now())"
                .to_owned(),
            "delete from payment_events".to_owned(),
        ),
    ];
    for (code, cause, remedy) in &cases {
        comes_and_goes(&panel, *code, cause, remedy).await;
    }
    let told: Vec<_> = cases.iter().map(|(code, ..)| *code).collect();
    for code in AlarmCode::ALL {
        assert!(told.contains(code), "{code} is not tested");
    }
    assert_eq!(codes(&panel).await, []);
}

async fn dead_create(panel: &Panel) -> i64 {
    panel.execute("update jobs set state = 'dead', finished_at = now() where kind = 'vps.create'").await;
    panel.fetch("select id from jobs where kind = 'vps.create'").await
}

/// An order whose server was made and whose job died before it knew.
async fn half_made(panel: &Panel) -> (app::Caller, VpsId, i64) {
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    panel.simulator.freeze(true);
    let worker = panel.worker();
    let web = panel.order(&acme, "harbor", "web").await;
    testkit::eventually("the cloud makes a server", || !panel.servers_of(web).is_empty()).await;
    worker.stop().await;
    panel.simulator.freeze(false);
    let job = dead_create(panel).await;
    (acme, web, job)
}

#[tokio::test]
async fn a_discarded_order_removes_its_server_and_gives_the_money_back() {
    let panel = Panel::start().await;
    let (acme, web, job) = half_made(&panel).await;
    let operator = panel.operator().await;
    panel.execute("update holds set created_at = created_at - interval '1 hour'").await;
    assert!(codes(&panel).await.contains(&AlarmCode::HoldWithoutJob));
    panel.execute("update holds set created_at = created_at + interval '1 hour'").await;

    let undoing = discard(&panel.app, &operator, job).await.unwrap().expect("a job undoes it");
    assert!(!panel.living_servers_of(web).is_empty(), "nothing is asked of a cloud in a request");
    panel.execute("update holds set created_at = created_at - interval '1 hour'").await;
    assert!(!codes(&panel).await.contains(&AlarmCode::HoldWithoutJob), "a job works on it");
    panel.execute("update holds set created_at = created_at + interval '1 hour'").await;
    assert_eq!(discard(&panel.app, &operator, job).await.unwrap_err().code(), "job_over");
    assert_eq!(retry(&panel.app, &operator, job).await.unwrap_err().code(), "job_over");
    assert_eq!(discard(&panel.app, &operator, undoing).await.unwrap_err().code(), "job_needed");

    let _worker = panel.worker();
    panel.until_state(web, "failed").await;
    assert!(panel.living_servers_of(web).is_empty());
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.held, balances.burn), (20_000_000, 0, 0));
    let trail = "select string_agg(action, ' ' order by id) from activity_logs
        where action in ('job.discarded', 'vps.create_failed')";
    assert_eq!(panel.fetch::<String>(trail).await, "job.discarded vps.create_failed");
    panel.verify().await;
}

#[tokio::test]
async fn a_discarded_order_is_undone_although_the_cloud_does_not_answer_for_long() {
    let panel = Panel::start().await;
    let (_, web, job) = half_made(&panel).await;
    panel.simulator.inject(Fault::new("linode.delete", FaultKind::Error));
    discard(&panel.app, &panel.operator().await, job).await.unwrap();
    panel.execute("update jobs set max_attempts = 1 where kind = 'job.discard'").await;
    let _worker = panel.worker();
    panel
        .until("select last_error = 'the server cannot be removed' from jobs where kind = 'job.discard'")
        .await;
    panel.simulator.clear_faults();
    panel.skip_waits().await;
    panel.until_state(web, "failed").await;
    assert!(panel.living_servers_of(web).is_empty());
    panel.verify().await;
}

#[tokio::test]
async fn a_retried_order_goes_on_where_it_was() {
    let panel = Panel::start().await;
    let (_, web, job) = half_made(&panel).await;
    let operator = panel.operator().await;
    panel.execute("update jobs set attempts = 12").await;
    retry(&panel.app, &operator, job).await.unwrap();
    assert_eq!(panel.fetch::<i32>(format!("select attempts from jobs where id = {job}")).await, 0);
    assert_eq!(retry(&panel.app, &operator, job).await.unwrap_err().code(), "job_live");
    let _worker = panel.worker();
    panel.until_state(web, "active").await;
    assert_eq!(panel.servers_of(web).len(), 1);
    panel.verify().await;
}

#[tokio::test]
async fn running_repeated_and_needed_jobs_are_left_alone() {
    let panel = Panel::start().await;
    let operator = panel.operator().await;
    let job = panel.enqueue("vps.delete", &json!({})).await;
    let set = async |state: &str| {
        panel.execute(format!("update jobs set state = '{state}' where id = {job}")).await
    };
    assert_eq!(discard(&panel.app, &operator, job).await.unwrap_err().code(), "job_needed");
    set("running").await;
    assert_eq!(discard(&panel.app, &operator, job).await.unwrap_err().code(), "job_running");
    assert_eq!(retry(&panel.app, &operator, job).await.unwrap_err().code(), "job_live");
    set("done").await;
    assert_eq!(discard(&panel.app, &operator, job).await.unwrap_err().code(), "job_over");
    assert_eq!(retry(&panel.app, &operator, 0).await.unwrap_err().code(), "not_found");

    let dead = panel.enqueue("catalog.sync", &json!({})).await;
    panel.execute(format!("update jobs set state = 'dead', dedupe = 'word' where id = {dead}")).await;
    let equal = panel.enqueue("catalog.sync", &json!({})).await;
    panel.execute(format!("update jobs set dedupe = 'word' where id = {equal}")).await;
    assert_eq!(retry(&panel.app, &operator, dead).await.unwrap_err().code(), "job_repeated");
    assert_eq!(discard(&panel.app, &operator, dead).await.unwrap(), None);
    let state: String = panel.fetch(format!("select state from jobs where id = {dead}")).await;
    assert_eq!(state, "cancelled");
}

#[tokio::test]
async fn of_a_retry_and_a_discard_at_once_one_wins() {
    let panel = Panel::start().await;
    let operator = panel.operator().await;
    for _ in 0..10 {
        let job = panel.enqueue("payment.sweep", &json!({})).await;
        panel.execute(format!("update jobs set state = 'dead' where id = {job}")).await;
        let (retried, discarded, again) = tokio::join!(
            retry(&panel.app, &operator, job),
            discard(&panel.app, &operator, job),
            discard(&panel.app, &operator, job)
        );
        let state: String = panel.fetch(format!("select state from jobs where id = {job}")).await;
        // A retried job waits, so that it can still be discarded after.
        assert_eq!(state, "cancelled");
        assert!(discarded.is_ok() != again.is_ok(), "{discarded:?} {again:?} {retried:?}");
    }
}

async fn harbor(panel: &Panel) -> ProviderId {
    ProviderId(panel.fetch("select id from providers where name = 'Harbor'").await)
}

#[tokio::test]
async fn a_disabled_account_stays_disabled_whatever_becomes_of_its_token() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let (operator, account) = (panel.operator().await, harbor(&panel).await);
    let is = |state: &str| format!("select state = '{state}' from providers where name = 'Harbor'");
    disable(&panel.app, &operator, account).await.unwrap();
    panel.until_idle().await;
    panel.simulator.inject(Fault::new("linode.*", FaultKind::Error).with_status(401));
    validate(&panel.app, &operator, account).await.unwrap();
    panel.until(is("unauthorized")).await;
    panel.simulator.clear_faults();
    rotate(&panel.app, &operator, account, &"harbor-2".into()).await.unwrap();
    panel.until(is("disabled")).await;
    enable(&panel.app, &operator, account).await.unwrap();
    panel.until(is("active")).await;
}

#[tokio::test]
async fn what_an_older_binary_writes_of_an_account_is_understood() {
    let panel = Panel::start().await;
    let mut seen = Vec::new();
    for state in ["disabled", "unauthorized", "active", "unauthorized", "disabled", "active"] {
        panel.execute(format!("update providers set state = '{state}' where name = 'Harbor'")).await;
        let row = "select concat_ws(' ', enabled, health, state) from providers where name = 'Harbor'";
        seen.push(panel.fetch::<String>(row).await);
    }
    let expected = [
        "f ok disabled",
        "f unauthorized unauthorized",
        "f ok disabled",
        "f unauthorized unauthorized",
        "f ok disabled",
        "t ok active",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn workers_write_down_what_is_left_of_an_accounts_requests() {
    let panel = Panel::start().await;
    panel.execute("delete from provider_budgets").await;
    let _worker = panel.worker();
    panel.reconcile().await;
    panel.until("select count(*) = 2 and bool_and(remaining < request_limit) from provider_budgets").await;
    let seen = "select bool_and(reconciled_servers = 0 and reconciled_differing = 0) from providers";
    assert!(panel.fetch::<bool>(seen).await);
}

/// The service as somebody who is signed in sees it.
struct Browser {
    router: axum::Router,
    cookie: String,
    _stop: tokio_util::sync::DropGuard,
}

impl Browser {
    async fn of(panel: &Panel, email: &str) -> Self {
        let stop = CancellationToken::new();
        let state = web::WebState::new(panel.app.clone(), web::Options::default(), stop.clone());
        let attempt = SignIn { email, password: &PASSWORD.into(), address: None, user_agent: None };
        let session = sign_in(&panel.app, attempt).await.unwrap();
        let cookie = format!("session={}", session.token.expose_secret());
        Self { router: web::router(state), cookie, _stop: stop.drop_guard() }
    }

    async fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        let mut request = request.body(Body::empty()).unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        request.extensions_mut().insert(ConnectInfo(address));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test]
async fn operators_see_and_repair_the_queue_in_their_pages_and_customers_do_not() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let account = harbor(&panel).await;
    let job = panel.enqueue("catalog.sync", &json!({ "provider_id": account })).await;
    panel
        .execute(format!(
            "update jobs set state = 'dead', finished_at = now(), last_error = 'no answer' where id = {job}"
        ))
        .await;
    let operator = Browser::of(&panel, testkit::OPERATOR_EMAIL).await;
    let customer = Browser::of(&panel, "acme@example.com").await;

    let page = format!("/operator/jobs/{job}");
    let discard = format!("{page}/discard");
    let (account, id) = (format!("/operator/providers/{account}"), account.to_string());
    for (path, shows) in [
        ("/operator", "dead_jobs"),
        ("/operator/jobs", "no answer"),
        ("/operator/jobs?state=dead&kind=catalog.sync", "no answer"),
        ("/operator/jobs?state=done", "No job matches"),
        (&page, &id),
        (&discard, "Discard job"),
        (&account, "Request budget"),
    ] {
        let (status, body) = operator.ask("GET", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(body.contains(shows), "{path} does not show {shows}");
        assert_eq!(customer.ask("GET", path).await.0, 404, "{path}");
    }
    let retry = format!("{page}/retry");
    assert_eq!(customer.ask("POST", &retry).await.0, 404);
    assert_eq!(operator.ask("POST", &retry).await.0, 303);
    let (status, body) = operator.ask("POST", &retry).await;
    assert_eq!((status, body.contains("at work again already")), (409, true));
    assert_eq!(operator.ask("POST", &discard).await.0, 303);
    let (status, body) = operator.ask("POST", &discard).await;
    assert_eq!((status, body.contains("This job is over")), (409, true));
    assert_eq!(operator.ask("GET", "/operator/jobs/0").await.0, 404);
}
