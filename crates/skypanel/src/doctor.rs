//! `skypanel doctor`: is anything wrong with this installation, and what is to be done?

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use app::App;
use app::operations::{alarms, secrets};
use store::operations::secrets::Owner;
use store::{Store, SystemPurpose, setup};

use crate::config::Config;
use crate::wire;

/// After so long, the database is not there.
const PATIENCE: Duration = Duration::from_secs(5);

/// One line: what was looked at, and what is wrong with it or that it is well.
struct Finding {
    subject: &'static str,
    verdict: Result<String, String>,
}

/// Checks everything that can be checked, one line each. Changes nothing.
pub(crate) async fn run(file: Option<&Path>) -> Result<ExitCode> {
    let findings = examine(file).await;
    let mut out = std::io::stdout().lock();
    for Finding { subject, verdict } in &findings {
        match verdict {
            Ok(text) => writeln!(out, "ok     {subject}: {text}")?,
            Err(text) => writeln!(out, "wrong  {subject}: {text}")?,
        }
    }
    let is_well = findings.iter().all(|finding| finding.verdict.is_ok());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What cannot be looked at because of something before it is left out.
async fn examine(file: Option<&Path>) -> Vec<Finding> {
    let well = |subject, text: &str| Finding { subject, verdict: Ok(text.to_owned()) };
    let ill = |subject, text: String| Finding { subject, verdict: Err(text) };
    let (store, app) = match settings(file) {
        Ok(ready) => ready,
        Err(error) => {
            return vec![ill("settings", format!("{error:#}. `skypanel config` lists all settings."))];
        }
    };
    let mut findings = vec![well("settings", "they can be read, and sealing keys are among them.")];
    let login = match tokio::time::timeout(PATIENCE, setup::check_login(&store)).await {
        Ok(Ok(login)) => login,
        Ok(Err(error)) => {
            let text = format!("{}. See that it runs and that DATABASE_URL is right.", app::full(&error));
            findings.push(ill("database", text));
            return findings;
        }
        Err(_) => {
            let text = "it does not answer. See that it runs and that DATABASE_URL is right.";
            findings.push(ill("database", text.to_owned()));
            return findings;
        }
    };
    findings.push(well("database", "it answers."));
    findings.push(match login {
        None => well("role", "it can do no more than it needs."),
        Some(reason) => ill("role", format!("{reason}.")),
    });
    findings.push(Finding { subject: "schema", verdict: schema(&store).await });
    findings.extend(sealing_keys(&store, &app).await);
    findings.extend(open_alarms(&store, &app).await);
    findings
}

fn settings(file: Option<&Path>) -> Result<(Store, App)> {
    let config = Config::load(file)?;
    let store = Store::connect_lazy(config.database_url()?, 1).context("DATABASE_URL")?;
    let app = wire::app(&config, store.clone())?;
    wire::mailer(&config)?;
    Ok((store, app))
}

/// A newer schema is no fault: while an installation is upgraded, older programs run on it.
async fn schema(store: &Store) -> Result<String, String> {
    let applied =
        async { setup::applied_migrations(&mut store.system_read(SystemPurpose::CommandLine).await?).await };
    let applied = applied.await.map_err(|error| {
        format!("its version cannot be read ({}). Run `skypanel migrate`.", app::full(&error))
    })?;
    let known = setup::known_migrations();
    let missing = without(&known, &applied);
    let unknown = without(&applied, &known);
    match (missing.as_str(), unknown.as_str()) {
        ("", "") => Ok("it is the one this program brings.".to_owned()),
        ("", unknown) => Ok(format!(
            "the database is newer than this program, which does not know {unknown}. Upgrade the program."
        )),
        (missing, _) => Err(format!("{missing} not applied. Run `skypanel migrate`.")),
    }
}

/// The versions that only the first list has, in words; empty if there are none.
fn without(versions: &[i64], others: &[i64]) -> String {
    let only: Vec<_> =
        versions.iter().filter(|v| !others.contains(v)).map(|version| format!("{version:04}")).collect();
    match only.len() {
        0 => String::new(),
        1 => format!("migration {}", only.concat()),
        _ => format!("migrations {}", only.join(", ")),
    }
}

async fn sealing_keys(store: &Store, app: &App) -> Vec<Finding> {
    let subject = "sealing keys";
    let finding = |verdict| Finding { subject, verdict };
    let closed = async {
        let mut db = store.system_read(SystemPurpose::CommandLine).await?;
        secrets::closed(app, &mut db).await
    };
    match closed.await {
        Err(error) => vec![finding(Err(format!("what is sealed cannot be read ({}).", app::full(&error))))],
        Ok(closed) if closed.is_empty() => vec![finding(Ok("they open what is sealed.".to_owned()))],
        Ok(closed) => closed
            .iter()
            .map(|closed| {
                let what = match closed.owner {
                    Owner::Provider => "a provider account's token",
                    Owner::Vps => "a VPS's console key",
                    Owner::AutoTopUp => "a payer's leave to charge",
                    Owner::Mail => "a mail that is not sent yet",
                };
                let text = format!(
                    "{what} does not open: {}. Put the key that sealed it into SEALING_KEYS again, behind the first one.",
                    closed.error
                );
                finding(Err(text))
            })
            .collect(),
    }
}

async fn open_alarms(store: &Store, app: &App) -> Vec<Finding> {
    let open = async {
        let mut db = store.system_read(SystemPurpose::CommandLine).await?;
        alarms::alarms(&mut db, app.settings()).await
    };
    let finding = |verdict| Finding { subject: "alarms", verdict };
    match open.await {
        Err(error) => vec![finding(Err(format!("they cannot be read ({}).", app::full(&error))))],
        Ok(open) if open.is_empty() => vec![finding(Ok("none is open.".to_owned()))],
        Ok(open) => open
            .iter()
            .map(|alarm| Finding {
                subject: alarm.code.as_str(),
                verdict: Err(format!("{} {}", alarm.title, alarm.text).trim().replace('\n', " ")),
            })
            .collect(),
    }
}
