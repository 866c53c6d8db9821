//! The outbox, for operators.

use axum::extract::Query;
use domain::MailId;
use domain::notify::mail::MailState;
use serde::Deserialize;
use store::notify::mail::{self as rows, Listed};

use super::mail_view::{MailRow, MailsPage};
use crate::access::Operator;
use crate::error::Result;
use crate::form::Id;
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::{Chip, Choice, PAGE, Pages};

/// What is looked for, as in the address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    state: String,
    before: Option<MailId>,
}

impl Asked {
    fn link(&self, before: Option<MailId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        link::with_query("/operator/mails", &[("state", &self.state), ("before", &before)])
    }
}

/// The list.
pub(crate) async fn list(operator: Operator, Query(asked): Query<Asked>) -> Result {
    let mut db = operator.read_all().await?;
    let mut rows = rows::list(&mut db, asked.state.parse().ok(), asked.before, PAGE + 1).await?;
    let newest = asked.before.map(|_| asked.link(None));
    let pages = Pages::of(&mut rows, newest, |last| asked.link(Some(last.id)));
    let page = MailsPage {
        switched_on: operator.state.app.settings().mail,
        states: states(),
        mails: rows.into_iter().map(Into::into).collect(),
        pages,
        state: asked.state,
    };
    db.show(&page)
}

/// Has a failed mail sent again.
pub(crate) async fn resend(operator: Operator, Id(id): Id<MailId>) -> Result {
    let queued = app::notify::mail::resend(&operator.state.app, &operator.operator, id).await?;
    let said = if queued { Said::MailQueued } else { Said::MailNotFailed };
    Ok(see_other_saying(&operator.state, "/operator/mails", said))
}

fn states() -> Vec<Choice> {
    let word = |state: &MailState| Choice::new(state.as_str(), Chip::from(*state).word());
    std::iter::once(Choice::new("", "All states")).chain(MailState::ALL.iter().map(word)).collect()
}

/// The stored word of another version of the product is shown as it is.
fn subject(mail: &Listed) -> String {
    let kind = match mail.kind.as_str() {
        "welcome" => "Welcome",
        "confirm" => "Confirmation of an address",
        "alarm" => "Alarm",
        other => other,
    };
    mail.subject.clone().unwrap_or_else(|| kind.to_owned())
}

impl From<Listed> for MailRow {
    fn from(mail: Listed) -> Self {
        Self {
            id: mail.id.to_string(),
            subject: subject(&mail),
            recipient: mail.recipient,
            organization_id: mail.organization_id.map(|id| id.to_string()),
            organization: mail.organization,
            status: mail.state.into(),
            error: mail.last_error,
            can_resend: mail.state == MailState::Failed || mail.stuck,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}
