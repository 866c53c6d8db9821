//! Where DigitalOcean's regions are. The API names a region but not its country.

/// City and ISO 3166-1 country by the letters of a region's slug (`fra1` is `fra`).
const PLACES: &[(&str, &str, &str)] = &[
    ("ams", "Amsterdam", "NL"),
    ("atl", "Atlanta", "US"),
    ("blr", "Bangalore", "IN"),
    ("fra", "Frankfurt", "DE"),
    ("lon", "London", "GB"),
    ("mem", "Memphis", "US"),
    ("mkc", "Kansas City", "US"),
    ("nyc", "New York", "US"),
    ("ric", "Richmond", "US"),
    ("sfo", "San Francisco", "US"),
    ("sgp", "Singapore", "SG"),
    ("syd", "Sydney", "AU"),
    ("tor", "Toronto", "CA"),
];

/// City and country of a region; `None` for a place that is newer than this table.
pub(super) fn place(slug: &str) -> Option<(&'static str, &'static str)> {
    let letters = slug.trim_end_matches(|c: char| c.is_ascii_digit());
    PLACES.iter().find(|(known, ..)| *known == letters).map(|(_, city, country)| (*city, *country))
}
