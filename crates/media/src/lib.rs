//! Real-time audio: ports, legs, bridges, prompts and recordings, on threads of their own.
//!
//! The center orders ([`Media::order`]) and reads reports from the channel that it gave to [`Media::start`]. Nothing
//! on a media thread waits for a disk, a database or a reader: see the table of channels in the crate's README.

#![forbid(unsafe_code)]

mod channel;
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
mod settings;
mod spans;
mod strain;
mod tap;
mod thread;
mod track;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use archive::{Disk, Folder, WriterSettings, Writers};
use crossbeam_channel::Sender;
use model::{CallId, MediaOrder, MediaReport};
use udp::{Urgency, Waker};

pub use counters::Counters;
pub use prompts::{ClipChange, ClipFigures, Fault, Loaded, PromptError, Prompts, Remark, Shelf, read_clip};
pub use pulse::Pulse;
pub use settings::Settings;

use counters::Tally;
use ports::Ports;
use thread::{Setup, ToMedia};

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
    /// Starts the threads. Reports are sent to `reports`; while it is full, media keeps them and sends them when there
    /// is room (keys and silences are dropped and counted once 10,000 reports are kept).
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

    /// A handle that asks the threads for signs of life.
    pub fn pulse(&self) -> Pulse {
        let way = |thread: &MediaThread| (thread.orders.clone(), thread.waker.clone());
        Pulse { threads: self.threads.iter().map(way).collect(), tally: self.tally.clone() }
    }

    /// What has been counted since the start, and what is open now.
    pub fn counters(&self) -> Counters {
        self.tally.read()
    }

    /// Ends all legs, seals all recordings and waits for that. Keep reading the reports meanwhile, on another thread
    /// or from a channel with room for one report for each open recording.
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
