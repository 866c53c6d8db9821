//! Refusals as programs see them.

use domain::Money;
use serde_json::json;

use super::*;

#[test]
fn every_refusal_has_its_status_and_code() {
    let money = Money::from_micros(1_500_000);
    let retry_after = Duration::from_millis(200);
    let cases = [
        (app::Error::invalid("name", "Too long."), 422, "invalid"),
        (app::Error::Unauthenticated, 401, "unauthenticated"),
        (app::Error::Forbidden, 403, "forbidden"),
        (app::Error::NotFound, 404, "not_found"),
        (app::Error::conflict("busy", "Wait."), 409, "busy"),
        (app::Error::StalePrice, 409, "price_changed"),
        (app::Error::InsufficientFunds { needed: money, available: Money::ZERO }, 402, "insufficient_funds"),
        (app::Error::TooManyRequests { retry_after }, 429, "too_many_requests"),
        (app::Error::internal("disk on fire"), 500, "internal"),
    ];
    for (error, status, code) in cases {
        let response = Problem::from(error).into_response();
        assert_eq!(response.status().as_u16(), status, "{code}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON, "{code}");
    }
    let limited = Problem::from(app::Error::TooManyRequests { retry_after }).into_response();
    assert_eq!(limited.headers()[header::RETRY_AFTER], "1");
    let unknown = Problem::unauthenticated().into_response();
    assert_eq!(unknown.headers()[header::WWW_AUTHENTICATE], "Bearer");
}

#[test]
fn our_own_failures_say_nothing_about_their_cause() {
    let problem = Problem::from(app::Error::internal("connection to 10.0.0.7 refused"));
    let text = problem.shown().to_string();
    assert!(!text.contains("10.0.0.7"), "{text}");
}

#[test]
fn a_short_wallet_is_told_in_figures() {
    let (needed, available) = (Money::from_micros(222_500), Money::from_micros(100_000));
    let problem = Problem::from(app::Error::InsufficientFunds { needed, available });
    let shown = problem.in_currency("USD".into()).shown();
    assert_eq!(shown["type"], "/problems/insufficient_funds");
    assert_eq!((&shown["needed"], &shown["available"]), (&json!("0.2225"), &json!("0.10")));
    assert_eq!(shown["currency"], "USD");
}

#[test]
fn wrong_fields_are_named() {
    let wrong = ["plan", "region"].map(|field| (field.to_owned(), "Unknown.".to_owned()));
    let shown = Problem::all_invalid(wrong.into()).shown();
    assert_eq!((&shown["field"], &shown["status"]), (&json!("plan"), &json!(422)));
    assert_eq!(shown["errors"][1], json!({ "field": "region", "message": "Unknown." }));
}

#[test]
fn only_answers_inside_the_api_become_problems() {
    assert!(instead_of_page("/apiary", StatusCode::FORBIDDEN).is_none());
    let response = instead_of_page("/api/v1/vps", StatusCode::FORBIDDEN).expect("inside");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

/// Codes of what only pages do.
const ON_PAGES_ALONE: [&str; 16] = [
    "confirmed",
    "decided",
    "job_live",
    "job_needed",
    "job_over",
    "job_repeated",
    "job_running",
    "move_open",
    "move_over",
    "not_captured",
    "not_covered",
    "nothing_to_move",
    "operator",
    "price_in_force",
    "price_promised",
    "second_operator",
];

#[test]
fn every_code_that_is_answered_is_explained() {
    let mut codes: Vec<&str> = KINDS.iter().map(|kind| kind.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), KINDS.len(), "a code is listed twice");
    let given = conflicts();
    let stale = ON_PAGES_ALONE.iter().find(|code| !given.iter().any(|given| given == *code));
    assert_eq!(stale, None, "no longer given");
    for code in given.iter().filter(|code| !ON_PAGES_ALONE.contains(&code.as_str())) {
        let listed = KINDS.iter().find(|kind| kind.code == code);
        assert_eq!(listed.map(|kind| kind.status), Some(409), "{code} is not explained");
    }
}

/// The codes of all conflicts, read from the use cases: a code is a literal at the place where it is given.
fn conflicts() -> Vec<String> {
    fn read(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in
            std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable"))
        {
            let path = entry.path();
            if path.is_dir() {
                read(&path, found);
            } else {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                let codes = text.split("Error::conflict(").skip(1).filter_map(|rest| {
                    rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
                });
                found.extend(codes);
            }
        }
    }
    let mut found = Vec::new();
    read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src"), &mut found);
    assert!(found.len() > 4, "{found:?}");
    found
}
