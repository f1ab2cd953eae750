//! The clips that callers hear: read once at the start, resampled, encoded for every codec, and shared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audio::g711::Law;
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::io::MediaSourceStream;

use crate::decoding::Track;
use crate::resample::resample;

/// One clip, ready to be sent.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) samples: Box<[i16]>,
    pub(crate) mu: Box<[u8]>,
    pub(crate) a: Box<[u8]>,
}

/// All clips by name: folder and stem of the file (`zh-CN/welcome`).
#[derive(Debug, Default)]
pub struct Prompts {
    clips: BTreeMap<String, Arc<Clip>>,
}

/// What is wrong with one file of the prompts folder.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A folder or file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no audio that we can decode.
    #[error("cannot decode {}: {why}", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        why: String,
    },
    /// The file holds no sound.
    #[error("{} holds no audio", .0.display())]
    Empty(PathBuf),
    /// Two files give the same clip.
    #[error("{} and {} are the same clip", .0.display(), .1.display())]
    Twice(PathBuf, PathBuf),
}

const EXTENSIONS: [&str; 4] = ["wav", "flac", "mp3", "ogg"];

impl Prompts {
    /// No clips at all.
    pub fn empty() -> Prompts {
        Prompts::default()
    }

    /// Reads every WAV, FLAC, MP3 and OGG file below `dir`, of any rate and number of channels.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: unreadable and undecodable files, files without sound, two
    /// files for one clip.
    pub fn load(dir: &Path) -> Result<Prompts, Vec<PromptError>> {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        find(dir, &mut files, &mut errors);
        files.sort();
        let (mut prompts, mut sources) = (Prompts::empty(), BTreeMap::<String, PathBuf>::new());
        for path in files {
            let Some(name) = clip_name(dir, &path) else { continue };
            if let Some(other) = sources.insert(name.clone(), path.clone()) {
                errors.push(PromptError::Twice(other, path));
                continue;
            }
            match read(&path) {
                Ok(clip) => _ = prompts.clips.insert(name, Arc::new(clip)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(prompts) } else { Err(errors) }
    }

    /// True when there is a clip of that name.
    pub fn contains(&self, clip: &str) -> bool {
        self.clips.contains_key(clip)
    }

    /// A clip's length in milliseconds.
    pub fn duration_ms(&self, clip: &str) -> Option<u64> {
        let clip = self.clips.get(clip)?;
        Some(crate::clock::milliseconds(clip.samples.len() as u64))
    }

    pub(crate) fn find(&self, clip: &str) -> Option<Arc<Clip>> {
        self.clips.get(clip).cloned()
    }

    /// Adds a clip of given samples at 8 kHz.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, name: &str, samples: &[i16]) {
        self.clips.insert(name.to_owned(), Arc::new(Clip::new(samples.into())));
    }
}

impl Clip {
    fn new(samples: Box<[i16]>) -> Clip {
        let encoded = |law: Law| samples.iter().map(|sample| law.encode(*sample)).collect();
        Clip { mu: encoded(Law::Mu), a: encoded(Law::A), samples }
    }
}

fn find(dir: &Path, files: &mut Vec<PathBuf>, errors: &mut Vec<PromptError>) {
    let unreadable = |source| PromptError::Unreadable { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) => return errors.push(unreadable(source)),
    };
    for entry in entries {
        match entry.and_then(|entry| Ok((entry.path(), entry.path().metadata()?))) {
            Ok((path, metadata)) if metadata.is_dir() => find(&path, files, errors),
            Ok((path, _)) if is_audio(&path) => files.push(path),
            Ok(_) => {}
            Err(source) => errors.push(unreadable(source)),
        }
    }
}

