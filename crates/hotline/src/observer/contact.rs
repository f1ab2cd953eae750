//! From the events of a contact to its one line.
//!
//! ```text
//! contact_started ──► open ── contact_ended ──► ended ── customer's quality, or 3 s ──► line
//! ```
//!
//! The audio quality of a contact is known when its leg is closed, after the contact's end: the line waits for it. A
//! contact that began before this process started is missing its first events: its line has the id and the end only.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{
    AgentId, CenterEvent, ContactEvent, ContactId, End, Entry, Event, Language, LegQuality, Number, Personal,
    QueueEvent, QueueName, Time, Way,
};

/// How long the line of an ended contact waits for the audio quality.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most contacts that are kept, more than can be in progress at once. Beyond it the oldest is dropped.
const MOST: usize = 200_000;

/// The fields of the line. Times in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContactLine {
    pub(super) contact: ContactId,
    /// `None` when the beginning is not known.
    pub(super) direction: Option<Way>,
    /// As the peer sent it: not to be trusted.
    pub(super) sip_call_id: Option<String>,
    /// Personal.
    pub(super) caller: Option<Personal<Number>>,
    /// Personal, and as the peer sent it: not to be trusted.
    pub(super) caller_name: Option<Personal<String>>,
    pub(super) number: Option<Number>,
    pub(super) trunk: Option<String>,
    pub(super) language: Option<Language>,
    /// The last one.
    pub(super) queue: Option<QueueName>,
    /// The last one.
    pub(super) agent: Option<AgentId>,
    /// From the INVITE to the answer; `None` when it was not answered.
    pub(super) setup_ms: Option<u64>,
    /// Total time in queues.
    pub(super) waited_ms: u64,
    /// Total time with agents.
    pub(super) talk_ms: u64,
    /// From the INVITE to the end; `None` when the beginning is not known.
    pub(super) duration_ms: Option<u64>,
    pub(super) end: End,
    /// Of the customer's leg.
    pub(super) quality: Option<LegQuality>,
}

