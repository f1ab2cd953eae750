//! How packets are protected, and the keys of both directions.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// A suite of SRTP (RFC 3711; AES-GCM by RFC 7714).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtpSuite {
    /// AES-128 in counter mode, HMAC-SHA1 cut to 80 bits.
    AesCm128HmacSha1_80,
    /// AES-128 in counter mode, HMAC-SHA1 cut to 32 bits for RTP and 80 for RTCP (RFC 4568 section 6.2.2).
    AesCm128HmacSha1_32,
    /// AES-128 in Galois counter mode.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode.
    AeadAes256Gcm,
}

impl SrtpSuite {
    /// Every suite.
    pub const ALL: [SrtpSuite; 4] = [
        SrtpSuite::AesCm128HmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32,
        SrtpSuite::AeadAes128Gcm,
        SrtpSuite::AeadAes256Gcm,
    ];

    /// As `a=crypto` names it (RFC 4568 section 6.2, RFC 7714 section 14.1).
    pub const fn name(self) -> &'static str {
        match self {
            SrtpSuite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            SrtpSuite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            SrtpSuite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            SrtpSuite::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Bytes of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 | SrtpSuite::AeadAes128Gcm => 16,
            SrtpSuite::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => 14,
            SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm => 12,
        }
    }

    /// Bytes of the master key and its salt together.
    pub const fn master_len(self) -> usize {
        self.key_len() + self.salt_len()
    }
}

/// Not the name of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSuite;

impl fmt::Display for UnknownSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AEAD_AES_128_GCM or AEAD_AES_256_GCM")
    }
}

impl std::error::Error for UnknownSuite {}

/// By [`SrtpSuite::name`], in any case.
impl FromStr for SrtpSuite {
    type Err = UnknownSuite;

    fn from_str(text: &str) -> Result<SrtpSuite, UnknownSuite> {
        SrtpSuite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(text)).ok_or(UnknownSuite)
    }
}

/// A master key followed by its salt. Zeroed when dropped; `Debug` does not show it.
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

/// The keys of a stream's two directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srtp {
    /// How packets are protected.
    pub suite: SrtpSuite,
    /// What we send with.
    pub ours: SrtpKey,
    /// What the peer sends with.
    pub theirs: SrtpKey,
}
