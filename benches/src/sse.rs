//! Event streams: what ten thousand of them weigh, how soon they are told, and whether a restart loses anything.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use domain::OrganizationId;
use domain::identity::Actor;
use domain::notify::Topic;
use serde_json::{Value, json};
use store::{Exempt, Store, SystemPurpose, notify};
use testkit::Panel;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use crate::measure::{memory_mb, percentile, round};
use crate::process;
use crate::scene;

/// Streams of one person, as many as the product allows.
const EACH: usize = 10;
const RATES: [u64; 2] = [30, 400];
const LENGTH: Duration = Duration::from_secs(10);
/// Streams that are opened at once.
const OPENING: usize = 50;
/// What was not told after so long is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all streams of the benchmark know together.
#[derive(Default)]
struct Told {
    /// When each event was committed; by its subject.
    committed: Mutex<HashMap<Uuid, Instant>>,
    waits: Mutex<Vec<(Uuid, Instant)>>,
    open: AtomicUsize,
    told: AtomicU64,
    repeated: AtomicU64,
}

/// The benchmark `sse`.
pub(crate) async fn run(streams: usize) -> Result<Value> {
    let people = streams / EACH;
    let panel = Panel::start().await;
    scene::customers(&panel, people).await;
    scene::credentials(&panel, people).await;
    let address = testkit::free_address();
    let serve = process::serve(&panel, &address).await?;
    let told = Arc::new(Told::default());
    get(&address, 1, "").await?;
    let before = memory_mb(serve.pid(), "VmRSS")?;
    let tasks: Vec<_> =
        (0..streams).map(|n| tokio::spawn(follow(address.clone(), 1 + n / EACH, n, told.clone()))).collect();
    until(&told.open, streams).await?;
    sleep(Duration::from_secs(2)).await;
    let each = (memory_mb(serve.pid(), "VmRSS")? - before) * 1024.0 / streams as f64;
    println!("{streams} streams: {each:.1} kB each");

    let organizations: Vec<Uuid> = panel
        .fetch_all("select organization_id from users where email like '%@bench.example' order by length(email), email")
        .await;
    let (mut sent, mut p99) = (0, 0.0);
    for rate in RATES {
        told.waits.lock().expect("no panic").clear();
        sent += publish(&panel.store, &organizations, rate, LENGTH, &told).await?;
        until_told(&told, sent).await;
        let waits = waits(&told);
        p99 = percentile(&waits, 0.99);
        println!("{rate} events/s: p50 {} ms, p99 {p99} ms from commit to client", percentile(&waits, 0.5));
    }
    let loaded = memory_mb(serve.pid(), "VmHWM")?;
    println!("the process at most: {loaded} MB");

    // A restart while events come.
    let publishing = {
        let (store, told) = (panel.store.clone(), told.clone());
        tokio::spawn(async move { publish(&store, &organizations, RATES[0], LENGTH, &told).await })
    };
    sleep(LENGTH / 4).await;
    serve.kill().await?;
    sleep(Duration::from_secs(1)).await;
    let _serve = process::serve(&panel, &address).await?;
    sent += publishing.await??;
    until_told(&told, sent).await;
    let (arrived, repeated) = (told.told.load(Ordering::Relaxed), told.repeated.load(Ordering::Relaxed));
    let lost = (sent * EACH as u64).saturating_sub(arrived);
    println!(
        "{sent} events for {EACH} streams each, over a restart: {arrived} told, {repeated} repeated, {lost} lost"
    );
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(json!({ "streams": streams, "kb_per_stream": round(each), "p99_ms": p99, "lost": lost }))
}

/// Publishes events of changing organizations; answers how many.
async fn publish(
    store: &Store,
    organizations: &[Uuid],
    rate: u64,
    length: Duration,
    told: &Told,
) -> Result<u64> {
    let count = rate * length.as_secs();
    let mut clock = interval(Duration::from_secs(1) / u32::try_from(rate)?);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..count {
        clock.tick().await;
        let organization = organizations[(n as usize * 7) % organizations.len()];
        let subject = Uuid::now_v7();
        let mut tx = store.system_tx(SystemPurpose::Job).await?;
        let scope = store::identity::visit(&mut tx, OrganizationId(organization), Actor::System).await?;
        drop(tx);
        let mut tx = store.org_tx(&scope.context("the customer is there")?).await?;
        notify::publish(&mut tx, Topic::Vps, subject).await?;
        tx.commit(Exempt::NothingChanged).await?;
        told.committed.lock().expect("no panic").insert(subject, Instant::now());
    }
    Ok(count)
}

fn waits(told: &Told) -> Vec<Duration> {
    let committed = told.committed.lock().expect("no panic");
    let arrived = told.waits.lock().expect("no panic");
    let mut waits: Vec<Duration> = arrived
        .iter()
        .filter_map(|(subject, at)| Some(at.saturating_duration_since(*committed.get(subject)?)))
        .collect();
    waits.sort_unstable();
    waits
}

async fn until(counter: &AtomicUsize, count: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE * 2;
    while counter.load(Ordering::Relaxed) < count {
        ensure!(Instant::now() < deadline, "only {} streams are open", counter.load(Ordering::Relaxed));
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Waits until each event was told on each stream, or nothing more is to be hoped for.
async fn until_told(told: &Told, sent: u64) {
    let deadline = Instant::now() + PATIENCE;
    while told.told.load(Ordering::Relaxed) < sent * EACH as u64 && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
}

/// Opens a stream; the answer's head is read.
async fn get(address: &str, person: usize, last: &str) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address).await?;
    let resume = if last.is_empty() { String::new() } else { format!("last-event-id: {last}\r\n") };
    let request =
        format!("GET /events HTTP/1.1\r\nhost: {address}\r\ncookie: session=bench-{person}\r\n{resume}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reader = BufReader::with_capacity(1024, stream);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    ensure!(line.starts_with("HTTP/1.1 200"), "a stream answered {line}");
    Ok(reader)
}

/// An open page: follows its events, and comes back where it was cut off.
async fn follow(address: String, person: usize, number: usize, told: Arc<Told>) {
    sleep(Duration::from_millis((number / OPENING * 20) as u64)).await;
    let (mut last, mut first) = (String::new(), true);
    let mut seen = HashSet::new();
    loop {
        if let Ok(mut reader) = get(&address, person, &last).await {
            if std::mem::take(&mut first) {
                told.open.fetch_add(1, Ordering::Relaxed);
            }
            let (mut line, mut frame) = (String::new(), Frame::default());
            while matches!(reader.read_line(&mut line).await, Ok(1..)) {
                match line.trim_end().split_once(':') {
                    Some(("data", data)) => frame.subject = data.trim().parse().ok(),
                    Some(("id", id)) => frame.position = Some(id.trim().to_owned()),
                    None => note(&told, std::mem::take(&mut frame), &mut last, &mut seen),
                    Some(_) => {}
                }
                line.clear();
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// What came between two empty lines.
#[derive(Default)]
struct Frame {
    subject: Option<Uuid>,
    position: Option<String>,
}

/// An event was told when the frame with its position came; the one that tells its topic has none.
fn note(told: &Told, frame: Frame, last: &mut String, seen: &mut HashSet<Uuid>) {
    let (Some(subject), Some(position)) = (frame.subject, frame.position) else { return };
    *last = position;
    if seen.insert(subject) {
        told.told.fetch_add(1, Ordering::Relaxed);
        told.waits.lock().expect("no panic").push((subject, Instant::now()));
    } else {
        told.repeated.fetch_add(1, Ordering::Relaxed);
    }
}
