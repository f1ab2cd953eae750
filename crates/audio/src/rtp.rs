//! RTP packets (RFC 3550 section 5.1), read and written in place, without allocation.

/// Bytes of a header without contributing sources or extension.
pub const HEADER_LEN: usize = 12;

/// A packet whose payload still lies in the datagram it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    /// The marker bit: first packet after a silence, or of a telephone event.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Grows by one per packet and wraps.
    pub sequence: u16,
    /// In samples; wraps.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// The audio, without padding.
    pub payload: &'a [u8],
}

/// Why a datagram is not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its own header says.
    #[error("{0} bytes are too few for the header they announce")]
    Short(usize),
    /// The version field is not 2.
    #[error("RTP version {0}, not 2")]
    Version(u8),
    /// RTCP on the RTP port (RFC 5761 section 4).
    #[error("RTCP packet type {0} among RTP")]
    Rtcp(u8),
    /// The padding is longer than the payload.
    #[error("{padding} bytes of padding in {payload} bytes of payload")]
    Padding {
        /// As the last byte says.
        padding: u8,
        /// As there are.
        payload: usize,
    },
}

impl<'a> RtpPacket<'a> {
    /// Reads a datagram. Contributing sources and a header extension are stepped over.
    pub fn parse(datagram: &'a [u8]) -> Result<RtpPacket<'a>, RtpError> {
        let short = RtpError::Short(datagram.len());
        let (header, mut rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(short)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        if flags >> 6 != 2 {
            return Err(RtpError::Version(flags >> 6));
        }
        if (192..=223).contains(&kind) {
            return Err(RtpError::Rtcp(kind));
        }
        rest = rest.get(usize::from(flags & 0x0f) * 4..).ok_or(short)?;
        if flags & 0x10 != 0 {
            let ([_, _, l0, l1], words) = rest.split_first_chunk::<4>().ok_or(short)?;
            rest = words.get(usize::from(u16::from_be_bytes([*l0, *l1])) * 4..).ok_or(short)?;
        }
        Ok(RtpPacket {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload: if flags & 0x20 == 0 { rest } else { unpad(rest)? },
        })
    }

    /// The twelve header bytes of this packet, without padding, sources or extension.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let kind = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        [0x80, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }

    /// Writes the packet at the start of `datagram` and returns its length; `None` when it has no room.
    pub fn print(&self, datagram: &mut [u8]) -> Option<usize> {
        let len = HEADER_LEN + self.payload.len();
        let (header, payload) = datagram.get_mut(..len)?.split_first_chunk_mut::<HEADER_LEN>()?;
        *header = self.header();
        payload.copy_from_slice(self.payload);
        Some(len)
    }
}

/// The payload without its padding, whose last byte counts itself (section 5.1).
fn unpad(payload: &[u8]) -> Result<&[u8], RtpError> {
    let padding = payload.last().copied().unwrap_or(0);
    let kept = payload.len().checked_sub(usize::from(padding)).filter(|_| padding > 0);
    kept.and_then(|kept| payload.get(..kept)).ok_or(RtpError::Padding { padding, payload: payload.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_past_sources_extension_and_padding() {
        let datagram = [
            0xb1, 0x80, 0x00, 0x07, 0, 0, 0, 160, 1, 2, 3, 4, // padded, extended, one source, marked
            9, 9, 9, 9, // the source
            0xbe, 0xde, 0, 1, 5, 5, 5, 5, // the extension
            0x11, 0x22, 0, 2, // two bytes of payload, two of padding
        ];
        let packet = RtpPacket::parse(&datagram).unwrap();
        assert_eq!(
            packet,
            RtpPacket {
                marker: true,
                payload_type: 0,
                sequence: 7,
                timestamp: 160,
                ssrc: 0x0102_0304,
                payload: &[0x11, 0x22]
            }
        );
    }

    #[test]
    fn refuses_what_is_not_rtp() {
        assert_eq!(RtpPacket::parse(&[]), Err(RtpError::Short(0)));
        assert_eq!(RtpPacket::parse(&[0x80; 11]), Err(RtpError::Short(11)));
        assert_eq!(RtpPacket::parse(&[0x40; 12]), Err(RtpError::Version(1)));
        let mut rtcp = [0_u8; 12];
        rtcp[..2].copy_from_slice(&[0x80, 200]);
        assert_eq!(RtpPacket::parse(&rtcp), Err(RtpError::Rtcp(200)));
        let mut overlong = [0_u8; 16];
        overlong[0] = 0xa0;
        overlong[15] = 200;
        assert_eq!(RtpPacket::parse(&overlong), Err(RtpError::Padding { padding: 200, payload: 4 }));
        let mut sources = [0_u8; 12];
        sources[0] = 0x8f;
        assert_eq!(RtpPacket::parse(&sources), Err(RtpError::Short(12)));
    }

    proptest! {
        #[test]
        fn no_datagram_panics(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RtpPacket::parse(&datagram);
        }

        #[test]
        fn what_is_printed_is_read_back(
            marker: bool, payload_type in 0_u8..64, sequence: u16, timestamp: u32, ssrc: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let packet = RtpPacket { marker, payload_type, sequence, timestamp, ssrc, payload: &payload };
            let mut datagram = [0; 500];
            let len = packet.print(&mut datagram).unwrap();
            prop_assert_eq!(RtpPacket::parse(&datagram[..len]), Ok(packet));
            prop_assert_eq!(packet.print(&mut datagram[..len - 1]), None);
        }
    }
}
