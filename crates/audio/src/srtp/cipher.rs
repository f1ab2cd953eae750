//! The transforms: AES-CM with HMAC-SHA1 (RFC 3711 sections 4.1.1 and 4.2.1), AES-GCM (RFC 7714).

use std::fmt;

use aes::Aes128;
use aes::cipher::KeyInit;
use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, Tag};
use codec::SrtpSuite;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::error::SrtpError;

use super::key::{MasterKey, add_keystream};
use super::layout::{INDEX, RTCP_HEADER};

/// What is derived from a master key for RTP, or for RTCP.
pub(super) struct Cipher {
    suite: SrtpSuite,
    protection: Protection,
    /// AES-CM uses 14 bytes, AES-GCM 12.
    salt: Zeroizing<[u8; 14]>,
}

enum Protection {
    CounterMode { aes: Aes128, hmac: Hmac<Sha1> },
    Gcm128(Aes128Gcm),
    Gcm256(Aes256Gcm),
}

/// Bytes of a GCM tag.
const GCM_TAG: usize = 16;
/// The bit that says that SRTCP is encrypted.
const ENCRYPTED: u32 = 1 << 31;

impl Cipher {
    /// For RTP (labels 0 to 2) and for RTCP (labels 3 to 5).
    pub(super) fn pair(key: &MasterKey) -> (Cipher, Cipher) {
        (Cipher::new(key, 0), Cipher::new(key, 3))
    }

