//! Money that is given: by code, by an operator, by correction; and how it ends.

use app::wallet::{
    NewGoodwill, NewPromotion, NewVouchers, adjust, approve, create_promotion, create_vouchers, disable,
    expire, grant, redeem, reject,
};
use app::{Caller, Error, Operator};
use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::Role;
use domain::wallet::attribution::CREDIT;
use domain::wallet::{AdjustmentState, Code};
use domain::{AdjustmentId, CampaignId, CreditId, Money, OrganizationId};
use store::SystemPurpose;
use store::wallet::finance::{Period, by_period};
use testkit::{Cut, OPERATOR_EMAIL, Panel, Tripwire};

const WELCOME: NewPromotion<'static> = NewPromotion {
    name: "Welcome",
    code: "WELCOME10",
    amount: Money::from_micros(10_000_000),
    valid_from: None,
    valid_until: None,
    days: None,
    redemptions_max: None,
    new_only: false,
};

async fn promotion(panel: &Panel, new: NewPromotion<'_>) -> CampaignId {
    create_promotion(&panel.app, &panel.operator().await, new).await.unwrap()
}

async fn vouchers(panel: &Panel, count: usize) -> Vec<Code> {
    let amount = Money::from_micros(5_000_000);
    let new = NewVouchers { name: "Fair", count, amount, valid_until: None, days: None };
    create_vouchers(&panel.app, &panel.operator().await, new).await.unwrap().1
}

/// Another operator than the first.
async fn second_operator(panel: &Panel) -> Operator {
    let first = panel.sign_in(OPERATOR_EMAIL).await;
    panel.member(&first, "second", Role::Owner).await;
    panel.execute("update users set platform_role = 'operator' where name = 'second'").await;
    panel.sign_in("second@example.com").await.operator().unwrap()
}

async fn goodwill(panel: &Panel, whose: &Caller, amount: &str, days: Option<i32>) -> CreditId {
    let new = NewGoodwill { amount: amount.parse().unwrap(), reason: "slow disks", days };
    let operator = panel.operator().await;
    grant(&panel.app, &operator, whose.organization_id(), new, None).await.unwrap().effect()
}

async fn correct(
    panel: &Panel,
    whose: &Caller,
    amount: &str,
) -> Result<(AdjustmentId, AdjustmentState), Error> {
    let (operator, amount) = (panel.operator().await, amount.parse().unwrap());
    let done = adjust(&panel.app, &operator, whose.organization_id(), amount, "charged twice", None).await?;
    Ok(done.effect())
}

async fn available(panel: &Panel, whose: &Caller) -> i64 {
    panel.balances(whose).await.available
}

/// What is taken when credits end at a time.
async fn end_at(panel: &Panel, whose: &Caller, now: DateTime<Utc>) -> i64 {
    let before = available(panel, whose).await;
    let mut tx = panel.store.org_tx(&whose.scope).await.unwrap();
    let note = expire(&panel.app, &mut tx, now).await.unwrap();
    tx.commit(note).await.unwrap();
    before - available(panel, whose).await
}

/// Does something for each of these at once.
async fn at_once<F>(deeds: impl IntoIterator<Item = F>) -> Vec<Result<(), Error>>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let running: Vec<_> = deeds.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::new();
    for one in running {
        outcomes.push(one.await.unwrap());
    }
    outcomes
}

fn redemption(
    panel: &Panel,
    whose: Caller,
    code: &str,
) -> impl Future<Output = Result<(), Error>> + Send + 'static {
    let (app, code) = (panel.app.clone(), code.to_owned());
    async move { redeem(&app, &whose, &code, None).await.map(drop) }
}

#[tokio::test]
async fn a_code_becomes_a_credit_once_for_each_organization() {
    let panel = Panel::start().await;
    let (acme, bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
    promotion(&panel, NewPromotion { days: Some(30), ..WELCOME }).await;
    redeem(&panel.app, &acme, " welcome-10 ", None).await.unwrap();
    let again = redeem(&panel.app, &acme, "WELCOME10", None).await.unwrap_err();
    assert_eq!(again.code(), "already_redeemed");
    redeem(&panel.app, &bolt, "WELCOME10", None).await.unwrap();
    assert_eq!((available(&panel, &acme).await, available(&panel, &bolt).await), (10_000_000, 10_000_000));
    let kinds: Vec<String> = panel.fetch_all("select kind from ledger_transactions").await;
    assert_eq!(kinds, ["credit", "credit"]);
    let days: Vec<i32> =
        panel.fetch_all("select extract(day from expires_at - created_at)::int from credits").await;
    assert_eq!(days, [30, 30]);
    panel.verify().await;
}

#[tokio::test]
async fn members_who_may_not_pay_may_not_redeem() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let mia = panel.member(&acme, "mia", Role::Member).await;
    promotion(&panel, WELCOME).await;
    assert!(matches!(redeem(&panel.app, &mia, "WELCOME10", None).await, Err(Error::Forbidden)));
}

