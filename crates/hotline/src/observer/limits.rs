//! The limits for which a call can be refused: the value of each, and the setting that raises it.

/// A limit, as it is logged with a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// Its value.
    pub(super) allows: Option<u64>,
    /// The setting that raises it.
    pub(super) raise: &'static str,
}

/// The configured limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Calls at once.
    pub calls: u64,
    /// Pairs of RTP and RTCP ports.
    pub rtp_pairs: u64,
    /// Media threads.
    pub media_threads: u64,
}

impl Limits {
    /// The limit behind this reason of refusal, if the reason is a limit.
    pub(super) fn met(&self, reason: &str) -> Option<Limit> {
        let (allows, raise) = match reason {
            "calls_full" => (Some(self.calls), "max_calls in [center] of hotline.toml"),
            "rtp_ports_full" => (
                Some(self.rtp_pairs),
                "a larger range: ports in [rtp] of hotline.toml, two pairs a call, and a pair rests for 3 s after it",
            ),
            "open_files_full" => {
                let allowed = udp::files_allowed().map(|(allowed, _)| allowed);
                (allowed, "LimitNOFILE= of the service, or ulimit -n")
            }
            "overloaded" => (
                Some(self.media_threads),
                "more processors, and threads in [rtp] of hotline.toml with them; all media threads were busy",
            ),
            "trunk_full" => (None, "max_calls of the trunk in trunks.toml"),
            "source_full" => (None, "max_calls_per_source of the trunk in trunks.toml"),
            _ => return None,
        };
        Some(Limit { allows, raise })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_a_limit_names_it_and_another_one_does_not() {
        let limits = Limits { calls: 20, rtp_pairs: 6, media_threads: 2 };
        let allows = |reason| limits.met(reason).map(|limit| limit.allows);
        assert_eq!(allows("calls_full"), Some(Some(20)));
        assert_eq!(allows("rtp_ports_full"), Some(Some(6)));
        assert!(allows("open_files_full").flatten().is_some_and(|files| files > 0));
        assert_eq!(allows("trunk_full"), Some(None));
        assert_eq!(allows("unknown_number"), None);
    }
}
