//! Peers and devices that are gone: asked, noticed, and rung no longer.

use std::time::Duration;

use model::{Cause, LegOrder, LegReport, Refusal};
use sip::{Credentials, Frame, Framer, Message, Method, Patience, Random, Request, answer_challenge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{PATIENCE, Phone, World, seat};
use crate::signalling::{Pings, Settings, SignallingInput};

/// No device is asked, and each may be silent for as long as the RFC has it.
fn patient(settings: &mut Settings) {
    settings.pings = Pings { every: None, misses: 3 };
    settings.patience = Patience::default();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_nothing_at_all_is_given_up() {
    let mut world = World::changed(|settings| {
        settings.patience.provisional = Some(Duration::from_millis(300));
    })
    .await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Unreachable)));
    // It wakes up after all: what it was rung for is withdrawn.
    phone.respond(&invite, 180, "").await;
    phone.wait_for(Method::Cancel).await;
    // A device that says that it works on it is rung for as long as the offer lasts.
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    phone.respond(&invite, 100, "").await;
    phone.respond(&invite, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(world.center.is_empty());
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_is_noticed_at_once() {
    let mut world = World::changed(patient).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    drop(phone);
    let leg = world.dial();
    // The world is less patient (15 s) than the INVITE (32 s).
    assert_eq!(world.report().await, (leg, LegReport::Refused(Refusal::Unreachable)));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_unregisters_while_it_rings_is_rung_no_longer() {
    let mut world = World::changed(patient).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let leg = world.dial();
    let invite = phone.wait_for(Method::Invite).await;
    phone.respond(&invite, 180, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    let gone = phone.request("REGISTER", "1001", "1001", "Expires: 0\r\n", "");
    assert_eq!(phone.send_proven(&gone, "1001", "sample-1001").await.status.code(), 200);
    let mut heard = vec![world.next().await, world.next().await];
    heard.sort_by_key(|input| matches!(input, SignallingInput::Leg(..)));
    let refused = LegReport::Refused(Refusal::Unreachable);
    assert_eq!(heard, [seat(false), SignallingInput::Leg(leg, refused)]);
    phone.wait_for(Method::Cancel).await;
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_devices_whose_registration_expires_while_it_rings_is_rung_no_longer() {
    let mut world = World::changed(|settings| {
        patient(settings);
        settings.registrar.min_expires = 1;
    })
    .await;
    let mut stays = Phone::new(&world).await;
    stays.register(&world).await;
    let mut expires = Phone::new(&world).await;
    let request = expires.request("REGISTER", "1001", "1001", "Expires: 2\r\n", "");
    assert_eq!(expires.send_proven(&request, "1001", "sample-1001").await.status.code(), 200);
    let leg = world.dial();
    for phone in [&stays, &expires] {
        let invite = phone.wait_for(Method::Invite).await;
        phone.respond(&invite, 180, "").await;
    }
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    expires.wait_for(Method::Cancel).await;
    // The other rings on.
    assert!(world.center.is_empty());
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_connection_closes_while_it_rings_is_rung_no_longer() {
    let mut world = World::changed(patient).await;
    let mut phone = Phone::new(&world).await;
    let register = phone.request("REGISTER", "1001", "1001", "Expires: 300\r\n", "");
    let mut stream = Stream::connect(&world).await;
    stream.register(register).await;
    assert_eq!(world.next().await, seat(true));
    let leg = world.dial();
    let Message::Request(invite) = stream.receive().await else { panic!("a request") };
    let ringing = format!(
        "SIP/2.0 180 Ringing\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=t\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
        invite.headers.text("Via").unwrap(),
        invite.headers.text("From").unwrap(),
        invite.headers.text("To").unwrap(),
        invite.headers.text("Call-ID").unwrap(),
        invite.headers.text("CSeq").unwrap(),
    );
    stream.stream.write_all(ringing.as_bytes()).await.unwrap();
    assert_eq!(world.report().await, (leg, LegReport::Ringing));
    drop((stream, phone));
    let mut heard = vec![world.next().await, world.next().await];
    heard.sort_by_key(|input| matches!(input, SignallingInput::Leg(..)));
    let refused = LegReport::Refused(Refusal::Unreachable);
    assert_eq!(heard, [seat(false), SignallingInput::Leg(leg, refused)]);
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_answers_no_options_is_unreachable_until_it_answers_one() {
    let world = World::changed(|settings| {
        settings.pings = Pings { every: Some(Duration::from_millis(100)), misses: 2 };
    })
    .await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    for code in [200, 503, 200, 503, 503] {
        let options = phone.wait_for(Method::Options).await;
        phone.respond(&options, code, "").await;
    }
    assert_eq!(world.next().await, seat(false), "two in a row");
    let options = phone.wait_for(Method::Options).await;
    phone.respond(&options, 200, "").await;
    assert_eq!(world.next().await, seat(true));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_of_a_leg_is_asked_and_ends_it_by_not_knowing_the_call() {
    let world = World::changed(patient).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&invite).await;
    let (leg, _) = world.invited().await;
    world.signalling.order(leg, LegOrder::Probe);
    world.answer(leg);
    let ok = phone.response().await;
    phone.acknowledge(&invite, &ok).await;
    assert!(matches!(world.report().await, (_, LegReport::Connected { .. })));
    for code in [200, 405, 500] {
        let options = asked(&world, leg, &phone).await;
        phone.respond(&options, code, "").await;
    }
    let options = asked(&world, leg, &phone).await;
    phone.respond(&options, 481, "").await;
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::SignallingTimeout }));
    world.signalling.stop().await;
}

/// The next question: asked again until the answer to the last one was read.
async fn asked(world: &World, leg: model::LegId, phone: &Phone) -> Request {
    loop {
        world.signalling.order(leg, LegOrder::Probe);
        let asked = tokio::time::timeout(Duration::from_millis(100), phone.wait_for(Method::Options)).await;
        if let Ok(options) = asked {
            return options;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_caller_that_is_closed_is_noticed_when_it_is_asked() {
    let world = World::changed(patient).await;
    let mut phone = Phone::new(&world).await;
    let sdp = phone.sdp();
    let invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
    phone.send(&invite).await;
    let (leg, _) = world.invited().await;
    world.answer(leg);
    let ok = phone.response().await;
    phone.acknowledge(&invite, &ok).await;
    assert!(matches!(world.report().await, (_, LegReport::Connected { .. })));
    drop(phone);
    world.signalling.order(leg, LegOrder::Probe);
    assert_eq!(world.report().await, (leg, LegReport::Ended { cause: Cause::SignallingTimeout }));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_a_seat_that_makes_no_dialog_is_acknowledged_ended_and_reported_once() {
    let mut world = World::changed(patient).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    type Change = fn(String) -> String;
    let cases: [Change; 3] = [
        |ok| ok.replace(";tag=seat", ""),
        |ok| {
            ok.lines()
                .filter(|line| !line.starts_with("Contact"))
                .fold(String::new(), |text, line| text + line + "\r\n")
        },
        |ok| ok.replace("RTP/AVP 0 8", "RTP/AVP 3 4"),
    ];
    for change in cases {
        let leg = world.dial();
        let invite = phone.wait_for(Method::Invite).await;
        let ok = change(phone.answer_to(&invite, 200, &phone.sdp()));
        for _ in 0..2 {
            phone.send_text(&ok).await;
            phone.wait_for(Method::Ack).await;
        }
        let (reported, refused) = world.report().await;
        assert_eq!(reported, leg);
        assert!(
            matches!(refused, LegReport::Refused(Refusal::Failed | Refusal::NoCommonCodec)),
            "{refused:?}"
        );
    }
    phone.wait_for(Method::Bye).await;
    world.signalling.stop().await;
    assert!(world.center.try_recv().is_err());
}

/// A device at the end of a TCP connection.
struct Stream {
    stream: TcpStream,
    framer: Framer,
}

impl Stream {
    async fn connect(world: &World) -> Stream {
        let stream = TcpStream::connect(world.address()).await.unwrap();
        Stream { stream, framer: Framer::new() }
    }

    async fn receive(&mut self) -> Message {
        let mut buffer = [0; 8_192];
        loop {
            if let Some(Frame::Message(message)) = self.framer.poll_frame() {
                return message;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap().unwrap();
            assert!(read > 0, "the connection was closed");
            self.framer.push(&buffer[..read]);
        }
    }

    async fn send(&mut self, request: &Request) -> sip::Response {
        let text = String::from_utf8(request.print()).unwrap().replace("SIP/2.0/UDP", "SIP/2.0/TCP");
        self.stream.write_all(text.as_bytes()).await.unwrap();
        match self.receive().await {
            Message::Response(response) => response,
            Message::Request(request) => panic!("{request:?}"),
        }
    }

    async fn register(&mut self, mut request: Request) {
        let challenged = self.send(&request).await;
        let challenges: Vec<String> = challenged
            .headers
            .all("WWW-Authenticate")
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect();
        let (user, password) = ("1001".to_owned(), "sample-1001".to_owned());
        let credentials = Credentials { user, password, realm: None };
        let mut random = Random::new([9; 32]);
        let value =
            answer_challenge(&challenges, &credentials, &request.method, &request.uri, &mut random).unwrap();
        request.headers.push("Authorization", value);
        request.headers.set_first("CSeq", "99 REGISTER");
        let via = request.headers.text("Via").unwrap().replace("z9hG4bK", "z9hG4bKagain");
        request.headers.set_first("Via", via);
        assert_eq!(self.send(&request).await.status.code(), 200);
    }
}
