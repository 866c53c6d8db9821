//! A forger with every right: whatever is changed in the books, the check of the books says whose are wrong, and what.
//!
//! Each column of each table is changed by one byte or unit, each table loses, gains, swaps and repeats a row. A column
//! that nobody has said how to forge fails the test; one that holds no truth is exempt by name.

mod columns;
mod rows;

use std::collections::BTreeSet;
use std::process::Stdio;

use app::Caller;
use app::vps::delete;
use chrono::{DateTime, Utc};
use domain::VpsId;
use domain::billing::Subject;
use domain::billing::transfer::GB;
use domain::catalog::Product;
use sqlx::{AssertSqlSafe, Executor as _};
use store::wallet::verify::{Difference, verify};
use testkit::Panel;

/// What the books are.
const BOOKS: [&str; 10] = [
    "wallets",
    "ledger_transactions",
    "ledger_entries",
    "charges",
    "raised_hours",
    "holds",
    "meters",
    "meter_terms",
    "top_ups",
    "transfer_charges",
];

/// Two customers who did everything the books know of.
struct Books {
    panel: Panel,
    acme: Caller,
}

/// A forgery of acme's books.
struct Forgery {
    /// What is forged: a column, or what happens to a row.
    name: &'static str,
    /// `ACME` and `BOLT` stand for the ids of the organizations.
    sql: &'static str,
    /// What is said of it.
    says: &'static str,
}

const fn forgery(name: &'static str, sql: &'static str, says: &'static str) -> Forgery {
    Forgery { name, sql, says }
}

/// Charges what is due at a time (SQL).
async fn bill(panel: &Panel, at: impl std::fmt::Display) {
    let at: DateTime<Utc> = panel.fetch(format!("select {at}")).await;
    app::billing::run(&panel.store, at).await.unwrap();
}

/// An order that is deleted before anything came of it.
async fn withdrawn(panel: &Panel, owner: &Caller) -> VpsId {
    let vps = panel.order(owner, "small", "withdrawn").await;
    delete(&panel.app, owner, vps).await.unwrap();
    vps
}

/// Charges transfer above what was included in the last month, of so many gigabytes in all.
async fn transfer(panel: &Panel, vps: VpsId, gigabytes: i64) {
    let month = panel
        .fetch("select (date_trunc('month', now() at time zone 'utc') - interval '1 month')::date")
        .await;
    panel.read_transfer(vps, month, gigabytes * GB).await;
    assert_eq!(app::billing::charge_transfer(&panel.store, Utc::now()).await.unwrap(), 1);
}

/// Paid, ordered, withdrawn, capped, deleted, resized, gone dry, suspended, settled, resumed and sold again; with transfer when there
/// was money, when there was next to none, and when there was some again.
async fn lived_through(panel: &Panel, owner: &Caller) {
    panel.fund(owner, "2.00").await;
    withdrawn(panel, owner).await;
    let worker = panel.worker();
    panel.top_up(owner, "25.00").await;
    let price = panel.publish_resource(Product::Volume, None, (148_810, 100_000_000, 1_000), 2_500).await;
    let disk = panel.active_resource(owner, Product::Volume, (None, 10), price).await;
    for gib in [20, 50] {
        let larger = panel.order_resize(owner, Subject::Resource(disk), (price, gib)).await.unwrap();
        panel.confirm_resize(owner, larger).await;
    }
    let old = panel.active(owner, "small", "old").await;
    panel.backdate(old, "date_trunc('month', now(), 'utc') - interval '29 days 30 minutes'").await;
    bill(panel, "now()").await;
    delete(&panel.app, owner, old).await.unwrap();
    panel.until_state(old, "deleted").await;
    transfer(panel, old, 1_100).await;
    let (web, db) = (panel.active(owner, "harbor", "web").await, panel.active(owner, "harbor", "db").await);
    for vps in [web, db] {
        panel.backdate(vps, "now() - interval '150 minutes'").await;
    }
    bill(panel, "now()").await;
    // The wallet is emptied by hours to come; then some of them are at cost.
    let organization = owner.organization_id();
    let affordable = format!(
        "(select available_micros / burn_micros from wallets where organization_id = '{organization}')"
    );
    bill(panel, format!("now() + ({affordable} + 5) * interval '1 hour'")).await;
    transfer(panel, old, 1_200).await;
    panel.fund(owner, "40.00").await;
    panel.enqueue_for(owner, "billing.resume").await;
    panel.until_idle().await;
    transfer(panel, old, 1_300).await;
    bill(panel, "max(paid_until) + interval '150 minutes' from meter_counts").await;
    // One hour of each, which cost what the last one did.
    bill(panel, "max(paid_until) from meter_counts where not settled").await;
    panel.until_idle().await;
    worker.stop().await;
}

