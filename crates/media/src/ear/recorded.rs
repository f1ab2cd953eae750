//! Jitter buffer, decoder and recorder together, on a simulated network with a virtual clock: an hour of two peers whose
//! clocks drift apart, and what their recording has of it.

use audio::FRAME;
use audio::codec::{Encoder, OpusFormat};
use audio::playout::Payload;
use audio::rtp::RtpPacket;
use audio::tone::Sine;
use model::Codec;

use super::{Ear, Frame, worked};
use crate::tap::{Channel, Tap};
use network::{Arrival, Network};

// The one that the jitter buffer is tried on.
#[allow(dead_code, reason = "the other test has a use for more of it")]
#[path = "../../../audio/tests/net/network.rs"]
mod network;

/// Packets of 20 ms in a virtual hour, and in the second of which each first 40 ms are a tone.
const HOUR: u64 = 180_000;
const SECOND: u64 = 50;
const RATE: u32 = 16_000;
const LOUD: i16 = 3_000;
/// So many samples of silence before a tone (200 ms).
const QUIET: u64 = 3_200;

/// Somebody who says a tone a second, in a codec that has to be decoded.
struct Peer {
    ear: Ear,
    codec: Codec,
    payloads: Vec<Vec<u8>>,
    arrivals: std::iter::Peekable<std::vec::IntoIter<Arrival>>,
}

impl Peer {
    fn new(codec: Codec, network: &Network) -> Peer {
        let mut encoder = Encoder::new(worked(codec), OpusFormat::default()).unwrap();
        let rate = f64::from(worked(codec).rate());
        let mut tone = Sine::new(1_000.0 * 8_000.0 / rate, 12_000);
        let mut say = |index| {
            let (mut samples, mut payload) = (vec![0; worked(codec).frame()], [0; 1480]);
            if index % SECOND < 2 {
                tone.fill(&mut samples);
            }
            let length = encoder.encode(&samples, &mut payload).unwrap();
            payload[..length].to_vec()
        };
        // The second second: the codec has begun by then.
        let payloads = (0..2 * SECOND).map(&mut say).skip(SECOND as usize).collect();
        Peer { ear: Ear::new(codec, 1).unwrap(), codec, payloads, arrivals: network.carry(HOUR).into_iter().peekable() }
    }

    fn take_what_arrived(&mut self, clock: u64) {
        while let Some(Arrival { at, index, .. }) = self.arrivals.next_if(|arrival| arrival.at <= clock) {
            let packet = RtpPacket {
                marker: false,
                payload_type: 96,
                sequence: index as u16,
                timestamp: (index as u32).wrapping_mul(worked(self.codec).clock() / 50),
                ssrc: 7,
                payload: &self.payloads[(index % SECOND) as usize],
            };
            self.ear.push(&packet, Payload::Audio, at);
        }
    }
}

/// Where the tones of one channel begin, in samples of 8 kHz.
#[derive(Default)]
struct Onsets {
    at: Vec<u64>,
    last_loud: u64,
}

impl Onsets {
    fn note(&mut self, position: u64, sample: i16) {
        if sample.saturating_abs() > LOUD {
            if position - self.last_loud > QUIET {
                self.at.push(position / 2);
            }
            self.last_loud = position;
        }
    }

    /// How much later than said each tone was recorded, in samples of 8 kHz; tones that were lost are left out.
    fn lateness(&self, network: &Network) -> Vec<(u64, i64)> {
        let said: Vec<u64> = Network { drift_ppm: network.drift_ppm, ..Network::default() }
            .carry(HOUR)
            .iter()
            .filter(|arrival| arrival.index % SECOND == 0)
            .map(|arrival| arrival.truth)
            .collect();
        let nearest = |at: &u64| said.iter().copied().min_by_key(|said| said.abs_diff(*at));
        self.at.iter().filter_map(|at| Some((*at, *at as i64 - nearest(at)? as i64))).collect()
    }
}

#[test]
fn an_hour_over_two_bad_networks_is_recorded_in_its_time() {
    let networks = [network::bad(3, 200.0), network::bad(4, -200.0)];
    let mut peers = [Peer::new(Codec::G722, &networks[0]), Peer::new(Codec::L16Wide, &networks[1])];
    let mut tap = Tap::new(0, 0, RATE);
    let (mut onsets, mut length) = ([Onsets::default(), Onsets::default()], 0);
    let mut note = |piece: &[[i16; 2]]| {
        for both in piece {
            onsets.iter_mut().zip(both).for_each(|(onsets, sample)| onsets.note(length, *sample));
            length += 1;
        }
    };
    let mut frame = Frame::default();
    for clock in (0..HOUR * FRAME as u64).step_by(FRAME) {
        for (peer, channel) in peers.iter_mut().zip([Channel::Left, Channel::Right]) {
            peer.take_what_arrived(clock);
            peer.ear.listen(clock, &mut frame);
            tap.frame(channel, &frame, clock);
        }
        if let Some((_, piece)) = tap.poll_piece(clock) {
            note(&piece);
        }
    }
    let ((_, rest), _, gaps) = tap.finish(HOUR * FRAME as u64);
    note(&rest);
    println!("{length} samples, {} gaps", gaps.len());
    for (onsets, network) in onsets.iter().zip(&networks) {
        let late = onsets.lateness(network);
        let mean = |part: &[(u64, i64)]| part.iter().map(|(_, late)| late).sum::<i64>() / part.len() as i64;
        println!("{} tones, mean late by tenths: {:?}", late.len(), late.chunks(late.len() / 10).map(mean).collect::<Vec<_>>());
        let mut sorted: Vec<i64> = late.iter().map(|(_, late)| *late).collect();
        sorted.sort_unstable();
        println!("least {} 1% {} median {} 99% {} most {}", sorted[0], sorted[sorted.len()/100], sorted[sorted.len()/2], sorted[sorted.len()*99/100], sorted[sorted.len()-1]);
    }
}
