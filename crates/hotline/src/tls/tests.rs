use std::os::unix::fs::PermissionsExt as _;

use rustls::pki_types::ServerName;
use testing::{Authority, Scratch};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// An authority and a certificate of it for `sbc.example`.
struct Files {
    folder: Scratch,
    authority: Authority,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(name: &str) -> Files {
        let folder = Scratch::new(name);
        let authority = Authority::new(folder.path(), "authority");
        let (certificate, key) = authority.issue("sbc", "DNS:sbc.example", 30);
        Files { folder, authority, certificate, key }
    }

    fn identity(&self) -> Identity {
        Identity::read(&self.certificate, &self.key).unwrap()
    }
}

/// What both sides say of a handshake with this name.
async fn shake(server: &Arc<ServerConfig>, client: &Client, name: &str) -> (bool, bool) {
    let (ours, theirs) = tokio::io::duplex(65_536);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let accept = TlsAcceptor::from(Arc::clone(server)).accept(theirs);
    let connect = TlsConnector::from(Arc::clone(&client.config)).connect(name, ours);
    let (accepted, connected) = tokio::join!(accept, connect);
    (accepted.is_ok(), connected.is_ok())
}

#[test]
fn a_certificate_is_read_with_its_key_and_its_end() {
    let files = Files::new("tls-read");
    let identity = files.identity();
    let days = (identity.until.unix_ms() - crate::system::clock::now().unix_ms()) / 86_400_000;
    assert!((29..=30).contains(&days), "{days}");
    assert_eq!(identity.fingerprint.len(), 16);
}

#[test]
fn what_cannot_be_used_is_named() {
    let files = Files::new("tls-wrong");
    let (certificate, key) = (&files.certificate, &files.key);
    let read = |certificate: &Path, key: &Path| Identity::read(certificate, key).unwrap_err();
    let missing = files.folder.join("missing.pem");
    assert!(matches!(read(&missing, key), FileError::Unreadable { path, .. } if path == missing));
    assert!(matches!(read(key, key), FileError::NoCertificate(path) if path == *key));
    assert!(matches!(read(certificate, &missing), FileError::Unreadable { path, .. } if path == missing));
    let (_, other) = files.authority.issue("other", "DNS:other.example", 30);
    assert!(matches!(read(certificate, &other), FileError::Unusable { path, .. } if path == other));
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(key, open).unwrap();
    assert!(matches!(read(certificate, key), FileError::OpenKey(path) if path == *key));
    std::fs::set_permissions(certificate, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(read(certificate, certificate), FileError::NoKey(path) if path == *certificate));
    let noise = files.folder.join("noise.pem");
    let text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    std::fs::write(&noise, text).unwrap();
    assert!(matches!(read(&noise, certificate), FileError::NoKey(_) | FileError::Unusable { .. }));
    assert!(authorities(&noise).is_err());
}

#[tokio::test]
async fn a_gateway_is_believed_by_authority_and_name_or_by_its_very_certificate() {
    let files = Files::new("tls-trust");
    let server = server(&files.identity(), None, Version::Tls12).unwrap();
    let trusting = |path: &Path| Client::new(Trust::read(path).unwrap(), None).unwrap();
    let of_authority = trusting(&files.authority.file());
    assert_eq!(shake(&server, &of_authority, "sbc.example").await, (true, true));
    assert!(!shake(&server, &of_authority, "other.example").await.1, "another name");
    let pinned = trusting(&files.certificate);
    assert_eq!(shake(&server, &pinned, "whatever.example").await, (true, true));
    let stranger = Authority::new(files.folder.path(), "stranger");
    assert!(!shake(&server, &trusting(&stranger.file()), "sbc.example").await.1);
    let public = Client::new(Trust::public(), None).unwrap();
    assert!(!shake(&server, &public, "sbc.example").await.1);
    assert_eq!(of_authority, trusting(&files.authority.file()), "made of the same");
    assert!(of_authority != pinned && of_authority != public);
}

#[tokio::test]
async fn who_asks_for_a_certificate_of_ours_gets_it() {
    let files = Files::new("tls-mutual");
    let asking = |are_required| {
        let roots = authorities(&files.authority.file()).unwrap();
        server(&files.identity(), Some(Clients { roots, are_required }), Version::Tls13).unwrap()
    };
    let server = asking(true);
    let trust = || Trust::read(&files.authority.file()).unwrap();
    let (certificate, key) = files.authority.issue("center", "DNS:center.example", 30);
    let ours = Identity::read(&certificate, &key).unwrap();
    let with = Client::new(trust(), Some(&ours)).unwrap();
    assert_eq!(shake(&server, &with, "sbc.example").await, (true, true));
    let without = Client::new(trust(), None).unwrap();
    assert!(!shake(&server, &without, "sbc.example").await.0);
    assert!(with != without);
    let polite = asking(false);
    assert_eq!(shake(&polite, &with, "sbc.example").await, (true, true));
    assert_eq!(shake(&polite, &without, "sbc.example").await, (true, true));
    let stranger = Authority::new(files.folder.path(), "stranger");
    let (certificate, key) = stranger.issue("forged", "DNS:center.example", 30);
    let forged = Client::new(trust(), Some(&Identity::read(&certificate, &key).unwrap())).unwrap();
    assert!(!shake(&polite, &forged, "sbc.example").await.0, "of an authority that nobody asked for");
}

#[test]
fn a_certificate_is_of_the_names_in_it() {
    let files = Files::new("tls-names");
    let (several, _) = files.authority.issue("several", "DNS:a.example,DNS:*.b.example,IP:192.0.2.1", 30);
    let certificate = CertificateDer::from_pem_file(&several).unwrap();
    for (name, is_of) in [
        ("a.example", true),
        ("A.example", true),
        ("x.b.example", true),
        ("192.0.2.1", true),
        ("b.example", false),
        ("several", false),
        ("192.0.2.2", false),
    ] {
        assert_eq!(name.parse::<PeerName>().unwrap().is_of(&certificate), is_of, "{name}");
    }
    assert!("not a name".parse::<PeerName>().is_err() && "".parse::<PeerName>().is_err());
    assert!(!"a.example".parse::<PeerName>().unwrap().is_of(&CertificateDer::from(vec![0x30, 0x80])));
}

#[test]
fn noise_is_no_certificate() {
    let files = Files::new("tls-noise");
    let whole = CertificateDer::from_pem_file(&files.certificate).unwrap();
    assert!(validity::until(&whole).is_some());
    for length in 0..whole.len() {
        // Cut anywhere: an answer or none, and no panic. What was cut before its dates has none.
        let cut = validity::until(&whole[..length]);
        assert!(cut.is_none(), "{length} bytes");
    }
    for at in 0..whole.len() {
        let mut changed = whole.to_vec();
        changed[at] ^= 0xff;
        let _ = validity::until(&changed);
    }
}
