//! The outbox at the wire: each mail once, in order, to its reader alone, whatever the mail host does.

use app::identity::{confirm_email, resend_confirmation};
use app::notify::alarms::{AlarmLine, OpenAlarm, tell_operators};
use app::notify::mail::{Content, Mail, enqueue, resend};
use app::{Caller, Error};
use domain::MailId;
use domain::identity::Email;
use secrecy::SecretString;
use serde_json::json;
use simulator::{Fault, FaultKind, SimMail};
use store::{Exempt, SystemPurpose};
use testkit::{Cut, OPERATOR_EMAIL, Panel, Tripwire, eventually};

use crate::tenancy::{become_role, login};

const SENT: &str = "select bool_and(state = 'sent') from mails";

/// The token of the link in a mail.
fn token(mail: &SimMail) -> SecretString {
    let (_, rest) = mail.text.split_once("/confirm-email?token=").expect("the mail has a link");
    rest.split_whitespace().next().unwrap().into()
}

async fn played(panel: &Panel, kind: FaultKind) {
    eventually("the fault is played", || {
        panel.simulator.requests().iter().any(|request| request.fault == Some(kind))
    })
    .await;
}

#[tokio::test]
async fn a_sign_up_sends_one_welcome_mail_in_both_parts() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    panel.customer("acme").await;
    panel.until(SENT).await;
    let mails = panel.simulator.mails();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(
        (mail.recipients.as_slice(), mail.subject.as_str()),
        (&["acme@example.com".to_owned()][..], "Welcome to SkyPanel")
    );
    assert_eq!(mail.to, "acme <acme@example.com>");
    assert_eq!(mail.from, "SkyPanel <noreply@panel.example>");
    assert!(
        mail.html.contains("Confirm my address") && mail.text.contains("http://127.0.0.1:8080/confirm-email")
    );
    let id: String = panel.fetch("select message_id from mails").await;
    assert_eq!(mail.message_id, format!("<{id}>"));
    let forgotten: bool =
        panel.fetch("select context_sealed is null and subject = 'Welcome to SkyPanel' from mails").await;
    assert!(forgotten, "what was sent is not kept");
}

#[tokio::test]
async fn a_sign_up_that_comes_to_nothing_sends_nothing() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let form = app::identity::NewOrganization {
        organization: "Again",
        name: "Ann",
        email: "acme@example.com",
        password: &testkit::PASSWORD.into(),
        address: None,
        user_agent: None,
    };
    assert!(app::identity::sign_up(&panel.app, form).await.is_err());
    let acme = panel.sign_in("acme@example.com").await;
    let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
    let to = Email::parse("ben@example.com").unwrap();
    let content = Content::Confirm { name: "Ben".into(), link: "/x".into() };
    assert!(enqueue(&panel.app, &mut tx, &Mail::new(&to, "Ben", content)).await.unwrap());
    drop(tx);
    let _worker = panel.worker();
    panel.until_idle().await;
    assert_eq!(panel.fetch::<i64>("select count(*) from mails").await, 1);
    assert_eq!(panel.simulator.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_asked_for_twice_with_one_word_is_one() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let to = Email::parse("ann@example.com").unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let content = Content::Confirm { name: "Ann".into(), link: "/x".into() };
        let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
        outcomes.push(
            enqueue(&panel.app, &mut tx, &Mail::new(&to, "Ann", content).once("notice:1")).await.unwrap(),
        );
        tx.commit(Exempt::MailDelivery).await.unwrap();
    }
    assert_eq!(outcomes, [true, false]);
    let written = "select count(*) from mails where recipient = 'ann@example.com'";
    assert_eq!(panel.fetch::<i64>(written).await, 1);
}

#[tokio::test]
async fn a_mail_host_that_asks_for_patience_gets_the_mail_later() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    panel.simulator.inject(Fault::new("mail.send", FaultKind::RateLimited));
    panel.customer("acme").await;
    panel.until("select state = 'queued' and last_error like '%450%' from mails").await;
    assert!(panel.simulator.mails().is_empty());
    panel.simulator.clear_faults();
    panel.until(SENT).await;
    assert_eq!(panel.simulator.mails().len(), 1);
    assert!(panel.fetch::<bool>("select last_error is null from mails").await);
}

#[tokio::test]
async fn a_refused_sign_in_at_the_mail_host_waits_for_better_settings() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    panel.simulator.inject(Fault::new("mail.send", FaultKind::Error).with_status(535));
    panel.customer("acme").await;
    panel.until("select state = 'queued' and last_error like '%535%' from mails").await;
    panel.simulator.clear_faults();
    panel.until(SENT).await;
}

