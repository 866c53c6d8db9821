//! Reads what an account offers and writes it down under names of our own.

use domain::ProviderId;
use domain::activity::{Action, Activity, TargetKind};
use domain::notify::Topic;
use domain::provider::{OfferedImage, OfferedRegion, OfferedSize};
use serde_json::json;
use store::catalog::{self as rows, Dimensions, ImageRow, PriceRow, RegionRow, SizeRow};
use store::job::{Job, Next};
use store::{SystemPurpose, notify, provider};

use super::slug;
use crate::worker::{Context, Fail, payload_id};

pub(crate) async fn run(ctx: &Context, job: &Job) -> Result<(), Fail> {
    let id: ProviderId = payload_id(job, "provider_id")?;
    let cloud = ctx.connect(id).await?;
    let upstream = |e| ctx.upstream(id, e);
    let regions: Vec<RegionRow> = cloud.regions().await.map_err(upstream)?.iter().map(region).collect();
    let offered = cloud.sizes().await.map_err(upstream)?;
    let images: Vec<ImageRow> = cloud.images().await.map_err(upstream)?.iter().map(image).collect();
    if regions.is_empty() || offered.is_empty() || images.is_empty() {
        return Err(Fail::give_up("the provider's catalogue is empty; the last one is kept"));
    }
    let minimum = cloud.capabilities().minimum_charge;
    let sizes: Vec<SizeRow> = offered.iter().map(size).collect();
    let prices: Vec<PriceRow> = offered
        .iter()
        .flat_map(|size| size.prices.iter().map(move |price| (size, price)))
        .map(|(size, price)| PriceRow {
            size: size.id.clone(),
            region: price.region.clone(),
            hour: price.hour,
            month: price.month,
            minimum,
        })
        .collect();

    let mut tx = ctx.store().system_tx(SystemPurpose::Job).await?;
    rows::replace_regions(&mut tx, id, &regions).await?;
    rows::replace_sizes(&mut tx, id, &sizes).await?;
    rows::replace_prices(&mut tx, id, &prices).await?;
    rows::replace_images(&mut tx, id, &images).await?;
    provider::set_synced(&mut tx, id).await?;
    notify::publish_system(&mut tx, None, Topic::Catalog, &[id.0]).await?;
    let detail = json!({ "regions": regions.len(), "sizes": sizes.len(), "images": images.len() });
    let entry =
        Activity::platform(job.actor, Action::CatalogSynced).on(TargetKind::Provider, id).with(detail);
    Ok(tx.finish(job, Next::Done, entry).await?)
}

fn region(offered: &OfferedRegion) -> RegionRow {
    RegionRow {
        reference: offered.id.clone(),
        slug: slug(&format!("{} {}", offered.country, offered.city)),
        name: offered.city.clone(),
        country: offered.country.clone(),
        available: offered.available,
    }
}

fn size(offered: &OfferedSize) -> SizeRow {
    let dimensions = Dimensions {
        vcpus: offered.vcpus,
        memory_mib: offered.memory_mib,
        disk_gib: offered.disk_gib,
        transfer_gb: offered.transfer_gb,
        dedicated: offered.dedicated,
    };
    SizeRow { reference: offered.id.clone(), dimensions }
}

fn image(offered: &OfferedImage) -> ImageRow {
    ImageRow {
        reference: offered.id.clone(),
        slug: slug(&format!("{} {}", offered.family, offered.version.replace('.', "-"))),
        family: offered.family.clone(),
        version: offered.version.clone(),
        name: format!("{} {}", family_name(&offered.family), offered.version),
        min_disk_gib: offered.min_disk_gib,
        available: offered.available,
    }
}

/// A family as its makers write it.
fn family_name(family: &str) -> String {
    match family {
        "almalinux" => "AlmaLinux".into(),
        "centos" => "CentOS".into(),
        "centos-stream" => "CentOS Stream".into(),
        "opensuse" => "openSUSE".into(),
        "freebsd" => "FreeBSD".into(),
        "rocky" | "rockylinux" => "Rocky Linux".into(),
        other => {
            let mut letters = other.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}
