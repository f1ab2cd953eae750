//! Requests of peers: which there are, and answering them.

use super::check::{Essentials, has_cookie};
use super::context::{Context, Due};
use super::{Answer, Destination, Flow, SessionId, reply};
use crate::transaction::{InviteServer, Server, Step};
use crate::{Method, Moment, Request, Status};

/// Branch, sender and method of a peer's request; for RFC 2543 peers all that tells requests apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServerKey {
    branch: String,
    sent_by: String,
    method: String,
}

/// Call-ID, From tag with the sender's address, CSeq number and method.
pub(super) type MergeKey = (String, String, u32, String);

/// A request on its way in: whence, of which transaction, and with what every request has.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) flow: Flow,
    pub(super) key: &'a ServerKey,
    pub(super) essentials: &'a Essentials,
}

pub(super) struct ServerSlot {
    pub(super) machine: ServerMachine,
    pub(super) request: Request,
    /// The To tag of our answers.
    pub(super) tag: String,
    pub(super) destination: Destination,
    /// The session that this INVITE made.
    pub(super) session: Option<SessionId>,
    merge: Option<MergeKey>,
}

pub(super) enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

impl ServerKey {
    /// What tells this request's transaction from others (RFC 3261 section 17.2.3); ACK finds its INVITE's.
    ///
    /// The sender's real address counts too: two phones behind two NATs may well have the same private
    /// address, and a stranger who learned a branch can't cancel with it.
    pub(super) fn of(request: &Request, essentials: &Essentials, flow: Flow) -> ServerKey {
        let Essentials { via, from, call_id, cseq, .. } = essentials;
        let method = match &request.method {
            Method::Ack => "INVITE".to_owned(),
            other => other.name().to_owned(),
        };
        let source = flow.source.ip();
        let sent_by = format!("{}:{} {source}", via.host, via.port.unwrap_or(5060)).to_ascii_lowercase();
        match via.branch().filter(|branch| has_cookie(branch)) {
            Some(branch) => ServerKey { branch: branch.to_owned(), sent_by, method },
            // An RFC 2543 peer: all of these together.
            None => {
                let (branch, tag) = (via.branch().unwrap_or(""), from.tag().unwrap_or(""));
                let branch = format!("{}\n{call_id}\n{}\n{tag}\n{branch}", request.uri, cseq.number);
                ServerKey { branch, sent_by, method }
            }
        }
    }

    /// The key of the INVITE that a CANCEL or ACK with this key is about.
    pub(super) fn of_invite(&self) -> ServerKey {
        ServerKey { method: Method::Invite.name().to_owned(), ..self.clone() }
    }
}

impl ServerMachine {
    /// True for an INVITE without final answer.
    pub(super) fn is_open_invite(&self) -> bool {
        matches!(self, ServerMachine::Invite(machine) if machine.is_open())
    }

    fn respond(&mut self, now: Moment, status: Status, bytes: Vec<u8>, steps: &mut Vec<Step>) {
        match self {
            ServerMachine::Invite(machine) => machine.respond(now, status, bytes, steps),
            ServerMachine::Other(machine) => machine.respond(now, status, bytes, steps),
        }
    }

    fn handle_copy(&self, steps: &mut Vec<Step>) {
        match self {
            ServerMachine::Invite(machine) => machine.handle_copy(steps),
            ServerMachine::Other(machine) => machine.handle_copy(steps),
        }
    }

    fn handle_timeout(&mut self, now: Moment, steps: &mut Vec<Step>) {
        match self {
            ServerMachine::Invite(machine) => machine.handle_timeout(now, steps),
            ServerMachine::Other(machine) => machine.handle_timeout(now, steps),
        }
    }

    fn poll_timeout(&self) -> Option<Moment> {
        match self {
            ServerMachine::Invite(machine) => machine.poll_timeout(),
            ServerMachine::Other(machine) => machine.poll_timeout(),
        }
    }
}

impl Context {
    /// Makes the transaction of a peer's request; true when the same request is in work already by another path
    /// (RFC 3261 section 8.2.2.2).
    pub(super) fn open_server(&mut self, arrival: Arrival, request: Request) -> bool {
        let Arrival { flow, key, essentials } = arrival;
        let reliable = flow.transport.is_reliable();
        let tag = self.random.token();
        let machine = if request.method == Method::Invite {
            let trying = Answer::new(Status::TRYING);
            let trying = reply::response(&self.settings, &request, &trying, &tag, Vec::new()).print();
            ServerMachine::Invite(InviteServer::start(self.now, reliable, trying))
        } else {
            ServerMachine::Other(Server::start(reliable))
        };
        let merge = merge_key(arrival, &request.method);
        let merged = merge.as_ref().is_some_and(|merge| self.merges.contains_key(merge));
        let merge = merge.filter(|_| !merged);
        if let Some(merge) = &merge {
            self.merges.insert(merge.clone(), key.clone());
        }
        let destination = reply::reply_destination(Some(&essentials.via), flow);
        let slot = ServerSlot { machine, request, tag, destination, session: None, merge };
        self.servers.insert(key.clone(), slot);
        self.server_steps(key, Vec::new());
        merged
    }