#[tokio::test]
async fn a_mail_host_that_stays_away_fails_the_mail_in_the_end() {
    let panel = Panel::start().await;
    panel.simulator.inject(Fault::new("mail.send", FaultKind::Error));
    panel.customer("acme").await;
    panel.execute("update jobs set max_attempts = 1").await;
    let _worker = panel.worker();
    panel.until("select state = 'failed' and last_error like '%451%' from mails").await;
    panel.until_idle().await;
}

#[tokio::test]
async fn a_mail_that_is_refused_fails_and_an_operator_has_it_sent_again() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    panel.simulator.inject(Fault::new("mail.rcpt", FaultKind::Error).with_status(550).once());
    let acme = panel.customer("acme").await;
    panel.until("select state = 'failed' and last_error like '%550%' from mails").await;
    let entries = |action: &str| {
        format!("select count(*) from activity_logs where action = '{action}' and organization_id is null")
    };
    assert_eq!(panel.fetch::<i64>(entries("mail.failed")).await, 1);
    let own = format!(
        "select count(*) from activity_logs where organization_id = '{}' and action like 'mail.%'",
        acme.organization_id()
    );
    assert_eq!(panel.fetch::<i64>(own).await, 0, "what the mail host says is for operators");

    let (operator, id) = (panel.operator().await, MailId(panel.fetch("select id from mails").await));
    assert!(resend(&panel.app, &operator, id).await.unwrap());
    panel.until(SENT).await;
    assert_eq!(panel.fetch::<i64>(entries("mail.resent")).await, 1);
    assert!(!resend(&panel.app, &operator, id).await.unwrap(), "it is sent");
    assert!(matches!(resend(&panel.app, &operator, MailId::new()).await, Err(Error::NotFound)));
    assert_eq!(panel.simulator.mails().len(), 1);
}

#[tokio::test]
async fn a_mail_whose_job_died_can_be_sent_again() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let (operator, id) = (panel.operator().await, MailId(panel.fetch("select id from mails").await));
    assert!(!resend(&panel.app, &operator, id).await.unwrap(), "it waits already");
    panel.execute("update jobs set state = 'dead' where kind = 'mail.send'").await;
    assert!(resend(&panel.app, &operator, id).await.unwrap());
    let _worker = panel.worker();
    panel.until(SENT).await;
}

/// The mail host has the mail, we do not know: it goes out again under the same Message-ID.
#[tokio::test]
async fn a_lost_answer_makes_at_most_a_duplicate_with_the_same_message_id() {
    for (kind, copies) in [(FaultKind::CutAfter, 2), (FaultKind::CutBefore, 1), (FaultKind::MalformedJson, 2)]
    {
        let panel = Panel::start().await;
        let _worker = panel.worker();
        panel.simulator.inject(Fault::new("mail.send", kind).once());
        panel.customer("acme").await;
        played(&panel, kind).await;
        panel.until(SENT).await;
        let mut ids: Vec<String> = panel.simulator.mails().into_iter().map(|mail| mail.message_id).collect();
        assert_eq!(ids.len(), copies, "{kind:?}");
        ids.dedup();
        assert_eq!(ids.len(), 1, "{kind:?}");
    }
}

/// A worker process dies at each of its commits in turn, before or after; another one finishes.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_sends_its_mail_although_the_worker_is_killed_anywhere() {
    let commits = sent_by_a_worker_killed_at(None).await;
    assert!(commits >= 2, "claiming and finishing are commits: {commits}");
    for n in 1..=commits {
        for cut in [Cut::Before, Cut::After] {
            sent_by_a_worker_killed_at(Some((n, cut))).await;
        }
    }
}

async fn sent_by_a_worker_killed_at(trip: Option<(usize, Cut)>) -> usize {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let url = panel.database().login_url();
    let wire = Tripwire::lay(&url, trip).await;
    let doomed = panel.worker_process(&wire.url(&url));
    if trip.is_some() {
        wire.tripped().await;
    } else {
        panel.until(SENT).await;
    }
    let commits = wire.commits();
    doomed.kill().await;
    wire.hang_up();
    let _next = panel.worker_process(&url);
    panel.until(SENT).await;
    let mut ids: Vec<String> = panel.simulator.mails().into_iter().map(|mail| mail.message_id).collect();
    assert!((1..=2).contains(&ids.len()), "{trip:?}: {ids:?}");
    ids.dedup();
    assert_eq!(ids.len(), 1, "{trip:?}");
    commits
}

