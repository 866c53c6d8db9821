//! Disputes: what is disputed is frozen as far as it is there, and released or taken at the end.

use domain::activity::{Action, Activity};
use domain::billing::Split;
use domain::billing::ladder::Funds;
use domain::notify::Topic;
use domain::payment::{Dispute as Theirs, DisputeState, DisputeVerdict, Disputed, RefundKind, RefundState};
use domain::wallet::{Account, Transaction, TransactionKind};
use domain::{DisputeId, Money, RefundId, TopUpId};
use serde_json::json;
use store::job::{Job, NewJob, queue};
use store::payment::dispute::{self, Dispute};
use store::payment::refund::{self, NewRefund, Refund};
use store::payment::{self, TopUp};
use store::wallet::LockedWallet;
use store::{Exempt, OrgTx, notify, wallet};

use super::dispute_mail::{self, News};
use super::jobs::{arrived, entry};
use super::money::{coming, credit_note, going};
use super::refund_job;
use super::returned::{REVERSAL, concerns, give_back};
use crate::App;
use crate::billing::returned_as;
use crate::worker::{Context, Fail, payload_id};

/// Looks how a dispute about a top-up stands.
pub(crate) fn dispute_job(top_up: TopUpId, dispute_ref: &str) -> NewJob {
    NewJob::new("payment.dispute", json!({ "top_up_id": top_up, "dispute_ref": dispute_ref }))
        .keyed(top_up)
        .once(format!("dispute:{dispute_ref}:{top_up}"))
}

/// Applies the state of a dispute, in whatever order and however often its stages are heard of.
pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let dispute_ref: String = payload_id(job, "dispute_ref")?;
    let theirs = ctx.gateway().dispute(&dispute_ref).await.map_err(Fail::gateway)?;
    let Some(top_up) = arrived(ctx, job).await? else {
        return Err(Fail::give_up("a payment that never came is disputed"));
    };
    let share = theirs.payments.iter().find(|one| is_about(one, &top_up));
    let share = share.ok_or_else(|| Fail::give_up("the dispute is not about this payment"))?;
    if theirs.currency != top_up.currency {
        return Err(Fail::give_up(format!("disputed in {}", theirs.currency)));
    }
    refund_job::ask_all(ctx, job, &top_up).await?;
    apply(ctx, job, top_up.id, &theirs, share).await?;
    Ok(queue::done(ctx.store(), job).await?)
}

/// Is this payment the top-up?
fn is_about(one: &Disputed, top_up: &TopUp) -> bool {
    let payment = &one.payment;
    (payment.capture.is_some() && payment.capture == top_up.capture_ref)
        || (payment.order.is_some() && payment.order == top_up.order_ref)
        || payment.reference.as_deref() == Some(&*top_up.id.to_string())
}

/// A dispute with everything that is locked for it.
struct Case<'a> {
    job: &'a Job,
    tx: OrgTx,
    wallet: LockedWallet,
    top_up: TopUp,
    row: Dispute,
    /// The wallet as it was.
    funds: Funds,
    /// What went back to the payer because of the dispute, once it is lost.
    gone: Money,
    /// What went back of the top-up.
    refunds: Vec<Refund>,
    /// What the trail says of credit notes.
    notes: Vec<Activity>,
}

async fn apply(
    ctx: &Context,
    job: &Job,
    top_up: TopUpId,
    theirs: &Theirs,
    share: &Disputed,
) -> Result<(), Fail> {
    let mut tx = ctx.store().org_tx(&ctx.scope(job)?).await?;
    let mut wallet = wallet::lock(&mut tx).await?;
    let funds = wallet.funds();
    let top_up = payment::lock(&mut tx, top_up).await?;
    let top_up = top_up.ok_or_else(|| Fail::give_up("the top-up does not exist"))?;
    let known = dispute::of_top_up(&mut tx, top_up.id).await?;
    let known = known.into_iter().find(|d| d.dispute_ref == theirs.id);
    let mut refunds = refund::of_top_up(&mut tx, top_up.id).await?;
    let mut actions = Vec::new();
    let row = match known {
        Some(row) => row,
        None => {
            actions.push(Action::DisputeOpened);
            open(job, &mut tx, &mut wallet, &top_up, theirs, share, &mut refunds).await?
        }
    };
    let before = row.clone();
    let (gone, notes) = (Money::ZERO, Vec::new());
    let mut case = Case { job, tx, wallet, top_up, row, funds, gone, refunds, notes };
    match (case.row.state, theirs.verdict) {
        (DisputeState::Open, DisputeVerdict::Open)
        | (DisputeState::Won, DisputeVerdict::ForUs)
        | (DisputeState::Lost, DisputeVerdict::ForPayer) => {}
        // An appeal: nothing moves before it is decided.
        (_, DisputeVerdict::Open) => {
            case.row.state = DisputeState::Open;
            case.row.decided_at = None;
        }
        (_, DisputeVerdict::ForUs) => {
            case.win().await?;
            actions.push(Action::DisputeWon);
        }
        (_, DisputeVerdict::ForPayer) => {
            case.lose(ctx, share.to_payer).await?;
            actions.push(Action::DisputeLost);
        }
    }
    if case.row.state != before.state && case.row.state != DisputeState::Open {
        case.row.decided_at = Some(theirs.changed_at);
    }
    if actions.is_empty() && (case.row.state != before.state || case.row.stage != theirs.stage) {
        actions.push(Action::DisputeChanged);
    }
    case.row.stage.clone_from(&theirs.stage);
    case.save(ctx.app(), &actions).await
}

