//! What wallet pages show.

use chrono::{DateTime, Duration, Utc};
use domain::Money;
use domain::billing::runway_hours;
use serde::Serialize;

use crate::format;
use crate::payment::auto_view::AutoView;
use crate::templates::Page;
use crate::view::{Chip, Errors, Pages};

/// Below this many hours the wallet is shown as running out.
const LOW: i64 = 72;
/// Below this many hours it is shown as nearly empty.
const CRITICAL: i64 = 24;
/// Beyond this many hours a date says nothing.
const HORIZON: i64 = 24 * 3650;

/// How long the wallet lasts at the present burn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Runway {
    /// `none`, `ok`, `low` or `critical`.
    pub(crate) level: &'static str,
    /// `12 days`.
    pub(crate) short: String,
    /// When it ends; `None` when nothing burns.
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Runway {
    pub(crate) fn new(available: Money, burn: Money, now: DateTime<Utc>) -> Self {
        let Some(hours) = runway_hours(available, burn) else {
            return Self { level: "none", short: "—".to_owned(), until: None };
        };
        let level = match hours {
            ..CRITICAL => "critical",
            CRITICAL..LOW => "low",
            _ => "ok",
        };
        Self {
            level,
            short: format::hours(hours),
            until: Some(now + Duration::hours(hours.clamp(0, HORIZON))),
        }
    }
}

/// The figures of a wallet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WalletView {
    pub(crate) available: Money,
    pub(crate) held: Money,
    /// `None` when nothing is owed.
    pub(crate) receivable: Option<Money>,
    pub(crate) burn: Money,
    pub(crate) burn_day: Money,
    pub(crate) runway: Runway,
    /// How much may be owed before anything is suspended; `None` without a credit line.
    pub(crate) credit: Option<Money>,
    /// Are VPSs kept off because the wallet is empty?
    pub(crate) suspended: bool,
    /// What must be paid in before these run again.
    pub(crate) missing: Money,
    /// When they are destroyed, once that was announced.
    pub(crate) kept_until: Option<DateTime<Utc>>,
    /// Hours a wallet must cover.
    pub(crate) runway_rule: i64,
}

/// The wallet page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WalletPage {
    pub(crate) wallet: WalletView,
    pub(crate) transactions: Vec<TransactionView>,
    pub(crate) pages: Pages,
    /// This page's own address.
    pub(crate) here: String,
    /// What each kind of movement adds up to.
    pub(crate) kinds: Vec<KindView>,
    /// Is only one kind shown?
    pub(crate) filtered: bool,
    /// A code as it was typed.
    pub(crate) code: String,
    /// How automatic top-ups stand; `None` before they were ever set up.
    pub(crate) auto: Option<AutoView>,
    pub(crate) top_ups: Vec<TopUpRow>,
    pub(crate) currency: String,
    pub(crate) currency_sign: String,
    pub(crate) amount: String,
    pub(crate) next: String,
    pub(crate) suggestions: Vec<Suggestion>,
    /// Do payments hold tax?
    pub(crate) tax: bool,
    pub(crate) errors: Errors,
}

impl Page for WalletPage {
    const TEMPLATE: &'static str = "wallet/show.html";
}

/// An amount one often wants to add.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Suggestion {
    pub(crate) value: String,
    pub(crate) label: String,
}

/// A movement of money.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TransactionView {
    pub(crate) id: String,
    pub(crate) sequence: i64,
    pub(crate) icon: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) at: DateTime<Utc>,
    /// What it did to the money that can be spent, or else to what is held or owed.
    pub(crate) change: Money,
    /// Did it leave alone what can be spent?
    pub(crate) aside: bool,
    pub(crate) lines: Vec<LineView>,
}

/// All movements of one kind.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct KindView {
    pub(crate) label: &'static str,
    pub(crate) count: i64,
    pub(crate) amount: Money,
    /// The way to them.
    pub(crate) href: String,
    /// Are they what is shown?
    pub(crate) here: bool,
}

/// Credits of the organization.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CreditsPage {
    pub(crate) credits: Vec<CreditRow>,
}

impl Page for CreditsPage {
    const TEMPLATE: &'static str = "wallet/credits.html";
}

/// A credit in the list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CreditRow {
    pub(crate) source: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) amount: Money,
    pub(crate) left: Money,
    pub(crate) status: Chip,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A line of a movement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LineView {
    pub(crate) account: &'static str,
    pub(crate) amount: Money,
}

/// A payment in a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TopUpRow {
    pub(crate) id: String,
    pub(crate) amount: Money,
    pub(crate) status: Chip,
    /// Did the panel ask for it by itself?
    pub(crate) automatic: bool,
    pub(crate) at: DateTime<Utc>,
}

/// The balance alone, for its own refresh.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BalanceFragment {}

impl Page for BalanceFragment {
    const TEMPLATE: &'static str = "wallet/balance.html";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runway(available: i64, burn: i64) -> Runway {
        Runway::new(Money::from_micros(available), Money::from_micros(burn), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn the_runway_is_coloured_below_three_days() {
        assert_eq!(runway(100, 0).level, "none");
        assert_eq!(runway(72, 1).level, "ok");
        assert_eq!(runway(71, 1).level, "low");
        assert_eq!(runway(23, 1).level, "critical");
        assert_eq!(runway(48, 1).until, Some(DateTime::UNIX_EPOCH + Duration::hours(48)));
    }

    #[test]
    fn an_endless_runway_still_has_a_date() {
        assert!(runway(i64::MAX, 1).until.is_some());
    }
}
