//! WebSockets that are handed to somebody who speaks a protocol of his own: here one who says everything back.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use world::World;
use world::socket::{frame, handshake, say};

const ECHO: &str = "Sec-WebSocket-Protocol: chat, echo\r\n";

#[tokio::test]
async fn messages_go_both_ways_until_their_speaker_closes() {
    let world = World::start().await;
    let (mut socket, head) = handshake(&world, "/sip", ECHO).await;
    assert!(head.starts_with("HTTP/1.1 101") && head.to_lowercase().contains("protocol: echo"), "{head}");
    world.until_metrics_say("hotline_http_places{what=\"socket\"} 1\n").await;
    for text in ["hello", "", "äöü"] {
        say(&mut socket, text).await;
        loop {
            let (first, payload) = frame(&mut socket).await;
            // Pings come in between.
            if first & 0x0f == 1 {
                break assert_eq!(payload, text.as_bytes());
            }
        }
    }
    say(&mut socket, "end").await;
    while frame(&mut socket).await.0 & 0x0f != 8 {}
    drop(socket);
    world.until_metrics_say("hotline_http_places{what=\"socket\"} 0\n").await;
}

#[tokio::test]
async fn foreign_pages_other_protocols_and_plain_requests_are_refused() {
    let world = World::start().await;
    let status = async |header: &str| {
        let (_, head) = handshake(&world, "/sip", header).await;
        head.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("").await, "426");
    assert_eq!(status("Sec-WebSocket-Protocol: chat\r\n").await, "426");
    assert_eq!(status(&format!("{ECHO}Origin: https://evil.example\r\n")).await, "403");
    assert_eq!(status(&format!("{ECHO}Origin: https://console.example\r\n")).await, "101");
    assert_eq!(status(&format!("{ECHO}Origin: http://h\r\n")).await, "101");
}
