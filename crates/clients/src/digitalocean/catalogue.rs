//! What DigitalOcean offers: regions, sizes with prices, images.

use domain::Money;
use domain::provider::{OfferedImage, OfferedRegion, OfferedSize, SizePrice, UpstreamError};
use serde_json::value::RawValue;

use super::api::Api;
use super::places::place;
use super::wire::{Image, Images, Region, Regions, Size, Sizes};
use crate::http::catalogue_item;
use crate::price::amount;

/// Prices are per hour with five digits after the point, sent with the noise of a 32-bit float.
const PRICE_DIGITS: i32 = 5;

/// Regions whose place is known.
pub(super) async fn regions(api: &Api<'_>) -> Result<Vec<OfferedRegion>, UpstreamError> {
    let regions = api.all::<Regions, _>(&["regions"], None, |raw| Ok(catalogue_item(&raw))).await?;
    Ok(regions.into_iter().flatten().filter_map(region).collect())
}

/// Sizes. They cost the same in all regions.
pub(super) async fn sizes(api: &Api<'_>) -> Result<Vec<OfferedSize>, UpstreamError> {
    let sizes = api.all::<Sizes, _>(&["sizes"], None, |raw| Ok(catalogue_item(&raw))).await?;
    Ok(sizes.into_iter().flatten().filter_map(size).collect())
}

/// The vendor's own distributions.
pub(super) async fn images(api: &Api<'_>) -> Result<Vec<OfferedImage>, UpstreamError> {
    let filter = Some(("type", "distribution"));
    let images = api.all::<Images, _>(&["images"], filter, |raw| Ok(catalogue_item(&raw))).await?;
    Ok(images.into_iter().flatten().filter_map(image).collect())
}

fn region(region: Region) -> Option<OfferedRegion> {
    let Some((city, country)) = place(&region.slug) else {
        tracing::warn!(region = region.slug, "left out a region whose country is not known");
        return None;
    };
    Some(OfferedRegion {
        id: region.slug,
        city: city.to_owned(),
        country: country.to_owned(),
        available: region.available,
    })
}

/// Sizes with a GPU are left out: a size cannot say that it has one.
fn size(size: Size) -> Option<OfferedSize> {
    if size.gpu_info.is_some() || size.slug.starts_with("gpu-") {
        return None;
    }
    let cost = |number: &RawValue| amount(number, PRICE_DIGITS).filter(|cost: &Money| cost.is_positive());
    let price = cost(&size.price_hourly).zip(cost(&size.price_monthly));
    let prices = match price.filter(|_| size.available) {
        Some((hour, month)) => {
            size.regions.into_iter().map(|region| SizePrice { region, hour, month }).collect()
        }
        None => Vec::new(),
    };
    Some(OfferedSize {
        vcpus: positive(size.vcpus)?,
        memory_mib: positive(size.memory)?,
        disk_gib: positive(size.disk)?,
        transfer_gb: gigabytes(&size.transfer)?,
        // Basic droplets share their CPUs, all other lines have their own.
        dedicated: !size.slug.starts_with("s-"),
        prices,
        id: size.slug,
    })
}

/// Terabytes with a fraction, in GB. Read like an amount: as decimal text.
fn gigabytes(terabytes: &RawValue) -> Option<i32> {
    i32::try_from(amount(terabytes, 3)?.micros() / 1_000).ok()
}

fn positive(number: i64) -> Option<i32> {
    i32::try_from(number).ok().filter(|number| *number > 0)
}

/// `ubuntu-24-04-x64` is Ubuntu 24.04. Images without a slug are retired, and those of another form are made for
/// special machines.
fn image(image: Image) -> Option<OfferedImage> {
    let id = image.slug?;
    let (family, version) = name(&id)?;
    Some(OfferedImage {
        family,
        version,
        min_disk_gib: image.min_disk_size.max(0),
        available: image.status == "available",
        id,
    })
}

fn name(slug: &str) -> Option<(String, String)> {
    let name = slug.strip_suffix("-x64")?;
    let (family, version) = name.split_at(name.find(|c: char| c.is_ascii_digit())?);
    let family = family.strip_suffix('-').filter(|family| !family.is_empty())?;
    if !version.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let family = if family == "rockylinux" { "rocky" } else { family };
    Some((family.to_owned(), version.replace('-', ".")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        // From text, as raw values cannot be read from a tree.
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn a_size(slug: &str, available: bool) -> Option<OfferedSize> {
        size(read(&json!({
            "slug": slug, "memory": 1024, "vcpus": 1, "disk": 25, "transfer": 0.5, "available": available,
            "price_monthly": 5.0, "price_hourly": 0.00743999984115362, "regions": ["fra1", "nyc3"],
        })))
    }

    #[test]
    fn sizes_cost_the_same_everywhere_without_float_noise() {
        let size = a_size("s-1vcpu-1gb", true).unwrap();
        let prices: Vec<_> =
            size.prices.iter().map(|p| (p.region.as_str(), p.hour.micros(), p.month.micros())).collect();
        assert_eq!(prices, [("fra1", 7_440, 5_000_000), ("nyc3", 7_440, 5_000_000)]);
        assert_eq!((size.transfer_gb, size.dedicated), (500, false));
        assert!(a_size("c-2", true).unwrap().dedicated);
    }

    #[test]
    fn what_cannot_be_ordered_has_no_price() {
        assert!(a_size("s-1vcpu-1gb", false).unwrap().prices.is_empty());
        assert!(a_size("gpu-h100x1-80gb", true).is_none());
    }

    #[test]
    fn regions_have_places() {
        let region_of = |slug: &str| region(read(&json!({ "slug": slug, "available": true })));
        let frankfurt = region_of("fra1").unwrap();
        assert_eq!((frankfurt.city.as_str(), frankfurt.country.as_str()), ("Frankfurt", "DE"));
        assert!(region_of("xyz1").is_none());
    }

    #[test]
    fn images_are_named_by_family_and_version() {
        let named = |slug: &str| name(slug).map(|(family, version)| format!("{family} {version}"));
        assert_eq!(named("debian-13-x64").as_deref(), Some("debian 13"));
        assert_eq!(named("ubuntu-24-04-x64").as_deref(), Some("ubuntu 24.04"));
        assert_eq!(named("rockylinux-9-x64").as_deref(), Some("rocky 9"));
        assert_eq!(named("centos-stream-9-x64").as_deref(), Some("centos-stream 9"));
        for other in ["gpu-amd-base", "gpu-h100x1-base", "12-x64", "-x64"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn retired_images_cannot_be_ordered() {
        let gone: Image = read(&json!({ "slug": null, "status": "retired" }));
        assert!(image(gone).is_none());
        let retired: Image =
            read(&json!({ "slug": "debian-11-x64", "status": "retired", "min_disk_size": 7 }));
        assert!(!image(retired).unwrap().available);
    }
}
