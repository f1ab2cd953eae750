//! A recording's audio: whole, or a range of bytes (RFC 9110 section 14).

use std::io;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};

use archive::{DiskFile, Unopened, flac_name};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{RecordingId, RecordingState};
use serde::Deserialize;
use store::{Bearer, RecordingRow};
use tokio::sync::mpsc;

use crate::listening::{self, Way};
use crate::problem::Problem;
use crate::query::{Asked, Named};
use crate::tickets::TicketSecret;
use crate::{App, hearing};

/// Bytes read at once, and how many such pieces wait for a slow client.
const PIECE: u64 = 1 << 16;
const PIECES: usize = 4;

/// The query of a request for audio.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    format: Format,
    /// Read before, in place of a token.
    #[serde(default, rename = "ticket")]
    _ticket: Option<TicketSecret>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The recording.
    #[default]
    Wav,
    /// Its copy, where copies are made.
    Flac,
}

pub(crate) async fn fetch(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(id): Named<RecordingId>,
    Asked(Wanted { format, .. }): Asked<Wanted>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let recording = app.store.recording(id).await?.ok_or_else(Problem::not_found)?;
    hearing::check(&app, &bearer, &recording).await?;
    match recording.state {
        RecordingState::Open => {
            return Err(Problem::conflict("the recording is still being written", "录音尚未结束"));
        }
        RecordingState::Erased => return Err(Problem::not_found()),
        RecordingState::Sealed | RecordingState::Damaged => {}
    }
    let ending = if format == Format::Flac { "-flac" } else { "" };
    let tag = recording.sha256.as_ref().map(|sha256| format!("\"{sha256}{ending}\""));
    if tag.is_some() && text(&headers, header::IF_NONE_MATCH) == tag.as_deref() {
        return Ok((StatusCode::NOT_MODIFIED, cache_headers(tag)).into_response());
    }
    let (audio, length) = open(&app, &recording, format).await?;
    let fresh = match text(&headers, header::IF_RANGE) {
        Some(expected) => tag.as_deref() == Some(expected),
        None => true,
    };
    let asked = text(&headers, header::RANGE).filter(|_| fresh);
    let range = match asked.map_or(Span::Whole, |asked| parse_range(asked, length)) {
        Span::Whole => None,
        Span::Part(range) => Some(range),
        Span::Outside => return Err(Problem::range(length)),
    };
    let mut body = Body::empty();
    if method != Method::HEAD {
        let contact = Some(recording.contact_id);
        // The log entry comes before the first byte: when it cannot be written, no audio is sent.
        let way = if range.is_some() { Way::Ranges } else { Way::Whole };
        listening::note(&app, bearer, (id, way), contact).await?;
        let whole = || (length > 0).then(|| 0..=length - 1);
        body = range.clone().or_else(whole).map_or_else(Body::empty, |range| stream(audio, range));
    }
    Ok(answer(format, range, length, tag, body))
}

