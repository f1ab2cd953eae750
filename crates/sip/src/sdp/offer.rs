//! Offer and answer for one audio stream: G.711 both laws, telephone events, 20 ms packets.

use std::net::{IpAddr, SocketAddr};

use super::crypto::Crypto;
use super::security::{Encryption, Keys, Security};
use super::{Line, Media, Sdp, attribute};

/// The payload type that our offers give telephone events.
const TELEPHONE_EVENT: u8 = 101;

/// The most crypto attributes of a stream that are kept.
const MAX_CRYPTO: usize = 16;

/// A codec with its static payload type (RFC 3551 table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioCodec {
    /// G.711 μ-law, payload type 0.
    Pcmu,
    /// G.711 A-law, payload type 8.
    Pcma,
}

impl AudioCodec {
    const ALL: [AudioCodec; 2] = [AudioCodec::Pcmu, AudioCodec::Pcma];

    const fn payload_type(self) -> u8 {
        match self {
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            AudioCodec::Pcmu => "PCMU",
            AudioCodec::Pcma => "PCMA",
        }
    }
}

/// Which way audio flows, seen from whoever says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendReceive,
    /// The speaker sends only.
    SendOnly,
    /// The speaker receives only.
    ReceiveOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Of these two abilities.
    pub const fn of(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendReceive,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::ReceiveOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The speaker sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::SendOnly)
    }

    /// The speaker receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::ReceiveOnly)
    }

    /// What the other side answers at most (RFC 3264 section 6.1), limited to what it wants itself.
    pub const fn answered(self, wanted: Direction) -> Direction {
        Direction::of(self.receives() && wanted.sends(), self.sends() && wanted.receives())
    }

    const fn attribute(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    fn find(lines: &[Line]) -> Option<Direction> {
        let all = [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];
        all.into_iter().find(|direction| attribute(lines, direction.attribute()).next().is_some())
    }
}

/// Our side of a session's audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAudio {
    /// Where we receive RTP; RTCP on the next port.
    pub rtp: SocketAddr,
    /// What we speak, best first.
    pub codecs: Vec<AudioCodec>,
    /// Which way audio shall flow, seen from us.
    pub direction: Direction,
    /// Whether it is encrypted, and our keys.
    pub security: Security,
    /// The `o=` session id.
    pub session_id: u64,
    /// The `o=` version of the next description.
    pub version: u64,
}

/// The peer's side, as its description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedAudio {
    /// Where the peer receives RTP; 0.0.0.0 in an old-style hold.
    pub rtp: SocketAddr,
    /// Where the peer receives RTCP when it said so (RFC 3605).
    pub rtcp: Option<SocketAddr>,
    /// The codecs that we both may speak, in the peer's order; never empty.
    pub codecs: Vec<AudioCodec>,
    /// The payload type of telephone events (RFC 4733) at 8 kHz.
    pub telephone_event: Option<u8>,
    /// Which way audio flows, seen from the peer.
    pub direction: Direction,
    /// The peer's keys for SRTP, of which we may take one, in the peer's order; once answered, the one in
    /// force.
    pub crypto: Vec<Crypto>,
    /// The keys in force; `None` without encryption, and as long as nothing is answered.
    pub keys: Option<Keys>,
    /// RTP/SAVP instead of RTP/AVP.
    pub(super) savp: bool,
    index: usize,
}

/// A description without an audio stream that we can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no audio stream with a common codec")]
pub struct NoCommonAudio;

impl OfferedAudio {
    /// The first audio stream that we can take among those that a peer describes, seen with `ours` as the
    /// codecs that we speak; an encrypted one before a plain one.
    ///
    /// # Errors
    /// When there is none: no `RTP/AVP` or `RTP/SAVP` audio with a port, an address in numbers, a common
    /// codec, and keys or none as `encryption` allows.
    pub fn find(
        sdp: &Sdp,
        ours: &[AudioCodec],
        encryption: Encryption,
    ) -> Result<OfferedAudio, NoCommonAudio> {
        let streams = || sdp.media.iter().enumerate();
        let read = |(index, media)| OfferedAudio::read(sdp, index, media, ours, encryption);
        let encrypted = streams().filter_map(read).find(|stream| !stream.crypto.is_empty());
        encrypted.or_else(|| streams().find_map(read)).ok_or(NoCommonAudio)
    }

