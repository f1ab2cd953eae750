//! Encrypted recordings: their keys, the listener's way to them, and their export.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use api::{Audio, Unopened};
use media::{CenterKey, CenterKeys, DiskFile, Locked};
use model::{RecordingId, RecordingState};
use store::Store;

use crate::config::Server;

/// Bytes exported at once.
const PIECE: usize = 1 << 16;

/// The keys that the configuration names.
///
/// # Errors
/// When one of them cannot be read, is open to others, or is none.
pub fn keys(server: &Server) -> anyhow::Result<Arc<CenterKeys>> {
    let keys = CenterKeys::read(server.encryption_key.as_deref(), &server.old_encryption_keys);
    Ok(Arc::new(keys.with_context(|| "read the encryption keys of the recordings 读取录音加密密钥")?))
}

/// Makes a key for `encryption_key`; its name.
///
/// # Errors
/// When the file is there already or cannot be made.
pub fn new_key(path: &Path) -> anyhow::Result<String> {
    Ok(CenterKey::create(path).with_context(|| "make an encryption key 创建加密密钥")?.id().to_string())
}

/// The center's keys as the API knows them.
pub(crate) struct Vault(pub(crate) Arc<CenterKeys>);

impl api::Vault for Vault {
    fn open(&self, file: File, path: &Path) -> Result<Box<dyn Audio>, Unopened> {
        match media::open(file, path, &self.0) {
            Ok(file) => Ok(Box::new(Clear(file))),
            Err(error) => Err(match Locked::of(&error) {
                Some(locked) => Unopened::Locked(locked.to_string()),
                None => Unopened::Io(error),
            }),
        }
    }
}

struct Clear(Box<dyn DiskFile>);

impl Audio for Clear {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, room)
    }
}

/// Writes a recording, decrypted, to a new file for its owner's eyes alone; how many bytes.
///
/// # Errors
/// When there is no such recording, it is still being written or erased, its key is missing, or the file is
/// there already.
pub async fn export(
    store: &Store,
    folders: &[PathBuf],
    keys: &CenterKeys,
    id: RecordingId,
    to: &Path,
) -> anyhow::Result<u64> {
    let row = store.recording(id).await?.with_context(|| format!("there is no recording {id} 没有此录音"))?;
    match row.state {
        RecordingState::Open => bail!("recording {id} is still being written 录音尚未结束"),
        RecordingState::Erased => bail!("recording {id} was erased 录音已删除"),
        RecordingState::Sealed | RecordingState::Damaged => {}
    }
    let places = folders.iter().map(|folder| folder.join(&row.path));
    let path = places.into_iter().find(|path| path.is_file());
    let path = path.with_context(|| format!("the file of recording {id} is missing: {}", row.path))?;
    let opened = File::open(&path).and_then(|file| media::open(file, &path, keys));
    let file = opened.with_context(|| format!("open {}", path.display()))?;
    copy(&*file, to).with_context(|| format!("write {}", to.display()))
}

fn copy(from: &dyn DiskFile, to: &Path) -> io::Result<u64> {
    let mut out = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?);
    let (mut at, mut room) = (0, vec![0; PIECE]);
    loop {
        let read = from.read_at(at, &mut room)?;
        if read == 0 {
            out.into_inner()?.sync_all()?;
            return Ok(at);
        }
        out.write_all(room.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
}
