//! What an endpoint is told and what it says.

use std::net::SocketAddr;
use std::time::Duration;

use crate::{Credentials, Headers, LocalAudio, OfferedAudio, Request, Response, Status, Uri};

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream, encrypted.
    Tls,
    /// WebSocket (RFC 7118): each of its messages is one of SIP.
    Ws,
    /// The same, encrypted.
    Wss,
}

impl Transport {
    /// As in Via.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// How an address says that it is reached by this transport.
    pub const fn parameter(self) -> &'static str {
        match self {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            // The scheme tells the two apart (RFC 7118 section 5.1).
            Transport::Ws | Transport::Wss => ";transport=ws",
        }
    }

    /// The port where none is written (RFC 3261 section 18.1.1, RFC 7118 section 5.1).
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }

    /// Nobody reads it on the way.
    pub const fn is_secure(self) -> bool {
        match self {
            Transport::Udp | Transport::Tcp | Transport::Ws => false,
            Transport::Tls | Transport::Wss => true,
        }
    }

    /// Nothing is resent on a reliable transport.
    pub const fn is_reliable(self) -> bool {
        match self {
            Transport::Udp => false,
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => true,
        }
    }
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// How it came.
    pub transport: Transport,
    /// The sender's address as the socket saw it.
    pub source: SocketAddr,
    /// The address that the sender reached us by: one of [`EndpointSettings::local`].
    pub local: SocketAddr,
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// How.
    pub transport: Transport,
    /// Our own address that it is sent from, which Via and Contact name: one of [`EndpointSettings::local`].
    pub local: SocketAddr,
    /// The address; with a stream, the connection to or from it when there is one.
    pub address: SocketAddr,
    /// With a stream: the address to connect to when there is no connection with `address` any more. With UDP: the address
    /// that copies of a request go to as well, when nobody answered at `address`.
    pub otherwise: Option<SocketAddr>,
}

impl EndpointSettings {
    /// True for an address of ours.
    pub(crate) fn is_ours(&self, ip: std::net::IpAddr) -> bool {
        self.local.iter().any(|local| local.ip() == ip)
    }
}

impl Destination {
    /// The other address that a datagram may be sent to.
    pub(crate) fn other(self) -> Option<Destination> {
        let address = self.otherwise.filter(|_| self.transport == Transport::Udp)?;
        Some(Destination { address, otherwise: None, ..self })
    }
}

impl From<Flow> for Destination {
    fn from(flow: Flow) -> Destination {
        Destination { transport: flow.transport, local: flow.local, address: flow.source, otherwise: None }
    }
}

/// The endpoint's own circumstances.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The addresses that peers reach us by, in Via and Contact.
    pub local: Vec<SocketAddr>,
    /// `Server` and `User-Agent`.
    pub user_agent: String,
    /// The most sessions at once; further INVITEs get 503.
    pub max_sessions: usize,
    /// The most server transactions at once; further requests but ACK, BYE and CANCEL get 503.
    pub max_transactions: usize,
}

/// How long peers may be silent in signalling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patience {
    /// Seconds, 90 or more, after which a session that nobody refreshed is over; we refresh it after half of that
    /// (RFC 4028). `None`: only where a peer asks for it.
    pub session_interval: Option<u32>,
    /// How long an outbound call may go without any answer, 100 among them; then it ends as `TimedOut`. `None`: 32 s,
    /// as long as the INVITE is tried (RFC 3261 section 17.1.1.2).
    pub provisional: Option<Duration>,
}

/// An INVITE session of this endpoint; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u64);

/// A question to a binding whether it can be reached; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PingId(pub(crate) u64);

/// A request of the user's own outside any dialog; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryId(pub(crate) u64);

/// A request that the user answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

/// An outbound call.
#[derive(Debug, Clone)]
pub struct Dial {
    /// A new Call-ID of the caller's choice.
    pub call_id: String,
    /// The Request-URI.
    pub uri: String,
    /// Where it goes.
    pub destination: Destination,
    /// The user part that we call from.
    pub caller: String,
    /// The host that we call from; `None`: our address.
    pub domain: Option<String>,
    /// The display name beside it; may be empty.
    pub display: String,
    /// Our audio to offer.
    pub audio: LocalAudio,
    /// Who we are if the peer challenges us.
    pub credentials: Option<Credentials>,
    /// We say that we support reliable provisional answers (RFC 3262). Those that come anyway are acknowledged either
    /// way.
    pub reliable: bool,
    /// How long the peer may say nothing but 100: then the INVITE is taken back, and the call ends as `TimedOut`.
    /// `None`: for ever.
    pub progress: Option<Duration>,
    /// Further headers of the INVITE.
    pub headers: Headers,
}

