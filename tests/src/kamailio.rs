//! A call center of another make, or a provider of numbers: Kamailio, Debian's package.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::center::{new_folder, repository};
use crate::ports::Ports;
use crate::{Center, Phone, wait_for};

/// Where Debian puts it; a user's PATH does not lead there.
const PROGRAM: &str = "/usr/sbin/kamailio";

/// A running Kamailio with the configuration in `tests/scenarios`; ended, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Kamailio {
    pub(crate) folder: PathBuf,
    port: u16,
    _ports: Ports,
    process: Child,
}

impl Kamailio {
    /// Starts it for agents 1001 and following, so many, and waits until it answers.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub fn start(agents: u16) -> Kamailio {
        Kamailio::with("kamailio.cfg", &[format!("AGENTS={agents}")])
    }

    /// Starts a provider for the center, which has to register as 12345 with "provider-secret": calls of the center go to
    /// the telephone at this port, all others to the center.
    ///
    /// # Panics
    /// As [`Kamailio::start`].
    pub fn provider(center: &Center, outside: &Phone) -> Kamailio {
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let (center, outside) = (port(&center.sip()), port(outside.address()));
        Kamailio::with("provider.cfg", &[format!("CENTER={center}"), format!("OUTSIDE={outside}")])
    }

    /// The same for a center that speaks TLS, over which it comes and is called: both have to show certificates of the
    /// center's authority.
    ///
    /// # Panics
    /// As [`Kamailio::start`].
    pub fn tls_provider(center: &Center, outside: &Phone) -> Kamailio {
        let (certificate, key) = center.authority().issue("provider", "IP:127.0.0.1,DNS:sbc.example", 30);
        let port = outside.address().rsplit(':').next().unwrap_or_default().to_owned();
        let file = |name: &str, path: PathBuf| format!("{name}=\"{}\"", path.display());
        let words = [
            "TLS".to_owned(),
            format!("OUTSIDE={port}"),
            file("CERTIFICATE", certificate),
            file("KEY", key),
            file("AUTHORITY", center.authority().file()),
        ];
        Kamailio::with("provider.cfg", &words)
    }

    /// `127.0.0.1:PORT` of SIP over TLS.
    pub fn sip_tls(&self) -> String {
        format!("127.0.0.1:{}", self.port + 1)
    }

    fn with(configuration: &str, words: &[String]) -> Kamailio {
        let (ports, folder) = (Ports::claim(), new_folder());
        // The second is that of TLS.
        let port = ports.take(2);
        let tls = words.iter().any(|word| word == "TLS").then(|| format!("tls:127.0.0.1:{}", port + 1));
        let log = File::create(folder.join("kamailio.log")).expect("the story's folder can be written");
        let process = Command::new(PROGRAM)
            // In the foreground, telling its errors.
            .args(["-DD", "-E"])
            .arg("-f")
            .arg(repository().join("tests/scenarios").join(configuration))
            .args(words.iter().flat_map(|word| ["-A", word]))
            .args(["-l", &format!("udp:127.0.0.1:{port}")])
            .args(tls.iter().flat_map(|listen| ["-l", listen]))
            .arg("-Y")
            .arg(&folder)
            .arg("-P")
            .arg(folder.join("kamailio.pid"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Kamailio is installed (tests/install.sh)");
        let mut kamailio = Kamailio { folder, port, _ports: ports, process };
        kamailio.wait_until_it_answers();
        kamailio
    }

    /// `127.0.0.1:PORT` of SIP.
    pub fn sip(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn wait_until_it_answers(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket can be told to wait");
        let (us, them) = (socket.local_addr().expect("a bound socket has an address"), self.sip());
        let ping = format!(
            "OPTIONS sip:{them} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKping\r\nMax-Forwards: 70\r\n\
             From: <sip:story@{us}>;tag=1\r\nTo: <sip:{them}>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        wait_for("Kamailio to answer", || {
            let ended = self.process.try_wait().expect("a process of ours can be asked");
            assert!(ended.is_none(), "Kamailio ended before it answered");
            socket.send_to(ping.as_bytes(), &them).ok()?;
            let mut answer = [0; 2_000];
            let length = socket.recv(&mut answer).ok()?;
            answer.get(..length)?.starts_with(b"SIP/2.0 200 ").then_some(())
        });
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its first process ends the others, when it is asked to.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("kamailio.log")).unwrap_or_default();
            eprintln!("Kamailio's folder stays at {}\n{log}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
