//! The ladder: told in time, suspended, kept, warned, destroyed; and what money and pauses change about it.

mod killed;

use app::Caller;
use app::billing::{Steps, climb, set_terms};
use domain::VpsId;
use domain::identity::Role;
use domain::vps::VpsState;
use simulator::SimMail;
use store::SystemPurpose;
use store::billing::ladder::exposure;
use store::wallet::terms::Terms;
use testkit::{Panel, RunningWorker};

const HOUR: i64 = 22_500;
const COST: i64 = 18_000;
const NOTHING: Steps = Steps { notices: 0, announced: 0, warned: 0, ended: 0 };

/// Takes the steps that are due.
async fn look(panel: &Panel) -> Steps {
    climb(&panel.app, panel.fetch("select now()").await).await.unwrap()
}

/// Puts the runway of a wallet with one unit of money at so many minutes.
async fn lasts(panel: &Panel, who: &Caller, minutes: i64) {
    let burn = 60_000_000 / minutes;
    let organization = who.organization_id();
    panel
        .execute(format!("update wallets set burn_micros = {burn} where organization_id = '{organization}'"))
        .await;
}

/// Hours pass, in which somebody looked every minute; nothing was due.
async fn pass(panel: &Panel, hours: i64) {
    panel
        .execute(format!(
            "update vps_instances set suspended_at = suspended_at - interval '{hours} hours',
                kept_until = kept_until - interval '{hours} hours' where suspended_by = 'unpaid'"
        ))
        .await;
    panel
        .execute(format!(
            "update mails set created_at = created_at - interval '{hours} hours',
                sent_at = sent_at - interval '{hours} hours'"
        ))
        .await;
}

/// Hours pass in which nothing ran.
async fn pause(panel: &Panel, hours: i64) {
    pass(panel, hours).await;
    let ran = format!("update recurring_jobs set ran_at = ran_at - interval '{hours} hours'");
    panel.execute(ran).await;
}

/// Takes money out of the wallet for a VPS that was deleted before it became active.
async fn spend(panel: &Panel, acme: &Caller, like: VpsId, amount: i64) {
    let old = panel.deleted_early(like, &format!("old-{amount}")).await;
    panel.spend(acme, old, domain::Money::from_micros(amount)).await.unwrap();
}

/// Two VPSs, `web` and the younger `db`, suspended just now with nearly nothing in the wallet.
pub(crate) async fn unpaid() -> (Panel, RunningWorker, Caller, VpsId, VpsId) {
    let panel = Panel::start().await;
    let worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "1.20").await;
    let web = panel.active(&acme, "harbor", "web").await;
    let db = panel.active(&acme, "harbor", "db").await;
    for vps in [web, db] {
        panel.backdate(vps, "now() - interval '90 minutes'").await;
    }
    let left = 2 * HOUR - 1;
    let available = panel.balances(&acme).await.available;
    spend(&panel, &acme, web, available - left).await;
    app::billing::run(&panel.store, panel.fetch("select now()").await).await.unwrap();
    panel.until_idle().await;
    let suspended = "select count(*) from vps_instances where suspended_by = 'unpaid'";
    assert_eq!(panel.fetch::<i64>(suspended).await, 2);
    (panel, worker, acme, web, db)
}

/// The same, announced and warned of for the last time, an hour before the end.
async fn warned_last() -> (Panel, RunningWorker, Caller, VpsId, VpsId) {
    let (panel, worker, acme, web, db) = unpaid().await;
    assert_eq!(look(&panel).await, Steps { announced: 2, ..NOTHING });
    for hours in [96, 48, 23] {
        pass(&panel, hours).await;
        assert_eq!(look(&panel).await, Steps { warned: 2, ..NOTHING }, "after {hours} more hours");
    }
    panel.until_idle().await;
    (panel, worker, acme, web, db)
}

async fn count(panel: &Panel, of: &str) -> i64 {
    panel.fetch(format!("select count(*) from {of}")).await
}

async fn entries(panel: &Panel, action: &str) -> i64 {
    count(panel, &format!("activity_logs where action = '{action}'")).await
}

