//! Secure input: what the customer presses reaches neither log, recording nor agent.
//!
//! ```text
//!          a secret node of the flow                 the node is left
//! Open ──────────────────────────────► InFlow ─────────────────────────┐
//!  ▲ │     ordered while they talk                 '#', order, limit   ▼
//!  │ └───────────────────────────────► WithAgent ─────────────────► Settling
//!  └──────────────── a second after the last key ──────────────────────┘
//! ```
//!
//! From the beginning until `Open` the customer's leg is shielded and the recording masked. A key that was pressed just
//! before the end may still sound, or arrive a second time another way: hence `Settling`. Whoever pressed before the
//! shield was obeyed was heard pressing; that key counts as part of the input all the same.

use std::time::Duration;

use model::{
    Actor, AgentId, CallId, ContactId, Digit, Done, Event, MediaOp, Refused, Secret, SecureEnd, Time,
};

use crate::call::{Call, Mask};
use crate::machine::Center;

/// How long after a key nothing of the customer is let through: its tone may still sound.
const SETTLE: Duration = Duration::from_secs(1);
/// Ends what is pressed for an agent.
const END_KEY: char = '#';
/// In the gap map of the recording.
const REASON: &str = "secure input";

/// Whether what the customer presses may be seen.
#[derive(Debug, Default)]
pub(crate) enum Secure {
    /// It may.
    #[default]
    Open,
    /// A node of the flow asks; the session has the keys.
    InFlow,
    /// An agent's customer presses, until `until` at most.
    WithAgent { keys: Secret, until: Time },
    /// The last key may still sound. Keys are swallowed where they could be more of the secret.
    Settling { until: Time, swallows: bool },
}

impl Secure {
    /// The instant at which something happens by itself.
    pub(crate) fn due(&self) -> Option<Time> {
        match self {
            Secure::Open | Secure::InFlow => None,
            Secure::WithAgent { until, .. } | Secure::Settling { until, .. } => Some(*until),
        }
    }

    /// True when keys are not the conversation's.
    pub(crate) fn takes_keys(&self) -> bool {
        match self {
            Secure::Open | Secure::InFlow | Secure::Settling { swallows: false, .. } => false,
            Secure::WithAgent { .. } | Secure::Settling { swallows: true, .. } => true,
        }
    }
}

impl Center {
    pub(crate) fn start_secure_input(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<Done, Refused> {
        let until = now + self.config.secure_input_limit;
        let (call, customer) = self.conversation(contact, agent)?;
        if matches!(customer.secure, Secure::WithAgent { .. }) {
            return Ok(Done::Obeyed);
        }
        customer.pressed = None;
        customer.secure = Secure::WithAgent { keys: Secret::default(), until };
        self.record(now, Event::SecureInputStarted { contact, node: None, by: by.clone() });
        self.shield(now, call, by);
        self.rearm(call);
        Ok(Done::Obeyed)
    }

    pub(crate) fn stop_secure_input(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<Done, Refused> {
        let (call, customer) = self.conversation(contact, agent)?;
        if !matches!(customer.secure, Secure::WithAgent { .. }) {
            return Err(Refused::NoInput);
        }
        self.end_secure_input(now, call, SecureEnd::Stopped, Some(by));
        Ok(Done::Obeyed)
    }

    /// Hands over what was pressed. It is forgotten here, and that it was read stands in the log.
    pub(crate) fn read_secure_input(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
    ) -> Result<Done, Refused> {
        let (_, customer) = self.customer_of(contact)?;
        if matches!(customer.secure, Secure::WithAgent { .. }) {
            return Err(Refused::InputGoesOn);
        }
        let keys = customer.pressed.take().ok_or(Refused::NoInput)?;
        self.record(now, Event::SecureInputRead { contact, digits: counted(keys.count()), by });
        Ok(Done::Secret(keys))
    }

    /// A node of the flow asks in secret from now on.
    pub(crate) fn secret_node_entered(&mut self, now: Time, call: CallId, node: String) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        customer.secure = Secure::InFlow;
        let contact = customer.contact;
        self.record(now, Event::SecureInputStarted { contact, node: Some(node), by: Actor::Flow });
        self.shield(now, call, Actor::Flow);
    }

    /// The node is left, whatever way. Without an end key, keys that follow may be more of the secret.
    pub(crate) fn secret_node_left(
        &mut self,
        now: Time,
        call: CallId,
        node: String,
        digits: usize,
        (complete, by_end_key): (bool, bool),
    ) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let contact = customer.contact;
        let how = if complete { SecureEnd::Complete } else { SecureEnd::Incomplete };
        let digits = counted(digits);
        self.record(now, Event::SecureInputEnded { contact, node: Some(node), digits, how, by: None });
        self.settle_input(now, call, !by_end_key);
    }

