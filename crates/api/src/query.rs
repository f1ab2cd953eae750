//! Parameters of requests, checked at the border.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Rows in an answer when the request does not say, and at most.
const DEFAULT_LIMIT: u32 = 100;
const GREATEST_LIMIT: u32 = 1000;

/// The query of a request; what it does not know is an error.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked<T>, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(rejection) => Err(Problem::unreadable(&rejection.body_text())),
        }
    }
}

/// The id in a path. What is no id names nothing: 404.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named<T>, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::not_found())?;
        text.parse().map(Named).map_err(|_| Problem::not_found())
    }
}

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
