//! Audio source and sink of `hotline phone`: a tone, a file, silence, or the sound card through ALSA's own programs.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use anyhow::{Context, bail};
use audio::FRAME;
use audio::tone::Sine;
use crossbeam_channel::{Receiver, bounded};
use load::phone::{Ear, Sound};

/// The audio source.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Say {
    /// A tone of this frequency, in Hz.
    Tone(f64),
    /// Silence.
    Silence,
    /// The microphone.
    Card,
    /// A file, repeated.
    File(PathBuf),
}

impl FromStr for Say {
    type Err = String;

    fn from_str(text: &str) -> Result<Say, String> {
        let hertz = text.strip_prefix("tone:").map(str::parse::<f64>);
        match (text, hertz) {
            ("tone", _) => Ok(Say::Tone(440.0)),
            ("silence", _) => Ok(Say::Silence),
            ("card", _) => Ok(Say::Card),
            (_, Some(Ok(hertz))) if (50.0..=3_800.0).contains(&hertz) => Ok(Say::Tone(hertz)),
            (_, Some(_)) => Err("a tone has 50 to 3800 hertz, such as tone:440".to_owned()),
            (file, None) => Ok(Say::File(file.into())),
        }
    }
}

impl Say {
    /// The sound card where there is one, else a tone.
    pub(super) fn default_here() -> Say {
        if has_card() { Say::Card } else { Say::Tone(440.0) }
    }

    /// Opens it.
    pub(super) fn open(&self) -> anyhow::Result<Sound> {
        Ok(match self {
            Say::Tone(hertz) => {
                let mut sine = Sine::new(*hertz, 6_000);
                Box::new(move |frame| sine.fill(frame))
            }
            Say::Silence => Box::new(|frame| frame.fill(0)),
            Say::File(path) => repeated(media::read_clip(path).with_context(|| "read what is to be said")?),
            Say::Card => microphone()?,
        })
    }
}

/// Linux names its sound cards there.
fn has_card() -> bool {
    std::fs::read_to_string("/proc/asound/cards").is_ok_and(|cards| cards.contains('['))
}

fn repeated(samples: Vec<i16>) -> Sound {
    let mut samples = samples.into_iter().cycle();
    Box::new(move |frame| frame.iter_mut().for_each(|sample| *sample = samples.next().unwrap_or(0)))
}

fn alsa(program: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-q", "-t", "raw", "-f", "S16_LE", "-r", "8000", "-c", "1"]);
    command
}

/// A child process that is killed when the softphone ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn microphone() -> anyhow::Result<Sound> {
    let started = alsa("arecord").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(started.with_context(|| "start arecord: apt-get install alsa-utils")?);
    let Some(mut stdout) = running.0.stdout.take() else { bail!("arecord has no output") };
    // Half a second. Older audio is dropped: it would be heard late.
    let (sender, frames) = bounded::<[i16; FRAME]>(25);
    std::thread::Builder::new().name("microphone".to_owned()).spawn(move || {
        let mut bytes = [0; 2 * FRAME];
        while stdout.read_exact(&mut bytes).is_ok() {
            let (pairs, _) = bytes.as_chunks::<2>();
            let mut frame = [0; FRAME];
            frame.iter_mut().zip(pairs).for_each(|(sample, pair)| *sample = i16::from_le_bytes(*pair));
            let _ = sender.try_send(frame);
        }
    })?;
    Ok(Box::new(move |frame| {
        let _keeps_running = &running;
        next_frame(&frames, frame);
    }))
}

fn next_frame(frames: &Receiver<[i16; FRAME]>, frame: &mut [i16; FRAME]) {
    match frames.try_recv() {
        Ok(next) => *frame = next,
        Err(_) => frame.fill(0),
    }
}

/// The audio sink: a WAV file, and the sound card when that is the source too.
pub(super) fn ear(file: Option<&Path>, speaker: bool) -> anyhow::Result<Option<Ear>> {
    let mut wav = file.map(wav).transpose()?;
    let mut card = speaker.then(loudspeaker).transpose()?;
    if wav.is_none() && card.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |samples| {
        if let Some(wav) = &mut wav {
            // A full disk ends the file, not the call.
            samples.iter().for_each(|sample| _ = wav.write_sample(*sample));
            let _ = wav.flush();
        }
        if let Some((_keeps_running, stdin)) = &mut card {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let _ = stdin.write_all(&bytes);
        }
    })))
}

fn wav(path: &Path) -> anyhow::Result<hound::WavWriter<std::io::BufWriter<std::fs::File>>> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: audio::RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    hound::WavWriter::create(path, spec).with_context(|| format!("write {}", path.display()))
}

fn loudspeaker() -> anyhow::Result<(Running, std::process::ChildStdin)> {
    let started = alsa("aplay").stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(started.with_context(|| "start aplay: apt-get install alsa-utils")?);
    let Some(stdin) = running.0.stdin.take() else { bail!("aplay has no input") };
    Ok((running, stdin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_written_in_one_word() {
        assert_eq!("tone".parse(), Ok(Say::Tone(440.0)));
        assert_eq!("tone:880".parse(), Ok(Say::Tone(880.0)));
        assert_eq!("silence".parse(), Ok(Say::Silence));
        assert_eq!("voice.wav".parse(), Ok(Say::File("voice.wav".into())));
        assert!("tone:x".parse::<Say>().is_err() && "tone:9999".parse::<Say>().is_err());
    }
}
