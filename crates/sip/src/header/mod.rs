//! Headers that are looked into: addresses, Via, CSeq.

use std::fmt;
use std::net::IpAddr;

use crate::scan::{Params, is_token, number, quote, quoted};
use crate::uri::parse_host_port;
use crate::{Host, Method, Uri};

/// A header that is missing or malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name}")]
pub struct HeaderError {
    what: &'static str,
    /// Which header.
    pub name: &'static str,
}

impl HeaderError {
    pub(crate) const fn missing(name: &'static str) -> HeaderError {
        HeaderError { what: "missing", name }
    }

    pub(crate) const fn malformed(name: &'static str) -> HeaderError {
        HeaderError { what: "malformed", name }
    }
}

/// `name-addr` or `addr-spec` with parameters: From, To, Contact, Route (RFC 3261 section 20.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The display name, quotes and escapes resolved; empty when there is none.
    pub display: String,
    /// The address.
    pub uri: Uri,
    /// Header parameters. Without angle brackets, all parameters are these (section 20).
    pub params: Params,
}

impl Address {
    /// Reads one address; `None` when it breaks the grammar.
    pub fn parse(text: &str) -> Option<Address> {
        let text = text.trim();
        let (display, rest) = if text.starts_with('"') {
            let (display, rest) = quoted(text)?;
            (display, rest.trim_start())
        } else {
            match text.find('<') {
                Some(at) => (display_tokens(text.get(..at)?)?, text.get(at..)?),
                None => return Address::parse_bare(text),
            }
        };
        let (uri, params) = rest.strip_prefix('<')?.split_once('>')?;
        Some(Address { display, uri: Uri::parse(uri).ok()?, params: Params::parse(params)? })
    }

    /// Without brackets the URI may hold no `?`, `,` or `;` (section 20.10).
    fn parse_bare(text: &str) -> Option<Address> {
        let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let uri = uri.trim_end();
        if uri.contains(['?', ',']) {
            return None;
        }
        Some(Address { display: String::new(), uri: Uri::parse(uri).ok()?, params: Params::parse(params)? })
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.display.is_empty() {
            write!(f, "{} ", quote(&self.display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Unquoted words. Letters beyond ASCII are let pass: phones write names so, against the grammar.
fn display_tokens(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let fine = |word: &&str| is_token(&word.replace(|c: char| !c.is_ascii(), "x"));
    words.iter().all(fine).then(|| words.join(" "))
}

/// One hop of a request's path (RFC 3261 section 20.42).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP` …, as written.
    pub transport: String,
    /// The sender's host.
    pub host: Host,
    /// The sender's port when written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` …
    pub params: Params,
}

impl Via {
    /// Reads one Via value.
    ///
    /// # Errors
    /// When it breaks the grammar or the protocol is not SIP/2.0.
    pub fn parse(text: &str) -> Result<Via, HeaderError> {
        Via::read(text).ok_or(HeaderError::malformed("Via"))
    }

    fn read(text: &str) -> Option<Via> {
        let (name, rest) = text.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        if !name.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return None;
        }
        let (transport, rest) = rest.trim_start().split_once([' ', '\t'])?;
        if !is_token(transport) {
            return None;
        }
        let (sent_by, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = parse_host_port(sent_by.trim()).ok()?;
        let params = Params::parse(params)?;
        Some(Via { transport: transport.to_owned(), host, port, params })
    }

    /// The branch.
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// The address that the next hop saw, with or without brackets around IPv6 (RFC 5118 section 4.5).
    pub fn received(&self) -> Option<IpAddr> {
        self.params.value("received")?.trim_matches(['[', ']']).parse().ok()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

/// The number of a request within its dialog (RFC 3261 section 20.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    /// Reads `number method`; `None` when it breaks the grammar or the number is 2³¹ or more.
    pub fn parse(text: &str) -> Option<CSeq> {
        let mut words = text.split_ascii_whitespace();
        let value = words.next().and_then(number).filter(|value| *value < 1 << 31)?;
        let method = words.next().filter(|method| is_token(method))?;
        if words.next().is_some() {
            return None;
        }
        Some(CSeq { number: u32::try_from(value).ok()?, method: Method::from_name(method) })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_all_their_shapes() {
        let address = Address::parse(r#""J \"R\" \\" <sip:jd@e.com>  ; tag = 98 "#).unwrap();
        assert_eq!((address.display.as_str(), address.tag()), ("J \"R\" \\", Some("98")));
        assert_eq!(address.to_string(), r#""J \"R\" \\" <sip:jd@e.com>;tag=98"#);
        assert_eq!(Address::parse("sip:a@b;x=1").unwrap().params.value("x"), Some("1"));
        assert_eq!(Address::parse("<sip:a@b;x=1>").unwrap().params.value("x"), None);
        assert_eq!(Address::parse("caller<tel:+1>").unwrap().display, "caller");
        for text in ["\"open <sip:a@b>", "A, B <sip:a@b>", "< sip:a@b >", "sip:a@b?x=y", "<sip:a@b>;;", ""] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn via_allows_blanks_where_the_grammar_does() {
        let via =
            Via::parse("SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8").unwrap();
        assert_eq!((via.transport.as_str(), via.branch()), ("TCP", Some("z9hG4bK9ikj8")));
        let via = Via::parse("SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8::9:255];rport").unwrap();
        assert_eq!(via.port, Some(6050));
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
        for text in
            ["", "SIP/2.0/UDP", "SIP/2.0/UDP h;;", "SIP/7.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:x"]
        {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cseq_does_not_wrap() {
        assert_eq!(CSeq::parse("0009   INVITE").unwrap().number, 9);
        for text in ["36893488147419103232 INVITE", "2147483648 INVITE", "-1 INVITE", "1", "INVITE", "1 A B"]
        {
            assert_eq!(CSeq::parse(text), None, "{text}");
        }
    }
}
