//! A server on a loopback port over a small past, and a client that speaks plain HTTP/1.1.

// Each test file uses its own part of this.
#![allow(dead_code)]

pub(crate) mod socket;

use std::path::Path;
use std::sync::{Arc, Mutex};

use api::{Answer, App, AppParts, Because, Commands, Configuration, Fault, Readiness, Reloaded, Reloading};
use archive::{Asked, Eraser, LedgerError, Notary, Overdue, Shelves};
use model::{
    Actor, AgentId, ContactId, Digit, Done, DueRecording, Entry, Event, MoveEnd, MoveOrder, Order, Record,
    RecordingId, Refused, RetentionRule, Scope, Secret, SecureInputOrder, Slot, Time, Zone,
};
use serde_json::Value;
use store::{Journal, Role, Store};
pub(crate) use testing::PATIENCE;
use testing::{Call, Scratch, contact, recording};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub(crate) const AUDIO: &[u8] = b"RIFF, and two hundred and fifty thousand bytes";

pub(crate) struct World {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    pub(crate) readiness: Readiness,
    pub(crate) center: Arc<FakeCenter>,
    folder: Scratch,
    pub(crate) contact: ContactId,
    pub(crate) recording: RecordingId,
    pub(crate) shutdown: Option<oneshot::Sender<()>>,
    pub(crate) server: Option<JoinHandle<std::io::Result<()>>>,
    tokens: Vec<(Role, String)>,
}

/// Files that are sound, and say one thing differently, until somebody really reloads them.
struct FakeConfiguration;

/// Says everything back.
struct Echo;

impl api::Sockets for Echo {
    fn protocol(&self) -> &'static str {
        "echo"
    }

    fn open(&self, mut socket: api::Opened) -> bool {
        tokio::spawn(async move {
            while let Some(bytes) = socket.incoming.recv().await {
                if bytes.as_ref() == b"end" || socket.outgoing.send(bytes).await.is_err() {
                    return;
                }
                socket.vouch.is_of_use();
            }
        });
        true
    }
}

/// One trunk with all that a trunk may have.
struct FakeTrunks;

impl api::Trunks for FakeTrunks {
    fn trunks(&self) -> Vec<api::Trunk> {
        let registration =
            api::Registration { state: api::RegistrationState::Registered, until: Some(now()), status: None };
        let gateway = api::Gateway {
            uri: "sip:sbc.example.com".to_owned(),
            addresses: vec!["192.0.2.1:5060".to_owned()],
            state: api::GatewayState::Up,
        };
        let (place, what) = (gateway.uri.clone(), "503".to_owned());
        vec![api::Trunk {
            name: "carrier".to_owned(),
            registration: Some(registration),
            gateways: vec![gateway],
            calls: 1,
            last_failure: Some(api::TrunkFailure { at: now(), place, what }),
        }]
    }
}

impl Configuration for FakeConfiguration {
    fn reload(&self, _: Actor, dry_run: bool) -> Reloading<'_> {
        let change = model::SettingChange {
            file: "agents.toml".to_owned(),
            key: "agent[1001].password".to_owned(),
            before: Some("***".to_owned()),
            after: Some("***".to_owned()),
            effect: model::Effect::Now,
        };
        let fault = Fault {
            file: "config/queues.toml".to_owned(),
            line: 3,
            message: Because::new("offer_s is missing", "缺少 offer_s"),
            hint: Because::new("offer_s = 15", "请设置 offer_s"),
        };
        let sound = Reloaded { dry_run, changes: vec![change], warnings: Vec::new() };
        Box::pin(async move { if dry_run { Ok(sound) } else { Err(vec![fault]) } })
    }
}

/// The contact of every call that is placed.
pub(crate) fn placed() -> ContactId {
    contact(4_000)
}

/// Knows agent 1001, whose seat is online, and 1002, whose is not.
#[derive(Default)]
pub(crate) struct FakeCenter {
    pub(crate) orders: Mutex<Vec<(Actor, Scope, Order)>>,
}

