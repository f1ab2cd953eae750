//! How registered devices are asked whether they can be reached.

use std::time::Duration;

/// How often devices are asked, and how patient we are with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pings {
    /// From one question to the next; `None` when devices are not asked.
    pub every: Option<Duration>,
    /// Unanswered questions in a row after which a device is unreachable; at least 1.
    pub misses: u32,
}

impl Default for Pings {
    fn default() -> Pings {
        Pings { every: Some(Duration::from_secs(30)), misses: 3 }
    }
}
