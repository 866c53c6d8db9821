//! The wallet page.

use axum::extract::Query;
use axum::http::StatusCode;
use chrono::Utc;
use domain::Money;
use domain::money::Overflow;
use domain::wallet::{Account, TransactionKind};
use serde::Deserialize;
use store::payment;
use store::wallet::read::{self, Balance, Movement};

use super::view::{
    BalanceFragment, LineView, Runway, Suggestion, TopUpRow, TransactionView, WalletPage, WalletView,
};
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
    amount: String,
    #[serde(default)]
    next: String,
}

impl Asked {
    /// The form as it was sent.
    pub(crate) fn form(amount: String, next: String) -> Self {
        Self { before: None, amount, next }
    }
}

/// The page.
pub(crate) async fn show(member: Member<may::WalletView>, Query(asked): Query<Asked>) -> Result {
    page(&member, StatusCode::OK, asked, Errors::new()).await
}

/// The page, with what is wrong in its form.
pub(crate) async fn page(session: &Session, status: StatusCode, asked: Asked, errors: Errors) -> Result {
    let mut db = session.read().await?;
    let mut rows = read::movements(&mut db, asked.before, PAGE + 1).await?;
    let top_ups = payment::read::list(&mut db, None, TOP_UPS).await?;
    let older = |last: &Movement| link::with_query("/wallet", &[("before", &last.sequence.to_string())]);
    let pages = Pages::of(&mut rows, asked.before.map(|_| "/wallet".to_owned()), older);
    let before = asked.before.map(|sequence| sequence.to_string()).unwrap_or_default();
    let settings = session.state.app.settings();
    let page = WalletPage {
        wallet: wallet_view(db.balance, settings.reserve_hours)?,
        transactions: rows.into_iter().map(Into::into).collect(),
        pages,
        here: link::with_query("/wallet", &[("before", &before)]),
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

impl From<Movement> for TransactionView {
    fn from(movement: Movement) -> Self {
        use TransactionKind as K;
        let (icon, title, note) = match movement.kind {
            K::TopUp => ("arrow-down-left", "Payment", None),
            K::Hold => ("lock", "Held for an order", Some("first hour")),
            K::Release => ("arrow-down-left", "Given back", Some("order not carried out")),
            K::Capture => ("clock", "First hour charged", Some("from held")),
            K::Charge => ("clock", "Hours charged", None),
            K::Accrual => ("clock", "Hours on account", Some("added to what you owe")),
            K::Settlement => ("receipt", "Debt paid", Some("from your wallet")),
        };
        let about = match (movement.vps_name, movement.hours) {
            (Some(name), _) => Some(name),
            (None, Some(1)) => Some("1 hour".to_owned()),
            (None, Some(hours)) => Some(format!("{hours} hours")),
            (None, None) => None,
        };
        Self {
            id: movement.id.to_string(),
            sequence: movement.sequence,
            icon,
            title,
            about,
            note: note.map(str::to_owned),
            at: movement.created_at,
            change: headline(&movement.lines),
            aside: movement.lines.iter().all(|line| line.0 != Account::Wallet),
            lines: movement
                .lines
                .into_iter()
                .map(|(account, amount)| LineView { account: label(account), amount })
                .collect(),
        }
    }
}

/// What a movement did to the money the customer looks at: available, else held, else owed.
fn headline(lines: &[(Account, Money)]) -> Money {
    let of = |account| lines.iter().find(|line| line.0 == account).map(|line| line.1);
    of(Account::Wallet).or(of(Account::Held)).or(of(Account::Receivable)).unwrap_or_default()
}

fn label(account: Account) -> &'static str {
    match account {
        Account::Wallet => "Available",
        Account::Held => "Held",
        Account::Receivable => "Owed",
        Account::GatewayClearing => "Paid through PayPal",
        Account::Revenue => "Charged",
        Account::CreditsGiven => "Credit",
        Account::TaxPayable => "Tax",
        Account::Chargebacks => "Taken back by the payer",
        Account::Adjustments => "Correction",
    }
}

impl From<payment::read::TopUp> for TopUpRow {
    fn from(top_up: payment::read::TopUp) -> Self {
        Self {
            id: top_up.id.to_string(),
            amount: top_up.captured.unwrap_or(top_up.amount),
            status: top_up.state.into(),
            at: top_up.created_at,
        }
    }
}
