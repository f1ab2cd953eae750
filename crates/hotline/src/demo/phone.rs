//! Simulated telephones: real SIP and RTP on sockets of their own.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audio::FRAME;
use audio::rtp::HEADER_LEN;
use audio::tone::Sine;
use model::{AgentId, Seed};
use sip::{
    AudioCodec, Destination, Dial, Direction, Endpoint, EndpointSettings, Event, Flow, LocalAudio, Message,
    Moment, OfferedAudio, Output, Random, Security, SessionId, Transport, parse_datagram,
};
use tokio::net::UdpSocket;

use crate::phone::{Progress, Registration, Voice, law};

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
        let mut phone = Phone::new(440.0).await?;
        let dial = Dial {
            call_id: format!("{}@demo", phone.random.token()),
            uri: format!("sip:{}@{}", self.number, self.center),
            destination: over_udp(self.center),
            caller: self.caller.clone(),
            display: String::new(),
            audio: phone.audio()?,
            credentials: None,
        };
        let session = phone.endpoint.dial(phone.now(), dial);
        let gives_up = Instant::now() + self.patience;
        let mut press_at = None;
        loop {
            for event in phone.turn().await? {
                match event {
                    Event::Connected { remote, .. } => {
                        phone.talk(&remote);
                        press_at = Some(Instant::now() + Duration::from_secs(2));
                    }
                    Event::Ended { .. } => return Ok(()),
                    Event::Invited { .. }
                    | Event::Ringing { .. }
                    | Event::Changed { .. }
                    | Event::Digit { .. }
                    | Event::Pinged { .. }
                    | Event::Register { .. } => {}
                }
            }
            if press_at.is_some_and(|at| Instant::now() >= at) {
                press_at = None;
                phone.voice.press(self.key);
            }
            if Instant::now() >= gives_up {
                phone.endpoint.hang_up(phone.now(), session, None);
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
        let mut phone = Phone::new(880.0).await?;
        phone.register(&self).await?;
        let mut seed = Seed::new(phone.random.draw());
        let mut answer: Option<(Instant, SessionId)> = None;
        let mut hang_up: Option<(Instant, SessionId)> = None;
        loop {
            for event in phone.turn().await? {
                match event {
                    Event::Invited { session, .. } => {
                        phone.endpoint.ring(phone.now(), session);
                        let ringing = Duration::from_millis(300 + seed.below(2_000));
                        answer = Some((Instant::now() + ringing, session));
                    }
                    Event::Connected { session, remote } => {
                        phone.talk(&remote);
                        let talk = Duration::from_millis(3_000 + seed.below(6_000));
                        hang_up = Some((Instant::now() + talk, session));
                    }
                    Event::Ended { .. } => {
                        (answer, hang_up) = (None, None);
                        phone.peer = None;
                    }
                    Event::Ringing { .. }
                    | Event::Changed { .. }
                    | Event::Digit { .. }
                    | Event::Pinged { .. }
                    | Event::Register { .. } => {}
                }
            }
            if let Some((_, session)) = answer.take_if(|(at, _)| Instant::now() >= *at) {
                let rtp = phone.rtp.local_addr()?;
                phone.endpoint.accept(phone.now(), session, rtp, AudioCodec::Pcma);
            }
            if let Some((_, session)) = hang_up.take_if(|(at, _)| Instant::now() >= *at) {
                phone.endpoint.hang_up(phone.now(), session, None);
            }
        }
    }
}

/// What both have: sockets, an endpoint, a tone to send and keys to press.
struct Phone {
    sip: UdpSocket,
    rtp: UdpSocket,
    endpoint: Endpoint,
    random: Random,
    started: Instant,
    tick: tokio::time::Interval,
    tone: Sine,
    voice: Voice,
    peer: Option<Peer>,
}

/// Where the tone goes.
struct Peer {
    rtp: SocketAddr,
    codec: AudioCodec,
    telephone_event: Option<u8>,
}

impl Phone {
    async fn new(hertz: f64) -> io::Result<Phone> {
        let (sip, rtp) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut random = Random::new(bytes);
        let settings = EndpointSettings {
            local: sip.local_addr()?,
            user_agent: "hotline-demo".to_owned(),
            max_sessions: 4,
            max_transactions: 64,
        };
        bytes.reverse();
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        Ok(Phone {
            sip,
            rtp,
            endpoint: Endpoint::new(settings, Random::new(bytes)),
            started: Instant::now(),
            tick,
            tone: Sine::new(hertz, 6_000),
            voice: Voice::new(u32::try_from(random.draw() >> 32).unwrap_or(1)),
            peer: None,
            random,
        })
    }

