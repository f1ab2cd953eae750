//! `hotline serve`: starts everything, in order, and ends it, in order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{App, AppParts, Readiness};
use center::Center;
use crossbeam_channel::bounded;
use media::{CenterKeys, Media};
use model::{Event, Ids, RecordingState, Time};
use store::{Journal, Manifests, Role, SigningKey, Store};
use tokio::net::TcpListener;

use crate::clock::{now, steady};
use crate::conductor::{self, Conductor, INBOX, Inboxes, Shells};
use crate::config::{Configuration, CopyFormat, Server};
use crate::copies::Copier;
use crate::gauges::Gauges;
use crate::naming::Naming;
use crate::observer::Observer;
use crate::process::Disks;
use crate::retention::Schedule;
use crate::signalling::{self, Signalling};
use crate::vault::{self, Vault};
use crate::{evidence, retention};

/// Makers of ids: 0 the center, 1 offers, 2 commands; signalling shards follow.
const MAKER_CENTER: u16 = 0;
const MAKER_OFFERS: u16 = 1;
const MAKER_COMMANDS: u16 = 2;
const MAKER_SIGNALLING: u16 = 8;

/// How long callers may hear at the drain's limit that the center closes.
const FAREWELL: Duration = Duration::from_secs(15);

/// Folders that a running center writes to.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Database, spool, control token.
    pub data: PathBuf,
    /// Recordings.
    pub recordings: PathBuf,
}

/// A running center.
pub struct Running {
    /// Where SIP listens.
    pub sip: SocketAddr,
    /// Where HTTP listens.
    pub http: SocketAddr,
    conductor: Conductor,
    center: std::thread::JoinHandle<()>,
    signalling: Arc<Signalling>,
    media: Arc<Media>,
    journal: Journal,
    store: Store,
    observer: Observer,
    web: tokio::runtime::Runtime,
    web_stop: tokio::sync::oneshot::Sender<()>,
    readiness: Readiness,
    drain_limit: Duration,
}

/// Starts a center.
///
/// # Errors
/// When a sample password would be open to the network, or a socket, folder or database cannot be had.
pub async fn start(configuration: Configuration, folders: &Folders) -> anyhow::Result<Running> {
    refuse_open_samples(&configuration)?;
    std::fs::create_dir_all(&folders.data).with_context(|| format!("create {}", folders.data.display()))?;
    std::fs::create_dir_all(&folders.recordings)
        .with_context(|| format!("create {}", folders.recordings.display()))?;
    let server = configuration.server.clone();
    let keys = vault::keys(&server)?;
    if let Some(key) = keys.current() {
        tracing::info!(key = %key.id(), "new recordings are encrypted");
    }
    let url = database_url(&configuration, &folders.data);
    let store = Store::open(&url).await.with_context(|| "open the database")?;
    let journal = Journal::start(&store, &folders.data).await.with_context(|| "start the journal")?;
    let left_open =
        end_what_was_cut_off(&store, &journal, &recordings_folders(&server, folders), &keys).await?;

    let (media_reports, media_inbox) = bounded(INBOX);
    let settings = media_settings(&configuration, folders, &keys);
    let media = Arc::new(Media::start(settings, media_reports).with_context(|| "start the media threads")?);

    let observer = Observer::start(server.personal_log, server.trace_bytes)
        .with_context(|| "start the thread that writes the log of calls")?;
    let (to_center, signalling_inbox) = bounded(INBOX);
    let signalling_settings =
        signalling::Settings { observer: observer.clone(), ..signalling_settings(&configuration, folders) };
    let signalling = signalling::start(signalling_settings, to_center)
        .await
        .with_context(|| format!("listen for SIP on {}", server.sip))?;
    let signalling = Arc::new(signalling);
    let (agents, queues) = (configuration.agent_ids(), configuration.queue_names());
    let center = Center::new(
        center_config(configuration),
        Ids::new(MAKER_CENTER),
        Ids::new(MAKER_OFFERS),
        journal.last_seq(),
        steady(),
        left_open,
    );
    let inboxes = Inboxes { signalling: signalling_inbox, media: media_inbox };
    let shells = Shells {
        signalling: Arc::clone(&signalling),
        media: Arc::clone(&media),
        journal: journal.clone(),
        observer: observer.clone(),
        naming: Naming { ending: keys.current().map_or("", |_| model::ENCRYPTED) },
    };
    let (conductor, center) = conductor::start(center, inboxes, shells, Ids::new(MAKER_COMMANDS))
        .with_context(|| "start the center's thread")?;

    let key = SigningKey::open(&folders.data).with_context(|| "make the key that signs the recordings")?;
    let manifests = Manifests::open(&folders.recordings, key, server.zone.clone())
        .with_context(|| "read the manifests of the recordings")?;

    let readiness = Readiness::default();
    let app = App::new(AppParts {
        store: store.clone(),
        recordings: recordings_folders(&server, folders),
        vault: Arc::new(Vault(Arc::clone(&keys))),
        retention: server.retention.clone(),
        agents,
        queues,
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
    let web = web_runtime()?;
    let (web_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (http, listener) = listen(&web, server.http).await?;
    let served = app.clone();
    web.spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        if let Err(error) = api::serve(listener, served, stop).await {
            tracing::error!(%error, "the API stopped");
        }
    });
    web.spawn(evidence::follow(store.clone(), manifests, recordings_folders(&server, folders)));
    if let Some(CopyFormat::Flac) = server.copy {
        let copier = Copier { store: store.clone(), folders: recordings_folders(&server, folders), keys };
        web.spawn(copier.follow(journal.last_seq()));
    }
    if let Some(at) = server.retention_at {
        let schedule = Schedule { at, zone: server.zone.clone() };
        web.spawn(retention::run(app, schedule, folders.data.clone(), now));
    }
    write_control(&store, &folders.data, http).await?;
    for flag in [Readiness::sip, Readiness::media, Readiness::store] {
        flag(&readiness, true);
    }
    let sip = signalling.bound();
    let drain_limit = server.drain_limit;
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
        drain_limit,
    })
}

