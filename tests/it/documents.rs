//! Receipts, credit notes and statements: numbered without gaps, frozen, and right to the micro.

use app::billing::tax::publish_rate;
use app::billing::{Returned, issue_credit_note, issue_statements};
use app::payment::{begin_top_up, refund};
use app::{Caller, Error};
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::billing::document::{DocumentKind, Statement, TaxDocument};
use domain::billing::{HeldFor, Party, Split, Subject, TaxReason, VatNumber};
use domain::{DocumentId, Money, TopUpId};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Executor as _};
use store::billing::document::{self, Content, Document, NewTaxDocument};
use store::{Exempt, wallet};
use testkit::{Panel, RunningWorker};

use crate::tenancy::{become_role, login};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// An installation in Germany, where payments hold tax.
async fn taxed() -> (Panel, RunningWorker, Caller) {
    let panel = Panel::start().await.with_settings(|settings| {
        let country = "DE".parse().unwrap();
        settings.tax = true;
        settings.seller = Party {
            name: "Nimbus GmbH".into(),
            address: "Hauptstr. 1".into(),
            country: Some(country),
            vat_number: Some(VatNumber::parse(country, "DE123456789").unwrap()),
        };
    });
    let operator = panel.operator().await;
    for (country, rate) in [("DE", 1_900), ("AT", 2_000)] {
        publish_rate(&panel.app, &operator, country.parse().unwrap(), Some(rate), Utc::now().date_naive())
            .await
            .unwrap();
    }
    let (worker, acme) = (panel.worker(), panel.customer("acme").await);
    (panel, worker, acme)
}

async fn receipt(panel: &Panel, caller: &Caller, top_up: TopUpId) -> (Document, TaxDocument) {
    let mut db = panel.store.org_read(&caller.scope).await.unwrap();
    let found =
        document::for_key(&mut db, DocumentKind::Receipt, &top_up.to_string()).await.unwrap().unwrap();
    let Content::Tax(content) = found.content.clone() else { panic!("a receipt is a tax document") };
    (found, *content)
}

#[tokio::test]
async fn a_payment_is_credited_less_its_tax_with_its_receipt() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    panel.until_idle().await;
    assert_eq!(panel.balances(&acme).await.available, 21_010_000);
    let entries: Vec<String> =
        panel.fetch_all("select account || ' ' || amount_micros from ledger_entries order by line").await;
    assert_eq!(entries, ["wallet 21010000", "tax_payable 3990000", "gateway_clearing -25000000"]);
    let (document, content) = receipt(&panel, &acme, top_up).await;
    assert_eq!(document.number.to_string(), format!("R-{}-000001", Utc::now().year()));
    assert_eq!(
        (content.net, content.tax_amount, content.gross),
        (money("21.01"), money("3.99"), money("25"))
    );
    assert_eq!((content.tax.reason, content.tax.basis_points), (TaxReason::Standard, 1_900));
    assert_eq!(
        (content.seller.name.as_str(), content.buyer.name.as_str()),
        ("Nimbus GmbH", "Example Studio")
    );
    assert_eq!(panel.fetch::<i64>("select tax_micros from top_ups").await, 3_990_000);
    let told: i64 =
        panel.fetch("select count(*) from activity_logs where action = 'billing.receipt_issued'").await;
    assert_eq!(told, 1);
    let mails = panel.simulator.mails();
    let mail: Vec<_> = mails.iter().filter(|mail| mail.subject.starts_with("Receipt R-")).collect();
    assert_eq!(mail.len(), 1);
    assert!(mail[0].text.contains(&format!("/billing/documents/{}", document.id)), "{}", mail[0].text);
    panel.verify().await;
}

#[tokio::test]
async fn what_goes_back_to_a_payer_takes_its_tax_along_with_a_credit_note() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    let operator = panel.operator().await;
    let give_back = async |amount: &str| {
        let organization = acme.organization_id();
        refund(&panel.app, &operator, organization, top_up, money(amount), "moved away").await.unwrap();
        panel.until("select bool_and(state = 'completed') from refunds").await;
        panel.until_idle().await;
        panel.verify().await;
    };
    let tax_due = "select sum(amount_micros)::bigint from ledger_entries where account = 'tax_payable'";
    give_back("10.00").await;
    // 10.00 holds 1.60 of tax.
    assert_eq!(panel.balances(&acme).await.available, 21_010_000 - 8_400_000);
    assert_eq!(panel.fetch::<i64>(tax_due).await, 3_990_000 - 1_600_000);
    give_back("15.00").await;
    assert_eq!((panel.balances(&acme).await.available, panel.fetch::<i64>(tax_due).await), (0, 0));
    let notes: i64 = panel.fetch("select count(*) from documents where kind = 'credit_note'").await;
    assert_eq!(notes, 2);
}