impl Commands for FakeCenter {
    fn send(&self, by: Actor, scope: Scope, order: Order) -> Answer<'_> {
        if let (Scope::Agent(own), Order::Agent(agent, _)) = (&scope, &order)
            && own != agent
        {
            return Box::pin(async { Err(Refused::NotTheirContact) });
        }
        self.orders.lock().unwrap().push((by, scope, order.clone()));
        Box::pin(async move {
            match order {
                Order::SecureInput(_, SecureInputOrder::Read) => {
                    let mut keys = Secret::default();
                    "4111".chars().filter_map(Digit::from_char).for_each(|key| keys.push(key));
                    Ok(Done::Secret(keys))
                }
                Order::Agent(agent, _) => match agent.as_str() {
                    "1001" => Ok(Done::Obeyed),
                    "1002" => Err(Refused::SeatOffline),
                    "1003" => Err(Refused::Busy),
                    _ => Err(Refused::UnknownAgent),
                },
                Order::Call(call) if call.number.reveal().as_str() == "4000" => Ok(Done::Placed(placed())),
                Order::Call(_) => Err(Refused::NotAllowed),
                Order::Move(_, MoveOrder::Park) => Ok(Done::Parked(Slot(701))),
                Order::Move(_, MoveOrder::Transfer(_)) => Ok(Done::Moved(MoveEnd::Done)),
                Order::Move(..)
                | Order::PickUp { .. }
                | Order::Recording(..)
                | Order::SecureInput(_, SecureInputOrder::Start | SecureInputOrder::End)
                | Order::Supervision(_)
                | Order::Parties(..) => Ok(Done::Obeyed),
            }
        })
    }
}

/// Nothing is due, and nothing can be noted.
struct NothingDue;

impl Overdue for NothingDue {
    fn due<'a>(&'a self, _: &'a [RetentionRule], _: Time) -> Asked<'a, Vec<DueRecording>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn erased_after(&self, _: i64, _: u32) -> Asked<'_, Vec<DueRecording>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl Notary for NothingDue {
    fn note_erased<'a>(&'a self, _: &'a Actor, _: &'a [&'a DueRecording]) -> Asked<'a, ()> {
        Box::pin(async { Err(LedgerError::new("nobody writes it down")) })
    }
}

pub(crate) fn now() -> Time {
    Time::from_unix_ms(1_800_000_000_000)
}

pub(crate) fn large_audio() -> Vec<u8> {
    AUDIO.iter().copied().chain((0..250_000_u32).map(|n| (n % 251) as u8)).collect()
}

/// Sales, closed for ever, with an agent and a number outside.
fn directory() -> model::Directory {
    let entry = model::DirectoryEntry {
        kind: model::DirectoryKind::Department,
        zh: "销售部".to_owned(),
        en: "Sales".to_owned(),
        members: ["1001", "tel:02155550100"].map(|who| who.parse().unwrap()).into(),
        hours: Some(model::Hours::new(std::array::from_fn(|_| model::Spans::default()), Arc::default())),
        ring: std::time::Duration::from_secs(20),
        deputy: None,
        closed: "queue inquiry".parse().unwrap(),
        unanswered: model::Instead::Back,
        is_public: false,
    };
    model::Directory::new([("6001".parse().unwrap(), entry)].into())
}

/// One call, whose recording is the file `one.wav`.
fn past() -> Vec<Event> {
    let path = "one.wav".to_owned();
    Call { path, sha256: "ab".repeat(32), ..Call::new(0, "complaint", "1001") }.events()
}

impl World {
    /// A world in which supervisors hear everything.
    pub(crate) async fn start() -> World {
        let supervisors = model::SupervisorsHear::All;
        World::start_with(api::Hearing { supervisors, ..api::Hearing::default() }).await
    }

