//! What becomes of requests of ours: responses, time-outs, connections that broke.

use super::clients::{ClientKey, Owner};
use super::{Destination, Ending, Endpoint, Event, PingId, QueryId};
use crate::transaction::Step;
use crate::{Method, Moment, Response, Status};

impl Endpoint {
    pub(super) fn handle_response(&mut self, response: Response) {
        // A response whose Via is not ours, or that cannot be read, belongs to nobody here: dropped.
        let (Ok(via), Ok(cseq)) = (response.via(), response.cseq()) else { return };
        if !via.host.ip().is_some_and(|ip| self.cx.settings.is_ours(ip)) {
            return;
        }
        // A 2xx to an INVITE is acknowledged whatever else is wrong with it: the peer repeats it until then.
        let accepts = response.status.is_success() && cseq.method == Method::Invite;
        if (response.from().is_err() || response.to().is_err()) && !accepts {
            return;
        }
        let key = ClientKey::answered_by(via.branch().unwrap_or(""), &cseq.method);
        let mut steps = Vec::new();
        if let Some(slot) = self.cx.clients.get_mut(&key) {
            slot.machine.handle_response(self.cx.now, response, &mut steps);
        }
        self.client_steps(&key, steps);
    }

    pub(super) fn client_timeout(&mut self, key: &ClientKey) {
        let mut steps = Vec::new();
        if let Some(slot) = self.cx.clients.get_mut(key) {
            slot.machine.handle_timeout(self.cx.now, &mut steps);
        }
        self.client_steps(key, steps);
    }

    fn client_steps(&mut self, key: &ClientKey, steps: Vec<Step>) {
        for step in steps {
            let Some(owner) = self.cx.clients.get(key).map(|slot| slot.owner) else { return };
            match step {
                Step::Send(bytes) => self.cx.send_request(key, bytes),
                Step::Deliver(response) => self.deliver(owner, key, &response),
                Step::TimedOut => self.client_failed(owner, Ending::TimedOut),
                Step::Terminated => self.cx.forget_client(key),
            }
        }
        self.cx.schedule_client(key);
    }

    fn deliver(&mut self, owner: Owner, key: &ClientKey, response: &Response) {
        match owner {
            Owner::Nobody => {}
            Owner::Call(id) => {
                let session = self.with(id, |session, cx| session.call_answered(cx, key, response));
                // Somebody answers a call that is over: it is ended there too.
                if session.is_none() && response.status.is_success() {
                    self.cx.end_branch(key, response, None);
                }
            }
            Owner::Change(id) => {
                self.with(id, |session, cx| session.change_answered(cx, response));
            }
            Owner::Question(id) => {
                self.with(id, |session, cx| session.question_answered(cx, response));
            }
            Owner::Notify(id, number) => {
                self.with(id, |session, cx| session.notify_answered(cx, number, Some(response)));
            }
            Owner::Refer(id, number) => {
                self.with(id, |session, cx| session.refer_answered(cx, number, Some(response)));
            }
            Owner::Ping(ping) => self.pinged(ping, Some(response.status)),
            Owner::Query(query) => self.answered(query, response),
        }
    }

    fn client_failed(&mut self, owner: Owner, why: Ending) {
        match owner {
            Owner::Nobody => {}
            Owner::Call(id) => {
                self.with(id, |session, cx| session.call_failed(cx, why));
            }
            Owner::Change(id) | Owner::Question(id) => {
                self.with(id, |session, cx| session.peer_lost(cx, why));
            }
            Owner::Notify(id, number) => {
                self.with(id, |session, cx| session.notify_answered(cx, number, None));
            }
            Owner::Refer(id, number) => {
                self.with(id, |session, cx| session.refer_answered(cx, number, None));
            }
            Owner::Ping(ping) => self.pinged(ping, None),
            Owner::Query(query) => self.cx.event(Event::Answered { query, response: None }),
        }
    }

    fn answered(&mut self, query: QueryId, response: &Response) {
        if !response.status.is_provisional() {
            self.cx.event(Event::Answered { query, response: Some(Box::new(response.clone())) });
        }
    }

    fn pinged(&mut self, ping: PingId, status: Option<Status>) {
        // A proxy's word that it cannot reach the device is none of the device.
        let absent = |status: Status| matches!(status.code(), 408 | 410 | 430 | 480 | 502 | 503 | 504);
        match status {
            Some(status) if status.is_provisional() => {}
            Some(status) => self.cx.event(Event::Pinged { ping, reachable: !absent(status) }),
            None => self.cx.event(Event::Pinged { ping, reachable: false }),
        }
    }

    /// A connection could not be made or broke before an answer: what can go another way does, the rest has failed.
    pub fn handle_unreachable(&mut self, now: Moment, destination: Destination) {
        self.cx.now = now;
        for key in self.cx.unanswered_at(destination) {
            if let Some(owner) = self.cx.send_otherwise(key) {
                self.client_failed(owner, Ending::Unreachable);
            }
        }
    }
}
