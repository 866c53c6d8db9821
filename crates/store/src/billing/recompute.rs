//! The books counted again: every meter's history replayed by the rule of hours, and compared with what was charged and
//! with what the ledger earned.
//!
//! The history is when a meter began and ended, and its terms: price version, quantity, tariff and resize, as they were
//! recorded when they changed. No amount that was ever charged goes into the count.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::{Meter, Sold, Tariff, hour};
use domain::catalog::{Price, UnitPrice};
use domain::{MeterId, Money, OrganizationId, PriceVersionId, ResizeId};
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
    let resizes = resizes(&mut db, organization).await?;
    let (mut all, mut sums) = (Recomputed::default(), BTreeMap::<OrganizationId, Sums>::new());
    let mut rows = metered(&mut db, organization);
    while let Some(row) = rows.try_next().await? {
        let terms = terms.get(&row.id).map_or(&[][..], Vec::as_slice);
        let history = History { row: &row, terms, prices: &prices, resizes: &resizes };
        let replayed = match history.replay()? {
            Ok(replayed) => replayed,
            Err(what) => return Ok(Err(Difference { organization_id: row.organization_id, what })),
        };
        all.meters += 1;
        all.hours += replayed.hours;
        all.amount = plus(plus(all.amount, replayed.held)?, replayed.later)?;
        let sum = sums.entry(row.organization_id).or_default();
        sum.held = plus(sum.held, replayed.held)?;
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
    /// First hours and what resizes added to hours, which are paid from holds.
    held: Money,
    /// All others.
    later: Money,
    /// Of them, those at cost.
    at_cost: Money,
}

/// What a meter counted under before it counted otherwise.
struct Terms {
    until: DateTime<Utc>,
    in_force: InForce,
}

/// What an hour counts under.
#[derive(Debug, Clone, Copy)]
struct InForce {
    sold: bool,
    price_version_id: PriceVersionId,
    quantity: i64,
    /// The resize since which it does.
    resize_id: Option<ResizeId>,
}

async fn terms(db: &mut SystemRead, organization: Option<Uuid>) -> Result<HashMap<MeterId, Vec<Terms>>> {
    let rows = sqlx::query!(
        r#"select meter_id as "meter_id: MeterId", until, tariff = 'sold' as "sold!",
            price_version_id as "price_version_id: PriceVersionId", quantity, resize_id as "resize_id: ResizeId"
        from meter_terms where ($1::uuid is null or organization_id = $1) order by meter_id, until, id"#,
        organization
    )
    .fetch_all(db.conn())
    .await?;
    let mut terms = HashMap::<MeterId, Vec<Terms>>::new();
    for r in rows {
        let in_force = InForce {
            sold: r.sold,
            price_version_id: r.price_version_id,
            quantity: r.quantity,
            resize_id: r.resize_id,
        };
        terms.entry(r.meter_id).or_default().push(Terms { until: r.until, in_force });
    }
    Ok(terms)
}

/// What a resize held, and what was charged of it.
struct Resize {
    difference: Money,
    raised: Money,
    /// Of which hour.
    hour: Option<DateTime<Utc>>,
}

async fn resizes(db: &mut SystemRead, organization: Option<Uuid>) -> Result<HashMap<ResizeId, Resize>> {
    let rows = sqlx::query!(
        r#"select r.id as "id: ResizeId", coalesce(h.amount_micros, 0) as "difference!: Money",
            coalesce(a.amount_micros, 0) as "raised!: Money", a.span_start as "hour?"
        from resizes r left join holds h on h.resize_id = r.id left join raised_hours a on a.resize_id = r.id
        where r.state = 'done' and ($1::uuid is null or r.organization_id = $1)"#,
        organization
    )
    .fetch_all(db.conn())
    .await?;
    let resize = |difference, raised, hour| Resize { difference, raised, hour };
    Ok(rows.into_iter().map(|r| (r.id, resize(r.difference, r.raised, r.hour))).collect())
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
    resize_id: Option<ResizeId>,
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
            m.price_version_id as "price_version_id!: PriceVersionId", m.quantity as "quantity!",
            (select resize_id from meters where id = m.id) as "resize_id: ResizeId", coalesce(c.starts, '{}') as "starts!",
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
    held: Money,
    later: Money,
    at_cost: Money,
}

/// A difference, in words.
type Counted<T> = std::result::Result<T, String>;

struct History<'a> {
    row: &'a Metered,
    terms: &'a [Terms],
    prices: &'a HashMap<PriceVersionId, UnitPrice>,
    resizes: &'a HashMap<ResizeId, Resize>,
}

/// How far a replay has come.
struct Replay {
    meter: Meter,
    /// How many terms have ended.
    ended: usize,
    /// What the last hour cost.
    last: Money,
    sum: Replayed,
}

