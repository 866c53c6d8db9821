//! Hours: which spans of the life of a VPS or resource are due, and what each costs.
//!
//! Span `k` begins `k` hours after it became active, is paid at its beginning and belongs to the UTC month in which it
//! begins. Within one month it never costs more than its cap.

mod country;
pub mod document;
pub mod ladder;
mod tax;
pub mod transfer;
mod vat;

pub use country::{Country, UnknownCountry};
pub use tax::{BadPart, Party, Split, Tax, TaxReason};
pub use vat::{BadVatNumber, VatNumber, VatRegister, VatStatus};

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, NaiveTime, Utc};

use crate::catalog::Price;
use crate::money::Overflow;
use crate::{Money, ResizeId, ResourceId, VpsId};

/// What hours are counted of, and money is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A VPS.
    Vps(VpsId),
    /// Backups, a snapshot, a volume, an address.
    Resource(ResourceId),
}

impl Subject {
    /// Its id: no two subjects have the same.
    pub const fn id(self) -> uuid::Uuid {
        match self {
            Self::Vps(id) => id.0,
            Self::Resource(id) => id.0,
        }
    }

    /// The id of the VPS, if it is one.
    pub const fn vps(self) -> Option<VpsId> {
        match self {
            Self::Vps(id) => Some(id),
            Self::Resource(_) => None,
        }
    }

    /// The id of the resource, if it is one.
    pub const fn resource(self) -> Option<ResourceId> {
        match self {
            Self::Vps(_) => None,
            Self::Resource(id) => Some(id),
        }
    }

    /// How movements of the ledger name it.
    pub fn reference(self) -> serde_json::Value {
        match self {
            Self::Vps(id) => serde_json::json!({ "vps_id": id }),
            Self::Resource(id) => serde_json::json!({ "resource_id": id }),
        }
    }
}

/// What money is held for. Its id is the key of its movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldFor {
    /// The first hour of something.
    Start(Subject),
    /// The difference of an hour, for something that grows.
    Resize(ResizeId, Subject),
}

impl HeldFor {
    /// Its id: no two orders have the same.
    pub const fn id(self) -> uuid::Uuid {
        match self {
            Self::Start(subject) => subject.id(),
            Self::Resize(id, _) => id.0,
        }
    }

    /// What begins with it.
    pub const fn start(self) -> Option<Subject> {
        match self {
            Self::Start(subject) => Some(subject),
            Self::Resize(..) => None,
        }
    }

    /// The id of the resize, if it is one.
    pub const fn resize(self) -> Option<ResizeId> {
        match self {
            Self::Start(_) => None,
            Self::Resize(id, _) => Some(id),
        }
    }

    /// How movements of the ledger name it.
    pub fn reference(self) -> serde_json::Value {
        match self {
            Self::Start(subject) => subject.reference(),
            Self::Resize(id, subject) => {
                let mut reference = subject.reference();
                reference["resize_id"] = serde_json::json!(id);
                reference
            }
        }
    }
}

/// The running count of one VPS or resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// When hours began: it was confirmed at the provider.
    pub started_at: DateTime<Utc>,
    /// When hours ended: the delete was accepted. Spans that begin at or after it are not due.
    pub ended_at: Option<DateTime<Utc>>,
    /// Beginning of the first span that is not paid yet.
    pub paid_until: DateTime<Utc>,
    /// First day of the month `month_used` belongs to.
    pub month: NaiveDate,
    /// What the paid spans that began in `month` cost.
    pub month_used: Money,
    /// Set when the price changed: what a month may cost still.
    pub earlier_cap: Option<EarlierCap>,
}

/// The highest cap among the earlier prices at which spans of a month were charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierCap {
    /// First day of the month.
    pub month: NaiveDate,
    /// The cap.
    pub cap: Money,
}

/// What customers pay for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// An hour.
    pub hour: Money,
    /// A month at most.
    pub month: Money,
}

/// One hour and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub start: DateTime<Utc>,
    /// Its price after the cap.
    pub amount: Money,
}

/// Spans that all cost the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flat {
    /// What each costs.
    pub amount: Money,
    /// They begin before this.
    pub until: DateTime<Utc>,
}

/// At whose price a span is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tariff {
    /// The price it is sold at, taken from the wallet.
    Sold,
    /// What it costs us, owed by the organization while it is suspended for an empty wallet.
    AtCost,
}

/// Length of a span.
pub fn hour() -> Duration {
    Duration::hours(1)
}

/// First instant of the next UTC month.
fn next_month(month: NaiveDate) -> Option<DateTime<Utc>> {
    Some(month.checked_add_months(Months::new(1))?.and_time(NaiveTime::MIN).and_utc())
}