fn answer(
    format: Format,
    range: Option<RangeInclusive<u64>>,
    length: u64,
    tag: Option<String>,
    body: Body,
) -> Response {
    let kind = if format == Format::Flac { "audio/flac" } else { "audio/wav" };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let part = range.as_ref().map_or(length, |range| range.end() - range.start() + 1);
    let fixed = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_LENGTH, part.to_string()),
    ];
    let place = range
        .map(|range| [(header::CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start(), range.end()))]);
    let mut response = (status, fixed, cache_headers(tag), body).into_response();
    if let Some([(name, value)]) = place
        && let Ok(value) = value.parse()
    {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Sealed bytes do not change, but who may hear them does: ask again each time.
fn cache_headers(tag: Option<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("private, no-cache"));
    if let Some(Ok(tag)) = tag.map(|tag| tag.parse()) {
        headers.insert(header::ETAG, tag);
    }
    headers
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Opens the row's file, or its copy.
async fn open(
    app: &App,
    recording: &RecordingRow,
    format: Format,
) -> Result<(Box<dyn DiskFile>, u64), Problem> {
    let path = match format {
        Format::Wav => Some(recording.path.clone()),
        Format::Flac => flac_name(&recording.path),
    };
    let (app, path, id) = (app.clone(), path.ok_or_else(Problem::not_found)?, recording.id);
    let open = move || open_clear(&app, &path);
    let opened = tokio::task::spawn_blocking(open).await;
    match opened.unwrap_or_else(|error| Err(io::Error::other(error).into())) {
        Ok(opened) => Ok(opened),
        Err(Unopened::Locked(why)) => {
            tracing::error!(recording = %id, why, "an encrypted recording cannot be opened");
            let zh = format!("录音已加密，无法打开：{why}");
            Err(Problem::conflict(why, zh))
        }
        Err(Unopened::Io(error)) if format == Format::Flac && error.kind() == io::ErrorKind::NotFound => {
            Err(Problem::not_in_this_form("there is no FLAC copy of this recording", "此录音没有 FLAC 副本"))
        }
        Err(Unopened::Io(error)) => {
            tracing::error!(recording = %id, %error, "a recording's file cannot be read");
            Err(Problem::not_found())
        }
    }
}

/// The bytes to send, and their number.
fn open_clear(app: &App, path: &str) -> Result<(Box<dyn DiskFile>, u64), Unopened> {
    let audio = app.shelves.open(path)?;
    let length = audio.length()?;
    Ok((audio, length))
}

#[derive(Debug, PartialEq, Eq)]
enum Span {
    Whole,
    Part(RangeInclusive<u64>),
    Outside,
}

/// Parses one range of bytes. Anything else is ignored, as RFC 9110 section 14.2 allows.
fn parse_range(text: &str, length: u64) -> Span {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Span::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too great for us is beyond every file.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let end = length.saturating_sub(1);
    let (start, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.min(end)),
        (Some(first), None) if last.is_empty() => (first, end),
        (None, Some(suffix)) if first.is_empty() && suffix == 0 => return Span::Outside,
        (None, Some(suffix)) if first.is_empty() => (length.saturating_sub(suffix), end),
        _ => return Span::Whole,
    };
    if start < length { Span::Part(start..=end) } else { Span::Outside }
}

fn stream(audio: Box<dyn DiskFile>, range: RangeInclusive<u64>) -> Body {
    let (sender, pieces) = mpsc::channel(PIECES);
    // Reading blocks on the disk, and on a slow client as long as its connection lives.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read_pieces(&*audio, range, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    Body::from_stream(Pieces(pieces))
}

fn read_pieces(
    audio: &dyn DiskFile,
    range: RangeInclusive<u64>,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let (mut at, end) = (*range.start(), *range.end() + 1);
    while at < end {
        let mut piece = vec![0; usize::try_from((end - at).min(PIECE)).unwrap_or(0)];
        let read = audio.read_at(at, &mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        at += read as u64;
        if sender.blocking_send(Ok(piece.into())).is_err() {
            // The client has gone.
            return Ok(());
        }
    }
    Ok(())
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl futures_core::Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_file_of_a_hundred_bytes() {
        for (text, asked) in [
            ("bytes=0-9", Span::Part(0..=9)),
            ("bytes=90-", Span::Part(90..=99)),
            ("bytes=90-1000", Span::Part(90..=99)),
            ("bytes=-10", Span::Part(90..=99)),
            ("bytes=-1000", Span::Part(0..=99)),
            ("bytes=0-99999999999999999999999", Span::Part(0..=99)),
            ("bytes=100-", Span::Outside),
            ("bytes=-0", Span::Outside),
            ("bytes=99999999999999999999999-", Span::Outside),
            ("bytes=9-0", Span::Whole),
            ("bytes=0-1,5-6", Span::Whole),
            ("bytes=-", Span::Whole),
            ("bytes=+1-2", Span::Whole),
            ("lines=0-1", Span::Whole),
            ("", Span::Whole),
        ] {
            assert_eq!(parse_range(text, 100), asked, "{text}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Span::Outside);
    }
}
