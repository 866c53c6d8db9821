//! What the business earns: pages and files for operators.

use axum::extract::Query;
use chrono::{NaiveDate, Utc};
use domain::Money;
use serde::{Deserialize, Serialize};
use store::wallet::finance::{self, Margin, Of, Period, Sums};
use store::wallet::read;

use super::finance_view::{Bar, CustomerRow, FinancePage, MarginPage, MarginRow, SumsRow, Total};
use crate::access::Operator;
use crate::error::Result;
use crate::link;
use crate::spreadsheet::{Amount, file, plain};
use crate::view::Choice;

/// Customers on the page.
const CUSTOMERS: i64 = 10;
/// Lines of the margin on the page; the file has ten times as many.
const LINES: i64 = 200;
/// Height of the chart's bars.
const HEIGHT: i64 = 100;

/// Days or months, as in the address; anything else is days.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AskedPeriod {
    #[serde(default)]
    by: String,
}

impl AskedPeriod {
    fn period(&self) -> Period {
        if self.by == "month" { Period::Month } else { Period::Day }
    }
}

/// What the margin is looked at by, as in the address; anything else is plans.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AskedMargin {
    #[serde(default)]
    of: String,
}

impl AskedMargin {
    fn of(&self) -> (Of, &'static str) {
        match self.of.as_str() {
            "organization" => (Of::Organization, "organization"),
            "account" => (Of::Account, "account"),
            "vps" => (Of::Vps, "vps"),
            _ => (Of::Plan, "plan"),
        }
    }
}

/// Revenue, payments and what is owed, by day or by month.
pub(crate) async fn show(operator: Operator, Query(asked): Query<AskedPeriod>) -> Result {
    let period = asked.period();
    let mut db = operator.read_all().await?;
    let sums = finance::by_period(&mut db, period).await?;
    let totals = read::totals(&mut db).await?;
    let since = sums.last().map_or_else(|| Utc::now().date_naive(), |first| first.start);
    let customers = finance::top_customers(&mut db, since, CUSTOMERS).await?;
    let page = FinancePage {
        by: if period == Period::Month { "month" } else { "day" },
        periods: vec![Choice::new("day", "By day"), Choice::new("month", "By month")],
        since: day(since),
        total: total(&sums)?,
        unspent: totals.available.plus(totals.held)?,
        receivable: totals.receivable,
        chart: chart(&sums),
        rows: sums.iter().map(|sums| row(sums, period)).collect(),
        customers: customers
            .into_iter()
            .map(|c| CustomerRow {
                id: c.id.to_string(),
                name: c.name,
                revenue: c.revenue,
                paid_in: c.paid_in,
            })
            .collect(),
    };
    db.show(&page)
}

fn total(sums: &[Sums]) -> Result<Total> {
    let of = |column: fn(&Sums) -> Money| Money::total(sums.iter().map(column));
    Ok(Total {
        paid_in: of(|s| s.paid_in)?,
        returned: of(|s| s.returned)?,
        revenue: of(|s| s.revenue)?,
        owed: of(|s| s.owed)?,
        credits: of(|s| s.credits)?,
        adjustments: of(|s| s.adjustments)?,
        failed: sums.iter().map(|s| s.failed).sum(),
    })
}

