//! The event log over real connections.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::time::{Duration, Instant};

use model::{Actor, CenterEvent, Event, Record};
use store::Role;
use tokio::net::TcpStream;
use world::socket::{frame, handshake};
use world::{PATIENCE, World};

#[tokio::test]
async fn a_long_poll_ends_when_something_happens() {
    let world = World::start().await;
    let last = world.journal.last_seq();
    let path = format!("/api/v1/events?after={last}&wait=30");
    let waiting = world.get(Role::Viewer, &path);
    let (heard, ()) =
        tokio::join!(waiting, async { world.append([Event::Center(CenterEvent::DrainStarted)]) });
    let records: Vec<Record> = serde_json::from_slice(&heard.body).unwrap();
    assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [last + 1]);
    let past = world.get(Role::Viewer, "/api/v1/events?after=2&limit=3").await.json();
    assert_eq!((past[0]["seq"].as_u64(), past.as_array().unwrap().len()), (Some(3), 3));
}

#[tokio::test]
async fn a_stream_resumes_where_it_was_cut_off() {
    let world = World::start().await;
    let mut seen = Vec::new();
    let mut socket = open(&world, 0).await;
    for _ in 0..3 {
        seen.push(next_record(&mut socket).await.seq);
    }
    drop(socket);
    let past = world.journal.last_seq();
    world.append((0..600).map(|_| Event::Center(CenterEvent::DrainStarted)));
    let mut socket = open(&world, seen[2]).await;
    while seen.last() != Some(&world.journal.last_seq()) {
        seen.push(next_record(&mut socket).await.seq);
    }
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    seen.push(next_record(&mut socket).await.seq);
    assert_eq!(seen, (1..=past + 601).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_poll_too_many_is_asked_to_come_back() {
    let world = std::sync::Arc::new(World::start().await);
    let path = format!("/api/v1/events?after={}&wait=60", world.journal.last_seq());
    let polls: Vec<_> = (0..96)
        .map(|_| {
            let (world, path) = (std::sync::Arc::clone(&world), path.clone());
            tokio::spawn(async move { world.get(Role::Viewer, &path).await.status })
        })
        .collect();
    world.until_metrics_say("hotline_event_followers 96\n").await;
    let refused = world.get(Role::Viewer, "/api/v1/events").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")));
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    for poll in polls {
        assert_eq!(poll.await.unwrap(), 200);
    }
    assert_eq!(world.get(Role::Viewer, "/api/v1/events").await.status, 200);
}

#[tokio::test]
async fn a_shutdown_ends_streams_and_polls_at_once() {
    let mut world = World::start().await;
    let mut socket = open(&world, world.journal.last_seq()).await;
    let began = Instant::now();
    let (shutdown, server) = (world.shutdown.take().unwrap(), world.server.take().unwrap());
    let last = world.journal.last_seq();
    let path = format!("/api/v1/events?after={last}&wait=60");
    let poll = world.get(Role::Viewer, &path);
    let (heard, (first, _)) = tokio::join!(poll, async {
        world.until_metrics_say("hotline_event_followers 2\n").await;
        shutdown.send(()).unwrap();
        frame(&mut socket).await
    });
    assert_eq!((heard.status, heard.body.as_slice()), (200, b"[]".as_slice()));
    assert_eq!(first & 0x0f, 8, "a close frame");
    server.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_place_beyond_the_end_of_the_log_is_answered_with_the_logs_id_and_its_newest_entry() {
    let world = World::start().await;
    let last = world.journal.last_seq();
    let log = world.store.log_id().await.unwrap();
    assert_eq!(log.len(), 32);
    for after in [last + 1, 999_999, u64::MAX] {
        let refused = world.get(Role::Viewer, &format!("/api/v1/events?after={after}&wait=60")).await;
        assert_eq!(refused.status, 409, "after={after}");
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        let problem = refused.json();
        assert_eq!((problem["newest"].as_u64(), problem["log"].as_str()), (Some(last), Some(log.as_str())));
        assert!(problem["detail"].as_str().unwrap().contains("超出"), "{problem}");
        let header = format!("Authorization: Bearer {}\r\n", world.token(Role::Viewer));
        let path = format!("/api/v1/events/stream?after={after}");
        let head = handshake(&world, &path, &header).await.1;
        assert!(head.starts_with("HTTP/1.1 409"), "{head}");
    }
    // The end itself is a place to wait at, and so is what comes next once it is there.
    assert_eq!(world.get(Role::Viewer, &format!("/api/v1/events?after={last}")).await.status, 200);
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    let next = format!("/api/v1/events?after={}", last + 1);
    assert!(world.store.wait_committed(last + 1, PATIENCE).await);
    assert_eq!(world.get(Role::Viewer, &next).await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked() {
    let world = World::start().await;
    let last = world.journal.last_seq();
    let token = world.store.create_token("short-lived", Role::Viewer, None, world::now()).await.unwrap();
    let mut socket = open_with(&world, last, &token).await;
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    assert_eq!(next_record(&mut socket).await.seq, last + 1);
    assert!(world.store.revoke_token("short-lived", world::now()).await.unwrap());
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    let (first, payload) = frame(&mut socket).await;
    assert_eq!(
        (first & 0x0f, payload.get(..2)),
        (8, Some(1008_u16.to_be_bytes().as_slice())),
        "closed by policy"
    );
}

/// A page cannot put a token into a header: it opens the stream with a ticket, once.
#[tokio::test]
async fn a_ticket_opens_the_stream_once() {
    let world = World::start().await;
    let last = world.journal.last_seq();
    let made = world.ask(Role::Viewer, "POST", "/api/v1/events/ticket", "").await;
    assert_eq!(made.status, 201);
    let url = made.json()["url"].as_str().unwrap().to_owned();
    let mut socket = open_at(&world, &format!("{url}&after={last}"), "").await;
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    assert_eq!(next_record(&mut socket).await.seq, last + 1);
    let bare = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(world.raw(&bare(&url)).await.status, 401, "not twice");
    let wrong = format!("/api/v1/events/stream?ticket={}", "0".repeat(32));
    assert_eq!(world.raw(&bare(&wrong)).await.status, 401);
    let other = world.ask(Role::Viewer, "POST", "/api/v1/events/ticket", "").await.json();
    let query = other["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    assert_eq!(world.raw(&bare(&format!("/api/v1/contacts?{query}"))).await.status, 401, "not elsewhere");
}

/// A player in a page asks for many ranges of an address that works for a while.
#[tokio::test]
async fn a_link_plays_a_recording_and_nothing_else() {
    let world = World::start().await;
    let path = format!("/api/v1/recordings/{}/link", world.recording);
    assert_eq!(world.ask(Role::Viewer, "POST", &path, "").await.status, 403);
    let url = world.ask(Role::Qa, "POST", &path, "").await.json()["url"].as_str().unwrap().to_owned();
    let bare = |path: &str, range: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: h\r\n{range}Connection: close\r\n\r\n")
    };
    for range in ["Range: bytes=0-9\r\n", "Range: bytes=10-19\r\n"] {
        let heard = world.raw(&bare(&url, range)).await;
        assert_eq!((heard.status, heard.body.len()), (206, 10), "{}", heard.head);
    }
    let query = url.split_once('?').unwrap().1;
    let elsewhere = format!("/api/v1/recordings/{}?{query}", world.recording);
    assert_eq!(world.raw(&bare(&elsewhere, "")).await.status, 401);
}

#[tokio::test]
async fn a_stream_carries_the_kinds_that_are_asked_for() {
    let world = World::start().await;
    let last = world.journal.last_seq();
    let token = world.token(Role::Viewer);
    let header = format!("Authorization: Bearer {token}\r\n");
    let path = format!("/api/v1/events/stream?after={last}&type=clock_set,center_started");
    let mut socket = open_at(&world, &path, &header).await;
    world.append([
        Event::Center(CenterEvent::DrainStarted),
        Event::Center(CenterEvent::ClockSet { by_ms: 5 }),
        Event::Center(CenterEvent::DrainStarted),
    ]);
    assert_eq!(next_record(&mut socket).await.seq, last + 2);
}

#[tokio::test]
async fn all_of_a_contact_is_read_in_order_and_by_pages() {
    let world = World::start().await;
    let past = world.journal.last_seq();
    world.append([Event::Center(CenterEvent::DrainStarted)]);
    let audio = format!("/api/v1/recordings/{}/audio", world.recording);
    assert_eq!(world.get(Role::Qa, &audio).await.status, 200);
    assert_eq!(world.noted().await.len(), 2);
    let path = format!("/api/v1/contacts/{}/events", world.contact);
    let all = world.get(Role::Viewer, &path).await;
    assert_eq!((all.status, all.header("link")), (200, None));
    let types: Vec<_> = all
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["event"]["type"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "contact_started",
        "recording_opened",
        "contact_answered",
        "queue_entered",
        "offer_made",
        "offer_ended",
        "queue_left",
        "segment_started",
        "hold_started",
        "hold_started",
        "hold_ended",
        "hold_ended",
        "segment_ended",
        "contact_ended",
        "recording_closed",
        "recording_listened",
    ];
    assert_eq!(types, expected);
    let listened = &all.json()[expected.len() - 1];
    assert_eq!(
        (&listened["by"]["token"], &listened["node"], &listened["seq"]),
        (&"qa".into(), &1.into(), &(past + 2).into())
    );
    assert_eq!(all.json()[0]["by"], serde_json::Value::Null);

    let (mut seen, mut next) = (Vec::new(), format!("{path}?limit=3"));
    loop {
        let page = world.get(Role::Viewer, &next).await;
        seen.extend(page.json().as_array().unwrap().iter().map(|one| one["seq"].as_u64().unwrap()));
        let Some(link) = page.header("link") else { break };
        next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    let center = past + 1;
    let agent = [9, 15];
    let its_own = |seq: &u64| *seq != center && !agent.contains(seq);
    assert_eq!(
        seen,
        (1..=past + 2).filter(its_own).collect::<Vec<_>>(),
        "those of center and agent are left out"
    );

    for (role, path, status) in [
        (Role::Agent, path.clone(), 403),
        (
            Role::Admin,
            format!("/api/v1/contacts/{}/events", world.contact.to_string().replace('0', "1")),
            404,
        ),
        (Role::Admin, "/api/v1/contacts/c1/events".to_owned(), 404),
        (Role::Admin, format!("{path}?limit=0"), 422),
        (Role::Admin, format!("{path}?from=1"), 422),
    ] {
        let refused = world.get(role, &path).await;
        assert_eq!(refused.status, status, "{path}");
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn what_the_log_does_not_take_is_not_done_and_gives_out_no_audio() {
    let world = World::start().await;
    let last = world.journal.last_seq();
    assert!(world.journal.close(PATIENCE));
    let audio = format!("/api/v1/recordings/{}/audio", world.recording);
    let refused = world.get(Role::Qa, &audio).await;
    assert_eq!((refused.status, refused.header("content-type")), (503, Some("application/problem+json")));
    assert!(refused.json()["detail"].as_str().unwrap().contains("事件日志"), "{}", refused.json());
    let body = "{\"reason\":\"case 7\"}";
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let hold = format!("/api/v1/contacts/{}/legal-hold", world.contact);
    let token = world.token(Role::Supervisor);
    let held = world
        .raw(&format!(
            "POST {hold} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{headers}\r\n{body}"
        ))
        .await;
    assert_eq!(held.status, 503);
    assert_eq!(world.store.legal_hold(world.contact).await.unwrap(), None);
    assert_eq!(world.journal.last_seq(), last, "no number was used");
}

#[tokio::test]
async fn a_hold_is_answered_when_the_tables_show_it() {
    let world = World::start().await;
    let body = "{\"reason\":\"case 7\",\"person\":\"Lin\"}";
    let token = world.token(Role::Supervisor);
    for (path, held) in [("legal-hold", true), ("legal-hold/clear", false)] {
        let answer = world
            .raw(&format!(
                "POST /api/v1/contacts/{}/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                world.contact,
                body.len()
            ))
            .await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(world.store.legal_hold(world.contact).await.unwrap().is_some(), held, "{path}");
    }
    let noted = world.noted().await;
    assert!(noted.iter().all(|record| record.by == Some(Actor::Token("supervisor".to_owned()))));
    assert_eq!(noted.len(), 2);
}

async fn open(world: &World, after: u64) -> TcpStream {
    open_with(world, after, world.token(Role::Viewer)).await
}

async fn open_with(world: &World, after: u64, token: &str) -> TcpStream {
    let header = format!("Authorization: Bearer {token}\r\n");
    open_at(world, &format!("/api/v1/events/stream?after={after}"), &header).await
}

async fn open_at(world: &World, path: &str, header: &str) -> TcpStream {
    let (socket, head) = handshake(world, path, header).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    socket
}

async fn next_record(socket: &mut TcpStream) -> Record {
    loop {
        let (first, payload) = frame(socket).await;
        if first & 0x0f == 1 {
            return serde_json::from_slice(&payload).unwrap();
        }
    }
}