    /// Answers a request in its transaction; the bytes that were sent.
    pub(super) fn answer(&mut self, key: &ServerKey, answer: &Answer, body: Vec<u8>) -> Vec<u8> {
        let Some(slot) = self.servers.get_mut(key) else { return Vec::new() };
        let bytes = reply::response(&self.settings, &slot.request, answer, &slot.tag, body).print();
        let mut steps = Vec::new();
        slot.machine.respond(self.now, answer.status, bytes.clone(), &mut steps);
        self.server_steps(key, steps);
        bytes
    }

    /// Answers a request in its transaction, without a body.
    pub(super) fn reply(&mut self, key: &ServerKey, answer: &Answer) {
        self.answer(key, answer, Vec::new());
    }

    /// Answers and forgets the request at once (RFC 3261 section 8.2.7): a copy of it is judged again and gets the
    /// same To tag, and the ACK of an INVITE finds nothing. An INVITE that has heard a 100 is not sent again, so
    /// that one keeps its transaction.
    pub(super) fn turn_down(&mut self, key: &ServerKey, answer: &Answer) {
        let Some(slot) = self.servers.get(key) else { return };
        let spoke = matches!(&slot.machine, ServerMachine::Invite(machine) if !machine.is_silent());
        if spoke {
            return self.reply(key, answer);
        }
        let tag = reply::stateless_tag(&self.tag_key, &slot.request);
        let bytes = reply::response(&self.settings, &slot.request, answer, &tag, Vec::new()).print();
        let destination = slot.destination;
        self.send(destination, bytes);
        self.forget_server(key);
    }

    /// Answers without remembering anything. An ACK is never answered.
    pub(super) fn reply_stateless(&mut self, flow: Flow, request: &Request, answer: &Answer) {
        if request.method == Method::Ack {
            return;
        }
        let via = request.via().ok();
        let mut request = request.clone();
        if let Some(via) = &via {
            reply::stamp_via(&mut request, via, flow);
        }
        let tag = reply::stateless_tag(&self.tag_key, &request);
        let bytes = reply::response(&self.settings, &request, answer, &tag, Vec::new()).print();
        self.send(reply::reply_destination(via.as_ref(), flow), bytes);
    }

    /// The 100 of an INVITE at once.
    pub(super) fn hurry(&mut self, key: &ServerKey) {
        let mut steps = Vec::new();
        if let Some(ServerMachine::Invite(machine)) = self.servers.get_mut(key).map(|slot| &mut slot.machine)
        {
            machine.hurry(&mut steps);
        }
        self.server_steps(key, steps);
    }

    /// Another copy of a request came.
    pub(super) fn handle_copy(&mut self, key: &ServerKey) {
        let mut steps = Vec::new();
        if let Some(slot) = self.servers.get(key) {
            slot.machine.handle_copy(&mut steps);
        }
        self.server_steps(key, steps);
    }

    /// The ACK of a refusal came.
    pub(super) fn refusal_acknowledged(&mut self, key: &ServerKey) {
        if let Some(ServerMachine::Invite(machine)) = self.servers.get_mut(key).map(|slot| &mut slot.machine)
        {
            machine.handle_ack(self.now);
            self.server_steps(key, Vec::new());
        }
    }

    pub(super) fn server_timeout(&mut self, key: &ServerKey) {
        let mut steps = Vec::new();
        if let Some(slot) = self.servers.get_mut(key) {
            slot.machine.handle_timeout(self.now, &mut steps);
        }
        self.server_steps(key, steps);
    }

    /// The request and its answer are over.
    fn forget_server(&mut self, key: &ServerKey) {
        if let Some(ServerSlot { merge: Some(merge), .. }) = self.servers.remove(key) {
            self.merges.remove(&merge);
        }
        self.schedule.set(&Due::Server(key.clone()), None);
    }

    fn server_steps(&mut self, key: &ServerKey, steps: Vec<Step>) {
        for step in steps {
            let Some(slot) = self.servers.get(key) else { return };
            let destination = slot.destination;
            match step {
                Step::Send(bytes) => self.send(destination, bytes),
                // A server has nothing to deliver, and a refusal that nobody acknowledged is as over as
                // one that was (timer H).
                Step::Deliver(_) | Step::TimedOut => {}
                Step::Terminated => self.forget_server(key),
            }
        }
        let deadline = self.servers.get(key).and_then(|slot| slot.machine.poll_timeout());
        self.schedule.set(&Due::Server(key.clone()), deadline);
    }
}

/// What copies of a request by several paths have in common; only requests outside dialogs are merged.
fn merge_key(arrival: Arrival, method: &Method) -> Option<MergeKey> {
    let Arrival { flow, essentials, .. } = arrival;
    let outside = essentials.to.tag().is_none() && *method != Method::Cancel;
    let tag = essentials.from.tag().filter(|_| outside)?;
    let sender = format!("{tag} {}", flow.source.ip());
    Some((essentials.call_id.clone(), sender, essentials.cseq.number, method.name().to_owned()))
}
