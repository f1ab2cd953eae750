//! What tells of a person.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Number;

/// Personal data: a calling number, a caller's name. `Debug` does not show it and there is no `Display`, so that it
/// comes into no log by accident. Whoever stores it, sends it or shows it to somebody who may see it says so by
/// [`Personal::reveal`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Hides it.
    pub fn new(value: T) -> Personal<T> {
        Personal(value)
    }

    /// What it is.
    pub fn reveal(&self) -> &T {
        &self.0
    }

    /// What it is, taken out.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl Personal<Number> {
    /// As [`mask`] shows it.
    pub fn masked(&self) -> String {
        mask(self.0.as_str())
    }
}

/// A number's last four characters behind an ellipsis, by which people who know it recognise it; nothing of one with
/// fewer than eight.
pub fn mask(number: &str) -> String {
    let length = number.chars().count();
    let kept: String = number.chars().skip(length.saturating_sub(4)).collect();
    if length > 7 { format!("…{kept}") } else { "…".to_owned() }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Personal<T> {
        Personal(value)
    }
}

impl<T: FromStr> FromStr for Personal<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Personal<T>, T::Err> {
        text.parse().map(Personal)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_number_shows_four_digits_at_most() {
        assert_eq!(mask("13800138000"), "…8000");
        assert_eq!(mask("+8613800138000"), "…8000");
        assert_eq!((mask("1001").as_str(), mask("8613800").as_str(), mask("").as_str()), ("…", "…", "…"));
    }

    #[test]
    fn it_is_written_and_read_as_what_it_is_and_shown_to_nobody() {
        let number = Personal::new("13800001234".parse::<Number>().unwrap());
        assert_eq!(format!("{number:?} {:?}", Some(&number)), "… Some(…)");
        assert_eq!(number.masked(), "…1234");
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"13800001234\"");
        assert_eq!(serde_json::from_str::<Personal<Number>>("\"13800001234\"").unwrap(), number);
    }
}
