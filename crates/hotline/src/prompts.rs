//! `hotline prompts check`: whether recorded prompts are fit for a telephone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use media::{ClipFigures, Loaded, Prompts};

/// The texts of the clips.
const TEXTS: &str = "texts.toml";
/// Speech outside of these levels is hard to hear beside the rest, in dB of full scale; the sample clips have −20.
const QUIETEST: f64 = -30.0;
const LOUDEST: f64 = -12.0;
/// A caller listens to no sentence longer than this (45 s).
const LONGEST_MS: u64 = 45_000;
/// Silence around a clip that makes a caller believe that the line is dead.
const MOST_LEADING_MS: u64 = 500;
const MOST_TRAILING_MS: u64 = 1_000;
/// Clips in this folder are music, which is quieter and longer.
const MUSIC: &str = "music/";

/// Every fault of the clips in `dir`, a line each, and how many clips there are.
///
/// # Errors
/// When the texts cannot be read.
pub fn check(dir: &Path) -> anyhow::Result<(Vec<String>, usize)> {
    let Loaded { prompts, faults, remarks } = Prompts::load(dir, None);
    let mut wrong: Vec<String> = faults
        .iter()
        .map(|fault| match fault.error.conversion() {
            Some(command) => format!("{}: convert it 请转换格式: {command}", fault.error),
            None => fault.error.to_string(),
        })
        .collect();
    wrong.extend(remarks.iter().map(|remark| {
        let path = remark.path.display();
        format!("{path}: not all of it can be heard 文件不完整或有损坏")
    }));
    let broken: BTreeSet<&str> = faults.iter().filter_map(|fault| fault.clip.as_deref()).collect();
    let written = texts(dir)?;
    let missing = written.iter().filter(|name| !prompts.contains(name) && !broken.contains(name.as_str()));
    wrong.extend(missing.map(|name| format!("{name}: there is a text and no clip 缺少录音")));
    let mut count = 0;
    for (name, figures) in prompts.figures() {
        count += 1;
        if !written.is_empty() && !written.contains(name) && !name.starts_with(MUSIC) {
            wrong.push(format!("{name}: there is a clip and no text in {TEXTS} 缺少文本"));
        }
        wrong.extend(judge(name, figures));
    }
    wrong.sort();
    Ok((wrong, count))
}

fn judge(name: &str, figures: ClipFigures) -> Vec<String> {
    let ClipFigures { duration_ms, level_db, clippings, leading_ms, trailing_ms } = figures;
    let Some(level) = level_db else { return vec![format!("{name}: silence alone 只有静音")] };
    let is_music = name.starts_with(MUSIC);
    let mut wrong = Vec::new();
    if clippings > 0 {
        wrong.push(format!("{name}: clipped in {clippings} places 有 {clippings} 处削波"));
    }
    if level < QUIETEST && !is_music {
        wrong.push(format!("{name}: too quiet, {level:.1} dB below {QUIETEST} 音量过低"));
    }
    if level > LOUDEST {
        wrong.push(format!("{name}: too loud, {level:.1} dB above {LOUDEST} 音量过高"));
    }
    if duration_ms > LONGEST_MS && !is_music {
        wrong.push(format!("{name}: {} s long 过长", duration_ms / 1000));
    }
    if leading_ms > MOST_LEADING_MS && !is_music {
        wrong.push(format!("{name}: begins with {leading_ms} ms of silence 开头静音过长"));
    }
    if trailing_ms > MOST_TRAILING_MS && !is_music {
        wrong.push(format!("{name}: ends with {trailing_ms} ms of silence 结尾静音过长"));
    }
    wrong
}

/// The names of clips that there are texts for; none where there is no file of texts.
fn texts(dir: &Path) -> anyhow::Result<BTreeSet<String>> {
    let path = dir.join(TEXTS);
    if !path.exists() {
        return Ok(BTreeSet::new());
    }
    let source = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let table: toml::Table = source.parse().with_context(|| format!("read {}", path.display()))?;
    let of = |(language, clips): (&String, &toml::Value)| {
        let names = clips.as_table().into_iter().flat_map(|clips| clips.keys());
        names.map(|name| format!("{language}/{name}")).collect::<Vec<_>>()
    };
    Ok(table.iter().flat_map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_prompts_are_fit() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts");
        let (wrong, count) = check(&dir).unwrap();
        assert!(wrong.is_empty() && count > 90, "{count}: {wrong:#?}");
    }

    #[test]
    fn each_fault_is_named() {
        let dir = testing::Scratch::new("prompts");
        std::fs::create_dir_all(dir.join("en-US")).unwrap();
        std::fs::write(dir.join(TEXTS), "[en-US]\nmissing = \"a\"\nquiet = \"b\"\nloud = \"c\"\n").unwrap();
        let write = |name: &str, level: f64| {
            let spec = hound::WavSpec {
                channels: 1,
                sample_rate: 8000,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut wav = hound::WavWriter::create(dir.join(name), spec).unwrap();
            (0..8000).for_each(|i| {
                wav.write_sample(((f64::from(i) * 0.3).sin() * level).clamp(-32_768.0, 32_767.0) as i16)
                    .unwrap();
            });
            wav.finalize().unwrap();
        };
        write("en-US/quiet.wav", 300.0);
        write("en-US/loud.wav", 60_000.0);
        write("en-US/other.wav", 4_000.0);
        std::fs::write(dir.join("en-US/foreign.m4a"), "x").unwrap();
        let (wrong, count) = check(dir.path()).unwrap();
        assert_eq!(count, 3);
        let said = |text: &str| wrong.iter().any(|line| line.contains(text));
        for text in [
            "en-US/missing: there is a text",
            "en-US/quiet: too quiet",
            "en-US/loud: clipped",
            "en-US/loud: too loud",
            "en-US/other: there is a clip and no text",
            "foreign.m4a",
        ] {
            assert!(said(text), "{text}: {wrong:#?}");
        }
    }
}
