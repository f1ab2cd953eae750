//! A registrar's answers, one after the other.

use super::*;

const BINDING: &str = "sip:account@192.0.2.1:5060";
const CHALLENGE: (&str, &str) = ("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");

struct World {
    registration: Registration,
    now: Moment,
}

impl World {
    fn new() -> World {
        let settings = RegistrationSettings {
            registrar: "sip:provider.example".to_owned(),
            address: "sip:account@provider.example".to_owned(),
            binding: BINDING.to_owned(),
            interval: 3_600,
            credentials: Credentials { user: "account".to_owned(), password: "p".to_owned(), realm: None },
            user_agent: "test".to_owned(),
        };
        let registration = Registration::begin(settings, "call".to_owned(), Random::new([3; 32]));
        World { registration, now: Moment::from_ms(1_000) }
    }

    /// The request that is sent now.
    fn sent(&mut self) -> Request {
        let request = self.registration.poll_output().expect("a request");
        assert_eq!(self.registration.poll_output().map(|more| more.uri), None, "one at a time");
        request
    }

    fn answer(&mut self, request: &Request, code: u16, headers: &[(&str, &str)]) {
        let mut answer = Headers::new();
        for name in ["From", "To", "Call-ID", "CSeq"] {
            answer.push(name, request.headers.text(name).unwrap().as_bytes());
        }
        headers.iter().for_each(|(name, value)| answer.push(name, value));
        let status = Status::new(code).unwrap();
        let response = Response { status, reason: Vec::new(), headers: answer, body: Vec::new() };
        self.registration.handle_response(self.now, &response);
    }

    /// Lets the time pass until the next request; how long that was, in seconds.
    fn wait(&mut self) -> u64 {
        let due = self.registration.poll_timeout().expect("something is due");
        let waited = due.since(self.now).as_secs();
        self.now = due;
        self.registration.handle_timeout(self.now);
        waited
    }

    fn standing(&self) -> Registered {
        self.registration.standing(self.now)
    }
}

#[test]
fn a_challenge_is_answered_and_the_binding_is_refreshed_early() {
    let mut world = World::new();
    let first = world.sent();
    assert_eq!(first.uri, "sip:provider.example");
    assert_eq!(first.headers.text("Contact").unwrap(), format!("<{BINDING}>"));
    assert_eq!(first.headers.text("Expires").unwrap(), "3600");
    assert_eq!(world.standing(), Registered::Asking);
    world.answer(&first, 401, &[CHALLENGE]);
    let second = world.sent();
    assert!(second.headers.text("Authorization").unwrap().contains("uri=\"sip:provider.example\""));
    assert_eq!(second.cseq().unwrap().number, 2);
    let contact = format!("<sip:other@192.0.2.9>;expires=60, <{BINDING}>;expires=600");
    world.answer(&second, 200, &[("Contact", &contact), ("Expires", "7200")]);
    assert_eq!(world.standing(), Registered::Until(world.now + Duration::from_secs(600)));
    let waited = world.wait();
    assert!((300..=500).contains(&waited), "after 1/2 to 5/6: {waited}");
    let refresh = world.sent();
    assert_eq!(refresh.cseq().unwrap().number, 3);
    assert_eq!(refresh.headers.text("Call-ID").unwrap(), first.headers.text("Call-ID").unwrap());
    assert!(matches!(world.standing(), Registered::Until(_)), "the binding holds meanwhile");
}

#[test]
fn failures_are_tried_again_at_growing_intervals() {
    let mut world = World::new();
    let mut waits = Vec::new();
    for _ in 0..9 {
        let request = world.sent();
        world.answer(&request, 503, &[]);
        assert_eq!(world.standing(), Registered::Refused(Status::SERVICE_UNAVAILABLE));
        waits.push(world.wait());
    }
    for (nth, waited) in waits.iter().enumerate() {
        let longest = (30 << nth).min(1_800);
        assert!((longest / 2 - 1..=longest).contains(waited), "{nth}: {waited} of {longest}");
    }
    let request = world.sent();
    world.answer(&request, 200, &[]);
    assert_eq!(world.standing(), Registered::Until(world.now + Duration::from_secs(3_600)), "as asked");
    world.wait();
    world.sent();
    world.registration.handle_silence(world.now);
    assert_eq!(world.registration.failure(), Some(Registered::Silent));
    assert!(matches!(world.standing(), Registered::Until(_)), "what was granted holds");
    assert!(world.wait() <= 30, "the next failure is a first one");
}

#[test]
fn wrong_passwords_are_not_tried_at_once_again() {
    let mut world = World::new();
    let first = world.sent();
    world.answer(&first, 401, &[CHALLENGE]);
    let second = world.sent();
    world.answer(&second, 401, &[CHALLENGE]);
    assert_eq!(world.standing(), Registered::Refused(Status::UNAUTHORIZED));
    assert!(world.registration.poll_output().is_none());
}

#[test]
fn a_registrar_that_wants_longer_bindings_gets_them() {
    let mut world = World::new();
    let first = world.sent();
    world.answer(&first, 423, &[("Min-Expires", "7200")]);
    let second = world.sent();
    assert_eq!(second.headers.text("Expires").unwrap(), "7200");
    world.answer(&second, 401, &[CHALLENGE]);
    let third = world.sent();
    assert!(third.headers.count("Authorization") == 1);
    world.answer(&third, 423, &[("Min-Expires", "9000")]);
    assert_eq!(world.standing(), Registered::Refused(Status::INTERVAL_TOO_BRIEF), "once only");
}

#[test]
fn leaving_takes_the_binding_back() {
    let mut world = World::new();
    let first = world.sent();
    world.answer(&first, 200, &[]);
    world.registration.leave();
    let last = world.sent();
    assert_eq!(last.headers.text("Expires").unwrap(), "0");
    assert_eq!(world.standing(), Registered::Left);
    world.answer(&first, 200, &[]);
    assert!(!world.registration.is_gone(), "an answer to another request means nothing");
    world.answer(&last, 407, &[("Proxy-Authenticate", CHALLENGE.1)]);
    let proven = world.sent();
    assert_eq!(proven.headers.text("Expires").unwrap(), "0");
    assert_eq!(proven.headers.count("Proxy-Authorization"), 1);
    world.answer(&proven, 200, &[]);
    assert!(world.registration.is_gone());
    assert_eq!(world.registration.poll_timeout(), None);
}

#[test]
fn who_has_no_binding_leaves_without_a_word() {
    let mut world = World::new();
    world.sent();
    world.registration.handle_silence(world.now);
    assert_eq!(world.standing(), Registered::Silent);
    world.registration.leave();
    assert!(world.registration.is_gone() && world.registration.poll_output().is_none());
}
