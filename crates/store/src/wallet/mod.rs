//! Wallets and the ledger.
//!
//! The wallet row is locked first by every transaction that touches money. A [`LockedWallet`] is
//! the proof of that lock: movements are recorded on it in memory, which checks balances and
//! chains hashes, and [`save`] writes all of them in a handful of set-based statements.

pub mod adjustment;
mod attribution;
pub mod campaign;
pub(crate) mod chain;
pub mod credit;
pub mod explain;
pub mod finance;
pub mod read;
pub mod statement;
pub mod terms;
pub mod verify;

pub use attribution::attribution;
use chrono::{DateTime, Utc};
use domain::billing::ladder::Funds;
use domain::billing::{HeldFor, Subject};
use domain::identity::Actor;
use domain::payment::Threshold;
use domain::wallet::{Account, Hash, HoldState, Place, Posted, Transaction};
use domain::{HoldId, Money, OrganizationId, TransactionId};
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn as _;
use crate::{Error, OrgDb, OrgTx, Result, SystemTx, WriteDb};

/// A wallet whose row is locked until the transaction ends.
#[derive(Debug)]
pub struct LockedWallet {
    organization_id: OrganizationId,
    available: Money,
    held: Money,
    receivable: Money,
    credit_limit: Money,
    /// Sum of the hourly prices of everything that draws on the wallet or is ordered to.
    pub burn: Money,
    /// When the last flat hour begins that is charged together with what is saved; `None` leaves that as it is.
    pub charged_until: Option<DateTime<Utc>>,
    sequence: i64,
    head: Hash,
    now: DateTime<Utc>,
    /// Money less debt, in micros, as it is in the database.
    worth: i64,
    /// Below what the organization wants money to be asked for by itself.
    threshold: Option<Threshold>,
    unsaved: Vec<Posted>,
}

/// A movement that the wallet cannot pay. Nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the wallet does not cover this")]
pub struct Insufficient;

impl LockedWallet {
    /// Whose it is.
    pub fn organization_id(&self) -> OrganizationId {
        self.organization_id
    }
    /// Money that can be spent.
    pub fn available(&self) -> Money {
        self.available
    }
    /// Money reserved for open orders.
    pub fn held(&self) -> Money {
        self.held
    }
    /// What the organization owes.
    pub fn receivable(&self) -> Money {
        self.receivable
    }
    /// What decides whether the organization can go on.
    pub fn funds(&self) -> Funds {
        let Self { available, receivable, credit_limit, .. } = *self;
        Funds { available, receivable, credit_limit }
    }
    /// The number of its last movement.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }
    /// Is there less than what its people want to be topped up automatically below?
    fn asks_for_money(&self) -> bool {
        let crossed = |threshold: Threshold| threshold.is_crossed(self.funds(), self.burn);
        self.threshold.is_some_and(|threshold| crossed(threshold).unwrap_or(true))
    }
    /// The database's time of this transaction.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Records a movement: applies it to the balances and chains it. Refused as a whole when a
    /// balance would fall below zero.
    pub fn record(&mut self, transaction: Transaction) -> std::result::Result<TransactionId, Insufficient> {
        let change = |account| transaction.change(account).map_err(|_| Insufficient);
        let available = self.available.plus(change(Account::Wallet)?).map_err(|_| Insufficient)?;
        let held = self.held.plus(change(Account::Held)?).map_err(|_| Insufficient)?;
        let receivable = self.receivable.minus(change(Account::Receivable)?).map_err(|_| Insufficient)?;
        if [available, held, receivable].iter().any(|balance| *balance < Money::ZERO) {
            return Err(Insufficient);
        }
        let place = Place {
            organization_id: self.organization_id,
            id: TransactionId::new(),
            sequence: self.sequence + 1,
            at: self.now,
            previous: self.head,
        };
        let posted = transaction.chain(place);
        (self.available, self.held, self.receivable) = (available, held, receivable);
        (self.sequence, self.head) = (place.sequence, posted.hash);
        self.unsaved.push(posted);
        Ok(place.id)
    }
}

struct WalletRow {
    organization_id: OrganizationId,
    available: Money,
    held: Money,
    receivable: Money,
    credit_limit: Money,
    burn: Money,
    sequence: i64,
    head_hash: Vec<u8>,
    threshold_hours: Option<i32>,
    threshold_amount: Option<Money>,
    now: DateTime<Utc>,
}

impl WalletRow {
    fn locked(self) -> Result<LockedWallet> {
        let head = self.head_hash.try_into().map_err(|_| Error::Inconsistent("length of a ledger hash"))?;
        Ok(LockedWallet {
            organization_id: self.organization_id,
            available: self.available,
            held: self.held,
            receivable: self.receivable,
            credit_limit: self.credit_limit,
            burn: self.burn,
            charged_until: None,
            sequence: self.sequence,
            head,
            now: self.now,
            worth: self.available.micros() - self.receivable.micros(),
            threshold: Threshold::of(self.threshold_hours, self.threshold_amount),
            unsaved: Vec::new(),
        })
    }
}

