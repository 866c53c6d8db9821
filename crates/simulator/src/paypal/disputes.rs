//! The operations of `/v1/customer/disputes`, and what payers and banks do in a dispute.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::amount::Amount;
use super::books::{Books, Call};
use super::dispute::{Dispute, Outcome, Stage};
use super::event_type::EventType;
use super::journal::Code;
use super::payment::{Capture, Returned};
use super::problem::{Issue, Problem};
use super::render::link;
use super::settling::spoken;
use crate::core::service::Reply;

/// Disputes that PayPal lists at once if it is not told how many.
const PAGE_SIZE: usize = 10;

impl Books {
    /// The newest first. An empty list has no `items`: PayPal's description allows none.
    pub(super) fn list_disputes(&self, call: &Call) -> Result<Reply, Problem> {
        let [start, after, before] = [
            call.moment("start_time")?,
            call.moment("update_time_after")?,
            call.moment("update_time_before")?,
        ];
        let states: Option<Vec<&str>> = call.query("dispute_state").map(|states| states.split(',').collect());
        let mut disputes: Vec<&Dispute> = self
            .records
            .disputes
            .values()
            .filter(|dispute| {
                dispute.account == call.account
                    && start.is_none_or(|start| dispute.created_at >= start)
                    && after.is_none_or(|after| dispute.updated_at >= after)
                    && before.is_none_or(|before| dispute.updated_at <= before)
                    && call.query("disputed_transaction_id").is_none_or(|id| dispute.capture_id == id)
                    && states.as_ref().is_none_or(|states| states.contains(&dispute.state()))
            })
            .collect();
        disputes.sort_by_key(|dispute| std::cmp::Reverse((dispute.created_at, &dispute.id)));
        let size = call.number("page_size", PAGE_SIZE, 1..=50)?;
        let from = call.number("next_page_token", 0, 0..=usize::MAX)?;
        let href = format!("{}/v1/customer/disputes", call.origin);
        let mut links = vec![link(&href, "self", "GET")];
        if disputes.len() > from.saturating_add(size) {
            let next = format!("{href}?page_size={size}&next_page_token={}", from + size);
            links.push(link(&next, "next", "GET"));
        }
        let items: Vec<Value> =
            disputes.into_iter().skip(from).take(size).map(|dispute| summary(dispute, call)).collect();
        let mut list = json!({ "links": links });
        if !items.is_empty() {
            list["items"] = json!(items);
        }
        Ok(Reply::ok(list))
    }

    pub(super) fn get_dispute(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        Ok(Reply::ok(self.dispute_json(self.dispute(call, id)?, call)))
    }

    /// The merchant gives in: the payer is refunded, and that is the end.
    pub(super) fn accept_claim(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        self.open_dispute_of(call, id)?;
        self.end_dispute(id, Outcome::ResolvedBuyerFavour, Returned::Merchant, call.now);
        Ok(answered(call, id))
    }

    pub(super) fn provide_evidence(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        self.open_dispute_of(call, id)?;
        let stage = self.dispute(call, id)?.stage;
        let sent = match call.body["evidences"].as_array() {
            Some(evidences) if !evidences.is_empty() => evidences.clone(),
            _ => vec![json!({ "evidence_type": "OTHER" })],
        };
        let entries = sent.into_iter().map(|mut evidence| {
            evidence["source"] = json!("SUBMITTED_BY_SELLER");
            evidence["dispute_life_cycle_stage"] = json!(stage.name());
            evidence
        });
        let entries: Vec<Value> = entries.collect();
        self.change_dispute(id, call.now, |dispute| {
            dispute.awaits_seller = false;
            dispute.evidences.extend(entries);
        });
        Ok(answered(call, id))
    }

