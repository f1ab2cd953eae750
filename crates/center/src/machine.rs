//! The router: inputs find their machine, the contact, the leg or the call to a feature code, and everything ordered or
//! noted comes out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{
    AgentId, CallId, Cause, CenterEvent, ContactId, EndedBy, Event, Ids, Invited, LegId, Number, Origin,
    Refused, RemoteMedia, Time,
};

use crate::code::CodeCall;
use crate::config::Config;
use crate::contact::Contact;
use crate::context::Context;
use crate::customer::Invitation;
use crate::dialling::is_telephone_number;
use crate::inout::{Input, Output};
use crate::inside::InsideCall;
use crate::leg::Why;
use crate::timers::Timer;

/// The one writer of call state. See the crate's documentation for the state charts.
#[derive(Debug)]
pub struct Center {
    pub(crate) cx: Context,
    pub(crate) contacts: BTreeMap<ContactId, Box<Contact>>,
    /// Calls to feature codes, by their one leg.
    pub(crate) codes: BTreeMap<LegId, CodeCall>,
    /// Calls between agents.
    pub(crate) inside: BTreeMap<CallId, InsideCall>,
    pub(crate) draining: bool,
    pub(crate) drained: bool,
}

impl Center {
    /// A center that has just started. `left_open` ends what the last run was cut off in.
    pub fn new(config: Config, ids: Ids, offer_ids: Ids, now: Time, left_open: Vec<Event>) -> Center {
        let cx = Context::new(config, ids, offer_ids, now);
        let (contacts, codes, inside) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut center = Center { cx, contacts, codes, inside, draining: false, drained: false };
        for event in left_open {
            center.cx.record(event);
        }
        let version = center.cx.config.version.clone();
        center.cx.record(CenterEvent::Started { version });
        center
    }

    /// Remembers how agents stood when the last run ended. Call it before the first [`Center::handle`].
    pub fn restore(&mut self, now: Time, standings: Vec<acd::Standing>) {
        self.cx.distributor.restore(now, standings);
    }

    /// How many calls are in progress.
    pub fn calls(&self) -> usize {
        self.contacts.len() + self.codes.len() + self.inside.len()
    }

    /// The contact that a leg belongs to: a customer's, or one that a seat talks or rings for.
    pub fn contact_of(&self, leg: LegId) -> Option<ContactId> {
        self.cx.legs.get(leg)?.why.contact()
    }

    /// Takes an input; what follows is drained by [`Center::poll_output`].
    pub fn handle(&mut self, now: Time, input: Input) {
        self.cx.now = now;
        match input {
            Input::Invited(leg, invited) => self.invited(leg, *invited),
            Input::Leg(leg, report) => self.leg_report(leg, report),
            Input::Seat { agent, online: true, local } => self.cx.seat_online(agent, local),
            Input::Seat { agent, online: false, .. } => {
                self.guest_offline(&agent);
                self.cx.seat_offline(agent);
            }
            Input::Media(report) => self.media_report(report),
            Input::Command(command) => self.command(command),
            Input::ClockSet { by_ms } => self.cx.clock_set(by_ms),
            Input::Settings(config) => self.cx.replace_settings(*config),
            Input::Drain => {
                if !std::mem::replace(&mut self.draining, true) {
                    self.cx.record(CenterEvent::DrainStarted);
                }
            }
            Input::Close => {
                self.cx.farewell = true;
                self.with_each(Contact::say_farewell);
                self.end_codes();
            }
            Input::EndAll => {
                self.with_each(|contact, cx| contact.end(cx, Cause::ShuttingDown, EndedBy::Operator));
                self.end_codes();
            }
        }
        self.settle();
    }

