//! One leg: its sockets, what it hears and what it sends.

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
    /// The recording that this customer's leg is the left of.
    pub(crate) recording: Option<RecordingId>,
    /// Reads what the peer says, where that takes a decoder's memory: in any codec but G.711.
    pub(crate) reader: Option<Box<Reader>>,
    /// Hears the peer where packets cannot pass as they came.
    pub(crate) ear: Option<Ear>,
    /// Speaks to the peer what is not there in its codec.
    mouth: Option<Mouth>,
    /// Listens for keys among the audio of a peer that has no telephone events.
    in_band: Option<Box<DtmfDetector>>,
    pub(crate) quality: Quality,
    /// Keeps the peer from the others.
    pub(crate) shield: Shield,
    /// When its bridge began.
    pub(crate) bridged_at: u64,
    /// What came before the peer's side was known, oldest first.
    early: Early,
    keys: EventSender,
    key_began: u32,
    outgoing: Outgoing,
    passed_at: u64,
    /// Makes packets of another length than our frames, where the peer asked for that.
    packing: Option<Box<Packing>>,
    /// How long the peer's packets are.
    spacing: Spacing,
}

impl Leg {
    pub(crate) fn new(id: LegId, pair: Pair) -> Leg {
        let random = || getrandom::u32().unwrap_or(0x5eed_1e55);
        // Below 2^15: a receiver of SRTP that misses the first packets does not miss a wrap (RFC 4568
        // section 6.4).
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

    /// The peer's side is known, or changed.
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
        // The peer's signalling shows that it lives, and whether it may be silent is judged again.
        link.lives(now);
        if remote.direction.receives() && remote.direction != link.remote.direction {
            (link.last_heard, link.one_way_told) = (now, false);
        }
        link.change_keys(remote.srtp.as_deref());
        link.remote = remote;
    }

    /// Takes the next datagram from its socket, and who sent it.
    pub(crate) fn receive(&self, datagram: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self.link.as_ref().and_then(Link::tied_to) {
            Some(peer) => Ok((self.pair.rtp.recv(datagram)?, peer)),
            None => self.pair.rtp.recv_from(datagram),
        }
    }

    /// Takes the protection off a datagram, in place; the length of its packet, or `None` when it is not
    /// authentic.
    pub(crate) fn open(&mut self, datagram: &mut [u8]) -> Option<usize> {
        match &mut self.link {
            Some(link) => link.transform.open_rtp(datagram),
            None => Some(datagram.len()),
        }
    }

    /// Keeps a datagram that came before the peer's side is known: it may be a key. True when it was kept.
    pub(crate) fn keep_early(&mut self, datagram: &[u8], from: SocketAddr) -> bool {
        self.link.is_none() && self.early.keep(datagram, from)
    }

    /// What came early and may be keys, now that the peer's side is known; once.
    pub(crate) fn take_early(&mut self) -> Vec<Kept> {
        let event = self.link.as_ref().and_then(|link| link.remote.telephone_event);
        self.early.take(event)
    }

    /// Notes a datagram on the RTP port that is no RTP.
    pub(crate) fn kept_alive(&mut self, from: SocketAddr, now: u64) {
        if let Some(link) = &mut self.link {
            link.kept_alive(from, now);
        }
    }

    /// Hears the other party of a new bridge from now on.
    pub(crate) fn bridged(&mut self, other: LegId, now: u64) {
        self.other = Some(other);
        self.meets(now);
    }

    /// Somebody else hears the peer from now on: that it is not heard, or silent, is judged again.
    pub(crate) fn meets(&mut self, now: u64) {
        self.bridged_at = now;
        if let Some(link) = &mut self.link {
            link.one_way_told = false;
            link.lives(now);
        }
    }

    /// Judges a packet that came from `from`; `None` when it is not of the peer.
    pub(crate) fn hear(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, now: u64) -> Option<Kind> {
        let link = self.link.as_mut()?;
        let kind = link.hear(packet, from, now)?;
        link.tie(&self.pair.rtp, now);
        self.quality.packet(packet.ssrc, packet.sequence);
        Some(kind)
    }

    /// Listens beyond the peer's address when nothing has come from there for a second.
    pub(crate) fn loosen(&mut self, now: u64) {
        if let Some(link) = &mut self.link {
            link.loosen(&self.pair.rtp, now);
        }
    }

    /// The codec of both directions, once it is known.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.link.as_ref().map(|link| link.remote.codec)
    }

    /// True when the packets of this leg can be passed to `other` as they come: its codec is the same, or the other
    /// law, and its peer wants packets of this length.
    pub(crate) fn passes_to(&self, other: &Leg) -> bool {
        let Some((own, other)) = self.link.as_ref().zip(other.link.as_ref()) else { return false };
        own.remote.codec.passes_to(other.remote.codec) && self.spacing.suits(wanted_ms(&other.remote))
    }

    /// Has a reader, an ear and a mouth where they are needed. `hears`: what the peer says cannot be passed to the
    /// bridged leg as it comes. `spoken_to`: nor can what that leg's peer says be passed to this one.
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

    /// True once for each time that a bridged peer that should send is not heard from `limit` samples on.
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

    /// What the peer's audio was like.
    pub(crate) fn measured(&self) -> Option<LegQuality> {
        let link = self.link.as_ref()?;
        self.quality.read(link.remote.codec, link.source.as_ref().map_or(0, Source::jitter))
    }

    /// Notes how long a packet of audio is. True when the peer's packets have another length from now on.
    pub(crate) fn is_spaced_anew(&mut self, kind: Kind, payload: usize) -> bool {
        match (kind, self.codec()) {
            (Kind::Audio(_) | Kind::Coded, Some(codec)) => self.spacing.hear(codec, payload),
            _ => false,
        }
    }

    /// Gives a packet to the reader and the ear, if there are any.
    pub(crate) fn listen(&mut self, packet: &RtpPacket<'_>, kind: Kind, now: u64) {
        match (kind, &mut self.reader) {
            (Kind::Coded, Some(reader)) => reader.push(packet, now),
            // A number that is not missing.
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

    /// Judges what the peer says, and tells of keys in it.
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

    /// True when nothing of the peer may reach another leg or a recording at `now`.
    pub(crate) fn is_shielded(&mut self, now: u64) -> bool {
        let sounds = self.key_sounds();
        self.shield.hides(sounds, now)
    }

    /// The same for a packet: that of a key which began behind the shield is hidden to its end.
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

/// What was made, or nothing and a line in the log: the leg goes on without.
fn told<T>(leg: LegId, made: Result<T, CodecError>) -> Option<T> {
    made.inspect_err(|error| tracing::error!(%leg, %error, "a codec cannot be set up; the leg is silent"))
        .ok()
}
