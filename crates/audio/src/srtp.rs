//! SRTP and SRTCP (RFC 3711; AES-GCM by RFC 7714), in place and without allocation.
//!
//! One [`Protect`] for what is sent with a key and one [`Unprotect`] for what comes with a key; a key is
//! never used by both. They live in a buffer of the caller's that has room for the tag:
//!
//! ```text
//! RTP    header │ payload, encrypted │ tag
//! RTCP   header, sender │ the rest, encrypted │ E, index │ tag     AES-CM
//!                                             │ tag │ E, index     AES-GCM
//! ```
//!
//! Nothing that came is believed, remembered or decrypted before its tag was found right. Keys and what is
//! derived from them are wiped when dropped and never printed. Master keys are used without MKI and with a
//! key derivation rate of 0: derived once (section 4.3.1).

mod cipher;
mod error;
mod key;
mod layout;
mod stream;
#[cfg(test)]
mod tests;
mod transform;

pub use ::codec::{Srtp, SrtpKey, SrtpSuite};
pub use error::SrtpError;
pub use key::{LONGEST_MASTER, MasterKey};
pub use transform::Transform;

use cipher::Cipher;
use stream::Streams;

/// The most bytes that protection adds: an SRTCP index and a GCM tag.
pub const OVERHEAD: usize = 20;

/// The sending side of a key.
#[derive(Debug)]
pub struct Protect {
    rtp: Cipher,
    rtcp: Cipher,
    /// What was sent.
    streams: Streams,
    /// Of the next SRTCP packet, 31 bits.
    rtcp_index: u32,
}

/// The receiving side of a key.
#[derive(Debug)]
pub struct Unprotect {
    rtp: Cipher,
    rtcp: Cipher,
    streams: Streams,
}

/// The highest SRTCP index.
const LAST_RTCP_INDEX: u32 = (1 << 31) - 1;

impl Protect {
    /// Begins to send with a key.
    pub fn new(key: &MasterKey) -> Protect {
        let (rtp, rtcp) = Cipher::pair(key);
        Protect { rtp, rtcp, streams: Streams::default(), rtcp_index: 0 }
    }

    /// Protects the packet of `length` bytes that lies at the start of `room`; its new length.
    ///
    /// # Errors
    /// When it is no RTP packet or `room` has no place for the tag, and when a packet of its number has been
    /// sent: to encrypt two by one index would give both away (section 9.1, RFC 7714 section 8.3).
    pub fn rtp(&mut self, room: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let packet = layout::Rtp::read(room.get(..length).unwrap_or_default())?;
        let total = length + self.rtp.rtp_tag();
        let room = room.get_mut(..total).ok_or(SrtpError::Short)?;
        let window = self.streams.rtp(packet.ssrc);
        let index = window.index_of(packet.sequence)?;
        window.is_new(index)?;
        self.rtp.seal_rtp(room, packet.header, packet.ssrc, index)?;
        self.streams.note_rtp(packet.ssrc, index);
        Ok(total)
    }

    /// Protects the RTCP compound of `length` bytes that lies at the start of `room`; its new length.
    ///
    /// # Errors
    /// When it is no RTCP or `room` has no place for index and tag, and when the key is used up.
    pub fn rtcp(&mut self, room: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let ssrc = layout::rtcp_ssrc(room.get(..length).unwrap_or_default())?;
        let index = self.rtcp_index;
        if index > LAST_RTCP_INDEX {
            return Err(SrtpError::UsedUp);
        }
        let total = length + self.rtcp.rtcp_tag() + layout::INDEX;
        let room = room.get_mut(..total).ok_or(SrtpError::Short)?;
        self.rtcp.seal_rtcp(room, ssrc, index)?;
        self.rtcp_index += 1;
        Ok(total)
    }
}

impl Unprotect {
    /// Begins to receive with a key.
    pub fn new(key: &MasterKey) -> Unprotect {
        let (rtp, rtcp) = Cipher::pair(key);
        Unprotect { rtp, rtcp, streams: Streams::default() }
    }

    /// Takes the protection off an SRTP packet; the length of the RTP packet that is left.
    ///
    /// # Errors
    /// When the packet is too short, too old, was there before or was not made with this key; it is left as
    /// it came, and nothing of it is remembered.
    pub fn rtp(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        let length = datagram.len().checked_sub(self.rtp.rtp_tag()).ok_or(SrtpError::Short)?;
        let packet = layout::Rtp::read(datagram.get(..length).unwrap_or_default())?;
        let window = self.streams.rtp(packet.ssrc);
        let index = window.index_of(packet.sequence)?;
        window.is_new(index)?;
        self.rtp.open_rtp(datagram, packet.header, packet.ssrc, index)?;
        self.streams.note_rtp(packet.ssrc, index);
        Ok(length)
    }

    /// Takes the protection off an SRTCP packet; the length of the RTCP compound that is left.
    ///
    /// # Errors
    /// As [`Unprotect::rtp`], and when it is not encrypted.
    pub fn rtcp(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        let added = self.rtcp.rtcp_tag() + layout::INDEX;
        let length = datagram.len().checked_sub(added).ok_or(SrtpError::Short)?;
        let ssrc = layout::rtcp_ssrc(datagram.get(..length).unwrap_or_default())?;
        let index = self.rtcp.rtcp_index(datagram)?;
        self.streams.rtcp(ssrc).is_new(u64::from(index))?;
        self.rtcp.open_rtcp(datagram, ssrc, index)?;
        self.streams.note_rtcp(ssrc, u64::from(index));
        Ok(length)
    }
}
