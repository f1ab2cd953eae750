//! Bytes that no client sends.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Seed;
use store::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use world::World;

static PANICKED: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn no_bytes_make_a_handler_panic_or_the_server_stop() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICKED.store(true, Ordering::Relaxed);
        before(panic);
    }));
    let world = World::start().await;
    let token = world.token(Role::Admin);
    let head = format!("HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n");
    let audio = format!("GET /api/v1/recordings/{}/audio {head}Range: bytes=5-9\r\n\r\n", world.recording);
    let requests = [
        format!("GET /api/v1/contacts?limit=10&queue=complaint&since=2026-11-23T08:30:00Z {head}\r\n"),
        format!("GET /api/v1/contacts/{} {head}\r\n", world.contact),
        format!("GET /api/v1/events?after=18446744073709551615&wait=0&limit=3 {head}\r\n"),
        format!("GET /api/v1/qa/samples?queue=complaint&count=18446744073709551615&seed=7 {head}\r\n"),
        format!("POST /api/v1/agents/1001/break {head}Content-Length: 0\r\n\r\n"),
        format!("POST /api/v1/tokens {head}Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{{}}1"),
        audio,
    ];
    let mut seed = Seed::new(7);
    for round in 0..700_usize {
        let mut bytes = requests[round % requests.len()].clone().into_bytes();
        for _ in 0..seed.below(4) {
            let at = usize::try_from(seed.below(bytes.len() as u64)).unwrap();
            bytes[at] = u8::try_from(seed.below(256)).unwrap();
        }
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        // A peer that is reset has its answer, too.
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "no end of {:?}", String::from_utf8_lossy(&bytes));
        assert!(!PANICKED.load(Ordering::Relaxed), "{:?}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(world.get(Role::Viewer, "/api/v1/queues").await.status, 200);
}

#[tokio::test]
async fn forty_wrong_tokens_are_slowed_and_a_token_that_was_right_goes_on() {
    let world = World::start().await;
    assert_eq!(world.get(Role::Admin, "/api/v1/contacts").await.status, 200);
    let mut seen = Vec::new();
    for n in 0..40 {
        let guess = format!(
            "GET /api/v1/contacts HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer hl_{n}\r\n\r\n"
        );
        let heard = world.raw(&guess).await;
        assert_eq!(heard.status == 429, heard.header("retry-after").is_some());
        seen.push(heard.status);
    }
    assert!(seen[..20].iter().all(|status| *status == 401), "{seen:?}");
    assert!(seen.iter().filter(|status| **status == 429).count() > 10, "{seen:?}");
    assert_eq!(world.get(Role::Admin, "/api/v1/contacts").await.status, 200);
}
