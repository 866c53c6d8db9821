//! Statements: an organization's ledger of a period as a file that anybody can check, signed by the installation.

mod check;
mod file;
mod keys;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::TransactionId;
use domain::identity::Permission;
use store::wallet::statement::{self as ledger, Hours, Period};

pub use check::{Fault, Sound, verify};
pub use keys::{KeyError, PublicKey, StatementKeys};

use crate::{App, Caller, Error, Result};
use file::{Charged, FORM, Head, Line, Seal, Standing};

/// So long a period may be.
const LONGEST: TimeDelta = TimeDelta::days(92);

/// The ledger of the caller's organization from one time until before another, signed. A movement belongs to the period
/// in which it was written down; the periods of two statements that meet leave nothing out between them.
pub async fn make(app: &App, caller: &Caller, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<String> {
    caller.require(Permission::WalletView)?;
    if until <= from {
        return Err(Error::invalid("until", "The period must end after it begins."));
    }
    if until - from > LONGEST {
        return Err(Error::invalid("until", "A statement covers at most 92 days."));
    }
    let key = app.statement_keys.current().ok_or_else(|| {
        Error::conflict("not_set_up", "Signed statements are not set up yet. Please contact support.")
    })?;
    let mut db = app.store.org_read(&caller.scope).await?;
    let period = ledger::period(&mut db, from, until).await?;
    let settings = app.settings();
    let head = Head {
        statement: FORM,
        issuer: settings.company_name.clone(),
        organization_id: caller.organization_id(),
        organization: period.organization.clone(),
        currency: settings.currency.clone(),
        from,
        until,
        opening: (&period.opening).into(),
        closing: (&period.closing).into(),
        made_at: period.now,
        key: key.to_string(),
    };
    let mut text = String::new();
    write(&mut text, &head)?;
    for line in lines(period) {
        write(&mut text, &line)?;
    }
    let signature = app.statement_keys.sign(text.as_bytes()).ok_or(Error::NotFound)?;
    write(&mut text, &Seal { signature })?;
    Ok(text)
}

fn write(text: &mut String, line: &impl serde::Serialize) -> Result<()> {
    text.push_str(&serde_json::to_string(line).map_err(Error::internal)?);
    text.push('\n');
    Ok(())
}

fn lines(period: Period) -> impl Iterator<Item = Line> {
    let mut charges = HashMap::<TransactionId, Vec<Charged>>::new();
    for hours in period.hours {
        let Hours { transaction_id, vps_id, resource_id, name, meter_id, raise, starts, amounts } = hours;
        let hours = starts.into_iter().zip(amounts.into_iter().map(domain::Money::from_micros)).collect();
        let (vps, resource) = if vps_id.is_some() { (Some(name), None) } else { (None, Some(name)) };
        let charged = Charged { vps_id, vps, resource_id, resource, meter_id, raise, hours };
        charges.entry(transaction_id).or_default().push(charged);
    }
    period.movements.into_iter().map(move |posted| Line {
        sequence: posted.place.sequence,
        id: posted.place.id,
        kind: posted.transaction.kind(),
        key: posted.transaction.key().to_owned(),
        actor: posted.transaction.actor(),
        reference: posted.transaction.reference().clone(),
        at: posted.place.at,
        entries: posted.transaction.entries().iter().map(|e| (e.account, e.amount)).collect(),
        hash: keys::hex(&posted.hash),
        charges: charges.remove(&posted.place.id).unwrap_or_default(),
    })
}

impl From<&ledger::Standing> for Standing {
    fn from(at: &ledger::Standing) -> Self {
        Self {
            sequence: at.sequence,
            hash: keys::hex(&at.hash),
            available: at.available,
            held: at.held,
            receivable: at.receivable,
        }
    }
}
