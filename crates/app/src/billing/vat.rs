//! VAT numbers and the register that knows which are in use.

use domain::billing::{Country, Party, Tax, TaxReason, VatNumber};
use serde_json::json;
use store::billing::profile::Buyer;
use store::billing::vat::{self as rows, Standing};
use store::job::NewJob;
use store::{OrgDb, OrgTx, job};

use crate::{Result, Settings};

/// Asks the register about a number of the organization.
pub(crate) fn check_job(organization: domain::OrganizationId, number: &VatNumber) -> NewJob {
    NewJob::new("billing.vat_check", json!({ "vat_number": number }))
        .once(format!("vat_check:{organization}:{number}"))
}

/// The number that the register is asked about: the one on which it depends who owes the tax.
pub(crate) fn decisive<'a>(settings: &Settings, buyer: &'a Party) -> Option<&'a VatNumber> {
    if !settings.tax || !settings.vat_check {
        return None;
    }
    let reason = Tax::of(&settings.seller, buyer, None).reason;
    buyer.vat_number.as_ref().filter(|_| reason == TaxReason::ReverseCharge)
}

/// The countries whose numbers decide anything for this seller.
pub(crate) fn countries(settings: &Settings) -> Vec<String> {
    let abroad = |country: &Country| country.is_in_eu() && settings.seller.country != Some(*country);
    Country::all().filter(abroad).map(|country| country.code().to_owned()).collect()
}

/// Has the register asked about the number of a profile that was just saved.
pub(crate) async fn ask(settings: &Settings, tx: &mut OrgTx, buyer: &Party) -> Result<()> {
    if let Some(number) = decisive(settings, buyer) {
        let new = check_job(tx.organization_id(), number);
        job::enqueue(tx, new).await?;
    }
    Ok(())
}

/// The buyer as tax is told by: a number that the register does not know is none.
pub(crate) fn taxed_as(settings: &Settings, buyer: &Buyer) -> Party {
    let party = buyer.party.clone();
    match settings.vat_check && buyer.vat_refused {
        true => Party { vat_number: None, ..party },
        false => party,
    }
}

/// How the number of this profile of the organization stands; `None` where the register is not asked.
pub async fn vat_standing(
    settings: &Settings,
    db: &mut impl OrgDb,
    profile: &Party,
) -> Result<Option<Standing>> {
    match decisive(settings, profile) {
        Some(_) => Ok(rows::standing(db).await?),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(country: &str, number: &str) -> Party {
        let country: Country = country.parse().expect("a country");
        let vat_number = VatNumber::parse(country, number).ok();
        Party { country: Some(country), vat_number, ..Party::default() }
    }

    fn settings() -> Settings {
        let at_home = Settings::new("https://panel.example.com".parse().expect("an address"));
        Settings { tax: true, vat_check: true, seller: party("DE", ""), ..at_home }
    }

    #[test]
    fn the_register_is_asked_only_about_what_decides() {
        let asked = |settings: &Settings, buyer: &Party| decisive(settings, buyer).is_some();
        let abroad = party("AT", "U12345678");
        assert!(asked(&settings(), &abroad));
        assert!(!asked(&settings(), &party("AT", "")), "no business");
        assert!(!asked(&settings(), &party("DE", "123456789")), "at home");
        assert!(!asked(&settings(), &party("US", "12-3456789")), "outside the union");
        assert!(!asked(&Settings { vat_check: false, ..settings() }, &abroad), "not wanted");
        assert!(!asked(&Settings { tax: false, ..settings() }, &abroad), "no tax");
        let countries = countries(&settings());
        assert!(countries.contains(&"AT".to_owned()) && !countries.contains(&"DE".to_owned()));
        assert!(!countries.contains(&"US".to_owned()));
    }

    #[test]
    fn a_number_the_register_does_not_know_is_none() {
        let buyer = |vat_refused| Buyer { party: party("AT", "U12345678"), vat_refused };
        assert_eq!(taxed_as(&settings(), &buyer(true)).vat_number, None);
        assert!(taxed_as(&settings(), &buyer(false)).vat_number.is_some());
        let off = Settings { vat_check: false, ..settings() };
        assert!(taxed_as(&off, &buyer(true)).vat_number.is_some(), "what was said counts while it is asked");
    }
}
