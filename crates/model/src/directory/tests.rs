//! Where calls to extensions go, and when.

use std::sync::Arc;

use super::*;
use crate::{Spans, UtcOffset};

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

/// An entry with these members (with blanks between them) that is open from 9 to 18 every day.
fn entry(members: &str) -> DirectoryEntry {
    let spans: Spans = "09:00-18:00".parse().unwrap();
    DirectoryEntry {
        kind: DirectoryKind::Department,
        zh: "部门".to_owned(),
        en: "Department".to_owned(),
        members: members.split_whitespace().map(|who| who.parse().unwrap()).collect(),
        hours: Some(Hours::new(std::array::from_fn(|_| spans.clone()), Arc::default())),
        ring: Duration::from_secs(20),
        deputy: None,
        closed: Instead::Back,
        unanswered: Instead::Back,
        is_public: false,
    }
}

fn directory(entries: [(&str, DirectoryEntry); 5]) -> Directory {
    Directory::new(entries.into_iter().map(|(extension, entry)| (number(extension), entry)).collect())
}

/// Sales with a deputy who has one; a branch that passes on; the duty officer, always there; one whom nobody takes calls of.
fn house() -> Directory {
    let instead = |text: &str| text.parse::<Instead>().unwrap();
    directory([
        (
            "6001",
            DirectoryEntry {
                deputy: Some(number("6002")),
                closed: instead("extension 6004"),
                unanswered: instead("queue inquiry"),
                ..entry("1001 tel:02155550100")
            },
        ),
        ("6002", DirectoryEntry { deputy: Some(number("6004")), ..entry("1002 1001") }),
        (
            "6003",
            DirectoryEntry {
                unanswered: instead("extension 6001"),
                closed: instead("message closed-branch"),
                ..entry("1003")
            },
        ),
        ("6004", DirectoryEntry { hours: None, ..entry("1004") }),
        ("6005", DirectoryEntry { closed: instead("extension 6003"), ..entry("") }),
    ])
}

/// `members, then end` of a call at this local time.
fn course(directory: &Directory, extension: &str, clock: &str) -> String {
    let zone = Zone::from("+08:00".parse::<UtcOffset>().unwrap());
    let now = format!("2026-11-30T{clock}:00+08:00").parse().unwrap();
    let Some(course) = directory.course(&number(extension), &zone, now) else { return "unknown".to_owned() };
    let tries: Vec<_> = course.tries.iter().map(|one| one.who.reveal()).collect();
    let end = match course.end {
        CourseEnd::Back => "back".to_owned(),
        CourseEnd::Queue(queue) => queue.to_string(),
        CourseEnd::Message(prompt) => prompt,
    };
    format!("{}{}, {end}", if course.is_closed { "closed " } else { "" }, tries.join(" "))
}

#[test]
fn members_ring_then_deputies_and_then_comes_what_the_entry_says() {
    let house = house();
    for (extension, clock, expected) in [
        ("6001", "10:00", "1001 tel:02155550100 1002 1004, inquiry"),
        ("6001", "20:00", "1004, back"),
        ("6002", "10:00", "1002 1001 1004, back"),
        ("6002", "20:00", "closed , back"),
        ("6003", "10:00", "1003 1001 tel:02155550100 1002 1004, inquiry"),
        ("6003", "20:00", "closed , closed-branch"),
        ("6005", "20:00", "closed , closed-branch"),
        ("6009", "10:00", "unknown"),
    ] {
        assert_eq!(course(&house, extension, clock), expected, "{extension} at {clock}");
    }
    assert_eq!(house.round(), None);
}

#[test]
fn a_round_is_found_and_ends_all_the_same() {
    let to = |extension: &str| DirectoryEntry {
        deputy: Some(number(extension)),
        unanswered: Instead::Extension(number(extension)),
        ..entry("1001")
    };
    let round = directory([
        ("6001", to("6002")),
        ("6002", to("6003")),
        ("6003", to("6002")),
        ("6004", entry("1002")),
        ("6005", to("6005")),
    ]);
    assert_eq!(round.round(), Some(&number("6002")));
    assert_eq!(course(&round, "6001", "10:00"), "1001, back");
    assert_eq!(course(&round, "6005", "10:00"), "1001, back");
}

#[test]
fn what_follows_is_a_text() {
    for text in ["back", "extension 6001", "queue inquiry", "message closed-sales"] {
        assert_eq!(text.parse::<Instead>().unwrap().to_string(), text);
    }
    for text in ["", "forth", "extension", "extension 6 1", "queue a b", "message ", "back 1"] {
        assert_eq!(text.parse::<Instead>(), Err(NoInstead), "{text}");
    }
}
