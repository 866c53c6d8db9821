//! A size of the accounts becomes a plan.

use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::ProviderId;
use serde::Deserialize;
use store::catalog::read::{self, OfferedSize};

use super::markup::Typed;
use super::view::{NewPlanPage, SizeOption};
use crate::access::Operator;
use crate::error::Result;
use crate::form::{invalid, refused};
use crate::format;
use crate::toast::{Said, see_other_saying};
use crate::view::Errors;

/// A plan to add.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct NewPlan {
    #[serde(default)]
    size: String,
    #[serde(default)]
    name: String,
    #[serde(flatten)]
    markup: Typed,
}

/// The form.
pub(crate) async fn form(operator: Operator) -> Result {
    let markup =
        Typed { markup_percent: "25".into(), markup_hour: "0.00".into(), markup_month: "0.00".into() };
    page(&operator, StatusCode::OK, NewPlan { markup, ..Default::default() }, Errors::new()).await
}

async fn page(operator: &Operator, status: StatusCode, form: NewPlan, errors: Errors) -> Result {
    let mut db = operator.read_all().await?;
    let groups = group(read::sizes(&mut db).await?);
    let page = NewPlanPage {
        sizes: groups.iter().map(|group| group.option(&form.size)).collect(),
        name: form.name,
        markup: form.markup.view(&operator.state.currency),
        errors,
    };
    db.show_with(status, &page)
}

/// Adds the plan with prices from today's costs.
pub(crate) async fn create(operator: Operator, Form(form): Form<NewPlan>) -> Result {
    let groups = group(read::sizes(&mut *operator.read_all().await?).await?);
    let Some(chosen) = groups.iter().find(|group| group.key() == form.size) else {
        let (status, errors) = invalid("size", "Choose a size.");
        return page(&operator, status, form, errors).await;
    };
    let done = match form.markup.parse() {
        Ok(markup) => {
            let sizes = chosen.sizes();
            app::catalog::create_plan(&operator.state.app, &operator.operator, &form.name, &sizes, markup)
                .await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(id) => Ok(see_other_saying(&operator.state, &format!("/operator/plans/{id}"), Said::PlanAdded)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, status, form, errors).await
        }
    }
}

/// The same size of one or more accounts.
struct Group {
    /// At most one of each account, the cheapest.
    offers: Vec<OfferedSize>,
}

/// Puts equal sizes together, in the order they come.
fn group(sizes: Vec<OfferedSize>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for size in sizes {
        match groups.iter_mut().find(|group| group.offers.first().is_some_and(|first| equal(first, &size))) {
            Some(group) => group.add(size),
            None => groups.push(Group { offers: vec![size] }),
        }
    }
    groups
}

fn equal(a: &OfferedSize, b: &OfferedSize) -> bool {
    let dimensions = |s: &OfferedSize| (s.vcpus, s.memory_mib, s.disk_gib, s.dedicated);
    dimensions(a) == dimensions(b)
}

impl Group {
    fn add(&mut self, size: OfferedSize) {
        match self.offers.iter_mut().find(|offer| offer.provider_id == size.provider_id) {
            Some(offer) if offer.cost_month <= size.cost_month => {}
            Some(offer) => *offer = size,
            None => self.offers.push(size),
        }
    }

    fn sizes(&self) -> Vec<(ProviderId, String)> {
        self.offers.iter().map(|offer| (offer.provider_id, offer.size_ref.clone())).collect()
    }

    fn key(&self) -> String {
        let parts = self.offers.first().map(|s| (s.vcpus, s.memory_mib, s.disk_gib, s.dedicated));
        let (vcpus, memory, disk, dedicated) = parts.unwrap_or_default();
        format!("{vcpus}-{memory}-{disk}-{}", if dedicated { "dedicated" } else { "shared" })
    }

    fn option(&self, chosen: &str) -> SizeOption {
        let first = self.offers.first();
        let number = |f: fn(&OfferedSize) -> i32| first.map(f).unwrap_or_default();
        let (vcpus, memory_mib, disk_gib) =
            (number(|s| s.vcpus), number(|s| s.memory_mib), number(|s| s.disk_gib));
        let accounts: Vec<String> = self
            .offers
            .iter()
            .map(|o| if o.planned { format!("{} (sold)", o.account) } else { o.account.clone() })
            .collect();
        let key = self.key();
        SizeOption {
            selected: key == chosen,
            key,
            label: format!("{vcpus} vCPU, {}", format::memory(i64::from(memory_mib))),
            vcpus,
            memory_mib,
            disk_gib,
            transfer_gb: self.offers.iter().map(|o| o.transfer_gb).min().unwrap_or_default(),
            dedicated: first.is_some_and(|s| s.dedicated),
            accounts: accounts.join(", "),
            cost_hour: self.offers.iter().map(|o| o.cost_hour).max().unwrap_or_default(),
            cost_month: self.offers.iter().map(|o| o.cost_month).max().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Money;
    use domain::provider::ProviderKind;

    use super::*;

    fn size(provider: ProviderId, reference: &str, disk_gib: i32, month: i64) -> OfferedSize {
        OfferedSize {
            provider_id: provider,
            account: "Main".into(),
            kind: ProviderKind::ALL[0],
            size_ref: reference.into(),
            vcpus: 1,
            memory_mib: 1024,
            disk_gib,
            transfer_gb: 1000,
            dedicated: false,
            cost_hour: Money::from_micros(month / 700),
            cost_month: Money::from_micros(month),
            planned: false,
        }
    }

    #[test]
    fn equal_sizes_of_accounts_are_one_line_with_the_cheapest_of_each() {
        let (one, two) = (ProviderId::new(), ProviderId::new());
        let groups = group(vec![
            size(one, "intel", 25, 7_000_000),
            size(one, "basic", 25, 6_000_000),
            size(two, "nano", 25, 5_000_000),
            size(two, "other", 50, 5_000_000),
        ]);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].sizes(), [(one, "basic".to_owned()), (two, "nano".to_owned())]);
        assert_eq!(groups[0].option("").cost_month, Money::from_micros(6_000_000), "the highest counts");
    }
}
