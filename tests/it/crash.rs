//! Killed anywhere, and the books and the clouds still agree.
//!
//! A worker process runs on a wire that is cut at its n-th commit, before or after, and the process
//! is killed there with SIGKILL; another one finishes the work. This is done for every n there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::Caller;
use app::payment::{ask_for_answer, ask_for_capture, begin_top_up, turn_off_auto_top_up};
use domain::TopUpId;
use domain::billing::transfer::GB;
use domain::payment::{AutoTerms, Threshold};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use simulator::{Fault, FaultKind};
use testkit::{Cut, Panel, Tripwire};

/// What is done while the worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Create,
    Delete,
    TopUp,
    AutoTopUp,
    Dispute,
    Move,
    Transfer,
}

/// A panel in which the deed can be done.
struct Scene {
    panel: Panel,
    acme: Caller,
    deed: Deed,
    vps: Option<domain::VpsId>,
    paid: Option<TopUpId>,
}

impl Scene {
    async fn set(deed: Deed) -> Self {
        let panel = Panel::start().await;
        let acme = panel.customer("acme").await;
        panel.fund(&acme, "50.00").await;
        let worker = panel.worker();
        let vps = match deed {
            Deed::Delete | Deed::Move | Deed::Transfer => Some(panel.active(&acme, "small", "web").await),
            Deed::Create | Deed::TopUp | Deed::AutoTopUp | Deed::Dispute => None,
        };
        let paid = match deed {
            Deed::Dispute => Some(panel.top_up(&acme, "25.00").await),
            _ => None,
        };
        panel.until_idle().await;
        worker.stop().await;
        Self { panel, acme, deed, vps, paid }
    }

    /// Does the deed as a person would, to its end.
    async fn act(&self) {
        let Self { panel, acme, .. } = self;
        match (self.deed, self.vps) {
            (Deed::Dispute, _) => self.dispute().await,
            (Deed::Create, _) => {
                let vps = panel.order(acme, "small", "web").await;
                panel.until_state(vps, "active").await;
            }
            (Deed::Delete, Some(vps)) => {
                app::vps::delete(&panel.app, acme, vps).await.unwrap();
                panel.until_state(vps, "deleted").await;
            }
            (Deed::Move, Some(vps)) => {
                let cheaper = panel.publish("small", 1_000).await;
                panel.announce_move("small", None).await;
                let moved =
                    format!("select price_version_id = '{cheaper}' from vps_instances where id = '{vps}'");
                panel.until(moved).await;
                panel
                    .until("select count(*) = 1 from mails where kind = 'price_change' and state = 'sent'")
                    .await;
            }
            (Deed::Transfer, Some(vps)) => self.transfer(vps).await,
            (Deed::TopUp, _) => self.pay().await,
            (Deed::AutoTopUp, _) => self.agree().await,
            (Deed::Delete | Deed::Move | Deed::Transfer, None) => unreachable!("the scene has a VPS"),
        }
        panel.until_idle().await;
    }

    async fn pay(&self) {
        let Self { panel, acme, .. } = self;
        let amount = "25.00".parse().unwrap();
        let id: TopUpId = begin_top_up(&panel.app, acme, amount, None).await.unwrap().effect();
        panel.until(format!("select state = 'awaiting_approval' from top_ups where id = '{id}'")).await;
        let order: String = panel.fetch(format!("select order_ref from top_ups where id = '{id}'")).await;
        assert!(panel.simulator.approve(&order), "the payer can approve");
        // The return page may be opened any number of times.
        let asked = (0..5).map(|_| ask_for_capture(&panel.app, acme, id));
        for outcome in futures_util::future::join_all(asked).await {
            outcome.unwrap();
        }
        panel.until(format!("select state = 'completed' from top_ups where id = '{id}'")).await;
    }