    /// Lets happen what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        self.cx.now = now;
        self.cx.distributor.handle_timeout(now);
        self.follow_distributor();
        while let Some(timer) = self.cx.timers.due(now) {
            self.timer(timer);
        }
        self.settle();
    }

    /// When [`Center::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.cx.timers.next().into_iter().chain(self.cx.distributor.poll_timeout()).min()
    }

    /// The next order or record.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.cx.poll_output()
    }

    /// The one look-up of contacts: has one that is not over do something.
    pub(crate) fn with<R>(
        &mut self,
        id: ContactId,
        act: impl FnOnce(&mut Contact, &mut Context) -> R,
    ) -> Option<R> {
        let Some(contact) = self.contacts.get_mut(&id) else {
            tracing::debug!(contact = %id, "nothing is done with a contact that is over");
            return None;
        };
        // Whatever is logged meanwhile says which contact it is about.
        let span = tracing::info_span!("contact", contact = %id).entered();
        let done = act(contact, &mut self.cx);
        drop(span);
        if contact.is_over() {
            self.contacts.remove(&id);
        }
        Some(done)
    }

    /// Has a contact obey a command.
    pub(crate) fn ordered<T>(
        &mut self,
        id: ContactId,
        act: impl FnOnce(&mut Contact, &mut Context) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.with(id, act).unwrap_or(Err(Refused::UnknownContact))
    }

    fn with_each(&mut self, act: impl Fn(&mut Contact, &mut Context)) {
        for id in self.contacts.keys().copied().collect::<Vec<_>>() {
            self.with(id, &act);
        }
    }

    fn end_codes(&mut self) {
        for mut code in std::mem::take(&mut self.codes).into_values() {
            code.end(&mut self.cx, Cause::ShuttingDown);
        }
        for mut inside in std::mem::take(&mut self.inside).into_values() {
            inside.end(&mut self.cx, Cause::ShuttingDown);
        }
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Flow(id) => _ = self.with(id, Contact::flow_timeout),
            Timer::SecureInput(id) => _ = self.with(id, Contact::secure_timeout),
            Timer::Wait(id) => _ = self.with(id, Contact::wait_timeout),
            Timer::Typing(id) => _ = self.with(id, Contact::typing_timeout),
            Timer::Parking(id) => _ = self.with(id, Contact::parking_over),
            Timer::Ring(leg) => match self.cx.legs.get(leg).map(|of| &of.why) {
                Some(Why::Inside(call)) => {
                    let call = *call;
                    self.with_inside(call, |inside, cx| inside.rang_out(cx, leg));
                }
                why => {
                    let rung_for = why.and_then(Why::contact);
                    rung_for.map(|id| self.with(id, |contact, cx| contact.rang_out(cx, leg)));
                }
            },
        }
    }

    fn invited(&mut self, leg: LegId, invited: Invited) {
        let Invited { source, local, origin, dialled, diverted, caller, caller_name, remote, sip_call_id } =
            invited;
        match origin {
            Origin::Agent(agent) => {
                self.agent_calls((leg, local), agent, dialled, (remote, sip_call_id));
            }
            Origin::Trunk(trunk) => {
                let first = diverted.entry().filter(|number| self.cx.config.routes.contains_key(*number));
                let number = first.cloned().unwrap_or(dialled);
                let diversions = diverted.by;
                let invitation = Invitation {
                    trunk,
                    source,
                    local,
                    number,
                    diversions,
                    caller,
                    caller_name,
                    remote,
                    sip_call_id,
                };
                self.customer_invited(leg, invitation);
            }
        }
    }

    /// An agent dials a feature code, a slot in which somebody is parked, somebody of the house, a customer, or, in a call, whom to
    /// consult.
    fn agent_calls(
        &mut self,
        ends: (LegId, IpAddr),
        agent: AgentId,
        dialled: Number,
        (remote, sip_call_id): (Option<RemoteMedia>, Box<str>),
    ) {
        let after_code = self.cx.config.after_dial_code(&dialled);
        let is_for_the_house = after_code.is_some();
        let dialled = after_code.unwrap_or(dialled);
        if let Some(contact) = self.cx.slot_of(&dialled) {
            return self.dial_slot(contact, ends, agent, remote);
        }
        let talks_with = self.contact_of_agent(&agent).ok();
        let is_outside = !is_for_the_house
            && !self.cx.config.feature_codes.contains_key(&dialled)
            && self.cx.config.dialling.is_open()
            && is_telephone_number(dialled.as_str());
        if let (Some(contact), Some(to)) = (talks_with, self.cx.resolve(&agent, &dialled)) {
            self.with(contact, |contact, cx| contact.consult_by_phone(cx, ends, &agent, to, remote));
        } else if let Some(to) = talks_with.is_none().then(|| self.cx.of_the_house(&dialled)).flatten() {
            self.inside.extend(
                InsideCall::begin(&mut self.cx, ends, &agent, to, remote).map(|inside| (inside.id(), inside)),
            );
        } else if talks_with.is_none() && is_outside {
            self.dial_customer(ends, agent, dialled, (remote, sip_call_id));
        } else if let Some(code) = CodeCall::begin(&mut self.cx, ends, &agent, &dialled, remote) {
            self.codes.insert(ends.0, code);
        }
    }

    fn customer_invited(&mut self, leg: LegId, invitation: Invitation) {
        if self.draining {
            return self.cx.refuse(leg, Cause::ShuttingDown);
        }
        if self.calls() >= self.cx.config.max_calls {
            return self.cx.refuse(leg, Cause::CallsFull);
        }
        match Contact::begin(&mut self.cx, leg, invitation) {
            Ok(contact) => _ = self.contacts.insert(contact.id, Box::new(contact)),
            Err(cause) => self.cx.refuse(leg, cause),
        }
    }

    fn settle(&mut self) {
        self.follow_distributor();
        let waited_for = !self.draining
            || self.drained
            || self.calls() > 0
            || !self.cx.recordings.is_empty()
            || !self.cx.asked.is_empty()
            || self.cx.legs.await_quality();
        if !waited_for {
            self.drained = true;
            self.cx.drained();
        }
    }
}
