//! One phone in one call: the stamped packets that it sends, and what it makes of those that it hears.

use std::net::SocketAddrV4;

use audio::rtp::RtpPacket;
use media::batch::DATAGRAM;
use media::transform::Transform;
use model::{Seed, Srtp};
use sip::AudioCodec;

use super::histogram::Histogram;
use super::net::{Fate, Weather};
use super::stamp::{Stamp, is_as_sent};
use crate::phone::{Frame, Voice, law};

/// What a phone needs to know to talk.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    /// Never used twice in a run.
    pub(super) leg: u32,
    pub(super) remote: SocketAddrV4,
    pub(super) codec: AudioCodec,
    pub(super) telephone_event: Option<u8>,
    /// The keys of both directions, when it is encrypted.
    pub(super) srtp: Option<Srtp>,
}

/// A phone in a call.
#[derive(Debug)]
pub(super) struct Leg {
    talk: Talk,
    transform: Transform,
    run: u32,
    voice: Voice,
    weather: Weather,
    seed: Seed,
    next_number: u32,
    unsent: Vec<u32>,
    sent: u64,
    heard: Heard,
}

/// A packet that is due, now or later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    frame: Frame,
    number: u32,
    /// How much later than now the network lets it go.
    pub(super) late_us: u64,
}

/// Durations that all phones of a thread measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Durations {
    /// From a counterpart's sending to the arrival, in microseconds.
    pub(super) delay: Histogram,
    /// How far the spacing of the system's own packets is off their timestamps, in microseconds.
    pub(super) spacing: Histogram,
    /// How late the generator itself sent.
    pub(super) behind: Histogram,
}

impl Leg {
    pub(super) fn new(talk: Talk, run: u32, weather: Weather) -> Leg {
        let seed = Seed::new(u64::from(run)).fork(&format!("leg {}", talk.leg));
        // Any number will do that another leg does not have.
        let ssrc = run.wrapping_add(talk.leg.wrapping_mul(0x9e37_79b9));
        let voice = Voice::new(ssrc);
        let (next_number, unsent, sent, heard) = (0, Vec::new(), 0, Heard::default());
        let transform = Transform::new(talk.srtp.as_ref());
        Leg { talk, transform, run, voice, weather, seed, next_number, unsent, sent, heard }
    }

    pub(super) fn id(&self) -> u32 {
        self.talk.leg
    }

    pub(super) fn remote(&self) -> SocketAddrV4 {
        self.talk.remote
    }

    /// The peer says that it listens elsewhere, speaks another codec, or has other keys.
    pub(super) fn change(&mut self, talk: Talk) {
        self.transform.change(self.talk.srtp.as_ref(), talk.srtp.as_ref());
        self.talk = talk;
    }

    pub(super) fn press(&mut self, event: u8) {
        self.voice.press(event);
    }

    /// The packet of the next 20 ms; `None` when it is lost on the way, or when there is none.
    pub(super) fn next_packet(&mut self) -> Option<Packet> {
        let frame = self.voice.next(self.talk.codec.payload_type(), self.talk.telephone_event)?;
        let number = self.next_number;
        if !frame.is_key() {
            self.next_number += 1;
        }
        match self.weather.fate(&mut self.seed) {
            Fate::Delayed(late_us) => Some(Packet { frame, number, late_us }),
            Fate::Lost => {
                self.give_up(&Packet { frame, number, late_us: 0 });
                None
            }
        }
    }

    /// A packet will never leave.
    pub(super) fn give_up(&mut self, packet: &Packet) {
        if !packet.frame.is_key() {
            self.unsent.push(packet.number);
        }
    }

    /// Writes a packet that leaves now; returns its length.
    pub(super) fn print(&mut self, packet: &Packet, now_us: u64, datagram: &mut [u8]) -> Option<usize> {
        let stamp = Stamp { run: self.run, leg: self.talk.leg, number: packet.number, sent_us: now_us };
        self.sent += 1;
        let length = packet.frame.print(&stamp.audio(law(self.talk.codec)), datagram)?;
        self.transform.seal_rtp(datagram, length)
    }

    /// The RTP packet in a datagram of the peer's; `room` has place for it. `None` when it is not authentic.
    pub(super) fn open<'a>(&mut self, datagram: &'a [u8], room: &'a mut [u8; DATAGRAM]) -> Option<&'a [u8]> {
        if self.talk.srtp.is_none() {
            return Some(datagram);
        }
        let sealed = room.get_mut(..datagram.len())?;
        sealed.copy_from_slice(datagram);
        let length = self.transform.open_rtp(sealed)?;
        room.get(..length)
    }

    /// A packet of the peer arrived. Returns whose voice it was when it is the first of the call.
    pub(super) fn hear(
        &mut self,
        packet: &RtpPacket,
        arrived_us: u64,
        durations: &mut Durations,
    ) -> Option<u32> {
        if Some(packet.payload_type) == self.talk.telephone_event {
            return None;
        }
        match Stamp::read(packet.payload).filter(|stamp| stamp.run == self.run) {
            Some(stamp) => {
                let as_sent = is_as_sent(packet.payload, law(self.talk.codec));
                self.heard.stamp(&stamp, as_sent, arrived_us, durations)
            }
            None => {
                self.heard.made_by_the_system(packet, arrived_us, durations);
                None
            }
        }
    }

