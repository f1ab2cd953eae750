//! What a story sees of a center: rows, files, lines of the log; and waiting for them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Center;
use crate::{wait_for, web};

impl Center {
    /// All contacts.
    pub fn contacts(&self) -> Vec<Value> {
        self.rows("contacts")
    }

    /// All recordings.
    pub fn recordings(&self) -> Vec<Value> {
        self.rows("recordings")
    }

    /// This agent.
    pub fn agent(&self, id: &str) -> Value {
        let mut rows = self.rows("agents").into_iter();
        rows.find(|row| row["id"] == id).expect("the sample configuration has the agent")
    }

    /// The file of a recording's row.
    pub fn recording_file(&self, row: &Value) -> PathBuf {
        self.folder.join("recordings").join(row["path"].as_str().expect("a recording has a path"))
    }

    /// What the center printed and logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("center.log")).unwrap_or_default()
    }

    /// Waits until the text stands in the log: a thread of its own writes it, after what it tells
    /// of was done.
    pub fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the log"), || self.log().contains(text).then_some(()));
    }

    /// Waits until the seat is registered and its agent waits for a call.
    pub fn wait_for_seat(&self, agent: &str) {
        self.wait_for_log(&format!("{agent} online=true"));
    }

    /// Waits for a contact whose field (a JSON pointer) is the text.
    pub fn wait_for_contact(&self, field: &str, text: &str) -> Value {
        wait_for(&format!("a contact whose {field} is {text}"), || {
            self.contacts().into_iter().find(|row| row.pointer(field).and_then(Value::as_str) == Some(text))
        })
    }

    /// Waits for a recording in the state.
    pub fn wait_for_recording(&self, state: &str) -> Value {
        wait_for(&format!("a recording that is {state}"), || {
            self.recordings().into_iter().find(|row| row["state"] == state)
        })
    }

    /// Waits until this number of recordings is sealed.
    pub fn wait_until_sealed(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} sealed recordings"), || {
            let mut rows = self.recordings();
            rows.retain(|row| row["state"] == "sealed");
            (rows.len() >= count).then_some(rows)
        })
    }

    /// Waits until the agent's shift (`ready`, `{"not_ready": reason}`) is this.
    pub fn wait_for_shift(&self, agent: &str, shift: &Value) {
        wait_for(&format!("agent {agent} to be {shift}"), || {
            (self.agent(agent)["shift"] == *shift).then_some(())
        });
    }

    /// Returns when a caller talks with an agent and the talk was recorded for so long.
    pub fn talk_for_seconds(&self, seconds: u64) {
        wait_for("the talk to begin", || {
            self.contacts().iter().any(|row| row["talked_at"].is_string()).then_some(())
        });
        self.record_for_seconds(seconds);
    }

    /// Returns when the one open recording has grown for so long.
    pub fn record_for_seconds(&self, seconds: u64) {
        self.wait_for_recording("open");
        self.record_each_for_seconds(seconds);
    }

    /// Returns when each recording that is open now has grown for so long.
    pub fn record_each_for_seconds(&self, seconds: u64) {
        let size = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
        let open = self.recordings().into_iter().filter(|row| row["state"] == "open");
        let goal = |row: Value| {
            let (rate, file) = (row["rate"].as_u64().expect("a rate"), self.recording_file(&row));
            // Two channels of 16 bits.
            (size(&file) + seconds * rate * 4, file)
        };
        let goals: Vec<_> = open.map(goal).collect();
        wait_for("the recordings to grow", || {
            goals.iter().all(|(goal, file)| size(file) >= *goal).then_some(())
        });
    }

    /// What `/readyz` answers: status and body.
    pub fn readiness(&self) -> (u16, Value) {
        let (status, body) = web::get(self.http, "/readyz", None).expect("the center answers");
        (status, serde_json::from_str(&body).expect("JSON"))
    }
}
