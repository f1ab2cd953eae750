//! `hotline backup` and `hotline restore`: a folder that holds all that a center needs.
//!
//! ```text
//!   DIR/backup.json   what is here, with sizes and SHA-256; written last: a folder without it is no whole backup
//!   DIR/database/     hotline.db (SQLite) or hotline.dump (PostgreSQL, by pg_dump)
//!   DIR/data/         keys that sign, the spool, what else lies in the data folder
//!   DIR/keys/         the keys that encrypt recordings, by the order in the configuration
//!   DIR/config/  DIR/prompts/  DIR/recordings/ (with --recordings)
//! ```
//!
//! The center may run meanwhile. The order makes the copies fit each other: the spool before the database, so that an
//! event is in one of the two; the database before the recordings, so that each closed row has its file. What was
//! recorded since is found by `hotline recordings adopt`.

mod listing;
mod postgres;
mod restore;

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use store::Store;

use crate::config::Configuration;
use crate::control;
use crate::system::clock::now;
use crate::system::folders::Folders;
use listing::{Database, Entry, Listing, Part};

pub use restore::{Restored, restore};

/// The folders that a center reads and writes.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Configuration.
    pub config: PathBuf,
    /// Prompts.
    pub prompts: PathBuf,
    /// Data and recordings.
    pub folders: Folders,
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The last event in it.
    pub seq: u64,
}

/// Makes a backup in a new or empty folder, for its owner's eyes alone: it holds keys and personal data.
///
/// # Errors
/// When the folder is not empty or cannot be written, or something that belongs into it cannot be read. There is no
/// `backup.json` then.
pub async fn backup(
    store: &Store,
    configuration: &Configuration,
    scope: &Scope,
    (to, recordings): (&Path, bool),
) -> anyhow::Result<Made> {
    begin(to)?;
    let mut copier = Copier { to: to.to_owned(), entries: Vec::new() };
    let server = &configuration.server;
    let keys: Vec<PathBuf> =
        server.encryption_key.iter().chain(&server.old_encryption_keys).cloned().collect();
    copier.data(&scope.folders.data, &keys)?;
    let url = configuration.database_url(&scope.folders);
    let seq = store.last_seq().await?;
    let database = copier.database(store, &url).await?;
    for (nth, key) in keys.iter().enumerate() {
        copier.file(Part::Keys, key, &nth.to_string())?;
    }
    copier.tree(Part::Config, &scope.config)?;
    copier.tree(Part::Prompts, &scope.prompts)?;
    if recordings {
        copier.recordings(&configuration.recordings_folders(&scope.folders))?;
    }
    let Copier { entries, .. } = copier;
    let made = Made { files: entries.len(), bytes: entries.iter().map(|entry| entry.bytes).sum(), seq };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let log = store.log_id().await?;
    let listing = Listing { version, made_at: now(), log, seq, database, keys, recordings, files: entries };
    listing.write(to)?;
    Ok(made)
}

fn begin(to: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(to);
    made.with_context(|| format!("create {} 创建备份目录", to.display()))?;
    let mut inside = fs::read_dir(to).with_context(|| format!("read {}", to.display()))?;
    if inside.next().is_some() {
        bail!(
            "{} is not empty: give a new folder for each backup 目录不为空，请为每次备份指定新目录",
            to.display()
        );
    }
    Ok(())
}

struct Copier {
    to: PathBuf,
    entries: Vec<Entry>,
}

impl Copier {
    /// Copies one file to its place in the backup.
    fn file(&mut self, part: Part, from: &Path, name: &str) -> anyhow::Result<()> {
        let to = self.place(part, name)?;
        fs::copy(from, &to)
            .with_context(|| format!("copy {} to {} 复制文件", from.display(), to.display()))?;
        self.note(part, name, &to)
    }

    fn place(&self, part: Part, name: &str) -> anyhow::Result<PathBuf> {
        let to = self.to.join(part.folder()).join(name);
        let folder = to.parent().unwrap_or(&self.to);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("create {}", folder.display()))?;
        Ok(to)
    }

    fn note(&mut self, part: Part, name: &str, at: &Path) -> anyhow::Result<()> {
        let read = || {
            fs::File::open(at)?.sync_all()?;
            Ok::<_, std::io::Error>((fs::metadata(at)?.len(), archive::sha256_of(at)?))
        };
        let (bytes, sha256) = read().with_context(|| format!("read {} back", at.display()))?;
        self.entries.push(Entry { part, name: name.to_owned(), bytes, sha256 });
        Ok(())
    }

    /// The data folder's own files, but for the database, locks, and the way to the running center.
    fn data(&mut self, data: &Path, keys: &[PathBuf]) -> anyhow::Result<()> {
        let keys: Vec<PathBuf> = keys.iter().filter_map(|key| key.canonicalize().ok()).collect();
        for name in names(data)? {
            let path = data.join(&name);
            let other = name.starts_with("hotline.db") || name.ends_with(".lock") || name.ends_with(".new");
            let is_key = path.canonicalize().is_ok_and(|path| keys.contains(&path));
            if path.is_file() && !other && !is_key && name != control::CONTROL {
                self.file(Part::Data, &path, &name)?;
            }
        }
        Ok(())
    }

    async fn database(&mut self, store: &Store, url: &str) -> anyhow::Result<Database> {
        let (database, name) = if url.starts_with("sqlite:") {
            (Database::Sqlite, listing::SQLITE)
        } else {
            (Database::Postgres, listing::POSTGRES)
        };
        let to = self.place(Part::Database, name)?;
        match database {
            Database::Sqlite => {
                _ = store.copy_to(&to).await.with_context(|| "copy the database 复制数据库")?
            }
            Database::Postgres => postgres::dump(url, &to)?,
        }
        self.note(Part::Database, name, &to)?;
        Ok(database)
    }

    /// A folder with all that is below it, hidden files left out.
    fn tree(&mut self, part: Part, root: &Path) -> anyhow::Result<()> {
        for name in below(root)? {
            self.file(part, &root.join(&name), &name)?;
        }
        Ok(())
    }

    /// Recordings of all folders. The head goes before the manifests: one line more than it names is no fault.
    fn recordings(&mut self, folders: &[PathBuf]) -> anyhow::Result<()> {
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            let mut files = below(folder)?;
            files.sort_by_key(|name| !name.starts_with("manifest.head"));
            for name in files {
                let known =
                    self.entries.iter().any(|entry| entry.part == Part::Recordings && entry.name == name);
                if !known {
                    self.file(Part::Recordings, &folder.join(&name), &name)?;
                }
            }
        }
        Ok(())
    }
}

/// The names in a folder, in order; none where it is not there.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let read = || {
        let entries =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = entries.collect::<std::io::Result<Vec<String>>>()?;
        names.sort();
        Ok::<_, std::io::Error>(names)
    };
    read().with_context(|| format!("read {}", folder.display()))
}

/// All files below a folder but hidden ones, as paths below it.
fn below(root: &Path) -> anyhow::Result<Vec<String>> {
    let (mut files, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for name in names(&root.join(&folder))?.into_iter().filter(|name| !name.starts_with('.')) {
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let path = root.join(&name);
            if path.is_dir() && !path.is_symlink() {
                folders.push(name);
            } else if path.is_file() {
                files.push(name);
            }
        }
    }
    files.sort();
    Ok(files)
}
