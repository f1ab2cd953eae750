//! Counters and histograms of calls and of SIP.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{Kind, Sample};
use model::{ContactEvent, Entry, Event, QueueEvent, Way};

use super::contact::ContactLine;
use super::word;

/// Upper bounds of the buckets for set-up times, in seconds.
const SHORT: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of the buckets for waiting and talking times, in seconds.
const LONG: &[f64] =
    &[1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0];

/// Counts of one metric by the value of a label. The values are bounded by configuration and by our enums.
type Labels = Vec<(&'static str, String)>;

/// Counters and histograms of calls since the start.
#[derive(Debug, Default)]
pub(super) struct Figures {
    started: u64,
    placed: u64,
    ended: BTreeMap<Labels, u64>,
    refused: BTreeMap<&'static str, u64>,
    offers: BTreeMap<Labels, u64>,
    setup: Histogram,
    waits: BTreeMap<Labels, Histogram>,
    talks: BTreeMap<Labels, Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    /// The count of each bucket alone: above the bound before it, at most its own.
    buckets: Vec<u64>,
    count: u64,
    sum: f64,
}

impl Figures {
    pub(super) fn handle(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Contact(ContactEvent::Started { .. }) => self.started += 1,
            Event::Contact(ContactEvent::Placed { .. }) => self.placed += 1,
            Event::Queue(event) => self.queue(event),
            Event::Contact(_)
            | Event::Center(_)
            | Event::Agent(_)
            | Event::Recording(_)
            | Event::Storage(_) => {}
        }
    }

    fn queue(&mut self, event: &QueueEvent) {
        match event {
            QueueEvent::Left { queue, reason, waited_ms, .. } => {
                let labels = vec![("queue", queue.to_string()), ("outcome", word(reason))];
                self.waits.entry(labels).or_default().add(LONG, *waited_ms);
            }
            QueueEvent::OfferEnded { outcome, .. } => {
                let labels = vec![("outcome", word(outcome))];
                *self.offers.entry(labels).or_default() += 1;
            }
            QueueEvent::Entered { .. } | QueueEvent::OfferMade { .. } => {}
        }
    }

    pub(super) fn refused(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Counts a contact that ended.
    pub(super) fn ended(&mut self, line: &ContactLine) {
        // Of one that began before this process did it is not known: most are inbound.
        let direction = line.direction.unwrap_or(Way::Inbound);
        let mut labels = vec![("class", word(&line.end.class)), ("cause", word(&line.end.cause))];
        labels.push(("direction", direction.word().to_owned()));
        *self.ended.entry(labels).or_default() += 1;
        if let Some(ms) = line.setup_ms.filter(|_| direction == Way::Inbound) {
            self.setup.add(SHORT, ms);
        }
        if let Some(queue) = line.queue.as_ref().filter(|_| line.agent.is_some()) {
            let labels = vec![("queue", queue.to_string())];
            self.talks.entry(labels).or_default().add(LONG, line.talk_ms);
        }
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let started = |way: Way, count| {
            Sample::counter("hotline_contacts_started_total", "Contacts that began since the start", count)
                .with(vec![("direction", way.word().to_owned())])
        };
        let mut samples = vec![started(Way::Inbound, self.started), started(Way::Outbound, self.placed)];
        let counted = |name, help, rows: &BTreeMap<Labels, u64>| {
            let sample = move |(labels, count): (&Labels, &u64)| {
                Sample::counter(name, help, *count).with(labels.clone())
            };
            rows.iter().map(sample).collect::<Vec<_>>()
        };
        samples.extend(counted("hotline_contacts_total", "Contacts that ended, by outcome", &self.ended));
        samples.extend(counted(
            "hotline_offers_total",
            "Offers to agents that ended, by outcome",
            &self.offers,
        ));
        samples.extend(self.refused.iter().map(|(reason, count)| {
            Sample::counter("hotline_refusals_total", "Calls and registrations that were refused", *count)
                .with(vec![("reason", (*reason).to_owned())])
        }));
        let setup = ("hotline_contact_setup_seconds", "From a customer's INVITE to our answer");
        self.setup.samples(setup, SHORT, &Vec::new(), &mut samples);
        for (labels, histogram) in &self.waits {
            let name = ("hotline_queue_wait_seconds", "Real waiting in a queue, by how it ended");
            histogram.samples(name, LONG, labels, &mut samples);
        }
        for (labels, histogram) in &self.talks {
            let name = ("hotline_talk_seconds", "Time with agents, of contacts that had some");
            histogram.samples(name, LONG, labels, &mut samples);
        }
        samples
    }
}

impl Histogram {
    fn add(&mut self, bounds: &[f64], ms: u64) {
        let seconds = ms as f64 / 1_000.0;
        self.buckets.resize(bounds.len(), 0);
        if let Some(bucket) =
            bounds.iter().position(|bound| seconds <= *bound).and_then(|nth| self.buckets.get_mut(nth))
        {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    /// The cumulative buckets, the sum and the count.
    fn samples(
        &self,
        (name, help): (&'static str, &'static str),
        bounds: &[f64],
        labels: &Labels,
        samples: &mut Vec<Sample>,
    ) {
        let mut sample = |suffix, bound: Option<String>, value| {
            let labels = labels.iter().cloned().chain(bound.map(|bound| ("le", bound))).collect();
            samples.push(Sample { name, suffix, help, kind: Kind::Histogram, labels, value });
        };
        let mut below = 0;
        for (nth, bound) in bounds.iter().enumerate() {
            below += self.buckets.get(nth).copied().unwrap_or(0);
            sample("_bucket", Some(format!("{bound:?}")), below as f64);
        }
        sample("_bucket", Some("+Inf".to_owned()), self.count as f64);
        sample("_sum", None, self.sum);
        sample("_count", None, self.count as f64);
    }
}

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SipSide {
    /// Received.
    Received,
    /// Sent.
    Sent,
}

/// Counters of SIP messages. Atomic, because every message of every shard increments them.
#[derive(Debug, Default)]
pub(super) struct SipCounters {
    /// Responses by side and class: 1xx to 6xx.
    responses: [[AtomicU64; 6]; 2],
    requests: [AtomicU64; 2],
    failed: AtomicU64,
}

impl SipCounters {
    pub(super) fn count(&self, side: SipSide, message: &[u8]) {
        let side = usize::from(side == SipSide::Sent);
        let class = message.strip_prefix(b"SIP/2.0 ").and_then(|rest| rest.first());
        let counter = match class {
            Some(digit @ b'1'..=b'6') => self.responses[side].get(usize::from(digit - b'1')),
            // Keep-alives (RFC 5626 section 3.5.1) are not requests.
            _ if message.first().is_some_and(u8::is_ascii_alphabetic) => self.requests.get(side),
            _ => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn failed_authentication(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let sides = ["received", "sent"];
        let mut samples = Vec::new();
        for (side, classes) in sides.iter().zip(&self.responses) {
            for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"].iter().zip(classes) {
                let labels = vec![("direction", (*side).to_owned()), ("class", (*class).to_owned())];
                let count = count.load(Ordering::Relaxed);
                samples.push(
                    Sample::counter("hotline_sip_responses_total", "SIP answers, repetitions too", count)
                        .with(labels),
                );
            }
        }
        for (side, count) in sides.iter().zip(&self.requests) {
            let count = count.load(Ordering::Relaxed);
            samples.push(
                Sample::counter("hotline_sip_requests_total", "SIP requests, repetitions too", count)
                    .with(vec![("direction", (*side).to_owned())]),
            );
        }
        samples.push(Sample::counter(
            "hotline_sip_authentication_failures_total",
            "SIP requests whose user or password was wrong",
            self.failed.load(Ordering::Relaxed),
        ));
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_last_is_the_count() {
        let mut histogram = Histogram::default();
        [500, 1_000, 1_001, 8_000_000].into_iter().for_each(|ms| histogram.add(LONG, ms));
        let mut samples = Vec::new();
        histogram.samples(("a_seconds", "A"), LONG, &vec![("queue", "q".to_owned())], &mut samples);
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        assert_eq!((values[0], values[1], values[13], values[14]), (2.0, 3.0, 3.0, 4.0));
        assert_eq!((samples[14].labels[1].1.as_str(), samples[15].suffix, values[16]), ("+Inf", "_sum", 4.0));
    }

    #[test]
    fn sip_messages_are_counted_by_side_and_class() {
        let counters = SipCounters::default();
        counters.count(SipSide::Sent, b"SIP/2.0 404 Not Found\r\n");
        counters.count(SipSide::Received, b"INVITE sip:8000@x SIP/2.0\r\n");
        counters.count(SipSide::Received, b"\r\n\r\n");
        let of = |name: &str, values: [&str; 2]| {
            let is = |sample: &&Sample| {
                sample.name == name
                    && sample.labels.iter().zip(values).all(|((_, has), wanted)| has == wanted)
            };
            counters.samples().iter().find(is).map(|sample| sample.value)
        };
        assert_eq!(of("hotline_sip_responses_total", ["sent", "4xx"]), Some(1.0));
        assert_eq!(of("hotline_sip_responses_total", ["received", "4xx"]), Some(0.0));
        assert_eq!(of("hotline_sip_requests_total", ["received", ""]), Some(1.0));
    }
}