#[tokio::test]
async fn a_debt_is_paid_from_what_is_left_after_the_tax() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let debt = "update wallets set receivable_micros = 20000000 where organization_id =";
    panel.execute(format!("{debt} '{}'", acme.organization_id())).await;
    panel.top_up(&acme, "25.00").await;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.receivable, balances.available), (0, 1_010_000));
}

#[tokio::test]
async fn nobody_pays_before_it_is_known_which_tax_is_due() {
    let (panel, _worker, acme) = taxed().await;
    let refused = begin_top_up(&panel.app, &acme, money("25"), None).await.unwrap_err();
    assert_eq!(refused.code(), "billing_profile_needed");
    assert_eq!(panel.fetch::<i64>("select count(*) from top_ups").await, 0);
    panel.billing_details(&acme, "US", "").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    let (_, content) = receipt(&panel, &acme, top_up).await;
    assert_eq!((content.tax.reason, content.tax_amount), (TaxReason::NotTaxed, Money::ZERO));
    assert!(content.note.is_some());
}

#[tokio::test]
async fn a_business_in_another_country_of_the_union_owes_the_tax_itself() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "AT", "ATU12345678").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    let (_, content) = receipt(&panel, &acme, top_up).await;
    assert_eq!((content.net, content.tax_amount), (money("25"), Money::ZERO));
    assert_eq!(content.tax.reason, TaxReason::ReverseCharge);
    assert!(content.note.unwrap().starts_with("Reverse charge"));
    panel.billing_details(&acme, "AT", "").await;
    let top_up = panel.top_up(&acme, "30.00").await;
    let (_, content) = receipt(&panel, &acme, top_up).await;
    assert_eq!((content.net, content.tax_amount), (money("25"), money("5")), "a person pays the rate there");
    panel.verify().await;
}

#[tokio::test]
async fn what_was_asked_for_and_what_was_issued_keep_their_rate_and_their_names() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let early = panel.begin_top_up(&acme, "119.00").await;
    let operator = panel.operator().await;
    publish_rate(&panel.app, &operator, "DE".parse().unwrap(), Some(2_500), Utc::now().date_naive())
        .await
        .unwrap();
    panel.billing_details(&acme, "AT", "ATU12345678").await;
    panel.approve(early, &serde_json::json!({})).await;
    app::payment::ask_for_capture(&panel.app, &acme, early).await.unwrap();
    panel.until_top_up(early, domain::payment::TopUpState::Completed).await;
    let (issued, before) = receipt(&panel, &acme, early).await;
    assert_eq!((before.net, before.tax_amount), (money("100"), money("19")), "frozen when it was asked for");
    assert_eq!(before.buyer.country.map(|c| c.code()), Some("DE"));
    panel.execute("update organizations set name = 'Renamed'").await;
    let (again, after) = receipt(&panel, &acme, early).await;
    assert_eq!((again.number, again.issued_at, after), (issued.number, issued.issued_at, before));
}

#[tokio::test]
async fn rates_begin_on_their_day_and_the_newest_of_a_day_counts() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let operator = panel.operator().await;
    let (germany, today) = ("DE".parse().unwrap(), Utc::now().date_naive());
    let yesterday = today.checked_sub_days(Days::new(1)).unwrap();
    let refused = publish_rate(&panel.app, &operator, germany, Some(700), yesterday).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "effective_on", .. })), "{refused:?}");
    let refused = publish_rate(&panel.app, &operator, germany, Some(5_001), today).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "rate", .. })), "{refused:?}");
    let later = today.checked_add_days(Days::new(40)).unwrap();
    publish_rate(&panel.app, &operator, germany, Some(2_500), later).await.unwrap();
    let rate = async || {
        let mut db = panel.store.org_read(&acme.scope).await.unwrap();
        store::billing::tax::rate(&mut db, germany).await.unwrap()
    };
    assert_eq!(rate().await, Some(1_900), "not yet");
    publish_rate(&panel.app, &operator, germany, Some(1_600), today).await.unwrap();
    assert_eq!(rate().await, Some(1_600));
    publish_rate(&panel.app, &operator, germany, None, today).await.unwrap();
    assert_eq!(rate().await, None, "not taxed any more");
}

