//! Which of our crates may use which. An arrow that is not in the table fails here, and so does a pure crate
//! that can reach a clock, a socket, a thread or a file.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A row of the table.
struct Rule {
    name: &'static str,
    /// Our crates that it may use, in tests too; its tests may use `testing` besides.
    may_use: &'static [&'static str],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Decides; takes `now` and an input, gives outputs.
    Pure,
    /// Carries out: threads, sockets, disks, databases.
    Shell,
    /// Looks at everything from outside.
    Witness,
}

const TABLE: &[Rule] = &[
    // Named by SIP, audio and model alike: codecs and SRTP suites. A crate, so that none of the three owns the words.
    Rule { name: "codec", may_use: &[], kind: Kind::Pure },
    Rule { name: "model", may_use: &["codec"], kind: Kind::Pure },
    Rule { name: "text", may_use: &[], kind: Kind::Pure },
    Rule { name: "sip", may_use: &["codec"], kind: Kind::Pure },
    Rule { name: "audio", may_use: &["codec"], kind: Kind::Pure },
    Rule { name: "ivr", may_use: &["model", "text"], kind: Kind::Pure },
    Rule { name: "acd", may_use: &["model"], kind: Kind::Pure },
    Rule { name: "desk", may_use: &["model"], kind: Kind::Pure },
    Rule { name: "center", may_use: &["model", "ivr", "acd"], kind: Kind::Pure },
    Rule { name: "udp", may_use: &[], kind: Kind::Shell },
    Rule { name: "media", may_use: &["model", "audio", "udp", "archive"], kind: Kind::Shell },
    Rule { name: "archive", may_use: &["model", "audio"], kind: Kind::Shell },
    Rule { name: "store", may_use: &["model"], kind: Kind::Shell },
    Rule { name: "api", may_use: &["model", "store", "archive"], kind: Kind::Shell },
    Rule { name: "load", may_use: &["sip", "audio", "udp"], kind: Kind::Shell },
    Rule { name: "hotline", may_use: ALL, kind: Kind::Shell },
    Rule { name: TESTING, may_use: &["model"], kind: Kind::Witness },
    Rule { name: "hotline-benches", may_use: ALL, kind: Kind::Witness },
    Rule { name: "hotline-tests", may_use: ALL, kind: Kind::Witness },
];

/// What tests of several crates share. No program is built from it.
const TESTING: &str = "testing";

const ALL: &[&str] = &[
    "codec", "model", "text", "sip", "audio", "ivr", "acd", "desk", "center", "udp", "load", "archive",
    "media", "store", "api", "hotline",
];

/// Foreign crates that bring a clock, a socket, a thread, a file or unseeded randomness.
const IMPURE: &[&str] = &[
    "anyhow",
    "axum",
    "crossbeam-channel",
    "getrandom",
    "libc",
    "rand",
    "rayon",
    "sqlx",
    "tokio",
    "tracing-subscriber",
];

/// What a pure crate's `clippy.toml` bans at the least.
const BANS: &[&str] = &["Instant", "SystemTime", "thread", "net", "fs", "HashMap", "HashSet"];

#[test]
fn every_arrow_between_our_crates_is_in_the_table() {
    let strangers = packages()
        .iter()
        .flat_map(|package| {
            let allowed = rule(&package.name).map_or(&[] as &[&str], |rule| rule.may_use);
            let beyond = move |used: &&Arrow| used.to != TESTING && !allowed.contains(&used.to.as_str());
            package.ours.iter().filter(beyond).map(|used| format!("{} -> {}", package.name, used.to))
        })
        .collect::<Vec<_>>();
    assert!(strangers.is_empty(), "arrows that are not in the table: {strangers:?}");
}

#[test]
fn no_program_is_built_from_what_tests_share() {
    let built = packages()
        .into_iter()
        .filter(|package| rule(&package.name).is_none_or(|rule| rule.kind != Kind::Witness))
        .filter(|package| package.ours.iter().any(|used| used.to == TESTING && !used.in_tests_only))
        .map(|package| package.name)
        .collect::<Vec<_>>();
    assert!(built.is_empty(), "{TESTING} is no dev-dependency of {built:?}");
}

#[test]
fn the_table_names_exactly_the_crates_that_exist() {
    let existing = packages().into_iter().map(|package| package.name).collect::<BTreeSet<_>>();
    let named = TABLE.iter().map(|rule| rule.name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(existing, named);
}

#[test]
fn pure_crates_use_nothing_that_waits_or_guesses() {
    for package in packages().iter().filter(|package| is_pure(&package.name)) {
        let impure =
            package.foreign.iter().filter(|name| IMPURE.contains(&name.as_str())).collect::<Vec<_>>();
        assert!(impure.is_empty(), "{} is pure and uses {impure:?}", package.name);
    }
}

#[test]
fn pure_crates_ban_clocks_threads_sockets_files_and_unordered_maps() {
    for package in packages().iter().filter(|package| is_pure(&package.name)) {
        let path = package.folder.join("clippy.toml");
        let bans =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for ban in BANS {
            assert!(bans.contains(ban), "{} does not ban {ban}", path.display());
        }
    }
}

/// A crate of ours.
struct Package {
    name: String,
    folder: PathBuf,
    /// Our crates that it uses, in whatever way.
    ours: Vec<Arrow>,
    /// Others' crates that it is built from; what only its tests use is free.
    foreign: Vec<String>,
}

/// The use of one of our crates.
struct Arrow {
    to: String,
    in_tests_only: bool,
}

fn rule(name: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|rule| rule.name == name)
}

fn is_pure(name: &str) -> bool {
    rule(name).is_some_and(|rule| rule.kind == Kind::Pure)
}

/// The workspace's members, as cargo lists them.
fn packages() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter().map(package).collect::<Vec<_>>();
    assert!(packages.len() >= TABLE.len(), "cargo names {} packages", packages.len());
    packages
}

fn package(listed: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (mut ours, mut foreign) = (Vec::new(), Vec::new());
    for dependency in listed["dependencies"].as_array().unwrap() {
        let (name, in_tests_only) = (text(&dependency["name"]), dependency["kind"] == "dev");
        if dependency["path"].is_string() {
            ours.push(Arrow { to: name, in_tests_only });
        } else if dependency["kind"].is_null() {
            foreign.push(name);
        }
    }
    let folder = Path::new(&text(&listed["manifest_path"])).parent().unwrap().to_owned();
    Package { name: text(&listed["name"]), folder, ours, foreign }
}
