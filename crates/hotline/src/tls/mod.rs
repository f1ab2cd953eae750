//! TLS: certificates, keys and authorities as files have them, and what handshakes are made of.
//!
//! Certificates are read with the configuration and replaced with it: a file that cannot be used changes nothing.

mod trusted;
mod validity;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use model::Time;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use sha2::{Digest as _, Sha256};

use crate::checks::privacy;

/// A larger file is none of ours.
const LARGEST: u64 = 4 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or not for us.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// There is none in it.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// There is none in it.
    #[error("{} holds no private key", .0.display())]
    NoKey(PathBuf),
    /// Other users of the machine may read the key.
    #[error("{} may be read by every user of this machine", .0.display())]
    OpenKey(PathBuf),
    /// It holds something that TLS cannot use, or a key that is of another certificate.
    #[error("{} cannot be used: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What TLS says.
        source: rustls::Error,
    },
}

/// The least version that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Version {
    /// TLS 1.2 or 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Version, &'static str> {
        match text {
            "1.2" => Ok(Version::Tls12),
            "1.3" => Ok(Version::Tls13),
            _ => Err("\"1.2\" or \"1.3\""),
        }
    }
}

impl Version {
    fn spoken(self) -> &'static [&'static SupportedProtocolVersion] {
        const BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
        const NEWEST: [&SupportedProtocolVersion; 1] = [&version::TLS13];
        match self {
            Version::Tls12 => &BOTH,
            Version::Tls13 => &NEWEST,
        }
    }
}

/// A certificate, with those that lead to its authority, and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    key: Arc<CertifiedKey>,
    /// SHA-256 of the certificate, the first 8 bytes in hexadecimal digits.
    pub fingerprint: String,
    /// When the certificate ends.
    pub until: Time,
}

impl Identity {
    /// Reads a certificate and its key, both PEM.
    ///
    /// # Errors
    /// When one of the files cannot be used, the key is open to all users, or is of another certificate.
    pub fn read(certificate: &Path, key: &Path) -> Result<Identity, FileError> {
        let chain = certificates(certificate)?;
        let text = read(key)?;
        if !privacy::readable_by_others(&[key.to_owned()]).is_empty() {
            return Err(FileError::OpenKey(key.to_owned()));
        }
        let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|_| FileError::NoKey(key.to_owned()))?;
        let first = chain.first().map(|first| first.as_ref().to_vec()).unwrap_or_default();
        let malformed = rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let until =
            validity::until(&first).ok_or(malformed).map_err(|source| unusable(certificate, source))?;
        let certified =
            CertifiedKey::from_der(chain, secret, &provider()).map_err(|source| unusable(key, source))?;
        Ok(Identity { key: Arc::new(certified), fingerprint: fingerprint(&first), until })
    }
}

/// The authorities in a file.
///
/// # Errors
/// When the file cannot be read, holds no certificate, or one that cannot be used.
pub(crate) fn authorities(path: &Path) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|source| unusable(path, source))?;
    }
    Ok(roots)
}

/// Whose certificates are believed on connections of ours.
#[derive(Debug, Clone)]
pub struct Trust {
    roots: RootCertStore,
    pinned: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// The authorities that browsers trust, as of the build.
    pub fn public() -> Trust {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Trust { roots, pinned: Vec::new() }
    }

    /// The certificates of a file: those of authorities, and those of peers themselves, which are believed whatever
    /// name and dates they have.
    ///
    /// # Errors
    /// As [`authorities`].
    pub fn read(path: &Path) -> Result<Trust, FileError> {
        Ok(Trust { roots: authorities(path)?, pinned: certificates(path)? })
    }

    /// What tells it from another.
    fn fingerprint(&self) -> String {
        let mut all: Vec<u8> = self.pinned.iter().flat_map(|certificate| certificate.to_vec()).collect();
        // Nothing is pinned where the public authorities are trusted.
        all.extend(self.pinned.len().to_be_bytes());
        fingerprint(&all)
    }
}

/// Whose certificates peers show that connect to us.
#[derive(Debug)]
pub(crate) struct Clients {
    /// The authorities of them.
    pub(crate) roots: RootCertStore,
    /// Who shows none is not let in.
    pub(crate) are_required: bool,
}

/// What connections to us are answered with. With `clients`, peers are asked for a certificate of one of these
/// authorities; one of another is refused.
///
/// # Errors
/// When there is no authority among `clients`.
pub(crate) fn server(
    identity: &Identity,
    clients: Option<Clients>,
    least: Version,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(least.spoken())?;
    let verifier = match clients {
        Some(Clients { roots, are_required }) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let verifier = if are_required { verifier } else { verifier.allow_unauthenticated() };
            verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?
        }
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let resolver = SingleCertAndKey::from(Arc::clone(&identity.key));
    Ok(Arc::new(builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(resolver))))
}

/// How connections of ours begin. Two are equal that were made of the same certificates.
#[derive(Debug, Clone)]
pub struct Client {
    /// What rustls takes.
    pub config: Arc<ClientConfig>,
    made_of: String,
}

impl PartialEq for Client {
    fn eq(&self, other: &Client) -> bool {
        self.made_of == other.made_of
    }
}

impl Eq for Client {}

impl Client {
    /// The peer's certificate has to be trusted, and, unless it is itself pinned, of the name that was called.
    /// `identity` is shown where the peer asks for one.
    ///
    /// # Errors
    /// When there is no authority to trust.
    pub fn new(trust: Trust, identity: Option<&Identity>) -> Result<Client, rustls::Error> {
        let ours = identity.map(|identity| identity.fingerprint.as_str()).unwrap_or_default();
        let made_of = format!("{} {ours}", trust.fingerprint());
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(Version::default().spoken())?
            .dangerous()
            .with_custom_certificate_verifier(trusted::verifier(trust)?);
        let config = match identity {
            Some(identity) => {
                let resolver = SingleCertAndKey::from(Arc::clone(&identity.key));
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Client { config: Arc::new(config), made_of })
    }
}

/// The name, or address, that a peer's certificate has to be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerName(ServerName<'static>);

impl PeerName {
    /// True for a certificate of this name. That an authority vouches for it is for the handshake to check.
    pub(crate) fn is_of(&self, certificate: &CertificateDer<'_>) -> bool {
        let parsed = ParsedCertificate::try_from(certificate);
        parsed.is_ok_and(|parsed| verify_server_name(&parsed, &self.0).is_ok())
    }
}

impl FromStr for PeerName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<PeerName, &'static str> {
        let name = ServerName::try_from(text.to_owned());
        name.map(PeerName).map_err(|_| "a name such as sbc.example.com, or an address")
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(FileError::NoCertificate(path.to_owned())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    std::fs::read(path).map_err(unreadable)
}

fn unusable(path: &Path, source: rustls::Error) -> FileError {
    FileError::Unusable { path: path.to_owned(), source }
}

fn fingerprint(certificate: &[u8]) -> String {
    let digest = Sha256::digest(certificate);
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
