//! `backup.json`: what is in a backup.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use model::Time;
use serde::{Deserialize, Serialize};

/// The name of the listing.
pub(super) const LISTING: &str = "backup.json";
/// The copy of a SQLite database.
pub(super) const SQLITE: &str = "hotline.db";
/// The dump of a PostgreSQL database.
pub(super) const POSTGRES: &str = "hotline.dump";

/// All that a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listing {
    /// Version of the program that made it.
    pub(super) version: String,
    /// When.
    pub(super) made_at: Time,
    /// The log's id.
    pub(super) log: String,
    /// An event that the database had when it was copied; later ones may be in it.
    pub(super) seq: u64,
    pub(super) database: Database,
    /// Where the configuration looks for the encryption keys, in the order of `keys/`.
    pub(super) keys: Vec<PathBuf>,
    /// Whether the recordings are in it.
    pub(super) recordings: bool,
    pub(super) files: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) part: Part,
    /// Path below the part's folder.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// In lower-case hexadecimal.
    pub(super) sha256: String,
}

/// What a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Database,
    Data,
    Keys,
    Config,
    Prompts,
    Recordings,
}

impl Part {
    pub(super) fn folder(self) -> &'static str {
        match self {
            Part::Database => "database",
            Part::Data => "data",
            Part::Keys => "keys",
            Part::Config => "config",
            Part::Prompts => "prompts",
            Part::Recordings => "recordings",
        }
    }
}

impl Entry {
    /// Where it lies in the backup.
    pub(super) fn path(&self, backup: &Path) -> PathBuf {
        backup.join(self.part.folder()).join(&self.name)
    }
}

impl Listing {
    pub(super) fn write(&self, backup: &Path) -> anyhow::Result<()> {
        let (path, new) = (backup.join(LISTING), backup.join("backup.json.new"));
        let text = serde_json::to_string_pretty(self).with_context(|| "print the listing")? + "\n";
        let write = || {
            fs::write(&new, text)?;
            fs::File::open(&new)?.sync_all()?;
            fs::rename(&new, &path)?;
            fs::File::open(backup)?.sync_all()
        };
        write().with_context(|| format!("write {}", path.display()))
    }

    pub(super) fn read(backup: &Path) -> anyhow::Result<Listing> {
        let path = backup.join(LISTING);
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "read {}: a folder without it is no whole backup 缺少清单，不是完整的备份",
                path.display()
            )
        })?;
        let listing: Listing =
            serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))?;
        for entry in &listing.files {
            let plain = Path::new(&entry.name).components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || entry.name.is_empty() {
                bail!("{}: {:?} leads out of the backup 路径超出备份目录", path.display(), entry.name);
            }
        }
        Ok(listing)
    }

    /// The differences to the backup, a line each.
    pub(super) fn damage(&self, backup: &Path) -> Vec<String> {
        let mut wrong = Vec::new();
        for entry in &self.files {
            let path = entry.path(backup);
            match archive::sha256_of(&path) {
                Ok(found) if found == entry.sha256 => {}
                Ok(_) => wrong.push(format!("{}: altered since the backup 文件已被改动", path.display())),
                Err(error) => wrong.push(format!("{}: {error}", path.display())),
            }
        }
        wrong
    }
}
