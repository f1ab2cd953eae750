//! How customers are called.

mod rules;

use std::time::Duration;

use model::{Language, Number};

pub(crate) use rules::Attempts;
pub use rules::{DoNotCall, Rules};

/// Settings of calls to customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// What customers are spoken to in.
    pub language: Language,
    /// How long it rings at a customer's.
    pub rings: Duration,
    /// What customers hear before the agent, by how their numbers begin.
    pub notices: Vec<Notice>,
    /// When customers may be called.
    pub rules: Rules,
}

/// What customers hear, once they have answered, before the agent is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How the numbers begin that it is for, as trunks get them; empty: all.
    pub prefix: String,
    /// The prompt's stem; `None`: nothing is said.
    pub prompt: Option<String>,
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound {
            language: Language::ZhCn,
            rings: Duration::from_secs(60),
            notices: Vec::new(),
            rules: Rules::default(),
        }
    }
}

impl Outbound {
    /// The prompt that whoever has this number hears first: that of the longest prefix that fits.
    pub fn notice(&self, number: &Number) -> Option<&str> {
        let fits = self.notices.iter().filter(|notice| number.as_str().starts_with(&notice.prefix));
        fits.max_by_key(|notice| notice.prefix.len())?.prompt.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_of_the_longest_prefix_is_said() {
        let notice = |prefix: &str, prompt: Option<&str>| Notice {
            prefix: prefix.to_owned(),
            prompt: prompt.map(str::to_owned),
        };
        let notices =
            vec![notice("", Some("recorded")), notice("+49", Some("consent")), notice("+491", None)];
        let outbound = Outbound { notices, ..Outbound::default() };
        for (number, expected) in
            [("13800138000", Some("recorded")), ("+4930123", Some("consent")), ("+491701", None)]
        {
            assert_eq!(outbound.notice(&number.parse().unwrap()), expected, "{number}");
        }
        assert_eq!(Outbound::default().notice(&"1".parse().unwrap()), None);
    }
}
