//! A center of one's own: the real binary, with the sample configuration, in a folder that goes with it.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::ports::Ports;
use crate::{configuration, wait_for, web};

/// A running center; killed, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Center {
    /// Its configuration, data and recordings.
    pub folder: PathBuf,
    prompts: PathBuf,
    pub(crate) ports: Ports,
    sip: u16,
    /// It listens on 127.0.0.1 and on ::1.
    both: bool,
    pub(crate) http: u16,
    token: OnceLock<String>,
    process: Child,
}

impl Center {
    /// Starts a center with the sample configuration and waits until it is ready to take calls.
    ///
    /// # Panics
    /// When the binary is missing or the center does not become ready.
    pub fn start() -> Center {
        Center::start_with(&[])
    }

    /// Starts a center whose configuration is the sample with lines replaced: file, old text, new text.
    ///
    /// # Panics
    /// As [`Center::start`], and when a file does not hold the old text.
    pub fn start_with(changes: &[(&str, &str, &str)]) -> Center {
        Center::start_writing_to(changes, logging)
    }

    /// The same with RTP ports for so many legs alone.
    ///
    /// # Panics
    /// As [`Center::start_with`].
    pub fn start_with_legs(changes: &[(&str, &str, &str)], legs: u16) -> Center {
        let mut ports = Ports::claim();
        ports.limit_legs(legs);
        Center::begin(ports, changes, false, logging)
    }

    /// The same with standard output and standard error of the story's choice; [`Center::log`] is empty then.
    ///
    /// # Panics
    /// As [`Center::start_with`].
    pub fn start_writing_to(
        changes: &[(&str, &str, &str)],
        streams: impl FnOnce(&Path) -> (Stdio, Stdio),
    ) -> Center {
        Center::begin(Ports::claim(), changes, false, streams)
    }

    /// Starts a center with prompts of its own, in the folder `prompts` beside its configuration: a copy of ours.
    ///
    /// # Panics
    /// As [`Center::start_with`].
    pub fn start_with_own_prompts(changes: &[(&str, &str, &str)]) -> Center {
        let folder = new_folder();
        configuration::copy(&repository().join("prompts"), &folder.join("prompts"), &[]);
        let prompts = folder.join("prompts");
        Center::begin_in((folder, prompts), Ports::claim(), changes, false, logging)
    }

    /// Starts a center that listens on 127.0.0.1 and on ::1, with one port.
    ///
    /// # Panics
    /// As [`Center::start_with`].
    pub fn start_on_both(changes: &[(&str, &str, &str)]) -> Center {
        Center::begin(Ports::claim(), changes, true, logging)
    }

    fn begin(
        ports: Ports,
        changes: &[(&str, &str, &str)],
        both: bool,
        streams: impl FnOnce(&Path) -> (Stdio, Stdio),
    ) -> Center {
        Center::begin_in((new_folder(), repository().join("prompts")), ports, changes, both, streams)
    }

    fn begin_in(
        (folder, prompts): (PathBuf, PathBuf),
        ports: Ports,
        changes: &[(&str, &str, &str)],
        both: bool,
        streams: impl FnOnce(&Path) -> (Stdio, Stdio),
    ) -> Center {
        configuration::copy(&repository().join("config"), &folder.join("config"), changes);
        let (sip, http) = (ports.take(1), ports.take(1));
        let process = serve((&folder, &prompts), &listening(sip, both), http, &ports, streams(&folder));
        let mut center = Center { folder, prompts, ports, sip, both, http, token: OnceLock::new(), process };
        center.wait_until_ready();
        center
    }

    /// Starts a center that is to refuse, and waits until it ended: its exit code and what it printed. `prepare` gets
    /// its folder, its SIP port, its HTTP port and the first of its RTP ports; what it returns is kept meanwhile.
    ///
    /// # Panics
    /// When the binary is missing or the center does not end.
    pub fn refused<Kept>(
        changes: &[(&str, &str, &str)],
        prepare: impl FnOnce(&Path, [u16; 3]) -> Kept,
    ) -> (Option<i32>, String) {
        let ports = Ports::claim();
        let folder = new_folder();
        configuration::copy(&repository().join("config"), &folder.join("config"), changes);
        let (sip, http) = (ports.take(1), ports.take(1));
        let kept = prepare(&folder, [sip, http, *ports.rtp().start()]);
        let folders = (&*folder, &*repository().join("prompts"));
        let mut process = serve(folders, &listening(sip, false), http, &ports, logging(&folder));
        let ended =
            wait_for("the center to refuse", || process.try_wait().expect("a process of ours can be asked"));
        let said = fs::read_to_string(folder.join("center.log")).unwrap_or_default();
        drop(kept);
        let _ = fs::remove_dir_all(&folder);
        (ended.code(), said)
    }

