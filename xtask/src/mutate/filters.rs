//! Filters of queries: each `organization_id = $n` in turn becomes true for all rows, on the wire to PostgreSQL.
//!
//! The statements are those that `.sqlx` describes, which is all of them. Joins on the organization are left
//! alone: both sides are tied by a composite key, or only meet rows that were filtered.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Bench, Mutant};
use crate::workspace;

const TESTS: &[&str] = &[
    "tenancy_queries::",
    "tenancy_ledger::the_check_of_the_books_finds_every_forgery",
    "tenancy_ledger::a_charge_that_belongs_to_a_movement_of_another_organization_is_found",
];

/// Filters that nothing can tell from none: the end of a statement, and why.
const EQUIVALENT: [(&str, &str); 2] = [
    (
        "from ledger_entries where organization_id = $1 and transaction_id = any($2) order by transaction_id, line",
        "the transactions were read by their organization just before",
    ),
    (
        "and (m.paid_until, m.tariff = 'sold', m.settled) is distinct from (n.paid, n.sold, n.settled)",
        "the meters are found by their ids; by their organizations they are only found sooner",
    ),
];

/// How a column is compared with one organization or with several: what follows it, and the parameter's type.
const SHAPES: [(&str, &str, &str); 2] =
    [("organization_id = $", "", "uuid"), ("organization_id = any($", ")", "uuid[]")];

/// The organization itself, by its alias in every statement.
const ITSELF: &str = "o.id = $";

/// A filter: where it stands, and what it becomes.
struct Filter {
    start: usize,
    end: usize,
    open: String,
}

pub(super) fn mutants(program: &Path) -> Result<Vec<Mutant>> {
    let bench = Bench { program: program.to_owned(), tests: TESTS, environment: Vec::new() };
    let mut mutants = Vec::new();
    let statements = statements()?;
    for (end, _) in EQUIVALENT {
        ensure!(
            statements.iter().any(|s| words(s).ends_with(end)),
            "no statement ends with `{end}` any more"
        );
    }
    for statement in statements {
        let words = words(&statement);
        let equivalent = EQUIVALENT.iter().find(|(end, _)| words.ends_with(end));
        for filter in filters(&statement) {
            let (before, after) = (&statement[..filter.start], &statement[filter.end..]);
            let replacement = format!("{before}{}{after}", filter.open);
            let short: String = words.chars().take(100).collect();
            mutants.push(Mutant {
                kind: "filter",
                name: format!("{} in {short}", &statement[filter.start..filter.end]),
                environment: vec![
                    ("MUTANT_STATEMENT", statement.clone()),
                    ("MUTANT_REPLACEMENT", replacement),
                ],
                bench: bench.clone(),
                exempt: equivalent.map(|(_, why)| *why),
            });
        }
    }
    ensure!(mutants.len() > 50, "the statements are no longer read: {} filters", mutants.len());
    Ok(mutants)
}

/// A statement in one line.
fn words(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn statements() -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for entry in fs::read_dir(workspace::sqlx_cache())? {
        let path = entry?.path();
        let description: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let query = description["query"].as_str();
        statements.push(query.with_context(|| format!("{} has no query", path.display()))?.to_owned());
    }
    statements.sort();
    Ok(statements)
}

/// All filters of a statement, in their order.
fn filters(statement: &str) -> Vec<Filter> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut found = Vec::new();
    for (shape, behind, kind) in SHAPES.into_iter().chain([(ITSELF, "", "uuid")]) {
        for (at, _) in statement.match_indices(shape) {
            // With the alias before it.
            let start = statement[..at].rfind(|c| !is_name(c)).map_or(0, |before| before + 1);
            let number: String =
                statement[at + shape.len()..].chars().take_while(char::is_ascii_digit).collect();
            let end = at + shape.len() + number.len() + behind.len();
            found.push(Filter { start, end, open: format!("(${number}::{kind} is not null)") });
        }
    }
    found.sort_by_key(|filter| filter.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_found_in_all_their_shapes_and_joins_are_left_alone() {
        let statement = "select from users u join organizations o on u.organization_id = o.id
            where u.organization_id = $1 and ($12 or organization_id = any($12)) and o.id = $3";
        let opened: Vec<(&str, String)> =
            filters(statement).into_iter().map(|f| (&statement[f.start..f.end], f.open)).collect();
        let expected = [
            ("u.organization_id = $1", "($1::uuid is not null)"),
            ("organization_id = any($12)", "($12::uuid[] is not null)"),
            ("o.id = $3", "($3::uuid is not null)"),
        ];
        assert_eq!(opened, expected.map(|(shape, open)| (shape, open.to_owned())));
    }
}
