//! The wallet page.

use axum::extract::Query;
use axum::http::StatusCode;
use chrono::Utc;
use domain::Money;
use domain::money::Overflow;
use serde::Deserialize;
use store::payment;
use store::wallet::read::{self, Balance, Movement};

use super::ledger::{AskedKind, kinds};
use super::view::{BalanceFragment, Runway, Suggestion, TopUpRow, WalletPage, WalletView};
use crate::access::{Member, Session, may};
use crate::error::Result;
use crate::link;
use crate::view::{Errors, PAGE, Pages};

/// Payments shown beside the ledger.
const TOP_UPS: i64 = 5;
/// Amounts that people often add, in whole currency units.
const SUGGESTIONS: [i64; 4] = [10, 25, 50, 100];

/// Where in the ledger, and what the form begins with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    before: Option<i64>,
    #[serde(default)]
    kind: AskedKind,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    code: String,
}

impl Asked {
    /// The form as it was sent.
    pub(crate) fn form(amount: String, next: String) -> Self {
        Self { amount, next, ..Self::default() }
    }

    /// The form for codes as it was sent.
    pub(super) fn code(code: String) -> Self {
        Self { code, ..Self::default() }
    }
}

/// The page.
pub(crate) async fn show(member: Member<may::WalletView>, Query(asked): Query<Asked>) -> Result {
    page(&member, StatusCode::OK, asked, Errors::new()).await
}

/// The page, with what is wrong in its form.
pub(crate) async fn page(session: &Session, status: StatusCode, asked: Asked, errors: Errors) -> Result {
    let mut db = session.read().await?;
    let mut rows = read::movements(&mut db, asked.kind.0, asked.before, PAGE + 1).await?;
    let totals = read::totals_by_kind(&mut db).await?;
    let top_ups = payment::read::list(&mut db, None, TOP_UPS).await?;
    let auto = payment::auto::current(&mut db).await?;
    let kind = asked.kind.word();
    let at = |before: &str| link::with_query("/wallet", &[("kind", kind), ("before", before)]);
    let older = |last: &Movement| at(&last.sequence.to_string());
    let pages = Pages::of(&mut rows, asked.before.map(|_| at("")), older);
    let before = asked.before.map(|sequence| sequence.to_string()).unwrap_or_default();
    let settings = session.state.app.settings();
    let page = WalletPage {
        wallet: wallet_view(db.balance, settings.reserve_hours)?,
        transactions: rows.into_iter().map(Into::into).collect(),
        pages,
        here: at(&before),
        kinds: kinds(&totals, "/wallet", asked.kind),
        filtered: asked.kind.0.is_some(),
        code: asked.code,
        auto: auto.map(Into::into),
        top_ups: top_ups.into_iter().map(Into::into).collect(),
        currency: session.state.currency.code().to_owned(),
        currency_sign: session.state.currency.sign().to_owned(),
        amount: asked.amount,
        next: asked.next,
        suggestions: suggestions(session),
        tax: settings.tax,
        errors,
    };
    db.show_with(status, &page)
}

fn suggestions(session: &Session) -> Vec<Suggestion> {
    let settings = session.state.app.settings();
    let amounts = SUGGESTIONS.iter().map(|units| (units, Money::from_micros(units * 1_000_000)));
    amounts
        .filter(|(_, amount)| *amount >= settings.top_up_min && *amount <= settings.top_up_max)
        .map(|(units, amount)| Suggestion {
            value: amount.display(2),
            label: session.state.currency.write(&units.to_string()),
        })
        .collect()
}

/// The balance of the top bar alone.
pub(crate) async fn balance(member: Member<may::WalletView>) -> Result {
    member.read().await?.show(&BalanceFragment {})
}

/// The figures of a wallet.
pub(crate) fn wallet_view(balance: Balance, reserve_hours: i64) -> Result<WalletView, Overflow> {
    Ok(WalletView {
        available: balance.available,
        held: balance.held,
        receivable: balance.receivable.is_positive().then_some(balance.receivable),
        burn: balance.burn,
        burn_day: balance.burn.times(24)?,
        runway: Runway::new(balance.funds().spendable()?, balance.burn, Utc::now()),
        credit: balance.credit_limit.is_positive().then_some(balance.credit_limit),
        suspended: balance.suspended,
        missing: balance
            .funds()
            .missing(balance.burn.plus(balance.suspended_burn)?, reserve_hours)?
            .rounded_up(2)?,
        kept_until: balance.kept_until,
        runway_rule: reserve_hours,
    })
}

impl From<payment::read::TopUp> for TopUpRow {
    fn from(top_up: payment::read::TopUp) -> Self {
        Self {
            id: top_up.id.to_string(),
            amount: top_up.captured.unwrap_or(top_up.amount),
            status: top_up.state.into(),
            automatic: top_up.automatic,
            at: top_up.created_at,
        }
    }
}