async fn hours_left(panel: &Panel, vps: VpsId) -> Option<i64> {
    let left = "select (extract(epoch from kept_until - now()) / 3600)::bigint from vps_instances";
    panel.fetch(format!("{left} where id = '{vps}'")).await
}

async fn assert_resumed(panel: &Panel, vps: VpsId) {
    panel
        .until(format!(
            "select state = 'active' and suspended_by is null and kept_until is null and power = 'running'
            from vps_instances where id = '{vps}'"
        ))
        .await;
}

#[tokio::test]
async fn each_threshold_is_told_once_and_again_after_a_new_crossing() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.fund(&acme, "1.00").await;
    let told = "select coalesce(string_agg(detail->>'within', ' ' order by id), '') from activity_logs
        where action = 'billing.runway_low'";
    let steps = [
        (100 * 60, ""),
        (72 * 60, ""),
        (71 * 60, "72"),
        (30 * 60, "72"),
        (23 * 60, "72 24"),
        (50, "72 24 1"),
        // Better, but below 72 hours still: no crossing is over but the last two.
        (40 * 60, "72 24 1"),
        (23 * 60, "72 24 1 24"),
        (100 * 60, "72 24 1 24"),
        (60 * 60, "72 24 1 24 72"),
        (100 * 60, "72 24 1 24 72"),
        // From far above to far below: the most urgent alone.
        (10, "72 24 1 24 72 1"),
    ];
    for (minutes, expected) in steps {
        lasts(&panel, &acme, minutes).await;
        for time in ["once", "twice"] {
            look(&panel).await;
            assert_eq!(panel.fetch::<String>(told).await, expected, "{minutes} minutes, {time}");
        }
    }
    assert_eq!(count(&panel, "mails where kind = 'runway'").await, 6);
}

#[tokio::test]
async fn notices_go_to_those_who_may_pay_and_say_how_long_it_lasts() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    panel.member(&acme, "mia", Role::Member).await;
    panel.member(&acme, "sue", Role::Owner).await;
    panel.member(&acme, "tom", Role::Owner).await;
    panel.execute("update users set suspended_at = now() where name = 'tom'").await;
    panel.fund(&acme, "1.00").await;
    lasts(&panel, &acme, 20 * 60).await;
    assert_eq!(look(&panel).await, Steps { notices: 1, ..NOTHING });
    let _worker = panel.worker();
    panel.until_idle().await;
    let mails = sent(&panel, "lasts less than");
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.recipients[0].as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["acme@example.com", "sue@example.com"]);
    let mail = &mails[0];
    assert_eq!(mail.subject, "SkyPanel: the wallet of acme lasts less than 24 hours");
    for words in ["Left: 1.00 USD.", "0.05 USD an hour", "http://127.0.0.1:8080/wallet"] {
        assert!(mail.text.contains(words), "{words}: {}", mail.text);
    }
}

fn sent(panel: &Panel, subject: &str) -> Vec<SimMail> {
    panel.simulator.mails().into_iter().filter(|mail| mail.subject.contains(subject)).collect()
}

#[tokio::test]
async fn runs_at_once_tell_and_announce_once() {
    let (panel, _worker, ..) = unpaid().await;
    for who in panel.crowd(20).await {
        panel.fund(&who, "1.00").await;
        lasts(&panel, &who, 120).await;
    }
    let now = panel.fetch("select now()").await;
    let runs = (0..4).map(|_| {
        let app = panel.app.clone();
        tokio::spawn(async move { climb(&app, now).await.unwrap() })
    });
    let mut all = NOTHING;
    let mut add = |steps: Steps| {
        all.notices += steps.notices;
        all.announced += steps.announced;
    };
    for run in runs.collect::<Vec<_>>() {
        add(run.await.unwrap());
    }
    // A run leaves to the next what another had locked.
    add(climb(&panel.app, now).await.unwrap());
    assert_eq!(all, Steps { notices: 20, announced: 2, ..NOTHING });
    assert_eq!(entries(&panel, "billing.runway_low").await, 20);
    assert_eq!(entries(&panel, "billing.retention_announced").await, 1);
    assert_eq!(count(&panel, "mails where kind = 'suspended'").await, 1);
}

