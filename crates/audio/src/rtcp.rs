//! RTCP compound packets (RFC 3550 section 6): reading what a peer reports, building what we report.

/// One report about a source that the reporter hears (section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source that it is about.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative when there were more duplicates than losses. 24 bits.
    pub lost: i32,
    /// Highest sequence number seen, with the count of wraps above it.
    pub highest_sequence: u32,
    /// Interarrival jitter in samples.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report; 0 when there was none.
    pub last_sender_report: u32,
    /// Time since that report in 1/65536 s.
    pub delay_since: u32,
}

/// What a sender reports about its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderPart {
    /// NTP time, 32.32 bits.
    pub ntp: u64,
    /// The same instant on the stream's own clock.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload bytes sent so far.
    pub octets: u32,
}

impl SenderPart {
    /// The part of the NTP time that a receiver quotes back.
    pub fn middle_of_ntp(&self) -> u32 {
        (self.ntp >> 16) as u32
    }
}

/// One packet of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcpPacket<'a> {
    /// SR, section 6.4.1.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// About its own stream.
        sender: SenderPart,
        /// About what it hears.
        blocks: Blocks<'a>,
    },
    /// RR, section 6.4.2.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// About what it hears.
        blocks: Blocks<'a>,
    },
    /// SDES, section 6.5, reduced to the first source and its canonical name.
    SourceDescription {
        /// The source.
        ssrc: u32,
        /// Its CNAME, as it came.
        cname: &'a [u8],
    },
    /// BYE, section 6.6: the first source that leaves.
    Bye {
        /// The source.
        ssrc: u32,
    },
    /// APP, feedback and whatever else there is.
    Other {
        /// The packet type.
        kind: u8,
    },
}

/// The report blocks of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_first_chunk::<24>()?;
        self.0 = rest;
        let lost = word(block, 4) & 0x00ff_ffff;
        Some(ReportBlock {
            ssrc: word(block, 0),
            fraction_lost: block[4],
            // Sign-extended from 24 bits.
            lost: (lost << 8) as i32 >> 8,
            highest_sequence: word(block, 8),
            jitter: word(block, 12),
            last_sender_report: word(block, 16),
            delay_since: word(block, 20),
        })
    }
}

/// Why a datagram is not an RTCP compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A packet is shorter than its header says.
    #[error("an RTCP packet is cut off")]
    Short,
    /// The version field is not 2.
    #[error("RTCP version {0}, not 2")]
    Version(u8),
    /// The first packet must be a report (section 6.1).
    #[error("an RTCP compound begins with packet type {0}, not with a report")]
    NoReportFirst(u8),
}

/// The packets of a compound, one after another. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
    first: bool,
}

/// Reads a datagram as a compound.
pub fn parse(datagram: &[u8]) -> Packets<'_> {
    Packets { rest: datagram, first: true }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() && !self.first {
            return None;
        }
        let packet = self.read();
        if packet.is_err() {
            self.rest = &[];
        }
        self.first = false;
        Some(packet)
    }
}

impl<'a> Packets<'a> {
    fn read(&mut self) -> Result<RtcpPacket<'a>, RtcpError> {
        let ([flags, kind, l0, l1], rest) = self.rest.split_first_chunk::<4>().ok_or(RtcpError::Short)?;
        if flags >> 6 != 2 {
            return Err(RtcpError::Version(flags >> 6));
        }
        if self.first && !matches!(*kind, SR | RR) {
            return Err(RtcpError::NoReportFirst(*kind));
        }
        let len = usize::from(u16::from_be_bytes([*l0, *l1])) * 4;
        let (body, rest) = rest.split_at_checked(len).ok_or(RtcpError::Short)?;
        self.rest = rest;
        packet(*kind, usize::from(flags & 0x1f), body)
    }
}

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;

fn packet(kind: u8, count: usize, body: &[u8]) -> Result<RtcpPacket<'_>, RtcpError> {
    match kind {
        SR => {
            let (head, rest) = body.split_first_chunk::<24>().ok_or(RtcpError::Short)?;
            let sender = SenderPart {
                ntp: u64::from(word(head, 4)) << 32 | u64::from(word(head, 8)),
                rtp_timestamp: word(head, 12),
                packets: word(head, 16),
                octets: word(head, 20),
            };
            Ok(RtcpPacket::SenderReport { ssrc: word(head, 0), sender, blocks: blocks(count, rest)? })
        }
        RR => {
            let (head, rest) = body.split_first_chunk::<4>().ok_or(RtcpError::Short)?;
            Ok(RtcpPacket::ReceiverReport { ssrc: word(head, 0), blocks: blocks(count, rest)? })
        }
        SDES if count > 0 => {
            let (head, items) = body.split_first_chunk::<4>().ok_or(RtcpError::Short)?;
            Ok(RtcpPacket::SourceDescription { ssrc: word(head, 0), cname: cname(items) })
        }
        BYE if count > 0 => {
            let (head, _) = body.split_first_chunk::<4>().ok_or(RtcpError::Short)?;
            Ok(RtcpPacket::Bye { ssrc: word(head, 0) })
        }
        _ => Ok(RtcpPacket::Other { kind }),
    }
}

fn blocks(count: usize, bytes: &[u8]) -> Result<Blocks<'_>, RtcpError> {
    bytes.get(..count * 24).map(Blocks).ok_or(RtcpError::Short)
}

/// The first CNAME among the items of a chunk; empty when there is none.
fn cname(mut items: &[u8]) -> &[u8] {
    while let [kind, len, rest @ ..] = items {
        let Some((text, after)) = rest.split_at_checked(usize::from(*len)) else { break };
        match kind {
            0 => break,
            1 => return text,
            _ => items = after,
        }
    }
    &[]
}

