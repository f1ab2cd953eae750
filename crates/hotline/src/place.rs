//! The folders that a command works on.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use hotline::config::{self, Configuration, Sources};
use hotline::output;
use hotline::serve::{self, Folders};
use store::Store;

#[derive(Args)]
pub(crate) struct Place {
    /// Folder of the configuration 配置目录
    #[arg(long, global = true, default_value = "config", value_name = "DIR")]
    config: PathBuf,
    /// Folder of database and state 数据目录
    #[arg(long, global = true, default_value = "var", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder of the recordings 录音目录
    #[arg(long, global = true, default_value = "recordings", value_name = "DIR")]
    recordings: PathBuf,
    /// Folder of the prompts; default: beside the configuration 语音目录
    #[arg(long, global = true, value_name = "DIR")]
    prompts: Option<PathBuf>,
}

impl Place {
    fn prompts(&self) -> PathBuf {
        let beside = || self.config.parent().unwrap_or(Path::new("")).join("prompts");
        self.prompts.clone().unwrap_or_else(beside)
    }

    /// The configuration, or a failure after all that is wrong with it was printed.
    pub(crate) fn load(&self, flow_tests: bool) -> anyhow::Result<Configuration> {
        let (prompts, clips) = (self.prompts(), self.data.join("clips"));
        let sources = Sources { config: &self.config, prompts: &prompts, clips: Some(&clips) };
        config::load(sources, flow_tests).or_else(|problems| {
            for problem in &problems {
                output::note(problem);
            }
            let (count, plural) = (problems.len(), if problems.len() == 1 { "" } else { "s" });
            bail!("the configuration has {count} problem{plural} 配置有 {count} 个问题")
        })
    }

    pub(crate) fn recordings_folders(&self, configuration: &Configuration) -> Vec<PathBuf> {
        serve::recordings_folders(&configuration.server, &self.folders())
    }

    /// What other users of the machine should not read: the database, recordings, and passwords that are not the samples'.
    pub(crate) fn private_paths(&self, configuration: &Configuration) -> Vec<PathBuf> {
        let passwords = configuration.sample_passwords().is_empty().then(|| self.agents_file());
        [self.data.clone(), self.recordings.clone()].into_iter().chain(passwords).collect()
    }

    pub(crate) fn agents_file(&self) -> PathBuf {
        self.config.join("agents.toml")
    }

    pub(crate) fn folders(&self) -> Folders {
        Folders { data: self.data.clone(), recordings: self.recordings.clone() }
    }

    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        self.open().await.map(|(store, _)| store)
    }

    /// The database, and the configuration.
    pub(crate) async fn open(&self) -> anyhow::Result<(Store, Configuration)> {
        let configuration = self.load(false)?;
        let url = serve::database_url(&configuration, &self.data);
        std::fs::create_dir_all(&self.data).with_context(|| format!("create {}", self.data.display()))?;
        let store = Store::open(&url).await.with_context(|| "open the database")?;
        Ok((store, configuration))
    }
}
