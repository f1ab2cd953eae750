//! Refusals as `application/problem+json` (RFC 9457), in two languages.

mod answer;

use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use model::{NotNow, Refused, WhyNotNow};
use serde_json::Value;
use store::StoreError;

use crate::because::{Because, Fault};
use crate::places::Full;

pub(crate) use answer::say;

/// A refusal of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Option<Because>,
    /// The log's id, where the request conflicts with the log.
    log: Option<String>,
    /// The faults of files, where they are the reason.
    faults: Vec<Fault>,
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
    /// The files of the configuration have faults.
    Unsound,
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
        let detail = Because::new(
            "supervisors may not hear this recording (supervisors_hear in [recordings])",
            "班组长无权收听此录音（见 [recordings] 的 supervisors_hear）",
        );
        Problem::because(Kind::Forbidden, detail)
    }

    pub(crate) fn not_found() -> Problem {
        Kind::NotFound.into()
    }

    /// What is named is there, but not in the form that is asked for.
    pub(crate) fn not_in_this_form(en: &str, zh: &str) -> Problem {
        Problem::because(Kind::NotFound, Because::new(en, zh))
    }

    fn because(kind: Kind, detail: Because) -> Problem {
        Problem { kind, detail: Some(detail), log: None, faults: Vec::new() }
    }

    pub(crate) fn method_not_allowed() -> Problem {
        Kind::MethodNotAllowed.into()
    }

    pub(crate) fn conflict(en: impl Into<String>, zh: impl Into<String>) -> Problem {
        Problem::because(Kind::Conflict, Because::new(en, zh))
    }

    /// A range that is not within `length` bytes.
    pub(crate) fn range(length: u64) -> Problem {
        Kind::Range { length }.into()
    }

    /// A place in the event log that is beyond its newest entry.
    pub(crate) fn after_the_end(after: u64, newest: u64, log: String) -> Problem {
        let detail = Because::new(
            format!(
                "after={after} is beyond the end of the log, whose newest entry is {newest}: the place is from another \
                 log, or the database was restored from an older copy; read on from after={newest}, or from 0"
            ),
            format!(
                "序号 {after} 超出事件日志末尾（最新为 {newest}）：该位置来自另一个日志，或数据库已从较旧的备份恢复；\
                 请从 {newest} 或 0 继续读取"
            ),
        );
        Problem { log: Some(log), ..Problem::because(Kind::AfterTheEnd { newest }, detail) }
    }

    pub(crate) fn invalid(en: impl Into<String>, zh: impl Into<String>) -> Problem {
        Problem::because(Kind::Invalid, Because::new(en, zh))
    }

    /// Files of the configuration that cannot be used.
    pub(crate) fn unsound(faults: Vec<Fault>) -> Problem {
        let count = faults.len();
        let detail = Because::new(
            format!("nothing was changed; problems: {count}"),
            format!("未作任何更改；共 {count} 个问题"),
        );
        Problem { faults, ..Problem::because(Kind::Unsound, detail) }
    }

    /// What the library that reads requests says of one.
    pub(crate) fn unreadable(what: &str) -> Problem {
        Problem::invalid(what, format!("无法解析：{what}"))
    }

    pub(crate) fn too_many() -> Problem {
        Kind::TooMany.into()
    }

    /// There is no place for a connection or stream.
    pub(crate) fn full(what: &str, full: Full) -> Problem {
        let (kind, detail) = match full {
            Full::Share => (
                Kind::Share,
                Because::new(
                    format!("this address has as many open places of the kind {what} as one may have"),
                    format!("此地址占用的数量（{what}）已达上限"),
                ),
            ),
            Full::All => (
                Kind::Unavailable,
                Because::new(
                    format!("all places of the kind {what} are taken"),
                    format!("全部名额（{what}）均已占用"),
                ),
            ),
        };
        Problem::because(kind, detail)
    }

    /// A body of more than `bytes`.
    pub(crate) fn too_large(bytes: usize) -> Problem {
        let detail =
            Because::new(format!("a body has at most {bytes} bytes"), format!("请求体最多 {bytes} 字节"));
        Problem::because(Kind::TooLarge, detail)
    }

    /// A page of another origin, which is none of those that may.
    pub(crate) fn foreign_origin() -> Problem {
        let detail = Because::new(
            "this page may not open it: name its origin in websocket_origins",
            "此网页的来源不在 websocket_origins 中",
        );
        Problem::because(Kind::Forbidden, detail)
    }

    /// What asked for a stream is no WebSocket.
    pub(crate) fn no_web_socket() -> Problem {
        Kind::NoWebSocket.into()
    }

    /// The body of the refusal with this status, for the description of the API.
    pub(crate) fn example(status: u16) -> Value {
        let known = Kind::ALL.into_iter().find(|kind| kind.parts().0.as_u16() == status);
        Problem::from(known.unwrap_or(Kind::Invalid)).body(None).1
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

    pub(crate) fn unavailable(en: &str, zh: &str) -> Problem {
        Problem::because(Kind::Unavailable, Because::new(en, zh))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (_, zh, en) = self.kind.parts();
        match &self.detail {
            Some(detail) => write!(out, "{detail}"),
            None => write!(out, "{en} {zh}"),
        }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Problem {
        Problem { kind, detail: None, log: None, faults: Vec::new() }
    }
}

/// A body that is not what the route reads.
impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Kind::NotJson.into(),
            other => Problem::unreadable(&other.body_text()),
        }
    }
}