#[tokio::test]
async fn what_stays_unpaid_is_announced_warned_of_and_destroyed() {
    let (panel, _worker, acme, web, db) = warned_last().await;
    assert_eq!(hours_left(&panel, web).await, Some(1));
    assert_eq!(look(&panel).await, NOTHING, "not a minute sooner");
    let owed = panel.balances(&acme).await.receivable;
    assert_eq!(owed, 2 * COST);

    pass(&panel, 1).await;
    assert_eq!(look(&panel).await, Steps { ended: 1, ..NOTHING });
    for vps in [web, db] {
        panel.until_state(vps, "deleted").await;
        assert!(panel.living_servers_of(vps).is_empty());
    }
    panel.until_idle().await;
    let by_the_panel =
        "activity_logs where action in ('vps.destroyed', 'vps.deleted') and actor_kind = 'system'";
    assert_eq!(count(&panel, by_the_panel).await, 4);
    assert_eq!(
        count(&panel, "activity_logs where action = 'vps.destroyed' and detail->>'by' = 'unpaid'").await,
        2
    );
    panel.verify().await;
    app::billing::run(&panel.store, panel.fetch("select now() + interval '9 hours'").await).await.unwrap();
    assert_eq!(panel.balances(&acme).await.receivable, owed, "hours ended with the delete");
    assert_eq!(look(&panel).await, NOTHING);

    let kinds: String =
        panel.fetch("select string_agg(kind, ' ' order by id) from mails where kind <> 'welcome'").await;
    assert_eq!(kinds, "suspended destruction destruction destruction destroyed");
}

#[tokio::test]
async fn mails_say_what_is_lost_when_and_what_saves_it() {
    let (panel, _worker, _, web, _) = warned_last().await;
    let suspended = sent(&panel, "are suspended").remove(0);
    assert_eq!(suspended.subject, "SkyPanel: VPSs of acme are suspended");
    let until: String = panel
        .fetch(format!(
            "select to_char((suspended_at + interval '335 hours') at time zone 'UTC', 'FMDD Mon YYYY, HH24:MI \"UTC\"')
            from vps_instances where id = '{web}'"
        ))
        .await;
    // A day of both, less what is there, with what is owed: rounded up to the cent.
    let missing = (24 * 2 * HOUR + 2 * COST - (2 * HOUR - 1) + 9_999) / 10_000;
    let missing = format!("{}.{:02} USD", missing / 100, missing % 100);
    for words in ["* db", "* web", &until, &missing, "/wallet"] {
        assert!(suspended.text.contains(words), "{words}: {}", suspended.text);
    }
    let warnings: Vec<String> =
        sent(&panel, "will be destroyed").into_iter().map(|mail| mail.subject).collect();
    let expected = ["72 hours", "24 hours", "an hour"];
    assert_eq!(warnings, expected.map(|time| format!("SkyPanel: VPSs of acme will be destroyed in {time}")));
    pass(&panel, 1).await;
    look(&panel).await;
    panel.until_idle().await;
    let destroyed = sent(&panel, "were destroyed").remove(0);
    assert!(destroyed.text.contains("* db") && destroyed.text.contains("* web"), "{}", destroyed.text);
}

#[tokio::test]
async fn any_money_in_the_last_minute_saves_everything() {
    let (panel, worker, acme, web, db) = warned_last().await;
    worker.stop().await;
    pass(&panel, 1).await;
    assert_eq!(look(&panel).await, Steps { ended: 1, ..NOTHING });
    // The job that destroys is there, and older than the one that the money asks for by itself.
    panel.fund(&acme, "5.00").await;
    let _worker = panel.worker();
    for vps in [web, db] {
        assert_resumed(&panel, vps).await;
    }
    panel.until_idle().await;
    assert_eq!(entries(&panel, "vps.destroyed").await, 0);
    assert_eq!(look(&panel).await, NOTHING);
    panel.verify().await;
}

#[tokio::test]
async fn money_for_one_saves_the_older() {
    let (panel, _worker, acme, web, db) = warned_last().await;
    panel.fund(&acme, "0.60").await;
    panel.until_idle().await;
    pass(&panel, 1).await;
    look(&panel).await;
    panel.until_state(db, "deleted").await;
    assert_resumed(&panel, web).await;
    panel.until_idle().await;
    assert_eq!(entries(&panel, "vps.destroyed").await, 1);
    panel.verify().await;
}

