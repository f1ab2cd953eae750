//! Configuration files: read to the end, with every problem on a line that exists.
//!
//! The readers are those of the program, taken in as files: the program's own crate would bring its
//! database and its runtime into the fuzzer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ::ivr::{Catalogue, compile};
use ::sip::{Algorithm, Encryption};
use ::text::{Problems, parse};
use model::{QueueName, Time, Zone};

use crate::ivr::lines_exist;

#[path = "../../../crates/hotline/src/config/dialling.rs"]
pub mod dialling;
#[path = "../../../crates/hotline/src/config/directory.rs"]
pub mod directory;
#[path = "../../../crates/hotline/src/config/hours.rs"]
pub mod hours;
#[path = "../../../crates/hotline/src/config/listening.rs"]
pub mod listening;
#[path = "../../../crates/hotline/src/config/numbers.rs"]
#[allow(dead_code, reason = "what is read goes nowhere")]
pub mod numbers;
#[path = "../../../crates/hotline/src/config/outbound.rs"]
pub mod outbound;
#[path = "../../../crates/hotline/src/config/people.rs"]
pub mod people;
#[path = "../../../crates/hotline/src/config/server.rs"]
pub mod server;
#[path = "../../../crates/hotline/src/config/tls.rs"]
#[allow(dead_code, reason = "what operators are warned of is not fuzzed")]
pub mod tls;
#[path = "../../../crates/hotline/src/config/trunks.rs"]
pub mod trunks;
#[path = "../../../crates/hotline/src/config/written.rs"]
#[allow(dead_code, reason = "values are read, not used")]
pub mod written;
#[path = "../../../crates/hotline/src/config/zone.rs"]
pub mod zone;

const MAIN: &str = include_str!("../../../config/flows/main.toml");

/// The first byte says which file the rest is the text of.
pub fn configuration(bytes: &[u8]) {
    let Some((which, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let problems = Problems::default();
    let file = parse("file.toml", &text, &problems);
    match which {
        b'q' => {
            let people::Queues { queues, longest_waits, lost_agent_ends, extensions } = people::queues(file);
            let sound = problems.count() == 0;
            let mut names: Vec<_> = queues.iter().map(|queue| queue.name.clone()).collect();
            names.sort();
            names.dedup();
            assert!(!sound || names.len() == queues.len(), "each name once");
            assert!(longest_waits.keys().chain(&lost_agent_ends).all(|name| names.contains(name)));
            assert!(extensions.values().all(|name| names.contains(name)));
        }
        b'a' => {
            let of_all = people::OfAll {
                srtp: Encryption::Required,
                realm: "hotline".to_owned(),
                digest: Algorithm::ALL.to_vec(),
            };
            let people::Agents { agents, passwords, digests, seats } =
                people::agents(file, Some(&queues()), &of_all);
            assert_eq!(digests.len(), seats.len());
            assert_eq!(agents.len(), passwords.len());
            assert!(agents.iter().all(|agent| seats.contains_key(&agent.id)));
            let known = queues();
            let sound = problems.count() == 0;
            let all = agents.iter().flat_map(|agent| &agent.queues);
            assert!(!sound || all.clone().all(|queue| known.contains(queue)), "queues that exist");
        }
        b't' => {
            let (trunks, limits) = trunks::read(file, Encryption::Off, None);
            assert!(trunks.iter().all(|trunk| limits.contains_key(&trunk.name)));
            let networks = trunks.into_iter().flat_map(|trunk| trunk.sources);
            let _ = networks.filter(|network| network.contains(IpAddr::from([192, 0, 2, 1]))).count();
        }
        b'd' => {
            let (agents, queues) = (["1001".parse().expect("an id")], queues());
            let known = dialling::Known {
                agents: Some(&agents),
                queues: Some(&queues),
                trunks: Some(&[]),
                hours: &BTreeMap::new(),
                has_clip: &|_| true,
            };
            let (plan, _) = dialling::read(file, &known);
            let allows = plan.rules.iter().any(|rule| rule.verdict != center::Verdict::Deny);
            assert!(!allows || problems.count() > 0, "no trunk takes calls");
        }
        b'n' => drop(numbers::read(file, &flows(), &[])),
        b'h' => drop(hours::read(file, &Arc::default())),
        b'y' => drop(hours::holidays(file)),
        b'l' => {
            let (agents, queues) = (["1001".parse().expect("an id")], queues());
            let known = directory::Known {
                agents: Some(&agents),
                queues: Some(&queues),
                hours: &BTreeMap::new(),
                plan: &center::DialPlan::default(),
                has_clip: &|clip| !clip.contains("missing"),
            };
            let listed = directory::read(file, &known);
            let sound = problems.count() == 0;
            assert!(!sound || listed.directory.round().is_none(), "nobody goes round in a circle");
            assert!(listed.lines.keys().eq(listed.directory.iter().map(|(extension, _)| extension)));
            for (extension, entry) in listed.directory.iter() {
                let course = listed.directory.course(extension, &Zone::default(), Time::default());
                assert!(course.is_some_and(|course| course.tries.len() >= entry.members.len() || !sound));
            }
        }
        _ => {
            let server =
                server::read(file, Some(&queues())).expect("what is missing is a problem, not an end");
            assert!(server.rtp.0.start() < server.rtp.0.end());
            assert!(server.media_threads > 0 && server.max_calls > 0);
        }
    }
    lines_exist(&text, &problems.into_sorted());
}

fn queues() -> Vec<QueueName> {
    ["inquiry", "complaint"].iter().filter_map(|name| name.parse().ok()).collect()
}

fn flows() -> numbers::Flows {
    let catalogue = Catalogue { has_clip: &|_| true, queues: Some(&queues()), extensions: None };
    let flow =
        compile("main.toml", MAIN, &catalogue, &Problems::default()).expect("the sample flow compiles");
    numbers::Flows { sound: BTreeMap::from([("main".to_owned(), Arc::new(flow))]), has_unsound: false }
}