impl From<StoreError> for Problem {
    /// The cause is for the log: it may hold what the bearer must not see.
    fn from(error: StoreError) -> Problem {
        if let StoreError::NameTaken { name } = &error {
            return Problem::conflict(error.to_string(), format!("名为 {name:?} 的令牌已存在，请先吊销"));
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, cause, "a request found no database");
        Problem::unavailable("the database does not answer", "数据库没有响应")
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        match refused {
            Refused::UnknownAgent | Refused::UnknownContact => Problem::not_found(),
            Refused::NotTheirContact => Problem::forbidden(),
            Refused::NotRecorded => Problem::conflict("the contact is not being recorded", "此联系未在录音"),
            Refused::NotTalking => Problem::conflict("there is no conversation", "当前没有通话"),
            Refused::SeatBusy => {
                Problem::conflict("the agent's seat rings or is in a call", "座席话机正在振铃或通话")
            }
            Refused::ConferenceFull => {
                Problem::conflict("there are as many in the conversation as can be", "通话人数已满")
            }
            Refused::NoGuest => {
                Problem::conflict("nobody like that is in the conversation", "通话中没有此人")
            }
            Refused::InputGoesOn => Problem::conflict("the secure input goes on", "安全输入正在进行"),
            Refused::NoInput => Problem::conflict(
                "there is no secure input, or it was read already",
                "没有安全输入，或已被读取",
            ),
            Refused::NoConsultation => Problem::conflict("nobody is consulted", "没有正在进行的咨询"),
            Refused::ConsultationGoesOn => {
                Problem::conflict("somebody is consulted already", "已有咨询正在进行")
            }
            Refused::UnknownQueue => Problem::invalid("there is no such queue", "没有此队列"),
            Refused::UnknownExtension => {
                Problem::invalid("the directory has no such extension", "部门目录中没有此分机号")
            }
            Refused::Closed => {
                Problem::conflict("it is outside of the extension's hours", "对方不在营业时间")
            }
            Refused::UnknownNode => {
                Problem::invalid("the contact's flow has no such node", "流程中没有此节点")
            }
            Refused::NobodyFree => Problem::conflict("nobody there is free", "对方没有空闲座席"),
            Refused::TooManyMoves => {
                Problem::conflict("the contact was moved as often as may be", "此联系的转接次数已达上限")
            }
            Refused::ParkingFull => Problem::conflict("all parking slots are taken", "驻留位已满"),
            Refused::EmptySlot => Problem::conflict("nobody is parked there", "该驻留位没有通话"),
            Refused::NotAllowed => {
                Problem::conflict("the number is not one that may be dialled", "不允许拨打该号码")
            }
            Refused::NotNow(not_now) => not_now_problem(not_now),
            Refused::NoTrunk => Problem::conflict("no trunk carries the number", "没有可用中继"),
            Refused::SeatOffline => Problem::conflict("the agent's seat is not registered", "座席话机未注册"),
            Refused::Busy => Problem::unavailable("the center is busy", "系统繁忙"),
            Refused::ShuttingDown => Problem::unavailable("the center is shutting down", "系统正在停止"),
        }
    }
}

