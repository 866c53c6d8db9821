//! The books counted again: every meter's history replayed by the rule of hours, and compared with what was charged and
//! with what the ledger earned.
//!
//! The history is when a meter began and ended, and its terms: price version and tariff, as they were recorded when they
//! changed. No amount that was ever charged goes into the count.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::{Meter, Tariff};
use domain::catalog::{Price, UnitPrice};
use domain::{MeterId, Money, OrganizationId, PriceVersionId};
use futures_util::TryStreamExt as _;
use uuid::Uuid;

use super::{transfer, word};
use crate::handle::sealed::Conn as _;
use crate::wallet::verify::Difference;
use crate::{Error, Result, Store, SystemPurpose, SystemRead, catalog};

/// What was counted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recomputed {
    /// Meters.
    pub meters: u64,
    /// Their hours.
    pub hours: u64,
    /// What they come to.
    pub amount: Money,
}

/// Counts the hours of one organization again, or of all, as they are at one moment; stops at the first difference.
pub async fn recompute(
    store: &Store,
    organization: Option<OrganizationId>,
) -> Result<std::result::Result<Recomputed, Difference>> {
    let mut db = store.system_read(SystemPurpose::CommandLine).await?;
    // People go on working: everything is read from the same snapshot.
    sqlx::query("set transaction isolation level repeatable read").execute(db.conn()).await?;
    let organization = organization.map(|o| o.0);
    let terms = terms(&mut db, organization).await?;
    let prices = prices(&mut db).await?;
    let (mut all, mut sums) = (Recomputed::default(), BTreeMap::<OrganizationId, Sums>::new());
    let mut rows = metered(&mut db, organization);
    while let Some(row) = rows.try_next().await? {
        let history =
            History { row: &row, terms: terms.get(&row.id).map_or(&[], Vec::as_slice), prices: &prices };
        let replayed = match history.replay()? {
            Ok(replayed) => replayed,
            Err(what) => return Ok(Err(Difference { organization_id: row.organization_id, what })),
        };
        all.meters += 1;
        all.hours += replayed.hours;
        all.amount = plus(plus(all.amount, replayed.first)?, replayed.later)?;
        let sum = sums.entry(row.organization_id).or_default();
        sum.first = plus(sum.first, replayed.first)?;
        sum.later = plus(sum.later, replayed.later)?;
        sum.at_cost = plus(sum.at_cost, replayed.at_cost)?;
    }
    drop(rows);
    if let Some(difference) = earned_otherwise(&mut db, organization, sums).await? {
        return Ok(Err(difference));
    }
    Ok(match transfer::charged_otherwise(&mut db, organization).await? {
        Some(difference) => Err(difference),
        None => Ok(all),
    })
}

fn plus(a: Money, b: Money) -> Result<Money> {
    a.plus(b).map_err(|_| Error::Inconsistent("sum of hours"))
}

/// What an organization's hours come to.
#[derive(Debug, Default)]
struct Sums {
    /// First hours, which are paid from holds.
    first: Money,
    /// All others.
    later: Money,
    /// Of them, those at cost.
    at_cost: Money,
}

/// What a meter counted under before it counted otherwise.
struct Terms {
    until: DateTime<Utc>,
    sold: bool,
    price_version_id: PriceVersionId,
}

async fn terms(db: &mut SystemRead, organization: Option<Uuid>) -> Result<HashMap<MeterId, Vec<Terms>>> {
    let rows = sqlx::query!(
        r#"select meter_id as "meter_id: MeterId", until, tariff = 'sold' as "sold!",
            price_version_id as "price_version_id: PriceVersionId"
        from meter_terms where ($1::uuid is null or organization_id = $1) order by meter_id, until, id"#,
        organization
    )
    .fetch_all(db.conn())
    .await?;
    let mut terms = HashMap::<MeterId, Vec<Terms>>::new();
    for r in rows {
        let ended = Terms { until: r.until, sold: r.sold, price_version_id: r.price_version_id };
        terms.entry(r.meter_id).or_default().push(ended);
    }
    Ok(terms)
}

