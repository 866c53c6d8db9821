//! Prices published ahead: when they come into force, who is told before, and taking them back.

use app::Operator;
use app::catalog::{Publication, draft, publish, withdraw_prices};
use app::vps::{NewVps, create};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use domain::catalog::Markup;
use domain::{PlanId, PriceVersionId};
use store::SystemPurpose;
use testkit::{IMAGE, Panel, REGION};

use crate::api::client::{Client, Service};

const FORM: &str = "application/x-www-form-urlencoded";

fn markup(basis_points: i32) -> Markup {
    Markup { basis_points, ..Markup::default() }
}

async fn ahead(panel: &Panel, plan: PlanId, at: DateTime<Utc>) -> Result<(), app::Error> {
    let new = Publication { markup: markup(5_000), effective_at: Some(at), seen: None };
    publish(&panel.app, &Operator::command_line(), plan, new).await
}

/// The database's time, a while ahead.
async fn soon(panel: &Panel, wait: &str) -> DateTime<Utc> {
    panel.fetch(format!("select now() + interval '{wait}'")).await
}

/// The version that is to come in the usual region.
async fn to_come(panel: &Panel, plan: PlanId) -> Option<PriceVersionId> {
    let next: Option<uuid::Uuid> = panel
        .fetch(format!(
            "select (select n.id from next_prices n join regions r on r.id = n.region_id
                where n.plan_id = '{plan}' and r.slug = '{REGION}')"
        ))
        .await;
    next.map(PriceVersionId)
}

#[tokio::test]
async fn an_order_that_crosses_the_time_of_a_new_price_is_refused_and_shown_it() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let plan = panel.plan("harbor").await;
    let old = panel.new_vps(&acme, "harbor", "web").await;
    let at = soon(&panel, "3 seconds").await;
    ahead(&panel, plan, at).await.unwrap();
    let new = to_come(&panel, plan).await.expect("it is announced");
    assert_eq!(panel.price_in_force("harbor").await, old.price_version_id, "until then nothing changes");

    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "acme").await;
    let form = format!("/vps/new?region={REGION}&image={IMAGE}&plan=harbor");
    let page = browser.send_raw("GET", &form, None, String::new()).await;
    assert!(page.text.contains("data-testid=\"next-price\""), "{}", page.text);
    assert!(page.text.contains("$0.027") && page.text.contains(&old.price_version_id.to_string()));
    let plans = service.with_key(&panel, &acme).await.get("/plans").await.ok();
    let told = plans["data"].as_array().unwrap().iter().find(|p| p["slug"] == "harbor").unwrap().clone();
    let told = told["regions"].as_array().unwrap().iter().find(|r| r["region"] == REGION).unwrap().clone();
    assert_eq!((&told["per_hour"], &told["next"]["per_hour"]), (&"0.0225".into(), &"0.027".into()));
    // Before, the old price is the price.
    create(&panel.app, &acme, old.clone(), None).await.unwrap();

    panel.until(format!("select now() >= '{at}'")).await;
    let late = NewVps { name: domain::vps::VpsName::parse("late").unwrap(), ..old.clone() };
    assert_eq!(create(&panel.app, &acme, late, None).await.unwrap_err().code(), "price_changed");
    let refused = order(&browser, &panel, &acme, old.price_version_id).await;
    assert_eq!(refused.0, StatusCode::CONFLICT);
    assert!(refused.1.contains("data-testid=\"stale-price\"") && refused.1.contains(&new.to_string()));
    assert!(!refused.1.contains("data-testid=\"next-price\""), "nothing else is to come");
    let taken = order(&browser, &panel, &acme, new).await;
    assert_eq!(taken.0, StatusCode::SEE_OTHER, "{}", taken.1);
    let sold: Vec<i64> = panel
        .fetch_all("select p.sell_hour_micros from vps_instances v join price_versions p on p.id = price_version_id order by v.id")
        .await;
    assert_eq!(sold, [22_500, 27_000]);
    panel.verify().await;
}

