//! What can be ordered, with what was chosen so far, and what it would mean for the wallet.

use std::cmp::Reverse;

use chrono::Utc;
use domain::Money;
use domain::catalog::first_span;
use domain::money::Overflow;
use store::catalog::read::{self as catalog, Image, PricedPlan, Region};
use store::vps::read::{self as vps, SshKey};
use store::wallet::read::Balance;

use super::create::Order;
use super::view::{
    ImageFamily, ImageOption, KeyOption, PlanOption, PriceView, RegionOption, Summary, SummaryLine,
};
use crate::error::Result;
use crate::show::Reading;
use crate::wallet::view::Runway;
use crate::{country, link};

/// One whole currency unit, to which a top-up is rounded up.
const WHOLE: i64 = 1_000_000;

/// The catalogue around an order.
pub(super) struct Offer {
    regions: Vec<Region>,
    images: Vec<Image>,
    plans: Vec<PricedPlan>,
    keys: Vec<SshKey>,
}

impl Offer {
    /// Reads what can be ordered where the order wants it.
    pub(super) async fn read(db: &mut Reading<'_>, order: &Order) -> Result<Self> {
        let mut regions = catalog::regions(db).await?;
        regions.sort_by_cached_key(|region| (country::name(&region.country).to_owned(), region.name.clone()));
        let keys = vps::ssh_keys(db).await?;
        let region = regions.iter().find(|r| r.slug == order.region).or(regions.first()).map(|r| r.id);
        let Some(region) = region else { return Ok(Self { regions, images: vec![], plans: vec![], keys }) };
        let plans = catalog::plans_in(db, region).await?;
        let plan = plans.iter().find(|p| p.slug == order.plan).map(|p| p.id);
        let mut images = catalog::images_in(db, region, plan).await?;
        images.sort_by_cached_key(|image| (image.family.clone(), Reverse(version_key(&image.version))));
        Ok(Self { regions, images, plans, keys })
    }

    /// Fills in a sensible choice where nothing was chosen yet.
    pub(super) fn prefill(&self, order: &mut Order) {
        let fill = |field: &mut String, slug: Option<&String>| {
            if field.is_empty() {
                *field = slug.cloned().unwrap_or_default();
            }
        };
        fill(&mut order.region, self.regions.first().map(|r| &r.slug));
        fill(&mut order.plan, self.plans.iter().find(|p| p.orderable).map(|p| &p.slug));
        let favourite = self.images.iter().find(|i| i.family == "debian").or(self.images.first());
        fill(&mut order.image, favourite.map(|i| &i.slug));
        if order.chosen.is_empty() && order.ssh_key.is_empty() {
            order.ssh_key = self.keys.first().map(|k| k.id.to_string()).into_iter().collect();
        }
    }

    pub(super) fn region(&self, order: &Order) -> Option<&Region> {
        self.regions.iter().find(|r| r.slug == order.region)
    }

    pub(super) fn image(&self, order: &Order) -> Option<&Image> {
        self.images.iter().find(|i| i.slug == order.image)
    }

    pub(super) fn plan(&self, order: &Order) -> Option<&PricedPlan> {
        self.plans.iter().find(|p| p.slug == order.plan && p.orderable)
    }

    pub(super) fn regions(&self, order: &Order) -> Vec<RegionOption> {
        let option = |r: &Region| RegionOption {
            selected: r.slug == order.region,
            slug: r.slug.clone(),
            name: r.name.clone(),
            country: country::name(&r.country).to_owned(),
        };
        self.regions.iter().map(option).collect()
    }

    /// By family, newest version first.
    pub(super) fn images(&self, order: &Order) -> Vec<ImageFamily> {
        let mut families: Vec<ImageFamily> = Vec::new();
        for image in &self.images {
            let option = ImageOption {
                selected: image.slug == order.image,
                slug: image.slug.clone(),
                version: image.version.clone(),
            };
            let name = family(image);
            match families.iter_mut().find(|family| family.name == name) {
                Some(family) => family.versions.push(option),
                None => families.push(ImageFamily { name, versions: vec![option] }),
            }
        }
        families
    }

    pub(super) fn plans(&self, order: &Order) -> Vec<PlanOption> {
        let option = |p: &PricedPlan| PlanOption {
            selected: p.orderable && p.slug == order.plan,
            unavailable: (!p.orderable).then_some("not available here now"),
            slug: p.slug.clone(),
            name: p.name.clone(),
            dedicated: p.dedicated,
            vcpus: p.vcpus,
            memory_mib: p.memory_mib,
            disk_gib: p.disk_gib,
            transfer_gb: p.transfer_gb,
            hour: p.sell_hour,
            month: p.sell_month,
        };
        self.plans.iter().map(option).collect()
    }

    pub(super) fn keys(&self, order: &Order) -> Vec<KeyOption> {
        let option = |k: &SshKey| KeyOption {
            id: k.id.to_string(),
            name: k.name.clone(),
            fingerprint: k.fingerprint.clone(),
            selected: order.ssh_key.contains(&k.id.to_string()),
        };
        self.keys.iter().map(option).collect()
    }

