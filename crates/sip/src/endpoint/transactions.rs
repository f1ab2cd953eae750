//! The endpoint's transactions: which there are, and carrying out their steps.

use super::check::Essentials;
use super::reliable::Branch;
use super::session::Stage;
use super::{
    Answer, Destination, Due, Ending, Endpoint, Flow, MergeKey, PingId, SessionId, Transport, reply,
};
use crate::transaction::{Client, InviteClient, InviteServer, RING_FOR, Server, Step};
use crate::{Method, Moment, Request, Response};

/// Requests longer than this go by TCP (RFC 3261 section 18.1.1).
const LARGEST_DATAGRAM: usize = 1_300;

/// Branch and method of a request of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey {
    pub(super) branch: String,
    pub(super) method: String,
}

/// Branch, sender and method of a peer's request; for RFC 2543 peers all that tells requests apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServerKey {
    pub(super) branch: String,
    pub(super) sent_by: String,
    pub(super) method: String,
}

impl ServerKey {
    /// The key of the INVITE that a CANCEL or ACK with this key is about.
    pub(super) fn of_invite(&self) -> ServerKey {
        ServerKey { method: Method::Invite.name().to_owned(), ..self.clone() }
    }
}

pub(super) struct ClientSlot {
    pub(super) machine: ClientMachine,
    pub(super) destination: Destination,
    /// The datagram way, when the request went by TCP for its length alone.
    datagram: Option<Destination>,
    pub(super) owner: Owner,
    /// The tags of other branches that were ended.
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
    /// Nobody: BYE, CANCEL.
    Nobody,
    /// The first INVITE of a session.
    Call(SessionId),
    /// A re-INVITE of a session.
    Change(SessionId),
    /// UPDATE or OPTIONS, to see whether the peer of a session lives.
    Question(SessionId),
    /// OPTIONS to a contact.
    Ping(PingId),
}

pub(super) struct ServerSlot {
    pub(super) machine: ServerMachine,
    pub(super) request: Request,
    pub(super) tag: String,
    pub(super) destination: Destination,
    pub(super) session: Option<SessionId>,
    pub(super) merge: Option<MergeKey>,
}

pub(super) enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

impl ClientSlot {
    fn request(&self) -> &Request {
        match &self.machine {
            ClientMachine::Invite(machine) => machine.request(),
            ClientMachine::Other(machine) => machine.request(),
        }
    }

    fn is_unanswered(&self) -> bool {
        match &self.machine {
            ClientMachine::Invite(machine) => machine.is_unanswered(),
            ClientMachine::Other(machine) => machine.is_unanswered(),
        }
    }
}

impl Endpoint {
    /// Sends a request that has no Via yet, in a transaction of its own.
    pub(super) fn start_client(
        &mut self,
        now: Moment,
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
        request.headers = crate::Headers::new().with("Via", via).followed_by(&request.headers);
        self.run_client(now, branch, request, chosen, datagram, owner)
    }

