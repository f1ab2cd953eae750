//! A telephone's line: SIP and RTP on sockets of its own, over UDP, in G.711. It may have several calls, and speaks in one:
//! the last that was answered or taken back.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use audio::FRAME;
use audio::g711::Law;
use audio::rtp::{HEADER_LEN, RtpPacket};
use sip::{
    Codec, Credentials, Destination, Dial, Direction, Endpoint, EndpointSettings, Event, Flow, LocalAudio,
    Message, Moment, OfferedAudio, Output, Random, Security, SessionId, Status, Transport, parse_datagram,
};
use tokio::net::UdpSocket;

use super::{Progress, Registration, Voice, law};

/// Gives the next 20 ms of what is said.
pub type Sound = Box<dyn FnMut(&mut [i16; FRAME]) + Send>;
/// Takes what is heard, packet by packet.
pub type Ear = Box<dyn FnMut(&[i16]) + Send>;

/// Who a telephone is to its registrar.
pub struct Account {
    /// Its name, the user part of its address.
    pub user: String,
    /// The password for digest challenges.
    pub password: String,
}

/// What happened on the line.
pub enum Happened {
    /// Something about a call.
    Call(Box<Event>),
    /// The registrar knows us now.
    Registered,
    /// The registrar refuses us.
    Refused(Status),
}

/// A line.
pub struct Line {
    server: SocketAddr,
    sip: UdpSocket,
    rtp: UdpSocket,
    endpoint: Endpoint,
    random: Random,
    started: Instant,
    tick: tokio::time::Interval,
    sound: Sound,
    ear: Option<Ear>,
    voice: Voice,
    peers: BTreeMap<SessionId, Peer>,
    /// The call that it speaks in.
    speaking: Option<SessionId>,
    registering: Option<Registering>,
    /// Who calls of ours are from, for a challenge.
    credentials: Option<Credentials>,
}

/// Where our voice goes.
struct Peer {
    rtp: SocketAddr,
    codec: Codec,
    telephone_event: Option<u8>,
}

/// A registration, and when its next request is due.
struct Registering {
    registration: Registration,
    due: Instant,
    /// The pause before the next attempt; it doubles while there is no answer.
    pause: Duration,
}

/// How long a first request waits for its answer (T1, RFC 3261 section 17.1.2.1), and how long any does.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);
/// A registration is renewed after half of its time.
const RENEWED_AFTER: Duration = Duration::from_secs(1_800);

impl Line {
    /// A line of a server, from the address by which this machine reaches it. `user_agent`: what its requests call
    /// themselves.
    ///
    /// # Errors
    /// When a socket cannot be opened, or no randomness is to be had.
    pub async fn open(server: SocketAddr, sound: Sound, user_agent: &str) -> io::Result<Line> {
        let ip = local_ip(server).await?;
        let (sip, rtp) = (UdpSocket::bind((ip, 0)).await?, UdpSocket::bind((ip, 0)).await?);
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut random = Random::new(bytes);
        let settings = EndpointSettings {
            local: vec![sip.local_addr()?],
            user_agent: user_agent.to_owned(),
            max_sessions: 4,
            max_transactions: 64,
        };
        bytes.reverse();
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        Ok(Line {
            server,
            sip,
            rtp,
            endpoint: Endpoint::new(settings, Random::new(bytes)),
            started: Instant::now(),
            tick,
            sound,
            ear: None,
            voice: Voice::new(u32::try_from(random.draw() >> 32).unwrap_or(1)),
            peers: BTreeMap::new(),
            speaking: None,
            registering: None,
            credentials: None,
            random,
        })
    }

    /// What is heard from now on goes there too.
    pub fn listen(&mut self, ear: Ear) {
        self.ear = Some(ear);
    }

    /// Registers, and keeps registered.
    pub fn register(&mut self, account: Account) {
        let Ok(local) = self.sip.local_addr() else { return };
        let Account { user, password } = account;
        self.credentials = Some(Credentials { user: user.clone(), password: password.clone(), realm: None });
        let registration = Registration::new(&user, &password, self.server, local, &mut self.random);
        self.registering = Some(Registering { registration, due: Instant::now(), pause: FIRST_PAUSE });
    }