#[tokio::test]
async fn documents_cannot_be_changed_deleted_or_numbered_by_hand() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    let mut connection = login(&panel).await;
    for role in ["skypanel_tenant", "skypanel_system"] {
        for statement in [
            "update documents set content = content",
            "update documents set number = number",
            "delete from documents",
            "truncate documents",
            "select * from document_series",
            "update document_series set last_number = 7",
        ] {
            become_role(&mut connection, role, &acme.organization_id().to_string()).await;
            let refused = connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap_err();
            assert_eq!(
                refused.as_database_error().unwrap().code().as_deref(),
                Some("42501"),
                "{role}: {statement}"
            );
            connection.execute("rollback").await.unwrap();
        }
    }
    // A number or year that is given is not taken.
    become_role(&mut connection, "skypanel_tenant", &acme.organization_id().to_string()).await;
    let forged = format!(
        "insert into documents (organization_id, id, kind, key, top_up_id, net_micros, tax_micros, gross_micros, content,
            year, number)
        values ('{}', gen_random_uuid(), 'receipt', 'x', '{top_up}', 1, 0, 1, '{{}}', 1999, 77) returning number",
        acme.organization_id()
    );
    let number: i64 = sqlx::query_scalar(AssertSqlSafe(forged)).fetch_one(&mut connection).await.unwrap();
    assert_eq!(number, 2);
}

/// Issues a receipt for a payment that never was; keeps it or not.
async fn issue(panel: &Panel, caller: &Caller, top_up: TopUpId, at: DateTime<Utc>, keep: bool) {
    let mut tx = panel.store.org_tx(&caller.scope).await.unwrap();
    let one = Money::from_micros(1_000_000);
    let content = TaxDocument {
        seller: Party::default(),
        buyer: Party::default(),
        currency: "USD".into(),
        net: one,
        tax: domain::billing::Tax::OFF,
        tax_amount: Money::ZERO,
        gross: one,
        note: None,
        payment: "x".into(),
        corrects: None,
    };
    let id = DocumentId::new();
    let new = NewTaxDocument {
        id,
        kind: DocumentKind::Receipt,
        key: &id.to_string(),
        top_up,
        receipt: None,
        issued_at: at,
        content: &content,
    };
    document::insert(&mut tx, &new).await.unwrap();
    if keep {
        tx.commit(Exempt::NothingChanged).await.unwrap();
    }
}

#[tokio::test]
async fn numbers_have_no_gaps_however_many_are_issued_at_once_and_given_up() {
    let panel = Panel::start().await;
    let mut payers = Vec::new();
    for name in ["acme", "bolt", "crow", "dune"] {
        let caller = panel.customer(name).await;
        panel.fund(&caller, "10.00").await;
        let paid = format!("select id from top_ups where organization_id = '{}'", caller.organization_id());
        payers.push((caller, TopUpId(panel.fetch(paid).await)));
    }
    let now = Utc::now();
    let issued = (0..120_usize).map(|n| {
        let (caller, top_up) = &payers[n % payers.len()];
        issue(&panel, caller, *top_up, now, n % 3 != 0)
    });
    join_all(issued).await;
    let numbers: Vec<i64> = panel.fetch_all("select number from documents order by number").await;
    assert_eq!(numbers, (1..=80).collect::<Vec<i64>>());
    // The next year begins anew, and dates follow the numbers.
    let new_year = NaiveDate::from_ymd_opt(now.year() + 1, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc();
    let (caller, top_up) = &payers[0];
    issue(&panel, caller, *top_up, new_year + TimeDelta::seconds(5), true).await;
    issue(&panel, caller, *top_up, new_year, true).await;
    let next: Vec<String> = panel
        .fetch_all(format!(
            "select number || ' ' || (issued_at >= '{new_year}'::timestamptz + interval '5 s')
            from documents where year = {} order by number",
            new_year.year()
        ))
        .await;
    assert_eq!(next, ["1 true", "2 true"]);
}

#[tokio::test]
async fn parts_that_go_back_carry_the_tax_of_the_whole() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    let give_back = async |key: &str, gross: &str| {
        let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
        let wallet = wallet::lock(&mut tx).await.unwrap();
        let returned = Returned { top_up, key, gross: money(gross), reason: "Refund" };
        let note = issue_credit_note(&panel.app, &mut tx, &wallet, &returned).await?.unwrap();
        let is_new = note.entry.is_some();
        tx.commit(note.entry.into_iter().collect::<Vec<_>>()).await.unwrap();
        Ok::<_, Error>((note.number.number, note.split, is_new))
    };
    let split = |net: &str, tax: &str| Split { net: money(net), tax: money(tax) };
    assert_eq!(give_back("refund:1", "10.00").await.unwrap(), (1, split("8.40", "1.60"), true));
    assert_eq!(
        give_back("refund:1", "10.00").await.unwrap(),
        (1, split("8.40", "1.60"), false),
        "the same again"
    );
    assert_eq!(give_back("refund:2", "0.01").await.unwrap().1, split("0.01", "0.00"));
    let too_much = give_back("refund:3", "15.00").await.unwrap_err();
    assert_eq!(too_much.code(), "not_left");
    assert_eq!(give_back("refund:3", "14.99").await.unwrap(), (3, split("12.60", "2.39"), true));
    let sums: Vec<i64> = panel
        .fetch("select array[sum(net_micros), sum(tax_micros)]::bigint[] from documents where kind = 'credit_note'")
        .await;
    assert_eq!(sums, [21_010_000, 3_990_000]);
    panel.until_idle().await;
    let mails = panel.simulator.mails();
    assert_eq!(mails.iter().filter(|mail| mail.subject.starts_with("Credit note C-")).count(), 3);
    let numbers: Vec<i64> =
        panel.fetch_all("select number from documents where kind = 'credit_note' order by number").await;
    assert_eq!(numbers, [1, 2, 3], "a refusal takes no number");
}

