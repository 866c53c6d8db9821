//! Paying into the wallet: begin, follow, come back.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum_extra::extract::Form;
use domain::TopUpId;
use domain::payment::TopUpState;
use serde::Deserialize;
use store::billing::{document, tax};
use store::payment::read::{self, TopUp};
use store::payment::{dispute, refund};

use super::view::{DisputedRow, TopUpPage, Visit, steps, steps_by_itself};
use crate::access::{Member, may};
use crate::cookie::{Cookies, NewCookie};
use crate::error::{Failure, Result};
use crate::form::{Id, amount, refused};
use crate::toast::see_other;
use crate::{billing, link, wallet};

/// Where the customer was before, kept while they pay.
const NEXT: &str = "after_top_up";
/// How long it is kept.
const NEXT_SECONDS: i64 = 60 * 60;

/// What to add, and where to go afterwards.
#[derive(Debug, Deserialize)]
pub(crate) struct NewTopUp {
    amount: String,
    #[serde(default)]
    next: String,
}

/// Begins a top-up and shows how it goes.
pub(crate) async fn begin(member: Member<may::WalletTopUp>, Form(form): Form<NewTopUp>) -> Result {
    let asked = async {
        let amount = amount("amount", &form.amount)?;
        app::payment::begin_top_up(&member.state.app, &member.caller, amount, None).await
    };
    let id = match asked.await {
        Ok(done) => done.effect(),
        Err(error) => {
            let (status, errors) = refused(error)?;
            return wallet::page(&member, status, wallet::Asked::form(form.amount, form.next), errors).await;
        }
    };
    let mut response = see_other(&here(id, Visit::Pay));
    let next = link::own_path(&form.next).map(link::to_cookie).unwrap_or_default();
    let max_age = if next.is_empty() { 0 } else { NEXT_SECONDS };
    NewCookie { name: NEXT, value: &next, max_age, hidden: true }
        .set(&mut response, member.state.is_secure());
    Ok(response)
}

fn here(id: TopUpId, visit: Visit) -> String {
    link::with_query(&format!("/wallet/top-ups/{id}"), &[("visit", visit.as_str())])
}

/// Why the page is looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    visit: Option<Visit>,
}

/// How a top-up goes.
pub(crate) async fn show(
    member: Member<may::WalletView>,
    Id(id): Id<TopUpId>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result {
    let mut db = member.read().await?;
    let top_up = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let next = Cookies::of(&headers).get(NEXT).and_then(link::from_cookie);
    let paid = top_up.captured.unwrap_or(top_up.amount);
    let tax = billing::lines(tax::of_top_up(&mut db, id).await?, paid)?;
    let receipt = document::receipt_of(&mut *db, id).await?;
    let mut page = page(top_up, asked.visit.unwrap_or(Visit::Look), next);
    // What is owed to the tax office is read before going on to pay.
    page.follow = page.follow && tax.is_none();
    page.tax = tax;
    page.receipt = receipt.map(|receipt| format!("/billing/documents/{receipt}"));
    page.refunds = refund::shown_of(&mut db, id).await?.into_iter().map(Into::into).collect();
    page.disputes = dispute::shown_of(&mut db, id).await?.into_iter().map(disputed).collect();
    db.show(&page)
}

fn page(top_up: TopUp, visit: Visit, next: Option<String>) -> TopUpPage {
    let waits = top_up.state == TopUpState::AwaitingApproval && visit != Visit::Returned;
    TopUpPage {
        id: top_up.id.to_string(),
        here: here(top_up.id, visit),
        amount: top_up.captured.unwrap_or(top_up.amount),
        created_at: top_up.created_at,
        state: top_up.state,
        status: top_up.state.into(),
        steps: match top_up.automatic {
            true => steps_by_itself(top_up.state, top_up.failure),
            false => steps(top_up.state, visit, top_up.failure),
        },
        automatic: top_up.automatic,
        approve_href: top_up.approve_url.filter(|url| waits && is_web(url)),
        follow: visit == Visit::Pay,
        declined: visit == Visit::Declined,
        over: top_up.state.is_final(),
        tax: None,
        receipt: None,
        refunds: Vec::new(),
        disputes: Vec::new(),
        next,
    }
}

fn disputed(one: dispute::Shown) -> DisputedRow {
    DisputedRow {
        disputed: one.disputed,
        held: Some(one.frozen).filter(|held| held.is_positive()),
        status: one.state.into(),
        at: one.opened_at,
    }
}

/// Only such an address is made a link.
pub(super) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Back from PayPal: asks for the money to be taken, and shows how that goes.
pub(crate) async fn returned(member: Member<may::WalletTopUp>, Id(id): Id<TopUpId>) -> Result {
    app::payment::ask_for_capture(&member.state.app, &member.caller, id).await?;
    Ok(see_other(&here(id, Visit::Returned)))
}

/// Back from PayPal without paying.
pub(crate) async fn cancelled(member: Member<may::WalletView>, Id(id): Id<TopUpId>) -> Result {
    let mut db = member.read().await?;
    read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    Ok(see_other(&here(id, Visit::Declined)))
}
