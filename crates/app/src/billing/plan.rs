//! What one organization owes at one moment, computed before anything is debited.

use chrono::{DateTime, Utc};
use domain::Money;
use domain::billing::ladder::Funds;
use domain::billing::{Span, Tariff, hour};
use domain::money::Overflow;
use store::billing::OpenMeter;

/// What is to be written for one organization.
#[derive(Debug, Default)]
pub(super) struct Bill {
    /// Hours and who pays them: index of the meter, hour, tariff.
    pub(super) charges: Vec<(usize, Span, Tariff)>,
    /// From the wallet.
    pub(super) from_wallet: Money,
    /// Added to the debt.
    pub(super) to_debt: Money,
    /// The wallet could not pay the next hour: everything running is to be suspended.
    pub(super) suspend: bool,
}

/// Charges all hours due at `now`, in rounds of one hour of every running VPS, in the order in which
/// they began: a round is an hour's worth of time from the oldest unpaid hour on.
///
/// A round is paid as a whole or not at all: from the wallet, and what the wallet lacks on credit as far as the line
/// goes. When both cannot pay a round, running VPSs count at cost from there on (they are suspended) and add to the
/// debt. The last hours of VPSs that were deleted cannot be prevented any more: what the wallet lacks for them is
/// owed.
pub(super) fn bill(meters: &mut [OpenMeter], funds: Funds, now: DateTime<Utc>) -> Result<Bill, Overflow> {
    let (available, credit) = (funds.available, funds.credit_left()?);
    let mut bill = Bill::default();
    loop {
        let left = available.minus(bill.from_wallet)?;
        let credit_left = credit.minus(bill.to_debt)?;
        let due = round(meters, now);
        if due.is_empty() {
            break;
        }
        let spans = due.iter().map(|&i| meters[i].meter.next(&meters[i].price, Tariff::Sold));
        let spans: Vec<_> = spans.collect::<Result<_, _>>()?;
        let total = Money::total(spans.iter().map(|(span, _)| span.amount))?;
        if total > left.plus(credit_left)? && due.iter().any(|&i| meters[i].meter.ended_at.is_none()) {
            bill.suspend = true;
            // Not only what is due just now: nothing draws on this wallet any more.
            for meter in meters.iter_mut().filter(|m| m.meter.ended_at.is_none()) {
                meter.tariff = Tariff::AtCost;
            }
            continue;
        }
        let paid = total.min(left);
        bill.from_wallet = bill.from_wallet.plus(paid)?;
        bill.to_debt = bill.to_debt.plus(total.minus(paid)?)?;
        for (i, (span, after)) in due.into_iter().zip(spans) {
            meters[i].meter = after;
            bill.charges.push((i, span, Tariff::Sold));
        }
    }
    accrue(meters, &mut bill, now)?;
    Ok(bill)
}

/// The meters whose next sold hour is due and begins less than an hour after the oldest of them.
fn round(meters: &[OpenMeter], now: DateTime<Utc>) -> Vec<usize> {
    let is_due = |m: &OpenMeter| m.tariff == Tariff::Sold && m.meter.is_due(now);
    let oldest = meters.iter().filter(|m| is_due(m)).map(|m| m.meter.paid_until).min();
    let in_it =
        |m: &OpenMeter| is_due(m) && oldest.is_some_and(|oldest| m.meter.paid_until - oldest < hour());
    (0..meters.len()).filter(|&i| in_it(&meters[i])).collect()
}

