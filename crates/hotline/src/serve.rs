//! `hotline serve`: starts everything, in order, and ends it, in order.

mod cut_off;
mod ending;
mod settings;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{App, AppParts, Readiness};
use archive::{Copier, Disk, Eraser, Guard, Log, Manifests, Rows, Shelves, SigningKey};
use center::Center;
use crossbeam_channel::bounded;
use media::Media;
use model::{Ids, Time};
use store::{Holder, Journal, Lock, Role, Store};
use tokio::sync::watch;

use crate::clock::{now, steady};
use crate::conductor::{self, Conductor, INBOX, Inboxes, Shells};
use crate::config::{Configuration, CopyFormat, Server};
use crate::control::CONTROL;
use crate::folders::{Folders, database_url, recordings_folders};
use crate::gauges::Gauges;
use crate::guard::Guarded;
use crate::ledger::{Ledger, Scribe};
use crate::observer::{Limits, Observer};
use crate::process::Disks;
use crate::reload::{Files, Owners, Reloader};
use crate::signalling::{self, Signalling};
use crate::vault;
use crate::web::Web;
use crate::{adopt, checks, guard, standings};

pub(crate) use settings::{api_settings, center_config, schedule, signalling_settings};

use settings::media_settings;

/// Makers of ids: 0 the center, 1 offers, 2 commands; signalling shards follow.
const MAKER_CENTER: u16 = 0;
const MAKER_OFFERS: u16 = 1;
const MAKER_COMMANDS: u16 = 2;
const MAKER_SIGNALLING: u16 = 8;

/// A running center.
pub struct Running {
    /// Where SIP listens.
    pub sip: Vec<SocketAddr>,
    /// Where HTTP listens.
    pub http: SocketAddr,
    conductor: Conductor,
    center: std::thread::JoinHandle<()>,
    signalling: Arc<Signalling>,
    media: Arc<Media>,
    journal: Journal,
    store: Store,
    observer: Observer,
    web: Web,
    web_stop: tokio::sync::oneshot::Sender<()>,
    readiness: Readiness,
    reloader: Arc<Reloader>,
    locks: (Lock, Vec<Arc<Guarded>>),
    /// How far the followers of the log are that must have seen its end before the process leaves.
    followers: Vec<Follower>,
}

/// A task that follows the log.
struct Follower {
    /// What it makes, for the log.
    makes: &'static str,
    /// The last sequence number that it has dealt with.
    reached: watch::Receiver<u64>,
}

