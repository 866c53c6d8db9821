//! Row security: for each table in turn, tenants see and write the rows of all.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Result, ensure};

use super::{Bench, Mutant};
use crate::workspace;

/// Behaviour alone: the test that reads the policies themselves would notice any change.
const TESTS: &[&str] = &["tenancy::a_tenant_sees_and_touches_its_own_rows_alone_in_every_table"];

/// What stands before the table's name in a migration.
const BEFORE: [&str; 2] = ["call enable_tenancy('", "create policy tenant on "];

pub(super) fn mutants(program: &Path) -> Result<Vec<Mutant>> {
    let mut tables = BTreeSet::new();
    for migration in fs::read_dir(workspace::migrations())? {
        let text = fs::read_to_string(migration?.path())?;
        let names = BEFORE.into_iter().flat_map(|before| text.split(before).skip(1));
        tables.extend(names.filter_map(|rest| rest.split([' ', '\'']).next()).map(str::to_owned));
    }
    tables.retain(|name| !name.starts_with('%'));
    ensure!(tables.len() > 15, "the migrations are no longer read: {tables:?}");
    let bench = Bench { program: program.to_owned(), tests: TESTS, environment: Vec::new() };
    Ok(tables
        .into_iter()
        .map(|table| Mutant {
            kind: "policy",
            environment: vec![("MUTANT_POLICY", table.clone())],
            name: table,
            bench: bench.clone(),
            exempt: None,
        })
        .collect())
}