/// Something to be done by the shell.
#[derive(Debug, Clone)]
pub enum Output {
    /// Put these bytes on the wire.
    Send {
        /// Where to.
        destination: Destination,
        /// One message.
        bytes: Vec<u8>,
    },
    /// Tell the user.
    Event(Event),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new inbound session. Answer with `admit`, `ring`, `accept` or `refuse`.
    Invited {
        /// The session.
        session: SessionId,
        /// The INVITE, checked.
        request: Box<Request>,
        /// Where it came from.
        flow: Flow,
        /// Its offer; `None` when it carried none.
        remote: Option<OfferedAudio>,
    },
    /// The callee of an outbound session rings (180, or 183 without audio).
    Ringing {
        /// The session.
        session: SessionId,
    },
    /// Before its answer the callee of an outbound session has audio for us: a ring-back tone, or an announcement. Said
    /// once.
    Early {
        /// The session.
        session: SessionId,
        /// The callee's audio.
        remote: OfferedAudio,
    },
    /// The refusal of an outbound session names a cause of Q.850 (RFC 3326). Its `Ended` follows.
    Reason {
        /// The session.
        session: SessionId,
        /// 1–127.
        cause: u8,
    },
    /// The callee of an outbound session says where else to try (300, 301, 302, 305): addresses, the preferred first.
    /// Its `Ended` follows.
    Redirected {
        /// The session.
        session: SessionId,
        /// At most five.
        targets: Vec<Uri>,
    },
    /// A session stands: our ACK was sent, or the peer's came. `remote` is in force.
    Connected {
        /// The session.
        session: SessionId,
        /// The peer's audio.
        remote: OfferedAudio,
    },
    /// A session's audio was negotiated again, by the peer's wish or ours; the answer is already sent. The same
    /// description again is said too: the peer may send its audio from another address since.
    Changed {
        /// The session.
        session: SessionId,
        /// The peer's audio from now on.
        remote: OfferedAudio,
    },
    /// The peer of a session that stands wants it to be with somebody else; it heard 202 and 100. Say how it goes by
    /// `tell_referral`, to the last word.
    Referred {
        /// The session.
        session: SessionId,
        /// With whom.
        to: Uri,
        /// The call with that one that exists already, to be taken over.
        replaces: Option<Replaces>,
    },
    /// How far the REFER is that `refer` sent in a session. The last one comes once, unless the session ends before.
    Referral {
        /// The session.
        session: SessionId,
        /// What the peer hears from where it calls, or said to the REFER itself; 408 when nothing came in time. `None`: it
        /// ended without a word how.
        status: Option<Status>,
        /// Nothing more follows.
        is_last: bool,
    },
    /// A key came by INFO: one of `0123456789*#ABCD`.
    Digit {
        /// The session.
        session: SessionId,
        /// The key.
        key: char,
    },
    /// A session is over. Exactly once for each; nothing follows.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        why: Ending,
    },
    /// What came of a `ping`. Once for each.
    Pinged {
        /// The ping.
        ping: PingId,
        /// True when the binding answered, whatever it said.
        reachable: bool,
    },
    /// What came of a `request`. Once for each.
    Answered {
        /// The request.
        query: QueryId,
        /// The final response; `None` when nothing came, or the request could not be sent.
        response: Option<Box<Response>>,
    },
    /// A REGISTER, to be answered with `respond`.
    Register {
        /// To answer with.
        id: RequestId,
        /// The request.
        request: Box<Request>,
        /// Where it came from.
        flow: Flow,
    },
}

/// A dialog that is to be taken over (RFC 3891), as the one who has it names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag of whom it is taken over from: ours.
    pub to_tag: String,
    /// The tag of the other end.
    pub from_tag: String,
    /// Only if it was not answered yet: then it is none that stands.
    pub early_only: bool,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The caller withdrew (CANCEL, or BYE before an answer).
    Cancelled,
    /// The peer hung up.
    HungUp,
    /// We ended it.
    Ours,
    /// An outbound call was answered with this.
    Refused(Status),
    /// The peer's description had no audio that we can take.
    NoCommonAudio,
    /// The peer did not answer, acknowledge or refresh in time.
    TimedOut,
    /// The message could not be sent.
    Unreachable,
}

/// A response that the user makes.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: Status,
    /// Headers beyond those that every response has.
    pub headers: Headers,
}

impl Answer {
    /// A response without further headers.
    pub fn new(status: Status) -> Answer {
        Answer { status, headers: Headers::new() }
    }

    /// Adds a header.
    pub fn with(self, name: &str, value: impl AsRef<[u8]>) -> Answer {
        Answer { headers: self.headers.with(name, value), ..self }
    }
}
