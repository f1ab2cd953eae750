//! `hotline.toml`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ::sip::{Algorithm, Encryption};
use model::{QueueName, RetentionRule, SupervisorsHear, Zone};
use text::{At, Problems, Section, parse, text};

use super::listening::{Listen, NameServer, listeners};
use super::people::{digest, no_queue};
use super::tls::{self, WebTls};
use super::written::{CopyFormat, Origin, Ports, TimeOfDay};
use super::zone::NamedZone;
use crate::signalling::{Listener, Network, Pings, Tls};

/// Where the server listens and what it keeps.
#[derive(Debug, Clone)]
pub struct Server {
    /// SIP, UDP and TCP.
    pub sip: Vec<Listener>,
    /// SIP over TLS.
    pub sip_tls: Option<Tls>,
    /// Session timers (RFC 4028), and how long a device may ring without a response.
    pub patience: ::sip::Patience,
    /// How many redirects of a seat's phones (302 and its like) one offer follows, each to another agent.
    pub redirects: u32,
    /// Whether calls to agents say that we support reliable provisional answers (RFC 3262).
    pub prack: bool,
    /// How registered devices are asked whether they can be reached.
    pub pings: Pings,
    /// The name servers that are asked for trunks' names; empty: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Bytes of SIP messages that are kept in memory for `hotline sip trace`; 0 for none.
    pub trace_bytes: usize,
    /// The digest realm.
    pub realm: String,
    /// Digest algorithms of agents without a setting of their own, strongest first.
    pub digest: Vec<Algorithm>,
    /// HTTP.
    pub http: SocketAddr,
    /// HTTP over TLS.
    pub http_tls: Option<WebTls>,
    /// Whether SIP is spoken by WebSocket, at `/sip` of HTTP.
    pub websocket: bool,
    /// Pages that may, beside the center's own.
    pub websocket_origins: Vec<Origin>,
    /// Reverse proxies that are trusted to report the client's address.
    pub trusted_proxies: Vec<Network>,
    /// RTP and RTCP.
    pub rtp: Ports,
    /// Number of media threads; by default one for each processor.
    pub media_threads: usize,
    /// Whether media threads ask for real-time priority.
    pub realtime: bool,
    /// SRTP for agents and trunks without a setting of their own.
    pub srtp: Encryption,
    /// Time without any packet after which a peer is asked whether it is alive, and after which the call ends.
    pub silence: Duration,
    /// The database; `None` for SQLite in the data folder.
    pub database: Option<String>,
    /// The time zone of recordings' paths, of the day's begin and of the nightly retention run.
    pub zone: Zone,
    /// The most calls at once.
    pub max_calls: usize,
    /// How long a secure input with an agent may last.
    pub secure_input: Duration,
    /// Where and for how long customers are parked.
    pub parking: center::Parking,
    /// How long a drain waits for calls to end.
    pub drain_limit: Duration,
    /// What supervisors may hear.
    pub supervisors_hear: SupervisorsHear,
    /// The recordings folder that takes over while the first fails.
    pub recordings_fallback: Option<PathBuf>,
    /// The file of the key that encrypts new recordings; without one they are not encrypted.
    pub encryption_key: Option<PathBuf>,
    /// The files of keys that open older ones.
    pub old_encryption_keys: Vec<PathBuf>,
    /// Whether copies of closed recordings are made.
    pub copy: Option<CopyFormat>,
    /// When the rules are applied every day; without it, only when that is ordered.
    pub retention_at: Option<TimeOfDay>,
    /// Whether calling numbers and names may stand in the log in full.
    pub personal_log: bool,
    /// How long recordings are kept; without a rule, for ever.
    pub retention: Vec<RetentionRule>,
}

/// Prefixes of the keys of `hotline.toml` that take effect only at a restart.
pub const AT_RESTART: [&str; 20] = [
    "sip.listen",
    "sip.advertised",
    "sip.tls.listen",
    "sip.tls.advertised",
    "sip.trace_mb",
    "sip.realm",
    "http.listen",
    "http.tls.listen",
    "rtp.ports",
    "rtp.threads",
    "rtp.realtime",
    "rtp.silence_s",
    "store.",
    "center.time_zone",
    "center.utc_offset",
    "recordings.fallback",
    "recordings.encryption_key",
    "recordings.old_encryption_keys",
    "recordings.copy",
    "log.",
];

impl Server {
    /// The settings after a reload: keys of [`AT_RESTART`] keep their present value, all others take the new one.
    pub fn as_far_as_followed(self, running: &Server) -> Server {
        Server {
            sip_tls: followed(running.sip_tls.as_ref(), self.sip_tls),
            patience: self.patience,
            redirects: self.redirects,
            prack: self.prack,
            pings: self.pings,
            name_servers: self.name_servers,
            digest: self.digest,
            trusted_proxies: self.trusted_proxies,
            http_tls: followed_web(running.http_tls.as_ref(), self.http_tls),
            websocket: self.websocket,
            websocket_origins: self.websocket_origins,
            srtp: self.srtp,
            max_calls: self.max_calls,
            secure_input: self.secure_input,
            parking: self.parking,
            drain_limit: self.drain_limit,
            supervisors_hear: self.supervisors_hear,
            retention_at: self.retention_at,
            retention: self.retention,
            ..running.clone()
        }
    }
}

