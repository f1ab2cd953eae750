//! What a center has on disk: locked folders, keys, the database, the manifests and the log.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use archive::{CenterKeys, Eraser, Manifests, Shelves, SigningKey};
use store::{Holder, Journal, Lock, Store};

use crate::at_rest::guard::{self, Guarded};
use crate::at_rest::ledger::{Ledger, Scribe};
use crate::at_rest::vault;
use crate::config::Configuration;
use crate::system::folders::Folders;

/// Everything that is open on disk while a center runs.
pub(super) struct OnDisk {
    /// Of the data folder, and of each recordings folder.
    pub(super) locks: (Lock, Vec<Arc<Guarded>>),
    /// The folders that recordings may lie in; the first takes new ones.
    pub(super) recordings: Vec<PathBuf>,
    pub(super) keys: Arc<CenterKeys>,
    pub(super) store: Store,
    pub(super) manifests: Manifests,
    pub(super) journal: Journal,
}

impl OnDisk {
    /// Takes the locks, then opens the rest.
    ///
    /// # Errors
    /// When another center holds a folder or the database, or something cannot be opened.
    pub(super) async fn open(configuration: &Configuration, folders: &Folders) -> anyhow::Result<OnDisk> {
        let server = &configuration.server;
        let holder = Holder::this(&folders.data);
        // Before anything is read or written: two centers on one folder break what they write.
        let lock = Lock::data(&folders.data, &holder)?;
        let recordings = configuration.recordings_folders(folders);
        let guarded = guard::take_all(&recordings, &holder)?;
        let keys = vault::keys(server)?;
        if let Some(key) = keys.current() {
            tracing::info!(key = %key.id(), "new recordings are encrypted");
        }
        let url = configuration.database_url(folders);
        let opened = Store::open(&url).await;
        let store = opened.with_context(|| format!("open the database {}", store::place(&url)))?;
        let key = SigningKey::open(&folders.data).with_context(|| {
            format!("make the key that signs the recordings, in {}", folders.data.display())
        })?;
        let manifests =
            Manifests::open(&folders.recordings, key, server.zone.clone()).with_context(|| {
                format!("read the manifests of the recordings in {}", folders.recordings.display())
            })?;
        // A database from an older copy does not know the newest numbers that the manifests have signed.
        let journal = Journal::start_after(&store, &folders.data, manifests.last_seq())
            .await
            .with_context(|| format!("start the journal in {}", folders.data.display()))?;
        Ok(OnDisk { locks: (lock, guarded), recordings, keys, store, manifests, journal })
    }

    /// The recordings folders, with what opens encrypted files.
    pub(super) fn shelves(&self) -> Shelves {
        Shelves { folders: self.recordings.clone(), keys: Arc::clone(&self.keys) }
    }

    /// The eraser of recordings: it asks the database what is due, and notes in the log what it erases.
    pub(super) fn eraser(&self) -> Arc<Eraser> {
        let ledger = Arc::new(Ledger(self.store.clone()));
        let scribe = Arc::new(Scribe(self.journal.log().clone()));
        Arc::new(Eraser::new(self.recordings.clone(), ledger, scribe))
    }
}