    /// Agrees to automatic top-ups, of which one is due at once, and takes it back.
    async fn agree(&self) {
        let Self { panel, acme, .. } = self;
        let threshold = Threshold::Amount("60.00".parse().unwrap());
        let (amount, ceiling) = ("25.00".parse().unwrap(), "25.00".parse().unwrap());
        panel.ask_to_agree(acme, AutoTerms { threshold, amount, ceiling }).await;
        panel.payer_agrees(acme).await;
        let asked = (0..5).map(|_| ask_for_answer(&panel.app, acme));
        for outcome in futures_util::future::join_all(asked).await {
            outcome.unwrap();
        }
        panel.until("select exists (select from top_ups where auto_top_up_id is not null and state = 'completed')").await;
        turn_off_auto_top_up(&panel.app, acme).await.unwrap();
        panel.until("select state = 'off' and token_sealed is null from auto_top_ups").await;
    }

    /// More transfer than is included, and then more than the wallet can pay.
    async fn transfer(&self, vps: domain::VpsId) {
        let panel = &self.panel;
        panel.price_transfer(10_000, "date_trunc('month', now(), 'utc')").await;
        let month = panel.fetch("select date_trunc('month', now() at time zone 'utc')::date").await;
        for (charges, bytes) in [(1, 2_000 * GB), (2, 9_000 * GB)] {
            panel.read_transfer(vps, month, bytes).await;
            panel.enqueue("billing.transfer", &Value::Null).await;
            panel.until(format!("select count(*) = {charges} from transfer_charges")).await;
        }
    }

    /// The payer disputes the payment and gets it back; the daily comparison hears of both.
    async fn dispute(&self) {
        let (panel, id) = (&self.panel, self.paid.unwrap());
        let capture = panel.capture_of(id).await;
        let dispute = panel.at_the_gateway(&format!("captures/{capture}/dispute"), &json!({})).await;
        panel.enqueue("payment.compare", &Value::Null).await;
        panel.until("select exists (select from disputes)").await;
        let resolve = format!("disputes/{}/resolve", dispute["dispute_id"].as_str().unwrap());
        panel.at_the_gateway(&resolve, &json!({ "outcome": "RESOLVED_BUYER_FAVOUR" })).await;
        panel.until_idle().await;
        panel.enqueue("payment.compare", &Value::Null).await;
        panel.until("select state = 'lost' from disputes").await;
    }

    /// One server per living order, none without an owner, the books in order.
    async fn check(&self, what: &str) {
        let panel = &self.panel;
        let active: i64 = panel.fetch("select count(*) from vps_instances where state = 'active'").await;
        let living: Vec<_> = panel.simulator.servers().into_iter().filter(|s| !s.is_deleted()).collect();
        let expected = i64::from(matches!(self.deed, Deed::Create | Deed::Move | Deed::Transfer));
        assert_eq!(active, expected, "{what}: active VPSs");
        assert_eq!(living.len(), usize::from(expected == 1), "{what}: servers {living:?}");
        if self.deed == Deed::AutoTopUp {
            let tokens = panel.simulator.payment_tokens();
            assert!(tokens.len() == 1 && tokens[0].status == "DELETED", "{what}: {tokens:?}");
            let mails: i64 = panel.fetch("select count(*) from mails where kind = 'auto_top_up'").await;
            assert_eq!(mails, 1, "{what}: told once that it is on");
        }
        if matches!(self.deed, Deed::TopUp | Deed::AutoTopUp) {
            let captures: usize = panel.simulator.orders().iter().map(|o| o.captures.len()).sum();
            assert_eq!(captures, 1, "{what}: captures at the gateway");
            assert_eq!(panel.balances(&self.acme).await.available, 75_000_000, "{what}: credited once");
            let receipts: Vec<i64> = panel.fetch_all("select number from documents").await;
            assert_eq!(receipts, [1], "{what}: one receipt, and no number lost");
        }
        if self.deed == Deed::Dispute {
            assert_eq!(panel.balances(&self.acme).await.available, 50_000_000, "{what}: taken once");
            let mails: Vec<String> =
                panel.fetch_all("select subject from mails where kind = 'dispute' order by created_at").await;
            let told = ["A payment for acme is disputed", "A disputed payment of acme went back"];
            assert_eq!(mails, told, "{what}: told once of each");
        }
        if self.deed == Deed::Move {
            let entries = "select count(*) from activity_logs where action = 'billing.price_changed'";
            assert_eq!(panel.fetch::<i64>(entries).await, 1, "{what}: moved once");
        }
        if self.deed == Deed::Transfer {
            let charges: Vec<i32> = panel.fetch_all("select sequence from transfer_charges order by 1").await;
            assert_eq!(charges, [1, 2], "{what}: charged once each");
            let entries = "select count(*) from activity_logs where action = 'billing.transfer_charged'";
            assert_eq!(panel.fetch::<i64>(entries).await, 2, "{what}: told once each");
        }
        panel.verify().await;
    }
}

