//! What the workspace is built from: licences, banned packages, sources, and lines that nothing uses.
//!
//! Everything is read from `cargo metadata`, so the check takes a second and needs no tool to be installed.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::licence;
use crate::{process, workspace};

/// Packages that must not come in, and why.
const BANNED: [(&str, &str); 3] = [
    ("openssl-sys", "TLS is rustls: one implementation, and no C library to install"),
    ("native-tls", "TLS is rustls: one implementation, and no C library to install"),
    ("aws-lc-sys", "rustls uses ring; with a second provider in the tree it refuses to choose"),
];

/// Dependencies that no source file names, and why they are there.
const UNNAMED: [(&str, &str, &str); 0] = [];

/// Fails with everything that is wrong.
pub(super) fn check() -> Result<()> {
    let metadata =
        process::output(workspace::cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cannot read what cargo says")?;
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let (own, foreign): (Vec<&Value>, Vec<&Value>) =
        packages.into_iter().partition(|package| package["source"].is_null());
    let libraries =
        foreign.iter().chain(&own).map(|package| (text(package, "name"), library(package))).collect();
    let mut findings: Vec<String> = foreign.iter().flat_map(|package| judge(package)).collect();
    for package in &own {
        findings.extend(unused(package, &libraries)?);
    }
    ensure!(findings.is_empty(), "the dependencies are not in order\n  {}", findings.join("\n  "));
    Ok(())
}

/// What is wrong with a package of others.
fn judge(package: &Value) -> Vec<String> {
    let (name, licence) = (text(package, "name"), text(package, "license"));
    let mut findings = Vec::new();
    if !licence::is_allowed(licence) {
        findings.push(format!("{name}: the licence `{licence}` is not on the list"));
    }
    if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        findings.push(format!("{name} is banned: {reason} (`cargo tree -i {name}` says who brings it)"));
    }
    if !text(package, "source").starts_with("registry+") {
        findings.push(format!("{name} comes from {}, not from the registry", text(package, "source")));
    }
    findings
}

/// The dependencies of one of our packages whose name stands in none of its source files.
fn unused(package: &Value, libraries: &HashMap<&str, String>) -> Result<Vec<String>> {
    let name = text(package, "name");
    let manifest = Path::new(text(package, "manifest_path"));
    let sources = rust_sources(manifest.parent().context("a manifest is in a folder")?)?;
    let mut findings = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let crate_name = text(dependency, "name");
        let identifier = match dependency["rename"].as_str() {
            Some(rename) => rename.replace('-', "_"),
            None => libraries.get(crate_name).cloned().unwrap_or_else(|| crate_name.replace('-', "_")),
        };
        let is_known = UNNAMED.iter().any(|(by, what, _)| *by == name && *what == crate_name);
        if !is_known && !sources.iter().any(|source| names(source, &identifier)) {
            findings.push(format!("{name} does not use its dependency {crate_name}"));
        }
    }
    Ok(findings)
}

/// How source files call a package: the name of its library.
fn library(package: &Value) -> String {
    let targets = package["targets"].as_array().into_iter().flatten();
    let is_library = |target: &&Value| {
        let kinds = target["kind"].as_array().into_iter().flatten();
        kinds.filter_map(Value::as_str).any(|kind| kind.ends_with("lib") || kind == "proc-macro")
    };
    let library =
        targets.into_iter().find(is_library).map_or(text(package, "name"), |target| text(target, "name"));
    library.replace('-', "_")
}

/// Whether the identifier stands in the source as a word of its own, comments apart.
fn names(source: &str, identifier: &str) -> bool {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .any(|word| word == identifier)
}

fn rust_sources(folder: &Path) -> Result<Vec<String>> {
    let mut sources = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("node_modules") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(fs::read_to_string(&path)?);
            }
        }
    }
    Ok(sources)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_fault_of_a_package_is_found() {
        let good = json!({ "name": "serde", "license": "MIT OR Apache-2.0", "source": "registry+https://x" });
        assert!(judge(&good).is_empty());
        let bad = json!({ "name": "native-tls", "license": null, "source": "git+https://x" });
        assert_eq!(judge(&bad).len(), 3);
    }

    #[test]
    fn a_dependency_counts_as_used_by_a_whole_word_in_code() {
        assert!(names("use serde_json::json;", "serde_json"));
        assert!(!names("use serde_json::json;", "serde"));
        assert!(!names("// serde would do", "serde"));
    }

    #[test]
    fn a_package_is_called_by_the_name_of_its_library() {
        let package = json!({ "name": "md-5", "targets": [{ "kind": ["lib"], "name": "md5" }] });
        assert_eq!(library(&package), "md5");
    }
}
