//! Real-time audio: ports, legs, bridges, prompts and recordings, on threads of their own.
//!
//! The center orders ([`Media::order`]) and reads what happened from the channel that it gave to
//! [`Media::start`]. Nothing on a media thread waits for a disk, a database or a reader: see the table of
//! channels in the crate's README.

#![forbid(unsafe_code)]

mod clock;
mod conference;
mod counters;
mod ear;
mod encodings;
mod leg;
mod outbox;
mod player;
mod ports;
mod prompts;
mod pulse;
mod quality;
mod recorder;
mod resample;
mod spans;
mod strain;
mod tap;
mod thread;
mod track;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use archive::{CenterKeys, Disk, Folder, WriterSettings, Writers};
use crossbeam_channel::Sender;
use model::{CallId, MediaOrder, MediaReport};
use udp::{Urgency, Waker};

pub use counters::Counters;
pub use prompts::{ClipChange, ClipFigures, Fault, Loaded, PromptError, Prompts, Remark, Shelf, read_clip};
pub use pulse::Pulse;

use counters::Tally;
use ports::Ports;
use thread::{Setup, ToMedia};

/// How media works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that sockets are bound to.
    pub bind_ip: IpAddr,
    /// The address that peers are told to send to.
    pub advertised_ip: IpAddr,
    /// Further addresses: what is bound, and what peers are told. On each a leg may have any of the ports.
    pub others: Vec<(IpAddr, IpAddr)>,
    /// Ports for RTP (even) and RTCP (the next), shared out among the threads.
    pub ports: RangeInclusive<u16>,
    /// Media threads, at least 1.
    pub threads: usize,
    /// Whether media threads run before all ordinary threads of the machine, where that is allowed.
    pub realtime: bool,
    /// Recording threads, at least 1.
    pub recorders: usize,
    /// The folder that recordings' paths begin in.
    pub recordings_dir: PathBuf,
    /// The folder that takes over while the first fails. It need not be there yet.
    pub recordings_fallback: Option<PathBuf>,
    /// What encrypts the recordings whose paths end in [`model::ENCRYPTED`].
    pub keys: Arc<CenterKeys>,
    /// The clips that can be played at first.
    pub prompts: Arc<Prompts>,
    /// A peer that should send and does not is reported after this time.
    pub silence_timeout: Duration,
    /// A bridged peer that should send and does not for this long is told as one-way audio.
    pub one_way_after: Duration,
    /// How long a closed port stays unused, so that late packets of its last call reach nobody.
    pub port_rest: Duration,
}

impl Settings {
    /// What is bound for peers that are told `told`, and what they are told: the first address when that is none of
    /// ours.
    pub(crate) fn address(&self, told: Option<IpAddr>) -> (IpAddr, IpAddr) {
        let first = (self.bind_ip, self.advertised_ip);
        let mut all = [first].into_iter().chain(self.others.iter().copied());
        all.find(|(_, advertised)| Some(*advertised) == told).unwrap_or(first)
    }

    /// Settings with one media thread, one recording thread, 30 s until silence is reported and 3 s of
    /// rest for ports; what is bound is advertised.
    pub fn new(
        bind_ip: IpAddr,
        ports: RangeInclusive<u16>,
        recordings_dir: PathBuf,
        prompts: Arc<Prompts>,
    ) -> Settings {
        Settings {
            bind_ip,
            advertised_ip: bind_ip,
            others: Vec::new(),
            ports,
            threads: 1,
            realtime: true,
            recorders: 1,
            recordings_dir,
            recordings_fallback: None,
            keys: Arc::default(),
            prompts,
            silence_timeout: Duration::from_secs(30),
            one_way_after: Duration::from_secs(3),
            port_rest: Duration::from_secs(3),
        }
    }
}

