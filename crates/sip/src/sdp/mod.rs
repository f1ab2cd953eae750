//! Session descriptions (RFC 8866) and the offer/answer of one audio stream (RFC 3264).

mod crypto;
mod direction;
mod format;
mod offer;
mod security;
#[cfg(test)]
mod security_tests;

use std::fmt;
use std::net::IpAddr;

pub use ::codec::{Codec, Srtp, SrtpKey, SrtpSuite, UnknownCodec};
pub use crypto::Crypto;
pub use direction::Direction;
pub use offer::{LocalAudio, NoCommonAudio, OfferedAudio, answer, offer};
pub use security::{Encryption, Security};

/// The most media sections that are read.
const MAX_MEDIA: usize = 32;
/// The most lines that are read.
const MAX_LINES: usize = 1_024;

/// A session description: every line kept in order, the few that matter understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdp {
    /// The lines before the first `m=`, `v=0` among them.
    pub lines: Vec<Line>,
    /// The media sections.
    pub media: Vec<Media>,
}

/// One line. Its Debug leaves keys out.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The letter before `=`.
    pub kind: char,
    /// What follows `=`.
    pub value: String,
}

/// One `m=` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video` …
    pub kind: String,
    /// The port; 0 for a stream that is refused or not used.
    pub port: u16,
    /// `RTP/AVP` …
    pub protocol: String,
    /// Payload types or other formats, as written.
    pub formats: Vec<String>,
    /// The lines after `m=`.
    pub lines: Vec<Line>,
}

/// A text that is not a session description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a session description: {0}")]
pub struct SdpError(&'static str);

impl Sdp {
    /// Reads a description. Line ends may be CRLF or LF; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// When it does not begin with `v=0`, has no `o=`, has a line that is not `letter=value` before the first
    /// `m=` or a broken `m=` line, or has more than 32 media sections or 1,024 lines. What is no line after the
    /// first `m=` is passed over: some peers end their description with a NUL or words of their own.
    pub fn parse(bytes: &[u8]) -> Result<Sdp, SdpError> {
        let text = String::from_utf8_lossy(bytes);
        let mut sdp = Sdp { lines: Vec::new(), media: Vec::new() };
        for (number, text) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
            if number >= MAX_LINES {
                return Err(SdpError("too many lines"));
            }
            let Some(line) = Line::parse(text) else {
                if sdp.media.is_empty() {
                    return Err(SdpError("a line that is not letter=value"));
                }
                continue;
            };
            if line.kind == 'm' {
                sdp.media.push(Media::parse(&line.value).ok_or(SdpError("a broken m= line"))?);
            } else {
                sdp.media.last_mut().map_or(&mut sdp.lines, |media| &mut media.lines).push(line);
            }
        }
        if sdp.media.len() > MAX_MEDIA {
            return Err(SdpError("too many media sections"));
        }
        if sdp.lines.first() != Some(&Line { kind: 'v', value: "0".to_owned() }) {
            return Err(SdpError("no v=0 at the beginning"));
        }
        if !sdp.lines.iter().any(|line| line.kind == 'o') {
            return Err(SdpError("no o= line"));
        }
        Ok(sdp)
    }

    /// Puts `address` in place of the host names in `c=` lines. Names are not looked up: where the peer's packets
    /// come from is found by its media, and until then they are awaited from where its signalling comes from.
    pub fn place_names(&mut self, address: IpAddr) {
        let lines = self.media.iter_mut().flat_map(|media| media.lines.iter_mut());
        for line in self.lines.iter_mut().chain(lines).filter(|line| line.kind == 'c') {
            let name = line.value.split_ascii_whitespace().nth(2);
            if name.is_some_and(is_host_name) {
                let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
                line.value = format!("IN {kind} {address}");
            }
        }
    }

    /// The address where a media section is received: its own `c=`, else the session's.
    pub fn connection(&self, media: &Media) -> Option<IpAddr> {
        let find = |lines: &[Line]| lines.iter().find(|line| line.kind == 'c').map(|line| line.value.clone());
        let value = find(&media.lines).or_else(|| find(&self.lines))?;
        let mut words = value.split_ascii_whitespace().skip(2);
        // "address/ttl" is multicast, which we do not join.
        words.next()?.parse().ok()
    }
}

