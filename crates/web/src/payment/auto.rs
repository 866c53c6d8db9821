//! Automatic top-ups: set up, follow, change, turn off.

use app::payment::{ask_for_answer, set_auto_top_up, turn_off_auto_top_up};
use axum::extract::Query;
use axum::http::StatusCode;
use axum_extra::extract::Form;
use domain::Money;
use domain::payment::{AutoTerms, AutoTopUpState, Threshold};
use serde::Deserialize;
use store::payment::auto::{self, Shown};

use super::auto_view::{AutoForm, AutoTopUpPage, setup_steps};
use super::top_up::is_web;
use super::view::Visit;
use crate::access::{Member, Session, may};
use crate::error::Result;
use crate::form::{amount, refused};
use crate::link;
use crate::toast::{Said, see_other, see_other_saying};
use crate::view::{Choice, Errors};

const PATH: &str = "/wallet/auto-top-up";
/// What the form begins with.
const HOURS: i32 = 72;
const AMOUNT: Money = Money::from_micros(25_000_000);

fn here(visit: Visit) -> String {
    link::with_query(PATH, &[("visit", visit.as_str())])
}

/// Why the page is looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    visit: Option<Visit>,
}

/// The page.
pub(crate) async fn show(member: Member<may::WalletView>, Query(asked): Query<Asked>) -> Result {
    page(&member, StatusCode::OK, asked.visit.unwrap_or(Visit::Look), None).await
}

async fn page(session: &Session, status: StatusCode, visit: Visit, form: Option<AutoForm>) -> Result {
    let mut db = session.read().await?;
    let shown = auto::current(&mut db).await?;
    let state = shown.as_ref().map(|shown| shown.state);
    let waits = state == Some(AutoTopUpState::AwaitingApproval) && visit != Visit::Returned;
    let approve_href = shown.as_ref().and_then(|shown| shown.approve_url.clone());
    let form = form.unwrap_or_else(|| begin(session, shown.as_ref()));
    let page = AutoTopUpPage {
        here: here(visit),
        steps: state.map(|state| setup_steps(state, visit)).unwrap_or_default(),
        approve_href: approve_href.filter(|url| waits && is_web(url)),
        follow: visit == Visit::Pay,
        auto: shown.map(Into::into),
        form: AutoForm { measures: measures(), ..form },
        currency_sign: session.state.currency.sign().to_owned(),
        tax: session.state.app.settings().tax,
    };
    db.show_with(status, &page)
}

fn measures() -> Vec<Choice> {
    vec![Choice::new("hours", "a number of hours"), Choice::new("amount", "an amount of money")]
}

/// The form with what is agreed, or with what often fits.
fn begin(session: &Session, shown: Option<&Shown>) -> AutoForm {
    let settings = session.state.app.settings();
    let amount = AMOUNT.max(settings.top_up_min).min(settings.top_up_max);
    let often =
        AutoTerms { threshold: Threshold::Hours(HOURS), amount, ceiling: amount.times(4).unwrap_or(amount) };
    let terms = shown.map_or(often, |shown| shown.terms);
    let (by, threshold) = match terms.threshold {
        Threshold::Hours(hours) => ("hours", hours.to_string()),
        Threshold::Amount(amount) => ("amount", amount.display(2)),
    };
    AutoForm {
        by: by.to_owned(),
        threshold,
        amount: terms.amount.display(2),
        monthly_ceiling: terms.ceiling.display(2),
        ..AutoForm::default()
    }
}

/// The terms as typed.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    by: String,
    #[serde(default)]
    threshold: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    monthly_ceiling: String,
}

impl Typed {
    fn terms(&self) -> Result<AutoTerms, app::Error> {
        let threshold = match self.by.as_str() {
            "amount" => Threshold::Amount(amount("threshold_amount", &self.threshold)?),
            _ => Threshold::Hours(self.threshold.trim().parse().map_err(|_| {
                app::Error::invalid("threshold_hours", "Use a whole number of hours, for example 72.")
            })?),
        };
        let (added, ceiling) =
            (amount("amount", &self.amount)?, amount("monthly_ceiling", &self.monthly_ceiling)?);
        Ok(AutoTerms { threshold, amount: added, ceiling })
    }

    fn again(self, mut errors: Errors) -> AutoForm {
        // One field takes both kinds of threshold.
        for name in ["threshold_hours", "threshold_amount"] {
            if let Some(message) = errors.remove(name) {
                errors.insert("threshold".to_owned(), message);
            }
        }
        let Self { by, threshold, amount, monthly_ceiling } = self;
        AutoForm { by, threshold, amount, monthly_ceiling, errors, ..AutoForm::default() }
    }
}

/// Sets the terms; the payer is asked where nothing is agreed.
pub(crate) async fn save(member: Member<may::WalletTopUp>, Form(form): Form<Typed>) -> Result {
    let set = async {
        let terms = form.terms()?;
        set_auto_top_up(&member.state.app, &member.caller, terms).await
    };
    if let Err(error) = set.await {
        let (status, errors) = refused(error)?;
        return page(&member, status, Visit::Look, Some(form.again(errors))).await;
    }
    let mut db = member.read().await?;
    let is_on = auto::current(&mut db).await?.is_some_and(|shown| shown.state == AutoTopUpState::On);
    if is_on {
        return Ok(see_other_saying(&member.state, PATH, Said::AutoTopUpSaved));
    }
    Ok(see_other(&here(Visit::Pay)))
}

/// Turns it off.
pub(crate) async fn turn_off(member: Member<may::WalletTopUp>) -> Result {
    turn_off_auto_top_up(&member.state.app, &member.caller).await?;
    Ok(see_other_saying(&member.state, PATH, Said::AutoTopUpOff))
}

/// Back from PayPal: asks what was answered, and shows how that goes.
pub(crate) async fn returned(member: Member<may::WalletTopUp>) -> Result {
    ask_for_answer(&member.state.app, &member.caller).await?;
    Ok(see_other(&here(Visit::Returned)))
}

/// Back from PayPal without agreeing.
pub(crate) async fn cancelled(_: Member<may::WalletView>) -> Result {
    Ok(see_other(&here(Visit::Declined)))
}
