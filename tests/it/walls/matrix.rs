//! The table of who is answered what: every route, every kind of person, by session and by API key.

use std::fs;
use std::path::Path;

use axum::http::header;
use domain::identity::Role;

use super::people::{BOTH, By, EVERYBODY, Person};
use super::routes::{self, Route};
use super::scene::{Answer, Scene};

/// The table as it was reviewed.
const REVIEWED: &str = include_str!("matrix.txt");

const HEADING: &str = "\
# Who is answered what. Each line: a route, called with ids of the organization acme; then, for each kind of
# person, the status by session and by API key. `sign-in` is the way to the sign-in page. Pages take no API key.
# A new route needs a line: the failing test writes the table as it is now, to be read before it is kept.
";

/// What is compared: the status, or that one has to sign in first.
fn shown(answer: &Answer) -> String {
    let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    let signs_out = answer.headers.contains_key(header::SET_COOKIE);
    if to.starts_with("/sign-in") && !signs_out {
        "sign-in".to_owned()
    } else {
        answer.status.as_str().to_owned()
    }
}

fn heading() -> String {
    let names = EVERYBODY.map(|person| format!("{:<16}", format!("{person:?}").to_lowercase())).concat();
    format!("{HEADING}\n{:<52}{}\n", "", names.trim_end())
}

#[tokio::test]
async fn everybody_is_answered_on_every_route_as_was_reviewed() {
    let scene = Scene::set().await;
    let (mut table, mut wrong) = (heading(), Vec::new());
    for route in routes::all(&scene).await {
        let mut line = format!("{:<52}", format!("{} {}", route.method, route.path));
        for person in EVERYBODY {
            for by in BOTH {
                let answer = scene.knock(&route, person, by).await;
                let shown = shown(&answer);
                if let Some(why) = breach(&route, person, by, &shown, &answer) {
                    wrong.push(format!(
                        "{} {} as {person:?} by {by:?} ({shown}): {why}",
                        route.method, route.path
                    ));
                }
                line += &format!("{shown:<8}");
            }
        }
        table += &format!("{}\n", line.trim_end());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    if table != REVIEWED {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix.txt");
        fs::write(&place, &table).unwrap();
        panic!(
            "tests/it/walls/matrix.txt says otherwise; as it is now: {}\n{}",
            place.display(),
            difference(&table)
        );
    }
}

/// Lines that only one of the tables has.
fn difference(now: &str) -> String {
    let missing = |from: &str, there: &str, sign: &str| {
        let lines = from.lines().filter(|line| !there.lines().any(|other| other == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    missing(REVIEWED, now, "-") + &missing(now, REVIEWED, "+")
}

/// What holds for every route, whatever the table says.
fn breach(route: &Route, person: Person, by: By, shown: &str, answer: &Answer) -> Option<&'static str> {
    let is_refused = ["sign-in", "401", "404"].contains(&shown);
    let is_outside = [Person::Nobody, Person::Other, Person::Suspended].contains(&person)
        || (person == Person::Operator && !route.is_for_operators());
    let role = match person {
        Person::Member => Role::Member,
        _ => Role::Owner,
    };
    let is_unknown =
        [Person::Nobody, Person::Suspended].contains(&person) || (by == By::Key && !route.is_api());
    let lacks = route.permission.as_ref().is_some_and(|needed| !role.allows(needed.parse().unwrap()));
    if answer.status.is_server_error() {
        return Some("our fault");
    }
    if is_outside && answer.text.contains("acme") {
        return Some("it tells of acme");
    }
    if is_unknown && !route.is_public && !["sign-in", "401"].contains(&shown) {
        return Some("it does not ask who that is");
    }
    if is_outside && !route.is_public && route.path.contains('{') && !is_refused {
        return Some("what is acme's exists for others");
    }
    if route.is_for_operators() && person != Person::Operator && !is_refused {
        return Some("it exists for customers");
    }
    ((shown == "403") != (lacks && !is_unknown)).then_some("role and permission say otherwise")
}
