//! The load generator, `hotline load`, against a center or a peer in its place.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::center::binary;
use crate::{Center, Echo, Kamailio};

/// A run that is to be.
#[derive(Debug)]
pub struct Load<'a> {
    /// Where its reports go.
    folder: &'a Path,
    arguments: Vec<String>,
}

/// What a run told.
#[derive(Debug)]
pub struct Run {
    /// It ended with 0.
    pub succeeded: bool,
    /// What it printed.
    pub said: String,
    /// Its JSON.
    pub report: Value,
    /// Its HTML.
    pub page: String,
}

impl<'a> Load<'a> {
    /// Calls to the inquiry queue, and the sample agents of that queue.
    pub fn at(center: &'a Center) -> Load<'a> {
        Load { folder: &center.folder, arguments: Vec::new() }.with(&[
            "--target",
            &center.sip(),
            "--number",
            "8000",
            "--press",
            "1",
            "--agents",
            "1001-1003",
        ])
    }

    /// Calls to the number that Kamailio distributes, and three agents.
    pub fn at_kamailio(kamailio: &'a Kamailio) -> Load<'a> {
        let arguments = ["--target", &kamailio.sip(), "--number", "8000", "--agents", "1001-1003"];
        Load { folder: &kamailio.folder, arguments: Vec::new() }.with(&arguments)
    }

    /// Calls that hear themselves.
    pub fn at_echo(echo: &'a Echo) -> Load<'a> {
        let arguments = ["--target", &echo.sip(), "--codec", "pcmu"];
        Load { folder: &echo.folder, arguments: vec!["--echo".to_owned()] }.with(&arguments)
    }

    /// Adds arguments; of those that are there twice, the last counts.
    pub fn with(mut self, arguments: &[&str]) -> Load<'a> {
        for argument in arguments {
            if let Some(at) =
                self.arguments.iter().position(|other| other == argument && other.starts_with("--"))
            {
                self.arguments.drain(at..at + 2);
            }
            self.arguments.push((*argument).to_owned());
        }
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it writes no report.
    pub fn run(self) -> Run {
        let (json, html) = (self.folder.join("load.json"), self.folder.join("load.html"));
        let mut command = command();
        command.args(&self.arguments).arg("--json").arg(&json).arg("--html").arg(&html);
        let output = command.output().expect("hotline runs");
        let said = said(&output);
        let text =
            std::fs::read_to_string(&json).unwrap_or_else(|error| panic!("no report: {error}; {said}"));
        Run {
            succeeded: output.status.success(),
            report: serde_json::from_str(&text).expect("the report is JSON"),
            page: std::fs::read_to_string(&html).expect("the page is there"),
            said,
        }
    }

    /// Runs it and fails unless it refuses to; what it says.
    ///
    /// # Panics
    /// When it runs.
    pub fn refused(self) -> String {
        let output = command().args(&self.arguments).output().expect("hotline runs");
        let said = said(&output);
        assert!(!output.status.success(), "{said}");
        said
    }
}

impl Run {
    /// A number of the report, by JSON pointer.
    ///
    /// # Panics
    /// When there is none.
    pub fn number(&self, pointer: &str) -> f64 {
        let found = self.report.pointer(pointer).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("no number at {pointer} in {}", self.report))
    }
}

fn command() -> Command {
    let mut command = Command::new(binary());
    command.arg("load").env("NO_COLOR", "1");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
