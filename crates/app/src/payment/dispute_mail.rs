//! What those who may pay are told of a dispute: what it holds, and how it ended.

use domain::Money;
use domain::activity::Action;
use store::OrgTx;
use store::payment::TopUp;
use store::payment::dispute::Dispute;

use crate::billing::named_payers;
use crate::notify::mail::{Content, DisputeStage, Disputed, Mail, enqueue};
use crate::{App, Result};

/// What a step of a dispute did.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    pub(super) stage: DisputeStage,
    /// What can be spent again.
    pub(super) free: Money,
    /// What paid a debt.
    pub(super) settled: Money,
    /// What went back to the payer because of the dispute, in all.
    pub(super) taken: Money,
    /// What the wallet has to spend now.
    pub(super) available: Money,
    /// What is owed now.
    pub(super) owed: Money,
}

/// What of all that happened is told.
pub(super) fn stage(actions: &[Action]) -> Option<DisputeStage> {
    match actions.last() {
        Some(Action::DisputeOpened) => Some(DisputeStage::Opened),
        Some(Action::DisputeWon) => Some(DisputeStage::Won),
        Some(Action::DisputeLost) => Some(DisputeStage::Lost),
        _ => None,
    }
}

/// Tells it, in the transaction of the step: the beginning once, and each decision once.
pub(super) async fn tell(
    app: &App,
    tx: &mut OrgTx,
    top_up: &TopUp,
    dispute: &Dispute,
    news: News,
) -> Result<()> {
    let text = |amount: Money| match amount.is_positive() {
        true => format!("{amount} {}", top_up.currency),
        false => String::new(),
    };
    let (organization, payers) = named_payers(tx).await?;
    for (to, member) in payers {
        let content = Content::Dispute(Disputed {
            name: member.name.clone(),
            organization: organization.clone(),
            stage: news.stage,
            disputed: format!("{} {}", dispute.disputed, top_up.currency),
            held: text(dispute.frozen),
            free: text(news.free),
            settled: text(news.settled),
            taken: text(news.taken),
            available: format!("{} {}", news.available, top_up.currency),
            owed: text(news.owed),
            link: format!("/wallet/top-ups/{}", top_up.id),
        });
        let word = format!("dispute:{}:{}:{}", dispute.id, dispute.decisions, member.email);
        enqueue(app, tx, &Mail::new(&to, &member.name, content).once(&word)).await?;
    }
    Ok(())
}
