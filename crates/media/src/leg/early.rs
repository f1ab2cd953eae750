//! Keeps keys that come before the peer's description is known: a peer whose description comes with the ACK may press
//! keys while the ACK is late or lost. Audio that comes so early is not kept, because a recording could not place it
//! in time.

use std::net::SocketAddr;

use audio::rtp::RtpPacket;

/// Datagrams that are kept: 32 keys of 8 packets.
const MOST: usize = 256;
/// The longest that is kept: a telephone event (4 bytes, RFC 4733 section 2.3) with its RTP header, extensions and tag.
const LONGEST: usize = 64;

/// A datagram and its sender.
pub(crate) type Kept = (Vec<u8>, SocketAddr);

#[derive(Debug, Default)]
pub(super) struct Early(Vec<Kept>);

impl Early {
    /// Keeps what is short enough to be a key, as long as there is room.
    pub(super) fn keep(&mut self, datagram: &[u8], from: SocketAddr) -> bool {
        let keeps = datagram.len() <= LONGEST && self.0.len() < MOST;
        if keeps {
            self.0.push((datagram.to_vec(), from));
        }
        keeps
    }

    /// The kept datagrams with this payload type, in the order in which they came.
    pub(super) fn take(&mut self, event: Option<u8>) -> Vec<Kept> {
        let mut kept = std::mem::take(&mut self.0);
        // The header is in the clear in SRTP, too.
        let is_key = |(datagram, _): &Kept| {
            RtpPacket::parse(datagram).is_ok_and(|packet| event == Some(packet.payload_type))
        };
        kept.retain(is_key);
        kept
    }
}
