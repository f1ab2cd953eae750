//! `[outbound]` and `[[notice]]` in `dialling.toml`: how customers are called, and what they hear first.

use std::time::Duration;

use center::{DoNotCall, Notice, Outbound, Rules};
use model::Language;
use text::{At, Section, text};

use super::dialling::{Known, Prefix};

pub(super) fn read(file: &mut Section, known: &Known) -> Outbound {
    let usual = Outbound::default();
    let (mut language, mut rings, mut rules) = (usual.language, usual.rings, usual.rules);
    if let Some(mut section) = file.section("outbound") {
        language = section.parsed::<Language>("language").map_or(language, |at| at.value);
        rings = section.integer("rings_s", 10..=180).map_or(rings, |at| Duration::from_secs(at.value));
        rules = read_rules(&mut section, known);
        section.finish();
    }
    let mut notices = Vec::new();
    for mut section in file.list("notice") {
        notices.push(notice(&mut section, language, known));
        section.finish();
    }
    Outbound { language, rings, notices, rules }
}

fn read_rules(section: &mut Section, known: &Known) -> Rules {
    let attempts = section.integer("attempts_a_day", 1..=100);
    let pause = section.integer("pause_min", 0..=1_440);
    let mut hours = None;
    if let Some(At { value: name, line }) = section.string("hours") {
        hours = known.hours.get(&name).cloned();
        if hours.is_none() {
            let hint = text!("hours are those of hours.toml", "营业时间见 hours.toml");
            section.problem(line, text!("there are no hours {name:?}", "没有营业时间 {name:?}"), hint);
        }
    }
    let mut do_not_call = DoNotCall::default();
    for At { value: entry, line } in section.strings("do_not_call") {
        if let Err(wanted) = do_not_call.add(&entry) {
            let message = text!("{entry:?} cannot be kept from being called", "{entry:?} 不能列入免打扰名单");
            section.problem(line, message, text!("write {wanted}", "请写号码，或号码前缀加 *"));
        }
    }
    Rules {
        hours,
        attempts_a_day: attempts.and_then(|at| usize::try_from(at.value).ok()),
        pause: pause.map_or(Duration::ZERO, |at| Duration::from_secs(at.value * 60)),
        do_not_call,
    }
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
