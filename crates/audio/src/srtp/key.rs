//! Master keys and what is derived from them (RFC 3711 section 4.3).

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use aes::{Aes128, Aes256};
use codec::SrtpSuite;
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use zeroize::{Zeroize, Zeroizing};

/// The longest master key with its salt.
pub const LONGEST_MASTER: usize = 44;

/// A master key with its salt.
#[derive(Clone)]
pub struct MasterKey {
    suite: SrtpSuite,
    /// The key, the salt, zeros.
    bytes: Zeroizing<[u8; LONGEST_MASTER]>,
}

impl MasterKey {
    /// Takes a master key with its salt behind it; `None` when it has another length than the suite needs.
    pub fn new(suite: SrtpSuite, key_and_salt: &[u8]) -> Option<MasterKey> {
        if key_and_salt.len() != suite.master_len() {
            return None;
        }
        let mut bytes = Zeroizing::new([0; LONGEST_MASTER]);
        bytes.get_mut(..key_and_salt.len())?.copy_from_slice(key_and_salt);
        Some(MasterKey { suite, bytes })
    }

    /// The suite it is for.
    pub fn suite(&self) -> SrtpSuite {
        self.suite
    }

    fn key(&self) -> &[u8] {
        self.bytes.get(..self.suite.key_len()).unwrap_or_default()
    }

    /// The salt, made 14 bytes long by zeros (RFC 7714 section 11).
    fn salt(&self) -> Zeroizing<[u8; 14]> {
        let mut salt = Zeroizing::new([0; 14]);
        let bytes = self.bytes.iter().skip(self.suite.key_len()).take(self.suite.salt_len());
        salt.iter_mut().zip(bytes).for_each(|(salt, byte)| *salt = *byte);
        salt
    }

    /// Fills `out` with what is derived for `label` (section 4.3.1; AES-256 by RFC 6188 section 3).
    pub(super) fn derive(&self, label: u8, out: &mut [u8]) {
        let mut iv = Zeroizing::new([0; 16]);
        iv.iter_mut().zip(self.salt().iter()).for_each(|(iv, salt)| *iv = *salt);
        iv[7] ^= label;
        out.zeroize();
        match self.suite {
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 | SrtpSuite::AeadAes128Gcm => {
                if let Ok(aes) = Aes128::new_from_slice(self.key()) {
                    add_keystream(&aes, &iv, out);
                }
            }
            SrtpSuite::AeadAes256Gcm => {
                if let Ok(aes) = Aes256::new_from_slice(self.key()) {
                    add_keystream(&aes, &iv, out);
                }
            }
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Encrypts or decrypts in counter mode from `iv` on (section 4.1.1).
pub(super) fn add_keystream<A>(aes: &A, iv: &[u8; 16], data: &mut [u8])
where
    A: BlockCipherEncrypt + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
{
    CtrCore::<&A, Ctr128BE>::inner_iv_init(aes, iv.into()).apply_keystream_partial(data.into());
}
