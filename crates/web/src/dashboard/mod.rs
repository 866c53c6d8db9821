//! The customer's first page.

pub(crate) mod view;

use store::catalog::moves::{Change, announced};
use store::vps::read::{Filter, count_ever, list, ssh_keys};
use store::wallet::read::charged_this_month;
use store::{activity, payment};

use domain::identity::Permission;
use domain::payment::TopUpState;
use view::{DashboardPage, FirstStep, PriceChangeRow};

use crate::access::SignedIn;
use crate::activity::words::Words;
use crate::error::Result;
use crate::routes::Routes;
use crate::show::Reading;
use crate::wallet::wallet_view;

/// VPSs and entries of the trail on the page.
const VPS: i64 = 10;
const ENTRIES: i64 = 6;

/// Routes of the area.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/", show)
}

/// The page.
async fn show(session: SignedIn) -> Result {
    let mut db = session.read().await?;
    let vps = list(&mut db, &Filter::default(), None, VPS).await?;
    let ordered = count_ever(&mut db).await?;
    let month_spent = charged_this_month(&mut db).await?;
    let price_changes = match session.may(Permission::VpsView) {
        true => announced(&mut db).await?.into_iter().map(price_change).collect(),
        false => Vec::new(),
    };
    let entries = match session.may(Permission::ActivityView) {
        true => {
            let notable = activity::read::Filter { without_charges: true, ..Default::default() };
            activity::read::list(&mut db, &notable, None, ENTRIES).await?
        }
        false => Vec::new(),
    };
    let words = Words::for_customers(&session.state.currency);
    let page = DashboardPage {
        wallet: wallet_view(db.balance, session.state.app.settings().reserve_hours)?,
        month_spent,
        price_changes,
        vps: vps.into_iter().map(Into::into).collect(),
        first_steps: if ordered == 0 { first_steps(&mut db).await? } else { Vec::new() },
        activity: entries.into_iter().map(|entry| words.entry(entry)).collect(),
    };
    db.show(&page)
}

fn price_change(change: Change) -> PriceChangeRow {
    PriceChangeRow {
        plan: change.plan,
        region: change.region,
        vps: change.vps,
        at: change.moves_at,
        hour: change.hour,
        month: change.month,
    }
}

/// What to do before the first VPS.
async fn first_steps(db: &mut Reading<'_>) -> Result<Vec<FirstStep>> {
    let has_key = !ssh_keys(db).await?.is_empty();
    let top_ups = payment::read::list(db, None, 10).await?;
    let has_paid =
        db.balance.available.is_positive() || top_ups.iter().any(|t| t.state == TopUpState::Completed);
    let step = |title, text, action, href, done| FirstStep { title, text, action, href, done };
    Ok(vec![
        step("Add an SSH key", "It lets you sign in to your VPS.", "Add key", "/ssh-keys", has_key),
        step(
            "Add money to your wallet",
            "You pay by the hour from it.",
            "Add money",
            "/wallet#add-money",
            has_paid,
        ),
        step("Create your first VPS", "It is ready in a minute or two.", "Create VPS", "/vps/new", false),
    ])
}
