//! Where a callee sends a call of ours on to (3xx).

use super::{Endpoint, Event, SessionId};
use crate::{Address, Response};

/// The most addresses of one redirect that are passed on.
const MAX_TARGETS: usize = 5;

impl Endpoint {
    /// Tells the user where a 3xx leads, unless the call is not wanted any more.
    pub(super) fn say_redirected(&mut self, id: SessionId, response: &Response) {
        let is_wanted = self.sessions.get(&id).is_some_and(|session| !session.quiet);
        if !is_wanted || !matches!(response.status.code(), 300 | 301 | 302 | 305) {
            return;
        }
        let mut contacts = response.addresses("Contact").unwrap_or_default();
        contacts.sort_by_key(|contact| std::cmp::Reverse(preference(contact)));
        let targets = contacts.into_iter().map(|contact| contact.uri).take(MAX_TARGETS).collect();
        self.event(Event::Redirected { session: id, targets });
    }
}

/// The q of a Contact in thousandths (RFC 3261 section 20.10); 1 without one that can be read.
fn preference(contact: &Address) -> u32 {
    let Some((whole, decimals)) = contact.params.value("q").map(|q| q.split_once('.').unwrap_or((q, "")))
    else {
        return 1_000;
    };
    let thousandths = decimals.get(..decimals.len().min(3)).unwrap_or("");
    match (crate::scan::number(whole), crate::scan::number(&format!("{thousandths:0<3}"))) {
        (Some(0), Some(thousandths)) => u32::try_from(thousandths).unwrap_or(1_000),
        (_, _) => 1_000,
    }
}
