//! Where a callee sends a call of ours on to (3xx), and why it does not take it.

use super::Session;
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::{Address, Response};

/// The most addresses of one redirect that are passed on.
const MAX_TARGETS: usize = 5;

impl Session {
    /// Tells the user where a 3xx leads, unless the call is not wanted any more.
    pub(super) fn say_redirected(&self, cx: &mut Context, response: &Response) {
        if !matches!(response.status.code(), 300 | 301 | 302 | 305) {
            return;
        }
        let mut bindings = response.addresses("Contact").unwrap_or_default();
        bindings.sort_by_key(|binding| std::cmp::Reverse(preference(binding)));
        let targets = bindings.into_iter().map(|binding| binding.uri).take(MAX_TARGETS).collect();
        self.say(cx, Event::Redirected { session: self.id, targets });
    }

    /// Tells the user the cause of Q.850 in a refusal.
    pub(super) fn say_reason(&self, cx: &mut Context, response: &Response) {
        let cause = response.headers.list("Reason").iter().find_map(|reason| cause_of(reason));
        if let Some(cause) = cause {
            self.say(cx, Event::Reason { session: self.id, cause });
        }
    }
}

/// The q of a Contact in thousandths (RFC 3261 section 20.10); 1 without one that can be read.
fn preference(binding: &Address) -> u32 {
    let Some((whole, decimals)) = binding.params.value("q").map(|q| q.split_once('.').unwrap_or((q, "")))
    else {
        return 1_000;
    };
    let thousandths = decimals.get(..decimals.len().min(3)).unwrap_or("");
    match (crate::scan::number(whole), crate::scan::number(&format!("{thousandths:0<3}"))) {
        (Some(0), Some(thousandths)) => u32::try_from(thousandths).unwrap_or(1_000),
        (_, _) => 1_000,
    }
}

/// The cause that a value of Reason names, when that is one of Q.850: `Q.850;cause=17;text="User busy"`.
fn cause_of(reason: &str) -> Option<u8> {
    let mut words = reason.split(';').map(str::trim);
    words.next().filter(|protocol| protocol.eq_ignore_ascii_case("Q.850"))?;
    let cause = words.find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.trim().eq_ignore_ascii_case("cause").then_some(value.trim())
    })?;
    cause.parse().ok().filter(|cause| (1..=127).contains(cause))
}
