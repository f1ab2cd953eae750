//! Who can be reached where (RFC 3261 section 10.3).
//!
//! ```text
//! address   offline ── first binding ──► online ── last binding removed or expired ──► offline
//! ```
//!
//! Authentication comes before this machine: it takes the word of whoever calls it that the request may
//! change `user`'s bindings. Memory is bounded by the known users and by the bindings that each may have.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::scan::{number, seconds};
use crate::schedule::Schedule;
use crate::{Address, Answer, Destination, Flow, Moment, Request, SipUri, Status, Transport, Uri};

/// Limits of registrations.
#[derive(Debug, Clone)]
pub struct RegistrarSettings {
    /// Shorter wishes get 423, in seconds.
    pub min_expires: u32,
    /// Longer wishes are cut to this, in seconds.
    pub max_expires: u32,
    /// What a request without a wish gets, in seconds.
    pub default_expires: u32,
    /// The most bindings of one address. One more takes the place of the binding that was renewed longest ago; a
    /// single request with more gets 403.
    pub max_contacts: usize,
}

impl Default for RegistrarSettings {
    fn default() -> RegistrarSettings {
        RegistrarSettings { min_expires: 60, max_expires: 3_600, default_expires: 600, max_contacts: 10 }
    }
}

/// One place where somebody can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The binding.
    pub uri: SipUri,
    /// Where the REGISTER came from; requests go there when the binding's own address is another.
    pub flow: Flow,
    /// When it ends.
    pub expires: Moment,
    call_id: String,
    number: u32,
}

/// A binding as it is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBinding {
    /// The user part of the address.
    pub user: String,
    /// The binding's URI.
    pub contact: String,
    /// Where its REGISTER came from.
    pub flow: Flow,
    /// When it ends.
    pub expires: Moment,
    /// The Call-ID of its REGISTER.
    pub call_id: String,
    /// The CSeq number of its REGISTER.
    pub number: u32,
}

/// An address became reachable, or is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachability {
    /// The user part of the address.
    pub user: String,
    /// Now.
    pub online: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Registrar {
    settings: RegistrarSettings,
    bindings: BTreeMap<String, Vec<Binding>>,
    schedule: Schedule<String>,
    out: VecDeque<Reachability>,
}

/// One wish of a REGISTER.
struct Wish {
    uri: SipUri,
    expires: u32,
}

impl Binding {
    /// Where a call to this binding goes: its own address as far as that agrees with where the REGISTER
    /// came from, else back where it came from (as in a dialog).
    pub fn destination(&self) -> Destination {
        let named = self.uri.socket_addr();
        let trusted = named.filter(|named| named.ip() == self.flow.source.ip());
        let wants_tcp =
            self.uri.params.value("transport").is_some_and(|name| name.eq_ignore_ascii_case("tcp"));
        match self.flow.transport {
            Transport::Udp => Destination {
                transport: if wants_tcp { Transport::Tcp } else { Transport::Udp },
                local: self.flow.local,
                address: trusted.unwrap_or(self.flow.source),
                // The right address with a port that nobody listens at: the flow is tried too.
                otherwise: trusted.is_some_and(|named| named != self.flow.source).then_some(self.flow.source),
            },
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                Destination { otherwise: trusted, ..Destination::from(self.flow) }
            }
        }
    }
}

impl Registrar {
    /// Nobody is registered.
    pub fn new(settings: RegistrarSettings) -> Registrar {
        Registrar { settings, bindings: BTreeMap::new(), schedule: Schedule::new(), out: VecDeque::new() }
    }

    /// Carries out a REGISTER for `user` who may make it. All of its bindings change, or none.
    pub fn handle_register(&mut self, now: Moment, user: &str, request: &Request, flow: Flow) -> Answer {
        match self.try_register(now, user, request, flow) {
            Ok(()) => self.list(now, user),
            Err(answer) => answer,
        }
    }

    fn try_register(&mut self, now: Moment, user: &str, request: &Request, flow: Flow) -> Result<(), Answer> {
        let bad = || Answer::new(Status::BAD_REQUEST);
        let call_id = request.call_id().map_err(|_| bad())?;
        let number = request.cseq().map_err(|_| bad())?.number;
        let contacts = request.headers.list("Contact");
        let expires = match request.headers.text("Expires") {
            Some(text) => Some(seconds(text.trim()).ok_or_else(bad)?),
            None => None,
        };
        if contacts.iter().any(|contact| contact == "*") {
            if contacts.len() != 1 || expires != Some(0) {
                return Err(bad());
            }
            self.store(user, Vec::new());
            return Ok(());
        }
        let wishes: Vec<Wish> =
            contacts.iter().map(|contact| self.wish(contact, expires)).collect::<Result<_, _>>()?;
        if wishes.len() > self.settings.max_contacts {
            return Err(Answer::new(Status::FORBIDDEN));
        }
        let mut bindings: Vec<Binding> = self.bindings(now, user).to_vec();
        bindings.retain(|binding| binding.expires > now);
        for wish in wishes {
            grant(&mut bindings, wish, now, (&call_id, number), flow);
        }
        // Bindings that nobody renews any more must not keep a person out until they expire.
        let beyond = bindings.len().saturating_sub(self.settings.max_contacts);
        bindings.drain(..beyond);
        self.store(user, bindings);
        Ok(())
    }

