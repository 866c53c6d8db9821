//! The queue: in order, one at a time per key, none lost, whoever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::Caller;
use domain::SshKeyId;
use domain::identity::Actor;
use domain::vps::PublicKey;
use serde_json::json;
use store::job::{Job, NewJob, Next, enqueue_for, queue};
use store::{Error, Exempt, Store, SystemPurpose};
use testkit::{PUBLIC_KEY, Panel};
use uuid::Uuid;

const KIND: &str = "test.job";
const LEASE: Duration = Duration::from_secs(30);

async fn enqueue(store: &Store, jobs: impl IntoIterator<Item = NewJob>) -> Vec<Option<i64>> {
    let mut tx = store.system_tx(SystemPurpose::Queue).await.unwrap();
    let mut made = Vec::new();
    for job in jobs {
        made.push(enqueue_for(&mut tx, None, Actor::System, job).await.unwrap());
    }
    tx.commit(Exempt::JobBookkeeping).await.unwrap();
    made
}

async fn claim(store: &Store, worker: Uuid, limit: i64, lease: Duration) -> Vec<Job> {
    queue::claim(store, worker, &[KIND.to_owned()], limit, lease).await.unwrap()
}

async fn claim_one(store: &Store, lease: Duration) -> Job {
    claim(store, Uuid::new_v4(), 1, lease).await.pop().expect("a job is due")
}

/// What happened, in order.
#[derive(Default)]
struct Diary {
    running: BTreeSet<i64>,
    done: BTreeMap<i64, Vec<i64>>,
}

impl Diary {
    fn begin(&mut self, key: i64) {
        assert!(self.running.insert(key), "two jobs of key {key} at once");
    }

    fn end(&mut self, key: i64, number: i64) {
        self.running.remove(&key);
        self.done.entry(key).or_default().push(number);
    }
}

#[tokio::test]
async fn five_hundred_jobs_of_twenty_keys_run_in_order_and_never_two_of_a_key() {
    let panel = Panel::start().await;
    let diary = Arc::new(Mutex::new(Diary::default()));
    let worker = |limit| {
        let (store, diary, id) = (panel.store.clone(), diary.clone(), Uuid::new_v4());
        tokio::spawn(async move {
            while diary.lock().unwrap().done.values().map(Vec::len).sum::<usize>() < 500 {
                let mut work = tokio::task::JoinSet::new();
                for job in claim(&store, id, limit, LEASE).await {
                    let (store, diary) = (store.clone(), diary.clone());
                    work.spawn(async move {
                        let key = job.payload["key"].as_i64().unwrap();
                        diary.lock().unwrap().begin(key);
                        tokio::task::yield_now().await;
                        diary.lock().unwrap().end(key, job.payload["n"].as_i64().unwrap());
                        queue::done(&store, &job).await.unwrap();
                    });
                }
                while let Some(done) = work.join_next().await {
                    done.unwrap();
                }
            }
        })
    };
    let workers = [worker(16), worker(5)];
    for batch in 0..20 {
        let jobs = (0..25).map(|i| {
            let n = batch * 25 + i;
            NewJob::new(KIND, json!({ "key": n % 20, "n": n })).keyed(n % 20)
        });
        enqueue(&panel.store, jobs).await;
    }
    for worker in workers {
        worker.await.unwrap();
    }
    for (key, done) in &diary.lock().unwrap().done {
        let expected: Vec<i64> = (0..500).filter(|n| n % 20 == *key).collect();
        assert_eq!(*done, expected, "key {key}");
    }
}

#[tokio::test]
async fn a_waiting_job_keeps_its_place_before_later_ones_of_its_key() {
    let panel = Panel::start().await;
    enqueue(&panel.store, (0..2).map(|n| NewJob::new(KIND, json!(n)).keyed("k"))).await;
    let first = claim_one(&panel.store, LEASE).await;
    queue::again(&panel.store, &first, Duration::from_secs(60), "later").await.unwrap();
    assert!(claim(&panel.store, Uuid::new_v4(), 5, LEASE).await.is_empty());
    panel.skip_waits().await;
    assert_eq!(claim_one(&panel.store, LEASE).await.payload, json!(0));
    let attempts: i32 = panel.fetch("select max(attempts) from jobs").await;
    assert_eq!(attempts, 0, "waiting is no failure");
}