/// Does the deed with a worker that is killed at the trip, and another one that goes on. Answers how
/// many commits the first one made.
async fn play(deed: Deed, trip: Option<(usize, Cut)>, fault: Option<Fault>) -> usize {
    let scene = Scene::set(deed).await;
    if let Some(fault) = fault {
        scene.panel.simulator.inject(fault);
    }
    let url = scene.panel.database().login_url();
    let wire = Tripwire::lay(&url, trip).await;
    let first = scene.panel.worker_process(&wire.url(&url));
    let takeover = async {
        wire.tripped().await;
        first.kill().await;
        wire.hang_up();
        let second = scene.panel.worker_process(&url);
        std::future::pending::<()>().await;
        drop(second);
    };
    tokio::select! {
        () = takeover => unreachable!("the second worker is never finished"),
        () = scene.act() => {}
    }
    scene.check(&format!("{deed:?} {trip:?}")).await;
    wire.commits()
}

/// Kills the worker at every commit that a deed takes, on both sides of it; eight scenes at a time.
async fn killed_at_every_step(deed: Deed) {
    let commits = play(deed, None, None).await;
    assert!(commits >= 4, "{deed:?} takes several steps, not {commits}");
    let trips = (1..=commits + 1).flat_map(|n| [(n, Cut::Before), (n, Cut::After)]);
    let done = Arc::new(AtomicUsize::new(0));
    futures_util::stream::iter(trips)
        .for_each_concurrent(8, |trip| {
            let done = done.clone();
            async move {
                play(deed, Some(trip), None).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await;
    assert_eq!(done.load(Ordering::Relaxed), 2 * (commits + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn create_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Create).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Delete).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_to_another_price_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Move).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_of_transfer_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Transfer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn top_up_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::TopUp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_top_up_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::AutoTopUp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_survives_a_kill_at_every_step() {
    killed_at_every_step(Deed::Dispute).await;
}

/// The answer to each kind of request is lost once after its effect, and the worker is killed while
/// it wonders.
#[tokio::test(flavor = "multi_thread")]
async fn answers_cut_after_the_effect_change_nothing() {
    let cases = [
        (Deed::Create, "*.create"),
        (Deed::Create, "*.list"),
        (Deed::Delete, "*.delete"),
        (Deed::TopUp, "paypal.create_order"),
        (Deed::TopUp, "paypal.capture"),
        (Deed::AutoTopUp, "paypal.create_setup_token"),
        (Deed::AutoTopUp, "paypal.create_payment_token"),
        (Deed::AutoTopUp, "paypal.delete_payment_token"),
        (Deed::AutoTopUp, "paypal.create_order"),
    ];
    let runs = cases
        .into_iter()
        .flat_map(|case| [None, Some((3, Cut::Before)), Some((4, Cut::After))].map(|t| (case, t)));
    futures_util::stream::iter(runs)
        .for_each_concurrent(8, |((deed, operation), trip)| async move {
            let fault = Fault::new(operation, FaultKind::CutAfter).once();
            play(deed, trip, Some(fault)).await;
        })
        .await;
}
