//! Customers by the dozen, and seats: SIPp with the scenarios in `tests/scenarios`.

use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::center::repository;
use crate::{Center, Kamailio, tone, wait_for};

/// A running SIPp; killed when dropped.
#[derive(Debug)]
pub struct Sipp {
    folder: PathBuf,
    control: u16,
    process: Child,
}

impl Sipp {
    /// Customers who all call 8000 at once. `transport` is SIPp's: `u1` one UDP socket, `t1` one TCP connection.
    pub fn start(center: &Center, scenario: &str, transport: &str, calls: u32) -> Sipp {
        let line = Line::new(center, 440);
        let mut command = line.command(scenario, calls);
        command.args(["-t", transport, "-s", "8000", "-r", &calls.to_string()]);
        command.args(["-m", &calls.to_string()]);
        line.spawn(command)
    }

    /// The same customers, over IPv6.
    pub fn talkers_v6(center: &Center, calls: u32) -> Sipp {
        Sipp::talk(&Line::over_v6(center, 440), calls)
    }

    /// The same seats, over IPv6.
    pub fn seats_v6(center: &Center, agents: &[&str], scenario: &str, calls: u32) -> Sipp {
        Sipp::sit(center, &Line::over_v6(center, 880), (agents, scenario, calls), &[])
    }

    /// One customer who calls `number`. `keys` are words of the scenario (`[name]`) and what stands for them. There are
    /// four minutes for the call.
    pub fn customer(center: &Center, scenario: &str, number: &str, keys: &[(&str, &str)]) -> Sipp {
        let line = Line::new(center, 440);
        let mut command = line.command(scenario, 1);
        command.args(["-s", number, "-m", "1", "-timeout", "240s"]);
        for (name, value) in keys {
            command.args(["-key", name, value]);
        }
        line.spawn(command)
    }

    /// Customers who all call 8000 at once, ask for the inquiry, and speak a tone of 440 Hz until they are told to
    /// hang up ([`Sipp::hang_up_all`]).
    pub fn talkers(center: &Center, calls: u32) -> Sipp {
        Sipp::talk(&Line::new(center, 440), calls)
    }

    fn talk(line: &Line, calls: u32) -> Sipp {
        let mut command = line.command("talks.xml", calls);
        // No `-m`: once all its calls are made, SIPp would not listen to the order to quit.
        command.args(["-s", "8000", "-r", &calls.to_string()]);
        line.spawn(command)
    }

    /// Seats of agents that register with their sample passwords and then meet, together, so many calls, each as
    /// the scenario says. Where it lets them speak, they speak a tone of 880 Hz.
    pub fn seats(center: &Center, agents: &[&str], scenario: &str, calls: u32) -> Sipp {
        Sipp::seats_with(center, agents, scenario, calls, &[])
    }

    /// The same; `keys` are words of the scenario (`[name]`) and what stands for them.
    pub fn seats_with(
        center: &Center,
        agents: &[&str],
        scenario: &str,
        calls: u32,
        keys: &[(&str, &str)],
    ) -> Sipp {
        Sipp::sit(center, &Line::new(center, 880), (agents, scenario, calls), keys)
    }

    fn sit(
        center: &Center,
        line: &Line,
        (agents, scenario, calls): (&[&str], &str, u32),
        keys: &[(&str, &str)],
    ) -> Sipp {
        let mut registers = line.command("registers.xml", 10);
        registers.arg("-inf").arg(line.passwords(agents)).args([
            "-m",
            &agents.len().to_string(),
            "-r",
            "100",
        ]);
        line.spawn(registers).assert_all_calls_went_well();
        let mut command = line.command(scenario, calls);
        command.args(["-m", &calls.to_string()]);
        for (name, value) in keys {
            command.args(["-key", name, value]);
        }
        let seats = line.spawn(command);
        for agent in agents {
            center.wait_for_seat(agent);
        }
        seats
    }

