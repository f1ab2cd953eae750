//! Lists come in pages: how long one is, and where the next one begins.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Problem;

/// Rows in an answer when the request does not say, and at most.
const DEFAULT_LIMIT: u32 = 100;
const GREATEST_LIMIT: u32 = 1000;

/// A limit within its range, 1–1000.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=GREATEST_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::invalid(
            format!("limit is 1 to {GREATEST_LIMIT}, not {limit}"),
            format!("limit 为 1 至 {GREATEST_LIMIT}"),
        ))
    }
}

/// A page of a list, with the address of the next one where there may be one (RFC 8288).
pub(crate) fn page<T: Serialize>(rows: &[T], limit: u32, link: impl Fn(&T) -> String) -> Response {
    let mut response = Json(rows).into_response();
    let full = u32::try_from(rows.len()).is_ok_and(|length| length >= limit);
    if let Some(last) = rows.last().filter(|_| full)
        && let Ok(link) = format!("<{}>; rel=\"next\"", link(last)).parse()
    {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}
