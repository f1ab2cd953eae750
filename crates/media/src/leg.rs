//! One leg: its sockets, what it hears and what it sends.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use audio::FRAME;
use audio::g711::Law;
use audio::latch::Latch;
use audio::outgoing::{Outgoing, Stamp};
use audio::rtcp::{self, RtcpPacket, SenderPart};
use audio::rtp::{HEADER_LEN, RtpPacket};
use audio::source::Source;
use audio::telephone_event::{EventFrame, EventReceiver, EventSender};
use model::{Codec, Digit, LegId, RecordingId, RemoteMedia};

use crate::player::{Pause, Player};
use crate::ports::Pair;
use crate::transform::{ADDED, Transform};

/// Longest payload taken or sent: an Ethernet frame's worth.
pub(crate) const LONGEST: usize = 1480;
/// Longest datagram taken or sent; what is longer is cut and then refused as RTP.
pub(crate) const DATAGRAM: usize = HEADER_LEN + LONGEST + ADDED + 1;
/// A bridged leg that was passed nothing for this long is sent silence, so that its peer and the
/// networks between keep the stream alive (200 ms).
const QUIET: u64 = 1600;

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
    /// The recording that this customer's leg is the left of.
    pub(crate) recording: Option<RecordingId>,
    keys: EventSender,
    key_began: u32,
    outgoing: Outgoing,
    passed_at: u64,
}

/// What is known of the peer once it is connected.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) remote: RemoteMedia,
    pub(crate) last_heard: u64,
    pub(crate) silence_told: bool,
    transform: Transform,
    latch: Latch,
    source: Option<Source>,
    lost_told: i64,
    presses: EventReceiver,
    rtcp: Option<SocketAddr>,
    /// The middle of the peer's last sender report's time, and when it came.
    sender_report: Option<(u32, u64)>,
    pub(crate) next_report: u64,
}

/// What a packet of the peer brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Speech.
    Audio(Law),
    /// A key: pressed just now, or going on.
    Key(Option<Digit>),
    /// Audio of a peer that should not send now.
    Unwanted,
}

