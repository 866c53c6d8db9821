//! The operator's first page.

pub(crate) mod view;

use app::operations::alarms::alarms;
use domain::operations::Severity;
use store::activity::read::AnyFilter;
use store::{activity, identity, provider, vps, wallet};

use domain::vps::VpsState;
use view::{Alarm, OverviewPage, StateCount, Totals};

use crate::access::Operator;
use crate::activity::words::Words;
use crate::error::Result;
use crate::routes::Routes;

/// Entries of the trail on the page.
const ENTRIES: i64 = 8;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/operator", show)
}

/// The page.
async fn show(operator: Operator) -> Result {
    let mut db = operator.read_all().await?;
    let (organizations, paying) = identity::read::count_organizations(&mut db).await?;
    let states = vps::read::count_by_state(&mut db).await?;
    let totals = wallet::read::totals(&mut db).await?;
    let accounts = provider::read::list(&mut db).await?;
    let alarms = alarms(&mut db, operator.state.app.settings()).await?;
    let notable = AnyFilter { without_charges: true, ..Default::default() };
    let entries = activity::read::list_all(&mut db, notable, None, ENTRIES).await?;
    let words = Words::for_operators(&operator.state.currency);
    let count = |wanted| states.iter().find(|(state, _)| *state == wanted).map_or(0, |(_, count)| *count);
    let page = OverviewPage {
        alarms: alarms.into_iter().map(Into::into).collect(),
        organizations,
        organizations_paying: paying,
        vps_active: count(VpsState::Active),
        vps_total: states.iter().map(|(_, count)| count).sum(),
        money: money(totals),
        states: states.iter().map(|&(state, count)| StateCount { status: state.into(), count }).collect(),
        providers: accounts.into_iter().map(Into::into).collect(),
        activity: entries.into_iter().map(|entry| words.entry(entry)).collect(),
    };
    db.show(&page)
}

impl From<app::operations::alarms::Alarm> for Alarm {
    fn from(alarm: app::operations::alarms::Alarm) -> Self {
        let tone = match alarm.severity {
            Severity::Critical => "bad",
            Severity::Warning => "warn",
        };
        Self {
            tone,
            code: alarm.code.as_str(),
            title: alarm.title,
            text: alarm.text,
            since: alarm.since,
            href: alarm.href,
        }
    }
}

fn money(totals: wallet::read::Totals) -> Totals {
    Totals {
        available: totals.available,
        held: totals.held,
        receivable: totals.receivable,
        burn: totals.burn,
        cost_hour: totals.cost_hour,
        charged_month: totals.charged_month,
        paid_in_month: totals.paid_in_month,
        paid_in: totals.paid_in,
    }
}
