//! Offer and answer for one audio stream: one codec, telephone events, comfort noise, the length of packets.

use std::net::{IpAddr, SocketAddr};

use super::crypto::Crypto;
use super::direction::Direction;
use super::format::Format;
use super::security::{Encryption, Security, keys_in};
use super::{Codec, Srtp};
use super::{Line, Media, Sdp, attribute};

/// The payload type that our offers give telephone events.
const TELEPHONE_EVENT: u8 = 101;

/// The length of packets that we ask for, in ms.
const OURS_MS: u8 = 20;

/// The static payload type of comfort noise at 8 kHz (RFC 3389 section 4).
const COMFORT_NOISE: u8 = 13;

/// Our side of a session's audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAudio {
    /// Where we receive RTP; RTCP on the next port.
    pub rtp: SocketAddr,
    /// What we speak, best first.
    pub codecs: Vec<Codec>,
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
    pub codecs: Vec<Codec>,
    /// The payload type of telephone events (RFC 4733): at 8 kHz, or at 48 kHz when there is no other.
    pub telephone_event: Option<u8>,
    /// The peer takes comfort noise (RFC 3389) and may send it.
    pub comfort_noise: bool,
    /// How long the packets shall be that the peer receives, in ms: a multiple of 10 from 10 to 60, if it said so.
    pub packet_ms: Option<u8>,
    /// Which way audio flows, seen from the peer.
    pub direction: Direction,
    formats: Vec<Format>,
    /// The peer's keys for SRTP, of which we may take one, in the peer's order; once answered, the one in
    /// force.
    pub crypto: Vec<Crypto>,
    /// The keys in force; `None` without encryption, and as long as nothing is answered.
    pub keys: Option<Box<Srtp>>,
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
    pub fn find(sdp: &Sdp, ours: &[Codec], encryption: Encryption) -> Result<OfferedAudio, NoCommonAudio> {
        let streams = || sdp.media.iter().enumerate();
        let read = |(index, media)| OfferedAudio::read(sdp, index, media, ours, encryption);
        let encrypted = streams().filter_map(read).find(|stream| !stream.crypto.is_empty());
        encrypted.or_else(|| streams().find_map(read)).ok_or(NoCommonAudio)
    }

    /// The payload type that the peer gives a codec; the one of our offers when it names none.
    pub fn payload_type(&self, codec: Codec) -> u8 {
        self.format(codec).map_or_else(|| codec.payload_type(), |format| format.payload_type)
    }

    /// What the peer's `a=fmtp` says of a codec.
    pub fn parameters(&self, codec: Codec) -> Option<&str> {
        self.format(codec)?.parameters.as_deref()
    }

    fn format(&self, codec: Codec) -> Option<&Format> {
        self.formats.iter().find(|format| format.codec == codec)
    }

    fn read(
        sdp: &Sdp,
        index: usize,
        media: &Media,
        ours: &[Codec],
        encryption: Encryption,
    ) -> Option<OfferedAudio> {
        // Feedback (RFC 4585, 5124) is for who wants to send it: without it both profiles are as those without F.
        let is = |names: [&str; 2]| names.iter().any(|name| media.protocol.eq_ignore_ascii_case(name));
        let savp = is(["RTP/SAVP", "RTP/SAVPF"]);
        if media.kind != "audio" || media.port == 0 || !(savp || is(["RTP/AVP", "RTP/AVPF"])) {
            return None;
        }
        let crypto = keys_in(media, encryption);
        if crypto.is_empty() && (savp || encryption == Encryption::Required) {
            return None;
        }
        let address = sdp.connection(media)?;
        let read = media.formats.iter().filter_map(|format| Format::read(media, format));
        let formats: Vec<Format> = read.filter(|format| ours.contains(&format.codec)).collect();
        if formats.is_empty() {
            return None;
        }
        let mut codecs: Vec<Codec> = Vec::new();
        for format in &formats {
            if !codecs.contains(&format.codec) {
                codecs.push(format.codec);
            }
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
            comfort_noise: media.formats.contains(&COMFORT_NOISE.to_string()),
            packet_ms: packet_ms(media),
            direction,
            crypto,
            keys: None,
            savp,
            formats,
            index,
        })
    }
}

