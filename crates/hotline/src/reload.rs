//! Reloads the configuration's files while the center runs.
//!
//! ```text
//!   asked ──► read and check all ──► compare ──► replace in every owner, one after the other ──► event
//!                  └─ a fault: nothing is changed, and every fault is answered
//! ```
//!
//! Nothing can fail once the first owner has new settings. Calls in progress keep the flow that they began in; what is
//! not in the settings any more comes to its end. What was built at the start (addresses, threads, folders, keys)
//! stays: [`AT_RESTART`].

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use api::{Because, Fault, Reloaded, Reloading};
use archive::Schedule;
use media::{Prompts, Shelf};
use model::{Actor, CenterEvent, Effect, Entry, SettingChange, Time};
use store::Log;
use text::{Problem, Text, text};
use tokio::sync::watch;

use crate::checks::{self, Finding, Words};
use crate::conductor::Conductor;
use crate::config::{self, AT_RESTART, Configuration, Difference, Server, Sources, Values};
use crate::observer::{Limits, Observer};
use crate::settings;
use crate::signalling;
use crate::system::clock::now;

/// Changes that are named in the event of a reload.
const NOTED: usize = 500;

/// Where the files of the configuration lie.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder of the configuration.
    pub config: PathBuf,
    /// The folder of the prompts.
    pub prompts: PathBuf,
    /// Where decoded clips are kept for the next time.
    pub clips: PathBuf,
}

/// The owners of settings that can be replaced.
pub(crate) struct Owners {
    pub(crate) signalling: signalling::Current,
    pub(crate) prompts: Arc<Shelf>,
    pub(crate) conductor: Conductor,
    pub(crate) observer: Observer,
    pub(crate) log: Log,
    pub(crate) api: watch::Sender<Arc<api::Settings>>,
    pub(crate) retention: watch::Sender<Option<Schedule>>,
}

/// The owner of the configuration.
pub(crate) struct Reloader {
    /// `None` for a center whose settings are made up by the program.
    files: Option<Files>,
    /// Taken for a whole reload: two follow one after the other.
    turn: tokio::sync::Mutex<()>,
    current: Mutex<Current>,
    owners: Owners,
}

/// What holds now.
#[derive(Clone)]
struct Current {
    server: Server,
    values: Values,
}

/// Settings that were read and found sound.
struct Candidate {
    server: Server,
    values: Values,
    prompts: Arc<Prompts>,
    signalling: signalling::Settings,
    center: center::Config,
    api: api::Settings,
    limits: Limits,
    warnings: Vec<Fault>,
}

impl Reloader {
    /// For a center that runs with this `server` and these `values`.
    pub(crate) fn new(files: Option<Files>, server: Server, values: Values, owners: Owners) -> Reloader {
        let current = Mutex::new(Current { server, values });
        Reloader { files, turn: tokio::sync::Mutex::default(), current, owners }
    }

    /// What `hotline.toml` says, as far as the center follows it.
    pub(crate) fn server(&self) -> Server {
        self.current().server
    }

    fn current(&self) -> Current {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn follow(&self, by: Actor, dry_run: bool) -> Result<Reloaded, Vec<Fault>> {
        let _turn = self.turn.lock().await;
        let files = self.files.clone().ok_or_else(|| vec![no_files()])?;
        let current = self.current();
        let running = current.server.clone();
        // Clips are decoded, which takes long.
        let read = tokio::task::spawn_blocking(move || read(&files, &running)).await;
        let mut candidate = read.unwrap_or_else(|error| Err(vec![unread(&error)]))?;
        let warnings = std::mem::take(&mut candidate.warnings);
        let changes = self.changes(&current, &candidate);
        if !dry_run {
            self.replace(candidate).await;
            self.note(by.clone(), &changes);
            tracing::info!(changes = changes.len(), ?by, "the configuration was read anew");
            for SettingChange { file, key, effect, .. } in &changes {
                tracing::info!(file, key, at_restart = *effect == Effect::AtRestart, "changed");
            }
        }
        Ok(Reloaded { dry_run, changes, warnings })
    }

    /// Appends the change to the log, which then shows which settings held at any time.
    fn note(&self, by: Actor, changes: &[SettingChange]) {
        let count = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        let changes = changes.iter().take(NOTED).cloned().collect();
        let event = CenterEvent::ConfigurationReplaced { count, changes }.into();
        if let Err(error) = self.owners.log.append(Entry { at: now(), by: Some(by), event }) {
            tracing::error!(%error, "that the configuration was read anew is not in the event log");
        }
    }

    fn changes(&self, current: &Current, candidate: &Candidate) -> Vec<SettingChange> {
        let differences = current.values.differences(&candidate.values);
        let clips = self.owners.prompts.changes(&candidate.prompts);
        let seconds = |ms: u64| format!("{}.{:03} s", ms / 1_000, ms % 1_000);
        let of_clip = |clip: media::ClipChange| SettingChange {
            file: format!("prompts/{}", clip.name),
            key: String::new(),
            before: clip.before_ms.map(seconds),
            after: clip.after_ms.map(seconds),
            effect: Effect::Now,
        };
        let of_files = clips.into_iter().map(of_clip).chain(renewed(&current.server, &candidate.server));
        differences.into_iter().map(of_value).chain(of_files).collect()
    }

    /// The distributor knows an agent before a phone may register as one; a number leads somewhere before it is
    /// dialled.
    async fn replace(&self, candidate: Candidate) {
        let Candidate { server, values, prompts, signalling, center, api, limits, warnings: _ } = candidate;
        self.owners.prompts.replace(&prompts);
        self.owners.conductor.replace_settings(center);
        self.owners.signalling.replace(signalling).await;
        self.owners.api.send_replace(Arc::new(api));
        self.owners.retention.send_replace(settings::schedule(&server));
        self.owners.observer.replace_limits(limits);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Current { server, values };
    }
}

impl api::Configuration for Reloader {
    fn reload(&self, by: Actor, dry_run: bool) -> Reloading<'_> {
        Box::pin(self.follow(by, dry_run))
    }
}

