//! The operator's form with the terms of one organization.

use app::billing::set_terms;
use axum_extra::extract::Form;
use domain::OrganizationId;
use serde::Deserialize;
use store::SystemRead;
use store::wallet::terms::{self, Terms};

use super::unpaid_view::TermsForm;
use crate::WebState;
use crate::access::Operator;
use crate::error::Result;
use crate::form::{Id, amount, refused};
use crate::identity::organization_page;
use crate::toast::{Said, see_other_saying};
use crate::view::Errors;

/// The form with what holds now.
pub(crate) async fn of(
    db: &mut SystemRead,
    state: &WebState,
    organization: OrganizationId,
) -> Result<TermsForm> {
    let terms = terms::find(db, organization).await?;
    let form = TermsForm {
        credit_limit: terms.credit_limit.to_string(),
        retention_hours: terms.retention_hours.map(|hours| hours.to_string()).unwrap_or_default(),
        never_destroyed: terms.never_destroyed,
        ..TermsForm::default()
    };
    Ok(around(form, state))
}

fn around(form: TermsForm, state: &WebState) -> TermsForm {
    TermsForm {
        usual_hours: state.app.settings().retention_hours,
        currency_sign: state.currency.sign().to_owned(),
        ..form
    }
}

/// Terms to set.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    credit_limit: String,
    #[serde(default)]
    retention_hours: String,
    /// The box is sent when it is ticked.
    never_destroyed: Option<String>,
}

impl Sent {
    fn parsed(&self) -> Result<Terms, app::Error> {
        let hours = self.retention_hours.trim();
        let wrong = |_| app::Error::invalid("retention_hours", "Use whole hours, or leave it empty.");
        Ok(Terms {
            credit_limit: amount("credit_limit", &self.credit_limit)?,
            retention_hours: (!hours.is_empty()).then(|| hours.parse().map_err(wrong)).transpose()?,
            never_destroyed: self.never_destroyed.is_some(),
        })
    }

    fn form(self, errors: Errors) -> TermsForm {
        TermsForm {
            credit_limit: self.credit_limit,
            retention_hours: self.retention_hours,
            never_destroyed: self.never_destroyed.is_some(),
            errors,
            ..TermsForm::default()
        }
    }
}

/// Sets them.
pub(crate) async fn set(operator: Operator, Id(id): Id<OrganizationId>, Form(sent): Form<Sent>) -> Result {
    let done = match sent.parsed() {
        Ok(terms) => set_terms(&operator.state.app, &operator.operator, id, terms).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => {
            let page = format!("/operator/organizations/{id}");
            Ok(see_other_saying(&operator.state, &page, Said::TermsSet))
        }
        Err(error) => {
            let (status, errors) = refused(error)?;
            let form = around(sent.form(errors), &operator.state);
            organization_page(&operator, id, status, None, Some(form)).await
        }
    }
}
