//! The shell with a center that the test plays, and phones that speak by hand.

use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use model::{AgentId, CallId, Codec, Ids, Invited, LegId, LegOrder, LegReport, Number, Target, Time};
use sip::{
    Credentials, Encryption, Message, Method, Random, Request, Response, answer_challenge, parse_datagram,
};
use tokio::net::UdpSocket;

use crate::signalling::{Settings, Signalling, SignallingInput, Terms, Trunk, start};

pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The shell with a center that the test plays.
pub(super) struct World {
    pub(super) signalling: Signalling,
    pub(super) center: Receiver<SignallingInput>,
    ids: Ids,
}

impl World {
    pub(super) async fn start(room: usize) -> World {
        World::with_trunk(room, "127.0.0.0/8").await
    }

    pub(super) async fn with_trunk(room: usize, network: &str) -> World {
        World::held_to(Encryption::Off, room, network).await
    }

    /// One that keeps registrations in this file.
    pub(super) async fn keeping(path: &std::path::Path) -> World {
        World::changed(|settings| settings.registrations = Some(path.to_owned())).await
    }

    /// With other settings.
    pub(super) async fn changed(change: impl FnOnce(&mut Settings)) -> World {
        World::begin(Encryption::Off, 100, "127.0.0.0/8", change).await
    }

    /// A trunk and a seat that are held to this encryption.
    pub(super) async fn held_to(srtp: Encryption, room: usize, network: &str) -> World {
        World::begin(srtp, room, network, |_| {}).await
    }

    async fn begin(
        srtp: Encryption,
        room: usize,
        network: &str,
        change: impl FnOnce(&mut Settings),
    ) -> World {
        let (to_center, center) = bounded(room);
        let mut settings = usual(srtp, network);
        change(&mut settings);
        let signalling = start(settings, to_center).await.unwrap();
        World { signalling, center, ids: Ids::new(900) }
    }

    /// The first address that it listens on.
    pub(super) fn address(&self) -> std::net::SocketAddr {
        self.signalling.bound().plain[0]
    }

    pub(super) async fn next(&self) -> SignallingInput {
        let center = self.center.clone();
        tokio::task::spawn_blocking(move || center.recv_timeout(PATIENCE)).await.unwrap().unwrap()
    }

    pub(super) async fn report(&self) -> (LegId, LegReport) {
        match self.next().await {
            SignallingInput::Leg(leg, report) => (leg, report),
            other @ (SignallingInput::Invited(..) | SignallingInput::Seat { .. }) => panic!("{other:?}"),
        }
    }

    /// The next call that comes in.
    pub(super) async fn invited(&self) -> (LegId, Invited) {
        match self.next().await {
            SignallingInput::Invited(leg, invited) => (leg, *invited),
            other @ (SignallingInput::Leg(..) | SignallingInput::Seat { .. }) => panic!("{other:?}"),
        }
    }

    /// Dials agent 1001.
    pub(super) fn dial(&mut self) -> LegId {
        let now = Time::from_unix_ms(1_800_000_000_000);
        let leg = LegId::new(&mut self.ids, now);
        let order = LegOrder::Dial {
            call: CallId::new(&mut self.ids, now),
            target: Target::Seat(agent("1001")),
            rtp: "127.0.0.1:20002".parse().unwrap(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            caller: Some(number("8000").into()),
            display: "inquiry 0:07".to_owned(),
            diverted: None,
        };
        self.signalling.order(leg, order);
        leg
    }

    pub(super) fn answer(&self, leg: LegId) {
        let rtp = "127.0.0.1:20000".parse().unwrap();
        self.signalling.order(leg, LegOrder::Answer { rtp, codec: Codec::Pcmu });
    }
}

/// One trunk, one agent and one feature code.
pub(super) fn usual(srtp: Encryption, network: &str) -> Settings {
    let terms = Terms { srtp, ..Terms::default() };
    let mut settings = Settings::new("127.0.0.1:0".parse().unwrap());
    settings.agents = vec![(agent("1001"), "sample-1001".to_owned().into())];
    settings.trunks = vec![Trunk {
        name: "loopback".to_owned(),
        sources: vec![network.parse().unwrap()],
        hosts: Vec::new(),
        client: None,
        terms: terms.clone(),
        outgoing: crate::signalling::Outgoing::default(),
    }];
    settings.seats = [(agent("1001"), terms)].into();
    settings.inside = [number("*70"), number("1002")].into();
    settings
}

/// What the center hears of agent 1001's seat.
pub(super) fn seat(online: bool) -> SignallingInput {
    let local = online.then_some(std::net::Ipv4Addr::LOCALHOST.into());
    SignallingInput::Seat { agent: agent("1001"), online, local }
}

pub(super) fn agent(id: &str) -> AgentId {
    id.parse().unwrap()
}

pub(super) fn number(text: &str) -> Number {
    text.parse().unwrap()
}

/// A phone made of one socket.
pub(super) struct Phone {
    socket: UdpSocket,
    server: std::net::SocketAddr,
    random: Random,
    count: u32,
}

impl Phone {
    pub(super) async fn new(world: &World) -> Phone {
        Phone { server: world.address(), ..Phone::unbound().await }
    }

