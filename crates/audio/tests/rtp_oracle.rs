//! RTP and RTCP of ours read by the `rtc` crates, and theirs by us.

use audio::rtcp::{self, ReportBlock, RtcpPacket, SenderPart};
use audio::rtp::RtpPacket;
use bytes::Bytes;
use proptest::prelude::*;
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription};
use rtc_shared::marshal::{Marshal, Unmarshal};

proptest! {
    #[test]
    fn rtp_of_ours_is_read_by_them(
        marker: bool, payload_type in 0_u8..64, sequence: u16, timestamp: u32, ssrc: u32,
        payload in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        let packet = RtpPacket { marker, payload_type, sequence, timestamp, ssrc, payload: &payload };
        let mut datagram = [0; 500];
        let len = packet.print(&mut datagram).expect("room");
        let theirs = rtc_rtp::Packet::unmarshal(&mut &datagram[..len]).expect("a packet");
        let header = theirs.header;
        prop_assert_eq!((header.marker, header.payload_type, header.sequence_number), (marker, payload_type, sequence));
        prop_assert_eq!((header.timestamp, header.ssrc, &theirs.payload[..]), (timestamp, ssrc, &payload[..]));
    }

    #[test]
    fn rtp_of_theirs_is_read_by_us(
        marker: bool, payload_type in 0_u8..64, sequence_number: u16, timestamp: u32, ssrc: u32,
        csrc in proptest::collection::vec(any::<u32>(), 0..15), extended: bool,
        payload in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        let mut header = rtc_rtp::Header {
            version: 2, marker, payload_type, sequence_number, timestamp, ssrc, csrc, ..Default::default()
        };
        if extended {
            header.set_extension(3, Bytes::from_static(&[1, 2, 3])).expect("an extension of one byte's header");
        }
        let packet = rtc_rtp::Packet { header, payload: payload.clone().into() };
        let datagram = packet.marshal().expect("a datagram");
        let ours = RtpPacket::parse(&datagram).expect("a packet");
        let expected = RtpPacket { marker, payload_type, sequence: sequence_number, timestamp, ssrc, payload: &payload };
        prop_assert_eq!(ours, expected);
    }
}

const BLOCK: ReportBlock = ReportBlock {
    ssrc: 0x0102_0304,
    fraction_lost: 25,
    lost: 77,
    highest_sequence: 0x0003_fffe,
    jitter: 42,
    last_sender_report: 0xaabb_ccdd,
    delay_since: 65_536,
};
const SENDER: SenderPart =
    SenderPart { ntp: 0x1122_3344_5566_7788, rtp_timestamp: 99, packets: 1000, octets: 160_000 };

fn theirs_of(block: &ReportBlock) -> ReceptionReport {
    ReceptionReport {
        ssrc: block.ssrc,
        fraction_lost: block.fraction_lost,
        total_lost: block.lost as u32,
        last_sequence_number: block.highest_sequence,
        jitter: block.jitter,
        last_sender_report: block.last_sender_report,
        delay: block.delay_since,
    }
}

#[test]
fn a_compound_of_ours_is_read_by_them() {
    let bytes = rtcp::compound(7, Some(SENDER), Some(BLOCK), "hotline", true);
    let packets = rtc_rtcp::packet::unmarshal(&mut &bytes[..]).expect("a compound");
    let [report, description, bye] = packets.as_slice() else { panic!("{} packets", packets.len()) };
    let report = report.as_any().downcast_ref::<SenderReport>().expect("an SR first");
    let figures = (report.ssrc, report.ntp_time, report.rtp_time, report.packet_count, report.octet_count);
    assert_eq!(figures, (7, SENDER.ntp, SENDER.rtp_timestamp, SENDER.packets, SENDER.octets));
    assert_eq!(report.reports, [theirs_of(&BLOCK)]);
    let description = description.as_any().downcast_ref::<SourceDescription>().expect("an SDES");
    let item = &description.chunks[0].items[0];
    assert_eq!((description.chunks[0].source, item.sdes_type), (7, SdesType::SdesCname));
    assert_eq!(item.text, "hotline");
    let bye = bye.as_any().downcast_ref::<Goodbye>().expect("a BYE");
    assert_eq!(bye.sources, [7]);
}

#[test]
fn reports_of_theirs_are_read_by_us() {
    let reports = vec![theirs_of(&BLOCK)];
    let sender = SenderReport {
        ssrc: 7,
        ntp_time: SENDER.ntp,
        rtp_time: SENDER.rtp_timestamp,
        packet_count: SENDER.packets,
        octet_count: SENDER.octets,
        reports: reports.clone(),
        ..Default::default()
    };
    let receiver = ReceiverReport { ssrc: 8, reports, ..Default::default() };
    let bye = Goodbye { sources: vec![7], reason: "ende".into() };
    let packets = [sender.marshal(), receiver.marshal(), bye.marshal()].map(|packet| packet.expect("bytes"));
    let datagram = packets.concat();
    let read: Vec<_> = rtcp::parse(&datagram).map(|packet| packet.expect("a packet")).collect();
    let [
        RtcpPacket::SenderReport { ssrc: 7, sender, blocks },
        RtcpPacket::ReceiverReport { ssrc: 8, blocks: others },
        RtcpPacket::Bye { ssrc: 7 },
    ] = read.as_slice()
    else {
        panic!("{read:?}")
    };
    assert_eq!(*sender, SENDER);
    for blocks in [blocks, others] {
        assert_eq!(blocks.into_iter().collect::<Vec<_>>(), [BLOCK]);
    }
}
