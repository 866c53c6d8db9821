//! `skypanel statement verify`: for customers and auditors, who have a file and no database.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use app::wallet::statement::{PublicKey, verify as check};

/// Checks a file and says the first thing wrong.
pub(crate) fn verify(file: &Path, key: Option<&PublicKey>) -> Result<ExitCode> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut out = std::io::stdout().lock();
    match check(&bytes, key) {
        Ok(sound) => {
            writeln!(
                out,
                "the statement is sound: {} movements of {} from {} until {}",
                sound.movements, sound.organization, sound.from, sound.until
            )?;
            let known = if key.is_some() { "the key that was asked for" } else { "not compared with any" };
            writeln!(out, "issued by {}, signed with {} ({known})", sound.issuer, sound.key)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => {
            writeln!(out, "{fault}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
