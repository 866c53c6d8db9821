//! The operations of `/v2/checkout/orders`.

use axum::http::StatusCode;
use serde_json::Value;

use super::books::{Books, Call, ORDER_REPLAY};
use super::new_order;
use super::order::{Approval, Instrument, Intent, NewOrder, Order, Outcome};
use super::payment::{Authorization, Capture, Settlement};
use super::problem::{Issue, Problem};
use super::render::checkout_url;
use crate::core::Twist;
use crate::core::service::Reply;

impl Books {
    pub(super) fn create_order(&mut self, call: &Call) -> Result<Reply, Problem> {
        if let Some(id) = self.replayed(call, "create") {
            return self.answer_order(call, &id, StatusCode::OK, false);
        }
        let request = new_order::read(&call.body)?;
        for unit in &request.units {
            self.refuse_paid_invoice(call, unit.text("invoice_id"))?;
        }
        let charged = self.charged(call, &request)?;
        if call.twist == Some(Twist::Failed) {
            return Err(match charged {
                Some(_) => Issue::InstrumentDeclined.into(),
                None => Issue::PayeeAccountRestricted.into(),
            });
        }
        let is_charged = charged.is_some();
        let order = Order {
            id: self.core.ids.code("paypal.order", 17),
            account: call.account.clone(),
            request,
            created_at: call.now,
            updated_at: call.now,
            payer_id: charged.unwrap_or_else(|| self.payer_id()),
            approval: None,
            outcome: None,
        };
        if call.twist == Some(Twist::Vanish) {
            return Ok(Reply::new(StatusCode::CREATED, self.order_json(&order, call)));
        }
        let id = order.id.clone();
        self.remember(call, "create", &id, ORDER_REPLAY);
        self.records.orders.insert(id.clone(), order.clone());
        if is_charged {
            return self.charge(call, order);
        }
        self.answer_order(call, &id, StatusCode::CREATED, false)
    }

    /// The payer of the payment token that an order wants to be paid with, if it names one.
    fn charged(&self, call: &Call, request: &NewOrder) -> Result<Option<String>, Problem> {
        let Some(id) = &request.vault_id else { return Ok(None) };
        if call.request_id.is_none() {
            return Err(Issue::PaypalRequestIdRequired.into());
        }
        if request.intent != Intent::Capture {
            return Err(Issue::NotSupported.at("/intent", None));
        }
        Ok(Some(self.chargeable(call, id)?.payer_id.clone()))
    }

    /// Takes the money at once: the payer agreed to it long ago.
    fn charge(&mut self, call: &Call, order: Order) -> Result<Reply, Problem> {
        self.take_money(call, &order, Instrument::Balance);
        let (id, scope) = (order.id, "create");
        if let Some(order) = self.records.orders.get_mut(&id) {
            order.approval = Some(Approval { at: call.now, instrument: Instrument::Balance });
        }
        self.complete(call, &id, scope)
    }

    pub(super) fn get_order(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        Ok(Reply::ok(self.order_json(self.order(call, id)?, call)))
    }

    pub(super) fn patch_order(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let order = self.order_mut(call, id)?;
        if order.outcome.is_some() {
            return Err(Issue::OrderAlreadyCompleted.into());
        }
        let patches = call.body.as_array().ok_or(Issue::MalformedRequestJson)?;
        let mut units = order.request.units.clone();
        for patch in patches {
            let path =
                patch["path"].as_str().ok_or_else(|| Issue::MissingRequiredParameter.at("/path", None))?;
            let (reference, field) = patch_target(path)?;
            let unit = units.iter_mut().find(|unit| unit.reference_id == reference);
            let unit = unit.ok_or_else(|| Issue::InvalidJsonPointerFormat.at(path, None))?;
            match (patch["op"].as_str(), &patch["value"]) {
                (Some("add" | "replace"), Value::Null) => {
                    return Err(Issue::PatchValueRequired.at(path, None));
                }
                (Some("add" | "replace"), value) => new_order::change(unit, field, value, path)?,
                (Some("remove"), _) if field != "amount" => {
                    unit.extra.remove(field);
                }
                _ => return Err(Issue::NotPatchable.at(path, None)),
            }
        }
        order.request.units = units;
        order.updated_at = call.now;
        Ok(Reply::new(StatusCode::NO_CONTENT, Value::Null))
    }

    pub(super) fn capture_order(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let scope = format!("capture:{id}");
        if let Some(id) = self.replayed(call, &scope) {
            return self.answer_order(call, &id, StatusCode::OK, true);
        }
        let order = self.order(call, id)?.clone();
        let instrument = self.payable(&order, Intent::Capture, call)?;
        for unit in &order.request.units {
            self.refuse_paid_invoice(call, unit.text("invoice_id"))?;
        }
        self.take_money(call, &order, instrument);
        self.complete(call, id, &scope)
    }