fn is_audio(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// Folder and stem below the root, with `/` between them.
fn clip_name(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?.with_extension("");
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

fn read(path: &Path) -> Result<Clip, PromptError> {
    let file =
        File::open(path).map_err(|source| PromptError::Unreadable { path: path.to_owned(), source })?;
    let (samples, rate) = decode(file, path)
        .map_err(|why| PromptError::Undecodable { path: path.to_owned(), why: why.to_string() })?;
    let samples = resample(&samples, rate);
    if samples.is_empty() {
        return Err(PromptError::Empty(path.to_owned()));
    }
    Ok(Clip::new(samples.into()))
}

/// All samples of the first audio track, its channels averaged, −1 to 1, and its rate.
fn decode(file: File, path: &Path) -> Result<(Vec<f32>, u32), DecodeError> {
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let extension = path.extension().and_then(|extension| extension.to_str());
    let Track { mut format, mut decoder, id } = Track::open(stream, extension)?;
    let (mut mono, mut interleaved, mut rate) = (Vec::new(), Vec::<f32>::new(), audio::RATE);
    while let Some(packet) = format.next_packet()? {
        if packet.track_id != id {
            continue;
        }
        let buffer = decoder.decode(&packet)?;
        rate = buffer.spec().rate();
        let channels = buffer.spec().channels().count().max(1);
        interleaved.resize(buffer.samples_interleaved(), 0.0);
        buffer.copy_to_slice_interleaved(&mut interleaved);
        let average = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
        mono.extend(interleaved.chunks(channels).map(average));
    }
    Ok((mono, rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::tone::level_db;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Dir {
            let path = std::env::temp_dir().join(format!("hotline-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("zh-CN")).unwrap();
            Dir(path)
        }

        /// One second of 440 Hz on every channel.
        fn tone(&self, name: &str, rate: u32, channels: u16) {
            let spec = hound::WavSpec {
                channels,
                sample_rate: rate,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut writer = hound::WavWriter::create(self.0.join(name), spec).unwrap();
            for index in 0..rate {
                let phase = f64::from(index) * 440.0 / f64::from(rate) * std::f64::consts::TAU;
                for _ in 0..channels {
                    writer.write_sample((phase.sin() * 16_000.0) as i16).unwrap();
                }
            }
            writer.finalize().unwrap();
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn any_rate_and_channels_become_8_khz() {
        let dir = Dir::new("rates");
        for (name, rate, channels) in
            [("zh-CN/a.wav", 8000, 1), ("b.wav", 44_100, 2), ("c.WAV", 16_000, 1), ("d.wav", 48_000, 2)]
        {
            dir.tone(name, rate, channels);
        }
        fs::write(dir.0.join("README.md"), "not a clip").unwrap();
        let prompts = Prompts::load(&dir.0).unwrap();
        for name in ["zh-CN/a", "b", "c", "d"] {
            assert!(prompts.duration_ms(name).unwrap().abs_diff(1000) <= 1, "{name}");
            let clip = prompts.find(name).unwrap();
            let level = level_db(&clip.samples[400..7600], 440.0);
            assert!((level + 6.2).abs() < 0.3, "{name}: {level} dB");
        }
        assert!(!prompts.contains("README") && !prompts.contains("a"));
    }

    #[test]
    fn flac_mp3_and_ogg_are_heard() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clips");
        for name in ["tone.flac", "tone.mp3", "tone.ogg"] {
            let clip = read(&root.join(name)).unwrap();
            let length = clip.samples.len();
            assert!(length.abs_diff(4000) < 500, "{name}: {length}");
            assert!(level_db(&clip.samples[800..3200], 440.0) > -30.0, "{name}");
        }
    }

    #[test]
    fn the_clips_of_the_repository_are_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts");
        let prompts = Prompts::load(&root).unwrap();
        for clip in ["zh-CN/welcome", "en-US/welcome", "zh-CN/num-10", "en-US/num-20", "music/default"] {
            assert!(prompts.duration_ms(clip).is_some_and(|length| length > 100), "{clip}");
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let dir = Dir::new("wrong");
        dir.tone("one.wav", 8000, 1);
        fs::write(dir.0.join("one.mp3"), "no").unwrap();
        fs::write(dir.0.join("two.flac"), "no flac").unwrap();
        let text: Vec<String> =
            Prompts::load(&dir.0).unwrap_err().iter().map(|error| error.to_string()).collect();
        assert!(text.iter().any(|line| line.contains("one.mp3") && line.contains("one.wav")), "{text:?}");
        assert!(text.iter().any(|line| line.contains("two.flac")), "{text:?}");
        assert!(Prompts::load(Path::new("/nonexistent")).is_err());
    }
}
