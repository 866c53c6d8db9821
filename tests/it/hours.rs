//! Forty days of hours over the end of a month, against a second opinion on what they cost.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use domain::VpsId;
use testkit::Panel;

/// What one VPS is sold at, and when it lived.
struct Life {
    vps: VpsId,
    hour: i64,
    month: i64,
    first: i64,
    from: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

/// Every hour of a life and its price: simply counted, hour by hour.
fn oracle(life: &Life, now: DateTime<Utc>) -> BTreeMap<DateTime<Utc>, i64> {
    let mut in_month: BTreeMap<(i32, u32), i64> = BTreeMap::new();
    let mut hours = BTreeMap::new();
    for k in 0.. {
        let start = life.from + TimeDelta::hours(k);
        if start > now || life.until.is_some_and(|until| start >= until) {
            return hours;
        }
        let used = in_month.entry((start.year(), start.month())).or_default();
        let price = if k == 0 { life.first } else { life.hour };
        let amount = price.min(life.month - *used);
        *used += amount;
        hours.insert(start, amount);
    }
    hours
}

/// When billing ran: every hour at first, then as if it had been down for ever longer.
fn runs(from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let pauses =
        std::iter::repeat_n(60, 30).chain([61, 90, 119, 600, 7, 1_440]).chain(std::iter::repeat(2_873));
    let mut at = from;
    let mut runs: Vec<_> = pauses
        .map(|minutes| {
            at += TimeDelta::minutes(minutes);
            at
        })
        .take_while(|at| *at < until)
        .collect();
    runs.push(until);
    runs
}

#[tokio::test]
async fn forty_days_cost_what_the_hours_cost_and_never_more_than_the_cap() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "400.00").await;
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let plans = [
        ("small", "2026-01-01T00:17:03.123456Z", None),
        ("harbor", "2026-01-01T00:00:00Z", None),
        ("meadow", "2026-01-09T23:59:59.999999Z", None),
        ("large", "2026-01-28T05:30:00Z", None),
        ("harbor", "2026-01-05T12:00:00Z", Some("2026-02-03T08:00:00Z")),
        ("small", "2026-01-31T23:30:00Z", Some("2026-02-01T00:29:59Z")),
    ];
    let mut lives = Vec::new();
    for (number, (plan, from, until)) in plans.into_iter().enumerate() {
        let vps = panel.active(&acme, plan, &format!("vps-{number}")).await;
        if let Some(until) = until {
            app::vps::delete(&panel.app, &acme, vps).await.unwrap();
            panel.until_state(vps, "deleted").await;
            let end =
                format!("update meters set ended_at = '{until}', settled = false where vps_id = '{vps}'");
            panel.execute(end).await;
            panel.execute(format!("update vps_instances set ended_at = '{until}' where id = '{vps}'")).await;
        }
        panel.backdate(vps, &format!("'{from}'::timestamptz")).await;
        let price: Vec<i64> = panel
            .fetch(format!(
                "select array[sell_hour_micros, sell_month_micros, sell_minimum_micros]
                from price_versions p join vps_instances v on v.price_version_id = p.id where v.id = '{vps}'"
            ))
            .await;
        let first = price[0].max(price[2]);
        lives.push(Life {
            vps,
            hour: price[0],
            month: price[1],
            first,
            from: at(from),
            until: until.map(at),
        });
    }

    let (begin, end) = (at("2026-01-01T00:30:00Z"), at("2026-02-10T00:30:00Z"));
    for now in runs(begin, end) {
        app::billing::run(&panel.store, now).await.unwrap();
        app::billing::run(&panel.store, now).await.unwrap();
    }
    for life in &lives {
        let rows: Vec<(DateTime<Utc>, i64)> = sqlx::query_as(
            "select span_start, amount_micros from charges c join meters m on m.id = c.meter_id where m.vps_id = $1",
        )
        .bind(life.vps.0)
        .fetch_all(panel.superuser())
        .await
        .unwrap();
        let expected = oracle(life, end);
        assert!(life.until.is_some() || expected.len() > 300, "the oracle counts");
        assert_eq!(rows.into_iter().collect::<BTreeMap<_, _>>(), expected, "{}", life.from);
    }
    let capped = oracle(&lives[1], end);
    let january: i64 = capped.range(..at("2026-02-01T00:00:00Z")).map(|(_, amount)| amount).sum();
    assert_eq!((january, capped.values().filter(|a| **a == 0).count()), (lives[1].month, 744 - 667));
    let total: i64 = lives.iter().flat_map(|life| oracle(life, end).into_values()).sum();
    assert_eq!(panel.balances(&acme).await.available, 400_000_000 - total);
    panel.verify().await;
}
