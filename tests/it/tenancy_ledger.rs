//! What the database itself refuses to do to the books, whoever asks.

use app::Caller;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use testkit::{Panel, RunningWorker};

/// An organization that has paid and runs a VPS.
async fn with_books() -> (Panel, RunningWorker, Caller) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.top_up(&acme, "20.00").await;
    panel.active(&acme, "harbor", "web").await;
    panel.until_idle().await;
    (panel, worker, acme)
}

/// Runs statements as one of the panel's roles, up to and with the commit; answers the code of the refusal.
async fn refusal(panel: &Panel, role: &str, acme: &Caller, statements: &str) -> Option<String> {
    let mut connection = PgConnection::connect(&panel.database().login_url()).await.unwrap();
    let organization = acme.organization_id();
    let script = format!(
        "begin; set local role {role}; set local app.organization_id = '{organization}'; {statements}; commit"
    );
    let outcome = connection.execute(AssertSqlSafe(script)).await;
    outcome.err().map(|error| error.as_database_error().unwrap().code().unwrap().into_owned())
}

const ROLES: [&str; 2] = ["skypanel_tenant", "skypanel_system"];

#[tokio::test]
async fn what_is_written_down_can_neither_be_changed_nor_deleted() {
    let (panel, _worker, acme) = with_books().await;
    for role in ROLES {
        for table in [
            "ledger_transactions",
            "ledger_entries",
            "charges",
            "activity_logs",
            "price_versions",
            "raised_hours",
            "transfer_charges",
            "transfer_prices",
        ] {
            for statement in [
                format!("update {table} set created_at = now()"),
                format!("delete from {table}"),
                format!("truncate {table}"),
            ] {
                let statement =
                    statement.replace("ledger_entries set created_at = now()", "ledger_entries set line = 9");
                let statement =
                    statement.replace("charges set created_at = now()", "charges set amount_micros = 1");
                let statement =
                    statement.replace("hours set created_at = now()", "hours set amount_micros = 1");
                assert_eq!(
                    refusal(&panel, role, &acme, &statement).await.as_deref(),
                    Some("42501"),
                    "{role}: {statement}"
                );
            }
        }
    }
    panel.verify().await;
}

/// A transaction with lines of these amounts, as SQL.
fn movement(acme: &Caller, lines: &[(&str, i64)]) -> String {
    let organization = acme.organization_id();
    let mut sql = format!(
        "insert into ledger_transactions (organization_id, id, sequence, kind, key, actor, reference, previous_hash,
            hash, created_at)
        values ('{organization}', '00000000-0000-0000-0000-000000000001', 1000, 'top_up', 'k', '{{}}', '{{}}',
            decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), now())"
    );
    for (n, (account, amount)) in lines.iter().enumerate() {
        sql += &format!(
            "; insert into ledger_entries values
                ('{organization}', '00000000-0000-0000-0000-000000000001', {n}, '{account}', {amount})"
        );
    }
    sql
}

#[tokio::test]
async fn only_balanced_movements_can_be_written_and_nothing_added_to_them_later() {
    let (panel, _worker, acme) = with_books().await;
    for role in ROLES {
        for lines in [
            &[][..],
            &[("wallet", 5)][..],
            &[("wallet", 5), ("revenue", -4)][..],
            &[("wallet", 5), ("revenue", 0), ("held", -5)][..],
        ] {
            let refused = refusal(&panel, role, &acme, &movement(&acme, lines)).await;
            assert_eq!(refused.as_deref(), Some("23514"), "{role}: {lines:?}");
        }
    }
    let balanced = movement(&acme, &[("wallet", 5), ("gateway_clearing", -5)]);
    assert_eq!(refusal(&panel, ROLES[0], &acme, &balanced).await, None);
    let later = balanced.split_once("; ").unwrap().1.replace(", 0, ", ", 7, ").replace(", 1, ", ", 8, ");
    for role in ROLES {
        assert_eq!(refusal(&panel, role, &acme, &later).await.as_deref(), Some("23514"), "{role}");
    }
    let repeated = balanced.replace("0001'", "0002'").replace("1000", "1001");
    assert_eq!(
        refusal(&panel, ROLES[0], &acme, &repeated).await.as_deref(),
        Some("23505"),
        "the same key again"
    );
}