/// A big-endian word at a fixed place of a fixed-size array; 0 past its end.
fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Builds a compound: SR when `sender` is given, else RR; then SDES with the canonical name; then BYE
/// when we leave (section 6.1 fixes that order). A name longer than 255 bytes is cut.
pub fn compound(
    ssrc: u32,
    sender: Option<SenderPart>,
    block: Option<ReportBlock>,
    cname: &str,
    bye: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    report(&mut out, ssrc, sender, block);
    let name = cname.as_bytes().get(..cname.len().min(255)).unwrap_or_default();
    // Item header, name, and at least one zero to end the list, up to a whole word.
    let chunk = (4 + 2 + name.len() + 1).next_multiple_of(4);
    header(&mut out, 1, SDES, chunk);
    out.extend(ssrc.to_be_bytes());
    out.extend([1, name.len() as u8]);
    out.extend(name);
    out.resize(out.len() + chunk - 6 - name.len(), 0);
    if bye {
        header(&mut out, 1, BYE, 4);
        out.extend(ssrc.to_be_bytes());
    }
    out
}

fn report(out: &mut Vec<u8>, ssrc: u32, sender: Option<SenderPart>, block: Option<ReportBlock>) {
    let body = 4 + sender.map_or(0, |_| 20) + block.map_or(0, |_| 24);
    header(out, u8::from(block.is_some()), if sender.is_some() { SR } else { RR }, body);
    out.extend(ssrc.to_be_bytes());
    if let Some(sender) = sender {
        out.extend(sender.ntp.to_be_bytes());
        for word in [sender.rtp_timestamp, sender.packets, sender.octets] {
            out.extend(word.to_be_bytes());
        }
    }
    if let Some(block) = block {
        out.extend(block.ssrc.to_be_bytes());
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0x00ff_ffff;
        out.extend((u32::from(block.fraction_lost) << 24 | lost).to_be_bytes());
        for word in [block.highest_sequence, block.jitter, block.last_sender_report, block.delay_since] {
            out.extend(word.to_be_bytes());
        }
    }
}

/// The common header; the length field counts words without the header itself.
fn header(out: &mut Vec<u8>, count: u8, kind: u8, body: usize) {
    let words = u16::try_from(body / 4).unwrap_or(u16::MAX);
    let [l0, l1] = words.to_be_bytes();
    out.extend([0x80 | (count & 0x1f), kind, l0, l1]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENDER: SenderPart =
        SenderPart { ntp: 0x1122_3344_5566_7788, rtp_timestamp: 9, packets: 10, octets: 1600 };
    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 7,
        fraction_lost: 25,
        lost: -3,
        highest_sequence: 0x0001_ffff,
        jitter: 12,
        last_sender_report: 0x3344_5566,
        delay_since: 65_536,
    };

    #[test]
    fn a_compound_reads_back_as_built() {
        let bytes = compound(5, Some(SENDER), Some(BLOCK), "leg@hotline", true);
        assert_eq!(bytes.len() % 4, 0);
        let packets: Vec<_> = parse(&bytes).map(Result::unwrap).collect();
        let [RtcpPacket::SenderReport { ssrc: 5, sender, blocks }, description, bye] = packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!((sender, sender.middle_of_ntp()), (SENDER, 0x3344_5566));
        assert_eq!(blocks.collect::<Vec<_>>(), [BLOCK]);
        assert_eq!(description, RtcpPacket::SourceDescription { ssrc: 5, cname: b"leg@hotline" });
        assert_eq!(bye, RtcpPacket::Bye { ssrc: 5 });
    }

    #[test]
    fn a_listener_sends_a_receiver_report() {
        let bytes = compound(5, None, None, "", false);
        let mut packets = parse(&bytes);
        assert_eq!(packets.next(), Some(Ok(RtcpPacket::ReceiverReport { ssrc: 5, blocks: Blocks(&[]) })));
    }

    #[test]
    fn refuses_what_breaks_the_compound_rules() {
        let verdict = |bytes: &[u8]| parse(bytes).find_map(Result::err);
        assert_eq!(verdict(&[]), Some(RtcpError::Short));
        assert_eq!(verdict(&[0x80, BYE, 0, 0]), Some(RtcpError::NoReportFirst(BYE)));
        assert_eq!(verdict(&[0x00, RR, 0, 1, 0, 0, 0, 5]), Some(RtcpError::Version(0)));
        assert_eq!(verdict(&[0x80, RR, 0, 9, 0, 0, 0, 5]), Some(RtcpError::Short));
        assert_eq!(verdict(&[0x9f, RR, 0, 1, 0, 0, 0, 5]), Some(RtcpError::Short), "31 blocks announced");
    }

    proptest! {
        #[test]
        fn no_datagram_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for packet in parse(&bytes).flatten() {
                if let RtcpPacket::SenderReport { blocks, .. } | RtcpPacket::ReceiverReport { blocks, .. } = packet {
                    blocks.for_each(drop);
                }
            }
        }

        #[test]
        fn a_damaged_report_does_not_panic(at in 0_usize..80, with: u8) {
            let mut bytes = compound(5, Some(SENDER), Some(BLOCK), "leg@hotline", true);
            let len = bytes.len();
            bytes[at % len] = with;
            parse(&bytes).for_each(drop);
        }

        #[test]
        fn names_of_any_length_stay_aligned(name in "[a-z]{0,300}") {
            let bytes = compound(1, None, None, &name, false);
            prop_assert_eq!(bytes.len() % 4, 0);
            prop_assert!(parse(&bytes).all(|packet| packet.is_ok()));
        }
    }
}
