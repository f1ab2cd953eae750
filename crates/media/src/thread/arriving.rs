//! RTP packets that arrive: judged, recorded and forwarded.

use std::net::SocketAddr;

use audio::g711::Law;
use audio::reader::Passage;
use audio::rtp::{HEADER_LEN, RtpPacket};
use model::{AudioReport, LegId, MediaReport};

use super::{Thread, hearing};
use crate::channel::Channel;
use crate::counters::add;
use crate::ear::LONGEST;
use crate::leg::{Kind, Leg};
use crate::tap::Tap;

impl Thread {
    /// Handles the datagrams that a leg kept until its peer's description was known.
    pub(super) fn hear_early(&mut self, id: LegId) {
        let early = self.legs.get_mut(&id).map(Leg::take_early).unwrap_or_default();
        for (datagram, from) in early {
            if let Some(room) = self.room.datagram.get_mut(..datagram.len()) {
                room.copy_from_slice(&datagram);
                self.handle_rtp(id, datagram.len(), from);
            }
        }
    }

    /// Handles the datagram in the buffer.
    pub(super) fn handle_rtp(&mut self, id: LegId, length: usize, from: SocketAddr) {
        let Thread { room, legs, respaced, conferences, recorder, outbox, tally, now, .. } = self;
        let (now, datagram) = (*now, room.datagram.get_mut(..length).unwrap_or_default());
        let Some(leg) = legs.get_mut(&id) else { return };
        if leg.keep_early(datagram, from) {
            return;
        }
        if !is_rtp(datagram) {
            leg.kept_alive(from, now);
            return add(&tally.packets_ignored, 1);
        }
        let Some(length) = leg.open(datagram) else { return add(&tally.packets_forged, 1) };
        let datagram = datagram.get(..length).unwrap_or_default();
        let judged = RtpPacket::parse(datagram)
            .ok()
            .and_then(|packet| leg.hear(&packet, from, now).map(|kind| (packet, kind)));
        let Some((packet, kind)) = judged else { return add(&tally.packets_ignored, 1) };
        add(&tally.packets_in, 1);
        if leg.is_spaced_anew(kind, packet.payload.len()) {
            respaced.push(id);
        }
        let (recording, other, codec) = (leg.recording, leg.other, leg.codec());
        // A leg with an ear is heard once a tick; its packets are not forwarded as well.
        let passes = leg.ear.is_none();
        if let Kind::Key(Some(digit)) = kind {
            outbox.push(MediaReport::Leg(id, AudioReport::Digit(digit)));
        }
        let passage = read(&packet, kind, &mut room.samples, now);
        if let Some(passage) = &passage {
            leg.attend(passage, now, |digit| outbox.push(MediaReport::Leg(id, AudioReport::Digit(digit))));
        }
        leg.listen(&packet, kind, now);
        let leg = if kind == Kind::Coded {
            hearing::take_down(id, (now, now), legs, recorder, outbox);
            let Some(leg) = legs.get_mut(&id) else { return };
            leg
        } else {
            leg
        };
        let speaks = leg.quality.speaks(now);
        if leg.hides(kind, now) {
            // The time of a hidden packet passes, so that nothing counts as lost.
            if let Some(tap) = recorder.tap(recording) {
                tap.key(Channel::Left, &packet, now);
            }
            return;
        }
        record(recorder.tap(recording), Channel::Left, kind, &packet, passage.as_ref(), now);
        if let (Some(call), Kind::Key(Some(digit))) = (leg.conference, kind)
            && let Some(conference) = conferences.get(&call)
        {
            for party in conference.parties_beside(id) {
                if let Some(party) = legs.get_mut(&party) {
                    _ = party.press(digit);
                }
            }
        }
        let Some(other) = other.and_then(|other| legs.get_mut(&other)) else { return };
        // Talk-over is measured on one of the two parties: the one whose packet this is.
        other.quality.beside(speaks, now);
        if other.player.is_none() {
            record(recorder.tap(other.recording), Channel::Right, kind, &packet, passage.as_ref(), now);
        }
        if !passes || !codec.zip(other.codec()).is_some_and(|(codec, own)| codec.passes_to(own)) {
            // A forwarded stream continues with the next tick. A key is sent as a new press, because its clock is
            // another one.
            if let Kind::Key(Some(digit)) = kind {
                other.press(digit);
            }
            return;
        }
        add(&tally.packets_out, u64::from(other.pass_on(&packet, kind, now, &mut room.outgoing)));
    }
}

/// Whether a datagram begins like RTP or RTCP, with version 2 (RFC 3550 section 5.1).
fn is_rtp(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_LEN && datagram.first().is_some_and(|first| first >> 6 == 2)
}

/// Gives a packet to a recording, if there is one.
fn record(
    tap: Option<&mut Tap>,
    channel: Channel,
    kind: Kind,
    packet: &RtpPacket<'_>,
    passage: Option<&Passage<'_>>,
    now: u64,
) {
    let Some(tap) = tap else { return };
    match (passage, kind) {
        (Some(passage), _) => tap.passage(channel, passage),
        (None, Kind::Key(_) | Kind::Comfort) => tap.key(channel, packet, now),
        // Packets that need a decoder's state go through the reader, in their order.
        (None, Kind::Audio(_) | Kind::Coded | Kind::Unwanted) => {}
    }
}

/// The audio of a G.711 packet that came at `now`.
fn read<'a>(
    packet: &RtpPacket<'a>,
    kind: Kind,
    samples: &'a mut [i16; LONGEST],
    now: u64,
) -> Option<Passage<'a>> {
    let law: Law = match kind {
        Kind::Audio(law) => law,
        Kind::Coded | Kind::Comfort | Kind::Key(_) | Kind::Unwanted => return None,
    };
    law.decode_into(packet.payload, samples);
    let samples = samples.get(..packet.payload.len()).unwrap_or_default();
    Some(Passage { packet: *packet, codec: law.codec(), arrived: now, samples, narrow: samples })
}
