//! Digest authentication, both ways (RFC 7616, RFC 8760): MD5 and SHA-256, with `qop=auth`. A challenge without `qop`,
//! as older registrars and proxies make it, is answered in their way (RFC 3261 section 22.4); ours always have it.

mod client;
mod secret;
mod server;

pub use client::{Credentials, answer_challenge};
pub use secret::Secret;
pub use server::{DigestServer, Secrets, Verdict};

use std::fmt;
use std::str::FromStr;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::scan::{is_token, quoted, split_outside};

/// A hash that digests are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RFC 7616.
    Sha256,
    /// RFC 2617, which every telephone knows.
    Md5,
}

impl Algorithm {
    /// Best first: the order of challenges (RFC 8760 section 2.3).
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    /// As it is written in SIP.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// Without the parameter it is MD5 (RFC 7616 section 3.3); an unknown one is `None`.
    pub(crate) fn from_param(param: Option<&str>) -> Option<Algorithm> {
        let Some(name) = param else { return Some(Algorithm::Md5) };
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    fn hash(self, text: &str) -> String {
        match self {
            Algorithm::Sha256 => hex(&Sha256::digest(text)),
            Algorithm::Md5 => hex(&Md5::digest(text)),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Algorithm, &'static str> {
        Algorithm::from_param(Some(text)).ok_or("\"SHA-256\" or \"MD5\"")
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What goes into a response besides user, realm and password.
struct Question<'a> {
    algorithm: Algorithm,
    nonce: &'a str,
    /// Count and nonce of the client's; `None` without `qop`.
    client: Option<(&'a str, &'a str)>,
    method: &'a str,
    uri: &'a str,
}

impl Question<'_> {
    /// The response of RFC 7616 section 3.4.1 with `qop=auth`, or of RFC 2617 section 3.2.2.1 without. `secret`: the
    /// hash of user, realm and password.
    fn response(&self, secret: &str) -> String {
        let hash = |text: &str| self.algorithm.hash(text);
        let action = hash(&format!("{}:{}", self.method, self.uri));
        match self.client {
            Some((count, nonce)) => hash(&format!("{secret}:{}:{count}:{nonce}:auth:{action}", self.nonce)),
            None => hash(&format!("{secret}:{}:{action}", self.nonce)),
        }
    }
}

/// The parameters of a `Digest` challenge or answer.
struct DigestParams(Vec<(String, String)>);

impl DigestParams {
    /// `None` for another scheme; `Some(None)` when it is Digest but malformed.
    fn parse(value: &str) -> Option<Option<DigestParams>> {
        let (scheme, rest) = value.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        Some(DigestParams::read(rest))
    }

    fn read(text: &str) -> Option<DigestParams> {
        let mut params: Vec<(String, String)> = Vec::new();
        for piece in split_outside(text, b',')?.into_iter().filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=')?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let value = match quoted(value) {
                Some((meaning, rest)) => rest.trim().is_empty().then_some(meaning)?,
                None => (!value.is_empty() && !value.contains('"')).then(|| value.to_owned())?,
            };
            // A parameter given twice could be read differently by two readers.
            if !is_token(&name) || params.iter().any(|(known, _)| *known == name) {
                return None;
            }
            params.push((name, value));
        }
        Some(DigestParams(params))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked examples of RFC 7616 section 3.9.1.
    #[test]
    fn responses_are_those_of_the_rfc() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let question = Question {
                algorithm,
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                client: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
                method: "GET",
                uri: "/dir/index.html",
            };
            let secret = Secret::from("Circle of Life".to_owned());
            let secret = secret.hashed(algorithm, "Mufasa", "http-auth@example.org").unwrap();
            assert_eq!(question.response(&secret), expected);
        }
    }

    #[test]
    fn quoted_quotes_do_not_confuse() {
        let params =
            DigestParams::parse(r#"Digest username="a\"b", realm="x, y" , nc=00000001"#).unwrap().unwrap();
        assert_eq!(params.find("username"), Some("a\"b"));
        assert_eq!(params.find("realm"), Some("x, y"));
        assert!(DigestParams::parse("Basic abc").is_none());
        assert!(DigestParams::parse("Digest nc=1, nc=2").unwrap().is_none());
    }
}
