//! A center for one story: the real binary with the sample configuration, in a folder that is removed with it.

mod outward;
mod process;
mod seen;
mod typed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use crate::ports::Ports;
use crate::{Authority, configuration, wait_for, web};

pub use outward::OUTSIDE;
pub(crate) use process::{binary, new_folder, repository};

use process::{listening, logging, serve};

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
    tls: Option<Tls>,
    token: OnceLock<String>,
    process: Child,
}

/// Where it speaks TLS, and who made its certificate.
#[derive(Debug)]
struct Tls {
    port: u16,
    web: u16,
    authority: Authority,
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

    /// Starts a center that speaks SIP and HTTP over TLS too, with a certificate for 127.0.0.1 of an authority of its own; in
    /// `[sip.tls]` stand these lines too, in which AUTHORITY is the file of that authority's certificate.
    ///
    /// # Panics
    /// As [`Center::start_with`].
    pub fn start_with_tls(changes: &[(&str, &str, &str)], lines: &str) -> Center {
        let (folder, ports) = (new_folder(), Ports::claim());
        let authority = Authority::new(&folder.join("tls"), "authority");
        let (certificate, key) = authority.issue("center", "IP:127.0.0.1", 30);
        let (port, web) = (ports.take(1), ports.take(1));
        let lines = lines.replace("AUTHORITY", &authority.file().display().to_string());
        let section = format!(
            "[sip.tls]\nlisten = \"127.0.0.1:{port}\"\ncertificate = \"{0}\"\nkey = \"{1}\"\n{lines}\n\n\
             [http.tls]\nlisten = \"127.0.0.1:{web}\"\ncertificate = \"{0}\"\nkey = \"{1}\"\n\n[http]\n",
            certificate.display(),
            key.display(),
        );
        let changes = [changes, &[("hotline.toml", "[http]\n", section.as_str())]].concat();
        let mut center =
            Center::begin_in((folder, repository().join("prompts")), ports, &changes, false, logging);
        center.tls = Some(Tls { port, web, authority });
        center
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
        let mut center =
            Center { folder, prompts, ports, sip, both, http, tls: None, token: OnceLock::new(), process };
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

    /// `127.0.0.1:PORT` of SIP over TLS.
    ///
    /// # Panics
    /// When it speaks none.
    pub fn sip_tls(&self) -> String {
        format!("127.0.0.1:{}", self.tls().port)
    }

    /// `127.0.0.1:PORT` of HTTP over TLS.
    ///
    /// # Panics
    /// When it speaks none.
    pub fn https_address(&self) -> String {
        format!("127.0.0.1:{}", self.tls().web)
    }

    /// Who made its certificate, `center.pem` in the authority's folder.
    ///
    /// # Panics
    /// When it speaks no TLS.
    pub fn authority(&self) -> &Authority {
        &self.tls().authority
    }

    fn tls(&self) -> &Tls {
        self.tls.as_ref().expect("this center speaks TLS")
    }

    /// The ports of its RTP and RTCP.
    pub fn rtp_ports(&self) -> std::ops::RangeInclusive<u16> {
        self.ports.rtp()
    }

    /// `127.0.0.1:PORT` that nobody else of the story, or of another, uses.
    pub fn free_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.take(1))
    }

    /// `127.0.0.1:PORT` of HTTP.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// Ends the process at once (SIGKILL). What it had written is kept: the kernel has it.
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

    /// Replaces text in a file of its configuration. The center does not know of it before [`Center::reload`].
    ///
    /// # Panics
    /// When the file does not hold the old text.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        configuration::replace(&self.folder.join("config"), &[(file, old, new)]);
    }

    /// A token that may read everything but audio; made when first asked for.
    pub(crate) fn token(&self) -> String {
        self.token.get_or_init(|| self.make_token("supervisor")).clone()
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
