//! Bodies of several parts (RFC 2046 section 5.1, RFC 5621).

use super::Headers;
use crate::scan::Params;

/// The most parts that are looked at.
const MAX_PARTS: usize = 16;
/// The most multiparts within one another.
const MAX_DEPTH: usize = 3;

/// The session description in a body: the whole body, or the first part of a multipart body that is one. `None` when
/// the body is of another kind. A body without Content-Type counts as a description.
pub(crate) fn description<'a>(headers: &Headers, body: &'a [u8]) -> Option<&'a [u8]> {
    let kind = headers.text("Content-Type");
    find(kind.as_deref().unwrap_or("application/sdp"), body, 0)
}

fn find<'a>(kind: &str, body: &'a [u8], depth: usize) -> Option<&'a [u8]> {
    let (name, params) = kind.split_at(kind.find(';').unwrap_or(kind.len()));
    let name = name.trim().to_ascii_lowercase();
    if name == "application/sdp" {
        return Some(body);
    }
    if !name.starts_with("multipart/") || depth >= MAX_DEPTH {
        return None;
    }
    let params = Params::parse(params)?;
    let boundary = params.value("boundary").map(|value| value.trim_matches('"').to_owned())?;
    parts(body, &boundary).into_iter().find_map(|part| {
        let (kind, body) = split(part);
        find(&kind, body, depth + 1)
    })
}

/// What lies between the lines `--boundary`, the line end before each of them left out.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let marker = format!("--{boundary}");
    let mut found = Vec::new();
    let mut begun: Option<usize> = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let rest = line.strip_prefix(marker.as_bytes()).map(<[u8]>::trim_ascii);
        if let Some(rest @ (b"" | b"--")) = rest {
            if let Some(part) = begun.and_then(|begun| body.get(begun..at)) {
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                found.push(part.strip_suffix(b"\r").unwrap_or(part));
            }
            begun = (rest.is_empty() && found.len() < MAX_PARTS).then_some(at + line.len());
        }
        at += line.len();
    }
    // Some senders leave the last boundary out.
    found.extend(begun.and_then(|begun| body.get(begun..)));
    found
}

/// A part's Content-Type and its body.
fn split(part: &[u8]) -> (String, &[u8]) {
    let mut kind = "text/plain".to_owned();
    let mut at = 0;
    for line in part.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let text = String::from_utf8_lossy(line);
        if text.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(':')
            && crate::same_name(name.trim(), "Content-Type")
        {
            kind = value.trim().to_owned();
        }
    }
    (kind, part.get(at..).unwrap_or(b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &str, body: &str) -> Option<String> {
        let headers = Headers::new().with("Content-Type", kind);
        description(&headers, body.as_bytes()).map(|part| String::from_utf8_lossy(part).into_owned())
    }

    #[test]
    fn the_description_is_found_in_any_part() {
        let sdp = "Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\no=x\r\n";
        let other = "Content-Type: application/isup;version=itu-t92+\r\n\r\n\u{1}\0--no\r\n";
        for body in [
            format!("--b\r\n{sdp}\r\n--b\r\n{other}\r\n--b--\r\n"),
            format!("preamble\r\n--b\r\n{other}\r\n--b  \r\n{sdp}\r\n--b--"),
            format!("--b\n{other}\n--b\n{sdp}\n--b--\n"),
            format!(
                "--b\r\nContent-Type: multipart/alternative;boundary=c\r\n\r\n--c\r\n{sdp}\r\n--c--\r\n--b--\r\n"
            ),
        ] {
            for kind in ["multipart/mixed;boundary=b", "Multipart/Related; type=x; boundary=\"b\""] {
                assert_eq!(found(kind, &body).as_deref(), Some("v=0\r\no=x\r\n"), "{kind} {body:?}");
            }
        }
        assert_eq!(found("multipart/mixed;boundary=b", &format!("--b\r\n{other}\r\n--b--\r\n")), None);
        assert_eq!(found("multipart/mixed", &format!("--b\r\n{sdp}\r\n--b--\r\n")), None);
        assert_eq!(found("text/plain", "v=0"), None);
        assert_eq!(found("application/sdp", "v=0").as_deref(), Some("v=0"));
    }
}