/// Why a customer may not be called now, and from when on that one may.
fn not_now_problem(NotNow { why, from }: NotNow) -> Problem {
    let (en, zh) = match why {
        WhyNotNow::DoNotCall => ("the number is in the do-not-call list", "该号码在免打扰名单中"),
        WhyNotNow::OutsideHours => ("customers are not called at this hour", "当前不在外呼时段"),
        WhyNotNow::TooManyAttempts => {
            ("the number was called as often today as it may be", "该号码今日外呼次数已达上限")
        }
        WhyNotNow::TooSoon => ("the number was called a short time ago", "距上次外呼时间过短"),
    };
    match from {
        Some(from) => {
            Problem::conflict(format!("{en}; it may be from {from} on"), format!("{zh}；{from} 起可外呼"))
        }
        None => Problem::conflict(en, zh),
    }
}

impl Kind {
    /// Each once.
    const ALL: [Kind; 17] = [
        Kind::NoToken,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Conflict,
        Kind::Range { length: 0 },
        Kind::AfterTheEnd { newest: 0 },
        Kind::Invalid,
        Kind::Unsound,
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
            Kind::Unsound => (StatusCode::UNPROCESSABLE_ENTITY, "配置有误", "The configuration is not sound"),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Says something in Chinese, and something in English that has no Chinese in it.
    fn is_in_both(zh: &str, en: &str) -> bool {
        let has_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        has_chinese(zh) && !en.is_empty() && !has_chinese(en)
    }

    #[test]
    fn every_refusal_is_in_both_languages() {
        for kind in Kind::ALL {
            let (_, zh, en) = kind.parts();
            assert!(is_in_both(zh, en), "{kind:?}");
        }
        let words = serde_json::from_str::<Refused>("\"no such word\"").unwrap_err().to_string();
        let refused: Vec<&str> = words.split('`').skip(3).step_by(2).collect();
        assert!(refused.len() >= 13, "{words}");
        // A refusal with values is no word alone.
        let refused = refused
            .into_iter()
            .filter(|word| *word != "not_now")
            .map(|word| serde_json::from_value::<Refused>(word.into()).unwrap());
        let mut problems: Vec<Problem> = refused.map(Problem::from).collect();
        problems.extend([
            Problem::after_the_end(9, 8, "log".to_owned()),
            Problem::full("stream", Full::Share),
            Problem::full("stream", Full::All),
            Problem::not_heard(),
            Refused::NotNow(NotNow { why: WhyNotNow::DoNotCall, from: None }).into(),
            Refused::NotNow(NotNow { why: WhyNotNow::OutsideHours, from: Some(model::Time::default()) })
                .into(),
            Refused::NotNow(NotNow { why: WhyNotNow::TooManyAttempts, from: None }).into(),
            Refused::NotNow(NotNow { why: WhyNotNow::TooSoon, from: None }).into(),
            Problem::too_large(1),
            Problem::unsound(Vec::new()),
            Problem::unreadable("x"),
            StoreError::NameTaken { name: "x".to_owned() }.into(),
        ]);
        for problem in problems {
            if let Some(Because { en, zh }) = &problem.detail {
                assert!(is_in_both(zh, en), "{problem:?}");
            }
        }
    }
}
