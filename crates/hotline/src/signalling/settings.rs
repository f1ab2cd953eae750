//! What the shell needs to know, and how it is replaced while the shell runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use model::{AgentId, Number};
use sip::RegistrarSettings;
use tokio::sync::watch;

use super::dns::Dns;
use super::{Listener, Pings, Terms, Tls, Trunk, names};
use crate::observer::Observer;

/// The settings that hold now.
pub(super) type CurrentSettings = watch::Receiver<Arc<Settings>>;

/// The settings of a running shell, to be replaced. Clones share them.
#[derive(Clone)]
pub struct Current {
    pub(super) settings: Arc<watch::Sender<Arc<Settings>>>,
    pub(super) trunks: Arc<watch::Sender<Arc<Vec<Trunk>>>>,
}

impl Current {
    /// From now on other settings hold: agents, passwords and digests, audio and numbers of seats and trunks, feature
    /// codes, pings, patience, redirects, reliable provisional answers, the certificate of TLS. Calls in progress go on; agents who are not
    /// named any more lose their registrations. What the shell was built with stays: addresses, realm, shards, files,
    /// the observer.
    ///
    /// Names of trunks' hosts are looked up before, which takes 5 s at most.
    pub async fn replace(&self, settings: Settings) {
        let before = Arc::clone(&self.trunks.borrow());
        let trunks = names::looked_up(&Dns::new(&settings.name_servers), &settings.trunks, &before).await;
        self.settings.send_replace(Arc::new(settings));
        self.trunks.send_replace(Arc::new(trunks));
    }
}

/// What the shell needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; the first is used where nothing says another.
    pub listen: Vec<Listener>,
    /// SIP over TLS, where that is spoken.
    pub tls: Option<Tls>,
    /// The digest realm.
    pub realm: String,
    /// How the User-Agent of clients begins that give up at a SHA-256 challenge, although MD5 follows:
    /// they are challenged with MD5 alone.
    pub md5_clients: Vec<String>,
    /// Agents with their passwords.
    pub agents: Vec<(AgentId, sip::Secret)>,
    /// What an agent may answer challenges by, best first; SHA-256 and MD5 where nothing is said.
    pub digests: BTreeMap<AgentId, Vec<sip::Algorithm>>,
    /// What agents' audio may be; those who are not named: anything unencrypted.
    pub seats: BTreeMap<AgentId, Terms>,
    /// Who may call without a password.
    pub trunks: Vec<Trunk>,
    /// Numbers that only agents may dial, whatever the address they call from: feature codes, each other, parking slots.
    pub inside: BTreeSet<Number>,
    /// The name servers that are asked for trunks' names; empty: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Emergency numbers, for which no limit of a trunk holds.
    pub emergency: BTreeSet<Number>,
    /// Numbers that customers dial.
    pub entries: BTreeSet<Number>,
    /// Who hears of messages and refusals.
    pub observer: Observer,
    /// `Server` and `User-Agent`.
    pub user_agent: String,
    /// Limits of registrations.
    pub registrar: RegistrarSettings,
    /// How registered devices are asked whether they can be reached.
    pub pings: Pings,
    /// How long peers may be silent in signalling.
    pub patience: sip::Patience,
    /// How many redirects of a seat's phones (302 and its like) one leg follows, each to another agent.
    pub redirects: u32,
    /// Whether calls to agents say that we support reliable provisional answers (RFC 3262).
    pub prack: bool,
    /// How many shards; at least 1.
    pub shards: u16,
    /// The maker number of the first shard's ids; the others' follow. No other maker may have them.
    pub first_maker: u16,
    /// The most sessions of each shard.
    pub max_sessions: usize,
    /// The file that keeps registrations over a restart; without one they are forgotten.
    pub registrations: Option<PathBuf>,
}

impl Settings {
    /// Settings with two shards and usual limits, nobody known.
    pub fn new(listen: SocketAddr) -> Settings {
        Settings {
            listen: vec![Listener::new(listen)],
            tls: None,
            realm: "hotline".to_owned(),
            // Both were seen to fail: baresip 1.0.0 ("Function not implemented") and sipp 3.6.1.
            md5_clients: ["baresip v0.", "baresip v1.", "SIPp"].map(str::to_owned).to_vec(),
            agents: Vec::new(),
            digests: BTreeMap::new(),
            seats: BTreeMap::new(),
            trunks: Vec::new(),
            name_servers: Vec::new(),
            inside: BTreeSet::new(),
            emergency: BTreeSet::new(),
            entries: BTreeSet::new(),
            observer: Observer::default(),
            user_agent: concat!("hotline/", env!("CARGO_PKG_VERSION")).to_owned(),
            registrar: RegistrarSettings::default(),
            pings: Pings::default(),
            patience: sip::Patience {
                session_interval: Some(1_800),
                provisional: Some(std::time::Duration::from_secs(4)),
            },
            prack: false,
            redirects: 3,
            shards: 2,
            first_maker: 1,
            max_sessions: 10_000,
            registrations: None,
        }
    }
}
