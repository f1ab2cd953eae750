//! From an event to the rows that show it.
//!
//! [`statements`] is a pure function: each change is a statement over the rows as the events before left
//! them, so that applying the journal to empty tables always gives the same tables.

use model::{Activity, Actor, Event, Record, RecordingState, Shift};

use crate::db::Statement;
use crate::sql;
use crate::value::{print_word, values};

/// What a record changes in the tables: the one table of events and rows, hence its length.
pub(crate) fn statements(record: &Record) -> Vec<Statement> {
    let (seq, at) = (record.seq, record.at);
    match &record.event {
        Event::CenterStarted { .. } => all_seats_offline(record),
        Event::ClockSet { by_ms } => {
            let shift = |sql| Statement { sql, values: values![*by_ms] };
            sql::SHIFT_WHAT_IS_OPEN.into_iter().map(shift).collect()
        }
        // These live in the journal only: no table shows them.
        Event::DrainStarted
        | Event::DigitPressed { .. }
        | Event::GuestInvited { .. }
        | Event::GuestJoined { .. }
        | Event::GuestChanged { .. }
        | Event::GuestLeft { .. }
        | Event::SecureInputStarted { .. }
        | Event::SecureInputEnded { .. }
        | Event::SecureInputRead { .. }
        | Event::OneWayAudio { .. }
        | Event::SipTraceRead { .. }
        | Event::SampleDrawn { .. }
        | Event::RecordingPaused { .. }
        | Event::RecordingResumed { .. }
        | Event::StorageFailed { .. }
        | Event::StorageRestored { .. } => Vec::new(),
        Event::ContactStarted {
            contact,
            caller,
            caller_name,
            number,
            diversions,
            trunk,
            language,
            flow,
            sip_call_id: _,
        } => {
            let caller = caller.as_ref().map(|number| number.as_str());
            let (number, trunk, language) = (number.as_str(), trunk.as_ref(), language.tag());
            let (name, flow): (Option<&str>, &str) = (caller_name.as_deref(), flow.as_ref());
            let id = contact.number();
            let way = (!diversions.is_empty()).then(|| serde_json::to_string(diversions).ok()).flatten();
            change(sql::START_CONTACT, values![id, caller, name, number, way, trunk, language, flow, at])
        }
        Event::ContactAnswered { contact } => change(sql::ANSWER_CONTACT, values![contact.number(), at]),
        Event::LanguageChosen { contact, language } => {
            change(sql::CHOOSE_LANGUAGE, values![contact.number(), language.tag()])
        }
        Event::NodeEntered { contact, node } => {
            change(sql::ENTER_NODE, values![contact.number(), node.as_ref()])
        }
        Event::ContactEnded { contact, end } => {
            let (by, cause, class) = (print_word(&end.by), print_word(&end.cause), print_word(&end.class));
            change(sql::END_CONTACT, values![contact.number(), at, by, cause, class])
        }
        Event::QueueEntered { contact, queue, bonus_s, position } => vec![
            Statement {
                sql: sql::ENTER_QUEUE,
                values: values![contact.number(), seq, queue.as_str(), at, *bonus_s, *position],
            },
            Statement { sql: sql::SHOW_QUEUE, values: values![contact.number(), queue.as_str()] },
        ],
        Event::QueueLeft { contact, queue, reason, waited_ms } => change(
            sql::LEAVE_QUEUE,
            values![contact.number(), queue.as_str(), at, print_word(reason), *waited_ms],
        ),
        Event::OfferMade { offer, contact, queue, agent, score_s, idle_ms } => {
            let (id, contact) = (offer.number(), contact.number());
            let values = values![id, contact, queue.as_str(), agent.as_str(), at, *score_s, *idle_ms];
            change(sql::MAKE_OFFER, values)
        }
        Event::OfferEnded { offer, outcome, .. } => {
            change(sql::END_OFFER, values![offer.number(), at, print_word(outcome)])
        }
        Event::SegmentStarted { segment, contact, agent, queue } => {
            let (id, contact) = (segment.number(), contact.number());
            vec![
                Statement {
                    sql: sql::START_SEGMENT,
                    values: values![id, contact, agent.as_str(), queue.as_str(), at],
                },
                Statement { sql: sql::SHOW_AGENT, values: values![contact, agent.as_str(), at] },
            ]
        }
        Event::HoldStarted { segment, .. } => change(sql::START_HOLD, values![segment.number(), at]),
        Event::HoldEnded { segment, .. } => change(sql::END_HOLD, values![segment.number(), at]),
        Event::SegmentEnded { segment, end, .. } => {
            let (by, cause) = (print_word(&end.by), print_word(&end.cause));
            change(sql::END_SEGMENT, values![segment.number(), at, by, cause])
        }
        Event::RecordingOpened { recording, contact, path, channels, rate } => {
            let (id, contact, path): (i64, i64, &str) = (recording.number(), contact.number(), path.as_ref());
            let state = print_word(&RecordingState::Open);
            let values = values![id, contact, path, state, at, u32::from(*channels), *rate];
            vec![
                Statement { sql: sql::OPEN_RECORDING, values },
                Statement { sql: sql::SHOW_RECORDING, values: values![contact, id] },
            ]
        }
        Event::RecordingClosed { recording, state, duration_ms, sha256, gaps, fault, .. } => {
            let (id, state) = (recording.number(), print_word(state));
            let sha256: Option<&str> = Some(sha256.as_ref()).filter(|sha256: &&str| !sha256.is_empty());
            let gaps = serde_json::to_string(gaps).unwrap_or_else(|_| "[]".to_owned());
            let fault: Option<&str> = fault.as_deref();
            change(sql::CLOSE_RECORDING, values![id, state, at, *duration_ms, sha256, gaps, fault])
        }
        Event::LegalHoldSet { contact, by, person, reason } => {
            let (person, reason): (Option<&str>, &str) = (person.as_deref(), reason.as_ref());
            change(sql::SET_HOLD, values![contact.number(), at, print_actor(by), person, reason])
        }
        Event::LegalHoldCleared { contact, .. } => change(sql::CLEAR_HOLD, values![contact.number()]),
        Event::RecordingErased { recording, .. } => {
            change(sql::ERASE_RECORDING, values![recording.number(), print_word(&RecordingState::Erased)])
        }
        Event::QualityMeasured { contact, agent, quality } => {
            let agent: Option<&str> = agent.as_ref().map(|agent| agent.as_str());
            let figures = serde_json::to_string(quality).unwrap_or_else(|_| "null".to_owned());
            change(sql::MEASURE, values![seq, contact.number(), agent, at, figures])
        }
        Event::RecordingListened { recording, .. } => {
            change(sql::COUNT_LISTENED, values![recording.number()])
        }
        Event::AgentChanged { agent, shift, activity, seat_online, by } => {
            let (agent, shift, activity) = (agent.as_str(), print_word(shift), print_word(activity));
            let actor = by.as_ref().map(print_actor);
            let state = values![agent, seq, at, shift.clone(), activity.clone(), *seat_online, actor];
            vec![
                Statement { sql: sql::LEAVE_AGENT_STATE, values: values![agent, at] },
                Statement { sql: sql::ENTER_AGENT_STATE, values: state },
                Statement {
                    sql: sql::SHOW_AGENT_STATE,
                    values: values![agent, shift, activity, *seat_online, at],
                },
            ]
        }
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

fn print_actor(actor: &Actor) -> String {
    match actor {
        Actor::Agent(agent) => format!("agent:{agent}"),
        Actor::Token(name) => format!("token:{name}"),
        Actor::CommandLine => "command_line".to_owned(),
        Actor::Flow => "flow".to_owned(),
        Actor::Schedule => "schedule".to_owned(),
    }
}