/// Samples between two RTCP reports (5 s, RFC 3550 section 6.2).
const REPORT: u64 = 40_000;

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
            recording: None,
            keys: EventSender::default(),
            key_began: 0,
            outgoing: Outgoing::new(random(), first_sequence, random()),
            passed_at: 0,
        }
    }

    /// The peer's side is known, or changed.
    pub(crate) fn connect(&mut self, remote: RemoteMedia, now: u64) {
        let Some(link) = &mut self.link else {
            self.link = Some(Link::new(remote, now));
            return;
        };
        link.latch.announce(remote.rtp);
        if remote.direction.receives() && !link.remote.direction.receives() {
            (link.last_heard, link.silence_told) = (now, false);
        }
        link.transform.change(link.remote.srtp.as_ref(), remote.srtp.as_ref());
        link.remote = remote;
    }

    /// Takes the protection off a datagram, in place; the length of its packet, or `None` when it is not
    /// authentic.
    pub(crate) fn open(&mut self, datagram: &mut [u8]) -> Option<usize> {
        match &mut self.link {
            Some(link) => link.transform.open_rtp(datagram),
            None => Some(datagram.len()),
        }
    }

    /// Judges a packet that came from `from`; `None` when it is not of the peer.
    pub(crate) fn hear(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, now: u64) -> Option<Kind> {
        self.link.as_mut()?.hear(packet, from, now)
    }

    pub(crate) fn press(&mut self, digit: Digit) -> bool {
        self.keys.press(digit.event())
    }

    /// Passes on a packet of the bridged leg by way of `room`. False when it was not sent.
    pub(crate) fn pass_on(
        &mut self,
        packet: &RtpPacket<'_>,
        kind: Kind,
        now: u64,
        room: &mut [u8; DATAGRAM],
    ) -> bool {
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
            Kind::Audio(_) => (link.remote.codec.payload_type(), true),
        };
        let stamp = self.outgoing.forward(incoming, now, steady, packet.payload.len());
        // A key's marker is its sender's: that the stream begins anew is said by the next audio.
        let marker = packet.marker || (steady && stamp.marker);
        self.passed_at = now;
        let Some(length) = print(Stamp { marker, ..stamp }, payload_type, packet.payload, room) else {
            return false;
        };
        let datagram = room.get_mut(..length).unwrap_or_default();
        if let (Kind::Audio(law), Some(codes)) = (kind, datagram.get_mut(HEADER_LEN..)) {
            law.transcode(link.law(), codes);
        }
        link.send(&self.pair.rtp, room, length)
    }

    /// What is due in the tick that begins at `clock`.
    pub(crate) fn tick(&mut self, clock: u64, room: &mut [u8; DATAGRAM]) -> Ticked {
        let mut ticked = Ticked::default();
        let Some(link) = &self.link else { return ticked };
        let (law, event_type) = (link.law(), link.remote.telephone_event);
        match (self.keys.poll_frame(), event_type) {
            (EventFrame::Packet { event, first }, Some(payload_type)) => {
                if first {
                    self.key_began = self.outgoing.timestamp(clock);
                }
                let stamp = self.outgoing.own_at(self.key_began, 4);
                let stamp = Stamp { marker: first, ..stamp };
                ticked.sent += u64::from(self.send(stamp, payload_type, &event.print(), room));
            }
            (EventFrame::Pause, Some(_)) => {}
            (EventFrame::Idle, _) | (_, None) => self.tick_audio(law, clock, &mut ticked, room),
        }
        ticked
    }

    fn tick_audio(&mut self, law: Law, clock: u64, ticked: &mut Ticked, room: &mut [u8; DATAGRAM]) {
        if let Some(player) = &mut self.player {
            let Some(frame) = player.frame(law) else {
                ticked.ended = self.player.take();
                return;
            };
            ticked.sent += u64::from(self.send_frame(&frame.codes, clock, room));
            ticked.samples = Some(frame.samples);
        } else if self.other.is_none() || clock.saturating_sub(self.passed_at) > QUIET {
            ticked.sent += u64::from(self.send_frame(&[law.silence(); FRAME], clock, room));
        }
    }

    fn send_frame(&mut self, codes: &[u8], clock: u64, room: &mut [u8; DATAGRAM]) -> bool {
        let Some(link) = self.link.as_ref().filter(|link| link.sends()) else { return false };
        let payload_type = link.remote.codec.payload_type();
        let stamp = self.outgoing.own(clock, codes.len());
        self.send(stamp, payload_type, codes, room)
    }

    fn send(&mut self, stamp: Stamp, payload_type: u8, payload: &[u8], room: &mut [u8; DATAGRAM]) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| link.sends()) else { return false };
        let Some(length) = print(stamp, payload_type, payload, room) else { return false };
        link.send(&self.pair.rtp, room, length)
    }

    /// Takes an RTCP compound of the peer; false when it is not authentic.
    pub(crate) fn hear_rtcp(&mut self, datagram: &mut [u8], from: SocketAddr, now: u64) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| from.ip() == link.latch.target().ip()) else {
            return true;
        };
        let Some(length) = link.transform.open_rtcp(datagram) else { return false };
        for packet in rtcp::parse(datagram.get(..length).unwrap_or_default()) {
            match packet {
                Ok(RtcpPacket::SenderReport { sender, .. }) => {
                    link.rtcp = Some(from);
                    link.sender_report = Some((sender.middle_of_ntp(), now));
                }
                Ok(RtcpPacket::ReceiverReport { .. }) => link.rtcp = Some(from),
                // A good-bye in RTCP ends nothing: signalling does.
                Ok(
                    RtcpPacket::SourceDescription { .. } | RtcpPacket::Bye { .. } | RtcpPacket::Other { .. },
                ) => {}
                Err(error) => {
                    tracing::trace!(leg = %self.id, %error, "RTCP that cannot be read");
                    break;
                }
            }
        }
        true
    }

    /// Sends an RTCP report, with good-bye when the leg closes; returns packets newly known as lost.
    pub(crate) fn report(&mut self, now: u64, ntp: u64, bye: bool) -> u64 {
        let Some(link) = &mut self.link else { return 0 };
        link.next_report = now.saturating_add(REPORT);
        let block = link.source.as_mut().and_then(Source::report).map(|mut block| {
            if let Some((middle, at)) = link.sender_report {
                block.last_sender_report = middle;
                // 65,536ths of a second from samples.
                let delay = now.saturating_sub(at).saturating_mul(65_536) / u64::from(audio::RATE);
                block.delay_since = u32::try_from(delay).unwrap_or(u32::MAX);
            }
            block
        });
        let (packets, octets) = self.outgoing.sent();
        let rtp_timestamp = self.outgoing.timestamp(now);
        let sender = (packets > 0 && link.remote.direction.sends()).then_some(SenderPart {
            ntp,
            rtp_timestamp,
            packets,
            octets,
        });
        let mut bytes = rtcp::compound(self.outgoing.ssrc(), sender, block, "hotline", bye);
        let length = bytes.len();
        bytes.resize(length + ADDED, 0);
        let sealed = link.transform.seal_rtcp(&mut bytes, length).and_then(|length| bytes.get(..length));
        let target = link.rtcp_target();
        if let Some(bytes) = sealed
            && !target.ip().is_unspecified()
            && target.port() != 0
        {
            // Lost like any packet when it cannot be sent.
            let _: io::Result<usize> = self.pair.rtcp.send_to(bytes, target);
        }
        link.newly_lost()
    }
}

