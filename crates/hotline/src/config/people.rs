//! `queues.toml` and `agents.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::sip::{Algorithm, Encryption, Secret};
use acd::{AgentConfig, QueueConfig};
use model::{AgentId, Codec, Number, QueueName};
use text::{At, Section, text};

use crate::signalling::{Codecs, Numbers, Terms};

/// What `queues.toml` says.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// For routing.
    pub queues: Vec<QueueConfig>,
    /// How long callers may wait, where that is limited.
    pub longest_waits: BTreeMap<QueueName, Duration>,
    /// Where a contact ends when its agent's leg is lost.
    pub lost_agent_ends: BTreeSet<QueueName>,
    /// What agents dial to reach a queue.
    pub extensions: BTreeMap<Number, QueueName>,
}

pub(super) fn queues(mut file: Section) -> Queues {
    let Queues { mut queues, mut longest_waits, mut lost_agent_ends, mut extensions } = Queues::default();
    for mut section in file.list("queue") {
        let name = section.require::<QueueName>("name");
        let offer_s = section.integer("offer_s", 1..=3600).map_or(15, |at| at.value);
        let wrap_up = seconds(&mut section, "wrap_up_s", 10);
        let longest = longest_wait(&mut section);
        let ends = section.boolean("requeue_when_agent_lost").is_some_and(|at| !at.value);
        let extension = section.parsed::<Number>("extension");
        if let Some(At { value: name, line }) = name {
            if let Some(At { value: number, line }) = extension
                && extensions.insert(number.clone(), name.clone()).is_some()
            {
                twice(&section, line, number.as_str());
            }
            if queues.iter().any(|queue| queue.name == name) {
                twice(&section, line, name.as_str());
            }
            longest_waits.extend(longest.map(|longest| (name.clone(), longest)));
            lost_agent_ends.extend(ends.then(|| name.clone()));
            queues.push(QueueConfig { name, offer_deadline: Duration::from_secs(offer_s), wrap_up });
        }
        section.finish();
    }
    file.finish();
    Queues { queues, longest_waits, lost_agent_ends, extensions }
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
    /// What is known of their passwords.
    pub passwords: Vec<(AgentId, Secret)>,
    /// The digest algorithms that each may use, strongest first.
    pub digests: BTreeMap<AgentId, Vec<Algorithm>>,
    /// Codecs and encryption of each agent's calls.
    pub seats: BTreeMap<AgentId, Terms>,
}

/// What `hotline.toml` says for all agents.
#[derive(Debug, Default)]
pub(super) struct OfAll {
    pub srtp: Encryption,
    pub realm: String,
    pub digest: Vec<Algorithm>,
}

pub(super) fn agents(mut file: Section, known: Option<&[QueueName]>, of_all: &OfAll) -> Agents {
    let miss_limit = file.integer("miss_limit", 0..=100).map_or(3, |at| at.value);
    let miss_limit = u32::try_from(miss_limit).unwrap_or(u32::MAX);
    let rest_after_miss = seconds(&mut file, "rest_s", 5);
    let starts_ready = file.boolean("starts_ready").is_none_or(|at| at.value);
    let mut found = Agents::default();
    let sections = file.list("agent");
    if sections.is_empty() {
        let hint = text!("write an [[agent]] for each", "请用 [[agent]] 逐一写明");
        file.problem(0, text!("there are no agents", "没有座席"), hint);
    }
    for mut section in sections {
        let id = section.require::<AgentId>("id");
        let secret = secret(&mut section, id.as_ref(), &of_all.realm);
        let digest = digest(&mut section).unwrap_or_else(|| of_all.digest.clone());
        let terms = terms(&mut section, of_all.srtp);
        let mut queues = Vec::new();
        for At { value, line } in section.parsed_list::<QueueName>("queues") {
            if let Some(known) = known
                && !known.contains(&value)
            {
                no_queue(&section, line, &value, known);
            }
            queues.push(value);
        }
        if let (Some(At { value: id, line }), Some(secret)) = (id, secret) {
            if found.agents.iter().any(|agent| agent.id == id) {
                twice(&section, line, id.as_str());
            }
            let agent = AgentConfig { id: id.clone(), queues, starts_ready, miss_limit, rest_after_miss };
            found.agents.push(agent);
            found.seats.insert(id.clone(), terms);
            if !digest.iter().any(|algorithm| secret.knows(*algorithm)) && !digest.is_empty() {
                let hint =
                    text!("set the password again: hotline agents set-password {id}", "请重新设置密码");
                let message =
                    text!("{id} can answer no challenge by digest", "{id} 没有 digest 所需的密码哈希");
                section.problem(line, message, hint);
            }
            found.digests.insert(id.clone(), digest);
            found.passwords.push((id, secret));
        }
        section.finish();
    }
    file.finish();
    found
}

