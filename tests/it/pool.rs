//! Connections go from one transaction to the next; nothing of the one before may be left on them.

use std::future::Future;
use std::pin::pin;
use std::process::Stdio;
use std::task::{Context, Waker};

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use store::{Exempt, Store, SystemPurpose};
use testkit::Panel;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Lets a future go on until it has waited `turns` times, and drops it there, as a closed browser does.
async fn abandon(future: impl Future, turns: usize) {
    let mut future = pin!(future);
    for _ in 0..turns {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_micros(50)).await;
    }
}

#[tokio::test]
async fn an_abandoned_read_does_not_keep_the_next_change_from_writing() {
    let panel = Panel::start().await;
    let caller = panel.customer("acme").await;
    // One connection: whoever comes next gets the one that was left.
    let store = Store::connect_lazy(&panel.database().login_url(), 1).unwrap();
    for turns in 0..100 {
        abandon(store.org_read(&caller.scope), turns % 20).await;
        let mut tx = store.org_tx(&caller.scope).await.unwrap();
        store::job::enqueue(&mut tx, store::job::NewJob::new("test", serde_json::Value::Null)).await.unwrap();
        tx.commit(Exempt::NothingChanged).await.unwrap();

        abandon(store.system_read(SystemPurpose::Job), turns % 20).await;
        let tx = store.org_tx(&caller.scope).await.unwrap();
        tx.commit(Exempt::NothingChanged).await.unwrap();
    }
}

/// A panel is started together with its database, or while that recovers.
#[tokio::test]
async fn a_program_that_starts_before_its_database_waits_for_it() {
    let panel = Panel::start().await;
    let folder = std::env::temp_dir().join(format!("skypanel-{}", uuid::Uuid::now_v7().simple()));
    let options: PgConnectOptions = panel.database().login_url().parse().unwrap();
    let socket = options.get_socket().expect("tests use a socket").clone();
    let mut work = panel
        .command("work", options.socket(&folder).to_url_lossy().as_str())
        .env("RUST_LOG", "info")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(work.stderr.take().unwrap()).lines();
    let mut until = async |word: &str| {
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains(word) {
                return;
            }
        }
        panic!("it ended before it said: {word}");
    };
    until("waiting for the database").await;
    std::os::unix::fs::symlink(&socket, &folder).unwrap();
    until("working").await;
    std::fs::remove_file(&folder).unwrap();
}
