//! What operators, payers and their banks do about payments, done.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

use crate::client::{Answer, NoAnswer};
use crate::history::{History, Step};
use crate::payments::{Deed, End};
use crate::person::Shared;
use crate::world::World;
use testkit::Random;

/// So long somebody waits for a payment to have arrived, at the gateway and with us.
const ARRIVAL: Duration = Duration::from_millis(1_200);

/// A payment that has arrived.
struct Paid {
    /// The gateway's id of it.
    capture: String,
    /// Ours.
    top_up: String,
    /// In hundredths.
    cents: u64,
}

impl Paid {
    /// So many percent, as text.
    fn share(&self, percent: u64) -> String {
        let cents = (self.cents * percent / 100).max(1);
        format!("{}.{:02}", cents / 100, cents % 100)
    }
}

impl Shared<'_> {
    /// `word` is one of its own for each step: money that is given under it is given once.
    pub(crate) async fn deed(&self, random: &mut Random, word: &str, deed: &Deed) -> Result<(), NoAnswer> {
        match deed {
            Deed::Refund { payment, percent, copies } => {
                let Some(paid) = self.arrived(payment).await else { return Ok(()) };
                let amount = paid.share(*percent);
                let form = [("top_up", &*paid.top_up), ("amount", &*amount), ("reason", word)];
                let answers = self.operator_posts(random, *copies, "refunds", &form).await?;
                self.expect(answers, &[303, 409, 422]);
            }
            Deed::RefundThere { payment, percent } => {
                if let Some(paid) = self.arrived(payment).await {
                    refund_there(self.world, &paid, *percent).await;
                }
            }
            Deed::Reverse { payment, percent } => {
                let Some(paid) = self.arrived(payment).await else { return Ok(()) };
                let part = json!({ "amount": paid.share(*percent) });
                self.at_the_gateway(&format!("captures/{}/reverse", paid.capture), &part).await;
            }
            Deed::Dispute { payment, percent, stages, end } => {
                let Some(paid) = self.arrived(payment).await else { return Ok(()) };
                let part = json!({ "amount": paid.share(*percent) });
                let opened = self.at_the_gateway(&format!("captures/{}/dispute", paid.capture), &part).await;
                if let Some(id) = opened["dispute_id"].as_str() {
                    self.dispute(random, id, stages, *end).await;
                }
            }
            Deed::Goodwill { amount, days, copies } => {
                let (amount, days) = (amount.to_string(), days.map(|d| d.to_string()).unwrap_or_default());
                let form = [("amount", &*amount), ("reason", word), ("days", &days), ("form_key", word)];
                let answers = self.operator_posts(random, *copies, "credits", &form).await?;
                if self.expect(answers, &[303]).iter().any(|answer| answer.status == 303) {
                    self.promises().given.push(word.to_owned());
                }
            }
            Deed::Redeem { copies } => {
                let code = json!({ "code": code(self.seed()) });
                let answers =
                    self.several(random, *copies, Method::POST, "/credits", Some(&code), Some(word)).await?;
                self.expect(answers, &[201, 409, 422]);
            }
            Deed::Adjust { amount, agreed, copies } => {
                self.adjust(random, word, *amount, *agreed, *copies).await?;
            }
            Deed::CreditsEnd => self.world.execute(&credits_end(self.organization_id().await)).await,
        }
        Ok(())
    }

    /// A payment whose money has come: to the gateway, and into the wallet as far as that takes no time.
    async fn arrived(&self, word: &str) -> Option<Paid> {
        let (top_up, order) = self.payments().get(word).cloned()?;
        let deadline = Instant::now() + ARRIVAL;
        while Instant::now() < deadline {
            let orders = self.world.panel.simulator.orders();
            let capture = orders.into_iter().find(|one| one.id == order)?.captures.into_iter().next();
            match capture {
                Some(capture) if capture.status == "DECLINED" => return None,
                Some(capture) if capture.status != "PENDING" => {
                    let cents = capture.amount.replace('.', "").parse().ok()?;
                    return Some(Paid { capture: capture.id, top_up, cents });
                }
                _ => sleep(Duration::from_millis(60)).await,
            }
        }
        None
    }

    async fn dispute(&self, random: &mut Random, id: &str, stages: &[&str], end: Option<End>) {
        for stage in stages {
            sleep(Duration::from_millis(random.within(5..200))).await;
            self.at_the_gateway(&format!("disputes/{id}/stage"), &json!({ "stage": stage })).await;
        }
        sleep(Duration::from_millis(random.within(5..400))).await;
        match end {
            None => {}
            Some(End::Decided(outcome)) => {
                let outcome = json!({ "outcome": outcome });
                self.at_the_gateway(&format!("disputes/{id}/resolve"), &outcome).await;
            }
            Some(End::GivenIn) => {
                let note = json!({ "note": "As you say." });
                there(self.world, &format!("/v1/customer/disputes/{id}/accept-claim"), &note).await;
            }
        }
    }

    async fn adjust(
        &self,
        random: &mut Random,
        word: &str,
        amount: i64,
        agreed: bool,
        copies: usize,
    ) -> Result<(), NoAnswer> {
        let amount = amount.to_string();
        let form = [("amount", &*amount), ("reason", word), ("form_key", word)];
        let answers = self.operator_posts(random, 1, "adjustments", &form).await?;
        // Refused when it would take more than there is.
        if self.expect(answers, &[303, 409]).iter().all(|answer| answer.status != 303) {
            return Ok(());
        }
        self.promises().adjusted.push(word.to_owned());
        let asked = format!("select id::text from adjustments where reason = '{word}' and state = 'pending'");
        let Some(id) = self.world.look_up(&asked).await else { return Ok(()) };
        let path = format!("/operator/adjustments/{id}/{}", if agreed { "approve" } else { "reject" });
        let decisions = (0..copies).map(|_| {
            let (mut random, path) = (random.fork(), path.clone());
            async move { self.world.operators.second_posts(&mut random, self.until_when(), &path).await }
        });
        let answers: Result<Vec<Answer>, NoAnswer> = join_all(decisions).await.into_iter().collect();
        self.expect(answers?, &[303, 409]);
        Ok(())
    }

    /// The first operator posts a form about this organization, several times at once.
    async fn operator_posts(
        &self,
        random: &mut Random,
        copies: usize,
        what: &str,
        form: &[(&str, &str)],
    ) -> Result<Vec<Answer>, NoAnswer> {
        let path = format!("/operator/organizations/{}/{what}", self.organization_id().await);
        let posts = (0..copies).map(|_| {
            let (mut random, path) = (random.fork(), path.clone());
            async move { self.world.operators.post(&mut random, self.until_when(), &path, form).await }
        });
        join_all(posts).await.into_iter().collect()
    }
}

