//! The crates depend on each other in one direction: entity <- domain <- {api, jobs, integrations}
//! <- souk, beside migration. Manifests and sources are read as text: a rule that is broken in
//! either is found, also where the compiler would let it pass.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A crate of this workspace, the crates of it that it may depend on, and what it must never use.
struct Layer {
    directory: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const LAYERS: [Layer; 6] = [
    Layer { directory: "entity", may_use: &[], never: &["poem", "apalis", "redis", "reqwest", "tokio"] },
    Layer { directory: "migration", may_use: &[], never: &["poem", "apalis", "redis", "reqwest"] },
    Layer {
        directory: "domain",
        may_use: &["souk-entity"],
        never: &["poem", "apalis", "redis", "reqwest", "jsonwebtoken", "argon2"],
    },
    Layer {
        directory: "api",
        may_use: &["souk-domain", "souk-entity"],
        never: &["apalis", "apalis-core", "reqwest", "redis"],
    },
    Layer {
        directory: "jobs",
        may_use: &["souk-domain", "souk-entity"],
        never: &["poem", "poem-openapi", "reqwest", "jsonwebtoken"],
    },
    Layer {
        directory: "integrations",
        may_use: &["souk-domain", "souk-entity"],
        never: &["poem", "poem-openapi", "apalis", "apalis-core"],
    },
];

/// Names that say nothing of what is in a file.
const NAMELESS: [&str; 5] = ["utils", "util", "helpers", "helper", "common"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in the sections of a manifest that a crate is built with; those of its tests are left out.
fn dependencies(directory: &str) -> BTreeSet<String> {
    let manifest = read(&root().join(directory).join("Cargo.toml"));
    let mut names = BTreeSet::new();
    let mut counts = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            counts = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            // `[dependencies.name]` names one in its head.
            names.extend(section.strip_prefix("dependencies.").map(str::to_owned));
        } else if counts && !line.starts_with('#') {
            let name: String = line.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
            names.extend(Some(name).filter(|name| !name.is_empty()));
        }
    }
    assert!(!names.is_empty(), "{directory}/Cargo.toml has no dependencies that this test can read");
    names
}

/// Every source file below a directory of the repository.
fn sources(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a line of code, not of a comment, names the crate in a path.
fn names_crate(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let path = format!("{}::", name.replace('-', "_"));
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | ':')))
    })
}

#[test]
fn manifests_keep_the_direction() {
    for layer in &LAYERS {
        for name in dependencies(layer.directory) {
            let ours = name.starts_with("souk");
            assert!(!ours || layer.may_use.contains(&name.as_str()), "{} depends on {name}", layer.directory);
            assert!(!layer.never.contains(&name.as_str()), "{} depends on {name}", layer.directory);
        }
    }
}

#[test]
fn sources_keep_the_direction() {
    for layer in &LAYERS {
        let others = LAYERS.iter().map(|other| format!("souk-{}", other.directory));
        let forbidden: Vec<String> = others
            .filter(|name| !layer.may_use.contains(&name.as_str()))
            .chain(layer.never.iter().map(|name| (*name).to_owned()))
            .collect();
        for path in sources(&format!("{}/src", layer.directory)) {
            for (number, line) in read(&path).lines().enumerate() {
                let broken = forbidden.iter().find(|name| names_crate(line, name));
                assert!(broken.is_none(), "{}:{}: {broken:?} in {line}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn only_the_binary_knows_every_crate() {
    let ours: BTreeSet<String> = dependencies("").into_iter().filter(|name| name.starts_with("souk-")).collect();
    let all: BTreeSet<String> = LAYERS.iter().map(|layer| format!("souk-{}", layer.directory)).collect();
    assert_eq!(ours, all);
    let members = read(&root().join("Cargo.toml"));
    for layer in &LAYERS {
        assert!(members.contains(&format!("\"{}\"", layer.directory)), "{} is no member", layer.directory);
    }
}

#[test]
fn the_clock_is_banned_where_it_is_not_passed_in() {
    let clippy = read(&root().join("clippy.toml"));
    assert!(clippy.contains("chrono::Utc::now") && clippy.contains("SystemTime::now"), "clippy.toml bans the clock");
}

#[test]
fn names_say_what_is_in_a_file() {
    for directory in ["src", "api", "domain", "entity", "integrations", "jobs", "migration", "examples", "tests"] {
        for path in sources(directory) {
            let relative = path.strip_prefix(root()).expect("below the root");
            for part in relative.iter().map(|part| part.to_string_lossy()) {
                let stem = part.trim_end_matches(".rs");
                assert!(!stem.split(['_', '-']).any(|word| NAMELESS.contains(&word)), "{}", relative.display());
            }
        }
    }
}

#[test]
fn a_lint_is_expected_with_a_reason_and_never_allowed() {
    // In two parts, so that this line is not found itself.
    let allow = ["#[al", "low("].concat();
    for directory in ["src", "api", "domain", "entity", "integrations", "jobs", "migration", "examples", "tests"] {
        for path in sources(directory) {
            let inner = allow.replace("#[", "#![");
            let text = read(&path);
            assert!(!text.contains(&allow) && !text.contains(&inner), "{}", path.display());
        }
    }
}
