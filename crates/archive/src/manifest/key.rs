//! The key that signs manifests, and the public keys that prove them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The file of the secret key in the data folder.
const FILE: &str = "recordings.key";
/// What goes before an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// Its file cannot be read or made.
    #[error("cannot use the key {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not hold such a key.
    #[error("{} holds no Ed25519 key in PEM", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a key")]
    Random,
}

/// Signs manifests.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads the key in the data folder. Where there is none, makes one, readable by its owner alone.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn open(data: &Path) -> Result<SigningKey, SigningKeyError> {
        let path = data.join(FILE);
        let file = |source| SigningKeyError::File { path: path.clone(), source };
        if !path.exists() {
            let made =
                Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| SigningKeyError::Random)?;
            // Each process writes a file of its own, so that no process publishes what another has half written.
            let new = data.join(format!("recordings.key.new-{}", std::process::id()));
            let _: io::Result<()> = fs::remove_file(&new);
            let write = || {
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
                file.write_all(pem("PRIVATE KEY", made.as_ref()).as_bytes())?;
                file.sync_all()?;
                // A hard link fails where another process has made a key meanwhile: that key stays.
                fs::hard_link(&new, &path).and_then(|()| fs::remove_file(&new))
            };
            match write() {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(file(error)),
                Ok(()) | Err(_) => {}
            }
        }
        let text = fs::read_to_string(&path).map_err(file)?;
        let key = blocks(&text, "PRIVATE KEY").into_iter().next();
        let pair = key.and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok());
        pair.map(SigningKey).ok_or(SigningKeyError::NoKey { path })
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }

    /// The public key in PEM, as `openssl pkey -pubin` reads it.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &[&SPKI, self.0.public_key().as_ref()].concat())
    }
}

/// The public keys that manifests are checked with: one, or several after a change of keys.
#[derive(Debug)]
pub struct PublicKeys(Vec<Vec<u8>>);

impl PublicKeys {
    /// Reads the public keys of a PEM file.
    ///
    /// # Errors
    /// When it cannot be read or holds none.
    pub fn read(path: &Path) -> Result<PublicKeys, SigningKeyError> {
        let text = fs::read_to_string(path)
            .map_err(|source| SigningKeyError::File { path: path.to_owned(), source })?;
        PublicKeys::parse(&text).ok_or(SigningKeyError::NoKey { path: path.to_owned() })
    }

    pub(super) fn parse(text: &str) -> Option<PublicKeys> {
        let keys: Vec<Vec<u8>> = blocks(text, "PUBLIC KEY")
            .into_iter()
            .filter_map(|der| der.strip_prefix(&SPKI).filter(|key| key.len() == 32).map(<[u8]>::to_vec))
            .collect();
        (!keys.is_empty()).then_some(PublicKeys(keys))
    }

    /// True when one of the keys made the signature.
    pub(super) fn prove(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let proves = |key: &Vec<u8>| UnparsedPublicKey::new(&ED25519, key).verify(bytes, signature).is_ok();
        self.0.iter().any(proves)
    }
}

fn pem(name: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
    format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", lines.join("\n"))
}

fn blocks(text: &str, name: &str) -> Vec<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {name}-----"), format!("-----END {name}-----"));
    let bodies = text.split(&begin).skip(1).filter_map(|rest| rest.split(&end).next());
    bodies.filter_map(|body| STANDARD.decode(body.split_whitespace().collect::<String>()).ok()).collect()
}
