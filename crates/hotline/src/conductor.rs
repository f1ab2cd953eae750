//! The thread that runs the center: inputs in, outputs out, sleep until the next timeout.
//!
//! Every channel into it is bounded. When the signalling inbox is full, new INVITEs are answered 503 and
//! nothing else is lost (see `signalling`); a command that finds its inbox full is refused as busy. What the
//! center puts out never waits: orders go to shells that always take them, and entries that the log
//! has no room for are kept here, in order, until it has.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use api::{Answer, Commands};
use center::{Center, Input, Output};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use media::Media;
use model::{Actor, Command, CommandId, Done, Entry, Ids, LegOrder, MediaReport, Order, Refused, Scope};
use std::sync::Mutex;
use store::Log;
use tokio::sync::oneshot;

use crate::observer::Observer;
use crate::signalling::{Signalling, SignallingInput};
use crate::system::clock::{self, steady};

/// Reports that may wait for the center.
pub const INBOX: usize = 65_536;
const COMMANDS: usize = 1_024;
/// How long the last records may wait for a journal that is full.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How often the machine's clock is compared with the steady one.
const CLOCK_WATCHED: Duration = Duration::from_secs(1);

/// What the center reads from.
pub struct Inboxes {
    /// Of the signalling shell. Boxed, as a bounded channel holds all its places in memory from the start.
    pub signalling: Receiver<Box<SignallingInput>>,
    /// Of the media threads.
    pub media: Receiver<MediaReport>,
}

/// Where the center's outputs go.
pub struct Shells {
    /// SIP.
    pub signalling: Arc<Signalling>,
    /// Audio.
    pub media: Arc<Media>,
    /// The event log.
    pub log: Log,
    /// The log's lines and the figures.
    pub observer: Observer,
}

/// The way to a running center.
#[derive(Clone)]
pub struct Conductor {
    requests: Sender<Request>,
    calls: Arc<AtomicU64>,
    ids: Arc<Mutex<Ids>>,
}

enum Request {
    Command(Command, oneshot::Sender<Result<Done, Refused>>),
    Drain(oneshot::Sender<()>),
    Alive(oneshot::Sender<()>),
    Settings(Box<center::Config>),
    Close,
    EndAll,
    Stop,
}

/// Starts the center's thread. `ids` makes the ids of commands.
///
/// # Errors
/// When the system refuses a thread.
pub fn start(
    center: Center,
    inboxes: Inboxes,
    shells: Shells,
    ids: Ids,
) -> io::Result<(Conductor, JoinHandle<()>)> {
    let (sender, requests) = bounded(COMMANDS);
    let calls = Arc::new(AtomicU64::new(0));
    let conductor = Conductor { requests: sender, calls: Arc::clone(&calls), ids: Arc::new(Mutex::new(ids)) };
    let thread = Thread {
        center,
        inboxes,
        requests,
        shells,
        calls,
        answers: HashMap::new(),
        drained: None,
        unjournaled: VecDeque::new(),
    };
    let handle = std::thread::Builder::new().name("center".to_owned()).spawn(move || thread.run())?;
    Ok((conductor, handle))
}

impl Conductor {
    /// How many calls are in progress.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Takes no new calls from now on; completes when the last one is over.
    pub fn drain(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let _ = self.requests.send(Request::Drain(sender));
        receiver
    }

    /// A sign of life of the center's thread: true once it has come to this request, false when it is gone or its
    /// inbox is full.
    pub async fn alive(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(Request::Alive(answer)).is_ok() && answered.await.is_ok()
    }

    /// The next decision goes by these settings. Waits while the center's inbox is full.
    pub(crate) fn replace_settings(&self, config: center::Config) {
        let _ = self.requests.send(Request::Settings(Box::new(config)));
    }

    /// Ends every call when its caller has heard that the center closes.
    pub fn close(&self) {
        let _ = self.requests.send(Request::Close);
    }

    /// Ends every call.
    pub fn end_all(&self) {
        let _ = self.requests.send(Request::EndAll);
    }

    /// Ends the thread.
    pub fn stop(&self) {
        let _ = self.requests.send(Request::Stop);
    }

    fn try_command(
        &self,
        by: Actor,
        scope: Scope,
        order: Order,
    ) -> Result<oneshot::Receiver<Result<Done, Refused>>, Refused> {
        let id = match self.ids.lock() {
            Ok(mut ids) => CommandId::new(&mut ids, steady()),
            Err(poisoned) => CommandId::new(&mut poisoned.into_inner(), steady()),
        };
        let (sender, receiver) = oneshot::channel();
        match self.requests.try_send(Request::Command(Command { id, by, scope, order }, sender)) {
            Ok(()) => Ok(receiver),
            Err(TrySendError::Full(_)) => Err(Refused::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Refused::ShuttingDown),
        }
    }
}

