//! RTCP of a leg: the peer's reports, and ours.

use std::io;
use std::net::SocketAddr;

use audio::rtcp::{self, RtcpPacket, SenderPart};
use audio::source::Source;
use audio::srtp::OVERHEAD;

use super::Leg;
use super::packet::REPORT;

impl Leg {
    /// Takes an RTCP compound of the peer; returns `false` when it is not authentic.
    pub(crate) fn hear_rtcp(&mut self, datagram: &mut [u8], from: SocketAddr, now: u64, ntp: u64) -> bool {
        let own = self.outgoing.ssrc();
        let Some(link) = self.link.as_mut().filter(|link| from.ip() == link.latch.target().ip()) else {
            return true;
        };
        // An empty datagram keeps an address translation alive (RFC 6263 section 4.1).
        if datagram.is_empty() {
            link.lives(now);
            return true;
        }
        let Some(length) = link.transform.open_rtcp(datagram) else { return false };
        link.lives(now);
        for packet in rtcp::parse(datagram.get(..length).unwrap_or_default()) {
            match packet {
                Ok(RtcpPacket::SenderReport { sender, blocks, .. }) => {
                    link.rtcp = Some(from);
                    let about_us = blocks.into_iter().filter(|block| block.ssrc == own);
                    about_us.for_each(|block| self.quality.reported(&block, ntp));
                    link.sender_report = Some((sender.middle_of_ntp(), now));
                }
                Ok(RtcpPacket::ReceiverReport { blocks, .. }) => {
                    link.rtcp = Some(from);
                    let about_us = blocks.into_iter().filter(|block| block.ssrc == own);
                    about_us.for_each(|block| self.quality.reported(&block, ntp));
                }
                // A BYE in RTCP ends nothing: signalling ends the call.
                Ok(
                    RtcpPacket::SourceDescription { .. } | RtcpPacket::Bye { .. } | RtcpPacket::Other { .. },
                ) => {}
                Err(error) => {
                    tracing::trace!(leg = %self.id, %error, "RTCP that cannot be read");
                    break;
                }
            }
        }
        true
    }

    /// Sends an RTCP report, with BYE when the leg closes; returns the packets that were lost since the last report.
    pub(crate) fn report(&mut self, now: u64, ntp: u64, bye: bool) -> u64 {
        let Some(link) = &mut self.link else { return 0 };
        link.next_report = now.saturating_add(REPORT);
        let block = link.source.as_mut().and_then(Source::report).map(|mut block| {
            if let Some((middle, at)) = link.sender_report {
                block.last_sender_report = middle;
                // 65,536ths of a second from samples.
                let delay = now.saturating_sub(at).saturating_mul(65_536) / u64::from(audio::RATE);
                block.delay_since = u32::try_from(delay).unwrap_or(u32::MAX);
            }
            block
        });
        let (packets, octets) = self.outgoing.sent();
        let rtp_timestamp = self.outgoing.timestamp(now);
        let sender = (packets > 0 && link.remote.direction.sends()).then_some(SenderPart {
            ntp,
            rtp_timestamp,
            packets,
            octets,
        });
        let mut bytes = rtcp::compound(self.outgoing.ssrc(), sender, block, "hotline", bye);
        let length = bytes.len();
        bytes.resize(length + OVERHEAD, 0);
        let sealed = link.transform.seal_rtcp(&mut bytes, length).and_then(|length| bytes.get(..length));
        let target = link.rtcp_target();
        if let Some(bytes) = sealed
            && !target.ip().is_unspecified()
            && target.port() != 0
        {
            // A report that cannot be sent counts as lost on the way.
            let _: io::Result<usize> = self.pair.rtcp.send_to(bytes, target);
        }
        link.newly_lost()
    }
}
