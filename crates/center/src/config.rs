//! The center's settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ivr::Flow;
use model::{ContactId, Directory, Language, Number, QueueName, Zone};

use crate::dialling::DialPlan;
use crate::outbound::Outbound;
use crate::parking::Parking;

/// Routes, feature codes, and the distributor's own configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The version of the program, for the log.
    pub version: String,
    /// Dialled numbers.
    pub routes: BTreeMap<Number, Route>,
    /// Codes that agents dial.
    pub feature_codes: BTreeMap<Number, FeatureCode>,
    /// Codes that agents type during a conversation: `*` and digits, none the beginning of another. Without any, keys of agents
    /// are for the other party alone.
    pub typed_codes: BTreeMap<String, TypedCode>,
    /// Queues and agents.
    pub acd: acd::Config,
    /// Whose dates recordings' paths have.
    pub zone: Zone,
    /// The path of a contact's recording that begins on a date (year, month, day): its file, its row and its manifest
    /// have the same.
    pub recording_path: fn(ContactId, (i64, u32, u32)) -> String,
    /// Calls in progress above which new ones are refused.
    pub max_calls: usize,
    /// Calls that each trunk may have; those that are not named have no limit of their own.
    pub trunks: BTreeMap<String, TrunkLimits>,
    /// How long a caller may wait in each queue, 10 s or longer; those that are not named have no limit.
    pub longest_waits: BTreeMap<QueueName, Duration>,
    /// Queues in which a contact ends when its agent's leg is lost; in the others the customer waits again, with the
    /// score kept.
    pub lost_agent_ends: BTreeSet<QueueName>,
    /// How long nothing at all may come of a party of a conversation; as media have it.
    pub silence: Duration,
    /// Media threads among which calls are shared out; 0 counts as 1.
    pub media_threads: usize,
    /// How long a secure input with an agent may last.
    pub secure_input_limit: Duration,
    /// Numbers that agents dial to reach a queue, while they talk with a customer.
    pub extensions: BTreeMap<Number, QueueName>,
    /// Where customers are parked.
    pub parking: Parking,
    /// Who may call which number outside.
    pub dialling: DialPlan,
    /// Departments, branches and persons.
    pub directory: Directory,
    /// How customers are called.
    pub outbound: Outbound,
}

/// Where a dialled number leads.
#[derive(Debug, Clone)]
pub struct Route {
    /// The flow.
    pub flow: Arc<Flow>,
    /// The language it begins in.
    pub language: Language,
    /// How long its callers may wait, in all queues together; then the call ends.
    pub longest_wait: Option<Duration>,
}

/// How many calls of a trunk may be in progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrunkLimits {
    /// All of them.
    pub calls: Option<usize>,
    /// Those that come from one address.
    pub calls_per_source: Option<usize>,
}

/// What a feature code does for the agent who dials it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureCode {
    /// Ready for calls.
    Ready,
    /// On a break.
    Break,
    /// The beginning of a number: what follows is an agent or an extension of the house.
    Dial,
}

impl Config {
    /// What stands behind the code to call somebody of the house, if the number begins with it.
    pub(crate) fn after_dial_code(&self, dialled: &Number) -> Option<Number> {
        let codes = self.feature_codes.iter().filter(|(_, does)| **does == FeatureCode::Dial);
        let mut rests = codes.filter_map(|(code, _)| dialled.as_str().strip_prefix(code.as_str()));
        rests.find_map(|rest| rest.parse().ok()).filter(|_| !self.feature_codes.contains_key(dialled))
    }
}

/// What a code orders that an agent types during a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedCode {
    /// Give the customer to the number that follows, ended by `#`.
    Transfer,
    /// Consult the number that follows, ended by `#`.
    Consult,
    /// Whom the agent consults gets the customer.
    Complete,
    /// End the consultation.
    Return,
    /// Speak with the other of the two.
    Swap,
    /// All three speak.
    Join,
    /// Hold the customer, or take the customer back.
    Hold,
    /// Park the customer.
    Park,
}

impl TypedCode {
    /// True when a number follows the code.
    pub fn needs_number(self) -> bool {
        match self {
            TypedCode::Transfer | TypedCode::Consult => true,
            TypedCode::Complete
            | TypedCode::Return
            | TypedCode::Swap
            | TypedCode::Join
            | TypedCode::Hold
            | TypedCode::Park => false,
        }
    }
}
