//! A backup is put back where nothing is, and checked.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archive::Difference;
use store::{Holder, Lock, Store};

use super::listing::{Database, Entry, Listing, Part, SQLITE};
use super::{Scope, postgres};
use crate::at_rest::guard;
use crate::at_rest::ledger::Ledger;
use crate::config::{self, Configuration, Sources};

/// How many files a refusal names.
const NAMED: usize = 5;

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Files.
    pub files: usize,
    /// The last event in the database.
    pub seq: u64,
    /// What the check found wrong, a line each; nothing when it was not asked for.
    pub wrong: Vec<String>,
    /// What was not compared, for people.
    pub remark: Option<&'static str>,
}

/// Puts a backup back. Nothing that is there and differs is overwritten: then nothing is restored at all. With `verify`
/// what was restored is read back: each file's hash, the database's own check, and rows against recordings where those
/// are there.
///
/// # Errors
/// When the backup is not whole, a center runs on these folders, something else is there, or a file cannot be written.
pub async fn restore(backup: &Path, scope: &Scope, verify: bool) -> anyhow::Result<Restored> {
    let listing = Listing::read(backup)?;
    let damage = listing.damage(backup);
    if !damage.is_empty() {
        bail!(
            "the backup is damaged; nothing was restored 备份已损坏，未恢复任何内容:\n{}",
            damage.join("\n")
        );
    }
    // The configuration in the backup is the one that counts; where it cannot be used, nothing is written.
    let configuration = configuration(backup)?;
    let url = configuration.database_url(&scope.folders);
    let holder = Holder::this(&scope.folders.data);
    let _data = Lock::data(&scope.folders.data, &holder)?;
    let _recordings = guard::take_all(std::slice::from_ref(&scope.folders.recordings), &holder)?;
    refuse_to_overwrite(&listing, scope, &url)?;
    for entry in listing.files.iter().filter(|entry| entry.part != Part::Database) {
        put(&entry.path(backup), &target(entry, &listing, scope)?)?;
    }
    database(&listing, backup, &url)?;
    let store = Store::open(&url).await?;
    let seq = store.last_seq().await?;
    let mut restored = Restored { files: listing.files.len(), seq, wrong: Vec::new(), remark: None };
    if verify {
        check(&listing, scope, (&store, &configuration), &mut restored).await?;
    }
    store.close().await;
    Ok(restored)
}

/// Where a file belongs.
fn target(entry: &Entry, listing: &Listing, scope: &Scope) -> anyhow::Result<PathBuf> {
    Ok(match entry.part {
        Part::Data => scope.folders.data.join(&entry.name),
        Part::Config => scope.config.join(&entry.name),
        Part::Prompts => scope.prompts.join(&entry.name),
        Part::Recordings => scope.folders.recordings.join(&entry.name),
        Part::Database => scope.folders.data.join(SQLITE),
        Part::Keys => {
            let nth: Option<usize> = entry.name.parse().ok();
            let key = nth.and_then(|nth| listing.keys.get(nth)).cloned();
            key.with_context(|| format!("the listing has no place for key {}", entry.name))?
        }
    })
}

fn refuse_to_overwrite(listing: &Listing, scope: &Scope, url: &str) -> anyhow::Result<()> {
    let mut there = Vec::new();
    for entry in listing.files.iter().filter(|entry| entry.part != Part::Database) {
        let target = target(entry, listing, scope)?;
        if target.exists() && !archive::sha256_of(&target).is_ok_and(|found| found == entry.sha256) {
            there.push(target);
        }
    }
    if listing.database == Database::Sqlite {
        let file = sqlite_file(url).unwrap_or_default();
        let beside = ["", "-wal", "-shm"].map(|ending| PathBuf::from(format!("{file}{ending}")));
        there.extend(beside.into_iter().filter(|path| path.exists()));
    }
    if there.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = there.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    bail!(
        "{} files are there already and differ, {} among them: move them away or give other folders; nothing was restored \
         目标位置已有不同的文件，未恢复任何内容",
        there.len(),
        names.join(", ")
    )
}

fn configuration(backup: &Path) -> anyhow::Result<Configuration> {
    let (config, prompts) = (backup.join(Part::Config.folder()), backup.join(Part::Prompts.folder()));
    let sources = Sources { config: &config, prompts: &prompts, clips: None };
    config::load(sources, false).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(
            "the configuration in the backup cannot be used 备份中的配置无法使用:\n{}",
            lines.join("\n")
        )
    })
}

fn put(from: &Path, to: &Path) -> anyhow::Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let copy = || {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()
    };
    copy().with_context(|| format!("write {}", to.display()))
}

fn database(listing: &Listing, backup: &Path, url: &str) -> anyhow::Result<()> {
    let entry = listing.files.iter().find(|entry| entry.part == Part::Database);
    let from = entry
        .map(|entry| entry.path(backup))
        .with_context(|| "the backup holds no database 备份中没有数据库")?;
    match (listing.database, sqlite_file(url)) {
        (Database::Sqlite, Some(path)) => put(&from, Path::new(path)),
        (Database::Postgres, None) => postgres::fill(url, &from),
        (Database::Sqlite | Database::Postgres, _) => {
            bail!(
                "the backup's database is of another kind than its configuration names 数据库类型与配置不符"
            )
        }
    }
}

/// The file of a SQLite database's URL.
fn sqlite_file(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path))
}

async fn check(
    listing: &Listing,
    scope: &Scope,
    (store, configuration): (&Store, &Configuration),
    restored: &mut Restored,
) -> anyhow::Result<()> {
    for entry in listing.files.iter().filter(|entry| entry.part != Part::Database) {
        let target = target(entry, listing, scope)?;
        if !archive::sha256_of(&target).is_ok_and(|found| found == entry.sha256) {
            restored.wrong.push(format!("{}: not as in the backup 与备份不一致", target.display()));
        }
    }
    restored.wrong.extend(store.damage().await?);
    if restored.seq < listing.seq {
        let (seq, wanted) = (restored.seq, listing.seq);
        restored.wrong.push(format!("the database ends at event {seq}, not at {wanted} 数据库事件不完整"));
    }
    let folders = configuration.recordings_folders(&scope.folders);
    if !listing.recordings
        && !folders.iter().any(|folder| archive::wav_files(folder).is_ok_and(|files| !files.is_empty()))
    {
        restored.remark =
            Some("no recordings are here: rows were not compared with files 没有录音文件，未核对录音");
        return Ok(());
    }
    let differences = archive::verify(&Ledger(store.clone()), &folders).await?;
    // A call that went on during the backup is ended at the next start; a file from after it is adopted.
    let excused = |difference: &Difference| {
        matches!(difference, Difference::StillOpen { .. } | Difference::RowMissing { .. })
    };
    restored.wrong.extend(differences.iter().filter(|found| !excused(found)).map(ToString::to_string));
    Ok(())
}