impl History<'_> {
    /// What is in force after so many of the terms have ended.
    fn in_force(&self, ended: usize) -> InForce {
        let row = self.row;
        self.terms.get(ended).map_or(
            InForce {
                sold: row.sold,
                price_version_id: row.price_version_id,
                quantity: row.quantity,
                resize_id: row.resize_id,
            },
            |terms| terms.in_force,
        )
    }

    fn price(&self, of: InForce) -> Result<Price> {
        let price = self.prices.get(&of.price_version_id).ok_or(Error::Inconsistent("price of a meter"))?;
        Ok(price.of(of.quantity)?)
    }

    /// Ends the terms that no longer hold for the meter's next hour. A month keeps the highest cap of its prices; a resize
    /// raises the hour before.
    fn end_terms(&self, at: &mut Replay) -> Result<Counted<()>> {
        while self.terms.get(at.ended).is_some_and(|terms| terms.until <= at.meter.paid_until) {
            let before = self.in_force(at.ended);
            at.ended += 1;
            let after = self.in_force(at.ended);
            let (from, to) = (self.price(before)?, self.price(after)?);
            if from != to {
                at.meter = at.meter.moved(from.sell_month);
            }
            if let Some(id) = after.resize_id.filter(|_| after.resize_id != before.resize_id)
                && let Err(what) = self.raise(at, id, before.sold, to)?
            {
                return Ok(Err(what));
            }
        }
        Ok(Ok(()))
    }

    /// What a resize adds to the hour before. One of what counts at cost adds nothing.
    fn raise(&self, at: &mut Replay, id: ResizeId, sold: bool, to: Price) -> Result<Counted<()>> {
        let Some(resize) = self.resizes.get(&id) else {
            return Ok(Err(format!("meter {}: no resize {id} was done", self.row.id)));
        };
        let difference = if sold { resize.difference } else { Money::ZERO };
        let to = Sold { hour: to.sell_hour, month: to.sell_month };
        let raised = at.meter.raise(at.last, difference, to);
        let (by, meter) = raised.map_err(|_| Error::Inconsistent("an hour of a meter"))?;
        let hour = by.is_positive().then(|| meter.paid_until - hour());
        if (by, hour) != (resize.raised, resize.hour) {
            return Ok(Err(format!(
                "meter {}: resize {id} adds {by} to the hour it ran in by its history, charged was {}",
                self.row.id, resize.raised
            )));
        }
        (at.meter, at.last, at.sum.held) = (meter, plus(at.last, by)?, plus(at.sum.held, by)?);
        Ok(Ok(()))
    }

    /// Counts hour by hour up to the cursor. Says in words what was charged otherwise.
    fn replay(&self) -> Result<Counted<Replayed>> {
        let row = self.row;
        let meter = Meter { ended_at: row.ended_at, ..Meter::start(row.started_at) };
        let mut at = Replay { meter, ended: 0, last: Money::ZERO, sum: Replayed::default() };
        let mut charged = row.starts.iter().zip(&row.amounts).zip(&row.tariffs);
        // The first hour is charged when hours begin, even if they end at that very microsecond.
        while at.meter.paid_until < row.paid_until && (at.sum.hours == 0 || !at.meter.is_settled()) {
            if let Err(what) = self.end_terms(&mut at)? {
                return Ok(Err(what));
            }
            let in_force = self.in_force(at.ended);
            let (price, tariff) =
                (self.price(in_force)?, if in_force.sold { Tariff::Sold } else { Tariff::AtCost });
            let (span, after) =
                at.meter.next(&price, tariff).map_err(|_| Error::Inconsistent("an hour of a meter"))?;
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
            let sum = &mut at.sum;
            sum.hours += 1;
            match span.start == row.started_at {
                true => sum.held = plus(sum.held, span.amount)?,
                false => sum.later = plus(sum.later, span.amount)?,
            }
            if tariff == Tariff::AtCost {
                sum.at_cost = plus(sum.at_cost, span.amount)?;
            }
            (at.meter, at.last) = (after, span.amount);
        }
        // A resize raises the hour that runs; nothing of the next one is charged yet.
        if let Err(what) = self.end_terms(&mut at)? {
            return Ok(Err(what));
        }
        if let Some(((start, _), _)) = charged.next() {
            return Ok(Err(format!("meter {}: the hour at {start} was charged and was not due", row.id)));
        }
        if at.sum.hours > 0
            && (at.meter.paid_until, at.meter.month, at.meter.month_used)
                != (row.paid_until, row.month, row.month_used)
        {
            return Ok(Err(format!("meter {} stands otherwise than its history says", row.id)));
        }
        Ok(Ok(at.sum))
    }
}

/// The ledger against what the hours come to: first hours and what resizes added were captured from holds, all others charged
/// or owed, and no less owed than was at cost. Orders that never became active are captured at the price of their first hour. Transfer has
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
        let (held, later) = (plus(sum.held, r.early)?, plus(r.charged, r.owed)?);
        let what = if held != r.captured {
            format!("first hours and resizes come to {held}, the ledger captured {}", r.captured)
        } else if sum.later != later {
            format!("all other hours come to {}, the ledger earned {later}", sum.later)
        } else if sum.at_cost > r.owed {
            format!("hours at cost come to {}, only {} is owed for them", sum.at_cost, r.owed)
        } else {
            continue;
        };
        return Ok(Some(Difference { organization_id: r.organization_id, what }));
    }
    let unearned = sums.into_iter().find(|(_, sum)| sum.held.is_positive() || sum.later.is_positive());
    Ok(unearned.map(|(organization_id, sum)| {
        let what = format!("hours come to {} and more, the ledger earned nothing", sum.held.max(sum.later));
        Difference { organization_id, what }
    }))
}
