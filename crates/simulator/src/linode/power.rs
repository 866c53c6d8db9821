//! Boot, reboot, shutdown: accepted at once, done later, one job at a time.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Linode, NewEvent, errors};
use crate::core::Twist;
use crate::core::service::{Call, Reply};

/// A power job: its event, how long it takes, the state on the way, at the end, and after a failure.
struct Job {
    action: &'static str,
    length: TimeDelta,
    during: &'static str,
    after: &'static str,
    failed: &'static str,
}

const BOOT: Job = Job {
    action: "linode_boot",
    length: TimeDelta::seconds(25),
    during: "booting",
    after: "running",
    failed: "offline",
};
const REBOOT: Job = Job {
    action: "linode_reboot",
    length: TimeDelta::seconds(30),
    during: "rebooting",
    after: "running",
    failed: "running",
};
const SHUTDOWN: Job = Job {
    action: "linode_shutdown",
    length: TimeDelta::seconds(28),
    during: "shutting_down",
    after: "offline",
    failed: "running",
};

pub(super) fn boot(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    let instance = world.instance(call)?;
    if !instance.is_busy(call.now) && instance.status(call.now) == "running" {
        return Err(errors::general(&format!("Linode {} already booted.", instance.id)));
    }
    run(world, call, &BOOT)
}

/// An instance that is off is booted.
pub(super) fn reboot(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    run(world, call, &REBOOT)
}

pub(super) fn shutdown(world: &mut Linode, call: &Call) -> Result<Reply, Reply> {
    run(world, call, &SHUTDOWN)
}

fn run(world: &mut Linode, call: &Call, job: &Job) -> Result<Reply, Reply> {
    let now = call.now;
    let (end, lag) = (now + job.length, world.lag());
    let instance = world.instance(call)?;
    if instance.is_busy(now) {
        return Err(errors::busy());
    }
    if instance.image.is_none() {
        return Err(errors::general("Linode does not have any configuration profiles."));
    }
    let id = instance.id;
    let stuck = call.twist == Some(Twist::Stuck);
    let fails = call.twist == Some(Twist::Failed);
    instance.status.plan(now, job.during);
    if stuck {
        instance.busy_until = DateTime::<Utc>::MAX_UTC;
    } else {
        instance.status.plan(end, if fails { job.failed } else { job.after });
        instance.busy_until = end.max(end + lag);
    }
    let secondary = if job.during == SHUTDOWN.during {
        Value::Null
    } else {
        let url = format!("/v4/linode/instances/{id}/configs/{}", instance.config);
        let label = instance.config_label();
        json!({ "id": instance.config, "type": "linode_config", "label": label, "url": url })
    };
    let span = (!stuck).then(|| (now + TimeDelta::seconds(1), end + lag));
    world.record(call, id, NewEvent { action: job.action, secondary, span, fails });
    Ok(Reply::ok(json!({})))
}
