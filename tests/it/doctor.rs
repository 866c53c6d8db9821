//! `skypanel doctor`: a line per check, and a failure when anything is wrong.

use testkit::Panel;

/// How the command ended, and what it printed.
struct Diagnosis {
    is_well: bool,
    text: String,
}

impl Diagnosis {
    async fn with(panel: &Panel, url: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = panel.command("doctor", url);
        let output = command.envs(settings.iter().copied()).output().await;
        let output = output.expect("the skypanel binary is built: cargo build -p skypanel");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("panicked") && output.status.code().is_some_and(|code| code < 2), "{text}");
        Self { is_well: output.status.success(), text }
    }

    async fn of(panel: &Panel) -> Self {
        Self::with(panel, &panel.database().login_url(), &[]).await
    }

    /// Is this the one thing that is wrong?
    fn blames(&self, subject: &str, reason: &str) {
        let wrong: Vec<_> = self.text.lines().filter(|line| !line.starts_with("ok     ")).collect();
        let is_named =
            |line: &&str| line.starts_with(&format!("wrong  {subject}: ")) && line.contains(reason);
        assert!(!self.is_well && !wrong.is_empty() && wrong.iter().all(is_named), "{}", self.text);
    }
}

/// An installation without alarms.
async fn healthy() -> Panel {
    let panel = Panel::start().await;
    panel.execute("update providers set last_reconciled_at = now(), last_error = null").await;
    panel.execute("delete from jobs").await;
    panel
}

#[tokio::test]
async fn a_healthy_installation_is_well() {
    let panel = healthy().await;
    let found = Diagnosis::of(&panel).await;
    assert!(found.is_well, "{}", found.text);
    let subjects: Vec<_> = found.text.lines().filter_map(|line| line.split(':').next()).collect();
    let expected = [
        "ok     settings",
        "ok     database",
        "ok     role",
        "ok     schema",
        "ok     sealing keys",
        "ok     alarms",
    ];
    assert_eq!(subjects, expected);
}

#[tokio::test]
async fn a_missing_migration_is_wrong_and_a_newer_database_is_not() {
    let panel = healthy().await;
    panel
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values (9001, 'later', true, '', 0)",
        )
        .await;
    let newer = Diagnosis::of(&panel).await;
    assert!(newer.is_well && newer.text.contains("newer than this program"), "{}", newer.text);
    assert!(newer.text.contains("migration 9001"), "{}", newer.text);

    panel.execute("delete from _sqlx_migrations where version = 9001").await;
    let last: i64 = panel.fetch("select max(version) from _sqlx_migrations").await;
    panel.execute(format!("delete from _sqlx_migrations where version = {last}")).await;
    let reason = format!("migration {last:04} not applied. Run `skypanel migrate`.");
    Diagnosis::of(&panel).await.blames("schema", &reason);
}

#[tokio::test]
async fn a_wrong_a_foreign_and_no_sealing_key_are_wrong() {
    let panel = healthy().await;
    let key = "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE=";
    for (keys, subject, reason) in [
        (format!("test:{key}"), "sealing keys", "does not open at its place"),
        (format!("other:{key}"), "sealing keys", "sealed with key \"test\""),
        (String::new(), "settings", "no sealing key is set"),
    ] {
        let url = panel.database().login_url();
        let found = Diagnosis::with(&panel, &url, &[("SEALING_KEYS", &keys)]).await;
        found.blames(subject, reason);
        assert!(!found.text.contains(key), "a secret is told: {}", found.text);
    }
}

#[tokio::test]
async fn an_alarm_a_role_with_too_much_power_and_no_database_are_wrong() {
    let panel = healthy().await;
    let superuser = panel.database().superuser_url();
    Diagnosis::with(&panel, &superuser, &[]).await.blames("role", "superuser");
    let nowhere = "postgres://skypanel:word@127.0.0.1:1/skypanel";
    let found = Diagnosis::with(&panel, nowhere, &[]).await;
    found.blames("database", "DATABASE_URL");
    assert!(!found.text.contains("word@"), "{}", found.text);

    panel.enqueue("catalog.sync", &serde_json::json!({})).await;
    panel.execute("update jobs set state = 'dead', finished_at = now()").await;
    Diagnosis::of(&panel).await.blames("dead_jobs", "1 dead job");
}
