//! Typed ids, unique across nodes and sortable by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Time;

/// Makes ids. Each maker in a cluster (a node's center, each of its signalling tasks) has its own number,
/// so no two of them can make the same id.
///
/// An id is 41 bits of milliseconds since 2020, 10 bits of maker and 12 bits of counter. It is a positive
/// `i64`, so a database column orders it.
#[derive(Debug, Clone)]
pub struct Ids {
    maker: u64,
    last_ms: u64,
    counter: u64,
    /// How far the machine's clock was set since the times that are given began, in ms.
    set_by_ms: i64,
}

/// 2020-01-01T00:00:00Z.
const EPOCH_MS: i64 = 1_577_836_800_000;

impl Ids {
    /// A maker with a number of its own, 0–1023; higher bits are dropped.
    pub fn new(maker: u16) -> Ids {
        Ids { maker: u64::from(maker) & 0x3ff, last_ms: 0, counter: 0, set_by_ms: 0 }
    }

    /// The machine's clock was set forwards by this many ms, or backwards: ids go on by the new time, and never back.
    pub fn set_clock(&mut self, by_ms: i64) {
        self.set_by_ms = self.set_by_ms.saturating_add(by_ms);
    }

    fn next(&mut self, now: Time) -> u64 {
        let unix_ms = now.unix_ms().saturating_add(self.set_by_ms);
        let ms = u64::try_from(unix_ms - EPOCH_MS).unwrap_or(0);
        if ms > self.last_ms {
            self.last_ms = ms;
            self.counter = 0;
        } else {
            self.counter += 1;
            if self.counter > 0xfff {
                // 4,096 ids in a millisecond: borrow the next millisecond rather than repeat one.
                self.last_ms += 1;
                self.counter = 0;
            }
        }
        (self.last_ms & 0x1ff_ffff_ffff) << 22 | self.maker << 12 | self.counter
    }
}

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    kind: &'static str,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {} id", self.kind)
    }
}

impl std::error::Error for ParseIdError {}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn encode(id: u64) -> [u8; 13] {
    let mut text = [0; 13];
    for (i, slot) in text.iter_mut().enumerate() {
        *slot = ALPHABET[(id >> (60 - 5 * i) & 31) as usize];
    }
    text
}

fn decode(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    let mut id: u64 = 0;
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|c| *c == byte)? as u64;
        id = id.checked_mul(32)?.checked_add(value)?;
    }
    i64::try_from(id).ok()?;
    Some(id)
}

macro_rules! id {
    ($name:ident, $prefix:literal, $kind:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// A new id, later than all that `ids` made before.
            pub fn new(ids: &mut Ids, now: Time) -> Self {
                Self(ids.next(now))
            }

            /// The id as a number, 0 to `i64::MAX`, as a database column holds it.
            pub const fn number(self) -> i64 {
                self.0 as i64
            }

            /// The id that [`Self::number`] printed; `None` when negative.
            pub fn from_number(number: i64) -> Option<Self> {
                u64::try_from(number).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                encode(self.0).iter().try_for_each(|c| fmt::Write::write_char(f, char::from(*c)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let digits = text.strip_prefix($prefix).and_then(decode);
                digits.map(Self).ok_or(ParseIdError { kind: $kind })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(ContactId, "c", "contact", "One customer's visit, with all that belongs to it.");
id!(
    CallId,
    "k",
    "call",
    "One machine of the center: the legs that belong together. All of a call's media runs on one thread."
);
id!(LegId, "l", "leg", "One SIP dialog or browser connection with its media.");
id!(OfferId, "o", "offer", "One ring at one agent's seat.");
id!(SegmentId, "s", "segment", "A caller together with one agent.");
id!(RecordingId, "r", "recording", "One recording file and its row.");
id!(PlayId, "p", "play", "One order to play something to a leg.");
id!(CommandId, "q", "command", "One command of a person or a program.");

impl CallId {
    /// Which of this many media threads carries this call, counted from 0. Center and media threads have to agree.
    pub fn share(self, threads: usize) -> usize {
        // The low bits of an id are mostly zero: spread them.
        let mixed = (self.number() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from(mixed).unwrap_or(0) % threads.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_survive_printing() {
        let mut ids = Ids::new(3);
        let now = Time::from_unix_ms(1_800_000_000_000);
        let mut last = ContactId::new(&mut ids, now);
        for _ in 0..10_000 {
            let id = ContactId::new(&mut ids, now);
            assert!(id > last);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(ContactId::from_number(id.number()), Some(id));
            last = id;
        }
    }

    #[test]
    fn a_clock_that_steps_back_repeats_no_id() {
        let mut ids = Ids::new(0);
        let first = LegId::new(&mut ids, Time::from_unix_ms(1_800_000_000_500));
        let second = LegId::new(&mut ids, Time::from_unix_ms(1_800_000_000_000));
        assert!(second > first);
    }

    #[test]
    fn makers_never_meet() {
        let now = Time::from_unix_ms(1_800_000_000_000);
        assert_ne!(LegId::new(&mut Ids::new(1), now), LegId::new(&mut Ids::new(2), now));
    }

    #[test]
    fn refuses_other_kinds_and_overlong_numbers() {
        let id = ContactId::new(&mut Ids::new(0), Time::from_unix_ms(1_800_000_000_000)).to_string();
        assert!(id.replacen('c', "r", 1).parse::<ContactId>().is_err());
        assert!("czzzzzzzzzzzzz".parse::<ContactId>().is_err());
        assert!("c".parse::<ContactId>().is_err());
        assert!("../../etc/passwd".parse::<ContactId>().is_err());
    }
}
