//! VAT numbers and the register that knows which are in use: asked after a profile is saved, and what it says of a
//! number counts for that number alone.

use app::Caller;
use app::billing::tax::publish_rate;
use app::billing::vat_standing;
use chrono::Utc;
use domain::TopUpId;
use domain::billing::{Party, VatStatus};
use domain::identity::Role;
use serde_json::json;
use simulator::{Fault, FaultKind};
use store::billing::profile;
use store::billing::vat::Standing;
use store::job::{NewJob, enqueue};
use testkit::{Panel, RunningWorker, eventually};

use crate::api::client::Service;
use crate::explain::page;

/// An installation in Germany that asks the register, and a customer in Austria.
struct Scene {
    panel: Panel,
    acme: Caller,
    _worker: RunningWorker,
}

const GOOD: &str = "ATU12345678";
const BAD: &str = "ATU87654321";

impl Scene {
    async fn set() -> Self {
        Self::asking(true).await
    }

    async fn asking(asks: bool) -> Self {
        let panel = Panel::start().await.with_settings(|settings| {
            settings.tax = true;
            settings.vat_check = asks;
            settings.seller = Party { country: "DE".parse().ok(), ..settings.seller.clone() };
        });
        panel.simulator.set_vat_number(BAD, false);
        let (operator, today) = (panel.operator().await, Utc::now().date_naive());
        publish_rate(&panel.app, &operator, "AT".parse().unwrap(), Some(2_000), today).await.unwrap();
        let (_worker, acme) = (panel.worker(), panel.customer("acme").await);
        Self { panel, acme, _worker }
    }

    /// Saves the billing details with this number, and waits until everything is asked.
    async fn save(&self, number: &str) {
        self.panel.billing_details(&self.acme, "AT", number).await;
        self.panel.until_idle().await;
    }

    async fn standing(&self) -> Option<Standing> {
        let mut db = self.panel.store.org_read(&self.acme.scope).await.unwrap();
        let profile = profile::find(&mut db).await.unwrap().unwrap();
        vat_standing(self.panel.app.settings(), &mut db, &profile.party).await.unwrap()
    }

    async fn status(&self) -> Option<VatStatus> {
        self.standing().await.map(|standing| standing.status)
    }

    /// Pays 12.00; answers what of it was tax, and why.
    async fn pays(&self) -> (i64, String) {
        let id = self.panel.top_up(&self.acme, "12.00").await;
        self.panel.until_idle().await;
        self.taxed(id).await
    }

    async fn taxed(&self, id: TopUpId) -> (i64, String) {
        let tax =
            self.panel.fetch(format!("select tax_micros from documents where top_up_id = '{id}'")).await;
        let reason = self.panel.fetch(format!("select tax_reason from top_ups where id = '{id}'")).await;
        (tax, reason)
    }

    /// What the register was asked, oldest first.
    fn asked(&self) -> Vec<String> {
        let requests = self.panel.simulator.requests().into_iter();
        let asked = requests.filter(|request| request.operation == Some("vies.check"));
        let number = |body: serde_json::Value| {
            format!("{}{}", body["countryCode"].as_str().unwrap(), body["vatNumber"].as_str().unwrap())
        };
        asked.filter_map(|request| request.body).map(number).collect()
    }

    async fn mails(&self) -> i64 {
        self.panel.fetch("select count(*) from mails where kind = 'vat_number'").await
    }

    async fn entries(&self) -> Vec<bool> {
        self.panel
            .fetch_all(
                "select (detail ->> 'valid')::boolean from activity_logs
                where action = 'billing.vat_number_checked' order by id",
            )
            .await
    }
}

const REVERSE_CHARGE: (i64, &str) = (0, "reverse_charge");
const TAXED: (i64, &str) = (2_000_000, "standard");

fn is((tax, reason): &(i64, String), expected: (i64, &str)) -> bool {
    (*tax, reason.as_str()) == expected
}

