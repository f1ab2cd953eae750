//! What is known of a leg's peer: which packets are its, and where to send to.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};

use audio::g711::Law;
use audio::latch::{Heard, Latch};
use audio::rtp::RtpPacket;
use audio::source::Source;
use audio::srtp::{Srtp, Transform};
use audio::telephone_event::EventReceiver;
use model::{Codec, Digit, RemoteMedia};
use udp::disconnect;

use super::packet::{COMFORT_NOISE, DATAGRAM, Kind, REPORT};
use crate::ear::LONGEST;

/// What is known of the peer once it is connected.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) remote: RemoteMedia,
    pub(crate) last_heard: u64,
    /// When anything of the peer came last, or its silence was last reported.
    silent_since: u64,
    /// The last packet described silence: the peer may send nothing until it speaks again.
    pub(super) rests: bool,
    pub(super) one_way_told: bool,
    pub(super) transform: Transform,
    pub(super) latch: Latch,
    tie: Tie,
    pub(super) source: Option<Source>,
    pub(super) lost_told: i64,
    pub(super) presses: EventReceiver,
    pub(super) rtcp: Option<SocketAddr>,
    /// The middle of the peer's last sender report's time, and when it came.
    pub(super) sender_report: Option<(u32, u64)>,
    pub(crate) next_report: u64,
}

/// Whether the socket takes packets of the peer alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    Loose,
    /// What lies in the socket from before may be of others.
    Fresh,
    Tied,
    /// The system did not want to.
    Refused,
}

/// What stands between a leg with these keys and its sockets.
fn transform(keys: Option<&Srtp>) -> Transform {
    let transform = Transform::new(keys);
    report_a_lacking_key(&transform, keys);
    transform
}

fn report_a_lacking_key(transform: &Transform, keys: Option<&Srtp>) {
    if transform.lacks_a_key() {
        let suite = keys.map(|keys| keys.suite);
        tracing::error!(?suite, "a key of the wrong length: this leg is neither heard nor sent to");
    }
}

impl Link {
    pub(super) fn new(remote: RemoteMedia, now: u64) -> Link {
        Link {
            latch: Latch::new(remote.rtp, remote.signalling),
            tie: Tie::Loose,
            transform: transform(remote.srtp.as_deref()),
            remote,
            last_heard: now,
            silent_since: now,
            rests: false,
            one_way_told: false,
            source: None,
            lost_told: 0,
            presses: EventReceiver::default(),
            rtcp: None,
            sender_report: None,
            next_report: now.saturating_add(REPORT),
        }
    }

    /// The session was negotiated again with these keys.
    pub(super) fn change_keys(&mut self, keys: Option<&Srtp>) {
        self.transform.change(self.remote.srtp.as_deref(), keys);
        report_a_lacking_key(&self.transform, keys);
    }

    /// The peer lives: something came of it.
    pub(super) fn lives(&mut self, now: u64) {
        self.silent_since = now;
    }

    /// A datagram that is no RTP came to the RTP port: an empty one, or STUN, that keeps an address translation alive
    /// (RFC 6263 section 4).
    pub(super) fn kept_alive(&mut self, from: SocketAddr, now: u64) {
        if from == self.latch.target() {
            self.lives(now);
        }
    }

    /// True each time that nothing at all came of the peer for `limit` samples.
    pub(crate) fn poll_silent(&mut self, now: u64, limit: u64) -> bool {
        let silent = now.saturating_sub(self.silent_since) >= limit;
        if silent {
            self.silent_since = now;
        }
        silent
    }

    pub(super) fn hear(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, now: u64) -> Option<Kind> {
        // A packet of a payload type that was not agreed, or an empty one, shows that the peer lives too.
        self.kept_alive(from, now);
        let content = self.content(packet.payload_type)?;
        if packet.payload.is_empty() || packet.payload.len() > LONGEST {
            return None;
        }
        let RtpPacket { ssrc, sequence, .. } = *packet;
        let authentic = self.transform.is_authentic();
        if !self.latch.accepts(Heard { from, ssrc, sequence, at: now, authentic }) {
            return None;
        }
        self.lives(now);
        (self.last_heard, self.one_way_told) = (now, false);
        self.rests = content == Kind::Comfort;
        if self.source.as_ref().is_none_or(|source| source.ssrc() != packet.ssrc) {
            self.source = Some(Source::new(packet.ssrc, packet.sequence));
            self.lost_told = 0;
        }
        if let Some(source) = &mut self.source {
            // Jitter is measured in units of the stream's own clock.
            let units = u64::from(self.remote.codec.clock() / audio::RATE);
            source.handle(packet, now.wrapping_mul(units));
        }
        Some(match content {
            Kind::Key(_) => {
                let pressed = self.presses.handle(packet);
                Kind::Key(pressed.and_then(Digit::from_event))
            }
            Kind::Audio(_) | Kind::Coded | Kind::Comfort if self.remote.direction.receives() => content,
            Kind::Audio(_) | Kind::Coded | Kind::Comfort | Kind::Unwanted => Kind::Unwanted,
        })
    }