    pub(crate) async fn start_with(hearing: api::Hearing) -> World {
        let folder = Scratch::new("api");
        let recordings = folder.join("recordings");
        std::fs::create_dir(&recordings).unwrap();
        std::fs::write(recordings.join("one.wav"), large_audio()).unwrap();
        let store = Store::open(&format!("sqlite:{}/hotline.db", folder.path().display())).await.unwrap();
        let journal = Journal::start(&store, folder.path()).await.unwrap();
        let mut tokens = Vec::new();
        for role in Role::ALL {
            let agent = (role == Role::Agent).then(|| "1001".parse().unwrap());
            tokens.push((role, store.create_token(&role.to_string(), role, agent, now()).await.unwrap()));
        }
        let (readiness, center) = (Readiness::default(), Arc::new(FakeCenter::default()));
        let settings = api::Settings {
            hearing,
            retention: Vec::new(),
            agents: vec!["1001".parse::<AgentId>().unwrap(), "1002".parse().unwrap()],
            queues: vec!["complaint".parse().unwrap(), "inquiry".parse().unwrap()],
            directory: Arc::new(directory()),
            tls: None,
            sockets: Some(api::Origins { allowed: vec!["https://console.example".to_owned()] }),
            is_proxy: Arc::new(|address| address == std::net::IpAddr::from([127, 0, 0, 9])),
        };
        let app = App::new(AppParts {
            sockets: Arc::new(Echo),
            store: store.clone(),
            log: journal.log().clone(),
            // Without a key: encrypted recordings cannot be heard.
            shelves: Shelves { folders: vec![recordings.clone()], keys: Arc::default() },
            eraser: Arc::new(Eraser::new(vec![recordings], Arc::new(NothingDue), Arc::new(NothingDue))),
            settings: watch::channel(Arc::new(settings)).1,
            zone: Zone::default(),
            now,
            sample: |frame, count, seed| {
                frame.iter().cycle().skip(seed as usize).take(count).copied().collect()
            },
            configuration: Arc::new(FakeConfiguration),
            commands: Arc::clone(&center) as Arc<dyn Commands>,
            metrics: Arc::new(()),
            trunks: Arc::new(FakeTrunks),
            trace: Arc::new(()),
            readiness: readiness.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, ended) = oneshot::channel::<()>();
        let server = tokio::spawn(api::serve((listener, api::Listening::Plain), app, async {
            let _ = ended.await;
        }));
        let world = World {
            address,
            store,
            journal,
            readiness,
            center,
            folder,
            contact: contact(0),
            recording: recording(0),
            shutdown: Some(shutdown),
            server: Some(server),
            tokens,
        };
        world.append(past());
        assert!(world.store.wait_committed(world.journal.last_seq(), PATIENCE).await);
        world
    }

    pub(crate) fn append(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.journal.log().append(Entry { at: now(), by: None, event }).unwrap();
        }
    }

    /// What the API itself appended to the log since the past.
    pub(crate) async fn noted(&self) -> Vec<Arc<Record>> {
        let past = past().len() as u64;
        assert!(self.store.wait_committed(self.journal.last_seq(), PATIENCE).await);
        self.store.read_journal(past, 1000).await.unwrap()
    }

    pub(crate) fn token(&self, role: Role) -> &str {
        &self.tokens.iter().find(|(of, _)| *of == role).unwrap().1
    }

    /// Asks as a role.
    pub(crate) async fn ask(&self, role: Role, method: &str, path: &str, headers: &str) -> Heard {
        let token = self.token(role);
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
        ))
        .await
    }

    /// A new token.
    pub(crate) async fn make(&self, role: Role, agent: Option<&str>) -> String {
        let agent = agent.map(|agent| agent.parse().unwrap());
        self.store.create_token("new", role, agent, now()).await.unwrap()
    }

    pub(crate) async fn get_with(&self, token: &str, path: &str) -> Heard {
        let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        self.raw(&format!("{head}Authorization: Bearer {token}\r\n\r\n")).await
    }

    pub(crate) async fn get(&self, role: Role, path: &str) -> Heard {
        self.ask(role, "GET", path, "").await
    }

    /// Waits until the metrics have this text.
    ///
    /// # Panics
    /// If they don't have it in time.
    pub(crate) async fn until_metrics_say(&self, text: &str) {
        let said = async {
            while !String::from_utf8(self.get(Role::Viewer, "/metrics").await.body).unwrap().contains(text) {}
        };
        tokio::time::timeout(PATIENCE, said).await.expect("the metrics say so");
    }

    /// Sends bytes and reads until the server closes.
    pub(crate) async fn raw(&self, request: &str) -> Heard {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        Heard::parse(&bytes)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// An answer.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn parse(bytes: &[u8]) -> Heard {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        Heard { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}
