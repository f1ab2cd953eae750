//! Provisional answers that have to arrive (RFC 3262): 180 with RSeq, and its PRACK.
//!
//! Answering, one [`Provisional`] for each INVITE; our 180 carries no description, so that a final answer never has to
//! wait for its PRACK (section 3):
//!
//! | state | `ring` | timer | PRACK of this 180 | any other PRACK | final answer |
//! |---|---|---|---|---|---|
//! | `Plain`: the caller requires nothing | 180, sent once | | | 481 | |
//! | `Required` | 180 with RSeq → `Waiting`; nothing when the INVITE has no offer | | | 481 | → `Plain` |
//! | `Waiting` | | 180 again, doubling the pause; after 32 s 504 and the end | 200 → `Acknowledged` | 481 | → `Overtaken` |
//! | `Overtaken` | | | 200 → `Acknowledged` | 481 | |
//! | `Acknowledged` | | | 481 | 481 | |
//!
//! Asking, one [`Branch`](crate::endpoint::branches::Branch) for each To tag:
//!
//! | last RSeq | 1xx with this RSeq | what is done |
//! |---|---|---|
//! | none yet | any | PRACK |
//! | n | n + 1 | PRACK |
//! | n | any other: a copy, or one that overtook another | nothing; it is not even heard (section 4) |
//! | n, and 32 of this INVITE were acknowledged | any | nothing |

use std::time::Duration;

use super::{Invited, Session, SessionState, Timer};
use crate::dialog::Dialog;
use crate::endpoint::Answer;
use crate::endpoint::answers::{bad_request, capabilities};
use crate::endpoint::branches::{next_in_order, reliable_number, requires_100rel};
use crate::endpoint::clients::{ClientKey, Owner};
use crate::endpoint::context::Context;
use crate::endpoint::destination::{in_dialog, our_binding};
use crate::endpoint::servers::ServerKey;
use crate::transaction::{T1, TRY_FOR};
use crate::{Method, Request, Response, Status};

/// Our provisional answer to an INVITE.
pub(super) enum Provisional {
    /// The caller does not require it to be reliable.
    Plain,
    /// The caller does; none was sent yet.
    Required,
    /// Sent, and sent again until its PRACK.
    Waiting(Waiting),
    /// A final answer followed before the PRACK, which may still come.
    Overtaken(Receipt),
    /// Its PRACK came.
    Acknowledged,
}

/// A 180 of ours without its PRACK.
pub(super) struct Waiting {
    receipt: Receipt,
    bytes: Vec<u8>,
    /// Between the next copy and the one after it; doubles.
    pause: Duration,
}

/// What RAck says: the RSeq of a provisional answer, and the CSeq of the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    number: u32,
    invite: u32,
}

impl Provisional {
    /// What an INVITE requires.
    pub(super) fn of(invite: &Request) -> Provisional {
        if requires_100rel(&invite.headers) { Provisional::Required } else { Provisional::Plain }
    }

    /// A final answer was sent: copies are of no use any more.
    pub(super) fn overtaken(self) -> Provisional {
        match self {
            Provisional::Waiting(waiting) => Provisional::Overtaken(waiting.receipt),
            Provisional::Plain | Provisional::Required => Provisional::Plain,
            Provisional::Overtaken(_) | Provisional::Acknowledged => self,
        }
    }

    /// The next copy of a 180 without PRACK, and the pause after it.
    pub(super) fn copy(&mut self) -> Option<(Vec<u8>, Duration)> {
        match self {
            Provisional::Waiting(waiting) => {
                let pause = waiting.pause;
                waiting.pause *= 2;
                Some((waiting.bytes.clone(), pause))
            }
            Provisional::Plain
            | Provisional::Required
            | Provisional::Overtaken(_)
            | Provisional::Acknowledged => None,
        }
    }

    /// A PRACK came; false when it is for nothing that waits for one.
    fn acknowledge(&mut self, receipt: Receipt) -> bool {
        let open = match self {
            Provisional::Waiting(Waiting { receipt, .. }) | Provisional::Overtaken(receipt) => *receipt,
            Provisional::Plain | Provisional::Required | Provisional::Acknowledged => return false,
        };
        let fits = open == receipt;
        if fits {
            *self = Provisional::Acknowledged;
        }
        fits
    }
}

