//! What a frame of 20 ms costs in each part of the media path that decodes: codecs, jitter buffer, concealment, mixing,
//! keys. Beside: one copy of the frame.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use audio::codec::{Codec, Decoder, Encoder, OpusFormat};
use audio::conceal::Concealer;
use audio::dtmf::DtmfDetector;
use audio::jitter::{Content, JitterBuffer};
use audio::mix::Mixer;
use audio::resample::Resampler;
use audio::rtp::RtpPacket;
use audio::tone::Sine;
use criterion::{Criterion, criterion_group, criterion_main};

criterion_group!(benches, codecs, jitter, frames, mixes);
criterion_main!(benches);

/// A second that sounds a little like a voice.
fn voice(rate: u32) -> Vec<i16> {
    let mut sum = vec![0; rate as usize];
    for (hertz, level) in [(120.0, 3000), (600.0, 4000), (1320.0, 2000), (2400.0, 900)] {
        let mut part = vec![0; rate as usize];
        Sine::new(hertz * 8000.0 / f64::from(rate), level).fill(&mut part);
        audio::mix::mix(&mut sum, &part);
    }
    sum
}

fn codecs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("audio/codec");
    for codec in Codec::ALL {
        let samples = voice(codec.rate());
        let mut encoder = Encoder::new(codec, OpusFormat::default()).expect("an encoder");
        let (mut payload, mut payloads) = ([0; 1480], Vec::new());
        for frame in samples.chunks_exact(codec.frame()) {
            let len = encoder.encode(frame, &mut payload).expect("a whole frame");
            payloads.push(payload[..len].to_vec());
        }
        let mut frames = samples.chunks_exact(codec.frame()).cycle();
        group.bench_function(format!("encode {}", codec.rtpmap()), |b| {
            b.iter(|| encoder.encode(frames.next().unwrap_or_default(), &mut payload));
        });
        let mut decoder = Decoder::new(codec).expect("a decoder");
        let (mut payloads, mut out) = (payloads.iter().cycle(), [0; 960]);
        group.bench_function(format!("decode {}", codec.rtpmap()), |b| {
            b.iter(|| decoder.decode(payloads.next().map_or(&[], Vec::as_slice), &mut out));
        });
    }
    group.finish();
}

fn jitter(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("audio/jitter");
    let mut buffer = JitterBuffer::new(8000, 480);
    let mut count = 0_u64;
    group.bench_function("push and pull", |b| {
        b.iter(|| {
            count += 1;
            let packet = RtpPacket {
                marker: false,
                payload_type: 8,
                sequence: count as u16,
                timestamp: (count as u32).wrapping_mul(160),
                ssrc: 1,
                payload: &[0x55; 160],
            };
            buffer.push(&packet, Content::Audio(160), count * 160);
            black_box(buffer.pull(count * 160));
        });
    });
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("audio/frame");
    let samples = voice(8000);
    let mut frame = [0_i16; 160];
    let mut good = samples.chunks_exact(160).cycle();
    group.bench_function("copy", |b| b.iter(|| frame.copy_from_slice(good.next().unwrap_or(&[0; 160]))));

    let mut concealer = Concealer::new(8000);
    samples.chunks_exact(160).for_each(|good| concealer.good(&mut good.to_vec()));
    group.bench_function("note for concealment", |b| b.iter(|| concealer.good(&mut frame)));
    group.bench_function("conceal: one lost, one good", |b| {
        b.iter(|| {
            concealer.lost(&mut frame);
            frame.copy_from_slice(good.next().unwrap_or(&[0; 160]));
            concealer.good(&mut frame);
        });
    });

    let mut detector = DtmfDetector::default();
    group.bench_function("listen for keys", |b| {
        b.iter(|| detector.listen(good.next().unwrap_or_default(), |key| _ = black_box(key)));
    });

    for (from, to) in [(8000, 16_000), (16_000, 8000), (8000, 48_000), (48_000, 8000)] {
        let mut resampler = Resampler::new(from, to).expect("known rates");
        let (input, mut out) = (voice(from), [0; 960]);
        let mut frames = input.chunks_exact(from as usize / 50).cycle();
        group.bench_function(format!("resample {from} to {to}"), |b| {
            b.iter(|| resampler.process(frames.next().unwrap_or_default(), &mut out));
        });
    }
    group.finish();
}

fn mixes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("audio/mix");
    let frame = &voice(8000)[..160];
    for members in [2, 3, 8, 32] {
        let mut mixer = Mixer::new(8000, members);
        mixer.all_hear_all();
        let mut out = [0; 160];
        group.bench_function(format!("a tick of {members} members"), |b| {
            b.iter(|| {
                (0..members).for_each(|member| mixer.put(member, frame));
                (0..members).for_each(|member| mixer.mix(member, &mut out));
                mixer.next();
            });
        });
    }
    group.finish();
}
