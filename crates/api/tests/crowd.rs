//! One address cannot take what all share.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use store::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use world::{Heard, PATIENCE, World};

/// Connections, and streams, that one address may have.
const CONNECTIONS: usize = 192;
const STREAMS: usize = 96;

/// A connection from 127.0.0.`last`.
async fn from(world: &World, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(world.address).await.unwrap()
}

/// Sends a request and reads the head of its answer and as much body as it says.
async fn ask(stream: &mut TcpStream, request: &str) -> Option<Heard> {
    let read = async {
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.ok()?);
        }
        let length = Heard::parse(&bytes).header("content-length").map_or(0, |text| text.parse().unwrap());
        let end = bytes.len();
        bytes.resize(end + length, 0);
        stream.read_exact(&mut bytes[end..]).await.ok()?;
        Some(Heard::parse(&bytes))
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer or an end")
}

fn list(world: &World) -> String {
    format!(
        "GET /api/v1/queues HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\r\n",
        world.token(Role::Admin)
    )
}

fn stream(world: &World, more: &str) -> String {
    format!(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n{more}Connection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        world.token(Role::Viewer)
    )
}

/// True when the other end has closed it; one that is open says nothing for a moment.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(Duration::from_millis(1), stream.read_u8()).await;
    matches!(read, Ok(Err(_)))
}

async fn metric(world: &World, series: &str) -> f64 {
    let heard = world.get(Role::Admin, "/metrics").await;
    let text = String::from_utf8(heard.body).unwrap();
    let line = text.lines().find(|line| line.starts_with(series)).expect("the series is there");
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a_thousand_idle_connections_of_one_address_leave_the_others_and_its_own_useful_ones_alone() {
    let world = World::start().await;
    let mut useful = from(&world, 1).await;
    assert_eq!(ask(&mut useful, &list(&world)).await.unwrap().status, 200);
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(from(&world, 1).await);
    }
    for _ in 0..3 {
        let mut other = from(&world, 2).await;
        assert_eq!(ask(&mut other, &list(&world)).await.unwrap().status, 200);
    }
    assert_eq!(
        ask(&mut useful, &list(&world)).await.unwrap().status,
        200,
        "it was not ended for the idle ones"
    );
    assert!(metric(&world, "hotline_http_places_evicted_total{what=\"connection\"}").await >= 800.0);
    let ends = async {
        while idle.len() >= CONNECTIONS {
            let mut open = Vec::new();
            for mut stream in idle.drain(..) {
                if !is_closed(&mut stream).await {
                    open.push(stream);
                }
            }
            idle = open;
        }
    };
    tokio::time::timeout(PATIENCE, ends).await.expect("most of them are ended");
}

#[tokio::test]
async fn idle_connections_of_many_addresses_keep_no_newcomer_out() {
    let world = World::start().await;
    let mut useful = from(&world, 1).await;
    assert_eq!(ask(&mut useful, &list(&world)).await.unwrap().status, 200);
    let mut idle = Vec::new();
    for last in 10..20 {
        for _ in 0..150 {
            idle.push(from(&world, last).await);
        }
    }
    for last in 30..40 {
        assert_eq!(ask(&mut from(&world, last).await, &list(&world)).await.unwrap().status, 200);
    }
    assert_eq!(ask(&mut useful, &list(&world)).await.unwrap().status, 200);
    assert!(metric(&world, "hotline_http_places{what=\"connection\"}").await <= 512.0);
}

#[tokio::test]
async fn an_address_with_its_share_of_useful_connections_is_told_so_and_others_are_served() {
    let world = World::start().await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut one = from(&world, 1).await;
        assert_eq!(ask(&mut one, &list(&world)).await.unwrap().status, 200);
        held.push(one);
    }
    let refused = ask(&mut from(&world, 1).await, &list(&world)).await.expect("it is told why");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("已达上限"), "{}", refused.json());
    assert_eq!(ask(&mut from(&world, 2).await, &list(&world)).await.unwrap().status, 200);
    let refusals = "hotline_http_places_refused_total{what=\"connection\",reason=\"share\"}";
    assert_eq!(ask(&mut held[0], &list(&world)).await.unwrap().status, 200);
    drop(held);
    // Places come back when the server has seen the ends.
    let again =
        async { while ask(&mut from(&world, 1).await, &list(&world)).await.unwrap().status != 200 {} };
    tokio::time::timeout(PATIENCE, again).await.expect("there is a place again");
    assert!(metric(&world, refusals).await >= 1.0);
}

#[tokio::test]
async fn an_address_has_its_share_of_streams_and_behind_a_trusted_proxy_each_client_has_one() {
    let world = World::start().await;
    let mut held = Vec::new();
    let mut open = async |last: u8, more: &str| {
        let mut one = from(&world, last).await;
        let heard = ask(&mut one, &stream(&world, more)).await.unwrap();
        held.push(one);
        heard
    };
    // 127.0.0.9 is the proxy that is trusted, 127.0.0.1 one that is not.
    for (last, more) in [(1, ""), (9, "X-Forwarded-For: 198.51.100.7\r\n")] {
        for _ in 0..STREAMS {
            assert_eq!(open(last, more).await.status, 101);
        }
        let refused = open(last, more).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")), "{}", refused.head);
    }
    assert_eq!(open(1, "X-Forwarded-For: 198.51.100.8\r\n").await.status, 429, "it says whatever it likes");
    assert_eq!(open(9, "X-Forwarded-For: 198.51.100.8\r\n").await.status, 101);
    assert_eq!(open(2, "").await.status, 101);
    assert_eq!(metric(&world, "hotline_event_followers").await, 2.0 * STREAMS as f64 + 2.0);
}

#[tokio::test]
async fn wrong_tokens_behind_a_trusted_proxy_count_for_who_sent_them() {
    let world = World::start().await;
    let mut last = 0;
    for n in 0..30 {
        let guess = format!(
            "GET /api/v1/queues HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hl_{n}\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n"
        );
        last = ask(&mut from(&world, 9).await, &guess).await.unwrap().status;
    }
    assert_eq!(last, 429);
    let colleague = "GET /api/v1/queues HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hl_x\r\nX-Forwarded-For: 198.51.100.8\r\n\r\n";
    assert_eq!(ask(&mut from(&world, 9).await, colleague).await.unwrap().status, 401);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_named_so() {
    let world = World::start().await;
    let body = "x".repeat(16 * 1_024 + 1);
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let token = world.token(Role::Admin);
    let mut client = from(&world, 1).await;
    let request =
        format!("POST /api/v1/tokens HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n{headers}");
    assert_eq!(ask(&mut client, &request).await.unwrap().status, 413);
}
