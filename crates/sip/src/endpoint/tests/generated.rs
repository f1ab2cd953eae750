//! Whatever peers and the user do in whatever order: each session ends once, as the model says, and nothing is left.

use std::time::Duration;

use proptest::prelude::*;

use super::model::{Expected, Standing};
use super::walk::{Call, Walk};
use super::*;
use crate::Status;

const CALLS: usize = 3;
/// What a caller's INVITE says beyond the usual.
const WISHES: [&str; 5] = [
    "",
    "Require: 100rel\r\n",
    "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n",
    "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n",
    "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n",
];
/// What a NOTIFY says, its body included; chosen by whether it is the last word.
const NOTES: [&str; 2] = [
    "Event: refer\r\nSubscription-State: active;expires=30\r\n",
    "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n",
];
const NOTE: &str = "SIP/2.0 180 Ringing\r\n";
const TO_INVITE: [u16; 7] = [100, 180, 200, 200, 302, 401, 486];
const INSIDE: [u16; 8] = [100, 200, 200, 200, 408, 481, 486, 491];

#[derive(Debug, Clone)]
enum Step {
    /// A peer calls: which wishes, and whether it offers.
    Invite(usize, bool),
    Cancel(usize),
    /// The ACK of our 2xx, with or without a description.
    Ack(usize, bool),
    Prack(usize),
    /// A request inside the dialog; with an offer; older than the last.
    Inside(usize, &'static str, bool, bool),
    /// A peer answers the last request of ours but so many.
    Answer(usize, usize, usize),
    /// Another branch of our INVITE is answered.
    Fork(usize),
    /// The peer's last message again.
    Copy,
    Unreachable,
    Dial,
    /// What the user orders.
    Order(usize, usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let call = 0..CALLS;
    let methods =
        ["INVITE", "INVITE", "UPDATE", "INFO", "OPTIONS", "REFER", "REFER", "NOTIFY", "NOTIFY", "BYE"];
    let method = prop::sample::select(methods.to_vec());
    prop_oneof![
        9 => (0..WISHES.len(), prop::bool::weighted(0.8)).prop_map(|(wish, offer)| Step::Invite(wish, offer)),
        3 => call.clone().prop_map(Step::Cancel),
        15 => (call.clone(), prop::bool::weighted(0.8)).prop_map(|(call, body)| Step::Ack(call, body)),
        3 => call.clone().prop_map(Step::Prack),
        15 => (call.clone(), method, any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(call, method, offer, old)| Step::Inside(call, method, offer, old)),
        18 => (call.clone(), 0_usize..3, 0_usize..8).prop_map(|(call, back, code)| Step::Answer(call, back, code)),
        3 => call.clone().prop_map(Step::Fork),
        5 => Just(Step::Copy),
        1 => Just(Step::Unreachable),
        6 => Just(Step::Dial),
        27 => (call, 0_usize..20).prop_map(|(call, order)| Step::Order(call, order)),
        15 => prop_oneof![0_u64..300, 0_u64..5_000, 0_u64..40_000].prop_map(Step::Pass),
    ]
}

impl Walk {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Invite(wish, offer) => self.invite(WISHES[*wish], *offer),
            Step::Dial => self.dial(),
            Step::Copy => {
                if let Some(last) = self.last.clone() {
                    self.say(last);
                }
            }
            Step::Unreachable => {
                for at in 0..self.calls.len() {
                    let why = self.calls[at].expected.as_ref().and_then(Expected::unreachable);
                    self.ends(at, why);
                }
                self.world.endpoint.handle_unreachable(self.world.now, flow(B).into());
            }
            Step::Pass(ms) => self.pass(*ms),
            Step::Cancel(back)
            | Step::Ack(back, _)
            | Step::Prack(back)
            | Step::Inside(back, ..)
            | Step::Answer(back, ..)
            | Step::Fork(back)
            | Step::Order(back, _) => {
                // One of the last few calls; those that are over hear late words too.
                let Some(at) = self.calls.len().checked_sub(back + 1) else { return };
                self.act(at, step);
            }
        }
        self.hear();
    }

