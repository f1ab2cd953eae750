//! From an event to the rows that show it.
//!
//! [`statements`] is a pure function: each change is a statement over the rows as the events before left
//! them, so that applying the journal to empty tables always gives the same tables.

use model::{
    Activity, Actor, AgentEvent, CenterEvent, ContactEvent, Diversion, Event, QueueEvent, Record,
    RecordingEvent, RecordingState, Shift,
};

use crate::db::Statement;
use crate::sql;
use crate::value::{print_word, values};

/// What a record changes in the tables.
pub(crate) fn statements(record: &Record) -> Vec<Statement> {
    match &record.event {
        Event::Center(event) => center(record, event),
        Event::Contact(event) => contact(record, event),
        Event::Queue(event) => queue(record, event),
        Event::Agent(event) => agent(record, event),
        Event::Recording(event) => recording(record, event),
        // They live in the journal only: no table shows them.
        Event::Storage(_) => Vec::new(),
    }
}

fn center(record: &Record, event: &CenterEvent) -> Vec<Statement> {
    match event {
        CenterEvent::Started { .. } => all_seats_offline(record),
        CenterEvent::ClockSet { by_ms } => {
            let shift = |sql| Statement { sql, values: values![*by_ms] };
            sql::SHIFT_WHAT_IS_OPEN.into_iter().map(shift).collect()
        }
        CenterEvent::DrainStarted
        | CenterEvent::ConfigurationReplaced { .. }
        | CenterEvent::SipTraceRead { .. }
        | CenterEvent::SampleDrawn { .. } => Vec::new(),
    }
}

fn contact(record: &Record, event: &ContactEvent) -> Vec<Statement> {
    let (seq, at, id) = (record.seq, record.at, event.contact().number());
    match event {
        ContactEvent::Started {
            contact: _,
            caller,
            caller_name,
            number,
            diversions,
            trunk,
            language,
            flow,
            sip_call_id: _,
        } => {
            let caller = caller.as_ref().map(|number| number.reveal().as_str());
            let (number, trunk, language) = (number.as_str(), trunk.as_ref(), language.tag());
            let (name, flow): (Option<&str>, &str) =
                (caller_name.as_ref().map(|name| name.reveal().as_str()), flow.as_ref());
            let way = print_way(diversions);
            change(sql::START_CONTACT, values![id, caller, name, number, way, trunk, language, flow, at])
        }
        ContactEvent::Placed {
            contact: _,
            customer,
            shown,
            agent: _,
            first: _,
            queue: _,
            language,
            flow,
            ..
        } => {
            let (shown, flow) = (shown.as_ref().map_or("", |number| number.as_str()), flow.as_deref());
            let customer = customer.reveal().as_str();
            let values = values![id, customer, shown, language.tag(), flow.unwrap_or_default(), at];
            change(sql::PLACE_CONTACT, values)
        }
        ContactEvent::Answered { .. } => change(sql::ANSWER_CONTACT, values![id, at]),
        ContactEvent::LanguageChosen { language, .. } => {
            change(sql::CHOOSE_LANGUAGE, values![id, language.tag()])
        }
        ContactEvent::NodeEntered { node, .. } => change(sql::ENTER_NODE, values![id, node.as_ref()]),
        ContactEvent::Ended { end, .. } => {
            let (by, cause, class) = (print_word(&end.by), print_word(&end.cause), print_word(&end.class));
            change(sql::END_CONTACT, values![id, at, by, cause, class])
        }
        ContactEvent::SegmentStarted { segment, agent, queue, .. } => {
            let (agent, queue) = (agent.reveal(), queue.as_str());
            let started = values![segment.number(), id, agent.clone(), queue, at];
            vec![
                Statement { sql: sql::START_SEGMENT, values: started },
                Statement { sql: sql::SHOW_AGENT, values: values![id, agent, at, queue] },
            ]
        }
        ContactEvent::HoldStarted { segment, .. } => change(sql::START_HOLD, values![segment.number(), at]),
        ContactEvent::HoldEnded { segment, .. } => change(sql::END_HOLD, values![segment.number(), at]),
        ContactEvent::SegmentEnded { segment, end, .. } => {
            let (by, cause) = (print_word(&end.by), print_word(&end.cause));
            change(sql::END_SEGMENT, values![segment.number(), at, by, cause])
        }
        ContactEvent::LegalHoldSet { person, reason, .. } => {
            let (by, person): (String, Option<&str>) = (print_actor(record.by.as_ref()), person.as_deref());
            change(sql::SET_HOLD, values![id, at, by, person, reason.as_str()])
        }
        ContactEvent::LegalHoldCleared { .. } => change(sql::CLEAR_HOLD, values![id]),
        ContactEvent::QualityMeasured { agent, quality, .. } => {
            let agent: Option<String> = agent.as_ref().map(model::Party::reveal);
            let figures = serde_json::to_string(quality).unwrap_or_else(|_| "null".to_owned());
            change(sql::MEASURE, values![seq, id, agent, at, figures])
        }
        ContactEvent::Ringing { .. }
        | ContactEvent::DigitPressed { .. }
        | ContactEvent::SecureInputStarted { .. }
        | ContactEvent::SecureInputEnded { .. }
        | ContactEvent::SecureInputRead { .. }
        | ContactEvent::TransferStarted { .. }
        | ContactEvent::TransferEnded { .. }
        | ContactEvent::ExtensionDialled { .. }
        | ContactEvent::ExtensionEnded { .. }
        | ContactEvent::Parked { .. }
        | ContactEvent::Unparked { .. }
        | ContactEvent::GuestInvited { .. }
        | ContactEvent::GuestJoined { .. }
        | ContactEvent::GuestChanged { .. }
        | ContactEvent::GuestLeft { .. }
        | ContactEvent::OneWayAudio { .. } => Vec::new(),
    }
}

