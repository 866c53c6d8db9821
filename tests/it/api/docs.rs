//! The documentation page: its examples run as they stand, each answered as the document says.

use std::process::Stdio;

use app::identity::create_api_key;
use app::wallet::{NewPromotion, create_promotion};
use domain::{Money, VpsId};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use testkit::Panel;
use tokio::process::Command;

use super::client::Service;

/// The examples on the page, as `(operation, command)`.
fn examples(page: &str) -> Vec<(String, String)> {
    let parts = page.split("data-example=\"").skip(1);
    parts
        .map(|part| {
            let (id, rest) = part.split_once("\">").unwrap();
            let text = rest.split("</code>").next().unwrap();
            let unescaped = [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&#x2f;", "/"),
                ("&#x27;", "'"),
                ("&amp;", "&"),
            ];
            let text = unescaped.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
            (id.to_owned(), text)
        })
        .collect()
}

/// Runs a command of the page; answers the status.
async fn run(command: &str, variables: &[(&str, String)]) -> (u16, String) {
    let command = command.replacen("curl", "curl -sS -w '\\n%{http_code}'", 1);
    let output = Command::new("sh")
        .args(["-c", &command])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .await
        .expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    let (body, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{command}: {output:?}"));
    (status.parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn every_example_runs_and_is_answered_as_documented() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.top_up(&acme, "50.00").await;
    panel.documents(&acme).await;
    panel.give_and_take(&acme).await;
    let offer = NewPromotion {
        name: "Welcome",
        code: "WELCOME10",
        amount: Money::from_micros(10_000_000),
        valid_from: None,
        valid_until: None,
        days: None,
        redemptions_max: None,
        new_only: false,
    };
    create_promotion(&panel.app, &panel.operator().await, offer).await.unwrap();
    let service = Service::of(&panel);
    let address = service.listen().await;
    let anybody = service.anonymous();
    let page = anybody.send_raw("GET", "/api/docs", None, String::new()).await;
    assert_eq!(page.status, 200);
    let mut examples = examples(&page.text);
    let operations = anybody.operations().await;
    assert_eq!(examples.len(), operations.len(), "every operation has an example");

    let vps: VpsId = panel.active(&acme, "small", "web").await;
    let top_up = panel.begin_top_up(&acme, "25.00").await;
    let (_, key) = create_api_key(&panel.app, &acme, "docs").await.unwrap();
    let (other_key, _) = create_api_key(&panel.app, &acme, "other").await.unwrap();
    let one = |sql: &str| panel.fetch::<String>(sql.to_owned());
    let variables = [
        ("PANEL", address),
        ("API_KEY", key.expose_secret().to_owned()),
        ("VPS_ID", vps.to_string()),
        ("TOP_UP_ID", top_up.to_string()),
        ("TRANSACTION_ID", one("select id::text from ledger_transactions limit 1").await),
        ("API_KEY_ID", other_key.to_string()),
        ("SSH_KEY_ID", one("select id::text from ssh_keys limit 1").await),
        ("CREDIT_ID", one("select id::text from credits limit 1").await),
        ("RECEIPT_ID", one("select id::text from documents where kind = 'receipt'").await),
        ("CREDIT_NOTE_ID", one("select id::text from documents where kind = 'credit_note'").await),
        ("STATEMENT_ID", one("select id::text from documents where kind = 'statement'").await),
        ("ACTION_ID", one("select id::text from vps_actions limit 1").await),
    ];
    // What deletes comes last; until then the others need what it takes away.
    examples.sort_by_key(|(_, command)| command.contains("-X DELETE"));
    for (id, command) in examples {
        if command.contains("-X DELETE") {
            panel.until_idle().await;
        }
        let (status, body) = run(&command, &variables).await;
        let (_, _, operation) = operations.iter().find(|(_, _, o)| o["operationId"] == id.as_str()).unwrap();
        let documented = operation["responses"].as_object().unwrap().keys();
        let good: Vec<&String> = documented.filter(|status| status.starts_with('2')).collect();
        assert!(good.iter().any(|good| **good == status.to_string()), "{id}: {status} {body}\n{command}");
        let is_file = body.is_empty() || body.starts_with("%PDF");
        let is_json = || body.lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
        assert!(is_file || is_json() || serde_json::from_str::<Value>(&body).is_ok(), "{id}: {body}");
    }
}

#[tokio::test]
async fn problems_lead_to_their_explanation() {
    let panel = Panel::start().await;
    let anybody = Service::of(&panel).anonymous();
    let get = async |path: &str| anybody.send_raw("GET", path, None, String::new()).await;
    let refused = anybody.get("/me").await;
    let answer = get(refused.json()["type"].as_str().unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["location"]),
        (303, &"/api/docs#problem-unauthenticated".parse().unwrap())
    );
    assert!(get("/api/docs").await.text.contains("id=\"problem-unauthenticated\""));
    assert_eq!(get("/problems/none").await.status, 404);
}