    /// A capture for each unit.
    fn take_money(&mut self, call: &Call, order: &Order, instrument: Instrument) {
        let settlement = match (call.twist, instrument) {
            (Some(Twist::Stuck), _) => Settlement::Pending { until: None, denied: false },
            (_, Instrument::ECheck) => Settlement::clearing(call.now),
            _ => Settlement::Completed,
        };
        for (index, unit) in order.request.units.iter().enumerate() {
            let capture = Capture {
                id: self.core.ids.code("paypal.capture", 17),
                account: order.account.clone(),
                order_id: order.id.clone(),
                unit: index,
                amount: unit.amount.clone(),
                refunded_minor: 0,
                reversed_minor: 0,
                invoice_id: unit.text("invoice_id").map(str::to_owned),
                custom_id: unit.text("custom_id").map(str::to_owned),
                created_at: call.now,
                updated_at: call.now,
                is_final: true,
                settlement,
            };
            self.take_in(call, capture);
        }
    }

    pub(super) fn authorize_order(&mut self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let scope = format!("authorize:{id}");
        if let Some(id) = self.replayed(call, &scope) {
            return self.answer_order(call, &id, StatusCode::OK, true);
        }
        let order = self.order(call, id)?.clone();
        self.payable(&order, Intent::Authorize, call)?;
        for unit in &order.request.units {
            let authorization = Authorization {
                id: self.core.ids.code("paypal.authorization", 17),
                account: order.account.clone(),
                order_id: order.id.clone(),
                amount: unit.amount.clone(),
                captured_minor: 0,
                invoice_id: unit.text("invoice_id").map(str::to_owned),
                custom_id: unit.text("custom_id").map(str::to_owned),
                created_at: call.now,
                updated_at: call.now,
                is_voided: false,
                is_closed: false,
            };
            self.records.authorizations.insert(authorization.id.clone(), authorization);
        }
        self.complete(call, id, &scope)
    }

    pub(super) fn refuse_paid_invoice(&self, call: &Call, invoice_id: Option<&str>) -> Result<(), Problem> {
        match invoice_id {
            Some(invoice) if self.is_paid_invoice(&call.account, invoice) => {
                Err(Issue::DuplicateInvoiceId.at("/purchase_units/invoice_id", Some(invoice)))
            }
            _ => Ok(()),
        }
    }

    /// What the payer approved to pay with, if the order can be paid now. A declined instrument sends the
    /// payer back to choose another.
    fn payable(&mut self, order: &Order, intent: Intent, call: &Call) -> Result<Instrument, Problem> {
        if order.request.intent != intent {
            return Err(Issue::ActionDoesNotMatchIntent.into());
        }
        if order.outcome.is_some() {
            return Err(match intent {
                Intent::Capture => Issue::OrderAlreadyCaptured.into(),
                Intent::Authorize => Issue::OrderAlreadyAuthorized.into(),
            });
        }
        let approval = order.approval.ok_or(Issue::OrderNotApproved)?;
        if approval.instrument == Instrument::Declined || call.twist == Some(Twist::Failed) {
            let order = self.order_mut(call, &order.id)?;
            order.approval = None;
            order.updated_at = call.now;
            let checkout = checkout_url(&call.origin, &order.id);
            return Err(Problem::from(Issue::InstrumentDeclined).with_link("redirect", &checkout));
        }
        Ok(approval.instrument)
    }

    fn complete(&mut self, call: &Call, id: &str, scope: &str) -> Result<Reply, Problem> {
        let order = self.order_mut(call, id)?;
        order.outcome = Some(Outcome::Completed);
        order.updated_at = call.now;
        self.remember(call, scope, id, ORDER_REPLAY);
        self.answer_order(call, id, StatusCode::CREATED, true)
    }

    fn answer_order(
        &self,
        call: &Call,
        id: &str,
        status: StatusCode,
        payments: bool,
    ) -> Result<Reply, Problem> {
        let order = self.order(call, id)?;
        let body = match call.wants_all {
            true => self.order_json(order, call),
            false => self.order_summary(order, call, payments),
        };
        Ok(Reply::new(status, body))
    }
}

/// `/purchase_units/@reference_id=='default'/custom_id` is the field `custom_id` of the unit `default`.
fn patch_target(path: &str) -> Result<(&str, &str), Problem> {
    let rest = path.strip_prefix("/purchase_units/@reference_id=='");
    rest.and_then(|rest| rest.split_once("'/")).ok_or_else(|| Issue::NotPatchable.at(path, None))
}
