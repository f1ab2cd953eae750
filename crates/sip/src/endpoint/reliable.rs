//! Provisional answers that have to arrive (RFC 3262): 180 with RSeq, and its PRACK.
//!
//! Answering, one [`Provisional`] for each INVITE; our 180 carries no description, so that a final answer never has to wait
//! for its PRACK (section 3):
//!
//! | state | `ring` | timer | PRACK of this 180 | any other PRACK | final answer |
//! |---|---|---|---|---|---|
//! | `Plain`: the caller requires nothing | 180, sent once | | | 481 | |
//! | `Required` | 180 with RSeq → `Waiting`; nothing when the INVITE has no offer | | | 481 | → `Plain` |
//! | `Waiting` | | 180 again, twice as late each time; after 32 s 504 and the end | 200 → `Acknowledged` | 481 | → `Overtaken` |
//! | `Overtaken` | | | 200 → `Acknowledged` | 481 | |
//! | `Acknowledged` | | | 481 | 481 | |
//!
//! Asking, one [`Branch`] for each To tag:
//!
//! | last RSeq | 1xx with this RSeq | what is done |
//! |---|---|---|
//! | none yet | any | PRACK |
//! | n | n + 1 | PRACK |
//! | n | any other: a copy, or one that overtook another | nothing; it is not even heard (section 4) |
//! | n, and 32 of this INVITE were acknowledged | any | nothing |

use std::time::Duration;

use super::check::bad_request;
use super::receive::capabilities;
use super::session::{Incoming, Stage};
use super::transactions::{ClientKey, Owner, ServerKey};
use super::{Answer, Ending, Endpoint, SessionId};
use crate::dialog::Dialog;
use crate::transaction::{T1, TRY_FOR};
use crate::{Method, Moment, OfferedAudio, Request, Response, Status};

/// The most branches of one call whose provisional answers are acknowledged.
const MAX_BRANCHES: usize = 16;
/// The most provisional answers of one INVITE that are acknowledged; a peer could make us keep as many transactions.
const MAX_ACKNOWLEDGED: u32 = 32;

/// Our provisional answer to an INVITE.
#[derive(Debug)]
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

#[derive(Debug)]
pub(super) struct Waiting {
    receipt: Receipt,
    bytes: Vec<u8>,
    next: Moment,
    pause: Duration,
    until: Moment,
}

/// What RAck says: the RSeq of a provisional answer, and the CSeq of the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    number: u32,
    invite: u32,
}

