//! `numbers.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use center::{FeatureCode, Route};
use ivr::Flow;
use model::{AgentId, Language, Number};
use text::{At, Section, text};

use super::people::longest_wait;

/// The flows that were read.
#[derive(Default)]
pub(super) struct Flows {
    /// Those without problems, by name.
    pub(super) sound: BTreeMap<String, Arc<Flow>>,
    /// True when further flows have problems: a name that is not in `flows` may be one of them, so it is not reported.
    pub(super) has_unsound: bool,
}

/// What the file says: numbers that customers dial, and codes of agents.
pub(super) type Numbers = (BTreeMap<Number, Route>, BTreeMap<Number, FeatureCode>);

pub(super) fn read(mut file: Section, flows: &Flows, agents: &[AgentId]) -> Numbers {
    let (mut routes, mut lines) = (BTreeMap::new(), BTreeMap::new());
    let sections = file.list("number");
    if sections.is_empty() {
        let hint = text!(
            "write a [[number]] for each number that customers dial",
            "请用 [[number]] 写明客户拨打的号码"
        );
        file.problem(0, text!("there is no number to dial", "没有可拨打的号码"), hint);
    }
    for mut section in sections {
        let number = section.require::<Number>("number");
        let flow = section.require::<String>("flow");
        let language = section.require::<Language>("language");
        let longest_wait = longest_wait(&mut section);
        if let Some(at) = &flow
            && !flows.sound.contains_key(&at.value)
            && !flows.has_unsound
        {
            let (name, known) = (&at.value, flows.sound.keys().cloned().collect::<Vec<_>>().join(", "));
            section.problem(
                at.line,
                text!("there is no flow {name:?}", "没有名为 {name:?} 的流程"),
                text!("the flows are: {known}", "现有流程：{known}"),
            );
        }
        if let Some(number) = &number {
            check_number(&section, number, &mut lines, agents);
        }
        let flow = flow.and_then(|at| flows.sound.get(&at.value).cloned());
        if let (Some(number), Some(flow), Some(language)) = (number, flow, language) {
            routes.insert(number.value, Route { flow, language: language.value, longest_wait });
        }
        section.finish();
    }
    let mut codes = BTreeMap::new();
    for (number, does) in file.pairs("feature_codes") {
        let code = match does.value.as_str() {
            "ready" => Some(FeatureCode::Ready),
            "break" => Some(FeatureCode::Break),
            _ => None,
        };
        match (number.parse::<Number>(), code) {
            (Ok(number), Some(_)) if lines.contains_key(&number) => {
                let hint = text!("change one of the two", "请修改其中一个");
                file.problem(
                    does.line,
                    text!("{number} is a number to dial already", "{number} 已是可拨打的号码"),
                    hint,
                );
            }
            (Ok(number), Some(code)) => _ = codes.insert(number, code),
            (Ok(_) | Err(_), _) => file.problem(
                does.line,
                text!("{number} cannot be a feature code", "{number} 不能作为功能码"),
                text!("write \"*70\" = \"ready\" or \"break\"", "请写 \"*70\" = \"ready\" 或 \"break\""),
            ),
        }
    }
    file.finish();
    (routes, codes)
}

/// A number that customers dial may stand in the file once, and may not be an agent's id.
fn check_number(
    section: &Section,
    At { value: number, line }: &At<Number>,
    lines: &mut BTreeMap<Number, u32>,
    agents: &[AgentId],
) {
    let hint = || text!("change one of the two", "请修改其中一个");
    if let Some(first) = lines.insert(number.clone(), *line) {
        section.problem(
            *line,
            text!("{number} is in line {first} already", "{number} 已在第 {first} 行"),
            hint(),
        );
    }
    if agents.iter().any(|agent| agent.as_str() == number.as_str()) {
        section.problem(*line, text!("{number} is an agent too", "{number} 同时是座席工号"), hint());
    }
}