    fn read(
        sdp: &Sdp,
        index: usize,
        media: &Media,
        ours: &[AudioCodec],
        encryption: Encryption,
    ) -> Option<OfferedAudio> {
        let savp = media.protocol.eq_ignore_ascii_case("RTP/SAVP");
        if media.kind != "audio"
            || media.port == 0
            || !(savp || media.protocol.eq_ignore_ascii_case("RTP/AVP"))
        {
            return None;
        }
        let crypto = crypto(media, encryption);
        if crypto.is_empty() && (savp || encryption == Encryption::Required) {
            return None;
        }
        let address = sdp.connection(media)?;
        let codecs: Vec<AudioCodec> = media.formats.iter().filter_map(|format| codec(format, ours)).collect();
        if codecs.is_empty() {
            return None;
        }
        let stated =
            Direction::find(&media.lines).or_else(|| Direction::find(&sdp.lines)).unwrap_or_default();
        // The hold of RFC 2543: an address that nothing can be sent to.
        let direction = Direction::of(stated.sends(), stated.receives() && !address.is_unspecified());
        Some(OfferedAudio {
            rtp: SocketAddr::new(address, media.port),
            rtcp: rtcp(media, address),
            codecs,
            telephone_event: telephone_event(media),
            direction,
            crypto,
            keys: None,
            savp,
            index,
        })
    }
}

/// The keys that we take, each tag once.
fn crypto(media: &Media, encryption: Encryption) -> Vec<Crypto> {
    let mut lines: Vec<Crypto> = Vec::new();
    if encryption != Encryption::Off {
        for line in attribute(&media.lines, "crypto").filter_map(Crypto::parse).take(MAX_CRYPTO) {
            if lines.iter().all(|before| before.tag != line.tag) {
                lines.push(line);
            }
        }
    }
    lines
}

fn codec(format: &str, ours: &[AudioCodec]) -> Option<AudioCodec> {
    let payload_type: u8 = format.parse().ok()?;
    ours.iter().copied().find(|codec| codec.payload_type() == payload_type)
}

fn telephone_event(media: &Media) -> Option<u8> {
    let found = attribute(&media.lines, "rtpmap").find_map(|value| {
        let (payload_type, encoding) = value.trim().split_once(' ')?;
        let is_event = encoding.trim().to_ascii_lowercase().starts_with("telephone-event/8000");
        (is_event && media.formats.iter().any(|format| format == payload_type)).then_some(payload_type)
    })?;
    found.parse().ok().filter(|payload_type| *payload_type < 128)
}

fn rtcp(media: &Media, address: IpAddr) -> Option<SocketAddr> {
    let value = attribute(&media.lines, "rtcp").next()?;
    let mut words = value.split_ascii_whitespace();
    let port = words.next()?.parse().ok()?;
    let address = words.nth(2).and_then(|address| address.parse().ok()).unwrap_or(address);
    Some(SocketAddr::new(address, port))
}

/// A full offer of our audio.
pub fn offer(local: &LocalAudio) -> Sdp {
    let media = audio(local, &local.codecs, Some(TELEPHONE_EVENT), local.direction);
    Sdp { lines: session_lines(local), media: vec![media] }
}

/// The answer to `theirs`, in which `stream` was found: that stream with `codec`, all others refused.
pub fn answer(theirs: &Sdp, stream: &OfferedAudio, local: &LocalAudio, codec: AudioCodec) -> Sdp {
    let direction = stream.direction.answered(local.direction);
    let media = theirs.media.iter().enumerate().map(|(index, media)| {
        if index == stream.index {
            audio(local, &[codec], stream.telephone_event, direction)
        } else {
            Media { port: 0, lines: Vec::new(), ..media.clone() }
        }
    });
    Sdp { lines: session_lines(local), media: media.collect() }
}

fn session_lines(local: &LocalAudio) -> Vec<Line> {
    let ip = local.rtp.ip();
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    vec![
        Line::new('v', "0"),
        Line::new('o', format!("- {} {} IN {family} {ip}", local.session_id, local.version)),
        Line::new('s', "-"),
        Line::new('c', format!("IN {family} {ip}")),
        Line::new('t', "0 0"),
    ]
}

