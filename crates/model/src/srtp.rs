//! The keys of an encrypted leg, on their way from signalling to media.

use std::fmt;

use zeroize::Zeroizing;

/// How packets are protected (RFC 3711; AES-GCM by RFC 7714).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtpSuite {
    /// AES-128 in counter mode, HMAC-SHA1 cut to 80 bits.
    AesCm128HmacSha1_80,
    /// The same, cut to 32 bits.
    AesCm128HmacSha1_32,
    /// AES-128 in Galois counter mode.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode.
    AeadAes256Gcm,
}

/// A master key with its salt behind it. Wiped when dropped, printed by nothing, written nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct SrtpKey(Zeroizing<Vec<u8>>);

impl SrtpKey {
    /// Takes a key with its salt.
    pub fn new(bytes: &[u8]) -> SrtpKey {
        SrtpKey(Zeroizing::new(bytes.to_vec()))
    }

    /// Key and salt.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SrtpKey")
    }
}

/// The keys of a leg's two directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srtp {
    /// How packets are protected.
    pub suite: SrtpSuite,
    /// What we send with.
    pub ours: SrtpKey,
    /// What the peer sends with.
    pub theirs: SrtpKey,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, Direction, LegReport, RemoteMedia};

    #[test]
    fn keys_are_neither_printed_nor_written() {
        let key = SrtpKey::new(b"secret");
        let srtp = Srtp { suite: SrtpSuite::AeadAes128Gcm, ours: key.clone(), theirs: key };
        let rtp = "192.0.2.1:4000".parse().unwrap();
        let plain = RemoteMedia::new(rtp, Codec::Pcma, Direction::Both);
        let remote = RemoteMedia { srtp: Some(Box::new(srtp)), ..plain.clone() };
        let report = LegReport::Connected { remote };
        // 115, 101: the key's first bytes.
        let debug = format!("{report:?}");
        assert!(!debug.contains("115") && !debug.contains("secret"), "{debug}");
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains("srtp") && !json.contains("115"), "{json}");
        let LegReport::Connected { remote: read } = serde_json::from_str(&json).unwrap() else {
            panic!("{json}")
        };
        assert_eq!(read, plain);
    }
}
