//! Symmetric RTP (RFC 4961): sending back to where a peer's audio truly comes from, without letting a
//! stray packet steal the call.
//!
//! ```text
//!   Learning ──one packet from the announced address──────────────────────► Settled(announced)
//!      │ ──five packets in order, one SSRC, from one other address──────────► Settled(that one)
//!      ▲                                                                      │   │
//!      │                        one packet from the announced address ────────│───┘ to Settled(announced)
//!      └───────────────────── signalling announces another address ◄──────────┘
//! ```
//!
//! The announced address always wins: a stranger who was faster than the peer loses the call to it. Packets
//! from anywhere else are ignored once it is settled, until signalling says that the peer moved. A peer
//! behind address translation never speaks from the address that it announced, so nothing pulls it back.

use std::net::SocketAddr;

/// Packets in order that prove an address that signalling did not announce.
const PROOF: u8 = 5;

/// Where one peer sends from.
#[derive(Debug, Clone)]
pub struct Latch {
    announced: SocketAddr,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Learning(Option<Candidate>),
    Settled(SocketAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    in_order: u8,
}

impl Latch {
    /// Learns about a peer that announced its address by signalling.
    pub fn new(announced: SocketAddr) -> Latch {
        Latch { announced, state: State::Learning(None) }
    }

    /// Signalling announced an address (again). The same one changes nothing; another starts learning
    /// anew.
    pub fn announce(&mut self, announced: SocketAddr) {
        if announced != self.announced {
            *self = Latch::new(announced);
        }
    }

    /// Where to send: the proven address, else the announced one.
    pub fn target(&self) -> SocketAddr {
        match self.state {
            State::Learning(_) => self.announced,
            State::Settled(address) => address,
        }
    }

    /// True when nobody but the address that signalling announced will be accepted until it announces another one.
    pub fn is_final(&self) -> bool {
        self.state == State::Settled(self.announced)
    }

    /// True when a well-formed packet of a negotiated payload type from `from` is the peer's.
    pub fn accepts(&mut self, from: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        match self.state {
            State::Settled(address) if address == from => true,
            State::Settled(_) | State::Learning(_) if from == self.announced => {
                self.state = State::Settled(from);
                true
            }
            State::Settled(_) => false,
            State::Learning(candidate) => self.learn(candidate, from, ssrc, sequence),
        }
    }

    fn learn(&mut self, known: Option<Candidate>, from: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        let goes_on = known.filter(|candidate| {
            candidate.from == from && candidate.ssrc == ssrc && candidate.sequence.wrapping_add(1) == sequence
        });
        let in_order = goes_on.map_or(1, |candidate| candidate.in_order + 1);
        let settled = in_order >= PROOF;
        self.state = if settled {
            State::Settled(from)
        } else {
            State::Learning(Some(Candidate { from, ssrc, sequence, in_order }))
        };
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 4000))
    }

    #[test]
    fn the_announced_address_is_believed_at_once_and_for_good() {
        let mut latch = Latch::new(address(1));
        assert!(latch.accepts(address(1), 7, 1));
        for sequence in 0..100 {
            assert!(!latch.accepts(address(66), 7, sequence), "a stray stream moves nothing");
        }
        assert_eq!(latch.target(), address(1));
    }

    #[test]
    fn a_peer_behind_address_translation_is_learnt_from_its_stream() {
        let mut latch = Latch::new(address(1));
        let accepted = (65_533..=65_535).chain(0..3).filter(|s| latch.accepts(address(2), 9, *s));
        assert_eq!(accepted.count(), 2, "the fifth packet proves it");
        assert_eq!(latch.target(), address(2));
    }

    #[test]
    fn a_stranger_who_is_faster_loses_the_call_to_the_announced_peer() {
        let mut latch = Latch::new(address(1));
        assert_eq!((0..5).filter(|s| latch.accepts(address(66), 9, *s)).count(), 1);
        assert!(!latch.is_final());
        assert!(latch.accepts(address(1), 7, 1), "the announced peer is heard");
        assert!(latch.is_final());
        assert_eq!(latch.target(), address(1));
        assert!((5..50).all(|s| !latch.accepts(address(66), 9, s)), "and the stranger is not, any more");
    }

    #[test]
    fn packets_out_of_order_or_of_many_sources_prove_nothing() {
        let mut latch = Latch::new(address(1));
        for turn in 0..50 {
            assert!(!latch.accepts(address(2), 9, turn * 2));
            assert!(!latch.accepts(address(3), u32::from(turn), 1));
        }
        assert_eq!(latch.target(), address(1));
    }

    #[test]
    fn signalling_may_move_the_peer() {
        let mut latch = Latch::new(address(1));
        assert!(latch.accepts(address(1), 7, 1));
        latch.announce(address(1));
        assert!(!latch.accepts(address(4), 8, 1), "the same announcement changes nothing");
        latch.announce(address(4));
        assert!(latch.accepts(address(4), 8, 1));
        assert_eq!(latch.target(), address(4));
    }
}
