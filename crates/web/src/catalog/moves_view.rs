//! What operators see of moves of VPSs to another price.

use chrono::{DateTime, Utc};
use domain::Money;
use serde::Serialize;

use super::view::PlanName;
use crate::templates::Page;
use crate::view::{Chip, Choice, Errors, Pages};

/// The prices that VPSs of a plan have, and moves from one to another.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MovesPage {
    pub(crate) plan: PlanName,
    /// Days that a rise needs to be announced before.
    pub(crate) notice_days: i32,
    pub(crate) kept: Vec<KeptRow>,
    /// The price chosen, as typed.
    pub(crate) version: String,
    /// Prices that VPSs can be moved to.
    pub(crate) versions: Vec<Choice>,
    /// As typed, in UTC.
    pub(crate) moves_at: String,
    /// Of these organizations only; none is all.
    pub(crate) organizations: Vec<Choice>,
    /// What the move would come to, once a price is chosen.
    pub(crate) effect: Option<EffectView>,
    pub(crate) moves: Vec<MoveRow>,
    pub(crate) errors: Errors,
}

impl Page for MovesPage {
    const TEMPLATE: &'static str = "catalog/moves.html";
}

/// A price that VPSs have or can be moved to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct KeptRow {
    pub(crate) region: String,
    pub(crate) hour: Money,
    pub(crate) month: Money,
    pub(crate) effective_at: DateTime<Utc>,
    pub(crate) status: Chip,
    pub(crate) vps: i64,
    /// VPSs whose server costs more now.
    pub(crate) below_cost: i64,
    /// This page with the price chosen to move to; `None` for earlier ones.
    pub(crate) href: Option<String>,
}

/// What a move would come to. Nothing is saved.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EffectView {
    pub(crate) region: String,
    pub(crate) hour: Money,
    pub(crate) month: Money,
    /// Margin against today's cost; `None` where no account offers the plan any more.
    pub(crate) margin_hour: Option<Money>,
    pub(crate) margin_month: Option<Money>,
    /// `None` is at once.
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) organizations: i64,
    pub(crate) vps: i64,
    pub(crate) old_hour: Money,
    pub(crate) new_hour: Money,
    /// Of revenue in a month of 730 hours.
    pub(crate) month_change: Money,
    pub(crate) below_72: i64,
    pub(crate) below_24: i64,
    pub(crate) below_1: i64,
    pub(crate) below_zero: i64,
    pub(crate) rows: Vec<EffectRow>,
    pub(crate) pages: Pages,
    pub(crate) csv_href: String,
}

/// What a move would mean for an organization.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EffectRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vps: i64,
    pub(crate) old_hour: Money,
    pub(crate) new_hour: Money,
    pub(crate) month_change: Money,
    pub(crate) lasts_before: String,
    pub(crate) lasts_after: String,
    /// Which of the notices its wallet would fall below: `72 h`, `24 h`, `1 h`.
    pub(crate) falls_below: Option<&'static str>,
    /// Is the wallet empty by then at the present burn?
    pub(crate) empty_by_then: bool,
    /// This page for this organization alone.
    pub(crate) only_href: String,
}

/// A move that was announced.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MoveRow {
    pub(crate) id: String,
    pub(crate) region: String,
    pub(crate) hour: Money,
    pub(crate) month: Money,
    pub(crate) moves_at: DateTime<Utc>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) status: Chip,
    pub(crate) vps: i64,
    pub(crate) organizations: i64,
    pub(crate) told: i64,
    pub(crate) moved: i64,
    /// Can it be cancelled?
    pub(crate) open: bool,
}
