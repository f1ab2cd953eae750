//! What the center and the signalling shell say to each other about legs. No SIP text passes here.

use std::net::{IpAddr, SocketAddr};

use codec::{Codec, OpusFormat, Srtp};
use serde::{Deserialize, Serialize};

use crate::{AgentId, CallId, Cause, Digit, Diversion, Diverted, LegId, Number, Personal};

/// Which way audio flows, seen from us (RFC 3264 section 6.1 turned round).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// We send, the peer does not: it is receive-only.
    SendOnly,
    /// The peer sends, we do not: it put us on hold.
    ReceiveOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// True when we send audio to the peer.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::Both | Direction::SendOnly)
    }

    /// True when the peer sends audio to us.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::Both | Direction::ReceiveOnly)
    }
}

/// The peer's side of a leg's audio, as negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteMedia {
    /// Where the peer says it receives RTP.
    pub rtp: SocketAddr,
    /// Where the peer's signalling comes from. RTP from another address than `rtp` is judged by it.
    #[serde(default)]
    pub signalling: Option<IpAddr>,
    /// Where the peer says it receives RTCP; `None`: the port after `rtp`'s.
    pub rtcp: Option<SocketAddr>,
    /// The codec for both directions.
    pub codec: Codec,
    /// The payload type that the peer gives the codec.
    pub payload_type: u8,
    /// How long the packets shall be that the peer is sent, in ms: a multiple of 10 from 10 to 60. `None`: it did not
    /// say.
    #[serde(default)]
    pub packet_ms: Option<u8>,
    /// What the peer wants of our Opus encoder.
    pub opus: OpusFormat,
    /// The peer takes comfort noise (RFC 3389) and may send it.
    pub comfort_noise: bool,
    /// The payload type of RFC 4733 telephone events, when negotiated.
    pub telephone_event: Option<u8>,
    /// Which way audio flows now.
    pub direction: Direction,
    /// The keys, when audio is encrypted. Never written.
    #[serde(skip)]
    pub srtp: Option<Box<Srtp>>,
}

impl RemoteMedia {
    /// A peer at `rtp` with a codec under the number of our offers, and nothing else agreed.
    pub fn new(rtp: SocketAddr, codec: Codec, direction: Direction) -> RemoteMedia {
        RemoteMedia {
            rtp,
            signalling: None,
            rtcp: None,
            codec,
            payload_type: codec.payload_type(),
            packet_ms: None,
            opus: OpusFormat::default(),
            comfort_noise: false,
            telephone_event: None,
            direction,
            srtp: None,
        }
    }
}

/// Where an inbound call came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A trunk, by its name in configuration.
    Trunk(String),
    /// An agent who proved to be that agent (digest).
    Agent(AgentId),
}

/// Whom to ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All registered contacts of an agent's seat; the first to answer wins.
    Seat(AgentId),
    /// A number outside, by the first of these trunks that takes the call: the next one is tried when a trunk cannot be
    /// reached, does not answer the INVITE or answers it 408 or 5xx before the callee rings.
    Outside {
        /// As the dial plan leaves it: digits, with a `+` before an international number.
        number: Personal<Number>,
        /// Names of trunks in configuration, the preferred first.
        trunks: Vec<String>,
    },
}

/// What an INVITE says: a new inbound leg. Answered in time by `Ring`, `Answer` or `Refuse`; what is reported of it
/// then are [`LegReport`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The address that it came from.
    pub source: IpAddr,
    /// Our address for its audio: of those that we have the one that it came to, or one that its audio can reach.
    pub local: IpAddr,
    /// Where it came from.
    pub origin: Origin,
    /// The dialled number: the user part of the Request-URI.
    pub dialled: Number,
    /// Where the call was before, as far as the trunk is believed.
    pub diverted: Diverted,
    /// The calling number; `None` when withheld or not made of harmless characters.
    pub caller: Option<Personal<Number>>,
    /// The name that the caller shows, for display only: hostile text, at most 64 characters,
    /// without control characters.
    pub caller_name: Option<Personal<String>>,
    /// The peer's audio; `None` when the INVITE carried no offer (it comes with `Connected`).
    pub remote: Option<RemoteMedia>,
    /// The Call-ID of its INVITE: hostile text, at most 128 characters, without control characters.
    pub sip_call_id: Box<str>,
}

/// What the signalling shell reports of a leg that exists.
///
/// A leg's reports end with exactly one of `Refused`, `Ended` — for an inbound leg also after an
/// order `Refuse`, so that the center can always forget a leg when it reads one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegReport {
    /// Of an outbound leg: the peer rings.
    Ringing,
    /// Of an outbound leg to a number outside: the network sends audio before the answer (183 with a description), a ring
    /// tone or an announcement. Ends with `Connected` or `Refused`; may come again with other audio.
    Early {
        /// The peer's audio.
        remote: RemoteMedia,
    },
    /// The peer wants its call to be with somebody else (REFER, RFC 3515); the shell has answered it 202. Each is
    /// followed by one or more [`LegOrder::Referral`], the last of which says how it ended.
    Referred(Referral),
    /// An outbound leg was answered (200 OK seen and acknowledged), or an inbound leg's answer was
    /// acknowledged. `remote` is what is now in force.
    Connected {
        /// The peer's audio.
        remote: RemoteMedia,
    },
    /// The peer changed the session (re-INVITE or UPDATE); the shell has already answered it.
    Changed {
        /// The peer's audio from now on.
        remote: RemoteMedia,
    },
    /// A key came by SIP INFO.
    Digit(Digit),
    /// Of an outbound leg: it was not answered.
    Refused(Refusal),
    /// The leg is over; nothing follows.
    Ended {
        /// Why.
        cause: Cause,
    },
}

