//! Whom documents are made out to.

use domain::activity::{Action, TargetKind};
use domain::billing::{Country, Party, VatNumber};
use domain::identity::{Email, Permission};
use serde_json::json;
use store::billing::profile::{self as rows, Profile};

use super::vat;
use crate::identity::short_text;
use crate::{App, Caller, Error, Result};

/// Most lines of an address.
const ADDRESS_LINES: usize = 6;
/// Longest address, in characters.
const ADDRESS_LONGEST: usize = 500;

/// A profile as people type it.
#[derive(Debug, Clone, Copy)]
pub struct NewProfile<'a> {
    /// Legal name.
    pub name: &'a str,
    /// Address, several lines.
    pub address: &'a str,
    /// ISO 3166 code.
    pub country: &'a str,
    /// May be empty.
    pub vat_number: &'a str,
    /// Where receipts are sent; may be empty.
    pub email: &'a str,
}

impl NewProfile<'_> {
    /// Reads it. What is wrong is said of its field.
    pub fn parse(self) -> Result<Profile> {
        let name = short_text("name", self.name)?;
        let address = address(self.address)?;
        let country: Country =
            self.country.trim().parse().map_err(|_| Error::invalid("country", "Choose a country."))?;
        let vat_number = match self.vat_number.trim() {
            "" => None,
            text => Some(VatNumber::parse(country, text).map_err(|_| {
                Error::invalid("vat_number", format!("This is not a VAT number of {}.", country.name()))
            })?),
        };
        let email = match self.email.trim() {
            "" => None,
            text => Some(Email::parse(text).ok_or_else(|| {
                Error::invalid(
                    "email",
                    "This is not an e-mail address, expected for example ann@example.com.",
                )
            })?),
        };
        Ok(Profile { party: Party { name, address, country: Some(country), vat_number }, email })
    }
}

/// Lines without what is empty at their ends.
fn address(text: &str) -> Result<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let address = lines.join("\n");
    match address.chars().count() {
        0 => Err(Error::invalid("address", "Please fill this in.")),
        _ if lines.len() > ADDRESS_LINES => {
            Err(Error::invalid("address", format!("Use at most {ADDRESS_LINES} lines.")))
        }
        1..=ADDRESS_LONGEST if !address.chars().any(|c| c.is_control() && c != '\n') => Ok(address),
        1..=ADDRESS_LONGEST => Err(Error::invalid("address", "Control characters are not allowed here.")),
        _ => Err(Error::invalid("address", format!("Use at most {ADDRESS_LONGEST} characters."))),
    }
}

/// Sets whom the organization's documents are made out to. What was issued before stays as it is. A VAT number on
/// which tax depends is then looked up, where that is switched on: with each saving anew.
pub async fn set_profile(app: &App, caller: &Caller, profile: &Profile) -> Result<()> {
    caller.require(Permission::BillingManage)?;
    let mut tx = app.store.org_tx(&caller.scope).await?;
    rows::set(&mut tx, profile).await?;
    vat::ask(app.settings(), &mut tx, &profile.party).await?;
    let organization = caller.organization_id();
    let detail = json!({
        "name": profile.party.name,
        "country": profile.party.country,
        "vat_number": profile.party.vat_number,
    });
    let entry = caller.did(Action::BillingProfileChanged).on(TargetKind::Organization, organization);
    Ok(tx.commit(entry.with(detail)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: NewProfile<'_> = NewProfile {
        name: " Example GmbH ",
        address: "Hauptstr. 1\r\n\r\n  10115 Berlin ",
        country: "DE",
        vat_number: "de 123456789",
        email: "",
    };

    fn field(profile: NewProfile<'_>) -> Option<&'static str> {
        match profile.parse() {
            Err(Error::Invalid { field, .. }) => Some(field),
            _ => None,
        }
    }

    #[test]
    fn a_profile_is_made_tidy() {
        let profile = GOOD.parse().expect("valid");
        assert_eq!(profile.party.address, "Hauptstr. 1\n10115 Berlin");
        assert_eq!(profile.party.name, "Example GmbH");
        assert_eq!(profile.party.vat_number.map(|n| n.to_string()).as_deref(), Some("DE123456789"));
        assert_eq!(profile.email, None);
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        assert_eq!(field(NewProfile { name: "", ..GOOD }), Some("name"));
        assert_eq!(field(NewProfile { address: " \n", ..GOOD }), Some("address"));
        assert_eq!(field(NewProfile { address: "a\nb\nc\nd\ne\nf\ng", ..GOOD }), Some("address"));
        assert_eq!(field(NewProfile { address: "a\u{7}", ..GOOD }), Some("address"));
        assert_eq!(field(NewProfile { country: "XX", ..GOOD }), Some("country"));
        assert_eq!(field(NewProfile { vat_number: "DE1", ..GOOD }), Some("vat_number"));
        assert_eq!(field(NewProfile { country: "AT", ..GOOD }), Some("vat_number"), "of another country");
        assert_eq!(field(NewProfile { email: "nowhere", ..GOOD }), Some("email"));
    }
}
