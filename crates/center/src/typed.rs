//! Codes that an agent types during a conversation, for phones without keys for transfers: `*1` and a number and `#` gives the
//! customer away.
//!
//! ```text
//!           `*`                a code that needs no number, or `#` after the number: the order
//! (nothing) ────► typing ──────────────────────────────────────────────────────────────────────► (nothing)
//!                   │ a key that no code has, or 5 s without a key: nothing
//!                   └────────────────────────────────────────────────────────────────────────► (nothing)
//! ```
//!
//! From the first key until the last the agent's leg is hidden from the others, who hear no more of it than the beginning of one
//! key. Only the agent's own leg is listened to, and not while the customer presses in secret.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Actor, AgentId, Digit, LegId, LegOrder, MediaOp, MoveTo, Number, Refused};

use crate::arrange::Hold;
use crate::config::TypedCode;
use crate::contact::{Contact, Key, KeyWay};
use crate::context::Context;
use crate::moving::Asker;
use crate::timers::Timer;

/// What begins every code.
const BEGIN: char = '*';
/// What ends the number after a code.
const END: char = '#';
/// How long the next key may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most keys of a code with its number.
const MOST: usize = 32;

/// What the keys typed so far are.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// The beginning of something.
    Beginning,
    /// An order, with the number that it needs.
    Order(TypedCode, Option<Number>),
    /// Nothing that could become one.
    Nothing,
}

/// What these keys are, the first of which is [`BEGIN`].
fn typed(codes: &BTreeMap<String, TypedCode>, keys: &str) -> Typed {
    for (code, does) in codes {
        match (keys.strip_prefix(code.as_str()), does.needs_number()) {
            (Some(""), false) => return Typed::Order(*does, None),
            (Some(rest), true) if rest.ends_with(END) => {
                let number = rest.strip_suffix(END).and_then(|number| number.parse().ok());
                return number.map_or(Typed::Nothing, |number| Typed::Order(*does, Some(number)));
            }
            (Some(_), true) if keys.len() < MOST => return Typed::Beginning,
            (Some(_) | None, _) => {}
        }
    }
    let could_become_one = codes.keys().any(|code| code.starts_with(keys));
    if could_become_one { Typed::Beginning } else { Typed::Nothing }
}

impl Contact {
    /// A key of the agent's own leg. True when it belongs to a code.
    pub(crate) fn types_code(&mut self, cx: &mut Context, digit: Digit, way: KeyWay) -> bool {
        if cx.config.typed_codes.is_empty() || self.secure.takes_keys() {
            return false;
        }
        let Some(talk) = self.talk_mut() else { return false };
        let before = talk.last_key.replace(Key { digit, way, at: cx.now });
        if before.is_some_and(|before| before.is_also(digit, way, cx.now)) {
            talk.last_key = before;
            return talk.typing.is_some() || digit.key() == BEGIN;
        }
        if talk.typing.is_none() && digit.key() != BEGIN {
            return false;
        }
        let leg = talk.leg;
        let mut keys = talk.typing.take().unwrap_or_default();
        keys.push(digit.key());
        match typed(&cx.config.typed_codes, &keys) {
            Typed::Beginning => {
                if keys.len() == 1 {
                    cx.media(self.call, MediaOp::Shield { leg });
                }
                if let Some(talk) = self.talk_mut() {
                    talk.typing = Some(keys);
                }
                cx.timers.set(Timer::Typing(self.id), Some(cx.now + PATIENCE));
            }
            Typed::Order(code, number) => {
                self.end_typing(cx, leg);
                self.obey_code(cx, leg, code, number);
            }
            Typed::Nothing => self.end_typing(cx, leg),
        }
        true
    }

    /// The agent has typed nothing more for too long.
    pub(crate) fn typing_timeout(&mut self, cx: &mut Context) {
        if let Some(talk) = self.talk_mut()
            && talk.typing.take().is_some()
        {
            let leg = talk.leg;
            self.end_typing(cx, leg);
        }
    }

    /// The agent is heard again.
    fn end_typing(&self, cx: &mut Context, leg: LegId) {
        cx.timers.stop(Timer::Typing(self.id));
        cx.media(self.call, MediaOp::Unshield { leg });
    }

    /// The phone of the agent, whose order could not be carried out, shows why.
    pub(crate) fn show_refusal(&self, cx: &mut Context, refused: Refused) {
        if let Some(talk) = self.talk() {
            let display = format!("{} ! {refused:?}", self.display(&talk.queue));
            cx.order(talk.leg, LegOrder::Show { number: self.caller.clone(), display });
        }
    }

    fn obey_code(&mut self, cx: &mut Context, leg: LegId, code: TypedCode, number: Option<Number>) {
        let Some(agent) = self.talk().and_then(|talk| talk.agent.agent().cloned()) else { return };
        let by = Actor::Agent(agent.clone());
        if let Err(refused) = self.typed_order(cx, (leg, &agent), by, (code, number)) {
            self.show_refusal(cx, refused);
        }
    }

    fn typed_order(
        &mut self,
        cx: &mut Context,
        (leg, agent): (LegId, &AgentId),
        by: Actor,
        (code, number): (TypedCode, Option<Number>),
    ) -> Result<(), Refused> {
        let target = |cx: &Context| -> Result<MoveTo, Refused> {
            number.as_ref().and_then(|number| cx.resolve(agent, number)).ok_or(Refused::UnknownAgent)
        };
        match code {
            TypedCode::Transfer => {
                let to = target(cx)?;
                self.transfer(cx, Asker::Keys(leg), by, to).map(|_| ())
            }
            TypedCode::Consult => {
                let to = target(cx)?;
                self.consult(cx, (None, by), to, None).map(|_| ())
            }
            TypedCode::Complete => self.complete(cx, Asker::Keys(leg), by).map(|_| ()),
            TypedCode::Return => self.end_consultation(cx, by),
            TypedCode::Swap => self.swap(cx),
            TypedCode::Join => self.join_consulted(cx, by),
            TypedCode::Park => self.park(cx, by).map(|_| ()),
            TypedCode::Hold => {
                let holds = self.talk().is_some_and(|talk| talk.order_holds);
                self.hold(cx, Hold::Order, !holds);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_beginning_of_a_code_an_order_or_nothing() {
        let codes = [("*1", TypedCode::Transfer), ("*3", TypedCode::Complete), ("*41", TypedCode::Return)];
        let codes = codes.map(|(code, does)| (code.to_owned(), does)).into();
        let order = |does, number: Option<&str>| Typed::Order(does, number.map(|text| text.parse().unwrap()));
        for (keys, expected) in [
            ("*", Typed::Beginning),
            ("*1", Typed::Beginning),
            ("*16001", Typed::Beginning),
            ("*16001#", order(TypedCode::Transfer, Some("6001"))),
            ("*1*86001#", order(TypedCode::Transfer, Some("*86001"))),
            ("*1#", Typed::Nothing),
            ("*3", order(TypedCode::Complete, None)),
            ("*4", Typed::Beginning),
            ("*41", order(TypedCode::Return, None)),
            ("*42", Typed::Nothing),
            ("**", Typed::Nothing),
            ("*5", Typed::Nothing),
            (&format!("*1{}", "6".repeat(30)), Typed::Nothing),
        ] {
            assert_eq!(typed(&codes, keys), expected, "{keys}");
        }
    }
}
