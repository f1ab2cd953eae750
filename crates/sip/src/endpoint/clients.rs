//! Requests of ours: which there are, starting them, and what becomes of them on the wire.

use std::time::Duration;

use super::branches::Branch;
use super::context::{Context, Due};
use super::{Destination, PingId, QueryId, SessionId, Transport};
use crate::transaction::{Client, InviteClient, RING_FOR, Step};
use crate::{Headers, Method, Moment, Request, Response};

/// Requests longer than this go by TCP (RFC 3261 section 18.1.1).
const LARGEST_DATAGRAM: usize = 1_300;
/// How long a peer may take to answer the question whether it lives.
pub(super) const ANSWER_FOR: Duration = Duration::from_secs(16);
/// How long a binding may take to answer OPTIONS.
const PING_FOR: Duration = Duration::from_secs(8);

/// Branch and method of a request of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey {
    branch: String,
    method: String,
}

pub(super) struct ClientSlot {
    pub(super) machine: ClientMachine,
    pub(super) destination: Destination,
    /// The datagram way, when the request went by TCP for its length alone.
    datagram: Option<Destination>,
    pub(super) owner: Owner,
    /// The To tags of branches that answered with 2xx.
    pub(super) forks: Vec<String>,
    /// Branches that sent reliable provisional answers.
    pub(super) branches: Vec<Branch>,
    /// The request went out; what goes out from now on is a copy.
    sent: bool,
}

pub(super) enum ClientMachine {
    Invite(InviteClient),
    Other(Client),
}

/// Who wants the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody: BYE, CANCEL, PRACK.
    Nobody,
    /// The first INVITE of a session.
    Call(SessionId),
    /// A re-INVITE of a session.
    Change(SessionId),
    /// UPDATE or OPTIONS, to see whether the peer of a session lives.
    Question(SessionId),
    /// NOTIFY of a session's REFER, by the REFER's number.
    Notify(SessionId, u32),
    /// REFER of a session, by its number.
    Refer(SessionId, u32),
    /// OPTIONS to a binding.
    Ping(PingId),
    /// A request of the user's own.
    Query(QueryId),
}

impl Owner {
    /// How long an answer is waited for, when not for as long as the RFC has it.
    fn patience(self) -> Option<Duration> {
        match self {
            Owner::Ping(_) => Some(PING_FOR),
            Owner::Question(_) => Some(ANSWER_FOR),
            Owner::Nobody
            | Owner::Call(_)
            | Owner::Change(_)
            | Owner::Notify(..)
            | Owner::Refer(..)
            | Owner::Query(_) => None,
        }
    }
}

impl ClientKey {
    /// The key of the request that a response answers.
    pub(super) fn answered_by(branch: &str, method: &Method) -> ClientKey {
        ClientKey { branch: branch.to_owned(), method: method.name().to_owned() }
    }
}

impl ClientMachine {
    fn start(
        now: Moment,
        request: Request,
        reliable: bool,
        owner: Owner,
        steps: &mut Vec<Step>,
    ) -> ClientMachine {
        if request.method == Method::Invite {
            let machine = InviteClient::start(now, request, reliable, steps);
            return ClientMachine::Invite(match owner {
                Owner::Change(_) => machine.with_patience(RING_FOR),
                Owner::Nobody
                | Owner::Call(_)
                | Owner::Question(_)
                | Owner::Notify(..)
                | Owner::Refer(..)
                | Owner::Ping(_)
                | Owner::Query(_) => machine,
            });
        }
        let machine = Client::start(now, request, reliable, steps);
        ClientMachine::Other(match owner.patience() {
            Some(patience) => machine.with_patience(now, patience),
            None => machine,
        })
    }

    fn request(&self) -> &Request {
        match self {
            ClientMachine::Invite(machine) => machine.request(),
            ClientMachine::Other(machine) => machine.request(),
        }
    }

