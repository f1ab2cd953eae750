//! Decodes one file, as much of it as can be decoded.
//!
//! A packet that cannot be decoded is skipped, a file that is cut off ends where it is cut, and a stream that changes
//! its rate, its channels or its tables goes on with another decoder. A file fails only when nothing of it can be
//! heard.

use std::io::{self, Read};
use std::path::Path;

use audio::codec::{Codec, Decoder as OpusDecoder, MOST_SAMPLES};
use audio::gsm::{GsmDecoder, PAIR};
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::container::{self, Content, Opened, Part};
use super::joining::Joining;

/// Failures in a row after which the rest of a file is given up.
const MOST_FAILURES: u32 = 1_000;
/// Packets that an encoder's padding fills at most.
const MOST_BEHIND: u32 = 2;
/// Frames of 16-bit audio that are read at once.
const BLOCK: usize = 65_536;
/// The rate that our Opus decoder works at.
const OPUS_RATE: u32 = 16_000;

/// What was heard of a file.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// At 8 kHz.
    pub(super) samples: Vec<i16>,
    /// The file ends before its header says so.
    pub(super) is_short: bool,
    /// Packets that could not be decoded.
    pub(super) skipped: u32,
}

/// The decoder's reason why nothing can be heard.
pub(super) type Why = String;

/// Reads a file.
///
/// # Errors
/// When nothing of it can be heard.
pub(super) fn read(path: &Path) -> Result<Heard, Why> {
    let Opened { content, is_short } = container::open(path).map_err(|error| error.to_string())?;
    let mut heard = match content {
        Content::Pcm { part, rate, channels } => {
            read_pcm(part, rate, channels).map_err(|error| error.to_string())?
        }
        Content::GsmPairs(part) => read_gsm(part).map_err(|error| error.to_string())?,
        Content::Stream { part, extension } => {
            read_stream(part, extension.as_deref()).map_err(|error| error.to_string())?
        }
    };
    heard.is_short |= is_short;
    Ok(heard)
}

/// Reads 16-bit samples, which need no decoder.
fn read_pcm(mut part: Part, rate: u32, channels: usize) -> io::Result<Heard> {
    let (mut joining, frame) = (Joining::default(), 2 * channels);
    let mut room = vec![0; frame * BLOCK];
    let mut filled = 0;
    loop {
        let read = part.read(room.get_mut(filled..).unwrap_or_default())?;
        filled += read;
        let whole = filled - filled % frame;
        joining.take_pcm(rate, channels, room.get(..whole).unwrap_or_default());
        room.copy_within(whole..filled, 0);
        filled -= whole;
        if read == 0 {
            return Ok(Heard { samples: joining.finish(), is_short: false, skipped: 0 });
        }
    }
}

fn read_gsm(mut part: Part) -> io::Result<Heard> {
    let (mut bytes, mut decoder, mut samples) = (Vec::new(), GsmDecoder::default(), Vec::new());
    part.read_to_end(&mut bytes)?;
    let (pairs, rest) = bytes.as_chunks::<PAIR>();
    pairs.iter().for_each(|pair| samples.extend(decoder.decode_pair(pair)));
    Ok(Heard { samples, is_short: !rest.is_empty(), skipped: 0 })
}

fn read_stream(part: Part, extension: Option<&str>) -> Result<Heard, Error> {
    let stream = MediaSourceStream::new(Box::new(part), Default::default());
    let mut format = open_format(stream, extension)?;
    let mut reader = Reader {
        voice: voice_of(&*format)?,
        parts: Joining::default(),
        interleaved: Vec::new(),
        failures: 0,
        behind: 0,
    };
    let mut heard = Heard::default();
    while reader.failures < MOST_FAILURES {
        match format.next_packet() {
            Ok(Some(packet)) => heard.skipped += u32::from(!reader.take(&packet)),
            Ok(None) => break,
            // Another logical stream begins.
            Err(Error::ResetRequired) => match voice_of(&*format) {
                Ok(voice) => reader.voice = voice,
                Err(_) => break,
            },
            Err(Error::IoError(_)) => {
                heard.is_short = true;
                break;
            }
            Err(_) => {
                reader.failures += 1;
                heard.skipped += 1;
            }
        }
    }
    heard.samples = reader.parts.finish();
    Ok(heard)
}

/// The track that is heard, and what decodes it.
struct Voice {
    track: u32,
    parameters: AudioCodecParameters,
    decoder: Kind,
    /// Samples at the beginning that an encoder put there for itself.
    passed_over: usize,
}