    /// What `/readyz` answers: status and body.
    pub fn readiness(&self) -> (u16, Value) {
        let (status, body) = web::get(self.http, "/readyz", None).expect("the center answers");
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// Starts the center again after [`Center::kill`] or [`Center::wait_for_end`], at the same addresses.
    pub fn restart(&mut self) {
        let sip = listening(self.sip, self.both);
        let folders = (&*self.folder, &*self.prompts);
        self.process = serve(folders, &sip, self.http, &self.ports, logging(&self.folder));
        self.wait_until_ready();
    }

    /// `127.0.0.1:PORT` of SIP.
    pub fn sip(&self) -> String {
        format!("127.0.0.1:{}", self.sip)
    }

    /// `[::1]:PORT` of SIP, where it listens there too.
    pub fn sip_v6(&self) -> String {
        format!("[::1]:{}", self.sip)
    }

    /// The ports of its RTP and RTCP.
    pub fn rtp_ports(&self) -> std::ops::RangeInclusive<u16> {
        self.ports.rtp()
    }

    /// `127.0.0.1:PORT` of HTTP.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// Ends the process without a word (SIGKILL). What it had written stays, as the kernel still has it.
    pub fn kill(&mut self) {
        self.process.kill().expect("a process of ours can be killed");
        self.process.wait().expect("a process of ours can be waited for");
    }

    /// The process's id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Asks the process to end (SIGTERM): no new calls, and the end when the present ones ended.
    pub fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// Sends the process a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "SIG{name} was not sent");
    }

