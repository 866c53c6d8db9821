//! A customer's wallet, for operators: every movement, credits and corrections.

use app::IdempotencyKey;
use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::wallet::AdjustmentState;
use domain::{AdjustmentId, OrganizationId};
use serde::Deserialize;
use store::identity::read;
use store::wallet::adjustment::{Adjustment, list as adjustments};
use store::wallet::read::{Movement, any_movements, any_totals_by_kind};
use uuid::Uuid;

use super::campaign::number;
use super::ledger::{AskedKind, kinds};
use super::operator_view::{
    AdjustmentForm, AdjustmentRow, AdjustmentsPage, GoodwillForm, OrganizationWalletPage,
};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, amount, refused};
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::{PAGE, Pages};

const ADJUSTMENTS: &str = "/operator/adjustments";

/// Where in the ledger.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    before: Option<i64>,
    #[serde(default)]
    kind: AskedKind,
}

fn here(id: OrganizationId) -> String {
    format!("/operator/organizations/{id}/wallet")
}

/// The page.
pub(crate) async fn show(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Query(asked): Query<Asked>,
) -> Result {
    page(&operator, id, StatusCode::OK, asked, GoodwillForm::default(), AdjustmentForm::default()).await
}

async fn page(
    operator: &Operator,
    id: OrganizationId,
    status: StatusCode,
    asked: Asked,
    goodwill: GoodwillForm,
    adjustment: AdjustmentForm,
) -> Result {
    let mut db = operator.read_all().await?;
    let organization = read::organization(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let mut rows = any_movements(&mut db, id, asked.kind.0, asked.before, PAGE + 1).await?;
    let totals = any_totals_by_kind(&mut db, id).await?;
    let auto = store::payment::auto::of_organization(&mut db, id).await?;
    let corrections = adjustments(&mut db, Some(id), 20).await?;
    let here = here(id);
    let kind = asked.kind.word();
    let older =
        |last: &Movement| link::with_query(&here, &[("kind", kind), ("before", &last.sequence.to_string())]);
    let newest = asked.before.map(|_| link::with_query(&here, &[("kind", kind)]));
    let pages = Pages::of(&mut rows, newest, older);
    let page = OrganizationWalletPage {
        id: id.to_string(),
        name: organization.name,
        available: organization.available,
        held: organization.held,
        receivable: organization.receivable,
        kinds: kinds(&totals, &here, asked.kind),
        all: here.clone(),
        filtered: asked.kind.0.is_some(),
        transactions: rows.into_iter().map(Into::into).collect(),
        pages,
        auto: auto.map(Into::into),
        adjustments: corrections.into_iter().map(|one| row(one, operator)).collect(),
        currency_sign: operator.state.currency.sign().to_owned(),
        limit: operator.state.app.settings().adjustment_limit,
        form_key: Uuid::new_v4().to_string(),
        goodwill,
        adjustment,
    };
    db.show_with(status, &page)
}

fn row(adjustment: Adjustment, operator: &Operator) -> AdjustmentRow {
    let own = adjustment.requested_by == operator.caller.identity.user_id;
    AdjustmentRow {
        id: adjustment.id.to_string(),
        organization_id: adjustment.organization_id.to_string(),
        lapses_at: adjustment.lapses_at(app::wallet::LAPSE),
        pending: adjustment.state == AdjustmentState::Pending,
        status: adjustment.state.into(),
        organization: adjustment.organization,
        amount: adjustment.amount,
        reason: adjustment.reason,
        requester: adjustment.requester.unwrap_or_else(|| "Somebody who left".to_owned()),
        own,
        created_at: adjustment.created_at,
    }
}

/// The same form, the same money: a second click gives nothing more.
fn key(form_key: &str, here: &str, fields: &[&str]) -> Result<IdempotencyKey, app::Error> {
    IdempotencyKey::new(form_key, "POST", here, fields.join("\n").as_bytes())
}

/// A credit as it was typed.
#[derive(Debug, Deserialize)]
pub(crate) struct NewGoodwill {
    amount: String,
    reason: String,
    #[serde(default)]
    days: String,
    form_key: String,
}

/// Gives a credit.
pub(crate) async fn grant(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Form(form): Form<NewGoodwill>,
) -> Result {
    let given = async {
        let key = key(&form.form_key, "credits", &[&form.amount, &form.reason, &form.days])?;
        let amount = amount("amount", &form.amount)?;
        let new =
            app::wallet::NewGoodwill { amount, reason: &form.reason, days: number("days", &form.days)? };
        app::wallet::grant(&operator.state.app, &operator.operator, id, new, Some(&key)).await
    };
    match given.await {
        Ok(_) => Ok(see_other_saying(&operator.state, &here(id), Said::CreditGranted)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            let NewGoodwill { amount, reason, days, .. } = form;
            let form = GoodwillForm { amount, reason, days, errors };
            page(&operator, id, status, Asked::default(), form, AdjustmentForm::default()).await
        }
    }
}

/// A correction as it was typed.
#[derive(Debug, Deserialize)]
pub(crate) struct NewAdjustment {
    amount: String,
    reason: String,
    form_key: String,
}

/// Corrects a wallet, or asks another operator to agree.
pub(crate) async fn adjust(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Form(form): Form<NewAdjustment>,
) -> Result {
    let done = async {
        let key = key(&form.form_key, "adjustments", &[&form.amount, &form.reason])?;
        let amount = amount("amount", &form.amount)?;
        let (app, operator) = (&operator.state.app, &operator.operator);
        app::wallet::adjust(app, operator, id, amount, &form.reason, Some(&key)).await
    };
    match done.await {
        Ok(done) => {
            let said = match done.effect().1 {
                AdjustmentState::Pending => Said::AdjustmentRequested,
                _ => Said::AdjustmentApplied,
            };
            Ok(see_other_saying(&operator.state, &here(id), said))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            let form = AdjustmentForm { amount: form.amount, reason: form.reason, errors };
            page(&operator, id, status, Asked::default(), GoodwillForm::default(), form).await
        }
    }
}

/// Corrections that wait for a second operator.
pub(crate) async fn pending(operator: Operator) -> Result {
    list(&operator, StatusCode::OK, crate::view::Errors::new()).await
}

async fn list(operator: &Operator, status: StatusCode, errors: crate::view::Errors) -> Result {
    let mut db = operator.read_all().await?;
    let rows = adjustments(&mut db, None, 200).await?;
    let adjustments = rows.into_iter().map(|one| row(one, operator)).collect();
    db.show_with(status, &AdjustmentsPage { adjustments, errors })
}

/// Agrees to one.
pub(crate) async fn approve(operator: Operator, Id(id): Id<AdjustmentId>) -> Result {
    let done = app::wallet::approve(&operator.state.app, &operator.operator, id).await;
    decided(&operator, done, Said::AdjustmentApplied).await
}

/// Refuses one.
pub(crate) async fn reject(operator: Operator, Id(id): Id<AdjustmentId>) -> Result {
    let done = app::wallet::reject(&operator.state.app, &operator.operator, id).await;
    decided(&operator, done, Said::AdjustmentRejected).await
}

async fn decided(operator: &Operator, done: Result<OrganizationId, app::Error>, said: Said) -> Result {
    match done {
        Ok(_) => Ok(see_other_saying(&operator.state, ADJUSTMENTS, said)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            list(operator, status, errors).await
        }
    }
}
