//! Refunds, disputes and what the gateway tells, for operators.

use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::payment::{digits, payable};
use domain::{OrganizationId, TopUpId};
use serde::Deserialize;
use store::identity::read as organizations;
use store::payment::{difference, dispute, event, refund};

use super::operator_view::{
    DifferenceRow, DisputeRow, EventRow, OrganizationPaymentsPage, PaidForRow, PaymentsPage, RefundForm,
    RefundableRow, WebhookView,
};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, amount, refused};
use crate::toast::{Said, see_other_saying};

/// Disputes on the page.
const DISPUTES: i64 = 50;
/// Messages on the page.
const EVENTS: i64 = 20;
/// Refunds on the page.
const REFUNDS: i64 = 50;

/// Disputes, differences and the webhook's health.
pub(crate) async fn show(operator: Operator) -> Result {
    let mut db = operator.read_all().await?;
    let mut disputes = Vec::new();
    for one in dispute::all(&mut db, DISPUTES).await? {
        let paid_for = dispute::paid_for(&mut db, one.organization_id, one.paid_at).await?;
        disputes.push(dispute_row(one, paid_for));
    }
    let differences = difference::all(&mut db).await?.into_iter();
    let health = event::health(&mut db).await?;
    let events = event::newest(&mut db, EVENTS).await?.into_iter();
    let page = PaymentsPage {
        disputes,
        differences: differences
            .map(|one| DifferenceRow { what: one.what, since: one.first_seen_at, settling: one.seen < 2 })
            .collect(),
        webhook: WebhookView {
            configured: operator.state.app.settings().webhook,
            last_at: health.last_at,
            genuine: health.genuine,
            refused: health.refused,
            waiting: health.waiting,
        },
        events: events
            .map(|one| EventRow {
                id: one.event_ref,
                kind: one.kind,
                state: one.state,
                detail: one.detail,
                at: one.received_at,
            })
            .collect(),
    };
    db.show(&page)
}

fn dispute_row(one: dispute::Any, paid_for: Vec<dispute::PaidFor>) -> DisputeRow {
    DisputeRow {
        organization_id: one.organization_id.to_string(),
        organization: one.organization,
        reference: one.dispute_ref,
        status: one.state.into(),
        stage: one.stage,
        reason: one.reason,
        captured: one.captured.unwrap_or_default(),
        disputed: one.disputed,
        frozen: one.frozen,
        paid_at: one.paid_at,
        opened_at: one.opened_at,
        paid_for: paid_for
            .into_iter()
            .map(|vps| PaidForRow { name: vps.name, charged: vps.charged })
            .collect(),
    }
}

/// What an organization paid, what of it can go back, and what went back.
pub(crate) async fn organization(operator: Operator, Id(id): Id<OrganizationId>) -> Result {
    page(&operator, id, StatusCode::OK, RefundForm::default()).await
}

async fn page(operator: &Operator, id: OrganizationId, status: StatusCode, form: RefundForm) -> Result {
    let mut db = operator.read_all().await?;
    let organization = organizations::organization(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let refundable = refund::refundable(&mut db, id).await?.into_iter();
    let refunds = refund::of_organization(&mut db, id, REFUNDS).await?;
    let page = OrganizationPaymentsPage {
        id: id.to_string(),
        name: organization.name,
        available: organization.available,
        refundable: refundable
            .map(|one| {
                let most = payable(one.left.min(organization.available), &one.currency);
                RefundableRow {
                    id: one.id.to_string(),
                    captured: one.captured,
                    most,
                    value: most.display(digits(&one.currency)),
                    at: one.created_at,
                }
            })
            .collect(),
        refunds: refunds.into_iter().map(Into::into).collect(),
        form,
    };
    db.show_with(status, &page)
}

/// A refund to make.
#[derive(Debug, Deserialize)]
pub(crate) struct NewRefundForm {
    top_up: String,
    amount: String,
    reason: String,
}

/// Gives money back to the payer.
pub(crate) async fn refund(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Form(form): Form<NewRefundForm>,
) -> Result {
    let asked = async {
        let top_up: TopUpId =
            form.top_up.parse().map_err(|_| app::Error::invalid("top_up", "Choose a payment."))?;
        let amount = amount("amount", &form.amount)?;
        app::payment::refund(&operator.state.app, &operator.operator, id, top_up, amount, &form.reason).await
    };
    match asked.await {
        Ok(_) => {
            let here = format!("/operator/organizations/{id}/payments");
            Ok(see_other_saying(&operator.state, &here, Said::RefundAsked))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            let NewRefundForm { top_up, amount, reason } = form;
            page(&operator, id, status, RefundForm { top_up, amount, reason, errors }).await
        }
    }
}