/// Reloads after a signal: there is no answer to send, so every fault goes to the log.
pub async fn at_signal(configuration: &dyn api::Configuration) {
    let Err(faults) = configuration.reload(Actor::CommandLine, false).await else { return };
    for Fault { file, line, message, hint } in &faults {
        tracing::error!(file, line, message = message.en, hint = hint.en, "configuration");
    }
    tracing::error!(problems = faults.len(), "the configuration was not read anew: nothing was changed");
}

/// Other certificates: their files may have the names of those before.
fn renewed(before: &Server, after: &Server) -> Vec<SettingChange> {
    let sip = |server: &Server| server.sip_tls.as_ref().map(|tls| (tls.fingerprint.clone(), tls.until));
    let http = |server: &Server| server.http_tls.as_ref().map(|tls| (tls.fingerprint.clone(), tls.until));
    let pairs = [
        ("sip.tls.certificate", sip(before), sip(after)),
        ("http.tls.certificate", http(before), http(after)),
    ];
    let shown = |(fingerprint, until): (String, Time)| format!("sha256 {fingerprint}…, until {until}");
    let change = |(key, before, after): (&str, Option<_>, Option<_>)| SettingChange {
        file: "hotline.toml".to_owned(),
        key: key.to_owned(),
        before: before.map(shown),
        after: after.map(shown),
        effect: Effect::Now,
    };
    pairs.into_iter().filter(|(_, before, after)| before != after).map(change).collect()
}

fn of_value(difference: Difference) -> SettingChange {
    let Difference { file, key, before, after } = difference;
    let waits = file == "hotline.toml" && AT_RESTART.iter().any(|start| key.starts_with(start));
    let effect = if waits { Effect::AtRestart } else { Effect::Now };
    SettingChange { file, key, before, after, effect }
}

/// Reads and checks everything, as at a start.
fn read(files: &Files, running: &Server) -> Result<Candidate, Vec<Fault>> {
    let sources = Sources { config: &files.config, prompts: &files.prompts, clips: Some(&files.clips) };
    let loaded = config::load(sources, false);
    let mut configuration = loaded.map_err(|problems| problems.iter().map(fault).collect::<Vec<_>>())?;
    if configuration.server.realm != running.realm {
        return Err(vec![other_realm(files)]);
    }
    configuration.server = configuration.server.as_far_as_followed(running);
    if let Some(finding) = checks::sample_passwords(&configuration) {
        let agents = files.config.join("agents.toml").display().to_string();
        return Err(vec![of_finding(agents, finding)]);
    }
    Ok(candidate(configuration))
}

fn candidate(configuration: Configuration) -> Candidate {
    Candidate {
        server: configuration.server.clone(),
        values: configuration.values.clone(),
        prompts: Arc::clone(&configuration.prompts),
        signalling: settings::signalling_settings(&configuration),
        api: settings::api_settings(&configuration),
        limits: settings::limits(&configuration.server),
        warnings: configuration.warnings.iter().map(fault).collect(),
        center: settings::center_config(configuration),
    }
}

fn fault(problem: &Problem) -> Fault {
    let Problem { file, line, message, hint } = problem;
    Fault { file: file.to_string(), line: *line, message: because(message), hint: because(hint) }
}

fn of_finding(file: String, finding: Finding) -> Fault {
    let of = |words: Words| Because::new(words.en, words.zh);
    let hint = finding.next.map_or_else(|| Because::new("", ""), of);
    Fault { file, line: 0, message: of(finding.what), hint }
}

fn because(text: &Text) -> Because {
    Because::new(text.en.clone(), text.zh.clone())
}

fn other_realm(files: &Files) -> Fault {
    Fault {
        file: files.config.join("hotline.toml").display().to_string(),
        line: 0,
        message: because(&text!(
            "realm in [sip] cannot change while the center runs: the hashes of passwords belong to it",
            "运行中不能更改 [sip] 的 realm：密码哈希与其绑定"
        )),
        hint: because(&text!("stop the center and start it again", "请停止后重新启动")),
    }
}

fn no_files() -> Fault {
    Fault {
        file: String::new(),
        line: 0,
        message: because(&text!("this center was not started from files", "此系统不是从配置文件启动的")),
        hint: because(&text!("start one with `hotline serve`", "请使用 hotline serve 启动")),
    }
}

fn unread(error: &tokio::task::JoinError) -> Fault {
    Fault {
        file: String::new(),
        line: 0,
        message: because(&text!("the files were not read: {error}", "未能读取配置：{error}")),
        hint: because(&text!("try again", "请重试")),
    }
}
