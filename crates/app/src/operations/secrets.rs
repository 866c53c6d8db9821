//! Do the sealing keys of the settings open what is sealed?

use domain::{AutoTopUpId, ProviderId, VpsId};
use store::SystemRead;
use store::operations::secrets::{Owner, Sealed, samples};

use crate::notify::mail;
use crate::vault::{Place, VaultError};
use crate::{App, Result};

/// A secret that does not open.
#[derive(Debug, Clone)]
pub struct Closed {
    /// What it belongs to.
    pub owner: Owner,
    /// Why it does not open.
    pub error: VaultError,
}

/// Tries one secret for each column and key; answers those that do not open.
pub async fn closed(app: &App, db: &mut SystemRead) -> Result<Vec<Closed>> {
    let tried = samples(db).await?.into_iter().filter_map(|sealed| {
        let error = app.vault.open(place(&sealed), &sealed.text).err()?;
        Some(Closed { owner: sealed.owner, error })
    });
    Ok(tried.collect())
}

fn place(sealed: &Sealed) -> Place {
    match sealed.owner {
        Owner::Provider => Place::provider_token(ProviderId(sealed.row)),
        Owner::Vps => Place::console_key(VpsId(sealed.row)),
        Owner::AutoTopUp => Place::charge_token(AutoTopUpId(sealed.row)),
        Owner::Mail => mail::place(domain::MailId(sealed.row)),
    }
}
