//! The signalling shell: SIP on sockets, legs to the center.
//!
//! ```text
//!   UDP reader ──┐ datagrams (dropped when full: peers resend)        ┌─► center (bounded; see below)
//!   TCP hub ─────┼──────────────► shard 0, 1, … (by Call-ID) ─────────┤
//!   center ──────┘ orders (the center waits when full)   ▲  │         │
//!                                              verdicts  │  ▼ questions│
//!                                                      registrar ─────┘ seats
//! ```
//!
//! Each shard owns an [`sip::Endpoint`] with the legs of its Call-IDs; the registrar owns registrations,
//! nonces and the slowing of guessers. What happens when a channel is full:
//!
//! * shard ← UDP: the datagram is dropped and counted in the log; its sender resends it. A shard has two lanes: what
//!   belongs to calls, trunks and registered devices is served before what strangers begin (see [`mod@gate`]).
//! * shard ← TCP: the connection is not read on until there is room.
//! * shard ← orders: [`Signalling::order`] waits. A shard never waits for the center, so this ends.
//! * center ← `Invited`: the call is answered 503 with Retry-After; the center never hears of it.
//! * center ← everything else: kept by the shard, in order, and sent as soon as there is room; keys
//!   and ringing are dropped beyond 10,000 waiting reports, and but the last change of each leg; ends and answers
//!   never.
//! * registrar ← shard: the request is answered 503.
//! * shard ← registrar's notices: kept by the registrar, and tried again after 10 ms.

mod admit;
mod carriers;
mod certified;
mod clock;
mod datagrams;
mod diversion;
mod dns;
mod gate;
mod health;
mod identity;
mod keeper;
mod kept;
mod legs;
mod life;
mod listen;
mod listener;
mod locals;
mod locating;
mod manners;
mod names;
mod outgoing;
mod outside;
mod pings;
mod reach;
mod redirects;
mod registrar;
mod seen;
mod settings;
mod shard;
mod streams;
mod terms;
#[cfg(test)]
mod tests;
mod transfers;
mod translate;
mod trunk;
mod web_sockets;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use model::{AgentId, Invited, LegId, LegOrder, LegReport};
use sip::Random;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use carriers::{Failure, GatewayState, GatewayStatus, Standing, TrunkStatus};
use clock::Clock;
pub use identity::{Numbers, Rewrite};
pub use life::Life;
pub use listen::Addresses;
use listen::{Door, Sockets};
pub(crate) use listen::{has_ipv4, tcp as listen_tcp, udp as listen_udp};
pub use listener::{Listener, Tls};
pub use outgoing::{Gateway, Identity, Outgoing, RegisterAt};
pub use pings::Pings;
use settings::CurrentSettings;
pub use settings::{Current, Settings};
use shard::Shard;
pub use streams::{Handshakes, Shaken, Side};
pub use terms::{Codecs, Terms};
pub use trunk::{Network, Source, Trunk};
pub use web_sockets::WebSockets;

/// Datagrams and messages that may wait for a shard.
const SHARD_QUEUE: usize = 4_096;
/// Orders that may wait for a shard.
const ORDER_QUEUE: usize = 16_384;
/// Questions that each shard may have open with the registrar.
const QUESTIONS: usize = 1_024;

/// What the center hears from the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignallingInput {
    /// A new inbound leg.
    Invited(LegId, Box<Invited>),
    /// Of a leg.
    Leg(LegId, LegReport),
    /// A seat became reachable, or is not any more. All begin unreachable.
    Seat {
        /// The agent.
        agent: AgentId,
        /// Now.
        online: bool,
        /// The address of ours that it is reached by.
        local: Option<IpAddr>,
    },
}

/// Why the shell did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen for SIP on {address} ({transport})")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// UDP, TCP or TLS.
        transport: &'static str,
        /// The system's word.
        source: std::io::Error,
    },
    /// Two listeners by which peers reach us at the same address.
    #[error("{0} is there twice: peers could not tell the two apart")]
    SameAddress(SocketAddr),
    /// A wildcard address says nothing to peers.
    #[error("{0} is a wildcard address: say which address peers reach us by (advertised)")]
    NoAddress(SocketAddr),
    /// The system gives no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(String),
}

/// The way to a shard: its orders, and the bell that it wakes by.
type OrderWay = (Sender<(LegId, Box<LegOrder>)>, Arc<Notify>);

