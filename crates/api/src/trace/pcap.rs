//! A capture file as `tcpdump` writes it (link type 101, raw IP), made from kept messages.
//!
//! Each message is one UDP datagram, also one that came by TCP: what was said is kept, not how it was cut into segments.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::TracedMessage;

/// Microseconds, and our byte order.
const MAGIC: u32 = 0xa1b2_c3d4;
const LINK_RAW_IP: u32 = 101;
const LONGEST_PACKET: u32 = 65_535;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;

pub(super) fn print(messages: &[TracedMessage]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    file.extend([2_u16, 4].map(u16::to_le_bytes).concat());
    file.extend([0, 0, LONGEST_PACKET, LINK_RAW_IP].map(u32::to_le_bytes).concat());
    for message in messages {
        let packet = packet(message);
        let ms = u64::try_from(message.at.unix_ms()).unwrap_or(0);
        let length = u32::try_from(packet.len()).unwrap_or(LONGEST_PACKET);
        let seconds = u32::try_from(ms / 1_000).unwrap_or(u32::MAX);
        let micros = u32::try_from(ms % 1_000 * 1_000).unwrap_or(0);
        file.extend([seconds, micros, length, length].map(u32::to_le_bytes).concat());
        file.extend(packet);
    }
    file
}

fn packet(message: &TracedMessage) -> Vec<u8> {
    let (from, to) =
        if message.received { (message.peer, message.local) } else { (message.local, message.peer) };
    let udp = datagram(from, to, message.text.as_bytes());
    let length = u16::try_from(udp.len()).unwrap_or(u16::MAX);
    let mut packet = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut head = vec![0x45, 0];
            head.extend((length + 20).to_be_bytes());
            head.extend([0, 0, 0x40, 0, 64, UDP, 0, 0]);
            head.extend(from.octets());
            head.extend(to.octets());
            let sum = checksum(&head, 0);
            head[10..12].copy_from_slice(&sum.to_be_bytes());
            head
        }
        (from, to) => {
            let mut head = vec![0x60, 0, 0, 0];
            head.extend(length.to_be_bytes());
            head.extend([UDP, 64]);
            head.extend(v6(from).octets());
            head.extend(v6(to).octets());
            head
        }
    };
    packet.extend(udp);
    packet
}

/// A UDP datagram with its checksum (RFC 768; RFC 8200 section 8.1).
fn datagram(from: SocketAddr, to: SocketAddr, text: &[u8]) -> Vec<u8> {
    // Kept messages are far shorter; masking cannot make them longer than this.
    let text = text.get(..60_000).unwrap_or(text);
    let length = u16::try_from(text.len() + UDP_HEADER).unwrap_or(u16::MAX);
    let mut udp = Vec::with_capacity(text.len() + UDP_HEADER);
    udp.extend([from.port(), to.port(), length, 0].map(u16::to_be_bytes).concat());
    udp.extend(text);
    let addresses = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (from, to) => [v6(from).octets(), v6(to).octets()].concat(),
    };
    let sum = checksum(&udp, sum_of(&addresses) + u32::from(UDP) + u32::from(length));
    let sum = if sum == 0 { u16::MAX } else { sum };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    udp
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn sum_of(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    bytes.chunks(2).map(word).sum()
}

/// The Internet checksum (RFC 1071) of `bytes` and what was summed before.
fn checksum(bytes: &[u8], before: u32) -> u16 {
    let mut sum = before + sum_of(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use model::Time;

    use super::*;

    #[test]
    fn packets_are_whole_and_their_checksums_right() {
        for (local, peer) in [("127.0.0.1:5060", "127.0.0.2:5090"), ("[::1]:5060", "[2001:db8::1]:5090")] {
            let message = TracedMessage {
                at: Time::from_unix_ms(1_800_000_000_123),
                received: true,
                transport: "udp",
                local: local.parse().unwrap(),
                peer: peer.parse().unwrap(),
                sip_call_id: "1".to_owned(),
                cut: false,
                text: "OPTIONS sip:a SIP/2.0\r\n\r\n".to_owned(),
            };
            let file = print(std::slice::from_ref(&message));
            let packet = &file[24 + 16..];
            assert_eq!(
                usize::try_from(u32::from_le_bytes(file[32..36].try_into().unwrap())).unwrap(),
                packet.len()
            );
            let head = if message.local.is_ipv4() { 20 } else { 40 };
            if head == 20 {
                assert_eq!(checksum(&packet[..20], 0), 0);
            }
            let udp = &packet[head..];
            let addresses = if head == 20 { &packet[12..20] } else { &packet[8..40] };
            let pseudo = sum_of(addresses) + u32::from(UDP) + u32::try_from(udp.len()).unwrap();
            assert_eq!(checksum(udp, pseudo), 0);
            assert_eq!(&udp[8..], message.text.as_bytes());
        }
    }
}
