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

use model::{Actor, ContactEvent, Digit, Done, MediaOp, Refused, Secret, SecureEnd, SecureInputOrder, Time};

use crate::contact::{Contact, Mask};
use crate::context::Context;
use crate::timers::Timer;

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

impl Contact {
    pub(crate) fn obey_about_secure_input(
        &mut self,
        cx: &mut Context,
        by: Actor,
        order: SecureInputOrder,
    ) -> Result<Done, Refused> {
        match order {
            SecureInputOrder::Start => self.start_secure_input(cx, by),
            SecureInputOrder::End => self.stop_secure_input(cx, by),
            SecureInputOrder::Read => self.read_secure_input(cx, by),
        }
    }

    fn start_secure_input(&mut self, cx: &mut Context, by: Actor) -> Result<Done, Refused> {
        self.conversation()?;
        if matches!(self.secure, Secure::WithAgent { .. }) {
            return Ok(Done::Obeyed);
        }
        self.pressed = None;
        let until = cx.now + cx.config.secure_input_limit;
        self.set_secure(cx, Secure::WithAgent { keys: Secret::default(), until });
        cx.record_by(by.clone(), ContactEvent::SecureInputStarted { contact: self.id, node: None });
        self.shield(cx, by);
        Ok(Done::Obeyed)
    }

    fn stop_secure_input(&mut self, cx: &mut Context, by: Actor) -> Result<Done, Refused> {
        self.conversation()?;
        if !matches!(self.secure, Secure::WithAgent { .. }) {
            return Err(Refused::NoInput);
        }
        self.end_secure_input(cx, SecureEnd::Stopped, Some(by));
        Ok(Done::Obeyed)
    }

    /// Hands over what was pressed. It is forgotten here, and that it was read stands in the log.
    fn read_secure_input(&mut self, cx: &mut Context, by: Actor) -> Result<Done, Refused> {
        if matches!(self.secure, Secure::WithAgent { .. }) {
            return Err(Refused::InputGoesOn);
        }
        let keys = self.pressed.take().ok_or(Refused::NoInput)?;
        cx.record_by(by, ContactEvent::SecureInputRead { contact: self.id, digits: counted(keys.count()) });
        Ok(Done::Secret(keys))
    }

    /// A node of the flow asks in secret from now on.
    pub(crate) fn secret_node_entered(&mut self, cx: &mut Context, node: String) {
        self.set_secure(cx, Secure::InFlow);
        cx.record_by(Actor::Flow, ContactEvent::SecureInputStarted { contact: self.id, node: Some(node) });
        self.shield(cx, Actor::Flow);
    }

    /// The node is left, whatever way. Without an end key, keys that follow may be more of the secret.
    pub(crate) fn secret_node_left(
        &mut self,
        cx: &mut Context,
        node: String,
        digits: usize,
        (complete, by_end_key): (bool, bool),
    ) {
        let how = if complete { SecureEnd::Complete } else { SecureEnd::Incomplete };
        let (contact, digits) = (self.id, counted(digits));
        cx.record(ContactEvent::SecureInputEnded { contact, node: Some(node), digits, how });
        self.settle_input(cx, !by_end_key);
    }

    /// A key of the customer that is not the conversation's. False when it is.
    pub(crate) fn take_secret_key(&mut self, cx: &mut Context, digit: Digit) -> bool {
        match &mut self.secure {
            Secure::Open | Secure::InFlow | Secure::Settling { swallows: false, .. } => return false,
            Secure::Settling { until, swallows: true } => *until = cx.now + SETTLE,
            Secure::WithAgent { .. } if digit.key() == END_KEY => {
                self.end_secure_input(cx, SecureEnd::Complete, None);
            }
            Secure::WithAgent { keys, .. } => keys.push(digit),
        }
        self.arm_secure(cx);
        true
    }

    /// What is due of the input: its limit, or the end of the last key's sound.
    pub(crate) fn secure_timeout(&mut self, cx: &mut Context) {
        match self.secure {
            Secure::Open | Secure::InFlow => {}
            Secure::WithAgent { .. } => self.end_secure_input(cx, SecureEnd::TimedOut, None),
            Secure::Settling { .. } => self.open_up(cx),
        }
    }

    /// Ends an agent's secure input, if there is one; the keys are kept until they are read.
    pub(crate) fn end_secure_input(&mut self, cx: &mut Context, how: SecureEnd, by: Option<Actor>) {
        let Secure::WithAgent { keys, .. } = &mut self.secure else { return };
        let (contact, keys) = (self.id, std::mem::take(keys));
        let digits = counted(keys.count());
        self.pressed = Some(keys).filter(|_| digits > 0);
        cx.record_by(by, ContactEvent::SecureInputEnded { contact, node: None, digits, how });
        self.settle_input(cx, true);
    }

    /// The contact ends: what goes on ends with it, and nothing is let through any more.
    pub(crate) fn end_all_secret(&mut self, cx: &mut Context) {
        let (node, digits) = match std::mem::take(&mut self.secure) {
            Secure::Open | Secure::Settling { .. } => return,
            Secure::WithAgent { keys, .. } => (None, keys.count()),
            Secure::InFlow => match self.session.pressed_in_secret() {
                Some((node, digits)) => (Some(node.to_owned()), digits),
                None => return,
            },
        };
        let (contact, digits, how) = (self.id, counted(digits), SecureEnd::CallEnded);
        cx.record(ContactEvent::SecureInputEnded { contact, node, digits, how });
    }

    fn settle_input(&mut self, cx: &mut Context, swallows: bool) {
        let until = self.last_key.map_or(cx.now, |key| key.at + SETTLE);
        if until <= cx.now {
            return self.open_up(cx);
        }
        self.set_secure(cx, Secure::Settling { until, swallows });
    }

    fn open_up(&mut self, cx: &mut Context) {
        self.set_secure(cx, Secure::Open);
        cx.media(self.call, MediaOp::Unshield { leg: self.leg });
        self.unmask(cx, Mask::SecureInput, None);
    }

    fn shield(&mut self, cx: &mut Context, by: Actor) {
        cx.media(self.call, MediaOp::Shield { leg: self.leg });
        self.mask(cx, Mask::SecureInput, by, REASON.to_owned());
    }

    fn set_secure(&mut self, cx: &mut Context, secure: Secure) {
        self.secure = secure;
        self.arm_secure(cx);
    }

    fn arm_secure(&self, cx: &mut Context) {
        cx.timers.set(Timer::SecureInput(self.id), self.secure.due());
    }
}

fn counted(digits: usize) -> u32 {
    u32::try_from(digits).unwrap_or(u32::MAX)
}
