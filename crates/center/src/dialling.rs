//! The dial plan: who may call which number outside, through which trunks, and under which number.
//!
//! ```text
//! number ──► is it a telephone number? ──► emergency? ──► first rule that fits ──► allowed: the way out
//!                 │ no                        │ yes            │ none, or denied
//!                 ▼                           ▼                ▼
//!             NotAllowed                  the way out      NotAllowed
//! ```
//!
//! Without a rule that allows it nobody calls anybody: an empty plan is closed.

use std::collections::BTreeSet;

use model::{AgentId, Number, Personal, QueueName, Refused};

/// Digits of the longest international number with the prefixes that a company may put before it (E.164: 15).
const MOST_DIGITS: usize = 24;

/// Which numbers outside may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialPlan {
    /// In order: the first that fits decides.
    pub rules: Vec<DialRule>,
    /// What nobody is kept from calling.
    pub emergency: Emergency,
}

/// Numbers of the police, the fire brigade and their like: allowed to everybody, before every rule and limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emergency {
    /// As they are dialled.
    pub numbers: BTreeSet<Number>,
    /// Names of trunks, the preferred first.
    pub trunks: Vec<String>,
    /// The number that is shown there; the trunk's own without one.
    pub caller: Option<Number>,
}

/// One rule of a dial plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialRule {
    /// How numbers begin that it is about; empty: all.
    pub prefix: String,
    /// Whom it is about.
    pub who: Who,
    /// What it says.
    pub verdict: Verdict,
}

/// Whom a rule is about: the agents named, and those who call for a queue named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// By id.
    pub agents: BTreeSet<AgentId>,
    /// By queue.
    pub queues: BTreeSet<QueueName>,
}

/// What a rule says of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody it is about may call.
    Deny,
    /// They may, so.
    Allow {
        /// Names of trunks, the preferred first.
        trunks: Vec<String>,
        /// Characters that are taken off the beginning.
        strip: usize,
        /// What is put there instead.
        prepend: String,
        /// The number that is shown to the callee; the trunk's own without one.
        caller: Option<Number>,
    },
}

/// How a number outside is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// As trunks get it, before their own rewriting.
    pub number: Personal<Number>,
    /// Names of trunks, the preferred first; at least one.
    pub trunks: Vec<String>,
    /// The number that is shown to the callee; the trunk's own without one.
    pub caller: Option<Personal<Number>>,
    /// No limit holds for this call.
    pub is_emergency: bool,
}

impl DialPlan {
    /// True when somebody may call some number.
    pub(crate) fn is_open(&self) -> bool {
        !self.rules.is_empty() || !self.emergency.trunks.is_empty()
    }

    /// How this number is called for an agent, or for a program (`None`), who acts for these queues.
    ///
    /// # Errors
    /// * [`Refused::NotAllowed`]: no rule allows it, a rule denies it, or it is no telephone number;
    /// * [`Refused::NoTrunk`]: it may be called, but no trunk is named that would carry it.
    pub fn way(
        &self,
        agent: Option<&AgentId>,
        queues: &[QueueName],
        number: &Number,
    ) -> Result<Way, Refused> {
        if !is_telephone_number(number.as_str()) {
            return Err(Refused::NotAllowed);
        }
        if self.emergency.numbers.contains(number) {
            let Emergency { trunks, caller, .. } = &self.emergency;
            return Way::through(trunks, number.clone(), caller.as_ref(), true);
        }
        let fits =
            |rule: &&DialRule| number.as_str().starts_with(&rule.prefix) && rule.who.includes(agent, queues);
        match self.rules.iter().find(fits).map(|rule| &rule.verdict) {
            Some(Verdict::Allow { trunks, strip, prepend, caller }) => {
                let rest = number.as_str().get(*strip..).filter(|rest| !rest.is_empty());
                let changed = rest.map(|rest| format!("{prepend}{rest}"));
                let changed = changed.filter(|changed| is_telephone_number(changed));
                let number = changed.and_then(|changed| changed.parse().ok()).ok_or(Refused::NotAllowed)?;
                Way::through(trunks, number, caller.as_ref(), false)
            }
            Some(Verdict::Deny) | None => Err(Refused::NotAllowed),
        }
    }
}

impl Way {
    fn through(
        trunks: &[String],
        number: Number,
        caller: Option<&Number>,
        is_emergency: bool,
    ) -> Result<Way, Refused> {
        if trunks.is_empty() {
            return Err(Refused::NoTrunk);
        }
        let caller = caller.cloned().map(Personal::new);
        Ok(Way { number: number.into(), trunks: trunks.to_vec(), caller, is_emergency })
    }
}