    /// The kind of packets with this payload type; `None` when it was not agreed.
    fn content(&self, payload_type: u8) -> Option<Kind> {
        let RemoteMedia { codec, telephone_event, .. } = self.remote;
        if telephone_event == Some(payload_type) {
            return Some(Kind::Key(None));
        }
        let agreed = payload_type == self.remote.payload_type || payload_type == codec.payload_type();
        match Law::of(codec) {
            // Some peers send the other law than the agreed one; the payload type says which law it is.
            Some(law) => [(Codec::Pcmu, Law::Mu), (Codec::Pcma, Law::A)]
                .into_iter()
                .find(|(codec, _)| codec.payload_type() == payload_type)
                .map(|(_, law)| Kind::Audio(law))
                .or_else(|| agreed.then_some(Kind::Audio(law))),
            None => agreed.then_some(Kind::Coded),
        }
        .or_else(|| (payload_type == COMFORT_NOISE).then_some(Kind::Comfort))
    }

    /// True when packets may go out: the session says so and there is an address (0.0.0.0 is hold in the
    /// manner of RFC 2543).
    pub(super) fn sends(&self) -> bool {
        let target = self.latch.target();
        self.remote.direction.sends() && !target.ip().is_unspecified() && target.port() != 0
    }

    /// Connects the socket to a peer whose address is final: the kernel then needs no route look-up for each packet,
    /// and drops packets of other senders.
    pub(super) fn tie(&mut self, socket: &UdpSocket, now: u64) {
        if self.tie == Tie::Loose && self.latch.is_final(now) {
            let tied = socket.connect(self.latch.target()).is_ok();
            self.tie = if tied { Tie::Fresh } else { Tie::Refused };
        }
        let is_empty =
            |peeked: io::Result<usize>| peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        if self.tie == Tie::Fresh && is_empty(socket.peek(&mut [0])) {
            self.tie = Tie::Tied;
        }
    }

    /// The peer that the socket is connected to.
    pub(super) fn tied_to(&self) -> Option<SocketAddr> {
        (self.tie == Tie::Tied).then(|| self.latch.target())
    }

    /// Takes an address from signalling, which may be the same as before.
    pub(super) fn announce(&mut self, remote: &RemoteMedia, socket: &UdpSocket, now: u64) {
        self.latch.announce(remote.rtp, remote.signalling);
        self.loosen(socket, now);
    }

    /// Disconnects the socket from a peer that has been silent, so that packets from other addresses are received.
    pub(super) fn loosen(&mut self, socket: &UdpSocket, now: u64) {
        if self.tie != Tie::Loose && !self.latch.is_final(now) {
            disconnect(socket);
            self.tie = Tie::Loose;
        }
    }

    /// Sends the packet in `room`. When the socket buffer is full or the peer cannot be reached, this packet is lost,
    /// as in any network.
    pub(super) fn send(&mut self, socket: &UdpSocket, room: &mut [u8; DATAGRAM], length: usize) -> bool {
        let sealed = self.transform.seal_rtp(room, length).and_then(|length| room.get(..length));
        sealed.is_some_and(|datagram| match self.tie {
            Tie::Fresh | Tie::Tied => socket.send(datagram).is_ok(),
            Tie::Loose | Tie::Refused => socket.send_to(datagram, self.latch.target()).is_ok(),
        })
    }

    pub(super) fn rtcp_target(&self) -> SocketAddr {
        let target = self.latch.target();
        let next = SocketAddr::new(target.ip(), target.port().saturating_add(1));
        let announced = self.remote.rtcp.filter(|_| target == self.remote.rtp);
        self.rtcp.or(announced).unwrap_or(next)
    }

    pub(super) fn newly_lost(&mut self) -> u64 {
        let lost = self.source.as_ref().map_or(0, Source::lost);
        let more = u64::try_from(lost - self.lost_told).unwrap_or(0);
        self.lost_told = self.lost_told.max(lost);
        more
    }
}
