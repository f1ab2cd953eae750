//! Inputs, outputs, and the tables that find the right call for each report.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use model::{
    AgentId, AgentOrder, CallId, Cause, Command, ContactId, Done, EndedBy, Event, Gap, Ids, Kept, LegId,
    LegOrder, LegReport, MediaOp, MediaOrder, MediaReport, Origin, Record, RecordingId, RecordingState,
    Refused, Reply, StorageReport, Time,
};

use crate::call::{Call, Withdrawn};
use crate::config::Config;
use crate::limits::Load;
use crate::room::Room;

/// The one writer of call state. See the crate's documentation for the state chart.
#[derive(Debug)]
pub struct Center {
    pub(crate) config: Config,
    pub(crate) acd: acd::Acd,
    pub(crate) ids: Ids,
    pub(crate) calls: BTreeMap<CallId, Call>,
    /// The call of each live leg: the customer's, and the agent's that rings or talks.
    pub(crate) legs: BTreeMap<LegId, CallId>,
    /// The call that each waiting contact is.
    pub(crate) contacts: BTreeMap<ContactId, CallId>,
    /// Seats that were withdrawn and have not yet given their last report.
    pub(crate) releasing: BTreeMap<LegId, Withdrawn>,
    /// Recordings that are being sealed after their call ended.
    pub(crate) sealing: BTreeMap<RecordingId, ContactId>,
    /// Closed legs whose last report is on the way, with whose they were.
    pub(crate) closing: BTreeMap<LegId, (ContactId, Option<AgentId>)>,
    pub(crate) timers: BTreeSet<(Time, CallId)>,
    pub(crate) load: Load,
    pub(crate) draining: bool,
    /// Whoever is still here hears that the center closes.
    pub(crate) farewell: bool,
    pub(crate) room: Room,
    drained: bool,
    /// How far the machine's clock was set since the times of the inputs began, in ms.
    clock_set_by_ms: i64,
    /// The addresses of ours that registered seats are reached by.
    seats: BTreeMap<AgentId, IpAddr>,
    last_seq: u64,
    outputs: VecDeque<Output>,
}

/// What happened to the center.
#[derive(Debug, Clone)]
pub enum Input {
    /// The signalling shell reports of a leg.
    Leg(LegId, LegReport),
    /// A seat's registration came or went.
    Seat {
        /// The agent.
        agent: AgentId,
        /// True when it came.
        online: bool,
        /// The address of ours that it is reached by.
        local: Option<IpAddr>,
    },
    /// The media threads report.
    Media(MediaReport),
    /// Somebody commands.
    Command(Command),
    /// The machine's clock was set forwards by this many ms, or backwards. The times of inputs go on as if it had not been: they
    /// measure durations. Dates follow it.
    ClockSet {
        /// In ms.
        by_ms: i64,
    },
    /// Take no new calls; [`Output::Drained`] follows when the last one is over, its recording closed and its quality recorded.
    Drain,
    /// End every call now.
    EndAll,
    /// Let everybody hear that the center closes, and end each call then; calls that cannot hear it end at once.
    Close,
}

/// What the center orders or tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// For the signalling shell.
    Leg(LegId, LegOrder),
    /// For the media threads.
    Media(MediaOrder),
    /// For the journal.
    Record(Record),
    /// For whoever commanded.
    Reply(Reply),
    /// After [`Input::Drain`]: no call is left and every recording is closed. Said once.
    Drained,
}

