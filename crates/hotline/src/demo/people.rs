//! Simulated people at telephones: real SIP and RTP on sockets of their own.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audio::tone::Sine;
use load::phone::{Account, Happened, Line, Sound};
use model::{AgentId, Seed};
use sip::{Codec, Event, SessionId};

use crate::phone::USER_AGENT;

/// Loudness of the simulated voices.
const LOUD: i16 = 6_000;

fn tone(hertz: f64) -> Sound {
    let mut sine = Sine::new(hertz, LOUD);
    Box::new(move |frame| sine.fill(frame))
}

/// A customer: dials, presses a key, talks until the agent hangs up, or loses patience.
pub(super) struct Customer {
    center: SocketAddr,
    caller: String,
    number: &'static str,
    key: u8,
    patience: Duration,
}

impl Customer {
    /// One of many: most ask, some complain; four in five speak Mandarin.
    pub(super) fn draw(nth: u32, center: SocketAddr, seed: &mut Seed) -> Customer {
        Customer {
            center,
            caller: format!("1390000{nth:04}"),
            number: if seed.below(5) == 0 { "8001" } else { "8000" },
            key: if seed.below(3) == 0 { 2 } else { 1 },
            patience: Duration::from_secs(20 + seed.below(40)),
        }
    }

    pub(super) async fn call(self) {
        if let Err(error) = self.dial().await {
            tracing::warn!(%error, "a simulated customer failed");
        }
    }

    async fn dial(self) -> io::Result<()> {
        let mut phone = Line::open(self.center, tone(440.0), USER_AGENT).await?;
        let session = phone.dial(self.number, &self.caller)?;
        let gives_up = Instant::now() + self.patience;
        let mut press_at = None;
        loop {
            for happened in phone.turn().await? {
                let Happened::Call(event) = happened else { continue };
                match *event {
                    Event::Connected { .. } => {
                        press_at = Some(Instant::now() + Duration::from_secs(2));
                    }
                    Event::Ended { .. } => return Ok(()),
                    Event::Invited { .. }
                    | Event::Ringing { .. }
                    | Event::Changed { .. }
                    | Event::Digit { .. }
                    | Event::Early { .. }
                    | Event::Reason { .. }
                    | Event::Answered { .. }
                    | Event::Pinged { .. }
                    | Event::Redirected { .. }
                    | Event::Referred { .. }
                    | Event::Referral { .. }
                    | Event::Register { .. } => {}
                }
            }
            if press_at.is_some_and(|at| Instant::now() >= at) {
                press_at = None;
                phone.press(self.key);
            }
            if Instant::now() >= gives_up {
                phone.hang_up(session);
            }
        }
    }
}

/// An agent's seat: registers, rings a moment, answers, talks a while, hangs up.
pub(super) struct Seat {
    pub(super) id: AgentId,
    pub(super) password: String,
    pub(super) center: SocketAddr,
}

impl Seat {
    pub(super) async fn work(self) -> io::Result<()> {
        let mut phone = Line::open(self.center, tone(880.0), USER_AGENT).await?;
        phone.register(Account { user: self.id.to_string(), password: self.password });
        let mut seed = Seed::new(phone.draw());
        let mut answer: Option<(Instant, SessionId)> = None;
        let mut hang_up: Option<(Instant, SessionId)> = None;
        loop {
            for happened in phone.turn().await? {
                let event = match happened {
                    Happened::Call(event) => event,
                    Happened::Refused(status) => {
                        return Err(io::Error::other(format!(
                            "the registration was refused: {}",
                            status.code()
                        )));
                    }
                    Happened::Registered => continue,
                };
                match *event {
                    Event::Invited { session, .. } => {
                        phone.ring(session);
                        let ringing = Duration::from_millis(300 + seed.below(2_000));
                        answer = Some((Instant::now() + ringing, session));
                    }
                    Event::Connected { session, .. } => {
                        let talk = Duration::from_millis(3_000 + seed.below(6_000));
                        hang_up = Some((Instant::now() + talk, session));
                    }
                    Event::Ended { .. } => (answer, hang_up) = (None, None),
                    Event::Ringing { .. }
                    | Event::Changed { .. }
                    | Event::Digit { .. }
                    | Event::Early { .. }
                    | Event::Reason { .. }
                    | Event::Answered { .. }
                    | Event::Pinged { .. }
                    | Event::Redirected { .. }
                    | Event::Referred { .. }
                    | Event::Referral { .. }
                    | Event::Register { .. } => {}
                }
            }
            if let Some((_, session)) = answer.take_if(|(at, _)| Instant::now() >= *at) {
                phone.accept(session, Codec::Pcma)?;
            }
            if let Some((_, session)) = hang_up.take_if(|(at, _)| Instant::now() >= *at) {
                phone.hang_up(session);
            }
        }
    }
}
