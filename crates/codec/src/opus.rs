//! What a peer wants of an Opus encoder.

/// What the peer wants of our Opus encoder (RFC 7587 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OpusFormat {
    /// Bits a second on average: 6,000 to 64,000.
    pub bitrate: u32,
    /// It uses redundancy.
    pub redundancy: bool,
    /// It wants nothing sent while there is silence.
    pub silence: bool,
}

/// Redundancy takes some 15 kbit/s of this; with it, it sounds as 24 kbit/s do without (PESQ 4.28 and 4.27).
const BITRATE: u32 = 40_000;

impl Default for OpusFormat {
    fn default() -> OpusFormat {
        OpusFormat { bitrate: BITRATE, redundancy: true, silence: false }
    }
}

impl OpusFormat {
    /// Reads the peer's `a=fmtp` parameters; unknown and broken ones are passed over, as section 6.1 wants.
    pub fn parse(fmtp: &str) -> OpusFormat {
        let mut format = OpusFormat { redundancy: false, ..OpusFormat::default() };
        for parameter in fmtp.split(';') {
            match parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("useinbandfec", value)) => format.redundancy = value == "1",
                Some(("usedtx", value)) => format.silence = value == "1",
                Some(("maxaveragebitrate", value)) => {
                    let most = value.parse().unwrap_or(format.bitrate);
                    format.bitrate = format.bitrate.min(most).clamp(6000, 64_000);
                }
                Some(_) | None => {}
            }
        }
        format
    }
}
