//! Numbers that agents dial within the center. Each has one meaning.

use std::collections::BTreeMap;
use std::path::Path;

use acd::AgentConfig;
use center::{FeatureCode, Parking, Route};
use model::{AgentId, Number, QueueName};
use text::{Problems, Text, text};

use super::Server;
use super::directory::Listed;
use super::numbers::Numbers;
use super::people::Queues;

/// The numbers that lead somewhere, and where to, as far as that could be read.
pub(super) fn taken(
    server: Option<&Server>,
    agents: &[AgentId],
    queues: Option<&Queues>,
    numbers: Option<&Numbers>,
) -> BTreeMap<Number, Text> {
    let of_name = |name: String, what: Text| Some((name.parse().ok()?, what));
    let slots = server.into_iter().flat_map(|server| server.parking.slots.clone());
    let slots = slots.filter_map(|slot| of_name(slot.to_string(), text!("a parking slot", "驻留位")));
    let agents = agents.iter().filter_map(|agent| of_name(agent.to_string(), text!("an agent", "座席工号")));
    let extensions = queues.into_iter().flat_map(|queues| &queues.extensions);
    let extensions = extensions
        .map(|(number, queue)| (number.clone(), text!("that of queue {queue}", "队列 {queue} 的分机号")));
    let routes = numbers.into_iter().flat_map(|numbers| &numbers.routes);
    let routes =
        routes.map(|(number, _)| (number.clone(), text!("a number that customers dial", "对外号码")));
    let codes = numbers.into_iter().flat_map(|numbers| &numbers.feature_codes);
    let codes = codes.map(|(number, _)| (number.clone(), text!("a feature code", "功能码")));
    slots.chain(agents).chain(extensions).chain(routes).chain(codes).collect()
}

/// Adds a problem for each extension of the directory that has a meaning already.
pub(super) fn check_directory(
    dir: &Path,
    listed: &Listed,
    taken: &BTreeMap<Number, Text>,
    problems: &Problems,
) {
    let file = dir.join("directory.toml").display().to_string().into();
    for (extension, line) in &listed.lines {
        if let Some(Text { en, zh }) = taken.get(extension) {
            let message = text!("the extension {extension} is {en} already", "分机号 {extension} 已是{zh}");
            problems.add(&file, *line, message, text!("change one of the two", "请修改其中一个"));
        }
    }
}

/// Adds a problem for each number that has two meanings.
pub(super) fn check(
    dir: &Path,
    parking: &Parking,
    (agents, extensions): (&[AgentConfig], &BTreeMap<Number, QueueName>),
    (routes, codes): (&BTreeMap<Number, Route>, &BTreeMap<Number, FeatureCode>),
    problems: &Problems,
) {
    let is_slot = |number: &str| number.parse().is_ok_and(|slot| parking.slots.contains(&slot));
    let is_agent = |number: &str| agents.iter().any(|agent| agent.id.as_str() == number);
    let is_code = |number: &Number| routes.contains_key(number) || codes.contains_key(number);
    let add = |file: &str, message: Text| {
        let file = dir.join(file).display().to_string().into();
        problems.add(&file, 0, message, text!("change one of the two", "请修改其中一个"));
    };
    for (number, queue) in extensions {
        if is_slot(number.as_str()) || is_agent(number.as_str()) || is_code(number) {
            let message = text!(
                "the extension {number} of queue {queue} leads elsewhere already",
                "队列 {queue} 的分机号 {number} 已被占用"
            );
            add("queues.toml", message);
        }
    }
    let slots = agents.iter().map(|agent| agent.id.as_str()).chain(routes.keys().map(Number::as_str));
    for number in slots.chain(codes.keys().map(Number::as_str)).filter(|number| is_slot(number)) {
        let message = text!("the parking slot {number} leads elsewhere already", "驻留位 {number} 已被占用");
        add("hotline.toml", message);
    }
}
