//! Plans and prices.

pub mod moves;
mod prices;
mod resource_prices;
pub(crate) mod sync_job;
pub(crate) mod tell_job;

pub use prices::{Draft, DraftPrice, Publication, draft, publish, publish_prices, withdraw_prices};
pub use resource_prices::{NewResourcePrice, publish_resource_price};

use domain::activity::{Action, TargetKind};
use domain::catalog::Markup;
use domain::notify::Topic;
use domain::{PlanId, ProviderId};
use serde_json::json;
use store::catalog as rows;
use store::catalog::NewPlan;
use store::{SystemPurpose, SystemTx, notify};

use crate::identity::short_text;
use crate::{App, Error, Operator, Result};

/// Highest markup that is not a slip of the finger: ten times the cost.
const MARKUP_MAX: i32 = 100_000;

fn check(markup: Markup) -> Result<()> {
    if !(0..=MARKUP_MAX).contains(&markup.basis_points) {
        return Err(Error::invalid("markup", "Choose a markup between 0 and 1000 percent."));
    }
    if markup.fixed_hour.micros() < 0 || markup.fixed_month.micros() < 0 {
        return Err(Error::invalid("markup", "A fixed markup cannot be negative."));
    }
    Ok(())
}

/// Puts a plan on sale that these sizes of these accounts deliver, in every region they sell it
/// in. All sizes must have the CPUs and memory of the first; disk and traffic are taken from the
/// smallest promise.
pub async fn create_plan(
    app: &App,
    operator: &Operator,
    name: &str,
    sizes: &[(ProviderId, String)],
    markup: Markup,
) -> Result<PlanId> {
    let name = short_text("name", name)?;
    check(markup)?;
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let promise = promise(&mut tx, sizes).await?;
    let id = PlanId::new();
    let slug = slug(&name);
    if slug.is_empty() {
        return Err(Error::invalid("name", "The name needs at least one letter or digit."));
    }
    rows::insert_plan(&mut tx, NewPlan { id, slug: &slug, name: &name }, promise).await.map_err(|e| {
        if e.is_constraint("plans_slug_key") {
            Error::invalid("name", "There is a plan with this name already.")
        } else {
            e.into()
        }
    })?;
    for (provider, size) in sizes {
        rows::set_plan_size(&mut tx, id, *provider, size).await?;
    }
    let prices = draft(&mut tx, id, markup).await?;
    prices::insert(&mut tx, operator, id, markup, &prices, None).await?;
    let detail = json!({ "name": name, "markup_basis_points": markup.basis_points });
    tx.commit(operator.did(Action::PlanCreated).on(TargetKind::Plan, id).with(detail)).await?;
    Ok(id)
}

/// What all sizes can keep.
async fn promise(tx: &mut SystemTx, sizes: &[(ProviderId, String)]) -> Result<rows::Dimensions> {
    let mut promise: Option<rows::Dimensions> = None;
    for (provider, size) in sizes {
        let one = rows::dimensions(tx, *provider, size)
            .await?
            .ok_or_else(|| Error::invalid("size", "This size is not in the account's catalogue."))?;
        promise = Some(match promise {
            None => one,
            Some(p) if (p.vcpus, p.memory_mib) == (one.vcpus, one.memory_mib) => rows::Dimensions {
                disk_gib: p.disk_gib.min(one.disk_gib),
                transfer_gb: p.transfer_gb.min(one.transfer_gb),
                dedicated: p.dedicated && one.dedicated,
                ..p
            },
            Some(_) => {
                return Err(Error::invalid("size", "All sizes of a plan need the same CPUs and memory."));
            }
        });
    }
    promise.ok_or_else(|| Error::invalid("size", "Choose at least one size."))
}

/// Puts a plan on or off sale.
pub async fn set_plan_active(app: &App, operator: &Operator, plan: PlanId, active: bool) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = rows::set_plan_active(&mut tx, plan, active).await?.ok_or(Error::NotFound)?;
    notify::publish_system(&mut tx, None, Topic::Catalog, &[plan.0]).await?;
    let detail = json!({ "name": name, "active": active });
    Ok(tx.commit(operator.did(Action::PlanUpdated).on(TargetKind::Plan, plan).with(detail)).await?)
}

/// Lower-case letters and digits, joined by single hyphens.
pub(crate) fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn slugs_are_words_joined_by_hyphens() {
        assert_eq!(slug("  Cloud 2 / 4 GB "), "cloud-2-4-gb");
        assert_eq!(slug("!!"), "");
    }
}
