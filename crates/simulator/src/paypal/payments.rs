//! The operations of `/v2/payments`.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::Value;

use super::amount::Amount;
use super::books::{Books, Call, PAYMENT_REPLAY};
use super::dispute::Stage;
use super::order::Outcome;
use super::payment::{Authorization, Capture, Returned, Settlement};
use super::problem::{Issue, Problem};
use super::render::{authorization_json, capture_json};
use crate::core::Twist;
use crate::core::service::Reply;

/// After this time captures cannot be refunded.
const REFUNDABLE_FOR: TimeDelta = TimeDelta::days(180);

impl Books {
    pub(super) fn get_capture(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        Ok(Reply::ok(capture_json(self.capture(call, id)?, call)))
    }

    pub(super) fn refund_capture(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let scope = format!("refund:{id}");
        if let Some(id) = self.replayed(call, &scope) {
            return Ok(as_created(self.get_refund(call, &id)?));
        }
        let capture = self.capture(call, id)?;
        let amount = refund_amount(capture, call)?;
        let is_all = amount == capture.refundable();
        let disputed = self.open_dispute(id).map(|dispute| (dispute.id.clone(), dispute.stage));
        match &disputed {
            None => {}
            Some((_, Stage::Inquiry)) if is_all => {}
            Some((_, Stage::Inquiry)) => return Err(Issue::TransactionDisputed.into()),
            Some(_) => return Err(Issue::RefundNotPermittedDueToChargeback.into()),
        }
        if call.twist == Some(Twist::Failed) {
            return Err(Issue::RefundFailedInsufficientFunds.into());
        }
        let refund = self.give_back(call, id, amount, Returned::Merchant);
        self.remember(call, &scope, &refund, PAYMENT_REPLAY);
        if let Some((dispute, _)) = disputed {
            self.end_refunded_dispute(&dispute, call.now);
        }
        Ok(as_created(self.get_refund(call, &refund)?))
    }

    pub(super) fn get_refund(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let refund = self.records.refunds.get(id).filter(|refund| refund.account == call.account);
        let refund = refund.ok_or(Issue::InvalidResourceId)?;
        Ok(Reply::ok(self.refund_json(refund, call)))
    }

    pub(super) fn get_authorization(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let authorization = self.authorization(call, id)?;
        Ok(Reply::ok(authorization_json(authorization, call)))
    }

    pub(super) fn capture_authorization(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let scope = format!("capture-authorization:{id}");
        if let Some(id) = self.replayed(call, &scope) {
            return Ok(as_created(self.get_capture(call, &id)?));
        }
        let found = self.authorization(call, id)?.clone();
        let amount = authorized_amount(&found, call)?;
        let invoice_id = call.body["invoice_id"].as_str().map(str::to_owned).or(found.invoice_id);
        self.refuse_paid_invoice(call, invoice_id.as_deref())?;
        let is_final = call.body["final_capture"].as_bool().unwrap_or(amount == found.amount);
        let capture = Capture {
            id: self.core.ids.code("paypal.capture", 17),
            account: call.account.clone(),
            order_id: found.order_id,
            unit: 0,
            amount,
            refunded_minor: 0,
            reversed_minor: 0,
            invoice_id,
            custom_id: found.custom_id,
            created_at: call.now,
            updated_at: call.now,
            is_final,
            settlement: Settlement::Completed,
        };
        let authorization = self.authorization(call, id)?;
        authorization.captured_minor += capture.amount.minor;
        authorization.is_closed = is_final || authorization.captured_minor == authorization.amount.minor;
        authorization.updated_at = call.now;
        self.remember(call, &scope, &capture.id, PAYMENT_REPLAY);
        let json = capture_json(&capture, call);
        self.take_in(call, capture);
        Ok(Reply::new(StatusCode::CREATED, json))
    }

    pub(super) fn void_authorization(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let authorization = self.authorization(call, id)?;
        match authorization.status() {
            "VOIDED" => return Err(Issue::PreviouslyVoided.into()),
            "CREATED" => {}
            _ => return Err(Issue::PreviouslyCaptured.into()),
        }
        authorization.is_voided = true;
        authorization.updated_at = call.now;
        let json = authorization_json(authorization, call);
        let order_id = authorization.order_id.clone();
        if let Some(order) = self.records.orders.get_mut(&order_id) {
            order.outcome = Some(Outcome::Voided);
            order.updated_at = call.now;
        }
        Ok(match call.wants_all {
            true => Reply::ok(json),
            false => Reply::new(StatusCode::NO_CONTENT, Value::Null),
        })
    }

    fn authorization(&mut self, call: &Call, id: &str) -> Result<&mut Authorization, Problem> {
        let found = self.records.authorizations.get_mut(id).filter(|found| found.account == call.account);
        found.ok_or_else(|| Issue::InvalidResourceId.into())
    }
}

/// Unlike the orders API, this one answers repeats with 201, too.
fn as_created(reply: Reply) -> Reply {
    Reply { status: StatusCode::CREATED, ..reply }
}

/// The amount in the body, else all that is left.
fn asked(call: &Call, rest: Amount) -> Result<Amount, Problem> {
    match &call.body["amount"] {
        Value::Null => Ok(rest),
        amount => Amount::read(amount, "/amount")?.positive("/amount"),
    }
}

fn refund_amount(capture: &Capture, call: &Call) -> Result<Amount, Problem> {
    match capture.settlement.at(call.now) {
        Settlement::Pending { .. } => return Err(Issue::PendingCapture.into()),
        Settlement::Declined => return Err(Issue::RefundNotAllowed.into()),
        Settlement::Completed => {}
    }
    let rest = capture.refundable();
    if rest.minor == 0 {
        return Err(Issue::CaptureFullyRefunded.into());
    }
    if call.now > capture.created_at + REFUNDABLE_FOR {
        return Err(Issue::RefundTimeLimitExceeded.into());
    }
    let amount = asked(call, rest.clone())?;
    if amount.currency != rest.currency {
        return Err(Issue::RefundCaptureCurrencyMismatch.at("/amount/currency_code", Some(&amount.currency)));
    }
    if amount.minor > rest.minor {
        return Err(Issue::RefundAmountExceeded.at("/amount/value", Some(&amount.value())));
    }
    Ok(amount)
}

fn authorized_amount(authorization: &Authorization, call: &Call) -> Result<Amount, Problem> {
    match authorization.status() {
        "VOIDED" => return Err(Issue::AuthorizationVoided.into()),
        "CAPTURED" => return Err(Issue::AuthorizationAlreadyCaptured.into()),
        _ => {}
    }
    let rest = authorization.capturable();
    let amount = asked(call, rest.clone())?;
    if amount.currency != rest.currency {
        return Err(Issue::AuthCaptureCurrencyMismatch.at("/amount/currency_code", Some(&amount.currency)));
    }
    if amount.minor > rest.minor {
        return Err(Issue::MaxCaptureAmountExceeded.at("/amount/value", Some(&amount.value())));
    }
    Ok(amount)
}
