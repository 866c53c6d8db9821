//! The tax on what is about to be paid.

use app::billing::tax::quote;
use axum::extract::Query;
use domain::Money;
use domain::billing::{Tax, TaxReason};
use domain::money::Overflow;
use serde::Deserialize;
use store::billing::profile;

use super::view::{TaxFragment, TaxLines};
use crate::access::{Member, may};
use crate::error::Result;
use crate::form::amount;
use crate::format;

/// What somebody thinks of paying.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    amount: String,
}

/// How a payment of that amount would divide, beside the form.
pub(crate) async fn show(member: Member<may::WalletTopUp>, Query(asked): Query<Asked>) -> Result {
    let mut db = member.read().await?;
    let buyer = profile::buyer(&mut *db).await?;
    let fragment = match quote(member.state.app.settings(), &mut *db, &buyer).await? {
        None => TaxFragment { lines: None, details_needed: true },
        Some(tax) => {
            let gross = amount("amount", &asked.amount).ok().filter(|amount| amount.is_positive());
            let lines = gross.map(|gross| lines(tax, gross)).transpose()?.flatten();
            TaxFragment { lines, details_needed: false }
        }
    };
    db.show(&fragment)
}

/// How a payment divides; `None` when there is nothing to say of tax.
pub(crate) fn lines(tax: Tax, gross: Money) -> Result<Option<TaxLines>, Overflow> {
    if tax.reason == TaxReason::Off {
        return Ok(None);
    }
    let split = tax.split(gross)?;
    Ok(Some(TaxLines { net: split.net, tax: split.tax, gross, words: rate_words(tax) }))
}

/// `19 % VAT`, or why none is owed.
pub(crate) fn rate_words(tax: Tax) -> String {
    match tax.reason {
        TaxReason::Off => String::new(),
        TaxReason::Standard => format!("{} VAT", format::percent(i64::from(tax.basis_points))),
        TaxReason::ReverseCharge => "VAT, owed by you (reverse charge)".to_owned(),
        TaxReason::NotTaxed => "Tax, none in your country".to_owned(),
    }
}