fn queue(record: &Record, event: &QueueEvent) -> Vec<Statement> {
    let (seq, at, contact) = (record.seq, record.at, event.contact().number());
    match event {
        QueueEvent::Entered { queue, bonus_s, position, .. } => {
            let queue = queue.as_str();
            let entered = values![contact, seq, queue, at, *bonus_s, *position];
            vec![
                Statement { sql: sql::ENTER_QUEUE, values: entered },
                Statement { sql: sql::SHOW_QUEUE, values: values![contact, queue] },
            ]
        }
        QueueEvent::Left { queue, reason, waited_ms, .. } => {
            let values = values![contact, queue.as_str(), at, print_word(reason), *waited_ms];
            change(sql::LEAVE_QUEUE, values)
        }
        QueueEvent::OfferMade { offer, queue, agent, score_s, idle_ms, .. } => {
            let (queue, agent) = (queue.as_str(), agent.as_str());
            let values = values![offer.number(), contact, queue, agent, at, *score_s, *idle_ms];
            change(sql::MAKE_OFFER, values)
        }
        QueueEvent::OfferEnded { offer, outcome, .. } => {
            change(sql::END_OFFER, values![offer.number(), at, print_word(outcome)])
        }
    }
}

fn agent(record: &Record, event: &AgentEvent) -> Vec<Statement> {
    let (seq, at) = (record.seq, record.at);
    match event {
        AgentEvent::Changed { agent, shift, activity, seat_online } => {
            let (agent, shift, activity) = (agent.as_str(), print_word(shift), print_word(activity));
            let actor = record.by.as_ref().map(|by| print_actor(Some(by)));
            let state = values![agent, seq, at, shift.clone(), activity.clone(), *seat_online, actor];
            let shown = values![agent, shift, activity, *seat_online, at];
            vec![
                Statement { sql: sql::LEAVE_AGENT_STATE, values: values![agent, at] },
                Statement { sql: sql::ENTER_AGENT_STATE, values: state },
                Statement { sql: sql::SHOW_AGENT_STATE, values: shown },
            ]
        }
    }
}

fn recording(record: &Record, event: &RecordingEvent) -> Vec<Statement> {
    let at = record.at;
    match event {
        RecordingEvent::Opened { recording, contact, path, channels, rate } => {
            let (id, contact, path): (i64, i64, &str) = (recording.number(), contact.number(), path.as_ref());
            let state = print_word(&RecordingState::Open);
            let values = values![id, contact, path, state, at, u32::from(*channels), *rate];
            vec![
                Statement { sql: sql::OPEN_RECORDING, values },
                Statement { sql: sql::SHOW_RECORDING, values: values![contact, id] },
            ]
        }
        RecordingEvent::Closed { recording, state, duration_ms, sha256, gaps, fault, .. } => {
            let (id, state) = (recording.number(), print_word(state));
            let sha256: Option<&str> = Some(sha256.as_ref()).filter(|sha256: &&str| !sha256.is_empty());
            let gaps = serde_json::to_string(gaps).unwrap_or_else(|_| "[]".to_owned());
            let fault: Option<&str> = fault.as_deref();
            change(sql::CLOSE_RECORDING, values![id, state, at, *duration_ms, sha256, gaps, fault])
        }
        RecordingEvent::Erased { recording, .. } => {
            change(sql::ERASE_RECORDING, values![recording.number(), print_word(&RecordingState::Erased)])
        }
        RecordingEvent::Listened { recording, .. } => {
            change(sql::COUNT_LISTENED, values![recording.number()])
        }
        RecordingEvent::Paused { .. } | RecordingEvent::Resumed { .. } => Vec::new(),
    }
}

fn change(sql: &'static str, values: Vec<crate::Value>) -> Vec<Statement> {
    vec![Statement { sql, values }]
}

/// A center that starts knows no registration and has no call.
fn all_seats_offline(record: &Record) -> Vec<Statement> {
    let (shift, activity) = (print_word(&Shift::SignedOut), print_word(&Activity::Idle));
    vec![
        Statement { sql: sql::LEAVE_ALL_AGENT_STATES, values: values![record.at] },
        Statement {
            sql: sql::ALL_AGENT_STATES_OFFLINE,
            values: values![record.seq, record.at, shift.clone(), activity.clone()],
        },
        Statement { sql: sql::ALL_AGENTS_OFFLINE, values: values![shift, activity, record.at] },
    ]
}

fn print_way(diversions: &[Diversion]) -> Option<String> {
    (!diversions.is_empty()).then(|| serde_json::to_string(diversions).ok()).flatten()
}

fn print_actor(actor: Option<&Actor>) -> String {
    match actor {
        Some(Actor::Agent(agent)) => format!("agent:{agent}"),
        Some(Actor::Token(name)) => format!("token:{name}"),
        Some(Actor::CommandLine) => "command_line".to_owned(),
        Some(Actor::Flow) => "flow".to_owned(),
        Some(Actor::Schedule) => "schedule".to_owned(),
        None => String::new(),
    }
}
