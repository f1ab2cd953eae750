//! The language that a client asks for (RFC 9110 section 12.5.4), for refusals.

use axum::http::{HeaderMap, header};

/// A language that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    Chinese,
    English,
}

/// The language of our two that `Accept-Language` prefers; `None` when the header names neither.
pub(crate) fn wanted(headers: &HeaderMap) -> Option<Tongue> {
    let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Tongue)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let tongue = match tag.split('-').next() {
            Some("zh") => Tongue::Chinese,
            Some("en") => Tongue::English,
            Some(_) | None => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        // Of equals, the first one counts.
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, tongue));
        }
    }
    best.map(|(_, tongue)| tongue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_of_our_languages() {
        for (header, tongue) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Tongue::Chinese)),
            ("en-GB, zh;q=0.5", Some(Tongue::English)),
            ("en;q=0.3, zh-TW;q=0.7", Some(Tongue::Chinese)),
            ("de, en;q=0.2", Some(Tongue::English)),
            ("ZH", Some(Tongue::Chinese)),
            ("zh;q=0, en;q=rubbish", None),
            ("de, *", None),
            ("", None),
        ] {
            let headers = [(header::ACCEPT_LANGUAGE, header.parse().unwrap())].into_iter().collect();
            assert_eq!(wanted(&headers), tongue, "{header}");
        }
        assert_eq!(wanted(&HeaderMap::new()), None);
    }
}
