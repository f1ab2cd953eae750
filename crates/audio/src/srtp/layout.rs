//! Where the protected part of a packet begins, and who sent it.

use super::error::SrtpError;
use crate::rtp::HEADER_LEN;

/// Bytes of RTCP that stay readable: the first header and its sender (RFC 3711 section 3.4).
pub(super) const RTCP_HEADER: usize = 8;
/// Bytes of the E flag and the SRTCP index.
pub(super) const INDEX: usize = 4;

/// What protection needs of an RTP packet; its payload need not be readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rtp {
    /// Bytes that are authenticated but not encrypted: header, sources, extension (RFC 3711 section 3.1).
    pub(super) header: usize,
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
}

impl Rtp {
    /// Reads a packet without its tag.
    pub(super) fn read(packet: &[u8]) -> Result<Rtp, SrtpError> {
        let (fixed, rest) = packet.split_first_chunk::<HEADER_LEN>().ok_or(SrtpError::Short)?;
        let [flags, _, s0, s1, _, _, _, _, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 {
            return Err(SrtpError::Version);
        }
        let mut beyond = usize::from(flags & 0x0f) * 4;
        if flags & 0x10 != 0 {
            let extension = rest.get(beyond..).and_then(|rest| rest.first_chunk::<4>());
            let [_, _, l0, l1] = *extension.ok_or(SrtpError::Short)?;
            beyond += 4 + usize::from(u16::from_be_bytes([l0, l1])) * 4;
        }
        if beyond > rest.len() {
            return Err(SrtpError::Short);
        }
        Ok(Rtp {
            header: HEADER_LEN + beyond,
            sequence: u16::from_be_bytes([s0, s1]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        })
    }
}

/// The sender of a compound, without index and tag.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    let [flags, _, _, _, c0, c1, c2, c3] = *packet.first_chunk::<RTCP_HEADER>().ok_or(SrtpError::Short)?;
    if flags >> 6 != 2 {
        return Err(SrtpError::Version);
    }
    Ok(u32::from_be_bytes([c0, c1, c2, c3]))
}
