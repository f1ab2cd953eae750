//! `queues.toml`, `agents.toml` and `trunks.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use ::sip::Encryption;
use acd::{AgentConfig, QueueConfig};
use center::TrunkLimits;
use ivr::source::{At, Section};
use ivr::text;
use model::{AgentId, QueueName};

use crate::signalling::{CodecName, Codecs, Network, Terms, Trunk};

/// What `queues.toml` says.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// For routing.
    pub queues: Vec<QueueConfig>,
    /// How long callers may wait, where that is limited.
    pub longest_waits: BTreeMap<QueueName, Duration>,
}

pub(super) fn queues(mut file: Section) -> Queues {
    let Queues { mut queues, mut longest_waits } = Queues::default();
    for mut section in file.list("queue") {
        let name = section.require::<QueueName>("name");
        let offer_deadline = seconds(&mut section, "offer_s", 15);
        let wrap_up = seconds(&mut section, "wrap_up_s", 10);
        let longest = longest_wait(&mut section);
        if let Some(At { value: name, line }) = name {
            if queues.iter().any(|queue| queue.name == name) {
                twice(&section, line, name.as_str());
            }
            longest_waits.extend(longest.map(|longest| (name.clone(), longest)));
            queues.push(QueueConfig { name, offer_deadline, wrap_up });
        }
        section.finish();
    }
    file.finish();
    Queues { queues, longest_waits }
}

/// How long a caller may wait, in a queue or under a number; 10 s or longer.
pub(super) fn longest_wait(section: &mut Section) -> Option<Duration> {
    section.integer("longest_wait_s", 10..=86_400).map(|at| Duration::from_secs(at.value))
}

/// What `agents.toml` says.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// For routing.
    pub agents: Vec<AgentConfig>,
    /// Their passwords.
    pub passwords: Vec<(AgentId, String)>,
    /// What their audio may be.
    pub seats: BTreeMap<AgentId, Terms>,
}

pub(super) fn agents(mut file: Section, known: Option<&[QueueName]>, srtp: Encryption) -> Agents {
    let miss_limit = file.integer("miss_limit", 0..=100).map_or(3, |at| at.value);
    let miss_limit = u32::try_from(miss_limit).unwrap_or(u32::MAX);
    let rest_after_miss = seconds(&mut file, "rest_s", 5);
    let starts_ready = file.boolean("starts_ready").is_none_or(|at| at.value);
    let mut found = Agents::default();
    for mut section in file.list("agent") {
        let id = section.require::<AgentId>("id");
        let password = section.require::<String>("password");
        let terms = terms(&mut section, srtp);
        let mut queues = Vec::new();
        for At { value, line } in section.parsed_list::<QueueName>("queues") {
            if let Some(known) = known
                && !known.contains(&value)
            {
                let names = known.iter().map(QueueName::as_str).collect::<Vec<_>>().join(", ");
                section.problem(
                    line,
                    text!("there is no queue {value}", "没有名为 {value} 的队列"),
                    text!("the queues are: {names}", "现有队列：{names}"),
                );
            }
            queues.push(value);
        }
        if let (Some(At { value: id, line }), Some(password)) = (id, password) {
            if found.agents.iter().any(|agent| agent.id == id) {
                twice(&section, line, id.as_str());
            }
            let agent = AgentConfig { id: id.clone(), queues, starts_ready, miss_limit, rest_after_miss };
            found.agents.push(agent);
            found.seats.insert(id.clone(), terms);
            found.passwords.push((id, password.value));
        }
        section.finish();
    }
    file.finish();
    found
}

/// What `trunks.toml` says: the trunks, and how many calls each may have.
pub(super) type Trunks = (Vec<Trunk>, BTreeMap<String, TrunkLimits>);

pub(super) fn trunks(mut file: Section, srtp: Encryption) -> Trunks {
    let (mut trunks, mut limits) = Trunks::default();
    for mut section in file.list("trunk") {
        let name = section.require::<String>("name");
        let sources = section.parsed_list::<Network>("sources").into_iter().map(|at| at.value).collect();
        let terms = terms(&mut section, srtp);
        let calls = most_calls(&mut section, "max_calls");
        let calls_per_source = most_calls(&mut section, "max_calls_per_source");
        if let Some(name) = name {
            limits.insert(name.value.clone(), TrunkLimits { calls, calls_per_source });
            trunks.push(Trunk { name: name.value, sources, terms });
        }
        section.finish();
    }
    file.finish();
    (trunks, limits)
}

fn most_calls(section: &mut Section, key: &'static str) -> Option<usize> {
    section.integer(key, 1..=100_000).and_then(|at| usize::try_from(at.value).ok())
}

/// What the audio of an agent's or a trunk's calls may be; `srtp` is what holds when nothing else is said.
fn terms(section: &mut Section, srtp: Encryption) -> Terms {
    let srtp = section.parsed::<Encryption>("srtp").map_or(srtp, |at| at.value);
    let listed: Vec<_> =
        section.parsed_list::<CodecName>("codecs").into_iter().map(|at| at.value.0).collect();
    let codecs = if listed.is_empty() { Codecs::Cheapest } else { Codecs::Listed(listed) };
    Terms { srtp, codecs }
}

fn seconds(section: &mut Section, key: &'static str, default: u64) -> Duration {
    Duration::from_secs(section.integer(key, 0..=3600).map_or(default, |at| at.value))
}

fn twice(section: &Section, line: u32, name: &str) {
    section.problem(
        line,
        text!("{name} is there twice", "{name} 重复"),
        text!("remove one of the two", "请删除其中一个"),
    );
}