    /// A random number.
    pub fn draw(&mut self) -> u64 {
        self.random.draw()
    }

    /// Calls a number, as `caller`.
    pub fn dial(&mut self, number: &str, caller: &str) -> io::Result<SessionId> {
        let dial = Dial {
            call_id: self.random.token(),
            uri: format!("sip:{number}@{}", self.server),
            destination: Destination {
                transport: Transport::Udp,
                local: self.sip.local_addr()?,
                address: self.server,
                otherwise: None,
            },
            caller: caller.to_owned(),
            display: String::new(),
            audio: LocalAudio {
                rtp: self.rtp.local_addr()?,
                codecs: vec![Codec::Pcma, Codec::Pcmu],
                direction: Direction::SendReceive,
                security: Security::default(),
                session_id: 1,
                version: 1,
            },
            credentials: self.credentials.clone(),
            reliable: false,
            progress: None,
            domain: None,
            headers: sip::Headers::new(),
        };
        Ok(self.endpoint.dial(self.now(), dial))
    }

    /// Says that it rings.
    pub fn ring(&mut self, session: SessionId) {
        self.endpoint.ring(self.now(), session);
    }

    /// Answers.
    pub fn accept(&mut self, session: SessionId, codec: Codec) -> io::Result<()> {
        let rtp = self.rtp.local_addr()?;
        self.endpoint.accept(self.now(), session, rtp, codec);
        Ok(())
    }

    /// Ends a call, or refuses it as busy when it was not answered.
    pub fn hang_up(&mut self, session: SessionId) {
        self.endpoint.hang_up(self.now(), session, None);
    }

    /// Refuses a call as busy.
    pub fn decline(&mut self, session: SessionId) {
        self.endpoint.refuse(self.now(), session, &sip::Answer::new(Status::BUSY_HERE));
    }

    /// Puts a call on hold: nothing is said or heard in it. False when it cannot be now.
    pub fn hold(&mut self, session: SessionId) -> bool {
        self.speaking = self.speaking.filter(|speaking| *speaking != session);
        self.endpoint.reoffer(self.now(), session, Direction::SendOnly)
    }

    /// Takes a call back from hold. False when it cannot be now.
    pub fn retrieve(&mut self, session: SessionId) -> bool {
        self.speaking = Some(session);
        self.endpoint.reoffer(self.now(), session, Direction::SendReceive)
    }

    /// Has a call be with this number instead of us, by REFER: blind, or, with a second call to that number that stands,
    /// attended. [`Event::Referral`] says how it goes; then the calls are still to be hung up. False when a call does not
    /// stand, or an earlier transfer of it is not over.
    pub fn transfer(&mut self, session: SessionId, number: &str, second: Option<SessionId>) -> bool {
        let uri = format!("sip:{}@{}", sip::user_part(number), self.server);
        self.endpoint.refer(self.now(), session, &uri, second)
    }

    /// Presses a key, as RFC 4733 numbers them.
    pub fn press(&mut self, event: u8) {
        self.voice.press(event);
    }

    /// Waits for at most a frame's length; handles the messages that came and sends those that are due.
    pub async fn turn(&mut self) -> io::Result<Vec<Happened>> {
        let mut happened = self.flush().await?;
        let mut datagram = [0; 65_535];
        tokio::select! {
            received = self.sip.recv_from(&mut datagram) => {
                // A closed port of the server's is an error here, and silence is all that it means.
                if let Ok((length, source)) = received {
                    let bytes = datagram.get(..length).unwrap_or_default();
                    happened.extend(self.receive(source, bytes));
                }
            }
            _ = self.tick.tick() => {
                while let Ok(length) = self.rtp.try_recv(&mut datagram) {
                    self.hear(datagram.get(..length).unwrap_or_default());
                }
                self.say_frame().await;
                self.register_when_due().await;
            }
        }
        if self.endpoint.poll_timeout().is_some_and(|due| due <= self.now()) {
            self.endpoint.handle_timeout(self.now());
        }
        happened.extend(self.flush().await?);
        Ok(happened)
    }

