//! Files, good and bad.

use crate::{At, Problem, Problems, Section, parse};

/// Reads `source` by `read`; what was wrong, as lines and English messages.
fn problems_of(source: &str, read: impl FnOnce(&mut Section)) -> Vec<(u32, String)> {
    let problems = Problems::default();
    let mut section = parse("x.toml", source, &problems);
    read(&mut section);
    section.finish();
    problems.into_sorted().into_iter().map(|Problem { line, message, .. }| (line, message.en)).collect()
}

#[test]
fn values_come_with_their_lines() {
    let source = "name = \"a\"\ncount = 0x10\n\non = true\nones = \"x\"\n[inner]\nport = \"5060\"\n";
    let problems = problems_of(source, |section| {
        assert_eq!(section.string("name"), Some(At { value: "a".to_owned(), line: 1 }));
        assert_eq!(section.integer("count", 0..=16), Some(At { value: 16, line: 2 }));
        assert_eq!(section.boolean("on"), Some(At { value: true, line: 4 }));
        assert_eq!(section.strings("ones"), [At { value: "x".to_owned(), line: 5 }]);
        let mut inner = section.section("inner").unwrap();
        assert_eq!(inner.require::<u16>("port"), Some(At { value: 5060, line: 7 }));
        inner.finish();
    });
    assert_eq!(problems, []);
}

#[test]
fn one_reading_reports_everything() {
    let source = "count = 17\non = 1\nnmae = \"a\"\n[inner]\nport = \"x\"\n";
    let problems = problems_of(source, |section| {
        assert_eq!(section.integer("count", 0..=16), None);
        assert_eq!(section.boolean("on"), None);
        assert_eq!(section.string("name"), None);
        let mut inner = section.section("inner").unwrap();
        assert_eq!(inner.parsed::<u16>("port"), None);
        assert_eq!(inner.require::<u16>("other"), None);
        inner.finish();
    });
    let expected = [
        (1, "count = 17 is out of range"),
        (2, "on must be true or false, not a number"),
        (3, "unknown key nmae"),
        (4, "other is missing"),
        (5, "port = \"x\" cannot be used"),
    ];
    assert_eq!(problems, expected.map(|(line, message)| (line, message.to_owned())));
}

#[test]
fn a_misspelt_key_is_told_its_neighbour_in_both_languages() {
    let problems = Problems::default();
    let mut section = parse("x.toml", "nmae = \"a\"\n", &problems);
    section.string("name");
    section.finish();
    let problems = problems.into_sorted();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(
        (problem.hint.en.as_str(), problem.hint.zh.as_str()),
        ("did you mean name?", "是否要写 name？")
    );
}

#[test]
fn tables_of_free_names_and_lists_of_tables() {
    let source = "[queue.b]\n[queue.a]\n[[trunk]]\n[[trunk]]\n[words]\nx = \"1\"\ny = 2\n";
    let problems = problems_of(source, |section| {
        let named: Vec<_> =
            section.named("queue").into_iter().map(|(name, _)| (name.value, name.line)).collect();
        assert_eq!(named, [("b".to_owned(), 1), ("a".to_owned(), 2)]);
        assert_eq!(section.list("trunk").len(), 2);
        assert_eq!(section.pairs("words"), [("x".to_owned(), At { value: "1".to_owned(), line: 6 })]);
    });
    assert_eq!(problems, [(7, "y must be a string, not a number".to_owned())]);
}

#[test]
fn what_is_no_toml_is_reported_and_the_rest_is_read() {
    let problems = problems_of("name = \"a\"\nbroken = = 1\n", |section| {
        assert_eq!(section.string("name").map(|at| at.value).as_deref(), Some("a"));
        section.string("broken");
    });
    assert!(
        problems.iter().any(|(line, message)| *line == 2 && message.starts_with("not valid TOML")),
        "{problems:?}"
    );
}