    fn act(&mut self, at: usize, step: &Step) {
        match step {
            Step::Cancel(_) => self.cancel(at),
            Step::Ack(_, body) => self.ack(at, *body),
            Step::Prack(_) => self.prack(at),
            Step::Inside(_, method, offer, old) => self.inside(at, method, *offer, *old),
            Step::Answer(_, back, code) => self.answer(at, *back, *code),
            Step::Fork(_) => self.fork(at),
            Step::Order(_, order) => self.order(at, *order),
            Step::Invite(..) | Step::Dial | Step::Copy | Step::Unreachable | Step::Pass(_) => {}
        }
    }

    fn invite(&mut self, wish: &str, offer: bool) {
        let (call_id, branch) = (format!("in{}", self.calls.len()), self.branch());
        let text = invite(&branch, if offer { SDP } else { "" }, wish);
        self.say(text.replace("Call-ID: call", &format!("Call-ID: {call_id}")));
        self.world.drain();
        let invited = self.world.events.pop();
        let Some(Event::Invited { session: id, .. }) = invited else { panic!("{invited:?}") };
        let expected = Some(Expected::new(Standing::Invited, offer));
        let call = Call { number: 1, counts: true, branch, expected, ..Call::new(id, call_id) };
        self.calls.push(call);
    }

    fn dial(&mut self) {
        let call_id = format!("out{}", self.calls.len());
        let id = self.world.endpoint.dial(self.world.now, Dial { call_id: call_id.clone(), ..dial() });
        let mut expected = Expected::new(Standing::Calling, true);
        expected.unheard = self.patience.map(|patience| self.world.now + patience);
        self.calls.push(Call { expected: Some(expected), ..Call::new(id, call_id) });
    }

    fn cancel(&mut self, at: usize) {
        let call = &self.calls[at];
        if call.branch.is_empty() {
            return;
        }
        let text = request("CANCEL", 1, "<sip:8000@192.0.2.1>", &call.branch, "", "");
        let text = text.replace("Call-ID: call", &format!("Call-ID: {}", call.call_id));
        if self.calls[at].standing() == Some(Standing::Invited) {
            self.ends(at, Some(Ending::Cancelled));
        }
        self.say(text);
    }

    fn ack(&mut self, at: usize, body: bool) {
        let call = &mut self.calls[at];
        let number = call.accepted;
        let awaited =
            call.expected.as_mut().and_then(|of| of.ack.take_if(|(awaited, ..)| *awaited == number));
        let lacks_answer = awaited.is_some_and(|(_, offered, _)| offered && !body);
        self.ends(at, lacks_answer.then_some(Ending::NoCommonAudio));
        if let Some(text) = self.text(at, "ACK", number, "", if body { SDP } else { "" }) {
            self.say(text);
        }
    }

    fn prack(&mut self, at: usize) {
        let awaited = self.calls[at].expected.as_mut().and_then(|of| of.prack.take());
        let Some((rseq, cseq, _)) = awaited else { return };
        let number = self.next_number(at);
        if let Some(text) = self.text(at, "PRACK", number, &format!("RAck: {rseq} {cseq} INVITE\r\n"), "") {
            self.say(text);
        }
    }

    fn inside(&mut self, at: usize, method: &str, offer: bool, old: bool) {
        if self.calls[at].tag.is_none() {
            return;
        }
        let old = old && self.calls[at].counts;
        let number = if old { self.calls[at].number } else { self.next_number(at) };
        let carries = matches!(method, "INVITE" | "UPDATE") && offer;
        let (headers, body) = match method {
            "REFER" => ("Refer-To: <sip:2001@192.0.2.1>\r\n".to_owned(), ""),
            "NOTIFY" => (format!("{}Content-Type: message/sipfrag\r\n", NOTES[usize::from(offer)]), NOTE),
            _ => (String::new(), if carries { SDP } else { "" }),
        };
        let text = self.text(at, method, number, &headers, body);
        if !old {
            self.speaks(at, method, offer);
        }
        if let Some(text) = text {
            self.say(text);
        }
    }

