//! Paying in, and whether the books are in order.

use std::sync::LazyLock;

use app::Caller;
use app::payment::{ask_for_answer, ask_for_capture, begin_top_up, set_auto_top_up};
use app::wallet::{NewGoodwill, adjust, grant};
use domain::activity::Action;
use domain::billing::{HeldFor, Subject};
use domain::payment::{AutoTerms, TopUpState};
use domain::wallet::{Account, HoldState, Transaction, TransactionKind};
use domain::{HoldId, Money, TopUpId, VpsId};
use serde_json::{Value, json};
use store::billing::recompute::recompute;
use store::wallet::Insufficient;
use store::{payment, wallet};

use crate::Panel;

/// A wallet as its row shows it, in micro-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balances {
    /// Can be spent.
    pub available: i64,
    /// Reserved for orders.
    pub held: i64,
    /// Owed to us.
    pub receivable: i64,
    /// Per hour.
    pub burn: i64,
}

impl Panel {
    /// The wallet of the caller's organization.
    pub async fn balances(&self, caller: &Caller) -> Balances {
        let columns = "array[available_micros, held_micros, receivable_micros, burn_micros]";
        let organization = caller.organization_id();
        let row: Vec<i64> = self
            .fetch(format!("select {columns} from wallets where organization_id = '{organization}'"))
            .await;
        Balances { available: row[0], held: row[1], receivable: row[2], burn: row[3] }
    }

    /// Puts money into the wallet as a captured payment would, without asking the gateway. For tests about
    /// something else.
    pub async fn fund(&self, caller: &Caller, amount: &str) {
        let (id, amount): (TopUpId, Money) = (TopUpId::new(), amount.parse().unwrap());
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        let lines = [(Account::Wallet, amount), (Account::GatewayClearing, amount.negated().unwrap())];
        let transaction = Transaction::new(
            TransactionKind::TopUp,
            format!("payment:{id}"),
            caller.scope.actor(),
            json!({ "top_up_id": id }),
            &lines,
        );
        wallet.record(transaction.unwrap()).unwrap();
        wallet::save(&mut tx, [&mut wallet]).await.unwrap();
        payment::insert(&mut tx, id, amount, "USD").await.unwrap();
        payment::set_captured(&mut tx, id, TopUpState::Completed, &id.to_string(), amount).await.unwrap();
        tx.commit(caller.did(Action::TopUpCompleted)).await.unwrap();
    }

    /// An operator gives a credit of 1.00 that ends after some days, and takes as much by a correction.
    pub async fn give_and_take(&self, caller: &Caller) {
        let (operator, organization) = (self.operator().await, caller.organization_id());
        let one = Money::from_micros(1_000_000);
        let new = NewGoodwill { amount: one, reason: "slow disks", days: Some(2) };
        grant(&self.app, &operator, organization, new, None).await.unwrap();
        let back = one.negated().unwrap();
        adjust(&self.app, &operator, organization, back, "charged twice", None).await.unwrap();
    }

    /// Takes money out of the wallet as the first hour of a VPS that was deleted before it became active. The VPS must
    /// have no other hold. Refused when the money is not there.
    pub async fn spend(&self, caller: &Caller, vps: VpsId, amount: Money) -> Result<(), Insufficient> {
        let less = amount.negated().unwrap();
        let mut tx = self.store.org_tx(&caller.scope).await.unwrap();
        let mut wallet = wallet::lock(&mut tx).await.unwrap();
        for (kind, lines) in [
            (TransactionKind::Hold, [(Account::Wallet, less), (Account::Held, amount)]),
            (TransactionKind::Capture, [(Account::Held, less), (Account::Revenue, amount)]),
        ] {
            let (key, about) = (format!("{kind}:{vps}"), json!({ "vps_id": vps }));
            wallet.record(Transaction::new(kind, key, caller.scope.actor(), about, &lines).unwrap())?;
        }
        wallet::save(&mut tx, [&mut wallet]).await.unwrap();
        wallet::insert_hold(&mut tx, HoldId::new(), HeldFor::Start(Subject::Vps(vps)), amount).await.unwrap();
        wallet::close_hold(&mut tx, HeldFor::Start(Subject::Vps(vps)), HoldState::Captured).await.unwrap();
        tx.commit(caller.did(Action::VpsDeleted)).await.unwrap();
        Ok(())
    }

