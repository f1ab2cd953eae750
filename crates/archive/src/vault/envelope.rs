//! The first 4,096 bytes of an encrypted file: its own key, wrapped by a center key.
//!
//! ```text
//!   0  magic "HOTLREC\0"   8  version, u32   12  zeros   16  the center key's id
//!  24  nonce, 12 bytes    36  the file's key, 64 bytes, AES-256-GCM   100  tag   116  zeros
//! ```
//!
//! All of it is authenticated. The only copy of a file's key is in the file: when the file is deleted, the key is
//! gone.

use std::io;

use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Tag};
use zeroize::Zeroizing;

use super::keys::{CenterKey, CenterKeys, KeyId};

/// Bytes before the first sector: a page, so that sectors are aligned on the disk.
pub(crate) const LEN: usize = 4096;
const MAGIC: &[u8; 8] = b"HOTLREC\0";
const VERSION: u32 = 1;
const NONCE: std::ops::Range<usize> = 24..36;
const KEY: std::ops::Range<usize> = 36..100;
const TAG: std::ops::Range<usize> = 100..116;

/// The key of one file, for XTS.
pub(super) type FileKey = Zeroizing<[u8; 64]>;

/// Why an encrypted recording cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// The center key that wraps its key is not here.
    #[error("this recording needs the encryption key {0} 此录音需要密钥 {0}")]
    NeedsKey(KeyId),
    /// It does not begin as an encrypted recording does.
    #[error("not an encrypted recording of ours 不是本系统的加密录音")]
    NotOurs,
    /// It was made by a later version.
    #[error("encrypted in a way (version {0}) that this program does not know 加密格式版本 {0} 不受支持")]
    Version(u32),
    /// Its envelope was changed.
    #[error("the wrapped key of this recording was altered 录音的密钥头已被改动")]
    Altered,
}

impl Locked {
    /// The reason of a disk error, where keys are the reason.
    pub fn of(error: &io::Error) -> Option<Locked> {
        error.get_ref()?.downcast_ref::<Locked>().copied()
    }
}

impl From<Locked> for io::Error {
    fn from(locked: Locked) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, locked)
    }
}

/// A new file's key, and its envelope.
pub(super) fn seal(center: &CenterKey) -> io::Result<(FileKey, [u8; LEN])> {
    let mut key: FileKey = Zeroizing::new([0; 64]);
    let mut nonce = [0; 12];
    getrandom::fill(key.as_mut_slice()).map_err(io::Error::other)?;
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let mut block = [0; LEN];
    block[..8].copy_from_slice(MAGIC);
    block[8..12].copy_from_slice(&VERSION.to_le_bytes());
    block[16..24].copy_from_slice(&center.id().0);
    block[NONCE].copy_from_slice(&nonce);
    let (aad, mut wrapped) = (aad(&block), key.clone());
    let tag = Aes256Gcm::new(center.secret().into())
        .encrypt_inout_detached(&nonce.into(), &aad, wrapped.as_mut_slice().into())
        .map_err(|_| io::Error::other("a key cannot be wrapped"))?;
    block[KEY].copy_from_slice(wrapped.as_slice());
    block[TAG].copy_from_slice(&tag);
    Ok((key, block))
}

/// The key in an envelope.
pub(super) fn open(keys: &CenterKeys, block: &[u8; LEN]) -> Result<FileKey, Locked> {
    let (mut version, mut id, mut nonce) = ([0; 4], [0; 8], [0; 12]);
    let mut key: FileKey = Zeroizing::new([0; 64]);
    version.copy_from_slice(&block[8..12]);
    id.copy_from_slice(&block[16..24]);
    nonce.copy_from_slice(&block[NONCE]);
    key.copy_from_slice(&block[KEY]);
    if !block.starts_with(MAGIC) {
        return Err(Locked::NotOurs);
    }
    match u32::from_le_bytes(version) {
        VERSION => {}
        other => return Err(Locked::Version(other)),
    }
    let center = keys.find(KeyId(id)).ok_or(Locked::NeedsKey(KeyId(id)))?;
    let tag = Tag::try_from(&block[TAG]).map_err(|_| Locked::Altered)?;
    Aes256Gcm::new(center.secret().into())
        .decrypt_inout_detached(&nonce.into(), &aad(block), key.as_mut_slice().into(), &tag)
        .map_err(|_| Locked::Altered)?;
    Ok(key)
}

/// The bytes that are authenticated beside the key: all others but the tag.
fn aad(block: &[u8; LEN]) -> Vec<u8> {
    [&block[..KEY.start], &block[TAG.end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn center(fill: u8) -> CenterKey {
        CenterKey::new(Zeroizing::new([fill; 32]))
    }

    #[test]
    fn the_key_comes_back_and_each_file_has_its_own() {
        let keys = CenterKeys::new(Some(center(1)), vec![center(2)]);
        let (one, envelope) = seal(&center(2)).unwrap();
        assert_eq!(open(&keys, &envelope).unwrap(), one, "an old key opens too");
        let (other, second) = seal(&center(2)).unwrap();
        assert!(one != other && envelope[NONCE] != second[NONCE]);
        assert!(!envelope.windows(16).any(|bytes| bytes == &one[..16]), "the key is wrapped");
    }

    #[test]
    fn a_changed_bit_anywhere_and_a_missing_key_are_told() {
        let keys = CenterKeys::new(Some(center(1)), Vec::new());
        let (_, envelope) = seal(&center(1)).unwrap();
        for at in (0..LEN).step_by(7).chain(0..120) {
            let mut altered = envelope;
            altered[at] ^= 4;
            assert!(open(&keys, &altered).is_err(), "byte {at}");
        }
        let without = CenterKeys::new(Some(center(9)), Vec::new());
        let needed = open(&without, &envelope).unwrap_err();
        assert_eq!(needed, Locked::NeedsKey(center(1).id()));
        assert!(needed.to_string().contains(&center(1).id().to_string()));
        assert_eq!(Locked::of(&needed.into()), Some(needed));
        assert_eq!(open(&keys, &[0; LEN]), Err(Locked::NotOurs));
    }
}
