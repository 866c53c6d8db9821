//! Organizations, for operators.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Utc;
use domain::identity::Role;
use domain::money::Overflow;
use domain::wallet::TransactionKind;
use domain::{Money, OrganizationId, UserId};
use serde::Deserialize;
use store::identity::read;
use store::vps::read::AnyFilter;
use store::wallet::read::{KindTotal, any_totals_by_kind};
use store::{activity, payment, vps};

use super::limits;
use super::view::{
    LimitForm, OrganizationPage, OrganizationRow, OrganizationView, OrganizationsPage, PersonRow,
};
use crate::access::Operator;
use crate::activity::words::Words;
use crate::billing::terms_of;
use crate::billing::unpaid_view::TermsForm;
use crate::error::{Failure, Result};
use crate::form::Id;
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::{PAGE, Pages};
use crate::wallet::view::Runway;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
    before: Option<OrganizationId>,
}

/// The list.
pub(crate) async fn list(operator: Operator, Query(search): Query<Search>) -> Result {
    let mut db = operator.read_all().await?;
    let mut rows = read::organizations(&mut db, search.q.trim(), search.before, PAGE + 1).await?;
    let older = |last: &read::Organization| {
        link::with_query("/operator/organizations", &[("q", &search.q), ("before", &last.id.to_string())])
    };
    let newest = search.before.map(|_| link::with_query("/operator/organizations", &[("q", &search.q)]));
    let pages = Pages::of(&mut rows, newest, older);
    let organizations = rows.into_iter().map(row).collect::<Result<_, _>>()?;
    db.show(&OrganizationsPage { q: search.q, organizations, pages })
}

fn row(o: read::Organization) -> Result<OrganizationRow, Overflow> {
    Ok(OrganizationRow {
        id: o.id.to_string(),
        lasts: Runway::new(o.funds().spendable()?, o.burn, Utc::now()).short,
        name: o.name,
        owner: o.owner.unwrap_or_default(),
        available: o.available,
        receivable: o.receivable.is_positive().then_some(o.receivable),
        burn: o.burn,
        vps_count: o.vps_count,
        created_at: o.created_at,
    })
}

/// One organization.
pub(crate) async fn show(operator: Operator, Id(id): Id<OrganizationId>) -> Result {
    page(&operator, id, StatusCode::OK, None, None).await
}

/// The page of one organization, with its forms as they were sent, if one was.
pub(crate) async fn page(
    operator: &Operator,
    id: OrganizationId,
    status: StatusCode,
    limit: Option<LimitForm>,
    terms: Option<TermsForm>,
) -> Result {
    let mut db = operator.read_all().await?;
    let organization = read::organization(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let members = read::members(&mut db, id).await?;
    let top_ups = payment::read::of_organization(&mut db, id, 10).await?;
    let paid_in = payment::read::paid_in(&mut db, id).await?;
    let filter = AnyFilter { organization: Some(id), ..Default::default() };
    let vps = vps::read::list_all(&mut db, &filter, None, PAGE).await?;
    let notable = activity::read::AnyFilter { organization: Some(id), without_charges: true };
    let entries = activity::read::list_all(&mut db, notable, None, 10).await?;
    let limits = limits::of(&mut db, id).await?;
    let terms = match terms {
        Some(sent) => sent,
        None => terms_of(&mut db, &operator.state, id).await?,
    };
    let words = Words::for_operators(&operator.state.currency);
    let totals = any_totals_by_kind(&mut db, id).await?;
    let hours = [TransactionKind::Capture, TransactionKind::Charge, TransactionKind::Accrual];
    let charged = totals.iter().filter(|t| hours.contains(&t.kind)).map(KindTotal::amount);
    let charged = Money::total(charged)?.negated()?;
    let page = OrganizationPage {
        organization: OrganizationView {
            id: id.to_string(),
            lasts: Runway::new(organization.funds().spendable()?, organization.burn, Utc::now()).short,
            name: organization.name,
            created_at: organization.created_at,
            available: organization.available,
            held: organization.held,
            receivable: organization.receivable,
            burn: organization.burn,
            paid_in,
            charged,
        },
        people: members.into_iter().map(person).collect(),
        top_ups: top_ups.into_iter().map(Into::into).collect(),
        vps: vps.into_iter().map(Into::into).collect(),
        limits,
        limit: limit.unwrap_or_default(),
        terms,
        activity: entries.into_iter().map(|entry| words.entry(entry)).collect(),
    };
    db.show_with(status, &page)
}

/// Shuts a person out.
pub(crate) async fn suspend(operator: Operator, Id(id): Id<UserId>) -> Result {
    let organization = app::identity::suspend(&operator.state.app, &operator.operator, id).await?;
    Ok(back(&operator, organization, Said::PersonSuspended))
}

/// Lets a person in again.
pub(crate) async fn resume(operator: Operator, Id(id): Id<UserId>) -> Result {
    let organization = app::identity::resume(&operator.state.app, &operator.operator, id).await?;
    Ok(back(&operator, organization, Said::PersonResumed))
}

fn back(operator: &Operator, organization: OrganizationId, said: Said) -> Response {
    see_other_saying(&operator.state, &format!("/operator/organizations/{organization}"), said)
}

fn person(member: read::Member) -> PersonRow {
    PersonRow {
        id: member.id.to_string(),
        name: member.name,
        email: member.email,
        role: match member.role {
            Role::Owner => "Owner",
            Role::Member => "Member",
        },
        operator: member.platform_role.is_some(),
        suspended: member.suspended,
    }
}
