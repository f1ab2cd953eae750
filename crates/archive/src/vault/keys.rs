//! Center keys: files with keys that open recordings. The first key encrypts new recordings.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The name of a center key: 8 bytes of its SHA-256, in 16 hexadecimal digits. The key cannot be derived from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub(super) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// Why a center key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read or made.
    #[error("cannot use the encryption key {} 无法使用加密密钥", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error(
        "{} has mode {mode:o}: an encryption key is for its owner's eyes alone; chmod 600 it \
         密钥文件权限过宽，请执行 chmod 600",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file does not hold such a key.
    #[error("{} holds no key: 32 bytes in base64, as `hotline keys new` makes it 不是有效的密钥文件", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

/// A secret of 32 bytes that wraps the keys of recordings. Overwritten when dropped, never printed.
pub struct CenterKey {
    id: KeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for CenterKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CenterKey({})", self.id)
    }
}

impl CenterKey {
    pub(super) fn new(secret: Zeroizing<[u8; 32]>) -> CenterKey {
        let mut digest = Sha256::new();
        // The label keeps the id apart from any other use of a hash of the key.
        digest.update(b"hotline center key");
        digest.update(secret.as_slice());
        let digest: [u8; 32] = digest.finalize().into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        CenterKey { id: KeyId(id), secret }
    }

    /// Makes a key and its file, readable by its owner alone. An existing file is never touched.
    ///
    /// # Errors
    /// When the file is there already or cannot be made.
    pub fn create(path: &Path) -> Result<CenterKey, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|error| failed(io::Error::other(error)))?;
        let text = Zeroizing::new(STANDARD.encode(secret.as_slice()) + "\n");
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed)?;
        Ok(CenterKey::new(secret))
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// When it cannot be read, others may read it, or it does not hold 32 bytes in base64.
    pub fn read(path: &Path) -> Result<CenterKey, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: path.to_owned(), mode });
        }
        let text = Zeroizing::new(fs::read(path).map_err(failed)?);
        let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).unwrap_or_default());
        let mut secret = Zeroizing::new([0; 32]);
        if bytes.len() != secret.len() {
            return Err(KeyError::NoKey { path: path.to_owned() });
        }
        secret.copy_from_slice(&bytes);
        Ok(CenterKey::new(secret))
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

/// The keys of a center. Without any, recordings are not encrypted.
#[derive(Debug, Default)]
pub struct CenterKeys {
    current: Option<CenterKey>,
    old: Vec<CenterKey>,
}

impl CenterKeys {
    /// `current`: the key of new recordings, `None` without encryption. `old`: keys that only open older recordings,
    /// the newest first.
    pub fn new(current: Option<CenterKey>, old: Vec<CenterKey>) -> CenterKeys {
        CenterKeys { current, old }
    }

    /// Reads the keys' files.
    ///
    /// # Errors
    /// As [`CenterKey::read`], for the first that fails.
    pub fn read(current: Option<&Path>, old: &[PathBuf]) -> Result<CenterKeys, KeyError> {
        let current = current.map(CenterKey::read).transpose()?;
        let old = old.iter().map(|path| CenterKey::read(path)).collect::<Result<_, _>>()?;
        Ok(CenterKeys { current, old })
    }

    /// The key of new recordings.
    pub fn current(&self) -> Option<&CenterKey> {
        self.current.as_ref()
    }

    /// The key that wraps the keys of new encrypted files. Where encryption was switched off, copies and repairs of
    /// encrypted recordings use the newest of the old keys.
    pub(super) fn wrapping(&self) -> Option<&CenterKey> {
        self.current.as_ref().or(self.old.first())
    }

    /// The key with this name.
    pub(super) fn find(&self, id: KeyId) -> Option<&CenterKey> {
        self.current.iter().chain(&self.old).find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_for_its_owner_alone_is_never_overwritten_and_never_printed() {
        let folder = testing::Scratch::new("keys");
        let path = folder.join("center.key");
        let made = CenterKey::create(&path).unwrap();
        assert_eq!(CenterKey::read(&path).unwrap().id(), made.id());
        assert!(matches!(CenterKey::create(&path), Err(KeyError::File { .. })));
        let secret = fs::read_to_string(&path).unwrap();
        let printed = format!("{made:?}") + &format!("{:?}", CenterKeys::new(Some(made), Vec::new()));
        assert!(!printed.contains(secret.trim()) && printed.len() < 120, "{printed}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(CenterKey::read(&path), Err(KeyError::Open { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "c2hvcnQ=").unwrap();
        assert!(matches!(CenterKey::read(&path), Err(KeyError::NoKey { .. })));
        assert!(matches!(CenterKeys::read(None, &[folder.join("none")]), Err(KeyError::File { .. })));
    }
}
