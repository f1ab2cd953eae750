//! `dialling.toml`: who may call which numbers outside. Without the file nobody calls anybody.

use std::collections::BTreeSet;

use center::{DialPlan, DialRule, Emergency, Outbound, Verdict, Who};
use model::{AgentId, Number, QueueName};
use text::{At, Section, text};

use super::hours::NamedHours;
use super::outbound;
use super::people::no_queue;
use crate::signalling::Trunk;

/// Police, fire brigade, ambulance and traffic police of mainland China.
const EMERGENCY: [&str; 4] = ["110", "119", "120", "122"];

/// Names that rules may refer to; `None` when the file that defines them could not be read.
pub(super) struct Known<'a> {
    pub(super) agents: Option<&'a [AgentId]>,
    pub(super) queues: Option<&'a [QueueName]>,
    pub(super) trunks: Option<&'a [Trunk]>,
    pub(super) hours: &'a NamedHours,
    pub(super) has_clip: &'a dyn Fn(&str) -> bool,
}

pub(super) fn read(mut file: Section, known: &Known) -> (DialPlan, Outbound) {
    let numbers = file.parsed_list::<Number>("emergency");
    let are_usual = numbers.is_empty();
    let listed = numbers.into_iter().map(|at| at.value);
    let usual = EMERGENCY.iter().filter(|_| are_usual).filter_map(|number| number.parse().ok());
    let trunks = trunks(&mut file, "emergency_trunks", known);
    let emergency = Emergency {
        numbers: listed.chain(usual).collect(),
        trunks: if trunks.is_empty() { with_gateways(known) } else { trunks },
        caller: file.parsed::<Number>("emergency_caller_id").map(|at| at.value),
    };
    let mut rules = Vec::new();
    for mut section in file.list("rule") {
        rules.extend(rule(&mut section, known));
        section.finish();
    }
    let outbound = outbound::read(&mut file, known);
    file.finish();
    (DialPlan { rules, emergency }, outbound)
}

fn rule(section: &mut Section, known: &Known) -> Option<DialRule> {
    let prefix = section.parsed::<Prefix>("prefix");
    let allow = section.boolean("allow");
    let deny = section.boolean("deny");
    let who = who(section, known);
    let trunks = trunks(section, "trunks", known);
    let strip = section.integer("strip", 0..=24).map_or(0, |at| usize::try_from(at.value).unwrap_or(0));
    let prepend = section.parsed::<Prefix>("prepend").map(|at| at.value.0).unwrap_or_default();
    let caller = section.parsed::<Number>("caller_id").map(|at| at.value);
    let is_allowed = match (allow.map(|at| at.value), deny.map(|at| at.value)) {
        (Some(true), None) => true,
        (None, Some(true)) => false,
        (_, _) => {
            section.problem(
                section.line(),
                text!("a rule allows or denies", "规则须允许或禁止"),
                text!("allow = true or deny = true", "请写 allow = true 或 deny = true"),
            );
            return None;
        }
    };
    if is_allowed && trunks.is_empty() {
        let hint = text!("trunks = [\"...\"], names of trunks.toml", "请写 trunks = [\"...\"]");
        section.problem(section.line(), text!("a rule that allows names trunks", "允许规则须指定中继"), hint);
    }
    let verdict = if is_allowed { Verdict::Allow { trunks, strip, prepend, caller } } else { Verdict::Deny };
    Some(DialRule { prefix: prefix.map(|at| at.value.0).unwrap_or_default(), who, verdict })
}

fn who(section: &mut Section, known: &Known) -> Who {
    let mut agents = BTreeSet::new();
    for At { value, line } in section.parsed_list::<AgentId>("agents") {
        if known.agents.is_some_and(|known| !known.contains(&value)) {
            let hint = text!("agents are those of agents.toml", "座席见 agents.toml");
            section.problem(line, text!("there is no agent {value}", "没有座席 {value}"), hint);
        }
        agents.insert(value);
    }
    let mut queues = BTreeSet::new();
    for At { value, line } in section.parsed_list::<QueueName>("queues") {
        if let Some(known) = known.queues.filter(|known| !known.contains(&value)) {
            no_queue(section, line, &value, known);
        }
        queues.insert(value);
    }
    Who { agents, queues }
}

/// Names of trunks with a gateway for outgoing calls.
fn trunks(section: &mut Section, key: &'static str, known: &Known) -> Vec<String> {
    let mut names = Vec::new();
    for At { value: name, line } in section.strings(key) {
        let takes_calls = |trunk: &Trunk| trunk.name == name && !trunk.outgoing.gateways.is_empty();
        if known.trunks.is_some_and(|known| !known.iter().any(takes_calls)) {
            section.problem(
                line,
                text!("no trunk {name} takes calls of ours", "没有可外呼的中继 {name}"),
                text!(
                    "give a [[trunk]] of trunks.toml that name, and gateways",
                    "请在 trunks.toml 中为该中继写 gateways"
                ),
            );
        }
        names.push(name);
    }
    names
}

fn with_gateways(known: &Known) -> Vec<String> {
    let trunks = known.trunks.unwrap_or_default().iter();
    trunks.filter(|trunk| !trunk.outgoing.gateways.is_empty()).map(|trunk| trunk.name.clone()).collect()
}

/// How a number begins: digits, perhaps after a `+`.
pub(super) struct Prefix(pub(super) String);

impl std::str::FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Prefix, &'static str> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_prefix = digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_prefix { Ok(Prefix(text.to_owned())) } else { Err("digits, perhaps after a +") }
    }
}
