//! As much of Ogg (RFC 3533, 7845) as carries one mono Opus stream to and from a program that wants a file.

/// The packets of a file, without the two header packets.
pub(crate) fn packets(mut file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet) = (Vec::new(), Vec::new());
    while let Some((header, rest)) = file.split_at_checked(27) {
        let (table, mut body) = rest.split_at(usize::from(header[26]));
        for &lacing in table {
            let (segment, after) = body.split_at(usize::from(lacing));
            packet.extend_from_slice(segment);
            body = after;
            if lacing < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = body;
    }
    packets.split_off(2)
}

/// A file of packets of 20 ms, one a page.
pub(crate) fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
    // Version 1, one channel, no samples to skip, 16 kHz originally, no gain, mapping 0.
    let head = [b"OpusHead".as_slice(), &[1, 1, 0, 0], &16_000_u32.to_le_bytes(), &[0, 0, 0]].concat();
    let tags = [b"OpusTags".as_slice(), &0_u32.to_le_bytes(), &0_u32.to_le_bytes()].concat();
    let mut file = page(2, 0, 0, &head);
    file.extend(page(0, 0, 1, &tags));
    for (index, payload) in payloads.iter().enumerate() {
        let last = if index + 1 == payloads.len() { 4 } else { 0 };
        file.extend(page(last, (index as u64 + 1) * 960, index as u32 + 2, payload));
    }
    file
}

fn page(flags: u8, position: u64, number: u32, packet: &[u8]) -> Vec<u8> {
    let mut table = vec![255; packet.len() / 255];
    table.push((packet.len() % 255) as u8);
    let mut page = [b"OggS".as_slice(), &[0, flags], &position.to_le_bytes(), &7_u32.to_le_bytes()].concat();
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push(table.len() as u8);
    page.extend(table);
    page.extend(packet);
    let checksum = checksum(&page);
    page[22..26].copy_from_slice(&checksum.to_le_bytes());
    page
}

/// CRC-32 with polynomial 0x04c11db7, neither reflected nor inverted.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum: u32, _| {
            (sum << 1) ^ if sum & 0x8000_0000 != 0 { 0x04c1_1db7 } else { 0 }
        })
    })
}
