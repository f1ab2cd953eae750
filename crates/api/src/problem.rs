//! Refusals as `application/problem+json` (RFC 9457), in two languages.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Refused;
use serde_json::{Value, json};
use store::StoreError;

use crate::places::Full;

/// When to ask again after 429 and 503.
const RETRY_AFTER_S: u64 = 2;

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Option<String>,
    /// The log's id, where that is what the request is in conflict with.
    log: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NoToken,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Range {
        length: u64,
    },
    AfterTheEnd {
        newest: u64,
    },
    Invalid,
    /// The body is not JSON.
    NotJson,
    /// Only a WebSocket is served here.
    NoWebSocket,
    TooMany,
    TooLarge,
    TooSlow,
    /// An address has its share of connections or streams.
    Share,
    /// Too many wrong tokens; seconds until the next is looked at.
    Wait {
        seconds: u64,
    },
    Unavailable,
}

impl Problem {
    pub(crate) fn no_token() -> Problem {
        Kind::NoToken.into()
    }

    pub(crate) fn forbidden() -> Problem {
        Kind::Forbidden.into()
    }

    /// A recording that supervisors may not hear.
    pub(crate) fn not_heard() -> Problem {
        let detail = "supervisors may not hear this recording (supervisors_hear in [recordings]) \
                      班组长无权收听此录音（见 [recordings] 的 supervisors_hear）";
        Problem { kind: Kind::Forbidden, detail: Some(detail.to_owned()), log: None }
    }

    pub(crate) fn not_found() -> Problem {
        Kind::NotFound.into()
    }

    /// What is named is there, but not in the form that is asked for.
    pub(crate) fn not_in_this_form(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::NotFound, detail: Some(detail.into()), log: None }
    }

    pub(crate) fn method_not_allowed() -> Problem {
        Kind::MethodNotAllowed.into()
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::Conflict, detail: Some(detail.into()), log: None }
    }

    /// A range that is not within `length` bytes.
    pub(crate) fn range(length: u64) -> Problem {
        Kind::Range { length }.into()
    }

    /// A place in the event log that is beyond its newest entry.
    pub(crate) fn after_the_end(after: u64, newest: u64, log: String) -> Problem {
        let detail = format!(
            "after={after} is beyond the end of the log, whose newest entry is {newest}: the place is from another log, or the \
             database was restored from an older copy; read on from after={newest}, or from 0 \
             序号 {after} 超出事件日志末尾（最新为 {newest}）：该位置来自另一个日志，或数据库已从较旧的备份恢复"
        );
        Problem { kind: Kind::AfterTheEnd { newest }, detail: Some(detail), log: Some(log) }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::Invalid, detail: Some(detail.into()), log: None }
    }

    pub(crate) fn too_many() -> Problem {
        Kind::TooMany.into()
    }

    /// There is no place for a connection or stream.
    pub(crate) fn full(what: &str, full: Full) -> Problem {
        let (kind, detail) = match full {
            Full::Share => (
                Kind::Share,
                format!(
                    "this address has as many open places of the kind {what} as one may have 此地址占用的数量（{what}）已达上限"
                ),
            ),
            Full::All => (
                Kind::Unavailable,
                format!("all places of the kind {what} are taken 全部名额（{what}）均已占用"),
            ),
        };
        Problem { kind, detail: Some(detail), log: None }
    }

    /// A body of more than `bytes`.
    pub(crate) fn too_large(bytes: usize) -> Problem {
        let detail = format!("a body has at most {bytes} bytes 请求体最多 {bytes} 字节");
        Problem { kind: Kind::TooLarge, detail: Some(detail), log: None }
    }

    /// What asked for a stream is no WebSocket.
    pub(crate) fn no_web_socket() -> Problem {
        Kind::NoWebSocket.into()
    }

    /// The body of the refusal with this status, for the description of the API.
    pub(crate) fn example(status: u16) -> Value {
        let known = Kind::ALL.into_iter().find(|kind| kind.parts().0.as_u16() == status);
        Problem::from(known.unwrap_or(Kind::Invalid)).body().1
    }

    /// A body that did not come.
    pub(crate) fn too_slow() -> Problem {
        Kind::TooSlow.into()
    }

    /// Too many wrong tokens came from this address.
    pub(crate) fn wait(left: std::time::Duration) -> Problem {
        let seconds = u64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(60);
        Kind::Wait { seconds }.into()
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem { kind: Kind::Unavailable, detail: Some(detail.into()), log: None }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (_, _, title) = self.kind.parts();
        out.write_str(self.detail.as_deref().unwrap_or(title))
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Problem {
        Problem { kind, detail: None, log: None }
    }
}

/// A body that is not what the route reads.
impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Kind::NotJson.into(),
            other => Problem::invalid(other.body_text()),
        }
    }
}

