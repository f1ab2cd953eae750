//! Whether registered devices can be reached: each is asked by OPTIONS from time to time.
//!
//! ```text
//!            several questions in a row without an answer, or its connection closed
//! reachable ─────────────────────────────────────────────────────────────────────────► unreachable
//!     ▲───────────────────── an answer, or a registration ────────────────────────────────│
//! ```
//!
//! One entry for each binding of the registrar; `sync` keeps the two alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sip::{Destination, Moment};

use super::Pings;
use super::streams::Peer;

/// How long an answer to a question may take until it counts as none, should it get lost among ourselves; longer than
/// the question itself lasts (8 s).
const LOST: Duration = Duration::from_secs(12);
/// After an unanswered question the next follows sooner than usual.
const AGAIN: Duration = Duration::from_secs(5);

/// A registered device: the user part of its address, and its contact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Device {
    pub(super) user: String,
    pub(super) uri: String,
}

#[derive(Debug)]
struct State {
    destination: Destination,
    /// When it is asked next, or the answer to the open question is given up.
    next: Option<Moment>,
    asked: bool,
    missed: u32,
    reachable: bool,
}

/// All registered devices.
#[derive(Debug)]
pub(super) struct Reach {
    pings: Pings,
    devices: BTreeMap<Device, State>,
    /// One entry for each device whose `next` is set.
    agenda: BTreeSet<(Moment, Device)>,
}

impl Reach {
    pub(super) fn new(pings: Pings) -> Reach {
        Reach { pings, devices: BTreeMap::new(), agenda: BTreeSet::new() }
    }

    /// Devices are asked by these from their next question on; where they were not asked before, from now on.
    pub(super) fn set_pings(&mut self, now: Moment, pings: Pings) {
        let began = self.pings.every.is_none();
        self.pings = pings;
        if let Some(every) = pings.every.filter(|_| began) {
            let devices: Vec<Device> = self.devices.keys().cloned().collect();
            devices.iter().for_each(|device| self.schedule(device, Some(now + every)));
        }
    }

    /// The user's bindings are these now; those that are gone. With `spoke` the user just registered: all of these are
    /// reachable again.
    pub(super) fn sync(
        &mut self,
        now: Moment,
        user: &str,
        bindings: Vec<(String, Destination)>,
        spoke: bool,
    ) -> Vec<Device> {
        let is_gone = |device: &&Device| bindings.iter().all(|(uri, _)| *uri != device.uri);
        let gone: Vec<Device> =
            self.of_user(user).map(|(device, _)| device).filter(is_gone).cloned().collect();
        for device in &gone {
            self.schedule(device, None);
            self.devices.remove(device);
        }
        let next = self.pings.every.map(|every| now + every);
        for (uri, destination) in bindings {
            let device = Device { user: user.to_owned(), uri };
            if !self.devices.contains_key(&device) {
                let state = State { destination, next: None, asked: false, missed: 0, reachable: true };
                self.devices.insert(device.clone(), state);
                self.schedule(&device, next);
            }
            let Some(state) = self.devices.get_mut(&device) else { continue };
            state.destination = destination;
            if spoke {
                (state.missed, state.reachable) = (0, true);
            }
        }
        gone
    }

    /// True when the device may be rung.
    pub(super) fn is_reachable(&self, user: &str, uri: &str) -> bool {
        let device = Device { user: user.to_owned(), uri: uri.to_owned() };
        self.devices.get(&device).is_none_or(|state| state.reachable)
    }

    /// All users with a device.
    pub(super) fn users(&self) -> Vec<String> {
        let mut users: Vec<String> = self.devices.keys().map(|device| device.user.clone()).collect();
        users.dedup();
        users
    }

    /// When [`Reach::due`] has something to say.
    pub(super) fn poll_timeout(&self) -> Option<Moment> {
        self.agenda.first().map(|(next, _)| *next)
    }

    /// The devices to be asked now, and those that were found unreachable for want of an answer.
    pub(super) fn due(&mut self, now: Moment) -> (Vec<(Device, Destination)>, Vec<Device>) {
        let (mut ask, mut lost) = (Vec::new(), Vec::new());
        while let Some((next, device)) = self.agenda.first().cloned()
            && next <= now
        {
            self.schedule(&device, None);
            let Some(state) = self.devices.get_mut(&device) else { continue };
            if !std::mem::replace(&mut state.asked, true) {
                let destination = state.destination;
                self.schedule(&device, Some(now + LOST));
                ask.push((device, destination));
            } else if self.answered(now, &device, false) {
                lost.push(device);
            }
        }
        (ask, lost)
    }