fn audio(local: &LocalAudio, codecs: &[AudioCodec], event: Option<u8>, direction: Direction) -> Media {
    let mut formats = Vec::new();
    let mut lines = Vec::new();
    for codec in AudioCodec::ALL.into_iter().filter(|codec| codecs.contains(codec)) {
        lines.push(Line::new('a', format!("rtpmap:{} {}/8000", codec.payload_type(), codec.name())));
    }
    formats.extend(codecs.iter().map(|codec| codec.payload_type().to_string()));
    if let Some(event) = event {
        formats.push(event.to_string());
        lines.push(Line::new('a', format!("rtpmap:{event} telephone-event/8000")));
        lines.push(Line::new('a', format!("fmtp:{event} 0-15")));
    }
    lines.push(Line::new('a', "ptime:20"));
    lines.push(Line::new('a', direction.attribute()));
    lines.extend(local.security.attributes());
    let protocol = local.security.protocol().to_owned();
    Media { kind: "audio".to_owned(), port: local.rtp.port(), protocol, formats, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [AudioCodec; 2] = [AudioCodec::Pcmu, AudioCodec::Pcma];

    fn local() -> LocalAudio {
        LocalAudio {
            rtp: "127.0.0.1:20000".parse().unwrap(),
            codecs: OURS.to_vec(),
            direction: Direction::SendReceive,
            security: Security::default(),
            session_id: 7,
            version: 1,
        }
    }

    fn sdp(connection: &str, rest: &str) -> Sdp {
        Sdp::parse(format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc={connection}\nt=0 0\n{rest}").as_bytes())
            .unwrap()
    }

    #[test]
    fn our_offer_is_one_that_we_would_take() {
        let ours = offer(&local());
        let found =
            OfferedAudio::find(&Sdp::parse(ours.to_string().as_bytes()).unwrap(), &OURS, Encryption::Off)
                .unwrap();
        assert_eq!(found.codecs, OURS);
        assert_eq!(found.telephone_event, Some(101));
        assert_eq!(found.rtp, local().rtp);
    }

    #[test]
    fn other_streams_are_refused_in_their_place() {
        let theirs = sdp(
            "IN IP4 192.0.2.1",
            "m=video 5000 RTP/AVP 31\nm=audio 5002 RTP/SAVP 0\nm=audio 5004 RTP/AVP 18 8 96\n\
             a=rtpmap:96 telephone-event/8000\na=rtcp:6001 IN IP4 192.0.2.9\nm=audio 5006 RTP/AVP 0\n",
        );
        let stream = OfferedAudio::find(&theirs, &OURS, Encryption::Off).unwrap();
        assert_eq!((stream.rtp.port(), stream.telephone_event), (5004, Some(96)));
        assert_eq!(stream.rtcp, "192.0.2.9:6001".parse().ok());
        let ports: Vec<u16> =
            answer(&theirs, &stream, &local(), AudioCodec::Pcma).media.iter().map(|m| m.port).collect();
        assert_eq!(ports, [0, 0, 20000, 0]);
    }

    #[test]
    fn each_hold_is_answered_with_its_complement() {
        for (connection, attribute, expected) in [
            ("IN IP4 192.0.2.1", "a=sendrecv", Direction::SendReceive),
            ("IN IP4 192.0.2.1", "a=sendonly", Direction::ReceiveOnly),
            ("IN IP4 192.0.2.1", "a=recvonly", Direction::SendOnly),
            ("IN IP4 192.0.2.1", "a=inactive", Direction::Inactive),
            ("IN IP4 0.0.0.0", "a=sendrecv", Direction::ReceiveOnly),
            ("IN IP4 0.0.0.0", "a=inactive", Direction::Inactive),
        ] {
            let theirs = sdp(connection, &format!("m=audio 5004 RTP/AVP 0\n{attribute}\n"));
            let stream = OfferedAudio::find(&theirs, &OURS, Encryption::Off).unwrap();
            let text = answer(&theirs, &stream, &local(), AudioCodec::Pcmu).to_string();
            assert!(text.contains(&format!("a={}\r\n", expected.attribute())), "{connection} {attribute}");
        }
    }

    #[test]
    fn without_common_codec_or_address_there_is_no_stream() {
        for (connection, media) in [
            ("IN IP4 192.0.2.1", "m=audio 5004 RTP/AVP 18\n"),
            ("IN IP4 192.0.2.1", "m=audio 0 RTP/AVP 0\n"),
            ("IN IP4 192.0.2.1", "m=video 5004 RTP/AVP 0\n"),
            ("IN IP4 phone.example.com", "m=audio 5004 RTP/AVP 0\n"),
            ("IN IP4 224.2.1.1/127", "m=audio 5004 RTP/AVP 0\n"),
        ] {
            assert_eq!(
                OfferedAudio::find(&sdp(connection, media), &OURS, Encryption::Off),
                Err(NoCommonAudio),
                "{media}"
            );
        }
    }
}