#[tokio::test]
async fn many_parts_at_once_never_take_back_more_than_was_paid() {
    let (panel, _worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let top_up = panel.top_up(&acme, "25.00").await;
    let parts = (0..20).map(|n| {
        let (panel, acme) = (&panel, &acme);
        async move {
            let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
            let wallet = wallet::lock(&mut tx).await.unwrap();
            let key = format!("refund:{n}");
            let returned = Returned { top_up, key: &key, gross: money("2.00"), reason: "Refund" };
            let note = issue_credit_note(&panel.app, &mut tx, &wallet, &returned).await;
            if let Ok(Some(note)) = note {
                tx.commit(note.entry.into_iter().collect::<Vec<_>>()).await.unwrap();
            }
        }
    });
    join_all(parts).await;
    let back: Vec<i64> = panel
        .fetch("select array[count(*), sum(gross_micros), max(number)]::bigint[] from documents where kind = 'credit_note'")
        .await;
    assert_eq!(back, [12, 24_000_000, 12]);
}

/// The first moment of the month after this.
fn month_end() -> DateTime<Utc> {
    let first = Utc::now().date_naive().with_day(1).unwrap();
    first.checked_add_months(Months::new(1)).unwrap().and_time(NaiveTime::MIN).and_utc()
}

async fn statement(panel: &Panel, caller: &Caller, month: &str) -> Option<Statement> {
    let mut db = panel.store.org_read(&caller.scope).await.unwrap();
    let found = document::for_key(&mut db, DocumentKind::Statement, month).await.unwrap()?;
    let Content::Statement(statement) = found.content else { panic!("not a statement") };
    Some(*statement)
}

#[tokio::test]
async fn a_month_is_stated_once_when_all_its_hours_are_charged() {
    let (panel, worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    let quiet = panel.customer("quiet").await;
    panel.top_up(&acme, "119.00").await;
    let first = panel.active(&acme, "small", "web").await;
    panel.active(&acme, "harbor", "db").await;
    panel.backdate(first, "greatest(now() - interval '30 hours', date_trunc('month', now(), 'utc'))").await;
    panel.until_idle().await;
    worker.stop().await;
    let (end, month) = (month_end(), Utc::now().format("%Y-%m").to_string());
    assert_eq!(issue_statements(&panel.app, Utc::now()).await.unwrap(), 0, "the month is not over");
    let late = end + TimeDelta::hours(2);
    assert_eq!(issue_statements(&panel.app, late).await.unwrap(), 0, "hours are not charged yet");
    // Charged in one go, beyond the end of the month.
    app::billing::run(&panel.store, late).await.unwrap();
    assert_eq!(issue_statements(&panel.app, end + TimeDelta::minutes(59)).await.unwrap(), 0, "let it rest");
    let at_once = join_all((0..4).map(|_| issue_statements(&panel.app, late))).await;
    assert_eq!(at_once.iter().filter_map(|issued| issued.as_ref().ok()).sum::<usize>(), 1, "{at_once:?}");
    assert_eq!(issue_statements(&panel.app, late).await.unwrap(), 0, "once");
    assert_eq!(statement(&panel, &quiet, &month).await, None, "nothing moved there");

    let stated = statement(&panel, &acme, &month).await.unwrap();
    let charged: i64 = panel
        .fetch(format!("select sum(amount_micros)::bigint from charges where span_start < '{end}'"))
        .await;
    let hours: i64 = panel.fetch(format!("select count(*) from charges where span_start < '{end}'")).await;
    assert_eq!((stated.opening, stated.payments), (Money::ZERO, money("100")));
    assert_eq!(stated.charges.micros(), charged);
    assert_eq!(stated.closing.micros(), 100_000_000 - charged);
    assert_eq!(stated.vps.iter().map(|vps| vps.hours).sum::<i64>(), hours);
    assert_eq!(stated.vps.iter().map(|vps| vps.name.as_str()).collect::<Vec<_>>(), ["db", "web"]);
    assert_eq!(
        (stated.movements.len(), stated.movements[0].about.as_deref()),
        (1, Some(format!("R-{}-000001", Utc::now().year()).as_str()))
    );
    assert_eq!(stated.buyer.name, "Example Studio");
    assert_eq!(panel.fetch::<i64>("select count(*) from statement_months").await, 1);

    // The next month begins where this one ended, and ends at the balance that is there.
    let after_next = late.checked_add_months(Months::new(1)).unwrap();
    app::billing::run(&panel.store, after_next).await.unwrap();
    assert_eq!(issue_statements(&panel.app, after_next).await.unwrap(), 1);
    let next = statement(&panel, &acme, &end.format("%Y-%m").to_string()).await.unwrap();
    assert_eq!(next.opening, stated.closing);
    assert_eq!(next.closing, next.opening.minus(next.charges).unwrap());
    let beyond = "select coalesce(sum(amount_micros), 0)::bigint from charges where span_start >=";
    let beyond: i64 =
        panel.fetch(format!("{beyond} '{}'", end.checked_add_months(Months::new(1)).unwrap())).await;
    assert_eq!(next.closing.micros(), panel.balances(&acme).await.available + beyond);
}

#[tokio::test]
async fn a_preview_is_the_statement_so_far_and_is_not_issued() {
    let (panel, worker, acme) = taxed().await;
    panel.billing_details(&acme, "DE", "").await;
    panel.top_up(&acme, "119.00").await;
    let vps = panel.active(&acme, "small", "web").await;
    panel.order(&acme, "harbor", "held").await;
    panel.until_idle().await;
    worker.stop().await;
    app::vps::delete(&panel.app, &acme, vps).await.unwrap();
    let month = Utc::now().date_naive().with_day(1).unwrap();
    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let seller = &panel.app.settings().seller;
    let preview = store::billing::statement::preview(&mut db, month, seller, "USD").await.unwrap().unwrap();
    let balances = panel.balances(&acme).await;
    assert_eq!(preview.closing.micros(), balances.available + balances.held - balances.receivable);
    assert_eq!(preview.opening, Money::ZERO);
    assert_eq!(preview.other, Money::ZERO);
    assert_eq!(panel.fetch::<i64>("select count(*) from documents where kind = 'statement'").await, 0);
}

#[tokio::test]
async fn an_order_given_up_after_a_server_existed_is_on_the_statement() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    let vps = panel.order(&acme, "small", "web").await;
    // As the job of the delete does it: the hold becomes a charge, and there is no meter.
    let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
    let mut wallet = wallet::lock(&mut tx).await.unwrap();
    let held =
        wallet::close_hold(&mut tx, HeldFor::Start(Subject::Vps(vps)), domain::wallet::HoldState::Captured)
            .await
            .unwrap()
            .unwrap();
    let lines =
        [(domain::wallet::Account::Held, held.negated().unwrap()), (domain::wallet::Account::Revenue, held)];
    let captured = domain::wallet::Transaction::new(
        domain::wallet::TransactionKind::Capture,
        format!("capture:{vps}"),
        acme.scope.actor(),
        serde_json::json!({ "vps_id": vps }),
        &lines,
    );
    wallet.record(captured.unwrap()).unwrap();
    wallet::save(&mut tx, [&mut wallet]).await.unwrap();
    tx.commit(Exempt::NothingChanged).await.unwrap();
    let month = Utc::now().date_naive().with_day(1).unwrap();
    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let preview =
        store::billing::statement::preview(&mut db, month, &Party::default(), "USD").await.unwrap().unwrap();
    assert_eq!(preview.closing, money("20").minus(held).unwrap());
    assert_eq!((preview.opening, preview.charges), (Money::ZERO, Money::ZERO));
    let order = preview.movements.iter().find(|line| line.kind == "capture").unwrap();
    assert_eq!((order.about.as_deref(), order.amount), (Some("web"), held.negated().unwrap()));
}