impl Running {
    /// The center's database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// No new calls; the ones in progress may end within the drain limit, or until `hurry` completes; then everything
    /// is closed.
    pub async fn stop(self, hurry: impl Future<Output = ()>) {
        self.readiness.sip(false);
        self.signalling.drain();
        let mut drained = self.conductor.drain();
        tokio::pin!(hurry);
        let mut why = tokio::select! {
            _ = &mut drained => None,
            () = tokio::time::sleep(self.drain_limit) => Some("the drain limit was reached"),
            () = &mut hurry => Some("asked to stop once more"),
        };
        if why == Some("the drain limit was reached") {
            let calls = self.conductor.calls();
            tracing::warn!(calls, "the drain limit was reached: callers hear that the center closes");
            self.conductor.close();
            why = tokio::select! {
                _ = &mut drained => None,
                () = tokio::time::sleep(FAREWELL) => Some("the closing words took too long"),
                () = &mut hurry => Some("asked to stop once more"),
            };
        }
        if let Some(why) = why {
            tracing::warn!(calls = self.conductor.calls(), why, "calls are ended");
            self.conductor.end_all();
            self.sealed(Duration::from_secs(5)).await;
        }
        let Running { conductor, center, signalling, media, journal, store, observer, web, web_stop, .. } =
            self;
        conductor.stop();
        let _ = tokio::task::spawn_blocking(move || center.join()).await;
        if let Ok(signalling) = Arc::try_unwrap(signalling) {
            signalling.stop().await;
        }
        let _ = web_stop.send(());
        // A runtime may not be dropped from within another.
        let _ = tokio::task::spawn_blocking(move || web.shutdown_timeout(Duration::from_secs(1))).await;
        if let Ok(media) = Arc::try_unwrap(media) {
            let _ = tokio::task::spawn_blocking(move || media.stop()).await;
        }
        let _ = tokio::task::spawn_blocking(move || observer.stop()).await;
        let closed = tokio::task::spawn_blocking(move || journal.close(Duration::from_secs(5))).await;
        if !matches!(closed, Ok(true)) {
            tracing::warn!("the database did not take every record: the rest waits in the spool");
        }
        store.close().await;
    }

