//! What a person sees who opens the center's address in a browser.

use axum::response::{Html, IntoResponse, Response};

pub(crate) async fn show() -> Response {
    Html(include_str!("welcome.html")).into_response()
}
