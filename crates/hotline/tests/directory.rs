//! `directory.toml` with its hours: what it says, and every fault of it at once, with its line.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use hotline::config::{self, Configuration, Sources};
use model::{CourseEnd, Number, Time};
use testing::Scratch;
use text::Problem;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shipped configuration with these files in place of its own, or beside them.
fn load(name: &str, files: &[(&str, &str)]) -> Result<Configuration, Vec<Problem>> {
    let folder = Scratch::new(name);
    std::fs::create_dir_all(folder.join("flows")).unwrap();
    let shipped = repository().join("config");
    for file in
        ["hotline.toml", "queues.toml", "agents.toml", "trunks.toml", "numbers.toml", "flows/main.toml"]
    {
        std::fs::copy(shipped.join(file), folder.join(file)).unwrap();
    }
    let trunks = std::fs::read_to_string(shipped.join("trunks.toml")).unwrap();
    std::fs::write(folder.join("trunks.toml"), trunks + "gateways = [\"sip:192.0.2.1\"]\n").unwrap();
    let rule = "[[rule]]\nprefix = \"021\"\nallow = true\ntrunks = [\"loopback\"]\n\
                [[rule]]\nprefix = \"1\"\nqueues = [\"complaint\"]\nallow = true\ntrunks = [\"loopback\"]\n";
    std::fs::write(folder.join("dialling.toml"), rule).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let prompts = repository().join("prompts");
    config::load(Sources { config: folder.path(), prompts: &prompts, clips: None }, false)
}

const HOURS: &str =
    "[[hours]]\nname = \"office\"\nweekdays = \"09:00-12:00, 13:30-18:00\"\nfriday = \"09:00-12:00\"\n";
const HOLIDAYS: &str = "[days]\n2026-10-01 = \"closed\"\n2026-10-10 = \"monday\"\n";
const DIRECTORY: &str = r#"
[[department]]
extension = "6001"
zh = "销售部"
en = "Sales"
members = ["2001", "tel:02155550100"]
hours = "office"
deputy = "6101"
closed = "message goodbye"
unanswered = "queue inquiry"
public = true

[[person]]
extension = "6101"
zh = "张经理"
en = "Manager Zhang"
members = "2002"
"#;