    fn is_unanswered(&self) -> bool {
        match self {
            ClientMachine::Invite(machine) => machine.is_unanswered(),
            ClientMachine::Other(machine) => machine.is_unanswered(),
        }
    }

    pub(super) fn handle_response(&mut self, now: Moment, response: Response, steps: &mut Vec<Step>) {
        match self {
            ClientMachine::Invite(machine) => machine.handle_response(now, response, steps),
            ClientMachine::Other(machine) => machine.handle_response(now, response, steps),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Moment, steps: &mut Vec<Step>) {
        match self {
            ClientMachine::Invite(machine) => machine.handle_timeout(now, steps),
            ClientMachine::Other(machine) => machine.handle_timeout(now, steps),
        }
    }

    fn poll_timeout(&self) -> Option<Moment> {
        match self {
            ClientMachine::Invite(machine) => machine.poll_timeout(),
            ClientMachine::Other(machine) => machine.poll_timeout(),
        }
    }
}

impl Context {
    /// Sends a request that has no Via yet, in a transaction of its own.
    pub(super) fn start_client(
        &mut self,
        mut request: Request,
        destination: Destination,
        owner: Owner,
    ) -> ClientKey {
        let branch = format!("z9hG4bK{}", self.random.token());
        let mut via = via(destination, &branch);
        let mut chosen = destination;
        let mut datagram = None;
        let length = request.print().len() + via.len() + "Via: \r\n".len();
        if destination.transport == Transport::Udp && length > LARGEST_DATAGRAM {
            chosen = Destination { transport: Transport::Tcp, ..destination };
            datagram = Some(destination);
            via = self::via(chosen, &branch);
        }
        request.headers = Headers::new().with("Via", via).followed_by(&request.headers);
        let key = ClientKey { branch, method: request.method.name().to_owned() };
        self.run_client(key, request, chosen, datagram, owner)
    }

    /// Starts a transaction whose request has its Via.
    fn run_client(
        &mut self,
        key: ClientKey,
        request: Request,
        destination: Destination,
        datagram: Option<Destination>,
        owner: Owner,
    ) -> ClientKey {
        let mut steps = Vec::new();
        let reliable = destination.transport.is_reliable();
        let machine = ClientMachine::start(self.now, request, reliable, owner, &mut steps);
        let (forks, branches) = (Vec::new(), Vec::new());
        let slot = ClientSlot { machine, destination, datagram, owner, forks, branches, sent: false };
        self.clients.insert(key.clone(), slot);
        for step in steps {
            // A transaction begins with its request and nothing else.
            if let Step::Send(bytes) = step {
                self.send_request(&key, bytes);
            }
        }
        self.schedule_client(&key);
        key
    }

    /// Puts a request, or an ACK of its refusal, on the wire. Copies also go where the first may not have arrived.
    pub(super) fn send_request(&mut self, key: &ClientKey, bytes: Vec<u8>) {
        let Some(slot) = self.clients.get_mut(key) else { return };
        let is_copy = std::mem::replace(&mut slot.sent, true);
        let destination = slot.destination;
        if let Some(other) = destination.other().filter(|_| is_copy) {
            self.send(other, bytes.clone());
        }
        self.send(destination, bytes);
    }

    /// Puts an ACK of a 2xx on the wire; it has no transaction.
    pub(super) fn send_ack(&mut self, mut ack: Request, destination: Destination) -> Vec<u8> {
        let branch = format!("z9hG4bK{}", self.random.token());
        let via = via(destination, &branch);
        ack.headers = Headers::new().with("Via", via).followed_by(&ack.headers);
        let bytes = ack.print();
        // Nobody says that it did not arrive.
        if let Some(other) = destination.other() {
            self.send(other, bytes.clone());
        }
        self.send(destination, bytes.clone());
        bytes
    }

