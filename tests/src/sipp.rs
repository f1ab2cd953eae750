//! Customers by the dozen: SIPp with the scenarios in `tests/scenarios`.

use std::process::{Child, Command, Stdio};

use crate::center::repository;
use crate::{Center, wait_for};

/// A running SIPp; killed when dropped.
#[derive(Debug)]
pub struct Sipp {
    process: Child,
}

impl Sipp {
    /// Starts a scenario. `transport` is SIPp's: `u1` one UDP socket, `t1` one TCP connection.
    pub fn start(center: &Center, scenario: &str, transport: &str, calls: u32) -> Sipp {
        let port = center.ports.take(1).to_string();
        let media = center.ports.take(4).to_string();
        let calls = calls.to_string();
        let process = Command::new("sipp")
            .arg(center.sip())
            .arg("-sf")
            .arg(repository().join("tests/scenarios").join(scenario))
            .args(["-i", "127.0.0.1", "-p", &port, "-mp", &media, "-t", transport, "-s", "8000"])
            .args(["-m", &calls, "-l", &calls, "-r", &calls, "-timeout", "40s", "-timeout_error", "-nostdin"])
            .args(["-trace_err", "-error_file"])
            .arg(center.folder.join("sipp-errors.log"))
            .current_dir(&center.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Sipp { process: process.expect("SIPp is installed (tests/install.sh)") }
    }

    /// Waits until all calls went as the scenario says.
    pub fn assert_all_calls_went_well(&mut self) {
        let ended =
            wait_for("SIPp to end", || self.process.try_wait().expect("a process of ours can be asked"));
        assert!(ended.success(), "SIPp: {ended}; 1 is a failed call");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