/// Sends the order form with a price that was looked at.
async fn order(
    browser: &Client,
    panel: &Panel,
    acme: &app::Caller,
    price: PriceVersionId,
) -> (StatusCode, String) {
    let key = panel.ssh_key(acme).await;
    let word = uuid::Uuid::new_v4().simple();
    let body = format!(
        "region={REGION}&image={IMAGE}&plan=harbor&name=by-form&ssh_key={key}&price_version={price}&order_key={word}"
    );
    let answer = browser.send_raw("POST", "/vps", Some(FORM), body).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn of_two_prices_with_one_time_the_later_published_holds_and_the_moment_itself_counts() {
    let panel = Panel::start().await;
    let plan = panel.plan("small").await;
    let at = soon(&panel, "1 hour").await;
    ahead(&panel, plan, at).await.unwrap();
    let first = to_come(&panel, plan).await.unwrap();
    ahead(&panel, plan, at).await.unwrap();
    let second = to_come(&panel, plan).await.unwrap();
    assert!(second > first);
    // The moment of the price is the first of its time: now() is the same throughout a transaction.
    let mut tx = panel.superuser().begin().await.unwrap();
    sqlx::query("update price_versions set created_at = now(), effective_at = now() where id = $1")
        .bind(second.0)
        .execute(&mut *tx)
        .await
        .unwrap();
    let in_force = sqlx::query_scalar::<_, bool>("select exists (select from current_prices where id = $1)")
        .bind(second.0)
        .fetch_one(&mut *tx);
    assert!(in_force.await.unwrap());
}

#[tokio::test]
async fn nothing_is_published_for_the_past() {
    let panel = Panel::start().await;
    let plan = panel.plan("small").await;
    let before: i64 = panel.fetch("select count(*) from price_versions").await;
    for past in ["0 seconds", "-1 second", "-40 days"] {
        let at = soon(&panel, past).await;
        let refused = ahead(&panel, plan, at).await.unwrap_err();
        assert!(matches!(refused, app::Error::Invalid { field: "effective_at", .. }), "{refused:?}");
    }
    assert_eq!(panel.fetch::<i64>("select count(*) from price_versions").await, before);
    let backdated = "update price_versions set effective_at = created_at - interval '1 microsecond'";
    let refused = sqlx::query(backdated).execute(panel.superuser()).await.unwrap_err();
    assert!(refused.to_string().contains("price_versions_check"), "{refused}");
}

#[tokio::test]
async fn what_is_scheduled_can_be_taken_back_once_and_not_in_the_last_minute() {
    let panel = Panel::start().await;
    let operator = panel.operator().await;
    let (plan, other) = (panel.plan("small").await, panel.plan("large").await);
    ahead(&panel, plan, soon(&panel, "2 hours").await).await.unwrap();
    let version = to_come(&panel, plan).await.unwrap();
    let refuse =
        async |plan, version| withdraw_prices(&panel.app, &operator, plan, version).await.unwrap_err().code();
    assert_eq!(refuse(other, version).await, "not_found");
    let regions: i64 =
        panel.fetch(format!("select count(*) from next_prices where plan_id = '{plan}'")).await;
    assert!(regions > 1, "they were published for several regions");
    withdraw_prices(&panel.app, &operator, plan, version).await.unwrap();
    assert_eq!(to_come(&panel, plan).await, None, "and in every region");
    assert_eq!(panel.fetch::<i64>("select count(*) from price_withdrawals").await, regions);
    assert_eq!(refuse(plan, version).await, "not_found");
    let present = panel.price_in_force("small").await;
    assert_eq!(refuse(plan, present).await, "price_in_force");

    ahead(&panel, plan, soon(&panel, "55 seconds").await).await.unwrap();
    let last = to_come(&panel, plan).await.unwrap();
    assert_eq!(refuse(plan, last).await, "price_in_force");
    let late = format!(
        "insert into price_withdrawals select id, effective_at, '{{}}', effective_at from price_versions where id = '{present}'"
    );
    let refused = sqlx::query(sqlx::AssertSqlSafe(late)).execute(panel.superuser()).await.unwrap_err();
    assert!(refused.to_string().contains("price_withdrawals_check"), "the database refuses, too: {refused}");
    let told = "select count(*) from activity_logs where action = 'plan.prices_withdrawn'";
    assert_eq!(panel.fetch::<i64>(told).await, 1);
}

#[tokio::test]
async fn prices_that_vpss_are_promised_cannot_be_taken_back() {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    panel.active(&acme, "small", "web").await;
    worker.stop().await;
    let (operator, plan) = (panel.operator().await, panel.plan("small").await);
    ahead(&panel, plan, soon(&panel, "2 hours").await).await.unwrap();
    let version = to_come(&panel, plan).await.unwrap();
    let wish =
        |moves_at| app::catalog::moves::Wish { version, moves_at: Some(moves_at), organizations: Vec::new() };
    let early = wish(soon(&panel, "1 hour").await);
    let later = wish(soon(&panel, "31 days").await);
    let announce = async |wish| app::catalog::moves::announce(&panel.app, &operator, plan, wish).await;
    let refused = announce(&early).await.unwrap_err();
    assert!(
        matches!(refused, app::Error::Invalid { field: "version", .. }),
        "not in force by then: {refused:?}"
    );
    let id = announce(&later).await.unwrap();
    let refused = withdraw_prices(&panel.app, &operator, plan, version).await.unwrap_err();
    assert_eq!(refused.code(), "price_promised");
    app::catalog::moves::cancel(&panel.app, &operator, plan, id).await.unwrap();
    withdraw_prices(&panel.app, &operator, plan, version).await.unwrap();
}

#[tokio::test]
async fn a_form_made_from_other_costs_or_prices_publishes_nothing() {
    let panel = Panel::start().await;
    let operator = panel.operator().await;
    let plan = panel.plan("small").await;
    let look = async || {
        let mut db = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
        draft(&mut db, plan, markup(3_000)).await.unwrap().seen
    };
    let send = async |seen: String| {
        let new = Publication { markup: markup(3_000), effective_at: None, seen: Some(seen) };
        publish(&panel.app, &operator, plan, new).await
    };
    let seen = look().await;
    send(seen.clone()).await.unwrap();
    assert!(matches!(send(seen).await, Err(app::Error::StalePrice)), "somebody published since");
    let seen = look().await;
    panel.execute("update provider_prices set cost_month_micros = cost_month_micros + 1").await;
    assert!(matches!(send(seen).await, Err(app::Error::StalePrice)), "a cost changed since");

    // The page answers 409 with the new figures, and those can be published.
    let service = Service::of(&panel);
    let browser = service.with_session(&panel, "olga").await;
    let here = format!("/operator/plans/{plan}/prices");
    let stale = browser.send_raw("POST", &here, Some(FORM), "markup_percent=30&seen=x".into()).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.text.contains("data-testid=\"stale-price\""));
    let (_, seen) = stale.text.split_once("name=\"seen\" value=\"").unwrap();
    let body = format!("markup_percent=30&seen={}", seen.split('"').next().unwrap());
    let done = browser.send_raw("POST", &here, Some(FORM), body).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let later = format!("{here}?markup_percent=40&effective_at=2099-01-31T08%3A15");
    let preview = browser.send_raw("GET", &later, None, String::new()).await;
    assert!(preview.text.contains("31 Jan 2099, 08:15 UTC"), "{}", preview.text);
    let wrong = format!("{here}?markup_percent=40&effective_at=soon");
    let wrong = browser.send_raw("GET", &wrong, None, String::new()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let published: i64 = panel
        .fetch(format!("select count(distinct created_at) from price_versions where plan_id = '{plan}'"))
        .await;
    assert_eq!(published, 3, "looking saves nothing");
}

#[tokio::test]
async fn the_plans_page_shows_what_is_in_force_to_come_and_over() {
    let panel = Panel::start().await;
    let operator = panel.operator().await;
    let plan = panel.plan("small").await;
    panel.publish("small", 4_000).await;
    ahead(&panel, plan, Utc::now() + TimeDelta::days(3)).await.unwrap();
    ahead(&panel, plan, Utc::now() + TimeDelta::days(5)).await.unwrap();
    let next = to_come(&panel, plan).await.unwrap();
    withdraw_prices(&panel.app, &operator, plan, next).await.unwrap();
    let mut db = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
    let found = store::catalog::read::publications(&mut db, plan, 10).await.unwrap();
    let states: Vec<_> =
        found.iter().map(|p| (p.scheduled, p.withdrawn_at.is_some(), p.in_force == p.regions)).collect();
    let expected = [(true, false, false), (false, true, false), (false, false, true), (false, false, false)];
    assert_eq!(states, expected, "to come, taken back, in force, earlier");
    assert_eq!(found[2].markup_basis_points, 4_000);
}
