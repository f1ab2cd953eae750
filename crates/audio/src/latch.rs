//! Symmetric RTP (RFC 4961): sending back to where a peer's audio truly comes from, without letting a
//! stray packet steal the call.
//!
//! ```text
//!            a packet from the announced address, or an authentic one
//!   Learning ─────────────────────────────────────────────────────────► Settled(source)
//!      │  ▲   a stream that proves another address (see `proof`)           │  ▲ │
//!      └──│────────────────────────────────────────────────────────────────┘  │ │ a packet from the announced
//!         │                                                                   └─┘ address; or: silent for 1 s, and
//!         └──────────── signalling announces an address, the same or another ◄─┘   another source goes on
//! ```
//!
//! *Who may become the source.* The announced address always wins: a stranger who was faster than the peer loses
//! the call to it. Another address is believed only as far as there may be address translation in between:
//!
//! | announced address | packets from | believed after |
//! |---|---|---|
//! | that of the signalling | the same IP address, another port | 100 packets in order, over 2 s |
//! | that of the signalling | elsewhere | never |
//! | another | the signalling's IP address | 5 packets in order |
//! | another, private | elsewhere | 5 packets in order |
//! | another, public | elsewhere | 100 packets in order, over 2 s |
//!
//! *Who may follow it.* When the source has been silent for a second, an address that goes on with the same SSRC and
//! the next sequence numbers (two packets in order) is the same peer on another port: its router was restarted, or it
//! changed networks. Where SRTP authenticates each packet, one packet is enough. A sender without the right SSRC and
//! sequence numbers is never believed, however long the source is silent.

use std::net::{IpAddr, SocketAddr};

use crate::RATE;

/// Packets in order that prove an address which the peer probably speaks from.
const PROOF: u16 = 5;
/// Packets in order that prove an address which the peer hardly speaks from, and the least time that they take, in
/// samples.
const LONG_PROOF: (u16, u64) = (100, 2 * RATE as u64 - 160);
/// Silence of the source, in samples, after which another may go on in its place (1 s).
const SILENT: u64 = RATE as u64;
/// Packets in order by which another address shows that it goes on.
const SUCCESSION: u16 = 2;
/// Samples a packet takes at least (10 ms): how far sequence numbers can have run during a silence.
const SHORTEST_PACKET: u64 = 80;
/// Sequence numbers more than the silence accounts for, which packets on the way account for.
const SLACK: u64 = 50;
/// The furthest that sequence numbers are followed; beyond this distance newer and older cannot be distinguished.
const FURTHEST: u64 = 0x4000;

/// Where one peer sends from.
#[derive(Debug, Clone)]
pub struct Latch {
    announced: SocketAddr,
    /// Where the signalling of this peer comes from, if that is known.
    signalling: Option<IpAddr>,
    /// The source before signalling announced the address again. It is believed like the announced address until that
    /// one sends.
    before: Option<SocketAddr>,
    settled: Option<Heard>,
    candidate: Option<Candidate>,
}

/// The facts about a received packet, which is well-formed and of a negotiated payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Where it came from.
    pub from: SocketAddr,
    /// Its synchronisation source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
    /// When it came, in samples at 8,000 a second.
    pub at: u64,
    /// SRTP authenticated the packet: nobody else has the key, and it was not received before.
    pub authentic: bool,
}

/// A stream from an address that is not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    last: Heard,
    in_order: u16,
    since: u64,
}

impl Latch {
    /// Learns about a peer that announced its address by signalling, which came from `signalling`.
    pub fn new(announced: SocketAddr, signalling: Option<IpAddr>) -> Latch {
        Latch { announced, signalling, before: None, settled: None, candidate: None }
    }

    /// Signalling announced an address. Whether it is the same or another one, the source is learnt again; until
    /// it is, the old one goes on being heard and, if the address is the same, being sent to.
    pub fn announce(&mut self, announced: SocketAddr, signalling: Option<IpAddr>) {
        let before = self.settled.map(|settled| settled.from).or(self.before);
        let before = before.filter(|_| announced == self.announced);
        *self = Latch { before, ..Latch::new(announced, signalling) };
    }

