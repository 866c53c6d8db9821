//! VAT numbers, by the format of each country of the European Union.

use std::fmt;

use async_trait::async_trait;

use super::Country;
use crate::provider::UpstreamError;

/// A business's tax number, without spaces and separators; in the European Union with its country's prefix.
///
/// Only the format is checked: whether the number is in use is for a [`VatRegister`] to say.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct VatNumber(String);

/// Not a number of that country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a VAT number of {0}")]
pub struct BadVatNumber(pub &'static str);

crate::text_enum! {
    /// What the register said of a number.
    pub enum VatStatus {
        /// Nothing yet: it counts by its format.
        Unchecked = "unchecked",
        /// It is in use.
        Valid = "valid",
        /// It is not: it counts as none.
        Invalid = "invalid",
    }
}

/// The register of the VAT numbers of all members of the European Union.
#[async_trait]
pub trait VatRegister: Send + Sync {
    /// Is this number, with its country's prefix, in use? An error is no answer: it may be asked again.
    async fn knows(&self, number: &VatNumber) -> Result<bool, UpstreamError>;
}

/// Longest number of a country whose format is not known.
const LONGEST: usize = 20;

impl VatNumber {
    /// Reads a number as people write it: with spaces, dots and hyphens, in small letters, with or without the prefix.
    pub fn parse(country: Country, text: &str) -> Result<Self, BadVatNumber> {
        let refused = BadVatNumber(country.name());
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '.' | '-' | '/'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let Some((prefix, patterns)) = format_of(country) else {
            let fits = (4..=LONGEST).contains(&plain.len())
                && plain.bytes().all(|b| b.is_ascii_alphanumeric())
                && plain.bytes().any(|b| b.is_ascii_digit());
            return if fits { Ok(Self(plain)) } else { Err(refused) };
        };
        let number = plain.strip_prefix(prefix).unwrap_or(&plain);
        let fits = patterns.iter().any(|pattern| matches(pattern, number)) && is_allowed(country, number);
        if fits { Ok(Self(format!("{prefix}{number}"))) } else { Err(refused) }
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `9` stands for a digit, `A` for a letter, `*` for either, anything else for itself.
fn matches(pattern: &str, number: &str) -> bool {
    pattern.len() == number.len()
        && pattern.bytes().zip(number.bytes()).all(|(wanted, found)| match wanted {
            b'9' => found.is_ascii_digit(),
            b'A' => found.is_ascii_uppercase(),
            b'*' => found.is_ascii_digit() || found.is_ascii_uppercase(),
            other => other == found,
        })
}

/// What a pattern cannot say.
fn is_allowed(country: Country, number: &str) -> bool {
    let digit = |at: usize| number.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    match country.code() {
        // At the ends stands one letter at least.
        "ES" => !(digit(0) && digit(8)),
        "FR" => !number.chars().take(2).any(|c| c == 'O' || c == 'I'),
        _ => true,
    }
}

/// Prefix and patterns of a member of the European Union.
fn format_of(country: Country) -> Option<(&'static str, &'static [&'static str])> {
    Some(match country.code() {
        "AT" => ("AT", &["U99999999"]),
        "BE" => ("BE", &["0999999999", "1999999999"]),
        "BG" => ("BG", &["999999999", "9999999999"]),
        "CY" => ("CY", &["99999999A"]),
        "CZ" => ("CZ", &["99999999", "999999999", "9999999999"]),
        "DE" => ("DE", &["999999999"]),
        "DK" => ("DK", &["99999999"]),
        "EE" => ("EE", &["999999999"]),
        "ES" => ("ES", &["*9999999*"]),
        "FI" => ("FI", &["99999999"]),
        "FR" => ("FR", &["**999999999"]),
        "GR" => ("EL", &["999999999"]),
        "HR" => ("HR", &["99999999999"]),
        "HU" => ("HU", &["99999999"]),
        "IE" => ("IE", &["9999999A", "9999999AA", "9A99999A", "9+99999A"]),
        "IT" => ("IT", &["99999999999"]),
        "LT" => ("LT", &["999999999", "999999999999"]),
        "LU" => ("LU", &["99999999"]),
        "LV" => ("LV", &["99999999999"]),
        "MT" => ("MT", &["99999999"]),
        "NL" => ("NL", &["999999999B99"]),
        "PL" => ("PL", &["9999999999"]),
        "PT" => ("PT", &["999999999"]),
        "RO" => (
            "RO",
            &["99", "999", "9999", "99999", "999999", "9999999", "99999999", "999999999", "9999999999"],
        ),
        "SE" => ("SE", &["999999999999"]),
        "SI" => ("SI", &["99999999"]),
        "SK" => ("SK", &["9999999999"]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(country: &str, text: &str) -> Result<String, BadVatNumber> {
        let country = country.parse().expect("a country");
        VatNumber::parse(country, text).map(|number| number.as_str().to_owned())
    }

    /// For each country a number of each of its forms, and the same with a digit too many or too few.
    #[test]
    fn every_member_of_the_union_has_its_format() {
        let good = [
            ("AT", "ATU12345678"),
            ("BE", "BE0123456789"),
            ("BE", "BE1234567890"),
            ("BG", "BG123456789"),
            ("BG", "BG1234567890"),
            ("CY", "CY12345678L"),
            ("CZ", "CZ12345678"),
            ("CZ", "CZ1234567890"),
            ("DE", "DE123456789"),
            ("DK", "DK12345678"),
            ("EE", "EE123456789"),
            ("ES", "ESB12345678"),
            ("ES", "ES12345678Z"),
            ("ES", "ESX1234567L"),
            ("FI", "FI12345678"),
            ("FR", "FR12345678901"),
            ("FR", "FRAB123456789"),
            ("GR", "EL123456789"),
            ("HR", "HR12345678901"),
            ("HU", "HU12345678"),
            ("IE", "IE1234567A"),
            ("IE", "IE1234567AB"),
            ("IE", "IE1A23456B"),
            ("IT", "IT12345678901"),
            ("LT", "LT123456789"),
            ("LT", "LT123456789012"),
            ("LU", "LU12345678"),
            ("LV", "LV12345678901"),
            ("MT", "MT12345678"),
            ("NL", "NL123456789B01"),
            ("PL", "PL1234567890"),
            ("PT", "PT123456789"),
            ("RO", "RO1234567890"),
            ("SE", "SE123456789012"),
            ("SI", "SI12345678"),
            ("SK", "SK1234567890"),
        ];
        for country in Country::all().filter(|country| country.is_in_eu()) {
            assert!(good.iter().any(|(code, _)| *code == country.code()), "{country} has no example");
        }
        for (country, number) in good {
            assert_eq!(parse(country, number), Ok(number.to_owned()), "{country}");
            assert!(parse(country, &format!("{number}12345")).is_err(), "{number} with more digits");
            assert!(
                parse(country, &format!("{number}\u{e9}")).is_err(),
                "{number} with a letter of no pattern"
            );
        }
    }

    #[test]
    fn what_people_write_is_made_plain() {
        assert_eq!(parse("DE", " de 123.456-789 "), Ok("DE123456789".into()));
        assert_eq!(parse("DE", "123456789"), Ok("DE123456789".into()), "the prefix is added");
        assert_eq!(parse("GR", "el123456789"), Ok("EL123456789".into()));
        assert_eq!(parse("AT", "u12345678"), Ok("ATU12345678".into()));
        assert_eq!(parse("CH", "CHE-123.456.789 MWST"), Ok("CHE123456789MWST".into()));
    }

    #[test]
    fn what_is_no_number_of_that_country_is_refused() {
        for (country, wrong) in [
            ("DE", ""),
            ("DE", "DE12345678"),
            ("DE", "AT123456789"),
            ("BE", "BE2123456789"),
            ("ES", "ES123456789"),
            ("FR", "FROI123456789"),
            ("NL", "NL123456789A01"),
            ("RO", "RO1"),
            ("US", ""),
            ("US", "none"),
            ("US", "12<script>"),
            ("US", "123456789012345678901"),
        ] {
            assert!(parse(country, wrong).is_err(), "{country}: {wrong}");
        }
    }
}