/// True for events that change a line or a figure.
pub(super) fn concerns(event: &Event) -> bool {
    match event {
        Event::Contact(event) => matches!(
            event,
            ContactEvent::Started { .. }
                | ContactEvent::Placed { .. }
                | ContactEvent::Answered { .. }
                | ContactEvent::LanguageChosen { .. }
                | ContactEvent::SegmentStarted { .. }
                | ContactEvent::SegmentEnded { .. }
                | ContactEvent::Ended { .. }
                | ContactEvent::QualityMeasured { .. }
        ),
        Event::Queue(event) => !matches!(event, QueueEvent::OfferMade { .. }),
        Event::Center(event) => matches!(event, CenterEvent::ClockSet { .. }),
        Event::Agent(_) | Event::Recording(_) | Event::Storage(_) => false,
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: BTreeMap<ContactId, Story>,
    /// Ended contacts, with the moment at which their line is written.
    ended: BTreeMap<ContactId, (Time, Story, Time, End)>,
    outputs: VecDeque<ContactLine>,
}

/// A contact that has not ended, or whose line is not written. Instants are wall-clock times of the center.
#[derive(Debug, Default)]
struct Story {
    started: Option<Time>,
    direction: Option<Way>,
    sip_call_id: Option<String>,
    caller: Option<Personal<Number>>,
    caller_name: Option<Personal<String>>,
    number: Option<Number>,
    trunk: Option<String>,
    language: Option<Language>,
    queue: Option<QueueName>,
    agent: Option<AgentId>,
    setup_ms: Option<u64>,
    waited_ms: u64,
    talking_since: Option<Time>,
    talk_ms: u64,
    quality: Option<LegQuality>,
}

impl Ledger {
    /// Takes an event. `now`: monotonic clock.
    pub(super) fn handle(&mut self, now: Time, entry: &Entry) {
        match &entry.event {
            Event::Center(CenterEvent::ClockSet { by_ms }) => {
                self.open.values_mut().for_each(|story| story.shift(*by_ms));
            }
            Event::Contact(event) => self.contact(now, entry.at, event),
            Event::Queue(event) => self.queue(event),
            Event::Center(_) | Event::Agent(_) | Event::Recording(_) | Event::Storage(_) => {}
        }
    }

    fn contact(&mut self, now: Time, at: Time, event: &ContactEvent) {
        let contact = event.contact();
        match event {
            ContactEvent::Placed { customer, shown, language, sip_call_id, .. } => {
                let story = Story {
                    started: Some(at),
                    direction: Some(Way::Outbound),
                    sip_call_id: sip_call_id.clone(),
                    caller: Some(customer.clone()),
                    number: shown.clone(),
                    language: Some(*language),
                    ..Story::default()
                };
                self.begin(contact, story);
            }
            ContactEvent::Started { caller, caller_name, number, trunk, language, sip_call_id, .. } => {
                let story = Story {
                    started: Some(at),
                    direction: Some(Way::Inbound),
                    sip_call_id: sip_call_id.clone(),
                    caller: caller.clone(),
                    caller_name: caller_name.clone(),
                    number: Some(number.clone()),
                    trunk: Some(trunk.clone()),
                    language: Some(*language),
                    ..Story::default()
                };
                self.begin(contact, story);
            }
            ContactEvent::Ended { end, .. } => {
                let story = self.open.remove(&contact).unwrap_or_default();
                self.ended.insert(contact, (now + PATIENCE, story, at, *end));
            }
            ContactEvent::QualityMeasured { agent: None, quality, .. } => self.measured(contact, quality),
            ContactEvent::Answered { .. } => {
                self.change(contact, |story| story.setup_ms = story.started.map(|began| ms(began, at)));
            }
            ContactEvent::LanguageChosen { language, .. } => {
                self.change(contact, |story| story.language = Some(*language));
            }
            ContactEvent::SegmentStarted { agent, .. } => self.change(contact, |story| {
                story.agent = agent.agent().cloned();
                story.talking_since = Some(at);
            }),
            ContactEvent::SegmentEnded { .. } => self.change(contact, |story| {
                if let Some(began) = story.talking_since.take() {
                    story.talk_ms += ms(began, at);
                }
            }),
            ContactEvent::Ringing { .. }
            | ContactEvent::NodeEntered { .. }
            | ContactEvent::DigitPressed { .. }
            | ContactEvent::SecureInputStarted { .. }
            | ContactEvent::SecureInputEnded { .. }
            | ContactEvent::SecureInputRead { .. }
            | ContactEvent::HoldStarted { .. }
            | ContactEvent::HoldEnded { .. }
            | ContactEvent::GuestInvited { .. }
            | ContactEvent::GuestJoined { .. }
            | ContactEvent::GuestChanged { .. }
            | ContactEvent::GuestLeft { .. }
            | ContactEvent::TransferStarted { .. }
            | ContactEvent::TransferEnded { .. }
            | ContactEvent::ExtensionDialled { .. }
            | ContactEvent::ExtensionEnded { .. }
            | ContactEvent::Parked { .. }
            | ContactEvent::Unparked { .. }
            | ContactEvent::OneWayAudio { .. }
            | ContactEvent::QualityMeasured { agent: Some(_), .. }
            | ContactEvent::LegalHoldSet { .. }
            | ContactEvent::LegalHoldCleared { .. } => {}
        }
    }

    fn begin(&mut self, contact: ContactId, story: Story) {
        if self.open.len() >= MOST {
            self.open.pop_first();
        }
        self.open.insert(contact, story);
    }

    fn queue(&mut self, event: &QueueEvent) {
        let contact = event.contact();
        match event {
            QueueEvent::Entered { queue, .. } => {
                self.change(contact, |story| story.queue = Some(queue.clone()));
            }
            QueueEvent::Left { waited_ms, .. } => {
                self.change(contact, |story| story.waited_ms += waited_ms);
            }
            QueueEvent::OfferMade { .. } | QueueEvent::OfferEnded { .. } => {}
        }
    }

    /// Writes the lines that have waited for long enough.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        self.write(|due| due <= now);
    }

    /// Writes the lines of all ended contacts.
    pub(super) fn close(&mut self) {
        self.write(|_| true);
    }

    pub(super) fn poll_output(&mut self) -> Option<ContactLine> {
        self.outputs.pop_front()
    }

    fn change(&mut self, contact: ContactId, with: impl FnOnce(&mut Story)) {
        if let Some(story) = self.open.get_mut(&contact) {
            with(story);
        }
    }

    /// The customer's leg is closed: writes the line.
    fn measured(&mut self, contact: ContactId, quality: &LegQuality) {
        if let Some((_, mut story, at, end)) = self.ended.remove(&contact) {
            story.quality = Some(*quality);
            self.outputs.push_back(story.line(contact, at, end));
        } else {
            self.change(contact, |story| story.quality = Some(*quality));
        }
    }

    fn write(&mut self, is_due: impl Fn(Time) -> bool) {
        let due: Vec<ContactId> =
            self.ended.iter().filter(|(_, (due, ..))| is_due(*due)).map(|(contact, _)| *contact).collect();
        for contact in due {
            if let Some((_, story, at, end)) = self.ended.remove(&contact) {
                self.outputs.push_back(story.line(contact, at, end));
            }
        }
    }
}