/// Why media could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The range holds no even port followed by another.
    #[error("ports {0}-{1} hold fewer pairs than there are media threads")]
    TooFewPorts(u16, u16),
    /// Nothing can be bound to the address.
    #[error("cannot receive audio on {ip}")]
    Bind {
        /// The address.
        ip: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The recordings folder cannot be made or written.
    #[error("cannot write recordings to {}", dir.display())]
    Recordings {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A thread or what it needs could not be made.
    #[error("cannot start a media thread")]
    Thread(#[source] io::Error),
}

/// The running media threads. Dropping it ends them too, in the background;
/// [`Media::stop`] waits for that.
#[derive(Debug)]
pub struct Media {
    threads: Vec<MediaThread>,
    writers: Vec<JoinHandle<()>>,
    tally: Arc<Tally>,
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct MediaThread {
    orders: Sender<ToMedia>,
    waker: Arc<Waker>,
    handle: JoinHandle<()>,
}

/// Orders that wait for one thread. The thread empties them at least every 20 ms; whoever orders faster
/// waits, because an order must not be lost.
const ORDERS: usize = 8192;
/// Files that are open beside the media ports: a recording for every second pair, connections, the database.
const OTHER_FILES: usize = 4096;

impl Media {
    /// Starts the threads. What happens is sent to `reports`; when that is full, media keeps reports and
    /// sends them when there is room (keys and silences are dropped and counted past 10,000 kept ones).
    pub fn start(settings: Settings, reports: Sender<MediaReport>) -> Result<Media, StartError> {
        let dir = settings.recordings_dir.clone();
        let folder = Folder::open(&dir).map_err(|source| StartError::Recordings { dir, source })?;
        let mut disks: Vec<Arc<dyn Disk>> = vec![Arc::new(folder)];
        if let Some(fallback) = &settings.recordings_fallback {
            disks.push(Arc::new(Folder::later(fallback)));
        }
        Media::start_on_disks(settings, reports, disks)
    }

    /// Starts with recordings on a given disk.
    pub fn start_on(
        settings: Settings,
        reports: Sender<MediaReport>,
        disk: Arc<dyn Disk>,
    ) -> Result<Media, StartError> {
        Media::start_on_disks(settings, reports, vec![disk])
    }

    /// Starts with recordings on given disks: the first, and the one that takes over.
    pub fn start_on_disks(
        settings: Settings,
        reports: Sender<MediaReport>,
        disks: Vec<Arc<dyn Disk>>,
    ) -> Result<Media, StartError> {
        let ip = settings.bind_ip;
        let wanted = settings.ports.len() + OTHER_FILES;
        let allowed = udp::make_room_for_files(wanted);
        if allowed < wanted {
            tracing::warn!(
                allowed,
                wanted,
                "the limit of open files does not allow a call on every media port"
            );
        }
        for ip in [ip].into_iter().chain(settings.others.iter().map(|(bind, _)| *bind)) {
            std::net::UdpSocket::bind((ip, 0)).map_err(|source| StartError::Bind { ip, source })?;
        }
        let mut media = Media {
            threads: Vec::new(),
            writers: Vec::new(),
            tally: Arc::new(Tally::default()),
            shelf: Arc::new(Shelf::new(Arc::clone(&settings.prompts))),
        };
        let recording = WriterSettings {
            threads: settings.recorders,
            disks,
            keys: settings.keys.clone(),
            room: tap::ROOM,
        };
        let Writers { rings, spares, handles } =
            Writers::start(recording, &reports, &media.tally.recordings).map_err(StartError::Thread)?;
        media.writers = handles;
        let count = settings.threads.max(1);
        for (index, ports) in Ports::share(&settings.ports, count, settings.port_rest).into_iter().enumerate()
        {
            if ports.is_empty() {
                return Err(StartError::TooFewPorts(*settings.ports.start(), *settings.ports.end()));
            }
            let waker = Arc::new(Waker::new().map_err(StartError::Thread)?);
            let (orders, incoming) = crossbeam_channel::bounded(ORDERS);
            let setup = Setup {
                index,
                settings: Settings { prompts: Arc::default(), ..settings.clone() },
                shelf: Arc::clone(&media.shelf),
                ports,
                orders: incoming,
                waker: waker.clone(),
                reports: reports.clone(),
                rings: rings.clone(),
                spares: spares.clone(),
                tally: media.tally.clone(),
            };
            let mut thread = thread::Thread::new(setup).map_err(StartError::Thread)?;
            let realtime = settings.realtime;
            let handle = spawn(format!("media-{index}"), move || {
                udp::pin_to_core(index);
                if realtime && udp::hurry() != Urgency::RealTime {
                    tracing::info!(
                        thread = index,
                        "a media thread runs without real-time priority: not allowed"
                    );
                }
                thread.run();
            })?;
            media.threads.push(MediaThread { orders, waker, handle });
        }
        Ok(media)
    }

    /// Gives an order to the thread of its call.
    pub fn order(&self, order: MediaOrder) {
        if let Some(thread) = self.thread_of(order.call) {
            thread.send(ToMedia::Order(order));
        }
    }

    /// The clips that are played, to be replaced.
    pub fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf)
    }

    /// Asks the threads for signs of life, also from elsewhere.
    pub fn pulse(&self) -> Pulse {
        let way = |thread: &MediaThread| (thread.orders.clone(), thread.waker.clone());
        Pulse { threads: self.threads.iter().map(way).collect(), tally: self.tally.clone() }
    }

    /// What has been counted since the start, and what is open now.
    pub fn counters(&self) -> Counters {
        self.tally.read()
    }

    /// Ends all legs, seals all recordings and waits for that. Keep reading the reports meanwhile, on
    /// another thread or from a channel with room for one per open recording.
    pub fn stop(self) {
        self.threads.iter().for_each(|thread| thread.send(ToMedia::Stop));
        let handles = self.threads.into_iter().map(|thread| thread.handle).chain(self.writers);
        for handle in handles {
            if handle.join().is_err() {
                tracing::error!("a media thread had panicked before it was stopped");
            }
        }
    }

    fn thread_of(&self, call: CallId) -> Option<&MediaThread> {
        let index = call.share(self.threads.len());
        self.threads.get(index)
    }
}

impl MediaThread {
    fn send(&self, message: ToMedia) {
        if self.orders.send(message).is_err() {
            tracing::error!("a media thread is gone; its calls have no audio");
            return;
        }
        self.waker.wake();
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new().name(name).spawn(run).map_err(StartError::Thread)
}

/// Ordered maps of small open sets: tens to a few thousand entries.
type Map<K, V> = BTreeMap<K, V>;
