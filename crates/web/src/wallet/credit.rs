//! Credits of an organization, for its people: what there is, and turning a code into one.

use axum_extra::extract::Form;
use chrono::Utc;
use domain::Money;
use domain::wallet::CreditSource;
use domain::wallet::attribution::{Attribution, CREDIT};
use serde::Deserialize;
use store::wallet::attribution;
use store::wallet::credit::{self as rows, Credit};

use super::show::{Asked, page};
use super::view::{CreditRow, CreditsPage};
use crate::access::{Member, may};
use crate::error::Result;
use crate::form::refused;
use crate::toast::{Said, see_other_saying};
use crate::view::Chip;

/// Credits on the page.
const CREDITS: i64 = 200;

/// A code as it was typed.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    code: String,
}

/// Turns a code into a credit.
pub(crate) async fn redeem(member: Member<may::WalletTopUp>, Form(form): Form<Typed>) -> Result {
    match app::wallet::redeem(&member.state.app, &member.caller, &form.code, None).await {
        Ok(_) => Ok(see_other_saying(&member.state, "/wallet", Said::CodeRedeemed)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            // Whatever is wrong is wrong with the code: the page has another form.
            let errors = errors.into_values().map(|message| ("code".to_owned(), message)).collect();
            page(&member, status, Asked::code(form.code), errors).await
        }
    }
}

/// All of them, with what is left.
pub(crate) async fn list(member: Member<may::WalletView>) -> Result {
    let mut db = member.read().await?;
    let credits = rows::list(&mut *db, None, CREDITS).await?;
    let money = match credits.is_empty() {
        true => Attribution::default(),
        false => attribution(&mut *db).await?,
    };
    let credits = credits.into_iter().map(|credit| row(credit, &money)).collect();
    db.show(&CreditsPage { credits })
}

/// A credit with what is left of it.
pub(super) fn row(credit: Credit, money: &Attribution) -> CreditRow {
    let left = Money::total(money.lots_of(CREDIT, credit.id).map(|lot| lot.left())).unwrap_or_default();
    let ended = credit.expires_at.is_some_and(|at| at <= Utc::now());
    CreditRow {
        source: match credit.source {
            CreditSource::Promotion => "Promotion",
            CreditSource::Voucher => "Voucher",
            CreditSource::Goodwill => "Goodwill",
        },
        reason: credit.reason,
        amount: credit.amount,
        left,
        status: Chip::credit(left.is_positive(), ended),
        expires_at: credit.expires_at,
        created_at: credit.created_at,
    }
}
