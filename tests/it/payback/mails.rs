//! What people are told of a dispute: what it holds, and how it ended, once each.

use app::wallet::adjust;
use domain::identity::Role;
use domain::{Money, TopUpId};
use serde_json::json;
use simulator::{Fault, FaultKind, SimMail};
use store::Exempt;
use store::job::{NewJob, enqueue};

use super::{Told, compare};

impl Told {
    /// What was mailed about disputes, oldest first.
    async fn mails(&self) -> Vec<SimMail> {
        self.quiet().await;
        self.panel.simulator.mails().into_iter().filter(|mail| mail.subject.contains("dispute")).collect()
    }

    /// Their subjects.
    async fn subjects(&self) -> Vec<String> {
        self.mails().await.into_iter().map(|mail| mail.subject).collect()
    }

    /// The newest of them, which says all of this in both parts.
    async fn the_last_says(&self, subject: &str, words: &[&str]) -> SimMail {
        let mail = self.mails().await.pop().expect("a mail about a dispute");
        assert_eq!(mail.subject, subject);
        let html = mail.html.replace("<strong>", "").replace("</strong>", "");
        for words in words {
            assert!(mail.text.contains(words) && html.contains(words), "{words}: {}", mail.text);
        }
        mail
    }

    /// Looks at a dispute so many times at once, as no two jobs of a top-up do.
    async fn look_at_once(&self, id: TopUpId, dispute: &str, times: usize) {
        let mut tx = self.panel.store.org_tx(&self.acme.scope).await.unwrap();
        for _ in 0..times {
            let about = json!({ "top_up_id": id, "dispute_ref": dispute });
            enqueue(&mut tx, NewJob::new("payment.dispute", about)).await.unwrap();
        }
        tx.commit(Exempt::JobBookkeeping).await.unwrap();
        self.quiet().await;
    }
}

const OPENED: &str = "A payment for acme is disputed";
const WON: &str = "The disputed payment stays with acme";
const LOST: &str = "A disputed payment of acme went back";

fn readers(mails: &[SimMail]) -> Vec<&str> {
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.recipients[0].as_str()).collect();
    to.sort_unstable();
    to
}

fn usd(micros: i64) -> String {
    format!("{} USD", Money::from_micros(micros))
}

#[tokio::test]
async fn those_who_may_pay_are_told_what_a_dispute_holds_and_that_the_money_stays() {
    let told = Told::start().await;
    for (name, role) in [("mia", Role::Member), ("sue", Role::Owner), ("tom", Role::Owner)] {
        told.panel.member(&told.acme, name, role).await;
    }
    told.panel.execute("update users set suspended_at = now() where name = 'tom'").await;
    told.panel.customer("bolt").await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "15.00").await;
    let words = [
        "15.00 USD of a payment for the wallet of acme is disputed",
        "15.00 USD is held until that is decided",
        "The wallet has 10.00 USD to spend.",
    ];
    let mail = told.the_last_says(OPENED, &words).await;
    assert!(!mail.text.contains("is owed:"), "{}", mail.text);
    assert!(mail.text.contains(&format!("http://127.0.0.1:8080/wallet/top-ups/{id}")), "{}", mail.text);
    assert_eq!(readers(&told.mails().await), ["acme@example.com", "sue@example.com"]);

    told.panel.at_the_gateway(&format!("disputes/{dispute}/stage"), &json!({ "stage": "CHARGEBACK" })).await;
    assert_eq!(told.mails().await.len(), 2, "nothing moved");

    told.resolve(&dispute, "RESOLVED_SELLER_FAVOUR").await;
    let words = [
        "15.00 USD of a payment for the wallet of acme is over: the money stays.",
        "15.00 USD can be spent again.",
        "The wallet has 25.00 USD to spend.",
    ];
    told.the_last_says(WON, &words).await;
    let mails = told.mails().await;
    assert_eq!(readers(&mails[2..]), ["acme@example.com", "sue@example.com"]);
}

#[tokio::test]
async fn a_dispute_that_is_lost_tells_what_went_back_and_what_is_owed() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.spend("web").await;
    let left = usd(told.balances().await.0);
    let dispute = told.dispute(id, "25.00").await;
    let held = format!("{left} is held until that is decided");
    told.the_last_says(OPENED, &[&held, "The wallet has 0.00 USD to spend."]).await;
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.quiet().await;
    let owed = usd(told.balances().await.2);
    let owed = format!("to spend, and {owed} is owed: the next money pays that first.");
    let words = ["decided for the payer", "25.00 USD went back to the account it came from.", &owed];
    told.the_last_says(LOST, &words).await;
    assert_eq!(told.subjects().await, [OPENED, LOST]);
}

