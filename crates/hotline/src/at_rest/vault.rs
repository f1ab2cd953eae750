//! The keys of encrypted recordings, and the export of a recording.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use archive::{CenterKey, CenterKeys, Shelves};
use model::{RecordingId, RecordingState};
use store::Store;

use crate::config::Server;

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

/// Writes a recording, decrypted, to a new file for its owner's eyes alone; how many bytes.
///
/// # Errors
/// When there is no such recording, it is still being written or erased, its key is missing, or the file is
/// there already.
pub async fn export(store: &Store, shelves: &Shelves, id: RecordingId, to: &Path) -> anyhow::Result<u64> {
    let row = store.recording(id).await?.with_context(|| format!("there is no recording {id} 没有此录音"))?;
    match row.state {
        RecordingState::Open => bail!("recording {id} is still being written 录音尚未结束"),
        RecordingState::Erased => bail!("recording {id} was erased 录音已删除"),
        RecordingState::Sealed | RecordingState::Damaged => {}
    }
    let path = shelves.place_of(&row.path);
    let path = path.with_context(|| format!("the file of recording {id} is missing: {}", row.path))?;
    let file = shelves.open(&row.path).with_context(|| format!("open {}", path.display()))?;
    archive::export(&*file, to).with_context(|| format!("write {}", to.display()))
}