/// A name as DNS has them, and no address that was mistyped.
fn is_host_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.parse::<IpAddr>().is_err()
        && text.chars().all(plain)
        && text.chars().any(|c| c.is_ascii_alphabetic())
}

/// The value of attribute `name` among `lines`: `Some("")` for one without value.
fn attribute<'a>(lines: &'a [Line], name: &'a str) -> impl Iterator<Item = &'a str> {
    lines.iter().filter(|line| line.kind == 'a').filter_map(move |line| {
        let (attribute, value) = line.value.split_once(':').unwrap_or((&line.value, ""));
        attribute.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_key = self.kind == 'a' && attribute(std::slice::from_ref(self), "crypto").next().is_some()
            || self.kind == 'k';
        write!(f, "{}={}", self.kind, if has_key { "(a key)" } else { &self.value })
    }
}

impl Line {
    fn new(kind: char, value: impl Into<String>) -> Line {
        Line { kind, value: value.into() }
    }

    fn parse(text: &str) -> Option<Line> {
        let (kind, value) = text.split_once('=')?;
        let mut letters = kind.trim().chars();
        let kind = letters.next().filter(char::is_ascii_lowercase)?;
        letters.next().is_none().then(|| Line::new(kind, value.trim_end()))
    }
}

impl Media {
    fn parse(value: &str) -> Option<Media> {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next()?.to_owned();
        // "port/count" asks for several pairs; we would use the first.
        let port = words.next()?.split('/').next()?.parse().ok()?;
        let protocol = words.next()?.to_owned();
        let formats = words.map(str::to_owned).collect();
        Some(Media { kind, port, protocol, formats, lines: Vec::new() })
    }
}

impl fmt::Display for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = |f: &mut fmt::Formatter<'_>, lines: &[Line]| {
            lines.iter().try_for_each(|line| write!(f, "{}={}\r\n", line.kind, line.value))
        };
        print(f, &self.lines)?;
        for media in &self.media {
            write!(f, "m={} {} {}", media.kind, media.port, media.protocol)?;
            media.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
            f.write_str("\r\n")?;
            print(f, &media.lines)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_read() {
        let text = "v=0\r\no=- 1 2 IN IP6 2001:db8::1\r\ns= \r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
                    c=IN IP4 192.0.2.7\r\na=rtpmap:101 telephone-event/8000\r\nm=video 0 RTP/AVP 31\r\n";
        let sdp = Sdp::parse(text.as_bytes()).unwrap();
        assert_eq!(sdp.to_string(), text.replace("s= ", "s="));
        assert_eq!(sdp.connection(&sdp.media[0]), "192.0.2.7".parse().ok());
        assert_eq!(sdp.connection(&sdp.media[1]), None);
    }

    #[test]
    fn words_after_the_last_line_are_passed_over_and_names_give_way_to_an_address() {
        let text = "v=0\r\no=- 1 2 IN IP4 pbx.example.com\r\ns=-\r\nc=IN IP4 pbx.example.com\r\nt=0 0\r\n\
                    m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n";
        for rest in ["\0", "end", "end\r\n\0\0\r\n", "=x\r\nX=y\r\n"] {
            let mut sdp = Sdp::parse(format!("{text}{rest}").as_bytes()).unwrap();
            assert_eq!(sdp.media[0].lines, [Line::new('a', "sendrecv")], "{rest:?}");
            assert_eq!(sdp.connection(&sdp.media[0]), None);
            sdp.place_names("192.0.2.9".parse().unwrap());
            assert_eq!(sdp.connection(&sdp.media[0]), "192.0.2.9".parse().ok());
        }
    }

    #[test]
    fn refuses_what_is_none() {
        let bombs = "m=audio 1 RTP/AVP 0\r\n".repeat(1_000);
        for text in [
            "",
            "v=1\r\no=x\r\n",
            "v=0\r\n",
            "v=0\r\no=x\r\nnonsense\r\n",
            "v=0\r\no=x\r\nnonsense\r\nm=audio 1 RTP/AVP 0\r\n",
            "v=0\r\no=x\r\nm=audio\r\n",
            "v=0\r\no=x\r\nm=audio 70000 RTP/AVP 0\r\n",
            &format!("v=0\r\no=x\r\n{bombs}"),
        ] {
            assert!(Sdp::parse(text.as_bytes()).is_err(), "{text:.40}");
        }
    }
}