impl Story {
    fn shift(&mut self, by_ms: i64) {
        for instant in [&mut self.started, &mut self.talking_since].into_iter().flatten() {
            *instant = instant.shifted(by_ms);
        }
    }

    fn line(self, contact: ContactId, at: Time, end: End) -> ContactLine {
        ContactLine {
            contact,
            direction: self.direction,
            sip_call_id: self.sip_call_id,
            caller: self.caller,
            caller_name: self.caller_name,
            number: self.number,
            trunk: self.trunk,
            language: self.language,
            queue: self.queue,
            agent: self.agent,
            setup_ms: self.setup_ms,
            waited_ms: self.waited_ms,
            talk_ms: self.talk_ms,
            duration_ms: self.started.map(|began| ms(began, at)),
            end,
            quality: self.quality,
        }
    }
}

/// Milliseconds from one instant to another; 0 if the other is earlier.
fn ms(from: Time, to: Time) -> u64 {
    u64::try_from(to.unix_ms().saturating_sub(from.unix_ms())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use model::{Cause, EndedBy, Ids, LeaveReason, SegmentEnd, SegmentId};

    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_unix_ms(1_800_000_000_000 + ms)
    }

    fn tell(ledger: &mut Ledger, ms: i64, event: Event) {
        ledger.handle(at(ms), &Entry { at: at(ms), by: None, event });
    }

    fn start(contact: ContactId) -> Event {
        Event::Contact(ContactEvent::Started {
            contact,
            caller: Some("13800138000".parse().unwrap()),
            caller_name: None,
            number: "8000".parse().unwrap(),
            diversions: Vec::new(),
            trunk: "local".to_owned(),
            language: Language::ZhCn,
            flow: "main@1".to_owned(),
            sip_call_id: Some("7@phone".to_owned()),
        })
    }

    #[test]
    fn a_contact_is_one_line_with_its_times_also_when_the_clock_is_set() {
        let mut ids = Ids::new(0);
        let (contact, segment) = (ContactId::new(&mut ids, at(0)), SegmentId::new(&mut ids, at(0)));
        let (queue, agent): (QueueName, AgentId) = ("front".parse().unwrap(), "1001".parse().unwrap());
        let mut ledger = Ledger::default();
        tell(&mut ledger, 0, start(contact));
        tell(&mut ledger, 40, Event::Contact(ContactEvent::Answered { contact }));
        tell(
            &mut ledger,
            50,
            Event::Queue(QueueEvent::Entered { contact, queue: queue.clone(), bonus_s: 0, position: 1 }),
        );
        let left = Event::Queue(QueueEvent::Left {
            contact,
            queue: queue.clone(),
            reason: LeaveReason::Answered,
            waited_ms: 950,
        });
        tell(&mut ledger, 1_000, left);
        tell(
            &mut ledger,
            1_000,
            Event::Contact(ContactEvent::SegmentStarted {
                segment,
                contact,
                agent: agent.clone().into(),
                queue,
            }),
        );
        tell(&mut ledger, 3_601_000, Event::Center(CenterEvent::ClockSet { by_ms: 3_600_000 }));
        let end = SegmentEnd { by: EndedBy::Caller, cause: Cause::HungUp };
        tell(
            &mut ledger,
            3_603_000,
            Event::Contact(ContactEvent::SegmentEnded { segment, contact, agent: agent.clone().into(), end }),
        );
        let end = End::new(Cause::HungUp, EndedBy::Caller, model::Reached::Person);
        tell(&mut ledger, 3_603_000, Event::Contact(ContactEvent::Ended { contact, end }));
        assert_eq!(ledger.poll_output(), None, "its quality is not known yet");
        ledger.handle_timeout(at(3_606_000));
        let line = ledger.poll_output().unwrap();
        assert_eq!(
            (line.setup_ms, line.waited_ms, line.talk_ms, line.duration_ms),
            (Some(40), 950, 2_000, Some(3_000))
        );
        assert_eq!((line.agent, line.sip_call_id.as_deref()), (Some(agent), Some("7@phone")));
        assert_eq!(ledger.poll_output(), None);
    }

    #[test]
    fn a_contact_of_an_earlier_run_still_gets_its_line() {
        let contact = ContactId::new(&mut Ids::new(0), at(0));
        let mut ledger = Ledger::default();
        let end = End::new(Cause::Crashed, EndedBy::Center, model::Reached::Flow);
        tell(&mut ledger, 0, Event::Contact(ContactEvent::Ended { contact, end }));
        ledger.close();
        let line = ledger.poll_output().unwrap();
        assert_eq!((line.contact, line.duration_ms, line.end.cause), (contact, None, Cause::Crashed));
    }
}