impl From<StoreError> for Problem {
    /// The cause is for the log: it may hold what the bearer must not see.
    fn from(error: StoreError) -> Problem {
        if let StoreError::NameTaken { .. } = error {
            return Problem::conflict(error.to_string());
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, cause, "a request found no database");
        Problem::unavailable("the database does not answer")
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        match refused {
            Refused::UnknownAgent | Refused::UnknownContact => Problem::not_found(),
            Refused::NotTheirContact => Problem::forbidden(),
            Refused::NotRecorded => Problem::conflict("the contact is not being recorded"),
            Refused::NotTalking => Problem::conflict("there is no conversation"),
            Refused::SeatBusy => Problem::conflict("the agent's seat rings or is in a call"),
            Refused::ConferenceFull => Problem::conflict("there are as many in the conversation as can be"),
            Refused::NoGuest => Problem::conflict("nobody like that is in the conversation"),
            Refused::InputGoesOn => Problem::conflict("the secure input goes on"),
            Refused::NoInput => Problem::conflict("there is no secure input, or it was read already"),
            Refused::SeatOffline => Problem::conflict("the agent's seat is not registered"),
            Refused::Busy => Problem::unavailable("the center is busy"),
            Refused::ShuttingDown => Problem::unavailable("the center is shutting down"),
        }
    }
}

impl Kind {
    /// Each once.
    const ALL: [Kind; 16] = [
        Kind::NoToken,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Conflict,
        Kind::Range { length: 0 },
        Kind::AfterTheEnd { newest: 0 },
        Kind::Invalid,
        Kind::NotJson,
        Kind::NoWebSocket,
        Kind::TooMany,
        Kind::TooLarge,
        Kind::TooSlow,
        Kind::Share,
        Kind::Wait { seconds: 1 },
        Kind::Unavailable,
    ];

    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Kind::NoToken => (StatusCode::UNAUTHORIZED, "没有有效的令牌", "No valid token"),
            Kind::Forbidden => (StatusCode::FORBIDDEN, "此角色无权访问", "Not for this role"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "找不到", "Not found"),
            Kind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "方法不允许", "Method not allowed"),
            Kind::Conflict => (StatusCode::CONFLICT, "与当前状态冲突", "In conflict with the present state"),
            Kind::Range { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "范围超出文件", "Range outside the file")
            }
            Kind::AfterTheEnd { .. } => {
                (StatusCode::CONFLICT, "超出事件日志末尾", "Beyond the end of the event log")
            }
            Kind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "请求参数无效", "Invalid request"),
            Kind::TooMany => (StatusCode::TOO_MANY_REQUESTS, "请求过多", "Too many requests"),
            Kind::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "请求体须为 JSON", "The body has to be JSON")
            }
            Kind::NoWebSocket => {
                (StatusCode::UPGRADE_REQUIRED, "此地址须用 WebSocket", "This address speaks WebSocket")
            }
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "请求体过大", "Request body too large"),
            Kind::TooSlow => (StatusCode::REQUEST_TIMEOUT, "请求未完整到达", "The request did not arrive"),
            Kind::Share => (StatusCode::TOO_MANY_REQUESTS, "此地址占用过多", "Too many of this address"),
            Kind::Wait { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "错误令牌过多", "Too many wrong tokens from this address")
            }
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "暂时无法服务", "Unavailable for now"),
        }
    }
}

impl Problem {
    /// Status, and what the body says.
    fn body(&self) -> (StatusCode, Value) {
        let (status, zh, en) = self.kind.parts();
        let mut body = json!({
            "type": "about:blank",
            "title": format!("{zh} / {en}"),
            "title_zh": zh,
            "title_en": en,
            "status": status.as_u16(),
        });
        if let (Some(detail), Some(body)) = (self.detail.as_deref(), body.as_object_mut()) {
            body.insert("detail".to_owned(), detail.into());
        }
        if let (Kind::AfterTheEnd { newest }, Some(body)) = (self.kind, body.as_object_mut()) {
            body.insert("newest".to_owned(), newest.into());
            body.insert("log".to_owned(), self.log.clone().into());
        }
        (status, body)
    }

    /// All bytes of the answer, for a connection whose request is not read.
    pub(crate) fn whole_answer(&self) -> String {
        let (status, body) = self.body();
        let body = body.to_string();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
             Retry-After: {RETRY_AFTER_S}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, body) = self.body();
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        match self.kind {
            Kind::NoToken => {
                headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
            }
            Kind::Range { length } => {
                if let Ok(range) = format!("bytes */{length}").parse() {
                    headers.insert(header::CONTENT_RANGE, range);
                }
            }
            Kind::Wait { seconds } => {
                headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
            }
            Kind::NoWebSocket => {
                headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
            }
            Kind::TooMany | Kind::Unavailable | Kind::Share => {
                headers.insert(header::RETRY_AFTER, header::HeaderValue::from(RETRY_AFTER_S));
            }
            Kind::Forbidden
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::Conflict
            | Kind::AfterTheEnd { .. }
            | Kind::NotJson
            | Kind::TooLarge
            | Kind::TooSlow
            | Kind::Invalid => {}
        }
        response
    }
}
