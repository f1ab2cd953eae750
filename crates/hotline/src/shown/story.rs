//! A contact's story for people: a line for each event, as `hotline contacts show ID` prints it.

use model::{Actor, Record, Time};
use serde::Serialize;
use serde_json::Value;

use crate::language::Shown;

/// What stands elsewhere in the line, or says nothing to a person.
const UNSHOWN: &[&str] = &["about", "type", "contact", "offer", "segment", "recording", "sha256"];
/// The most elements of a list that are printed; of a longer one only their number is.
const MOST_ELEMENTS: usize = 3;

/// An event of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    at: Time,
    event: String,
    by: Option<String>,
    details: String,
}

/// The events as lines, with the words of ours in the language that is shown.
pub fn lines(records: &[Record], shown: Shown) -> Vec<Line> {
    records.iter().map(|record| line(record, shown)).collect()
}

fn line(record: &Record, shown: Shown) -> Line {
    let event = serde_json::to_value(&record.event).unwrap_or_default();
    let fields = event.as_object().into_iter().flatten();
    let told = fields.filter(|(name, value)| !UNSHOWN.contains(&name.as_str()) && says_something(value));
    let details: Vec<String> = told.map(|(name, value)| detail(name, value, shown)).collect();
    Line {
        at: record.at,
        event: event["type"].as_str().unwrap_or_default().to_owned(),
        by: record.by.as_ref().map(|by| actor(by, shown)),
        details: details.join(", "),
    }
}

fn detail(name: &str, value: &Value, shown: Shown) -> String {
    format!("{} {}", shown.word(name), print(name, value, shown))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

/// A value of this field: words of ours are translated, what people and callers wrote is not.
fn print(name: &str, value: &Value, shown: Shown) -> String {
    match value {
        Value::String(text) if is_ours(name) => shown.word(text),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(fraction) if number.is_f64() => format!("{fraction:.2}"),
            Some(_) | None => number.to_string(),
        },
        Value::Bool(truth) => shown.word(&truth.to_string()),
        Value::Array(elements) if elements.len() > MOST_ELEMENTS => elements.len().to_string(),
        Value::Array(elements) => {
            let printed: Vec<String> = elements.iter().map(|element| print(name, element, shown)).collect();
            printed.join("; ")
        }
        // An enum that carries another one, or an end, whose words speak for themselves.
        Value::Object(fields) if fields.values().all(Value::is_string) => {
            let words: Vec<String> = fields.iter().map(|(name, word)| print(name, word, shown)).collect();
            words.join("/")
        }
        Value::Object(fields) => {
            let told = fields.iter().filter(|(_, value)| says_something(value));
            let details: Vec<String> = told.map(|(name, value)| detail(name, value, shown)).collect();
            details.join(" ")
        }
        Value::Null => String::new(),
    }
}

/// Fields that hold words of ours.
fn is_ours(name: &str) -> bool {
    const OURS: &[&str] = &[
        "language",
        "how",
        "outcome",
        "refused",
        "part",
        "supervisor",
        "end",
        "by",
        "cause",
        "class",
        "state",
        "codec",
    ];
    // Why a queue was left is a word, why a recording was paused a sentence; no sentence is a word of ours by itself.
    OURS.contains(&name) || name == "reason"
}

fn actor(by: &Actor, shown: Shown) -> String {
    match by {
        Actor::Agent(agent) => format!("{} {agent}", shown.word("agent")),
        Actor::Token(name) => format!("{} {name}", shown.word("token")),
        Actor::CommandLine => shown.word("command_line"),
        Actor::Flow => shown.word("flow"),
        Actor::Schedule => shown.word("schedule"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::{ContactEvent, ContactId, End, EndedBy, Event, Ids, LeaveReason, Node, QueueEvent, Reached};

    use super::*;

    fn record(by: Option<Actor>, event: impl Into<Event>) -> Record {
        Record { node: Node::FIRST, seq: 1, at: Time::default(), by, event: event.into() }
    }

    fn told(by: Option<Actor>, event: impl Into<Event>, shown: Shown) -> (String, Option<String>) {
        let line = line(&record(by, event), shown);
        (line.details, line.by)
    }

    fn left(contact: ContactId) -> QueueEvent {
        let queue = "inquiry".parse().unwrap();
        QueueEvent::Left { contact, queue, reason: LeaveReason::Answered, waited_ms: 2_500 }
    }

    #[test]
    fn a_line_says_what_happened_in_the_language_that_is_shown() {
        let contact = ContactId::new(&mut Ids::new(0), Time::default());
        let english = told(None, left(contact), Shown::English).0;
        assert_eq!(english, "queue inquiry, reason answered, waited_ms 2500");
        let chinese = told(None, left(contact), Shown::Chinese).0;
        assert_eq!(chinese, "队列 inquiry, 原因 接通, 等待毫秒 2500");
        let end = End::new(model::Cause::HungUp, EndedBy::Caller, Reached::Person);
        let ended = told(None, ContactEvent::Ended { contact, end }, Shown::English).0;
        assert_eq!(ended, "end caller/hung_up/answered");
        let by = Some(Actor::Token("lead".to_owned()));
        let held = ContactEvent::LegalHoldSet { contact, person: None, reason: "case 7".to_owned() };
        assert_eq!(told(by, held, Shown::Chinese), ("原因 case 7".to_owned(), Some("令牌 lead".to_owned())));
    }

    /// The names of all fields in what was logged, also of those that lie in others.
    fn names(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    into.insert(name.clone());
                    names(value, into);
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| names(element, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A database that has an event of every type.
    #[tokio::test]
    async fn every_event_and_every_field_has_a_chinese_name() {
        let folder = testing::Scratch::new("story");
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/before_subjects/hotline.db");
        std::fs::copy(kept, folder.join("hotline.db")).unwrap();
        let store =
            store::Store::open(&format!("sqlite:{}/hotline.db", folder.path().display())).await.unwrap();
        let (mut fields, mut types) = (BTreeSet::new(), BTreeSet::new());
        for record in store.read_journal(0, 1000).await.unwrap() {
            let event = serde_json::to_value(&record.event).unwrap();
            types.insert(event["type"].as_str().unwrap().to_owned());
            if record.event.subject().to_string().starts_with("contact:") {
                names(&event, &mut fields);
            }
        }
        store.close().await;
        assert_eq!(types.len(), 39);
        let is_unknown = |word: &&String| Shown::Chinese.word(word) == **word;
        let unknown: Vec<_> = types.iter().filter(is_unknown).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let shown = fields.iter().filter(|name| !UNSHOWN.contains(&name.as_str()));
        let unknown: Vec<_> = shown.filter(is_unknown).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