#[tokio::test]
async fn mails_to_one_address_keep_their_order() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    resend_confirmation(&panel.app, &acme).await.unwrap();
    panel.simulator.inject(Fault::new("mail.send", FaultKind::Error));
    let _worker = panel.worker();
    panel.until("select count(*) = 1 from mails where last_error is not null").await;
    assert!(panel.simulator.mails().is_empty(), "the second waits for the first");
    panel.simulator.clear_faults();
    panel.until(SENT).await;
    let subjects: Vec<String> = panel.simulator.mails().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Welcome to SkyPanel", "Confirm your address for SkyPanel"]);
}

#[tokio::test]
async fn names_reach_the_reader_as_they_are_and_add_no_header_and_no_reader() {
    let panel = Panel::start().await;
    let acme = panel.customer("acme").await;
    let names =
        ["Änne 安 Ωmega", "\"Ann\" <evil@evil.test>, all@evil.test", "Ann\r\nBcc: all@evil.test\r\n\r\nHi"];
    let mut tx = panel.store.org_tx(&acme.scope).await.unwrap();
    for name in names {
        let to = Email::parse("ann@example.com").unwrap();
        let content = Content::Confirm { name: name.into(), link: "/x".into() };
        enqueue(&panel.app, &mut tx, &Mail::new(&to, name, content)).await.unwrap();
    }
    tx.commit(Exempt::MailDelivery).await.unwrap();
    let _worker = panel.worker();
    panel.until(SENT).await;
    let mails: Vec<SimMail> =
        panel.simulator.mails().into_iter().filter(|mail| mail.recipients == ["ann@example.com"]).collect();
    assert_eq!(mails.len(), names.len());
    for mail in &mails {
        assert!(mail.headers.iter().all(|name| !name.eq_ignore_ascii_case("bcc")), "{mail:?}");
        assert_eq!(mail.headers.iter().filter(|name| *name == "To").count(), 1);
        assert!(mail.to.ends_with("<ann@example.com>"), "{}", mail.to);
    }
    assert_eq!(mails[0].to, "Änne 安 Ωmega <ann@example.com>");
    assert!(mails[0].text.contains("Hello Änne 安 Ωmega,"), "{}", mails[0].text);
    assert!(mails[1].html.contains("&lt;evil@evil.test&gt;"), "{}", mails[1].html);
}

#[tokio::test]
async fn a_tenant_sees_no_mail_of_others_or_of_operators_and_no_address() {
    let panel = Panel::start().await;
    let (acme, _bolt) = (panel.customer("acme").await, panel.customer("bolt").await);
    tell(&panel, &[alarm("token", "Meadow")]).await;
    let mut connection = login(&panel).await;
    become_role(&mut connection, "skypanel_tenant", &acme.organization_id().to_string()).await;
    let kinds: Vec<String> =
        sqlx::query_scalar("select kind from mails").fetch_all(&mut connection).await.unwrap();
    assert_eq!(kinds, ["welcome"]);
    for column in ["recipient", "context_sealed", "subject", "last_error", "message_id"] {
        sqlx::query("savepoint s").execute(&mut connection).await.unwrap();
        let read = sqlx::query(sqlx::AssertSqlSafe(format!("select {column} from mails")));
        let error = read.execute(&mut connection).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{column}");
        sqlx::query("rollback to s").execute(&mut connection).await.unwrap();
    }
}

fn alarm(code: &str, subject: &str) -> OpenAlarm {
    let title = format!("{subject}: {code}");
    OpenAlarm::new(code, subject, AlarmLine { title, text: String::new(), href: Some("/operator".into()) })
}

async fn tell(panel: &Panel, open: &[OpenAlarm]) -> usize {
    let mut tx = panel.store.system_tx(SystemPurpose::Job).await.unwrap();
    let told = tell_operators(&panel.app, &mut tx, open).await.unwrap();
    tx.commit(Exempt::MailDelivery).await.unwrap();
    told
}

#[tokio::test]
async fn operators_are_told_of_an_alarm_once_until_it_closes() {
    let panel = Panel::start().await;
    let (first, second) = (alarm("token", "Meadow"), alarm("orphans", "Meadow"));
    assert_eq!(tell(&panel, &[first.clone(), second.clone()]).await, 2);
    assert_eq!(tell(&panel, &[second.clone(), first.clone()]).await, 0);
    assert_eq!(tell(&panel, std::slice::from_ref(&second)).await, 0);
    assert_eq!(tell(&panel, &[first, second]).await, 1, "it had closed in between");
    assert_eq!(tell(&panel, &[]).await, 0);
    let _worker = panel.worker();
    panel.until(SENT).await;
    let mails = panel.simulator.mails();
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["SkyPanel: 2 things need you", "SkyPanel: Meadow: token"]);
    assert!(mails.iter().all(|mail| mail.recipients == [OPERATOR_EMAIL]));
    assert!(mails[0].text.contains("http://127.0.0.1:8080/operator"), "{}", mails[0].text);
}