/// Writes a new dispute down and freezes what the wallet has of it, as far as it has not gone back already.
async fn open(
    job: &Job,
    tx: &mut OrgTx,
    wallet: &mut LockedWallet,
    top_up: &TopUp,
    theirs: &Theirs,
    share: &Disputed,
    refunds: &mut [Refund],
) -> Result<Dispute, Fail> {
    let mut row = Dispute {
        id: DisputeId::new(),
        dispute_ref: theirs.id.clone(),
        state: DisputeState::Open,
        stage: theirs.stage.clone(),
        disputed: share.amount,
        frozen: Money::ZERO,
        returned: Money::ZERO,
        decisions: 0,
        began_at: theirs.began_at,
        decided_at: Some(theirs.changed_at).filter(|_| theirs.verdict != DisputeVerdict::Open),
    };
    let belongs = |refund: &&mut Refund| {
        refund.dispute_id.is_none() && refund.returned_at.is_some_and(|at| concerns(&row, at))
    };
    let linked: Vec<&mut Refund> = refunds.iter_mut().filter(belongs).collect();
    let gone = Money::total(linked.iter().map(|refund| refund.amount))?;
    let frozen = match theirs.verdict {
        DisputeVerdict::Open => share.amount.minus(gone.min(share.amount))?.min(wallet.available()),
        DisputeVerdict::ForUs | DisputeVerdict::ForPayer => Money::ZERO,
    };
    row.frozen = frozen;
    if frozen.is_positive() {
        let transaction = Transaction::new(
            TransactionKind::DisputeFreeze,
            format!("dispute:{}:freeze", row.id),
            job.actor,
            json!({ "top_up_id": top_up.id, "dispute_id": row.id }),
            &[(Account::Wallet, frozen.negated()?), (Account::Held, frozen)],
        )?;
        wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
    }
    dispute::insert(tx, top_up.id, &row, &theirs.reason).await?;
    for refund in linked {
        refund.dispute_id = Some(row.id);
        refund::set_dispute(tx, refund.id, row.id).await?;
    }
    Ok(row)
}

