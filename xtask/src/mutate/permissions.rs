//! Permissions: what routes, use cases and roles ask for, left out one at a time.
//!
//! They are in the code, and a build for each would take hours. So one copy of the checkout is built in which
//! each of them asks the environment first whether it is the one that is left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{Bench, Mutant, bench};
use crate::workspace;

const ROUTES: &[&str] = &["walls::matrix::"];
const USE_CASES: &[&str] = &["identity::a_member_may_look_and_switch_and_nothing_else"];
const ROLES: &[&str] = &["walls::matrix::", "identity::a_member_may_look_and_switch_and_nothing_else"];

/// Where roles are told what they may.
const ROLE: &str = "crates/domain/src/identity/mod.rs";

/// In the copy alone: is this the wall that is down?
const SWITCH: &str = "
/// Is this wall down?
pub fn is_down(variable: &str, name: &str) -> bool {
    std::env::var(variable).is_ok_and(|down| down == name || down == \"*\")
}
";

/// Code of the copy: file, what stands there, what stands there instead.
const REPLACED: [(&str, &str, &str); 3] = [
    (
        ROLE,
        "pub const fn allows(self, permission: Permission) -> bool {",
        "pub fn allows(self, permission: Permission) -> bool {
        let is_down = self == Self::Member && crate::is_down(\"MUTANT_ROLE\", permission.as_str());
        self.carries(permission) != is_down
    }

    const fn carries(self, permission: Permission) -> bool {",
    ),
    (
        "crates/web/src/access.rs",
        "match session.caller.require(P::PERMISSION) {",
        "let route = parts.extensions.get::<axum::extract::MatchedPath>().map_or(\"\", |path| path.as_str());
        let is_down = domain::is_down(\"MUTANT_GUARD\", &format!(\"{} {route}\", parts.method));
        match if is_down { Ok(()) } else { session.caller.require(P::PERMISSION) } {",
    ),
    (
        "crates/web/src/api/access.rs",
        "client.caller.require(P::PERMISSION)?;",
        "let route = parts.extensions.get::<axum::extract::MatchedPath>().map_or(\"\", |path| path.as_str());
        if !domain::is_down(\"MUTANT_GUARD\", &format!(\"{} {route}\", parts.method)) {
            client.caller.require(P::PERMISSION)?;
        }",
    ),
];

/// What use cases say.
const REQUIRE: &str = "caller.require(Permission::";

pub(super) fn mutants() -> Result<Vec<Mutant>> {
    let copy = workspace::scratch("mutants")?;
    let use_cases = switchable_copy(&copy)?;
    let program = bench::build(&copy)?;
    let bench = |tests, environment| Bench { program: program.clone(), tests, environment };
    let mutant = |kind, name: String, variable, bench| {
        let environment = vec![(variable, name.clone())];
        Mutant { kind, name, environment, bench, exempt: None }
    };

    let mut mutants = Vec::new();
    let roles = fs::read_to_string(workspace::root().join(ROLE))?;
    for route in refused_to_members()? {
        let behind = vec![("MUTANT_USE_CASE", "*".to_owned())];
        mutants.push(mutant("guard", route, "MUTANT_GUARD", bench(ROUTES, behind)));
    }
    let carried = carried_by_members(&roles)?;
    for (place, permission) in use_cases {
        let exempt = carried.contains(&permission.as_str()).then_some("every role carries the permission");
        mutants.push(Mutant {
            exempt,
            ..mutant("use case", place, "MUTANT_USE_CASE", bench(USE_CASES, Vec::new()))
        });
    }
    let permissions = roles.split("pub enum Permission {").nth(1).and_then(|rest| rest.split('}').next());
    let permissions = permissions.context("the permissions are elsewhere")?;
    for name in permissions.split("= \"").skip(1).filter_map(|rest| rest.split('"').next()) {
        mutants.push(mutant("role", name.to_owned(), "MUTANT_ROLE", bench(ROLES, Vec::new())));
    }
    Ok(mutants)
}

/// Names of the permissions that members have: for them, no person is there to be refused.
fn carried_by_members(roles: &str) -> Result<Vec<&str>> {
    let list = roles.split("Self::Member => matches!(").nth(1).and_then(|rest| rest.split(')').next());
    Ok(list
        .context("the members' permissions are elsewhere")?
        .split("P::")
        .skip(1)
        .filter_map(|rest| rest.split([' ', '\n']).next())
        .collect())
}

/// Routes that the reviewed table says are refused to members for want of a permission.
fn refused_to_members() -> Result<Vec<String>> {
    let table = fs::read_to_string(workspace::root().join("tests/it/walls/matrix.txt"))?;
    let mut routes = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with(['#', ' '])) {
        if let [method, path, answers @ ..] = line.split_whitespace().collect::<Vec<_>>().as_slice()
            && answers.contains(&"403")
        {
            routes.push(format!("{method} {path}"));
        }
    }
    ensure!(routes.len() > 10, "the table is no longer read: {routes:?}");
    Ok(routes)
}

/// Copies what a build needs, and makes the copy ask. Gives the places of use cases with the permission each asks
/// for. What is the same as in an earlier copy stays, so that it is not built again.
fn switchable_copy(copy: &Path) -> Result<Vec<(String, String)>> {
    let (mut places, mut replaced) = (Vec::new(), 0);
    mirror(workspace::root(), copy, &mut |file, text| {
        let mut text = text;
        for (_, there, instead) in REPLACED.iter().filter(|(name, ..)| *name == file) {
            replaced += text.matches(there).count();
            text = text.replacen(there, instead, 1);
        }
        if file == "crates/domain/src/lib.rs" {
            text += SWITCH;
        }
        if file.starts_with("crates/app/src/") { use_cases_asking(file, &text, &mut places) } else { text }
    })?;
    ensure!(replaced == REPLACED.len(), "the code that checks permissions has changed: {REPLACED:#?}");
    ensure!(!places.is_empty(), "no use case says `{REQUIRE}` any more");
    places.sort();
    Ok(places)
}

/// The text of a file in which each use case asks, whose places are noted.
fn use_cases_asking(file: &str, text: &str, places: &mut Vec<(String, String)>) -> String {
    let lines = text.lines().enumerate().map(|(index, line)| {
        let Some((_, permission)) = line.split_once(REQUIRE) else { return format!("{line}\n") };
        let place = format!("{file}:{}", index + 1);
        let asked = format!("if !domain::is_down(\"MUTANT_USE_CASE\", \"{place}\") {{ {line} }}\n");
        places.push((place, permission.split(')').next().unwrap_or_default().to_owned()));
        asked
    });
    lines.collect()
}

/// Copies a folder without what is built from it; `change` is given the path below it and the text of a source.
fn mirror(from: &Path, to: &Path, change: &mut dyn FnMut(&str, String) -> String) -> Result<()> {
    const LEFT_OUT: [&str; 3] = ["target", "node_modules", ".git"];
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder))?;
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let mut content = fs::read(entry.path())?;
            if path.extension().is_some_and(|extension| extension == "rs") {
                content = change(&path.to_string_lossy(), String::from_utf8(content)?).into_bytes();
            }
            let target = to.join(&path);
            if fs::read(&target).ok().as_ref() != Some(&content) {
                fs::write(&target, content)?;
            }
        }
    }
    Ok(())
}
