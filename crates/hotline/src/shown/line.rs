//! Makes texts of any origin fit into one line.

use std::fmt::Write as _;

/// Text as JSON writes it, on one line and without marks that a terminal would obey.
pub(crate) fn json_text(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned());
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // JSON itself escapes what is below U+0020 only.
        if obeyed(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A value of a line: in quotes where it would not stay one value.
pub(crate) fn quoted_where_needed(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '=' | '"' | '\\') && !obeyed(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { json_text(text) }
}

/// Text of one line.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// True for characters that terminals and editors obey instead of showing them: controls, line ends, and marks that
/// turn the direction of writing.
pub(crate) fn obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
