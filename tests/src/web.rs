//! What a center tells over HTTP: its lists and its event log.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::{Center, wait_for};

impl Center {
    /// The rows of a list (`contacts`, `recordings`, `agents`), newest first: from the API, which costs little to
    /// ask, or from the command line while no center runs. Both give the same rows.
    ///
    /// # Panics
    /// When the center answers anything but a list.
    pub fn rows(&self, list: &str) -> Vec<Value> {
        match get(self.http, &format!("/api/v1/{list}"), Some(&self.token())) {
            Some((200, body)) => serde_json::from_str(&body).expect("the center prints JSON"),
            Some((status, body)) => panic!("the center answers {status} to {list}: {body}"),
            None => self.listing(list),
        }
    }

    /// True when it says that it takes no new calls.
    pub fn is_draining(&self) -> bool {
        get(self.http, "/readyz", None).is_some_and(|(status, _)| status == 503)
    }

    /// The event log so far (`/api/v1/events`), each event with its `at`.
    pub fn events(&self) -> Vec<Value> {
        let token = self.token();
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event["seq"].as_u64().expect("a sequence number"));
            let path = format!("/api/v1/events?limit=1000&after={after}");
            let (_, page) = get(self.http, &path, Some(&token)).expect("the center tells its events");
            let page: Vec<Value> = serde_json::from_str(&page).expect("the center prints a list of events");
            if page.is_empty() {
                return events;
            }
            events.extend(page);
        }
    }

    /// The records of a type of event: when, who caused it, and the event.
    pub fn records_of_type(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|record| record["event"]["type"] == kind).collect()
    }

    /// The events of a type, without the record that they stand in.
    pub fn events_of_type(&self, kind: &str) -> Vec<Value> {
        self.records_of_type(kind).into_iter().map(|record| record["event"].clone()).collect()
    }

    /// Waits for so many events of a type.
    pub fn wait_for_events(&self, kind: &str, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} events {kind}"), || {
            Some(self.events_of_type(kind)).filter(|events| events.len() >= count)
        })
    }
}

impl Center {
    /// One thing as the API tells it, at a path below `/api/v1/`.
    pub fn one(&self, path: &str) -> Value {
        match get(self.http, &format!("/api/v1/{path}"), Some(&self.token())) {
            Some((200, body)) => serde_json::from_str(&body).expect("the center prints JSON"),
            answer => panic!("the center answers {path}: {answer:?}"),
        }
    }

    /// Status and body of a GET at a path below `/api/v1/`, asked with a token of this role, made for it.
    pub fn get_as(&self, role: &str, path: &str) -> (u16, String) {
        self.get_with(&self.make_token(role), path)
    }

    /// The same with this token.
    pub fn get_with(&self, token: &str, path: &str) -> (u16, String) {
        get(self.http, &format!("/api/v1/{path}"), Some(token)).expect("the center answers")
    }

    /// The page of figures for Prometheus.
    ///
    /// # Panics
    /// When the center does not give it.
    pub fn metrics(&self) -> String {
        let answer = get(self.http, "/metrics", Some(&self.token()));
        answer.filter(|(status, _)| *status == 200).expect("the center gives its figures").1
    }

    /// The status of a POST, at a path below `/api/v1/`.
    pub fn post(&self, path: &str, body: &str) -> u16 {
        self.post_for(path, body).0
    }

    /// Status and answer of a POST, at a path below `/api/v1/`; null when there is nothing in the answer.
    pub fn post_for(&self, path: &str, body: &str) -> (u16, Value) {
        let (status, answer) = self.ask_for(path, body).expect("the center answers");
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    /// The same, under an `Idempotency-Key`.
    pub fn post_once(&self, path: &str, body: &str, key: &str) -> (u16, Value) {
        let token = format!("{}\r\nIdempotency-Key: {key}", self.token());
        let answer = ask(self.http, "POST", &format!("/api/v1/{path}"), Some(&token), body);
        let (status, answer) = answer.expect("the center answers");
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    /// The status of a POST without a body; `None` when the center ends before it answers.
    pub fn try_to_post(&self, path: &str) -> Option<u16> {
        self.ask_for(path, "").map(|(status, _)| status)
    }

    fn ask_for(&self, path: &str, body: &str) -> Option<(u16, String)> {
        ask(self.http, "POST", &format!("/api/v1/{path}"), Some(&self.token()), body)
    }
}

/// Status and body of an HTTP GET; `None` when nobody answers.
pub(crate) fn get(port: u16, path: &str, token: Option<&str>) -> Option<(u16, String)> {
    ask(port, "GET", path, token, "")
}

fn ask(port: u16, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// What is fetched of a recording.
#[derive(Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The answer's head.
    pub head: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Center {
    /// A recording's audio as somebody of quality control fetches it: `query` such as `?format=flac`, `range` such as
    /// `bytes=0-99`, or nothing.
    ///
    /// # Panics
    /// When the center does not answer.
    pub fn audio(&self, recording: &Value, query: &str, range: &str) -> Fetched {
        self.audio_with(&self.make_token("qa"), recording, query, range)
    }

    /// The same with this token.
    ///
    /// # Panics
    /// When the center does not answer.
    pub fn audio_with(&self, token: &str, recording: &Value, query: &str, range: &str) -> Fetched {
        let id = recording["id"].as_str().expect("a recording has an id");
        let range = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
        let request = format!(
            "GET /api/v1/recordings/{id}/audio{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Authorization: Bearer {token}\r\n{range}Connection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).expect("the center listens");
        stream.write_all(request.as_bytes()).expect("the center reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the center answers");
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head and a body");
        let body = answer.split_off(end + 4);
        let head = String::from_utf8_lossy(&answer).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Fetched { status, head, body }
    }
}