    /// A VPS that was ordered and deleted before it became active, made from one that is there.
    pub async fn deleted_early(&self, like: VpsId, name: &str) -> VpsId {
        let over = json!({ "name": name, "state": "deleted", "active_at": null, "provider_server_id": name });
        VpsId(self.copy("vps_instances", like.0, over).await)
    }

    /// Pays in through the gateway, from the form to the money in the wallet. Needs a worker.
    pub async fn top_up(&self, caller: &Caller, amount: &str) -> TopUpId {
        let id = self.begin_top_up(caller, amount).await;
        self.approve(id, &json!({})).await;
        ask_for_capture(&self.app, caller, id).await.unwrap();
        self.until_top_up(id, TopUpState::Completed).await;
        id
    }

    /// Begins a top-up and waits until the payer can approve it. Needs a worker.
    pub async fn begin_top_up(&self, caller: &Caller, amount: &str) -> TopUpId {
        let begun = begin_top_up(&self.app, caller, amount.parse().unwrap(), None).await;
        let id = begun.unwrap().effect();
        self.until_top_up(id, TopUpState::AwaitingApproval).await;
        id
    }

    /// The payer approves: `{}` from the balance, `{"pending": true}` with an e-check, `{"declined": true}`
    /// with a card that will not pay.
    pub async fn approve(&self, id: TopUpId, how: &Value) {
        let order: String = self.fetch(format!("select order_ref from top_ups where id = '{id}'")).await;
        self.at_the_gateway(&format!("orders/{order}/approve"), how).await;
    }

    /// Has the payer agree to automatic top-ups, from the form to the agreement in force. Needs a worker.
    pub async fn agree(&self, caller: &Caller, terms: AutoTerms) {
        self.ask_to_agree(caller, terms).await;
        self.payer_agrees(caller).await;
        ask_for_answer(&self.app, caller).await.unwrap();
        self.until_auto(caller, "on").await;
    }

    /// Asks for automatic top-ups and waits until the payer can agree. Needs a worker.
    pub async fn ask_to_agree(&self, caller: &Caller, terms: AutoTerms) {
        set_auto_top_up(&self.app, caller, terms).await.unwrap();
        self.until_auto(caller, "awaiting_approval").await;
    }

    /// The payer agrees to what was asked last.
    pub async fn payer_agrees(&self, caller: &Caller) {
        let organization = caller.organization_id();
        let newest = format!(
            "select setup_ref from auto_top_ups where organization_id = '{organization}' order by id desc limit 1"
        );
        assert!(self.simulator.agree(&self.fetch::<String>(newest).await), "the payer is asked");
    }

    /// Waits until the newest agreement is so far.
    pub async fn until_auto(&self, caller: &Caller, state: &str) {
        let organization = caller.organization_id();
        self.until(format!(
            "select state = '{state}' from auto_top_ups where organization_id = '{organization}' order by id desc limit 1"
        ))
        .await;
    }

    /// What became of a pending payment: `complete` or `deny`.
    pub async fn settle_capture(&self, id: TopUpId, outcome: &str) {
        let capture: String = self.fetch(format!("select capture_ref from top_ups where id = '{id}'")).await;
        self.at_the_gateway(&format!("captures/{capture}/{outcome}"), &json!({})).await;
    }