#[tokio::test]
async fn a_dispute_about_money_that_is_gone_tells_that_nothing_is_held() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let (operator, organization) = (told.panel.operator().await, told.acme.organization_id());
    let all = "-25.00".parse().unwrap();
    adjust(&told.panel.app, &operator, organization, all, "charged too little", None).await.unwrap();
    let dispute = told.dispute(id, "25.00").await;
    told.the_last_says(OPENED, &["Nothing is held for it. The wallet has 0.00 USD to spend."]).await;
    told.resolve(&dispute, "CANCELED_BY_BUYER").await;
    let nothing = "is over: the money stays. The wallet has 0.00 USD to spend.";
    told.the_last_says(WON, &[nothing]).await;
}

#[tokio::test]
async fn what_is_free_again_and_pays_a_debt_is_told_as_that() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "25.00").await;
    told.quiet().await;
    let other = told.paid("5.00").await;
    told.spend("web").await;
    told.refunded_there(other, "5.00").await;
    told.quiet().await;
    let owed = told.balances().await.2;
    assert!(owed > 0);
    told.resolve(&dispute, "RESOLVED_SELLER_FAVOUR").await;
    let (free, owed) = (usd(25_000_000 - owed), usd(owed));
    let words = [
        &format!("{free} can be spent again. {owed} paid what was owed."),
        &format!("The wallet has {free} to spend."),
    ];
    told.the_last_says(WON, &words.map(String::as_str)).await;
}

#[tokio::test]
async fn a_dispute_heard_of_when_it_is_over_tells_its_end_alone() {
    for (outcome, subject, words) in [
        ("RESOLVED_BUYER_FAVOUR", LOST, "25.00 USD went back"),
        ("RESOLVED_SELLER_FAVOUR", WON, "The wallet has 25.00 USD to spend."),
    ] {
        let told = Told::start().await;
        let id = told.paid("25.00").await;
        for lost in ["CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REVERSED"] {
            told.panel.simulator.inject(Fault::new(format!("webhook.{lost}"), FaultKind::Vanish));
        }
        let dispute = told.dispute(id, "25.00").await;
        told.resolve(&dispute, outcome).await;
        told.the_last_says(subject, &[words]).await;
        assert_eq!(told.subjects().await, [subject]);
        // The daily comparison hears of all of it again.
        told.panel.simulator.clear_faults();
        compare(&told).await;
        assert_eq!(told.subjects().await, [subject]);
    }
}

#[tokio::test]
async fn a_reversal_heard_of_before_its_dispute_was_decided_is_told_with_the_end() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "25.00").await;
    told.quiet().await;
    told.panel.simulator.inject(Fault::new("webhook.CUSTOMER.DISPUTE.RESOLVED", FaultKind::CutBefore));
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.panel.until("select exists (select from refunds where kind = 'reversal')").await;
    let open: bool = told.panel.fetch("select state = 'open' and frozen_micros = 0 from disputes").await;
    assert!(open, "the reversal is heard of first");
    told.panel.simulator.clear_faults();
    told.the_last_says(LOST, &["25.00 USD went back to the account it came from"]).await;
    assert_eq!(told.subjects().await, [OPENED, LOST]);
}

#[tokio::test]
async fn jobs_about_one_dispute_at_once_tell_each_step_once() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    told.panel.simulator.inject(Fault::new("webhook.*", FaultKind::Vanish));
    let dispute = told.dispute(id, "15.00").await;
    told.look_at_once(id, &dispute, 12).await;
    assert_eq!(told.subjects().await, [OPENED]);
    told.resolve(&dispute, "RESOLVED_BUYER_FAVOUR").await;
    told.look_at_once(id, &dispute, 12).await;
    assert_eq!(told.subjects().await, [OPENED, LOST]);
    told.verify().await;
}

#[tokio::test]
async fn what_is_decided_after_an_appeal_is_told_anew() {
    let told = Told::start().await;
    let id = told.paid("25.00").await;
    let dispute = told.dispute(id, "15.00").await;
    told.quiet().await;
    told.resolve(&dispute, "RESOLVED_SELLER_FAVOUR").await;
    told.quiet().await;
    told.panel.execute("update disputes set state = 'open', decided_at = null").await;
    told.look_at_once(id, &dispute, 1).await;
    assert_eq!(told.subjects().await, [OPENED, WON, WON]);
}
