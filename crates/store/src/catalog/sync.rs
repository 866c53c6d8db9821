//! Writing down what an account offers. Rows are never removed while something may point at them:
//! what is no longer offered becomes unavailable.

use domain::{ImageId, Money, ProviderId, RegionId};
use uuid::Uuid;

use crate::Result;
use crate::SystemTx;
use crate::handle::sealed::Conn as _;

/// A region of an account and what customers call it.
#[derive(Debug, Clone)]
pub struct RegionRow {
    /// The account's id of it.
    pub reference: String,
    /// Slug of the customers' region; made when it is new.
    pub slug: String,
    /// Display name of the customers' region.
    pub name: String,
    /// ISO country code.
    pub country: String,
    /// Takes orders?
    pub available: bool,
}

/// A size of an account.
#[derive(Debug, Clone)]
pub struct SizeRow {
    /// The account's id of it.
    pub reference: String,
    /// What it is.
    pub dimensions: super::Dimensions,
}

/// A size's price in a region.
#[derive(Debug, Clone)]
pub struct PriceRow {
    /// The account's size.
    pub size: String,
    /// The account's region.
    pub region: String,
    /// Per hour.
    pub hour: Money,
    /// Monthly cap.
    pub month: Money,
    /// The least a server costs.
    pub minimum: Money,
}

/// An image of an account and what customers call it.
#[derive(Debug, Clone)]
pub struct ImageRow {
    /// The account's id of it.
    pub reference: String,
    /// Slug of the customers' image; made when it is new.
    pub slug: String,
    /// Lower-case family.
    pub family: String,
    /// Version.
    pub version: String,
    /// Display name.
    pub name: String,
    /// Smallest disk in GiB.
    pub min_disk_gib: i32,
    /// Can be ordered?
    pub available: bool,
}

fn texts<T>(rows: &[T], f: fn(&T) -> &String) -> Vec<String> {
    rows.iter().map(|r| f(r).clone()).collect()
}

/// Writes all regions of an account.
pub async fn replace_regions(tx: &mut SystemTx, provider: ProviderId, rows: &[RegionRow]) -> Result<()> {
    let new_ids: Vec<Uuid> = rows.iter().map(|_| RegionId::new().0).collect();
    let slugs = texts(rows, |r| &r.slug);
    sqlx::query!(
        "insert into regions (id, slug, name, country)
        select distinct on (slug) * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as n (id, slug, name, country)
        on conflict (slug) do nothing",
        &new_ids,
        &slugs,
        &texts(rows, |r| &r.name),
        &texts(rows, |r| &r.country),
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("update provider_regions set available = false where provider_id = $1", provider.0)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into provider_regions (provider_id, ref, region_id, available)
        select $1, n.ref, r.id, n.available
        from unnest($2::text[], $3::text[], $4::boolean[]) as n (ref, slug, available) join regions r using (slug)
        on conflict (provider_id, ref) do update set region_id = excluded.region_id, available = excluded.available",
        provider.0,
        &texts(rows, |r| &r.reference),
        &slugs,
        &rows.iter().map(|r| r.available).collect::<Vec<bool>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes all sizes of an account.
pub async fn replace_sizes(tx: &mut SystemTx, provider: ProviderId, rows: &[SizeRow]) -> Result<()> {
    let column =
        |f: fn(&super::Dimensions) -> i32| rows.iter().map(|r| f(&r.dimensions)).collect::<Vec<i32>>();
    sqlx::query!(
        "insert into provider_sizes (provider_id, ref, vcpus, memory_mib, disk_gib, transfer_gb, dedicated)
        select $1, * from unnest($2::text[], $3::int[], $4::int[], $5::int[], $6::int[], $7::boolean[])
        on conflict (provider_id, ref) do update set vcpus = excluded.vcpus, memory_mib = excluded.memory_mib,
            disk_gib = excluded.disk_gib, transfer_gb = excluded.transfer_gb, dedicated = excluded.dedicated",
        provider.0,
        &texts(rows, |r| &r.reference),
        &column(|d| d.vcpus),
        &column(|d| d.memory_mib),
        &column(|d| d.disk_gib),
        &column(|d| d.transfer_gb),
        &rows.iter().map(|r| r.dimensions.dedicated).collect::<Vec<bool>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes all prices of an account. A size without a price in a region cannot be ordered there.
pub async fn replace_prices(tx: &mut SystemTx, provider: ProviderId, rows: &[PriceRow]) -> Result<()> {
    sqlx::query!("update provider_prices set available = false where provider_id = $1", provider.0)
        .execute(tx.conn())
        .await?;
    let column = |f: fn(&PriceRow) -> Money| rows.iter().map(|r| f(r).micros()).collect::<Vec<i64>>();
    sqlx::query!(
        "insert into provider_prices (provider_id, size_ref, region_ref, cost_hour_micros, cost_month_micros,
            cost_minimum_micros, available)
        select $1, n.size, n.region, n.hour, n.month, n.minimum, true
        from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
            as n (size, region, hour, month, minimum)
        where exists (select from provider_regions r where r.provider_id = $1 and r.ref = n.region)
        on conflict (provider_id, size_ref, region_ref) do update set cost_hour_micros = excluded.cost_hour_micros,
            cost_month_micros = excluded.cost_month_micros, cost_minimum_micros = excluded.cost_minimum_micros,
            available = true",
        provider.0,
        &texts(rows, |r| &r.size),
        &texts(rows, |r| &r.region),
        &column(|r| r.hour),
        &column(|r| r.month),
        &column(|r| r.minimum),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes all images of an account.
pub async fn replace_images(tx: &mut SystemTx, provider: ProviderId, rows: &[ImageRow]) -> Result<()> {
    let new_ids: Vec<Uuid> = rows.iter().map(|_| ImageId::new().0).collect();
    let slugs = texts(rows, |r| &r.slug);
    sqlx::query!(
        "insert into images (id, slug, family, version, name)
        select distinct on (slug) * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
            as n (id, slug, family, version, name)
        on conflict (slug) do nothing",
        &new_ids,
        &slugs,
        &texts(rows, |r| &r.family),
        &texts(rows, |r| &r.version),
        &texts(rows, |r| &r.name),
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("update provider_images set available = false where provider_id = $1", provider.0)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into provider_images (provider_id, ref, image_id, min_disk_gib, available)
        select $1, n.ref, i.id, n.disk, n.available
        from unnest($2::text[], $3::text[], $4::int[], $5::boolean[]) as n (ref, slug, disk, available)
        join images i using (slug)
        on conflict (provider_id, ref) do update set image_id = excluded.image_id,
            min_disk_gib = excluded.min_disk_gib, available = excluded.available",
        provider.0,
        &texts(rows, |r| &r.reference),
        &slugs,
        &rows.iter().map(|r| r.min_disk_gib).collect::<Vec<i32>>(),
        &rows.iter().map(|r| r.available).collect::<Vec<bool>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
