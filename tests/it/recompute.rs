//! The books counted again from the history of the meters.

use std::process::Stdio;

use domain::Money;
use sqlx::AssertSqlSafe;
use store::billing::recompute::recompute;

use crate::explain::{AFFORDABLE, history};

#[tokio::test]
async fn counted_again_every_hour_comes_to_what_was_charged_and_earned() {
    let (panel, _worker, acme, old, _) = history().await;
    let counted = recompute(&panel.store, None).await.unwrap().unwrap();
    assert_eq!((counted.meters, counted.hours), (2, 672 + 9 + u64::try_from(AFFORDABLE).unwrap()));
    let charged: i64 = panel.fetch("select sum(amount_micros)::bigint from charges").await;
    assert_eq!(counted.amount, Money::from_micros(charged));
    let id = acme.organization_id();
    assert_eq!(recompute(&panel.store, Some(id)).await.unwrap().unwrap(), counted);

    // Whatever is changed in a way that the sums still agree: it is no hour's price.
    let meter: uuid::Uuid = panel.fetch(format!("select id from meters where vps_id = '{old}'")).await;
    for (forgery, said) in [
        ("update charges set amount_micros = amount_micros + 1 where tariff = 'at_cost'", "costs 0.018 (at_cost) by"),
        ("update charges set tariff = 'sold' where tariff = 'at_cost'", "charged was 0.018 (sold)"),
        ("delete from charges where amount_micros = 0", "charged was nothing"),
        ("update meters set started_at = started_at - interval '1 hour'", "by its history, charged was"),
        ("update meters set price_version_id = (select id from price_versions p where p.sell_hour_micros > 30000 limit 1)", "by its history, charged was"),
        ("update meter_terms set until = until - interval '1 hour' where tariff = 'sold'", "(at_cost) by its history"),
        ("update ledger_entries set amount_micros = amount_micros + 7 * sign(amount_micros) from ledger_transactions t
            where t.id = transaction_id and t.kind = 'accrual'", "the ledger earned"),
        ("update ledger_entries set amount_micros = amount_micros + 7 * sign(amount_micros) from ledger_transactions t
            where t.id = transaction_id and t.kind = 'capture'", "the ledger captured"),
    ] {
        let mut forger = panel.superuser().begin().await.unwrap();
        sqlx::query("set local session_replication_role = replica").execute(&mut *forger).await.unwrap();
        for table in ["charges", "meters", "meter_terms", "ledger_entries"] {
            sqlx::query(AssertSqlSafe(format!("create table if not exists kept_{table} as table {table}")))
                .execute(&mut *forger)
                .await
                .unwrap();
        }
        sqlx::raw_sql("alter table charges drop constraint if exists charges_check").execute(&mut *forger).await.unwrap();
        sqlx::query(AssertSqlSafe(forgery.to_owned())).execute(&mut *forger).await.unwrap();
        forger.commit().await.unwrap();
        let found = recompute(&panel.store, None).await.unwrap().expect_err(forgery);
        assert_eq!(found.organization_id, id);
        assert!(found.what.contains(said), "{forgery}: {found}");
        let put_back: Vec<String> = ["charges", "meters", "meter_terms", "ledger_entries"]
            .map(|t| format!("delete from {t}; insert into {t} overriding system value table kept_{t}"))
            .into();
        panel.execute(format!("set session_replication_role = replica; {}; reset session_replication_role", put_back.join("; "))).await;
    }
    let mut command = panel.command("ledger", &panel.database().login_url());
    let output =
        command.args(["recompute", "--organization", &id.to_string()]).stdout(Stdio::piped()).output().await;
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("the charges are right: "), "{said}");
    panel.execute(format!("update charges set amount_micros = amount_micros + 1 where meter_id = '{meter}' and amount_micros > 0")).await;
    let mut command = panel.command("ledger", &panel.database().login_url());
    let output = command.arg("recompute").stdout(Stdio::piped()).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        !output.status.success() && said.starts_with(&format!("organization {id}: meter {meter}: ")),
        "{said}"
    );
}