    fn wish(&self, contact: &str, expires: Option<u32>) -> Result<Wish, Answer> {
        let bad = || Answer::new(Status::BAD_REQUEST);
        let address = Address::parse(contact).ok_or_else(bad)?;
        let own = match address.params.value("expires") {
            // A value that is no number counts as the default (section 10.2.1.1).
            Some(text) => Some(seconds(text).unwrap_or(self.settings.default_expires)),
            None => expires,
        };
        let q_is_fine = address.params.value("q").is_none_or(is_quality);
        let Uri::Sip(uri) = address.uri else { return Err(bad()) };
        // A binding with `?` headers would make our INVITE carry what a stranger wrote.
        if !q_is_fine || uri.headers.is_some() {
            return Err(bad());
        }
        let wanted = own.unwrap_or(self.settings.default_expires);
        if wanted != 0 && wanted < self.settings.min_expires {
            let min = self.settings.min_expires.to_string();
            return Err(Answer::new(Status::INTERVAL_TOO_BRIEF).with("Min-Expires", min));
        }
        Ok(Wish { uri, expires: wanted.min(self.settings.max_expires) })
    }

    /// 200 with what is registered.
    fn list(&self, now: Moment, user: &str) -> Answer {
        self.bindings(now, user).iter().filter(|binding| binding.expires > now).fold(
            Answer::new(Status::OK),
            |answer, binding| {
                let left = binding.expires.since(now).as_millis().div_ceil(1_000);
                answer.with("Contact", format!("<{}>;expires={left}", binding.uri))
            },
        )
    }

    fn store(&mut self, user: &str, bindings: Vec<Binding>) {
        let was_online = self.bindings.get(user).is_some_and(|bindings| !bindings.is_empty());
        let online = !bindings.is_empty();
        let next = bindings.iter().map(|binding| binding.expires).min();
        self.schedule.set(&user.to_owned(), next);
        if online {
            self.bindings.insert(user.to_owned(), bindings);
        } else {
            self.bindings.remove(user);
        }
        if was_online != online {
            self.out.push_back(Reachability { user: user.to_owned(), online });
        }
    }

    /// Where a user can be reached at `now`; those that were renewed last come last.
    pub fn bindings(&self, now: Moment, user: &str) -> &[Binding] {
        let bindings = self.bindings.get(user).map_or(&[][..], Vec::as_slice);
        // Expired ones go with the next time-out; between the two none is shown as living when all are dead.
        if bindings.iter().all(|binding| binding.expires <= now) { &[] } else { bindings }
    }

    /// True when a living binding of the user came from exactly there.
    pub fn knows(&self, now: Moment, user: &str, flow: Flow) -> bool {
        self.bindings(now, user).iter().any(|binding| binding.flow == flow && binding.expires > now)
    }

    /// Every living binding, to be kept over a restart.
    pub fn keep(&self, now: Moment) -> impl Iterator<Item = KeptBinding> {
        self.bindings.iter().flat_map(move |(user, bindings)| {
            bindings.iter().filter(move |binding| binding.expires > now).map(|binding| KeptBinding {
                user: user.clone(),
                contact: binding.uri.to_string(),
                flow: binding.flow,
                expires: binding.expires,
                call_id: binding.call_id.clone(),
                number: binding.number,
            })
        })
    }

    /// Takes back a binding that was kept; one that ended meanwhile, or cannot be read, is passed over. None is given
    /// longer than a new one would be.
    pub fn restore(&mut self, now: Moment, kept: KeptBinding) {
        let Ok(Uri::Sip(uri)) = Uri::parse(&kept.contact) else { return };
        let longest = now + Duration::from_secs(u64::from(self.settings.max_expires));
        let mut bindings = self.bindings(now, &kept.user).to_vec();
        let has_room = bindings.len() < self.settings.max_contacts;
        if kept.expires <= now || !has_room || bindings.iter().any(|binding| binding.uri.same_as(&uri)) {
            return;
        }
        let KeptBinding { user, flow, expires, call_id, number, .. } = kept;
        bindings.push(Binding { uri, flow, expires: expires.min(longest), call_id, number });
        self.store(&user, bindings);
    }