impl Books {
    async fn open() -> Self {
        let panel = Panel::start().await;
        let (acme, bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
        panel.price_transfer(7_001, "date_trunc('month', now(), 'utc') - interval '1 month'").await;
        lived_through(&panel, &bolt).await;
        lived_through(&panel, &acme).await;
        panel.verify().await;
        let books = Self { panel, acme };
        books.are_rich().await;
        books.lose_their_rules().await;
        books.keep().await;
        books
    }

    /// Every kind of row is there to be forged.
    async fn are_rich(&self) {
        let acme = self.acme.organization_id();
        let kinds: BTreeSet<String> = self
            .panel
            .fetch_all(format!("select kind from ledger_transactions where organization_id = '{acme}'"))
            .await
            .into_iter()
            .collect();
        let all = ["accrual", "capture", "charge", "hold", "release", "settlement", "top_up"];
        assert_eq!(kinds, all.map(str::to_owned).into(), "the scene leaves out a kind of movement");
        for some in [
            "charges where amount_micros = 0",
            "charges where tariff = 'at_cost'",
            "raised_hours where amount_micros > 0",
            "holds where state = 'released'",
            "holds where state = 'captured'",
            "meters where settled",
            "meters where not settled",
            "meters where resource_id is not null",
            "meter_terms where tariff = 'at_cost'",
            "wallets where charged_until is not null",
            "top_ups where state = 'completed'",
            "transfer_charges where debt_transaction_id is null",
            "transfer_charges where num_nulls(transaction_id, debt_transaction_id) = 0",
        ] {
            let count = format!("select count(*) from {some} and organization_id = '{acme}'");
            assert!(self.panel.fetch::<i64>(count).await > 0, "the scene has no {some}");
        }
    }

    /// The rules of the tables bind no forger, except the primary keys, by which rows are told apart.
    async fn lose_their_rules(&self) {
        let tables = BOOKS.map(|table| format!("'{table}'")).join(", ");
        let rules: Vec<String> = self
            .panel
            .fetch_all(format!(
                "select format('alter table %s drop constraint %I cascade', conrelid::regclass, conname)
                from pg_constraint where conrelid::regclass::text in ({tables}) and contype not in ('p', 't')
                union all select format('drop index if exists %s', indexrelid::regclass) from pg_index
                where indrelid::regclass::text in ({tables}) and indisunique and not indisprimary
                union all select format('alter table %I alter column %I drop not null', table_name, column_name)
                from information_schema.columns c where table_schema = 'public' and table_name in ({tables})
                    and is_nullable = 'NO' and not exists (select from pg_index i join pg_attribute a
                        on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
                        where i.indrelid = table_name::regclass and i.indisprimary and a.attname = column_name)"
            ))
            .await;
        assert!(rules.len() > 40, "{rules:?}");
        for rule in rules {
            self.panel.execute(rule).await;
        }
    }

    async fn keep(&self) {
        self.panel.execute("create schema kept").await;
        for table in BOOKS {
            self.panel.execute(format!("create table kept.{table} as table {table}")).await;
        }
    }

    async fn restore(&self) {
        let puts = BOOKS.map(|table| {
            format!("delete from {table}; insert into {table} overriding system value table kept.{table}")
        });
        self.past_all_rules(&puts.join("; ")).await;
    }

    /// Runs statements as the superuser, without triggers and keys; answers how many rows the last one touched.
    async fn past_all_rules(&self, script: &str) -> u64 {
        let mut forger = self.panel.superuser().begin().await.unwrap();
        forger.execute("set local session_replication_role = replica").await.unwrap();
        let done = forger.execute(AssertSqlSafe(script.to_owned())).await;
        let rows = done.unwrap_or_else(|error| panic!("{script}: {error}")).rows_affected();
        forger.commit().await.unwrap();
        rows
    }

    /// Does it, and undoes it; answers what the check said.
    async fn found(&self, forgery: &Forgery) -> Option<Difference> {
        let bolt =
            "select organization_id::text from wallets where organization_id <> '{acme}' and sequence > 0";
        let acme = self.acme.organization_id().to_string();
        let bolt: String = self.panel.fetch(bolt.replace("{acme}", &acme)).await;
        let sql = forgery.sql.replace("ACME", &format!("'{acme}'")).replace("BOLT", &format!("'{bolt}'"));
        assert!(self.past_all_rules(&sql).await > 0, "{}: nothing was forged", forgery.name);
        let verdict = verify(&self.panel.store).await.unwrap_or_else(|e| panic!("{}: {e}", forgery.name));
        self.restore().await;
        verdict.err()
    }

    /// All of them, each found and told as what it is; what is not is told together.
    async fn are_all_found(&self, forgeries: &[Forgery]) {
        let mut wrong = Vec::new();
        for forgery in forgeries {
            match self.found(forgery).await {
                None => wrong.push(format!("{}: was not found", forgery.name)),
                Some(found) if found.organization_id != self.acme.organization_id() => {
                    wrong.push(format!("{}: told of somebody else: {found}", forgery.name));
                }
                Some(found) if !found.what.contains(forgery.says) => {
                    wrong.push(format!("{}: told as: {}", forgery.name, found.what));
                }
                Some(_) => {}
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(verify(&self.panel.store).await.unwrap().is_ok(), "the books were put back");
    }
}

#[tokio::test]
async fn the_command_says_the_first_difference_and_fails() {
    let books = Books::open().await;
    let run = async || {
        let mut command = books.panel.command("ledger", &books.panel.database().login_url());
        let output = command.arg("verify").stdout(Stdio::piped()).output().await;
        let output = output.expect("the skypanel binary is built: cargo build -p skypanel");
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (sound, said) = run().await;
    assert!(sound && said.starts_with("the books are in order: "), "{said}");
    let acme = books.acme.organization_id();
    let more = format!(
        "update wallets set available_micros = available_micros + 1 where organization_id = '{acme}'"
    );
    books.past_all_rules(&more).await;
    let (sound, said) = run().await;
    assert!(
        !sound && said.starts_with(&format!("organization {acme}: the wallet shows available")),
        "{said}"
    );
}