/// First day of the UTC month.
pub fn month_of(at: DateTime<Utc>) -> NaiveDate {
    let day = at.date_naive();
    day.with_day(1).unwrap_or(day)
}

impl Meter {
    /// A meter that starts now, with nothing paid.
    pub fn start(at: DateTime<Utc>) -> Self {
        Self {
            started_at: at,
            ended_at: None,
            paid_until: at,
            month: month_of(at),
            month_used: Money::ZERO,
            earlier_cap: None,
        }
    }

    /// Is another span due at `now`?
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.paid_until <= now && self.ended_at.is_none_or(|end| self.paid_until < end)
    }

    /// Is everything there will ever be to pay paid?
    pub fn is_settled(&self) -> bool {
        self.ended_at.is_some_and(|end| self.paid_until >= end)
    }

    /// The next span and the meter after it is paid. Does not ask whether it is due.
    pub fn next(&self, price: &Price, tariff: Tariff) -> Result<(Span, Self), Overflow> {
        let start = self.paid_until;
        let month = month_of(start);
        let used = if month == self.month { self.month_used } else { Money::ZERO };
        let left = self.cap(price.sell_month, month).minus(used)?.max(Money::ZERO);
        let full = match tariff {
            Tariff::AtCost => price.cost_hour,
            Tariff::Sold if start == self.started_at => price.first_span(),
            Tariff::Sold => price.sell_hour,
        };
        let amount = full.min(left);
        let after = Self { paid_until: start + hour(), month, month_used: used.plus(amount)?, ..*self };
        Ok((Span { start, amount }, after))
    }

    /// The most that a month costs at a price that sells a month for `sell_month`: the highest cap among the prices that were
    /// in force in it.
    fn cap(&self, sell_month: Money, month: NaiveDate) -> Money {
        let earlier = self.earlier_cap.filter(|earlier| earlier.month == month);
        earlier.map_or(sell_month, |earlier| earlier.cap.max(sell_month))
    }

    /// The meter whose next span is charged at another price than the one that was in force, at which a month is sold for
    /// `sell_month`.
    #[must_use]
    pub fn moved(self, sell_month: Money) -> Self {
        let cap = self.cap(sell_month, self.month);
        Self { earlier_cap: Some(EarlierCap { month: self.month, cap }), ..self }
    }

    /// What a resize adds to the span that runs, the last one paid, and the meter after it: the span, for which `charged` is
    /// paid so far, comes to the new price, but grows by no more than the `difference` that was held for it, and no more than
    /// the month leaves. Asked of the meter after it has [`moved`](Self::moved) from the old price.
    pub fn raise(self, charged: Money, difference: Money, to: Sold) -> Result<(Money, Self), Overflow> {
        let left = self.cap(to.month, self.month).minus(self.month_used)?;
        let by = difference.min(to.hour.minus(charged)?).min(left).max(Money::ZERO);
        Ok((by, Self { month_used: self.month_used.plus(by)?, ..self }))
    }

    /// The next spans as far as they are sold, lie in the cursor's month and cost the same. `None` for the first span,
    /// the first of a month and the one that reaches the cap.
    pub fn flat(&self, price: &Price) -> Option<Flat> {
        let left = self.cap(price.sell_month, self.month).minus(self.month_used).ok()?.max(Money::ZERO);
        if self.paid_until == self.started_at || month_of(self.paid_until) != self.month {
            return None;
        }
        let end = next_month(self.month)?;
        if !left.is_positive() || !price.sell_hour.is_positive() {
            return Some(Flat { amount: Money::ZERO, until: end });
        }
        let hours = left.whole_times(price.sell_hour).filter(|hours| *hours > 0)?;
        let capped = self.paid_until.checked_add_signed(Duration::try_hours(hours)?);
        Some(Flat { amount: price.sell_hour, until: capped.map_or(end, |capped| capped.min(end)) })
    }

    /// All spans due at `now` under one tariff, oldest first, and the meter after them.
    pub fn all_due(
        mut self,
        price: &Price,
        tariff: Tariff,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Span>, Self), Overflow> {
        let mut spans = Vec::new();
        while self.is_due(now) {
            let (span, after) = self.next(price, tariff)?;
            spans.push(span);
            self = after;
        }
        Ok((spans, self))
    }
}

/// How long the wallet lasts: whole hours of `burn` in `available`; `None` when nothing burns.
pub fn runway_hours(available: Money, burn: Money) -> Option<i64> {
    available.whole_times(burn)
}

#[cfg(test)]
mod tests;
