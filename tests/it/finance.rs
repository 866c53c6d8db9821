//! What operators read of the business equals what the books say, counted another way.

use chrono::Utc;
use store::wallet::finance::{Of, Period, by_period, margin, top_customers};
use store::{SystemPurpose, SystemRead};
use testkit::Panel;

/// Two customers, three VPSs with some hours each, one of them with an hour that cost us more than it brought.
async fn busy() -> Panel {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let (acme, bakery) = (panel.customer("acme").await, panel.customer("bakery").await);
    panel.fund(&acme, "50.00").await;
    panel.fund(&bakery, "20.00").await;
    for (owner, plan, name) in
        [(&acme, "small", "one"), (&acme, "harbor", "two"), (&bakery, "harbor", "three")]
    {
        let vps = panel.active(owner, plan, name).await;
        panel.backdate(vps, "now() - interval '50 hours'").await;
    }
    app::billing::run(&panel.store, Utc::now()).await.unwrap();
    panel.verify().await;
    panel
}

async fn reading(panel: &Panel) -> SystemRead {
    panel.store.system_read(SystemPurpose::Operator).await.unwrap()
}

#[tokio::test]
async fn every_day_and_every_month_adds_up_to_the_books() {
    let panel = busy().await;
    let charged: i64 = panel.fetch("select sum(amount_micros)::bigint from charges").await;
    for (period, count) in [(Period::Day, 31), (Period::Month, 12)] {
        let sums = by_period(&mut reading(&panel).await, period).await.unwrap();
        assert_eq!(sums.len(), count, "a row for each, also where nothing moved");
        assert!(sums.windows(2).all(|two| two[0].start > two[1].start), "the newest first");
        let total = |column: fn(&store::wallet::finance::Sums) -> i64| sums.iter().map(column).sum::<i64>();
        assert_eq!(total(|s| s.paid_in.micros()), 70_000_000);
        assert_eq!(total(|s| s.revenue.micros()), charged);
        assert_eq!(
            total(|s| s.returned.micros() + s.credits.micros() + s.adjustments.micros() + s.failed),
            0
        );
    }
    // A movement of two months ago is in its own month and in no day.
    let old = "update ledger_transactions set created_at = created_at - interval '62 days'
        where kind = 'top_up' and organization_id = (select id from organizations where name like 'bakery%')";
    assert_eq!(panel.execute(format!("set session_replication_role = replica; {old}")).await, 1);
    let days = by_period(&mut reading(&panel).await, Period::Day).await.unwrap();
    assert_eq!(days.iter().map(|s| s.paid_in.micros()).sum::<i64>(), 50_000_000);
    let months = by_period(&mut reading(&panel).await, Period::Month).await.unwrap();
    assert_eq!(months[0].paid_in.micros(), 50_000_000);
    assert_eq!(months.iter().map(|s| s.paid_in.micros()).sum::<i64>(), 70_000_000);
}

#[tokio::test]
async fn the_best_customer_comes_first() {
    let panel = busy().await;
    let since = Utc::now().date_naive() - chrono::Days::new(30);
    let customers = top_customers(&mut reading(&panel).await, since, 10).await.unwrap();
    let paid: Vec<i64> = customers.iter().map(|c| c.paid_in.micros()).collect();
    assert_eq!(paid, [50_000_000, 20_000_000]);
    assert!(customers[0].revenue > customers[1].revenue);
    assert_eq!(top_customers(&mut reading(&panel).await, since, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn margins_are_revenue_less_cost_whatever_they_are_looked_at_by() {
    let panel = busy().await;
    let counted: Vec<(i64, i64, i64)> = sqlx::query_as(
            "select count(*), sum(c.amount_micros)::bigint,
                least(count(*) * min(p.cost_hour_micros), min(p.cost_month_micros))
            from charges c join meters m on m.id = c.meter_id join price_versions p on p.id = m.price_version_id
            where c.span_start >= date_trunc('month', now(), 'utc') group by m.id",
        )
        .fetch_all(panel.superuser())
        .await
        .unwrap();
    let sum = |f: fn(&(i64, i64, i64)) -> i64| counted.iter().map(f).sum::<i64>();
    for (of, lines) in [(Of::Plan, 2), (Of::Organization, 2), (Of::Account, 1), (Of::Vps, 3)] {
        let rows = margin(&mut reading(&panel).await, of, 100).await.unwrap();
        assert!(of == Of::Account || rows.len() == lines, "{of:?}: {rows:?}");
        assert_eq!(rows.iter().map(|r| r.hours).sum::<i64>(), sum(|c| c.0), "{of:?}");
        assert_eq!(rows.iter().map(|r| r.revenue.micros()).sum::<i64>(), sum(|c| c.1), "{of:?}");
        assert_eq!(rows.iter().map(|r| r.cost.micros()).sum::<i64>(), sum(|c| c.2), "{of:?}");
    }
    // Below cost comes first.
    panel.execute("update meters set month_used_micros = 1 where vps_id = (select id from vps_instances where name = 'two')").await;
    let rows = margin(&mut reading(&panel).await, Of::Vps, 100).await.unwrap();
    assert_eq!(rows[0].name, "two");
    assert!(rows[0].revenue < rows[0].cost);
}
