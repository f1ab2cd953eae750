//! Numbers that agents dial within the center. Each has one meaning.

use std::collections::BTreeMap;
use std::path::Path;

use acd::AgentConfig;
use center::{FeatureCode, Parking, Route};
use model::{Number, QueueName};
use text::{Problems, Text, text};

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