/// Locks the organization's wallet.
pub async fn lock(tx: &mut OrgTx) -> Result<LockedWallet> {
    let organization = tx.organization_id();
    sqlx::query_as!(
        WalletRow,
        r#"select w.organization_id as "organization_id: OrganizationId", w.available_micros as "available: Money",
            w.held_micros as "held: Money", w.receivable_micros as "receivable: Money",
            coalesce(t.credit_limit_micros, 0) as "credit_limit!: Money", w.burn_micros as "burn: Money", w.sequence,
            w.head_hash, a.threshold_hours as "threshold_hours?", a.threshold_micros as "threshold_amount?: Money",
            now() as "now!"
        from wallets w left join wallet_terms t on t.organization_id = w.organization_id
        left join auto_top_ups a on a.organization_id = w.organization_id and a.state = 'on'
        where w.organization_id = $1 for update of w"#,
        organization.0
    )
    .fetch_one(tx.conn())
    .await?
    .locked()
}

/// Locks the wallets of some organizations, in id order, without waiting: those that somebody else has locked are left
/// out.
pub async fn try_lock(tx: &mut SystemTx, organizations: &[OrganizationId]) -> Result<Vec<LockedWallet>> {
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    let rows = sqlx::query_as!(
        WalletRow,
        r#"select w.organization_id as "organization_id: OrganizationId", w.available_micros as "available: Money",
            w.held_micros as "held: Money", w.receivable_micros as "receivable: Money",
            coalesce(t.credit_limit_micros, 0) as "credit_limit!: Money", w.burn_micros as "burn: Money", w.sequence,
            w.head_hash, a.threshold_hours as "threshold_hours?", a.threshold_micros as "threshold_amount?: Money",
            now() as "now!"
        from wallets w left join wallet_terms t on t.organization_id = w.organization_id
        left join auto_top_ups a on a.organization_id = w.organization_id and a.state = 'on'
        where w.organization_id = any($1) order by w.organization_id for update of w skip locked"#,
        &ids,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(WalletRow::locked).collect()
}

/// Writes everything recorded on the wallets. A key that was used before is refused by constraint
/// `ledger_transactions_organization_id_key_key`. Whatever makes a wallet richer comes by here, and so asks whether a
/// suspension can be lifted; and whatever makes it poorer, so that it asks for money where its people want that.
pub async fn save<'a>(
    tx: &mut impl WriteDb,
    wallets: impl IntoIterator<Item = &'a mut LockedWallet>,
) -> Result<()> {
    let (mut posted, mut rows, mut richer, mut low) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for wallet in wallets {
        posted.append(&mut wallet.unsaved);
        // Both are never below zero.
        let worth = wallet.available.micros() - wallet.receivable.micros();
        if worth > wallet.worth {
            richer.push(wallet.organization_id);
        }
        if wallet.asks_for_money() {
            low.push(wallet.organization_id);
        }
        wallet.worth = worth;
        rows.push(&*wallet);
    }
    insert_transactions(tx, &posted).await?;
    insert_entries(tx, &posted).await?;
    update_wallets(tx, &rows).await?;
    ask_to_resume(tx, &richer).await?;
    crate::payment::auto::ask(tx, &low).await
}

