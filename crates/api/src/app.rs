//! The state that all handlers share.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use archive::{Eraser, Shelves};
use model::{
    Actor, AgentId, ContactId, Directory, Done, Order, QueueName, Refused, RetentionRule, Scope, Time, Zone,
};
use store::{Log, Store};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_rustls::rustls::ServerConfig;

use crate::connection::CONNECTIONS;
use crate::listening::Playbacks;
use crate::once::Once;
use crate::places::{Limits, Places};
use crate::sockets::SOCKETS;
use crate::tickets::Tickets;
use crate::wrong::WrongTokens;
use crate::{Hearing, Metrics, Origins, Readiness, Sockets, Trace, Trunks};

/// The most long polls and streams at once. All of them have a token; the limit for one address matters most.
pub(crate) const FOLLOWERS: Limits = Limits { what: "stream", all: 256, each: 96 };

/// The center's answer to an order: done, or why not.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Done, Refused>> + Send + 'a>>;

/// The way to the center.
pub trait Commands: Send + Sync {
    /// Sends an order and waits for its reply. When no reply can come any more, the reply is
    /// [`Refused::ShuttingDown`].
    fn send(&self, by: Actor, scope: Scope, order: Order) -> Answer<'_>;
}

/// Everything that the API needs from outside.
#[derive(Clone)]
pub struct AppParts {
    /// The database.
    pub store: Store,
    /// The way into the event log.
    pub log: Log,
    /// The folders that recordings lie in, and what opens those that are encrypted.
    pub shelves: Shelves,
    /// The only thing that erases recordings.
    pub eraser: Arc<Eraser>,
    /// The settings that may be replaced while the center runs.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Where the day begins.
    pub zone: Zone,
    /// The clock.
    pub now: fn() -> Time,
    /// Draws a sample: frame, count, seed.
    pub sample: fn(&[ContactId], usize, u64) -> Vec<ContactId>,
    /// The owner of the configuration.
    pub configuration: Arc<dyn crate::Configuration>,
    /// The way to the center.
    pub commands: Arc<dyn Commands>,
    /// The figures of the other parts.
    pub metrics: Arc<dyn Metrics>,
    /// How the trunks are.
    pub trunks: Arc<dyn Trunks>,
    /// The last SIP messages.
    pub trace: Arc<dyn Trace>,
    /// Who speaks on the WebSockets at `/sip`.
    pub sockets: Arc<dyn Sockets>,
    /// Which parts are ready.
    pub readiness: Readiness,
}

/// The API's part of the configuration. Each request takes the newest one.
#[derive(Clone)]
pub struct Settings {
    /// What supervisors may hear of recordings.
    pub hearing: Hearing,
    /// How long recordings are kept.
    pub retention: Vec<RetentionRule>,
    /// The agents.
    pub agents: Vec<AgentId>,
    /// The queues.
    pub queues: Vec<QueueName>,
    /// Departments, branches and persons.
    pub directory: Arc<Directory>,
    /// What encrypted connections are answered with; `None`: there are none.
    pub tls: Option<Arc<ServerConfig>>,
    /// Which pages may open the WebSockets at `/sip`; `None`: there are none.
    pub sockets: Option<Origins>,
    /// Whether this address is a reverse proxy whose `X-Forwarded-For` is believed.
    pub is_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// The state of the API. Clones share it.
#[derive(Clone)]
pub struct App {
    parts: Arc<AppParts>,
    connections: Arc<Places>,
    followers: Arc<Places>,
    sockets: Arc<Places>,
    playbacks: Arc<Mutex<Playbacks>>,
    closing: Arc<watch::Sender<bool>>,
    wrong: Arc<WrongTokens>,
    tickets: Arc<Tickets>,
    once: Arc<Once>,
}

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.parts
    }
}

impl App {
    /// The API over these parts.
    pub fn new(parts: AppParts) -> App {
        App {
            parts: Arc::new(parts),
            connections: Arc::new(Places::new(CONNECTIONS)),
            followers: Arc::new(Places::new(FOLLOWERS)),
            sockets: Arc::new(Places::new(SOCKETS)),
            playbacks: Arc::default(),
            closing: Arc::new(watch::Sender::new(false)),
            wrong: Arc::default(),
            tickets: Arc::default(),
            once: Arc::default(),
        }
    }

    pub(crate) fn parts(&self) -> &AppParts {
        &self.parts
    }

    /// The settings that hold now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.parts.settings.borrow())
    }

    pub(crate) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// The commands that may be sent twice.
    pub(crate) fn once(&self) -> &Once {
        &self.once
    }

    pub(crate) fn wrong_tokens(&self) -> &WrongTokens {
        &self.wrong
    }

    /// The places of connections.
    pub(crate) fn connections(&self) -> &Arc<Places> {
        &self.connections
    }

    /// The places of long polls and streams.
    pub(crate) fn followers(&self) -> &Arc<Places> {
        &self.followers
    }

    /// The places of WebSockets for others' protocols.
    pub(crate) fn socket_places(&self) -> &Arc<Places> {
        &self.sockets
    }

    /// The playbacks that go on.
    pub(crate) async fn playbacks(&self) -> MutexGuard<'_, Playbacks> {
        self.playbacks.lock().await
    }

    /// Ends streams and long polls.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Completes when the shutdown begins.
    pub(crate) async fn closed(&self) {
        // The sender lives in `self`: an error cannot come.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// When today began.
    pub(crate) fn day_began(&self) -> Time {
        self.zone.day_began((self.now)())
    }
}
