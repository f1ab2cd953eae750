//! Our codecs against ffmpeg's, on the speech of the prompts. Needs `ffmpeg` (tests/install.sh brings it).

mod ogg;

use std::io::Write;
use std::ops::Range;
use std::process::{Command, Stdio};

use audio::codec::{Codec, Decoder, Encoder, MOST_SAMPLES, OpusFormat};

/// Runs ffmpeg with `input` on its standard input; what it writes to its output.
fn ffmpeg(arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args("-hide_banner -loglevel error".split(' '))
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // ffmpeg may stop reading before the end, which is its right.
        scope.spawn(move || _ = stdin.write_all(input));
        let output = child.wait_with_output().expect("ffmpeg ends");
        assert!(output.status.success(), "ffmpeg {arguments}");
        output.stdout
    })
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Speech from a prompt at `rate`, in whole frames of 20 ms.
fn speech(rate: u32) -> Vec<i16> {
    let prompt = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts/en-US/menu.wav");
    let mut speech = samples(&ffmpeg(&format!("-i {prompt} -ar {rate} -ac 1 -f s16le -"), &[]));
    speech.truncate(3 * rate as usize);
    assert_eq!(speech.len(), 3 * rate as usize);
    speech
}

/// Our payloads of 20 ms.
fn encoded(codec: Codec, speech: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec, OpusFormat::default()).expect("an encoder");
    let encode = |frame: &[i16]| {
        let mut payload = [0; 1480];
        let len = encoder.encode(frame, &mut payload).expect("a whole frame");
        payload[..len].to_vec()
    };
    speech.chunks_exact(codec.frame()).map(encode).collect()
}

fn decoded<'a>(codec: Codec, payloads: impl IntoIterator<Item = &'a [u8]>) -> Vec<i16> {
    let mut decoder = Decoder::new(codec).expect("a decoder");
    let mut out = [0; MOST_SAMPLES];
    let mut decode = |payload| {
        let made = decoder.decode(payload, &mut out).expect("a whole payload");
        out[..made].to_vec()
    };
    payloads.into_iter().flat_map(&mut decode).collect()
}

/// Signal to noise in dB at the shift of `other` (up to 480 samples either way) where it is best.
fn likeness(truth: &[i16], other: &[i16]) -> f64 {
    let end = truth.len().min(other.len()) - 500;
    let noise = |shift: usize, range: Range<usize>| -> f64 {
        let shifted = &other[range.start + shift - 480..range.end + shift - 480];
        let pairs = truth[range].iter().zip(shifted);
        pairs.map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2)).sum()
    };
    // A second in the middle finds the shift; all of it tells the noise.
    let few = end / 2..end / 2 + 8000;
    let best = (0..960).min_by(|one, other| noise(*one, few.clone()).total_cmp(&noise(*other, few.clone())));
    let signal: f64 = truth[500..end].iter().map(|sample| f64::from(*sample).powi(2)).sum();
    10.0 * (signal / noise(best.expect("960 shifts"), 500..end).max(1e-9)).log10()
}

#[test]
fn g711_is_ffmpegs() {
    let speech = speech(8000);
    for (codec, name) in [(Codec::Pcmu, "mulaw"), (Codec::Pcma, "alaw")] {
        let ours = encoded(codec, &speech).concat();
        let theirs = samples(&ffmpeg(&format!("-f {name} -ar 8000 -ac 1 -i - -f s16le -"), &ours));
        assert_eq!(decoded(codec, ours.chunks(160)), theirs, "{name}");
    }
}

#[test]
fn g722_is_ffmpegs() {
    let speech = speech(16_000);
    let ours = encoded(Codec::G722, &speech).concat();
    let theirs = ffmpeg("-f s16le -ar 16000 -ac 1 -i - -f g722 -", &bytes(&speech));
    let decode = |payload: &[u8]| samples(&ffmpeg("-f g722 -i - -f s16le -", payload));
    for (made_by, payload) in [("us", &ours), ("ffmpeg", &theirs)] {
        let here = decoded(Codec::G722, payload.chunks_exact(160));
        let there = decode(payload);
        let alike = likeness(&there, &here);
        println!("encoded by {made_by}: decoders differ by {alike:.1} dB");
        assert!(alike > 45.0, "encoded by {made_by}: {alike} dB");
    }
    let (ours, theirs) = (likeness(&speech, &decode(&ours)), likeness(&speech, &decode(&theirs)));
    println!("our encoder {ours:.2} dB, ffmpeg's {theirs:.2} dB");
    assert!(ours > theirs - 0.5, "our encoder {ours} dB, ffmpeg's {theirs} dB");
}

#[test]
fn opus_is_understood_both_ways() {
    let speech = speech(16_000);
    let ours = encoded(Codec::Opus, &speech);
    // libopus decodes at 48 kHz there, so that ours is brought to it: shifts of a third of a sample can be seen.
    let listen = |file: &[u8]| samples(&ffmpeg("-c:a libopus -f ogg -i - -f s16le -", file));
    let here = |payloads: &[Vec<u8>]| {
        let here = decoded(Codec::Opus, payloads.iter().map(Vec::as_slice));
        samples(&ffmpeg("-f s16le -ar 16000 -ac 1 -i - -ar 48000 -f s16le -", &bytes(&here)))
    };
    let alike = likeness(&listen(&ogg::file(&ours)), &here(&ours));
    println!("our packets: decoders differ by {alike:.1} dB");
    assert!(alike > 30.0, "our packets are heard differently by libopus: {alike} dB");
    for kind in ["-b:a 24k -application voip", "-b:a 64k -application audio", "-b:a 16k -frame_duration 60"] {
        let encode = format!("-f s16le -ar 16000 -ac 1 -i - -c:a libopus {kind} -f ogg -");
        let file = ffmpeg(&encode, &bytes(&speech));
        let alike = likeness(&listen(&file), &here(&ogg::packets(&file)));
        println!("{kind}: decoders differ by {alike:.1} dB");
        assert!(alike > 30.0, "libopus' packets ({kind}) are heard differently: {alike} dB");
    }
}

#[test]
fn the_redundancy_of_opus_is_nearer_to_the_truth_than_its_guess() {
    let payloads = encoded(Codec::Opus, &speech(16_000));
    let truth = decoded(Codec::Opus, payloads.iter().map(Vec::as_slice));
    let heard = |redundancy: bool| {
        let mut decoder = Decoder::new(Codec::Opus).expect("a decoder");
        let mut all = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            let mut out = [0; 320];
            match payloads.get(index + 1).filter(|_| index % 5 == 4) {
                Some(next) => decoder.conceal(redundancy.then_some(next.as_slice()), &mut out),
                None => _ = decoder.decode(payload, &mut out).expect("a whole payload"),
            }
            all.extend(out);
        }
        likeness(&truth, &all)
    };
    let (repeated, guessed) = (heard(true), heard(false));
    println!("each fifth packet lost: {repeated:.1} dB with redundancy, {guessed:.1} dB without");
    assert!(repeated > guessed + 6.0, "{repeated} dB against {guessed} dB");
}