    /// Where to send: the proven address, else the announced one.
    pub fn target(&self) -> SocketAddr {
        self.settled.map(|settled| settled.from).or(self.before).unwrap_or(self.announced)
    }

    /// True while nobody but the address that signalling announced is accepted: it has been heard, and at `now` it has
    /// not been silent for as long that another may go on in its place.
    pub fn is_final(&self, now: u64) -> bool {
        self.settled.is_some_and(|settled| settled.from == self.announced && !settled.is_silent(now))
    }

    /// True when the packet is the peer's.
    pub fn accepts(&mut self, heard: Heard) -> bool {
        let believed = heard.from == self.announced || self.before == Some(heard.from);
        match &mut self.settled {
            Some(settled) if settled.from == heard.from => {
                settled.go_on(heard);
                true
            }
            // A late packet from the peer's previous address: it is heard, and the target stays.
            Some(settled) if believed && settled.is_newer_than(&heard) => true,
            Some(_) | None if believed => self.settle(heard),
            Some(settled) => {
                let goes_on = settled.may_be_followed_by(&heard);
                goes_on && (heard.authentic || self.proves(heard, (SUCCESSION, 0))) && self.settle(heard)
            }
            None if heard.authentic => self.settle(heard),
            None => {
                self.proof(heard.from).is_some_and(|proof| self.proves(heard, proof)) && self.settle(heard)
            }
        }
    }

    /// The packets in order, and the samples they take at least, that prove an address; `None` when nothing does.
    fn proof(&self, from: SocketAddr) -> Option<(u16, u64)> {
        let (announced, short) = (self.announced.ip().to_canonical(), (PROOF, 0));
        let from = from.ip().to_canonical();
        match self.signalling.map(|signalling| signalling.to_canonical()) {
            Some(signalling) if signalling == announced => (from == announced).then_some(LONG_PROOF),
            Some(signalling) if signalling == from => Some(short),
            Some(_) if !is_private(announced) => Some(LONG_PROOF),
            Some(_) | None => Some(short),
        }
    }

    /// Takes a packet of a candidate; true when its stream is long enough to be a proof.
    fn proves(&mut self, heard: Heard, (packets, time): (u16, u64)) -> bool {
        let goes_on = self.candidate.filter(|Candidate { last, .. }| {
            (last.from, last.ssrc) == (heard.from, heard.ssrc)
                && last.sequence.wrapping_add(1) == heard.sequence
        });
        let (in_order, since) = goes_on.map_or((1, heard.at), |known| (known.in_order + 1, known.since));
        self.candidate = Some(Candidate { last: heard, in_order: in_order.min(u16::MAX - 1), since });
        in_order >= packets && heard.at.saturating_sub(since) >= time
    }

    fn settle(&mut self, heard: Heard) -> bool {
        if heard.from == self.announced {
            self.before = None;
        }
        (self.settled, self.candidate) = (Some(heard), None);
        true
    }
}

impl Heard {
    /// The source sent a packet.
    fn go_on(&mut self, heard: Heard) {
        let sequence = if self.is_newer_than(&heard) { self.sequence } else { heard.sequence };
        *self = Heard { sequence, ..heard };
    }

    fn is_silent(&self, now: u64) -> bool {
        now.saturating_sub(self.at) >= SILENT
    }

    /// True when `other` is of the same stream, from before this packet.
    fn is_newer_than(&self, other: &Heard) -> bool {
        let ahead = u64::from(self.sequence.wrapping_sub(other.sequence));
        self.ssrc == other.ssrc && ahead != 0 && ahead < FURTHEST
    }

    /// True when the source is silent and `heard` is what it would have sent next, by then.
    fn may_be_followed_by(&self, heard: &Heard) -> bool {
        let steps = u64::from(heard.sequence.wrapping_sub(self.sequence));
        let most = (heard.at.saturating_sub(self.at) / SHORTEST_PACKET + SLACK).min(FURTHEST);
        let is_next = self.ssrc == heard.ssrc && (1..=most).contains(&steps);
        self.is_silent(heard.at) && (is_next || heard.authentic)
    }
}

/// True for addresses that mean nothing outside their own network (RFC 1918, 3927, 4193, 6598): a peer that announces
/// one is behind address translation.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let carrier = a == 100 && b & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || carrier
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests;
