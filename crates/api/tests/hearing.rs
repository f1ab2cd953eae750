//! Supervisors and recordings.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use api::Hearing;
use model::{Actor, Event, RecordingEvent, SupervisorsHear};
use store::Role;
use world::World;

/// The world's recording is of a contact in the queue `complaint`.
async fn world(supervisors: SupervisorsHear, queue: &str) -> World {
    let queues = [("2001".parse().unwrap(), vec![queue.parse().unwrap()])].into();
    World::start_with(Hearing { supervisors, queues }).await
}

#[tokio::test]
async fn by_default_a_supervisor_hears_nothing_and_is_told_why() {
    let world = world(SupervisorsHear::default(), "complaint").await;
    let audio = format!("/api/v1/recordings/{}/audio", world.recording);
    let refused = world.get(Role::Supervisor, &audio).await;
    assert_eq!(refused.status, 403);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("supervisors_hear") && detail.contains("班组长"), "{detail}");
    let link = format!("/api/v1/recordings/{}/link", world.recording);
    assert_eq!(world.ask(Role::Supervisor, "POST", &link, "").await.status, 403);
    assert_eq!(world.ask(Role::Supervisor, "HEAD", &audio, "").await.status, 403);
    assert_eq!(world.get(Role::Qa, &audio).await.status, 200);
}

#[tokio::test]
async fn where_supervisors_hear_everything_each_listening_is_noted_in_their_name() {
    let world = world(SupervisorsHear::All, "inquiry").await;
    let link = format!("/api/v1/recordings/{}/link", world.recording);
    let link =
        world.ask(Role::Supervisor, "POST", &link, "").await.json()["url"].as_str().unwrap().to_owned();
    let bare = format!("GET {link} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(world.raw(&bare).await.status, 200);
    let noted = world.noted().await;
    let by = Some(Actor::Token("supervisor".to_owned()));
    let (recording, contact) = (world.recording, Some(world.contact));
    let listened = Event::from(RecordingEvent::Listened { recording, contact });
    assert!(matches!(&noted[..], [one] if one.by == by && one.event == listened), "{noted:?}");
}

#[tokio::test]
async fn a_supervisor_of_a_queue_hears_what_came_by_it_and_nothing_else() {
    for (queue, status) in [("complaint", 200), ("inquiry", 403)] {
        let world = world(SupervisorsHear::OwnQueues, queue).await;
        let token = world.make(Role::Supervisor, Some("2001")).await;
        let audio = format!("/api/v1/recordings/{}/audio", world.recording);
        assert_eq!(world.get_with(&token, &audio).await.status, status, "{queue}");
        assert_eq!(world.get(Role::Supervisor, &audio).await.status, 403, "a token that names no agent");
    }
}
