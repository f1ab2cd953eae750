//! `hotline serve`: starts everything, in order, and ends it, in order.

mod calls;
mod control_file;
mod cut_off;
mod disk;
mod ending;
mod followers;
mod http;
mod standings;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{Listening, Readiness};
use store::{Journal, Lock, Store};
use tokio::sync::{oneshot, watch};

use crate::at_rest::adopt;
use crate::at_rest::guard::Guarded;
use crate::at_rest::ledger::Ledger;
use crate::config::Configuration;
use crate::reload::{Files, Reloader};
use crate::settings::{api_settings, schedule};
use crate::signalling::Addresses;
use crate::system::clock::now;
use crate::system::folders::Folders;
use crate::{checks, readiness};

use calls::{Calls, Inherited};
use disk::OnDisk;
use followers::Follower;
use web::Web;

/// A running center.
pub struct Running {
    /// Where SIP listens.
    pub sip: Addresses,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where HTTP over TLS listens.
    pub https: Option<SocketAddr>,
    calls: Calls,
    journal: Journal,
    store: Store,
    web: Web,
    web_stops: Vec<oneshot::Sender<()>>,
    readiness: Readiness,
    reloader: Arc<Reloader>,
    locks: (Lock, Vec<Arc<Guarded>>),
    /// Tasks that must have read the log to its end before the process leaves.
    followers: Vec<Follower>,
}

/// Starts a center. `files`: the files of its configuration, for a reload; `None` where it has none.
///
/// # Errors
/// When a check of what it needs fails (each failure was printed then), or a thread cannot be had.
pub async fn start(
    configuration: Configuration,
    folders: &Folders,
    files: Option<Files>,
) -> anyhow::Result<Running> {
    checks::refuse(&configuration, folders).await?;
    let (server, values) = (configuration.server.clone(), configuration.values.clone());
    let on_disk = OnDisk::open(&configuration, folders).await?;
    let inherited = inherit(&configuration, &on_disk).await?;
    let (to_api, settings) = watch::channel(Arc::new(api_settings(&configuration)));
    let calls = Calls::start(configuration, folders, &on_disk, inherited).await?;

    let (to_eraser, schedules) = watch::channel(schedule(&server));
    let owners = calls.owners(on_disk.journal.log().clone(), to_api, to_eraser);
    let reloader = Arc::new(Reloader::new(files, server.clone(), values, owners));
    let readiness = Readiness::default();
    let (shelves, eraser) = (on_disk.shelves(), on_disk.eraser());
    let sources = http::Sources {
        store: on_disk.store.clone(),
        journal: on_disk.journal.clone(),
        shelves: shelves.clone(),
        eraser: Arc::clone(&eraser),
        settings: settings.clone(),
        reloader: Arc::clone(&reloader),
        readiness: readiness.clone(),
    };
    let app = http::app(sources, &calls, &server, folders);
    let web = Web::start()?;
    let (http, stop) = http::serve(&web, (server.http, Listening::Plain), app.clone()).await?;
    let (mut https, mut web_stops) = (None, vec![stop]);
    if let Some(tls) = &server.http_tls {
        let (bound, stop) = http::serve(&web, (tls.listen, Listening::Secure), app).await?;
        https = Some(bound);
        web_stops.push(stop);
    }

    let OnDisk { locks, recordings, store, manifests, journal, .. } = on_disk;
    let sources = followers::Sources {
        ledger: Arc::new(Ledger(store.clone())),
        manifests,
        main: locks.1.first().map(Arc::clone).context("there is no recordings folder")?,
        shelves,
        last_seq: journal.last_seq(),
    };
    let followers = followers::start(&web, sources, server.copy);
    let rules = move || settings.borrow().retention.clone();
    web.spawn(archive::erase_daily(eraser, rules, schedules, folders.data.clone(), now));

    let sip = calls.signalling.bound().clone();
    control_file::write(&store, &folders.data, http, &sip).await?;
    let parts = parts(&calls, (&store, &journal), (folders, recordings));
    readiness::register(&readiness, parts);
    readiness.started();
    Ok(Running {
        sip,
        http,
        https,
        calls,
        journal,
        store,
        web,
        web_stops,
        readiness,
        reloader,
        locks,
        followers,
    })
}

/// Brings the database up to the last record of the last run, and reads what that run left open.
///
/// # Errors
/// When the database does not answer or take the records.
async fn inherit(configuration: &Configuration, on_disk: &OnDisk) -> anyhow::Result<Inherited> {
    let OnDisk { store, journal, recordings, keys, .. } = on_disk;
    cut_off::follow_spool(store, journal).await?;
    let standings = standings::read(store, configuration).await?;
    let endings = cut_off::endings(store, journal, recordings, keys).await?;
    adopt::notice(store, journal, recordings).await;
    Ok(Inherited { standings, endings })
}

/// The parts that `/readyz` asks.
fn parts(
    calls: &Calls,
    (store, journal): (&Store, &Journal),
    (folders, recordings): (&Folders, Vec<PathBuf>),
) -> readiness::Parts {
    readiness::Parts {
        signalling: calls.signalling.life(),
        conductor: calls.conductor.clone(),
        media: calls.media.pulse(),
        journal: journal.clone(),
        store: store.clone(),
        data: folders.data.clone(),
        recordings,
    }
}

impl Running {
    /// The center's database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Calls in progress.
    pub fn calls(&self) -> u64 {
        self.calls.conductor.calls()
    }

    /// How long a drain waits for them.
    pub fn drain_limit(&self) -> Duration {
        self.reloader.server().drain_limit
    }

    /// The owner of the configuration.
    pub fn configuration(&self) -> Arc<dyn api::Configuration> {
        Arc::clone(&self.reloader) as Arc<dyn api::Configuration>
    }
}
