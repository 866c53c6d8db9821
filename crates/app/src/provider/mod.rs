//! Provider accounts: what operators do with them, and their jobs.

pub(crate) mod reconcile_job;
pub(crate) mod validate_job;

use domain::ProviderId;
use domain::activity::{Action, TargetKind};
use domain::notify::Topic;
use domain::provider::ProviderKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::job::NewJob;
use store::provider as rows;
use store::{SystemPurpose, SystemTx, job, notify};
use url::Url;

use crate::identity::short_text;
use crate::vault::Place;
use crate::{App, Error, Operator, Result};

/// An account to connect.
pub struct NewProvider<'a> {
    /// The vendor.
    pub kind: ProviderKind,
    /// The operator's name for it.
    pub name: &'a str,
    /// API token.
    pub token: &'a SecretString,
    /// Another address than the vendor's own; empty for the vendor's.
    pub base_url: &'a str,
}

/// A job about one account; jobs of one kind and account run one at a time.
pub(crate) fn account_job(kind: &'static str, id: ProviderId) -> NewJob {
    NewJob::new(kind, json!({ "provider_id": id })).keyed(format!("{kind}:{id}")).once(format!("{kind}:{id}"))
}

/// Checks that secrets travel encrypted: https, or plain http to this machine itself.
pub fn check_base_url(text: &str) -> Result<Option<Url>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Error::invalid("base_url", "Use an https address, or http on this machine itself.");
    let url: Url = text.parse().map_err(|_| wrong())?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let safe = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if safe && plain { Ok(Some(url)) } else { Err(wrong()) }
}

fn check_token(token: &SecretString) -> Result<()> {
    let token = token.expose_secret();
    if token.is_empty() || token.len() > 500 || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("token", "Paste the API token as the provider showed it."));
    }
    Ok(())
}

/// Adds an account; jobs check the token and read the catalogue.
pub async fn add(app: &App, operator: &Operator, new: NewProvider<'_>) -> Result<ProviderId> {
    let name = short_text("name", new.name)?;
    check_token(new.token)?;
    let base_url = check_base_url(new.base_url)?;
    let id = ProviderId::new();
    let sealed = app.vault.seal(Place::provider_token(id), new.token).map_err(Error::internal)?;
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let base = base_url.as_ref().map(Url::as_str);
    rows::insert(&mut tx, id, new.kind, &name, base, &sealed).await.map_err(|e| {
        if e.is_constraint("providers_name_key") {
            Error::invalid("name", "There is an account with this name already.")
        } else {
            e.into()
        }
    })?;
    ask_for_check(&mut tx, operator, id).await?;
    let detail = json!({ "name": name, "kind": new.kind.as_str() });
    tx.commit(operator.did(Action::ProviderAdded).on(TargetKind::Provider, id).with(detail)).await?;
    Ok(id)
}

/// Asks for a check of the token, and the catalogue after it.
async fn ask_for_check(tx: &mut SystemTx, operator: &Operator, id: ProviderId) -> Result<()> {
    job::enqueue_for(tx, None, operator.actor(), account_job("provider.validate", id)).await?;
    notify::publish_system(tx, None, Topic::Provider, &[id.0]).await?;
    Ok(())
}

async fn named(tx: &mut SystemTx, id: ProviderId) -> Result<String> {
    Ok(rows::find(tx, id).await?.ok_or(Error::NotFound)?.name)
}

/// Checks the token again, now.
pub async fn validate(app: &App, operator: &Operator, id: ProviderId) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = named(&mut tx, id).await?;
    ask_for_check(&mut tx, operator, id).await?;
    let detail = json!({ "name": name, "asked": true });
    Ok(tx.commit(operator.did(Action::ProviderValidated).on(TargetKind::Provider, id).with(detail)).await?)
}

/// Replaces the token. It must belong to the same account at the provider, or it is not used: until
/// a job has checked that, the old one stays.
pub async fn rotate(app: &App, operator: &Operator, id: ProviderId, token: &SecretString) -> Result<()> {
    check_token(token)?;
    let sealed = app.vault.seal(Place::provider_token(id), token).map_err(Error::internal)?;
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = named(&mut tx, id).await?;
    rows::set_next_token(&mut tx, id, &sealed).await?;
    ask_for_check(&mut tx, operator, id).await?;
    Ok(tx
        .commit(
            operator.did(Action::ProviderRotated).on(TargetKind::Provider, id).with(json!({ "name": name })),
        )
        .await?)
}

/// Takes no more creates at the account. Everything else goes on.
pub async fn disable(app: &App, operator: &Operator, id: ProviderId) -> Result<()> {
    switch(app, operator, id, false, Action::ProviderDisabled).await
}

/// Takes creates again.
pub async fn enable(app: &App, operator: &Operator, id: ProviderId) -> Result<()> {
    switch(app, operator, id, true, Action::ProviderEnabled).await
}

async fn switch(app: &App, operator: &Operator, id: ProviderId, enabled: bool, action: Action) -> Result<()> {
    let mut tx = app.store.system_tx(SystemPurpose::Operator).await?;
    let name = named(&mut tx, id).await?;
    if !rows::set_enabled(&mut tx, id, enabled).await? {
        return Ok(());
    }
    ask_for_check(&mut tx, operator, id).await?;
    Ok(tx.commit(operator.did(action).on(TargetKind::Provider, id).with(json!({ "name": name }))).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        for good in
            ["https://api.example.com/", "http://127.0.0.1:4101", "http://localhost:1", "http://[::1]:1"]
        {
            assert!(matches!(check_base_url(good), Ok(Some(_))), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "ftp://127.0.0.1",
            "http://127.0.0.1.example.com",
            "https://u:p@x.y",
            "x",
        ] {
            assert!(check_base_url(bad).is_err(), "{bad}");
        }
        assert!(matches!(check_base_url(" "), Ok(None)));
    }
}
