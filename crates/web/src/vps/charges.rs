//! Every hour of one VPS.

use axum::extract::Query;
use chrono::{DateTime, Utc};
use domain::VpsId;
use serde::Deserialize;
use store::billing::hours::{self, Hour};
use store::vps::read;

use crate::access::{Member, may};
use crate::error::{Failure, Result};
use crate::form::Id;
use crate::link;
use crate::view::{PAGE, Pages};
use crate::wallet::transaction_view::ChargesPage;

/// Where in the hours.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    before: Option<DateTime<Utc>>,
}

/// The page.
pub(crate) async fn show(
    member: Member<may::WalletView>,
    Id(id): Id<VpsId>,
    Query(asked): Query<Asked>,
) -> Result {
    let mut db = member.read().await?;
    let vps = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let mut rows = hours::of_vps(&mut db, id, asked.before, PAGE + 1).await?;
    let path = format!("/vps/{id}/charges");
    let older = |last: &Hour| link::with_query(&path, &[("before", &last.start.to_rfc3339())]);
    let pages = Pages::of(&mut rows, asked.before.map(|_| path.clone()), older);
    let page = ChargesPage {
        vps_id: id.to_string(),
        vps: vps.name,
        hours: rows.into_iter().map(Into::into).collect(),
        pages,
    };
    db.show(&page)
}