#[tokio::test]
async fn a_number_the_register_knows_stays_without_tax() {
    let scene = Scene::set().await;
    scene.save(GOOD).await;
    let standing = scene.standing().await.unwrap();
    assert!(standing.status == VatStatus::Valid && standing.checked_at.is_some(), "{standing:?}");
    assert_eq!(scene.asked(), [GOOD]);
    assert!(is(&scene.pays().await, REVERSE_CHARGE));
    assert_eq!((scene.mails().await, scene.entries().await), (0, vec![true]));
}

#[tokio::test]
async fn a_number_the_register_does_not_know_is_taxed_from_then_on_and_told_once() {
    let scene = Scene::set().await;
    scene.panel.member(&scene.acme, "mia", Role::Member).await;
    scene.save(GOOD).await;
    let before = scene.panel.top_up(&scene.acme, "12.00").await;
    // Begun before the register was asked: what a payment was begun with stays.
    let begun = scene.panel.begin_top_up(&scene.acme, "12.00").await;
    let frozen = "select content::text from documents where kind = 'receipt' order by number limit 1";
    let receipt: String = scene.panel.fetch(frozen).await;
    scene.save(BAD).await;
    assert_eq!(scene.status().await, Some(VatStatus::Invalid));
    assert!(is(&scene.pays().await, TAXED));
    scene.panel.approve(begun, &json!({})).await;
    app::payment::ask_for_capture(&scene.panel.app, &scene.acme, begun).await.unwrap();
    scene.panel.until_idle().await;
    for id in [before, begun] {
        assert!(is(&scene.taxed(id).await, REVERSE_CHARGE));
    }
    assert_eq!(scene.panel.fetch::<String>(frozen).await, receipt, "what was issued stays");
    scene.panel.verify().await;

    // Saved again it is asked about again, and nothing new is told.
    scene.save(BAD).await;
    assert_eq!(scene.asked(), [GOOD, BAD, BAD]);
    assert_eq!((scene.mails().await, scene.entries().await), (1, vec![true, false]));
    let subject = "The VAT number of acme is not valid";
    let sent = || scene.panel.simulator.mails().into_iter().filter(|mail| mail.subject == subject);
    eventually("the mail is sent", || sent().count() == 1).await;
    let mail = sent().next().unwrap();
    assert_eq!(mail.recipients, ["acme@example.com"]);
    assert!(mail.text.contains(BAD) && mail.text.contains("http://127.0.0.1:8080/billing/details"));

    // Once it is registered, saving the details again helps.
    scene.panel.simulator.set_vat_number(BAD, true);
    scene.save(BAD).await;
    assert_eq!(scene.status().await, Some(VatStatus::Valid));
    assert!(is(&scene.pays().await, REVERSE_CHARGE));
}

#[tokio::test]
async fn while_the_register_cannot_say_a_number_counts_by_its_format() {
    for fault in [
        Fault::new("vies.check", FaultKind::Error),
        Fault::new("vies.check", FaultKind::RateLimited),
        Fault::new("vies.check", FaultKind::HtmlError),
        Fault::new("vies.check", FaultKind::CutAfter),
        Fault::new("vies.check", FaultKind::MalformedJson),
    ] {
        let scene = Scene::set().await;
        let what = format!("{fault:?}");
        scene.panel.simulator.inject(fault);
        scene.panel.billing_details(&scene.acme, "AT", BAD).await;
        let waits = "select exists (select from jobs where kind = 'billing.vat_check' and state = 'ready'
            and last_error is not null and attempts = 0 and run_at > now() + interval '50 seconds')";
        scene.panel.until(waits).await;
        assert_eq!(scene.status().await, Some(VatStatus::Unchecked), "{what}");
        let id = scene.panel.top_up(&scene.acme, "12.00").await;
        assert!(is(&scene.taxed(id).await, REVERSE_CHARGE), "{what}");
        assert_eq!((scene.mails().await, scene.entries().await), (0, vec![]), "{what}");

        scene.panel.simulator.clear_faults();
        scene.panel.skip_waits().await;
        scene.panel.until_idle().await;
        assert_eq!(scene.status().await, Some(VatStatus::Invalid), "{what}");
        assert!(is(&scene.pays().await, TAXED), "{what}");
    }
}