    /// What was chosen, what it costs, and whether the wallet takes it.
    pub(super) fn summary(&self, order: &Order, wallet: Balance, rules: Rules) -> Result<Summary> {
        let (region, image, plan) = (self.region(order), self.image(order), self.plan(order));
        let chosen_keys = self.keys(order).iter().filter(|k| k.selected).count();
        let line = |label, value: Option<String>| value.map(|value| SummaryLine { label, value });
        let lines = [
            line("Region", region.map(|r| r.name.clone())),
            line("System", image.map(|i| i.name.clone())),
            line("Plan", plan.map(|p| p.name.clone())),
            line("SSH keys", Some(chosen_keys.to_string())),
            line("Name", Some(order.name.clone()).filter(|n| !n.is_empty())),
        ];
        let need = plan.map(|p| Need::of(p, wallet, rules)).transpose()?;
        let short_by = need.as_ref().and_then(|n| n.short_by);
        let blocked = match (region, image, plan) {
            (None, ..) => Some("Choose a region."),
            (_, None, _) => Some("Choose a system."),
            (.., None) => Some("Choose a plan."),
            _ if chosen_keys == 0 => Some("Choose at least one SSH key."),
            _ if short_by.is_some() => Some("Your wallet does not cover it yet."),
            _ => None,
        };
        Ok(Summary {
            lines: lines.into_iter().flatten().collect(),
            price: plan.map(|p| PriceView {
                hour: p.sell_hour,
                month: p.sell_month,
                next: p.next().map(Into::into),
            }),
            price_version: plan.map(|p| p.price_version_id.to_string()).unwrap_or_default(),
            lasts: need.map(|n| n.runway).filter(|_| short_by.is_none()),
            short_by,
            runway_rule: rules.reserve_hours,
            top_up_href: short_by.map_or_else(String::new, |missing| top_up_href(missing, order, rules)),
            blocked,
        })
    }
}

/// The settings that decide whether an order is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) reserve_hours: i64,
    pub(super) top_up_min: Money,
}

/// What an order asks of the wallet: the same rule as the use case, shown beforehand.
struct Need {
    short_by: Option<Money>,
    runway: Runway,
}

impl Need {
    fn of(plan: &PricedPlan, wallet: Balance, rules: Rules) -> Result<Self, Overflow> {
        let first = first_span(plan.sell_hour, plan.sell_month, plan.sell_minimum);
        let burn = wallet.burn.plus(plan.sell_hour)?;
        let needed = burn.times(rules.reserve_hours)?.plus(first)?.plus(wallet.receivable)?;
        let missing = needed.minus(wallet.available)?;
        let left = wallet.available.minus(first)?;
        Ok(Self {
            short_by: missing.is_positive().then_some(missing),
            runway: Runway::new(left, burn, Utc::now()),
        })
    }
}

/// The wallet with the missing amount filled in, and the way back to this very form.
fn top_up_href(missing: Money, order: &Order, rules: Rules) -> String {
    let whole = missing.micros().saturating_add(WHOLE - 1) / WHOLE * WHOLE;
    let amount = Money::from_micros(whole).max(rules.top_up_min).display(2);
    link::with_query("/wallet", &[("amount", &amount), ("next", &order.link())]) + "#add-money"
}

/// The numbers of a version, so that 10 is newer than 9.
fn version_key(version: &str) -> Vec<u32> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// `Debian` for `debian`, or what the display name says before the version.
fn family(image: &Image) -> String {
    let name = image.name.strip_suffix(image.version.as_str()).unwrap_or(&image.name).trim();
    if name.is_empty() { image.family.clone() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use domain::{PlanId, PriceVersionId};

    use super::*;

    fn plan() -> PricedPlan {
        PricedPlan {
            id: PlanId::new(),
            slug: "small".into(),
            name: "Small".into(),
            vcpus: 1,
            memory_mib: 1024,
            disk_gib: 25,
            transfer_gb: 1000,
            dedicated: false,
            price_version_id: PriceVersionId::new(),
            sell_hour: Money::from_micros(10_000),
            sell_month: Money::from_micros(6_000_000),
            sell_minimum: Money::from_micros(30_000),
            orderable: true,
            next_at: None,
            next_hour: None,
            next_month: None,
        }
    }

    fn wallet(available: i64) -> Balance {
        Balance {
            available: Money::from_micros(available),
            held: Money::ZERO,
            receivable: Money::ZERO,
            burn: Money::from_micros(5_000),
            credit_limit: Money::ZERO,
            suspended: false,
            suspended_burn: Money::ZERO,
            kept_until: None,
        }
    }

    const RULES: Rules = Rules { reserve_hours: 24, top_up_min: Money::from_micros(5_000_000) };

    #[test]
    fn the_wallet_must_cover_the_first_span_and_the_reserve() -> Result<(), Overflow> {
        let enough = 30_000 + 24 * 15_000;
        assert_eq!(Need::of(&plan(), wallet(enough), RULES)?.short_by, None);
        assert_eq!(Need::of(&plan(), wallet(enough - 1), RULES)?.short_by, Some(Money::from_micros(1)));
        Ok(())
    }

    #[test]
    fn ten_is_newer_than_nine() {
        assert!(version_key("10") > version_key("9"));
        assert!(version_key("24.04") > version_key("22.04"));
    }

    #[test]
    fn a_missing_cent_asks_for_the_smallest_top_up_and_knows_the_way_back() {
        let order = Order { region: "fra".into(), plan: "small".into(), ..Default::default() };
        let href = top_up_href(Money::from_micros(10_000), &order, RULES);
        assert_eq!(href, "/wallet?amount=5.00&next=%2Fvps%2Fnew%3Fregion%3Dfra%26plan%3Dsmall#add-money");
    }
}
