//! `docs/reference/configuration.md` names exactly the keys that the files may have.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hotline::config::{self, Sources};

/// A key that nobody knows: the answer names those that are known.
const UNKNOWN: &str = "qqqqqqqqqq";

/// Every table that a file may have, with the unknown key in each.
const FILES: &[(&str, &[&str])] = &[
    (
        "hotline.toml",
        &[
            "[sip]",
            "[sip.tls]",
            "[http]",
            "[http.tls]",
            "[rtp]",
            "[store]",
            "[center]",
            "[recordings]",
            "[[recordings.retention]]",
            "[log]",
        ],
    ),
    ("queues.toml", &["[[queue]]"]),
    ("agents.toml", &["file", "[[agent]]"]),
    ("trunks.toml", &["[[trunk]]"]),
    ("dialling.toml", &["file", "[[rule]]", "[outbound]", "[[notice]]"]),
    ("hours.toml", &["file", "[[hours]]"]),
    ("holidays.toml", &["file"]),
    ("directory.toml", &["file", "[[department]]"]),
    ("numbers.toml", &["file", "[[number]]"]),
];

type Keys = BTreeMap<(String, String), BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The keys that the program asks for, by file and table.
fn asked() -> Keys {
    let folder = testing::Scratch::new("reference");
    fs::create_dir_all(folder.join("flows")).unwrap();
    let mut places = BTreeMap::new();
    for (file, tables) in FILES {
        let mut text = String::new();
        for table in *tables {
            if *table != "file" {
                text += &format!("{table}\n");
            }
            text += &format!("{UNKNOWN} = 1\n");
            places.insert(((*file).to_owned(), text.lines().count()), (*table).to_owned());
        }
        fs::write(folder.join(file), text).unwrap();
    }
    let sources = Sources { config: folder.path(), prompts: &root().join("prompts"), clips: None };
    let problems = config::load(sources, false).err().expect("unknown keys are problems");
    let mut keys = Keys::new();
    for problem in problems.iter().filter(|problem| problem.message.en.contains(UNKNOWN)) {
        let file = Path::new(&*problem.file).file_name().unwrap().to_str().unwrap().to_owned();
        let table = places[&(file.clone(), problem.line as usize)].clone();
        let known = problem.hint.en.strip_prefix("the keys here are: ").expect(&problem.hint.en);
        keys.insert((file, table), known.split(", ").map(str::to_owned).collect());
    }
    keys
}

/// The keys that the page names, by file and table.
fn named() -> Keys {
    let page = fs::read_to_string(root().join("docs/reference/configuration.md")).unwrap();
    let (mut keys, mut file, mut table) = (Keys::new(), String::new(), String::new());
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut file);
        } else if let Some(name) = line.strip_prefix("### ") {
            table = name.trim_matches('`').to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            let key = row.split('`').next().unwrap().to_owned();
            let is_new = keys.entry((file.clone(), table.clone())).or_default().insert(key);
            assert!(is_new, "twice: {line}");
        }
    }
    keys
}

#[test]
fn the_page_of_keys_names_each_key_and_no_other() {
    let (asked, named) = (asked(), named());
    assert_eq!(asked.len(), FILES.iter().map(|(_, tables)| tables.len()).sum::<usize>(), "{asked:?}");
    for (place, keys) in &asked {
        let found = named.get(place).cloned().unwrap_or_default();
        let (missing, surplus): (Vec<_>, Vec<_>) =
            (keys.difference(&found).collect(), found.difference(keys).collect());
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{place:?}: not named {missing:?}, not there {surplus:?}"
        );
    }
    assert_eq!(asked.keys().collect::<Vec<_>>(), named.keys().collect::<Vec<_>>());
}