#[tokio::test]
async fn whoever_guesses_learns_nothing() {
    let panel = Panel::start().await;
    let (acme, bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
    let day = |days| Some(Utc::now() + TimeDelta::days(days));
    promotion(&panel, NewPromotion { code: "TOMORROW", valid_from: day(1), ..WELCOME }).await;
    let (valid_from, valid_until) = (day(-2), day(-1));
    promotion(&panel, NewPromotion { code: "YESTERDAY", valid_from, valid_until, ..WELCOME }).await;
    promotion(&panel, NewPromotion { code: "EXHAUSTED", redemptions_max: Some(1), ..WELCOME }).await;
    redeem(&panel.app, &bolt, "EXHAUSTED", None).await.unwrap();
    let over = promotion(&panel, NewPromotion { code: "DISABLED", ..WELCOME }).await;
    disable(&panel.app, &panel.operator().await, over).await.unwrap();
    let used = vouchers(&panel, 1).await.remove(0).to_string();
    redeem(&panel.app, &bolt, &used, None).await.unwrap();

    let mut told = Vec::new();
    for code in ["NEVERMADE", "?", "", "TOMORROW", "YESTERDAY", "EXHAUSTED", "DISABLED", &used] {
        let refused = redeem(&panel.app, &acme, code, None).await.unwrap_err();
        told.push((refused.code(), refused.public_message()));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(available(&panel, &acme).await, 0);
    panel.verify().await;
}

#[tokio::test]
async fn an_offer_for_new_organizations_knows_the_old_ones() {
    let panel = Panel::start().await;
    let old = panel.customer("old").await;
    promotion(&panel, NewPromotion { new_only: true, ..WELCOME }).await;
    let new = panel.customer("new").await;
    let refused = redeem(&panel.app, &old, "WELCOME10", None).await.unwrap_err();
    assert_eq!(refused.code(), "new_organizations_only");
    redeem(&panel.app, &new, "WELCOME10", None).await.unwrap();
}

#[tokio::test]
async fn forty_organizations_race_for_the_last_five() {
    let panel = Panel::start().await;
    promotion(&panel, NewPromotion { redemptions_max: Some(5), ..WELCOME }).await;
    let crowd = panel.crowd(40).await;
    let outcomes = at_once(crowd.into_iter().map(|one| redemption(&panel, one, "WELCOME10"))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Err(Error::Internal(_)))), "{outcomes:?}");
    let given: Vec<i64> = panel.fetch_all("select amount_micros from credits").await;
    assert_eq!(given, [10_000_000; 5]);
    assert_eq!(panel.fetch::<i32>("select redemptions from campaigns").await, 5);
    panel.verify().await;
}

#[tokio::test]
async fn an_organization_races_with_itself_and_wins_once() {
    let panel = Panel::start().await;
    promotion(&panel, WELCOME).await;
    let acme = panel.customer("acme").await;
    let outcomes = at_once((0..20).map(|_| redemption(&panel, acme, "WELCOME10"))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refusals: Vec<&str> = outcomes.iter().filter_map(|o| o.as_ref().err().map(Error::code)).collect();
    assert_eq!(refusals, ["already_redeemed"; 19]);
    assert_eq!(available(&panel, &acme).await, 10_000_000);
    assert_eq!(panel.fetch::<i32>("select redemptions from campaigns").await, 1);
    panel.verify().await;
}

#[tokio::test]
async fn a_voucher_is_worth_something_to_the_first_alone() {
    let panel = Panel::start().await;
    let codes = vouchers(&panel, 3).await;
    let crowd = panel.crowd(20).await;
    let code = codes[0].to_string();
    let outcomes = at_once(crowd.iter().map(|one| redemption(&panel, *one, &code))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Err(Error::Internal(_)))), "{outcomes:?}");
    // The others of the batch are untouched, also for the same organization.
    redeem(&panel.app, &crowd[0], &codes[1].to_string(), None).await.unwrap();
    redeem(&panel.app, &crowd[0], &codes[2].to_string(), None).await.unwrap();
    assert_eq!(panel.fetch::<i32>("select redemptions from campaigns").await, 3);
    let stored: Vec<String> =
        panel.fetch_all("select row_to_json(campaign_codes)::text from campaign_codes").await;
    assert!(codes.iter().all(|code| stored.iter().all(|row| !row.contains(code.as_str()))));
    panel.verify().await;
}

