//! The folders that a command works on.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archive::Shelves;
use clap::Args;
use hotline::at_rest::backup::Scope;
use hotline::at_rest::vault;
use hotline::config::{self, Configuration, Sources};
use hotline::reload::Files;
use hotline::shown::output;
use hotline::system::folders::Folders;
use store::Store;

/// The folders as they were typed. A folder that was not typed and stands in no environment variable is looked for in
/// the working folder first, as in a checkout, and then where a system keeps such folders.
#[derive(Args)]
pub(crate) struct Typed {
    /// Folder of the configuration; default: ./config, else /etc/hotline 配置目录
    #[arg(long, global = true, value_name = "DIR", env = "HOTLINE_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of database and state; default: ./var, or /var/lib/hotline with /etc/hotline 数据目录
    #[arg(long, global = true, value_name = "DIR", env = "HOTLINE_DATA")]
    data: Option<PathBuf>,
    /// Folder of the recordings; default: ./recordings, or recordings in /var/lib/hotline 录音目录
    #[arg(long, global = true, value_name = "DIR", env = "HOTLINE_RECORDINGS")]
    recordings: Option<PathBuf>,
    /// Folder of the prompts; default: beside the configuration, else /usr/share/hotline/prompts 语音目录
    #[arg(long, global = true, value_name = "DIR", env = "HOTLINE_PROMPTS")]
    prompts: Option<PathBuf>,
}

/// Below the data folder: decoded clips.
const CLIPS: &str = "clips";
/// Where a system keeps configuration, state and what never changes.
const SYSTEM_CONFIG: &str = "/etc/hotline";
const SYSTEM_DATA: &str = "/var/lib/hotline";
const SYSTEM_PROMPTS: &str = "/usr/share/hotline/prompts";

/// The folders.
pub(crate) struct Place {
    config: PathBuf,
    pub(crate) data: PathBuf,
    recordings: PathBuf,
    prompts: PathBuf,
}

impl From<Typed> for Place {
    fn from(typed: Typed) -> Place {
        let is_there = |path: &str| Path::new(path).is_dir();
        let of_system = typed.config.is_none() && !is_there("config") && is_there(SYSTEM_CONFIG);
        let or = |here: &str, there: &str| PathBuf::from(if of_system { there } else { here });
        let config = typed.config.unwrap_or_else(|| or("config", SYSTEM_CONFIG));
        let data = typed.data.unwrap_or_else(|| or("var", SYSTEM_DATA));
        let recordings = typed.recordings.unwrap_or_else(|| {
            if of_system { Path::new(SYSTEM_DATA).join("recordings") } else { "recordings".into() }
        });
        let beside = config.parent().unwrap_or(Path::new("")).join("prompts");
        let shared = of_system && !beside.is_dir();
        let prompts = typed.prompts.unwrap_or_else(|| if shared { SYSTEM_PROMPTS.into() } else { beside });
        Place { config, data, recordings, prompts }
    }
}

impl Place {
    /// The configuration, or a failure after all that is wrong with it was printed.
    pub(crate) fn load(&self, flow_tests: bool) -> anyhow::Result<Configuration> {
        let clips = self.data.join(CLIPS);
        let sources = Sources { config: &self.config, prompts: &self.prompts, clips: Some(&clips) };
        config::load(sources, flow_tests).or_else(|problems| {
            for problem in &problems {
                output::note(problem);
            }
            let (count, plural) = (problems.len(), if problems.len() == 1 { "" } else { "s" });
            bail!("the configuration has {count} problem{plural} 配置有 {count} 个问题")
        })
    }

    pub(crate) fn recordings_folders(&self, configuration: &Configuration) -> Vec<PathBuf> {
        configuration.recordings_folders(&self.folders())
    }

    /// The folders that recordings lie in, and what opens those that are encrypted.
    pub(crate) fn shelves(&self, configuration: &Configuration) -> anyhow::Result<Shelves> {
        let keys = vault::keys(&configuration.server)?;
        Ok(Shelves { folders: self.recordings_folders(configuration), keys })
    }

    /// What other users of the machine should not read: the database, recordings, and passwords that are not the
    /// samples'.
    pub(crate) fn private_paths(&self, configuration: &Configuration) -> Vec<PathBuf> {
        let passwords = configuration.sample_passwords().is_empty().then(|| self.agents_file());
        [self.data.clone(), self.recordings.clone()].into_iter().chain(passwords).collect()
    }

    /// Where the configuration is read from.
    pub(crate) fn files(&self) -> Files {
        Files { config: self.config.clone(), prompts: self.prompts.clone(), clips: self.data.join(CLIPS) }
    }

    pub(crate) fn prompts(&self) -> &Path {
        &self.prompts
    }

    pub(crate) fn agents_file(&self) -> PathBuf {
        self.config.join("agents.toml")
    }

    pub(crate) fn folders(&self) -> Folders {
        Folders { data: self.data.clone(), recordings: self.recordings.clone() }
    }

    /// All four folders.
    pub(crate) fn scope(&self) -> Scope {
        Scope { config: self.config.clone(), prompts: self.prompts.clone(), folders: self.folders() }
    }

    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        self.open().await.map(|(store, _)| store)
    }

    /// The database, and the configuration.
    pub(crate) async fn open(&self) -> anyhow::Result<(Store, Configuration)> {
        let configuration = self.load(false)?;
        let url = configuration.database_url(&self.folders());
        std::fs::create_dir_all(&self.data).with_context(|| format!("create {}", self.data.display()))?;
        let store = Store::open(&url).await;
        let store = store.with_context(|| format!("open the database {}", store::place(&url)))?;
        Ok((store, configuration))
    }
}
