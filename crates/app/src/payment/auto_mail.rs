//! What those who may pay are told of automatic top-ups.

use chrono::{DateTime, Utc};
use domain::Money;
use domain::payment::{AutoTerms, OffReason};
use store::OrgTx;

use crate::billing::named_payers;
use crate::notify::mail::{AutoTopUp, AutoTopUpStage, Content, Mail, enqueue};
use crate::{App, Result};

/// What is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    /// The payer agreed.
    On(AutoTerms),
    /// A payment was declined; the last one is tried at this time.
    Declined(DateTime<Utc>),
    /// No more is asked for in this month: how much at most.
    Ceiling(Money),
    /// It is over.
    Off(OffReason),
}

impl News {
    fn stage(self) -> AutoTopUpStage {
        match self {
            Self::On(_) => AutoTopUpStage::On,
            Self::Declined(_) => AutoTopUpStage::Declined,
            Self::Ceiling(_) => AutoTopUpStage::Ceiling,
            Self::Off(OffReason::Revoked) => AutoTopUpStage::Revoked,
            Self::Off(OffReason::Declined) => AutoTopUpStage::Stopped,
            Self::Off(OffReason::DetailsNeeded) => AutoTopUpStage::DetailsNeeded,
            Self::Off(_) => AutoTopUpStage::NotSetUp,
        }
    }
}

/// Tells it, in the transaction of the change.
pub(super) async fn tell(app: &App, tx: &mut OrgTx, news: News) -> Result<()> {
    let amount = |amount: Money| format!("{} {}", amount.display(2), app.settings().currency);
    let (sum, ceiling) = match news {
        News::On(terms) => (amount(terms.amount), amount(terms.ceiling)),
        News::Ceiling(ceiling) => (String::new(), amount(ceiling)),
        _ => (String::new(), String::new()),
    };
    let retry = match news {
        News::Declined(at) => at.format("%-d %b %Y, %H:%M UTC").to_string(),
        _ => String::new(),
    };
    let (organization, payers) = named_payers(tx).await?;
    for (to, member) in payers {
        let content = Content::AutoTopUp(AutoTopUp {
            name: member.name.clone(),
            organization: organization.clone(),
            stage: news.stage(),
            amount: sum.clone(),
            ceiling: ceiling.clone(),
            retry: retry.clone(),
        });
        enqueue(app, tx, &Mail::new(&to, &member.name, content)).await?;
    }
    Ok(())
}