    /// One that knows no server yet.
    pub(super) async fn unbound() -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&socket.local_addr().unwrap().port().to_be_bytes());
        let server = socket.local_addr().unwrap();
        Phone { socket, server, random: Random::new(seed), count: 0 }
    }

    pub(super) fn local(&self) -> std::net::SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(super) fn sdp(&self) -> String {
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n".to_owned()
    }

    /// A request outside dialogs.
    pub(super) fn request(
        &mut self,
        method: &str,
        user: &str,
        to: &str,
        headers: &str,
        body: &str,
    ) -> Request {
        self.count += 1;
        let (local, count, token) = (self.local(), self.count, self.random.token());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} sip:{to}@{} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{token};rport\r\n\
             From: <sip:{user}@127.0.0.1>;tag=phone\r\nTo: <sip:{to}@127.0.0.1>\r\nCall-ID: {token}\r\n\
             CSeq: {count} {method}\r\nContact: <sip:{user}@{local}>\r\nMax-Forwards: 70\r\n{headers}{kind}\
             Content-Length: {}\r\n\r\n{body}",
            self.server,
            body.len()
        );
        as_request(text.as_bytes())
    }

    pub(super) async fn send(&self, request: &Request) {
        self.socket.send_to(&request.print(), self.server).await.unwrap();
    }

    pub(super) async fn receive(&self) -> Message {
        let mut buffer = vec![0; 65_536];
        let received = tokio::time::timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.unwrap();
        parse_datagram(&buffer[..received.unwrap().0]).unwrap()
    }

    /// True when nothing comes for half a second.
    pub(super) async fn hears_nothing(&self) -> bool {
        let mut buffer = vec![0; 65_536];
        let silence = Duration::from_millis(500);
        tokio::time::timeout(silence, self.socket.recv_from(&mut buffer)).await.is_err()
    }

    /// The next final response, provisional ones passed over.
    pub(super) async fn response(&self) -> Response {
        loop {
            match self.receive().await {
                Message::Response(response) if !response.status.is_provisional() => return response,
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }

    /// The next request of this method, others and responses passed over.
    pub(super) async fn wait_for(&self, method: Method) -> Request {
        loop {
            match self.receive().await {
                Message::Request(request) if request.method == method => return request,
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }

    /// Sends a request, answers the challenge, gives the second response.
    pub(super) async fn send_proven(&mut self, request: &Request, user: &str, password: &str) -> Response {
        self.send(request).await;
        let challenged = self.response().await;
        assert_eq!(challenged.status.code(), 401);
        if request.method == Method::Invite {
            self.acknowledge(request, &challenged).await;
        }
        let challenges = challenged.headers.list("WWW-Authenticate").join(", ");
        let challenges: Vec<String> = challenges
            .split("Digest ")
            .skip(1)
            .map(|rest| format!("Digest {}", rest.trim_end_matches(", ")))
            .collect();
        // In which order is told where the order is made.
        let offered = |algorithm: &str| challenges.iter().any(|challenge| challenge.contains(algorithm));
        assert!(offered("algorithm=SHA-256") && offered("algorithm=MD5"), "{challenges:?}");
        let credentials = Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
            realm: Some("hotline".to_owned()),
        };
        let value =
            answer_challenge(&challenges, &credentials, &request.method, &request.uri, &mut self.random)
                .unwrap();
        let mut again = request.clone();
        self.count += 1;
        again.headers.set_first("CSeq", format!("{} {}", self.count, request.method));
        let via = format!("SIP/2.0/UDP {};branch=z9hG4bK{};rport", self.local(), self.random.token());
        again.headers.set_first("Via", via);
        again.headers.push("Authorization", value);
        self.send(&again).await;
        self.response().await
    }

    pub(super) async fn acknowledge(&self, request: &Request, response: &Response) {
        let mut ack = request.clone();
        ack.method = Method::Ack;
        ack.body.clear();
        ack.headers.remove("Content-Type");
        ack.headers.set_first("To", response.headers.all("To").next().unwrap());
        let number = response.cseq().unwrap().number;
        ack.headers.set_first("CSeq", format!("{number} ACK"));
        self.send(&ack).await;
    }

    /// The ACK of a refusal, made of the refusal.
    pub(super) async fn acknowledge_last(&self, refused: &Response) {
        let mut headers = sip::Headers::new();
        for name in ["Via", "From", "To", "Call-ID"] {
            headers.push(name, refused.headers.all(name).next().unwrap());
        }
        headers.push("CSeq", format!("{} ACK", refused.cseq().unwrap().number));
        let uri = format!("sip:8000@{}", self.server);
        self.send(&Request { method: Method::Ack, uri, headers, body: Vec::new() }).await;
    }

    pub(super) async fn register(&mut self, world: &World) {
        let request = self.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
        let response = self.send_proven(&request, "1001", "sample-1001").await;
        assert_eq!(response.status.code(), 200);
        assert_eq!(response.headers.count("Contact"), 1);
        assert_eq!(world.next().await, seat(true));
    }

    /// From now on it speaks to another server.
    pub(super) fn turn_to(&mut self, server: std::net::SocketAddr) {
        self.server = server;
    }

    /// Answers a request of the server.
    pub(super) async fn respond(&self, request: &Request, code: u16, body: &str) {
        self.send_text(&self.answer_to(request, code, body)).await;
    }

    pub(super) async fn send_text(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).await.unwrap();
    }

    /// The answer to a request of the server.
    pub(super) fn answer_to(&self, request: &Request, code: u16, body: &str) -> String {
        let value = |name: &str| request.headers.text(name).unwrap().into_owned();
        let mut to = value("To");
        if !to.contains("tag=") {
            to.push_str(";tag=seat");
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "SIP/2.0 {code} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:1001@{}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            value("Via"),
            value("From"),
            value("Call-ID"),
            value("CSeq"),
            self.local(),
            body.len()
        )
    }
}

pub(super) fn as_request(bytes: &[u8]) -> Request {
    match parse_datagram(bytes).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}