    /// The call is over.
    pub(super) fn close(self) -> LegFigures {
        let Heard {
            counterpart, first, highest, received, repeated, reordered, changed, foreign, made, ..
        } = self.heard;
        LegFigures {
            leg: self.talk.leg,
            sent: self.sent,
            unsent: self.unsent,
            counterpart,
            numbers: counterpart.map(|_| (first, highest)),
            received,
            repeated,
            reordered,
            changed,
            foreign,
            made,
        }
    }
}

/// What one phone sent and heard in one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LegFigures {
    pub(super) leg: u32,
    pub(super) sent: u64,
    /// Numbers of packets that the bad network took.
    pub(super) unsent: Vec<u32>,
    /// The leg whose voice was heard first.
    pub(super) counterpart: Option<u32>,
    /// The first and the highest number heard of it.
    pub(super) numbers: Option<(u32, u32)>,
    /// Different numbers heard of it.
    pub(super) received: u64,
    /// Heard again.
    pub(super) repeated: u64,
    /// Heard after a higher number.
    pub(super) reordered: u64,
    /// Different numbers heard with other codes than were sent.
    pub(super) changed: u64,
    /// Heard of any other leg.
    pub(super) foreign: u64,
    /// Heard from the system itself: prompts, music, silence.
    pub(super) made: u64,
}

/// Numbers below the highest that are remembered, to tell a late packet from a repeated one.
const REMEMBERED: u32 = 128;

#[derive(Debug, Default)]
struct Heard {
    counterpart: Option<u32>,
    first: u32,
    highest: u32,
    /// Bit `n`: the number `highest - n` was heard.
    window: u128,
    received: u64,
    repeated: u64,
    reordered: u64,
    changed: u64,
    foreign: u64,
    made: u64,
    last_made: Option<Made>,
}

/// The system's own packet heard last.
#[derive(Debug, Clone, Copy)]
struct Made {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    arrived_us: u64,
}

impl Heard {
    fn stamp(
        &mut self,
        stamp: &Stamp,
        as_sent: bool,
        arrived_us: u64,
        durations: &mut Durations,
    ) -> Option<u32> {
        self.last_made = None;
        let news = self.counterpart.is_none().then_some(stamp.leg);
        if news.is_some() {
            (self.counterpart, self.first, self.highest) = (news, stamp.number, stamp.number);
        } else if self.counterpart != Some(stamp.leg) {
            self.foreign += 1;
            return None;
        }
        if self.place(stamp.number) {
            self.changed += u64::from(!as_sent);
            durations.delay.count(arrived_us.saturating_sub(stamp.sent_us));
        }
        news
    }

    /// Whether the number is new.
    fn place(&mut self, number: u32) -> bool {
        let ahead = number.saturating_sub(self.highest);
        self.window = self.window.checked_shl(ahead).unwrap_or(0);
        self.highest = self.highest.max(number);
        let behind = self.highest - number;
        self.reordered += u64::from(behind > 0);
        // Too late to be told from a repeated one, or before the first that was heard.
        let known = behind >= REMEMBERED || number < self.first || self.window >> behind & 1 == 1;
        if known {
            self.repeated += u64::from(number >= self.first);
            return false;
        }
        self.window |= 1 << behind;
        self.received += 1;
        true
    }

