//! The datagrams of a leg: their length and their kinds.

use audio::g711::Law;
use audio::rtp::HEADER_LEN;
use audio::srtp::OVERHEAD;
use model::Digit;

use crate::ear::LONGEST;

/// Longest datagram that is received or sent; a longer one is cut and then refused as RTP.
pub(crate) const DATAGRAM: usize = HEADER_LEN + LONGEST + OVERHEAD + 1;
/// The payload type of comfort noise (RFC 3389 section 4).
pub(super) const COMFORT_NOISE: u8 = 13;
/// Samples between two RTCP reports (5 s, RFC 3550 section 6.2).
pub(super) const REPORT: u64 = 40_000;

/// The kind of a packet of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// G.711, which is decoded at once.
    Audio(Law),
    /// Any other codec.
    Coded,
    /// A description of the silence that follows (RFC 3389).
    Comfort,
    /// A key: pressed just now, or going on.
    Key(Option<Digit>),
    /// Audio of a peer that should not send now.
    Unwanted,
}
