//! The operations of `/v3/vault`.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::books::{Books, Call, VAULT_REPLAY};
use super::event_type::EventType;
use super::new_order;
use super::problem::{Issue, Problem};
use super::render::link;
use super::vault::{PaymentToken, SetupToken, TokenState};
use crate::core::service::Reply;

/// Payment tokens that PayPal lists at once if it is not told how many.
const PAGE_SIZE: usize = 5;
/// What a merchant says about the use of a token.
const USAGE: [&str; 4] = ["description", "usage_type", "customer_type", "permit_multiple_payment_tokens"];

impl Books {
    pub(super) fn create_setup_token(&mut self, call: &Call) -> Result<Reply, Problem> {
        if let Some(id) = self.replayed(call, "setup-token") {
            return self.get_setup_token(call, &id);
        }
        let paypal = &call.body["payment_source"]["paypal"];
        if !paypal.is_object() {
            return Err(Issue::MissingRequiredParameter.at("/payment_source", None));
        }
        let at = "/payment_source/paypal";
        if !matches!(paypal["usage_type"].as_str(), Some("MERCHANT" | "PLATFORM")) {
            return Err(
                Issue::InvalidParameterValue.at(format!("{at}/usage_type"), paypal["usage_type"].as_str())
            );
        }
        let given = USAGE.iter().filter_map(|field| Some(((*field).to_owned(), paypal.get(*field)?.clone())));
        let token = SetupToken {
            id: self.core.ids.code("paypal.setup_token", 17),
            account: call.account.clone(),
            customer_id: self.customer(call),
            usage: given.collect(),
            experience: new_order::experience(
                &paypal["experience_context"],
                &format!("{at}/experience_context"),
            )?,
            payer_id: self.payer_id(),
            created_at: call.now,
            is_approved: false,
            is_used: false,
        };
        let json = token.json(call);
        self.remember(call, "setup-token", &token.id, VAULT_REPLAY);
        self.records.setup_tokens.insert(token.id.clone(), token);
        Ok(Reply::new(StatusCode::CREATED, json))
    }

    pub(super) fn get_setup_token(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        Ok(Reply::ok(self.setup_token(call, id)?.json(call)))
    }

    /// The payer agrees, which may be said twice.
    pub(super) fn agree(&mut self, id: &str, now: DateTime<Utc>) -> Option<&SetupToken> {
        let token = self.records.setup_tokens.get_mut(id).filter(|token| !token.is_expired(now))?;
        token.is_approved = true;
        self.core.changes.mark();
        Some(token)
    }

    pub(super) fn create_payment_token(&mut self, call: &Call) -> Result<Reply, Problem> {
        if let Some(id) = self.replayed(call, "payment-token") {
            return self.get_payment_token(call, &id);
        }
        let token = &call.body["payment_source"]["token"];
        let at = "/payment_source/token";
        if token["type"] != "SETUP_TOKEN" {
            return Err(Issue::InvalidParameterValue.at(format!("{at}/type"), token["type"].as_str()));
        }
        let id = token["id"].as_str();
        let id = id.ok_or_else(|| Issue::MissingRequiredParameter.at(format!("{at}/id"), None))?;
        let setup = self.setup_token(call, id)?;
        if !setup.is_approved {
            return Err(Issue::PayerActionRequired.at(format!("{at}/id"), Some(id)));
        }
        if setup.is_used {
            return Err(Issue::InvalidResourceId.into());
        }
        let (usage, customer, payer) =
            (setup.usage.clone(), setup.customer_id.clone(), setup.payer_id.clone());
        let token = self.enter_token(call, usage, customer, payer);
        if let Some(setup) = self.records.setup_tokens.get_mut(id) {
            setup.is_used = true;
        }
        self.remember(call, "payment-token", &token.id, VAULT_REPLAY);
        Ok(Reply::new(StatusCode::CREATED, token.json(call)))
    }

    /// A new leave to charge this payer.
    pub(super) fn enter_token(
        &mut self,
        call: &Call,
        usage: Map<String, Value>,
        customer_id: String,
        payer_id: String,
    ) -> PaymentToken {
        let token = PaymentToken {
            id: self.core.ids.code("paypal.payment_token", 17).to_lowercase(),
            account: call.account.clone(),
            customer_id,
            usage,
            payer_id,
            created_at: call.now,
            state: TokenState::Active,
            is_declined: false,
        };
        self.records.payment_tokens.insert(token.id.clone(), token.clone());
        let summary = "A payment token has been created.";
        self.tell(call, EventType::TokenCreated, summary, token.json(call));
        token
    }

