//! Linphone's console as an agent's telephone: real calls on two lines, told what to do line by line.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::{Center, tone, wait_for};

/// A registered telephone that takes every call. It speaks a tone once it is told to.
pub struct Linphone {
    folder: PathBuf,
    center: String,
    voice: PathBuf,
    orders: ChildStdin,
    process: Child,
}

impl Linphone {
    /// An agent's seat with its sample password.
    ///
    /// # Panics
    /// When Linphone is not installed (`tests/install.sh`), or does not register.
    pub fn agent(center: &Center, id: &str, tone_hz: u32) -> Linphone {
        let (sip, rtp) = (center.ports.take(1), center.ports.take(2));
        let folder = center.folder.join(format!("linphone-{id}"));
        // Without these it does not register.
        for home in [".local/share/linphone", ".config/linphone"] {
            fs::create_dir_all(folder.join(home)).expect("the story's folder can be written");
        }
        let voice = folder.join("voice.wav");
        tone::write(&voice, tone_hz, 120);
        let config = format!(
            "[sip]\nsip_port={sip}\nsip_tcp_port=-1\nsip_tls_port=-1\nuse_ipv6=0\nguess_hostname=1\ndefault_proxy=-1\n\
             [rtp]\naudio_rtp_port={rtp}\n[sound]\nlocal_ring=\nremote_ring=\n"
        );
        fs::write(folder.join("rc"), config).expect("the story's folder can be written");
        let log = File::create(folder.join("log")).expect("the story's folder can be written");
        let errors = log.try_clone().expect("a file has a second handle");
        let mut process = Command::new("linphonec")
            .args(["-a", "-c"])
            .arg(folder.join("rc"))
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .expect("linphonec is installed (tests/install.sh)");
        let orders = process.stdin.take().expect("its input is a pipe");
        let mut phone = Linphone { folder, center: center.sip(), voice, orders, process };
        phone.order("soundcard use files");
        let server = phone.center.clone();
        phone.order(&format!("register sip:{id}@{server} sip:{server} sample-{id}"));
        center.wait_for_seat(id);
        phone
    }

    /// Speaks its tone in the present call.
    pub fn speak(&mut self) {
        let voice = self.voice.display().to_string();
        self.order(&format!("play {voice}"));
    }

    /// Puts the present call on hold.
    pub fn pause(&mut self) {
        self.order("pause");
    }

    /// Makes a further call.
    pub fn call(&mut self, number: &str) {
        let center = self.center.clone();
        self.order(&format!("call sip:{number}@{center}"));
    }

    /// Joins two of its calls, by their numbers: whom the first is with gets whom the second is with.
    pub fn join(&mut self, first: u32, second: u32) {
        self.order(&format!("transfer {first} --to-call {second}"));
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Waits until it said this.
    pub fn wait_for_log(&self, text: &str) {
        wait_for(&format!("Linphone to say {text:?}"), || self.log().contains(text).then_some(()));
    }

    fn order(&mut self, line: &str) {
        writeln!(self.orders, "{line}").expect("Linphone reads");
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.folder.display(), self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
