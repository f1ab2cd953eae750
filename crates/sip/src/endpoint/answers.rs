//! Answers that are given in more than one place.

use super::Answer;
use crate::{Method, Status};

/// 400 with a word on what is wrong.
pub(super) fn bad_request(what: &str) -> Answer {
    // The text may quote the peer; a Warning is one line of plain characters.
    let plain: String = what.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    Answer::new(Status::BAD_REQUEST).with("Warning", format!("399 sip {}", crate::scan::quote(&plain)))
}

/// There are as many sessions or transactions as there may be: the peer may try again after 5 seconds.
pub(super) fn overloaded() -> Answer {
    Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", "5")
}

/// A center that shuts down takes nothing new; it is asked again after 30 seconds.
pub(super) fn draining() -> Answer {
    Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", "30")
}

/// There is no such session, or none of its INVITE.
pub(super) fn no_such_call() -> Answer {
    Answer::new(Status::NO_SUCH_CALL)
}

/// The answer to OPTIONS.
pub(super) fn options() -> Answer {
    capabilities(Answer::new(Status::OK)).with("Accept", "application/sdp")
}

/// What we can do, as 200 to OPTIONS and INVITE tell.
pub(super) fn capabilities(answer: Answer) -> Answer {
    answer.with("Allow", Method::ALLOW).with("Supported", "timer, 100rel, replaces, norefersub")
}
