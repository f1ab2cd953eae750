//! The branches of a forked INVITE of ours: whose provisional answers were acknowledged, which 2xx were.

use super::Destination;
use super::clients::{ClientKey, ClientMachine, Owner};
use super::context::Context;
use super::destination::in_dialog;
use crate::dialog::Dialog;
use crate::{Method, OfferedAudio, Request, Response, Status};

/// The most branches of one call, beside the first, that are ended with BYE; the 2xx of further ones is only
/// acknowledged.
const MAX_FORKS: usize = 16;
/// The most branches of one call whose provisional answers are acknowledged.
const MAX_BRANCHES: usize = 16;
/// The most provisional answers of one INVITE that are acknowledged; a peer could make us keep as many transactions.
const MAX_ACKNOWLEDGED: u32 = 32;

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

impl Context {
    /// The INVITE of a transaction of ours.
    pub(super) fn invite(&self, key: &ClientKey) -> Option<Request> {
        match &self.clients.get(key)?.machine {
            ClientMachine::Invite(machine) => Some(machine.request().clone()),
            ClientMachine::Other(_) => None,
        }
    }

    /// Takes up a branch whose provisional answers were acknowledged: our numbers in it go on. Its answer to our offer,
    /// if one came with those.
    pub(super) fn take_up_branch(&self, key: &ClientKey, dialog: &mut Dialog) -> Option<OfferedAudio> {
        let mut branches = self.clients.get(key)?.branches.iter();
        let branch = branches.find(|branch| branch.dialog.remote_tag() == dialog.remote_tag())?;
        dialog.number_from(&branch.dialog);
        branch.answer.clone()
    }

    /// Remembers a branch that answered with 2xx: a copy of that brings the ACK again and no further BYE. True when it
    /// is a new one.
    pub(super) fn note_branch(&mut self, key: &ClientKey, dialog: &Dialog) -> bool {
        let Some(slot) = self.clients.get_mut(key) else { return false };
        let tag = dialog.remote_tag().unwrap_or_default();
        let is_new = slot.forks.len() <= MAX_FORKS && slot.forks.iter().all(|known| known != tag);
        if is_new {
            slot.forks.push(tag.to_owned());
        }
        is_new
    }

    /// Acknowledges and ends a branch that nobody wants (RFC 3261 section 13.2.2.4). `peer`: who the session talks
    /// with; without one the ACK goes where the INVITE went.
    pub(super) fn end_branch(&mut self, key: &ClientKey, response: &Response, peer: Option<Destination>) {
        let Some(invite) = self.invite(key) else { return };
        let Some(mut dialog) = Dialog::answered(&invite, response) else { return };
        let Some(slot) = self.clients.get(key) else { return };
        let destination = peer.map_or(slot.destination, |peer| in_dialog(peer, &dialog));
        self.take_up_branch(key, &mut dialog);
        let is_new = self.note_branch(key, &dialog);
        let number = invite.cseq().map_or(1, |cseq| cseq.number);
        self.send_ack(dialog.ack(number), destination);
        if is_new {
            let bye = dialog.request(Method::Bye);
            self.start_client(bye, destination, Owner::Nobody);
        }
    }
}

/// The branch of `dialog`, moved on to this RSeq; `None` when that is not the next one, `None` inside when there are
/// too many branches to remember another.
pub(super) fn next_in_order(
    branches: &mut Vec<Branch>,
    dialog: Dialog,
    number: u32,
) -> Option<Option<&mut Branch>> {
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
pub(super) fn reliable_number(response: &Response) -> Option<u32> {
    if response.status == Status::TRYING || !requires_100rel(&response.headers) {
        return None;
    }
    let number = crate::scan::number(response.headers.text("RSeq")?.trim())?;
    u32::try_from(number).ok().filter(|number| *number > 0)
}

pub(super) fn requires_100rel(headers: &crate::Headers) -> bool {
    headers.list("Require").iter().any(|tag| tag.eq_ignore_ascii_case("100rel"))
}
