//! Customers by the dozen, and seats that misbehave: SIPp with the scenarios in `tests/scenarios`.

use std::process::{Child, Command, Stdio};

use crate::center::repository;
use crate::{Center, wait_for};

/// A running SIPp; killed when dropped.
#[derive(Debug)]
pub struct Sipp {
    process: Child,
}

impl Sipp {
    /// Customers who all call at once. `transport` is SIPp's: `u1` one UDP socket, `t1` one TCP connection.
    pub fn start(center: &Center, scenario: &str, transport: &str, calls: u32) -> Sipp {
        let port = center.ports.take(1);
        let mut command = command(center, scenario, port, calls);
        command.args(["-t", transport, "-s", "8000", "-r", &calls.to_string()]);
        Sipp::spawn(command)
    }

    /// An agent's seat that registers and then meets so many calls, one after the other, as the scenario says.
    pub fn seat(center: &Center, agent: &str, scenario: &str, calls: u32) -> Sipp {
        let port = center.ports.take(1);
        let mut registers = command(center, "registers.xml", port, 1);
        registers.args(["-s", agent, "-au", agent, "-ap", &format!("sample-{agent}")]);
        Sipp::spawn(registers).assert_all_calls_went_well();
        let seat = Sipp::spawn(command(center, scenario, port, calls));
        center.wait_for_seat(agent);
        seat
    }

    /// Waits until all calls went as the scenario says.
    pub fn assert_all_calls_went_well(&mut self) {
        let ended =
            wait_for("SIPp to end", || self.process.try_wait().expect("a process of ours can be asked"));
        assert!(ended.success(), "SIPp: {ended}; 1 is a failed call");
    }

    fn spawn(mut command: Command) -> Sipp {
        Sipp { process: command.spawn().expect("SIPp is installed (tests/install.sh)") }
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(center: &Center, scenario: &str, port: u16, calls: u32) -> Command {
    let media = center.ports.take(4).to_string();
    let calls = calls.to_string();
    let mut command = Command::new("sipp");
    command
        .arg(center.sip())
        .arg("-sf")
        .arg(repository().join("tests/scenarios").join(scenario))
        .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-mp", &media])
        .args(["-m", &calls, "-l", &calls, "-timeout", "60s", "-timeout_error", "-nostdin"])
        .args(["-trace_err", "-error_file"])
        .arg(center.folder.join(format!("sipp-{port}-errors.log")))
        .current_dir(&center.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
