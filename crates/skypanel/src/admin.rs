//! Commands for whoever runs the installation.

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, Result};
use secrecy::SecretString;

use crate::config::Config;
use crate::wire;

/// `skypanel migrate`.
pub(crate) async fn migrate(config: &Config) -> Result<()> {
    let login = store::setup::login_of(config.database_url()?)?;
    let newer =
        store::setup::migrate(config.database_owner_url()?, &login).await.context("cannot migrate")?;
    if newer.is_empty() {
        tracing::info!("the schema is up to date");
    } else {
        tracing::info!(?newer, "the schema is of a newer release and stays as it is");
    }
    Ok(())
}

/// `skypanel admin create-operator`: the password is the first line of standard input, so that it
/// stands in no process list and no shell history.
pub(crate) async fn create_operator(
    config: &Config,
    organization: &str,
    name: &str,
    email: &str,
) -> Result<()> {
    let app = wire::app(config, wire::store(config).await?)?;
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        write!(std::io::stderr(), "Password (at least 10 characters): ")?;
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned());
    app::identity::create_operator(&app, organization, name, email, &password)
        .await
        .map_err(|error| anyhow::anyhow!("{}", error.public_message()))?;
    tracing::info!(email, "the operator can sign in now");
    Ok(())
}
