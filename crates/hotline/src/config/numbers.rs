//! `numbers.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use center::{FeatureCode, Route, TypedCode};
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

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// What customers dial.
    pub(super) routes: BTreeMap<Number, Route>,
    /// What agents dial.
    pub(super) feature_codes: BTreeMap<Number, FeatureCode>,
    /// What agents type during a conversation.
    pub(super) typed_codes: BTreeMap<String, TypedCode>,
}

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
    let feature_codes = feature_codes(&mut file, &lines);
    let typed_codes = typed_codes(&mut file);
    file.finish();
    Numbers { routes, feature_codes, typed_codes }
}

fn feature_codes(file: &mut Section, numbers: &BTreeMap<Number, u32>) -> BTreeMap<Number, FeatureCode> {
    let mut codes = BTreeMap::new();
    for (number, does) in file.pairs("feature_codes") {
        let code = match does.value.as_str() {
            "ready" => Some(FeatureCode::Ready),
            "break" => Some(FeatureCode::Break),
            "dial" => Some(FeatureCode::Dial),
            _ => None,
        };
        match (number.parse::<Number>(), code) {
            (Ok(number), Some(_)) if numbers.contains_key(&number) => {
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
                text!(
                    "write \"*70\" = \"ready\", \"break\" or \"dial\"",
                    "请写 \"*70\" = \"ready\"、\"break\" 或 \"dial\""
                ),
            ),
        }
    }
    codes
}

/// Codes of conversations: a star and digits, none the beginning of another.
fn typed_codes(file: &mut Section) -> BTreeMap<String, TypedCode> {
    let mut codes: BTreeMap<String, TypedCode> = BTreeMap::new();
    for (code, At { value: does, line }) in file.pairs("conversation_codes") {
        let digits = code.strip_prefix('*').unwrap_or_default();
        let is_code = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let meant = TYPED.iter().find(|(name, _)| *name == does).map(|(_, meant)| *meant);
        let (Some(meant), true) = (meant, is_code) else {
            let names = TYPED.map(|(name, _)| name).join(", ");
            let message = text!(
                "{code} = {does:?} cannot be a code of conversations",
                "{code} = {does:?} 不能作为通话功能码"
            );
            let hint = text!(
                "write a star and 1 to 3 digits, and one of: {names}",
                "请写 * 加 1 到 3 位数字，以及其中之一：{names}"
            );
            file.problem(line, message, hint);
            continue;
        };
        if let Some(other) = codes.keys().find(|other| other.starts_with(&code) || code.starts_with(*other)) {
            let message = text!("codes {code} and {other} are ambiguous", "功能码 {code} 与 {other} 有歧义");
            let hint = text!("no code may be the beginning of another", "任何功能码都不能是另一个的开头");
            file.problem(line, message, hint);
        }
        codes.insert(code, meant);
    }
    codes
}

/// What codes of conversations may do, by name.
const TYPED: [(&str, TypedCode); 8] = [
    ("transfer", TypedCode::Transfer),
    ("consult", TypedCode::Consult),
    ("complete", TypedCode::Complete),
    ("return", TypedCode::Return),
    ("swap", TypedCode::Swap),
    ("join", TypedCode::Join),
    ("hold", TypedCode::Hold),
    ("park", TypedCode::Park),
];

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
