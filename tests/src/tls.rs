//! A TLS client of another make: `openssl s_client`, which says what it is told and keeps what it hears.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Center, wait_for};

/// A connection; ended when dropped.
#[derive(Debug)]
pub struct TlsClient {
    heard: PathBuf,
    process: Child,
}

impl TlsClient {
    /// Begins a handshake with the center, which has to show a certificate of the center's authority. `arguments`:
    /// further ones of openssl's.
    ///
    /// # Panics
    /// When openssl is not installed.
    pub fn start(center: &Center, arguments: &[&str]) -> TlsClient {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let heard = center.folder.join(format!("tls-client-{nth}"));
        let out = File::create(&heard).expect("the story's folder can be written");
        let errors = out.try_clone().expect("a file has a second handle");
        let process = Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &center.sip_tls(),
                "-verify_return_error",
                "-ign_eof",
                "-nocommands",
            ])
            .arg("-CAfile")
            .arg(center.authority().file())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .expect("openssl is installed (tests/install.sh)");
        TlsClient { heard, process }
    }

    /// Sends a text; its lines end as SIP's do.
    pub fn say(&mut self, text: &str) {
        let input = self.process.stdin.as_mut().expect("its input is a pipe");
        input.write_all(text.replace('\n', "\r\n").as_bytes()).expect("openssl reads");
    }

    /// Asks the center whether it lives, so that the answer says `number`.
    pub fn ask(&mut self, number: u32) {
        self.say(&format!(
            "OPTIONS sips:8000@127.0.0.1 SIP/2.0\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{number}\n\
             Max-Forwards: 70\nFrom: <sips:story@127.0.0.1>;tag=1\nTo: <sips:8000@127.0.0.1>\n\
             Call-ID: story-{number}\nCSeq: {number} OPTIONS\nContent-Length: 0\n\n"
        ));
    }

    /// Waits until the answer to [`TlsClient::ask`] is there.
    pub fn wait_for_answer(&self, number: u32) {
        self.wait_for(&format!("Call-ID: story-{number}"));
        assert!(self.heard().contains("SIP/2.0 200 OK"), "{}", self.heard());
    }

    /// What it heard, and what openssl says of the handshake.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.heard).unwrap_or_default()).into_owned()
    }

    /// Waits until it heard this.
    pub fn wait_for(&self, text: &str) {
        wait_for(&format!("{text:?} over TLS"), || self.heard().contains(text).then_some(()));
    }

    /// Waits until the connection is over: true when the handshake had come to its end.
    pub fn wait_for_end(&mut self) -> bool {
        wait_for("the TLS connection to end", || {
            self.process.try_wait().expect("a process of ours can be asked")
        });
        !self.heard().contains("Cipher is (NONE)")
    }
}

impl Drop for TlsClient {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.heard.display(), self.heard());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