/// What a tick did.
#[derive(Debug, Default)]
pub(crate) struct Ticked {
    /// Packets sent.
    pub(crate) sent: u64,
    /// What the peer heard, or would have.
    pub(crate) samples: Option<[i16; FRAME]>,
    /// A play that came to its end.
    pub(crate) ended: Option<Player>,
}

impl Link {
    fn new(remote: RemoteMedia, now: u64) -> Link {
        Link {
            latch: Latch::new(remote.rtp),
            transform: Transform::new(remote.srtp.as_ref()),
            remote,
            last_heard: now,
            silence_told: false,
            source: None,
            lost_told: 0,
            presses: EventReceiver::default(),
            rtcp: None,
            sender_report: None,
            next_report: now.saturating_add(REPORT),
        }
    }

    fn hear(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, now: u64) -> Option<Kind> {
        let key = self.remote.telephone_event == Some(packet.payload_type);
        // Some peers send the other law than they agreed to; the packet says which it is.
        let law = [Codec::Pcmu, Codec::Pcma]
            .into_iter()
            .find(|codec| codec.payload_type() == packet.payload_type)
            .map(law_of);
        if (!key && law.is_none()) || packet.payload.is_empty() || packet.payload.len() > LONGEST {
            return None;
        }
        if !self.latch.accepts(from, packet.ssrc, packet.sequence) {
            return None;
        }
        (self.last_heard, self.silence_told) = (now, false);
        if self.source.as_ref().is_none_or(|source| source.ssrc() != packet.ssrc) {
            self.source = Some(Source::new(packet.ssrc, packet.sequence));
            self.lost_told = 0;
        }
        if let Some(source) = &mut self.source {
            source.handle(packet, now);
        }
        match law {
            _ if key => {
                let pressed = self.presses.handle(packet.ssrc, packet.timestamp, packet.payload);
                Some(Kind::Key(pressed.and_then(Digit::from_event)))
            }
            Some(law) if self.remote.direction.receives() => Some(Kind::Audio(law)),
            Some(_) | None => Some(Kind::Unwanted),
        }
    }

    fn law(&self) -> Law {
        law_of(self.remote.codec)
    }

    /// True when packets may go out: the session says so and there is an address (0.0.0.0 is hold in the
    /// manner of RFC 2543).
    fn sends(&self) -> bool {
        let target = self.latch.target();
        self.remote.direction.sends() && !target.ip().is_unspecified() && target.port() != 0
    }

    /// Sends the packet that lies in `room`. A full socket buffer or an unreachable peer costs this packet, as
    /// any network could.
    fn send(&mut self, socket: &UdpSocket, room: &mut [u8; DATAGRAM], length: usize) -> bool {
        let sealed = self.transform.seal_rtp(room, length).and_then(|length| room.get(..length));
        sealed.is_some_and(|datagram| socket.send_to(datagram, self.latch.target()).is_ok())
    }

    fn rtcp_target(&self) -> SocketAddr {
        let target = self.latch.target();
        let next = SocketAddr::new(target.ip(), target.port().saturating_add(1));
        let announced = self.remote.rtcp.filter(|_| target == self.remote.rtp);
        self.rtcp.or(announced).unwrap_or(next)
    }

    fn newly_lost(&mut self) -> u64 {
        let lost = self.source.as_ref().map_or(0, Source::lost);
        let more = u64::try_from(lost - self.lost_told).unwrap_or(0);
        self.lost_told = self.lost_told.max(lost);
        more
    }
}

/// Writes a packet into `room`; its length.
fn print(stamp: Stamp, payload_type: u8, payload: &[u8], room: &mut [u8; DATAGRAM]) -> Option<usize> {
    let Stamp { marker, sequence, timestamp, ssrc } = stamp;
    RtpPacket { marker, payload_type, sequence, timestamp, ssrc, payload }.print(room)
}

pub(crate) fn law_of(codec: Codec) -> Law {
    match codec {
        Codec::Pcmu => Law::Mu,
        Codec::Pcma => Law::A,
    }
}
