//! What DigitalOcean sells: sizes, regions, images. Public figures as of August 2026, a selection.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::Listed;

/// The catalogue, read once from `catalogue/digitalocean.json`.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../catalogue/digitalocean.json"))
        .expect("the built-in catalogue is read by a test")
});

#[derive(Deserialize)]
pub(super) struct Catalogue {
    pub(super) sizes: Vec<Size>,
    pub(super) regions: Vec<Region>,
    pub(super) distributions: Vec<Image>,
    pub(super) applications: Vec<Image>,
}

#[derive(Deserialize)]
pub(super) struct Size {
    pub(super) slug: String,
    description: String,
    pub(super) vcpus: u32,
    /// MB
    pub(super) memory: u32,
    /// GB
    pub(super) disk: u32,
    /// TB; a whole number or a fraction, as the API writes it.
    transfer: Value,
    price_hourly: f32,
    price_monthly: f64,
}

#[derive(Deserialize)]
pub(super) struct Region {
    pub(super) slug: String,
    name: String,
    /// Whether it takes new droplets.
    pub(super) available: bool,
    /// Sizes it does not have.
    lacks: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) id: u64,
    pub(super) slug: String,
    name: String,
    distribution: String,
    created_at: String,
    /// GB
    pub(super) min_disk_size: u32,
    size_gigabytes: f64,
}

impl Catalogue {
    pub(super) fn size(&self, slug: &str) -> Option<&Size> {
        self.sizes.iter().find(|size| size.slug == slug)
    }

    pub(super) fn region(&self, slug: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.slug == slug)
    }

    /// By id or slug.
    pub(super) fn image(&self, key: &str) -> Option<&Image> {
        let id = key.parse().ok();
        self.distributions
            .iter()
            .chain(&self.applications)
            .find(|image| image.slug == key || Some(image.id) == id)
    }

    /// Image JSON says whether it is a distribution.
    fn is_distribution(&self, image: &Image) -> bool {
        self.distributions.iter().any(|known| known.id == image.id)
    }
}

impl Size {
    pub(super) fn json(&self) -> Value {
        let regions: Vec<&str> =
            CATALOGUE.regions.iter().filter(|region| region.sells(self)).map(|r| r.slug.as_str()).collect();
        json!({
            "slug": self.slug, "memory": self.memory, "vcpus": self.vcpus, "disk": self.disk,
            "transfer": self.transfer, "price_monthly": self.price_monthly,
            // the API computes in single precision, and it shows: 0.00595 is sent as 0.005950000137090683
            "price_hourly": f64::from(self.price_hourly),
            "regions": regions, "available": true, "description": self.description, "disk_info": self.disk_info(),
        })
    }

    pub(super) fn disk_info(&self) -> Value {
        json!([{ "type": "local", "size": { "amount": self.disk, "unit": "gib" } }])
    }
}

impl Region {
    pub(super) fn sells(&self, size: &Size) -> bool {
        self.available && !self.lacks.contains(&size.slug)
    }

    pub(super) fn json(&self) -> Value {
        let sizes: Vec<&str> =
            CATALOGUE.sizes.iter().filter(|size| self.sells(size)).map(|size| size.slug.as_str()).collect();
        json!({
            "name": self.name, "slug": self.slug, "available": self.available, "sizes": sizes,
            "features": ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"],
        })
    }
}

impl Image {
    pub(super) fn json(&self) -> Value {
        let regions: Vec<&str> = CATALOGUE.regions.iter().map(|region| region.slug.as_str()).collect();
        let kind = if CATALOGUE.is_distribution(self) { "base" } else { "snapshot" };
        json!({
            "id": self.id, "name": self.name, "distribution": self.distribution, "slug": self.slug, "public": true,
            "regions": regions, "created_at": self.created_at, "min_disk_size": self.min_disk_size, "type": kind,
            "size_gigabytes": self.size_gigabytes, "description": format!("{} {}", self.distribution, self.name),
            "tags": [], "status": "available", "error_message": "",
        })
    }
}

impl Listed for Size {
    fn key(&self) -> &str {
        &self.slug
    }

    fn by_key(key: &str) -> Option<&'static Self> {
        CATALOGUE.size(key)
    }
}

impl Listed for Region {
    fn key(&self) -> &str {
        &self.slug
    }

    fn by_key(key: &str) -> Option<&'static Self> {
        CATALOGUE.region(key)
    }
}

impl Listed for Image {
    fn key(&self) -> &str {
        &self.slug
    }

    fn by_key(key: &str) -> Option<&'static Self> {
        CATALOGUE.image(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_is_whole() {
        assert!(CATALOGUE.sizes.len() >= 14 && CATALOGUE.regions.len() >= 9);
        for slug in ["debian-12-x64", "debian-13-x64", "ubuntu-24-04-x64"] {
            assert_eq!(CATALOGUE.image(slug).unwrap().json()["type"], "base");
        }
        for size in &CATALOGUE.sizes {
            let hourly = f64::from(size.price_hourly);
            assert!((hourly * 672.0 / size.price_monthly - 1.0).abs() < 0.01, "{}", size.slug);
            assert_ne!(size.json()["regions"], json!([]), "{}", size.slug);
        }
        assert_eq!(
            CATALOGUE.size("s-1vcpu-512mb-10gb").unwrap().json()["price_hourly"],
            0.005950000137090683
        );
    }
}