impl Receipt {
    /// Reads RAck, for example `776656 1 INVITE`.
    fn parse(text: &str) -> Option<Receipt> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || crate::scan::number(words.next()?).and_then(|number| u32::try_from(number).ok());
        let receipt = Receipt { number: number()?, invite: number()? };
        (words.next() == Some("INVITE") && words.next().is_none()).then_some(receipt)
    }
}

impl Session {
    /// An unanswered call rings: 180, reliably where the caller requires that.
    pub(crate) fn ring(&mut self, cx: &mut Context) {
        let SessionState::Invited(invited) = &mut self.state else { return };
        let answer =
            capabilities(Answer::new(Status::RINGING)).with("Contact", our_binding(self.peer, self.is_sips));
        match (&invited.provisional, &invited.offer) {
            (Provisional::Plain, _) => cx.reply(&invited.server, &answer),
            (Provisional::Required, Some(_)) => {
                invited.ring_reliably(cx, answer);
                self.timers.set(Timer::Resend, cx.now + T1);
                self.timers.set(Timer::Unacknowledged, cx.now + TRY_FOR);
            }
            (
                Provisional::Required
                | Provisional::Waiting(_)
                | Provisional::Overtaken(_)
                | Provisional::Acknowledged,
                _,
            ) => {}
        }
    }

    /// PRACK in a session. A description in it answers nothing: its sender offered before and waits for our answer.
    pub(super) fn peer_acknowledges(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) {
        let Some(receipt) = request.headers.text("RAck").and_then(|text| Receipt::parse(&text)) else {
            return cx.reply(key, &bad_request("PRACK without a RAck that can be read"));
        };
        if !request.body.is_empty() {
            return cx.reply(key, &bad_request("PRACK with a body while an offer is open"));
        }
        let fits = match &mut self.state {
            SessionState::Invited(invited) => {
                let fits = invited.provisional.acknowledge(receipt);
                if fits {
                    self.timers.stop(Timer::Resend);
                    self.timers.stop(Timer::Unacknowledged);
                }
                fits
            }
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => {
                talking.provisional.acknowledge(receipt)
            }
            SessionState::Calling(_) | SessionState::Withdrawn(_) | SessionState::Over => false,
        };
        cx.reply(key, &Answer::new(if fits { Status::OK } else { Status::NO_SUCH_CALL }));
    }

    /// Acknowledges a provisional answer that asks for it. False when it is to be passed over: a copy, or out of order.
    pub(super) fn acknowledge(
        &self,
        cx: &mut Context,
        key: &ClientKey,
        invite: &Request,
        response: &Response,
    ) -> bool {
        let Some(number) = reliable_number(response) else { return true };
        // Without tag and Contact there is no dialog to send it in.
        let Some(dialog) = Dialog::answered(invite, response).filter(Dialog::is_whole) else { return true };
        let source = self.peer.address.ip();
        let answer = self.audio.find_answer(&response.headers, &response.body, source);
        let destination = in_dialog(self.peer, &dialog);
        let Some(slot) = cx.clients.get_mut(key) else { return true };
        let Some(branch) = next_in_order(&mut slot.branches, dialog, number) else { return false };
        let Some(branch) = branch else { return true };
        if branch.answer.is_none() {
            branch.answer = answer;
        }
        let mut prack = branch.dialog.request(Method::Prack);
        let invite = invite.cseq().map_or(0, |cseq| cseq.number);
        prack.headers.push("RAck", format!("{number} {invite} INVITE"));
        prack.headers.push("User-Agent", &cx.settings.user_agent);
        cx.start_client(prack, destination, Owner::Nobody);
        true
    }
}

impl Invited {
    /// Sends a 180 that waits for its PRACK.
    fn ring_reliably(&mut self, cx: &mut Context, answer: Answer) {
        let number = u32::try_from(cx.random.between(1, 0x7fff_ffff)).unwrap_or(1);
        let answer = answer.with("Require", "100rel").with("RSeq", number.to_string());
        let bytes = cx.answer(&self.server, &answer, Vec::new());
        let invite = cx.servers.get(&self.server).and_then(|slot| slot.request.cseq().ok());
        let receipt = Receipt { number, invite: invite.map_or(0, |cseq| cseq.number) };
        self.provisional = Provisional::Waiting(Waiting { receipt, bytes, pause: T1 * 2 });
    }
}