/// The prices that any meter ever counted at.
async fn prices(db: &mut SystemRead) -> Result<HashMap<PriceVersionId, UnitPrice>> {
    let used = sqlx::query_scalar!(
        r#"select price_version_id as "id!: PriceVersionId" from meters
        union select price_version_id from meter_terms"#
    )
    .fetch_all(db.conn())
    .await?;
    catalog::prices(db, used.into_iter().collect::<BTreeSet<_>>()).await
}

/// A meter as it stands, with what was charged for it.
struct Metered {
    organization_id: OrganizationId,
    id: MeterId,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    paid_until: DateTime<Utc>,
    month: NaiveDate,
    month_used: Money,
    sold: bool,
    price_version_id: PriceVersionId,
    quantity: i64,
    starts: Vec<DateTime<Utc>>,
    amounts: Vec<i64>,
    tariffs: Vec<String>,
}

/// Every meter, with its charges in the order of time. Read as it comes, so memory grows with one meter's life only.
fn metered(
    db: &mut SystemRead,
    organization: Option<Uuid>,
) -> impl futures_util::Stream<Item = std::result::Result<Metered, sqlx::Error>> {
    sqlx::query_as!(
        Metered,
        r#"select m.organization_id as "organization_id!: OrganizationId", m.id as "id!: MeterId",
            m.started_at as "started_at!", m.ended_at, m.paid_until as "paid_until!", m.month as "month!",
            m.month_used_micros as "month_used!: Money", m.tariff = 'sold' as "sold!",
            m.price_version_id as "price_version_id!: PriceVersionId", m.quantity as "quantity!", coalesce(c.starts, '{}') as "starts!",
            coalesce(c.amounts, '{}') as "amounts!", coalesce(c.tariffs, '{}') as "tariffs!"
        from meter_counts m left join lateral (
            select array_agg(span_start order by span_start) as starts,
                array_agg(amount_micros order by span_start) as amounts, array_agg(tariff order by span_start) as tariffs
            from charges where meter_id = m.id and organization_id = m.organization_id) c on true
        where ($1::uuid is null or m.organization_id = $1)
        order by m.organization_id, m.id"#,
        organization
    )
    .fetch(db.conn())
}

/// What a meter's hours come to.
#[derive(Default)]
struct Replayed {
    hours: u64,
    first: Money,
    later: Money,
    at_cost: Money,
}

struct History<'a> {
    row: &'a Metered,
    terms: &'a [Terms],
    prices: &'a HashMap<PriceVersionId, UnitPrice>,
}

impl History<'_> {
    /// Price and tariff after so many of the terms have ended.
    fn in_force(&self, ended: usize) -> Result<(Price, Tariff)> {
        let (sold, version) = match self.terms.get(ended) {
            Some(terms) => (terms.sold, terms.price_version_id),
            None => (self.row.sold, self.row.price_version_id),
        };
        let price = self.prices.get(&version).ok_or(Error::Inconsistent("price of a meter"))?;
        let price = price.of(self.row.quantity)?;
        Ok((price, if sold { Tariff::Sold } else { Tariff::AtCost }))
    }

    /// Ends the terms that no longer hold for the meter's next hour. A month keeps the highest cap of its prices.
    fn end_terms(&self, mut meter: Meter, ended: &mut usize) -> Result<Meter> {
        while self.terms.get(*ended).is_some_and(|terms| terms.until <= meter.paid_until) {
            let (before, _) = self.in_force(*ended)?;
            *ended += 1;
            if self.in_force(*ended)?.0 != before {
                meter = meter.moved(&before);
            }
        }
        Ok(meter)
    }

    /// Counts hour by hour up to the cursor. Says in words what was charged otherwise.
    fn replay(&self) -> Result<std::result::Result<Replayed, String>> {
        let (row, mut sum) = (self.row, Replayed::default());
        let mut meter = Meter { ended_at: row.ended_at, ..Meter::start(row.started_at) };
        let mut charged = row.starts.iter().zip(&row.amounts).zip(&row.tariffs);
        let mut ended = 0;
        // The first hour is charged when hours begin, even if they end at that very microsecond.
        while meter.paid_until < row.paid_until && (sum.hours == 0 || !meter.is_settled()) {
            meter = self.end_terms(meter, &mut ended)?;
            let (price, tariff) = self.in_force(ended)?;
            let (span, after) =
                meter.next(&price, tariff).map_err(|_| Error::Inconsistent("an hour of a meter"))?;
            let expected = (&span.start, &span.amount.micros());
            match charged.next() {
                Some(((start, amount), tariff_charged))
                    if (start, amount) == expected && tariff_charged == word(tariff) => {}
                found => {
                    let found = found.map_or("nothing".to_owned(), |((start, amount), tariff)| {
                        format!("{} ({tariff}) for the hour at {start}", Money::from_micros(*amount))
                    });
                    return Ok(Err(format!(
                        "meter {}: the hour at {} costs {} ({}) by its history, charged was {found}",
                        row.id,
                        span.start,
                        span.amount,
                        word(tariff)
                    )));
                }
            }
            sum.hours += 1;
            match (span.start == row.started_at, tariff) {
                (true, _) => sum.first = plus(sum.first, span.amount)?,
                (false, _) => sum.later = plus(sum.later, span.amount)?,
            }
            if tariff == Tariff::AtCost {
                sum.at_cost = plus(sum.at_cost, span.amount)?;
            }
            meter = after;
        }
        if let Some(((start, _), _)) = charged.next() {
            return Ok(Err(format!("meter {}: the hour at {start} was charged and was not due", row.id)));
        }
        if sum.hours > 0
            && (meter.paid_until, meter.month, meter.month_used)
                != (row.paid_until, row.month, row.month_used)
        {
            return Ok(Err(format!("meter {} stands otherwise than its history says", row.id)));
        }
        Ok(Ok(sum))
    }
}