/// The addresses of TLS stay; certificate, key and what clients have to show are followed.
fn followed(running: Option<&Tls>, new: Option<Tls>) -> Option<Tls> {
    match (running, new) {
        (Some(running), Some(new)) => Some(Tls { listen: running.listen.clone(), ..new }),
        (running, Some(_) | None) => running.cloned(),
    }
}

fn followed_web(running: Option<&WebTls>, new: Option<WebTls>) -> Option<WebTls> {
    match (running, new) {
        (Some(running), Some(new)) => Some(WebTls { listen: running.listen, ..new }),
        (running, Some(_) | None) => running.cloned(),
    }
}

/// `queues`: the queues that rules may name; `None` when `queues.toml` could not be read.
pub(super) fn read(mut file: Section, queues: Option<&[QueueName]>) -> Option<Server> {
    let mut sip = section(&mut file, "sip");
    let mut http = section(&mut file, "http");
    let mut rtp = section(&mut file, "rtp");
    let mut store = section(&mut file, "store");
    let mut center = section(&mut file, "center");
    let mut recordings = section(&mut file, "recordings");
    let mut log = section(&mut file, "log");
    let web = http.require::<Listen>("listen");
    let ports = rtp.require::<Ports>("ports");
    let listeners = listeners(&mut sip, &[]);
    let server = Server {
        sip_tls: tls::listening(&mut sip, &listeners),
        sip: listeners,
        patience: patience(&mut sip),
        redirects: sip.integer("redirects", 0..=10).map_or(3, |at| u32::try_from(at.value).unwrap_or(0)),
        prack: sip.boolean("prack").is_some_and(|at| at.value),
        pings: pings(&mut sip),
        name_servers: name_servers(&mut sip),
        trace_bytes: number(&mut sip, "trace_mb", 0..=4_096, 16) << 20,
        realm: sip.string("realm").map_or_else(|| "hotline".to_owned(), |at| at.value),
        digest: digest(&mut sip).unwrap_or_else(|| Algorithm::ALL.to_vec()),
        http: web.map_or(SocketAddr::from(([127, 0, 0, 1], 8080)), |at| at.value.0),
        websocket: sip.boolean("websocket").is_some_and(|at| at.value),
        websocket_origins: http.parsed_list("websocket_origins").into_iter().map(|at| at.value).collect(),
        http_tls: tls::web(&mut http),
        trusted_proxies: proxies(&mut http),
        rtp: ports.map_or(Ports(20000..=29999), |at| at.value),
        media_threads: number(&mut rtp, "threads", 1..=64, processors()),
        realtime: rtp.boolean("realtime").is_none_or(|at| at.value),
        srtp: rtp.parsed::<Encryption>("srtp").map_or_else(Encryption::default, |at| at.value),
        silence: seconds(&mut rtp, "silence_s", 60),
        database: database(&mut store),
        zone: zone(&mut center),
        max_calls: number(&mut center, "max_calls", 1..=100_000, 2000),
        secure_input: seconds(&mut center, "secure_input_s", 120),
        parking: parking(&mut center),
        drain_limit: seconds(&mut center, "drain_limit_s", 60),
        supervisors_hear: recordings.parsed("supervisors_hear").map(|at| at.value).unwrap_or_default(),
        recordings_fallback: fallback(&mut recordings),
        encryption_key: recordings.string("encryption_key").map(|at| at.value.into()),
        old_encryption_keys: recordings
            .strings("old_encryption_keys")
            .into_iter()
            .map(|at| at.value.into())
            .collect(),
        copy: recordings.parsed::<CopyFormat>("copy").map(|at| at.value),
        retention_at: recordings.parsed::<TimeOfDay>("retention_at").map(|at| at.value),
        retention: retention(&mut recordings, queues),
        personal_log: log.boolean("personal").is_some_and(|at| at.value),
    };
    for section in [log, sip, http, rtp, store, center, recordings, file] {
        section.finish();
    }
    Some(server)
}

fn parking(section: &mut Section) -> center::Parking {
    let usual = center::Parking::default();
    let slots = section.parsed::<Slots>("parking_slots").map_or(usual.slots, |at| at.value.0);
    let limit = section.integer("parking_s", 10..=3_600).map(|at| Duration::from_secs(at.value));
    center::Parking { slots, limit: limit.unwrap_or(usual.limit) }
}

/// Parking slots, as `701-720`.
struct Slots(std::ops::RangeInclusive<u16>);

impl std::str::FromStr for Slots {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Slots, &'static str> {
        let ends = text.split_once('-').and_then(|(first, last)| {
            Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
        });
        match ends {
            Some((first, last)) if first <= last && last - first < 1_000 => Ok(Slots(first..=last)),
            Some(_) | None => Err("at most 1000 numbers, such as 701-720"),
        }
    }
}

