//! Jitter buffer, decoder and recorder together, on a simulated network with a virtual clock: two peers whose clocks drift
//! apart, and what their recording has of it.
//!
//! A decoded peer is recorded as it is heard, so later than said by what its jitter buffer waits.

use audio::FRAME;
use audio::codec::{Encoder, OpusFormat};
use audio::playout::Payload;
use audio::rtp::RtpPacket;
use audio::tone::Sine;
use model::Codec;

use super::{Ear, Frame, worked};
use crate::tap::{Channel, Tap};
use network::{Arrival, Loss, Network};

// The one that the jitter buffer is tried on.
#[allow(dead_code, reason = "the other test has a use for more of it")]
#[path = "../../../audio/tests/net/network.rs"]
mod network;

/// Packets of 20 ms in a virtual hour, and in the second of which each first 40 ms are a tone.
const HOUR: u64 = 180_000;
const SECOND: u64 = 50;
const RATE: u32 = 16_000;
/// Later than any tone, in samples of 8 kHz (300 ms).
const LATEST: i64 = 2_400;
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
    fn new(codec: Codec, network: &Network, packets: u64) -> Peer {
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
        let arrivals = network.carry(packets).into_iter().peekable();
        Peer { ear: Ear::new(codec, 1).unwrap(), codec, payloads, arrivals }
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
    fn lateness(&self, network: &Network, packets: u64) -> Vec<i64> {
        let said: Vec<u64> = Network { drift_ppm: network.drift_ppm, ..Network::default() }
            .carry(packets)
            .iter()
            .filter(|arrival| arrival.index % SECOND == 0)
            .map(|arrival| arrival.truth)
            .collect();
        let nearest = |at: &u64| said.iter().copied().min_by_key(|said| said.abs_diff(*at));
        self.at.iter().filter_map(|at| Some(*at as i64 - nearest(at)? as i64)).collect()
    }
}

/// What a recording of two such peers has.
struct Recorded {
    /// Samples of 8 kHz.
    length: u64,
    /// By channel, in the order of time: how much later than said each tone was recorded, in samples of 8 kHz.
    late: [Vec<i64>; 2],
}

/// Two peers, one over each network, for so many packets.
fn record(networks: &[Network; 2], packets: u64) -> Recorded {
    let peer = |codec, network| Peer::new(codec, network, packets);
    let mut peers = [peer(Codec::G722, &networks[0]), peer(Codec::L16Wide, &networks[1])];
    let mut tap = Tap::new(0, 0, RATE);
    let (mut onsets, mut length) = ([Onsets::default(), Onsets::default()], 0);
    let mut note = |piece: &[[i16; 2]]| {
        for both in piece {
            onsets.iter_mut().zip(both).for_each(|(onsets, sample)| onsets.note(length, *sample));
            length += 1;
        }
    };
    let mut frame = Frame::default();
    let end = packets * FRAME as u64;
    for clock in (0..end).step_by(FRAME) {
        for (peer, channel) in peers.iter_mut().zip([Channel::Left, Channel::Right]) {
            peer.take_what_arrived(clock);
            peer.ear.listen(clock, &mut frame);
            tap.frame(channel, &frame, clock);
        }
        tap.poll_piece(clock).iter().for_each(|(_, piece)| note(piece));
    }
    note(&tap.finish(end).0.1);
    let [left, right] = &onsets;
    let late = [left.lateness(&networks[0], packets), right.lateness(&networks[1], packets)];
    Recorded { length: length / 2, late }
}

/// The recording is as long as the call, and neither clock runs away from ours: at the end of the call tones are as late as they
/// were before, within a frame or two of what the jitter buffer waits.
fn keeps_time(packets: u64) {
    let networks = [network::bad(3, 200.0), network::bad(4, -200.0)];
    let Recorded { length, late } = record(&networks, packets);
    assert!(length.abs_diff(packets * FRAME as u64) <= FRAME as u64, "{length}");
    for late in &late {
        let heard = late.len() as u64 * 100 / (packets / SECOND);
        assert!(heard >= 90, "{heard} % of the tones, of which 3 in 100 were lost");
        // More than the buffer waits in such a network, less than a clock of 200 ppm is off after an hour.
        assert!(late.iter().all(|late| (0..LATEST).contains(late)), "{late:?}");
        let [early, last] = [&late[..late.len() / 2], &late[late.len() / 2..]].map(median);
        assert!(early.abs_diff(last) < 4 * FRAME as u64, "{early}, then {last}");
    }
}

fn median(late: &[i64]) -> i64 {
    let mut sorted = late.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[test]
fn two_minutes_over_bad_networks_are_recorded_in_their_time() {
    keeps_time(HOUR / 30);
}

#[test]
#[ignore = "the same for an hour: minutes of work without optimisation"]
fn an_hour_over_bad_networks_is_recorded_in_its_time() {
    keeps_time(HOUR);
}

#[test]
fn channels_stay_within_a_frame_of_each_other_where_networks_do_not_jitter() {
    let network = |seed, drift_ppm| Network {
        seed,
        loss: Loss::bursty(0.03, 3.0),
        duplicates: 0.01,
        drift_ppm,
        ..Network::default()
    };
    let Recorded { late: [left, right], .. } = record(&[network(5, 200.0), network(6, -200.0)], HOUR / 30);
    assert!(median(&left).abs_diff(median(&right)) <= FRAME as u64);
    for late in [left, right] {
        let middle = median(&late);
        let near = late.iter().filter(|late| late.abs_diff(middle) <= FRAME as u64).count();
        assert!(near * 20 >= late.len() * 19, "{middle}: {late:?}");
    }
}