    /// Starts a transaction whose request has its Via, as a CANCEL has.
    pub(super) fn run_client(
        &mut self,
        now: Moment,
        branch: String,
        request: Request,
        destination: Destination,
        datagram: Option<Destination>,
        owner: Owner,
    ) -> ClientKey {
        let key = ClientKey { branch, method: request.method.name().to_owned() };
        let reliable = destination.transport.is_reliable();
        let mut steps = Vec::new();
        let machine = match request.method {
            Method::Invite => {
                let machine = InviteClient::start(now, request, reliable, &mut steps);
                ClientMachine::Invite(match owner {
                    Owner::Change(_) => machine.with_patience(RING_FOR),
                    Owner::Nobody | Owner::Call(_) | Owner::Question(_) | Owner::Ping(_) => machine,
                })
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Options
            | Method::Register
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Other(_) => {
                let machine = Client::start(now, request, reliable, &mut steps);
                ClientMachine::Other(match owner.patience() {
                    Some(patience) => machine.with_patience(now, patience),
                    None => machine,
                })
            }
        };
        self.clients.insert(
            key.clone(),
            ClientSlot {
                machine,
                destination,
                datagram,
                owner,
                forks: Vec::new(),
                branches: Vec::new(),
                sent: false,
            },
        );
        self.client_steps(now, &key, steps);
        key
    }

    /// Puts an ACK of a 2xx on the wire; it has no transaction.
    pub(super) fn send_ack(&mut self, mut ack: Request, destination: Destination) -> Vec<u8> {
        let branch = format!("z9hG4bK{}", self.random.token());
        let via = via(destination, &branch);
        ack.headers = crate::Headers::new().with("Via", via).followed_by(&ack.headers);
        let bytes = ack.print();
        // Nobody says that it did not arrive.
        if let Some(other) = destination.other() {
            self.send(other, bytes.clone());
        }
        self.send(destination, bytes.clone());
        bytes
    }

    pub(super) fn handle_response(&mut self, now: Moment, response: Response) {
        // A response whose Via is not ours, or that cannot be read, belongs to nobody here: dropped.
        let (Ok(via), Ok(cseq)) = (response.via(), response.cseq()) else { return };
        if !via.host.ip().is_some_and(|ip| self.settings.is_ours(ip)) {
            return;
        }
        // A 2xx to an INVITE is acknowledged whatever else is wrong with it: the peer repeats it until then.
        let accepts = response.status.is_success() && cseq.method == Method::Invite;
        if (response.from().is_err() || response.to().is_err()) && !accepts {
            return;
        }
        let branch = via.branch().unwrap_or("").to_owned();
        let key = ClientKey { branch, method: cseq.method.name().to_owned() };
        let mut steps = Vec::new();
        match self.clients.get_mut(&key).map(|slot| &mut slot.machine) {
            Some(ClientMachine::Invite(machine)) => machine.handle_response(now, response, &mut steps),
            Some(ClientMachine::Other(machine)) => machine.handle_response(now, response, &mut steps),
            None => {}
        }
        self.client_steps(now, &key, steps);
    }

    pub(super) fn client_timeout(&mut self, now: Moment, key: &ClientKey) {
        let mut steps = Vec::new();
        match self.clients.get_mut(key).map(|slot| &mut slot.machine) {
            Some(ClientMachine::Invite(machine)) => machine.handle_timeout(now, &mut steps),
            Some(ClientMachine::Other(machine)) => machine.handle_timeout(now, &mut steps),
            None => {}
        }
        self.client_steps(now, key, steps);
    }

    pub(super) fn client_steps(&mut self, now: Moment, key: &ClientKey, steps: Vec<Step>) {
        for step in steps {
            let Some((destination, owner)) = self.clients.get(key).map(|slot| (slot.destination, slot.owner))
            else {
                return;
            };
            match step {
                Step::Send(bytes) => {
                    let is_copy =
                        self.clients.get_mut(key).is_some_and(|slot| std::mem::replace(&mut slot.sent, true));
                    if let Some(other) = destination.other().filter(|_| is_copy) {
                        self.send(other, bytes.clone());
                    }
                    self.send(destination, bytes);
                }
                Step::Deliver(response) => match owner {
                    Owner::Nobody => {}
                    Owner::Call(id) => self.call_answered(now, id, key, *response),
                    Owner::Change(id) => self.change_answered(now, id, *response),
                    Owner::Question(id) => self.question_answered(now, id, &response),
                    Owner::Ping(ping) => self.pinged(ping, Some(response.status)),
                },
                Step::TimedOut => self.client_failed(now, owner, Ending::TimedOut),
                Step::Terminated => {
                    self.clients.remove(key);
                }
            }
        }
        let deadline = self.clients.get(key).and_then(|slot| match &slot.machine {
            ClientMachine::Invite(machine) => machine.poll_timeout(),
            ClientMachine::Other(machine) => machine.poll_timeout(),
        });
        self.schedule.set(&Due::Client(key.clone()), deadline);
    }

    /// A connection could not be made or broke before an answer: what went by TCP only for its length is
    /// sent as a datagram after all (RFC 3261 section 18.1.1), the rest has failed.
    pub fn handle_unreachable(&mut self, now: Moment, destination: Destination) {
        let hit = |slot: &ClientSlot| {
            slot.destination.transport == destination.transport
                && slot.destination.address == destination.address
                && slot.is_unanswered()
        };
        let keys: Vec<ClientKey> =
            self.clients.iter().filter(|(_, slot)| hit(slot)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(slot) = self.clients.get_mut(&key)
                && let Some(other) = slot.destination.other()
            {
                slot.destination = other;
                let bytes = slot.request().print();
                self.send(other, bytes);
                continue;
            }
            let Some(slot) = self.clients.remove(&key) else { continue };
            self.schedule.set(&Due::Client(key.clone()), None);
            match slot.datagram {
                None => self.client_failed(now, slot.owner, Ending::Unreachable),
                Some(datagram) => {
                    let mut request = slot.request().clone();
                    let via = via(datagram, &key.branch);
                    request.headers.set_first("Via", via);
                    self.run_client(now, key.branch, request, datagram, None, slot.owner);
                }
            }
        }
    }

    fn client_failed(&mut self, now: Moment, owner: Owner, why: Ending) {
        match owner {
            Owner::Nobody => {}
            Owner::Call(id) => {
                let unanswered =
                    self.sessions.get(&id).is_some_and(|session| matches!(session.stage, Stage::Outgoing(_)));
                if unanswered {
                    self.finish(id, why);
                }
            }
            // The peer does not answer inside the dialog any more (RFC 3261 section 12.2.1.2).
            Owner::Change(id) | Owner::Question(id) => {
                self.bye(now, id, Some("SIP;cause=408;text=\"Request Timeout\""), why)
            }
            Owner::Ping(ping) => self.pinged(ping, None),
        }
    }

    /// Answers a request in its transaction.
    pub(super) fn answer(&mut self, now: Moment, key: &ServerKey, answer: &Answer, body: Vec<u8>) -> Vec<u8> {
        let Some(slot) = self.servers.get_mut(key) else { return Vec::new() };
        let bytes = reply::response(&self.settings, &slot.request, answer, &slot.tag, body).print();
        let mut steps = Vec::new();
        match &mut slot.machine {
            ServerMachine::Invite(machine) => machine.respond(now, answer.status, bytes.clone(), &mut steps),
            ServerMachine::Other(machine) => machine.respond(now, answer.status, bytes.clone(), &mut steps),
        }
        self.server_steps(key, steps);
        bytes
    }

    pub(super) fn server_timeout(&mut self, now: Moment, key: &ServerKey) {
        let mut steps = Vec::new();
        match self.servers.get_mut(key).map(|slot| &mut slot.machine) {
            Some(ServerMachine::Invite(machine)) => machine.handle_timeout(now, &mut steps),
            Some(ServerMachine::Other(machine)) => machine.handle_timeout(now, &mut steps),
            None => {}
        }
        self.server_steps(key, steps);
    }

    /// The request and its answer are over.
    pub(super) fn forget_server(&mut self, key: &ServerKey) {
        if let Some(ServerSlot { merge: Some(merge), .. }) = self.servers.remove(key) {
            self.merges.remove(&merge);
        }
        self.schedule.set(&Due::Server(key.clone()), None);
    }

    pub(super) fn server_steps(&mut self, key: &ServerKey, steps: Vec<Step>) {
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
        let deadline = self.servers.get(key).and_then(|slot| match &slot.machine {
            ServerMachine::Invite(machine) => machine.poll_timeout(),
            ServerMachine::Other(machine) => machine.poll_timeout(),
        });
        self.schedule.set(&Due::Server(key.clone()), deadline);
    }
}

/// Our Via value in a request that goes there.
fn via(destination: Destination, branch: &str) -> String {
    format!("SIP/2.0/{} {};branch={branch};rport", destination.transport.name(), destination.local)
}

/// What tells this request's transaction from others (RFC 3261 section 17.2.3); ACK finds its INVITE's.
///
/// The sender's real address counts too: two phones behind two NATs may well have the same private
/// address, and a stranger who learned a branch can't cancel with it.
pub(super) fn server_key(request: &Request, essentials: &Essentials, flow: Flow) -> ServerKey {
    let Essentials { via, from, call_id, cseq, .. } = essentials;
    let method = match &request.method {
        Method::Ack => "INVITE".to_owned(),
        other => other.name().to_owned(),
    };
    let source = flow.source.ip();
    let sent_by = format!("{}:{} {source}", via.host, via.port.unwrap_or(5060)).to_ascii_lowercase();
    match via.branch().filter(|branch| super::check::has_cookie(branch)) {
        Some(branch) => ServerKey { branch: branch.to_owned(), sent_by, method },
        // An RFC 2543 peer: all of these together.
        None => {
            let (branch, tag) = (via.branch().unwrap_or(""), from.tag().unwrap_or(""));
            let branch = format!("{}\n{call_id}\n{}\n{tag}\n{branch}", request.uri, cseq.number);
            ServerKey { branch, sent_by, method }
        }
    }
}
