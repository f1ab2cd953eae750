//! Both IP versions on one port, and the answer from the socket that was asked.

use std::net::{IpAddr, SocketAddr};

use model::LegOrder;
use sip::{Message, parse_datagram};
use tokio::net::UdpSocket;

use super::world::{PATIENCE, World};
use crate::signalling::Listener;

fn options(from: SocketAddr) -> String {
    format!(
        "OPTIONS sip:center SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKo;rport\r\nFrom: <sip:p@{from}>;tag=1\r\n\
         To: <sip:center>\r\nCall-ID: o{from}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Sends from there and gives the first message that comes back from exactly that address.
async fn ask(from: &str, to: SocketAddr, text: impl Fn(SocketAddr) -> String) -> (UdpSocket, Message) {
    let socket = UdpSocket::bind(from).await.unwrap();
    socket.connect(to).await.unwrap();
    socket.send(text(socket.local_addr().unwrap()).as_bytes()).await.unwrap();
    let mut buffer = vec![0; 65_536];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    (socket, parse_datagram(&buffer[..length]).unwrap())
}

async fn on_both(wildcards: bool) -> World {
    let port = std::net::UdpSocket::bind("[::]:0").unwrap().local_addr().unwrap().port();
    let loopback = ["127.0.0.1", "::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
    World::changed(move |settings| {
        settings.trunks[0].sources.push("::1/128".parse().unwrap());
        settings.listen = loopback
            .map(|ip| {
                let bind = if !wildcards {
                    ip
                } else if ip.is_ipv4() {
                    [0; 4].into()
                } else {
                    [0_u16; 8].into()
                };
                Listener { bind: SocketAddr::new(bind, port), advertised: wildcards.then_some(ip) }
            })
            .to_vec();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcards_of_both_ip_versions_share_a_port() {
    let world = on_both(true).await;
    let port = world.address().port();
    for (from, to) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")] {
        let (_, answer) = ask(from, SocketAddr::new(to.parse().unwrap(), port), options).await;
        let Message::Response(answer) = answer else { panic!("{answer:?}") };
        assert_eq!(answer.status.code(), 200);
    }
    world.signalling.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_hears_of_the_address_that_it_called_and_the_center_opens_audio_there() {
    let world = on_both(false).await;
    let port = world.address().port();
    for ip in ["127.0.0.1", "::1"] {
        let local = SocketAddr::new(ip.parse().unwrap(), port);
        let version = if local.is_ipv4() { "IP4" } else { "IP6" };
        let sdp = format!(
            "v=0\r\no=- 1 1 IN {version} {ip}\r\ns=-\r\nc=IN {version} {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
        );
        let invite = |from: SocketAddr| {
            format!(
                "INVITE sip:8000@{local} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKi;rport\r\n\
                 From: <sip:p@{from}>;tag=1\r\nTo: <sip:8000@{local}>\r\nCall-ID: i{from}\r\nCSeq: 1 INVITE\r\n\
                 Contact: <sip:p@{from}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
                 Content-Length: {}\r\n\r\n{sdp}",
                sdp.len()
            )
        };
        let bind = SocketAddr::new(local.ip(), 0).to_string();
        let (socket, _trying) = ask(&bind, local, invite).await;
        let (leg, invited) = world.invited().await;
        assert_eq!(invited.local, local.ip());
        world.signalling.order(leg, LegOrder::Ring);
        let mut buffer = vec![0; 65_536];
        let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
        let ringing = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(ringing.contains(&format!("Contact: <sip:{local}>")), "{ringing}");
    }
    world.signalling.stop().await;
}
