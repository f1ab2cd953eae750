//! Everything that a center needs, tried before it starts: `serve` refuses to start when something is missing, and
//! `doctor` shows the same findings without serving.
//!
//! The checks are by subject: folders, ports, database, machine. A check leaves nothing behind, and returns all that
//! it found at once: its name, the finding, and what a person can do.

mod database;
pub mod doctor;
mod folders;
mod machine;
mod ports;
pub mod privacy;

use std::fmt;

use anyhow::bail;
use serde::Serialize;
use text::{Text, text};

use crate::at_rest::vault;
use crate::config::Configuration;
use crate::control::{self, Neighbour};
use crate::shown::output;
use crate::system::folders::Folders;

pub(crate) use folders::{LEAST, LITTLE, try_folder};
pub(crate) use machine::{FILES_A_CALL, OTHER_FILES};
pub use store::Depth;

/// What was found of one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The check, in `snake_case`.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What is so.
    pub what: Words,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Words>,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Good,
    /// The center that runs on this data folder has it.
    Ours,
    /// The center can work, and a person should look at it.
    Warning,
    /// The center cannot do its job.
    Failed,
}

/// A text in both languages.
#[derive(Debug, Clone, Serialize)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl From<Text> for Words {
    fn from(Text { en, zh }: Text) -> Words {
        Words { en, zh }
    }
}

impl Finding {
    pub(crate) fn good(name: &'static str, what: Text) -> Finding {
        Finding { name, state: State::Good, what: what.into(), next: None }
    }

    pub(crate) fn ours(name: &'static str, what: Text) -> Finding {
        Finding { name, state: State::Ours, what: what.into(), next: None }
    }

    pub(crate) fn warning(name: &'static str, what: Text, next: Text) -> Finding {
        Finding { name, state: State::Warning, what: what.into(), next: Some(next.into()) }
    }

    pub(crate) fn failed(name: &'static str, what: Text, next: Text) -> Finding {
        Finding { name, state: State::Failed, what: what.into(), next: Some(next.into()) }
    }
}

impl fmt::Display for Finding {
    /// One line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { name, what, next, .. } = self;
        match next {
            Some(next) => write!(out, "{name}: {}; {} {}；{}", what.en, next.en, what.zh, next.zh),
            None => write!(out, "{name}: {} {}", what.en, what.zh),
        }
    }
}

/// Tries everything. `neighbour`: the center that runs on this data folder, whose ports are held by right.
pub async fn all(
    configuration: &Configuration,
    folders: &Folders,
    depth: Depth,
    neighbour: Option<&Neighbour>,
) -> Vec<Finding> {
    let server = &configuration.server;
    let mut findings = folders::check(server, folders);
    findings.extend(ports::check(server, neighbour).await);
    findings.push(database::check(configuration, folders, depth).await);
    findings.extend(machine::check(server, folders));
    findings.extend(sample_passwords(configuration));
    findings.extend(key(configuration));
    findings
}

/// Refuses to start when something is missing, after every failure was printed; warnings go to the log.
///
/// # Errors
/// How many checks failed.
pub(crate) async fn refuse(configuration: &Configuration, folders: &Folders) -> anyhow::Result<()> {
    let data = folders.data.clone();
    let neighbour = tokio::task::spawn_blocking(move || control::neighbour(&data)).await.ok().flatten();
    let mut findings = all(configuration, folders, Depth::Start, neighbour.as_ref()).await;
    findings.extend(neighbour.map(|center| taken(center, folders)));
    for finding in findings.iter().filter(|finding| finding.state == State::Warning) {
        tracing::warn!("{finding}");
    }
    let failed: Vec<_> = findings.iter().filter(|finding| finding.state == State::Failed).collect();
    failed.iter().for_each(output::note);
    match failed.len() {
        0 => Ok(()),
        1 => bail!("not started: 1 check failed 未启动：1 项检查未通过"),
        count => bail!("not started: {count} checks failed 未启动：{count} 项检查未通过"),
    }
}

fn taken(center: Neighbour, folders: &Folders) -> Finding {
    let (data, http) = (folders.data.display(), center.http);
    Finding::failed(
        "data_folder",
        text!("a center runs on {data} already (HTTP {http})", "{data} 上已有系统在运行（HTTP {http}）"),
        text!("stop it first, or name another folder (--data)", "请先停止它，或用 --data 指定其他目录"),
    )
}

/// Passwords that everybody knows may not be open to the network.
pub(crate) fn sample_passwords(configuration: &Configuration) -> Option<Finding> {
    let server = &configuration.server;
    let secure = server.sip_tls.iter().flat_map(|tls| &tls.listen);
    let sip = server.sip.iter().chain(secure).map(|listener| listener.bind);
    let address = sip
        .chain([server.http])
        .chain(server.http_tls.iter().map(|tls| tls.listen))
        .find(|address| !address.ip().is_loopback())?;
    let samples = configuration.sample_passwords();
    if samples.is_empty() {
        return None;
    }
    let names = samples.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    Some(Finding::failed(
        "passwords",
        text!(
            "refusing to listen on {address}: agents {names} still have the sample password",
            "拒绝监听 {address}：座席 {names} 仍在使用示例密码"
        ),
        text!("change it in agents.toml", "请在 agents.toml 中修改"),
    ))
}

fn key(configuration: &Configuration) -> Option<Finding> {
    let error = vault::keys(&configuration.server).err()?;
    Some(Finding::failed(
        "encryption_key",
        text!("{error:#}", "录音密钥不可用：{error:#}"),
        text!(
            "put the key's file back, or correct encryption_key in hotline.toml",
            "请放回密钥文件，或修改 hotline.toml 的 encryption_key"
        ),
    ))
}

/// The system's word without its number, which says nothing to people.
pub(crate) fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