    fn made_by_the_system(&mut self, packet: &RtpPacket, arrived_us: u64, durations: &mut Durations) {
        self.made += 1;
        let RtpPacket { ssrc, sequence, timestamp, .. } = *packet;
        if let Some(last) = self.last_made
            && (last.ssrc, last.sequence.wrapping_add(1)) == (ssrc, sequence)
        {
            // 125 µs a sample.
            let wanted = u64::from(timestamp.wrapping_sub(last.timestamp)).saturating_mul(125);
            durations.spacing.count(arrived_us.saturating_sub(last.arrived_us).abs_diff(wanted));
        }
        self.last_made = Some(Made { ssrc, sequence, timestamp, arrived_us });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::rtp::HEADER_LEN;

    fn leg(id: u32, weather: Weather) -> Leg {
        let remote = "127.0.0.1:4000".parse().unwrap();
        Leg::new(
            Talk { leg: id, remote, codec: AudioCodec::Pcma, telephone_event: Some(101), srtp: None },
            9,
            weather,
        )
    }

    /// So many packets of a leg, each as the datagram that leaves.
    fn spoken(leg: &mut Leg, count: u64) -> Vec<Vec<u8>> {
        let speak = |number: u64| {
            let packet = leg.next_packet()?;
            let mut datagram = vec![0; DATAGRAM];
            let length = leg.print(&packet, number * 20_000, &mut datagram)?;
            datagram.truncate(length);
            Some(datagram)
        };
        (0..count).filter_map(speak).collect()
    }

    fn hear(leg: &mut Leg, datagrams: &[Vec<u8>], durations: &mut Durations) -> Vec<u32> {
        let arrivals = (1..).map(|nth| nth * 20_000 - 19_900).zip(datagrams);
        let hear =
            |(at, datagram): (u64, &Vec<u8>)| leg.hear(&RtpPacket::parse(datagram).unwrap(), at, durations);
        arrivals.filter_map(hear).collect()
    }

    #[test]
    fn a_counterpart_is_heard_whole() {
        let (mut one, mut other) = (leg(1, Weather::default()), leg(2, Weather::default()));
        let mut durations = Durations::default();
        assert_eq!(hear(&mut other, &spoken(&mut one, 50), &mut durations), [1]);
        let figures = other.close();
        assert_eq!((figures.counterpart, figures.numbers, figures.received), (Some(1), Some((0, 49)), 50));
        assert_eq!((figures.repeated, figures.reordered, figures.changed, figures.foreign), (0, 0, 0, 0));
        assert_eq!(durations.delay.percentiles().p99, Some(100));
        assert_eq!(one.close().sent, 50);
    }

    #[test]
    fn loss_repetition_and_order_are_told_apart() {
        let (mut one, mut other) = (leg(1, Weather::default()), leg(2, Weather::default()));
        let mut datagrams = spoken(&mut one, 10);
        datagrams.remove(7);
        datagrams.swap(3, 4);
        datagrams.push(datagrams[5].clone());
        hear(&mut other, &datagrams, &mut Durations::default());
        let figures = other.close();
        assert_eq!((figures.numbers, figures.received), (Some((0, 9)), 9));
        assert_eq!((figures.repeated, figures.reordered), (1, 2));
    }

    #[test]
    fn another_calls_voice_is_foreign_and_changed_codes_are_seen() {
        let (mut one, mut stranger, mut other) =
            (leg(1, Weather::default()), leg(3, Weather::default()), leg(2, Weather::default()));
        let mut durations = Durations::default();
        let mut quieter = spoken(&mut one, 1);
        audio::g711::Law::A.transcode(audio::g711::Law::Mu, &mut quieter[0][HEADER_LEN..]);
        hear(&mut other, &quieter, &mut durations);
        assert_eq!(hear(&mut other, &spoken(&mut stranger, 2), &mut durations), [0; 0]);
        let figures = other.close();
        assert_eq!((figures.counterpart, figures.foreign, figures.changed), (Some(1), 2, 1));
    }

    #[test]
    fn the_systems_own_packets_are_measured_by_their_timestamps() {
        let mut durations = Durations::default();
        let mut phone = leg(1, Weather::default());
        for (sequence, arrived_us) in [(1, 0), (2, 20_500), (3, 40_000), (5, 90_000)] {
            let packet = RtpPacket {
                marker: false,
                payload_type: 8,
                sequence,
                timestamp: u32::from(sequence) * 160,
                ssrc: 1,
                payload: &[0xd5; 160],
            };
            assert_eq!(phone.hear(&packet, arrived_us, &mut durations), None);
        }
        assert_eq!((durations.spacing.percentiles().count, durations.spacing.quantile(1.0)), (2, Some(500)));
        assert_eq!(phone.close().made, 4);
    }

    #[test]
    fn an_encrypted_leg_hears_its_peer_and_nobody_else() {
        let key = |byte| model::SrtpKey::new(&[byte; 28]);
        let suite = model::SrtpSuite::AeadAes128Gcm;
        let encrypted = |id, ours, theirs| {
            let mut leg = leg(id, Weather::default());
            let srtp = Some(Srtp { suite, ours: key(ours), theirs: key(theirs) });
            leg.change(Talk { srtp, ..leg.talk.clone() });
            leg
        };
        let (mut one, mut other, mut stranger) = (encrypted(1, 1, 2), encrypted(2, 2, 1), encrypted(3, 3, 1));
        let mut room = [0; DATAGRAM];
        for datagram in spoken(&mut one, 3) {
            assert!(RtpPacket::parse(&datagram).is_ok_and(|sealed| Stamp::read(sealed.payload).is_none()));
            let packet = RtpPacket::parse(other.open(&datagram, &mut room).unwrap()).unwrap();
            assert_eq!(Stamp::read(packet.payload).map(|stamp| stamp.leg), Some(1));
            assert_eq!(other.open(&datagram, &mut room), None, "a second time");
        }
        for datagram in spoken(&mut stranger, 1) {
            assert_eq!(other.open(&datagram, &mut room), None);
        }
    }

    #[test]
    fn packets_that_the_network_took_are_remembered() {
        let mut one = leg(1, Weather { lost: 500_000, ..Weather::default() });
        let sent = spoken(&mut one, 100).len();
        let figures = one.close();
        assert_eq!(figures.unsent.len() + sent, 100);
        assert!((25..75).contains(&sent), "{sent}");
    }
}