impl LegReport {
    /// What it is called, without what it carries: for the log, where keys may not stand.
    pub const fn name(&self) -> &'static str {
        match self {
            LegReport::Ringing => "ringing",
            LegReport::Early { .. } => "early",
            LegReport::Referred(_) => "referred",
            LegReport::Connected { .. } => "connected",
            LegReport::Changed { .. } => "changed",
            LegReport::Digit(_) => "digit",
            LegReport::Refused(_) => "refused",
            LegReport::Ended { .. } => "ended",
        }
    }
}

/// What a REFER asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// The user part of Refer-To: a number, an agent, a feature code. Not made of harmless characters, the REFER is
    /// refused by the shell.
    pub to: Personal<Number>,
    /// The leg of ours that `Replaces` names (RFC 3891), of the same agent: the transfer is attended. A `Replaces` that
    /// names no such leg is refused by the shell.
    pub replaces: Option<LegId>,
}

/// How far a referral has come: what the peer's phone shows (RFC 3515 section 2.4.5, `message/sipfrag`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralState {
    /// It is being tried (100).
    Trying,
    /// The target rings (180).
    Ringing,
    /// The target has the call (200). The last word.
    Done,
    /// It will not come to be, for this reason. The last word.
    Failed(Refusal),
}

/// Why an outbound leg was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 486, 600: the device is in another call.
    Busy,
    /// 603, 403, 433 and similar: the person said no.
    Declined,
    /// 408, 480: nobody picked up.
    NoAnswer,
    /// No registered contact, 404, 410, 503, a transport error: the device is not there.
    Unreachable,
    /// 415, 488, 606: no common codec.
    NoCommonCodec,
    /// We withdrew it ourselves (487).
    Cancelled,
    /// Any other failure.
    Failed,
}

/// What the center orders the signalling shell to do with a leg. Orders for a leg that is gone do nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOrder {
    /// Inbound: say that it rings (180).
    Ring,
    /// Inbound: send audio before the answer (183) from `rtp`, where the peer offered some and wants no provisional answer
    /// to be reliable; else as `Ring`. `Answer` has the same audio then.
    Progress {
        /// Our RTP address.
        rtp: SocketAddr,
        /// The codec to answer with when the peer offered several.
        codec: Codec,
    },
    /// Inbound: accept (200 OK) with our audio at `rtp`, RTCP on the next port. Reported as `Connected`
    /// when the peer acknowledges.
    Answer {
        /// Our RTP address.
        rtp: SocketAddr,
        /// The codec to answer with when the peer offered several or none.
        codec: Codec,
    },
    /// Inbound: refuse before it was answered.
    Refuse(Cause),
    /// Make an outbound leg.
    Dial {
        /// The call it belongs to.
        call: CallId,
        /// Whom to ring.
        target: Target,
        /// Our RTP address.
        rtp: SocketAddr,
        /// Codecs to offer, best first.
        codecs: Vec<Codec>,
        /// The calling number to show.
        caller: Option<Personal<Number>>,
        /// A text to show beside it (queue and waiting time), without control characters.
        display: String,
        /// Who of the house sent the call on, for the phone of a seat (`Diversion`, RFC 5806). A number outside is shown nobody
        /// of the house.
        diverted: Option<Diversion>,
    },
    /// Say how far the referral has come that the peer asked for last. Nothing where it asked for none, or wants no word
    /// of it (RFC 4488).
    Referral(ReferralState),
    /// Show the peer of an answered leg to whom it is connected now: by UPDATE, or a re-INVITE where the peer does not
    /// know UPDATE, with `P-Asserted-Identity` (RFC 3325).
    Show {
        /// The number; `None` when it is withheld or not known.
        number: Option<Personal<Number>>,
        /// A text beside it, without control characters.
        display: String,
    },
    /// Ask the peer of an answered leg whether it still lives: by OPTIONS, or by refreshing its session where a session
    /// timer is on. Nothing is reported when it does; `Ended` with `SignallingTimeout` when it says that there is no
    /// such call, or nothing within 16 s. Does nothing while an earlier question is open.
    Probe,
    /// Hang up an answered leg (BYE), or withdraw an outbound one that still rings (CANCEL), whatever
    /// its state is when the order arrives. A 200 OK that crosses the CANCEL is acknowledged and ended.
    HangUp(Cause),
}

#[cfg(test)]
mod tests {
    use codec::{SrtpKey, SrtpSuite};

    use super::*;

    #[test]
    fn keys_are_neither_printed_nor_written() {
        let key = SrtpKey::new(b"secret");
        let srtp = Srtp { suite: SrtpSuite::AeadAes128Gcm, ours: key.clone(), theirs: key };
        let rtp = "192.0.2.1:4000".parse().unwrap();
        let plain = RemoteMedia::new(rtp, Codec::Pcma, Direction::Both);
        let remote = RemoteMedia { srtp: Some(Box::new(srtp)), ..plain.clone() };
        let report = LegReport::Connected { remote };
        // 115, 101: the key's first bytes.
        let debug = format!("{report:?}");
        assert!(!debug.contains("115") && !debug.contains("secret"), "{debug}");
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains("srtp") && !json.contains("115"), "{json}");
        let LegReport::Connected { remote: read } = serde_json::from_str(&json).unwrap() else {
            panic!("{json}")
        };
        assert_eq!(read, plain);
    }
}
