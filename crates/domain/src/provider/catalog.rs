//! What a provider offers, in neutral units.

use crate::Money;

/// A region of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedRegion {
    /// The provider's id.
    pub id: String,
    /// City, for example `Frankfurt`: the same city at two providers is one region to customers.
    pub city: String,
    /// ISO 3166-1 alpha-2 country code, upper case.
    pub country: String,
    /// Does it take orders now?
    pub available: bool,
}

/// A size of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSize {
    /// The provider's id.
    pub id: String,
    /// Virtual CPUs.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
    /// Included outgoing traffic a month, in GB.
    pub transfer_gb: i32,
    /// Are the CPUs dedicated?
    pub dedicated: bool,
    /// Price in each region it can be ordered in. Empty when it cannot be ordered.
    pub prices: Vec<SizePrice>,
}

/// What a size costs us in one region, in the vendor's currency (USD at all vendors so far).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizePrice {
    /// The provider's region.
    pub region: String,
    /// Per hour.
    pub hour: Money,
    /// Monthly cap. Never derived from the hourly price: vendors' months differ.
    pub month: Money,
}

/// An operating-system image of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedImage {
    /// The provider's id.
    pub id: String,
    /// Family as one lower-case word, for example `debian`.
    pub family: String,
    /// Version, for example `12` or `24.04`.
    pub version: String,
    /// Smallest disk in GiB that takes it.
    pub min_disk_gib: i32,
    /// Can it still be ordered?
    pub available: bool,
}
