//! The organization's VPSs.

use axum::extract::Query;
use domain::VpsId;
use serde::Deserialize;
use store::vps::read::{self, Filter, Listed};

use super::view::{VpsFilterView, VpsListPage, VpsRow};
use crate::access::{Member, may};
use crate::error::Result;
use crate::link;
use crate::view::{Choice, PAGE, Pages};

/// What is looked for, as in the address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    show: String,
    before: Option<VpsId>,
}

impl Asked {
    fn link(&self, before: Option<VpsId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        link::with_query("/vps", &[("q", &self.q), ("show", &self.show), ("before", &before)])
    }
}

/// The list.
pub(crate) async fn list(member: Member<may::VpsView>, Query(asked): Query<Asked>) -> Result {
    let mut db = member.read().await?;
    let filter = Filter { search: asked.q.trim(), with_ended: asked.show == "all" };
    let mut rows = read::list(&mut db, &filter, asked.before, PAGE + 1).await?;
    let newest = asked.before.map(|_| asked.link(None));
    let pages = Pages::of(&mut rows, newest, |last| asked.link(Some(last.id)));
    let page = VpsListPage {
        vps: rows.into_iter().map(Into::into).collect(),
        pages,
        here: asked.link(asked.before),
        filter: VpsFilterView {
            active: !asked.q.is_empty(),
            shows: vec![Choice::new("", "Present VPSs"), Choice::new("all", "Also deleted ones")],
            q: asked.q,
            show: asked.show,
        },
    };
    db.show(&page)
}

impl From<Listed> for VpsRow {
    fn from(vps: Listed) -> Self {
        Self {
            id: vps.id.to_string(),
            status: vps.status().into(),
            name: vps.name,
            address: vps.ipv4.or(vps.ipv6),
            plan: vps.plan,
            region: vps.region,
            hour: vps.sell_hour,
            month_spent: vps.month_spent,
        }
    }
}