    /// True once an INVITE of ours heard a provisional answer and while it heard no final one: it may be cancelled.
    pub(super) fn is_proceeding(&self, key: &ClientKey) -> bool {
        self.clients.get(key).is_some_and(|slot| match &slot.machine {
            ClientMachine::Invite(machine) => machine.is_open() && !machine.is_unanswered(),
            ClientMachine::Other(_) => false,
        })
    }

    /// Sends the CANCEL of an INVITE, with `reason` as its Reason header (RFC 3326).
    pub(super) fn cancel(&mut self, invite: &ClientKey, reason: Option<&str>) {
        let Some(slot) = self.clients.get(invite) else { return };
        let (request, destination) = (cancel(slot.machine.request(), reason), slot.destination);
        let key = ClientKey { method: Method::Cancel.name().to_owned(), ..invite.clone() };
        self.run_client(key, request, destination, None, Owner::Nobody);
    }

    /// Sends no further copies of an INVITE; whatever answers the earlier ones is still taken.
    pub(super) fn send_no_more(&mut self, key: &ClientKey) {
        if let Some(ClientMachine::Invite(machine)) = self.clients.get_mut(key).map(|slot| &mut slot.machine)
        {
            machine.send_no_more();
        }
        self.schedule_client(key);
    }

    /// The request is over, or nobody will answer it.
    pub(super) fn forget_client(&mut self, key: &ClientKey) {
        self.clients.remove(key);
        self.schedule_client(key);
    }

    /// Puts the transaction's next deadline into the schedule; call after each change of it.
    pub(super) fn schedule_client(&mut self, key: &ClientKey) {
        let deadline = self.clients.get(key).and_then(|slot| slot.machine.poll_timeout());
        self.schedule.set(&Due::Client(key.clone()), deadline);
    }

    /// The requests that went there and wait for any answer.
    pub(super) fn unanswered_at(&self, destination: Destination) -> Vec<ClientKey> {
        let hit = |slot: &ClientSlot| {
            slot.destination.transport == destination.transport
                && slot.destination.address == destination.address
                && slot.machine.is_unanswered()
        };
        self.clients.iter().filter(|(_, slot)| hit(slot)).map(|(key, _)| key.clone()).collect()
    }

    /// Sends a request by its other way: to its other address, or, when it went by TCP for its length alone, as a
    /// datagram after all (RFC 3261 section 18.1.1). One that has no other way is over: its owner.
    pub(super) fn send_otherwise(&mut self, key: ClientKey) -> Option<Owner> {
        let slot = self.clients.get_mut(&key)?;
        if let Some(other) = slot.destination.other() {
            slot.destination = other;
            let bytes = slot.machine.request().print();
            self.send(other, bytes);
            return None;
        }
        let owner = slot.owner;
        let resent = slot.datagram.map(|datagram| (datagram, slot.machine.request().clone()));
        self.forget_client(&key);
        let Some((datagram, mut request)) = resent else { return Some(owner) };
        request.headers.set_first("Via", via(datagram, &key.branch));
        self.run_client(key, request, datagram, None, owner);
        None
    }
}

/// Our Via value in a request that goes there.
fn via(destination: Destination, branch: &str) -> String {
    format!("SIP/2.0/{} {};branch={branch};rport", destination.transport.name(), destination.local)
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1): its own Via, Request-URI, Route and number.
fn cancel(invite: &Request, reason: Option<&str>) -> Request {
    let mut headers = Headers::new();
    if let Some(via) = invite.headers.list("Via").first() {
        headers.push("Via", via);
    }
    headers.push("Max-Forwards", "70");
    for name in ["Route", "From", "To", "Call-ID"] {
        invite.headers.all(name).for_each(|value| headers.push(name, value));
    }
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    headers.push("CSeq", format!("{number} CANCEL"));
    if let Some(reason) = reason {
        headers.push("Reason", reason);
    }
    Request { method: Method::Cancel, uri: invite.uri.clone(), headers, body: Vec::new() }
}
