//! How long RTP payloads are, in bytes and in time.

use crate::Codec;

/// The longest packet that is decoded, in milliseconds.
pub const LONGEST_MS: u32 = 60;

impl Codec {
    /// Bytes of the longest payload that is decoded (60 ms; three frames of Opus at their longest).
    pub fn longest_payload(self) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 480,
            Codec::L16 => 960,
            // What fits an Ethernet frame; longer L16 and Opus packets are not sent by telephones.
            Codec::L16Wide | Codec::Opus => 1480,
        }
    }

    /// How long a payload lasts, in RTP units; `None` when it is no packet of 10 to 60 ms. For Opus 2.5 and 5 ms are
    /// taken too.
    pub fn duration(self, payload: &[u8]) -> Option<u32> {
        let len = u32::try_from(payload.len()).ok()?;
        let (units, least) = match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => (len, 10),
            Codec::L16 | Codec::L16Wide if len % 2 == 0 => (len / 2, 10),
            Codec::L16 | Codec::L16Wide => return None,
            Codec::Opus => (opus_duration(payload)?, 2),
        };
        let ms = self.clock() / 1000;
        (least * ms..=LONGEST_MS * ms).contains(&units).then_some(units)
    }
}

/// How long an Opus packet lasts in units of 48 kHz (RFC 6716 sections 3.1 and 3.2); `None` when it has no or too many
/// frames.
fn opus_duration(payload: &[u8]) -> Option<u32> {
    let toc = *payload.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    (frames > 0).then_some(frame * frames)
}
