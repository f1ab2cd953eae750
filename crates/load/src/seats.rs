//! The agents: they register, ring for a while, answer, and wait to be hung up on.
//!
//! ```text
//!   Away ──registered──► Free ──INVITE──► Ringing ──answer-after──► Talking ──BYE──► Free
//!                                            └──────CANCEL──────────────────────────►
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip::{OfferedAudio, Random, Response, SessionId};

use crate::phone::{Progress, Registration};

/// REGISTERs under way at once.
const WINDOW: usize = 40;
/// Sendings of one REGISTER, and the pause between them.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(700);

/// One agent's phone.
#[derive(Debug)]
pub(super) struct Seat {
    /// Its phone among all phones.
    pub(super) phone: usize,
    pub(super) state: State,
}

/// What a seat does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Ringing { session: SessionId, leg: u32, answers: Instant, remote: Box<OfferedAudio> },
    Talking { session: SessionId, leg: u32 },
}

/// Registers all seats, a window at a time.
#[derive(Debug, Default)]
pub(super) struct Office {
    /// By the user part of the address.
    pub(super) seats: BTreeMap<String, Seat>,
    waiting: VecDeque<Registration>,
    /// By Call-ID.
    under_way: BTreeMap<String, Try>,
    registered: Vec<Registration>,
    pub(super) refused: usize,
}

#[derive(Debug)]
struct Try {
    registration: Registration,
    request: Vec<u8>,
    sent: u32,
    next: Instant,
}

impl Office {
    /// Seats of these agents, whose phones begin at `first`.
    pub(super) fn new(
        agents: &[(String, String)],
        first: usize,
        registrar: SocketAddr,
        local: SocketAddr,
        random: &mut Random,
    ) -> Office {
        let mut office = Office::default();
        for (phone, (id, password)) in (first..).zip(agents) {
            office.waiting.push_back(Registration::new(id, password, registrar, local, random));
            office.seats.insert(id.clone(), Seat { phone, state: State::Free });
        }
        office
    }

    /// How many are registered.
    pub(super) fn registered(&self) -> usize {
        self.registered.len()
    }

    /// Nothing is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// Takes all registrations back.
    pub(super) fn leave(&mut self) {
        self.waiting.clear();
        self.under_way.clear();
        for mut registration in self.registered.drain(..) {
            registration.leave();
            self.waiting.push_back(registration);
        }
    }

    /// Requests that are due.
    pub(super) fn due(&mut self, now: Instant, random: &mut Random) -> Vec<Vec<u8>> {
        let mut requests = Vec::new();
        let refused = &mut self.refused;
        self.under_way.retain(|_, attempt| {
            if attempt.next > now {
                return true;
            }
            if attempt.sent >= TRIES {
                *refused += 1;
                return false;
            }
            attempt.sent += 1;
            attempt.next = now + PAUSE;
            requests.push(attempt.request.clone());
            true
        });
        while self.under_way.len() < WINDOW
            && let Some(mut registration) = self.waiting.pop_front()
        {
            let request = registration.request(random).into_bytes();
            requests.push(request.clone());
            let attempt = Try { registration, request, sent: 1, next: now + PAUSE };
            self.under_way.insert(attempt.registration.call_id().to_owned(), attempt);
        }
        requests
    }

    /// A response to a REGISTER; the next request when it is a challenge.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        response: &Response,
        random: &mut Random,
    ) -> Option<Vec<u8>> {
        let call_id = response.call_id().ok()?;
        let attempt = self.under_way.get_mut(&call_id)?;
        match attempt.registration.handle(response, random) {
            Progress::Pending => None,
            Progress::Again => {
                attempt.request = attempt.registration.request(random).into_bytes();
                (attempt.sent, attempt.next) = (1, now + PAUSE);
                Some(attempt.request.clone())
            }
            Progress::Done => {
                self.registered.extend(self.under_way.remove(&call_id).map(|attempt| attempt.registration));
                None
            }
            Progress::Refused(status) => {
                tracing::warn!(status = status.code(), "a registration was refused");
                self.under_way.remove(&call_id);
                self.refused += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office(agents: usize) -> (Office, Random) {
        let mut random = Random::new([3; 32]);
        let agents: Vec<(String, String)> =
            (0..agents).map(|nth| (format!("{nth}"), String::new())).collect();
        let address = "127.0.0.1:5060".parse().unwrap();
        (Office::new(&agents, 10, address, address, &mut random), random)
    }

    #[test]
    fn a_window_at_a_time_and_an_end_to_trying() {
        let (mut office, mut random) = office(WINDOW + 5);
        let began = Instant::now();
        assert_eq!(office.due(began, &mut random).len(), WINDOW);
        assert_eq!(office.due(began, &mut random).len(), 0, "not before the pause");
        let mut sent = WINDOW;
        for turn in 1..=2 * TRIES + 2 {
            sent += office.due(began + PAUSE * turn, &mut random).len();
        }
        assert_eq!(sent, (WINDOW + 5) * TRIES as usize);
        assert!(office.is_settled());
        assert_eq!((office.refused, office.registered()), (WINDOW + 5, 0));
    }

    #[test]
    fn phones_follow_the_customers() {
        let (office, _) = office(2);
        let phones: Vec<usize> = office.seats.values().map(|seat| seat.phone).collect();
        assert_eq!(phones, [10, 11]);
    }
}