impl Who {
    fn includes(&self, agent: Option<&AgentId>, queues: &[QueueName]) -> bool {
        let is_everybody = self.agents.is_empty() && self.queues.is_empty();
        is_everybody
            || agent.is_some_and(|agent| self.agents.contains(agent))
            || queues.iter().any(|queue| self.queues.contains(queue))
    }
}

/// Digits, with a `+` before an international number: nothing that a gateway could read as a command or an address.
pub(crate) fn is_telephone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn who(agents: &[&str], queues: &[&str]) -> Who {
        Who {
            agents: agents.iter().map(|id| id.parse().unwrap()).collect(),
            queues: queues.iter().map(|name| name.parse().unwrap()).collect(),
        }
    }

    fn allow(trunks: &[&str], strip: usize, prepend: &str, caller: Option<&str>) -> Verdict {
        let trunks = trunks.iter().map(|name| (*name).to_owned()).collect();
        Verdict::Allow { trunks, strip, prepend: prepend.to_owned(), caller: caller.map(number) }
    }

    fn rule(prefix: &str, who: Who, verdict: Verdict) -> DialRule {
        DialRule { prefix: prefix.to_owned(), who, verdict }
    }

    /// `1001` of the inquiry and `1002` of the complaints; `1003` may call abroad.
    fn plan() -> DialPlan {
        let everybody = Who::default;
        DialPlan {
            rules: vec![
                rule("00", who(&["1003"], &[]), allow(&["abroad", "city"], 2, "+", None)),
                rule("00", everybody(), Verdict::Deny),
                rule("110", everybody(), Verdict::Deny),
                rule("400", everybody(), allow(&[], 0, "", None)),
                rule("9", who(&[], &["complaint"]), allow(&["city"], 1, "", Some("075580008000"))),
                rule("8", everybody(), allow(&["city"], 4, "", None)),
                rule("1", everybody(), allow(&["mobile"], 0, "", None)),
            ],
            emergency: Emergency {
                numbers: [number("110"), number("119")].into(),
                trunks: vec!["city".to_owned()],
                caller: Some(number("075580008000")),
            },
        }
    }

    /// `number trunks caller` with a `!` before an emergency, or why not.
    fn way(agent: &str, queue: &str, dialled: &str) -> String {
        let agent: Option<AgentId> = agent.parse().ok();
        match plan().way(agent.as_ref(), &[queue.parse().unwrap()], &number(dialled)) {
            Ok(way) => format!(
                "{}{} {} {}",
                if way.is_emergency { "!" } else { "" },
                way.number.reveal(),
                way.trunks.join("+"),
                way.caller.as_ref().map_or("-", |caller| caller.reveal().as_str())
            ),
            Err(refused) => format!("{refused:?}"),
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        for (agent, queue, dialled, expected) in [
            ("1001", "inquiry", "13800138000", "13800138000 mobile -"),
            ("", "inquiry", "13800138000", "13800138000 mobile -"),
            ("1003", "inquiry", "004930123", "+4930123 abroad+city -"),
            ("1001", "inquiry", "004930123", "NotAllowed"),
            ("", "inquiry", "004930123", "NotAllowed"),
            ("1002", "complaint", "96001", "6001 city 075580008000"),
            ("1001", "inquiry", "96001", "NotAllowed"),
            ("1001", "inquiry", "4001234567", "NoTrunk"),
            ("1001", "inquiry", "8123", "NotAllowed"),
            ("1001", "inquiry", "81234", "4 city -"),
            ("1001", "inquiry", "7", "NotAllowed"),
        ] {
            assert_eq!(way(agent, queue, dialled), expected, "{agent} of {queue} calls {dialled}");
        }
    }

    #[test]
    fn nothing_keeps_anybody_from_calling_for_help() {
        assert_eq!(way("1001", "inquiry", "110"), "!110 city 075580008000", "although a rule denies it");
        assert_eq!(way("", "inquiry", "119"), "!119 city 075580008000", "although no rule allows it");
        assert_eq!(
            way("1001", "inquiry", "1101"),
            "NotAllowed",
            "only the whole number is that of the police"
        );
    }

    #[test]
    fn what_is_no_telephone_number_is_called_by_no_rule() {
        let rules = vec![rule("", Who::default(), allow(&["city"], 0, "", None))];
        let open = DialPlan { rules, ..DialPlan::default() };
        for tricky in ["*72", "123#", "+", "1.2", "alice", "12-34", "1+2", "++49", "1_2", &"1".repeat(25)] {
            assert_eq!(open.way(None, &[], &number(tricky)), Err(Refused::NotAllowed), "{tricky}");
        }
        assert!(open.way(None, &[], &number("+8613800138000")).is_ok());
    }

    #[test]
    fn an_empty_plan_is_closed() {
        assert_eq!(DialPlan::default().way(None, &[], &number("110")), Err(Refused::NotAllowed));
    }
}
