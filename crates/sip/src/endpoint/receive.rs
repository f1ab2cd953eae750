//! Requests on their way in: checks, transactions, and who gets them.

use super::check::{self, Essentials};
use super::transactions::{ServerKey, ServerMachine, ServerSlot, server_key};
use super::{Answer, Endpoint, Event, Flow, RequestId, SessionId, reply};
use crate::transaction::{InviteServer, Server};
use crate::{Method, Moment, Request, Status};

/// A request on its way in: whence, of which transaction, and with what every request has.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) flow: Flow,
    pub(super) key: &'a ServerKey,
    pub(super) essentials: &'a Essentials,
}

impl Endpoint {
    pub(super) fn handle_request(&mut self, now: Moment, flow: Flow, mut request: Request) {
        let essentials = match check::essentials(&request) {
            Ok(essentials) => essentials,
            Err(answer) => return self.reply_stateless(flow, &request, &answer),
        };
        reply::stamp_via(&mut request, &essentials.via, flow);
        let key = &server_key(&request, &essentials, flow);
        let arrival = Arrival { flow, key, essentials: &essentials };
        if request.method == Method::Ack {
            return self.handle_ack(now, arrival, &request);
        }
        if self.servers.contains_key(key) {
            return self.handle_copy(key);
        }
        if let Some(answer) = self.turned_away(arrival, &request.method) {
            return self.reply_stateless(flow, &request, &answer);
        }
        let merged = self.open_server(now, arrival, request);
        if merged {
            self.turn_down(now, key, &Answer::new(Status::LOOP_DETECTED));
        } else {
            self.dispatch(now, arrival);
        }
    }

    /// What a request gets when there are as many transactions as there may be. What ends a call is still
    /// let in, once for each call; ends of nothing are not, so that they cannot be too many either.
    fn turned_away(&self, arrival: Arrival, method: &Method) -> Option<Answer> {
        let Arrival { key, essentials, .. } = arrival;
        if self.servers.len() < self.settings.max_transactions {
            return None;
        }
        let ends_something = match method {
            Method::Bye => essentials
                .to
                .tag()
                .and_then(|tag| self.find_session(essentials, tag))
                .is_some_and(|id| self.is_next_number(id, essentials.cseq.number)),
            Method::Cancel => self.servers.contains_key(&key.of_invite()),
            Method::Invite
            | Method::Ack
            | Method::Options
            | Method::Register
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Other(_) => {
                return Some(overloaded());
            }
        };
        (!ends_something).then(|| Answer::new(Status::NO_SUCH_CALL))
    }

