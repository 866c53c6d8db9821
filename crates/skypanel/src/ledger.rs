//! `skypanel ledger`: the books checked, and counted again.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use domain::OrganizationId;
use store::Store;

use crate::config::Config;

/// Checks all books and says the first difference.
pub(crate) async fn verify(config: &Config) -> Result<ExitCode> {
    let store = Store::connect_lazy(config.database_url()?, 1)?;
    let mut out = std::io::stdout().lock();
    match store::wallet::verify::verify(&store).await? {
        Ok(checked) => {
            writeln!(
                out,
                "the books are in order: {} transactions of {} organizations",
                checked.transactions, checked.organizations
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(difference) => {
            writeln!(out, "{difference}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Counts every hour again and says the first difference.
pub(crate) async fn recompute(config: &Config, organization: Option<OrganizationId>) -> Result<ExitCode> {
    let store = Store::connect_lazy(config.database_url()?, 1)?;
    let mut out = std::io::stdout().lock();
    match store::billing::recompute::recompute(&store, organization).await? {
        Ok(counted) => {
            writeln!(
                out,
                "the charges are right: {} hours of {} meters come to {}",
                counted.hours, counted.meters, counted.amount
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(difference) => {
            writeln!(out, "{difference}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