impl Center {
    /// A center that goes on after `last_seq`. `left_open` ends what the last run was cut off in.
    pub fn new(
        config: Config,
        ids: Ids,
        offer_ids: Ids,
        last_seq: u64,
        now: Time,
        left_open: Vec<Event>,
    ) -> Center {
        let acd = acd::Acd::new(config.acd.clone(), offer_ids);
        let mut center = Center {
            config,
            acd,
            ids,
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            contacts: BTreeMap::new(),
            releasing: BTreeMap::new(),
            sealing: BTreeMap::new(),
            closing: BTreeMap::new(),
            timers: BTreeSet::new(),
            load: Load::default(),
            draining: false,
            farewell: false,
            room: Room::default(),
            drained: false,
            clock_set_by_ms: 0,
            seats: BTreeMap::new(),
            last_seq,
            outputs: VecDeque::new(),
        };
        for event in left_open {
            center.record(now, event);
        }
        let version = center.config.version.clone();
        center.record(now, Event::CenterStarted { version });
        center
    }

    /// Remembers how agents stood when the last run ended. Call it before the first [`Center::handle`].
    pub fn restore(&mut self, now: Time, standings: Vec<acd::Standing>) {
        self.acd.restore(now, standings);
    }

    /// How many calls are in progress.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The contact that a leg belongs to: a customer's, or one that a seat talks or rings for.
    pub fn contact_of(&self, leg: LegId) -> Option<ContactId> {
        match self.calls.get(self.legs.get(&leg)?)? {
            Call::Customer(customer) => Some(customer.contact),
            Call::Code(_) => None,
        }
    }

