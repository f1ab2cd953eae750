//! One leg: its sockets, the packets that it receives and those that it sends.

mod early;
mod link;
mod packet;
mod packing;
mod rtcp;
mod shield;
mod speech;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use audio::codec::CodecError;
use audio::dtmf::DtmfDetector;
use audio::outgoing::Outgoing;
use audio::playout::Payload;
use audio::reader::{Passage, Reader};
use audio::rtp::RtpPacket;
use audio::source::Source;
use audio::telephone_event::EventSender;
use model::{CallId, Codec, Digit, LegId, LegQuality, RecordingId, RemoteMedia};

use crate::ear::{Ear, Mouth};
use crate::player::{Pause, Player};
use crate::ports::Pair;
use crate::quality::Quality;
use early::Early;
pub(crate) use early::Kept;
pub(crate) use link::Link;
pub(crate) use packet::{DATAGRAM, Kind};
use packing::{Packing, Spacing, wanted_ms};
use shield::Shield;

/// A leg with its open ports.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) pair: Pair,
    pub(crate) link: Option<Link>,
    pub(crate) player: Option<Player>,
    pub(crate) music: Option<Pause>,
    /// The other leg of the bridge.
    pub(crate) other: Option<LegId>,
    /// The call whose conference it takes part in.
    pub(crate) conference: Option<CallId>,
    /// The recording whose left channel this customer's leg is.
    pub(crate) recording: Option<RecordingId>,
    /// Decodes the peer's packets in order, for recordings and meters; `None` for G.711, whose packets need no order.
    pub(crate) reader: Option<Box<Reader>>,
    /// Decodes the peer for other legs, where packets cannot be forwarded as they came.
    pub(crate) ear: Option<Ear>,
    /// Encodes audio for the peer that does not come in its codec.
    mouth: Option<Mouth>,
    /// Detects keys in the audio of a peer without telephone events.
    in_band: Option<Box<DtmfDetector>>,
    pub(crate) quality: Quality,
    /// Hides the peer from the other legs.
    pub(crate) shield: Shield,
    /// When its bridge began.
    pub(crate) bridged_at: u64,
    /// Datagrams that came before the peer's description was known, oldest first.
    early: Early,
    keys: EventSender,
    key_began: u32,
    outgoing: Outgoing,
    passed_at: u64,
    /// Repacks our frames of 20 ms to the length that the peer asked for.
    packing: Option<Box<Packing>>,
    /// The length of the peer's packets.
    spacing: Spacing,
}

impl Leg {
    pub(crate) fn new(id: LegId, pair: Pair) -> Leg {
        let random = || getrandom::u32().unwrap_or(0x5eed_1e55);
        // Below 2^15: a receiver of SRTP that misses the first packets then does not miss a wrap of the sequence
        // number (RFC 4568 section 6.4).
        let first_sequence = random() as u16 >> 1;
        Leg {
            id,
            pair,
            link: None,
            player: None,
            music: None,
            other: None,
            conference: None,
            recording: None,
            reader: None,
            ear: None,
            mouth: None,
            in_band: None,
            quality: Quality::default(),
            shield: Shield::default(),
            bridged_at: 0,
            early: Early::default(),
            keys: EventSender::default(),
            key_began: 0,
            outgoing: Outgoing::new(random(), first_sequence, random()),
            passed_at: 0,
            packing: None,
            spacing: Spacing::default(),
        }
    }

    /// Takes the peer's description, which is new or has changed.
    pub(crate) fn connect(&mut self, remote: RemoteMedia, now: u64) {
        self.outgoing.set_clock(remote.codec.clock(), now);
        self.packing = self.packing.take().filter(|packing| packing.suits(&remote));
        if self.packing.is_none() {
            self.packing = Packing::new(&remote).map(Box::new);
        }
        self.in_band = match remote.telephone_event {
            Some(_) => None,
            None => self.in_band.take().or_else(|| Some(Box::default())),
        };
        let Some(link) = &mut self.link else {
            self.link = Some(Link::new(remote, now));
            return;
        };
        link.announce(&remote, &self.pair.rtp, now);
        if link.remote.codec != remote.codec {
            link.source = None;
        }
        // A message of the peer's signalling shows that the peer lives. From here on its silence is timed again.
        link.lives(now);
        if remote.direction.receives() && remote.direction != link.remote.direction {
            (link.last_heard, link.one_way_told) = (now, false);
        }
        link.change_keys(remote.srtp.as_deref());
        link.remote = remote;
    }