    pub(super) fn list_payment_tokens(&self, call: &Call) -> Result<Reply, Problem> {
        let customer = call.query("customer_id");
        let customer = customer.ok_or_else(|| Issue::MissingRequiredParameter.at("customer_id", None))?;
        let (size, page) =
            (call.number("page_size", PAGE_SIZE, 1..=64)?, call.number("page", 1, 1..=1_000_000)?);
        let mut tokens: Vec<&PaymentToken> = self
            .records
            .payment_tokens
            .values()
            .filter(|token| token.account == call.account && token.customer_id == customer)
            .filter(|token| token.state == TokenState::Active)
            .collect();
        tokens.sort_by_key(|token| (token.created_at, &token.id));
        let shown = tokens.iter().skip((page - 1) * size).take(size).map(|token| token.json(call));
        let href = format!("{}/v3/vault/payment-tokens?customer_id={customer}", call.origin);
        let mut list = json!({
            "customer": { "id": customer },
            "payment_tokens": shown.collect::<Vec<_>>(),
            "links": [link(&href, "self", "GET")],
        });
        // PayPal's description knows no total of nothing
        if call.query("total_required") == Some("true") && !tokens.is_empty() {
            list["total_items"] = json!(tokens.len());
            list["total_pages"] = json!(tokens.len().div_ceil(size));
        }
        Ok(Reply::ok(list))
    }

    pub(super) fn get_payment_token(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let token = self.payment_token(call, id).filter(|token| token.state == TokenState::Active);
        Ok(Reply::ok(token.ok_or(Issue::InvalidResourceId)?.json(call)))
    }

    /// Also when there is nothing to delete: PayPal's description knows no other answer.
    pub(super) fn delete_payment_token(&mut self, call: &Call, id: &str) -> Reply {
        if self.payment_token(call, id).is_some() {
            self.end_token(id, TokenState::Deleted, call);
        }
        Reply::new(StatusCode::NO_CONTENT, Value::Null)
    }

    /// Nobody is charged with it from now on.
    pub(super) fn end_token(&mut self, id: &str, state: TokenState, call: &Call) {
        let token = self.records.payment_tokens.get_mut(id).filter(|token| token.state == TokenState::Active);
        let Some(token) = token else { return };
        token.state = state;
        let resource = token.json(call);
        self.tell(call, EventType::TokenDeleted, "A payment token has been deleted.", resource);
        self.core.changes.mark();
    }

    /// The token an order wants to be paid with, if it can be.
    pub(super) fn chargeable(&self, call: &Call, id: &str) -> Result<&PaymentToken, Problem> {
        let at = "/payment_source/paypal/vault_id";
        let token = self.payment_token(call, id).ok_or_else(|| Issue::TokenIdNotFound.at(at, Some(id)))?;
        match token.state {
            TokenState::Deleted => Err(Issue::TokenIdNotFound.at(at, Some(id))),
            TokenState::Revoked => Err(Issue::AgreementAlreadyCancelled.at(at, Some(id))),
            TokenState::Active if token.is_declined => Err(Issue::InstrumentDeclined.into()),
            TokenState::Active => Ok(token),
        }
    }

    fn payment_token(&self, call: &Call, id: &str) -> Option<&PaymentToken> {
        self.records.payment_tokens.get(id).filter(|token| token.account == call.account)
    }

    fn setup_token(&self, call: &Call, id: &str) -> Result<&SetupToken, Problem> {
        let token = self.records.setup_tokens.get(id).filter(|token| token.account == call.account);
        token.filter(|token| !token.is_expired(call.now)).ok_or_else(|| Issue::InvalidResourceId.into())
    }

    /// The customer that the merchant names, or a new one.
    fn customer(&self, call: &Call) -> String {
        let named = call.body["customer"]["id"].as_str().map(str::to_owned);
        named.unwrap_or_else(|| self.core.ids.code("paypal.customer", 10))
    }
}