#[test]
fn calls_to_an_extension_go_where_files_and_clock_say() {
    let files = [("directory.toml", DIRECTORY), ("hours.toml", HOURS), ("holidays.toml", HOLIDAYS)];
    let configuration = load("directory", &files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let extension: Number = "6001".parse().unwrap();
    assert!(configuration.inside_numbers().contains(&extension), "trunks may not dial it as their own");
    let entry = configuration.directory.get(&extension).unwrap();
    assert!(entry.is_public && (entry.zh.as_str(), entry.en.as_str()) == ("销售部", "Sales"));
    let zone = &configuration.server.zone;
    for (at, is_open, change) in [
        ("2026-11-30T10:00:00+08:00", true, "2026-11-30T12:00:00.000+08:00"),
        ("2026-12-04T13:30:00+08:00", false, "2026-12-07T09:00:00.000+08:00"),
        ("2026-10-01T10:00:00+08:00", false, "2026-10-02T09:00:00.000+08:00"),
        ("2026-10-10T17:00:00+08:00", true, "2026-10-10T18:00:00.000+08:00"),
    ] {
        let now: Time = at.parse().unwrap();
        assert_eq!(entry.is_open(zone, now), is_open, "{at}");
        assert_eq!(entry.next_change(zone, now).map(|at| zone.show(at)).as_deref(), Some(change), "{at}");
        let course = configuration.directory.course(&extension, zone, now).unwrap();
        let tries: Vec<_> = course.tries.iter().map(|one| one.who.reveal()).collect();
        if is_open {
            assert_eq!(tries, ["2001", "tel:02155550100", "2002"]);
            assert_eq!(course.end, CourseEnd::Queue("inquiry".parse().unwrap()));
        } else {
            assert_eq!((tries.len(), &course.end), (0, &CourseEnd::Message("goodbye".to_owned())));
        }
    }
}

#[test]
fn every_fault_is_named_with_its_line() {
    let entry = |extension: &str, rest: &str| {
        format!("[[department]]\nextension = \"{extension}\"\nzh = \"部\"\nen = \"D\"\n{rest}\n")
    };
    let directory = [
        entry("6001", "members = [\"9999\", \"2001\", \"2001\"]"),
        entry("6002", "members = \"tel:03155550100\""),
        entry("6003", "members = \"tel:13800138000\""),
        entry("6004", "members = \"2001\"\nhours = \"night\""),
        entry("6005", "members = \"2001\"\ndeputy = \"6999\""),
        entry("6006", "members = \"2001\"\nclosed = \"queue sales\""),
        entry("6007", "members = \"2001\"\nunanswered = \"message nothing\""),
        entry("6008", "members = \"2001\"\nclosed = \"voicemail\""),
        entry("6009", "members = []"),
        entry("7001", "members = \"2001\""),
        entry("1001", "members = \"2001\""),
        entry("8000", "members = \"2001\""),
        entry("701", "members = \"2001\""),
        entry("6001", "members = \"2001\""),
        entry("x", "members = \"2001\""),
        entry("6011", "members = \"2001\"\ndeputy = \"6012\""),
        entry("6012", "members = \"2001\"\nclosed = \"extension 6011\""),
    ]
    .concat();
    let hours = "[[hours]]\nname = \"office\"\nweekdays = \"18:00-09:00\"\n[[hours]]\nname = \"office\"\n";
    let holidays = "[days]\n2026-02-30 = \"closed\"\n2026-10-10 = \"someday\"\n";
    let files = [("directory.toml", &*directory), ("hours.toml", hours), ("holidays.toml", holidays)];
    let problems = load("faults", &files).err().expect("faults");
    let said: Vec<(&str, u32)> =
        problems.iter().map(|problem| (problem.message.en.as_str(), problem.line)).collect();
    let line_of = |text: &str| directory.lines().position(|line| line == text).unwrap() as u32 + 1;
    for (expected, line) in [
        ("there is no agent 9999", 5),
        ("2001 is there twice", 5),
        ("the dial plan lets nobody call 03155550100", line_of("members = \"tel:03155550100\"")),
        ("the dial plan lets nobody call 13800138000", line_of("members = \"tel:13800138000\"")),
        ("there are no hours \"night\"", line_of("hours = \"night\"")),
        ("there is no extension 6999 here", line_of("deputy = \"6999\"")),
        ("there is no queue sales", line_of("closed = \"queue sales\"")),
        ("there is no prompt zh-CN/nothing", line_of("unanswered = \"message nothing\"")),
        ("there is no prompt en-US/nothing", line_of("unanswered = \"message nothing\"")),
        ("closed = \"voicemail\" cannot be used", line_of("closed = \"voicemail\"")),
        ("members is missing", line_of("extension = \"6009\"") - 1),
        ("the extension 7001 is that of queue inquiry already", line_of("extension = \"7001\"")),
        ("the extension 1001 is an agent already", line_of("extension = \"1001\"")),
        ("the extension 8000 is a number that customers dial already", line_of("extension = \"8000\"")),
        ("the extension 701 is a parking slot already", line_of("extension = \"701\"")),
        ("extension = \"x\" cannot be used", line_of("extension = \"x\"")),
        ("from 6011 deputies and what follows lead back to 6011", line_of("extension = \"6011\"")),
        ("weekdays = \"18:00-09:00\" cannot be used", 3),
        ("office is there twice", 5),
        ("2026-02-30 is no day of the calendar", 2),
        ("2026-10-10 = \"someday\" cannot be used", 3),
    ] {
        assert!(said.contains(&(expected, line)), "{expected:?} in line {line}: {said:#?}");
    }
    assert!(said.iter().filter(|(text, _)| *text == "6001 is there twice").count() == 1, "{said:#?}");
}