fn telephone_event(media: &Media) -> Option<u8> {
    let at_clock = |clock: &str| {
        attribute(&media.lines, "rtpmap").find_map(|value| {
            let (payload_type, encoding) = value.trim().split_once(' ')?;
            let (name, rest) = encoding.trim().split_once('/')?;
            let clocked = rest.split('/').next() == Some(clock);
            let is_event = clocked && name.eq_ignore_ascii_case("telephone-event");
            (is_event && media.formats.iter().any(|format| format == payload_type)).then_some(payload_type)
        })
    };
    let found = at_clock("8000").or_else(|| at_clock("48000"))?;
    found.parse().ok().filter(|payload_type| *payload_type < 128)
}

/// `a=ptime` (RFC 8866 section 6.4), which some write with a fraction, within `a=maxptime`.
fn packet_ms(media: &Media) -> Option<u8> {
    let said = |name| attribute(&media.lines, name).next()?.trim().parse::<f32>().ok().filter(|ms| *ms > 0.0);
    let (wanted, most): (Option<f32>, Option<f32>) = (said("ptime"), said("maxptime"));
    let wanted = wanted.or(most.map(|_| f32::from(OURS_MS)))?.min(most.unwrap_or(f32::MAX));
    // `as` saturates.
    Some((wanted as u8 / 10 * 10).clamp(10, 60))
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
    let formats: Vec<Format> = local.codecs.iter().copied().map(Format::ours).collect();
    let mut media = audio(local, &formats);
    add_event(&mut media, TELEPHONE_EVENT, "8000");
    end(&mut media, local.direction, OURS_MS);
    Sdp { lines: session_lines(local), media: vec![media] }
}

