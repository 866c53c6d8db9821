//! The ledger taken home: signed, checked without a database, and whole from one period to the next.

use std::process::Stdio;

use app::wallet::statement::{make, verify};
use chrono::{DateTime, Months, NaiveTime, TimeDelta, Utc};
use testkit::Panel;

use crate::api::client::Service;
use crate::explain::{history, page};

/// The month of a time, as days.
fn month(at: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let first = domain::billing::month_of(at);
    let midnight = |day: chrono::NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    (midnight(first), midnight(first + Months::new(1)))
}

#[tokio::test]
async fn a_statement_is_checked_without_a_database_and_every_change_of_it_is_noticed() {
    let (panel, _worker, acme, ..) = history().await;
    let (from, until) = month(Utc::now());
    let file = make(&panel.app, &acme, from, until).await.unwrap();
    let key = panel.app.statement_keys().current();
    let sound = verify(file.as_bytes(), key.as_ref()).unwrap();
    let movements: i64 = panel.fetch("select count(*) from ledger_transactions").await;
    assert_eq!((sound.movements, sound.organization.as_str()), (usize::try_from(movements).unwrap(), "acme"));
    let head: serde_json::Value = serde_json::from_str(file.lines().next().unwrap()).unwrap();
    let balances = panel.balances(&acme).await;
    assert_eq!(head["closing"]["available"], balances.available);
    let hash: String = panel.fetch("select encode(head_hash, 'hex') from wallets where sequence > 0").await;
    assert_eq!((&head["closing"]["hash"], &head["opening"]["sequence"]), (&hash.into(), &0.into()));
    for (n, byte) in file.bytes().enumerate().step_by(97) {
        let mut changed = file.clone().into_bytes();
        changed[n] = byte ^ 1;
        assert!(verify(&changed, None).is_err(), "byte {n}");
    }

    // The program alone.
    let path = std::env::temp_dir().join(format!("{}.jsonl", acme.organization_id()));
    for (text, key, sound) in [
        (file.clone(), key.map(|key| key.to_string()), true),
        (file.clone(), None, true),
        (file.clone(), Some("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned()), false),
        (file.replacen("\"acme\"", "\"acne\"", 1), None, false),
    ] {
        std::fs::write(&path, text).unwrap();
        let mut command = panel.command("statement", "postgres://nowhere.invalid/nothing");
        command.arg("verify").arg(&path).stdout(Stdio::piped());
        if let Some(key) = key {
            command.args(["--key", &key]);
        }
        let output = command.output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.success(), sound, "{said}");
        assert!(said.starts_with(if sound { "the statement is sound: " } else { "line " }), "{said}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn statements_of_two_periods_that_meet_leave_nothing_out() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    for _ in 0..4 {
        panel.fund(&acme, "10.00").await;
    }
    let middle: DateTime<Utc> =
        panel.fetch("select created_at from ledger_transactions where sequence = 3").await;
    let (from, until) = (middle - TimeDelta::days(1), middle + TimeDelta::days(1));
    let first = make(&panel.app, &acme, from, middle).await.unwrap();
    let second = make(&panel.app, &acme, middle, until).await.unwrap();
    let head = |file: &str| serde_json::from_str::<serde_json::Value>(file.lines().next().unwrap()).unwrap();
    assert_eq!(head(&first)["closing"], head(&second)["opening"]);
    assert_eq!(head(&second)["opening"]["available"], 20_000_000);
    let count = |file: &str| verify(file.as_bytes(), None).unwrap().movements;
    assert_eq!((count(&first), count(&second)), (2, 2));
    let none = make(&panel.app, &acme, until, until + TimeDelta::days(1)).await.unwrap();
    assert_eq!((count(&none), &head(&none)["opening"]), (0, &head(&none)["closing"]));
    for (from, until) in [(until, from), (from, from + TimeDelta::days(93))] {
        assert_eq!(make(&panel.app, &acme, from, until).await.unwrap_err().code(), "invalid");
    }
}

#[tokio::test]
async fn members_download_it_from_the_page_and_by_the_api_and_anybody_reads_the_keys() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "10.00").await;
    let service = Service::of(&panel);
    let ann = service.with_session(&panel, "acme").await;
    let today = Utc::now().date_naive();
    let (this_month, tomorrow) = (today.format("%Y-%m"), today + chrono::Days::new(1));
    assert!(page(&ann, "/wallet/ledger").await.contains("skypanel statement verify"));
    let by_page = page(&ann, &format!("/wallet/ledger/file?month={this_month}")).await;
    let api = service.with_key(&panel, &acme).await;
    let by_api = page(&api, &format!("/api/v1/wallet/ledger?from={today}&until={tomorrow}")).await;
    let keys: serde_json::Value =
        serde_json::from_str(&page(&service.anonymous(), "/statement-keys").await).unwrap();
    let key = keys["keys"][0]["public"].as_str().unwrap().parse().unwrap();
    assert_eq!(keys["keys"][0]["signs"], true);
    for file in [by_page, by_api] {
        assert_eq!(verify(file.as_bytes(), Some(&key)).unwrap().movements, 1);
    }
    let refused = ann.send_raw("GET", "/wallet/ledger/file?month=soon", None, String::new()).await;
    assert_eq!(refused.status, 422);

    let without = panel.without_mail();
    let refused = make(&without.app, &acme, Utc::now() - TimeDelta::days(1), Utc::now()).await.unwrap_err();
    assert_eq!(refused.code(), "not_set_up", "a process without keys");
    let ann = Service::of(&without).with_session(&without, "acme").await;
    assert!(page(&ann, "/wallet/ledger").await.contains("Not set up yet"));
}
