//! Bringing a world to rest: whatever was begun comes to its end, and everything is compared once more.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;
use tokio::time::sleep;

use crate::disturbance::SLOWEST_MS;
use crate::world::World;

/// So long after the last disturbance all work must be done.
const LIMIT: Duration = Duration::from_secs(90);
/// After this, what still waits for an operation that never ends is made old, so that it is given up.
const STUCK: Duration = Duration::from_secs(3);

/// Lets everything come to its end. Answers what did not.
pub(crate) async fn come_to_rest(world: &World) -> Result<(), String> {
    world.panel.simulator.clear_faults();
    world.let_clock_run(false).await;
    // A slow answer may still have its effect.
    sleep(Duration::from_millis(SLOWEST_MS)).await;
    drain(world).await?;
    payments(world).await?;
    // A server must be missing twice; what a comparison finds may need another.
    for _ in 0..2 {
        compare(world).await?;
    }
    enqueue(world, "billing.run", "null").await;
    drain(world).await?;
    // A suspension or its end changes what runs.
    for _ in 0..2 {
        compare(world).await?;
    }
    Ok(())
}

/// Everything the gateway has begun is settled, it has told all it has to tell, and what it did not tell is found.
async fn payments(world: &World) -> Result<(), String> {
    hear(world).await?;
    drain(world).await?;
    let pending = "select refund_ref from refunds where state = 'pending'";
    for refund in world.panel.fetch_all::<String>(pending).await {
        let how =
            if refund.bytes().map(u32::from).sum::<u32>().is_multiple_of(3) { "fail" } else { "complete" };
        world.at_the_gateway(&format!("refunds/{refund}/{how}"), &json!({})).await;
    }
    hear(world).await?;
    // Payers who never came back, and refunds nothing is heard of.
    world.execute("update top_ups set updated_at = updated_at - interval '5 minutes'").await;
    world.execute("update refunds set updated_at = updated_at - interval '2 hours'").await;
    enqueue(world, "payment.sweep", "null").await;
    drain(world).await?;
    // What a comparison has settled, the next one does not see.
    for _ in 0..2 {
        enqueue(world, "payment.compare", "null").await;
        drain(world).await?;
    }
    Ok(())
}

/// Waits until the gateway has told everything. It waits longer and longer before it tells something again, so its time
/// is helped on.
async fn hear(world: &World) -> Result<(), String> {
    let began = Instant::now();
    while world.panel.simulator.undelivered_webhooks() > 0 {
        if began.elapsed() > LIMIT {
            return Err("the gateway cannot tell what it has to tell".to_owned());
        }
        if began.elapsed() > STUCK {
            world.panel.simulator.step(TimeDelta::minutes(2));
        }
        sleep(Duration::from_millis(40)).await;
    }
    Ok(())
}

async fn compare(world: &World) -> Result<(), String> {
    for provider in world.panel.fetch_all::<uuid::Uuid>("select id from providers").await {
        enqueue(world, "provider.reconcile", &format!("{{\"provider_id\": \"{provider}\"}}")).await;
    }
    drain(world).await
}

async fn enqueue(world: &World, kind: &str, payload: &str) {
    world
        .execute(&format!(
            "insert into jobs (kind, payload, actor) values ('{kind}', '{payload}', '{{\"kind\": \"system\"}}')"
        ))
        .await;
}

/// Waits until no job is left; nobody has to wait for a time that was set.
async fn drain(world: &World) -> Result<(), String> {
    let began = Instant::now();
    loop {
        world.execute(NO_WAITS).await;
        world.execute(HOURS).await;
        if began.elapsed() > STUCK {
            world.execute(OLD).await;
        }
        let open: i64 =
            world.panel.fetch("select count(*) from jobs where state in ('ready', 'running')").await;
        if open == 0 {
            return Ok(());
        }
        if began.elapsed() > LIMIT {
            let open: Vec<String> = world.panel.fetch_all(OPEN).await;
            return Err(format!("work does not come to an end: {}", open.join("; ")));
        }
        sleep(Duration::from_millis(40)).await;
    }
}

/// Jobs are due, and lost answers are lost: nothing is on its way to a cloud any more.
const NO_WAITS: &str = "with due as (
        update jobs set run_at = now() where state = 'ready' and run_at > now() returning 1
    ), lost as (
        update vps_instances set create_sent_at = create_sent_at - interval '10 minutes'
        where state in ('creating', 'deleting') and create_sent_at > now() - interval '5 minutes'
            and not exists (select from jobs j where j.key = vps_instances.id::text and j.state = 'running')
        returning 1
    ) select pg_notify('jobs', '') where exists (select from due) or exists (select from lost)";

/// The clock of the billing runs stands still, but a resume waits for one, and one may leave out a wallet in use.
const HOURS: &str =
    "insert into jobs (kind, payload, actor) select 'billing.run', 'null', '{\"kind\": \"system\"}'
    where exists (select from jobs where kind = 'billing.resume' and state in ('ready', 'running'))
        and not exists (select from jobs where kind = 'billing.run' and state in ('ready', 'running'))";

/// Older than any deadline.
const OLD: &str = "with orders as (
        update vps_instances set created_at = created_at - interval '1 hour'
        where state = 'creating' and created_at > now() - interval '1 hour' returning 1
    ) update vps_actions set created_at = created_at - interval '1 hour', asked_at = asked_at - interval '1 hour'
        where state in ('queued', 'running') and created_at > now() - interval '1 hour'";

const OPEN: &str = "select concat_ws(' ', id, kind, state, payload, 'attempts', attempts, last_error)
    from jobs where state in ('ready', 'running') order by id";
