//! The form of the billing details.

use app::billing::{NewProfile, set_profile, vat_standing};
use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::billing::Country;
use serde::Deserialize;
use store::billing::profile;

use super::view::DetailsPage;
use crate::access::{Member, may};
use crate::error::Result;
use crate::form::refused;
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::{Choice, Errors};

/// The details as typed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Typed {
    name: String,
    address: String,
    country: String,
    #[serde(default)]
    vat_number: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    next: String,
}

impl Typed {
    fn page(self, errors: Errors) -> DetailsPage {
        DetailsPage {
            name: self.name,
            address: self.address,
            country: self.country,
            countries: countries(),
            vat_number: self.vat_number,
            vat: None,
            email: self.email,
            next: self.next,
            errors,
        }
    }
}

/// All countries, to choose from.
pub(super) fn countries() -> Vec<Choice> {
    let all = Country::all().map(|country| Choice::new(country.code(), country.name()));
    std::iter::once(Choice::new("", "Choose a country")).chain(all).collect()
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
}

/// The form with what there is.
pub(crate) async fn form(member: Member<may::BillingManage>, Query(asked): Query<Asked>) -> Result {
    let mut db = member.read().await?;
    let profile = profile::find(&mut *db).await?;
    let vat = match &profile {
        Some(profile) => vat_standing(member.state.app.settings(), &mut *db, &profile.party).await?,
        None => None,
    };
    let typed = match profile {
        None => Typed { name: member.known.organization_name.clone(), ..Typed::default() },
        Some(profile) => Typed {
            name: profile.party.name,
            address: profile.party.address,
            country: profile.party.country.map(|c| c.code().to_owned()).unwrap_or_default(),
            vat_number: profile.party.vat_number.map(|n| n.to_string()).unwrap_or_default(),
            email: profile.email.map(|email| email.as_str().to_owned()).unwrap_or_default(),
            next: String::new(),
        },
    };
    let page = Typed { next: asked.next, ..typed }.page(Errors::new());
    db.show(&DetailsPage { vat: vat.map(Into::into), ..page })
}

/// Sets the details.
pub(crate) async fn save(member: Member<may::BillingManage>, Form(form): Form<Typed>) -> Result {
    let new = NewProfile {
        name: &form.name,
        address: &form.address,
        country: &form.country,
        vat_number: &form.vat_number,
        email: &form.email,
    };
    let done = match new.parse() {
        Ok(profile) => set_profile(&member.state.app, &member.caller, &profile).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => {
            let to = link::own_path(&form.next).unwrap_or("/billing");
            Ok(see_other_saying(&member.state, to, Said::BillingDetailsSaved))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            show_again(&member, status, form.page(errors)).await
        }
    }
}

async fn show_again(member: &Member<may::BillingManage>, status: StatusCode, page: DetailsPage) -> Result {
    member.read().await?.show_with(status, &page)
}
