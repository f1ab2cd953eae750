//! Requests on their way in: checks, transactions, and who gets them.

use super::answers::{bad_request, draining, no_such_call, options, overloaded};
use super::check;
use super::servers::{Arrival, ServerKey};
use super::session::Session;
use super::{Answer, Ending, Endpoint, Event, Flow, Replaces, RequestId, reply};
use crate::{Method, Request, Status};

impl Endpoint {
    pub(super) fn handle_request(&mut self, flow: Flow, mut request: Request) {
        let essentials = match check::essentials(&request) {
            Ok(essentials) => essentials,
            Err(answer) => return self.cx.reply_stateless(flow, &request, &answer),
        };
        reply::stamp_via(&mut request, &essentials.via, flow);
        let key = &ServerKey::of(&request, &essentials, flow);
        let arrival = Arrival { flow, key, essentials: &essentials };
        if request.method == Method::Ack {
            return self.handle_ack(arrival, &request);
        }
        if self.cx.servers.contains_key(key) {
            return self.cx.handle_copy(key);
        }
        if let Some(answer) = self.turned_away(arrival, &request.method) {
            return self.cx.reply_stateless(flow, &request, &answer);
        }
        let merged = self.cx.open_server(arrival, request);
        if merged {
            self.cx.turn_down(key, &Answer::new(Status::LOOP_DETECTED));
        } else {
            self.dispatch(arrival);
        }
    }

    /// What a request gets when there are as many transactions as there may be. What ends a call is still
    /// let in, once for each call; ends of nothing are not, so that they cannot be too many either.
    fn turned_away(&self, arrival: Arrival, method: &Method) -> Option<Answer> {
        let Arrival { key, essentials, .. } = arrival;
        if self.cx.servers.len() < self.cx.settings.max_transactions {
            return None;
        }
        let ends_something = match method {
            Method::Bye => self
                .sessions
                .of_request(essentials)
                .is_some_and(|session| session.is_next_number(essentials.cseq.number)),
            Method::Cancel => self.cx.servers.contains_key(&key.of_invite()),
            Method::Invite
            | Method::Ack
            | Method::Options
            | Method::Register
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Other(_) => {
                return Some(overloaded());
            }
        };
        (!ends_something).then(no_such_call)
    }

    fn dispatch(&mut self, arrival: Arrival) {
        let Arrival { key, essentials, .. } = arrival;
        let Some(request) = self.cx.servers.get(key).map(|slot| slot.request.clone()) else { return };
        if request.method == Method::Cancel {
            return self.handle_cancel(arrival, &request);
        }
        let is_inside = essentials.to.tag().is_some() && request.method != Method::Register;
        let session = if is_inside { self.sessions.of_request(essentials) } else { None };
        let session = session.map(|session| session.id);
        if is_inside && session.is_none() {
            return self.cx.turn_down(key, &no_such_call());
        }
        match (check::core(&request, essentials, &self.cx.settings), session) {
            (Err(answer), Some(_)) => self.cx.reply(key, &answer),
            (Err(answer), None) => self.cx.turn_down(key, &answer),
            (Ok(()), Some(id)) => {
                self.with(id, |session, cx| session.handle_request(cx, arrival, &request));
            }
            (Ok(()), None) => self.outside(arrival, request),
        }
    }

    /// A request outside any dialog.
    fn outside(&mut self, arrival: Arrival, request: Request) {
        let Arrival { flow, key, .. } = arrival;
        match &request.method {
            Method::Invite => self.invited(arrival, request),
            Method::Options => {
                let answer = if self.draining { draining() } else { options() };
                self.cx.turn_down(key, &answer);
            }
            Method::Register => {
                let id = RequestId(self.cx.new_id());
                self.requests.insert(id, key.clone());
                self.cx.event(Event::Register { id, request: Box::new(request), flow });
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Notify
            | Method::Other(_) => self.cx.turn_down(key, &no_such_call()),
            // Nobody has us call somebody but by a call of its own.
            Method::Refer => self.cx.turn_down(key, &Answer::new(Status::FORBIDDEN)),
        }
    }

    /// An INVITE outside dialogs: a new session, unless its offer is nothing for us.
    fn invited(&mut self, arrival: Arrival, request: Request) {
        let Arrival { flow, key, .. } = arrival;
        if self.sessions.len() >= self.cx.settings.max_sessions {
            return self.cx.turn_down(key, &overloaded());
        }
        if let Some(answer) = self.replaces_nothing(&request) {
            return self.cx.turn_down(key, &answer);
        }
        match Session::invited(&mut self.cx, arrival, &request) {
            Err(answer) => self.cx.turn_down(key, &answer),
            Ok((session, remote)) => {
                let id = session.id;
                self.insert(session);
                self.cx.event(Event::Invited { session: id, request: Box::new(request), flow, remote });
            }
        }
    }

    /// What an INVITE gets that is to take over a call (RFC 3891 section 3): nobody takes over a call from
    /// outside; agents' phones have their calls joined by REFER.
    fn replaces_nothing(&self, request: &Request) -> Option<Answer> {
        let values: Vec<_> = request.headers.all("Replaces").collect();
        let [value] = values[..] else {
            return (!values.is_empty()).then(|| bad_request("several Replaces"));
        };
        let text = String::from_utf8_lossy(value);
        let Some(replaces) = Replaces::parse(&text) else { return Some(bad_request("malformed Replaces")) };
        if request.headers.count("Join") > 0 {
            return Some(bad_request("Replaces and Join"));
        }
        Some(match self.sessions.of_replaces(&replaces) {
            Some(_) if replaces.early_only => Answer::new(Status::BUSY_HERE),
            Some(_) => Answer::new(Status::FORBIDDEN),
            None => no_such_call(),
        })
    }

    /// An ACK ends a refusal's copies, confirms a session, or belongs to nobody; it is never answered.
    fn handle_ack(&mut self, arrival: Arrival, request: &Request) {
        let Arrival { flow, key, essentials } = arrival;
        self.cx.refusal_acknowledged(key);
        if let Some(id) = self.sessions.of_request(essentials).map(|session| session.id) {
            let number = essentials.cseq.number;
            self.with(id, |session, cx| session.acknowledged(cx, flow, number, request));
        }
    }

    /// CANCEL (RFC 3261 section 9.2): 200 if its INVITE is known, 487 to the INVITE if that is still open.
    fn handle_cancel(&mut self, arrival: Arrival, request: &Request) {
        let Arrival { key, essentials, .. } = arrival;
        let invite = key.of_invite();
        let known = self.cx.servers.get(&invite).filter(|slot| {
            slot.request.call_id().is_ok_and(|call_id| call_id == essentials.call_id)
                && slot.request.from().is_ok_and(|from| from.tag() == essentials.from.tag())
        });
        let Some(slot) = known else { return self.cx.turn_down(key, &no_such_call()) };
        if essentials.cseq.method != request.method {
            return self.cx.reply(key, &bad_request("CSeq names another method"));
        }
        let (session, tag, is_open) = (slot.session, slot.tag.clone(), slot.machine.is_open_invite());
        if let Some(slot) = self.cx.servers.get_mut(key) {
            // The To tags of both answers agree (section 9.2).
            slot.tag = tag;
        }
        self.cx.reply(key, &Answer::new(Status::OK));
        if is_open {
            self.cx.reply(&invite, &Answer::new(Status::REQUEST_TERMINATED));
            if let Some(id) = session {
                self.with(id, |session, cx| session.end(cx, Ending::Cancelled));
            }
        }
    }
}
