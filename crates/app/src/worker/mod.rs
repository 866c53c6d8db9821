//! The worker: claims jobs and runs their handlers.
//!
//! Shutdown goes in this order: stop claiming, let running jobs come to their next step, abort what
//! is left, hand it back. A killed worker's jobs are freed when their lease runs out.

mod context;
mod fail;
mod handlers;
mod running;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::billing::VatRegister;
use domain::notify::mail::Mailer;
use domain::payment::PaymentGateway;
use domain::provider::ProviderConnector;
use futures_util::FutureExt as _;
use store::Store;
use store::job::{Job, queue};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::full;

pub(crate) use context::{Context, payload_id};
pub(crate) use fail::Fail;

use crate::App;
use running::Running;

/// How a worker works.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// Jobs at once.
    pub slots: usize,
    /// A claim not renewed for so long is taken over. Twice as long as the longest call.
    pub lease: Duration,
    /// Looks for due jobs at least so often, besides being woken.
    pub poll: Duration,
    /// Time running jobs get to finish when the worker stops.
    pub grace: Duration,
    /// Pause between two billing runs.
    pub billing_every: Duration,
    /// Pause between two comparisons of the inventories.
    pub reconcile_every: Duration,
    /// Pause between two notes of what is left of the accounts' request budgets.
    pub budgets_every: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            slots: 16,
            lease: Duration::from_secs(45),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(20),
            billing_every: Duration::from_secs(60),
            reconcile_every: Duration::from_secs(60),
            budgets_every: Duration::from_secs(10),
        }
    }
}

/// Runs jobs until it is told to stop.
pub struct Worker {
    id: Uuid,
    context: Arc<Context>,
    settings: WorkerSettings,
    running: Running,
}

impl Worker {
    /// Puts a worker together. Only here do the clients of the outside world come in. Without a mailer, mail is
    /// switched off; without a register, VAT numbers count by their format.
    pub fn new(
        app: App,
        clouds: Arc<dyn ProviderConnector>,
        gateway: Arc<dyn PaymentGateway>,
        mailer: Option<Arc<dyn Mailer>>,
        vat_register: Option<Arc<dyn VatRegister>>,
        settings: WorkerSettings,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            context: Arc::new(Context::new(app, clouds, gateway, mailer, vat_register, settings.lease)),
            settings,
            running: Running::default(),
        }
    }

    /// Runs until `stop`, then drains.
    pub async fn run(self, stop: CancellationToken) {
        let store = self.context.store().clone();
        let wake = Arc::new(Notify::new());
        let background = CancellationToken::new();
        let mut side = JoinSet::new();
        side.spawn(listen(store.clone(), wake.clone(), background.clone()));
        side.spawn(keep_leases(store.clone(), self.running.clone(), self.settings.lease, background.clone()));
        side.spawn(recur(store.clone(), handlers::recurring(&self.settings), stop.clone()));
        side.spawn(note_budgets(self.context.clone(), self.settings.budgets_every, stop.clone()));
        self.work(&wake, &stop).await;
        background.cancel();
        side.shutdown().await;
        if let Err(error) = queue::hand_back(&store, self.id).await {
            tracing::warn!(
                error = full(&error),
                "could not hand jobs back; they are freed when the lease ends"
            );
        }
    }

    async fn work(&self, wake: &Arc<Notify>, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.slots));
        let kinds = handlers::kinds();
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            let jobs = self.claim(&kinds, slots.available_permits()).await;
            let idle = jobs.is_empty();
            for job in jobs {
                let Ok(slot) = slots.clone().acquire_owned().await else { return };
                let begun = self.running.begin(job.claim());
                let (context, wake) = (self.context.clone(), wake.clone());
                running.spawn(async move {
                    run_one(context, job).await;
                    drop((begun, slot));
                    wake.notify_one();
                });
            }
            if idle || slots.available_permits() == 0 {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = wake.notified() => {}
                    () = tokio::time::sleep(self.settings.poll) => {}
                }
            }
        }
        let drained = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.grace, drained).await.is_err() {
            tracing::warn!("some jobs did not come to a stop in time and are handed back");
        }
        running.shutdown().await;
    }

    async fn claim(&self, kinds: &[String], free: usize) -> Vec<Job> {
        let Ok(limit @ 1..) = i64::try_from(free) else { return Vec::new() };
        match queue::claim(self.context.store(), self.id, kinds, limit, self.settings.lease).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(error = full(&error), "cannot claim jobs");
                Vec::new()
            }
        }
    }
}

/// Runs a job and settles what its handler left open. A panic is a failed attempt. The handler is
/// no task of its own, so that it ends with this one when the worker stops.
async fn run_one(context: Arc<Context>, job: Job) {
    let handler = AssertUnwindSafe(handlers::dispatch(&context, &job)).catch_unwind();
    if let Err(failure) = handler.await.unwrap_or(Err(Fail::Crashed)) {
        failure.settle(&context, &job).await;
    }
}

/// Wakes the worker when jobs are enqueued, for ever, whatever the database does.
async fn listen(store: Store, wake: Arc<Notify>, stop: CancellationToken) {
    let listening = async {
        loop {
            if let Ok(mut ear) = queue::WakeUp::connect(&store).await {
                while ear.wait().await.is_ok() {
                    wake.notify_one();
                }
            }
            wake.notify_one();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! { () = stop.cancelled() => {}, () = listening => {} }
}

/// Renews the leases of what this worker runs and frees the jobs of workers that are gone.
async fn keep_leases(store: Store, running: Running, lease: Duration, stop: CancellationToken) {
    loop {
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(lease / 4) => {} }
        let renewed = queue::renew(&store, &running.claims(), lease).await;
        let freed = queue::reap(&store).await;
        match (renewed, freed) {
            (Err(error), _) | (_, Err(error)) => tracing::warn!(error = full(&error), "cannot renew leases"),
            (_, Ok(0)) => {}
            (_, Ok(jobs)) => tracing::warn!(jobs, "freed jobs of a worker that disappeared"),
        }
    }
}

/// Writes down what is left of the accounts' request budgets: at most once per pause, whatever the
/// number of requests.
async fn note_budgets(context: Arc<Context>, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(every) => {} }
        if let Err(error) = context.note_budgets().await {
            tracing::warn!(error = full(&error), "cannot note the request budgets");
        }
    }
}

/// Enqueues recurring jobs, each once per slot of time over all processes.
async fn recur(store: Store, schedule: Vec<(&'static str, Duration)>, stop: CancellationToken) {
    let shortest = schedule.iter().map(|(_, every)| *every).min().unwrap_or(Duration::from_secs(60));
    loop {
        for (kind, every) in &schedule {
            if let Err(error) = queue::recur(&store, kind, *every).await {
                tracing::warn!(error = full(&error), kind, "cannot enqueue a recurring job");
            }
        }
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(shortest / 2) => {} }
    }
}
