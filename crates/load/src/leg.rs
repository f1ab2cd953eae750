//! One phone in one call: it sends stamped packets, and judges the packets that it receives.

mod heard;
#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;

use audio::rtp::RtpPacket;
use audio::srtp::Srtp;
use audio::srtp::Transform;
use sip::Codec;
use udp::DATAGRAM;

use super::ear::Ear;
use super::histogram::Histogram;
use super::name::Name;
use super::net::{Dice, Fate, Weather};
use super::stamp::{Stamp, is_as_sent};
use super::voices::{LONGEST, Voices};
use crate::phone::{Frame, Voice, law};
use heard::Heard;

pub(super) use heard::LegFigures;

/// What a phone needs to know to talk.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    /// Never used twice in a run.
    pub(super) leg: u32,
    pub(super) remote: SocketAddrV4,
    pub(super) codec: Codec,
    /// As the peer numbers the codec.
    pub(super) payload_type: u8,
    pub(super) manner: Manner,
    pub(super) telephone_event: Option<u8>,
    /// The keys of both directions, when it is encrypted.
    pub(super) srtp: Option<Srtp>,
}

/// How the two sides of a call know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Both speak G.711, whose stamps survive everything.
    Signs,
    /// Both speak one codec, in which stamps arrive when packets are passed on; when not, the name is heard.
    Stamps,
    /// They speak different codecs, and only names arrive.
    Names,
}

/// A phone in a call.
#[derive(Debug)]
pub(super) struct Leg {
    talk: Talk,
    transform: Transform,
    run: u32,
    voice: Voice,
    weather: Weather,
    dice: Dice,
    next_number: u32,
    unsent: Vec<u32>,
    sent: u64,
    heard: Heard,
    /// None where signs are all that there is.
    ear: Option<Ear>,
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
        let dice = Dice::new(run, talk.leg);
        // Any number will do that another leg does not have.
        let ssrc = run.wrapping_add(talk.leg.wrapping_mul(0x9e37_79b9));
        let mut voice = Voice::new(ssrc);
        voice.keep_time((talk.codec).clock());
        let ear = match talk.manner {
            Manner::Signs => None,
            Manner::Stamps => Some(Ear::new(run, true)),
            Manner::Names => Some(Ear::new(run, false)),
        };
        let (next_number, unsent, sent, heard) = (0, Vec::new(), 0, Heard::default());
        let transform = Transform::new(talk.srtp.as_ref());
        Leg { talk, transform, run, voice, weather, dice, next_number, unsent, sent, heard, ear }
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
        self.voice.keep_time((talk.codec).clock());
        self.talk = talk;
    }

    pub(super) fn press(&mut self, event: u8) {
        self.voice.press(event);
    }

    /// The packet of the next 20 ms; `None` when it is lost on the way, or when there is none.
    pub(super) fn next_packet(&mut self) -> Option<Packet> {
        let frame = self.voice.next(self.talk.payload_type, self.talk.telephone_event)?;
        let number = self.next_number;
        if !frame.is_key() {
            self.next_number += 1;
        }
        match self.weather.fate(&mut self.dice) {
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
    pub(super) fn print(
        &mut self,
        packet: &Packet,
        now_us: u64,
        voices: &Voices,
        datagram: &mut [u8],
    ) -> Option<usize> {
        let stamp = Stamp { run: self.run, leg: self.talk.leg, number: packet.number, sent_us: now_us };
        self.sent += 1;
        let mut room = [0; LONGEST];
        let payload = self.payload(&stamp, voices, &mut room)?;
        let length = packet.frame.print(payload, datagram)?;
        self.transform.seal_rtp(datagram, length)
    }

    /// The payload of a packet with this stamp.
    fn payload<'a>(&self, stamp: &Stamp, voices: &Voices, room: &'a mut [u8; LONGEST]) -> Option<&'a [u8]> {
        if self.talk.manner == Manner::Signs {
            let payload = room.first_chunk_mut()?;
            *payload = stamp.audio(law(self.talk.codec));
            return Some(payload);
        }
        let voice = voices.payload(self.talk.codec, Name::of(stamp.run, stamp.leg).place(stamp.number))?;
        let payload = room.get_mut(..voice.len())?;
        payload.copy_from_slice(voice);
        stamp.write(self.talk.codec, payload);
        Some(payload)
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
        voices: &Voices,
        durations: &mut Durations,
    ) -> Option<u32> {
        if Some(packet.payload_type) == self.talk.telephone_event {
            return None;
        }
        let codec = self.talk.codec;
        match Stamp::read(codec, packet.payload).filter(|stamp| stamp.run == self.run) {
            Some(stamp) => {
                let as_sent = self.is_as_sent(&stamp, packet.payload, voices);
                self.heard.stamp(&stamp, as_sent, arrived_us, durations)
            }
            None => {
                self.heard.made_by_the_system(packet, (codec).clock(), arrived_us, durations);
                let stamps = self.heard.hears_stamps();
                let name = self.ear.as_mut().filter(|_| !stamps)?.hear(codec, packet.payload)?;
                self.heard.name(name)
            }
        }
    }

    /// Whether a payload came as its sender sent it.
    fn is_as_sent(&self, stamp: &Stamp, payload: &[u8], voices: &Voices) -> bool {
        if self.talk.manner == Manner::Signs {
            return is_as_sent(payload, law(self.talk.codec));
        }
        let mut room = [0; LONGEST];
        self.payload(stamp, voices, &mut room).is_some_and(|sent| sent == payload)
    }

    /// The call is over.
    pub(super) fn close(self) -> LegFigures {
        let decoded = self.ear.as_ref().map_or(0, Ear::decoded);
        LegFigures { leg: self.talk.leg, sent: self.sent, unsent: self.unsent, decoded, ..self.heard.close() }
    }
}
