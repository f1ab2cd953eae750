//! Where a callee sends a call of ours on to (3xx).

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
