//! `numbers.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use center::{FeatureCode, Route};
use ivr::source::Section;
use ivr::{Flow, text};
use model::{Language, Number};

use super::people::longest_wait;

/// The flows that were read.
#[derive(Default)]
pub(super) struct Flows {
    /// The sound ones by name.
    pub(super) sound: BTreeMap<String, Arc<Flow>>,
    /// There are others, which have problems of their own: a name that is not known may be one of theirs.
    pub(super) has_unsound: bool,
}

pub(super) fn read(
    mut file: Section,
    flows: &Flows,
) -> (BTreeMap<Number, Route>, BTreeMap<Number, FeatureCode>) {
    let mut routes = BTreeMap::new();
    for mut section in file.list("number") {
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
            (Ok(number), Some(code)) => {
                codes.insert(number, code);
            }
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
