//! VPSs of all organizations, for operators.

use axum::extract::Query;
use domain::VpsId;
use domain::vps::VpsState;
use serde::Deserialize;
use store::vps::read::{self, AnyFilter, AnyListed};

use super::operator_view::{AllVpsPage, AnyVpsRow};
use crate::access::Operator;
use crate::error::Result;
use crate::link;
use crate::view::{Chip, Choice, PAGE, Pages};

/// What is looked for, as in the address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    before: Option<VpsId>,
}

impl Asked {
    fn link(&self, before: Option<VpsId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        link::with_query("/operator/vps", &[("q", &self.q), ("state", &self.state), ("before", &before)])
    }
}

/// The list.
pub(crate) async fn list(operator: Operator, Query(asked): Query<Asked>) -> Result {
    let mut db = operator.read_all().await?;
    let filter = AnyFilter { search: asked.q.trim(), state: asked.state.parse().ok(), organization: None };
    let mut rows = read::list_all(&mut db, &filter, asked.before, PAGE + 1).await?;
    let newest = asked.before.map(|_| asked.link(None));
    let pages = Pages::of(&mut rows, newest, |last| asked.link(Some(last.id)));
    let page = AllVpsPage {
        here: asked.link(asked.before),
        states: states(),
        vps: rows.into_iter().map(Into::into).collect(),
        pages,
        q: asked.q,
        state: asked.state,
    };
    db.show(&page)
}

fn states() -> Vec<Choice> {
    let word = |state: &VpsState| Choice::new(state.as_str(), Chip::from(*state).word());
    std::iter::once(Choice::new("", "All states")).chain(VpsState::ALL.iter().map(word)).collect()
}

impl From<AnyListed> for AnyVpsRow {
    fn from(vps: AnyListed) -> Self {
        Self {
            status: vps.status().into(),
            name: vps.name,
            plan: vps.plan,
            address: vps.ipv4,
            failure: vps.failure,
            organization_id: vps.organization_id.to_string(),
            organization: vps.organization,
            account: vps.account,
            server: vps.server,
            region: vps.region,
            hour: vps.sell_hour,
            cost_hour: vps.cost_hour,
            created_at: vps.created_at,
        }
    }
}