    /// A payer complains about a capture, at once before the bank or to the merchant first. `None` when there is
    /// nothing to complain about: not paid, nothing left, or already disputed.
    pub(super) fn dispute_capture(
        &mut self,
        capture: &Capture,
        amount: Option<Amount>,
        reason: &str,
        stage: Stage,
        now: DateTime<Utc>,
    ) -> Option<&Dispute> {
        let rest = capture.refundable();
        let amount = amount.unwrap_or_else(|| rest.clone());
        let is_possible = (1..=rest.minor).contains(&amount.minor) && amount.currency == rest.currency;
        if !capture.is_paid() || !is_possible || self.open_dispute(&capture.id).is_some() {
            return None;
        }
        let code = |length| self.core.ids.code("paypal.dispute", length);
        let dispute = Dispute {
            id: format!("PP-R-{}-{}", code(3), code(8)),
            account: capture.account.clone(),
            capture_id: capture.id.clone(),
            amount,
            reason: reason.to_owned(),
            stage,
            awaits_seller: true,
            outcome: None,
            refunded: None,
            evidences: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        let id = dispute.id.clone();
        self.records.disputes.insert(id.clone(), dispute);
        self.tell_of_dispute(&id, EventType::DisputeCreated, now);
        self.records.disputes.get(&id)
    }

    /// The dispute goes on to another stage, where the merchant has to answer again until the last one.
    pub(super) fn move_dispute(&mut self, id: &str, stage: Stage, now: DateTime<Utc>) {
        self.change_dispute(id, now, |dispute| {
            dispute.stage = stage;
            dispute.awaits_seller = stage != Stage::Arbitration;
        });
    }

    /// The dispute is over. If it is lost, the payer gets the money as this kind of return.
    pub(super) fn end_dispute(&mut self, id: &str, outcome: Outcome, how: Returned, now: DateTime<Utc>) {
        let Some(dispute) = self.records.disputes.get_mut(id) else { return };
        dispute.outcome = Some(outcome);
        dispute.updated_at = now;
        if outcome.is_lost() {
            dispute.refunded = Some(dispute.amount.clone());
            let (capture, amount, account) =
                (dispute.capture_id.clone(), dispute.amount.clone(), dispute.account.clone());
            let call = self.aside(&account, now);
            self.give_back(&call, &capture, amount, how);
        }
        self.tell_of_dispute(id, EventType::DisputeResolved, now);
    }

    /// A refund of all that is left ends the inquiry.
    pub(super) fn end_refunded_dispute(&mut self, id: &str, now: DateTime<Utc>) {
        let Some(dispute) = self.records.disputes.get_mut(id) else { return };
        dispute.outcome = Some(Outcome::ResolvedBuyerFavour);
        dispute.refunded = Some(dispute.amount.clone());
        dispute.updated_at = now;
        self.tell_of_dispute(id, EventType::DisputeResolved, now);
    }

    /// The dispute about a capture that is not over.
    pub(super) fn open_dispute(&self, capture_id: &str) -> Option<&Dispute> {
        self.records.disputes.values().find(|dispute| dispute.capture_id == capture_id && dispute.is_open())
    }

    fn change_dispute(&mut self, id: &str, now: DateTime<Utc>, change: impl FnOnce(&mut Dispute)) {
        let Some(dispute) = self.records.disputes.get_mut(id) else { return };
        change(dispute);
        dispute.updated_at = now;
        self.tell_of_dispute(id, EventType::DisputeUpdated, now);
    }

    fn tell_of_dispute(&mut self, id: &str, event_type: EventType, now: DateTime<Utc>) {
        let Some(dispute) = self.records.disputes.get(id) else { return };
        let call = self.aside(&dispute.account, now);
        let dispute = dispute.clone();
        match event_type {
            EventType::DisputeCreated => self.enter_hold(&call, &dispute, Code::Hold),
            EventType::DisputeResolved => self.enter_hold(&call, &dispute, Code::Release),
            _ => {}
        }
        let summary = match event_type {
            EventType::DisputeCreated => format!("A dispute over {} is opened", spoken(&dispute.amount)),
            EventType::DisputeResolved => "A dispute is resolved".to_owned(),
            _ => "A dispute is updated".to_owned(),
        };
        let resource = self.dispute_json(&dispute, &call);
        self.tell(&call, event_type, &summary, resource);
        self.core.changes.mark();
    }

    fn dispute(&self, call: &Call, id: &str) -> Result<&Dispute, Problem> {
        let dispute = self.records.disputes.get(id).filter(|dispute| dispute.account == call.account);
        dispute.ok_or_else(|| Issue::InvalidResourceId.into())
    }

    fn open_dispute_of(&self, call: &Call, id: &str) -> Result<&Dispute, Problem> {
        let dispute = self.dispute(call, id)?;
        if dispute.is_open() { Ok(dispute) } else { Err(Issue::ActionNotAllowed.into()) }
    }

    /// The whole dispute.
    pub(super) fn dispute_json(&self, dispute: &Dispute, call: &Call) -> Value {
        let mut json = summary(dispute, call);
        if let Some(capture) = self.records.captures.get(&dispute.capture_id) {
            json["disputed_transactions"] = json!([disputed(capture, call.now)]);
        }
        json["messages"] = json!([{
            "posted_by": "BUYER",
            "time_posted": json["create_time"],
            "content": "I want my money back.",
        }]);
        json["refund_details"] = json!({ "allowed_refund_amount": dispute.amount.json() });
        if !dispute.evidences.is_empty() {
            json["evidences"] = json!(dispute.evidences);
        }
        if let Some(outcome) = dispute.outcome {
            json["dispute_outcome"] = json!({ "outcome_code": outcome.code() });
        }
        if let Some(refunded) = &dispute.refunded {
            json["dispute_outcome"]["amount_refunded"] = refunded.json();
        }
        json
    }
}

/// A dispute as it stands in lists.
fn summary(dispute: &Dispute, call: &Call) -> Value {
    let href = format!("{}/v1/customer/disputes/{}", call.origin, dispute.id);
    let mut links = vec![link(&href, "self", "GET")];
    if dispute.is_open() {
        links.push(link(&format!("{href}/accept-claim"), "accept_claim", "POST"));
        links.push(link(&format!("{href}/provide-evidence"), "provide_evidence", "POST"));
    }
    let mut json = json!({
        "dispute_id": dispute.id,
        "create_time": time(dispute.created_at),
        "update_time": time(dispute.updated_at),
        "reason": dispute.reason,
        "status": dispute.status(),
        "dispute_state": dispute.state(),
        "dispute_amount": dispute.amount.json(),
        "dispute_life_cycle_stage": dispute.stage.name(),
        "dispute_channel": if dispute.stage == Stage::Inquiry { "INTERNAL" } else { "EXTERNAL" },
        "links": links,
    });
    if let Some(due) = dispute.answer_due() {
        json["seller_response_due_date"] = json!(time(due));
    }
    json
}

fn disputed(capture: &Capture, now: DateTime<Utc>) -> Value {
    let mut json = json!({
        "buyer_transaction_id": capture.id,
        "seller_transaction_id": capture.id,
        "create_time": time(capture.created_at),
        "transaction_status": capture.truth(now),
        "gross_amount": capture.amount.json(),
    });
    let is_number =
        |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-|".contains(&byte));
    if let Some(invoice) = capture.invoice_id.as_deref().filter(is_number) {
        json["invoice_number"] = json!(invoice);
    }
    if let Some(custom) = &capture.custom_id {
        json["custom"] = json!(custom);
    }
    json
}

fn answered(call: &Call, id: &str) -> Reply {
    let href = format!("{}/v1/customer/disputes/{id}", call.origin);
    Reply::new(StatusCode::OK, json!({ "links": [link(&href, "self", "GET")] }))
}

/// With milliseconds, as the disputes API has it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
