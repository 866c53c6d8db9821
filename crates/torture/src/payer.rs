//! Paying in, as far as people and their banks have a part in it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, NoAnswer};
use crate::history::Payer;
use crate::person::Shared;
use testkit::Random;

impl Shared<'_> {
    /// Pays in. Waits for the approval page as a person does, but not for the money.
    pub(crate) async fn top_up(
        &self,
        random: &mut Random,
        word: &str,
        amount: u64,
        payer: Payer,
        returns: usize,
    ) -> Result<(), NoAnswer> {
        let (body, key) = (json!({ "amount": format!("{amount}.00") }), format!("top-up-{word}"));
        let answers = self.several(random, 1, Method::POST, "/top-ups", Some(&body), Some(&key)).await?;
        let begun = self.expect(answers, &[201]).first().and_then(|answer| answer.text("id"));
        let Some(id) = begun else { return Ok(()) };
        self.promises().begun.push(id.clone());
        let path = format!("/top-ups/{id}");
        let approvable = self.until(random, &path, |status| status != "created").await?;
        let order = approvable.and_then(|answer| order_of(&answer));
        let Some(order) = order else { return Ok(()) };
        self.payments().insert(word.to_owned(), (id, order.clone()));
        self.approve(&order, payer).await;
        if matches!(payer, Payer::Forgets | Payer::Leaves) {
            return Ok(());
        }
        let capture = format!("{path}/capture");
        let answers = self.several(random, returns, Method::POST, &capture, None, None).await?;
        self.expect(answers, &[202]);
        match payer {
            Payer::CheckArrives => self.settle(random, &path, &order, "complete").await,
            Payer::CheckBounces => self.settle(random, &path, &order, "deny").await,
            _ if word == "first" => self.until(random, &path, is_over).await.map(drop),
            _ => Ok(()),
        }
    }

    /// The bank says what became of an e-check, and the payer comes back to see.
    async fn settle(&self, random: &mut Random, path: &str, order: &str, how: &str) -> Result<(), NoAnswer> {
        self.until(random, path, |status| status == "pending").await?;
        let orders = self.world.panel.simulator.orders();
        let capture = orders.iter().find(|o| o.id == order).and_then(|o| o.captures.first());
        if let Some(capture) = capture {
            self.at_the_gateway(&format!("captures/{}/{how}", capture.id), &json!({})).await;
            // Or what the gateway tells has to do.
            if random.percent(50) {
                return Ok(());
            }
            let capture = format!("{path}/capture");
            let answers = self.several(random, 1, Method::POST, &capture, None, None).await?;
            self.expect(answers, &[202]);
        }
        Ok(())
    }

    async fn approve(&self, order: &str, payer: Payer) {
        let how = match payer {
            Payer::Leaves => return,
            Payer::Pays | Payer::Forgets => json!({}),
            Payer::Declined => json!({ "declined": true }),
            Payer::CheckArrives | Payer::CheckBounces | Payer::CheckOnItsWay => json!({ "pending": true }),
        };
        self.at_the_gateway(&format!("orders/{order}/approve"), &how).await;
    }

    /// What the gateway then shows; `null` when it could not be.
    pub(crate) async fn at_the_gateway(&self, path: &str, how: &Value) -> Value {
        self.world.at_the_gateway(path, how).await
    }
}

fn is_over(status: &str) -> bool {
    !matches!(status, "created" | "awaiting_approval" | "pending")
}

/// The gateway's number of an order, from the address where it is approved.
fn order_of(answer: &Answer) -> Option<String> {
    let url = answer.text("approve_url")?;
    url.split_once("token=").map(|(_, order)| order.split('&').next().unwrap_or(order).to_owned())
}
