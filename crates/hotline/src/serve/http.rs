//! HTTP of a running center: the API over all parts, on a runtime of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use api::{App, AppParts, Listening, Readiness};
use archive::{Eraser, Shelves};
use store::{Journal, Store};
use tokio::sync::{oneshot, watch};

use super::calls::Calls;
use super::web::Web;
use crate::config::Server;
use crate::gauges::Gauges;
use crate::reload::Reloader;
use crate::system::clock::now;
use crate::system::folders::Folders;
use crate::system::process::Disks;

/// What the API reads, beside what carries calls.
pub(super) struct Sources {
    pub(super) store: Store,
    pub(super) journal: Journal,
    pub(super) shelves: Shelves,
    pub(super) eraser: Arc<Eraser>,
    pub(super) settings: watch::Receiver<Arc<api::Settings>>,
    pub(super) reloader: Arc<Reloader>,
    pub(super) readiness: Readiness,
}

/// The API over these parts.
pub(super) fn app(sources: Sources, calls: &Calls, server: &Server, folders: &Folders) -> App {
    let Sources { store, journal, shelves, eraser, settings, reloader, readiness } = sources;
    App::new(AppParts {
        store,
        log: journal.log().clone(),
        shelves,
        eraser,
        settings,
        configuration: Arc::clone(&reloader) as Arc<dyn api::Configuration>,
        zone: server.zone.clone(),
        now,
        sample: desk::sample,
        commands: Arc::new(calls.conductor.clone()),
        metrics: Arc::new(Gauges {
            conductor: calls.conductor.clone(),
            media: Arc::clone(&calls.media),
            observer: calls.observer.clone(),
            lines: calls.signalling.lines(),
            handshakes: calls.signalling.handshakes(),
            configuration: reloader,
            journal,
            disks: Disks::watch(watched_folders(server, folders)),
        }),
        trunks: Arc::new(calls.signalling.lines()),
        sockets: Arc::new(calls.signalling.web_sockets()),
        trace: calls.observer.trace_reader(),
        readiness,
    })
}

/// Listens and serves until something is sent to the returned channel: where it listens.
///
/// # Errors
/// When the address cannot be listened on.
pub(super) async fn serve(
    web: &Web,
    (address, listening): (SocketAddr, Listening),
    app: App,
) -> anyhow::Result<(SocketAddr, oneshot::Sender<()>)> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (bound, listener) = web.listen(address).await?;
    web.spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        if let Err(error) = api::serve((listener, listening), app, stop).await {
            tracing::error!(%error, "the API stopped");
        }
    });
    Ok((bound, stop))
}

/// The folders whose room `/metrics` shows.
fn watched_folders(server: &Server, folders: &Folders) -> Vec<(&'static str, PathBuf)> {
    let mut watched = vec![("data", folders.data.clone()), ("recordings", folders.recordings.clone())];
    watched.extend(server.recordings_fallback.clone().map(|folder| ("fallback", folder)));
    watched
}
