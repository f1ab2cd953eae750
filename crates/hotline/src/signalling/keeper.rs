//! Keeps trunks' gateways: looks their names up, asks them whether they live (OPTIONS), registers with providers.
//!
//! ```text
//!            settings                 errands (OPTIONS, REGISTER)
//! reload ─────────────► keeper ───────────────────────────────────► shard 0 ──► network
//!                         │  ▲                                          │
//!              Carriers ◄─┘  └──────────── what came of them ◄──────────┘
//! ```
//!
//! Both channels are bounded. An errand that finds no room is done at the next turn; what came of one that finds none
//! is as good as no answer, which is assumed after 40 s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sip::{Destination, Moment, Random, Registered, Registration, RegistrationSettings, Request, Response};
use tokio::sync::{mpsc, oneshot, watch};

use super::carriers::{Carriers, Failure, GatewayKey, Route, standing};
use super::dns::Dns;
use super::locals::Locals;
use super::locating::{Hop, in_order, locate};
use super::names::{self, Unresolved};
use super::{Clock, CurrentSettings, Gateway, Outgoing, shard_of_call};

/// Errands, and results of errands, that may wait.
pub(super) const ERRANDS: usize = 1_024;
/// How often it looks what is due.
const TURN: Duration = Duration::from_millis(500);
/// After this time without any result a REGISTER counts as unanswered.
const LOST_AFTER: Duration = Duration::from_secs(40);
/// How long registrars may take to answer that we leave.
const LEAVE_FOR: Duration = Duration::from_secs(2);

/// What a shard does for the keeper.
pub(super) enum Errand {
    /// Ask whether a gateway lives.
    Ping { route: Route, destination: Destination },
    /// Send a REGISTER of this trunk.
    Register { trunk: String, request: Box<Request>, destination: Destination },
}

/// What came of an errand.
pub(super) enum Outcome {
    Pinged {
        route: Route,
        reachable: bool,
    },
    /// `None`: nothing came back.
    Registered {
        trunk: String,
        response: Option<Box<Response>>,
    },
}

/// The way of errands to the first shard.
pub(super) fn errands() -> (mpsc::Sender<Errand>, Option<mpsc::Receiver<Errand>>) {
    let (errands, inputs) = mpsc::channel(ERRANDS);
    (errands, Some(inputs))
}

/// The keeper's channels.
pub(super) struct Wires {
    pub(super) errands: mpsc::Sender<Errand>,
    pub(super) outcomes: mpsc::Receiver<Outcome>,
    /// Take all registrations back, then answer.
    pub(super) leave: mpsc::Receiver<oneshot::Sender<()>>,
}

/// See the module.
pub(super) struct Keeper {
    settings: CurrentSettings,
    carriers: Arc<Carriers>,
    locals: Locals,
    shards: usize,
    random: Random,
    clock: Clock,
    registrations: BTreeMap<String, Ours>,
    looked_up: Option<Moment>,
    wires: Wires,
}

/// One registration of ours.
struct Ours {
    machine: Registration,
    destination: Destination,
    asked: Moment,
    /// What was logged last.
    logged: Registered,
}

