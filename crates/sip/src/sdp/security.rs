//! Whether a session's audio is encrypted, and with which keys: offer and answer of RFC 4568 section 5, and
//! of RFC 8643 for those who may do without.
//!
//! | ours | offered to us | we answer | we offer |
//! |---|---|---|---|
//! | `Required` | RTP/SAVP, or RTP/AVP with keys | the same, encrypted | RTP/SAVP |
//! | `Required` | RTP/AVP | nothing: 488 | |
//! | `Optional` | RTP/SAVP, or RTP/AVP with keys | the same, encrypted | RTP/AVP with keys |
//! | `Optional` | RTP/AVP | RTP/AVP | |
//! | `Off` | RTP/AVP, with keys or without | RTP/AVP | RTP/AVP |
//! | `Off` | RTP/SAVP | nothing: 488 | |
//!
//! A session that is encrypted stays so: from then on it is `Required`. Keys stay as long as the peer keeps
//! its own; with a new key of the peer we take a new one too, for it may count from zero again.

use std::str::FromStr;

use codec::{Srtp, SrtpSuite};

use super::crypto::{Crypto, OFFERED, generate};
use super::{Line, Media, OfferedAudio, attribute};
use crate::Random;

/// The most crypto attributes of a stream that are kept.
const MAX_LINES: usize = 16;

/// What an endpoint is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Never SRTP.
    #[default]
    Off,
    /// SRTP with those who want it.
    Optional,
    /// SRTP or no call.
    Required,
}

impl FromStr for Encryption {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Encryption, &'static str> {
        match text {
            "off" => Ok(Encryption::Off),
            "optional" => Ok(Encryption::Optional),
            "required" => Ok(Encryption::Required),
            _ => Err("\"required\", \"optional\" or \"off\""),
        }
    }
}

/// Our side of a session's encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    encryption: Encryption,
    /// RTP/SAVP instead of RTP/AVP.
    savp: bool,
    /// What we offer; once agreed, the one line in force.
    lines: Vec<Crypto>,
    /// Taken before any other that the peer offers.
    preferred: Option<SrtpSuite>,
}

impl Security {
    /// Without keys to offer: for whoever is offered to.
    pub fn answering(encryption: Encryption) -> Security {
        Security { encryption, ..Security::default() }
    }

    /// With new keys to offer.
    pub fn offering(encryption: Encryption, random: &mut Random) -> Security {
        let line = |(tag, suite)| Crypto { tag, suite, key: generate(suite, random) };
        let lines = match encryption {
            Encryption::Off => Vec::new(),
            Encryption::Optional | Encryption::Required => (1..).zip(OFFERED).map(line).collect(),
        };
        Security { encryption, savp: encryption == Encryption::Required, lines, preferred: None }
    }

    /// With this suite before all others, in what we offer and in what we take of an offer.
    pub fn preferring(mut self, suite: SrtpSuite, random: &mut Random) -> Security {
        self.preferred = Some(suite);
        if !self.lines.is_empty() {
            let place = self.lines.iter().position(|line| line.suite == suite);
            // Tags count from 1: that after the last is free.
            let tag = (1..).nth(self.lines.len()).unwrap_or_default();
            let new = || Crypto { tag, suite, key: generate(suite, random) };
            let line = place.map(|place| self.lines.remove(place)).unwrap_or_else(new);
            self.lines.insert(0, line);
        }
        self
    }

    /// What the session is held to now.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// As in an offer's `m=`.
    pub(super) fn protocol(&self) -> &'static str {
        if self.savp { "RTP/SAVP" } else { "RTP/AVP" }
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = Line> {
        self.lines.iter().map(|line| Line::new('a', format!("crypto:{line}")))
    }

    /// Chooses from the peer's offer, in its order but for a suite that we prefer; `before` are the keys in force. The
    /// stream is left with the one line that was chosen and the keys in force from now on.
    pub fn answer(&mut self, stream: &mut OfferedAudio, before: Option<&Srtp>, random: &mut Random) {
        stream.crypto.sort_by_key(|line| self.preferred != Some(line.suite));
        stream.crypto.truncate(1);
        stream.keys = stream.crypto.first().map(|theirs| {
            let same = before.filter(|keys| keys.suite == theirs.suite && keys.theirs == theirs.key);
            let ours = same.map(|keys| keys.ours.clone());
            let ours = ours.unwrap_or_else(|| generate(theirs.suite, random));
            Box::new(Srtp { suite: theirs.suite, ours, theirs: theirs.key.clone() })
        });
        let line = |theirs: &Crypto, keys: &Srtp| Crypto { key: keys.ours.clone(), ..theirs.clone() };
        let lines =
            stream.crypto.first().zip(stream.keys.as_deref()).map(|(theirs, keys)| line(theirs, keys));
        self.settle(stream.savp, lines);
    }

    /// Takes the peer's answer to our offer; false when it answers another.
    pub fn take(&mut self, stream: &mut OfferedAudio) -> bool {
        if stream.savp != self.savp {
            return false;
        }
        let chosen = match stream.crypto.as_slice() {
            [] if self.encryption != Encryption::Required => None,
            [theirs] => {
                let ours =
                    self.lines.iter().find(|ours| (ours.tag, ours.suite) == (theirs.tag, theirs.suite));
                let Some(ours) = ours.cloned() else { return false };
                let keys = (ours.key.clone(), theirs.key.clone());
                stream.keys = Some(Box::new(Srtp { suite: ours.suite, ours: keys.0, theirs: keys.1 }));
                Some(ours)
            }
            _ => return false,
        };
        self.settle(stream.savp, chosen);
        true
    }

    fn settle(&mut self, savp: bool, line: Option<Crypto>) {
        self.savp = savp;
        if line.is_some() {
            self.encryption = Encryption::Required;
        }
        self.lines = line.into_iter().collect();
    }
}

/// The keys in a stream that we take, each tag once; none when we are to take none.
pub(super) fn keys_in(media: &Media, encryption: Encryption) -> Vec<Crypto> {
    let mut lines: Vec<Crypto> = Vec::new();
    if encryption != Encryption::Off {
        for line in attribute(&media.lines, "crypto").filter_map(Crypto::parse).take(MAX_LINES) {
            if lines.iter().all(|before| before.tag != line.tag) {
                lines.push(line);
            }
        }
    }
    lines
}