enum Kind {
    Any(Box<dyn AudioDecoder>),
    Opus(Box<OpusDecoder>),
}

/// Finds out what a stream holds; the extension is a hint.
///
/// # Errors
/// When it is nothing that we know.
fn open_format(
    stream: MediaSourceStream<'static>,
    extension: Option<&str>,
) -> Result<Box<dyn FormatReader>, Error> {
    let mut hint = Hint::new();
    if let Some(extension) = extension {
        _ = hint.with_extension(extension);
    }
    let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
    symphonia::default::get_probe().probe(&hint, stream, options, metadata)
}

/// The first audio track of a file.
fn voice_of(format: &dyn FormatReader) -> Result<Voice, Error> {
    let no_audio = || Error::DecodeError("no audio track");
    let track = format.default_track(TrackType::Audio).ok_or_else(no_audio)?;
    let parameters = track.codec_params.as_ref().and_then(|codec| codec.audio()).ok_or_else(no_audio)?;
    let is_opus = parameters.codec == CODEC_ID_OPUS;
    let passed_over = track.delay.filter(|_| is_opus).map_or(0, |delay| delay as usize / 3);
    Ok(Voice { track: track.id, decoder: decoder(parameters)?, parameters: parameters.clone(), passed_over })
}

fn decoder(parameters: &AudioCodecParameters) -> Result<Kind, Error> {
    if parameters.codec == CODEC_ID_OPUS {
        let opus = OpusDecoder::new(Codec::Opus).map_err(|_| Error::DecodeError("no Opus decoder"))?;
        return Ok(Kind::Opus(Box::new(opus)));
    }
    // What encoders put before and behind the sound is cut away here: see `Reader::cut`.
    let options = AudioDecoderOptions::default().gapless(false);
    Ok(Kind::Any(symphonia::default::get_codecs().make_audio_decoder(parameters, &options)?))
}

struct Reader {
    voice: Voice,
    parts: Joining,
    /// The samples of one packet.
    interleaved: Vec<f32>,
    /// In a row.
    failures: u32,
    /// Packets in a row that lie behind the end that the file's header names.
    behind: u32,
}

impl Reader {
    /// Decodes a packet; false when it has to be skipped.
    fn take(&mut self, packet: &Packet) -> bool {
        if packet.track_id != self.voice.track {
            return true;
        }
        // A decoder that knew another rate or number of channels refuses a packet that a fresh one takes.
        let taken = self.decode(packet) || self.renew() && self.decode(packet);
        self.failures = if taken { 0 } else { self.failures + 1 };
        taken
    }

    /// Frames at both ends of a packet that an encoder put there, as the file's header says. A header may be of the
    /// first of several files that were joined: packets far behind its end are heard.
    fn cut(&mut self, packet: &Packet) -> (usize, usize) {
        let [start, end, all] = [packet.trim_start, packet.trim_end, packet.dur]
            .map(|frames| usize::try_from(frames.get()).unwrap_or(usize::MAX));
        let is_behind = end > 0 && end >= all;
        self.behind = if is_behind { self.behind + 1 } else { 0 };
        (start, if self.behind > MOST_BEHIND { 0 } else { end })
    }

    fn renew(&mut self) -> bool {
        let fresh = decoder(&self.voice.parameters);
        fresh.map(|fresh| self.voice.decoder = fresh).is_ok()
    }

    fn decode(&mut self, packet: &Packet) -> bool {
        match &mut self.voice.decoder {
            Kind::Any(decoder) => {
                let Ok(buffer) = decoder.decode(packet) else { return false };
                let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count().max(1));
                self.interleaved.resize(buffer.samples_interleaved(), 0.0);
                buffer.copy_to_slice_interleaved(&mut self.interleaved);
                let (start, end) = self.cut(packet);
                let frames = (self.interleaved.len() / channels).saturating_sub(end);
                let heard = self.interleaved.get(start.min(frames) * channels..frames * channels);
                self.parts.take(rate, channels, heard.unwrap_or_default());
            }
            Kind::Opus(decoder) => {
                let mut samples = [0; MOST_SAMPLES];
                let Ok(made) = decoder.decode(&packet.data, &mut samples) else { return false };
                let skipped = self.voice.passed_over.min(made);
                self.voice.passed_over -= skipped;
                let heard = samples.get(skipped..made).unwrap_or_default();
                self.interleaved.clear();
                self.interleaved.extend(heard.iter().map(|sample| f32::from(*sample) / 32_768.0));
                self.parts.take(OPUS_RATE, 1, &self.interleaved);
            }
        }
        true
    }
}
