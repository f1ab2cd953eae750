//! The house that the stories happen in: its numbers, flows, queues, agents and limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Directory, DirectoryEntry, DirectoryKind, Hours, Language, QueueName, Spans, Zone};

use super::{AGENTS, agent, number, seconds};
use crate::{
    Config, DialPlan, DialRule, Emergency, FeatureCode, Notice, Outbound, Parking, Route, TrunkLimits,
    TypedCode, Verdict, Who,
};

const MAIN: &str = include_str!("../../../../../config/flows/main.toml");
/// Waits for the complaints, after 400 s for the inquiry, and after 1,000 s no more.
const PATIENT: &str = r##"
name = "patient"
version = "1"
start = "complaint"
[nodes.complaint]
kind = "queue"
queue = "complaint"
waited_out = "inquiry"
[nodes.inquiry]
kind = "queue"
queue = "inquiry"
"##;
/// Waits for the complaints, and knows nothing else.
const PLAIN: &str = r##"
name = "plain"
version = "1"
start = "complaint"
[nodes.complaint]
kind = "queue"
queue = "complaint"
"##;
/// Asks for four keys in secret, then waits for the inquiry.
const SECRET: &str = r##"
name = "secret"
version = "1"
start = "pin"
[nodes.pin]
kind = "collect"
secret = true
prompts = ["menu"]
min_digits = 4
replays = 1
next = "menu"
otherwise = "inquiry"
[nodes.menu]
kind = "menu"
prompts = ["menu"]
otherwise = "inquiry"
keys = { "1" = "inquiry", "#" = "@repeat" }
[nodes.inquiry]
kind = "queue"
queue = "inquiry"
"##;

/// Dials 6001 at once; after four keys the extension that was pressed.
const DIALS: &str = r##"
name = "dials"
version = "1"
start = "sales"
[nodes.sales]
kind = "dial"
extension = "6001"
queue = "inquiry"
otherwise = "ask"
[nodes.ask]
kind = "collect"
prompts = ["menu"]
min_digits = 4
replays = 0
next = "pressed"
otherwise = "inquiry"
[nodes.pressed]
kind = "dial"
collected = "ask"
queue = "complaint"
prompts = ["welcome"]
closed = "closed"
otherwise = "inquiry"
[nodes.closed]
kind = "hang_up"
prompts = ["goodbye"]
[nodes.inquiry]
kind = "queue"
queue = "inquiry"
waited_out = "sales"
"##;

pub(in crate::tests) fn config() -> Config {
    let queues: Vec<QueueName> = ["inquiry", "complaint"].map(|name| name.parse().unwrap()).into();
    let problems = ivr::Problems::default();
    let catalogue = ivr::Catalogue { has_clip: &|_| true, queues: Some(&queues), extensions: None };
    let flow = |text| Arc::new(ivr::compile("flow.toml", text, &catalogue, &problems).unwrap());
    let main = flow(MAIN);
    let route = |language| Route { flow: Arc::clone(&main), language, longest_wait: None };
    let secret = Route { flow: flow(SECRET), language: Language::ZhCn, longest_wait: None };
    let plain = Route { flow: flow(PLAIN), language: Language::ZhCn, longest_wait: None };
    let dials = Route { flow: flow(DIALS), language: Language::ZhCn, longest_wait: Some(seconds(600)) };
    let patient = Route { flow: flow(PATIENT), language: Language::ZhCn, longest_wait: Some(seconds(1000)) };
    Config {
        version: "test".to_owned(),
        routes: [
            (number("8000"), route(Language::ZhCn)),
            (number("8001"), route(Language::EnUs)),
            (number("8002"), secret),
            (number("8003"), patient),
            (number("8004"), plain),
            (number("8005"), dials),
        ]
        .into(),
        feature_codes: [
            (number("*70"), FeatureCode::Ready),
            (number("*71"), FeatureCode::Break),
            (number("*8"), FeatureCode::Dial),
        ]
        .into(),
        typed_codes: [
            ("*1", TypedCode::Transfer),
            ("*2", TypedCode::Consult),
            ("*3", TypedCode::Complete),
            ("*4", TypedCode::Return),
            ("*5", TypedCode::Join),
            ("*6", TypedCode::Park),
            ("*7", TypedCode::Swap),
            ("*9", TypedCode::Hold),
        ]
        .map(|(code, does)| (code.to_owned(), does))
        .into(),
        lost_agent_ends: [queues[0].clone()].into(),
        acd: acd::Config {
            queues: queues
                .iter()
                .map(|name| acd::QueueConfig {
                    name: name.clone(),
                    offer_deadline: seconds(15),
                    wrap_up: seconds(10),
                })
                .collect(),
            agents: AGENTS
                .iter()
                .map(|(id, queues)| acd::AgentConfig {
                    id: agent(id),
                    queues: queues.iter().map(|name| name.parse().unwrap()).collect(),
                    starts_ready: true,
                    miss_limit: 3,
                    rest_after_miss: seconds(5),
                })
                .collect(),
        },
        zone: Zone::default(),
        recording_path: |contact, (year, month, day)| format!("{year:04}/{month:02}/{day:02}/{contact}.wav"),
        max_calls: 8,
        media_threads: 2,
        trunks: [("city".to_owned(), TrunkLimits { calls: Some(7), calls_per_source: Some(6) })].into(),
        longest_waits: [("complaint".parse().unwrap(), seconds(400))].into(),
        silence: seconds(60),
        secure_input_limit: seconds(120),
        extensions: BTreeMap::from([(number("7002"), "complaint".parse().unwrap())]),
        parking: Parking { slots: 701..=702, limit: seconds(60) },
        dialling: DialPlan {
            rules: vec![DialRule {
                prefix: "4".to_owned(),
                who: Who::default(),
                verdict: Verdict::Allow {
                    trunks: vec!["city".to_owned()],
                    strip: 0,
                    prepend: String::new(),
                    caller: Some(number("8000")),
                },
            }],
            emergency: Emergency {
                numbers: [number("110")].into(),
                trunks: vec!["city".to_owned()],
                caller: None,
            },
        },
        outbound: Outbound {
            notices: vec![Notice { prefix: "49".to_owned(), prompt: Some("welcome".to_owned()) }],
            ..Outbound::default()
        },
        directory: directory(),
    }
}

/// What follows when an extension of [`directory`] is closed or unanswered is the same of each.
fn directory() -> Directory {
    let never: Hours = Hours::new(std::array::from_fn(|_| Spans::default()), Arc::default());
    let entry = |members: &str, is_closed: bool, instead: &str| DirectoryEntry {
        kind: DirectoryKind::Department,
        zh: "部门".to_owned(),
        en: "Department".to_owned(),
        members: members.split_whitespace().map(|who| who.parse().unwrap()).collect(),
        hours: is_closed.then(|| never.clone()),
        ring: seconds(10),
        deputy: None,
        closed: instead.parse().unwrap(),
        unanswered: instead.parse().unwrap(),
        is_public: members != "1001",
    };
    let entries = [
        ("6001", entry("1003 1002", false, "back")),
        ("6002", entry("1002 tel:4001", false, "queue complaint")),
        ("6003", entry("1002", true, "back")),
        ("6004", entry("1002", true, "message goodbye")),
        ("6005", entry("1003", false, "message goodbye")),
        ("6006", entry("1001", false, "back")),
    ];
    Directory::new(entries.map(|(extension, entry)| (number(extension), entry)).into())
}
