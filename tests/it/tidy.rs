//! What the repository promises about itself: who depends on whom, where vendors are named, that money is
//! never a float, and that what the architecture page points at exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which of our own crates a crate may use.
const ARROWS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("clients", &["domain"]),
    ("app", &["domain", "store"]),
    ("web", &["app", "domain", "store"]),
    ("simulator", &[]),
    ("skypanel", &["app", "clients", "domain", "simulator", "store", "web"]),
    ("testkit", &["app", "clients", "domain", "simulator", "store", "web"]),
    ("tests", &["app", "clients", "domain", "simulator", "store", "testkit", "web"]),
    ("torture", &["domain", "simulator", "store", "testkit"]),
    ("xtask", &[]),
];

/// Which libraries a crate is there to do without.
const BANS: [(&str, &[&str]); 6] = [
    ("domain", &["axum", "reqwest", "tokio"]),
    ("store", &["axum", "reqwest"]),
    ("clients", &["axum", "sqlx"]),
    ("app", &["axum", "reqwest", "sqlx"]),
    ("web", &["reqwest", "sqlx"]),
    ("simulator", &["reqwest", "sqlx"]),
];

/// Words of vendors, and the places that must say them.
const CLOUDS: [&str; 3] = ["linode", "droplet", "digitalocean"];
const GATEWAY: &str = "paypal";
const MAY_NAME_VENDORS: [(&str, &str); 9] = [
    ("crates/domain/src/provider/mod.rs", "ProviderKind"),
    ("crates/store/migrations/0003_catalog.sql", "the check of providers.kind"),
    ("crates/skypanel/src/", "the wiring of the clients and simulators"),
    ("crates/web/src/samples", "operators' pages, filled with examples"),
    ("crates/web/src/api/tests.rs", "the words that customers may not see"),
    ("crates/web/src/payment/", "payers are told where they pay"),
    ("crates/web/src/wallet/", "payers are told where they paid"),
    ("crates/web/templates/payment/", "payers are told where they pay"),
    ("crates/web/templates/wallet/", "payers are told where they pay"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files below a folder of the repository with one of these endings, with their content.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| endings.iter().any(|wanted| e == *wanted)) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// Names in the `[dependencies]` of a crate (those for tests apart).
fn dependencies(name: &str) -> BTreeSet<String> {
    let folder = if ["tests", "xtask"].contains(&name) { name.to_owned() } else { format!("crates/{name}") };
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[").find_map(|section| section.strip_prefix("dependencies]"));
    let names = section.unwrap_or_default().lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn crates_depend_on_each_other_along_the_arrows_only() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(there.iter().all(|name| ours.contains(name.as_str())), "a crate without arrows: {there:?}");
    for (name, allowed) in ARROWS {
        for dependency in dependencies(name) {
            let ok = !ours.contains(dependency.as_str()) || allowed.contains(&dependency.as_str());
            assert!(ok, "{name} may not depend on {dependency}");
        }
    }
    assert!(dependencies("app").contains("store"), "manifests are read");
}

#[test]
fn crates_do_without_the_libraries_they_ban() {
    for (name, banned) in BANS {
        let dependencies = dependencies(name);
        for library in banned {
            assert!(!dependencies.contains(*library), "{name} may not depend on {library}");
        }
    }
}

#[test]
fn vendors_are_named_only_where_they_must_be() {
    let mut needed = BTreeSet::new();
    let mut offences = Vec::new();
    for krate in ["domain", "store", "app", "web", "skypanel"] {
        for (name, content) in files(&format!("crates/{krate}"), &["rs", "sql", "html", "js", "css"]) {
            if name.contains("/node_modules/") || name.contains("/dist/") {
                continue;
            }
            let content = content.to_lowercase();
            if !CLOUDS.iter().chain([&GATEWAY]).any(|word| content.contains(word)) {
                continue;
            }
            match MAY_NAME_VENDORS.iter().find(|(place, _)| name.starts_with(place)) {
                Some((place, _)) => _ = needed.insert(*place),
                None => offences.push(name),
            }
        }
    }
    assert!(offences.is_empty(), "these name a vendor: {offences:#?}");
    for (place, why) in MAY_NAME_VENDORS {
        assert!(needed.contains(place), "{place} names no vendor any more ({why}): take the exception away");
    }
}

/// Rust code without comments, strings and characters.
fn code(source: &str) -> String {
    let (mut code, mut rest) = (String::new(), source);
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            string_length(rest)
        } else {
            code.push(first);
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// From the opening to the closing quote.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// Is this a float: a type, a suffix, a function about them, or a literal?
fn has_float(code: &str) -> bool {
    let words = || code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    let is_literal = |word: &str| {
        let mut parts = word.split('.');
        let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next());
        let digits = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        digits(whole) && fraction.is_some_and(|part| part.is_empty() || digits(part)) && !word.contains("..")
    };
    words().any(|word| word.contains("f32") || word.contains("f64") || is_literal(word))
}

#[test]
fn money_never_meets_a_float() {
    for sample in ["let x: f64", "std::primitive::f64::MAX", "1.5", "d.as_secs_f32()", "x * 1.", "2f64"] {
        assert!(has_float(&code(sample)), "{sample}");
    }
    for sample in ["// f64", "\"1.5 f64\"", "pair.0.1", "0..10", "1..=9", "x.0", "'a'"] {
        assert!(!has_float(&code(sample)), "{sample}");
    }
    for krate in ["domain", "store", "app"] {
        for (name, source) in files(&format!("crates/{krate}/src"), &["rs"]) {
            let offence = code(&source).lines().find(|line| has_float(line)).map(str::to_owned);
            assert_eq!(offence, None, "{name}");
        }
    }
}

#[test]
fn the_oracle_of_the_model_test_knows_no_line_of_the_product() {
    let folder = root().join("tests/it/model/oracle");
    let parts = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let parts: Vec<_> = parts.collect();
    assert!(parts.len() > 3, "the oracle's parts were found");
    for path in parts.iter().chain([&root().join("tests/it/model/oracle.rs")]) {
        let source = fs::read_to_string(path).unwrap();
        let is_part = path.starts_with(&folder);
        let is_allowed = |line: &str| {
            line == "std::collections::BTreeMap;"
                || line.starts_with("chrono::")
                || line.starts_with("self::")
                || (is_part && line.starts_with("super::"))
        };
        for line in source.lines() {
            let used = line.trim_start().trim_start_matches("pub(crate) ").strip_prefix("use ");
            assert!(used.is_none_or(is_allowed), "{} has: {line}", path.display());
        }
        let code = code(&source);
        // The parts of the oracle know the oracle.
        let above = if is_part { "super::super" } else { "super" };
        for name in ARROWS.map(|(name, _)| name).into_iter().chain([above, "crate", "sqlx"]) {
            let path = format!("{name}::");
            let of_ours = code
                .match_indices(&path)
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            assert!(!of_ours, "the oracle uses {path}");
        }
    }
}

/// Files that are a crate of their own: found by cargo, named by nobody.
fn is_root(name: &str) -> bool {
    let stands_alone = ["/src/lib.rs", "/src/main.rs", "/build.rs", "tests/it/main.rs"];
    let cargo_finds = ["/tests/", "/benches/", "/examples/"];
    let after = |folder: &&str| name.split_once(*folder).is_some_and(|(_, file)| !file.contains('/'));
    stands_alone.iter().any(|end| name.ends_with(end)) || cargo_finds.iter().any(after)
}

#[test]
fn every_rust_file_is_compiled() {
    let all = ["crates", "tests", "xtask"].map(|folder| files(folder, &["rs"])).concat();
    let sources: Vec<_> = all.iter().filter(|(name, _)| !name.contains("/node_modules/")).collect();
    let names = |module: &str, (_, source): &(String, String)| {
        source
            .lines()
            .any(|line| line.split(' ').collect::<Vec<_>>().ends_with(&["mod", &format!("{module};")]))
    };
    for (name, _) in &sources {
        let path = Path::new(name).with_extension("");
        let module = if path.ends_with("mod") { path.parent().unwrap() } else { &path };
        let (folder, word) = (module.parent().unwrap(), module.file_name().unwrap().to_str().unwrap());
        let above = |file: &str| {
            Path::new(file).parent() == Some(folder) || Path::new(file) == folder.with_extension("rs")
        };
        let named = sources.iter().any(|source| above(&source.0) && names(word, source));
        assert!(is_root(name) || named, "{name} belongs to no module");
    }
}

#[test]
fn nothing_is_left_for_later() {
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimpl", "emented!(")];
    for folder in ["crates", "tests", "xtask/src", "docs"] {
        for (name, content) in files(folder, &["rs", "sql", "html", "md"]) {
            let mark = marks.iter().find(|mark| content.contains(**mark));
            assert!(mark.is_none() || name.contains("/node_modules/"), "{name}: {mark:?}");
        }
    }
}

#[test]
fn every_path_the_architecture_page_names_exists() {
    let Ok(page) = fs::read_to_string(root().join("ARCHITECTURE.md")) else { return };
    let is_path = |text: &&str| {
        text.contains('/')
            && !text.contains("//")
            && text.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
    };
    for path in page.split('`').skip(1).step_by(2).filter(is_path) {
        let known = [path.to_owned(), format!("crates/{path}")].iter().any(|path| root().join(path).exists());
        let is_route = path.starts_with('/');
        assert!(known || is_route, "ARCHITECTURE.md names {path}");
    }
}

/// Ids of the cases that `docs/money.md` answers for.
fn money_cases() -> Vec<String> {
    let numbered = |prefix: &str, numbers: &[std::ops::RangeInclusive<u32>]| {
        let numbers = numbers.iter().cloned().flatten();
        numbers.map(|n| format!("{prefix}{n}")).collect::<Vec<_>>()
    };
    [
        numbered("A1.", &[1..=29]),
        numbered("A2.", &[30..=38]),
        numbered("A4.", &[50..=54]),
        numbered("D", &[1..=28]),
        numbered("N", &[1..=6, 10..=16, 18..=18, 22..=22]),
    ]
    .concat()
}

#[test]
fn every_known_way_to_lose_money_is_held_by_a_test_that_is_there() {
    let page = fs::read_to_string(root().join("docs/money.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| A") || line.starts_with("| D") || line.starts_with("| N"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let cases: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(cases, money_cases(), "every case stands once, in order");
    for row in &rows {
        assert!(row.len() == 3 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
    let mut tests = 0;
    for named in page.split('`').skip(1).step_by(2).filter(|text| text.contains(".rs::")) {
        let (file, test) = named.split_once("::").unwrap();
        let source = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{named}: {e}"));
        assert!(source.contains(&format!("fn {test}(")), "docs/money.md names {named}");
        tests += 1;
    }
    assert!(tests > 60, "tests are found: {tests}");
}