#[tokio::test]
async fn the_same_request_gives_one_credit() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let key = app::IdempotencyKey::new("k", "POST", "credits", b"5").unwrap();
    let operator = panel.operator().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = NewGoodwill { amount: "5".parse().unwrap(), reason: "sorry", days: None };
        let done = grant(&panel.app, &operator, acme.organization_id(), new, Some(&key)).await.unwrap();
        ids.push(done.effect());
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(available(&panel, &acme).await, 5_000_000);
    let refused = NewGoodwill { amount: "100.01".parse().unwrap(), reason: "too kind", days: None };
    let refused = grant(&panel.app, &operator, acme.organization_id(), refused, None).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "amount", .. })), "{refused:?}");
    let nobody = NewGoodwill { amount: "1".parse().unwrap(), reason: "x", days: None };
    let nobody = grant(&panel.app, &operator, OrganizationId::new(), nobody, None).await;
    assert!(matches!(nobody, Err(Error::NotFound)));
}

#[tokio::test]
async fn what_is_left_of_a_credit_ends_to_the_micro_and_what_an_order_holds_when_it_comes_back() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "50.00").await;
    let worker = panel.worker();
    let vps = panel.active(&acme, "harbor", "web").await;
    let credit = goodwill(&panel, &acme, "10.00", Some(1)).await;
    panel.backdate(vps, "now() - interval '150 minutes'").await;
    app::billing::run(&panel.store, panel.fetch("select now()").await).await.unwrap();
    panel.until_idle().await;
    worker.stop().await;
    let spent: i64 = panel
        .fetch(
            "select sum(-amount_micros)::bigint from ledger_entries e join ledger_transactions t
            on t.id = e.transaction_id where t.kind = 'charge' and account = 'wallet'",
        )
        .await;
    assert!(spent > 0, "hours were charged since the credit came");
    // Nobody works on this order yet: its hour is held, from the credit.
    let order = panel.order(&acme, "harbor", "db").await;
    let held = panel.balances(&acme).await.held;
    let ends: DateTime<Utc> = panel.fetch("select expires_at from credits").await;

    assert_eq!(end_at(&panel, &acme, ends - TimeDelta::microseconds(1)).await, 0, "not a moment too early");
    assert_eq!(end_at(&panel, &acme, ends).await, 10_000_000 - spent - held);
    assert_eq!(end_at(&panel, &acme, ends).await, 0, "once");
    assert!(panel.fetch::<bool>("select ended_at is null from credits").await, "some of it is held");
    panel.verify().await;

    let _worker = panel.worker();
    app::vps::delete(&panel.app, &acme, order).await.unwrap();
    panel.until_state(order, "deleted").await;
    panel.until_idle().await;
    let captured: i64 = panel
        .fetch(format!("select count(*) from holds where vps_id = '{order}' and state = 'captured'"))
        .await;
    let back = if captured == 1 { 0 } else { held };
    assert_eq!(end_at(&panel, &acme, ends).await, back);
    assert!(panel.fetch::<bool>("select ended_at is not null from credits").await);
    let taken: i64 = panel.fetch("select ended_micros from credits").await;
    assert_eq!(taken, 10_000_000 - spent - held + back);
    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let money = store::wallet::attribution(&mut db).await.unwrap();
    assert_eq!(money.free_of(CREDIT, credit), Money::ZERO);
    panel.verify().await;
}