    /// What payers, their banks and the gateway do by themselves; answers what the gateway then shows.
    pub async fn at_the_gateway(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sim/paypal/{path}", self.simulator.paypal_url());
        crate::install_crypto();
        static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);
        let request = CLIENT.post(&url).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// What the operator does at the gateway's own pages.
    pub async fn on_the_gateways_pages(&self, path: &str, body: &Value) -> Value {
        crate::install_crypto();
        let (url, client) = (self.simulator.paypal_url(), reqwest::Client::new());
        let asked = client.post(format!("{url}/v1/oauth2/token")).basic_auth("panel", Some("secret"));
        let asked = asked.header("content-type", "application/x-www-form-urlencoded");
        let token = asked.body("grant_type=client_credentials").send().await.unwrap().text().await.unwrap();
        let token: Value = serde_json::from_str(&token).unwrap();
        let request =
            client.post(format!("{url}{path}")).bearer_auth(token["access_token"].as_str().unwrap());
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The gateway's capture of a top-up.
    pub async fn capture_of(&self, id: TopUpId) -> String {
        self.fetch(format!("select capture_ref from top_ups where id = '{id}'")).await
    }

    /// Has the gateway tell everything to this address; answers the webhook's id.
    pub async fn subscribe(&self, url: &str) -> String {
        let body = json!({ "url": url, "event_types": [{ "name": "*" }] });
        let webhook = self.on_the_gateways_pages("/v1/notifications/webhooks", &body).await;
        webhook["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a top-up is so far.
    pub async fn until_top_up(&self, id: TopUpId, state: TopUpState) {
        self.until(format!("select state = '{state}' from top_ups where id = '{id}'")).await;
    }

    /// Asserts that the books are in order: by the product's own check, and by sums it does not make.
    pub async fn verify(&self) {
        let verdict = wallet::verify::verify(&self.store).await.unwrap();
        assert!(verdict.is_ok(), "the books are wrong: {verdict:?}");
        let wrong = self.wrong_sums().await;
        assert!(
            wrong.is_empty(),
            "wallet + held - receivable is not captured - tax - back + given - charged: {wrong:?}"
        );
        let idle: i64 = self.fetch(HOLDS_WITHOUT_A_JOB).await;
        assert_eq!(idle, 0, "money is held for an order nobody works on");
    }

    /// Counts every hour again from the history of its meter.
    pub async fn recompute(&self) {
        let verdict = recompute(&self.store, None).await.unwrap();
        assert!(verdict.is_ok(), "hours cost something else by their history: {verdict:?}");
    }
}

impl Panel {
    /// Organizations for which wallet + held - receivable is not captured - tax - went back + given - charged, by sums
    /// that the product does not make.
    pub async fn wrong_sums(&self) -> Vec<String> {
        self.fetch_all(WHAT_IS_THERE_IS_WHAT_CAME).await
    }
}

const WHAT_IS_THERE_IS_WHAT_CAME: &str = "
    select w.organization_id::text || ' has ' || there || ', captured ' || captured || ', went back ' || back
        || ', given ' || given || ', charged ' || charged
    from wallets w
    cross join lateral (select available_micros + held_micros - receivable_micros as there) a
    cross join lateral (select coalesce(sum(captured_micros), 0) as captured from top_ups
        where organization_id = w.organization_id and state = 'completed') b
    cross join lateral (select coalesce(sum(amount_micros), 0) as tax from ledger_entries
        where organization_id = w.organization_id and account = 'tax_payable') t
    cross join lateral (select
        (select coalesce(sum(amount_micros - ended_micros), 0) from credits where organization_id = w.organization_id)
        + (select coalesce(sum(amount_micros), 0) from adjustments
            where organization_id = w.organization_id and state in ('applied', 'approved')) as given) g
    cross join lateral (select
        (select coalesce(sum(amount_micros), 0) from refunds
            where organization_id = w.organization_id and state = 'completed')
        - (select coalesce(sum(returned_micros), 0) from disputes where organization_id = w.organization_id) as back) d
    cross join lateral (select
        (select coalesce(sum(amount_micros), 0) from charged where organization_id = w.organization_id)
        + (select coalesce(sum(amount_micros), 0) from transfer_charges where organization_id = w.organization_id)
        + (select coalesce(sum(amount_micros), 0) from holds h
            where h.organization_id = w.organization_id and h.state = 'captured' and h.resize_id is null
                and not exists (select from meters m where m.vps_id = h.vps_id or m.resource_id = h.resource_id)) as charged) c
    where there <> captured - tax - back + given - charged";

const HOLDS_WITHOUT_A_JOB: &str = "
    select count(*) from holds h where h.state = 'open'
        and not exists (select from jobs j where j.key = coalesce(h.vps_id, h.resource_id)::text and j.state in ('ready', 'running'))";
