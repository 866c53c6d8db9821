//! What customers may not read: who is behind a VPS, what it costs us, what we add, and what upstream said.
//!
//! Everything goes wrong first ([`trouble`]); then every page, answer, header and event that a customer can get
//! is searched for the words and figures of this installation that are not for them ([`secrets`]).

mod secrets;
mod trouble;

use std::collections::BTreeSet;

use super::people::{BOTH, Person};
use super::routes::{self, Route};
use super::scene::{Answer, Scene};
use secrets::Secrets;

/// Those who see most, and those who see other pages than they.
const CUSTOMERS: [Person; 4] = [Person::Owner, Person::Member, Person::Other, Person::Nobody];

/// What no form and no operation takes.
const NONSENSE: &str = "{\"name\": [}&action=nonsense&amount=nonsense";

/// What was read so far, and what should not have been in it.
struct Reader {
    secrets: Secrets,
    read: usize,
    found: Vec<String>,
}

impl Reader {
    fn read(&mut self, what: &str, answer: &Answer) {
        assert!(!answer.status.is_server_error(), "{what}: {answer:?}");
        let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n"));
        self.search(what, &(headers.collect::<String>() + &answer.text));
    }

    fn search(&mut self, what: &str, text: &str) {
        self.read += 1;
        self.found.extend(self.secrets.found_in(text).map(|secret| format!("{what} tells {secret}")));
    }
}

#[tokio::test]
async fn customers_read_nothing_of_clouds_costs_and_markups_whatever_goes_wrong() {
    let scene = Scene::set().await;
    let position: String = scene.panel.fetch("select pg_current_xact_id()::text || '-0'").await;
    trouble::make(&scene).await;
    let mut reader = Reader { secrets: Secrets::of(&scene).await, read: 0, found: Vec::new() };

    let events = scene.events(&position, Person::Owner).await;
    assert!(events.matches("event: vps").count() > 5, "{events}");
    reader.search("the stream of events", &events);
    let routes: Vec<Route> =
        routes::all(&scene).await.into_iter().filter(|route| !route.is_for_operators()).collect();
    let pages = crawl(&scene, &routes, &mut reader).await;
    assert!(pages.len() > 60, "links are followed: {pages:#?}");
    for route in &routes {
        for person in CUSTOMERS {
            for by in BOTH {
                let what = format!("{} {} as {person:?} by {by:?}", route.method, route.path);
                reader.read(&what, &scene.knock(route, person, by).await);
            }
        }
        let what = format!("{} {} with nonsense", route.method, route.path);
        reader.read(&what, &scene.nonsense(route, NONSENSE).await);
    }
    assert!(reader.read > 500, "{}", reader.read);
    assert!(reader.found.is_empty(), "of {} answers: {:#?}", reader.read, reader.found);
}

/// Looks at everything of acme's by every route that shows something, and follows the links there.
async fn crawl(scene: &Scene, routes: &[Route], reader: &mut Reader) -> BTreeSet<String> {
    let mut waiting: Vec<String> = Vec::new();
    for route in routes.iter().filter(|route| route.method == "GET" && !route.path.ends_with("/events")) {
        waiting.extend(route.addresses(scene).await);
    }
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        for person in [Person::Owner, Person::Member] {
            let answer = scene.look(&path, person).await;
            reader.read(&format!("GET {path} as {person:?}"), &answer);
            waiting.extend(links(&answer.text));
        }
    }
    seen
}

/// Addresses of our own that a page names.
fn links(html: &str) -> Vec<String> {
    let named = ["href=\"/", "hx-get=\"/"].into_iter().flat_map(|attribute| html.split(attribute).skip(1));
    let paths = named.filter_map(|rest| rest.split(['"', '#']).next()).map(|path| format!("/{path}"));
    paths
        .map(|path| path.replace("&amp;", "&").replace("&#x2f;", "/"))
        .filter(|path| !path.starts_with("/assets/") && !path.starts_with("//"))
        .collect()
}
