//! After construction nothing is allocated per packet or frame. A program without the test harness, for the count is
//! the whole process', and the harness' threads would be counted too.

use std::alloc::System;

use audio::codec::{Codec, Decoder, Encoder, OpusFormat};
use audio::comfort::{Noise, NoiseMaker};
use audio::dtmf::DtmfDetector;
use audio::mix::Mixer;
use audio::playout::{Payload, Playout};
use audio::quality::LegFigures;
use audio::reader::Reader;
use audio::resample::Resampler;
use audio::rtp::RtpPacket;
use audio::srtp::{MasterKey, OVERHEAD, Protect, SrtpSuite, Unprotect};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of 200 turns, after 50 in which codecs may settle.
fn allocations(mut turn: impl FnMut(u64)) -> usize {
    (0..50).for_each(&mut turn);
    let region = Region::new(ALLOCATOR);
    (50..250).for_each(&mut turn);
    let change = region.change();
    change.allocations + change.reallocations
}

/// A frame of noise, another one each turn.
fn noise(turn: u64, frame: &mut [i16]) {
    let mut maker = NoiseMaker::new(turn);
    maker.follow(Noise::white(20));
    maker.fill(frame);
}

fn main() {
    nothing_is_allocated_per_frame();
    println!("nothing_is_allocated_per_frame ... ok");
}

fn nothing_is_allocated_per_frame() {
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(codec, OpusFormat::default()).expect("an encoder");
        let mut decoder = Decoder::new(codec).expect("a decoder");
        let mut playout = Playout::new(codec, 1).expect("a playout");
        let mut reader = Reader::new(codec).expect("a reader");
        let (mut frame, mut payload, mut out) = ([0; 320], [0; 1480], [0; 960]);
        let count = allocations(|turn| {
            let frame = &mut frame[..codec.frame()];
            noise(turn, frame);
            let len = encoder.encode(frame, &mut payload).expect("a whole frame");
            decoder.decode(&payload[..len], &mut out).expect("a whole payload");
            decoder.conceal(None, &mut out[..codec.frame()]);
            let packet = RtpPacket {
                marker: false,
                payload_type: 96,
                sequence: turn as u16,
                timestamp: turn as u32 * (codec.clock() / 50),
                ssrc: 1,
                payload: &payload[..len],
            };
            // Opus allocates where it recovers a loss from redundancy; the others lose a packet now and then.
            if codec == Codec::Opus || turn % 9 != 0 {
                playout.push(&packet, Payload::Audio, turn * 160);
                reader.push(&packet, turn * 160);
            }
            while reader.next(turn * 160).is_some() {}
            playout.pull(turn * 160, frame);
        });
        assert_eq!(count, 0, "{codec:?}");
    }
    for suite in SrtpSuite::ALL {
        let key = MasterKey::new(suite, &[7; 44][..suite.key_len() + suite.salt_len()]).expect("a key");
        let (mut protect, mut unprotect) = (Protect::new(&key), Unprotect::new(&key));
        let mut room = [0; 172 + OVERHEAD];
        let count = allocations(|turn| {
            let packet = RtpPacket {
                marker: false,
                payload_type: 8,
                sequence: turn as u16,
                timestamp: turn as u32 * 160,
                ssrc: 1,
                payload: &[0x55; 160],
            };
            let length = packet.print(&mut room).expect("room");
            let length = protect.rtp(&mut room, length).expect("a new packet");
            assert_eq!(unprotect.rtp(&mut room[..length]), Ok(172));
            let length = protect.rtcp(&mut room, 64).expect("RTCP");
            assert_eq!(unprotect.rtcp(&mut room[..length]), Ok(64));
        });
        assert_eq!(count, 0, "{suite:?}");
    }
    let (mut detector, mut mixer, mut figures) =
        (DtmfDetector::default(), Mixer::new(8000, 32), LegFigures::default());
    let mut resampler = Resampler::new(8000, 48_000).expect("known rates");
    mixer.all_hear_all();
    let (mut frame, mut out) = ([0; 160], [0; 960]);
    let count = allocations(|turn| {
        noise(turn, &mut frame);
        detector.listen(&frame, |_| {});
        figures.handle(&frame);
        resampler.process(&frame, &mut out);
        (0..32).for_each(|member| mixer.put(member, &frame));
        (0..32).for_each(|member| mixer.mix(member, &mut out[..160]));
        mixer.next();
    });
    assert_eq!(count, 0);
}