fn name(sums: &Sums, period: Period) -> String {
    match period {
        Period::Month => sums.start.format("%B %Y").to_string(),
        Period::Day => day(sums.start),
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}

fn row(sums: &Sums, period: Period) -> SumsRow {
    SumsRow {
        name: name(sums, period),
        paid_in: sums.paid_in,
        returned: sums.returned,
        revenue: sums.revenue,
        credits: sums.credits,
        adjustments: sums.adjustments,
        failed: sums.failed,
    }
}

/// Bars from the oldest to the newest, as high as their part of the largest. Whatever is more than nothing can be seen.
fn chart(sums: &[Sums]) -> Vec<Bar> {
    let largest = sums.iter().flat_map(|s| [s.paid_in, s.revenue]).max().unwrap_or_default().micros().max(1);
    let height = |amount: Money| {
        let share = i128::from(amount.micros().max(0)) * i128::from(HEIGHT) / i128::from(largest);
        i64::try_from(share).unwrap_or(HEIGHT).max(i64::from(amount.is_positive()))
    };
    let bar = |s: &Sums| Bar { paid_in: height(s.paid_in), revenue: height(s.revenue) };
    sums.iter().rev().map(bar).collect()
}

/// What the hours of the running month brought and cost.
pub(crate) async fn margin(operator: Operator, Query(asked): Query<AskedMargin>) -> Result {
    let (of, word) = asked.of();
    let mut db = operator.read_all().await?;
    let lines = finance::margin(&mut db, of, LINES).await?;
    let revenue = Money::total(lines.iter().map(|line| line.revenue))?;
    let cost = Money::total(lines.iter().map(|line| line.cost))?;
    let page = MarginPage {
        of: word,
        choices: vec![
            Choice::new("plan", "Plan"),
            Choice::new("organization", "Organization"),
            Choice::new("account", "Provider account"),
            Choice::new("vps", "VPS"),
        ],
        month: Utc::now().format("%B %Y").to_string(),
        revenue,
        cost,
        margin: revenue.minus(cost)?,
        below_cost: lines.iter().filter(|line| line.revenue < line.cost).count(),
        cut: i64::try_from(lines.len()).is_ok_and(|count| count == LINES),
        rows: lines.iter().map(|line| margin_row(line, of)).collect::<Result<_>>()?,
    };
    db.show(&page)
}

fn margin_row(line: &Margin, of: Of) -> Result<MarginRow> {
    let margin = line.revenue.minus(line.cost)?;
    let share = i128::from(margin.micros()) * 100;
    let share = share.checked_div(i128::from(line.revenue.micros()));
    let href = line.id.map(|id| match of {
        Of::Plan => format!("/operator/plans/{id}"),
        Of::Organization => format!("/operator/organizations/{id}"),
        Of::Account => format!("/operator/providers/{id}"),
        Of::Vps => link::with_query("/operator/vps", &[("q", &line.name)]),
    });
    Ok(MarginRow {
        name: if line.id.is_some() { line.name.clone() } else { "No account".to_owned() },
        href,
        organization: line.organization.clone(),
        vps: line.vps,
        hours: line.hours,
        revenue: line.revenue,
        cost: line.cost,
        margin,
        percent: share.and_then(|share| i64::try_from(share).ok()),
        below_cost: line.revenue < line.cost,
    })
}

#[derive(Serialize)]
struct SumsLine<'a> {
    start: String,
    paid_in: Amount,
    returned: Amount,
    revenue: Amount,
    of_it_owed: Amount,
    credits: Amount,
    adjustments: Amount,
    failed_payments: i64,
    currency: &'a str,
}

#[derive(Serialize)]
struct MarginLine<'a> {
    name: String,
    organization: String,
    vps: i64,
    hours: i64,
    revenue: Amount,
    cost: Amount,
    margin: Amount,
    currency: &'a str,
}

/// The sums as a file.
pub(crate) async fn show_csv(operator: Operator, Query(asked): Query<AskedPeriod>) -> Result {
    let mut db = operator.read_all().await?;
    let sums = finance::by_period(&mut db, asked.period()).await?;
    let currency = operator.state.currency.code();
    let lines = sums.iter().map(|s| SumsLine {
        start: s.start.to_string(),
        paid_in: s.paid_in.into(),
        returned: s.returned.into(),
        revenue: s.revenue.into(),
        of_it_owed: s.owed.into(),
        credits: s.credits.into(),
        adjustments: s.adjustments.into(),
        failed_payments: s.failed,
        currency,
    });
    file("finance.csv", lines)
}

/// The margin as a file.
pub(crate) async fn margin_csv(operator: Operator, Query(asked): Query<AskedMargin>) -> Result {
    let mut db = operator.read_all().await?;
    let lines = finance::margin(&mut db, asked.of().0, 10 * LINES).await?;
    let currency = operator.state.currency.code();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            Ok(MarginLine {
                name: plain(&line.name),
                organization: plain(line.organization.as_deref().unwrap_or_default()),
                vps: line.vps,
                hours: line.hours,
                revenue: line.revenue.into(),
                cost: line.cost.into(),
                margin: line.revenue.minus(line.cost)?.into(),
                currency,
            })
        })
        .collect::<Result<_>>()?;
    file("margin.csv", lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_parts_of_the_largest_never_below_the_line_and_seen_where_there_is_something() {
        let day = |paid_in, revenue| Sums {
            start: chrono::NaiveDate::default(),
            paid_in: Money::from_micros(paid_in),
            returned: Money::ZERO,
            revenue: Money::from_micros(revenue),
            owed: Money::ZERO,
            credits: Money::ZERO,
            adjustments: Money::ZERO,
            failed: 0,
        };
        let bars = chart(&[day(i64::MAX, 5), day(-7, i64::MAX / 2)]);
        let heights: Vec<_> = bars.iter().map(|bar| (bar.paid_in, bar.revenue)).collect();
        assert_eq!(heights, [(0, 49), (100, 1)]);
        assert!(chart(&[day(0, 0)]).iter().all(|bar| (bar.paid_in, bar.revenue) == (0, 0)));
    }
}