    /// Ends every binding of a user who may not register any more.
    pub fn remove(&mut self, user: &str) {
        if self.bindings.contains_key(user) {
            self.store(user, Vec::new());
        }
    }

    /// Time passed: bindings end.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some(user) = self.schedule.pop_due(now) {
            let mut bindings = self.bindings.get(&user).cloned().unwrap_or_default();
            bindings.retain(|binding| binding.expires > now);
            self.store(&user, bindings);
        }
    }

    /// When [`Registrar::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    /// The next change of reachability.
    pub fn poll_output(&mut self) -> Option<Reachability> {
        self.out.pop_front()
    }
}

/// Changes one binding. Its CSeq number may be lower than the binding's, against section 10.3, item 7: a phone that
/// restarts counts from the beginning, and an old copy of a request does not come this far, as the count of its
/// digest was used before.
fn grant(bindings: &mut Vec<Binding>, wish: Wish, now: Moment, (call_id, number): (&str, u32), flow: Flow) {
    bindings.retain(|binding| !binding.uri.same_as(&wish.uri));
    if wish.expires > 0 {
        // The same device after a change of its address: its old binding would ring nowhere.
        bindings.retain(|binding| binding.call_id != call_id || binding.number == number);
        let expires = now + Duration::from_secs(u64::from(wish.expires));
        bindings.push(Binding { uri: wish.uri, flow, expires, call_id: call_id.to_owned(), number });
    }
}

