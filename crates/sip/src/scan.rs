//! The small lexical pieces of RFC 3261 section 25 that all headers share.

/// True for the characters of `token`.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// True for a non-empty `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Splits at each `separator` that stands outside quoted strings and angle brackets; pieces are trimmed.
/// `None` when a quoted string or bracket is left open.
pub(crate) fn split_outside(text: &str, separator: u8) -> Option<Vec<&str>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut inside = Inside::Nothing;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match inside {
            Inside::Quotes if escaped => escaped = false,
            Inside::Quotes if byte == b'\\' => escaped = true,
            Inside::Quotes if byte == b'"' => inside = Inside::Nothing,
            Inside::Brackets if byte == b'>' => inside = Inside::Nothing,
            Inside::Quotes | Inside::Brackets => {}
            Inside::Nothing if byte == b'"' => inside = Inside::Quotes,
            Inside::Nothing if byte == b'<' => inside = Inside::Brackets,
            Inside::Nothing if byte == separator => {
                pieces.push(text.get(start..at)?.trim());
                start = at + 1;
            }
            Inside::Nothing => {}
        }
    }
    pieces.push(text.get(start..)?.trim());
    (inside == Inside::Nothing).then_some(pieces)
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Nothing,
    Quotes,
    Brackets,
}

/// Reads a quoted string at the start of `text`: its meaning, and what follows the closing quote.
pub(crate) fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut meaning = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((meaning, inner.get(at + 1..)?)),
            '\\' => meaning.push(characters.next()?.1),
            other => meaning.push(other),
        }
    }
    None
}

/// The text as a quoted string, with `"` and `\` escaped and control characters left out.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars().filter(|c| !c.is_control()) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Decimal digits alone, within `u64`.
pub(crate) fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Seconds as in `Expires`: digits, cut at `u32::MAX` instead of wrapping.
pub(crate) fn seconds(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

/// `;`-separated header parameters, names without regard to case, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Reads `;name`, `;name=token`, `;name="quoted"` …; `None` when one is empty or not of that shape.
    pub(crate) fn parse(text: &str) -> Option<Params> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Params::default());
        }
        let mut params = Vec::new();
        for piece in split_outside(text.strip_prefix(';')?, b';')? {
            params.push(param(piece)?);
        }
        Some(Params(params))
    }

    /// The value of a parameter: `None` absent, `Some(None)` without value.
    pub fn find(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_deref())
    }

    /// The value of a parameter that has one.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.find(name).flatten()
    }

    /// Sets or adds a parameter.
    pub(crate) fn set(&mut self, name: &str, value: Option<String>) {
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

impl std::fmt::Display for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in self.iter() {
            match value {
                None => write!(f, ";{name}")?,
                Some(value) if value.bytes().all(is_bare_value) && !value.is_empty() => {
                    write!(f, ";{name}={value}")?;
                }
                Some(value) => write!(f, ";{name}={}", quote(value))?,
            }
        }
        Ok(())
    }
}

fn param(piece: &str) -> Option<(String, Option<String>)> {
    let Some((name, value)) = piece.split_once('=') else {
        return is_token(piece).then(|| (piece.to_owned(), None));
    };
    let (name, value) = (name.trim(), value.trim());
    if !is_token(name) {
        return None;
    }
    if value.starts_with('"') {
        let (meaning, rest) = quoted(value)?;
        return rest.trim().is_empty().then(|| (name.to_owned(), Some(meaning)));
    }
    let bare = !value.is_empty() && value.bytes().all(is_bare_value);
    bare.then(|| (name.to_owned(), Some(value.to_owned())))
}

/// A token or a host, the latter also as an IPv6 address.
fn is_bare_value(byte: u8) -> bool {
    is_token_byte(byte) || b"[]:".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let pieces = split_outside(r#""a, \", b" <sip:x,y@h>;q=1 , <sip:z>"#, b',').unwrap();
        assert_eq!(pieces, [r#""a, \", b" <sip:x,y@h>;q=1"#, "<sip:z>"]);
        assert_eq!(split_outside("\"open", b','), None);
        assert_eq!(split_outside("<open", b','), None);
    }

    #[test]
    fn params_keep_order_and_know_quotes() {
        let params = Params::parse(r#"; TAG = a ;lr;note="x;\"y""#).unwrap();
        assert_eq!(params.value("tag"), Some("a"));
        assert_eq!(params.find("lr"), Some(None));
        assert_eq!(params.value("note"), Some("x;\"y"));
        assert_eq!(params.to_string(), ";TAG=a;lr;note=\"x;\\\"y\"");
        assert_eq!(Params::parse(";;a"), None);
        assert_eq!(Params::parse(";=a"), None);
    }

    #[test]
    fn seconds_are_cut_and_never_wrap() {
        assert_eq!(seconds("4294967297"), Some(u32::MAX));
        assert_eq!(seconds("60"), Some(60));
        assert_eq!(seconds("-1"), None);
    }
}
