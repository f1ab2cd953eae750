//! A center of one's own: the real binary, with the sample configuration, in a folder that goes with it.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::ports::Ports;
use crate::wait_for;

/// A running center; killed, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Center {
    pub(crate) folder: PathBuf,
    pub(crate) ports: Ports,
    sip: u16,
    http: u16,
    process: Child,
}

impl Center {
    /// Starts a center and waits until it is ready to take calls.
    ///
    /// # Panics
    /// When the binary is missing or the center does not become ready.
    pub fn start() -> Center {
        let ports = Ports::claim();
        let folder = new_folder();
        let (sip, http) = (ports.take(1), ports.take(1));
        let process = serve(&folder, sip, http, &ports);
        let center = Center { folder, ports, sip, http, process };
        center.wait_until_ready();
        center
    }

    /// Starts the center again after [`Center::kill`] or [`Center::wait_for_end`], at the same addresses.
    pub fn restart(&mut self) {
        self.process = serve(&self.folder, self.sip, self.http, &self.ports);
        self.wait_until_ready();
    }

    /// `127.0.0.1:PORT` of SIP.
    pub fn sip(&self) -> String {
        format!("127.0.0.1:{}", self.sip)
    }

    /// Ends the process without a word (SIGKILL). What it had written stays, as the kernel still has it.
    pub fn kill(&mut self) {
        self.process.kill().expect("a process of ours can be killed");
        self.process.wait().expect("a process of ours can be waited for");
    }

    /// Asks the process to end (SIGTERM): no new calls, and the end when the present ones ended.
    pub fn ask_to_end(&self) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success(), "SIGTERM was not sent");
    }

    /// Waits until the process ended by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait_for("the center to end", || self.process.try_wait().expect("a process of ours can be asked"))
    }

    /// The rows of `hotline contacts`.
    pub fn contacts(&self) -> Vec<Value> {
        self.rows("contacts")
    }

    /// The rows of `hotline recordings`.
    pub fn recordings(&self) -> Vec<Value> {
        self.rows("recordings")
    }

    /// The body of an HTTP GET without a token; `None` while nobody answers 200.
    pub fn fetch(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    /// The file of a recording's row.
    pub fn recording_file(&self, row: &Value) -> PathBuf {
        self.folder.join("recordings").join(row["path"].as_str().expect("a recording has a path"))
    }

    /// Runs `hotline verify` and fails with its own words when rows and files differ.
    pub fn assert_rows_and_files_agree(&self) {
        let output = self.command("verify").output().expect("hotline runs");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "verify: {said}");
    }

    /// What the center printed and logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("center.log")).unwrap_or_default()
    }

    /// Waits until the seat is registered and its agent waits for a call.
    pub fn wait_for_seat(&self, agent: &str) {
        let online = format!("{agent} online=true");
        wait_for(&format!("seat {agent}"), || self.log().contains(&online).then_some(()));
    }

    /// Waits for a contact whose field (a JSON pointer) is the text.
    pub fn wait_for_contact(&self, field: &str, text: &str) -> Value {
        wait_for(&format!("a contact whose {field} is {text}"), || {
            self.contacts().into_iter().find(|row| row.pointer(field).and_then(Value::as_str) == Some(text))
        })
    }

    /// Waits for a recording in the state.
    pub fn wait_for_recording(&self, state: &str) -> Value {
        wait_for(&format!("a recording that is {state}"), || {
            self.recordings().into_iter().find(|row| row["state"] == state)
        })
    }

    fn rows(&self, listing: &str) -> Vec<Value> {
        let output = self.command(listing).arg("--json").output().expect("hotline runs");
        assert!(output.status.success(), "hotline {listing}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("hotline prints JSON")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary());
        command.arg(name).current_dir(repository()).env("NO_COLOR", "1");
        command.arg("--data").arg(self.folder.join("data"));
        command.arg("--recordings").arg(self.folder.join("recordings"));
        command
    }

    fn wait_until_ready(&self) {
        wait_for("the center to be ready", || self.fetch("/readyz"));
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the center's folder stays at {}\n{}", self.folder.display(), self.log());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn serve(folder: &Path, sip: u16, http: u16, ports: &Ports) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("center.log"));
    let log = log.expect("the story's folder can be written");
    let errors = log.try_clone().expect("a file has a second handle");
    let rtp = ports.rtp();
    Command::new(binary())
        .arg("serve")
        .current_dir(repository())
        .env("NO_COLOR", "1")
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--recordings")
        .arg(folder.join("recordings"))
        .args(["--config", "config", "--prompts", "prompts"])
        .args(["--sip", &format!("127.0.0.1:{sip}"), "--http", &format!("127.0.0.1:{http}")])
        .args(["--rtp", &format!("{}-{}", rtp.start(), rtp.end())])
        .stdout(log)
        .stderr(errors)
        .spawn()
        .expect("hotline starts")
}

fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nth = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("hotline-story-{}-{nth}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder of temporary files can be written");
    folder
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository")
}

/// `$HOTLINE_BIN`, or the binary that `cargo build --bin hotline` put beside this test.
fn binary() -> PathBuf {
    let path = env::var_os("HOTLINE_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `cargo build --bin hotline` first", path.display());
    path
}

fn beside_this_test() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    profile.join("hotline")
}