/// 0 to 1 with at most three decimals.
fn is_quality(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = if decimals.is_empty() { Some(0) } else { number(decimals) };
    match (whole, fraction) {
        ("0" | "", Some(_)) | ("1", Some(0)) => decimals.len() <= 3,
        (_, Some(_) | None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, parse_datagram};

    fn flow() -> Flow {
        Flow {
            transport: Transport::Udp,
            source: "127.0.0.1:5070".parse().unwrap(),
            local: "127.0.0.1:5060".parse().unwrap(),
        }
    }

    fn register(call_id: &str, number: u32, headers: &str) -> Request {
        let text = format!(
            "REGISTER sip:h SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: {number} REGISTER\r\n{headers}\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response"),
        }
    }

    struct World {
        registrar: Registrar,
        now: Moment,
    }

    impl World {
        fn new() -> World {
            World { registrar: Registrar::new(RegistrarSettings::default()), now: Moment::from_ms(1_000) }
        }

        fn register(&mut self, call_id: &str, number: u32, headers: &str) -> Answer {
            let request = register(call_id, number, headers);
            self.registrar.handle_register(self.now, "1001", &request, flow())
        }

        fn contacts(&mut self) -> Vec<String> {
            let answer = self.register("fetch", 1, "");
            assert_eq!(answer.status, Status::OK);
            answer.headers.list("Contact")
        }

        fn changes(&mut self) -> Vec<bool> {
            std::iter::from_fn(|| self.registrar.poll_output()).map(|change| change.online).collect()
        }
    }

    #[test]
    fn wishes_are_bounded_and_listed() {
        let mut world = World::new();
        let answer =
            world.register("a", 1, "Contact: <sip:x@127.0.0.1:5070>;expires=99999999\r\nExpires: 60\r\n");
        assert_eq!(answer.headers.list("Contact"), ["<sip:x@127.0.0.1:5070>;expires=3600"]);
        let answer = world.register("b", 1, "Contact: <sip:y@127.0.0.1:5071>\r\nExpires: 1\r\n");
        assert_eq!(
            (answer.status, answer.headers.text("Min-Expires").unwrap().as_ref()),
            (Status::INTERVAL_TOO_BRIEF, "60")
        );
        world.register("b", 1, "Contact: <sip:y@127.0.0.1:5071>\r\n");
        assert_eq!(
            world.contacts(),
            ["<sip:x@127.0.0.1:5070>;expires=3600", "<sip:y@127.0.0.1:5071>;expires=600"]
        );
    }

    #[test]
    fn a_star_removes_all_or_nothing() {
        let mut world = World::new();
        world.register("a", 1, "Contact: <sip:x@127.0.0.1>\r\nContact: <sip:y@127.0.0.1>\r\n");
        for headers in
            ["Contact: *\r\n", "Contact: *\r\nExpires: 60\r\n", "Contact: *, <sip:z@h>\r\nExpires: 0\r\n"]
        {
            assert_eq!(world.register("a", 2, headers).status, Status::BAD_REQUEST);
            assert_eq!(world.contacts().len(), 2);
        }
        assert_eq!(world.register("a", 2, "Contact: *\r\nExpires: 0\r\n").status, Status::OK);
        assert_eq!(world.contacts(), Vec::<String>::new());
        assert_eq!(world.changes(), [true, false]);
    }

    #[test]
    fn bindings_end_and_say_so_once() {
        let mut world = World::new();
        world.register("a", 1, "Contact: <sip:x@127.0.0.1>;expires=60, <sip:y@127.0.0.1>;expires=120\r\n");
        let first = world.registrar.poll_timeout().unwrap();
        assert_eq!(first.ms(), 61_000);
        world.now = first;
        world.registrar.handle_timeout(first);
        assert_eq!(world.changes(), [true]);
        assert_eq!(world.contacts(), ["<sip:y@127.0.0.1>;expires=60"]);
        world.now = Moment::from_ms(121_000);
        world.registrar.handle_timeout(world.now);
        assert_eq!(world.changes(), [false]);
        assert_eq!(world.registrar.poll_timeout(), None);
    }

    #[test]
    fn a_phone_that_restarted_and_counts_from_the_beginning_is_taken() {
        let mut world = World::new();
        world.register("a", 500, "Contact: <sip:x@127.0.0.1:5070>\r\n");
        for number in [2, 2, 3] {
            assert_eq!(world.register("a", number, "Contact: <sip:x@127.0.0.1:5070>\r\n").status, Status::OK);
        }
        world.register("a", 1, "Contact: <sip:x@127.0.0.1:5071>\r\n");
        assert_eq!(world.contacts(), ["<sip:x@127.0.0.1:5071>;expires=600"]);
        assert_eq!(world.register("a", 1, "Contact: *\r\nExpires: 0\r\n").status, Status::OK);
        assert_eq!(world.changes(), [true, false]);
    }

    #[test]
    fn the_eleventh_contact_takes_the_place_of_the_one_renewed_longest_ago() {
        let mut world = World::new();
        for n in 0..10 {
            world.register(&format!("c{n}"), 1, &format!("Contact: <sip:x{n}@127.0.0.1>\r\n"));
        }
        world.register("c0", 2, "Contact: <sip:x0@127.0.0.1>\r\n");
        assert_eq!(world.register("new", 1, "Contact: <sip:new@127.0.0.1>\r\n").status, Status::OK);
        let contacts = world.contacts();
        assert_eq!(contacts.len(), 10);
        assert!(!contacts.iter().any(|contact| contact.contains("x1@")), "{contacts:?}");
        assert!(contacts.last().unwrap().contains("new@"));
    }

    #[test]
    fn what_is_kept_comes_back_with_the_time_that_is_left() {
        let mut world = World::new();
        world.register("a", 5, "Contact: <sip:x@127.0.0.1>;expires=100, <sip:y@127.0.0.1>;expires=60\r\n");
        let kept: Vec<KeptBinding> = world.registrar.keep(world.now).collect();
        let mut after = World::new();
        after.now = world.now + Duration::from_secs(70);
        kept.into_iter().for_each(|kept| after.registrar.restore(after.now, kept));
        assert_eq!(after.changes(), [true]);
        assert_eq!(after.contacts(), ["<sip:x@127.0.0.1>;expires=30"]);
        after.now = after.now + Duration::from_secs(30);
        after.registrar.handle_timeout(after.now);
        assert_eq!(after.changes(), [false]);
    }

    #[test]
    fn too_many_contacts_in_one_request_change_nothing() {
        let mut world = World::new();
        world.register("a", 5, "Contact: <sip:x@127.0.0.1>\r\n");
        let many: String = (0..11).map(|n| format!("Contact: <sip:x{n}@127.0.0.1>\r\n")).collect();
        assert_eq!(world.register("a", 6, &many).status, Status::FORBIDDEN);
        assert_eq!(world.contacts(), ["<sip:x@127.0.0.1>;expires=600"]);
    }

    #[test]
    fn a_device_that_moved_replaces_its_old_contact() {
        let mut world = World::new();
        world.register("a", 1, "Contact: <sip:x@127.0.0.1:5070>\r\n");
        world.register("b", 1, "Contact: <sip:x@127.0.0.1:5090>\r\n");
        world.register("a", 2, "Contact: <sip:x@127.0.0.1:5071>\r\n");
        assert_eq!(
            world.contacts(),
            ["<sip:x@127.0.0.1:5090>;expires=600", "<sip:x@127.0.0.1:5071>;expires=600"]
        );
        assert_eq!(world.changes(), [true]);
    }

    #[test]
    fn foreign_contacts_are_refused() {
        let mut world = World::new();
        for contact in ["<tel:+1>", "sip:x@h?Route=y", "<sip:x@h?Route=y>", "<sip:x@h>;q=2", "name"] {
            assert_eq!(
                world.register("a", 1, &format!("Contact: {contact}\r\n")).status,
                Status::BAD_REQUEST
            );
        }
    }
}
