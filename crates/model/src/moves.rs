//! Moving a customer: to whom, and what came of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AgentId, Number, Personal, QueueName, Refusal, WordError};

/// An order about where a customer is, or is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveOrder {
    /// The customer hears music, until `Retrieve`. As the hold key of the agent's phone does.
    Hold,
    /// Customer and agent hear each other again. A consultation goes on, and hears music.
    Retrieve,
    /// Give the customer away; the agent's part ends as soon as the target rings, or at once where nothing rings. Done as
    /// [`crate::Done::Moved`], when it is known how it ended.
    Transfer(MoveTo),
    /// Ring somebody to speak with in private, while the customer hears music.
    Consult(MoveTo),
    /// Speak with the customer while whom the agent consults hears music, or the other way round.
    Swap,
    /// All three speak.
    Join,
    /// Whom the agent consults, or rings in order to, gets the customer; the agent leaves.
    Complete,
    /// The consultation ends; customer and agent speak.
    Return,
    /// The customer waits in a slot, from which any agent can pick the call up.
    Park,
}

/// To whom a customer is moved, or who is consulted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveTo {
    /// An agent.
    Agent(AgentId),
    /// A queue: the customer waits there. Consulted: the one of its agents who has been idle longest.
    Queue(QueueName),
    /// A node of the contact's flow, by its name.
    Node(String),
    /// A number outside, by a trunk.
    Outside(Personal<Number>),
    /// An extension of the directory: its members in turn, or what follows when it is closed or nobody answers.
    Extension(Number),
}

impl From<Party> for MoveTo {
    fn from(party: Party) -> MoveTo {
        match party {
            Party::Agent(agent) => MoveTo::Agent(agent),
            Party::Outside(number) => MoveTo::Outside(number),
        }
    }
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveEnd {
    /// The target has the customer: talks, or has the customer in the queue or flow.
    Done,
    /// The target did not take the call; the agent who transferred has the customer again.
    Returned(Refusal),
    /// The target did not take the call, nor did the agent take the customer back: the customer waits in the queue again.
    Requeued(Refusal),
    /// The customer hung up before it came to be.
    CustomerGone,
}

/// A place where a customer is parked: its number is what agents dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u16);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody on the company's side of a conversation. As text an agent's id, or `tel:` and the number that was dialled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Party {
    /// An agent.
    Agent(AgentId),
    /// Somebody outside, reached by a trunk under this number.
    Outside(Personal<Number>),
}

/// What the text of somebody outside begins with; no agent's id has a colon.
const TEL: &str = "tel:";

impl Party {
    /// The agent, if it is one.
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Party::Agent(agent) => Some(agent),
            Party::Outside(_) => None,
        }
    }

    /// As text, for tables and answers to people who may see numbers.
    pub fn reveal(&self) -> String {
        match self {
            Party::Agent(agent) => agent.to_string(),
            Party::Outside(number) => format!("{TEL}{}", number.reveal()),
        }
    }
}

/// As logs show it: of a number the last four digits.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Agent(agent) => agent.fmt(f),
            Party::Outside(number) => number.masked().fmt(f),
        }
    }
}

impl FromStr for Party {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Party, WordError> {
        match text.strip_prefix(TEL) {
            Some(number) => Ok(Party::Outside(Personal::new(number.parse()?))),
            None => Ok(Party::Agent(text.parse()?)),
        }
    }
}

impl From<Party> for String {
    fn from(party: Party) -> String {
        party.reveal()
    }
}

impl TryFrom<String> for Party {
    type Error = WordError;

    fn try_from(text: String) -> Result<Party, WordError> {
        text.parse()
    }
}

impl From<AgentId> for Party {
    fn from(agent: AgentId) -> Party {
        Party::Agent(agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_a_word() {
        let agent: Party = "1001".parse().unwrap();
        let outside: Party = "tel:+862155550123".parse().unwrap();
        assert_eq!(agent.agent().unwrap().as_str(), "1001");
        for (party, word) in [(&agent, "\"1001\""), (&outside, "\"tel:+862155550123\"")] {
            assert_eq!(serde_json::to_string(party).unwrap(), word);
            assert_eq!(serde_json::from_str::<Party>(word).unwrap(), *party);
        }
        assert_eq!((outside.to_string(), outside.agent()), ("…0123".to_owned(), None));
        assert!(!format!("{outside:?}").contains("0123"));
        for wrong in ["", "tel:", "sip:1001@example.com", "tel:+86 21"] {
            assert!(wrong.parse::<Party>().is_err(), "{wrong}");
        }
    }
}
