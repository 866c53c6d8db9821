//! Request limits of an organization, its people and its keys, other than the installation's.

use app::identity::limits::{NewLimit, restore_limit, set_limit};
use axum_extra::extract::Form;
use domain::identity::Quota;
use domain::{LimitOverrideId, OrganizationId};
use serde::Deserialize;
use store::SystemRead;
use store::identity::{LimitOverride, LimitSubject, limit_subjects, limits_of};

use super::operator;
use super::view::{LimitForm, LimitRow, LimitsView};
use crate::access::Operator;
use crate::error::Result;
use crate::form::{Id, refused};
use crate::format;
use crate::toast::{Said, see_other_saying};
use crate::view::Choice;

/// For how long a limit can be set, in days.
const DAYS: [(&str, &str); 5] =
    [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "365 days")];

/// What the organization's page shows of its limits.
pub(super) async fn of(db: &mut SystemRead, organization: OrganizationId) -> Result<LimitsView> {
    let rows = limits_of(db, organization).await?;
    let named = limit_subjects(db, organization).await?.into_iter();
    let whole = Choice::new(word(LimitSubject::Organization), "The whole organization");
    let named = named.map(|(subject, name)| Choice::new(word(subject), who(subject, Some(&name))));
    Ok(LimitsView {
        rows: rows.into_iter().map(row).collect(),
        subjects: std::iter::once(whole).chain(named).collect(),
        days: DAYS.map(|(value, label)| Choice::new(value, label)).into(),
    })
}

fn row(limit: LimitOverride) -> LimitRow {
    LimitRow {
        id: limit.id.to_string(),
        who: who(limit.subject, limit.subject_name.as_deref()),
        limit: in_words(limit.quota),
        reason: limit.reason,
        expires_at: limit.expires_at,
    }
}

fn who(subject: LimitSubject, name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    match subject {
        LimitSubject::Organization => "The whole organization".to_owned(),
        LimitSubject::User(_) => name.to_owned(),
        LimitSubject::ApiKey(_) => format!("API key {name}"),
    }
}

/// A limit as people say it: `600 per minute`.
pub(crate) fn in_words(quota: Quota) -> String {
    let requests = format::count(quota.requests());
    match quota.seconds() {
        1 => format!("{requests} per second"),
        60 => format!("{requests} per minute"),
        3_600 => format!("{requests} per hour"),
        86_400 => format!("{requests} per day"),
        seconds => format!("{requests} per {} seconds", format::count(seconds)),
    }
}

/// The subject in a form.
fn word(subject: LimitSubject) -> String {
    match subject {
        LimitSubject::Organization => "organization".to_owned(),
        LimitSubject::User(id) => format!("user:{id}"),
        LimitSubject::ApiKey(id) => format!("api_key:{id}"),
    }
}

fn subject(word: &str) -> Option<LimitSubject> {
    match word.split_once(':') {
        None => (word == "organization").then_some(LimitSubject::Organization),
        Some(("user", id)) => id.parse().ok().map(LimitSubject::User),
        Some(("api_key", id)) => id.parse().ok().map(LimitSubject::ApiKey),
        Some(_) => None,
    }
}

/// A limit to set.
#[derive(Debug, Deserialize)]
pub(crate) struct NewLimitForm {
    subject: String,
    requests: String,
    seconds: String,
    days: String,
    reason: String,
}

impl NewLimitForm {
    fn parsed(&self) -> Result<NewLimit<'_>, app::Error> {
        let wrong = |field| app::Error::invalid(field, "Use whole numbers.");
        let number = |field, text: &str| text.trim().parse().map_err(|_| wrong(field));
        Ok(NewLimit {
            subject: subject(&self.subject).ok_or_else(|| app::Error::invalid("subject", "Choose one."))?,
            requests: number("requests", &self.requests)?,
            seconds: number("seconds", &self.seconds)?,
            days: self.days.trim().parse().map_err(|_| wrong("days"))?,
            reason: &self.reason,
        })
    }
}

/// Sets a limit.
pub(crate) async fn set(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Form(form): Form<NewLimitForm>,
) -> Result {
    let done = match form.parsed() {
        Ok(new) => set_limit(&operator.state.app, &operator.operator, id, new).await.map(|_| ()),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(see_other_saying(&operator.state, &page(id), Said::LimitSet)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            let NewLimitForm { subject, requests, seconds, days, reason } = form;
            let form = LimitForm { subject, requests, seconds, days, reason, errors };
            operator::page(&operator, id, status, Some(form), None).await
        }
    }
}

/// A limit to take back.
#[derive(Debug, Deserialize)]
pub(crate) struct Restored {
    limit: LimitOverrideId,
}

/// Takes a limit back.
pub(crate) async fn restore(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Form(form): Form<Restored>,
) -> Result {
    restore_limit(&operator.state.app, &operator.operator, id, form.limit).await?;
    Ok(see_other_saying(&operator.state, &page(id), Said::LimitRestored))
}

fn page(id: OrganizationId) -> String {
    format!("/operator/organizations/{id}")
}

#[cfg(test)]
mod tests {
    use domain::{ApiKeyId, UserId};

    use super::*;

    #[test]
    fn subjects_come_back_from_the_form() {
        let all = [
            LimitSubject::Organization,
            LimitSubject::User(UserId::new()),
            LimitSubject::ApiKey(ApiKeyId::new()),
        ];
        for one in all {
            assert_eq!(subject(&word(one)), Some(one));
        }
        for bad in ["", "user", "user:1", "vps:0192f5c4-7d1e-7c3a-9b51-3f2f0a6d1e10"] {
            assert_eq!(subject(bad), None, "{bad}");
        }
    }

    #[test]
    fn limits_are_told_in_words() {
        assert_eq!(in_words(Quota::per_minute(12_000)), "12,000 per minute");
        assert_eq!(Quota::new(5, 90).map(in_words), Ok("5 per 90 seconds".to_owned()));
    }
}
