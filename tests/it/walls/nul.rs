//! The one character that the database cannot hold: wherever it comes in, the asker is told, and it is not our fault.

use axum::http::StatusCode;

use super::people::Person;
use super::routes;
use super::scene::Scene;

/// What addresses of pages are asked with.
const NAMES: [&str; 14] = [
    "q",
    "state",
    "kind",
    "before",
    "after",
    "action",
    "actor",
    "target",
    "from",
    "to",
    "plan",
    "region",
    "organization",
    "next",
];

#[tokio::test]
async fn a_nul_in_an_address_or_a_form_is_refused_and_breaks_nothing() {
    let scene = Scene::set().await;
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for route in routes::all(&scene).await.iter().filter(|route| !route.is_api()) {
        let person = if route.is_for_operators() { Person::Operator } else { Person::Owner };
        let target = route.target(&scene).await;
        let mut answers = Vec::new();
        if route.method == "GET" {
            for name in NAMES {
                answers.push((
                    name.to_owned(),
                    scene.look(&format!("{}?{name}=%00", target.path), person).await,
                ));
            }
        } else {
            let (_, form) = route.body(&scene, person, &target).await;
            let fields: Vec<(&str, &str)> =
                form.split('&').filter_map(|field| field.split_once('=')).collect();
            for (spoiled, _) in &fields {
                let value = |name, value| {
                    if name == *spoiled { format!("{name}=a%00") } else { format!("{name}={value}") }
                };
                let form = fields.iter().map(|(n, v)| value(*n, *v)).collect::<Vec<_>>().join("&");
                answers.push(((*spoiled).to_owned(), scene.tell(route, person, form).await));
            }
        }
        for (name, answer) in answers {
            refused += usize::from(answer.status == StatusCode::UNPROCESSABLE_ENTITY);
            if answer.status.is_server_error() {
                wrong.push(format!("{} {} with {name}: {}", route.method, route.path, answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused > 10, "only {refused} were refused: nothing was tried");
    assert_eq!(scene.look("/vps", Person::Owner).await.status, StatusCode::OK);
}