#[tokio::test]
async fn whatever_makes_a_wallet_richer_asks_to_resume_and_nothing_else_does() {
    let (panel, worker, acme, web, _) = unpaid().await;
    worker.stop().await;
    let asked = "jobs where kind = 'billing.resume' and state = 'ready'";
    spend(&panel, &acme, web, 1_000).await;
    assert_eq!(count(&panel, asked).await, 0);
    panel.fund(&acme, "0.01").await;
    panel.fund(&acme, "0.01").await;
    assert_eq!(count(&panel, asked).await, 1);
    let bolt = panel.customer("bolt").await;
    panel.fund(&bolt, "5.00").await;
    assert_eq!(count(&panel, asked).await, 1, "nothing of theirs is suspended");
    panel.fund(&acme, "5.00").await;
    let _worker = panel.worker();
    assert_resumed(&panel, web).await;
}

#[tokio::test]
async fn a_second_suspension_begins_anew() {
    let (panel, _worker, acme, web, _) = warned_last().await;
    panel.fund(&acme, "5.00").await;
    assert_resumed(&panel, web).await;
    panel.until_idle().await;
    // As a program of the release before would: it knows of no dates.
    panel
        .execute(format!("update vps_instances set kept_until = now(), kept_told = 1 where id = '{web}'"))
        .await;
    panel
        .execute(format!(
            "update vps_instances set suspended_by = 'unpaid', suspended_at = now() where id = '{web}'"
        ))
        .await;
    assert_eq!(hours_left(&panel, web).await, None);
    assert_eq!(look(&panel).await, Steps { announced: 1, ..NOTHING });
    assert_eq!(hours_left(&panel, web).await, Some(168));
}

#[tokio::test]
async fn a_pause_moves_the_end_so_that_every_warning_leaves_its_time() {
    let (panel, _worker, _, web, _) = unpaid().await;
    look(&panel).await;
    panel.until_idle().await;
    pause(&panel, 500).await;
    for (told, passes) in [(72, 47), (24, 22), (1, 0)] {
        assert_eq!(look(&panel).await, Steps { warned: 2, ..NOTHING }, "{told}");
        assert_eq!(hours_left(&panel, web).await, Some(told));
        panel.until_idle().await;
        pass(&panel, passes).await;
        assert_eq!(look(&panel).await, NOTHING, "{told}");
        pass(&panel, if passes == 0 { 0 } else { 1 }).await;
    }
    assert_eq!(count(&panel, "vps_instances where state = 'active'").await, 2);
}