    /// A device answered, or did not; true when that changed whether it can be reached.
    pub(super) fn answered(&mut self, now: Moment, device: &Device, reachable: bool) -> bool {
        let pings = self.pings;
        let Some(state) = self.devices.get_mut(device).filter(|state| state.asked) else { return false };
        state.asked = false;
        let before = state.reachable;
        if reachable {
            (state.missed, state.reachable) = (0, true);
        } else {
            state.missed = state.missed.saturating_add(1);
            state.reachable &= state.missed < pings.misses;
        }
        let pause =
            pings.every.map(|every| if reachable || !state.reachable { every } else { every.min(AGAIN) });
        let changed = before != state.reachable;
        self.schedule(device, pause.map(|pause| now + pause));
        changed
    }

    /// A connection closed: whoever was to be reached over it is asked at once whether there is another way. They are
    /// unreachable until they answer.
    pub(super) fn closed(&mut self, now: Moment, peer: Peer) -> Vec<Device> {
        let mut hit = Vec::new();
        for (device, state) in &mut self.devices {
            let Destination { transport, address, .. } = state.destination;
            if (Peer { transport, address }) == peer && state.reachable {
                (state.reachable, state.asked) = (false, false);
                hit.push(device.clone());
            }
        }
        for device in &hit {
            self.schedule(device, Some(now));
        }
        hit
    }

    fn of_user<'a>(&'a self, user: &'a str) -> impl Iterator<Item = (&'a Device, &'a State)> {
        let first = Device { user: user.to_owned(), uri: String::new() };
        self.devices.range(first..).take_while(move |(device, _)| device.user == user)
    }

    /// The one way to change when something is due of a device.
    fn schedule(&mut self, device: &Device, next: Option<Moment>) {
        let Some(state) = self.devices.get_mut(device) else { return };
        if let Some(old) = std::mem::replace(&mut state.next, next) {
            self.agenda.remove(&(old, device.clone()));
        }
        self.agenda.extend(next.map(|next| (next, device.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Transport;

    fn at(seconds: u64) -> Moment {
        Moment::from_ms(seconds * 1_000)
    }

    fn is_online(reach: &Reach) -> bool {
        reach.of_user("1001").any(|(_, state)| state.reachable)
    }

    fn destination(transport: Transport) -> Destination {
        let (address, local) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.9:5060".parse().unwrap());
        Destination { transport, local, address, otherwise: None }
    }

    fn registered(transport: Transport) -> (Reach, Device) {
        let mut reach = Reach::new(Pings::default());
        let bindings = vec![("sip:1001@a".to_owned(), destination(transport))];
        assert!(reach.sync(at(0), "1001", bindings, true).is_empty());
        (reach, Device { user: "1001".to_owned(), uri: "sip:1001@a".to_owned() })
    }

    #[test]
    fn several_misses_in_a_row_make_it_unreachable_and_one_answer_reachable() {
        let (mut reach, device) = registered(Transport::Udp);
        let mut now = at(0);
        for (answer, online) in [
            (false, true),
            (false, true),
            (true, true),
            (false, true),
            (false, true),
            (false, false),
            (false, false),
            (true, true),
        ] {
            now = reach.poll_timeout().unwrap().max(now);
            assert_eq!(reach.due(now).0.len(), 1);
            reach.answered(now, &device, answer);
            assert_eq!(is_online(&reach), online);
        }
    }

    #[test]
    fn an_answer_that_got_lost_counts_as_none() {
        let (mut reach, _) = registered(Transport::Udp);
        let mut lost = Vec::new();
        for _ in 0..6 {
            let now = reach.poll_timeout().unwrap();
            lost.extend(reach.due(now).1);
        }
        assert_eq!((lost.len(), is_online(&reach)), (1, false));
    }

    #[test]
    fn a_registration_makes_it_reachable_and_its_end_forgets_it() {
        let (mut reach, device) = registered(Transport::Udp);
        for _ in 0..3 {
            let now = reach.poll_timeout().unwrap();
            reach.due(now);
            reach.answered(now, &device, false);
        }
        assert!(!is_online(&reach) && !reach.is_reachable("1001", "sip:1001@a"));
        reach.sync(at(500), "1001", vec![("sip:1001@a".to_owned(), destination(Transport::Udp))], true);
        assert!(is_online(&reach));
        assert_eq!(reach.sync(at(501), "1001", Vec::new(), true), [device]);
        assert_eq!((is_online(&reach), reach.poll_timeout()), (false, None));
    }

    #[test]
    fn a_closed_connection_is_asked_about_at_once() {
        let (mut reach, device) = registered(Transport::Tcp);
        let peer = |transport, address: &str| Peer { transport, address: address.parse().unwrap() };
        assert_eq!(reach.closed(at(3), peer(Transport::Tcp, "192.0.2.9:5060")), []);
        assert_eq!(reach.closed(at(3), peer(Transport::Tls, "192.0.2.1:5060")), []);
        let hit = reach.closed(at(3), peer(Transport::Tcp, "192.0.2.1:5060"));
        assert_eq!(hit.as_slice(), std::slice::from_ref(&device));
        assert!(!is_online(&reach));
        assert_eq!(reach.due(at(3)).0.len(), 1);
        assert!(reach.answered(at(4), &device, true) && is_online(&reach));
    }
}