/// Codecs and encryption of an agent's or a trunk's calls. `srtp`: the setting used when the section has none.
pub(super) fn terms(section: &mut Section, srtp: Encryption) -> Terms {
    let srtp = section.parsed::<Encryption>("srtp").map_or(srtp, |at| at.value);
    let listed: Vec<_> = section.parsed_list::<Codec>("codecs").into_iter().map(|at| at.value).collect();
    let codecs = if listed.is_empty() { Codecs::Cheapest } else { Codecs::Listed(listed) };
    Terms { srtp, codecs, numbers: Numbers::default() }
}

fn seconds(section: &mut Section, key: &'static str, default: u64) -> Duration {
    Duration::from_secs(section.integer(key, 0..=3600).map_or(default, |at| at.value))
}

/// Adds the problem that an unknown queue is named.
pub(super) fn no_queue(section: &Section, line: u32, queue: &QueueName, known: &[QueueName]) {
    let names = known.iter().map(QueueName::as_str).collect::<Vec<_>>().join(", ");
    section.problem(
        line,
        text!("there is no queue {queue}", "没有名为 {queue} 的队列"),
        text!("the queues are: {names}", "现有队列：{names}"),
    );
}

/// An agent's password in clear, or its hashes as written by `hotline agents set-password`.
fn secret(section: &mut Section, id: Option<&At<AgentId>>, realm: &str) -> Option<Secret> {
    let plain = section.string("password");
    let hashes = [("password_sha256", Algorithm::Sha256, 64), ("password_md5", Algorithm::Md5, 32)];
    let hashes: Vec<(Algorithm, String)> = hashes
        .into_iter()
        .filter_map(|(key, algorithm, length)| Some((algorithm, hash(section, key, length, realm)?)))
        .collect();
    let Some(At { value: plain, line }) = plain else {
        if hashes.is_empty() {
            section.problem(
                section.line(),
                text!("password is missing", "缺少 password"),
                text!(
                    "hotline agents set-password ID --generate makes one",
                    "可用 hotline agents set-password 生成"
                ),
            );
        }
        return (!hashes.is_empty()).then(|| Secret::hashes(hashes));
    };
    if !hashes.is_empty() {
        let hint = text!("remove password: the hashes say it", "请删除 password，只保留哈希");
        section.problem(line, text!("the password is there twice", "密码重复"), hint);
    }
    let id = id.map_or("", |at| at.value.as_str());
    if plain.trim().is_empty() || plain == id {
        section.problem(
            line,
            text!("agent {id} has a password that anybody guesses", "座席 {id} 的密码为空或与工号相同"),
            text!("give it a long random one", "请设置足够长的随机密码"),
        );
    }
    Some(plain.into())
}

/// A digest hash of user, realm and password, written `REALM:HEX`. It is valid for that realm only.
fn hash(section: &mut Section, key: &'static str, length: usize, realm: &str) -> Option<String> {
    let At { value, line } = section.string(key)?;
    let parts = value.rsplit_once(':');
    let is_hash = |hash: &str| hash.len() == length && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some((_, hash)) = parts.filter(|(of, hash)| *of == realm && is_hash(hash)) {
        return Some(hash.to_owned());
    }
    section.problem(
        line,
        text!("{key} is no hash for the realm {realm}", "{key} 不是域 {realm} 的哈希"),
        text!("hotline agents set-password ID writes it", "请用 hotline agents set-password 写入"),
    );
    None
}

pub(super) fn twice(section: &Section, line: u32, name: &str) {
    section.problem(
        line,
        text!("{name} is there twice", "{name} 重复"),
        text!("remove one of the two", "请删除其中一个"),
    );
}

/// The algorithms of digests in the order of the challenges.
pub(super) fn digest(section: &mut Section) -> Option<Vec<Algorithm>> {
    let mut order: Vec<Algorithm> = Vec::new();
    for At { value, line } in section.parsed_list::<Algorithm>("digest") {
        if order.contains(&value) {
            let hint = text!("remove one of the two", "请删除其中一个");
            section.problem(line, text!("{value} is there twice", "{value} 重复"), hint);
        }
        order.push(value);
    }
    (!order.is_empty()).then_some(order)
}