/// Hours of suspended VPSs add to the debt at what they cost us.
fn accrue(meters: &mut [OpenMeter], bill: &mut Bill, now: DateTime<Utc>) -> Result<(), Overflow> {
    for (i, meter) in meters.iter_mut().enumerate().filter(|(_, m)| m.tariff == Tariff::AtCost) {
        let (spans, after) = meter.meter.all_due(&meter.price, Tariff::AtCost, now)?;
        meter.meter = after;
        bill.to_debt = bill.to_debt.plus(Money::total(spans.iter().map(|s| s.amount))?)?;
        bill.charges.extend(spans.into_iter().map(|span| (i, span, Tariff::AtCost)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::billing::Meter;
    use domain::catalog::{Cost, Markup, Price};
    use domain::{MeterId, OrganizationId};

    use super::*;

    fn meter(started_at: DateTime<Utc>, cost_hour: i64) -> OpenMeter {
        let cost = Cost {
            hour: Money::from_micros(cost_hour),
            month: Money::from_micros(cost_hour * 672),
            minimum: Money::ZERO,
        };
        let markup = Markup { basis_points: 10_000, ..Markup::default() };
        OpenMeter {
            id: MeterId::new(),
            organization_id: OrganizationId::new(),
            price: Price::new(cost, markup).expect("small numbers"),
            meter: Meter::start(started_at),
            tariff: Tariff::Sold,
        }
    }

    fn funds(available: i64, receivable: i64, credit_limit: i64) -> Funds {
        let [available, receivable, credit_limit] =
            [available, receivable, credit_limit].map(Money::from_micros);
        Funds { available, receivable, credit_limit }
    }

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).expect("a valid time")
    }

    #[test]
    fn a_round_is_paid_whole_or_not_at_all() -> Result<(), Overflow> {
        // Two VPSs at 200 an hour, 5 hours due, money for 3 rounds and a half.
        let mut meters = [meter(start(), 100), meter(start(), 100)];
        let bill = bill(&mut meters, funds(1_400, 0, 0), start() + TimeDelta::hours(4))?;
        assert!(bill.suspend);
        assert_eq!(bill.from_wallet, Money::from_micros(1_200));
        // The other two hours of both count at cost.
        assert_eq!(bill.to_debt, Money::from_micros(400));
        assert!(meters.iter().all(|m| m.meter.paid_until == start() + TimeDelta::hours(5)));
        Ok(())
    }

    #[test]
    fn an_exactly_sufficient_wallet_pays_and_nothing_is_suspended() -> Result<(), Overflow> {
        let mut meters = [meter(start(), 100)];
        let bill = bill(&mut meters, funds(200, 0, 0), start())?;
        assert_eq!(
            (bill.suspend, bill.from_wallet, bill.to_debt),
            (false, Money::from_micros(200), Money::ZERO)
        );
        Ok(())
    }

    #[test]
    fn a_credit_line_pays_what_the_wallet_lacks_at_the_price_sold_and_ends_at_its_limit()
    -> Result<(), Overflow> {
        // 200 an hour; the wallet pays one and a half, the line another two and a half.
        let mut meters = [meter(start(), 100)];
        let four = bill(&mut meters, funds(300, 100, 600), start() + TimeDelta::hours(3))?;
        assert!(!four.suspend);
        assert_eq!((four.from_wallet, four.to_debt), (Money::from_micros(300), Money::from_micros(500)));
        assert!(four.charges.iter().all(|(_, _, tariff)| *tariff == Tariff::Sold));
        let fifth = bill(&mut meters, funds(0, 600, 600), start() + TimeDelta::hours(4))?;
        assert!(fifth.suspend);
        assert_eq!((fifth.from_wallet, fifth.to_debt), (Money::ZERO, Money::from_micros(100)), "at cost");
        Ok(())
    }

    #[test]
    fn the_last_hours_of_a_deleted_vps_are_owed_when_the_wallet_is_empty() -> Result<(), Overflow> {
        let mut meters = [meter(start(), 100)];
        meters[0].meter.ended_at = Some(start() + TimeDelta::minutes(90));
        let bill = bill(&mut meters, funds(250, 0, 0), start() + TimeDelta::days(1))?;
        assert_eq!(
            (bill.suspend, bill.from_wallet, bill.to_debt),
            (false, Money::from_micros(250), Money::from_micros(150))
        );
        assert!(meters[0].meter.is_settled());
        Ok(())
    }

    #[test]
    fn hours_are_paid_in_the_order_in_which_they_began() -> Result<(), Overflow> {
        // Nothing was billed for 10 hours; the second VPS began 7 hours after the first. Money for 9 hours.
        let mut meters = [meter(start(), 100), meter(start() + TimeDelta::hours(7), 100)];
        let bill = bill(&mut meters, funds(1_800, 0, 0), start() + TimeDelta::hours(9))?;
        let sold = |i| bill.charges.iter().filter(|c| c.0 == i && c.2 == Tariff::Sold).count();
        assert_eq!((sold(0), sold(1)), (8, 1), "seven alone, one of both; the next of both is too dear");
        assert!(bill.suspend);
        assert_eq!((bill.from_wallet, bill.to_debt), (Money::from_micros(1_800), Money::from_micros(400)));
        Ok(())
    }

    #[test]
    fn running_twice_at_the_same_time_charges_once() -> Result<(), Overflow> {
        let mut meters = [meter(start(), 100)];
        let now = start() + TimeDelta::hours(2);
        assert_eq!(bill(&mut meters, funds(10_000, 0, 0), now)?.charges.len(), 3);
        assert_eq!(bill(&mut meters, funds(10_000, 0, 0), now)?.charges.len(), 0);
        Ok(())
    }
}