async fn org_job(panel: &Panel, acme: &Caller, lease: Duration) -> Job {
    let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
    store::job::enqueue(&mut tx, NewJob::new(KIND, json!(null))).await.unwrap();
    tx.commit(Exempt::JobBookkeeping).await.unwrap();
    claim_one(&panel.store, lease).await
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let stale = org_job(&panel, &acme, Duration::ZERO).await;
    assert!(!queue::still_ours(&panel.store, &stale, Duration::ZERO).await.unwrap());
    assert_eq!(queue::reap(&panel.store).await.unwrap(), 1);
    let fresh = claim_one(&panel.store, LEASE).await;
    assert_eq!((fresh.id, fresh.attempts), (stale.id, 1));

    let key = PublicKey::parse(PUBLIC_KEY).unwrap();
    let effect = async |job: &Job, how: &str| {
        let mut tx = panel.store.org_tx(&job.scope().unwrap()).await.unwrap();
        store::vps::ssh_key::insert(&mut tx, SshKeyId::new(), how, &key).await.unwrap();
        match how {
            "finish" => tx.finish(job, Next::Done, Exempt::JobBookkeeping).await,
            _ => tx.checkpoint(job, Exempt::JobBookkeeping).await,
        }
    };
    for how in ["finish", "checkpoint"] {
        assert!(matches!(effect(&stale, how).await, Err(Error::LeaseLost)), "{how}");
    }
    assert!(matches!(queue::done(&panel.store, &stale).await, Err(Error::LeaseLost)));
    assert!(matches!(queue::fail(&panel.store, &stale, LEASE, "no", true).await, Err(Error::LeaseLost)));
    assert_eq!(panel.fetch::<i64>("select count(*) from ssh_keys").await, 0, "rolled back");

    effect(&fresh, "finish").await.unwrap();
    assert_eq!(panel.fetch::<i64>("select count(*) from ssh_keys").await, 1);
}

#[tokio::test]
async fn a_renewed_lease_is_kept_and_a_handed_back_job_costs_no_attempt() {
    let panel = Panel::start().await;
    enqueue(&panel.store, [NewJob::new(KIND, json!(null))]).await;
    let worker = Uuid::new_v4();
    let job = claim(&panel.store, worker, 1, Duration::from_millis(300)).await.remove(0);
    queue::renew(&panel.store, &[job.claim()], LEASE).await.unwrap();
    assert!(queue::still_ours(&panel.store, &job, LEASE / 2).await.unwrap());
    queue::hand_back(&panel.store, worker).await.unwrap();
    assert!(!queue::still_ours(&panel.store, &job, Duration::ZERO).await.unwrap());
    assert_eq!(claim_one(&panel.store, LEASE).await.attempts, 0);
}

/// The answer to a claim was lost: the worker lives, and does not know that it has the job.
#[tokio::test]
async fn a_job_its_worker_does_not_know_of_is_freed_while_the_worker_lives() {
    let panel = Panel::start().await;
    enqueue(&panel.store, [NewJob::new(KIND, json!("known")), NewJob::new(KIND, json!("lost"))]).await;
    let worker = Uuid::new_v4();
    let jobs = claim(&panel.store, worker, 2, Duration::from_millis(300)).await;
    let [known, lost] = &jobs[..] else { panic!("both are due") };
    queue::renew(&panel.store, &[known.claim()], LEASE).await.unwrap();
    panel.until(format!("select lease_until < now() from jobs where id = {}", lost.id)).await;
    assert_eq!(queue::reap(&panel.store).await.unwrap(), 1);
    assert!(queue::still_ours(&panel.store, known, LEASE / 2).await.unwrap());
    assert_eq!(claim_one(&panel.store, LEASE).await.id, lost.id);
}

