//! Tax rates and documents, for operators.

use app::billing::tax::publish_rate;
use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use chrono::{Datelike as _, Months, NaiveDate, Utc};
use domain::billing::Country;
use domain::{DocumentId, Money, OrganizationId};
use serde::Deserialize;
use store::billing::document::{self as rows, Content};
use store::billing::{profile, tax};
use store::identity::read;

use super::document::TaxLine;
use super::pdf;
use super::profile::countries;
use super::view::{DocumentPage, DocumentsPage, RateRow, TaxesPage, month_name};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, refused};
use crate::format;
use crate::link;
use crate::spreadsheet::file;
use crate::toast::{Said, see_other_saying};
use crate::view::{Choice, Errors, PAGE, Pages};

/// Months to choose from for the bookkeeper.
const MONTHS: u32 = 24;

/// A rate as typed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Typed {
    country: String,
    /// Empty ends the tax.
    percent: String,
    effective_on: String,
}

impl Typed {
    fn parse(&self) -> Result<(Country, Option<i32>, NaiveDate), app::Error> {
        let country =
            self.country.parse().map_err(|_| app::Error::invalid("country", "Choose a country."))?;
        let on = self.effective_on.trim().parse().map_err(|_| {
            app::Error::invalid("effective_on", "Not a day, expected for example 2027-01-01.")
        })?;
        let percent = self.percent.trim().trim_end_matches('%').trim_end();
        let wrong = || app::Error::invalid("percent", "Not a percentage, expected for example 19 or 8.1.");
        if percent.is_empty() {
            return Ok((country, None, on));
        }
        let percent: Money = percent.parse().map_err(|_| wrong())?;
        // A hundredth of a percent is ten thousand millionths.
        if percent.micros() % 10_000 != 0 {
            return Err(wrong());
        }
        let points = i32::try_from(percent.micros() / 10_000).map_err(|_| wrong())?;
        Ok((country, Some(points), on))
    }
}

/// The rates.
pub(crate) async fn taxes(operator: Operator) -> Result {
    page(&operator, StatusCode::OK, Typed::default(), Errors::new()).await
}

async fn page(operator: &Operator, status: StatusCode, typed: Typed, errors: Errors) -> Result {
    let mut db = operator.read_all().await?;
    let rates = tax::rates(&mut db).await?;
    let settings = operator.state.app.settings();
    let today = Utc::now().date_naive();
    let months = (0..MONTHS).filter_map(|back| today.with_day(1)?.checked_sub_months(Months::new(back)));
    let page = TaxesPage {
        on: settings.tax,
        seller: (&settings.seller).into(),
        rates: rates.into_iter().map(rate_row).collect(),
        countries: countries(),
        country: typed.country,
        percent: typed.percent,
        effective_on: if typed.effective_on.is_empty() { today.to_string() } else { typed.effective_on },
        errors,
        months: months
            .map(|month| Choice::new(month.format("%Y-%m").to_string(), month_name(month)))
            .collect(),
    };
    db.show_with(status, &page)
}

fn rate_row(rate: tax::TaxRate) -> RateRow {
    let country = rate.country.parse::<Country>().map_or(rate.country, |country| country.name().to_owned());
    RateRow {
        country,
        rate: rate.basis_points.map_or_else(|| "Not taxed".to_owned(), |p| format::percent(i64::from(p))),
        effective_on: rate.effective_on.format("%-d %b %Y").to_string(),
        in_force: rate.in_force,
    }
}

/// Publishes a rate.
pub(crate) async fn publish(operator: Operator, Form(form): Form<Typed>) -> Result {
    let done = match form.parse() {
        Ok((country, points, on)) => {
            publish_rate(&operator.state.app, &operator.operator, country, points, on).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(see_other_saying(&operator.state, "/operator/taxes", Said::TaxRatePublished)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, status, form, errors).await
        }
    }
}

/// Which month, as `2026-11`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AskedMonth {
    #[serde(default)]
    month: String,
}

/// All receipts and credit notes of a month, for the bookkeeper. Anything that is no month is the running one.
pub(crate) async fn month_csv(operator: Operator, Query(asked): Query<AskedMonth>) -> Result {
    let today = Utc::now().date_naive();
    let month = format!("{}-01", asked.month).parse().unwrap_or(today.with_day(1).unwrap_or(today));
    let mut db = operator.read_all().await?;
    let documents = rows::of_month(&mut db, month).await?;
    let lines = documents.iter().filter_map(|document| match &document.content {
        Content::Tax(content) => Some(TaxLine::new(document, content)),
        Content::Statement(_) => None,
    });
    file(&format!("documents-{}.csv", month.format("%Y-%m")), lines)
}

/// Where in the list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    before: Option<DocumentId>,
}

/// The documents of an organization.
pub(crate) async fn documents(
    operator: Operator,
    Id(id): Id<OrganizationId>,
    Query(asked): Query<Asked>,
) -> Result {
    let mut db = operator.read_all().await?;
    let organization = read::organization(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let profile = profile::of_organization(&mut *db, id).await?;
    let mut documents = rows::of_organization(&mut *db, id, asked.before, PAGE + 1).await?;
    let here = format!("/operator/organizations/{id}/documents");
    let older = |last: &rows::Line| link::with_query(&here, &[("before", &last.id.to_string())]);
    let pages = Pages::of(&mut documents, asked.before.map(|_| here.clone()), older);
    let page = DocumentsPage {
        id: id.to_string(),
        name: organization.name,
        profile: profile.as_ref().map(|profile| (&profile.party).into()),
        documents: documents.into_iter().map(Into::into).collect(),
        pages,
    };
    db.show(&page)
}

/// One document.
pub(crate) async fn document(operator: Operator, Id(id): Id<DocumentId>) -> Result {
    let mut db = operator.read_all().await?;
    let document = rows::find_any(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    db.show(&DocumentPage::for_operators(&document))
}

/// Its PDF.
pub(crate) async fn pdf(operator: Operator, Id(id): Id<DocumentId>) -> Result {
    let document = {
        let mut db = operator.read_all().await?;
        rows::find_any(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?
    };
    Ok(pdf::answer(&operator.state, &document).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(percent: &str) -> Option<Option<i32>> {
        let typed =
            Typed { country: "DE".into(), percent: percent.into(), effective_on: "2027-01-01".into() };
        typed.parse().ok().map(|(_, points, _)| points)
    }

    #[test]
    fn rates_are_typed_in_percent() {
        assert_eq!(parse("19"), Some(Some(1_900)));
        assert_eq!(parse(" 8.1 % "), Some(Some(810)));
        assert_eq!(parse(""), Some(None));
        for wrong in ["19,5", "8.125", "many"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