/// Starts a center. `files`: where its configuration can be read anew.
///
/// # Errors
/// When a check of what it needs fails (each failure was printed then), or a thread cannot be had.
pub async fn start(
    configuration: Configuration,
    folders: &Folders,
    files: Option<Files>,
) -> anyhow::Result<Running> {
    checks::refuse(&configuration, folders).await?;
    let server = configuration.server.clone();
    let holder = Holder::this(&folders.data);
    // Before anything is read or written: two centers on one folder break what they write.
    let lock = Lock::data(&folders.data, &holder)?;
    let guarded = guard::take_all(&recordings_folders(&server, folders), &holder)?;
    let keys = vault::keys(&server)?;
    if let Some(key) = keys.current() {
        tracing::info!(key = %key.id(), "new recordings are encrypted");
    }
    let url = database_url(&configuration, &folders.data);
    let opened = Store::open(&url).await;
    let store = opened.with_context(|| format!("open the database {}", store::place(&url)))?;
    let key = SigningKey::open(&folders.data)
        .with_context(|| format!("make the key that signs the recordings, in {}", folders.data.display()))?;
    let manifests = Manifests::open(&folders.recordings, key, server.zone.clone()).with_context(|| {
        format!("read the manifests of the recordings in {}", folders.recordings.display())
    })?;
    // A database from an older copy does not know the newest numbers that the manifests have signed.
    let journal = Journal::start_after(&store, &folders.data, manifests.last_seq())
        .await
        .with_context(|| format!("start the journal in {}", folders.data.display()))?;
    cut_off::follow_spool(&store, &journal).await?;
    let standings = standings::read(&store, &configuration).await?;
    let left_open = cut_off::endings(&store, &journal, &recordings_folders(&server, folders), &keys).await?;
    adopt::notice(&store, &journal, &recordings_folders(&server, folders)).await;

    let (media_reports, media_inbox) = bounded(INBOX);
    let settings = media_settings(&configuration, folders, &keys);
    let disks = guarded.iter().map(|folder| Arc::clone(folder) as Arc<dyn Disk>).collect();
    let media = Media::start_on_disks(settings, media_reports, disks);
    let media = Arc::new(media.with_context(|| "start the media threads")?);

    let observer = Observer::start(server.personal_log, server.trace_bytes, Limits::of(&configuration))
        .with_context(|| "start the thread that writes the log of calls")?;
    let (to_center, signalling_inbox) = bounded(INBOX);
    let signalling_settings = signalling::Settings {
        observer: observer.clone(),
        registrations: Some(folders.data.join("registrations.json")),
        ..signalling_settings(&configuration)
    };
    let signalling =
        signalling::start(signalling_settings, to_center).await.with_context(|| "listen for SIP")?;
    let signalling = Arc::new(signalling);
    let (api_settings, settings) = watch::channel(Arc::new(api_settings(&configuration)));
    let values = configuration.values.clone();
    let mut center = Center::new(
        center_config(configuration),
        Ids::new(MAKER_CENTER),
        Ids::new(MAKER_OFFERS),
        steady(),
        left_open,
    );
    center.restore(steady(), standings);
    let inboxes = Inboxes { signalling: signalling_inbox, media: media_inbox };
    let shells = Shells {
        signalling: Arc::clone(&signalling),
        media: Arc::clone(&media),
        log: journal.log().clone(),
        observer: observer.clone(),
    };
    let (conductor, center) = conductor::start(center, inboxes, shells, Ids::new(MAKER_COMMANDS))
        .with_context(|| "start the center's thread")?;

    let (retention, schedules) = watch::channel(schedule(&server));
    let owners = Owners {
        signalling: signalling.current(),
        prompts: media.shelf(),
        conductor: conductor.clone(),
        observer: observer.clone(),
        log: journal.log().clone(),
        api: api_settings,
        retention,
    };
    let reloader = Arc::new(Reloader::new(files, server.clone(), values, owners));
    let readiness = Readiness::default();
    let shelves = Shelves { folders: recordings_folders(&server, folders), keys };
    let ledger = Arc::new(Ledger(store.clone()));
    let scribe = Arc::new(Scribe(journal.log().clone()));
    let eraser = Arc::new(Eraser::new(shelves.folders.clone(), ledger.clone(), scribe));
    let rules = settings.clone();
    let app = App::new(AppParts {
        store: store.clone(),
        log: journal.log().clone(),
        shelves: shelves.clone(),
        eraser: Arc::clone(&eraser),
        settings,
        configuration: Arc::clone(&reloader) as Arc<dyn api::Configuration>,
        zone: server.zone.clone(),
        now,
        sample: desk::sample,
        commands: Arc::new(conductor.clone()),
        metrics: Arc::new(Gauges {
            conductor: conductor.clone(),
            media: Arc::clone(&media),
            observer: observer.clone(),
            journal: journal.clone(),
            disks: Disks::watch(watched_folders(&server, folders)),
        }),
        trace: observer.trace_reader(),
        readiness: readiness.clone(),
    });
    let web = Web::start()?;
    let (web_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (http, listener) = web.listen(server.http).await?;
    let served = app;
    web.spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        if let Err(error) = api::serve(listener, served, stop).await {
            tracing::error!(%error, "the API stopped");
        }
    });
    let main = guarded.first().map(Arc::clone).context("there is no recordings folder")?;
    let mut followers = Vec::new();
    let (reached, manifest) = watch::channel(0);
    followers.push(Follower { makes: "the day manifests", reached: manifest });
    let (log, rows): (Arc<dyn Log>, Arc<dyn Rows>) = (ledger.clone(), ledger);
    let main: Arc<dyn Guard> = main;
    let manifests = (manifests, main);
    web.spawn(archive::keep_manifests(
        (log.clone(), rows.clone()),
        manifests,
        shelves.folders.clone(),
        reached,
    ));
    if let Some(CopyFormat::Flac) = server.copy {
        let copier = Copier { log, rows, shelves };
        let (reached, copies) = watch::channel(0);
        followers.push(Follower { makes: "the FLAC copies", reached: copies });
        web.spawn(copier.follow(journal.last_seq(), reached));
    }
    let rules = move || rules.borrow().retention.clone();
    web.spawn(archive::erase_daily(eraser, rules, schedules, folders.data.clone(), now));
    write_control(&store, &folders.data, http, signalling.bound()).await?;
    let parts = crate::readiness::Parts {
        signalling: signalling.life(),
        conductor: conductor.clone(),
        media: media.pulse(),
        journal: journal.clone(),
        store: store.clone(),
        data: folders.data.clone(),
        recordings: recordings_folders(&server, folders),
    };
    crate::readiness::register(&readiness, parts);
    readiness.started();
    let sip = signalling.bound().to_vec();
    Ok(Running {
        sip,
        http,
        conductor,
        center,
        signalling,
        media,
        journal,
        store,
        observer,
        web,
        web_stop,
        readiness,
        reloader,
        locks: (lock, guarded),
        followers,
    })
}

impl Running {
    /// The center's database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Calls in progress.
    pub fn calls(&self) -> u64 {
        self.conductor.calls()
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

/// The folders whose room `/metrics` shows.
fn watched_folders(server: &Server, folders: &Folders) -> Vec<(&'static str, PathBuf)> {
    let mut watched = vec![("data", folders.data.clone()), ("recordings", folders.recordings.clone())];
    watched.extend(server.recordings_fallback.clone().map(|folder| ("fallback", folder)));
    watched
}

async fn write_control(
    store: &Store,
    data: &Path,
    http: SocketAddr,
    sip: &[SocketAddr],
) -> anyhow::Result<()> {
    let path = data.join(CONTROL);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let mut secret = before.lines().nth(1).unwrap_or_default().to_owned();
    if !matches!(store.authenticate(&secret).await, Ok(Some(_))) {
        let made: Time = now();
        let name = format!("command-line-{}", made.unix_ms());
        let made = store.create_token(&name, Role::Admin, None, made).await;
        secret = made.with_context(|| "make the control token")?;
    }
    let sip: Vec<String> = sip.iter().map(ToString::to_string).collect();
    write_private(&path, &format!("{http}\n{secret}\n{}\n", sip.join(" ")))
        .with_context(|| format!("write {}", path.display()))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
