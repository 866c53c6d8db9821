//! Signed statements: the page that offers them, the file, and the keys to check it with.

use app::wallet::statement::{StatementKeys, make};
use axum::Json;
use axum::extract::Query;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use domain::billing::month_of;
use serde::{Deserialize, Serialize};

use crate::access::{Member, Public, may};
use crate::error::{Failure, Result};
use crate::templates::Page;
use crate::view::Choice;

/// Months to choose from.
const MONTHS: u32 = 24;

/// The page that offers statements.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LedgerPage {
    pub(crate) months: Vec<Choice>,
    /// The public key statements are signed with; `None` when they are not set up.
    pub(crate) key: Option<String>,
    pub(crate) key_id: Option<String>,
}

impl Page for LedgerPage {
    const TEMPLATE: &'static str = "wallet/ledger.html";
}

/// A month, or some days (UTC): the first and the one after the last.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AskedPeriod {
    month: Option<String>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
}

impl AskedPeriod {
    fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        match &self.month {
            Some(month) => days(Some(format!("{month}-01").parse().ok()?), None),
            None => days(self.from, self.until),
        }
    }
}

/// The days of a statement: from the beginning of the running month if nobody says, and for a month.
pub(crate) fn days(from: Option<NaiveDate>, until: Option<NaiveDate>) -> Option<(NaiveDate, NaiveDate)> {
    let from = from.unwrap_or_else(|| month_of(Utc::now()));
    let until = until.or_else(|| from.checked_add_months(Months::new(1)))?;
    Some((from, until))
}

/// The page.
pub(crate) async fn show(member: Member<may::WalletView>) -> Result {
    let key = member.state.app.statement_keys().current();
    let page = LedgerPage {
        months: months(month_of(Utc::now())),
        key: key.map(|key| key.to_string()),
        key_id: key.map(|key| key.id()),
    };
    member.read().await?.show(&page)
}

fn months(this: NaiveDate) -> Vec<Choice> {
    let months = (0..MONTHS).filter_map(|back| this.checked_sub_months(Months::new(back)));
    months.map(|m| Choice::new(m.format("%Y-%m").to_string(), m.format("%B %Y").to_string())).collect()
}

/// The file.
pub(crate) async fn download(member: Member<may::WalletView>, Query(asked): Query<AskedPeriod>) -> Result {
    let (from, until) = asked.days().ok_or_else(|| {
        app::Error::invalid("month", "Say a month, such as 2026-11, or two days: from and until.")
    })?;
    let text = make(&member.state.app, &member.caller, midnight(from), midnight(until)).await?;
    Ok(file(from, until, text))
}

/// The beginning of a day (UTC).
pub(crate) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// A statement to be kept.
pub(crate) fn file(from: NaiveDate, until: NaiveDate, text: String) -> Response {
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"ledger-{from}-{until}.jsonl\"")),
    ];
    (headers, text).into_response()
}

/// The keys as programs read them.
#[derive(Debug, Serialize)]
struct PublishedKeys {
    keys: Vec<PublishedKey>,
}

#[derive(Debug, Serialize)]
struct PublishedKey {
    id: String,
    algorithm: &'static str,
    /// The base64 of its 32 bytes.
    public: String,
    /// Does it sign new statements?
    signs: bool,
}

impl PublishedKeys {
    fn of(keys: &StatementKeys) -> Self {
        let current = keys.current();
        let published = keys.known().iter().map(|key| PublishedKey {
            id: key.id(),
            algorithm: "Ed25519",
            public: key.to_string(),
            signs: Some(*key) == current,
        });
        Self { keys: published.collect() }
    }
}

/// The public keys that statements were ever signed with.
pub(crate) async fn keys(public: Public) -> Result<Response, Failure> {
    Ok(Json(PublishedKeys::of(public.state.app.statement_keys())).into_response())
}