/// One branch of our INVITE that answered reliably.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) dialog: Dialog,
    /// The last RSeq.
    number: u32,
    /// Answers that were acknowledged.
    acknowledged: u32,
    /// Its answer to our offer.
    pub(super) answer: Option<OfferedAudio>,
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

    pub(super) fn poll_timeout(&self) -> Option<Moment> {
        match self {
            Provisional::Waiting(waiting) => Some(waiting.next.min(waiting.until)),
            Provisional::Plain
            | Provisional::Required
            | Provisional::Overtaken(_)
            | Provisional::Acknowledged => None,
        }
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

impl Endpoint {
    /// Inbound: it rings (180), reliably where the caller requires that. Who requires it and offered nothing is not told:
    /// the first reliable answer would have to carry our offer (RFC 3261 section 13.2.1).
    pub fn ring(&mut self, now: Moment, id: SessionId) {
        let contact = self.contact(id);
        let number = u32::try_from(self.random.between(1, 0x7fff_ffff)).unwrap_or(1);
        let Some(Stage::Incoming(incoming)) = self.sessions.get(&id).map(|session| &session.stage) else {
            return;
        };
        let key = incoming.server.clone();
        let answer = capabilities(Answer::new(Status::RINGING)).with("Contact", contact);
        match (&incoming.provisional, &incoming.offer) {
            (Provisional::Plain, _) => drop(self.answer(now, &key, &answer, Vec::new())),
            (Provisional::Required, Some(_)) => {
                let answer = answer.with("Require", "100rel").with("RSeq", number.to_string());
                let bytes = self.answer(now, &key, &answer, Vec::new());
                self.await_prack(now, id, number, bytes);
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

    /// True when the caller requires provisional answers to be reliable and has heard none.
    pub(super) fn owes_provisional(&self, id: SessionId) -> bool {
        matches!(
            self.sessions.get(&id).map(|session| &session.stage),
            Some(Stage::Incoming(Incoming { provisional: Provisional::Required, offer: Some(_), .. }))
        )
    }

    fn await_prack(&mut self, now: Moment, id: SessionId, number: u32, bytes: Vec<u8>) {
        let Some(Stage::Incoming(incoming)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        let invite = self.servers.get(&incoming.server).and_then(|slot| slot.request.cseq().ok());
        let receipt = Receipt { number, invite: invite.map_or(0, |cseq| cseq.number) };
        let (next, until) = (now + T1, now + TRY_FOR);
        incoming.provisional = Provisional::Waiting(Waiting { receipt, bytes, next, pause: T1 * 2, until });
        self.reschedule(id);
    }

    /// Sends the 180 again, or gives the call up.
    pub(super) fn incoming_timeout(&mut self, now: Moment, id: SessionId) {
        let Some(Stage::Incoming(incoming)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        let Provisional::Waiting(waiting) = &mut incoming.provisional else { return };
        let key = incoming.server.clone();
        if waiting.until <= now {
            self.refuse_request(now, &key, &Answer::new(Status::SERVER_TIMEOUT));
            return self.finish(id, Ending::TimedOut);
        }
        if waiting.next <= now {
            waiting.next = now + waiting.pause;
            waiting.pause *= 2;
            let bytes = waiting.bytes.clone();
            if let Some(destination) = self.servers.get(&key).map(|slot| slot.destination) {
                self.send(destination, bytes);
            }
        }
    }

    /// PRACK in a session. A description in it answers nothing: its sender offered before and waits for our answer.
    pub(super) fn peer_acknowledges(
        &mut self,
        now: Moment,
        key: &ServerKey,
        id: SessionId,
        request: &Request,
    ) {
        let Some(receipt) = request.headers.text("RAck").and_then(|text| Receipt::parse(&text)) else {
            return self.refuse_request(now, key, &bad_request("PRACK without a RAck that can be read"));
        };
        if !request.body.is_empty() {
            return self.refuse_request(now, key, &bad_request("PRACK with a body while an offer is open"));
        }
        let provisional = match self.sessions.get_mut(&id).map(|session| &mut session.stage) {
            Some(Stage::Incoming(incoming)) => Some(&mut incoming.provisional),
            Some(Stage::Talking(talking)) => Some(&mut talking.provisional),
            Some(Stage::Outgoing(_)) | None => None,
        };
        let fits = provisional.is_some_and(|provisional| provisional.acknowledge(receipt));
        let status = if fits { Status::OK } else { Status::NO_SUCH_CALL };
        self.refuse_request(now, key, &Answer::new(status));
        self.reschedule(id);
    }

    /// Acknowledges a provisional answer that asks for it. False when it is to be passed over: a copy, or out of order.
    pub(super) fn acknowledge(
        &mut self,
        now: Moment,
        id: SessionId,
        key: &ClientKey,
        invite: &Request,
        response: &Response,
    ) -> bool {
        let Some(number) = reliable_number(response) else { return true };
        // Without tag and Contact there is no dialog to send it in.
        let dialog = Dialog::answered(invite, response).filter(Dialog::is_whole);
        let (Some(dialog), Some(session)) = (dialog, self.sessions.get(&id)) else { return true };
        let source = session.peer.address.ip();
        let answer = super::inbound::read_description(&response.headers, &response.body, source)
            .and_then(|sdp| session.find_answer(&sdp.ok()?));
        let destination = session.destination(&dialog);
        let Some(slot) = self.clients.get_mut(key) else { return true };
        let Some(branch) = next_in_order(&mut slot.branches, dialog, number) else { return false };
        let Some(branch) = branch else { return true };
        if branch.answer.is_none() {
            branch.answer = answer;
        }
        let mut prack = branch.dialog.request(Method::Prack);
        let invite = invite.cseq().map_or(0, |cseq| cseq.number);
        prack.headers.push("RAck", format!("{number} {invite} INVITE"));
        prack.headers.push("User-Agent", &self.settings.user_agent);
        self.start_client(now, prack, destination, Owner::Nobody);
        true
    }
}

/// The branch of `dialog`, moved on to this RSeq; `None` when that is not the next one, `None` inside when there are too
/// many branches to remember another.
fn next_in_order(branches: &mut Vec<Branch>, dialog: Dialog, number: u32) -> Option<Option<&mut Branch>> {
    let is_full = branches.iter().map(|branch| branch.acknowledged).sum::<u32>() >= MAX_ACKNOWLEDGED;
    let known = branches.iter().position(|branch| branch.dialog.remote_tag() == dialog.remote_tag());
    let Some(known) = known else {
        if is_full || branches.len() >= MAX_BRANCHES {
            return Some(None);
        }
        branches.push(Branch { dialog, number, acknowledged: 1, answer: None });
        return Some(branches.last_mut());
    };
    let branch = branches.get_mut(known)?;
    if is_full || branch.number.checked_add(1) != Some(number) {
        return None;
    }
    branch.number = number;
    branch.acknowledged += 1;
    Some(Some(branch))
}

/// The RSeq of a provisional answer that is to be acknowledged.
fn reliable_number(response: &Response) -> Option<u32> {
    if response.status == Status::TRYING || !requires_100rel(&response.headers) {
        return None;
    }
    let number = crate::scan::number(response.headers.text("RSeq")?.trim())?;
    u32::try_from(number).ok().filter(|number| *number > 0)
}

fn requires_100rel(headers: &crate::Headers) -> bool {
    headers.list("Require").iter().any(|tag| tag.eq_ignore_ascii_case("100rel"))
}