    /// Receives the next datagram of the RTP socket: its length and sender.
    pub(crate) fn receive(&self, datagram: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self.link.as_ref().and_then(Link::tied_to) {
            Some(peer) => Ok((self.pair.rtp.recv(datagram)?, peer)),
            None => self.pair.rtp.recv_from(datagram),
        }
    }

    /// Removes the protection of a datagram, in place; returns the length of its packet, or `None` when it is not
    /// authentic.
    pub(crate) fn open(&mut self, datagram: &mut [u8]) -> Option<usize> {
        match &mut self.link {
            Some(link) => link.transform.open_rtp(datagram),
            None => Some(datagram.len()),
        }
    }

    /// Keeps a datagram that came before the peer's description is known, because it may be a key. Returns whether it
    /// was kept.
    pub(crate) fn keep_early(&mut self, datagram: &[u8], from: SocketAddr) -> bool {
        self.link.is_none() && self.early.keep(datagram, from)
    }

    /// Returns the kept datagrams that may be keys, once the peer's description is known, and forgets all.
    pub(crate) fn take_early(&mut self) -> Vec<Kept> {
        let event = self.link.as_ref().and_then(|link| link.remote.telephone_event);
        self.early.take(event)
    }

    /// Notes a datagram on the RTP port that is not RTP: it shows that the peer lives.
    pub(crate) fn kept_alive(&mut self, from: SocketAddr, now: u64) {
        if let Some(link) = &mut self.link {
            link.kept_alive(from, now);
        }
    }

    /// Bridges the leg with `other` from now on.
    pub(crate) fn bridged(&mut self, other: LegId, now: u64) {
        self.other = Some(other);
        self.meets(now);
    }

    /// Another party hears the peer from now on: its silence and one-way audio are timed again.
    pub(crate) fn meets(&mut self, now: u64) {
        self.bridged_at = now;
        if let Some(link) = &mut self.link {
            link.one_way_told = false;
            link.lives(now);
        }
    }

    /// Judges a packet that came from `from`; `None` when it is not the peer's.
    pub(crate) fn hear(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, now: u64) -> Option<Kind> {
        let link = self.link.as_mut()?;
        let kind = link.hear(packet, from, now)?;
        link.tie(&self.pair.rtp, now);
        self.quality.packet(packet.ssrc, packet.sequence);
        Some(kind)
    }

    /// Accepts packets from other addresses again when the peer's address has been silent for a second.
    pub(crate) fn loosen(&mut self, now: u64) {
        if let Some(link) = &mut self.link {
            link.loosen(&self.pair.rtp, now);
        }
    }

