//! Whom documents are made out to, and what was issued.

use app::billing::vat_standing;
use axum::extract::Query;
use chrono::Utc;
use domain::DocumentId;
use domain::billing::document::DocumentKind;
use serde::Deserialize;
use store::billing::{document, profile};

use super::view::{BillingPage, month_name};
use crate::access::{Member, may};
use crate::error::Result;
use crate::link;
use crate::view::{PAGE, Pages};

/// Statements on the page: more than two years.
const STATEMENTS: i64 = 26;

/// Where in the list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    before: Option<DocumentId>,
}

/// The page.
pub(crate) async fn show(member: Member<may::WalletView>, Query(asked): Query<Asked>) -> Result {
    let mut db = member.read().await?;
    let profile = profile::find(&mut *db).await?;
    let settings = member.state.app.settings();
    let vat = match &profile {
        Some(profile) => vat_standing(settings, &mut *db, &profile.party).await?,
        None => None,
    };
    let kinds = [DocumentKind::Receipt, DocumentKind::CreditNote];
    let mut receipts = document::list(&mut *db, &kinds, asked.before, PAGE + 1).await?;
    let statements = document::list(&mut *db, &[DocumentKind::Statement], None, STATEMENTS).await?;
    let older = |last: &document::Line| link::with_query("/billing", &[("before", &last.id.to_string())]);
    let pages = Pages::of(&mut receipts, asked.before.map(|_| "/billing".to_owned()), older);
    let page = BillingPage {
        email: profile.as_ref().and_then(|p| p.email.as_ref()).map(|email| email.as_str().to_owned()),
        profile: profile.as_ref().map(|p| (&p.party).into()),
        vat: vat.map(Into::into),
        tax: settings.tax,
        month: month_name(Utc::now().date_naive()),
        receipts: receipts.into_iter().map(Into::into).collect(),
        pages,
        statements: statements.into_iter().map(Into::into).collect(),
    };
    db.show(&page)
}
