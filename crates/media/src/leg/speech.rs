//! What a leg sends to its peer: prompts and music, the other party's packets or frames, keys, silence.

use audio::FRAME;
use audio::g711::Law;
use audio::outgoing::Stamp;
use audio::rtp::{HEADER_LEN, RtpPacket};
use audio::telephone_event::EventFrame;
use model::Digit;

use super::Leg;
use super::packet::{COMFORT_NOISE, DATAGRAM, Kind};
use crate::ear::LONGEST;
use crate::encodings::Encodings;
use crate::player::Player;

/// A bridged leg that nothing was forwarded to for this long is sent silence, so that its peer and the networks
/// between keep the stream alive (200 ms).
const QUIET: u64 = 1600;

impl Leg {
    /// Sends 20 ms of the bridged leg or of a conference to the peer; returns the number of packets.
    pub(crate) fn say(&mut self, samples: &[i16], rate: u32, clock: u64, room: &mut [u8; DATAGRAM]) -> u64 {
        if self.player.is_some() || !self.keys.is_idle() {
            return 0;
        }
        self.passed_at = clock;
        self.speak(samples, rate, clock, room)
    }

    pub(crate) fn press(&mut self, digit: Digit) -> bool {
        self.keys.press(digit.event())
    }

    /// Forwards a packet of the bridged leg; `room` is a buffer for it. Returns whether it was sent.
    pub(crate) fn pass_on(
        &mut self,
        packet: &RtpPacket<'_>,
        kind: Kind,
        now: u64,
        room: &mut [u8; DATAGRAM],
    ) -> bool {
        self.send_rest(now, room);
        let Some(link) = &mut self.link else { return false };
        if !link.sends() || self.player.is_some() || !self.keys.is_idle() {
            return false;
        }
        let incoming = (packet.ssrc, packet.sequence, packet.timestamp);
        let (payload_type, steady) = match kind {
            Kind::Unwanted => return false,
            Kind::Key(_) => match link.remote.telephone_event {
                Some(payload_type) => (payload_type, false),
                None => return false,
            },
            Kind::Comfort if !link.remote.comfort_noise => return false,
            Kind::Comfort => (COMFORT_NOISE, true),
            Kind::Audio(_) | Kind::Coded => (link.remote.payload_type, true),
        };
        let stamp = self.outgoing.forward(incoming, now, steady, packet.payload.len());
        // The marker of a key's packet is the sender's. That the stream has a new offset is marked in the next audio
        // packet.
        let marker = packet.marker || (steady && stamp.marker);
        self.passed_at = now;
        let Some(length) = print(Stamp { marker, ..stamp }, payload_type, packet.payload, room) else {
            return false;
        };
        let datagram = room.get_mut(..length).unwrap_or_default();
        if let (Kind::Audio(law), Some(own), Some(codes)) =
            (kind, Law::of(link.remote.codec), datagram.get_mut(HEADER_LEN..))
        {
            law.transcode(own, codes);
        }
        link.send(&self.pair.rtp, room, length)
    }

    /// Sends what is due in the tick that begins at `clock`.
    pub(crate) fn tick(
        &mut self,
        clock: u64,
        encodings: &mut Encodings,
        room: &mut [u8; DATAGRAM],
    ) -> Ticked {
        let mut ticked = Ticked::default();
        let Some(link) = &self.link else { return ticked };
        let event_type = link.remote.telephone_event;
        match (self.keys.poll_frame(), event_type) {
            (EventFrame::Packet { event, first }, Some(payload_type)) => {
                ticked.sent += self.send_rest(clock, room);
                if first {
                    self.key_began = self.outgoing.timestamp(clock);
                }
                let stamp = self.outgoing.own_at(self.key_began, 4);
                let stamp = Stamp { marker: first, ..stamp };
                ticked.sent += u64::from(self.send(stamp, payload_type, &event.print(), room));
            }
            (EventFrame::Pause, Some(_)) => {}
            (EventFrame::Idle, _) | (_, None) => self.tick_audio(clock, encodings, &mut ticked, room),
        }
        ticked
    }

