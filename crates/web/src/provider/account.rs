//! Pages and forms of provider accounts. A token goes in and never comes out.

use app::provider::NewProvider;
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use domain::ProviderId;
use domain::provider::ProviderKind;
use secrecy::SecretString;
use serde::Deserialize;
use store::provider::read::{self, Listed, OrphanServer};

use super::view::{
    AccountPage, AccountRow, AccountView, AccountsPage, BudgetView, NewAccountPage, OrphanRow, ReconciledView,
};
use crate::access::Operator;
use crate::error::{Failure, Result};
use crate::form::{Id, refused};
use crate::toast::{Said, see_other_saying};
use crate::view::{Choice, Errors};

/// The list.
pub(crate) async fn list(operator: Operator) -> Result {
    let mut db = operator.read_all().await?;
    let accounts = read::list(&mut db).await?;
    db.show(&AccountsPage { accounts: accounts.into_iter().map(Into::into).collect() })
}

/// An account to add.
#[derive(Deserialize)]
pub(crate) struct NewAccount {
    kind: ProviderKind,
    name: String,
    token: SecretString,
    #[serde(default)]
    base_url: String,
}

fn kinds() -> Vec<Choice> {
    ProviderKind::ALL.iter().map(|kind| Choice::new(kind.as_str(), kind.label())).collect()
}

/// The form for a new account.
pub(crate) async fn form(operator: Operator) -> Result {
    operator.read_all().await?.show(&NewAccountPage { kinds: kinds(), ..Default::default() })
}

/// Adds an account.
pub(crate) async fn add(operator: Operator, Form(form): Form<NewAccount>) -> Result {
    let new = NewProvider { kind: form.kind, name: &form.name, token: &form.token, base_url: &form.base_url };
    match app::provider::add(&operator.state.app, &operator.operator, new).await {
        Ok(id) => Ok(back(&operator, id, Said::ProviderAdded)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            let kind = form.kind.as_str().to_owned();
            let page =
                NewAccountPage { kinds: kinds(), kind, name: form.name, base_url: form.base_url, errors };
            operator.read_all().await?.show_with(status, &page)
        }
    }
}

/// One account.
pub(crate) async fn show(operator: Operator, Id(id): Id<ProviderId>) -> Result {
    page(&operator, id, StatusCode::OK, Errors::new()).await
}

async fn page(operator: &Operator, id: ProviderId, status: StatusCode, errors: Errors) -> Result {
    let mut db = operator.read_all().await?;
    let account = read::find(&mut db, id).await?.ok_or(Failure::NOT_FOUND)?;
    let orphans = read::orphans(&mut db, id).await?;
    let orphans = orphans.into_iter().map(Into::into).collect();
    db.show_with(status, &AccountPage { account: account.into(), orphans, errors })
}

fn back(operator: &Operator, id: ProviderId, said: Said) -> Response {
    see_other_saying(&operator.state, &format!("/operator/providers/{id}"), said)
}

/// Asks for a check of the token.
pub(crate) async fn validate(operator: Operator, Id(id): Id<ProviderId>) -> Result {
    app::provider::validate(&operator.state.app, &operator.operator, id).await?;
    Ok(back(&operator, id, Said::ProviderChecking))
}

/// A token to use from now on.
#[derive(Deserialize)]
pub(crate) struct NewToken {
    token: SecretString,
}

/// Replaces the token.
pub(crate) async fn rotate(operator: Operator, Id(id): Id<ProviderId>, Form(form): Form<NewToken>) -> Result {
    match app::provider::rotate(&operator.state.app, &operator.operator, id, &form.token).await {
        Ok(()) => Ok(back(&operator, id, Said::ProviderRotated)),
        Err(error) => {
            let (status, errors) = refused(error)?;
            page(&operator, id, status, errors).await
        }
    }
}

/// Takes no more creates.
pub(crate) async fn disable(operator: Operator, Id(id): Id<ProviderId>) -> Result {
    app::provider::disable(&operator.state.app, &operator.operator, id).await?;
    Ok(back(&operator, id, Said::ProviderDisabled))
}

/// Takes creates again.
pub(crate) async fn enable(operator: Operator, Id(id): Id<ProviderId>) -> Result {
    app::provider::enable(&operator.state.app, &operator.operator, id).await?;
    Ok(back(&operator, id, Said::ProviderEnabled))
}

impl From<Listed> for AccountRow {
    fn from(account: Listed) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name,
            kind: account.kind.label(),
            status: account.state.into(),
            error: account.last_error,
            servers: account.servers,
            synced_at: account.last_synced_at,
            reconciled_at: account.last_reconciled_at,
        }
    }
}

impl From<Listed> for AccountView {
    fn from(account: Listed) -> Self {
        let reconciled = account.reconciled_servers.zip(account.reconciled_differing);
        let budget = account.request_limit.zip(account.remaining).zip(account.resets_at);
        Self {
            reconciled: reconciled.map(|(servers, differing)| ReconciledView { servers, differing }),
            budget: budget.map(|((limit, remaining), resets_at)| BudgetView {
                limit,
                remaining,
                resets_at,
                over: resets_at <= chrono::Utc::now(),
            }),
            id: account.id.to_string(),
            name: account.name,
            kind: account.kind.label(),
            status: account.state.into(),
            disabled: !account.enabled,
            error: account.last_error,
            upstream: account.upstream_label,
            base_url: account.base_url,
            servers: account.servers,
            sizes: account.sizes,
            regions: account.regions,
            synced_at: account.last_synced_at,
            reconciled_at: account.last_reconciled_at,
            created_at: account.created_at,
        }
    }
}

impl From<OrphanServer> for OrphanRow {
    fn from(server: OrphanServer) -> Self {
        Self {
            reference: server.server_ref,
            label: server.label,
            size: server.size,
            region: server.region,
            tagged: server.tagged,
            first_seen_at: server.first_seen_at,
        }
    }
}