    /// Makes the server transaction; true when the same request is in work already by another path
    /// (RFC 3261 section 8.2.2.2).
    fn open_server(&mut self, now: Moment, arrival: Arrival, request: Request) -> bool {
        let Arrival { flow, key, essentials } = arrival;
        let reliable = flow.transport.is_reliable();
        let tag = self.random.token();
        let machine = match request.method {
            Method::Invite => {
                let trying = Answer::new(Status::TRYING);
                let trying = reply::response(&self.settings, &request, &trying, &tag, Vec::new()).print();
                ServerMachine::Invite(InviteServer::start(now, reliable, trying))
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Options
            | Method::Register
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Other(_) => ServerMachine::Other(Server::start(reliable)),
        };
        let outside = essentials.to.tag().is_none() && request.method != Method::Cancel;
        let merge = essentials.from.tag().filter(|_| outside).map(|tag| {
            let method = request.method.name().to_owned();
            (
                essentials.call_id.clone(),
                format!("{tag} {}", flow.source.ip()),
                essentials.cseq.number,
                method,
            )
        });
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

    fn dispatch(&mut self, now: Moment, arrival: Arrival) {
        let Arrival { key, essentials, .. } = arrival;
        let Some(request) = self.servers.get(key).map(|slot| slot.request.clone()) else { return };
        if request.method == Method::Cancel {
            return self.handle_cancel(now, arrival, &request);
        }
        let inside = essentials.to.tag().filter(|_| request.method != Method::Register);
        let session = inside.and_then(|tag| self.find_session(essentials, tag));
        if inside.is_some() && session.is_none() {
            return self.turn_down(now, key, &Answer::new(Status::NO_SUCH_CALL));
        }
        match (check::core(&request, essentials, &self.settings), session) {
            (Err(answer), Some(_)) => self.refuse_request(now, key, &answer),
            (Err(answer), None) => self.turn_down(now, key, &answer),
            (Ok(()), Some(id)) => self.inside(now, arrival, id, &request),
            (Ok(()), None) => self.outside(now, arrival, request),
        }
    }

    /// A request inside a dialog.
    fn inside(&mut self, now: Moment, arrival: Arrival, id: SessionId, request: &Request) {
        let Arrival { flow, key, essentials } = arrival;
        if !self.take_number(id, essentials.cseq.number) {
            let answer = Answer::new(Status::SERVER_ERROR).with("Retry-After", "1");
            return self.refuse_request(now, key, &answer);
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.peer = flow.into();
            session.spoke(request);
        }
        // A PRACK may have left before our 200 arrived.
        if !matches!(request.method, Method::Bye | Method::Prack) {
            self.answer_arrived(id);
        }
        match &request.method {
            Method::Invite | Method::Update => self.peer_changes(now, key, id, request),
            Method::Bye => self.peer_hangs_up(now, key, id),
            Method::Prack => self.peer_acknowledges(now, key, id, request),
            Method::Info => self.peer_informs(now, key, id, request),
            Method::Options => self.refuse_request(now, key, &options()),
            // ACK and CANCEL never come here, REGISTER knows no dialogs, others were refused by the core.
            Method::Ack | Method::Cancel | Method::Register | Method::Other(_) => {
                self.refuse_request(now, key, &Answer::new(Status::NO_SUCH_CALL));
            }
        }
    }

    /// A request outside any dialog.
    fn outside(&mut self, now: Moment, arrival: Arrival, request: Request) {
        let Arrival { flow, key, .. } = arrival;
        match &request.method {
            Method::Invite => self.invited(now, arrival, request),
            Method::Options => {
                let answer = if self.draining { draining() } else { options() };
                self.turn_down(now, key, &answer);
            }
            Method::Register => {
                let id = RequestId(self.new_id());
                self.requests.insert(id, key.clone());
                self.event(Event::Register { id, request: Box::new(request), flow });
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Other(_) => {
                self.turn_down(now, key, &Answer::new(Status::NO_SUCH_CALL));
            }
        }
    }

    /// Answers a [`Event::Register`]. An answer to a request that is gone does nothing. A refusal or challenge
    /// keeps no state.
    pub fn respond(&mut self, now: Moment, id: RequestId, answer: &Answer) {
        let Some(key) = self.requests.remove(&id) else { return };
        if answer.status.is_success() {
            self.answer(now, &key, answer, Vec::new());
        } else {
            self.turn_down(now, &key, answer);
        }
    }

    /// Answers and forgets the request at once (RFC 3261 section 8.2.7): a copy of it is judged again and gets the
    /// same To tag, and the ACK of an INVITE finds nothing. An INVITE that has heard a 100 is not sent again, so
    /// that one keeps its transaction.
    pub(super) fn turn_down(&mut self, now: Moment, key: &ServerKey, answer: &Answer) {
        let Some(slot) = self.servers.get(key) else { return };
        let spoke = matches!(&slot.machine, ServerMachine::Invite(machine) if !machine.is_silent());
        if spoke {
            return self.refuse_request(now, key, answer);
        }
        let tag = reply::stateless_tag(&self.tag_key, &slot.request);
        let bytes = reply::response(&self.settings, &slot.request, answer, &tag, Vec::new()).print();
        let destination = slot.destination;
        self.send(destination, bytes);
        self.forget_server(key);
    }

    pub(super) fn refuse_request(&mut self, now: Moment, key: &ServerKey, answer: &Answer) {
        self.answer(now, key, answer, Vec::new());
    }

    fn handle_copy(&mut self, key: &ServerKey) {
        let mut steps = Vec::new();
        match self.servers.get(key).map(|slot| &slot.machine) {
            Some(ServerMachine::Invite(machine)) => machine.handle_copy(&mut steps),
            Some(ServerMachine::Other(machine)) => machine.handle_copy(&mut steps),
            None => {}
        }
        self.server_steps(key, steps);
    }

    /// An ACK ends a refusal's copies, confirms a session, or belongs to nobody; it is never answered.
    fn handle_ack(&mut self, now: Moment, arrival: Arrival, request: &Request) {
        let Arrival { flow, key, essentials } = arrival;
        if let Some(ServerMachine::Invite(machine)) = self.servers.get_mut(key).map(|slot| &mut slot.machine)
        {
            machine.handle_ack(now);
            self.server_steps(key, Vec::new());
        }
        let session = essentials.to.tag().and_then(|tag| self.find_session(essentials, tag));
        if let Some(id) = session {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.peer = flow.into();
            }
            self.acknowledged(now, id, essentials.cseq.number, request);
        }
    }

    /// The session of a dialog; the peer's tag must be the one that we know.
    fn find_session(&self, essentials: &Essentials, to_tag: &str) -> Option<SessionId> {
        let id = *self.dialogs.get(&(essentials.call_id.clone(), to_tag.to_owned()))?;
        let session = self.sessions.get(&id)?;
        let fits = session.remote_tag().is_none_or(|tag| essentials.from.tag() == Some(tag));
        fits.then_some(id)
    }
}

/// There are as many sessions or transactions as there may be: the peer may try again after 5 seconds.
pub(super) fn overloaded() -> Answer {
    Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", "5")
}

/// A center that shuts down takes nothing new; it is asked again after 30 seconds.
fn draining() -> Answer {
    Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", "30")
}

/// The answer to OPTIONS.
fn options() -> Answer {
    capabilities(Answer::new(Status::OK)).with("Accept", "application/sdp")
}

/// What we can do, as 200 to OPTIONS and INVITE tell.
pub(super) fn capabilities(answer: Answer) -> Answer {
    answer.with("Allow", Method::ALLOW).with("Supported", "timer, 100rel")
}