    fn new(master: &MasterKey, label: u8) -> Cipher {
        let suite = master.suite();
        let mut salt = Zeroizing::new([0; 14]);
        if let Some(salt) = salt.get_mut(..suite.salt_len()) {
            master.derive(label + 2, salt);
        }
        // AES-128 uses the first half; HMAC fills its 20 bytes up to a block with zeros.
        let (mut key, mut auth) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 64]));
        master.derive(label, &mut *key);
        if let Some(auth) = auth.get_mut(..20) {
            master.derive(label + 1, auth);
        }
        Cipher::with_session_keys(suite, &key, &auth, salt)
    }

    pub(super) fn with_session_keys(
        suite: SrtpSuite,
        key: &[u8; 32],
        auth: &[u8; 64],
        salt: Zeroizing<[u8; 14]>,
    ) -> Cipher {
        let short: &[u8; 16] = key.first_chunk().unwrap_or(&[0; 16]);
        let protection = match suite {
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => {
                Protection::CounterMode { aes: Aes128::new(short.into()), hmac: Hmac::new(auth.into()) }
            }
            SrtpSuite::AeadAes128Gcm => Protection::Gcm128(Aes128Gcm::new(short.into())),
            SrtpSuite::AeadAes256Gcm => Protection::Gcm256(Aes256Gcm::new(key.into())),
        };
        Cipher { suite, protection, salt }
    }

    /// Bytes of an RTP packet's tag.
    pub(super) fn rtp_tag(&self) -> usize {
        match self.suite {
            SrtpSuite::AesCm128HmacSha1_80 => 10,
            SrtpSuite::AesCm128HmacSha1_32 => 4,
            SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm => GCM_TAG,
        }
    }

    /// Bytes of an RTCP compound's tag.
    pub(super) fn rtcp_tag(&self) -> usize {
        match self.suite {
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => 10,
            SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm => GCM_TAG,
        }
    }

    /// Encrypts what lies between header and tag, and writes the tag at the end of `packet`.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), SrtpError> {
        let (packet, tag) = split_tag(packet, self.rtp_tag())?;
        let (header, payload) = packet.split_at_mut_checked(header).ok_or(SrtpError::Short)?;
        match &self.protection {
            Protection::CounterMode { aes, hmac } => {
                add_keystream(aes, &self.counter(ssrc, index), payload);
                let mac = authenticate(hmac, packet, &rollover(index));
                tag.iter_mut().zip(mac).for_each(|(tag, mac)| *tag = mac);
                Ok(())
            }
            Protection::Gcm128(aes) => seal(aes, &self.rtp_nonce(ssrc, index), header, payload, tag),
            Protection::Gcm256(aes) => seal(aes, &self.rtp_nonce(ssrc, index), header, payload, tag),
        }
    }

    /// Checks the tag and only then decrypts.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), SrtpError> {
        let (packet, tag) = split_tag(packet, self.rtp_tag())?;
        let (header_bytes, payload) = packet.split_at_mut_checked(header).ok_or(SrtpError::Short)?;
        match &self.protection {
            Protection::CounterMode { aes, hmac } => {
                verify(hmac, packet, &rollover(index), tag)?;
                let payload = packet.get_mut(header..).unwrap_or_default();
                add_keystream(aes, &self.counter(ssrc, index), payload);
                Ok(())
            }
            Protection::Gcm128(aes) => open(aes, &self.rtp_nonce(ssrc, index), header_bytes, payload, tag),
            Protection::Gcm256(aes) => open(aes, &self.rtp_nonce(ssrc, index), header_bytes, payload, tag),
        }
    }

    /// Encrypts a compound that is followed by room for index and tag, and writes these.
    pub(super) fn seal_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Result<(), SrtpError> {
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.protection {
            Protection::CounterMode { aes, hmac } => {
                let (packet, tag) = split_tag(packet, self.rtcp_tag())?;
                let (compound, trailer) = split_tag(packet, INDEX)?;
                let (_, rest) = compound.split_at_mut_checked(RTCP_HEADER).ok_or(SrtpError::Short)?;
                trailer.copy_from_slice(&word);
                add_keystream(aes, &self.counter(ssrc, u64::from(index)), rest);
                let mac = authenticate(hmac, packet, &[]);
                tag.iter_mut().zip(mac).for_each(|(tag, mac)| *tag = mac);
                Ok(())
            }
            Protection::Gcm128(aes) => {
                let (data, rest, tag) = self.split_gcm_rtcp(packet, word)?;
                seal(aes, &self.rtcp_nonce(ssrc, index), &data, rest, tag)
            }
            Protection::Gcm256(aes) => {
                let (data, rest, tag) = self.split_gcm_rtcp(packet, word)?;
                seal(aes, &self.rtcp_nonce(ssrc, index), &data, rest, tag)
            }
        }
    }

    /// The index that a compound says it has.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Result<u32, SrtpError> {
        let behind = match &self.protection {
            Protection::CounterMode { .. } => self.rtcp_tag(),
            Protection::Gcm128(_) | Protection::Gcm256(_) => 0,
        };
        let end = packet.len().checked_sub(behind).and_then(|end| packet.get(..end));
        let word = end.and_then(<[u8]>::last_chunk::<INDEX>).ok_or(SrtpError::Short)?;
        let word = u32::from_be_bytes(*word);
        if word & ENCRYPTED == 0 { Err(SrtpError::Unencrypted) } else { Ok(word & !ENCRYPTED) }
    }

    /// Checks a compound's tag and only then decrypts.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Result<(), SrtpError> {
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.protection {
            Protection::CounterMode { aes, hmac } => {
                let (packet, tag) = split_tag(packet, self.rtcp_tag())?;
                verify(hmac, packet, &[], tag)?;
                let (compound, _) = split_tag(packet, INDEX)?;
                let rest = compound.get_mut(RTCP_HEADER..).ok_or(SrtpError::Short)?;
                add_keystream(aes, &self.counter(ssrc, u64::from(index)), rest);
                Ok(())
            }
            Protection::Gcm128(aes) => {
                let (data, rest, tag) = self.split_gcm_rtcp(packet, word)?;
                open(aes, &self.rtcp_nonce(ssrc, index), &data, rest, tag)
            }
            Protection::Gcm256(aes) => {
                let (data, rest, tag) = self.split_gcm_rtcp(packet, word)?;
                open(aes, &self.rtcp_nonce(ssrc, index), &data, rest, tag)
            }
        }
    }

    /// Associated data, plain text and tag of a compound (RFC 7714 section 9.2); the index is written.
    fn split_gcm_rtcp<'a>(&self, packet: &'a mut [u8], word: [u8; INDEX]) -> Result<Parts<'a>, SrtpError> {
        let (packet, trailer) = split_tag(packet, INDEX)?;
        trailer.copy_from_slice(&word);
        let (compound, tag) = split_tag(packet, GCM_TAG)?;
        let (header, rest) = compound.split_first_chunk_mut::<RTCP_HEADER>().ok_or(SrtpError::Short)?;
        let mut data = [0; RTCP_HEADER + INDEX];
        data.iter_mut().zip(header.iter().chain(&word)).for_each(|(data, byte)| *data = *byte);
        Ok((data, rest, tag))
    }

    /// The IV of AES-CM: salt · 2^16 ⊕ SSRC · 2^64 ⊕ index · 2^16 (RFC 3711 section 4.1.1).
    fn counter(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let value = u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        let mut iv = value.to_be_bytes();
        iv.iter_mut().zip(self.salt.iter()).for_each(|(iv, salt)| *iv ^= salt);
        iv
    }

    /// The IV of AES-GCM for RTP: two zeros, SSRC, rollover counter, sequence number, ⊕ salt (RFC 7714
    /// section 8.1).
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> [u8; 12] {
        self.nonce(u128::from(ssrc) << 48 | u128::from(index))
    }

    /// For RTCP: two zeros, SSRC, two zeros, index, ⊕ salt (RFC 7714 section 9.1).
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> [u8; 12] {
        self.nonce(u128::from(ssrc) << 48 | u128::from(index))
    }

    fn nonce(&self, value: u128) -> [u8; 12] {
        let mut nonce = [0; 12];
        let bytes = value.to_be_bytes();
        let salted = bytes.iter().skip(4).zip(self.salt.iter());
        nonce.iter_mut().zip(salted).for_each(|(nonce, (byte, salt))| *nonce = byte ^ salt);
        nonce
    }
}

