//! Header fields in order, their names compared as RFC 3261 section 7.3 says.

use std::borrow::Cow;

use crate::scan::split_outside;

/// One header field; folded lines are joined by one blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name as written, perhaps in compact form.
    pub name: String,
    /// The value without the blanks around it; not always UTF-8.
    pub value: Vec<u8>,
}

/// The header fields of a message, in the order of the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No headers.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Adds a field at the end. Line ends inside the value are dropped, so that no value can smuggle in
    /// a header.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref().iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
        self.0.push(Header { name: name.to_owned(), value });
    }

    /// Adds a field at the end and gives the headers back, for building in one expression.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Headers {
        self.push(name, value);
        self
    }

    /// These fields, and `others` after them.
    pub(crate) fn followed_by(mut self, others: &Headers) -> Headers {
        self.0.extend(others.0.iter().cloned());
        self
    }

    /// Replaces the first field of this name, or adds one; later ones stay.
    pub fn set_first(&mut self, name: &str, value: impl AsRef<[u8]>) {
        match self.0.iter_mut().find(|header| same_name(&header.name, name)) {
            Some(header) => header.value = value.as_ref().to_vec(),
            None => self.push(name, value),
        }
    }

    /// Drops all fields of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|header| !same_name(&header.name, name));
    }

    /// The raw values of all fields of this name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |header| same_name(&header.name, name))
            .map(|header| header.value.as_slice())
    }

    /// The first value as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.iter().find(|header| same_name(&header.name, name)).map(|h| String::from_utf8_lossy(&h.value))
    }

    /// How many fields have this name.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// All values of a comma-separated header over all its fields, in order. A field whose quotes are not
    /// closed counts as one value, so that its own parser refuses it.
    pub fn list(&self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        for raw in self.all(name) {
            let text = String::from_utf8_lossy(raw);
            match split_outside(&text, b',') {
                Some(pieces) => values.extend(pieces.into_iter().map(str::to_owned)),
                None => values.push(text.into_owned()),
            }
        }
        values
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Joins a folded line to the last field.
    pub(crate) fn fold(&mut self, continuation: &[u8]) -> bool {
        let Some(last) = self.0.last_mut() else { return false };
        if !last.value.is_empty() && !continuation.is_empty() {
            last.value.push(b' ');
        }
        last.value.extend_from_slice(continuation);
        true
    }

    pub(crate) fn push_raw(&mut self, name: &str, value: &[u8]) {
        self.0.push(Header { name: name.to_owned(), value: value.to_vec() });
    }
}

/// True when two names mean the same header: without regard to case, a compact form as its long name.
pub fn same_name(a: &str, b: &str) -> bool {
    long_name(a).eq_ignore_ascii_case(long_name(b))
}

/// The long name of a compact form (RFC 3261 section 7.3.3 and the IANA registry).
fn long_name(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'c' => "Content-Type",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        _ => name,
    }
}
