//! Names that come from configuration or callers, checked once at the border.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    kind: &'static str,
    rule: &'static str,
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.kind, self.rule)
    }
}

impl std::error::Error for WordError {}

macro_rules! word {
    ($name:ident, $kind:literal, $rule:literal, $doc:literal, $check:expr) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(WordError { kind: $kind, rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

word!(
    AgentId,
    "an agent's id",
    "1 to 32 letters, digits, '-' or '_'",
    "An agent's id, which is also the user part of the address that the agent's seat registers (`1001`).",
    |text| is_name(text, 32)
);
word!(
    QueueName,
    "a queue's name",
    "1 to 64 letters, digits, '-' or '_'",
    "A queue's name in configuration, API and reports (`inquiry`).",
    |text| is_name(text, 64)
);
word!(
    Number,
    "a number",
    "1 to 64 digits, letters or '+', '*', '#', '-', '_', '.'",
    "A dialled or calling number: the user part of a SIP URI once its characters are known to be harmless.",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#-_.".contains(&b))
);

fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A language that callers are spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Mandarin.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en-US")]
    EnUs,
}

impl Language {
    /// Every language, in the order of menus and reports.
    pub const ALL: [Language; 2] = [Language::ZhCn, Language::EnUs];

    /// The BCP 47 tag, which is also the name of the folder of its prompts.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::ZhCn => "zh-CN",
            Language::EnUs => "en-US",
        }
    }

    /// The other language, for callers who switch.
    pub const fn other(self) -> Language {
        match self {
            Language::ZhCn => Language::EnUs,
            Language::EnUs => Language::ZhCn,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

impl FromStr for Language {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Language, WordError> {
        let found = Language::ALL.into_iter().find(|language| language.tag() == text);
        found.ok_or(WordError { kind: "a language", rule: "zh-CN or en-US" })
    }
}

/// One key of a telephone (RFC 4733 section 3.2, events 0–15).
///
/// Its `Debug` shows no key: reports pass through places that don't know whether what is pressed is secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit(u8);

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

impl Digit {
    /// The key for an RFC 4733 event code; `None` above 15.
    pub const fn from_event(event: u8) -> Option<Digit> {
        if event < 16 { Some(Digit(event)) } else { None }
    }

    /// The RFC 4733 event code, 0–15.
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The key for one of `0123456789*#ABCD` (letters in either case).
    pub fn from_char(key: char) -> Option<Digit> {
        let key = u8::try_from(key).ok()?.to_ascii_uppercase();
        KEYS.iter().position(|k| *k == key).and_then(|event| u8::try_from(event).ok()).map(Digit)
    }

    /// The key as printed on a telephone.
    pub fn key(self) -> char {
        char::from(KEYS[usize::from(self.0 & 15)])
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Write::write_char(f, self.key())
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(•)")
    }
}

impl Serialize for Digit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.key())
    }
}

impl<'de> Deserialize<'de> for Digit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digit, D::Error> {
        Digit::from_char(char::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("not a key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_events_agree() {
        for event in 0..16 {
            let digit = Digit::from_event(event).unwrap();
            assert_eq!(Digit::from_char(digit.key()), Some(digit));
            assert_eq!(digit.event(), event);
        }
        assert_eq!(Digit::from_event(16), None);
        assert_eq!(Digit::from_char('x'), None);
        assert_eq!(Digit::from_char('一'), None);
    }

    #[test]
    fn hostile_names_are_refused() {
        for text in ["", "a/b", "..\u{0}", "a b", "é", "x;y", "<b>"] {
            assert!(text.parse::<AgentId>().is_err(), "{text:?}");
            assert!(text.parse::<QueueName>().is_err(), "{text:?}");
            assert!(text.parse::<Number>().is_err(), "{text:?}");
        }
        assert_eq!("+861088880000".parse::<Number>().unwrap().as_str(), "+861088880000");
    }
}
