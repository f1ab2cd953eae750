//! The shell on loopback: peers that speak by hand, and sipp.

mod encrypted;

use std::process::{Command, Stdio};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use model::{
    AgentId, CallId, Cause, Codec, Ids, LegId, LegOrder, LegReport, Number, Origin, Refusal, Target, Time,
};
use sip::{
    Credentials, Encryption, Message, Method, Random, Request, Response, answer_challenge, parse_datagram,
};
use tokio::net::UdpSocket;

use super::{Settings, Signalling, SignallingInput, Terms, Trunk, start};

const PATIENCE: Duration = Duration::from_secs(15);

/// The shell with a center that the test plays.
struct World {
    signalling: Signalling,
    center: Receiver<SignallingInput>,
    ids: Ids,
}

impl World {
    async fn start(room: usize) -> World {
        World::with_trunk(room, "127.0.0.0/8").await
    }

    async fn with_trunk(room: usize, network: &str) -> World {
        World::held_to(Encryption::Off, room, network).await
    }

    /// A trunk and a seat that are held to this encryption.
    async fn held_to(srtp: Encryption, room: usize, network: &str) -> World {
        let terms = Terms { srtp, ..Terms::default() };
        let (to_center, center) = bounded(room);
        let mut settings = Settings::new("127.0.0.1:0".parse().unwrap());
        settings.agents = vec![(agent("1001"), "sample-1001".to_owned())];
        settings.trunks = vec![Trunk {
            name: "loopback".to_owned(),
            sources: vec![network.parse().unwrap()],
            terms: terms.clone(),
        }];
        settings.seats = [(agent("1001"), terms)].into();
        settings.feature_codes = vec![number("*70")];
        let signalling = start(settings, to_center).await.unwrap();
        World { signalling, center, ids: Ids::new(900) }
    }

    async fn next(&self) -> SignallingInput {
        let center = self.center.clone();
        tokio::task::spawn_blocking(move || center.recv_timeout(PATIENCE)).await.unwrap().unwrap()
    }

    async fn report(&self) -> (LegId, LegReport) {
        match self.next().await {
            SignallingInput::Leg(leg, report) => (leg, report),
            seat @ SignallingInput::Seat { .. } => panic!("{seat:?}"),
        }
    }

    /// Dials agent 1001.
    fn dial(&mut self) -> LegId {
        let now = Time::from_unix_ms(1_800_000_000_000);
        let leg = LegId::new(&mut self.ids, now);
        let order = LegOrder::Dial {
            call: CallId::new(&mut self.ids, now),
            target: Target::Seat(agent("1001")),
            rtp: "127.0.0.1:20002".parse().unwrap(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            caller: Some(number("8000")),
            display: "inquiry 0:07".to_owned(),
        };
        self.signalling.order(leg, order);
        leg
    }

    fn answer(&self, leg: LegId) {
        let rtp = "127.0.0.1:20000".parse().unwrap();
        self.signalling.order(leg, LegOrder::Answer { rtp, codec: Codec::Pcmu });
    }
}

fn agent(id: &str) -> AgentId {
    id.parse().unwrap()
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

/// A phone made of one socket.
struct Phone {
    socket: UdpSocket,
    server: std::net::SocketAddr,
    random: Random,
    count: u32,
}

impl Phone {
    async fn new(world: &World) -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&socket.local_addr().unwrap().port().to_be_bytes());
        Phone { socket, server: world.signalling.bound(), random: Random::new(seed), count: 0 }
    }

    fn local(&self) -> std::net::SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn sdp(&self) -> String {
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n".to_owned()
    }

