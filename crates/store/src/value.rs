//! What goes into a statement and comes out of a row.

use std::str::FromStr;

use model::{Node, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::StoreError;

/// A parameter or a column. A NULL that was read is `Int(None)`, whatever the column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Value {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Int(Some(i64::from(truth)))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Int(Some(i64::from(number)))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Value {
        Value::Int(Some(i64::from(node.0)))
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Value {
        Value::Int(Some(time.unix_ms()))
    }
}

impl From<Option<Time>> for Value {
    fn from(time: Option<Time>) -> Value {
        Value::Int(time.map(Time::unix_ms))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(storable(text)))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::from(text.as_str())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        Value::from(text.as_deref())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Value {
        Value::Text(text.map(storable))
    }
}

/// PostgreSQL refuses U+0000 in text, and one refused record would stop all that follow it.
fn storable(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').collect()
}

/// Shorthand for a parameter list.
macro_rules! values {
    ($($value:expr),* $(,)?) => { Vec::from([$($crate::Value::from($value)),*]) };
}
pub(crate) use values;

/// One of our enums as a column: `idle`, or `not_ready:break` where the variant carries another one.
pub(crate) fn print_word<T: Serialize>(word: &T) -> String {
    match serde_json::to_value(word) {
        Ok(Json::String(text)) => text,
        Ok(Json::Object(map)) => {
            let (outer, inner) = map.iter().next().unzip();
            let inner = inner.and_then(Json::as_str).unwrap_or_default();
            format!("{}:{inner}", outer.map_or("", String::as_str))
        }
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// The enum that [`print_word`] printed.
pub(crate) fn parse_word<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    let json = match text.split_once(':') {
        Some((outer, inner)) => {
            Json::Object([(outer.to_owned(), Json::String(inner.to_owned()))].into_iter().collect())
        }
        None => Json::String(text.to_owned()),
    };
    serde_json::from_value(json).map_err(|_| StoreError::Unreadable { what: text.to_owned() })
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A row whose columns are taken from left to right.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    values: std::vec::IntoIter<Value>,
}

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Row {
        Row { values: values.into_iter() }
    }

    #[cfg(test)]
    pub(crate) fn into_values(self) -> impl Iterator<Item = Value> {
        self.values
    }

    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(number),
            Some(Value::Text(_)) | None => Err(unreadable("a number")),
        }
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Int(None)) => Ok(None),
            Some(Value::Int(Some(_))) | None => Err(unreadable("a text")),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        self.maybe_int()?.ok_or_else(|| unreadable("a number that is set"))
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.maybe_text()?.ok_or_else(|| unreadable("a text that is set"))
    }

    pub(crate) fn count(&mut self) -> Result<u64, StoreError> {
        u64::try_from(self.int()?).map_err(|_| unreadable("a count"))
    }

    pub(crate) fn maybe_count(&mut self) -> Result<Option<u64>, StoreError> {
        self.maybe_int()?.map(|n| u64::try_from(n).map_err(|_| unreadable("a count"))).transpose()
    }

    pub(crate) fn time(&mut self) -> Result<Time, StoreError> {
        self.int().map(Time::from_unix_ms)
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<Time>, StoreError> {
        Ok(self.maybe_int()?.map(Time::from_unix_ms))
    }

    /// An id, made by the `from_number` of its type.
    pub(crate) fn id<T>(&mut self, from_number: fn(i64) -> Option<T>) -> Result<T, StoreError> {
        from_number(self.int()?).ok_or_else(|| unreadable("an id"))
    }

    pub(crate) fn maybe_id<T>(&mut self, from_number: fn(i64) -> Option<T>) -> Result<Option<T>, StoreError> {
        self.maybe_int()?.map(|n| from_number(n).ok_or_else(|| unreadable("an id"))).transpose()
    }

    pub(crate) fn word<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        parse_word(&self.text()?)
    }

    pub(crate) fn maybe_word<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.maybe_text()?.as_deref().map(parse_word).transpose()
    }

    /// A checked name or other text that parses.
    pub(crate) fn name<T: FromStr>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        text.parse().map_err(|_| StoreError::Unreadable { what: text })
    }

    pub(crate) fn maybe_name<T: FromStr>(&mut self) -> Result<Option<T>, StoreError> {
        let read = |text: String| text.parse().map_err(|_| StoreError::Unreadable { what: text });
        self.maybe_text()?.map(read).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|_| StoreError::Unreadable { what: text })
    }

    pub(crate) fn maybe_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        let read =
            |text: String| serde_json::from_str(&text).map_err(|_| StoreError::Unreadable { what: text });
        self.maybe_text()?.map(read).transpose()
    }

    pub(crate) fn node(&mut self) -> Result<Node, StoreError> {
        u16::try_from(self.int()?).map(Node).map_err(|_| unreadable("a node"))
    }
}

fn unreadable(expected: &str) -> StoreError {
    StoreError::Unreadable { what: format!("a column that is not {expected}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{NotReadyReason, OfferOutcome, Refusal, Shift};

    #[test]
    fn words_survive_their_column() {
        for shift in [Shift::Ready, Shift::SignedOut, Shift::NotReady(NotReadyReason::Break)] {
            assert_eq!(parse_word::<Shift>(&print_word(&shift)).unwrap(), shift);
        }
        assert_eq!(print_word(&OfferOutcome::Refused(Refusal::Busy)), "refused:busy");
        assert!(parse_word::<Shift>("asleep").is_err());
    }

    #[test]
    fn a_nul_never_reaches_a_column() {
        assert_eq!(Value::from("a\0b"), Value::Text(Some("ab".to_owned())));
    }
}
