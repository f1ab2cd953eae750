//! The documents agree with the program: every warning and error that it logs is explained, and links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository")
}

/// All files below a folder with this ending, built ones left out.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the repository can be read") {
        let path = entry.expect("a folder's entries can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "tests", "node_modules", "var", ".git"].contains(&name) {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// The texts of `tracing::warn!` and `tracing::error!` in a source: the last string of each call.
fn messages(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let calls = ["tracing::warn!(", "tracing::error!("];
    let begins = calls.iter().flat_map(|call| source.match_indices(call).map(|(at, call)| at + call.len()));
    begins.map(|at| last_string(&source[at..])).collect()
}

/// The last string literal before the bracket that closes, line continuations resolved.
fn last_string(source: &str) -> String {
    let (mut depth, mut inside, mut text, mut last) = (1, false, String::new(), String::new());
    let mut chars = source.chars().peekable();
    while let Some(next) = chars.next() {
        match (next, inside) {
            ('\\', true) if chars.next_if_eq(&'\n').is_some() => {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
            }
            ('\\', true) => text.extend(chars.next()),
            ('"', true) => {
                inside = false;
                last = std::mem::take(&mut text);
            }
            ('"', false) => inside = true,
            (other, true) => text.push(other),
            ('(', false) => depth += 1,
            (')', false) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    last
}

/// The first cells of the tables under "Every warning and error", without their quotes.
fn explained() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/guide/troubleshooting.md")).expect("the guide is there");
    let (_, tables) = page.split_once("## Every warning and error").expect("the guide has the part");
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once("` |")).map(|(line, _)| line.to_owned()).collect()
}

#[test]
fn every_warning_and_error_that_is_logged_is_explained_and_no_other() {
    let mut sources = Vec::new();
    files(&root().join("crates"), ".rs", &mut sources);
    let mut logged = BTreeSet::new();
    for source in sources.iter().filter(|path| !path.ends_with("tests.rs")) {
        logged.extend(messages(&fs::read_to_string(source).expect("a source can be read")));
    }
    assert!(logged.len() > 50, "the sources are read wrongly: {logged:?}");
    // A line that goes on in Chinese, or with a long explanation, is named by its beginning.
    let explained = explained();
    let is_named = |line: &&String| explained.iter().any(|begin| line.starts_with(begin));
    let missing: Vec<_> = logged.iter().filter(|line| !is_named(line)).collect();
    assert!(missing.is_empty(), "not explained in docs/guide/troubleshooting.md: {missing:#?}");
    let is_logged = |begin: &&String| logged.iter().any(|line| line.starts_with(*begin));
    let stale: Vec<_> = explained.iter().filter(|begin| !is_logged(begin)).collect();
    assert!(stale.is_empty(), "explained, and logged by nothing: {stale:#?}");
}

/// The names of metrics in a source: whole strings that begin as ours and the process's do.
fn metrics(source: &str) -> Vec<String> {
    let strings = source.split('"').skip(1).step_by(2);
    let is_name = |text: &&str| {
        let begins = text.starts_with("hotline_") || text.starts_with("process_");
        begins && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    strings.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn the_page_of_metrics_names_each_and_no_other() {
    let mut sources = Vec::new();
    files(&root().join("crates"), ".rs", &mut sources);
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a source can be read");
    let made: BTreeSet<String> = sources.iter().flat_map(|path| metrics(&read(path))).collect();
    let page = read(&root().join("docs/reference/metrics.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows =
        rows.filter(|(_, rest)| ["counter", "gauge", "histogram"].iter().any(|kind| rest.starts_with(kind)));
    let named: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(made, named);
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut pages = Vec::new();
    files(root(), ".md", &mut pages);
    assert!(pages.len() > 15, "{pages:?}");
    let mut lost = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).expect("a page can be read");
        let links =
            text.match_indices("](").filter_map(|(at, open)| text[at + open.len()..].split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name("").join(path) };
            let is_there = target.exists() && (anchor.is_empty() || has_heading(&target, anchor));
            if !is_there {
                lost.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// True when a heading of the page has this anchor: lower case, blanks as hyphens, marks left out.
fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(page).unwrap_or_default();
    let headings =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let of = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect::<String>()
    };
    headings.map(of).any(|found| found == anchor)
}

#[test]
fn the_first_page_is_short_and_there_in_both_languages() {
    let pages =
        ["README.md", "README.zh-CN.md"].map(|name| fs::read_to_string(root().join(name)).expect(name));
    let [english, chinese] = pages.map(|page| {
        assert!(page.lines().count() <= 120);
        page.lines().filter(|line| line.starts_with("## ")).count()
    });
    assert_eq!(english, chinese, "parts of the two pages");
}