/// `time_zone`, or its older name.
fn zone(center: &mut Section) -> Zone {
    let named = center.parsed::<NamedZone>("time_zone");
    let older = center.parsed::<NamedZone>("utc_offset");
    if let (Some(_), Some(older)) = (&named, &older) {
        let hint = text!("remove utc_offset", "请删除 utc_offset");
        center.problem(older.line, text!("time_zone says it already", "已由 time_zone 指定"), hint);
    }
    named.or(older).map_or_else(Zone::default, |at| at.value.0)
}

fn database(store: &mut Section) -> Option<String> {
    let At { value: url, line } = store.string("url")?;
    if !["sqlite:", "postgres://", "postgresql://"].iter().any(|kind| url.starts_with(kind)) {
        // The URL may contain a password, so only its scheme is shown.
        let kind = url.split_once(':').map_or("", |(kind, _)| kind);
        store.problem(
            line,
            text!(
                "no database is reached by an address that begins {kind:?}",
                "不支持的数据库地址类型 {kind:?}"
            ),
            text!(
                "\"postgres://user:password@host/database\" or \"sqlite:path\"",
                "请写 \"postgres://用户:密码@主机/库\" 或 \"sqlite:路径\""
            ),
        );
    }
    Some(url)
}

fn fallback(recordings: &mut Section) -> Option<PathBuf> {
    let At { value, line } = recordings.string("fallback")?;
    let folder = PathBuf::from(&value);
    if !folder.is_dir() {
        recordings.problem(
            line,
            text!("there is no folder {value}", "目录 {value} 不存在"),
            text!("make it, or mount the disk that it is on", "请创建该目录或挂载其所在磁盘"),
        );
    }
    Some(folder)
}

fn patience(sip: &mut Section) -> ::sip::Patience {
    let session = sip.integer("session_expires_s", 90..=86_400).map_or(1_800, |at| at.value);
    let provisional = sip.integer("provisional_s", 1..=32).map_or(4, |at| at.value);
    ::sip::Patience {
        session_interval: u32::try_from(session).ok(),
        provisional: Some(Duration::from_secs(provisional)),
    }
}

fn pings(sip: &mut Section) -> Pings {
    let every = sip.integer("options_s", 0..=3_600).map_or(30, |at| at.value);
    let misses = sip.integer("options_misses", 1..=100).map_or(3, |at| at.value);
    Pings {
        every: (every > 0).then(|| Duration::from_secs(every)),
        misses: u32::try_from(misses).unwrap_or(u32::MAX),
    }
}

fn name_servers(sip: &mut Section) -> Vec<SocketAddr> {
    sip.parsed_list::<NameServer>("name_servers").into_iter().map(|at| at.value.0).collect()
}

fn proxies(http: &mut Section) -> Vec<Network> {
    http.parsed_list::<Network>("trusted_proxies").into_iter().map(|at| at.value).collect()
}

fn retention(recordings: &mut Section, queues: Option<&[QueueName]>) -> Vec<RetentionRule> {
    let mut rules: Vec<RetentionRule> = Vec::new();
    for mut section in recordings.list("retention") {
        let (name, queue) = (section.require::<String>("name"), section.parsed::<QueueName>("queue"));
        if let (Some(At { value: queue, line }), Some(known)) = (&queue, queues)
            && !known.contains(queue)
        {
            no_queue(&section, *line, queue, known);
        }
        let days = section.integer("days", 1..=36_500);
        if days.is_none() {
            let hint = text!("for how many days recordings are kept", "录音保留的天数");
            section.problem(section.line(), text!("days is missing", "缺少 days"), hint);
        }
        if let (Some(name), Some(days)) = (name, days) {
            let queue = queue.map(|at| at.value);
            if rules.iter().any(|rule| rule.queue == queue) {
                let hint = text!(
                    "one rule for each queue, and one for all others",
                    "每个队列一条规则，其余共用一条"
                );
                section.problem(name.line, text!("two rules for one queue", "同一队列有两条规则"), hint);
            }
            let days = u32::try_from(days.value).unwrap_or(u32::MAX);
            rules.push(RetentionRule { name: name.value, queue, days });
        }
        section.finish();
    }
    rules
}

/// A table that may be left out.
fn section(file: &mut Section, key: &'static str) -> Section {
    file.section(key).unwrap_or_else(|| parse(file.file(), "", &Problems::default()))
}

fn number(section: &mut Section, key: &'static str, range: RangeInclusive<u64>, default: usize) -> usize {
    section.integer(key, range).and_then(|at| usize::try_from(at.value).ok()).unwrap_or(default)
}

/// The number of processors, within the configurable range.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(64))
}

fn seconds(section: &mut Section, key: &'static str, default: u64) -> Duration {
    Duration::from_secs(section.integer(key, 1..=86_400).map_or(default, |at| at.value))
}
