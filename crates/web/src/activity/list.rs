//! Lists of the audit trail.

use axum::extract::Query;
use axum::http::StatusCode;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use domain::{ActivityId, OrganizationId, UserId};
use serde::Deserialize;
use store::activity::read::{self, AnyFilter, Entry, Filter};
use store::{identity, vps};
use uuid::Uuid;

use super::view::{ActivityFilterView, ActivityPage, AllActivityPage};
use super::words::{GROUPS, Words};
use crate::access::{Member, Operator, may};
use crate::error::{Failure, Result};
use crate::link;
use crate::show::Reading;
use crate::view::{Choice, Errors, PAGE, Pages};

/// VPSs to choose from in the filter.
const CHOICES: i64 = 200;

/// What is looked for, as in the address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    action: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    before: Option<ActivityId>,
}

/// The organization's trail.
pub(crate) async fn list(member: Member<may::ActivityView>, Query(asked): Query<Asked>) -> Result {
    let (filter, errors) = asked.filter();
    let mut db = member.read().await?;
    let mut rows = read::list(&mut db, &filter, asked.before, PAGE + 1).await?;
    let pages =
        Pages::of(&mut rows, asked.before.map(|_| asked.link(None)), |last| asked.link(Some(last.id)));
    let words = Words::for_customers(&member.state.currency);
    let page = ActivityPage {
        entries: rows.into_iter().map(|entry| words.entry(entry)).collect(),
        filter: asked.view(&mut db).await?,
        pages,
        errors,
    };
    db.show_with(StatusCode::OK, &page)
}

impl Asked {
    /// What is wrong with a date is said at its field; the rest of the filter holds.
    fn filter(&self) -> (Filter, Errors) {
        let mut errors = Errors::new();
        let mut day = |field: &str, text: &str| match text.parse::<NaiveDate>() {
            Ok(day) => Some(day),
            Err(_) if text.is_empty() => None,
            Err(_) => {
                errors.insert(field.to_owned(), "Not a date, expected for example 2026-11-22.".to_owned());
                None
            }
        };
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        let filter = Filter {
            group: GROUPS
                .iter()
                .map(|(word, _)| *word)
                .find(|word| *word == self.action && !word.is_empty())
                .map(str::to_owned),
            user: self.person.parse::<UserId>().ok(),
            target: self.target.parse::<Uuid>().ok(),
            from: from.map(midnight),
            until: to.and_then(|day| day.checked_add_days(Days::new(1))).map(midnight),
            without_charges: false,
        };
        (filter, errors)
    }

    fn link(&self, before: Option<ActivityId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        let pairs = [
            ("action", self.action.as_str()),
            ("person", &self.person),
            ("target", &self.target),
            ("from", &self.from),
            ("to", &self.to),
            ("before", &before),
        ];
        link::with_query("/activity", &pairs)
    }

    async fn view(self, db: &mut Reading<'_>) -> Result<ActivityFilterView> {
        let everybody = std::iter::once(Choice::new("", "Everybody"));
        let people = identity::read::people(db).await?;
        let people = people.into_iter().map(|p| Choice::new(p.id.to_string(), p.name));
        let every = std::iter::once(Choice::new("", "Everything"));
        let targets = vps::read::names(db, CHOICES).await?;
        let targets = targets.into_iter().map(|(id, name)| Choice::new(id.to_string(), name));
        Ok(ActivityFilterView {
            active: [&self.action, &self.person, &self.target, &self.from, &self.to]
                .iter()
                .any(|t| !t.is_empty()),
            actions: GROUPS.iter().map(|(word, label)| Choice::new(*word, *label)).collect(),
            people: everybody.chain(people).collect(),
            targets: every.chain(targets).collect(),
            action: self.action,
            person: self.person,
            target: self.target,
            from: self.from,
            to: self.to,
        })
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Whose trail an operator looks at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AskedAll {
    organization: Option<OrganizationId>,
    before: Option<ActivityId>,
}

/// The trail of all organizations and of the installation.
pub(crate) async fn list_all(operator: Operator, Query(asked): Query<AskedAll>) -> Result {
    let mut db = operator.read_all().await?;
    let organization = match asked.organization {
        Some(id) => Some(identity::read::organization(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?.name),
        None => None,
    };
    let filter = AnyFilter { organization: asked.organization, without_charges: false };
    let mut rows = read::list_all(&mut db, filter, asked.before, PAGE + 1).await?;
    let id = asked.organization.map(|o| o.to_string()).unwrap_or_default();
    let here =
        |before: &str| link::with_query("/operator/activity", &[("organization", &id), ("before", before)]);
    let older = |last: &Entry| here(&last.id.to_string());
    let pages = Pages::of(&mut rows, asked.before.map(|_| here("")), older);
    let words = Words::for_operators(&operator.state.currency);
    let entries = rows.into_iter().map(|entry| words.entry(entry)).collect();
    db.show(&AllActivityPage { entries, organization, pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_days_in_utc() {
        let asked = Asked { from: "2026-11-01".into(), to: "2026-11-30".into(), ..Default::default() };
        let (filter, errors) = asked.filter();
        assert!(errors.is_empty());
        let text = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        assert_eq!(text(filter.from).as_deref(), Some("2026-11-01T00:00:00+00:00"));
        assert_eq!(text(filter.until).as_deref(), Some("2026-12-01T00:00:00+00:00"));
    }

    #[test]
    fn wrong_dates_and_unknown_groups_are_not_used() {
        let asked = Asked { from: "yesterday".into(), action: "nonsense".into(), ..Default::default() };
        let (filter, errors) = asked.filter();
        assert!(errors.contains_key("from"));
        assert_eq!((filter.from, filter.group), (None, None));
    }
}