impl Keeper {
    pub(super) fn new(
        settings: CurrentSettings,
        carriers: Arc<Carriers>,
        (locals, shards): (Locals, usize),
        random: Random,
        clock: Clock,
        wires: Wires,
    ) -> Keeper {
        let (registrations, looked_up) = (BTreeMap::new(), None);
        Keeper { settings, carriers, locals, shards, random, clock, registrations, looked_up, wires }
    }

    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            self.turn().await;
            tokio::select! {
                biased;
                _ = stopped.changed() => return,
                Some(left) = self.wires.leave.recv() => {
                    self.leave().await;
                    // The shutdown that waits for it may have given up.
                    let _ = left.send(());
                    return;
                }
                Ok(()) = self.settings.changed() => self.replaced(),
                Some(outcome) = self.wires.outcomes.recv() => self.hear(outcome),
                () = tokio::time::sleep(TURN) => {}
            }
        }
    }

    /// The settings were replaced: the table has them already, names are looked up at once.
    fn replaced(&mut self) {
        let settings = Arc::clone(&self.settings.borrow_and_update());
        self.carriers.replace(&settings.trunks);
        self.looked_up = None;
    }

    /// Does what is due.
    async fn turn(&mut self) {
        let now = self.clock.now();
        if self.looked_up.is_none_or(|last| now.since(last) >= names::AGAIN) {
            self.looked_up = Some(now);
            self.look_up().await;
            self.follow_registrations().await;
        }
        for route in self.carriers.due(now) {
            if let Some(destination) = self.destination(route.hop) {
                // Without room there it is asked the next time.
                let _ = self.wires.errands.try_send(Errand::Ping { route, destination });
            }
        }
        self.attend_registrations();
    }

    async fn look_up(&mut self) {
        let settings = Arc::clone(&self.settings.borrow());
        let dns = Dns::new(&settings.name_servers);
        for trunk in &settings.trunks {
            for gateway in &trunk.outgoing.gateways {
                let hops = hops(&dns, &trunk.name, gateway).await;
                let key = GatewayKey { trunk: trunk.name.clone(), gateway: gateway.clone() };
                // A name server that is away takes no gateway away.
                if !hops.is_empty() {
                    self.carriers.found(&key, hops);
                }
            }
        }
    }

    /// Begins the registrations that settings ask for, and takes back those that they ask for no more.
    async fn follow_registrations(&mut self) {
        let settings = Arc::clone(&self.settings.borrow());
        let wanted: BTreeMap<&str, &Outgoing> =
            settings.trunks.iter().map(|trunk| (trunk.name.as_str(), &trunk.outgoing)).collect();
        let mut begun = BTreeMap::new();
        for (name, outgoing) in &wanted {
            if let Some((settings, destination)) = self.registration_of(name, outgoing).await {
                begun.insert((*name).to_owned(), (settings, destination));
            }
        }
        for (name, ours) in &mut self.registrations {
            let is_wanted = begun.get(name).is_some_and(|(settings, destination)| {
                settings == ours.machine.settings() && *destination == ours.destination
            });
            if is_wanted {
                begun.remove(name);
            } else if !is_asked_for(&wanted, name) || begun.contains_key(name) {
                ours.machine.leave();
            }
        }
        for (name, (settings, destination)) in begun {
            if self.registrations.get(&name).is_some_and(|ours| !ours.machine.is_gone()) {
                // The old one is being taken back: the new one begins at the next look-up.
                self.looked_up = None;
                continue;
            }
            let (call_id, random) = (self.new_call_id(), Random::new(self.seed()));
            let machine = Registration::begin(settings, call_id, random);
            let (asked, logged) = (self.clock.now(), Registered::Asking);
            self.registrations.insert(name, Ours { machine, destination, asked, logged });
        }
    }

    /// What a trunk is to be registered as, and where; `None` when it is not, or its registrar's name leads nowhere.
    async fn registration_of(
        &mut self,
        trunk: &str,
        outgoing: &Outgoing,
    ) -> Option<(RegistrationSettings, Destination)> {
        let (at, credentials) = (outgoing.registration.as_ref()?, outgoing.credentials.clone()?);
        let dns = Dns::new(&self.settings.borrow().name_servers);
        let found = hops(&dns, trunk, &at.registrar).await;
        if !found.is_empty() {
            let addresses = found.iter().map(|hop| hop.address).collect();
            self.carriers.registrar_found(trunk, &at.registrar, addresses);
        }
        let known = self.registrations.get(trunk).map(|ours| ours.destination.address);
        // The address in use stays while the name still leads there.
        let stays = found.iter().find(|hop| known == Some(hop.address)).copied();
        let shared = found.into_iter().map(|hop| (hop.share, hop)).collect();
        let hop = stays.or_else(|| in_order(shared, |most| self.random.up_to(most)).into_iter().next());
        let destination = hop.and_then(|hop| self.destination(hop));
        let Some(destination) = destination else {
            self.unreachable_registrar(trunk, &at.registrar);
            return None;
        };
        let (user, local) = (&credentials.user, destination.local);
        let settings = RegistrationSettings {
            registrar: at.registrar.uri(None),
            address: format!("sip:{user}@{}", at.registrar.host),
            binding: format!("sip:{user}@{local}{}", at.registrar.transport().parameter()),
            interval: at.interval.as_secs(),
            credentials,
            user_agent: self.settings.borrow().user_agent.clone(),
        };
        Some((settings, destination))
    }

    fn unreachable_registrar(&self, trunk: &str, registrar: &Gateway) {
        if self.registrations.contains_key(trunk) {
            return;
        }
        let (at, place) = (self.clock.time(), registrar.to_string());
        let failure = Failure { at, place, what: "register_silent".to_owned() };
        self.carriers.registration(trunk, super::carriers::Standing::Silent, Some(failure));
    }

    fn attend_registrations(&mut self) {
        let now = self.clock.now();
        for (name, ours) in &mut self.registrations {
            ours.machine.handle_timeout(now);
            while let Some(request) = ours.machine.poll_output() {
                ours.asked = now;
                let (trunk, request, destination) = (name.clone(), Box::new(request), ours.destination);
                // Without room there it counts as unanswered, in a while.
                let _ = self.wires.errands.try_send(Errand::Register { trunk, request, destination });
            }
            if ours.machine.poll_timeout().is_none() && now.since(ours.asked) >= LOST_AFTER {
                ours.machine.handle_silence(now);
            }
            note(&self.carriers, self.clock, name, ours);
        }
        self.registrations.retain(|_, ours| !ours.machine.is_gone());
    }

    fn hear(&mut self, outcome: Outcome) {
        let now = self.clock.now();
        match outcome {
            Outcome::Pinged { route, reachable } => {
                let Route { key: GatewayKey { trunk, gateway }, hop: Hop { address, .. } } = &route;
                match self.carriers.pinged(self.clock.time(), &route, reachable) {
                    Some(true) => tracing::info!(%trunk, %gateway, %address, "a gateway answers again"),
                    Some(false) => {
                        tracing::warn!(%trunk, %gateway, %address, "a gateway does not answer OPTIONS: others are tried first");
                    }
                    None => {}
                }
            }
            Outcome::Registered { trunk, response } => {
                let Some(ours) = self.registrations.get_mut(&trunk) else { return };
                match response {
                    Some(response) => ours.machine.handle_response(now, &response),
                    None => ours.machine.handle_silence(now),
                }
            }
        }
    }

    /// Takes all registrations back, and waits a little for the answers.
    async fn leave(&mut self) {
        for ours in self.registrations.values_mut() {
            ours.machine.leave();
        }
        let all_gone = async {
            loop {
                self.attend_registrations();
                if self.registrations.is_empty() {
                    return;
                }
                let Some(outcome) = self.wires.outcomes.recv().await else { return };
                self.hear(outcome);
            }
        };
        if tokio::time::timeout(LEAVE_FOR, all_gone).await.is_err() {
            tracing::info!("a provider did not answer that we leave; its registration ends by itself");
        }
    }

    /// How a hop is reached from an address of ours; `None` without one of its IP version.
    fn destination(&self, hop: Hop) -> Option<Destination> {
        let Hop { transport, address, .. } = hop;
        let local = self.locals.like(transport, address.is_ipv4())?;
        Some(Destination { transport, local, address, otherwise: None })
    }

    /// A Call-ID whose answers come to the shard that does the errands.
    fn new_call_id(&mut self) -> String {
        loop {
            let call_id = self.random.token();
            if shard_of_call(call_id.as_bytes(), self.shards) == 0 {
                return call_id;
            }
        }
    }

    fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.random.fill(&mut seed);
        seed
    }
}

