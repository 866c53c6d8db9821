//! The outbox. A mail is written in the transaction of the change it tells of, and sent by a job of its own.
//!
//! Mails to one address keep their order. Each is sent at least once: when an answer of the mail host is lost it is
//! sent again, with the same Message-ID, by which mail programs recognise it.

mod render;
pub(crate) mod send_job;

use domain::activity::{Action, TargetKind};
use domain::identity::{Actor, Email};
use domain::notify::mail::one_line;
use domain::{MailId, OrganizationId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::notify::mail::{self as rows, NewMail};
use store::{OrgTx, SystemPurpose, SystemTx};

use super::alarms::AlarmLine;
use crate::vault::Place;
use crate::{App, Error, Operator, Result};

/// What a mail says. The fields are what its templates can show: `templates/mail/<kind>.*`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// To whoever signed up.
    Welcome {
        /// The person.
        name: String,
        /// What they made.
        organization: String,
        /// Path of the link that confirms their address.
        link: String,
    },
    /// Another link, asked for.
    Confirm {
        /// The person.
        name: String,
        /// Path of the link that confirms their address.
        link: String,
    },
    /// A payment has arrived, and here is its receipt.
    Receipt {
        /// Whom it is made out to, or the person.
        name: String,
        /// Of the receipt.
        number: String,
        /// What was paid, with its currency.
        amount: String,
        /// Path of the receipt.
        link: String,
    },
    /// Money went back to the payer, and here is the credit note.
    CreditNote {
        /// Whom it is made out to, or the person.
        name: String,
        /// Of the credit note.
        number: String,
        /// What went back, with its currency.
        amount: String,
        /// Number of the receipt it corrects.
        receipt: String,
        /// Path of the credit note.
        link: String,
    },
    /// The wallet runs out.
    Runway {
        /// The person.
        name: String,
        /// Whose wallet.
        organization: String,
        /// Within so many hours.
        within: i64,
        /// What is left, with its currency.
        available: String,
        /// What an hour costs, with its currency.
        burn: String,
        /// About when nothing is left.
        until: String,
    },
    /// VPSs are suspended, and until when they are kept.
    Suspended(Unpaid),
    /// Unpaid VPSs will be destroyed.
    Destruction {
        /// In so many hours.
        within: i64,
        /// Which, and what it takes.
        #[serde(flatten)]
        unpaid: Unpaid,
    },
    /// Unpaid VPSs were destroyed.
    Destroyed {
        /// The person.
        name: String,
        /// Whose VPSs.
        organization: String,
        /// Names of the first of them.
        vps: Vec<String>,
        /// How many more there are.
        more: usize,
    },
    /// What is left of a credit ends soon.
    CreditExpiring {
        /// The person.
        name: String,
        /// How much is left, with its currency.
        left: String,
        /// When it ends.
        until: String,
    },
    /// Money went back to the payer.
    Refund {
        /// The person.
        name: String,
        /// How much, with its currency.
        amount: String,
        /// Path of the payment.
        link: String,
    },
    /// A payment is disputed, or no longer.
    Dispute(Disputed),
    /// Automatic top-ups are on, are off, or do not go through.
    AutoTopUp(AutoTopUp),
    /// The register does not know the VAT number.
    VatNumber {
        /// The person.
        name: String,
        /// Whose number.
        organization: String,
        /// The number.
        number: String,
    },
    /// To operators.
    Alarm {
        /// What has just been found.
        lines: Vec<AlarmLine>,
    },
    /// To the owners of VPSs whose price changes, or does not after all.
    PriceChange(PriceChange),
}

/// What people are told of a dispute. Amounts have their currency, and are empty where there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputed {
    /// The person.
    pub name: String,
    /// Whose wallet.
    pub organization: String,
    /// What they are told.
    pub stage: DisputeStage,
    /// How much the payer wants back.
    pub disputed: String,
    /// What is held until it is decided.
    pub held: String,
    /// What can be spent again.
    pub free: String,
    /// What paid a debt.
    pub settled: String,
    /// What went back to the payer.
    pub taken: String,
    /// What the wallet has to spend.
    pub available: String,
    /// What is owed.
    pub owed: String,
    /// Path of the payment.
    pub link: String,
}

/// What people are told of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStage {
    /// It has begun.
    Opened,
    /// It is over, and the money stays.
    Won,
    /// It is over, and the money went back.
    Lost,
}

/// What people are told of automatic top-ups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoTopUp {
    /// The person.
    pub name: String,
    /// Whose wallet.
    pub organization: String,
    /// What they are told.
    pub stage: AutoTopUpStage,
    /// Added each time, with its currency; empty where it is not told.
    pub amount: String,
    /// At most in a month, with its currency; empty where it is not told.
    pub ceiling: String,
    /// When a payment is tried for the last time; empty where it is not told.
    pub retry: String,
}

/// What people are told of automatic top-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoTopUpStage {
    /// They are on.
    On,
    /// A payment was declined and is tried once more.
    Declined,
    /// No more is added in this month.
    Ceiling,
    /// They are off: two payments were declined.
    Stopped,
    /// They are off: the payer ended the agreement at the gateway.
    Revoked,
    /// They are off: billing details are missing.
    DetailsNeeded,
    /// They were not set up in the end.
    NotSetUp,
}

