//! `[outbound]` and `[[notice]]` in `dialling.toml`: how customers are called, and what they hear first.

use std::time::Duration;

use center::{Notice, Outbound};
use model::Language;
use text::{At, Section, text};

use super::dialling::{Known, Prefix};

pub(super) fn read(file: &mut Section, known: &Known) -> Outbound {
    let usual = Outbound::default();
    let (mut language, mut rings) = (usual.language, usual.rings);
    if let Some(mut section) = file.section("outbound") {
        language = section.parsed::<Language>("language").map_or(language, |at| at.value);
        rings = section.integer("rings_s", 10..=180).map_or(rings, |at| Duration::from_secs(at.value));
        section.finish();
    }
    let mut notices = Vec::new();
    for mut section in file.list("notice") {
        notices.push(notice(&mut section, language, known));
        section.finish();
    }
    Outbound { language, rings, notices }
}

fn notice(section: &mut Section, language: Language, known: &Known) -> Notice {
    let prefix = section.parsed::<Prefix>("prefix").map(|at| at.value.0).unwrap_or_default();
    let prompt = section.string("prompt").filter(|at| at.value != "none");
    if let Some(At { value: stem, line }) = &prompt {
        let clip = format!("{language}/{stem}");
        if !(known.has_clip)(&clip) {
            let hint = text!(
                "put the clip into the folder of the prompts, or write prompt = \"none\"",
                "请将语音放入 prompts 目录，或写 prompt = \"none\""
            );
            section.problem(*line, text!("there is no clip {clip}", "没有语音 {clip}"), hint);
        }
    }
    Notice { prefix, prompt: prompt.map(|at| at.value) }
}