fn is_asked_for(wanted: &BTreeMap<&str, &Outgoing>, trunk: &str) -> bool {
    wanted.get(trunk).is_some_and(|outgoing| outgoing.registration.is_some())
}

/// Writes down how a registration stands; each change is logged once.
fn note(carriers: &Carriers, clock: Clock, trunk: &str, ours: &mut Ours) {
    let (now, at) = (clock.now(), clock.time());
    let place = ours.machine.settings().registrar.clone();
    let what = match ours.machine.failure() {
        Some(Registered::Refused(status)) => Some(status.code().to_string()),
        Some(_) => Some("register_silent".to_owned()),
        None => None,
    };
    let before = ours.logged;
    let after = ours.machine.failure().unwrap_or_else(|| ours.machine.standing(now));
    ours.logged = after;
    let is_new = std::mem::discriminant(&before) != std::mem::discriminant(&after);
    let failure = what.filter(|_| is_new).map(|what| Failure { at, place: place.clone(), what });
    carriers.registration(trunk, standing(ours.machine.standing(now), now, at), failure);
    if !is_new {
        return;
    }
    match after {
        Registered::Until(_) => tracing::info!(%trunk, registrar = %place, "registered with a provider"),
        Registered::Refused(status) => {
            let status = status.code();
            tracing::warn!(%trunk, registrar = %place, status, "a provider refuses our registration");
        }
        Registered::Silent => {
            tracing::warn!(%trunk, registrar = %place, "a provider does not answer REGISTER")
        }
        Registered::Left => tracing::info!(%trunk, registrar = %place, "our registration was taken back"),
        Registered::Asking => {}
    }
}

/// Where a gateway is now; nothing when its name leads nowhere.
async fn hops(dns: &Dns, trunk: &str, gateway: &Gateway) -> Vec<Hop> {
    match locate(dns, gateway).await {
        Ok(hops) => hops,
        Err(Unresolved::Nowhere(error)) => {
            tracing::warn!(%trunk, %gateway, %error, "a gateway's name leads nowhere");
            Vec::new()
        }
        Err(Unresolved::Late) => {
            tracing::warn!(%trunk, %gateway, "a gateway's name was not resolved within 5 s");
            Vec::new()
        }
    }
}
