//! How a refusal is answered.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Kind, Problem};
use crate::because::Because;
use crate::language::Tongue;

/// When to ask again after 429 and 503.
const RETRY_AFTER_S: u64 = 2;

impl Problem {
    /// Status, and what the body says. Title and detail are in the language that is asked for, otherwise in both.
    pub(super) fn body(&self, tongue: Option<Tongue>) -> (StatusCode, Value) {
        let (status, zh, en) = self.kind.parts();
        let chosen = |zh: &str, en: &str, both: String| match tongue {
            Some(Tongue::Chinese) => zh.to_owned(),
            Some(Tongue::English) => en.to_owned(),
            None => both,
        };
        let mut body = json!({
            "type": "about:blank",
            "title": chosen(zh, en, format!("{zh} / {en}")),
            "title_zh": zh,
            "title_en": en,
            "status": status.as_u16(),
        });
        if let (Some(detail), Some(body)) = (&self.detail, body.as_object_mut()) {
            let Because { zh, en } = detail;
            body.insert("detail".to_owned(), chosen(zh, en, detail.to_string()).into());
            body.insert("detail_zh".to_owned(), zh.as_str().into());
            body.insert("detail_en".to_owned(), en.as_str().into());
        }
        if let (Kind::AfterTheEnd { newest }, Some(body)) = (self.kind, body.as_object_mut()) {
            body.insert("newest".to_owned(), newest.into());
            body.insert("log".to_owned(), self.log.clone().into());
        }
        if let (false, Some(body)) = (self.faults.is_empty(), body.as_object_mut()) {
            body.insert("faults".to_owned(), json!(self.faults));
        }
        (status, body)
    }

    /// All bytes of the answer, for a connection whose request is not read.
    pub(crate) fn whole_answer(&self) -> String {
        let (status, body) = self.body(None);
        let body = body.to_string();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
             Retry-After: {RETRY_AFTER_S}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

/// A refusal in the language that is asked for; anything else as it is.
pub(crate) fn say(mut response: Response, tongue: Option<Tongue>) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let vary = HeaderValue::from_static("accept-language");
    if let Some(tongue) = tongue {
        let said = problem.answer(Some(tongue));
        let tag = match tongue {
            Tongue::Chinese => "zh-CN",
            Tongue::English => "en",
        };
        // What other layers put on the answer stays.
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            response.headers_mut().remove(&name);
            if let Some(value) = said.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(tag));
        *response.body_mut() = said.into_body();
    }
    response.headers_mut().insert(header::VARY, vary);
    response
}

impl IntoResponse for Problem {
    /// In both languages; it travels with the answer, for [`say`] to repeat it in the one that is asked for.
    fn into_response(self) -> Response {
        self.answer(None)
    }
}

impl Problem {
    /// The whole answer.
    pub(crate) fn answer(self, tongue: Option<Tongue>) -> Response {
        let (status, body) = self.body(tongue);
        let mut response = (status, Json(body)).into_response();
        self.mark(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }

    /// The headers that belong to it.
    fn mark(&self, headers: &mut HeaderMap) {
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
            | Kind::Unsound
            | Kind::Invalid => {}
        }
    }
}
