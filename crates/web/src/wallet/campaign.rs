//! Offers by code, for operators.

use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use domain::CampaignId;
use domain::wallet::CampaignKind;
use serde::Deserialize;
use store::wallet::campaign::{Campaign, list as rows};

use super::operator_view::{CampaignForm, CampaignRow, CampaignsPage, VouchersPage};
use crate::access::Operator;
use crate::error::Result;
use crate::form::{Id, amount, refused};
use crate::link;
use crate::toast::{Said, see_other_saying};
use crate::view::{Chip, PAGE, Pages};

const HERE: &str = "/operator/campaigns";

/// Where in the list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    before: Option<CampaignId>,
}

/// All offers, and the forms for another one.
pub(crate) async fn list(operator: Operator, Query(asked): Query<Asked>) -> Result {
    page(&operator, StatusCode::OK, asked, CampaignForm::default(), CampaignForm::default()).await
}

async fn page(
    operator: &Operator,
    status: StatusCode,
    asked: Asked,
    promotion: CampaignForm,
    vouchers: CampaignForm,
) -> Result {
    let mut db = operator.read_all().await?;
    let mut campaigns = rows(&mut db, asked.before, PAGE + 1).await?;
    let older = |last: &Campaign| link::with_query(HERE, &[("before", &last.id.to_string())]);
    let pages = Pages::of(&mut campaigns, asked.before.map(|_| HERE.to_owned()), older);
    let campaigns = campaigns.into_iter().map(row).collect();
    let currency_sign = operator.state.currency.sign().to_owned();
    db.show_with(status, &CampaignsPage { campaigns, pages, currency_sign, promotion, vouchers })
}

fn row(campaign: Campaign) -> CampaignRow {
    let over = campaign.disabled || campaign.valid_until.is_some_and(|until| until <= Utc::now());
    CampaignRow {
        id: campaign.id.to_string(),
        name: campaign.name,
        kind: match campaign.kind {
            CampaignKind::Promotion => "Promotion",
            CampaignKind::Voucher => "Vouchers",
        },
        code: campaign.code,
        amount: campaign.amount,
        valid_from: campaign.valid_from,
        valid_until: campaign.valid_until,
        expires_days: campaign.expires_days,
        redemptions: campaign.redemptions,
        redemptions_max: campaign.redemptions_max,
        new_only: campaign.new_only,
        status: Chip::offer(campaign.open, over),
        disabled: campaign.disabled,
    }
}

/// An offer as it was typed.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    name: String,
    amount: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    count: String,
    #[serde(default)]
    first_day: String,
    #[serde(default)]
    last_day: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    redemptions_max: String,
    #[serde(default)]
    new_only: String,
}

/// A number, or nothing.
pub(super) fn number<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<Option<T>, app::Error> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| app::Error::invalid(field, "Use a whole number.")),
    }
}

/// A day as browsers send it, or nothing.
fn day(field: &'static str, text: &str) -> Result<Option<NaiveDate>, app::Error> {
    match text.trim() {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|_| app::Error::invalid(field, "Use a date, such as 2027-01-31."))
        }
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

impl Typed {
    /// The end of its last day.
    fn valid_until(&self) -> Result<Option<DateTime<Utc>>, app::Error> {
        let last = day("last_day", &self.last_day)?;
        Ok(last.and_then(|day| day.checked_add_days(Days::new(1))).map(midnight))
    }

    async fn promotion(&self, operator: &Operator) -> Result<CampaignId, app::Error> {
        let new = app::wallet::NewPromotion {
            name: &self.name,
            code: &self.code,
            amount: amount("amount", &self.amount)?,
            valid_from: day("first_day", &self.first_day)?.map(midnight),
            valid_until: self.valid_until()?,
            days: number("days", &self.days)?,
            redemptions_max: number("redemptions_max", &self.redemptions_max)?,
            new_only: !self.new_only.is_empty(),
        };
        app::wallet::create_promotion(&operator.state.app, &operator.operator, new).await
    }

    fn vouchers(&self) -> Result<app::wallet::NewVouchers<'_>, app::Error> {
        Ok(app::wallet::NewVouchers {
            name: &self.name,
            count: number("count", &self.count)?.unwrap_or_default(),
            amount: amount("amount", &self.amount)?,
            valid_until: self.valid_until()?,
            days: number("days", &self.days)?,
        })
    }

    fn view(self, error: app::Error) -> Result<(StatusCode, CampaignForm)> {
        let (status, mut errors) = refused(error)?;
        if let Some(message) = errors.remove("valid_until") {
            errors.insert("last_day".into(), message);
        }
        let Self { name, amount, code, count, first_day, last_day, days, redemptions_max, new_only } = self;
        let new_only = !new_only.is_empty();
        let form = CampaignForm {
            name,
            amount,
            code,
            count,
            first_day,
            last_day,
            days,
            redemptions_max,
            new_only,
            errors,
        };
        Ok((status, form))
    }
}

/// Makes an offer with one code.
pub(crate) async fn create_promotion(operator: Operator, Form(form): Form<Typed>) -> Result {
    match form.promotion(&operator).await {
        Ok(_) => Ok(see_other_saying(&operator.state, HERE, Said::CampaignAdded)),
        Err(error) => {
            let (status, form) = form.view(error)?;
            page(&operator, status, Asked::default(), form, CampaignForm::default()).await
        }
    }
}

/// Makes vouchers and shows their codes, this once.
pub(crate) async fn create_vouchers(operator: Operator, Form(form): Form<Typed>) -> Result {
    let made = match form.vouchers() {
        Ok(new) => app::wallet::create_vouchers(&operator.state.app, &operator.operator, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok((_, codes)) => {
            let count = codes.len();
            let mut csv = "code,amount,currency\n".to_owned();
            let worth = amount("amount", &form.amount)?.display(2);
            for code in codes {
                csv.push_str(&format!("{code},{worth},{}\n", operator.state.currency.code()));
            }
            operator.read_all().await?.show(&VouchersPage { name: form.name, count, csv })
        }
        Err(error) => {
            let (status, form) = form.view(error)?;
            page(&operator, status, Asked::default(), CampaignForm::default(), form).await
        }
    }
}

/// Ends an offer.
pub(crate) async fn disable(operator: Operator, Id(id): Id<CampaignId>) -> Result {
    app::wallet::disable(&operator.state.app, &operator.operator, id).await?;
    Ok(see_other_saying(&operator.state, HERE, Said::CampaignDisabled))
}
