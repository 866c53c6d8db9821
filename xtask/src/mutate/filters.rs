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

/// A filter and the statement it is in, by its end.
type Place = (&'static str, &'static str);

const OF_MOVEMENT: &str = "the movement was read by its organization just before";
const OF_DRAFT: &str =
    "what is read of others is dropped: drafts are kept by organization, and those asked for are issued";

/// Filters that nothing can tell from none, and why.
const EQUIVALENT: [(Place, &str); 13] = [
    (
        ("organization_id = $1", "and transaction_id = any($2) order by transaction_id, line"),
        "the transactions were read by their organization just before",
    ),
    (
        (
            "m.organization_id = any($7)",
            "and (m.paid_until, m.tariff = 'sold', m.settled) is distinct from (n.paid, n.sold, n.settled)",
        ),
        "the meters are found by their ids; by their organizations they are only found sooner",
    ),
    (
        ("organization_id = $1", "where organization_id = $1 and transaction_id = $2 order by line"),
        OF_MOVEMENT,
    ),
    (("organization_id = $1", HOURS_OF_STATEMENT), OF_MOVEMENT),
    (("m.organization_id = $1", HOURS_OF_STATEMENT), OF_MOVEMENT),
    (("c.organization_id = $1", HOURS_OF_STATEMENT), OF_MOVEMENT),
    (("m.organization_id = any($1)", "order by c.organization_id, v.name, v.id"), OF_DRAFT),
    (("m.organization_id = any($1)", "order by c.organization_id, r.name, r.id"), OF_DRAFT),
    (
        (
            "t.organization_id = any($1)",
            "having sum(e.amount_micros) <> 0 order by t.organization_id, t.sequence",
        ),
        OF_DRAFT,
    ),
    (
        ("w.organization_id = any($1)", "and h.paid_until > $2) c on true where w.organization_id = any($1)"),
        OF_DRAFT,
    ),
    (
        (
            "organization_id = $1",
            "from meter_terms where ($1::uuid is null or organization_id = $1) order by meter_id, until, id",
        ),
        "terms are looked up by their meters, which are of the organization",
    ),
    (
        ("r.organization_id = $1", "where r.state = 'done' and ($1::uuid is null or r.organization_id = $1)"),
        "resizes are looked up by the terms of meters, which are of the organization",
    ),
    (
        ("organization_id = $1", "and t.sequence > $2 and t.sequence <= $3 order by t.sequence"),
        "entries are found by their movement, which is of the organization",
    ),
];

const HOURS_OF_STATEMENT: &str = "and (select max(until) from asked) group by c.transaction_id, m.vps_id, m.resource_id, c.meter_id, c.is_hour order by c.transaction_id, c.meter_id";

/// Pairs of filters on rows that are joined, and the end of their statement: one says of its rows what the other says
/// of the others, so they stand behind each other and are one wall.
const PAIRS: [([&str; 2], &str); 3] = [
    (
        ["m.organization_id = $1", "c.organization_id = $1"],
        "and c.span_start) u order by c.span_start desc, c.meter_id desc, c.is_hour",
    ),
    (
        ["t.organization_id = $1", "e.organization_id = $1"],
        "where t.organization_id = $1 and e.organization_id = $1 and t.sequence <= $2",
    ),
    (
        ["organization_id = $1", "t.organization_id = $1"],
        "group by transaction_id) e on e.transaction_id = t.id where t.organization_id = $1 order by t.sequence",
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

impl Filter {
    fn is(&self, statement: &str, name: &str) -> bool {
        &statement[self.start..self.end] == name
    }
}

pub(super) fn mutants(program: &Path) -> Result<Vec<Mutant>> {
    let bench = Bench { program: program.to_owned(), tests: TESTS, environment: Vec::new() };
    let mut mutants = Vec::new();
    let statements = statements()?;
    let paired = PAIRS.iter().flat_map(|(names, end)| names.map(|name| (name, *end)));
    for (filter, end) in EQUIVALENT.iter().map(|(place, _)| *place).chain(paired) {
        let is_there = |s: &String| words(s).ends_with(end) && filters(s).iter().any(|f| f.is(s, filter));
        ensure!(statements.iter().any(is_there), "no statement with `{filter}` ends with `{end}` any more");
    }
    for statement in statements {
        let words = words(&statement);
        let short: String = words.chars().take(100).collect();
        for wall in walls(&statement) {
            let names: Vec<&str> = wall.iter().map(|filter| &statement[filter.start..filter.end]).collect();
            let names = names.join(" and ");
            let equivalent =
                EQUIVALENT.iter().find(|((filter, end), _)| names == *filter && words.ends_with(end));
            mutants.push(Mutant {
                kind: "filter",
                name: format!("{names} in {short}"),
                environment: vec![
                    ("MUTANT_STATEMENT", statement.clone()),
                    ("MUTANT_REPLACEMENT", without(&statement, &wall)),
                ],
                bench: bench.clone(),
                exempt: equivalent.map(|(_, why)| *why),
            });
        }
    }
    ensure!(mutants.len() > 50, "the statements are no longer read: {} filters", mutants.len());
    Ok(mutants)
}

/// The filters of a statement, each by itself but for those that are a pair.
fn walls(statement: &str) -> Vec<Vec<Filter>> {
    let words = words(statement);
    let pair = PAIRS.iter().find(|(_, end)| words.ends_with(end));
    let in_pair =
        |filter: &Filter| pair.is_some_and(|(names, _)| names.iter().any(|name| filter.is(statement, name)));
    let (paired, single): (Vec<Filter>, Vec<Filter>) = filters(statement).into_iter().partition(in_pair);
    let pair = Some(paired).filter(|paired| !paired.is_empty());
    single.into_iter().map(|filter| vec![filter]).chain(pair).collect()
}

/// The statement without some of its filters.
fn without(statement: &str, wall: &[Filter]) -> String {
    let mut open = statement.to_owned();
    for filter in wall.iter().rev() {
        open.replace_range(filter.start..filter.end, &filter.open);
    }
    open
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

    #[test]
    fn a_pair_is_one_wall_and_all_other_filters_are_walls_by_themselves() {
        let [_, (_, balance), _] = PAIRS;
        let statement = format!("select where organization_id = $1 from t join e {balance}");
        let opened: Vec<String> = walls(&statement).iter().map(|wall| without(&statement, wall)).collect();
        let open = "($1::uuid is not null)";
        let expected = [
            statement.replacen("organization_id = $1", open, 1),
            statement.replace("t.organization_id = $1", open).replace("e.organization_id = $1", open),
        ];
        assert_eq!(opened, expected);
    }
}
