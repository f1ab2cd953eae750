//! Every clip is spoken by something: a flow of the sample, the grammar of numbers and times, or the engine.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ivr::{Catalogue, compile, speech};
use model::Language;
use text::Problems;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `zh-CN/welcome` and so on: what `texts.toml` has.
fn texts() -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("prompts/texts.toml")).unwrap();
    let (mut language, mut clips) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(tag) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            tag.clone_into(&mut language);
        } else if let Some((stem, _)) = line.split_once(" = ").filter(|(stem, _)| is_stem(stem)) {
            clips.insert(format!("{language}/{stem}"));
        }
    }
    clips
}

fn is_stem(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What the flows of the sample ask for, in both languages.
fn by_flows() -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    for entry in fs::read_dir(repository().join("config/flows")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let has_clip = |clip: &str| {
                asked.borrow_mut().insert(clip.to_owned());
                true
            };
            let problems = Problems::default();
            let source = fs::read_to_string(&path).unwrap();
            let catalogue = Catalogue { has_clip: &has_clip, queues: None, extensions: None };
            assert!(compile(&path.display().to_string(), &source, &catalogue, &problems).is_some());
        }
    }
    asked.into_inner()
}

/// What the grammar makes sentences of.
fn by_grammar() -> BTreeSet<String> {
    let mut clips = BTreeSet::new();
    for language in Language::ALL {
        let mut say = |stems: Vec<String>| {
            clips.extend(stems.into_iter().map(|stem| format!("{language}/{stem}")));
        };
        let numbers = (0..2_000).chain([2_222, 10_010, 20_000, 120_305, 1_000_000, 22_000_000]);
        numbers.for_each(|number| say(speech::number(language, number)));
        (1..200).for_each(|position| say(speech::position(language, position)));
        (0..1_440).for_each(|minute| say(speech::time_of_day(language, minute)));
        (0..100).for_each(|count| say(speech::minutes(language, count)));
        (0..100).for_each(|count| say(speech::hours(language, count)));
        say(speech::digits(language, "0123456789"));
    }
    clips
}

/// The sources of what plays clips by name, without their tests.
fn engine() -> String {
    let mut text = String::new();
    for folder in ["crates/ivr/src", "crates/center/src"] {
        read_all(&repository().join(folder), &mut text);
    }
    text
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tests")) {
            continue;
        }
        if path.is_dir() {
            read_all(&path, text);
        } else {
            let source = fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            text.extend(lines);
        }
    }
}

#[test]
fn every_clip_is_spoken_by_something() {
    let (flows, grammar, engine) = (by_flows(), by_grammar(), engine());
    let texts = texts();
    assert!(texts.len() > 80 && texts.contains("zh-CN/goodbye") && texts.contains("en-US/menu"), "{texts:?}");
    let is_named = |clip: &str| {
        let stem = clip.split_once('/').map_or(clip, |(_, stem)| stem);
        engine.contains(&format!("\"{stem}\""))
    };
    let silent: Vec<&String> = texts
        .iter()
        .filter(|clip| !flows.contains(*clip) && !grammar.contains(*clip) && !is_named(clip))
        .collect();
    assert!(silent.is_empty(), "spoken by no flow, no sentence and no path of the engine: {silent:?}");
    let said = flows.union(&grammar).filter(|clip| !clip.starts_with("music/"));
    let missing: Vec<&String> = said.filter(|clip| !texts.contains(*clip)).collect();
    assert!(missing.is_empty(), "spoken, and no text says how: {missing:?}");
}