impl Case<'_> {
    /// What went back because of the dispute, one way or the other.
    fn linked(&self, kind: RefundKind) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().filter(move |row| {
            row.dispute_id == Some(self.row.id) && row.state == RefundState::Completed && row.kind == kind
        })
    }

    /// What the gateway has taken for the dispute, less what it gave back.
    fn taken(&self) -> Result<Money, Fail> {
        let linked = self.linked(RefundKind::Reversal).map(|row| row.amount);
        Ok(Money::total(linked)?.minus(self.row.returned)?)
    }

    /// What of the sum decided has not gone to the payer. A refund that ends a dispute is one of all of it: a smaller one
    /// was made after the decision, before we heard of that.
    fn not_gone(&self, to_payer: Money) -> Result<Money, Fail> {
        if self.linked(RefundKind::Refund).any(|row| row.amount >= to_payer) {
            return Ok(Money::ZERO);
        }
        Ok(to_payer.minus(self.taken()?.min(to_payer))?)
    }

    /// What the gateway has taken for the dispute and not given back, with the tax that went with it. It gives whole
    /// reversals back, the first that it took first.
    async fn reversed(&mut self) -> Result<Split, Fail> {
        let (mut returned, mut sum) = (self.row.returned, Split::untaxed(Money::ZERO));
        let reversals = self.linked(RefundKind::Reversal).map(|row| (row.id, row.amount));
        for (id, amount) in reversals.collect::<Vec<_>>() {
            if returned.is_positive() {
                returned = returned.minus(amount)?;
                continue;
            }
            let Split { net, tax } = returned_as(&mut self.tx, &id.to_string(), amount).await?;
            sum = Split { net: sum.net.plus(net)?, tax: sum.tax.plus(tax)? };
        }
        Ok(sum)
    }

    /// What is frozen is free again.
    fn release(&mut self) -> Result<(), Fail> {
        if !self.row.frozen.is_positive() {
            return Ok(());
        }
        let (_, lines) = coming(&self.wallet, Split::untaxed(self.row.frozen), Account::Held)?;
        self.record(TransactionKind::DisputeRelease, "release", &lines)?;
        self.row.frozen = Money::ZERO;
        Ok(())
    }

    /// The money stays with us: what is frozen is free, and what was taken comes back.
    async fn win(&mut self) -> Result<(), Fail> {
        self.row.state = DisputeState::Won;
        self.row.decisions += 1;
        self.release()?;
        let taken = self.reversed().await?;
        if taken.gross()?.is_positive() {
            give_back(&mut self.wallet, self.job, &mut self.row, &self.top_up, taken)?;
        }
        Ok(())
    }

    /// The money goes to the payer: what of it is not gone already, is taken.
    async fn lose(&mut self, ctx: &Context, to_payer: Money) -> Result<(), Fail> {
        self.row.state = DisputeState::Lost;
        self.row.decisions += 1;
        let rest = self.not_gone(to_payer)?;
        self.gone = self.taken()?.plus(rest)?;
        if rest.is_positive() {
            let (id, top_up) = (RefundId::new(), self.top_up.id);
            let (split, note) =
                credit_note(ctx.app(), &mut self.tx, &self.wallet, top_up, id, rest, REVERSAL).await?;
            self.notes.extend(note);
            let (taken, lines) = going(&self.wallet, split, self.row.frozen, Account::Chargebacks)?;
            self.record(TransactionKind::Reversal, "taken", &lines)?;
            self.row.frozen = self.row.frozen.minus(taken)?;
            let new = NewRefund {
                id,
                top_up: self.top_up.id,
                kind: RefundKind::Reversal,
                state: RefundState::Completed,
                amount: rest,
                held: Money::ZERO,
                refund_ref: None,
                returned_at: None,
                dispute: Some(self.row.id),
                reason: None,
            };
            refund::insert(&mut self.tx, &new).await?;
        }
        self.release()
    }

    fn record(&mut self, kind: TransactionKind, word: &str, lines: &[(Account, Money)]) -> Result<(), Fail> {
        let transaction = Transaction::new(
            kind,
            format!("dispute:{}:{}:{word}", self.row.id, self.row.decisions),
            self.job.actor,
            json!({ "top_up_id": self.top_up.id, "dispute_id": self.row.id }),
            lines,
        )?;
        self.wallet.record(transaction).map_err(|e| Fail::give_up(e.to_string()))?;
        Ok(())
    }

    /// Tells those who may pay, if they are told of this at all.
    async fn tell(&mut self, app: &App, actions: &[Action]) -> Result<(), Fail> {
        let Some(stage) = dispute_mail::stage(actions) else { return Ok(()) };
        let (before, available, owed) = (self.funds, self.wallet.available(), self.wallet.receivable());
        let news = News {
            stage,
            free: available.minus(before.available)?.max(Money::ZERO),
            settled: before.receivable.minus(owed)?.max(Money::ZERO),
            taken: self.gone,
            available,
            owed,
        };
        Ok(dispute_mail::tell(app, &mut self.tx, &self.top_up, &self.row, news).await?)
    }

    async fn save(mut self, app: &App, actions: &[Action]) -> Result<(), Fail> {
        if actions.is_empty() {
            return Ok(self.tx.checkpoint(self.job, Exempt::NothingChanged).await?);
        }
        wallet::save(&mut self.tx, [&mut self.wallet]).await?;
        dispute::update(&mut self.tx, &self.row).await?;
        self.tell(app, actions).await?;
        notify::publish(&mut self.tx, Topic::TopUp, self.top_up.id).await?;
        notify::publish(&mut self.tx, Topic::Wallet, self.wallet.organization_id()).await?;
        let detail = json!({ "amount": self.row.disputed.to_string(), "stage": self.row.stage,
            "frozen": self.row.frozen.to_string() });
        let mut entries = actions
            .iter()
            .map(|action| Ok(entry(self.job, *action, self.top_up.id)?.with(detail.clone())))
            .collect::<Result<Vec<_>, Fail>>()?;
        entries.append(&mut self.notes);
        Ok(self.tx.checkpoint(self.job, entries).await?)
    }
}
