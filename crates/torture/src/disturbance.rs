//! What goes wrong, and making it so.

use std::time::Duration;

use simulator::{Fault, FaultKind};
use tokio::time::{Instant, sleep, sleep_until};

use crate::world::World;
use testkit::Random;

/// How many processes there are; the workers come first.
pub(crate) const PROCESSES: usize = WORKERS + SERVERS;
/// `skypanel work` processes.
pub(crate) const WORKERS: usize = 2;
/// `skypanel serve` processes.
pub(crate) const SERVERS: usize = 3;

/// The longest answer of a simulated cloud that is slow, in milliseconds.
pub(crate) const SLOWEST_MS: u64 = 1_200;

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Disturbance {
    /// SIGKILL; the process is started again after a while.
    Kill { process: usize, down_ms: u64 },
    /// SIGSTOP, and SIGCONT after more than the lease.
    Stop { process: usize, for_ms: u64 },
    /// Every connection of the database breaks, and it recovers from its log.
    DatabaseCrash,
    /// A cloud or the gateway fails.
    Fault(Fault),
}

const CLOUD_OPERATIONS: [&str; 6] = ["*.create", "*.create", "*.list", "*.get", "*.delete", "*.action"];
const GATEWAY_OPERATIONS: [&str; 4] =
    ["paypal.create_order", "paypal.capture", "paypal.capture", "paypal.get_capture"];
const OF_PAYMENTS: [&str; 9] = [
    "paypal.capture",
    "paypal.get_capture",
    "paypal.get_order",
    "paypal.refund",
    "paypal.refund",
    "paypal.refund",
    "paypal.get_refund",
    "paypal.get_dispute",
    "paypal.get_certificate",
];
const OF_REFUND: [FaultKind; 4] =
    [FaultKind::Stuck, FaultKind::Stuck, FaultKind::Failed, FaultKind::CutAfter];
const NEWS: [&str; 6] = [
    "webhook.*",
    "webhook.*",
    "webhook.*",
    "webhook.PAYMENT.CAPTURE.*",
    "webhook.PAYMENT.*",
    "webhook.CUSTOMER.DISPUTE.*",
];
/// What goes wrong on the way of what the gateway tells.
pub(crate) const OF_NEWS: [FaultKind; 13] = [
    FaultKind::Duplicate,
    FaultKind::Replay,
    FaultKind::Reorder,
    FaultKind::Vanish,
    FaultKind::CutAfter,
    FaultKind::CutBefore,
    FaultKind::Error,
    FaultKind::Slow,
    FaultKind::MalformedJson,
    FaultKind::ForgedSignature,
    FaultKind::ForgedCertificate,
    FaultKind::ExpiredCertificate,
    FaultKind::StaleTime,
];
const ANYWHERE: [FaultKind; 7] = [
    FaultKind::RateLimited,
    FaultKind::Error,
    FaultKind::HtmlError,
    FaultKind::Slow,
    FaultKind::CutBefore,
    FaultKind::CutAfter,
    FaultKind::MalformedJson,
];
const OF_CREATE: [FaultKind; 5] =
    [FaultKind::Vanish, FaultKind::Stuck, FaultKind::Failed, FaultKind::SoldOut, FaultKind::CutAfter];
const OF_ACTION: [FaultKind; 3] = [FaultKind::Stuck, FaultKind::Failed, FaultKind::CutAfter];

/// A fault of a cloud or, always so if `gateway`, of the gateway.
pub(crate) fn fault(random: &mut Random, gateway: bool) -> Disturbance {
    let gateway = gateway || random.percent(25);
    let operation = random.pick(if gateway { &GATEWAY_OPERATIONS[..] } else { &CLOUD_OPERATIONS[..] });
    let kind = match operation {
        "*.create" if random.percent(50) => random.pick(&OF_CREATE),
        "*.action" if random.percent(50) => random.pick(&OF_ACTION),
        _ => random.pick(&ANYWHERE),
    };
    made(random, operation, kind, 4)
}

/// A fault of the gateway where money goes back.
pub(crate) fn payment_fault(random: &mut Random) -> Disturbance {
    let operation = random.pick(&OF_PAYMENTS);
    let kind = match operation {
        "paypal.refund" if random.percent(70) => random.pick(&OF_REFUND),
        _ => random.pick(&ANYWHERE),
    };
    made(random, operation, kind, 4)
}

/// A fault on the way from the gateway to us.
pub(crate) fn webhook_fault(random: &mut Random) -> Disturbance {
    let (operation, kind) = (random.pick(&NEWS), random.pick(&OF_NEWS));
    made(random, operation, kind, 6)
}

/// Hits less than `most` requests.
fn made(random: &mut Random, operation: &str, kind: FaultKind, most: u64) -> Disturbance {
    let times = u32::try_from(random.within(1..most)).unwrap_or(1);
    let fault = Fault::new(operation, kind).times(times);
    Disturbance::Fault(match kind {
        FaultKind::RateLimited => fault.with_retry_after(1),
        FaultKind::Slow => fault.with_delay_ms(random.within(100..SLOWEST_MS)),
        FaultKind::Error => fault.with_status(random.pick(&[500, 502, 503, 504])),
        _ => fault,
    })
}

/// Carries out all of them, each at its time, and sees to it that everybody lives again.
pub(crate) async fn carry_out(world: &World, plan: &[(u64, Disturbance)]) {
    let began = Instant::now();
    let each = plan.iter().map(|(at, disturbance)| async move {
        sleep_until(began + Duration::from_millis(*at)).await;
        one(world, disturbance).await;
    });
    futures_util::future::join_all(each).await;
}

async fn one(world: &World, disturbance: &Disturbance) {
    match disturbance {
        Disturbance::Kill { process, down_ms } => {
            let mut process = world.processes[*process].lock().await;
            process.kill().await;
            sleep(Duration::from_millis(*down_ms)).await;
            process.start();
        }
        Disturbance::Stop { process, for_ms } => {
            let process = world.processes[*process].lock().await;
            process.freeze();
            sleep(Duration::from_millis(*for_ms)).await;
            process.thaw();
        }
        Disturbance::DatabaseCrash => world.crash_database().await,
        Disturbance::Fault(fault) => world.panel.simulator.inject(fault.clone()),
    }
}
