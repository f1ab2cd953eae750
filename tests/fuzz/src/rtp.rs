//! A stream of RTP, and all that follows it: statistics, timeline, latch, jitter buffer.

use std::net::SocketAddr;

use ::audio::jitter::{Content, JitterBuffer};
use ::audio::latch::{Heard, Latch};
use ::audio::rtp::{HEADER_LEN, RtpPacket};
use ::audio::source::Source;
use ::audio::timeline::Timeline;

use crate::bytes::Bytes;

/// How far the timeline may place a packet from its arrival, in samples: a second, and a second made good.
const FARTHEST: u64 = 16_000;

/// Datagrams one after another, each as `length, wait in ms, sender` and so many bytes; a sender of 255
/// says that signalling announces another address.
pub fn rtp(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut listener = Listener::new();
    while let (Some(length), Some(wait), Some(sender)) = (bytes.byte(), bytes.byte(), bytes.byte()) {
        listener.now += u64::from(wait) * 8;
        if sender == u8::MAX {
            listener.peer.announce(address(length));
            continue;
        }
        let datagram = bytes.take(usize::from(length));
        if let Ok(packet) = RtpPacket::parse(datagram) {
            prints_itself(&packet, datagram.len());
            listener.hear(&packet);
            listener.peer.hear(&packet, address(sender), listener.now);
        }
    }
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last % 3], 4000))
}

fn prints_itself(packet: &RtpPacket<'_>, length: usize) {
    assert!(HEADER_LEN + packet.payload.len() <= length, "a payload within its datagram");
    let mut out = [0; 300];
    let length = packet.print(&mut out).expect("room");
    assert_eq!(RtpPacket::parse(out.get(..length).expect("written")), Ok(*packet));
}

struct Listener {
    source: Source,
    timeline: Timeline,
    jitter: JitterBuffer,
    peer: Peer,
    /// In samples.
    now: u64,
}

impl Listener {
    fn new() -> Listener {
        Listener {
            source: Source::new(1, 0),
            timeline: Timeline::default(),
            jitter: JitterBuffer::new(8000, 200),
            peer: Peer { latch: Latch::new(address(0), None), announced: address(0), spoke: None },
            now: 1_000_000,
        }
    }

    fn hear(&mut self, packet: &RtpPacket<'_>) {
        self.source.handle(packet, self.now);
        if let Some(block) = self.source.report() {
            assert!((-0x80_0000..=0x7f_ffff).contains(&block.lost), "24 bits");
        }
        if let Some(placed) = self.timeline.place(packet.ssrc, packet.timestamp, ::audio::RATE, self.now) {
            assert!(placed.abs_diff(self.now) <= FARTHEST, "placed at {placed}, now is {}", self.now);
        }
        self.buffer(packet);
    }

    /// Each packet has exactly one fate.
    fn buffer(&mut self, packet: &RtpPacket<'_>) {
        let content = match packet.payload_type % 4 {
            0 | 1 => Content::Audio(u32::try_from(packet.payload.len()).expect("a short packet")),
            2 => Content::Comfort,
            _ => Content::Event,
        };
        self.jitter.push(packet, content, self.now);
        self.jitter.pull(self.now);
        self.jitter.advice(self.now, 160);
        let counts = self.jitter.counts();
        let gone = counts.played + counts.noises + counts.events + counts.duplicates;
        let dropped = counts.late + counts.strays + counts.discarded;
        assert_eq!(gone + dropped + self.jitter.waiting() as u64, counts.received, "{counts:?}");
    }
}

/// The latch, and what must be true of it.
struct Peer {
    latch: Latch,
    announced: SocketAddr,
    /// When the announced address was last the source, since it was announced.
    spoke: Option<u64>,
}

impl Peer {
    fn announce(&mut self, announced: SocketAddr) {
        self.latch.announce(announced, None);
        (self.announced, self.spoke) = (announced, None);
    }

    /// The announced address is always heard and, while it speaks, alone.
    fn hear(&mut self, packet: &RtpPacket<'_>, from: SocketAddr, at: u64) {
        let before = self.latch.target();
        let RtpPacket { ssrc, sequence, .. } = *packet;
        let accepted = self.latch.accepts(Heard { from, ssrc, sequence, at, authentic: false });
        let after = self.latch.target();
        assert!(after == before || accepted && after == from, "we send where we hear");
        assert!(accepted || from != self.announced, "the announced address is heard");
        let speaks = before == self.announced && self.spoke.is_some_and(|spoke| at - spoke < 8_000);
        assert!(!speaks || accepted == (from == self.announced), "nobody else is");
        if accepted && after == self.announced {
            self.spoke = Some(at);
        }
    }
}
