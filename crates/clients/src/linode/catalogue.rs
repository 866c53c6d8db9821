//! What Linode offers: regions, plans with prices, images.

use std::collections::HashSet;

use domain::Money;
use domain::provider::{OfferedImage, OfferedRegion, OfferedSize, SizePrice, UpstreamError};
use serde_json::value::RawValue;

use super::api::Api;
use super::wire::{Availability, Image, Region, Type};
use crate::http::catalogue_item;
use crate::price::amount;

/// Prices come with at most four digits after the point; these six are the whole of them.
const PRICE_DIGITS: i32 = 6;

/// Regions that can have servers of the usual kind.
pub(super) async fn regions(api: &Api<'_>) -> Result<Vec<OfferedRegion>, UpstreamError> {
    Ok(core_regions(api).await?.iter().filter_map(region).collect())
}

/// Plans with their prices in each region that takes them.
pub(super) async fn sizes(api: &Api<'_>) -> Result<Vec<OfferedSize>, UpstreamError> {
    let regions = core_regions(api).await?;
    let types: Vec<Type> = items(api, &["linode", "types"]).await?;
    let pairs: Vec<Availability> = items(api, &["regions", "availability"]).await?;
    let unavailable: HashSet<(String, String)> =
        pairs.into_iter().filter(|pair| !pair.available).map(|pair| (pair.plan, pair.region)).collect();
    Ok(types.iter().filter_map(|plan| size(plan, &regions, &unavailable)).collect())
}

/// The vendor's own distributions.
pub(super) async fn images(api: &Api<'_>) -> Result<Vec<OfferedImage>, UpstreamError> {
    let images: Vec<Image> = items(api, &["images"]).await?;
    Ok(images.iter().filter_map(image).collect())
}

async fn items<T: serde::de::DeserializeOwned>(
    api: &Api<'_>,
    path: &[&str],
) -> Result<Vec<T>, UpstreamError> {
    let items = api.all(path, None, |raw: Box<RawValue>| Ok(catalogue_item(&raw))).await?;
    Ok(items.into_iter().flatten().collect())
}

/// Distributed sites lack much of what servers need, so they are left out.
async fn core_regions(api: &Api<'_>) -> Result<Vec<Region>, UpstreamError> {
    let mut regions: Vec<Region> = items(api, &["regions"]).await?;
    regions
        .retain(|region| region.site_type.as_deref().unwrap_or("core") == "core" && has(region, "Linodes"));
    Ok(regions)
}

fn has(region: &Region, capability: &str) -> bool {
    region.capabilities.iter().any(|known| known == capability)
}

fn is_open(region: &Region) -> bool {
    region.status == "ok"
}

fn region(region: &Region) -> Option<OfferedRegion> {
    let country = region.country.to_ascii_uppercase();
    let known = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    let city = city(region.label.as_deref()?);
    (known && !city.is_empty()).then(|| OfferedRegion {
        id: region.id.clone(),
        city: city.to_owned(),
        country,
        available: is_open(region),
    })
}

/// `Frankfurt` of `Frankfurt 2, DE`: a second site is in the same city.
fn city(label: &str) -> &str {
    let place = label.split_once(',').map_or(label, |(place, _)| place);
    place.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ').trim()
}

/// Plans with a GPU or another accelerator are left out: a size cannot say that it has one.
fn size(plan: &Type, regions: &[Region], unavailable: &HashSet<(String, String)>) -> Option<OfferedSize> {
    if plan.gpus > 0 || plan.class == "gpu" || plan.class == "accelerated" {
        return None;
    }
    let sold_in = |region: &&Region| {
        let fits = plan.class != "premium" || has(region, "Premium Plans");
        is_open(region) && fits && !unavailable.contains(&(plan.id.clone(), region.id.clone()))
    };
    Some(OfferedSize {
        id: plan.id.clone(),
        vcpus: positive(plan.vcpus)?,
        memory_mib: positive(plan.memory)?,
        disk_gib: positive(plan.disk / 1024)?,
        transfer_gb: i32::try_from(plan.transfer).ok().filter(|gb| *gb >= 0)?,
        dedicated: matches!(plan.class.as_str(), "dedicated" | "premium" | "highmem"),
        prices: regions.iter().filter(sold_in).filter_map(|region| price(plan, &region.id)).collect(),
    })
}

/// A region's own price where it has one, else the base price.
fn price(plan: &Type, region: &str) -> Option<SizePrice> {
    let own = plan.region_prices.iter().find(|price| price.id == region);
    let (hourly, monthly) = match own {
        Some(price) => (&price.hourly, &price.monthly),
        None => (&plan.price.hourly, &plan.price.monthly),
    };
    let cost = |number| amount(number, PRICE_DIGITS).filter(|cost: &Money| cost.is_positive());
    Some(SizePrice { region: region.to_owned(), hour: cost(hourly)?, month: cost(monthly)? })
}

fn positive(number: i64) -> Option<i32> {
    i32::try_from(number).ok().filter(|number| *number > 0)
}

