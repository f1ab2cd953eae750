//! What follows the log while a center runs: the day manifests and the FLAC copies.

use std::sync::Arc;

use archive::{Copier, Guard, Log, Manifests, Rows, Shelves};
use tokio::sync::watch;

use super::web::Web;
use crate::at_rest::guard::Guarded;
use crate::at_rest::ledger::Ledger;
use crate::config::CopyFormat;

/// A task that follows the log.
pub(super) struct Follower {
    /// What it makes, for the log.
    pub(super) makes: &'static str,
    /// The last sequence number that it has dealt with.
    pub(super) reached: watch::Receiver<u64>,
}

/// What the followers read and write.
pub(super) struct Sources {
    pub(super) ledger: Arc<Ledger>,
    pub(super) manifests: Manifests,
    /// The first recordings folder, which the manifests lie in.
    pub(super) main: Arc<Guarded>,
    pub(super) shelves: Shelves,
    /// The number of the newest record in the log; copies of older recordings are made first.
    pub(super) last_seq: u64,
}

/// Starts the followers on the web's runtime; that of the copies only where the configuration asks for them.
pub(super) fn start(web: &Web, sources: Sources, copy: Option<CopyFormat>) -> Vec<Follower> {
    let Sources { ledger, manifests, main, shelves, last_seq } = sources;
    let (log, rows): (Arc<dyn Log>, Arc<dyn Rows>) = (ledger.clone(), ledger);
    let (reached, signed) = watch::channel(0);
    let mut followers = vec![Follower { makes: "the day manifests", reached: signed }];
    let (readers, main) = ((log.clone(), rows.clone()), main as Arc<dyn Guard>);
    web.spawn(archive::keep_manifests(readers, (manifests, main), shelves.folders.clone(), reached));
    if let Some(CopyFormat::Flac) = copy {
        let (reached, copied) = watch::channel(0);
        followers.push(Follower { makes: "the FLAC copies", reached: copied });
        web.spawn(Copier { log, rows, shelves }.follow(last_seq, reached));
    }
    followers
}