/// What becomes of the price of some VPSs of a plan in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChange {
    /// The person.
    pub name: String,
    /// What they are told.
    pub stage: PriceChangeStage,
    /// Name of the plan.
    pub plan: String,
    /// Name of the region.
    pub region: String,
    /// From when on, in UTC.
    pub at: String,
    /// The VPSs, by what they cost before.
    pub groups: Vec<PriceChangeGroup>,
    /// Per hour from then on, with the currency.
    pub to_hour: String,
    /// A month at most from then on, with the currency.
    pub to_month: String,
}

/// What people are told of a price change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceChangeStage {
    /// It will be.
    Announced,
    /// It is in force.
    Changed,
    /// It will be soon.
    Reminded,
    /// It will not be.
    Cancelled,
}

/// VPSs that cost the same before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChangeGroup {
    /// Names of some of them.
    pub names: String,
    /// How many there are besides.
    pub more: usize,
    /// Per hour before, with the currency.
    pub from_hour: String,
    /// A month at most before, with the currency.
    pub from_month: String,
}

/// What people are told of VPSs that are suspended for an empty wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpaid {
    /// The person.
    pub name: String,
    /// Whose VPSs.
    pub organization: String,
    /// Names of the first of them.
    pub vps: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// When they are destroyed.
    pub until: String,
    /// What has to be paid in before they run again, with its currency.
    pub missing: String,
}

impl Content {
    /// The stored word, and the name of the templates.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Welcome { .. } => "welcome",
            Self::Confirm { .. } => "confirm",
            Self::Receipt { .. } => "receipt",
            Self::CreditNote { .. } => "credit_note",
            Self::Runway { .. } => "runway",
            Self::Suspended(_) => "suspended",
            Self::Destruction { .. } => "destruction",
            Self::Destroyed { .. } => "destroyed",
            Self::CreditExpiring { .. } => "credit_expiring",
            Self::Refund { .. } => "refund",
            Self::Dispute(_) => "dispute",
            Self::AutoTopUp(_) => "auto_top_up",
            Self::VatNumber { .. } => "vat_number",
            Self::Alarm { .. } => "alarm",
            Self::PriceChange(_) => "price_change",
        }
    }
}

/// A mail to send.
#[derive(Debug)]
pub struct Mail<'a> {
    to: &'a Email,
    name: String,
    content: Content,
    dedupe: Option<&'a str>,
}

impl<'a> Mail<'a> {
    /// To this person.
    pub fn new(to: &'a Email, name: &str, content: Content) -> Self {
        Self { to, name: one_line(name), content, dedupe: None }
    }

    /// At most one mail of the organization with this word is ever written.
    #[must_use]
    pub fn once(mut self, word: &'a str) -> Self {
        self.dedupe = Some(word);
        self
    }
}

/// What is sealed until the mail is sent.
#[derive(Serialize, Deserialize)]
struct Context {
    name: String,
    content: Content,
}

/// A mail as the outbox takes it.
struct Prepared {
    id: MailId,
    sealed: String,
    message_id: String,
}

impl Prepared {
    fn new(app: &App, mail: &Mail<'_>) -> Result<Self> {
        let id = MailId::new();
        let context = Context { name: mail.name.clone(), content: mail.content.clone() };
        let text = serde_json::to_string(&context).map_err(Error::internal)?;
        let sealed = app.vault.seal(place(id), &text.into()).map_err(Error::internal)?;
        let host = app.settings().public_url.host_str().unwrap_or("localhost");
        Ok(Self { id, sealed, message_id: format!("{id}@{host}") })
    }

    fn row<'a>(&'a self, mail: &Mail<'a>) -> NewMail<'a> {
        NewMail {
            id: self.id,
            kind: mail.content.kind(),
            recipient: mail.to,
            context_sealed: &self.sealed,
            message_id: &self.message_id,
            dedupe: mail.dedupe,
        }
    }
}

pub(crate) fn place(id: MailId) -> Place {
    Place { column: "mails.context", row: id.0 }
}

/// Writes a mail of the organization, in the transaction of what it tells of. Answers whether it is new.
pub async fn enqueue(app: &App, tx: &mut OrgTx, mail: &Mail<'_>) -> Result<bool> {
    let prepared = Prepared::new(app, mail)?;
    Ok(rows::enqueue(tx, &prepared.row(mail)).await?)
}

/// The same from a transaction over all organizations; without one it is for operators.
pub async fn enqueue_for(
    app: &App,
    tx: &mut SystemTx,
    organization: Option<OrganizationId>,
    actor: Actor,
    mail: &Mail<'_>,
) -> Result<bool> {
    let prepared = Prepared::new(app, mail)?;
    Ok(rows::enqueue_for(tx, organization, actor, &prepared.row(mail)).await?)
}

/// Has a failed mail sent again. `false` when it is sent or waits already.
pub async fn resend(app: &App, operator: &Operator, id: MailId) -> Result<bool> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let Some(kind) = rows::resend(&mut tx, id, operator.actor()).await? else {
        return if rows::exists(&mut tx, id).await? { Ok(false) } else { Err(Error::NotFound) };
    };
    let entry = operator.did(Action::MailResent).on(TargetKind::Mail, id).with(json!({ "kind": kind }));
    tx.commit(entry).await?;
    Ok(true)
}
