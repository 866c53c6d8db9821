//! Connections go from one transaction to the next; nothing of the one before may be left on them.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use store::{Exempt, Store, SystemPurpose};
use testkit::Panel;

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
