//! The live board: a reader of the event log like any other.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use model::{
    Activity, AgentEvent, AgentId, CenterEvent, Class, ContactEvent, ContactId, Event, LeaveReason, Party,
    QueueEvent, QueueName, Shift, Time,
};
use store::{Store, StoreError};

use crate::shown::output;

/// Where a caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Menu,
    Waiting(QueueName),
    Talking(Party),
}

/// The state of the board, from the events read so far.
pub(super) struct Board {
    read_to: u64,
    expected: u32,
    queues: Vec<QueueName>,
    callers: BTreeMap<ContactId, Place>,
    agents: BTreeMap<AgentId, (Shift, Activity)>,
    ended: BTreeMap<Class, u32>,
    /// Stays in queues that have ended, and how many of them were answered within the service level.
    left: u32,
    answered_in_time: u32,
    /// Who waits now, since when.
    waiting: BTreeMap<ContactId, Time>,
    lines: usize,
    /// The last line printed where there is no terminal.
    said: String,
}

/// Answered within this many milliseconds counts for the service level.
const IN_TIME_MS: u64 = 20_000;

impl Board {
    pub(super) fn new(expected: u32, queues: Vec<QueueName>) -> Board {
        Board {
            read_to: 0,
            expected,
            queues,
            callers: BTreeMap::new(),
            agents: BTreeMap::new(),
            ended: BTreeMap::new(),
            left: 0,
            answered_in_time: 0,
            waiting: BTreeMap::new(),
            lines: 0,
            said: String::new(),
        }
    }

