//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::{Activity, Shift};

use crate::App;
use crate::problem::Problem;

/// A source of figures.
pub trait Metrics: Send + Sync {
    /// The figures now; those of one name follow each other.
    fn samples(&self) -> Vec<Sample>;
}

/// Measures nothing.
impl Metrics for () {
    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name, `hotline_…`, with the unit at its end.
    pub name: &'static str,
    /// The suffix of a sample of a histogram: `_bucket`, `_sum`, `_count`; otherwise empty.
    pub suffix: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// How the figure behaves.
    pub kind: Kind,
    /// The labels that distinguish it from others with its name.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Cumulative buckets by upper bound (`le`), with sum and count.
    Histogram,
}

impl Sample {
    /// One that only grows; its name ends in `_total`.
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Sample {
        Sample { name, suffix: "", help, kind: Kind::Counter, labels: Vec::new(), value: value as f64 }
    }

    /// One that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Sample {
        Sample { name, suffix: "", help, kind: Kind::Gauge, labels: Vec::new(), value }
    }

    /// The same with these labels.
    #[must_use]
    pub fn with(mut self, labels: Vec<(&'static str, String)>) -> Sample {
        self.labels = labels;
        self
    }
}

pub(crate) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let mut samples = app.metrics.samples();
    samples.extend(of_the_places(&app));
    samples.extend(of_the_store(&app).await?);
    let text = print(&samples);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// Connections and streams: how many there are, and how many found no place.
fn of_the_places(app: &App) -> Vec<Sample> {
    let kinds = [app.connections(), app.followers(), app.socket_places()]
        .map(|places| (places.what(), places.tally()));
    let what = |what: &'static str| ("what", what.to_owned());
    let reason = |reason: &str| ("reason", reason.to_owned());
    let mut samples = Vec::new();
    for (kind, tally) in kinds {
        let help = "Connections and streams that are open.";
        samples.push(Sample::gauge("hotline_http_places", help, tally.held as f64).with(vec![what(kind)]));
    }
    for (kind, tally) in kinds {
        for (why, count) in [("share", tally.share_refused), ("full", tally.all_refused)] {
            let help =
                "Connections and streams that were refused: their address had its share, or all were taken.";
            let sample = Sample::counter("hotline_http_places_refused_total", help, count);
            samples.push(sample.with(vec![what(kind), reason(why)]));
        }
    }
    for (kind, tally) in kinds {
        let help = "Connections and streams that were ended for others.";
        let sample = Sample::counter("hotline_http_places_evicted_total", help, tally.evicted);
        samples.push(sample.with(vec![what(kind)]));
    }
    samples
}

type Figure = fn(&store::QueueRow) -> f64;

async fn of_the_store(app: &App) -> Result<Vec<Sample>, Problem> {
    let queues = app.store.queues(&app.settings().queues, app.day_began(), (app.now)()).await?;
    let agents = app.store.agents(&app.settings().agents).await?;
    let mut samples = Vec::new();
    let mut gauge = |name, help, labels, value| {
        samples.push(Sample::gauge(name, help, value).with(labels));
    };
    let figures: [(&'static str, &'static str, Figure); 6] = [
        ("hotline_queue_waiting", "Contacts that wait now.", |queue| queue.waiting as f64),
        ("hotline_queue_longest_waiting_seconds", "How long the longest has waited.", |queue| {
            queue.longest_waiting_ms as f64 / 1000.0
        }),
        ("hotline_queue_offered_today", "Contacts that entered today.", |queue| queue.offered as f64),
        ("hotline_queue_answered_today", "Of these, answered.", |queue| queue.answered as f64),
        ("hotline_queue_abandoned_today", "Of these, given up.", |queue| queue.abandoned as f64),
        ("hotline_queue_answered_in_20s_today", "Of these, answered within 20 s.", |queue| {
            queue.answered_in_time as f64
        }),
    ];
    for (name, help, figure) in figures {
        for queue in &queues {
            gauge(name, help, vec![("queue", queue.name.to_string())], figure(queue));
        }
    }
    for (label, activity) in [
        ("idle", Activity::Idle),
        ("offered", Activity::Offered),
        ("talking", Activity::Talking),
        ("wrap_up", Activity::WrapUp),
    ] {
        let signed_in = agents.iter().filter(|agent| agent.shift != Shift::SignedOut);
        let count = signed_in.filter(|agent| agent.activity == activity).count();
        let labels = vec![("activity", label.to_owned())];
        gauge("hotline_agents", "Agents that are signed in.", labels, count as f64);
    }
    let followers = app.followers().tally().held as f64;
    gauge("hotline_event_followers", "Long polls and streams that are open.", Vec::new(), followers);
    let unerased = app.eraser.unerased() as f64;
    let help = "Recordings whose files the last erasing could not remove.";
    gauge("hotline_retention_failed", help, Vec::new(), unerased);
    let committed = app.store.committed_seq() as f64;
    gauge("hotline_journal_committed_seq", "The last event in the database.", Vec::new(), committed);
    Ok(samples)
}

fn print(samples: &[Sample]) -> String {
    let mut text = String::new();
    let mut before = "";
    for Sample { name, suffix, help, kind, labels, value } in samples {
        if before != *name {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            before = name;
        }
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "{name}{suffix}{labels} {value}");
    }
    text
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_text_format() {
        let sample = |labels, value| Sample {
            name: "hotline_calls",
            suffix: "",
            help: "Calls.",
            kind: Kind::Gauge,
            labels,
            value,
        };
        let samples = [sample(vec![("trunk", "a\"b\n".to_owned())], 2.5), sample(vec![], 3.0)];
        let expected = "# HELP hotline_calls Calls.\n# TYPE hotline_calls gauge\n\
                        hotline_calls{trunk=\"a\\\"b\\n\"} 2.5\nhotline_calls 3\n";
        assert_eq!(print(&samples), expected);
    }
}
