//! An endpoint, its peers, and the model beside it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::model::{Expected, Standing};
use super::*;

/// A call as its peer sees it.
pub(super) struct Call {
    pub(super) id: SessionId,
    pub(super) call_id: String,
    /// Our tag, once the peer knows it.
    pub(super) tag: Option<String>,
    /// The peer's last number.
    pub(super) number: u32,
    /// The peer used a number that older ones are known by.
    pub(super) counts: bool,
    /// The number of the last INVITE that we accepted.
    pub(super) accepted: u32,
    /// The branch of the peer's first INVITE.
    pub(super) branch: String,
    /// What we asked, the last at the end.
    pub(super) asked: Vec<Request>,
    /// Gone when its final report was given.
    pub(super) expected: Option<Expected>,
}

impl Call {
    pub(super) fn new(id: SessionId, call_id: String) -> Call {
        let (tag, branch, asked, expected) = (None, String::new(), Vec::new(), None);
        Call { id, call_id, tag, number: 0, counts: false, accepted: 0, branch, asked, expected }
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        Some(self.expected.as_ref()?.standing)
    }
}

/// The endpoint, its peers, and the model beside it.
pub(super) struct Walk {
    pub(super) world: World,
    pub(super) calls: Vec<Call>,
    /// What a peer said last, if a copy of it says nothing new.
    pub(super) last: Option<String>,
    /// What a peer said so far.
    pub(super) said: u32,
    /// Final reports that the model awaits.
    pub(super) awaited: Vec<(SessionId, Ending)>,
    pub(super) over: BTreeSet<SessionId>,
    /// How long a call of ours may go without any answer.
    pub(super) patience: Option<Duration>,
}

impl Walk {
    pub(super) fn new(patience: Option<Duration>) -> Walk {
        let mut world = World::new();
        world.endpoint.set_patience(Patience { provisional: patience, session_interval: None });
        let (calls, last, awaited) = (Vec::new(), None, Vec::new());
        Walk { world, calls, last, said: 0, awaited, over: BTreeSet::new(), patience }
    }

    /// A request of the peer inside the call's dialog; `None` before it knows our tag.
    pub(super) fn text(
        &mut self,
        at: usize,
        method: &str,
        number: u32,
        headers: &str,
        body: &str,
    ) -> Option<String> {
        let branch = self.branch();
        let call = &self.calls[at];
        let text = inside(method, number, call.tag.as_ref()?, &branch, headers, body);
        Some(text.replace("Call-ID: call", &format!("Call-ID: {}", call.call_id)))
    }

    pub(super) fn next_number(&mut self, at: usize) -> u32 {
        self.calls[at].number += 1;
        self.calls[at].number
    }

    pub(super) fn branch(&self) -> String {
        format!("p{}", self.said)
    }

    /// A peer says this.
    pub(super) fn say(&mut self, text: String) {
        self.said += 1;
        self.world.endpoint.handle_datagram(self.world.now, flow(B), text.as_bytes());
        // A first INVITE whose transaction is over would be another call.
        let is_call = text.starts_with("INVITE") && !text.contains("To: <sip:8000@192.0.2.1>;tag=");
        self.last = Some(text).filter(|_| !is_call);
    }

    /// The model says that a call is over.
    pub(super) fn ends(&mut self, at: usize, why: Option<Ending>) {
        let call = &mut self.calls[at];
        if let Some(why) = why
            && call.expected.take().is_some()
        {
            self.awaited.push((call.id, why));
        }
    }

    /// Takes what the endpoint says: final reports as the model has them, nothing of a session after its own.
    pub(super) fn hear(&mut self) {
        self.world.drain();
        let mut ended = Vec::new();
        for event in std::mem::take(&mut self.world.events) {
            let session = match event {
                Event::Ended { session, why } => {
                    ended.push((session, why));
                    assert!(self.over.insert(session), "{session:?} ended twice");
                    continue;
                }
                Event::Invited { session, .. }
                | Event::Ringing { session }
                | Event::Early { session, .. }
                | Event::Reason { session, .. }
                | Event::Redirected { session, .. }
                | Event::Connected { session, .. }
                | Event::Changed { session, .. }
                | Event::Digit { session, .. }
                | Event::Referred { session, .. }
                | Event::Referral { session, .. } => session,
                Event::Pinged { .. } | Event::Answered { .. } | Event::Register { .. } => {
                    panic!("nobody asked for {event:?}")
                }
            };
            assert!(!self.over.contains(&session), "{event:?} after the end");
        }
        ended.sort_by_key(|(session, _)| *session);
        let mut awaited = std::mem::take(&mut self.awaited);
        awaited.sort_by_key(|(session, _)| *session);
        assert_eq!(ended, awaited, "final reports, the endpoint's and the model's, at {:?}", self.world.now);
        for message in std::mem::take(&mut self.world.sent) {
            self.read(message);
        }
    }

    /// What a peer and the model learn from what the endpoint sent.
    pub(super) fn read(&mut self, message: Message) {
        let call_id = match &message {
            Message::Request(request) => request.call_id(),
            Message::Response(response) => response.call_id(),
        };
        let now = self.world.now;
        let Some(call) = self.calls.iter_mut().find(|call| call_id.as_ref() == Ok(&call.call_id)) else {
            panic!("{message:?} is of no call");
        };
        match message {
            Message::Request(request) => {
                call.tag = request.from().unwrap().tag().map(str::to_owned);
                if let Some(expected) = &mut call.expected {
                    expected.asked(now, &request);
                }
                let methods =
                    [Method::Invite, Method::Update, Method::Options, Method::Notify, Method::Refer];
                if methods.contains(&request.method) {
                    call.asked.push(request);
                }
            }
            Message::Response(response) => {
                let (cseq, to) = (response.cseq().unwrap(), response.to().unwrap());
                call.tag = call.tag.take().or_else(|| to.tag().map(str::to_owned));
                if cseq.method == Method::Invite && response.status.is_success() {
                    call.accepted = call.accepted.max(cseq.number);
                }
                if let Some(expected) = &mut call.expected {
                    expected.answered(now, &response);
                }
            }
        }
    }

    /// The user ends all, the peers fall silent: nothing is left in any table.
    pub(super) fn come_to_an_end(mut self) {
        for at in 0..self.calls.len() {
            self.order(at, 9);
            self.hear();
        }
        self.pass(600_000);
        let endpoint = &self.world.endpoint;
        let is_empty = endpoint.sessions.is_empty() && endpoint.cx.merges.is_empty();
        assert!(is_empty && endpoint.requests.is_empty(), "a table is not empty");
        assert_eq!((endpoint.session_count(), endpoint.transaction_count()), (0, 0));
        assert_eq!(endpoint.poll_timeout(), None);
        assert_eq!(self.over.len(), self.calls.len(), "every session had its final report");
    }

    /// Lets timers fire one by one; each time the model says first what it brings.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.world.now + Duration::from_millis(ms);
        while let Some(due) = self.world.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.world.now = due.max(self.world.now);
            for at in 0..self.calls.len() {
                let why = self.calls[at].expected.as_ref().and_then(|of| of.time_out(self.world.now));
                self.ends(at, why);
            }
            self.world.endpoint.handle_timeout(self.world.now);
            self.hear();
        }
        self.world.now = end;
    }
}