#[tokio::test]
async fn after_a_pause_payments_that_wait_come_first() {
    let (panel, worker, acme, web, db) = warned_last().await;
    pass(&panel, 1).await;
    worker.stop().await;
    assert_eq!(look(&panel).await, Steps { ended: 1, ..NOTHING });
    // The job to destroy is there when everything stops for hours.
    pause(&panel, 5).await;
    let worker = panel.worker();
    panel.until_idle().await;
    assert_eq!(count(&panel, "vps_instances where state = 'active'").await, 2, "it waits for the ladder");
    assert_eq!(look(&panel).await, NOTHING);
    assert_eq!(hours_left(&panel, web).await, Some(1));
    assert_eq!(entries(&panel, "billing.destruction_put_off").await, 1);
    panel.fund(&acme, "5.00").await;
    for vps in [web, db] {
        assert_resumed(&panel, vps).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_last_warning_that_waits_for_the_mail_host_moves_the_end() {
    let (panel, _worker, _, web, _) = warned_last().await;
    let last = "id = (select id from mails where kind = 'destruction' order by id desc limit 1)";
    panel
        .execute(format!(
            "update mails set state = 'queued', sent_at = null, context_sealed = 'x' where {last}"
        ))
        .await;
    pass(&panel, 1).await;
    assert_eq!(look(&panel).await, NOTHING);
    assert_eq!(hours_left(&panel, web).await, Some(1));
    panel.execute(format!("update mails set state = 'sent', sent_at = now() where {last}")).await;
    pass(&panel, 1).await;
    assert_eq!(look(&panel).await, Steps { ended: 1, ..NOTHING });
}

#[tokio::test]
async fn an_operator_agrees_other_terms() {
    let (panel, _worker, acme, web, db) = unpaid().await;
    let operator = panel.operator().await;
    let id = acme.organization_id();
    look(&panel).await;
    assert_eq!(hours_left(&panel, web).await, Some(168));

    let twelve = Terms { retention_hours: Some(12), ..Terms::default() };
    set_terms(&panel.app, &operator, id, twelve).await.unwrap();
    assert_eq!(look(&panel).await, Steps { announced: 2, ..NOTHING });
    assert_eq!(hours_left(&panel, web).await, Some(12));

    let never = Terms { never_destroyed: true, ..twelve };
    set_terms(&panel.app, &operator, id, never).await.unwrap();
    pass(&panel, 1_000).await;
    assert_eq!(look(&panel).await, NOTHING);
    assert_eq!(hours_left(&panel, web).await, None);
    let mut read = panel.store.system_read(SystemPurpose::Operator).await.unwrap();
    let rows = exposure(&mut read).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].vps, rows[0].cost_hour.micros(), rows[0].never_destroyed), (2, 2 * COST, true));
    drop(read);

    set_terms(&panel.app, &operator, id, Terms::default()).await.unwrap();
    assert_eq!(look(&panel).await, Steps { announced: 2, ..NOTHING });
    assert_eq!(hours_left(&panel, db).await, Some(72), "suspended for longer than all of it");
    assert_eq!(entries(&panel, "organization.terms_changed").await, 3);
    assert_eq!(count(&panel, "mails where kind = 'suspended'").await, 3);

    for (field, wrong) in [
        ("retention_hours", Terms { retention_hours: Some(0), ..Terms::default() }),
        ("credit_limit", Terms { credit_limit: domain::Money::from_micros(-1), ..Terms::default() }),
    ] {
        let refused = set_terms(&panel.app, &operator, id, wrong).await;
        assert!(matches!(refused, Err(app::Error::Invalid { field: f, .. }) if f == field), "{refused:?}");
    }
    let nobody = set_terms(&panel.app, &operator, domain::OrganizationId::new(), Terms::default()).await;
    assert!(matches!(nobody, Err(app::Error::NotFound)));
}

#[tokio::test]
async fn a_credit_line_goes_on_at_the_price_sold_until_its_limit() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    let operator = panel.operator().await;
    panel.fund(&acme, "0.60").await;
    let web = panel.active(&acme, "harbor", "web").await;
    let line =
        |hours: i64| Terms { credit_limit: domain::Money::from_micros(hours * HOUR), ..Terms::default() };
    set_terms(&panel.app, &operator, acme.organization_id(), line(3)).await.unwrap();
    let available = panel.balances(&acme).await.available;
    // Half an hour's money is left.
    spend(&panel, &acme, web, available - HOUR / 2).await;
    let at = async |hours: i64| {
        let now = panel.fetch(format!("select now() + interval '{hours} hours'")).await;
        app::billing::run(&panel.store, now).await.unwrap();
        panel.balances(&acme).await
    };
    let balances = at(3).await;
    assert_eq!((balances.available, balances.receivable, balances.burn), (0, 5 * HOUR / 2, HOUR));
    let state: VpsState = panel
        .fetch::<String>(format!(
            "select state from vps_instances where id = '{web}' and suspended_by is null"
        ))
        .await
        .parse()
        .unwrap();
    assert_eq!(state, VpsState::Active);
    panel.verify().await;

    let balances = at(4).await;
    assert_eq!((balances.receivable, balances.burn), (5 * HOUR / 2 + COST, 0), "at cost from here");
    panel.until_power(web, "stopped").await;
    panel.verify().await;

    // A day more than what is owed.
    set_terms(&panel.app, &operator, acme.organization_id(), line(28)).await.unwrap();
    assert_resumed(&panel, web).await;
    assert_eq!(panel.balances(&acme).await.burn, HOUR);
    // Money pays the debt first.
    panel.top_up(&acme, "5.00").await;
    let balances = panel.balances(&acme).await;
    assert_eq!((balances.available, balances.receivable), (5_000_000 - 5 * HOUR / 2 - COST, 0));
    panel.verify().await;
}