    /// Reads what is new, waiting at most `wait` for it.
    pub(super) async fn follow(&mut self, store: &Store, wait: Duration) -> Result<(), StoreError> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let rest = until.saturating_duration_since(tokio::time::Instant::now());
            let records = store.wait_journal(self.read_to, 500, rest).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                self.read_to = record.seq;
                self.read(record.at, &record.event);
            }
        }
    }

    fn read(&mut self, at: Time, event: &Event) {
        match event {
            Event::Center(CenterEvent::ClockSet { by_ms }) => {
                self.waiting.values_mut().for_each(|since| *since = since.shifted(*by_ms));
            }
            Event::Contact(event) => self.read_contact(event),
            Event::Queue(event) => self.read_queue(at, event),
            Event::Agent(AgentEvent::Changed { agent, shift, activity, .. }) => {
                self.agents.insert(agent.clone(), (*shift, *activity));
            }
            Event::Center(_) | Event::Recording(_) | Event::Storage(_) => {}
        }
    }

    fn read_contact(&mut self, event: &ContactEvent) {
        match event {
            ContactEvent::Started { contact, .. } | ContactEvent::Placed { contact, .. } => {
                self.callers.insert(*contact, Place::Menu);
            }
            ContactEvent::SegmentStarted { contact, agent, .. } => {
                self.callers.insert(*contact, Place::Talking(agent.clone()));
            }
            ContactEvent::Ended { contact, end } => {
                self.callers.remove(contact);
                *self.ended.entry(end.class).or_default() += 1;
            }
            ContactEvent::Ringing { .. }
            | ContactEvent::Answered { .. }
            | ContactEvent::LanguageChosen { .. }
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
            | ContactEvent::SegmentEnded { .. }
            | ContactEvent::TransferStarted { .. }
            | ContactEvent::TransferEnded { .. }
            | ContactEvent::ExtensionDialled { .. }
            | ContactEvent::ExtensionEnded { .. }
            | ContactEvent::Parked { .. }
            | ContactEvent::Unparked { .. }
            | ContactEvent::OneWayAudio { .. }
            | ContactEvent::QualityMeasured { .. }
            | ContactEvent::LegalHoldSet { .. }
            | ContactEvent::LegalHoldCleared { .. } => {}
        }
    }

    fn read_queue(&mut self, at: Time, event: &QueueEvent) {
        match event {
            QueueEvent::Entered { contact, queue, .. } => {
                self.callers.insert(*contact, Place::Waiting(queue.clone()));
                self.waiting.insert(*contact, at);
            }
            QueueEvent::Left { contact, reason, waited_ms, .. } => {
                self.waiting.remove(contact);
                self.left += 1;
                self.answered_in_time +=
                    u32::from(*reason == LeaveReason::Answered && *waited_ms <= IN_TIME_MS);
            }
            QueueEvent::OfferMade { .. } | QueueEvent::OfferEnded { .. } => {}
        }
    }

    /// Draws over the last picture on a terminal; elsewhere prints a line when something changed.
    pub(super) fn show(&mut self) {
        let mut out = std::io::stdout();
        let picture = self.picture();
        if !out.is_terminal() {
            let line = picture.join(" | ");
            if line != self.said {
                output::print(&line);
                self.said = line;
            }
            return;
        }
        let up = if self.lines > 0 { format!("\x1b[{}A", self.lines) } else { String::new() };
        self.lines = picture.len();
        let text: String = picture.iter().map(|line| format!("\x1b[2K{line}\n")).collect();
        // A closed terminal must not end the demonstration.
        let _ = write!(out, "{up}{text}").and_then(|()| out.flush());
    }

    fn picture(&self) -> Vec<String> {
        let count =
            |wanted: &dyn Fn(&Place) -> bool| self.callers.values().filter(|place| wanted(place)).count();
        let menu = count(&|place| *place == Place::Menu);
        let talking = count(&|place| matches!(place, Place::Talking(_)));
        let mut lines = vec![format!("menu 菜单 {menu:>4}    talking 通话 {talking:>4}")];
        for queue in &self.queues {
            let waiting = count(&|place| matches!(place, Place::Waiting(name) if name == queue));
            lines.push(format!(
                "waiting 排队 {:<12} {waiting:>4} {}",
                queue.as_str(),
                "▮".repeat(waiting.min(50))
            ));
        }
        let state =
            |wanted: Activity| self.agents.values().filter(|(_, activity)| *activity == wanted).count();
        lines.push(format!(
            "agents 座席: idle 空闲 {}  ringing 振铃 {}  talking 通话 {}  wrap-up 整理 {}",
            state(Activity::Idle),
            state(Activity::Offered),
            state(Activity::Talking),
            state(Activity::WrapUp)
        ));
        lines.push(format!("service level 服务水平 (20 s): {}", self.service_level()));
        let done = self.done();
        let filled =
            usize::try_from(u64::from(done) * 40 / u64::from(self.expected.max(1))).unwrap_or(40).min(40);
        lines.push(format!("[{}{}] {done}/{}", "█".repeat(filled), "·".repeat(40 - filled), self.expected));
        lines
    }

    fn done(&self) -> u32 {
        self.ended.values().sum()
    }

    /// The same rule as in `hotline queues`: a caller who waits, for less than the threshold, counts neither way.
    fn service_level(&self) -> String {
        let now = crate::system::clock::now();
        let late =
            self.waiting.values().filter(|since| now.since(**since).as_millis() > u128::from(IN_TIME_MS));
        match self.left + u32::try_from(late.count()).unwrap_or(u32::MAX) {
            0 => "–".to_owned(),
            decided => format!("{} %", self.answered_in_time * 100 / decided),
        }
    }

    /// The summary, in one line.
    pub(super) fn summary(&self) -> String {
        let count = |class: Class| self.ended.get(&class).copied().unwrap_or(0);
        format!(
            "{} calls 通电话: answered 已接 {}, abandoned 放弃 {}, left early 提前离开 {}, refused 拒绝 {}, failed 失败 {}; service level 服务水平 {}",
            self.done(),
            count(Class::Answered),
            count(Class::Abandoned),
            count(Class::LeftEarly),
            count(Class::Refused),
            count(Class::Failed),
            self.service_level()
        )
    }
}