    fn now(&self) -> Moment {
        Moment::from_ms(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn audio(&self) -> io::Result<LocalAudio> {
        Ok(LocalAudio {
            rtp: self.rtp.local_addr()?,
            codecs: vec![AudioCodec::Pcma, AudioCodec::Pcmu],
            direction: Direction::SendReceive,
            security: Security::default(),
            session_id: 1,
            version: 1,
        })
    }

    fn talk(&mut self, remote: &OfferedAudio) {
        let codec = remote.codecs.first().copied().unwrap_or(AudioCodec::Pcma);
        self.peer = Some(Peer { rtp: remote.rtp, codec, telephone_event: remote.telephone_event });
    }

    /// A frame's length of life: what came is handled, what is due is sent.
    async fn turn(&mut self) -> io::Result<Vec<Event>> {
        let mut events = self.flush().await?;
        let mut datagram = [0; 65_535];
        tokio::select! {
            received = self.sip.recv_from(&mut datagram) => {
                let (length, source) = received?;
                let flow = Flow { transport: Transport::Udp, source };
                if let Some(bytes) = datagram.get(..length) {
                    self.endpoint.handle_datagram(self.now(), flow, bytes);
                }
            }
            _ = self.tick.tick() => {
                // What we hear is not listened to, but must not fill the socket.
                while self.rtp.try_recv(&mut datagram).is_ok() {}
                self.send_frame().await?;
            }
        }
        if self.endpoint.poll_timeout().is_some_and(|due| due <= self.now()) {
            self.endpoint.handle_timeout(self.now());
        }
        events.extend(self.flush().await?);
        Ok(events)
    }

    async fn flush(&mut self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send { destination, bytes } => {
                    self.sip.send_to(&bytes, destination.address).await?;
                }
                Output::Event(event) => events.push(event),
            }
        }
        Ok(events)
    }

    async fn send_frame(&mut self) -> io::Result<()> {
        let Some(peer) = &self.peer else { return Ok(()) };
        let (mut samples, mut payload) = ([0; FRAME], [0; FRAME]);
        self.tone.fill(&mut samples);
        law(peer.codec).encode_into(&samples, &mut payload);
        let Some(frame) = self.voice.next(peer.codec.payload_type(), peer.telephone_event) else {
            return Ok(());
        };
        let mut datagram = [0; HEADER_LEN + FRAME];
        if let Some(bytes) = frame.print(&payload, &mut datagram).and_then(|length| datagram.get(..length)) {
            self.rtp.send_to(bytes, peer.rtp).await?;
        }
        Ok(())
    }

    /// Registers once; the show is shorter than a registration lasts.
    async fn register(&mut self, seat: &Seat) -> io::Result<()> {
        let local = self.sip.local_addr()?;
        let (user, center) = (seat.id.to_string(), seat.center);
        let mut registration = Registration::new(&user, &seat.password, center, local, &mut self.random);
        loop {
            let request = registration.request(&mut self.random);
            let response = self.ask(&request, seat.center).await?;
            match registration.handle(&response, &mut self.random) {
                Progress::Done => return Ok(()),
                Progress::Again => {}
                Progress::Pending | Progress::Refused(_) => {
                    return Err(io::Error::other("the registration was refused"));
                }
            }
        }
    }

    /// Sends a request until it is answered, four times at most.
    async fn ask(&mut self, request: &str, center: SocketAddr) -> io::Result<sip::Response> {
        let mut datagram = vec![0; 65_535];
        for _ in 0..4 {
            self.sip.send_to(request.as_bytes(), center).await?;
            let received =
                tokio::time::timeout(Duration::from_secs(2), self.sip.recv_from(&mut datagram)).await;
            if let Ok(received) = received
                && let Some(bytes) = datagram.get(..received?.0)
                && let Ok(Message::Response(response)) = parse_datagram(bytes)
            {
                return Ok(response);
            }
        }
        Err(io::Error::from(io::ErrorKind::TimedOut))
    }
}

fn over_udp(address: SocketAddr) -> Destination {
    Destination { transport: Transport::Udp, address, otherwise: None }
}