    /// A request outside dialogs.
    fn request(&mut self, method: &str, user: &str, to: &str, headers: &str, body: &str) -> Request {
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

    async fn send(&self, request: &Request) {
        self.socket.send_to(&request.print(), self.server).await.unwrap();
    }

    async fn receive(&self) -> Message {
        let mut buffer = vec![0; 65_536];
        let received = tokio::time::timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.unwrap();
        parse_datagram(&buffer[..received.unwrap().0]).unwrap()
    }

    /// The next final response, provisional ones passed over.
    async fn response(&self) -> Response {
        loop {
            match self.receive().await {
                Message::Response(response) if !response.status.is_provisional() => return response,
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }

    /// The next request of this method, others and responses passed over.
    async fn wait_for(&self, method: Method) -> Request {
        loop {
            match self.receive().await {
                Message::Request(request) if request.method == method => return request,
                Message::Response(_) | Message::Request(_) => {}
            }
        }
    }

    /// Sends a request, answers the challenge, gives the second response.
    async fn send_proven(&mut self, request: &Request, user: &str, password: &str) -> Response {
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
        assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"), "{challenges:?}");
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

    async fn acknowledge(&self, request: &Request, response: &Response) {
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
    async fn acknowledge_last(&self, refused: &Response) {
        let mut headers = sip::Headers::new();
        for name in ["Via", "From", "To", "Call-ID"] {
            headers.push(name, refused.headers.all(name).next().unwrap());
        }
        headers.push("CSeq", format!("{} ACK", refused.cseq().unwrap().number));
        let uri = format!("sip:8000@{}", self.server);
        self.send(&Request { method: Method::Ack, uri, headers, body: Vec::new() }).await;
    }

    async fn register(&mut self, world: &World) {
        let request = self.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
        let response = self.send_proven(&request, "1001", "sample-1001").await;
        assert_eq!(response.status.code(), 200);
        assert_eq!(response.headers.count("Contact"), 1);
        assert_eq!(world.next().await, SignallingInput::Seat { agent: agent("1001"), online: true });
    }

    /// Answers a request of the server.
    async fn respond(&self, request: &Request, code: u16, body: &str) {
        let value = |name: &str| request.headers.text(name).unwrap().into_owned();
        let mut to = value("To");
        if !to.contains("tag=") {
            to.push_str(";tag=seat");
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "SIP/2.0 {code} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:1001@{}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            value("Via"),
            value("From"),
            value("Call-ID"),
            value("CSeq"),
            self.local(),
            body.len()
        );
        self.socket.send_to(text.as_bytes(), self.server).await.unwrap();
    }
}

fn as_request(bytes: &[u8]) -> Request {
    match parse_datagram(bytes).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_invited_answered_and_hangs_up() {
    let world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let mut invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    invite.headers.set_first("From", "\"A\u{202e}b\" <sip:13800000000@127.0.0.1>;tag=phone");
    phone.send(&invite).await;
    let (leg, report) = world.report().await;
    let LegReport::Invited { origin, dialled, caller, caller_name, remote } = report else {
        panic!("{report:?}")
    };
    assert_eq!(
        (origin, dialled, caller),
        (Origin::Trunk("loopback".to_owned()), number("8000"), Some(number("13800000000")))
    );
    assert_eq!(caller_name.as_deref(), Some("Ab"));
    assert_eq!(remote.unwrap().codec, Codec::Pcmu);
    world.signalling.order(leg, LegOrder::Ring);
    world.answer(leg);
    let ok = phone.response().await;
    assert_eq!(ok.status.code(), 200);
    phone.acknowledge(&invite, &ok).await;
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    let mut bye = phone.request("BYE", "13800000000", "8000", "", "");
    for name in ["Call-ID", "From"] {
        bye.headers.set_first(name, invite.headers.all(name).next().unwrap());
    }
    bye.headers.set_first("To", ok.headers.all("To").next().unwrap());
    phone.send(&bye).await;
    assert_eq!(phone.response().await.status.code(), 200);
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_wrong_passwords_stay_outside() {
    let world = World::with_trunk(100, "192.0.2.0/24").await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let mut seen = Vec::new();
    for (user, password) in [("1001", "guess"), ("9999", "guess")] {
        let invite = phone.request("INVITE", user, "8000", "", &sdp);
        let refused = phone.send_proven(&invite, user, password).await;
        phone.acknowledge_last(&refused).await;
        let names: Vec<String> = refused.headers.iter().map(|header| header.name.clone()).collect();
        seen.push((refused.status, names));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].0.code(), 401);
    assert!(world.center.try_recv().is_err());
    // An agent may call, under its own name alone.
    let impostor = phone.request("INVITE", "1002", "8000", "", &sdp);
    assert_eq!(phone.send_proven(&impostor, "1001", "sample-1001").await.status.code(), 403);
    assert!(world.center.try_recv().is_err());
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feature_codes_need_the_agent() {
    let world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let invite = phone.request("INVITE", "1001", "*70", "", &sdp);
    phone.send(&invite).await;
    let challenged = phone.response().await;
    assert_eq!(challenged.status.code(), 401);
    phone.acknowledge(&invite, &challenged).await;
    let center = world.center.clone();
    let invite = phone.request("INVITE", "1001", "*70", "", &sdp);
    let call = tokio::spawn(async move { phone.send_proven(&invite, "1001", "sample-1001").await });
    let (leg, report) = world.report().await;
    assert!(matches!(report, LegReport::Invited { origin: Origin::Agent(a), .. } if a == agent("1001")));
    world.signalling.order(leg, LegOrder::Refuse(Cause::FlowFinished));
    assert_eq!(call.await.unwrap().status.code(), 480);
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::FlowFinished }));
    world.signalling.stop().await;
    assert!(center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_of_a_seat_ring_and_the_first_wins() {
    let mut world = World::start(100).await;
    let mut first = Phone::new(&world).await;
    let mut second = Phone::new(&world).await;
    first.register(&world).await;
    let request = second.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    let response = second.send_proven(&request, "1001", "sample-1001").await;
    assert_eq!(response.headers.count("Contact"), 2);
    let leg = world.dial();
    let (one, two) = (first.wait_for(Method::Invite).await, second.wait_for(Method::Invite).await);
    assert!(one.headers.text("From").unwrap().contains("inquiry 0:07"));
    first.respond(&one, 180, "").await;
    second.respond(&two, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    first.respond(&one, 200, &first.sdp()).await;
    first.wait_for(Method::Ack).await;
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    let cancel = second.wait_for(Method::Cancel).await;
    assert!(cancel.headers.text("Reason").unwrap().contains("completed elsewhere"));
    second.respond(&cancel, 200, "").await;
    // It answered at the same moment: acknowledged and ended, and the center hears nothing of it.
    second.respond(&two, 200, &second.sdp()).await;
    second.wait_for(Method::Ack).await;
    second.wait_for(Method::Bye).await;
    world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    let bye = first.wait_for(Method::Bye).await;
    first.respond(&bye, 200, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_not_to_answer_is_reported_once() {
    let mut world = World::start(100).await;
    let leg = world.dial();
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Unreachable)));
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    for (code, refusal) in [
        (486, Refusal::Busy),
        (603, Refusal::Declined),
        (480, Refusal::NoAnswer),
        (503, Refusal::Unreachable),
        (488, Refusal::NoCommonCodec),
        (500, Refusal::Failed),
    ] {
        let leg = world.dial();
        let invite = phone.wait_for(Method::Invite).await;
        phone.respond(&invite, code, "").await;
        assert_eq!(world.report().await, (leg, LegReport::Refused(refusal)));
    }
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    phone.respond(&invite, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    world.signalling.order(leg, LegOrder::HangUp(Cause::Cancelled));
    world.signalling.order(leg, LegOrder::HangUp(Cause::Cancelled));
    let cancel = phone.wait_for(Method::Cancel).await;
    phone.respond(&cancel, 200, "").await;
    phone.respond(&invite, 487, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Cancelled)));
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_center_refuses_calls_and_still_hears_of_ends() {
    let world = World::start(1).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let first = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&first).await;
    // The invitation fills the only place; wait until it is there.
    while world.center.is_empty() {
        tokio::task::yield_now().await;
    }
    let second = phone.request("INVITE", "13800000001", "8000", "", &sdp);
    phone.send(&second).await;
    let refused = phone.response().await;
    assert_eq!(refused.status.code(), 503);
    assert_eq!(refused.headers.count("Retry-After"), 1);
    phone.acknowledge(&second, &refused).await;
    let mut cancel = first.clone();
    cancel.method = Method::Cancel;
    cancel.body.clear();
    cancel.headers.remove("Content-Type");
    cancel.headers.set_first("CSeq", "1 CANCEL");
    phone.send(&cancel).await;
    assert_eq!(phone.response().await.status.code(), 200);
    let (leg, report) = world.report().await;
    assert!(matches!(report, LegReport::Invited { .. }));
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::Cancelled }));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_slows_the_address_but_not_who_is_registered() {
    let world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let mut stranger = Phone::new(&world).await;
    let mut codes = Vec::new();
    for _ in 0..11 {
        let request = stranger.request("REGISTER", "1001", "1001", "", "");
        codes.push(stranger.send_proven(&request, "1001", "guess").await.status.code());
    }
    assert_eq!(codes, [[401; 10].as_slice(), &[503]].concat());
    let request = phone.request("REGISTER", "1001", "1001", "", "");
    assert_eq!(phone.send_proven(&request, "1001", "sample-1001").await.status.code(), 200);
    world.signalling.stop().await;
}

/// Plays a center that answers every call, until the given number of calls has ended.
fn answer_all(world: World, calls: usize) -> tokio::task::JoinHandle<Vec<Cause>> {
    tokio::spawn(async move {
        let mut causes = Vec::new();
        while causes.len() < calls {
            match world.report().await {
                (leg, LegReport::Invited { .. }) => {
                    world.signalling.order(leg, LegOrder::Ring);
                    world.answer(leg);
                }
                (_, LegReport::Ended { cause }) => causes.push(cause),
                (_, _) => {}
            }
        }
        world.signalling.stop().await;
        causes
    })
}

async fn sipp(arguments: &[&str], remote: std::net::SocketAddr) {
    let mut command = Command::new("sipp");
    command
        .args(["-timeout", "30", "-timeout_error", "-nostdin", "-i", "127.0.0.1", "-p", "0"])
        .args(arguments)
        .arg(remote.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap();
    let status = status.expect("sipp is installed (Debian package sip-tester)");
    assert!(status.success(), "sipp {arguments:?}: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_by_udp() {
    let world = World::start(1_000).await;
    let bound = world.signalling.bound();
    let center = answer_all(world, 50);
    sipp(&["-sn", "uac", "-s", "8000", "-m", "50", "-r", "50"], bound).await;
    assert_eq!(center.await.unwrap(), [Cause::HungUp; 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_by_tcp() {
    let world = World::start(1_000).await;
    let bound = world.signalling.bound();
    let center = answer_all(world, 50);
    sipp(&["-t", "t1", "-sn", "uac", "-s", "8000", "-m", "50", "-r", "50"], bound).await;
    assert_eq!(center.await.unwrap(), [Cause::HungUp; 50]);
}

fn scenario(name: &str) -> String {
    format!("{}/src/signalling/{name}.xml", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_registers_with_digest_by_udp_and_tcp() {
    for transport in ["u1", "t1"] {
        let world = World::start(100).await;
        let scenario = scenario("register");
        sipp(&["-sf", &scenario, "-t", transport, "-m", "1"], world.signalling.bound()).await;
        assert_eq!(world.next().await, SignallingInput::Seat { agent: agent("1001"), online: true });
        world.signalling.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_callers_give_up_while_it_rings() {
    for transport in ["u1", "t1"] {
        let world = World::start(1_000).await;
        let bound = world.signalling.bound();
        let center = tokio::spawn(async move {
            let mut cancelled = 0;
            while cancelled < 20 {
                match world.report().await {
                    (leg, LegReport::Invited { .. }) => world.signalling.order(leg, LegOrder::Ring),
                    (_, report) => {
                        assert_eq!(report, LegReport::Ended { cause: Cause::Cancelled });
                        cancelled += 1;
                    }
                }
            }
            world.signalling.stop().await;
            assert!(world.center.try_recv().is_err());
        });
        let scenario = scenario("cancel");
        sipp(&["-sf", &scenario, "-t", transport, "-m", "20", "-r", "50"], bound).await;
        center.await.unwrap();
    }
}

/// The seat is sipp's own answering scenario, on a port that the registering phone names as its contact.
#[tokio::test(flavor = "multi_thread")]
async fn sipp_answers_as_an_agent() {
    let mut world = World::start(100).await;
    let mut phone = Phone::new(&world).await;
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut request = phone.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    request.headers.set_first("Contact", format!("<sip:1001@127.0.0.1:{port}>"));
    assert_eq!(phone.send_proven(&request, "1001", "sample-1001").await.status.code(), 200);
    world.next().await;
    let bound = world.signalling.bound();
    let seat = tokio::spawn(async move {
        sipp(&["-sn", "uas", "-p", &port, "-m", "1"], bound).await;
    });
    let leg = world.dial();
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    world.signalling.order(leg, LegOrder::HangUp(Cause::HungUp));
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::HungUp }));
    seat.await.unwrap();
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_come_byte_by_byte_and_breaks_politely() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start(100).await;
    let mut stream = tokio::net::TcpStream::connect(world.signalling.bound()).await.unwrap();
    let options = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKs1\r\nFrom: <sip:a@h>;tag=1\r\n\
                   To: <sip:h>\r\nCall-ID: s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    for byte in options.bytes().chain("\r\n\r\n".bytes()) {
        stream.write_all(&[byte]).await.unwrap();
    }
    let mut got = String::new();
    let mut buffer = [0; 4_096];
    while !(got.contains("SIP/2.0 200") && (got.starts_with("\r\n") || got.ends_with("\r\n\r\n\r\n"))) {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "{got}");
        got.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let broken = options.replace("Content-Length: 0", "Content-Length: -5").replace("CSeq: 1", "CSeq: 2");
    stream.write_all(broken.as_bytes()).await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.starts_with("SIP/2.0 400"), "{rest}");
    world.signalling.stop().await;
}

#[test]
fn networks_hold_their_addresses() {
    for (network, inside, outside) in [
        ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("0.0.0.0/0", "8.8.8.8", "::1"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
    ] {
        let network: super::Network = network.parse().unwrap();
        assert!(network.contains(inside.parse().unwrap()), "{inside}");
        assert!(!network.contains(outside.parse().unwrap()), "{outside}");
    }
    for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "host"] {
        assert!(text.parse::<super::Network>().is_err(), "{text}");
    }
}
