//! What operators see of calls: a line of the log for each contact and each refusal, and the figures of `/metrics`.
//!
//! ```text
//!   center's thread ── entries ──┐
//!   signalling shards ─ refusals ┼─► observer's thread ─► log (a line each), figures
//!   registrar ─────── refusals ──┘
//! ```
//!
//! Reporting never waits: the channel to the thread is bounded (65,536), and a report that finds it full is dropped
//! and counted (`hotline_observations_lost_total`). No decision depends on these reports.

mod contact;
mod figures;
mod limits;
mod refusals;
mod trace;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Sample;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use model::{Entry, Number, Personal, Way};

use crate::system::clock::steady;
use contact::{ContactLine, Ledger};
use figures::Figures;
pub(crate) use figures::SipSide;
pub use limits::Limits;
use refusals::{RefusalLine, Refusals};
pub(crate) use trace::Trace;

/// Observations that may wait.
const INBOX: usize = 65_536;
/// How often lines that are due are looked for.
const TICK: Duration = Duration::from_secs(1);

/// The sending end of the channel to the observer's thread. Clones share it; the default one drops everything.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    inbox: Option<Sender<Seen>>,
    shared: Arc<Shared>,
    trace: Arc<Trace>,
}

#[derive(Debug, Default)]
struct Shared {
    figures: Mutex<Figures>,
    sip: figures::SipCounters,
    lost: AtomicU64,
}

#[derive(Debug)]
enum Seen {
    Entry(Box<Entry>),
    Refusal(Box<Refused>),
    Limits(Limits),
    Stop(Sender<()>),
}

/// A request that was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The reason, in `snake_case`, from a fixed set.
    pub(crate) reason: &'static str,
    /// Where it came from.
    pub(crate) source: SocketAddr,
    /// Its Call-ID, as the peer sent it: not to be trusted.
    pub(crate) sip_call_id: String,
    /// The number that was dialled.
    pub(crate) number: Option<Number>,
    /// The calling number.
    pub(crate) caller: Option<Personal<Number>>,
    /// Which status it was answered with.
    pub(crate) status: u16,
}

