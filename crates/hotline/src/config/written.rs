//! Values of `hotline.toml` as they are written.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// What copies of recordings are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// The same samples in less room.
    Flac,
}

impl FromStr for CopyFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<CopyFormat, &'static str> {
        if text == "flac" { Ok(CopyFormat::Flac) } else { Err("\"flac\"") }
    }
}

/// A minute of the day, `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(u32);

impl FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<TimeOfDay, &'static str> {
        let two_digits = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u32>().ok()).flatten()
        };
        let parts = text.split_once(':').and_then(|(h, m)| Some((two_digits(h)?, two_digits(m)?)));
        match parts {
            Some((hour @ 0..24, minute @ 0..60)) => Ok(TimeOfDay(hour * 60 + minute)),
            Some(_) | None => Err("a time of day from 00:00 to 23:59, such as 03:30"),
        }
    }
}

impl TimeOfDay {
    /// Minutes since midnight, 0–1439.
    pub fn minutes(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Where a page comes from, as browsers name it: `https://console.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub String);

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Origin, &'static str> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_host = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        };
        if host.is_some_and(is_host) {
            Ok(Origin(text.to_owned()))
        } else {
            Err("an origin such as https://console.example.com, without a path")
        }
    }
}

/// A range of ports, `FIRST-LAST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(pub RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Ports, &'static str> {
        let range = text.split_once('-').and_then(|(first, last)| {
            Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
        });
        match range {
            Some((first, last)) if first >= 1024 && first < last => Ok(Ports(first..=last)),
            Some(_) | None => Err("two ports from 1024 to 65535, such as 20000-29999"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!("23:59".parse::<TimeOfDay>().unwrap().to_string(), "23:59");
        for text in ["24:00", "03:60", "3:30", "0330", "", "+3:30", "03:30:00"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
