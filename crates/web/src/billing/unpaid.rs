//! Who has not paid, what that costs us, and what happens when.

use std::collections::BTreeMap;

use domain::billing::ladder::{Kept, Step};
use domain::money::Overflow;
use domain::{Money, OrganizationId};
use store::billing::ladder::{Exposure as Row, exposure};

use super::unpaid_view::{Exposure, UnpaidPage, UnpaidRow};
use crate::access::Operator;
use crate::error::Result;

/// Organizations on the page.
const SHOWN: usize = 200;

/// The page.
pub(crate) async fn show(operator: Operator) -> Result {
    let mut db = operator.read_all().await?;
    let mut organizations = organizations(exposure(&mut db).await?)?;
    let sum = |of: fn(&UnpaidRow) -> Money| Money::total(organizations.iter().map(of));
    let total = Exposure {
        organizations: organizations.len(),
        vps: organizations.iter().map(|row| row.vps).sum(),
        owed: sum(|row| row.owed)?,
        cost_hour: sum(|row| row.cost_hour)?,
        cost_day: sum(|row| row.cost_day)?,
    };
    let cut = organizations.len() > SHOWN;
    organizations.truncate(SHOWN);
    let retention_hours = operator.state.app.settings().retention_hours;
    db.show(&UnpaidPage { total, organizations, cut, retention_hours })
}

/// One row for each organization, longest suspended first. VPSs of one that have other dates are summed up; the next
/// step is the first that any of them takes.
fn organizations(rows: Vec<Row>) -> Result<Vec<UnpaidRow>, Overflow> {
    let mut found = BTreeMap::<OrganizationId, UnpaidRow>::new();
    for row in rows {
        let (next, next_at) = next(&row);
        let new = UnpaidRow {
            id: row.organization_id.to_string(),
            name: row.organization,
            since: row.since,
            vps: row.vps,
            owed: row.receivable,
            cost_hour: row.cost_hour,
            cost_day: row.cost_hour.times(24)?,
            next,
            next_at,
            kept_until: row.kept_until,
        };
        match found.remove(&row.organization_id) {
            None => _ = found.insert(row.organization_id, new),
            Some(before) => {
                let sooner = if new.next_at < before.next_at { &new } else { &before };
                let both = UnpaidRow {
                    since: before.since.min(new.since),
                    vps: before.vps + new.vps,
                    cost_hour: before.cost_hour.plus(new.cost_hour)?,
                    cost_day: before.cost_day.plus(new.cost_day)?,
                    ..sooner.clone()
                };
                found.insert(row.organization_id, both);
            }
        }
    }
    let mut organizations: Vec<UnpaidRow> = found.into_values().collect();
    organizations.sort_by_key(|row| row.since);
    Ok(organizations)
}

fn next(row: &Row) -> (String, Option<chrono::DateTime<chrono::Utc>>) {
    match Kept::of(row.kept_until, row.kept_told).map(Kept::next) {
        None if row.never_destroyed => ("None: kept until paid".to_owned(), None),
        None => ("The date is announced".to_owned(), None),
        Some((Step::Warn(1), at)) => ("Last warning, an hour before".to_owned(), Some(at)),
        Some((Step::Warn(hours), at)) => (format!("Warning, {hours} hours before"), Some(at)),
        Some((Step::Destroy, at)) => ("Destroyed".to_owned(), Some(at)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn an_organization_is_one_row_with_its_next_step() -> Result<(), Overflow> {
        let now = DateTime::UNIX_EPOCH;
        let (acme, bolt) = (OrganizationId::new(), OrganizationId::new());
        let row = |organization_id, days: i64, told: Option<i32>, never_destroyed| Row {
            organization_id,
            organization: "x".into(),
            since: now + TimeDelta::days(days),
            vps: 2,
            cost_hour: Money::from_micros(100),
            receivable: Money::from_micros(7),
            kept_until: told.map(|_| now + TimeDelta::days(days + 7)),
            kept_told: told,
            never_destroyed,
        };
        let rows = organizations(vec![
            row(acme, 3, Some(1), false),
            row(bolt, 2, None, true),
            row(acme, 1, Some(168), false),
        ])?;
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].vps, rows[0].cost_day.micros(), rows[0].owed.micros()), (4, 4_800, 7));
        assert_eq!(rows[0].next, "Warning, 72 hours before");
        assert_eq!(rows[0].next_at, Some(now + TimeDelta::days(5)));
        assert_eq!((rows[1].next.as_str(), rows[1].next_at), ("None: kept until paid", None));
        Ok(())
    }
}