    /// What the model takes from a request inside the dialog.
    fn speaks(&mut self, at: usize, method: &str, offer: bool) {
        let call = &mut self.calls[at];
        let Some(expected) = &mut call.expected else { return };
        expected.speaks();
        if expected.standing == Standing::Answered {
            call.counts = true;
            expected.offered = if method == "INVITE" { offer } else { expected.offered };
        }
        let why = match expected.standing {
            Standing::Invited => Ending::Cancelled,
            Standing::Calling => Ending::Refused(Status::TEMPORARILY_UNAVAILABLE),
            Standing::Answered => Ending::HungUp,
        };
        self.ends(at, Some(why).filter(|_| method == "BYE"));
    }

    fn answer(&mut self, at: usize, back: usize, code: usize) {
        let call = &mut self.calls[at];
        let Some(request) = call.asked.iter().rev().nth(back).cloned() else { return };
        let first = request.to().is_ok_and(|to| to.tag().is_none());
        let code = if first { TO_INVITE[code % TO_INVITE.len()] } else { INSIDE[code] };
        let status = Status::new(code).unwrap();
        let body = if code == 200 && request.method == Method::Invite { SDP } else { "" };
        // A further answer inside a dialog is told from a copy by who sent it alone.
        let is_aside = matches!(request.method, Method::Notify | Method::Refer);
        if !first && !is_aside && call.expected.as_ref().is_some_and(|expected| !expected.awaits(&request)) {
            return;
        }
        let now = self.world.now;
        let why = call.expected.as_mut().and_then(|expected| expected.hears(now, &request, status));
        self.ends(at, why);
        self.say(respond(&request, code, "theirs", "", body));
        self.last = self.last.take().filter(|_| first && code >= 200);
    }

    fn fork(&mut self, at: usize) {
        let first = self.calls[at].asked.first().cloned();
        let is_call = first.filter(|first| first.to().is_ok_and(|to| to.tag().is_none()));
        if let Some(invite) = is_call.filter(|_| self.calls[at].standing() != Some(Standing::Calling)) {
            self.say(respond(&invite, 200, "fork", "", SDP));
        }
    }

    pub(super) fn order(&mut self, at: usize, order: usize) {
        let (id, now, standing) = (self.calls[at].id, self.world.now, self.calls[at].standing());
        let invited = standing == Some(Standing::Invited);
        let endpoint = &mut self.world.endpoint;
        match order {
            0 => endpoint.admit(now, id),
            1 => endpoint.ring(now, id),
            2..=4 => endpoint.accept(now, id, A.parse().unwrap(), Codec::Pcmu),
            5 => {
                endpoint.refuse(now, id, &Answer::new(Status::BUSY_HERE));
                self.ends(at, invited.then_some(Ending::Ours));
            }
            6 => {
                endpoint.turn_away(now, id, &Answer::new(Status::UNAUTHORIZED));
                self.ends(at, invited.then_some(Ending::Ours));
            }
            7 => drop(endpoint.reoffer(now, id, Direction::SendOnly)),
            12 | 13 => endpoint.allow_referral(now, id, true),
            14 => endpoint.tell_referral(now, id, Status::RINGING, false),
            15 => endpoint.tell_referral(now, id, Status::BUSY_HERE, true),
            16 | 17 => endpoint.show(now, id, Some("13800000000"), "inquiry"),
            18 | 19 => drop(endpoint.refer(now, id, "sip:2001@192.0.2.2", (order == 19).then_some(id))),
            8 | 10 | 11 => {
                endpoint.ask(now, id);
                if let Some(expected) = &mut self.calls[at].expected {
                    expected.ask(now);
                }
            }
            _ => {
                endpoint.hang_up(now, id, None);
                self.ends(at, Some(Ending::Ours));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_session_ends_once_as_the_model_says(
        steps in prop::collection::vec(step(), 1..100),
        impatient in any::<bool>(),
    ) {
        let mut walk = Walk::new(impatient.then_some(Duration::from_secs(5)));
        for step in &steps {
            walk.step(step);
        }
        walk.come_to_an_end();
    }
}
