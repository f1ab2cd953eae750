//! The log's lines: text for people or, on request, one JSON object a line for programs.
//!
//! Texts of callers are hostile. In both forms a line is one line: control characters and marks that turn the
//! direction of writing are escaped, and a value with blanks, quotes or `=` is quoted, so that no value reads like
//! another field.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing::field::{Field, FieldSet, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::shown::line::{escape, json_text, quoted_where_needed};
use crate::shown::output;

/// Where the format is taken from when the command line does not name one.
pub const FORMAT_VARIABLE: &str = "HOTLINE_LOG_FORMAT";

/// What the lines of the log look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `TIME LEVEL TARGET: MESSAGE FIELD=VALUE …`
    #[default]
    Text,
    /// One JSON object with `time`, `level`, `target`, `message` and the fields.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<LogFormat, &'static str> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("\"text\" or \"json\""),
        }
    }
}

/// Starts logging to standard error. `level`: the filter where `RUST_LOG` says nothing.
pub fn start(format: LogFormat, level: &str) {
    output::notes_as_json(format == LogFormat::Json);
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let colours = format == LogFormat::Text && std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output::log())
        .with_ansi(colours)
        .event_format(Lines(format))
        .fmt_fields(SpanFields)
        .init();
}

/// Writes events as lines.
#[derive(Debug, Clone, Copy)]
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            if let Some(said) = span.extensions().get::<FormattedFields<N>>() {
                fields.add_of_span(said, span.metadata().fields());
            }
        }
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let colours = out.has_ansi_escapes();
        let line = match self.0 {
            LogFormat::Text => fields.text(&time, level, target, colours),
            LogFormat::Json => fields.json(&time, level, target),
        };
        writeln!(out, "{line}")
    }
}

/// Keeps what a span says until a line is written within it: a name and a value in turn, each behind a mark that
/// neither has.
#[derive(Debug, Clone, Copy)]
struct SpanFields;

/// Before each name and each value that a span says.
const MARK: char = '\u{1f}';

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut out: Writer<'writer>, said: R) -> fmt::Result {
        let mut fields = Fields::default();
        said.record(&mut fields);
        for (name, value) in &fields.others {
            let (Value::Plain(text) | Value::Quoted(text) | Value::Shown(text)) = value;
            let text: String = text.chars().filter(|c| *c != MARK).collect();
            write!(out, "{MARK}{name}{MARK}{text}")?;
        }
        Ok(())
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

enum Value {
    /// A number or a truth value, as JSON writes it.
    Plain(String),
    /// Text that the line itself always quotes.
    Quoted(String),
    /// What a value prints as, quoted where it would not stay one value.
    Shown(String),
}

impl Fields {
    fn text(&self, time: &str, level: Level, target: &str, colours: bool) -> String {
        let level = if colours { coloured(level) } else { format!("{level:>5}") };
        let mut line = format!("{time} {level} {target}: {}", escape(&self.message));
        for (name, value) in &self.others {
            let value = match value {
                Value::Plain(value) => value.clone(),
                Value::Quoted(text) => json_text(text),
                Value::Shown(text) => quoted_where_needed(text),
            };
            // A string takes everything.
            let _ = write!(line, " {name}={value}");
        }
        line
    }

    fn json(&self, time: &str, level: Level, target: &str) -> String {
        let mut line = format!(
            r#"{{"time":{},"level":"{level}","target":{},"message":{}"#,
            json_text(time),
            json_text(target),
            json_text(&self.message)
        );
        for (name, value) in &self.others {
            let name = match *name {
                "time" | "level" | "target" => format!("field_{name}"),
                other => other.to_owned(),
            };
            let value = match value {
                Value::Plain(value) => value.clone(),
                Value::Quoted(text) | Value::Shown(text) => json_text(text),
            };
            let _ = write!(line, ",{}:{value}", json_text(&name));
        }
        line.push('}');
        line
    }

    /// What a span around the event says, unless the event or a span within says it too.
    fn add_of_span(&mut self, said: &str, names: &FieldSet) {
        let mut parts = said.split(MARK).skip(1);
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            let Some(field) = names.field(name) else { continue };
            if self.others.iter().all(|(other, _)| *other != field.name()) {
                self.others.push((field.name(), Value::Shown(value.to_owned())));
            }
        }
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Quoted(text) | Value::Shown(text) | Value::Plain(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Shown(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Quoted(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity.
        let text = if value.is_finite() { value.to_string() } else { "null".to_owned() };
        self.add(field, Value::Plain(text));
    }
}

fn coloured(level: Level) -> String {
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        _ => 35,
    };
    format!("\u{1b}[{colour}m{level:>5}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::shown::line::obeyed;

    fn hostile() -> Fields {
        let name = "eve\r\n2026 INFO hotline: all well\u{1b}[2J admin=\"yes\"\u{202e}\u{85}";
        Fields {
            message: "contact ended\nforged".to_owned(),
            others: vec![
                ("caller_name", Value::Shown(name.to_owned())),
                ("queue", Value::Shown("front".to_owned())),
                ("talk_ms", Value::Plain("1200".to_owned())),
                ("level", Value::Shown("x".to_owned())),
            ],
        }
    }

    #[test]
    fn what_a_caller_says_stays_one_value_of_one_line() {
        let line = hostile().text("T", Level::INFO, "hotline", false);
        assert!(!line.chars().any(obeyed), "{line:?}");
        assert!(line.contains(r#" queue=front talk_ms=1200"#), "{line}");
        assert!(!line.contains(" admin=\"yes\""), "{line}");

        let line = hostile().json("T", Level::INFO, "hotline");
        assert!(!line.chars().any(obeyed), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&read["talk_ms"], &read["level"], &read["field_level"]),
            (&serde_json::json!(1200), &serde_json::json!("INFO"), &serde_json::json!("x"))
        );
        assert!(read["caller_name"].as_str().unwrap().starts_with("eve\r\n2026"), "{read}");
    }

    #[test]
    fn a_line_names_what_the_spans_around_it_are_about_and_each_once() {
        let lines = Lines(LogFormat::Text);
        let written = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&written);
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(lines)
            .fmt_fields(SpanFields)
            .with_writer(move || Written(Arc::clone(&into)))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _contact = tracing::info_span!("contact", contact = "c1").entered();
            let _leg = tracing::info_span!("leg", leg = "l\u{1f}1").entered();
            tracing::info!("plain");
            tracing::info!(leg = "l2", "named");
        });
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let ends: Vec<&str> =
            text.lines().filter_map(|line| line.split_once(": ")).map(|(_, said)| said).collect();
        assert_eq!(ends, ["plain leg=l1 contact=c1", "named leg=\"l2\" contact=c1"]);
    }

    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        assert!(!hostile().text("T", Level::WARN, "hotline", false).contains('\u{1b}'));
        assert!(hostile().text("T", Level::WARN, "hotline", true).contains("\u{1b}[33m"));
    }
}
