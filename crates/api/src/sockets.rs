//! A WebSocket for somebody else's protocol: who speaks it is handed the messages, and knows nothing of HTTP.
//!
//! ```text
//! browser ◄─ WebSocket ─► exchange (pings, limits) ◄─ channels of messages ─► Sockets
//! ```
//! Both channels are bounded. While the one from the browser is full the socket is not read; while the one to it is full
//! its speaker decides. When either side drops its end the socket is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::App;
use crate::client::Client;
use crate::places::{Limits, Place};
use crate::problem::Problem;
use crate::standing::Standing;

/// Sockets at once. Those who speak on them have limits of their own beside these.
pub(crate) const SOCKETS: Limits = Limits { what: "socket", all: 384, each: 96 };
/// The greatest message either way, in bytes.
const GREATEST_MESSAGE: usize = 65_536;
/// Messages that may wait, each way.
const WAITING: usize = 64;
/// How often a socket is pinged: browsers and proxies drop one that is silent for a minute.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Pings in a row that may stay unanswered.
const UNANSWERED: u32 = 2;
/// How long a client may take to accept a message before it is given up.
const SLOWEST_CLIENT: Duration = Duration::from_secs(10);

/// Speaks a protocol on WebSockets.
pub trait Sockets: Send + Sync {
    /// The subprotocol that clients have to name (RFC 6455 section 1.9).
    fn protocol(&self) -> &'static str;

    /// Takes a socket; false when there is no room for it.
    fn open(&self, socket: Opened) -> bool;
}

/// Speaks nothing.
impl Sockets for () {
    fn protocol(&self) -> &'static str {
        ""
    }

    fn open(&self, _socket: Opened) -> bool {
        false
    }
}

/// A socket that a client opened.
#[derive(Debug)]
pub struct Opened {
    /// The client's address; behind a trusted proxy with the port of the proxy's connection.
    pub peer: SocketAddr,
    /// It is encrypted, as far as us or a trusted proxy before us.
    pub is_secure: bool,
    /// What the client says: at most 64 KiB a message. It ends with the socket.
    pub incoming: mpsc::Receiver<Bytes>,
    /// What the client is told. Dropping it closes the socket.
    pub outgoing: mpsc::Sender<Bytes>,
    /// The way to say that the client is of use.
    pub vouch: Vouch,
}

/// Says that a client is of use: its connection is then among the last to be closed for others. Until somebody does, it
/// is closed after 30 s.
#[derive(Debug, Clone)]
pub struct Vouch(Arc<Standing>);

impl Vouch {
    /// It is of use now.
    pub fn is_of_use(&self) {
        self.0.proved(Instant::now());
    }
}

/// Which pages may open sockets. Programs that are no browsers name no origin, and may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// `https://console.example.com`, beside the center's own pages.
    pub allowed: Vec<String>,
}

/// Hands a WebSocket to who speaks its protocol.
pub(crate) async fn open(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let settings = app.settings();
    let origins = settings.sockets.as_ref().ok_or_else(Problem::not_found)?;
    if !origins.let_in(&headers) {
        return Err(Problem::foreign_origin());
    }
    let protocol = app.parts().sockets.protocol();
    let upgrade = upgrade.map_err(|_| Problem::no_web_socket())?.protocols([protocol]);
    if upgrade.selected_protocol().is_none() {
        return Err(Problem::no_web_socket());
    }
    let place = app.socket_places().take(Instant::now(), Some(client.address), Arc::clone(&client.standing));
    let place = place.map_err(|full| Problem::full(SOCKETS.what, full))?;
    let is_forwarded = (settings.is_proxy)(client.peer.ip()) && is_forwarded_as_secure(&headers);
    let is_secure = client.is_secure || is_forwarded;
    client.standing.streams();
    Ok(upgrade
        .max_message_size(GREATEST_MESSAGE)
        .max_frame_size(GREATEST_MESSAGE)
        .on_upgrade(move |socket| exchange(app, socket, (client, is_secure), place)))
}

impl Origins {
    fn let_in(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let Some(origin) = text(header::ORIGIN) else { return true };
        let own = text(header::HOST).map(|host| [format!("http://{host}"), format!("https://{host}")]);
        own.into_iter()
            .flatten()
            .chain(self.allowed.iter().cloned())
            .any(|one| one.eq_ignore_ascii_case(origin))
    }
}

