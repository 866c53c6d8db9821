//! The operator's first page.

pub(crate) mod view;

use domain::provider::ProviderState;
use store::activity::read::AnyFilter;
use store::catalog::read::Plan;
use store::provider::read::Listed;
use store::{activity, catalog, identity, provider, vps, wallet};

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
    let plans = catalog::read::plans(&mut db).await?;
    let notable = AnyFilter { without_charges: true, ..Default::default() };
    let entries = activity::read::list_all(&mut db, notable, None, ENTRIES).await?;
    let words = Words::for_operators(&operator.state.currency);
    let count = |wanted| states.iter().find(|(state, _)| *state == wanted).map_or(0, |(_, count)| *count);
    let page = OverviewPage {
        alarms: accounts.iter().flat_map(account_alarms).chain(price_alarm(&plans)).collect(),
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

/// What an account needs from the operator.
fn account_alarms(account: &Listed) -> Vec<Alarm> {
    let href = Some(format!("/operator/providers/{}", account.id));
    let alarm = |tone, what: String, text| Alarm {
        tone,
        title: format!("{}: {what}", account.name),
        text,
        href: href.clone(),
    };
    let mut alarms = Vec::new();
    if account.state == ProviderState::Unauthorized {
        alarms.push(alarm(
            "bad",
            "the token is refused.".into(),
            "Work in this account waits until it is replaced.",
        ));
    } else if let Some(error) = &account.last_error {
        alarms.push(alarm("warn", error.clone(), ""));
    }
    if account.orphans > 0 {
        let what = format!(
            "{} server{} nobody ordered.",
            account.orphans,
            if account.orphans == 1 { "" } else { "s" }
        );
        alarms.push(alarm("warn", what, "They cost money. Look at them at the provider."));
    }
    alarms
}

/// Prices made from costs that have changed.
fn price_alarm(plans: &[Plan]) -> Option<Alarm> {
    let changed = plans.iter().filter(|plan| plan.active && plan.changed > 0).count();
    (changed > 0).then(|| Alarm {
        tone: "warn",
        title: format!("The cost of {changed} plan{} has changed.", if changed == 1 { "" } else { "s" }),
        text: "Publish new prices, so that new VPSs are not sold below cost.",
        href: Some("/operator/plans".to_owned()),
    })
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