#[tokio::test]
async fn an_hour_cannot_be_charged_twice() {
    let (panel, _worker, acme) = with_books().await;
    for role in ROLES {
        let again = "insert into charges select organization_id, meter_id, span_start, amount_micros, 'at_cost', transaction_id from charges";
        assert_eq!(refusal(&panel, role, &acme, again).await.as_deref(), Some("23505"), "{role}");
    }
}

#[tokio::test]
async fn no_balance_falls_below_zero() {
    let (panel, _worker, acme) = with_books().await;
    for role in ROLES {
        for column in ["available", "held", "receivable", "burn"] {
            let below = format!("update wallets set {column}_micros = -1");
            assert_eq!(
                refusal(&panel, role, &acme, &below).await.as_deref(),
                Some("23514"),
                "{role}: {column}"
            );
        }
    }
}

#[tokio::test]
async fn the_check_of_the_books_finds_every_forgery() {
    let (panel, _worker, acme) = with_books().await;
    panel.verify().await;
    keep(&panel).await;
    let organization = acme.organization_id();
    let forgeries = [
        "update wallets set available_micros = available_micros + 1 where sequence > 0",
        "update wallets set held_micros = 7 where sequence > 0",
        "update wallets set receivable_micros = 7 where sequence > 0",
        "update wallets set burn_micros = burn_micros + 1 where sequence > 0",
        "update ledger_entries set amount_micros = amount_micros * 2",
        "update ledger_transactions set created_at = created_at + interval '1 microsecond' where sequence = 2",
        "update ledger_transactions set actor = '{\"kind\": \"system\"}' where sequence = 1",
        "update ledger_transactions set reference = '{}' where sequence = 1",
        "update ledger_transactions set hash = previous_hash where sequence = 2",
        "delete from ledger_entries e using ledger_transactions t where t.id = transaction_id and t.sequence = 3;
            delete from charges; delete from ledger_transactions where sequence = 3",
        "update charges set amount_micros = amount_micros - 1",
        "delete from charges",
        "update charges set span_start = span_start + interval '1 hour'",
        "update meters set paid_until = paid_until + interval '1 hour'",
        "update top_ups set captured_micros = captured_micros + 1",
        "update holds set state = 'open', closed_at = null",
    ];
    for forgery in forgeries {
        let mut forger = panel.superuser().begin().await.unwrap();
        forger.execute("set local session_replication_role = replica").await.unwrap();
        forger.execute(AssertSqlSafe(forgery.to_owned())).await.unwrap();
        forger.commit().await.unwrap();
        let verdict = store::wallet::verify::verify(&panel.store).await.unwrap();
        let difference = verdict.expect_err(forgery);
        assert_eq!(difference.organization_id, organization, "{forgery}");
        restore(&panel).await;
    }
    panel.verify().await;
}

#[tokio::test]
async fn a_charge_that_belongs_to_a_movement_of_another_organization_is_found() {
    let (panel, _worker, _) = with_books().await;
    let bolt = panel.customer("bolt").await;
    panel.top_up(&bolt, "20.00").await;
    panel.active(&bolt, "harbor", "web").await;
    panel.until_idle().await;
    panel.verify().await;
    let swapped = "update charges c set transaction_id = o.transaction_id from charges o
        where o.organization_id <> c.organization_id and o.amount_micros = c.amount_micros";
    assert_eq!(panel.execute(swapped).await, 2, "the same hour at the same price: every sum is still right");
    assert!(store::wallet::verify::verify(&panel.store).await.unwrap().is_err());
}

const BOOKS: [&str; 8] = [
    "wallets",
    "ledger_transactions",
    "ledger_entries",
    "charges",
    "meters",
    "top_ups",
    "holds",
    // Receipts name top-ups.
    "documents",
];

/// Copies the books.
async fn keep(panel: &Panel) {
    panel.execute("create schema kept").await;
    for table in BOOKS {
        panel.execute(format!("create table kept.{table} as table {table}")).await;
    }
}

/// Puts the books back as they were kept.
async fn restore(panel: &Panel) {
    let mut tx = panel.superuser().begin().await.unwrap();
    tx.execute("set local session_replication_role = replica").await.unwrap();
    for table in BOOKS {
        tx.execute(AssertSqlSafe(format!("delete from {table}"))).await.unwrap();
        tx.execute(AssertSqlSafe(format!("insert into {table} table kept.{table}"))).await.unwrap();
    }
    tx.commit().await.unwrap();
}