/// The ledger against what the hours come to: first hours were captured from holds, all others charged or owed, and no
/// less owed than was at cost. Orders that never became active are captured at the price of their first hour. Transfer has
/// no hours: [`transfer::charged_otherwise`] counts it.
async fn earned_otherwise(
    db: &mut SystemRead,
    organization: Option<Uuid>,
    mut sums: BTreeMap<OrganizationId, Sums>,
) -> Result<Option<Difference>> {
    let rows = sqlx::query!(
        r#"select t.organization_id as "organization_id: OrganizationId",
            coalesce(sum(e.amount_micros) filter (where t.kind = 'capture'), 0)::bigint as "captured!: Money",
            coalesce(sum(e.amount_micros) filter (where t.kind = 'charge'), 0)::bigint as "charged!: Money",
            coalesce(sum(e.amount_micros) filter (where t.kind = 'accrual'), 0)::bigint as "owed!: Money",
            coalesce(sum(amount_of(least(greatest(p.sell_hour_micros, p.sell_minimum_micros), p.sell_month_micros),
                s.quantity, p.per_units)) filter (where m.subject is null and t.kind = 'capture'), 0)::bigint
                as "early!: Money"
        from ledger_transactions t
        join ledger_entries e on e.transaction_id = t.id and e.account = 'revenue'
        left join sold_hourly s on t.kind = 'capture'
            and s.id = coalesce(t.reference->>'vps_id', t.reference->>'resource_id')::uuid
        left join (select coalesce(vps_id, resource_id) as subject from meters) m on m.subject = s.id
        left join price_versions p on p.id = s.price_version_id
        where t.kind in ('capture', 'charge', 'accrual') and ($1::uuid is null or t.organization_id = $1)
            and not t.reference ? 'transfer'
        group by t.organization_id order by t.organization_id"#,
        organization
    )
    .fetch_all(db.conn())
    .await?;
    for r in rows {
        let sum = sums.remove(&r.organization_id).unwrap_or_default();
        let (first, later) = (plus(sum.first, r.early)?, plus(r.charged, r.owed)?);
        let what = if first != r.captured {
            format!("first hours come to {first}, the ledger captured {}", r.captured)
        } else if sum.later != later {
            format!("all other hours come to {}, the ledger earned {later}", sum.later)
        } else if sum.at_cost > r.owed {
            format!("hours at cost come to {}, only {} is owed for them", sum.at_cost, r.owed)
        } else {
            continue;
        };
        return Ok(Some(Difference { organization_id: r.organization_id, what }));
    }
    let unearned = sums.into_iter().find(|(_, sum)| sum.first.is_positive() || sum.later.is_positive());
    Ok(unearned.map(|(organization_id, sum)| {
        let what = format!("hours come to {} and more, the ledger earned nothing", sum.first.max(sum.later));
        Difference { organization_id, what }
    }))
}