    /// The codec of both directions, once it is known.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.link.as_ref().map(|link| link.remote.codec)
    }

    /// Whether packets of this leg can be forwarded to `other` as they come: it has the same codec or the other law of
    /// G.711, and its peer wants packets of this length.
    pub(crate) fn passes_to(&self, other: &Leg) -> bool {
        let Some((own, other)) = self.link.as_ref().zip(other.link.as_ref()) else { return false };
        own.remote.codec.passes_to(other.remote.codec) && self.spacing.suits(wanted_ms(&other.remote))
    }

    /// Makes or drops the reader, ear and mouth. `hears`: the peer's packets cannot be forwarded to the bridged leg as
    /// they come. `spoken_to`: nor can that leg's packets to this one.
    pub(crate) fn equip(&mut self, hears: bool, spoken_to: bool) {
        let Some(link) = &self.link else { return };
        let own = link.remote.codec;
        let hears = self.conference.is_some() || hears;
        self.reader = self.reader.take().filter(|reader| reader.codec() == own);
        if self.reader.is_none() && !own.is_g711() {
            self.reader = told(self.id, Reader::new(own)).map(Box::new);
        }
        self.ear = self.ear.take().filter(|ear| hears && ear.codec() == own);
        if self.ear.is_none() && hears {
            self.ear = told(self.id, Ear::new(own, self.id.number() as u64));
        }
        self.mouth = self.mouth.take().filter(|mouth| mouth.suits(&link.remote));
        if self.mouth.is_none() && (hears || spoken_to || !own.is_g711()) {
            self.mouth = told(self.id, Mouth::new(&link.remote));
        }
    }

    /// Whether a bridged peer that should send has not been heard for `limit` samples. `true` once for each such time.
    pub(crate) fn poll_one_way(&mut self, now: u64, limit: u64) -> bool {
        let Some(link) = self.link.as_mut().filter(|_| self.other.is_some() || self.conference.is_some())
        else {
            return false;
        };
        let since = link.last_heard.max(self.bridged_at);
        let found = link.remote.direction.receives()
            && !link.rests
            && !link.one_way_told
            && now.saturating_sub(since) >= limit;
        link.one_way_told |= found;
        found
    }

    /// The quality of the peer's audio.
    pub(crate) fn measured(&self) -> Option<LegQuality> {
        let link = self.link.as_ref()?;
        self.quality.read(link.remote.codec, link.source.as_ref().map_or(0, Source::jitter))
    }

    /// Notes the length of an audio packet. Returns whether the length of the peer's packets has changed.
    pub(crate) fn is_spaced_anew(&mut self, kind: Kind, payload: usize) -> bool {
        match (kind, self.codec()) {
            (Kind::Audio(_) | Kind::Coded, Some(codec)) => self.spacing.hear(codec, payload),
            _ => false,
        }
    }

    /// Gives a packet to the reader and the ear, where there are any.
    pub(crate) fn listen(&mut self, packet: &RtpPacket<'_>, kind: Kind, now: u64) {
        match (kind, &mut self.reader) {
            (Kind::Coded, Some(reader)) => reader.push(packet, now),
            // The packet holds no audio, and its sequence number is not missing.
            (_, Some(reader)) => reader.skip(packet, now),
            (_, None) => {}
        }
        let payload = match kind {
            Kind::Audio(_) | Kind::Coded => Payload::Audio,
            Kind::Comfort => Payload::Comfort,
            Kind::Key(_) => Payload::Event,
            Kind::Unwanted => return,
        };
        if let Some(ear) = &mut self.ear {
            ear.push(packet, payload, now);
        }
    }

    /// Measures what the peer says; calls `pressed` for each key in its audio.
    pub(crate) fn attend(&mut self, passage: &Passage<'_>, now: u64, mut pressed: impl FnMut(Digit)) {
        self.quality.audio(passage.narrow, now);
        if let Some(in_band) = &mut self.in_band {
            in_band.listen(passage.narrow, |event| {
                if let Some(digit) = Digit::from_event(event) {
                    pressed(digit);
                }
            });
        }
    }

    /// Whether the peer is hidden at `now`: nothing of it may reach another leg or a recording.
    pub(crate) fn is_shielded(&mut self, now: u64) -> bool {
        let sounds = self.key_sounds();
        self.shield.hides(sounds, now)
    }

    /// As [`Leg::is_shielded`], for a packet: a key that began while the peer was hidden is hidden to its end.
    pub(crate) fn hides(&mut self, kind: Kind, now: u64) -> bool {
        let sounds = self.key_sounds();
        match kind {
            Kind::Key(pressed) => self.shield.hides_key(pressed.is_some(), sounds, now),
            Kind::Audio(_) | Kind::Coded | Kind::Comfort | Kind::Unwanted => self.shield.hides(sounds, now),
        }
    }

    fn key_sounds(&self) -> bool {
        self.in_band.as_ref().is_some_and(|in_band| in_band.is_pressed())
    }
}

/// The result, or `None` and a line in the log: the leg goes on without it.
fn told<T>(leg: LegId, made: Result<T, CodecError>) -> Option<T> {
    made.inspect_err(|error| tracing::error!(%leg, %error, "a codec cannot be set up; the leg is silent"))
        .ok()
}