#[tokio::test]
async fn a_refused_token_of_an_account_is_told_to_operators() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    panel.execute("update providers set state = 'unauthorized' where name = 'Harbor'").await;
    for _ in 0..2 {
        let job = panel.enqueue("notify.alarms", &json!(null)).await;
        panel.until(format!("select state = 'done' from jobs where id = {job}")).await;
    }
    panel.until(SENT).await;
    let mails = panel.simulator.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "SkyPanel: Harbor: the token is refused.");
}

#[tokio::test]
async fn without_a_mail_host_mails_are_skipped_and_nothing_else_fails() {
    let panel = Panel::start().await.without_mail();
    let _worker = panel.worker();
    panel.execute("update providers set state = 'unauthorized' where name = 'Harbor'").await;
    panel.customer("acme").await;
    panel.enqueue("notify.alarms", &json!(null)).await;
    panel.until_idle().await;
    let states: Vec<String> = panel.fetch_all("select state from mails").await;
    assert_eq!(states, ["skipped"], "the welcome mail; alarms wait until there is a mail host");
    assert!(panel.simulator.mails().is_empty());
    assert_eq!(panel.fetch::<i64>("select count(*) from told_alarms").await, 0);
}

async fn confirmed(panel: &Panel, who: &Caller) -> bool {
    let user = who.identity.user_id;
    panel.fetch(format!("select email_confirmed_at is not null from users where id = '{user}'")).await
}

#[tokio::test]
async fn the_link_in_the_mail_confirms_the_address_once() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.until(SENT).await;
    let token = token(&panel.simulator.mails()[0]);
    assert!(!confirmed(&panel, &acme).await);
    for wrong in ["", "ec_wrong"] {
        let refused = confirm_email(&panel.app, &wrong.into(), None).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{wrong}");
    }
    confirm_email(&panel.app, &token, None).await.unwrap();
    assert!(confirmed(&panel, &acme).await);
    assert!(matches!(confirm_email(&panel.app, &token, None).await, Err(Error::NotFound)), "used");
    let refused = resend_confirmation(&panel.app, &acme).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "confirmed", .. })), "{refused:?}");
    let trail = "select count(*) from activity_logs where action = 'user.email_confirmed'";
    assert_eq!(panel.fetch::<i64>(trail).await, 1);
}

#[tokio::test]
async fn an_old_link_is_over_and_another_one_can_be_asked_for_now_and_then() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    let acme = panel.customer("acme").await;
    panel.until(SENT).await;
    panel.execute("update email_confirmations set expires_at = now()").await;
    let old = token(&panel.simulator.mails()[0]);
    assert!(matches!(confirm_email(&panel.app, &old, None).await, Err(Error::NotFound)));
    for _ in 0..3 {
        resend_confirmation(&panel.app, &acme).await.unwrap();
    }
    let refused = resend_confirmation(&panel.app, &acme).await;
    assert!(matches!(refused, Err(Error::TooManyRequests { .. })), "{refused:?}");
    panel.until("select count(*) = 4 and bool_and(state = 'sent') from mails").await;
    confirm_email(&panel.app, &token(&panel.simulator.mails()[3]), None).await.unwrap();
    assert!(confirmed(&panel, &acme).await);
}

#[tokio::test]
async fn the_database_alone_lets_nobody_confirm() {
    let panel = Panel::start().await;
    panel.customer("acme").await;
    let sealed: String = panel.fetch("select context_sealed from mails").await;
    assert!(sealed.starts_with("v1.test.") && !sealed.contains("ec_"), "{sealed}");
    let rows = "select count(*) from mails m, email_confirmations c, jobs j where to_jsonb(m)::text || to_jsonb(c)::text || to_jsonb(j)::text like '%token=%'";
    assert_eq!(panel.fetch::<i64>(rows).await, 0);
}

#[tokio::test]
async fn old_mails_are_forgotten_and_waiting_ones_are_not() {
    let panel = Panel::start().await;
    let _worker = panel.worker();
    panel.customer("acme").await;
    panel.until(SENT).await;
    panel.execute("update mails set created_at = now() - interval '91 days'").await;
    panel.simulator.inject(Fault::new("mail.send", FaultKind::Error));
    panel.customer("bolt").await;
    panel.execute("update mails set created_at = now() - interval '91 days'").await;
    let job = panel.enqueue("housekeeping", &json!(null)).await;
    panel.until(format!("select state = 'done' from jobs where id = {job}")).await;
    let left: Vec<String> = panel.fetch_all("select recipient from mails").await;
    assert_eq!(left, ["bolt@example.com"]);
}