/// The last trusted proxy got the request over HTTPS, and says so.
fn is_forwarded_as_secure(headers: &HeaderMap) -> bool {
    let last = headers.get_all("x-forwarded-proto").iter().next_back();
    let word = last.and_then(|line| line.to_str().ok()).and_then(|line| line.rsplit(',').next());
    word.is_some_and(|word| word.trim().eq_ignore_ascii_case("https"))
}

async fn exchange(app: App, mut socket: WebSocket, (client, is_secure): (Client, bool), mut place: Place) {
    const AWAY: (u16, &str) = (close_code::AWAY, "the center shuts down");
    const CROWDED: (u16, &str) = (close_code::AGAIN, "too many sockets of this address");
    const FULL: (u16, &str) = (close_code::AGAIN, "no room");
    let (to_speaker, incoming) = mpsc::channel(WAITING);
    let (outgoing, mut from_speaker) = mpsc::channel::<Bytes>(WAITING);
    let peer = SocketAddr::new(client.address, client.peer.port());
    let vouch = Vouch(Arc::clone(&client.standing));
    if !app.parts().sockets.open(Opened { peer, is_secure, incoming, outgoing, vouch }) {
        return say_good_bye(&mut socket, FULL).await;
    }
    let mut pings = tokio::time::interval(PING_EVERY);
    let mut unanswered = 0;
    let goodbye = loop {
        tokio::select! {
            heard = socket.recv() => {
                unanswered = 0;
                let bytes = match heard {
                    Some(Ok(Message::Text(text))) => Bytes::from(text),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    // Pings are answered by the socket.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                };
                tokio::select! {
                    sent = to_speaker.send(bytes) => if sent.is_err() { return },
                    () = app.closed() => break AWAY,
                    () = place.lost() => break CROWDED,
                }
            }
            said = from_speaker.recv() => {
                // Its speaker closes it.
                let Some(bytes) = said else { return say_good_bye(&mut socket, (close_code::NORMAL, "")).await };
                if accepted(&mut socket, as_message(bytes)).await.is_none() {
                    return;
                }
            }
            _ = pings.tick() => {
                unanswered += 1;
                let is_gone = unanswered > UNANSWERED + 1;
                if is_gone || accepted(&mut socket, Message::Ping(Bytes::new())).await.is_none() {
                    return;
                }
            }
            () = place.lost() => break CROWDED,
            () = app.closed() => break AWAY,
        }
    };
    say_good_bye(&mut socket, goodbye).await;
}

/// Text where it is text: some clients take nothing else (RFC 7118 section 5 allows both).
fn as_message(bytes: Bytes) -> Message {
    match String::from_utf8(bytes.to_vec()) {
        Ok(text) => Message::Text(text.into()),
        Err(_) => Message::Binary(bytes),
    }
}

async fn accepted(socket: &mut WebSocket, message: Message) -> Option<()> {
    tokio::time::timeout(SLOWEST_CLIENT, socket.send(message)).await.ok()?.ok()
}

async fn say_good_bye(socket: &mut WebSocket, (code, reason): (u16, &str)) {
    let goodbye = CloseFrame { code, reason: reason.into() };
    // Whether the client hears it changes nothing.
    let _ = accepted(socket, Message::Close(Some(goodbye))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn own_pages_and_allowed_ones_may_and_so_may_programs() {
        let origins = Origins { allowed: vec!["https://console.example".to_owned()] };
        for (origin, may) in [
            (None, true),
            (Some("http://center.example:8080"), true),
            (Some("https://center.example:8080"), true),
            (Some("https://Console.example"), true),
            (Some("https://center.example"), false),
            (Some("https://console.example.evil"), false),
            (Some("null"), false),
            (Some(""), false),
        ] {
            let mut asked = headers(&[("host", "center.example:8080")]);
            if let Some(origin) = origin {
                asked.insert("origin", origin.parse().unwrap());
            }
            assert_eq!(origins.let_in(&asked), may, "{origin:?}");
        }
        let own = Origins { allowed: Vec::new() };
        assert!(!own.let_in(&headers(&[("origin", "http://center.example")])), "no host to compare");
    }

    #[test]
    fn the_last_proxy_says_whether_it_is_encrypted() {
        for (lines, is_secure) in [
            (&[][..], false),
            (&["https"], true),
            (&["http"], false),
            (&["https, http"], false),
            (&["http", "https"], true),
        ] {
            let mut asked = HeaderMap::new();
            for line in lines {
                asked.append("x-forwarded-proto", line.parse().unwrap());
            }
            assert_eq!(is_forwarded_as_secure(&asked), is_secure, "{lines:?}");
        }
    }
}