#[tokio::test]
async fn people_are_told_once_of_what_ends_soon_and_not_of_what_is_spent() {
    let panel = Panel::start().await;
    let (acme, spent) = (panel.customer("acme").await, panel.customer("spent").await);
    panel.member(&acme, "mia", Role::Member).await;
    goodwill(&panel, &acme, "10.00", Some(10)).await;
    goodwill(&panel, &spent, "10.00", Some(10)).await;
    correct(&panel, &spent, "-10.00").await.unwrap();
    let ends: DateTime<Utc> = panel.fetch("select min(expires_at) from credits").await;
    let mails = "select recipient from mails where kind = 'credit_expiring'";
    for caller in [&acme, &spent] {
        end_at(&panel, caller, ends - TimeDelta::days(4)).await;
    }
    assert_eq!(panel.fetch_all::<String>(mails).await, Vec::<String>::new());
    for _ in 0..2 {
        for caller in [&acme, &spent] {
            assert_eq!(end_at(&panel, caller, ends - TimeDelta::days(2)).await, 0);
        }
    }
    assert_eq!(panel.fetch_all::<String>(mails).await, ["acme@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_credit_survives_a_kill_at_every_step() {
    let commits = end_of_a_credit(None).await;
    assert!(commits >= 3, "it takes several steps, not {commits}");
    for n in 1..=commits {
        for cut in [Cut::Before, Cut::After] {
            end_of_a_credit(Some((n, cut))).await;
        }
    }
}

/// A worker ends a credit and is killed at the trip; another one goes on. Answers the first one's commits.
async fn end_of_a_credit(trip: Option<(usize, Cut)>) -> usize {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "2.00").await;
    goodwill(&panel, &acme, "10.00", Some(1)).await;
    correct(&panel, &acme, "-4.00").await.unwrap();
    panel.execute("update credits set expires_at = now() - interval '1 minute'").await;
    panel.enqueue("credit.sweep", &serde_json::Value::Null).await;
    let url = panel.database().login_url();
    let wire = Tripwire::lay(&url, trip).await;
    let first = panel.worker_process(&wire.url(&url));
    let takeover = async {
        wire.tripped().await;
        first.kill().await;
        wire.hang_up();
        let second = panel.worker_process(&url);
        std::future::pending::<()>().await;
        drop(second);
    };
    tokio::select! {
        () = takeover => unreachable!("the second worker is never finished"),
        () = panel.until("select ended_at is not null from credits") => {}
    }
    assert_eq!(available(&panel, &acme).await, 2_000_000, "{trip:?}: what was paid in stays");
    let taken: Vec<i64> = panel
        .fetch_all("select e.amount_micros from ledger_entries e join ledger_transactions t on t.id = e.transaction_id
            where t.kind = 'credit_expiry' and e.account = 'credits_given'")
        .await;
    assert_eq!(taken, [6_000_000], "{trip:?}");
    panel.verify().await;
    wire.commits()
}

#[tokio::test]
async fn a_small_correction_is_done_at_once_and_never_takes_more_than_there_is() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    assert_eq!(correct(&panel, &acme, "100.00").await.unwrap().1, AdjustmentState::Applied);
    assert_eq!(correct(&panel, &acme, "-60.000001").await.unwrap().1, AdjustmentState::Applied);
    assert_eq!(available(&panel, &acme).await, 39_999_999);
    let refused = correct(&panel, &acme, "-40.00").await.unwrap_err();
    assert_eq!(refused.code(), "not_covered");
    assert!(refused.public_message().contains("40.00 is available"), "{}", refused.public_message());
    assert_eq!(correct(&panel, &acme, "0").await.unwrap_err().code(), "invalid");
    assert_eq!(available(&panel, &acme).await, 39_999_999);
    panel.verify().await;
}

#[tokio::test]
async fn a_large_correction_waits_for_another_operator() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let (id, state) = correct(&panel, &acme, "100.01").await.unwrap();
    assert_eq!((state, available(&panel, &acme).await), (AdjustmentState::Pending, 0));
    let (first, second) = (panel.operator().await, second_operator(&panel).await);
    for decided in [approve(&panel.app, &first, id).await, reject(&panel.app, &first, id).await] {
        assert_eq!(decided.unwrap_err().code(), "second_operator");
    }
    // The database says so too.
    let own = "update adjustments set state = 'approved', decided_at = now(), decided_by = requested_by";
    let refused = sqlx::query(own).execute(panel.superuser()).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().constraint(), Some("adjustments_second_operator"));

    let outcomes = at_once((0..5).map(|_| {
        let app = panel.app.clone();
        async move { approve(&app, &second, id).await.map(drop) }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(available(&panel, &acme).await, 100_010_000);
    assert_eq!(reject(&panel.app, &second, id).await.unwrap_err().code(), "decided");

    let (id, _) = correct(&panel, &acme, "-100.01").await.unwrap();
    correct(&panel, &acme, "-0.01").await.unwrap();
    assert_eq!(approve(&panel.app, &second, id).await.unwrap_err().code(), "not_covered");
    reject(&panel.app, &second, id).await.unwrap();
    assert_eq!(available(&panel, &acme).await, 100_000_000);
    let unknown = approve(&panel.app, &second, AdjustmentId::new()).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    panel.verify().await;
}

#[tokio::test]
async fn a_correction_nobody_decides_about_is_over_after_a_week() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let (id, _) = correct(&panel, &acme, "500").await.unwrap();
    let second = second_operator(&panel).await;
    panel.execute("update adjustments set created_at = now() - interval '7 days'").await;
    assert_eq!(
        approve(&panel.app, &second, id).await.unwrap_err().code(),
        "decided",
        "before the sweep came by"
    );
    let _worker = panel.worker();
    panel.enqueue("credit.sweep", &serde_json::Value::Null).await;
    panel.until("select state = 'expired' from adjustments").await;
    let told = "select count(*) from activity_logs where action = 'adjustment.expired'";
    assert_eq!(panel.fetch::<i64>(told).await, 1);
    assert_eq!(available(&panel, &acme).await, 0);
}

#[tokio::test]
async fn money_that_is_given_pays_a_debt_first() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    owe(&panel, &acme, 3_000_000).await;
    goodwill(&panel, &acme, "2.00", None).await;
    assert_eq!(panel.balances(&acme).await.receivable, 1_000_000);
    promotion(&panel, WELCOME).await;
    redeem(&panel.app, &acme, "WELCOME10", None).await.unwrap();
    correct(&panel, &acme, "1.00").await.unwrap();
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.receivable, balances.available), (0, 10_000_000));
    assert_eq!(panel.wrong_sums().await, [""; 0]);
}

