//! Reader and recorder together, on a simulated network with a virtual clock: two peers whose clocks drift apart, and
//! what their recording has of it.

use audio::FRAME;
use audio::codec::{Codec, Encoder, OpusFormat};
use audio::reader::Reader;
use audio::rtp::RtpPacket;
use audio::tone::Sine;

use super::Tap;
use crate::channel::Channel;
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
/// Samples of silence before a tone (200 ms).
const QUIET: u64 = 3_200;

/// Somebody who says a tone a second, in a codec that has to be decoded.
struct Peer {
    reader: Reader,
    codec: Codec,
    payloads: Vec<Vec<u8>>,
    arrivals: std::iter::Peekable<std::vec::IntoIter<Arrival>>,
}

impl Peer {
    fn new(codec: Codec, network: &Network, packets: u64) -> Peer {
        let mut encoder = Encoder::new(codec, OpusFormat::default()).unwrap();
        let rate = f64::from(codec.rate());
        let mut tone = Sine::new(1_000.0 * 8_000.0 / rate, 12_000);
        let mut say = |index| {
            let (mut samples, mut payload) = (vec![0; codec.frame()], [0; 1480]);
            if index % SECOND < 2 {
                tone.fill(&mut samples);
            }
            let length = encoder.encode(&samples, &mut payload).unwrap();
            payload[..length].to_vec()
        };
        // The second second: the codec has begun by then.
        let payloads = (0..2 * SECOND).map(&mut say).skip(SECOND as usize).collect();
        let arrivals = network.carry(packets).into_iter().peekable();
        Peer { reader: Reader::new(codec).unwrap(), codec, payloads, arrivals }
    }

    /// Records what arrived until `clock`.
    fn record(&mut self, tap: &mut Tap, channel: Channel, clock: u64) {
        while let Some(Arrival { at, index, .. }) = self.arrivals.next_if(|arrival| arrival.at <= clock) {
            let packet = RtpPacket {
                marker: false,
                payload_type: 96,
                sequence: index as u16,
                timestamp: (index as u32).wrapping_mul(self.codec.clock() / 50),
                ssrc: 7,
                payload: &self.payloads[(index % SECOND) as usize],
            };
            self.reader.push(&packet, at);
            self.take_down(tap, channel, at);
        }
        self.take_down(tap, channel, clock);
    }

    fn take_down(&mut self, tap: &mut Tap, channel: Channel, until: u64) {
        while let Some(passage) = self.reader.next(until) {
            tap.passage(channel, &passage);
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

    /// How far from its true place each tone was recorded, in samples of 8 kHz, with its number; tones whose first
    /// packet was lost begin anywhere and are left out.
    fn off(&self, network: &Network, packets: u64) -> Vec<(u64, i64)> {
        let arrivals = network.carry(packets);
        let said: Vec<_> = arrivals.iter().filter(|arrival| arrival.index % SECOND == 0).collect();
        let of = |at: &u64| {
            let said = said.iter().min_by_key(|said| said.truth.abs_diff(*at))?;
            let off = *at as i64 - said.truth as i64;
            (off.abs() < 4_000).then_some((said.index / SECOND, off))
        };
        self.at.iter().filter_map(of).collect()
    }
}

/// What a recording of two such peers has.
struct Recorded {
    /// Samples of 8 kHz.
    length: u64,
    /// By channel: each tone's number, and how far from its true place it was recorded, in samples of 8 kHz.
    off: [Vec<(u64, i64)>; 2],
}

/// Records two peers, one over each network, for `packets` packets.
fn record(codecs: [Codec; 2], networks: &[Network; 2], packets: u64) -> Recorded {
    let peer = |codec, network| Peer::new(codec, network, packets);
    let mut peers = [peer(codecs[0], &networks[0]), peer(codecs[1], &networks[1])];
    let mut tap = Tap::new(0, 0, RATE);
    let (mut onsets, mut length) = ([Onsets::default(), Onsets::default()], 0);
    let mut note = |piece: &[[i16; 2]]| {
        for both in piece {
            onsets.iter_mut().zip(both).for_each(|(onsets, sample)| onsets.note(length, *sample));
            length += 1;
        }
    };
    let end = packets * FRAME as u64;
    for clock in (0..end).step_by(FRAME) {
        for (peer, channel) in peers.iter_mut().zip([Channel::Left, Channel::Right]) {
            peer.record(&mut tap, channel, clock);
        }
        tap.poll_piece(clock).iter().for_each(|(_, piece)| note(piece));
    }
    note(&tap.finish(end).0.1);
    let [left, right] = &onsets;
    let off = [left.off(&networks[0], packets), right.off(&networks[1], packets)];
    Recorded { length: length / 2, off }
}

/// The recording is as long as the call, each tone lies within a frame of its true place, and so do both channels of
/// each other.
fn keeps_time(codecs: [Codec; 2], packets: u64) {
    let networks = [network::bad(3, 200.0), network::bad(4, -200.0)];
    let Recorded { length, off: [left, right] } = record(codecs, &networks, packets);
    assert!(length.abs_diff(packets * FRAME as u64) <= FRAME as u64, "{length}");
    let near = |(_, off): &(u64, i64)| off.unsigned_abs() <= FRAME as u64;
    for off in [&left, &right] {
        let heard = off.len() as u64 * 100 / (packets / SECOND);
        assert!(heard >= 94, "{heard} % of the tones, of which 3 in 100 were lost");
        let far: Vec<_> = off.iter().filter(|off| !near(off)).collect();
        assert!(far.is_empty(), "{codecs:?}: {far:?}");
    }
    let other: std::collections::BTreeMap<u64, i64> = right.into_iter().collect();
    let apart = |(number, off): &(u64, i64)| other.get(number).map(|other| off.abs_diff(*other));
    let apart: Vec<u64> = left.iter().filter_map(apart).collect();
    assert!(apart.len() as u64 > packets / SECOND * 85 / 100, "{}", apart.len());
    let far: Vec<_> = apart.iter().filter(|apart| **apart > FRAME as u64).collect();
    assert!(far.is_empty(), "{codecs:?}: {far:?}");
}

#[test]
fn an_hour_over_bad_networks_is_recorded_in_its_time() {
    keeps_time([Codec::G722, Codec::L16Wide], HOUR);
}

#[test]
fn other_codecs_are_placed_alike() {
    keeps_time([Codec::Opus, Codec::L16], HOUR / 30);
}
