//! SIP, SIPS and TEL addresses, and others as far as their scheme (RFC 3261 section 19.1, RFC 3966).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::scan::Params;

/// Where a request goes or a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:`, with all that follows the colon.
    Tel(String),
    /// Any other scheme, with all that follows the colon.
    Other {
        /// The scheme as written.
        scheme: String,
        /// What follows the colon.
        rest: String,
    },
}

/// A `sip:` or `sips:` address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipUri {
    /// True for `sips:`.
    pub secure: bool,
    /// The user part as written, escapes included; `None` when there is no `@`.
    pub user: Option<String>,
    /// The password as written.
    pub password: Option<String>,
    /// Name or address.
    pub host: Host,
    /// The port when written.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: Params,
    /// What follows `?`, as written.
    pub headers: Option<String>,
}

/// The host of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address in numbers.
    Ip(IpAddr),
    /// A name, as written.
    Name(String),
}

/// A text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid URI: {0}")]
pub struct UriError(pub(crate) &'static str);

impl Uri {
    /// Reads an address.
    ///
    /// # Errors
    /// When there is no scheme, or a `sip:` address breaks its grammar. Other schemes are not looked into.
    pub fn parse(text: &str) -> Result<Uri, UriError> {
        let (scheme, rest) = text.split_once(':').ok_or(UriError("no scheme"))?;
        let scheme_is_fine = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !scheme_is_fine {
            return Err(UriError("the scheme has other characters than letters, digits, '+', '-', '.'"));
        }
        if rest.bytes().any(|byte| byte <= b' ' || byte == 0x7f || b"<>\"".contains(&byte)) {
            return Err(UriError("blanks, controls, quotes or angle brackets inside"));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => SipUri::parse(false, rest).map(Uri::Sip),
            "sips" => SipUri::parse(true, rest).map(Uri::Sip),
            "tel" if rest.is_empty() => Err(UriError("no number")),
            "tel" => Ok(Uri::Tel(rest.to_owned())),
            _ => Ok(Uri::Other { scheme: scheme.to_owned(), rest: rest.to_owned() }),
        }
    }

    /// The SIP address, if it is one.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Uri::Sip(uri) => Some(uri),
            Uri::Tel(_) | Uri::Other { .. } => None,
        }
    }

    /// The user part of a SIP address with escapes resolved, or the number of a TEL address without its
    /// parameters and visual separators. `None` when there is none or it is not UTF-8.
    pub fn user(&self) -> Option<String> {
        match self {
            Uri::Sip(uri) => unescape(uri.user.as_deref()?),
            Uri::Tel(rest) => {
                let number = rest.split(';').next().unwrap_or("");
                Some(number.chars().filter(|c| !"-.()".contains(*c)).collect())
            }
            Uri::Other { .. } => None,
        }
    }
}

impl SipUri {
    fn parse(secure: bool, text: &str) -> Result<SipUri, UriError> {
        let (userinfo, rest) = match text.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, text),
        };
        if rest.contains('@') {
            return Err(UriError("more than one '@'"));
        }
        let (user, password) = userinfo.map(parse_userinfo).transpose()?.unwrap_or((None, None));
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers.to_owned())),
            None => (rest, None),
        };
        let (host_port, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = parse_host_port(host_port)?;
        let params = parse_uri_params(params)?;
        Ok(SipUri { secure, user, password, host, port, params, headers })
    }

    /// The numeric address and port; the port defaults to 5060 (5061 for `sips:` and TLS). `None` for a name.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let is_tls = self.params.value("transport").is_some_and(|name| name.eq_ignore_ascii_case("tls"));
        let default = if self.secure || is_tls { 5061 } else { 5060 };
        self.host.ip().map(|ip| SocketAddr::new(ip, self.port.unwrap_or(default)))
    }

    /// What follows `?`, escapes resolved; bytes that are no text are replaced.
    pub fn header_text(&self) -> String {
        let bytes = unescape_bytes(self.headers.as_deref().unwrap_or_default());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Equality by RFC 3261 section 19.1.4: names without regard to case, escapes resolved, and those
    /// parameters compared that both have or that must not differ. `?` headers must be the same text.
    pub fn same_as(&self, other: &SipUri) -> bool {
        let resolved = |text: &Option<String>| text.as_deref().map(unescape_bytes);
        self.secure == other.secure
            && resolved(&self.user) == resolved(&other.user)
            && resolved(&self.password) == resolved(&other.password)
            && self.host.same_as(&other.host)
            && self.port == other.port
            && self.headers == other.headers
            && params_agree(&self.params, &other.params)
            && params_agree(&other.params, &self.params)
    }
}

impl Host {
    /// The address, when it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Ip(ip) => Some(*ip),
            Host::Name(_) => None,
        }
    }

    fn same_as(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Ip(a), Host::Ip(b)) => a == b,
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Host::Ip(_), Host::Name(_)) | (Host::Name(_), Host::Ip(_)) => false,
        }
    }
}

