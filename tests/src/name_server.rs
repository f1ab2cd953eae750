//! A name server: dnsmasq, Debian's package.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::ports::Ports;
use crate::wait_for;

/// Where Debian puts it; a user's PATH does not lead there.
const PROGRAM: &str = "/usr/sbin/dnsmasq";

/// A question for the addresses of the root, which every name server answers somehow.
const QUESTION: &[u8] = &[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];

/// A running name server with these records alone; ended when dropped.
#[derive(Debug)]
pub struct NameServer {
    port: u16,
    _ports: Ports,
    process: Child,
}

impl NameServer {
    /// `records`: options of dnsmasq, such as `--host-record=gw1.carrier.test,127.0.0.1`.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub fn start(records: &[String]) -> NameServer {
        let ports = Ports::claim();
        let port = ports.take(1);
        let process = Command::new(PROGRAM)
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--pid-file=",
            ])
            .args(["--bind-interfaces", "--listen-address=127.0.0.1", "--log-facility=-"])
            .arg(format!("--port={port}"))
            .arg(format!("--user={}", user()))
            .args(records)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq is installed (tests/install.sh)");
        let mut server = NameServer { port, _ports: ports, process };
        server.wait_until_it_answers();
        server
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn wait_until_it_answers(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket can be told to wait");
        wait_for("dnsmasq to answer", || {
            let ended = self.process.try_wait().expect("a process of ours can be asked");
            assert!(ended.is_none(), "dnsmasq ended before it answered");
            socket.send_to(QUESTION, self.address()).ok()?;
            socket.recv(&mut [0; 512]).ok().map(drop)
        });
    }
}

/// The user that runs the stories: dnsmasq would become another one.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