/// Associated data, what is encrypted, tag.
type Parts<'a> = ([u8; RTCP_HEADER + INDEX], &'a mut [u8], &'a mut [u8]);

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.suite)
    }
}

fn split_tag(packet: &mut [u8], tag: usize) -> Result<(&mut [u8], &mut [u8]), SrtpError> {
    let end = packet.len().checked_sub(tag).ok_or(SrtpError::Short)?;
    packet.split_at_mut_checked(end).ok_or(SrtpError::Short)
}

/// The rollover counter of an index, which is authenticated but not sent (RFC 3711 section 4.2).
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

fn authenticate(hmac: &Hmac<Sha1>, packet: &[u8], behind: &[u8]) -> [u8; 20] {
    hmac.clone().chain_update(packet).chain_update(behind).finalize().into_bytes().into()
}

/// In a time that does not depend on where the tags differ.
fn verify(hmac: &Hmac<Sha1>, packet: &[u8], behind: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
    let mac = hmac.clone().chain_update(packet).chain_update(behind);
    mac.verify_truncated_left(tag).map_err(|_| SrtpError::Forged)
}

fn seal<A>(
    aes: &A,
    nonce: &[u8; 12],
    data: &[u8],
    payload: &mut [u8],
    tag: &mut [u8],
) -> Result<(), SrtpError>
where
    A: AeadInOut<NonceSize = aes::cipher::consts::U12, TagSize = aes::cipher::consts::U16>,
{
    let made =
        aes.encrypt_inout_detached(nonce.into(), data, payload.into()).map_err(|_| SrtpError::Short)?;
    tag.iter_mut().zip(made).for_each(|(tag, made)| *tag = made);
    Ok(())
}

/// The crate compares tags in constant time, and before it decrypts.
fn open<A>(aes: &A, nonce: &[u8; 12], data: &[u8], payload: &mut [u8], tag: &[u8]) -> Result<(), SrtpError>
where
    A: AeadInOut<NonceSize = aes::cipher::consts::U12, TagSize = aes::cipher::consts::U16>,
{
    let tag = Tag::try_from(tag).map_err(|_| SrtpError::Short)?;
    aes.decrypt_inout_detached(nonce.into(), data, payload.into(), &tag).map_err(|_| SrtpError::Forged)
}