/// Asks whether the suspension of these organizations can be lifted, where there is one: after any change that may
/// make it affordable. [`save`] does so for money.
pub async fn ask_to_resume(tx: &mut impl WriteDb, organizations: &[OrganizationId]) -> Result<()> {
    if organizations.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = organizations.iter().map(|o| o.0).collect();
    sqlx::query!(
        "insert into jobs (kind, payload, organization_id, actor, dedupe)
        select 'billing.resume', 'null', o.id, $2, 'resume:' || o.id
        from unnest($1::uuid[]) as o (id)
        where exists (select from vps_instances v
                where v.organization_id = o.id and v.state = 'active' and v.suspended_by = 'unpaid')
            or exists (select from resources r
                where r.organization_id = o.id and r.state = 'active' and r.unpaid_at is not null)
        order by o.id
        on conflict (dedupe) where dedupe is not null and state in ('ready', 'running')
            do update set asked_again = (jobs.state = 'running')",
        &ids,
        Json(Actor::System) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn insert_transactions(tx: &mut impl WriteDb, posted: &[Posted]) -> Result<()> {
    if posted.is_empty() {
        return Ok(());
    }
    let organizations: Vec<Uuid> = posted.iter().map(|p| p.place.organization_id.0).collect();
    let ids: Vec<Uuid> = posted.iter().map(|p| p.place.id.0).collect();
    let sequences: Vec<i64> = posted.iter().map(|p| p.place.sequence).collect();
    let kinds: Vec<String> = posted.iter().map(|p| p.transaction.kind().as_str().to_owned()).collect();
    let keys: Vec<String> = posted.iter().map(|p| p.transaction.key().to_owned()).collect();
    let actors: Vec<Json<Actor>> = posted.iter().map(|p| Json(p.transaction.actor())).collect();
    let references: Vec<serde_json::Value> =
        posted.iter().map(|p| p.transaction.reference().clone()).collect();
    let previous: Vec<Vec<u8>> = posted.iter().map(|p| p.place.previous.to_vec()).collect();
    let hashes: Vec<Vec<u8>> = posted.iter().map(|p| p.hash.to_vec()).collect();
    let times: Vec<DateTime<Utc>> = posted.iter().map(|p| p.place.at).collect();
    sqlx::query!(
        "insert into ledger_transactions
            (organization_id, id, sequence, kind, key, actor, reference, previous_hash, hash, created_at)
        select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[],
            $8::bytea[], $9::bytea[], $10::timestamptz[])",
        &organizations,
        &ids,
        &sequences,
        &kinds,
        &keys,
        &actors as _,
        &references,
        &previous,
        &hashes,
        &times,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn insert_entries(tx: &mut impl WriteDb, posted: &[Posted]) -> Result<()> {
    if posted.is_empty() {
        return Ok(());
    }
    let lines = || {
        posted.iter().flat_map(|p| p.transaction.entries().iter().zip(1_i16..).map(move |(e, n)| (p, e, n)))
    };
    let organizations: Vec<Uuid> = lines().map(|(p, ..)| p.place.organization_id.0).collect();
    let transactions: Vec<Uuid> = lines().map(|(p, ..)| p.place.id.0).collect();
    let numbers: Vec<i16> = lines().map(|(.., n)| n).collect();
    let accounts: Vec<String> = lines().map(|(_, e, _)| e.account.as_str().to_owned()).collect();
    let amounts: Vec<i64> = lines().map(|(_, e, _)| e.amount.micros()).collect();
    sqlx::query!(
        "insert into ledger_entries (organization_id, transaction_id, line, account, amount_micros)
        select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::bigint[])",
        &organizations,
        &transactions,
        &numbers,
        &accounts,
        &amounts,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn update_wallets(tx: &mut impl WriteDb, wallets: &[&LockedWallet]) -> Result<()> {
    let ids: Vec<Uuid> = wallets.iter().map(|w| w.organization_id.0).collect();
    let column = |f: fn(&LockedWallet) -> i64| wallets.iter().map(|w| f(w)).collect::<Vec<i64>>();
    let heads: Vec<Vec<u8>> = wallets.iter().map(|w| w.head.to_vec()).collect();
    let charged: Vec<Option<DateTime<Utc>>> = wallets.iter().map(|w| w.charged_until).collect();
    sqlx::query!(
        "update wallets w set available_micros = n.available, held_micros = n.held, receivable_micros = n.receivable,
            burn_micros = n.burn, sequence = n.sequence, head_hash = n.head,
            charged_until = greatest(w.charged_until, n.charged_until)
        from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[],
                $8::timestamptz[])
            as n (id, available, held, receivable, burn, sequence, head, charged_until)
        where w.organization_id = n.id",
        &ids,
        &column(|w| w.available.micros()),
        &column(|w| w.held.micros()),
        &column(|w| w.receivable.micros()),
        &column(|w| w.burn.micros()),
        &column(|w| w.sequence),
        &heads,
        &charged as &[Option<DateTime<Utc>>],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Opens a hold for an order. The money is moved by the caller's ledger transaction.
pub async fn insert_hold(tx: &mut OrgTx, id: HoldId, of: HeldFor, amount: Money) -> Result<()> {
    let organization = tx.organization_id();
    sqlx::query!(
        "insert into holds (organization_id, id, vps_id, resource_id, resize_id, amount_micros)
        values ($1, $2, $3, $4, $5, $6)",
        organization.0,
        id.0,
        of.start().and_then(Subject::vps).map(|id| id.0),
        of.start().and_then(Subject::resource).map(|id| id.0),
        of.resize().map(|id| id.0),
        amount.micros()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Closes the open hold of an order. Answers what was held; `None` when nothing is.
pub async fn close_hold(tx: &mut OrgTx, of: HeldFor, state: HoldState) -> Result<Option<Money>> {
    let organization = tx.organization_id();
    Ok(sqlx::query_scalar!(
        r#"update holds set state = $5, closed_at = now()
        where organization_id = $1 and (vps_id = $2 or resource_id = $3 or resize_id = $4) and state = 'open'
        returning amount_micros as "amount: Money""#,
        organization.0,
        of.start().and_then(Subject::vps).map(|id| id.0),
        of.start().and_then(Subject::resource).map(|id| id.0),
        of.resize().map(|id| id.0),
        state.as_str(),
    )
    .fetch_optional(tx.conn())
    .await?)
}
