//! What the router and every session work with: the time, settings, randomness, transactions, deadlines, and the way
//! out for messages and events.

use std::collections::{BTreeMap, VecDeque};

use super::clients::{ClientKey, ClientSlot};
use super::servers::{MergeKey, ServerKey, ServerSlot};
use super::{Destination, EndpointSettings, Event, Output, Patience, SessionId};
use crate::schedule::Schedule;
use crate::{Moment, Random};

/// See the module.
pub(super) struct Context {
    /// The time of what is being handled.
    pub(super) now: Moment,
    pub(super) settings: EndpointSettings,
    pub(super) patience: Patience,
    pub(super) random: Random,
    /// Makes the To tags of answers that keep no state.
    pub(super) tag_key: [u8; 32],
    /// Requests of ours.
    pub(super) clients: BTreeMap<ClientKey, ClientSlot>,
    /// Requests of peers.
    pub(super) servers: BTreeMap<ServerKey, ServerSlot>,
    /// Requests outside dialogs that are in work, to find merged copies (RFC 3261 section 8.2.2.2).
    pub(super) merges: BTreeMap<MergeKey, ServerKey>,
    pub(super) schedule: Schedule<Due>,
    out: VecDeque<Output>,
    last_id: u64,
}

/// Whose timer it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Client(ClientKey),
    Server(ServerKey),
    Session(SessionId),
}

impl Context {
    pub(super) fn new(settings: EndpointSettings, mut random: Random) -> Context {
        let mut tag_key = [0; 32];
        random.fill(&mut tag_key);
        Context {
            now: Moment::default(),
            settings,
            patience: Patience::default(),
            random,
            tag_key,
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            merges: BTreeMap::new(),
            schedule: Schedule::new(),
            out: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn send(&mut self, destination: Destination, bytes: Vec<u8>) {
        self.out.push_back(Output::Send { destination, bytes });
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }
}