/// An operator makes the offer of this history, if anybody wants it: two may have it.
pub(crate) async fn offer(world: &World, history: &History, until: Instant) -> Result<(), String> {
    let steps = history.organizations.iter().flat_map(|one| one.people.iter().flatten());
    if !steps.into_iter().any(|step| matches!(step, Step::Deed(Deed::Redeem { .. }))) {
        return Ok(());
    }
    let (name, code) = (format!("Offer {}", history.seed), code(history.seed));
    let form = [("name", &*name), ("code", &code), ("amount", "5"), ("days", "2"), ("redemptions_max", "2")];
    let mut random = Random::new(history.seed);
    match world.operators.post(&mut random, until, "/operator/campaigns", &form).await {
        Ok(answer) if matches!(answer.status, 303 | 422) => Ok(()),
        Ok(answer) => Err(format!("an offer was answered {}", answer.status)),
        Err(NoAnswer) => Err("an offer was not answered".to_owned()),
    }
}

/// The code that everybody of a seed may redeem.
pub(crate) fn code(seed: u64) -> String {
    format!("STORM{seed:06}")
}

/// A refund made at the gateway's own pages. One that does not go through at once is settled a little later.
async fn refund_there(world: &World, paid: &Paid, percent: u64) {
    let amount = json!({ "amount": { "currency_code": "USD", "value": paid.share(percent) } });
    let refund = there(world, &format!("/v2/payments/captures/{}/refund", paid.capture), &amount).await;
    if let (Some("PENDING"), Some(id)) = (refund["status"].as_str(), refund["id"].as_str()) {
        let how = if paid.cents.is_multiple_of(2) { "complete" } else { "fail" };
        sleep(Duration::from_millis(100)).await;
        world.at_the_gateway(&format!("refunds/{id}/{how}"), &json!({})).await;
    }
}

/// Asks the gateway something as the merchant's own pages do. `null` when it refuses, or a fault keeps it from it.
async fn there(world: &World, path: &str, body: &Value) -> Value {
    let url = world.panel.simulator.paypal_url();
    let asked = world.http.post(format!("{url}/v1/oauth2/token")).basic_auth("panel", Some("secret"));
    let asked = asked.header("content-type", "application/x-www-form-urlencoded");
    let token = answered(asked.body("grant_type=client_credentials")).await;
    let request = world.http.post(format!("{url}{path}"));
    let request = request.bearer_auth(token["access_token"].as_str().unwrap_or_default());
    answered(request.header("content-type", "application/json").body(body.to_string())).await
}

/// The JSON of a good answer, else `null`.
pub(crate) async fn answered(request: reqwest::RequestBuilder) -> Value {
    let Ok(answer) = request.send().await else { return Value::Null };
    if !answer.status().is_success() {
        return Value::Null;
    }
    let bytes = answer.bytes().await.unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Moves the end of all credits of an organization into the past, under the lock of the wallet, and has them looked at.
fn credits_end(organization: String) -> String {
    format!(
        "with locked as (select from wallets where organization_id = '{organization}' for update), ended as (
            update credits set expires_at = now() - interval '1 second'
            where organization_id = '{organization}' and expires_at > now() and exists (select from locked))
        insert into jobs (kind, payload, actor) values ('credit.sweep', 'null', '{{\"kind\": \"system\"}}')"
    )
}
