//! A worker process that dies at each commit of the ladder, on both sides of it, and another one that goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use app::Caller;
use domain::VpsId;
use futures_util::StreamExt as _;
use serde_json::json;
use testkit::{Cut, Panel, Tripwire};

use super::{count, entries, lasts, look, pass, unpaid};

/// What is done while the worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// A notice and the announcement of a date.
    Tell,
    /// The end of two VPSs.
    Destroy,
}

async fn scene(deed: Deed) -> (Panel, Caller, [VpsId; 2]) {
    let (panel, worker, acme, web, db) = unpaid().await;
    if deed == Deed::Destroy {
        look(&panel).await;
        for hours in [96, 48, 23] {
            pass(&panel, hours).await;
            look(&panel).await;
        }
        panel.until_idle().await;
        pass(&panel, 1).await;
    }
    worker.stop().await;
    (panel, acme, [web, db])
}

/// Lets the ladder run with a worker that is killed at the trip. Answers how many commits it made.
async fn play(deed: Deed, trip: Option<(usize, Cut)>) -> usize {
    let (panel, _, vps) = scene(deed).await;
    let what = format!("{deed:?} {trip:?}");
    if deed == Deed::Tell {
        let bolt = panel.customer("bolt").await;
        panel.fund(&bolt, "1.00").await;
        lasts(&panel, &bolt, 60).await;
    }
    let url = panel.database().login_url();
    let wire = Tripwire::lay(&url, trip).await;
    let first = panel.worker_process(&wire.url(&url));
    let takeover = async {
        wire.tripped().await;
        first.kill().await;
        wire.hang_up();
        let second = panel.worker_process(&url);
        std::future::pending::<()>().await;
        drop(second);
    };
    let act = async {
        panel.enqueue("billing.ladder", &json!(null)).await;
        panel.until_idle().await;
        if deed == Deed::Destroy {
            for vps in vps {
                panel.until_state(vps, "deleted").await;
            }
        }
    };
    tokio::select! {
        () = takeover => unreachable!("the second worker is never finished"),
        () = act => {}
    }
    match deed {
        Deed::Tell => {
            assert_eq!(entries(&panel, "billing.runway_low").await, 1, "{what}");
            assert_eq!(entries(&panel, "billing.retention_announced").await, 1, "{what}");
            for kind in ["runway", "suspended"] {
                assert_eq!(count(&panel, &format!("mails where kind = '{kind}'")).await, 1, "{what}: {kind}");
            }
            assert_eq!(count(&panel, "vps_instances where kept_until is not null").await, 2, "{what}");
        }
        Deed::Destroy => {
            assert_eq!(entries(&panel, "vps.destroyed").await, 2, "{what}");
            assert_eq!(count(&panel, "mails where kind = 'destroyed'").await, 1, "{what}");
            assert!(vps.into_iter().all(|vps| panel.living_servers_of(vps).is_empty()), "{what}");
            panel.verify().await;
        }
    }
    wire.commits()
}

async fn killed_at_every_step(deed: Deed) {
    let commits = play(deed, None).await;
    assert!(commits >= 4, "{deed:?} takes several steps, not {commits}");
    let trips = (1..=commits + 1).flat_map(|n| [(n, Cut::Before), (n, Cut::After)]);
    let done = AtomicUsize::new(0);
    futures_util::stream::iter(trips)
        .for_each_concurrent(8, |trip| {
            let done = &done;
            async move {
                play(deed, Some(trip)).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await;
    assert_eq!(done.load(Ordering::Relaxed), 2 * (commits + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn telling_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Tell).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn destroying_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Destroy).await;
}
