//! Names of the countries that clouds have regions in.

use domain::billing::Country;

/// The English name behind an ISO 3166-1 alpha-2 code; the code itself when there is no such country.
pub(crate) fn name(code: &str) -> &str {
    match code.parse::<Country>() {
        Ok(country) => country.name(),
        Err(_) => code,
    }
}