    fn tick_audio(
        &mut self,
        clock: u64,
        encodings: &mut Encodings,
        ticked: &mut Ticked,
        room: &mut [u8; DATAGRAM],
    ) {
        let law = self.codec().and_then(Law::of);
        if let (Some(player), Some(link)) = (&mut self.player, &self.link) {
            // Clips are kept in both laws. In other codecs a frame is kept once a listener has asked for it.
            let Some(frame) = player.frame(law.unwrap_or(Law::A)) else {
                ticked.ended = self.player.take();
                return;
            };
            let coded = match law {
                Some(_) => Some(&frame.codes[..]),
                None => player.coded(&frame, &link.remote, encodings),
            };
            ticked.sent += match coded {
                Some([]) => 0,
                Some(codes) => self.send_frame(codes, clock, room),
                None => self.speak(&frame.samples, audio::RATE, clock, room),
            };
            ticked.samples = Some(frame.samples);
        } else if (self.other.is_none() && self.conference.is_none())
            || clock.saturating_sub(self.passed_at) > QUIET
        {
            ticked.sent += match law {
                Some(law) => self.send_frame(&[law.silence(); FRAME], clock, room),
                None => self.speak(&[0; FRAME], audio::RATE, clock, room),
            };
        }
    }

    /// Encodes and sends 20 ms of audio at `rate`; returns the number of packets.
    fn speak(&mut self, samples: &[i16], rate: u32, clock: u64, room: &mut [u8; DATAGRAM]) -> u64 {
        let mut payload = [0; LONGEST];
        let Some(mouth) = &mut self.mouth else { return 0 };
        let Some(length) = mouth.say(samples, rate, &mut payload) else { return 0 };
        self.send_frame(payload.get(..length).unwrap_or_default(), clock, room)
    }

    /// Sends a frame as a packet, or the packets of the peer's length that it completes.
    fn send_frame(&mut self, codes: &[u8], clock: u64, room: &mut [u8; DATAGRAM]) -> u64 {
        let mut sent = 0;
        if self.packing.as_ref().is_some_and(|packing| !packing.goes_on(clock)) {
            sent += self.send_rest(clock, room);
        }
        let Some(mut packing) = self.packing.take() else {
            return u64::from(self.send_audio(codes, clock, room));
        };
        packing.put(codes, clock);
        while let Some((begins, codes)) = packing.poll() {
            sent += u64::from(self.send_audio(codes, begins, room));
        }
        self.packing = Some(packing);
        sent
    }

    /// Sends what waits for a packet to be full, before something else is sent at `clock`.
    fn send_rest(&mut self, clock: u64, room: &mut [u8; DATAGRAM]) -> u64 {
        let Some(mut packing) = self.packing.take() else { return 0 };
        let rest = packing.poll_rest(clock);
        let sent = rest.is_some_and(|(begins, codes)| self.send_audio(codes, begins, room));
        self.packing = Some(packing);
        u64::from(sent)
    }

    fn send_audio(&mut self, codes: &[u8], clock: u64, room: &mut [u8; DATAGRAM]) -> bool {
        let Some(link) = self.link.as_ref().filter(|link| link.sends()) else { return false };
        let payload_type = link.remote.payload_type;
        let stamp = self.outgoing.own(clock, codes.len());
        self.send(stamp, payload_type, codes, room)
    }

    fn send(&mut self, stamp: Stamp, payload_type: u8, payload: &[u8], room: &mut [u8; DATAGRAM]) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| link.sends()) else { return false };
        let Some(length) = print(stamp, payload_type, payload, room) else { return false };
        link.send(&self.pair.rtp, room, length)
    }
}

/// The results of a tick.
#[derive(Debug, Default)]
pub(crate) struct Ticked {
    /// Packets sent.
    pub(crate) sent: u64,
    /// The audio that was due to the peer, whether it was sent or not.
    pub(crate) samples: Option<[i16; FRAME]>,
    /// A play that has ended.
    pub(crate) ended: Option<Player>,
}

/// Writes a packet into `room`; its length.
fn print(stamp: Stamp, payload_type: u8, payload: &[u8], room: &mut [u8; DATAGRAM]) -> Option<usize> {
    let Stamp { marker, sequence, timestamp, ssrc } = stamp;
    RtpPacket { marker, payload_type, sequence, timestamp, ssrc, payload }.print(room)
}