    /// Takes an input; what follows is drained by [`Center::poll_output`].
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Leg(leg, report) => self.leg_report(now, leg, report),
            Input::Seat { agent, online: true, local } => {
                if let Some(local) = local {
                    self.seats.insert(agent.clone(), local);
                }
                self.acd(now, acd::Input::SeatOnline(agent));
            }
            Input::Seat { agent, online: false, .. } => {
                self.seats.remove(&agent);
                self.guest_offline(now, &agent);
                self.acd(now, acd::Input::SeatOffline(agent));
            }
            Input::Media(report) => self.media_report(now, report),
            Input::Command(command) => self.command(now, command),
            Input::ClockSet { by_ms } => self.clock_set(now, by_ms),
            Input::Drain => {
                if !self.draining {
                    self.draining = true;
                    self.record(now, Event::DrainStarted);
                }
            }
            Input::Close => {
                self.farewell = true;
                for call in self.calls.keys().copied().collect::<Vec<_>>() {
                    self.say_farewell(now, call);
                }
            }
            Input::EndAll => {
                for call in self.calls.keys().copied().collect::<Vec<_>>() {
                    self.end(now, call, Cause::ShuttingDown, EndedBy::Operator);
                }
            }
        }
        self.settle();
    }

    /// Lets happen what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.acd.poll_timeout().is_some_and(|due| due <= now) {
            self.acd.handle_timeout(now);
            self.follow_acd(now);
        }
        while let Some((due, call)) = self.timers.first().copied()
            && due <= now
        {
            self.timers.remove(&(due, call));
            self.customer_timeout(now, call);
        }
        self.settle();
    }

    /// When [`Center::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        let calls = self.timers.first().map(|(due, _)| *due);
        calls.into_iter().chain(self.acd.poll_timeout()).min()
    }

    /// The next order or record.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn record(&mut self, at: Time, event: Event) {
        self.last_seq += 1;
        let at = self.date(at);
        self.outputs.push_back(Output::Record(Record { seq: self.last_seq, at, event }));
    }

    /// What the machine's clock shows at this instant.
    pub(crate) fn date(&self, now: Time) -> Time {
        now.shifted(self.clock_set_by_ms)
    }

    /// The calendar's date at this instant: year, month, day.
    pub(crate) fn local_date(&self, now: Time) -> (i64, u32, u32) {
        let date = self.date(now);
        date.date(self.config.zone.offset(date))
    }

    fn clock_set(&mut self, now: Time, by_ms: i64) {
        self.clock_set_by_ms = self.clock_set_by_ms.saturating_add(by_ms);
        self.ids.set_clock(by_ms);
        self.acd.set_clock(by_ms);
        self.record(now, Event::ClockSet { by_ms });
    }

    pub(crate) fn order(&mut self, leg: LegId, order: LegOrder) {
        self.outputs.push_back(Output::Leg(leg, order));
    }

    pub(crate) fn media(&mut self, call: CallId, op: MediaOp) {
        self.outputs.push_back(Output::Media(MediaOrder { call, op }));
    }

    /// Gives the distributor an input and does what follows from it.
    pub(crate) fn acd(&mut self, now: Time, input: acd::Input) {
        self.acd.handle(now, input);
        self.follow_acd(now);
    }

    fn leg_report(&mut self, now: Time, leg: LegId, report: LegReport) {
        if let LegReport::Invited {
            source,
            local,
            origin,
            dialled,
            diverted,
            caller,
            caller_name,
            remote,
            sip_call_id,
        } = report
        {
            return match origin {
                Origin::Agent(agent) => self.code_invited(now, (leg, local), &agent, &dialled, remote),
                Origin::Trunk(trunk) => {
                    let from = (trunk, source, sip_call_id);
                    let number = self.entry(dialled, &diverted);
                    self.customer_invited(
                        now,
                        (leg, local),
                        from,
                        (number, diverted.by),
                        caller,
                        caller_name,
                        remote,
                    );
                }
            };
        }
        if self.releasing.contains_key(&leg) {
            return self.releasing_report(now, leg, report);
        }
        let Some(call) = self.legs.get(&leg).copied() else { return };
        match self.calls.get(&call) {
            Some(Call::Customer(_)) => self.customer_leg(now, call, leg, report),
            Some(Call::Code(_)) => self.code_leg(now, call, report),
            None => {}
        }
    }

    /// Opens a port for a call to this agent's seat.
    pub(crate) fn open_to_seat(&mut self, call: CallId, leg: LegId, agent: &AgentId) {
        let on = self.seats.get(agent).copied();
        self.media(call, MediaOp::Open { leg, on });
    }

    fn media_report(&mut self, now: Time, report: MediaReport) {
        match report {
            MediaReport::Sealed { recording, duration_ms, sha256, gaps } => {
                self.recording_closed(
                    now,
                    recording,
                    RecordingState::Sealed,
                    duration_ms,
                    sha256,
                    gaps,
                    None,
                );
            }
            MediaReport::RecordingFailed { recording, why, kept } => {
                let (state, Kept { duration_ms, sha256, gaps }) = (RecordingState::Damaged, kept);
                self.recording_closed(now, recording, state, duration_ms, sha256, gaps, Some(why));
            }
            MediaReport::Storage(StorageReport::Failed { storage, trouble, why }) => {
                self.record(now, Event::StorageFailed { storage, trouble, why });
            }
            MediaReport::Storage(StorageReport::Restored { storage }) => {
                self.record(now, Event::StorageRestored { storage });
            }
            MediaReport::Strain { thread, lacks } => self.room.strained(thread, lacks),
            MediaReport::Closed { leg, quality } => {
                let Some((contact, agent)) = self.closing.remove(&leg) else { return };
                if let Some(quality) = quality {
                    self.record(now, Event::QualityMeasured { contact, agent, quality });
                }
            }
            MediaReport::Opened { leg, .. }
            | MediaReport::OneWay { leg }
            | MediaReport::OpenFailed { leg, .. }
            | MediaReport::PlayEnded { leg, .. }
            | MediaReport::Digit { leg, .. }
            | MediaReport::Silent { leg, .. } => {
                if self.releasing.contains_key(&leg) {
                    return self.releasing_media(now, leg, &report);
                }
                let Some(call) = self.legs.get(&leg).copied() else { return };
                match self.calls.get(&call) {
                    Some(Call::Customer(_)) => self.customer_media(now, call, leg, report),
                    Some(Call::Code(_)) => self.code_media(now, call, report),
                    None => {}
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one event")]
    fn recording_closed(
        &mut self,
        now: Time,
        recording: RecordingId,
        state: RecordingState,
        duration_ms: u64,
        sha256: String,
        gaps: Vec<Gap>,
        fault: Option<String>,
    ) {
        // A recording that fails in mid-call is closed now; its stop will find nothing to do.
        let in_call = self.calls.values_mut().find_map(|call| match call {
            Call::Customer(customer) => {
                customer.recording.take_if(|open| *open == recording).map(|_| customer.contact)
            }
            Call::Code(_) => None,
        });
        let Some(contact) = self.sealing.remove(&recording).or(in_call) else { return };
        self.record(
            now,
            Event::RecordingClosed { recording, contact, state, duration_ms, sha256, gaps, fault },
        );
    }

    fn command(&mut self, now: Time, command: Command) {
        let Command { id, by, order } = command;
        let result = match order {
            AgentOrder::Ready { agent } => self.agent_order(now, agent, |agent| acd::Input::Ready(agent, by)),
            AgentOrder::Break { agent } => self.agent_order(now, agent, |agent| acd::Input::Break(agent, by)),
            AgentOrder::PauseRecording { contact, agent, reason } => {
                self.pause_recording(now, by, contact, agent.as_ref(), reason)
            }
            AgentOrder::ResumeRecording { contact, agent } => {
                self.resume_recording(now, by, contact, agent.as_ref())
            }
            AgentOrder::StartSecureInput { contact, agent } => {
                self.start_secure_input(now, by, contact, agent.as_ref())
            }
            AgentOrder::EndSecureInput { contact, agent } => {
                self.stop_secure_input(now, by, contact, agent.as_ref())
            }
            AgentOrder::ReadSecureInput { contact } => self.read_secure_input(now, by, contact),
            AgentOrder::Supervise { watched, seat, how } => self.supervise(now, by, watched, seat, how),
            AgentOrder::EndSupervision { seat } => self.end_supervision(now, by, &seat),
            AgentOrder::AddParty { contact, agent, seat } => {
                self.add_party(now, by, contact, agent.as_ref(), seat)
            }
            AgentOrder::RemoveParty { contact, agent, seat } => {
                self.remove_party(now, by, contact, agent.as_ref(), &seat)
            }
            AgentOrder::LeaveToParty { contact, agent } => {
                self.leave_to_party(now, by, contact, agent.as_ref())
            }
            AgentOrder::NoteLegalHold { contact, held: true, person, reason } => {
                self.record(now, Event::LegalHoldSet { contact, by, person, reason });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteLegalHold { contact, held: false, person, reason } => {
                self.record(now, Event::LegalHoldCleared { contact, by, person, reason });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteErased { recording, contact, rule, sha256 } => {
                self.record(now, Event::RecordingErased { recording, contact, by, rule, sha256 });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteSampleDrawn { frame, size, sha256, seed, drawn } => {
                self.record(now, Event::SampleDrawn { frame, size, sha256, seed, drawn, by });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteTraceRead { contact, number, messages } => {
                self.record(now, Event::SipTraceRead { contact, number, messages, by });
                Ok(Done::Obeyed)
            }
            AgentOrder::NoteListened { recording, contact: _ } => {
                self.record(now, Event::RecordingListened { recording, by });
                Ok(Done::Obeyed)
            }
        };
        self.outputs.push_back(Output::Reply(Reply { id, result }));
    }

    pub(crate) fn agent_order(
        &mut self,
        now: Time,
        agent: AgentId,
        input: impl FnOnce(AgentId) -> acd::Input,
    ) -> Result<Done, Refused> {
        self.acd.may_command(&agent)?;
        self.acd(now, input(agent));
        Ok(Done::Obeyed)
    }

    fn settle(&mut self) {
        let idle = self.calls.is_empty() && self.sealing.is_empty() && self.closing.is_empty();
        if self.draining && !self.drained && idle {
            self.drained = true;
            self.outputs.push_back(Output::Drained);
        }
    }
}