    /// A key of the customer that is not the conversation's. False when it is.
    pub(crate) fn take_secret_key(&mut self, now: Time, call: CallId, digit: Digit) -> bool {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return false };
        match &mut customer.secure {
            Secure::Open | Secure::InFlow | Secure::Settling { swallows: false, .. } => return false,
            Secure::Settling { until, swallows: true } => *until = now + SETTLE,
            Secure::WithAgent { .. } if digit.key() == END_KEY => {
                self.end_secure_input(now, call, SecureEnd::Complete, None);
            }
            Secure::WithAgent { keys, .. } => keys.push(digit),
        }
        self.rearm(call);
        true
    }

    /// What is due of the input: its limit, or the end of the last key's sound.
    pub(crate) fn secure_timeout(&mut self, now: Time, call: CallId) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        if customer.secure.due().is_none_or(|due| due > now) {
            return;
        }
        match customer.secure {
            Secure::Open | Secure::InFlow => {}
            Secure::WithAgent { .. } => self.end_secure_input(now, call, SecureEnd::TimedOut, None),
            Secure::Settling { .. } => self.open_up(now, call),
        }
    }

    /// Ends an agent's secure input, if there is one; the keys are kept until they are read.
    pub(crate) fn end_secure_input(&mut self, now: Time, call: CallId, how: SecureEnd, by: Option<Actor>) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let Secure::WithAgent { keys, .. } = &mut customer.secure else { return };
        let (contact, keys) = (customer.contact, std::mem::take(keys));
        let digits = counted(keys.count());
        customer.pressed = Some(keys).filter(|_| digits > 0);
        self.record(now, Event::SecureInputEnded { contact, node: None, digits, how, by });
        self.settle_input(now, call, true);
    }

    /// The call ends: what goes on ends with it, and nothing is let through any more.
    pub(crate) fn end_all_secret(&mut self, now: Time, call: CallId) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let contact = customer.contact;
        let (node, digits) = match std::mem::take(&mut customer.secure) {
            Secure::Open | Secure::Settling { .. } => return,
            Secure::WithAgent { keys, .. } => (None, keys.count()),
            Secure::InFlow => match customer.session.pressed_in_secret() {
                Some((node, digits)) => (Some(node.to_owned()), digits),
                None => return,
            },
        };
        let (digits, how) = (counted(digits), SecureEnd::CallEnded);
        self.record(now, Event::SecureInputEnded { contact, node, digits, how, by: None });
    }

    fn settle_input(&mut self, now: Time, call: CallId, swallows: bool) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let until = customer.last_key.map_or(now, |key| key.at + SETTLE);
        customer.secure = Secure::Settling { until: until.max(now), swallows };
        if until <= now {
            self.open_up(now, call);
        }
        self.rearm(call);
    }

    fn open_up(&mut self, now: Time, call: CallId) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        customer.secure = Secure::Open;
        let leg = customer.leg;
        self.media(call, MediaOp::Unshield { leg });
        self.unmask(now, call, Mask::SecureInput, None);
    }

    fn shield(&mut self, now: Time, call: CallId, by: Actor) {
        let Some(Call::Customer(customer)) = self.calls.get(&call) else { return };
        let leg = customer.leg;
        self.media(call, MediaOp::Shield { leg });
        self.mask(now, call, Mask::SecureInput, by, REASON.to_owned());
    }
}

fn counted(digits: usize) -> u32 {
    u32::try_from(digits).unwrap_or(u32::MAX)
}