/// The running shell.
pub struct Signalling {
    current: Current,
    bound: Addresses,
    orders: Vec<OrderWay>,
    stop: watch::Sender<bool>,
    draining: Arc<AtomicBool>,
    gate: Arc<gate::Gate>,
    life: life::Life,
    lines: Lines,
    handshakes: Handshakes,
    web_sockets: WebSockets,
    leave: mpsc::Sender<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Signalling {
    /// Gives an order. Orders for one leg are carried out in order; those for a leg that is gone do nothing.
    pub fn order(&self, leg: LegId, order: LegOrder) {
        if let Some((sender, notify)) = self.orders.get(shard_of_leg(leg, self.orders.len())) {
            // Only a shell that stopped has no receiver any more; then nobody is left to hang up either.
            let _ = sender.send((leg, Box::new(order)));
            notify.notify_one();
        }
    }

    /// The way to replace its settings.
    pub fn current(&self) -> Current {
        self.current.clone()
    }

    /// From now on OPTIONS outside calls is answered 503, so that balancers send their calls elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Messages that were dropped since the start because their sender, or all together, sent too many.
    pub fn dropped(&self) -> u64 {
        self.gate.count()
    }

    /// How its trunks are.
    pub fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// The way of WebSockets that speak SIP to it.
    pub fn web_sockets(&self) -> WebSockets {
        self.web_sockets.clone()
    }

    /// How many TLS handshakes there were.
    pub fn handshakes(&self) -> Handshakes {
        self.handshakes.clone()
    }

    /// Asks its tasks for signs of life.
    pub fn life(&self) -> Life {
        self.life.clone()
    }

    /// Where it listens.
    pub fn bound(&self) -> &Addresses {
        &self.bound
    }

    /// Takes registrations with providers back, carries out the orders given so far and closes the sockets. What answers them is not waited for:
    /// end calls, and read their ends, before.
    pub async fn stop(self) {
        let (left, has_left) = oneshot::channel();
        if self.leave.send(left).await.is_ok() {
            // A keeper that is gone has left.
            let _ = has_left.await;
        }
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// How trunks are, as a running shell sees them.
#[derive(Clone)]
pub struct Lines {
    carriers: Arc<carriers::Carriers>,
    clock: Clock,
}

impl Lines {
    /// All trunks, by name.
    pub fn status(&self) -> Vec<TrunkStatus> {
        self.carriers.status(self.clock.now())
    }
}

/// Binds and starts everything. Reports go to `to_center` as soon as they happen.
///
/// # Errors
/// When the address cannot be bound or says nothing to peers, or the system has no random numbers.
pub async fn start<T>(settings: Settings, to_center: Sender<T>) -> Result<Signalling, StartError>
where
    T: From<SignallingInput> + Send + 'static,
{
    let listening = listen::bind_all(&settings)?;
    let (bound, locals) = (listening.bound(), listening.locals());
    let clock = Clock::start();
    for bound in &listening.plain {
        if let Err(error) = udp::watch_refusals(&bound.udp, bound.tcp.address) {
            tracing::warn!(%error, "closed ports of devices will not be noticed at once");
        }
    }
    let sockets = Sockets::new(&listening.plain);
    let (stop, stopped) = watch::channel(false);
    let (hub, hub_inputs) = mpsc::channel(SHARD_QUEUE);
    let count = usize::from(settings.shards.max(1));
    let (questions, question_inputs) = mpsc::channel(QUESTIONS * count);
    let draining = Arc::new(AtomicBool::new(false));
    let (registered, registered_now) = watch::channel(gate::Registered::default());
    let dns = dns::Dns::new(&settings.name_servers);
    let (trunks, trunks_now) = watch::channel(Arc::new(names::looked_up(&dns, &settings.trunks, &[]).await));
    let trunks = Arc::new(trunks);
    let settings = Arc::new(settings);
    let (replace, current) = watch::channel(Arc::clone(&settings));
    let carriers = Arc::new(carriers::Carriers::default());
    carriers.replace(&settings.trunks);
    let certified = certified::Certified::default();
    let known = (trunks_now.clone(), Arc::clone(&carriers), certified.clone());
    let gate = Arc::new(gate::Gate::new(known, registered_now, clock));
    let (errands, mut first_errands) = keeper::errands();
    let (outcomes, outcome_inputs) = mpsc::channel(keeper::ERRANDS);
    let (leave, leave_inputs) = mpsc::channel(1);
    let agent_calls = Arc::new(transfers::AgentCalls::default());
    let mut shards = Vec::new();
    let mut verdicts = Vec::new();
    let mut notices = Vec::new();
    let mut orders = Vec::new();
    let mut tasks = Vec::new();
    for index in 0..count {
        let (first, first_inputs) = mpsc::channel(SHARD_QUEUE);
        let (second, second_inputs) = mpsc::channel(SHARD_QUEUE);
        let (verdict, verdict_inputs) = mpsc::channel(QUESTIONS);
        let (notice, notice_inputs) = mpsc::channel(QUESTIONS);
        let (order, order_inputs) = crossbeam_channel::bounded(ORDER_QUEUE);
        let notify = Arc::new(Notify::new());
        shards.push(gate::Lanes { first, second });
        verdicts.push(verdict);
        notices.push(notice);
        orders.push((order, notify.clone()));
        let shard = Shard::new(
            (index, count),
            current.clone(),
            (locals.clone(), trunks_now.clone(), Arc::clone(&agent_calls)),
            (Arc::clone(&carriers), certified.clone(), outcomes.clone()),
            random()?,
            clock,
            to_center.clone(),
        );
        let wires = shard::Wires {
            first: first_inputs,
            second: second_inputs,
            draining: Arc::clone(&draining),
            verdicts: verdict_inputs,
            notices: notice_inputs,
            errands: first_errands.take().unwrap_or_else(|| mpsc::channel(1).1),
            orders: order_inputs,
            notify,
            questions: questions.clone(),
            sockets: sockets.clone(),
            hub: hub.clone(),
        };
        tasks.push(tokio::spawn(shard.run(wires, stopped.clone())));
    }
    let life = life::Life::new(&shards, questions, hub.clone());
    let (kept, kept_now) = watch::channel(kept::Kept::default());
    let publishers = registrar::Publishers { registered, kept };
    let keeper = keeper::Keeper::new(
        current.clone(),
        Arc::clone(&carriers),
        (locals.clone(), count),
        random()?,
        clock,
        keeper::Wires { errands, outcomes: outcome_inputs, leave: leave_inputs },
    );
    tasks.push(tokio::spawn(keeper.run(stopped.clone())));
    let mut registrar = registrar::RegistrarTask::new(
        current.clone(),
        locals.clone(),
        random()?,
        clock,
        to_center,
        notices,
        publishers,
    );
    if let Some(path) = settings.registrations.clone() {
        registrar.restore(kept::read(&path));
        tasks.push(tokio::spawn(kept::write(path, kept_now)));
    }
    let following = current.clone();
    tasks.push(tokio::spawn(names::follow(current, Arc::clone(&trunks), stopped.clone())));
    tasks.push(tokio::spawn(registrar.run(question_inputs, verdicts, stopped.clone())));
    for bound in &listening.plain {
        let (udp, to) = (Arc::clone(&bound.udp), (shards.clone(), Arc::clone(&gate)));
        tasks.push(tokio::spawn(datagrams::read((udp, bound.tcp.local), to, stopped.clone())));
    }
    let doors = listening.plain.into_iter().map(|bound| bound.tcp).chain(listening.secure);
    for Door { listener, transport, local, .. } in doors {
        let to = (hub.clone(), following.clone());
        tasks.push(tokio::spawn(streams::accept((listener, transport, local), to, stopped.clone())));
    }
    let handshakes = Handshakes::default();
    let web_sockets = WebSockets { hub: hub.clone(), locals: locals.clone() };
    let shared = streams::Shared {
        own: hub,
        shards,
        gate: Arc::clone(&gate),
        carriers: Arc::clone(&carriers),
        certified,
        handshakes: handshakes.clone(),
        stopped,
    };
    tasks.push(tokio::spawn(streams::run(hub_inputs, shared)));
    let current = Current { settings: Arc::new(replace), trunks };
    let lines = Lines { carriers, clock };
    Ok(Signalling {
        current,
        bound,
        orders,
        stop,
        draining,
        gate,
        life,
        lines,
        handshakes,
        web_sockets,
        leave,
        tasks,
    })
}

/// The shard of a Call-ID (FNV-1a).
fn shard_of_call(call_id: &[u8], shards: usize) -> usize {
    let hash = call_id
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash >> 8) as usize % shards.max(1)
}

/// The shard of a leg; shards make their inbound legs' ids so that this finds them.
fn shard_of_leg(leg: LegId, shards: usize) -> usize {
    usize::try_from(leg.number()).unwrap_or(0) % shards.max(1)
}

fn random() -> Result<Random, StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Random(error.to_string()))?;
    Ok(Random::new(seed))
}