impl Observer {
    /// Starts the thread. `personal`: calling numbers and names may stand in the log in full.
    /// `trace_bytes`: how many bytes of SIP messages are kept for a trace; 0 for none. `limits`: what refusals for a
    /// limit name.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(personal: bool, trace_bytes: usize, limits: Limits) -> std::io::Result<Observer> {
        let (sender, inbox) = bounded(INBOX);
        let shared = Arc::new(Shared::default());
        let thread = Thread {
            inbox,
            shared: Arc::clone(&shared),
            ledger: Ledger::default(),
            refusals: Refusals::default(),
            personal,
            limits,
        };
        std::thread::Builder::new().name("observer".to_owned()).spawn(move || thread.run())?;
        Ok(Observer { inbox: Some(sender), shared, trace: Arc::new(Trace::new(trace_bytes)) })
    }

    /// An event of the center.
    pub fn entry(&self, entry: &Entry) {
        if self.inbox.is_some() && contact::concerns(&entry.event) {
            self.put(Seen::Entry(Box::new(entry.clone())));
        }
    }

    /// Replaces the limits that refusals name.
    pub(crate) fn replace_limits(&self, limits: Limits) {
        self.put(Seen::Limits(limits));
    }

    /// A call or registration that was refused.
    pub(crate) fn refused(&self, refused: Refused) {
        self.put(Seen::Refusal(Box::new(refused)));
    }

    /// A SIP message that was received or sent. Counted at once, on the caller's thread.
    pub(crate) fn sip(&self, side: SipSide, message: &[u8]) {
        self.shared.sip.count(side, message);
    }

    /// A SIP request whose credentials were wrong.
    pub(crate) fn authentication_failed(&self) {
        self.shared.sip.failed_authentication();
    }

    /// The last SIP messages.
    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// For the API.
    pub(crate) fn trace_reader(&self) -> Arc<dyn api::Trace> {
        Arc::clone(&self.trace) as Arc<dyn api::Trace>
    }

    /// The figures now.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples = self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner).samples();
        samples.extend(self.shared.sip.samples());
        samples.push(Sample::counter(
            "hotline_observations_lost_total",
            "Calls and refusals that neither the log nor the figures took",
            self.shared.lost.load(Ordering::Relaxed),
        ));
        samples
    }

    /// Writes the lines that are still pending, taking at most a second, and ends the thread.
    pub fn stop(&self) {
        let (done, ended) = bounded(1);
        if let Some(inbox) = &self.inbox
            && inbox.send_timeout(Seen::Stop(done), TICK).is_ok()
        {
            let _ = ended.recv_timeout(TICK);
        }
    }

    fn put(&self, seen: Seen) {
        if let Some(inbox) = &self.inbox
            && inbox.try_send(seen).is_err()
        {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Thread {
    inbox: Receiver<Seen>,
    shared: Arc<Shared>,
    ledger: Ledger,
    refusals: Refusals,
    personal: bool,
    limits: Limits,
}

impl Thread {
    fn run(mut self) {
        loop {
            match self.inbox.recv_timeout(TICK) {
                Ok(Seen::Entry(entry)) => {
                    self.ledger.handle(steady(), &entry);
                    self.figures(|figures| figures.handle(&entry));
                }
                Ok(Seen::Refusal(refused)) => {
                    self.figures(|figures| figures.refused(refused.reason));
                    self.refusals.handle(steady(), *refused);
                }
                Ok(Seen::Limits(limits)) => self.limits = limits,
                Ok(Seen::Stop(done)) => {
                    self.ledger.close();
                    self.refusals.close();
                    self.write();
                    let _ = done.send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.ledger.handle_timeout(steady());
            self.refusals.handle_timeout(steady());
            self.write();
        }
    }

    fn figures(&self, with: impl FnOnce(&mut Figures)) {
        with(&mut self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn write(&mut self) {
        while let Some(line) = self.ledger.poll_output() {
            self.figures(|figures| figures.ended(&line));
            self.write_contact(&line);
        }
        while let Some(line) = self.refusals.poll_output() {
            self.write_refusal(&line);
        }
    }

    fn write_contact(&self, line: &ContactLine) {
        let quality = line.quality.as_ref();
        tracing::info!(
            target: "hotline::contact",
            contact = %line.contact,
            direction = line.direction.map(Way::word),
            sip_call_id = line.sip_call_id,
            caller = line.caller.as_ref().map(|caller| self.person(caller)),
            caller_name = line.caller_name.as_ref().filter(|_| self.personal).map(|name| name.reveal().as_str()),
            number = line.number.as_ref().map(Number::as_str),
            trunk = line.trunk,
            language = line.language.map(|language| language.tag()),
            queue = line.queue.as_ref().map(model::QueueName::as_str),
            agent = line.agent.as_ref().map(model::AgentId::as_str),
            setup_ms = line.setup_ms,
            waited_ms = line.waited_ms,
            talk_ms = line.talk_ms,
            duration_ms = line.duration_ms,
            cause = word(&line.end.cause),
            by = word(&line.end.by),
            class = word(&line.end.class),
            codec = quality.map(|quality| word(&quality.codec)),
            mos = quality.map(|quality| (quality.mos * 100.0).round() / 100.0),
            lost = quality.map(|quality| quality.lost),
            jitter_ms = quality.map(|quality| quality.jitter_ms),
            "contact ended",
        );
    }

    fn write_refusal(&self, line: &RefusalLine) {
        let RefusalLine { refused, suppressed } = line;
        let Refused { reason, source, sip_call_id, number, caller, status } = refused;
        let limit = self.limits.met(reason);
        tracing::warn!(
            target: "hotline::refusal",
            reason,
            limit = limit.as_ref().and_then(|limit| limit.allows),
            raise = limit.as_ref().map(|limit| limit.raise),
            %source,
            status,
            sip_call_id,
            number = number.as_ref().map(Number::as_str),
            caller = caller.as_ref().map(|caller| self.person(caller)),
            suppressed,
            "refused",
        );
    }

    /// A calling number as the log may show it.
    fn person(&self, number: &Personal<Number>) -> String {
        if self.personal { number.reveal().to_string() } else { number.masked() }
    }
}

/// The name that a value of our enums has in the API.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        Ok(_) | Err(_) => String::new(),
    }
}
