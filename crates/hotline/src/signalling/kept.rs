//! Registrations, and who guesses passwords, kept over a restart in one file of the data folder.
//!
//! The registrar publishes what there is; a thread of its own writes it, so that a slow disk delays no SIP. The file is
//! replaced as a whole: after `kill -9` it is the old one or the new one. What was registered less than the time of
//! one writing before a kill is lost, and the phone's next refresh brings it back.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sip::{Flow, Guessed, KeptBinding, KeptGuesses, Moment, Transport};
use tokio::sync::watch;

use super::Clock;
use super::locals::Locals;

/// The pause after a writing, so that a thousand phones that register at once are written a few times, not a thousand.
const PAUSE: Duration = Duration::from_millis(100);
/// A file that is larger is none of ours.
const LARGEST: u64 = 64 << 20;

/// What is kept. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    bindings: Vec<Binding>,
    guesses: Vec<Guesses>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Binding {
    user: String,
    contact: String,
    #[serde(flatten)]
    way: Way,
    source: SocketAddr,
    /// By which of our addresses; older files do not say.
    #[serde(default)]
    local: Option<SocketAddr>,
    expires: i64,
    call_id: String,
    number: u32,
}

/// How a phone spoke. Older files say `tcp` and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Way {
    tcp: bool,
    #[serde(default)]
    tls: bool,
    #[serde(default)]
    websocket: bool,
}

impl From<Transport> for Way {
    fn from(transport: Transport) -> Way {
        let websocket = matches!(transport, Transport::Ws | Transport::Wss);
        Way { tcp: transport.is_reliable(), tls: transport.is_secure(), websocket }
    }
}

impl Way {
    fn transport(self) -> Transport {
        match (self.tcp, self.websocket, self.tls) {
            (false, _, _) => Transport::Udp,
            (true, false, false) => Transport::Tcp,
            (true, false, true) => Transport::Tls,
            (true, true, false) => Transport::Ws,
            (true, true, true) => Transport::Wss,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Guesses {
    Pair { account: String, source: std::net::IpAddr, count: Count },
    Account { account: String, count: Count },
    Source { source: std::net::IpAddr, count: Count },
    Known { account: String, source: SocketAddr, last: i64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    wrong: u32,
    last: i64,
    closed_until: i64,
}

impl Kept {
    pub(super) fn of(
        clock: Clock,
        bindings: impl Iterator<Item = KeptBinding>,
        guesses: impl Iterator<Item = KeptGuesses>,
    ) -> Kept {
        let bindings = bindings.map(|kept| Binding {
            user: kept.user,
            contact: kept.contact,
            way: kept.flow.transport.into(),
            source: kept.flow.source,
            local: Some(kept.flow.local),
            expires: to_wall(clock, kept.expires),
            call_id: kept.call_id,
            number: kept.number,
        });
        let guesses = guesses.map(|kept| match kept {
            KeptGuesses::Known { account, source, last } => {
                Guesses::Known { account, source, last: to_wall(clock, last) }
            }
            KeptGuesses::Count { of, wrong, last, closed_until } => {
                let (last, closed_until) = (to_wall(clock, last), to_wall(clock, closed_until));
                let count = Count { wrong, last, closed_until };
                match of {
                    Guessed::Pair(account, source) => Guesses::Pair { account, source, count },
                    Guessed::Account(account) => Guesses::Account { account, count },
                    Guessed::Source(source) => Guesses::Source { source, count },
                }
            }
        });
        Kept { bindings: bindings.collect(), guesses: guesses.collect() }
    }

    pub(super) fn split(self, clock: Clock, locals: &Locals) -> (Vec<KeptBinding>, Vec<KeptGuesses>) {
        let bindings = self.bindings.into_iter().map(|kept| KeptBinding {
            user: kept.user,
            contact: kept.contact,
            flow: Flow {
                transport: kept.way.transport(),
                source: kept.source,
                local: local_for(kept.local, kept.way.transport(), kept.source, locals),
            },
            expires: from_wall(clock, kept.expires),
            call_id: kept.call_id,
            number: kept.number,
        });
        let counted = |of, count: Count| KeptGuesses::Count {
            of,
            wrong: count.wrong,
            last: from_wall(clock, count.last),
            closed_until: from_wall(clock, count.closed_until),
        };
        let guesses = self.guesses.into_iter().map(|kept| match kept {
            Guesses::Pair { account, source, count } => counted(Guessed::Pair(account, source), count),
            Guesses::Account { account, count } => counted(Guessed::Account(account), count),
            Guesses::Source { source, count } => counted(Guessed::Source(source), count),
            Guesses::Known { account, source, last } => {
                KeptGuesses::Known { account, source, last: from_wall(clock, last) }
            }
        });
        (bindings.collect(), guesses.collect())
    }
}

/// The address of ours that a device registered by; when that is none any more, one of the device's IP version.
fn local_for(
    kept: Option<SocketAddr>,
    transport: Transport,
    source: SocketAddr,
    locals: &Locals,
) -> SocketAddr {
    let still = kept.filter(|kept| locals.all().contains(kept));
    let alike = || locals.like(transport, source.ip().to_canonical().is_ipv4());
    still.or_else(alike).or_else(|| locals.all().first().copied()).unwrap_or(source)
}

fn to_wall(clock: Clock, moment: Moment) -> i64 {
    let ms = |moment: Moment| i64::try_from(moment.ms()).unwrap_or(i64::MAX);
    clock.time().unix_ms().saturating_add(ms(moment)).saturating_sub(ms(clock.now()))
}

/// What lies before our start is the start.
fn from_wall(clock: Clock, unix_ms: i64) -> Moment {
    let now = i64::try_from(clock.now().ms()).unwrap_or(i64::MAX);
    let ms = unix_ms.saturating_sub(clock.time().unix_ms()).saturating_add(now);
    Moment::from_ms(u64::try_from(ms).unwrap_or(0))
}

/// Reads what the last run kept; nothing when there is no file. One that cannot be read is logged and passed over:
/// phones register again by themselves.
pub(super) fn read(path: &Path) -> Kept {
    let read = || -> std::io::Result<Kept> {
        if std::fs::metadata(path)?.len() > LARGEST {
            return Err(std::io::Error::other("larger than any that we write"));
        }
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    };
    read().unwrap_or_else(|error| {
        if error.kind() != std::io::ErrorKind::NotFound {
            tracing::warn!(path = %path.display(), %error, "registrations of the last run cannot be read: \
                            phones stay unreachable until they register again");
        }
        Kept::default()
    })
}

/// Writes what is published until the registrar is gone, the last of it included.
pub(super) async fn write(path: PathBuf, mut published: watch::Receiver<Kept>) {
    let mut failing = false;
    while published.changed().await.is_ok() {
        let kept = published.borrow_and_update().clone();
        let to = path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&to, &kept)).await;
        let error = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &error
            && !failing
        {
            tracing::warn!(path = %path.display(), error, "registrations cannot be written: a restart would forget them");
        }
        failing = error.is_some();
        tokio::time::sleep(PAUSE).await;
    }
}

fn replace(path: &Path, kept: &Kept) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.sync_data()?;
    std::fs::rename(&new, path)
}