/// `linode/debian12` is Debian 12. Variants (`…-kube-…`, `…-nvidia`) are made for other products and left out.
fn image(image: &Image) -> Option<OfferedImage> {
    let name = image.id.strip_prefix("linode/").filter(|_| image.is_public)?;
    let (family, version) = name.split_at(name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len()));
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    if family.is_empty() || !version.chars().all(plain) {
        return None;
    }
    // Without cloud-init, user data is refused.
    let usable = image.status == "available" && image.capabilities.iter().any(|known| known == "cloud-init");
    Some(OfferedImage {
        id: image.id.clone(),
        family: family.to_ascii_lowercase(),
        version: if version.is_empty() { "rolling".to_owned() } else { version.to_owned() },
        min_disk_gib: i32::try_from(image.size.max(0).unsigned_abs().div_ceil(1024)).ok()?,
        available: usable && !image.deprecated,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        // From text, as raw values cannot be read from a tree.
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn a_region(id: &str, label: &str, status: &str, capabilities: &[&str]) -> Region {
        read(
            &json!({ "id": id, "label": label, "country": "de", "status": status, "capabilities": capabilities }),
        )
    }

    fn a_plan(class: &str) -> Type {
        read(&json!({
            "id": "g6-x", "class": class, "memory": 1024, "disk": 25600, "transfer": 1000, "vcpus": 1,
            "price": { "hourly": 0.0075, "monthly": 5.0 },
            "region_prices": [{ "id": "id-cgk", "hourly": 0.009, "monthly": 6.0 }],
        }))
    }

    #[test]
    fn second_sites_are_in_the_same_city() {
        assert_eq!(city("Frankfurt 2, DE"), "Frankfurt");
        assert_eq!(city("Washington, DC"), "Washington");
        assert_eq!(city("Newark, NJ, USA"), "Newark");
        let offered = region(&a_region("de-fra-2", "Frankfurt 2, DE", "outage", &["Linodes"])).unwrap();
        assert_eq!((offered.country.as_str(), offered.available), ("DE", false));
    }

    #[test]
    fn regions_without_a_country_are_left_out() {
        let nowhere: Region = read(&json!({ "id": "x", "label": "X", "country": "" }));
        assert!(region(&nowhere).is_none());
    }

    #[test]
    fn prices_are_per_region_and_only_where_it_can_be_ordered() {
        let regions = [
            a_region("eu-central", "Frankfurt, DE", "ok", &["Linodes"]),
            a_region("id-cgk", "Jakarta, ID", "ok", &["Linodes"]),
            a_region("us-down", "Nowhere, US", "outage", &["Linodes"]),
            a_region("us-full", "Elsewhere, US", "ok", &["Linodes"]),
        ];
        let full = HashSet::from([("g6-x".to_owned(), "us-full".to_owned())]);
        let size = size(&a_plan("nanode"), &regions, &full).unwrap();
        let prices: Vec<_> =
            size.prices.iter().map(|p| (p.region.as_str(), p.hour.micros(), p.month.micros())).collect();
        assert_eq!(prices, [("eu-central", 7_500, 5_000_000), ("id-cgk", 9_000, 6_000_000)]);
        assert_eq!((size.disk_gib, size.dedicated), (25, false));
    }

    #[test]
    fn special_plans_need_special_regions() {
        let regions = [
            a_region("a", "A, DE", "ok", &["Linodes"]),
            a_region("b", "B, DE", "ok", &["Linodes", "Premium Plans"]),
        ];
        let premium = size(&a_plan("premium"), &regions, &HashSet::new()).unwrap();
        assert_eq!(premium.prices.iter().map(|p| p.region.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(premium.dedicated);
        assert!(size(&a_plan("gpu"), &regions, &HashSet::new()).is_none());
    }

    #[test]
    fn images_are_named_by_family_and_version() {
        let named = |id: &str| {
            let wire = json!({
                "id": id, "is_public": true, "size": 1800, "status": "available", "capabilities": ["cloud-init"],
            });
            image(&read(&wire)).map(|image| (image.family, image.version, image.min_disk_gib))
        };
        let expected = |family: &str, version: &str| Some((family.to_owned(), version.to_owned(), 2));
        assert_eq!(named("linode/debian12"), expected("debian", "12"));
        assert_eq!(named("linode/ubuntu24.04"), expected("ubuntu", "24.04"));
        assert_eq!(named("linode/arch"), expected("arch", "rolling"));
        assert_eq!(named("linode/centos-stream9"), expected("centos-stream", "9"));
        for other in ["linode/debian12-kube-v1.33.10", "linode/ubuntu24.04-nvidia", "private/123"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn deprecated_images_cannot_be_ordered() {
        let old = json!({
            "id": "linode/fedora42", "is_public": true, "deprecated": true, "size": 3000, "status": "available",
            "capabilities": ["cloud-init"],
        });
        assert!(!image(&read(&old)).unwrap().available);
    }
}