    /// A carrier's gateway that takes this number of calls, each as the scenario says, and its address. Where that lets it speak, it
    /// speaks a tone.
    pub fn gateway(center: &Center, scenario: &str, calls: u32, tone_hz: u32) -> (Sipp, String) {
        let line = Line::new(center, tone_hz);
        let mut command = line.command(scenario, calls);
        command.args(["-m", &calls.to_string()]);
        let gateway = line.spawn(command);
        let address = format!("{}:{}", line.ip, line.sip);
        wait_for("SIPp to listen", || UdpSocket::bind(&address).is_err().then_some(()));
        (gateway, address)
    }

    /// One customer who calls `number` of a provider, not of the center itself.
    pub fn customer_of(center: &Center, provider: &Kamailio, scenario: &str, number: &str) -> Sipp {
        let line = Line { center: provider.sip(), ..Line::new(center, 440) };
        let mut command = line.command(scenario, 1);
        command.args(["-s", number, "-m", "1"]);
        line.spawn(command)
    }

    /// Hangs up every call of [`Sipp::talkers`] at once. SIPp ends, and counts these calls as failed.
    pub fn hang_up_all(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.send_to(b"Q", ("127.0.0.1", self.control)).expect("SIPp has a control port");
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
        if std::thread::panicking() {
            eprintln!("{}: {}", self.folder.display(), errors(&self.folder));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder and ports that one SIPp after another may use.
struct Line {
    folder: PathBuf,
    center: String,
    /// The address that it speaks from.
    ip: &'static str,
    sip: u16,
    control: u16,
    media: u16,
}

impl Line {
    fn new(center: &Center, tone_hz: u32) -> Line {
        Line::at(center, "127.0.0.1", center.sip(), tone_hz)
    }

    fn over_v6(center: &Center, tone_hz: u32) -> Line {
        Line::at(center, "::1", center.sip_v6(), tone_hz)
    }

    fn at(center: &Center, ip: &'static str, sip_of_center: String, tone_hz: u32) -> Line {
        // SIPp takes the port two after its media port too, for video.
        let (sip, control, media) = (center.ports.take(1), center.ports.take(1), center.ports.take(4));
        let folder = center.folder.join(format!("sipp-{sip}"));
        fs::create_dir_all(&folder).expect("the story's folder can be written");
        // One second, again and again: a whole number of waves, so that it has no seam.
        tone::write(&folder.join("voice.ul"), tone_hz, 1);
        Line { folder, center: sip_of_center, ip, sip, control, media }
    }

    fn command(&self, scenario: &str, at_once: u32) -> Command {
        let mut command = Command::new("sipp");
        command
            .arg(&self.center)
            .arg("-sf")
            .arg(repository().join("tests/scenarios").join(scenario))
            .args(["-i", self.ip, "-mi", self.ip, "-p", &self.sip.to_string()])
            .args(["-ci", "127.0.0.1", "-cp", &self.control.to_string(), "-mp", &self.media.to_string()])
            .args(["-l", &at_once.to_string(), "-timeout", "90s", "-timeout_error", "-nostdin"])
            .args(["-trace_err", "-error_file", "errors.log"])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn spawn(&self, mut command: Command) -> Sipp {
        let process = command.spawn().expect("SIPp is installed (tests/install.sh)");
        Sipp { folder: self.folder.clone(), control: self.control, process }
    }

    /// The file for `registers.xml`: a line for each agent.
    fn passwords(&self, agents: &[&str]) -> PathBuf {
        let mut text = "SEQUENTIAL\n".to_owned();
        for agent in agents {
            let _ = writeln!(text, "{agent};[authentication username={agent} password=sample-{agent}]");
        }
        let file = self.folder.join("passwords.csv");
        fs::write(&file, text).expect("the story's folder can be written");
        file
    }
}

/// What SIPp found wrong.
fn errors(folder: &Path) -> String {
    fs::read_to_string(folder.join("errors.log")).unwrap_or_default()
}