/// The answer to `theirs`, in which `stream` was found: that stream with `codec`, all others refused.
pub fn answer(theirs: &Sdp, stream: &OfferedAudio, local: &LocalAudio, codec: Codec) -> Sdp {
    let direction = stream.direction.answered(local.direction);
    let media = theirs.media.iter().enumerate().map(|(index, media)| {
        if index == stream.index {
            // A payload type means the same both ways when the answer repeats the offer's (RFC 3264 section 6.1).
            let format = Format { payload_type: stream.payload_type(codec), ..Format::ours(codec) };
            // An answer repeats the offer's profile (RFC 3264 section 6).
            let mut ours = Media { protocol: media.protocol.clone(), ..audio(local, &[format]) };
            if let Some(event) = stream.telephone_event {
                add_event(&mut ours, event, event_clock(media, event));
            }
            if stream.comfort_noise {
                ours.formats.push(COMFORT_NOISE.to_string());
            }
            end(&mut ours, direction, stream.packet_ms.unwrap_or(OURS_MS));
            ours
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

/// Our audio section with these formats, without what [`end`] adds.
fn audio(local: &LocalAudio, formats: &[Format]) -> Media {
    let lines = formats.iter().flat_map(Format::lines).map(|value| Line::new('a', value));
    let lines = lines.chain(local.security.attributes()).collect();
    let formats = formats.iter().map(|format| format.payload_type.to_string()).collect();
    let protocol = local.security.protocol().to_owned();
    Media { kind: "audio".to_owned(), port: local.rtp.port(), protocol, formats, lines }
}

fn add_event(media: &mut Media, event: u8, clock: &str) {
    media.formats.push(event.to_string());
    media.lines.push(Line::new('a', format!("rtpmap:{event} telephone-event/{clock}")));
    media.lines.push(Line::new('a', format!("fmtp:{event} 0-15")));
}

/// The clock that an offer gives its telephone events.
fn event_clock(media: &Media, event: u8) -> &'static str {
    let prefix = format!("{event} ");
    let wide = |value: &str| value.trim().starts_with(&prefix) && value.contains("/48000");
    if attribute(&media.lines, "rtpmap").any(wide) { "48000" } else { "8000" }
}

/// `packet_ms`: an answer asks for the length that the offer asked for, so that packets are as long both ways.
fn end(media: &mut Media, direction: Direction, packet_ms: u8) {
    media.lines.push(Line::new('a', format!("ptime:{packet_ms}")));
    media.lines.push(Line::new('a', direction.attribute()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

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
    fn a_dynamic_payload_type_is_the_offerers_and_its_parameters_are_kept() {
        let theirs = sdp(
            "IN IP4 192.0.2.1",
            "m=audio 5004 RTP/AVP 107 9 13 100 111\na=rtpmap:107 opus/48000/2\na=fmtp:107 useinbandfec=1\n\
             a=rtpmap:100 telephone-event/48000\na=rtpmap:111 L16/16000\n",
        );
        let stream = OfferedAudio::find(&theirs, &Codec::ALL, Encryption::Off).unwrap();
        assert_eq!(stream.codecs, [Codec::Opus, Codec::G722, Codec::L16Wide]);
        assert_eq!((stream.payload_type(Codec::Opus), stream.payload_type(Codec::G722)), (107, 9));
        assert_eq!(stream.parameters(Codec::Opus), Some("useinbandfec=1"));
        assert_eq!((stream.telephone_event, stream.comfort_noise), (Some(100), true));
        let text = answer(&theirs, &stream, &local(), Codec::Opus).to_string();
        for line in [
            "m=audio 20000 RTP/AVP 107 100 13\r\n",
            "a=rtpmap:107 opus/48000/2\r\n",
            "a=rtpmap:100 telephone-event/48000\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.contains("a=fmtp:107 ") && !text.contains("RTP/AVP 9"), "{text}");
    }

    #[test]
    fn a_static_number_with_another_name_is_that_other() {
        let theirs = sdp(
            "IN IP4 192.0.2.1",
            "m=audio 5004 RTP/AVP 9 96\na=rtpmap:9 X/8000\na=rtpmap:96 pcma/8000/1\n",
        );
        let stream = OfferedAudio::find(&theirs, &Codec::ALL, Encryption::Off).unwrap();
        assert_eq!((stream.codecs.as_slice(), stream.payload_type(Codec::Pcma)), (&[Codec::Pcma][..], 96));
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
            answer(&theirs, &stream, &local(), Codec::Pcma).media.iter().map(|m| m.port).collect();
        assert_eq!(ports, [0, 0, 20000, 0]);
    }

    #[test]
    fn packets_are_as_long_as_the_peer_asks_and_the_answer_says_so() {
        for (lines, read, answered) in [
            ("", None, "20"),
            ("a=ptime:20\n", Some(20), "20"),
            ("a=ptime:10\n", Some(10), "10"),
            ("a=ptime: 30.0 \n", Some(30), "30"),
            ("a=ptime:40\na=maxptime:30\n", Some(30), "30"),
            ("a=maxptime:10\n", Some(10), "10"),
            ("a=maxptime:240\n", Some(20), "20"),
            ("a=ptime:5\n", Some(10), "10"),
            ("a=ptime:1e30\n", Some(60), "60"),
            ("a=ptime:-20\n", None, "20"),
            ("a=ptime:NaN\n", None, "20"),
            ("a=ptime:long\n", None, "20"),
        ] {
            let theirs = sdp("IN IP4 192.0.2.1", &format!("m=audio 5004 RTP/AVP 0\n{lines}"));
            let stream = OfferedAudio::find(&theirs, &OURS, Encryption::Off).unwrap();
            assert_eq!(stream.packet_ms, read, "{lines}");
            let text = answer(&theirs, &stream, &local(), Codec::Pcmu).to_string();
            assert!(text.contains(&format!("a=ptime:{answered}\r\n")), "{lines}: {text}");
        }
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
            let text = answer(&theirs, &stream, &local(), Codec::Pcmu).to_string();
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
