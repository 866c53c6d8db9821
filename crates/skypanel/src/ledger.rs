//! `skypanel ledger verify`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
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