/// The organization owes the hours of a VPS deleted long ago, of which there is no meter.
async fn owe(panel: &Panel, whose: &Caller, amount: i64) {
    use domain::wallet::{Account, Transaction, TransactionKind};
    let debt = Money::from_micros(amount);
    let mut tx = panel.store.org_tx(&whose.scope).await.unwrap();
    let mut wallet = store::wallet::lock(&mut tx).await.unwrap();
    let lines = [(Account::Receivable, debt.negated().unwrap()), (Account::Revenue, debt)];
    let (actor, reference) = (whose.scope.actor(), serde_json::json!({}));
    let accrual = Transaction::new(TransactionKind::Accrual, "old".into(), actor, reference, &lines);
    let id = wallet.record(accrual.unwrap()).unwrap();
    store::wallet::save(&mut tx, [&mut wallet]).await.unwrap();
    tx.commit(store::Exempt::NothingChanged).await.unwrap();
    let organization = whose.organization_id();
    panel
        .execute(format!(
            "insert into charges values ('{organization}', gen_random_uuid(), now(), {amount}, 'at_cost', '{id}')"
        ))
        .await;
}

#[tokio::test]
async fn credits_and_corrections_add_up_by_kind_and_for_the_operator() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "20.00").await;
    goodwill(&panel, &acme, "10.00", Some(1)).await;
    correct(&panel, &acme, "-3.00").await.unwrap();
    correct(&panel, &acme, "1.50").await.unwrap();
    let ends: DateTime<Utc> = panel.fetch("select expires_at from credits").await;
    // The correction took three from the credit: it is spent first.
    assert_eq!(end_at(&panel, &acme, ends).await, 7_000_000);

    let mut db = panel.store.org_read(&acme.scope).await.unwrap();
    let totals = store::wallet::read::totals_by_kind(&mut db).await.unwrap();
    let totals: Vec<_> = totals.iter().map(|t| (t.kind.as_str(), t.count, t.amount().micros())).collect();
    let expected = [
        ("adjustment", 2, -1_500_000),
        ("credit", 1, 10_000_000),
        ("credit_expiry", 1, -7_000_000),
        ("top_up", 1, 20_000_000),
    ];
    assert_eq!(totals, expected);
    for (kind, count, _) in expected {
        let kind = kind.parse().ok();
        let rows = store::wallet::read::movements(&mut db, kind, None, 100).await.unwrap();
        assert_eq!(i64::try_from(rows.len()).ok(), Some(count));
        assert!(rows.iter().all(|row| Some(row.kind) == kind));
    }
    let mut db = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
    let today = by_period(&mut db, Period::Day).await.unwrap()[0];
    assert_eq!((today.credits.micros(), today.adjustments.micros()), (3_000_000, -1_500_000));
    assert_eq!(available(&panel, &acme).await, 21_500_000);
    panel.verify().await;
}
