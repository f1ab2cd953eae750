//! One source, and two hundred, that send as much as they can; and what a restart keeps.

use std::net::SocketAddr;

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// A request without a password that begins something.
fn stranger(method: &str, from: SocketAddr, number: usize) -> Vec<u8> {
    format!(
        "{method} sip:8000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number}x{};rport\r\n\
         From: <sip:1001@h>;tag=f\r\nTo: <sip:8000@h>\r\nCall-ID: f{number}-{from}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@{from}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        from.port()
    )
    .into_bytes()
}

/// Twelve calls of a trunk, one after the other, while `addresses` strangers send all the time.
#[expect(clippy::print_stdout, reason = "the story's figures")]
async fn twelve_calls_while(addresses: u8) {
    let world = World::with_trunk(1_000, "127.0.0.1/32").await;
    let bound = world.address();
    let flood = tokio::spawn(async move {
        let mut sockets = Vec::new();
        for last in 0..addresses {
            sockets.push(UdpSocket::bind((std::net::Ipv4Addr::new(127, 0, 7, last), 0)).await.unwrap());
        }
        // 30 messages each 10 ms: 3,000 a second.
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let methods = ["OPTIONS", "REGISTER", "INVITE"];
        let senders = sockets.iter().cycle().zip(methods.into_iter().cycle()).enumerate();
        for (number, (socket, method)) in senders {
            if number % 30 == 0 {
                tick.tick().await;
            }
            let bytes = stranger(method, socket.local_addr().unwrap(), number);
            let _ = socket.send_to(&bytes, bound).await;
        }
    });
    // The calls begin when the strangers' budgets are used up.
    while world.signalling.dropped() < 500 {
        tokio::task::yield_now().await;
    }
    let mut phone = Phone::new(&world).await;
    for _ in 0..12 {
        let sdp = phone.sdp();
        let invite = phone.request("INVITE", "13800000000", "8000", "", &sdp);
        phone.send(&invite).await;
        let (leg, _) = world.invited().await;
        world.answer(leg);
        let ok = phone.response().await;
        assert_eq!(ok.status.code(), 200);
        phone.acknowledge(&invite, &ok).await;
        assert!(matches!(world.report().await, (l, LegReport::Connected { .. }) if l == leg));
    }
    println!("{addresses} addresses: 12 of 12 calls, {} messages dropped", world.signalling.dropped());
    flood.abort();
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_address_leaves_twelve_of_twelve_calls() {
    twelve_calls_while(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_two_hundred_addresses_leaves_twelve_of_twelve_calls() {
    twelve_calls_while(200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_only_ask_for_options_make_room_for_others() {
    let world = World::with_trunk(100, "192.0.2.0/24").await;
    let bound = world.address();
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(bound).await.unwrap();
        let options = stranger("OPTIONS", stream.local_addr().unwrap(), held.len());
        let text = String::from_utf8(options).unwrap().replace("SIP/2.0/UDP", "SIP/2.0/TCP");
        stream.write_all(text.as_bytes()).await.unwrap();
        held.push(stream);
    }
    // The first of them gave way to the later ones.
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, held[0].read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(bound).await.unwrap();
    let register = stranger("REGISTER", other.local_addr().unwrap(), 1);
    let text = String::from_utf8(register).unwrap().replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    other.write_all(text.as_bytes()).await.unwrap();
    let mut buffer = [0; 4_096];
    let read = tokio::time::timeout(PATIENCE, other.read(&mut buffer)).await.unwrap().unwrap();
    assert!(buffer[..read].starts_with(b"SIP/2.0 401"));
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_there_again_after_a_restart_and_so_is_a_ban() {
    let folder = std::env::temp_dir().join(format!("hotline-kept-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("registrations.json");
    let world = World::keeping(&path).await;
    let mut phone = Phone::new(&world).await;
    phone.register(&world).await;
    let mut stranger = Phone::new(&world).await;
    let request = |stranger: &mut Phone| stranger.request("REGISTER", "1001", "1001", "", "");
    for _ in 0..10 {
        let guess = request(&mut stranger);
        assert_eq!(stranger.send_proven(&guess, "1001", "guess").await.status.code(), 401);
    }
    // Nothing is stopped: this is what a kill leaves.
    let written = async {
        loop {
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            if kept.contains("sip:1001@127.0.0.1") && kept.contains("\"wrong\":10") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
    let mut after = World::keeping(&path).await;
    assert_eq!(after.next().await, super::world::seat(true));
    let leg = after.dial();
    let invite = phone.wait_for(Method::Invite).await;
    phone.turn_to(after.address());
    phone.respond(&invite, 486, "").await;
    assert_eq!(after.report().await, (leg, LegReport::Refused(Refusal::Busy)));
    let guess = request(&mut stranger);
    stranger.turn_to(after.address());
    let refused = stranger.send_proven(&guess, "1001", "guess").await;
    assert_eq!((refused.status.code(), refused.headers.count("Retry-After")), (503, 1));
    world.signalling.stop().await;
    after.signalling.stop().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