#[tokio::test]
async fn pauses_grow_with_the_time_that_the_register_is_away() {
    let scene = Scene::set().await;
    scene.panel.simulator.inject(Fault::new("vies.check", FaultKind::Error));
    scene.panel.billing_details(&scene.acme, "AT", GOOD).await;
    for (age, least, most) in [("3 hours", "2 hours", "4 hours"), ("3 days", "5 hours", "7 hours")] {
        scene.panel.until("select state = 'ready' and last_error is not null from jobs where kind = 'billing.vat_check'").await;
        scene
            .panel
            .execute(format!(
                "update jobs set created_at = now() - interval '{age}', last_error = null
                where kind = 'billing.vat_check'"
            ))
            .await;
        scene.panel.skip_waits().await;
        scene
            .panel
            .until(format!(
                "select state = 'ready' and last_error is not null and attempts = 0 and run_at
                    between now() + interval '{least}' and now() + interval '{most}'
                from jobs where kind = 'billing.vat_check'"
            ))
            .await;
    }
}

#[tokio::test]
async fn what_is_said_of_a_number_that_was_changed_meanwhile_counts_for_nothing() {
    let scene = Scene::set().await;
    scene.panel.simulator.inject(Fault::new("vies.check", FaultKind::Slow).with_delay_ms(1_500).once());
    scene.panel.billing_details(&scene.acme, "AT", BAD).await;
    eventually("the first is on its way", || scene.panel.simulator.faults().is_empty()).await;
    scene.save(GOOD).await;
    let mut asked = scene.asked();
    asked.sort();
    assert_eq!(asked, [GOOD, BAD], "the first was on its way");
    assert_eq!(scene.status().await, Some(VatStatus::Valid));
    assert_eq!((scene.mails().await, scene.entries().await), (0, vec![true]));

    // A number that was replaced before anybody asked is not asked about.
    scene.panel.simulator.inject(Fault::new("vies.check", FaultKind::Error));
    scene.panel.billing_details(&scene.acme, "AT", BAD).await;
    scene
        .panel
        .until("select exists (select from jobs where last_error is not null and state = 'ready')")
        .await;
    scene.panel.simulator.clear_faults();
    scene.panel.billing_details(&scene.acme, "AT", "").await;
    let before = scene.asked().len();
    scene.panel.skip_waits().await;
    scene.panel.until_idle().await;
    assert_eq!((scene.asked().len(), scene.status().await, scene.mails().await), (before, None, 0));
}

#[tokio::test]
async fn a_changed_number_is_unchecked_whoever_changes_it() {
    let scene = Scene::set().await;
    scene.save(BAD).await;
    // As a program of the release before does, which knows nothing of the register.
    scene.panel.execute(format!("update billing_profiles set vat_number = '{GOOD}'")).await;
    assert_eq!(scene.status().await, Some(VatStatus::Unchecked));
    assert!(is(&scene.pays().await, REVERSE_CHARGE));
    // The sweep has it looked up, and numbers from before the check was switched on.
    let job = scene.panel.enqueue("billing.vat_sweep", &json!(null)).await;
    scene.panel.until(format!("select state = 'done' from jobs where id = {job}")).await;
    scene.panel.until_idle().await;
    assert_eq!(
        (scene.status().await, scene.asked()),
        (Some(VatStatus::Valid), vec![BAD.into(), GOOD.into()])
    );
    let job = scene.panel.enqueue("billing.vat_sweep", &json!(null)).await;
    scene.panel.until(format!("select state = 'done' from jobs where id = {job}")).await;
    scene.panel.until_idle().await;
    assert_eq!(scene.asked().len(), 2, "nothing is left to ask");
}