    /// True when the process ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("a process of ours can be asked").is_some()
    }

    /// Waits until the process ended by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait_for("the center to end", || self.process.try_wait().expect("a process of ours can be asked"))
    }

    /// All contacts.
    pub fn contacts(&self) -> Vec<Value> {
        self.rows("contacts")
    }

    /// All recordings.
    pub fn recordings(&self) -> Vec<Value> {
        self.rows("recordings")
    }

    /// This agent.
    pub fn agent(&self, id: &str) -> Value {
        let mut rows = self.rows("agents").into_iter();
        rows.find(|row| row["id"] == id).expect("the sample configuration has the agent")
    }

    /// Orders `ready` or `break` for an agent, as an operator does on the command line.
    pub fn order(&self, state: &str, agent: &str) {
        let output = self.command("agent").args([state, agent]).output().expect("hotline runs");
        assert!(output.status.success(), "hotline agent: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The rows of a list as the command line prints it (`hotline contacts --json`).
    pub fn listing(&self, list: &str) -> Vec<Value> {
        let output = self.command(list).arg("--json").output().expect("hotline runs");
        assert!(output.status.success(), "hotline {list}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("hotline prints JSON")
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

    /// Makes the recordings two days older in the database: the youngest that a rule of retention knows is a day.
    /// False where this machine's Python cannot do it.
    pub fn age_recordings(&self) -> bool {
        let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=5)\n\
                      c.execute('UPDATE recordings SET opened_ms = opened_ms - 172800000')\nc.commit()";
        let database = self.folder.join("data/hotline.db");
        let run = Command::new("python3").args(["-c", script]).arg(database).status();
        let done = run.is_ok_and(|status| status.success());
        if !done {
            eprintln!("python3 with sqlite3 is missing: the erasing is left out");
        }
        done
    }

    /// Replaces text in a file of its configuration, which the center does not know before it is told.
    ///
    /// # Panics
    /// When the file does not hold the old text.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        configuration::replace(&self.folder.join("config"), &[(file, old, new)]);
    }

    /// Has the center read its files anew, with these arguments: whether it did, and what was printed.
    pub fn reload(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command("reload").args(arguments).env("HOTLINE_LANG", "en").output();
        let output = output.expect("hotline runs");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    }

    /// What the center printed and logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("center.log")).unwrap_or_default()
    }

    /// Waits until the text stands in the log: a thread of its own writes it, after what it tells
    /// of was done.
    pub fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), || self.log().contains(text).then_some(()));
    }

    /// Waits until the seat is registered and its agent waits for a call.
    pub fn wait_for_seat(&self, agent: &str) {
        self.wait_for_log(&format!("{agent} online=true"));
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

    /// Waits until so many recordings are sealed.
    pub fn wait_until_sealed(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} sealed recordings"), || {
            let mut rows = self.recordings();
            rows.retain(|row| row["state"] == "sealed");
            (rows.len() >= count).then_some(rows)
        })
    }

    /// Waits until the agent's shift (`ready`, `{"not_ready": reason}`) is this.
    pub fn wait_for_shift(&self, agent: &str, shift: &Value) {
        wait_for(&format!("agent {agent} to be {shift}"), || {
            (self.agent(agent)["shift"] == *shift).then_some(())
        });
    }

    /// Returns when a caller talks with an agent and the talk was recorded for so long.
    pub fn talk_for_seconds(&self, seconds: u64) {
        wait_for("the talk to begin", || {
            self.contacts().iter().any(|row| row["talked_at"].is_string()).then_some(())
        });
        self.record_for_seconds(seconds);
    }

    /// Returns when the one open recording has grown for so long.
    pub fn record_for_seconds(&self, seconds: u64) {
        self.wait_for_recording("open");
        self.record_each_for_seconds(seconds);
    }

    /// Returns when each recording that is open now has grown for so long.
    pub fn record_each_for_seconds(&self, seconds: u64) {
        let size = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
        let open = self.recordings().into_iter().filter(|row| row["state"] == "open");
        let goal = |row: Value| {
            let (rate, file) = (row["rate"].as_u64().expect("a rate"), self.recording_file(&row));
            // Two channels of 16 bits.
            (size(&file) + seconds * rate * 4, file)
        };
        let goals: Vec<_> = open.map(goal).collect();
        wait_for("the recordings to grow", || {
            goals.iter().all(|(goal, file)| size(file) >= *goal).then_some(())
        });
    }

    /// A token that may read everything but audio; made when first asked for.
    pub(crate) fn token(&self) -> String {
        self.token.get_or_init(|| self.make_token("supervisor")).clone()
    }

    /// A new token of this role.
    ///
    /// # Panics
    /// When none is made.
    pub fn make_token(&self, role: &str) -> String {
        let output = self.command("token").args(["create", "--role", role]).output().expect("hotline runs");
        assert!(output.status.success(), "token: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A command of the binary on this center's folders.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary());
        command.arg(name).current_dir(repository()).env("NO_COLOR", "1");
        command.arg("--prompts").arg(&self.prompts);
        command.arg("--config").arg(self.folder.join("config"));
        command.arg("--data").arg(self.folder.join("data"));
        command.arg("--recordings").arg(self.folder.join("recordings"));
        command
    }

    /// A command of the binary without any of its folders.
    pub fn bare_command(&self, name: &str) -> Command {
        let mut command = Command::new(binary());
        command.arg(name).current_dir(repository()).env("NO_COLOR", "1");
        command
    }

    /// `hotline serve` of a second center with this one's configuration, these folders and ports of its own.
    pub fn rival(&self, data: &Path, recordings: &Path) -> Command {
        let mut command = Command::new(binary());
        command.arg("serve").current_dir(repository()).env("NO_COLOR", "1");
        command.args(["--prompts", "prompts", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.arg("--config").arg(self.folder.join("config"));
        command.arg("--data").arg(data).arg("--recordings").arg(recordings);
        command
    }

    fn wait_until_ready(&mut self) {
        wait_for("the center to be ready", || {
            let ended = self.process.try_wait().expect("a process of ours can be asked");
            assert!(ended.is_none(), "the center ended before it was ready");
            web::get(self.http, "/readyz", None).filter(|(status, _)| *status == 200)
        });
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

/// Both streams into the log of this folder.
fn logging(folder: &Path) -> (Stdio, Stdio) {
    let log = File::options().create(true).append(true).open(folder.join("center.log"));
    let log = log.expect("the story's folder can be written");
    let errors = log.try_clone().expect("a file has a second handle");
    (log.into(), errors.into())
}

/// What `--sip` says.
fn listening(port: u16, both: bool) -> String {
    let v4 = format!("127.0.0.1:{port}");
    if both { format!("{v4},[::1]:{port}") } else { v4 }
}

fn serve(
    (folder, prompts): (&Path, &Path),
    sip: &str,
    http: u16,
    ports: &Ports,
    (out, errors): (Stdio, Stdio),
) -> Child {
    let rtp = ports.rtp();
    Command::new(binary())
        .arg("serve")
        .current_dir(repository())
        .env("NO_COLOR", "1")
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--recordings")
        .arg(folder.join("recordings"))
        .arg("--config")
        .arg(folder.join("config"))
        .arg("--prompts")
        .arg(prompts)
        .args(["--sip", sip, "--http", &format!("127.0.0.1:{http}")])
        .args(["--rtp", &format!("{}-{}", rtp.start(), rtp.end())])
        .stdout(out)
        .stderr(errors)
        .spawn()
        .expect("hotline starts")
}

pub(crate) fn new_folder() -> PathBuf {
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
pub(crate) fn binary() -> PathBuf {
    let path = env::var_os("HOTLINE_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `cargo build --bin hotline` first", path.display());
    path
}

fn beside_this_test() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    profile.join("hotline")
}