fn parse_userinfo(text: &str) -> Result<(Option<String>, Option<String>), UriError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password.to_owned())),
        None => (text, None),
    };
    if user.is_empty() {
        return Err(UriError("nothing before '@'"));
    }
    if !escapes_are_whole(text) {
        return Err(UriError("'%' without two hexadecimal digits in the user part"));
    }
    Ok((Some(user.to_owned()), password))
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn parse_host_port(text: &str) -> Result<(Host, Option<u16>), UriError> {
    let (host, port) = if let Some(inner) = text.strip_prefix('[') {
        let (address, rest) = inner.split_once(']').ok_or(UriError("'[' without ']'"))?;
        let address: Ipv6Addr = address.parse().map_err(|_| UriError("not an IPv6 address in brackets"))?;
        let rest = rest.trim_start();
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err(UriError("text after ']'")),
        };
        (Host::Ip(IpAddr::V6(address)), port)
    } else {
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        (parse_name(name.trim())?, port)
    };
    let port = port.map(|port| parse_port(port.trim())).transpose()?;
    Ok((host, port))
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or(UriError("the port is not 0 to 65535"))
}

fn parse_name(name: &str) -> Result<Host, UriError> {
    if let Ok(ip) = name.parse() {
        return Ok(Host::Ip(IpAddr::V4(ip)));
    }
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || name.len() > 255 || !name.bytes().all(fine) {
        return Err(UriError("not a host name or address"));
    }
    Ok(Host::Name(name.to_owned()))
}

/// URI parameters may carry characters that header parameters may not, so they are read apart.
fn parse_uri_params(text: &str) -> Result<Params, UriError> {
    let mut params = Params::default();
    for piece in text.split(';').skip(1) {
        let (name, value) = match piece.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (piece, None),
        };
        if name.is_empty() {
            return Err(UriError("an empty parameter"));
        }
        params.set(name, value.map(str::to_owned));
    }
    Ok(params)
}

fn params_agree(a: &Params, b: &Params) -> bool {
    a.iter().all(|(name, value)| match b.find(name) {
        Some(other) => match (value, other) {
            (Some(x), Some(y)) => x.eq_ignore_ascii_case(y),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        },
        None => !["user", "ttl", "method", "maddr", "transport"].iter().any(|n| n.eq_ignore_ascii_case(name)),
    })
}

fn escapes_are_whole(text: &str) -> bool {
    let mut pieces = text.split('%');
    pieces.next();
    pieces.all(|piece| piece.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

/// A dialled number as the user part of an address, in which `#` does not stand as it is (RFC 3261 section 25.1).
pub fn user_part(number: &str) -> String {
    number.replace('#', "%23")
}

pub(crate) fn unescape(text: &str) -> Option<String> {
    String::from_utf8(unescape_bytes(text)).ok()
}

/// `%41` becomes `A`, once: `%25%34%31` becomes `%41`.
fn unescape_bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or("").as_bytes().to_vec();
    for piece in pieces {
        let escaped = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (escaped, piece.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            (Some(_) | None, Some(_) | None) => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    bytes
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uri::Sip(uri) => uri.fmt(f),
            Uri::Tel(rest) => write!(f, "tel:{rest}"),
            Uri::Other { scheme, rest } => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        for (name, value) in self.params.iter() {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sip(text: &str) -> SipUri {
        Uri::parse(text).unwrap().as_sip().unwrap().clone()
    }

    #[test]
    fn prints_what_it_read() {
        for text in [
            "sip:1001@127.0.0.1",
            "sips:a:secret@[2001:db8::10]:5070;transport=tcp?Subject=x",
            "sip:user;par=u%40example.net@example.com",
            "tel:+86-10-8888-0000;phone-context=example.com",
            "soap.beep://192.0.2.103:3002",
        ] {
            assert_eq!(Uri::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn escapes_are_resolved_once() {
        assert_eq!(Uri::parse("sip:%25%34%31@h").unwrap().user().as_deref(), Some("%41"));
        assert_eq!(Uri::parse("sip:%00a@h").unwrap().user().as_deref(), Some("\0a"));
        assert_eq!(Uri::parse("tel:+1-(201)-555.0123;x=y").unwrap().user().as_deref(), Some("+12015550123"));
    }

    #[test]
    fn an_ipv6_address_without_a_port_has_none() {
        let uri = sip("sip:[2001:db8::10:5070]");
        assert_eq!((uri.port, uri.host), (None, Host::Ip("2001:db8::10:5070".parse().unwrap())));
    }

    #[test]
    fn refuses_broken_addresses() {
        for text in [
            "",
            "sip",
            ":x",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a b@h",
            "sip:a@h:",
            "sip:a@h:65536",
            "sip:2001:db8::10",
            "sip:[2001:db8:::1]",
            "sip:a@b@c",
            "sip:%4@h",
            "<sip:a@h>",
            "sip:a@h;;x",
            "tel:",
            "sip:[::1",
            "sip:[::1]x",
        ] {
            assert!(Uri::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn equality_follows_the_rfc() {
        for (a, b) in [
            ("sip:%61lice@ATLANTA.com;Transport=TCP", "sip:alice@atlanta.COM;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ] {
            assert!(sip(a).same_as(&sip(b)), "{a} {b}");
        }
        for (a, b) in [
            ("sip:alice@a.com", "sip:ALICE@a.com"),
            ("sip:bob@b.com", "sip:bob@b.com:5060"),
            ("sip:bob@b.com", "sip:bob@b.com;transport=udp"),
            ("sip:c@c.com;newparam=5", "sip:c@c.com;newparam=6"),
        ] {
            assert!(!sip(a).same_as(&sip(b)), "{a} {b}");
        }
    }
}