#[tokio::test]
async fn a_job_that_fails_or_kills_its_worker_too_often_is_dead() {
    let panel = Panel::start().await;
    enqueue(&panel.store, [NewJob::new(KIND, json!("fails")), NewJob::new(KIND, json!("kills"))]).await;
    for attempt in 1..=12 {
        let fails = claim_one(&panel.store, LEASE).await;
        assert_eq!(fails.payload, json!("fails"));
        let dead = queue::fail(&panel.store, &fails, Duration::ZERO, "broken", false).await.unwrap();
        assert_eq!(dead, attempt == 12);
        panel.execute("update jobs set priority = 1 where payload = '\"fails\"'").await;
    }
    for _ in 0..12 {
        assert_eq!(claim_one(&panel.store, Duration::ZERO).await.payload, json!("kills"));
        assert_eq!(queue::reap(&panel.store).await.unwrap(), 1);
    }
    assert!(claim(&panel.store, Uuid::new_v4(), 5, LEASE).await.is_empty());
    let ends: Vec<String> = panel.fetch_all("select state || ' ' || last_error from jobs order by id").await;
    assert_eq!(ends, ["dead broken", "dead the worker disappeared"]);
}

#[tokio::test]
async fn a_job_asked_for_again_is_one_job_unless_it_runs_already() {
    let panel = Panel::start().await;
    let ask =
        async || enqueue(&panel.store, [NewJob::new(KIND, json!(null)).once("word")]).await[0].is_some();
    assert_eq!((ask().await, ask().await), (true, false));
    let running = claim_one(&panel.store, LEASE).await;
    assert!(!ask().await);
    queue::done(&panel.store, &running).await.unwrap();
    let again = claim_one(&panel.store, LEASE).await;
    queue::done(&panel.store, &again).await.unwrap();
    assert!(claim(&panel.store, Uuid::new_v4(), 5, LEASE).await.is_empty());
    assert!(ask().await, "a new one after the end");
}

#[tokio::test]
async fn a_recurring_job_is_enqueued_once_per_slot_by_however_many_processes() {
    let panel = Panel::start().await;
    let day = Duration::from_secs(24 * 3600);
    let count = "select count(*) from jobs where kind = 'test.job'";
    for slot in 1..=3 {
        let askers = (0..30).map(|_| {
            let store = panel.store.clone();
            tokio::spawn(async move { queue::recur(&store, KIND, day).await.unwrap() })
        });
        for asker in askers.collect::<Vec<_>>() {
            asker.await.unwrap();
        }
        assert_eq!(panel.fetch::<i64>(count).await, slot);
        // The job is done, and the slot is not over.
        let job = claim_one(&panel.store, LEASE).await;
        queue::done(&panel.store, &job).await.unwrap();
        queue::recur(&panel.store, KIND, day).await.unwrap();
        assert_eq!(panel.fetch::<i64>(count).await, slot);
        panel.execute("update recurring_jobs set last_slot = last_slot - 1 where kind = 'test.job'").await;
    }
}

#[tokio::test]
async fn a_worker_that_stops_in_good_order_leaves_nothing_running() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    panel.simulator.freeze(true);
    let worker = panel.worker();
    let web = panel.order(&acme, "harbor", "web").await;
    testkit::eventually("the cloud makes a server", || !panel.servers_of(web).is_empty()).await;
    worker.stop().await;
    let left: Vec<String> =
        panel.fetch_all("select kind || ' ' || state from jobs where state <> 'done'").await;
    assert_eq!(left, ["vps.create ready"]);
    panel.simulator.freeze(false);
    let _another = panel.worker();
    panel.until_state(web, "active").await;
    assert_eq!(panel.servers_of(web).len(), 1);
}
