//! Movements of money that wait for each other: all on one wallet, and dealt out to a thousand.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use domain::activity::{Action, Activity, TargetKind};
use domain::identity::Actor;
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{Money, OrganizationId, TopUpId};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use store::{OrgScope, Store, SystemPurpose, wallet};
use testkit::Panel;
use uuid::Uuid;

use crate::measure::{percentile, round};
use crate::scene;

/// Wallets, when there are many.
const MANY: usize = 1_000;
/// Who moves money at once, and connections for them.
const AT_ONCE: u32 = 16;
const WARM_UP: Duration = Duration::from_secs(1);
/// What each moves.
const AMOUNT: Money = Money::from_micros(1_000_000);

/// The benchmark `wallet`; each measurement takes so many seconds.
pub(crate) async fn run(seconds: usize) -> Result<Value> {
    let length = Duration::from_secs(u64::try_from(seconds)?);
    let panel = Panel::start().await;
    let store = Store::connect_lazy(&panel.database().login_url(), AT_ONCE)?;
    scene::customers(&panel, MANY).await;
    let ids: Vec<Uuid> =
        panel.fetch_all("select id from organizations where name like 'Bench %' order by id").await;
    ensure!(ids.len() == MANY, "{} customers", ids.len());
    let mut scopes = Vec::new();
    let mut tx = store.system_tx(SystemPurpose::CommandLine).await?;
    for id in ids {
        let scope = store::identity::visit(&mut tx, OrganizationId(id), Actor::System).await?;
        scopes.push(scope.context("the customer is there")?);
    }
    drop(tx);
    scene::settle(&panel).await;
    moved(&store, &scopes, WARM_UP).await?;
    let many = moved(&store, &scopes, length).await?;
    println!("{MANY} wallets: {many}");
    let hot = moved(&store, &scopes[..1], length).await?;
    println!("one wallet: {hot}");
    let wrong: i64 = panel
        .fetch(
            "select count(*) from wallets w cross join lateral (
                select coalesce(sum(amount_micros) filter (where account = 'wallet'), 0) as available,
                    count(distinct transaction_id) as movements
                from ledger_entries where organization_id = w.organization_id) l
            where (w.available_micros, w.sequence) is distinct from (l.available, l.movements)",
        )
        .await;
    ensure!(wrong == 0, "{wrong} wallets are not what their ledgers say");
    Ok(json!({
        "hot_per_second": hot.per_second.round(), "hot_p99_ms": hot.p99_ms,
        "many_per_second": many.per_second.round(), "many_p99_ms": many.p99_ms
    }))
}

/// How fast it went.
struct Pace {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { per_second, p50_ms, p99_ms } = self;
        write!(f, "{per_second:.0} transactions/s, p50 {p50_ms} ms, p99 {p99_ms} ms")
    }
}

/// Moves money in these wallets for so long, everybody in another one if there are several.
async fn moved(store: &Store, scopes: &[OrgScope], length: Duration) -> Result<Pace> {
    let (began, until) = (Instant::now(), Instant::now() + length);
    let movers = (0..AT_ONCE as usize).map(|mover| async move {
        let (mut samples, mut turn) = (Vec::new(), mover * scopes.len() / AT_ONCE as usize);
        while Instant::now() < until {
            let asked = Instant::now();
            pay_in(store, &scopes[turn % scopes.len()]).await?;
            samples.push(asked.elapsed());
            turn += 1;
        }
        anyhow::Ok(samples)
    });
    let mut samples = try_join_all(movers).await?.concat();
    let took = began.elapsed();
    samples.sort_unstable();
    let per_second = round(samples.len() as f64 / took.as_secs_f64());
    Ok(Pace { per_second, p50_ms: percentile(&samples, 0.5), p99_ms: percentile(&samples, 0.99) })
}

/// One transaction as use cases make them: lock, record, save, entry, commit.
async fn pay_in(store: &Store, scope: &OrgScope) -> Result<()> {
    let mut tx = store.org_tx(scope).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let (id, lines) =
        (TopUpId::new(), [(Account::Wallet, AMOUNT), (Account::GatewayClearing, AMOUNT.negated()?)]);
    let (key, about) = (format!("payment:{id}"), json!({ "top_up_id": id }));
    wallet.record(Transaction::new(TransactionKind::TopUp, key, Actor::System, about, &lines)?)?;
    wallet::save(&mut tx, [&mut wallet]).await?;
    let organization = scope.organization_id();
    let entry = Activity::of(organization, Actor::System, Action::TopUpCompleted).on(TargetKind::TopUp, id);
    Ok(tx.commit(entry).await?)
}