    /// Waits until no recording is open any more.
    async fn sealed(&self, limit: Duration) {
        let deadline = tokio::time::Instant::now() + limit;
        while self.media.counters().open_recordings > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn refuse_open_samples(configuration: &Configuration) -> anyhow::Result<()> {
    let server = &configuration.server;
    let open = [server.sip, server.http].into_iter().find(|address| !address.ip().is_loopback());
    let samples = configuration.sample_passwords();
    match open {
        Some(address) if !samples.is_empty() => {
            let names = samples.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
            bail!(
                "refusing to listen on {address}: agents {names} still have the sample password; change it in \
                 agents.toml\n拒绝监听 {address}：座席 {names} 仍在使用示例密码，请在 agents.toml 中修改"
            )
        }
        Some(_) | None => Ok(()),
    }
}

/// The database of a configuration: its URL, or SQLite in the data folder.
pub fn database_url(configuration: &Configuration, data: &Path) -> String {
    let default = || format!("sqlite:{}", data.join("hotline.db").display());
    configuration.server.database.clone().unwrap_or_else(default)
}

/// The folders that recordings may lie in.
pub fn recordings_folders(server: &Server, folders: &Folders) -> Vec<PathBuf> {
    [Some(folders.recordings.clone()), server.recordings_fallback.clone()].into_iter().flatten().collect()
}

/// The folders whose room `/metrics` shows.
fn watched_folders(server: &Server, folders: &Folders) -> Vec<(&'static str, PathBuf)> {
    let mut watched = vec![("data", folders.data.clone()), ("recordings", folders.recordings.clone())];
    watched.extend(server.recordings_fallback.clone().map(|folder| ("fallback", folder)));
    watched
}

/// The events that end what the last run was cut off in, its recordings repaired.
async fn end_what_was_cut_off(
    store: &Store,
    journal: &Journal,
    folders: &[PathBuf],
    keys: &CenterKeys,
) -> anyhow::Result<Vec<Event>> {
    if !store.wait_committed(journal.last_seq(), Duration::from_secs(30)).await {
        bail!("the database does not take the records of the last run");
    }
    let unfinished = store.unfinished().await.with_context(|| "read what the last run left open")?;
    let mut events = unfinished.endings(now());
    for row in &unfinished.recordings {
        let rate = u32::try_from(row.rate).unwrap_or(audio::RATE);
        let (duration_ms, sha256, fault) = match media::repair_in(folders, &row.path, rate, keys) {
            Ok(repaired) => {
                (repaired.duration_ms, repaired.sha256, "cut off; repaired at the next start".to_owned())
            }
            Err(error) => (0, String::new(), format!("cut off; {:#}", anyhow::Error::from(error))),
        };
        events.push(Event::RecordingClosed {
            recording: row.id,
            contact: row.contact_id,
            state: RecordingState::Damaged,
            duration_ms,
            sha256,
            gaps: Vec::new(),
            fault: Some(fault),
        });
    }
    Ok(events)
}

fn media_settings(
    configuration: &Configuration,
    folders: &Folders,
    keys: &Arc<CenterKeys>,
) -> media::Settings {
    let server = &configuration.server;
    let mut settings = media::Settings::new(
        server.sip.ip(),
        server.rtp.0.clone(),
        folders.recordings.clone(),
        Arc::clone(&configuration.prompts),
    );
    settings.threads = server.media_threads;
    settings.realtime = server.realtime;
    settings.silence_timeout = server.silence;
    settings.recordings_fallback = server.recordings_fallback.clone();
    settings.keys = Arc::clone(keys);
    if let Some(advertised) = server.advertised {
        settings.advertised_ip = advertised;
    }
    settings
}

fn signalling_settings(configuration: &Configuration, folders: &Folders) -> signalling::Settings {
    let server = &configuration.server;
    signalling::Settings {
        advertised: server.advertised,
        realm: server.realm.clone(),
        agents: configuration.passwords.clone(),
        digests: configuration.digests.clone(),
        seats: configuration.seats.clone(),
        trunks: configuration.trunks.clone(),
        feature_codes: configuration.feature_codes.keys().cloned().collect(),
        pings: server.pings,
        patience: server.patience,
        first_maker: MAKER_SIGNALLING,
        registrations: Some(folders.data.join("registrations.json")),
        ..signalling::Settings::new(server.sip)
    }
}

fn center_config(configuration: Configuration) -> center::Config {
    center::Config {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        routes: configuration.routes,
        feature_codes: configuration.feature_codes,
        acd: configuration.acd,
        zone: configuration.server.zone.clone(),
        max_calls: configuration.server.max_calls,
        trunks: configuration.trunk_limits,
        longest_waits: configuration.longest_waits,
        silence: configuration.server.silence,
        secure_input_limit: configuration.server.secure_input,
    }
}

/// The web has a runtime of its own, so that a heavy report cannot delay a SIP timer.
fn web_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("web")
        .enable_all()
        .build()
        .with_context(|| "start the web runtime")
}

async fn listen(
    web: &tokio::runtime::Runtime,
    address: SocketAddr,
) -> anyhow::Result<(SocketAddr, TcpListener)> {
    let listener = web.spawn(TcpListener::bind(address)).await.with_context(|| "start the web runtime")?;
    let listener = listener.with_context(|| format!("listen for HTTP on {address}"))?;
    Ok((listener.local_addr().with_context(|| "read the HTTP address")?, listener))
}

/// The file by which somebody at the command line of this machine reaches the running center: its HTTP address
/// and a token, a line each, readable by its owner alone.
pub const CONTROL: &str = "control";

async fn write_control(store: &Store, data: &Path, http: SocketAddr) -> anyhow::Result<()> {
    let path = data.join(CONTROL);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let mut secret = before.lines().nth(1).unwrap_or_default().to_owned();
    if !matches!(store.authenticate(&secret).await, Ok(Some(_))) {
        let made: Time = now();
        let name = format!("command-line-{}", made.unix_ms());
        let made = store.create_token(&name, Role::Admin, None, made).await;
        secret = made.with_context(|| "make the control token")?;
    }
    write_private(&path, &format!("{http}\n{secret}\n")).with_context(|| format!("write {}", path.display()))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
