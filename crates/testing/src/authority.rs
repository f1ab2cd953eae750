//! An authority for certificates, made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority with a key of its own, and the certificates that it issued, as PEM files in a folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
}

impl Authority {
    /// A new one of this name in this folder, which is made where it is missing.
    ///
    /// # Panics
    /// When openssl is not installed or makes no certificate.
    pub fn new(folder: &Path, name: &str) -> Authority {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let authority = Authority { folder: folder.to_owned(), name: name.to_owned() };
        authority.openssl(name, &["-addext", "keyUsage=critical,keyCertSign"]);
        authority
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    /// A certificate, valid for so many days, and its key. `names` as in `DNS:sbc.example,IP:127.0.0.1`. One of the same
    /// file name is replaced.
    ///
    /// # Panics
    /// As [`Authority::new`].
    pub fn issue(&self, file: &str, names: &str, days: u32) -> (PathBuf, PathBuf) {
        let [certificate, key] = ["pem", "key"].map(|ending| format!("{}.{ending}", self.name));
        let names = format!("subjectAltName={names}");
        let days = days.to_string();
        let of_authority = ["-CA", &certificate, "-CAkey", &key, "-days", &days];
        let extensions = ["-addext", &names, "-addext", "basicConstraints=critical,CA:FALSE"];
        self.openssl(file, &[of_authority.as_slice(), &extensions].concat());
        (self.folder.join(format!("{file}.pem")), self.folder.join(format!("{file}.key")))
    }

    fn openssl(&self, file: &str, arguments: &[&str]) {
        let made = Command::new("openssl")
            .current_dir(&self.folder)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", &format!("/CN={file}")])
            .args(["-keyout", &format!("{file}.key"), "-out", &format!("{file}.pem")])
            .args(arguments)
            .output()
            .expect("openssl is installed (tests/install.sh)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}
