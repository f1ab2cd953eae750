//! A system of another make that plays each caller's voice back: SIPp with its own scenario of a callee.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::center::new_folder;
use crate::ports::Ports;

/// A running SIPp; killed, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Echo {
    pub(crate) folder: PathBuf,
    port: u16,
    _ports: Ports,
    process: Child,
}

impl Echo {
    /// Starts it. It speaks PCMU alone; who calls before it listens calls again, as SIP has it.
    ///
    /// # Panics
    /// When SIPp is not installed.
    pub fn start() -> Echo {
        let (ports, folder) = (Ports::claim(), new_folder());
        // It takes the port two after its media port too, for video.
        let (port, media) = (ports.take(1), ports.take(4));
        let process = Command::new("sipp")
            .args(["-sn", "uas", "-rtp_echo", "-nostdin", "-i", "127.0.0.1"])
            .args(["-p", &port.to_string(), "-mp", &media.to_string()])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("SIPp is installed (tests/install.sh)");
        Echo { folder, port, _ports: ports, process }
    }

    /// `127.0.0.1:PORT` of SIP.
    pub fn sip(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