impl Commands for Conductor {
    fn send(&self, by: Actor, scope: Scope, order: Order) -> Answer<'_> {
        let asked = self.try_command(by, scope, order);
        Box::pin(async move { asked?.await.unwrap_or(Err(Refused::ShuttingDown)) })
    }
}

struct Thread {
    center: Center,
    inboxes: Inboxes,
    requests: Receiver<Request>,
    shells: Shells,
    calls: Arc<AtomicU64>,
    answers: HashMap<CommandId, oneshot::Sender<Result<Done, Refused>>>,
    drained: Option<oneshot::Sender<()>>,
    /// Entries that the log had no room for, oldest first.
    unjournaled: VecDeque<Entry>,
}

impl Thread {
    fn run(mut self) {
        let (mut watch, mut watched) = (clock::Watch::default(), steady());
        loop {
            self.carry_out();
            if steady().since(watched) >= CLOCK_WATCHED {
                watched = steady();
                if let Some(by_ms) = watch.poll() {
                    tracing::warn!(by_ms, "the machine's clock was set");
                    self.center.handle(steady(), Input::ClockSet { by_ms });
                    self.carry_out();
                }
            }
            let wait = match self.center.poll_timeout() {
                Some(due) => due.since(steady()),
                None => CLOCK_WATCHED,
            };
            let wait = wait.min(CLOCK_WATCHED);
            let wait = if self.unjournaled.is_empty() { wait } else { wait.min(Duration::from_millis(10)) };
            crossbeam_channel::select! {
                recv(self.inboxes.signalling) -> input => {
                    if let Ok(input) = input {
                        self.center.handle(steady(), translate(*input));
                    }
                }
                recv(self.inboxes.media) -> report => {
                    if let Ok(report) = report {
                        self.center.handle(steady(), Input::Media(report));
                    }
                }
                recv(self.requests) -> request => match request {
                    Ok(Request::Command(command, answer)) => {
                        self.answers.insert(command.id, answer);
                        self.center.handle(steady(), Input::Command(command));
                    }
                    Ok(Request::Drain(done)) => {
                        self.drained = Some(done);
                        self.center.handle(steady(), Input::Drain);
                    }
                    // The asker may have gone.
                    Ok(Request::Alive(answer)) => _ = answer.send(()),
                    Ok(Request::Settings(config)) => {
                        self.center.handle(steady(), Input::Settings(config));
                    }
                    Ok(Request::Close) => self.center.handle(steady(), Input::Close),
                    Ok(Request::EndAll) => self.center.handle(steady(), Input::EndAll),
                    Ok(Request::Stop) | Err(_) => {
                        self.carry_out();
                        return self.hand_over();
                    }
                },
                default(wait) => {}
            }
            self.center.handle_timeout(steady());
        }
    }

    /// Before the thread ends: what the journal had no room for gets it, as the journal writes on.
    fn hand_over(&mut self) {
        let began = std::time::Instant::now();
        while !self.unjournaled.is_empty() && began.elapsed() < HAND_OVER {
            std::thread::sleep(Duration::from_millis(10));
            self.carry_out();
        }
        if !self.unjournaled.is_empty() {
            let (records, limit_s) = (self.unjournaled.len(), HAND_OVER.as_secs());
            tracing::error!(
                records,
                limit_s,
                "the journal took no more within the limit; these records are lost"
            );
        }
    }

    fn carry_out(&mut self) {
        let Shells { signalling, media, log, observer } = &self.shells;
        while let Some(output) = self.center.poll_output() {
            match output {
                Output::Leg(leg, order) => {
                    if matches!(order, LegOrder::Answer { .. } | LegOrder::Dial { .. })
                        && let Some(contact) = self.center.contact_of(leg)
                    {
                        observer.trace().contact(contact, leg);
                    }
                    signalling.order(leg, order);
                }
                Output::Media(order) => media.order(order),
                Output::Entry(entry) => {
                    observer.entry(&entry);
                    self.unjournaled.push_back(entry);
                }
                Output::Reply(reply) => {
                    if let Some(answer) = self.answers.remove(&reply.id) {
                        // The asker may have gone meanwhile.
                        let _ = answer.send(reply.result);
                    }
                }
                Output::Drained => {
                    if let Some(done) = self.drained.take() {
                        let _ = done.send(());
                    }
                }
            }
        }
        log.append_all(&mut self.unjournaled);
        self.calls.store(u64::try_from(self.center.calls()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

fn translate(input: SignallingInput) -> Input {
    match input {
        SignallingInput::Invited(leg, invited) => Input::Invited(leg, invited),
        SignallingInput::Leg(leg, report) => Input::Leg(leg, report),
        SignallingInput::Seat { agent, online, local } => Input::Seat { agent, online, local },
    }
}