    fn now(&self) -> Moment {
        Moment::from_ms(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn receive(&mut self, source: SocketAddr, bytes: &[u8]) -> Option<Happened> {
        if let Some(registering) = &mut self.registering
            && let Ok(Message::Response(response)) = parse_datagram(bytes)
            && response.headers.text("Call-ID").as_deref() == Some(registering.registration.call_id())
        {
            let progress = registering.registration.handle(&response, &mut self.random);
            return self.registration_went(progress);
        }
        let local = self.sip.local_addr().ok()?;
        let flow = Flow { transport: Transport::Udp, source, local };
        self.endpoint.handle_datagram(self.now(), flow, bytes);
        None
    }

    fn registration_went(&mut self, progress: Progress) -> Option<Happened> {
        let registering = self.registering.as_mut()?;
        registering.pause = FIRST_PAUSE;
        match progress {
            Progress::Pending => None,
            Progress::Again => {
                registering.due = Instant::now();
                None
            }
            Progress::Done => {
                registering.due = Instant::now() + RENEWED_AFTER;
                registering.registration.begin_again();
                Some(Happened::Registered)
            }
            Progress::Refused(status) => {
                self.registering = None;
                Some(Happened::Refused(status))
            }
        }
    }

    async fn register_when_due(&mut self) {
        let Some(registering) = self.registering.as_mut().filter(|one| one.due <= Instant::now()) else {
            return;
        };
        let request = registering.registration.request(&mut self.random);
        registering.due = Instant::now() + registering.pause;
        registering.pause = (registering.pause * 2).min(LONGEST_PAUSE);
        // Lost, as any datagram may be: it is sent again.
        let _ = self.sip.send_to(request.as_bytes(), self.server).await;
    }

    async fn flush(&mut self) -> io::Result<Vec<Happened>> {
        let mut happened = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send { destination, bytes } => {
                    let _ = self.sip.send_to(&bytes, destination.address).await;
                }
                Output::Event(event) => {
                    match &event {
                        Event::Connected { session, remote } => {
                            self.speaking = Some(*session);
                            self.peers.insert(*session, peer(remote));
                        }
                        Event::Changed { session, remote } => drop(self.peers.insert(*session, peer(remote))),
                        Event::Ended { session, .. } => drop(self.peers.remove(session)),
                        Event::Invited { .. }
                        | Event::Ringing { .. }
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
                    happened.push(Happened::Call(Box::new(event)));
                }
            }
        }
        Ok(happened)
    }

    fn hear(&mut self, datagram: &[u8]) {
        let Some(ear) = &mut self.ear else { return };
        let Ok(packet) = RtpPacket::parse(datagram) else { return };
        let law = match packet.payload_type {
            0 => Law::Mu,
            8 => Law::A,
            _ => return,
        };
        let mut samples = [0; 1_480];
        if let Some(samples) = samples.get_mut(..packet.payload.len()) {
            law.decode_into(packet.payload, samples);
            ear(samples);
        }
    }

    async fn say_frame(&mut self) {
        let Some(peer) = self.speaking.and_then(|speaking| self.peers.get(&speaking)) else { return };
        let (mut samples, mut payload) = ([0; FRAME], [0; FRAME]);
        (self.sound)(&mut samples);
        law(peer.codec).encode_into(&samples, &mut payload);
        let Some(frame) = self.voice.next(peer.codec.payload_type(), peer.telephone_event) else { return };
        let mut datagram = [0; HEADER_LEN + FRAME];
        if let Some(bytes) = frame.print(&payload, &mut datagram).and_then(|length| datagram.get(..length)) {
            let _ = self.rtp.send_to(bytes, peer.rtp).await;
        }
    }
}

fn peer(remote: &OfferedAudio) -> Peer {
    let codec = remote.codecs.first().copied().unwrap_or(Codec::Pcma);
    Peer { rtp: remote.rtp, codec, telephone_event: remote.telephone_event }
}

/// The address of this machine that a server is reached from. No packet is sent for it.
async fn local_ip(server: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr =
        if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() };
    let probe = UdpSocket::bind(any).await?;
    probe.connect(server).await?;
    Ok(probe.local_addr()?.ip())
}