#[tokio::test]
async fn asked_many_times_at_once_it_is_told_once() {
    let scene = Scene::set().await;
    scene.panel.simulator.inject(Fault::new("vies.check", FaultKind::Slow).with_delay_ms(300));
    scene.panel.billing_details(&scene.acme, "AT", BAD).await;
    let mut tx = scene.panel.store.org_tx(&scene.acme.scope).await.unwrap();
    for _ in 0..12 {
        enqueue(&mut tx, NewJob::new("billing.vat_check", json!({ "vat_number": BAD }))).await.unwrap();
    }
    tx.commit(store::Exempt::JobBookkeeping).await.unwrap();
    scene.panel.until_idle().await;
    assert_eq!(scene.asked().len(), 13);
    assert_eq!((scene.mails().await, scene.entries().await), (1, vec![false]));
}

#[tokio::test]
async fn switched_off_nobody_is_asked_and_the_format_counts() {
    let scene = Scene::asking(false).await;
    scene.save(BAD).await;
    let job = scene.panel.enqueue("billing.vat_sweep", &json!(null)).await;
    scene.panel.until(format!("select state = 'done' from jobs where id = {job}")).await;
    assert_eq!((scene.asked(), scene.status().await), (vec![], None));
    assert!(is(&scene.pays().await, REVERSE_CHARGE));
    // What was said while it was on says nothing now.
    scene
        .panel
        .execute(
            "update billing_profiles set vat_checked = vat_number, vat_valid = false, vat_checked_at = now()",
        )
        .await;
    assert!(is(&scene.pays().await, REVERSE_CHARGE));
}

#[tokio::test]
async fn numbers_on_which_nothing_depends_are_not_asked_about() {
    let scene = Scene::set().await;
    for (country, number) in [("DE", "DE123456789"), ("AT", ""), ("US", "12-3456789")] {
        scene.panel.billing_details(&scene.acme, country, number).await;
        scene.panel.until_idle().await;
        assert_eq!((scene.asked(), scene.status().await), (vec![], None), "{country} {number}");
    }
}

#[tokio::test]
async fn people_and_programs_are_told_how_a_number_stands() {
    let scene = Scene::set().await;
    let service = Service::of(&scene.panel);
    let api = service.with_key(&scene.panel, &scene.acme).await;
    let ann = service.with_session(&scene.panel, "acme").await;
    scene.panel.simulator.inject(Fault::new("vies.check", FaultKind::Error));
    let new = json!({ "name": "Acme", "address": "Ring 1", "country": "AT", "vat_number": BAD });
    let told = api.send("PUT", "/billing-profile", Some(&new)).await.ok();
    assert_eq!(
        (told["vat_number_status"].as_str(), &told["vat_number_checked_at"]),
        (Some("unchecked"), &json!(null))
    );
    assert!(page(&ann, "/billing").await.contains("has not answered yet about the VAT number"));

    scene
        .panel
        .until("select exists (select from jobs where kind = 'billing.vat_check' and last_error is not null and state = 'ready')")
        .await;
    scene.panel.simulator.clear_faults();
    scene.panel.skip_waits().await;
    scene.panel.until_idle().await;
    let told = api.get("/billing-profile").await.ok();
    assert!(told["vat_number_status"] == "invalid" && told["vat_number_checked_at"].is_string(), "{told}");
    for place in ["/billing", "/billing/details"] {
        assert!(page(&ann, place).await.contains("does not know this VAT number"), "{place}");
    }

    // What is sent back as it came sets nothing but what can be set.
    scene.panel.simulator.set_vat_number(BAD, true);
    api.send("PUT", "/billing-profile", Some(&told)).await.ok();
    scene.panel.until_idle().await;
    assert_eq!(api.get("/billing-profile").await.ok()["vat_number_status"], "valid");
    assert!(page(&ann, "/billing").await.contains("confirmed the VAT number on"));
    let elsewhere =
        json!({ "name": "Acme", "address": "Ring 1", "country": "US", "vat_number": "12-3456789" });
    let told = api.send("PUT", "/billing-profile", Some(&elsewhere)).await.ok();
    assert_eq!(told["vat_number_status"], json!(null));
    assert!(!page(&ann, "/billing").await.contains("vat-status"));
}
