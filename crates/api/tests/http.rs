//! Stories over real HTTP on loopback.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use api::{Because, Condition};
use model::{
    Actor, AgentOrder, CenterEvent, Event, Order, Record, Scope, SecureInputOrder, Supervision,
    SupervisionOrder, Watched,
};
use serde_json::{Value, json};
use store::Role;
use world::{World, large_audio};

#[tokio::test]
async fn health_needs_no_token_and_ready_names_what_is_missing() {
    let world = World::start().await;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(world.raw(&ask("/healthz")).await.status, 200);
    let heard = world.raw(&ask("/readyz")).await;
    assert_eq!((heard.status, heard.json()["not_ready"].clone()), (503, json!(["start"])));
    world.readiness.started();
    assert_eq!(world.raw(&ask("/readyz")).await.status, 200);
    world.readiness.drains();
    let heard = world.raw(&ask("/readyz")).await;
    assert_eq!((heard.status, heard.json()["not_ready"].clone()), (503, json!(["draining"])));
}

#[tokio::test]
async fn readiness_says_of_each_part_how_it_is_and_why() {
    let world = World::start().await;
    let reason = || Because::new("half of it is gone", "一半已丢失");
    world.readiness.started();
    world.readiness.register("well", || async { Condition::Ready });
    world.readiness.register("worn", move || async move { Condition::Warning(reason()) });
    world.readiness.register("stuck", std::future::pending::<Condition>);
    world.readiness.register("wrong", || async { unreachable!("a check that panics") });
    let ask = "GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let heard = world.raw(ask).await;
    let told = heard.json();
    assert_eq!((heard.status, &told["not_ready"]), (503, &json!(["stuck", "wrong"])));
    assert_eq!(told["warnings"], json!(["worn"]));
    assert_eq!(told["checks"][0], json!({ "name": "well", "state": "ready" }));
    let worn = json!({
        "name": "worn", "state": "warning", "reason_en": "half of it is gone", "reason_zh": "一半已丢失",
    });
    assert_eq!(told["checks"][1], worn);
    assert_eq!(told["checks"][2]["reason_en"], "no answer within 2 s");
}

/// Walks the document, which is made from the table that the router is made from.
#[tokio::test]
async fn every_route_of_the_document_exists_and_obeys_its_roles() {
    let world = World::start().await;
    let document = world.get(Role::Viewer, "/api/openapi.json").await.json();
    let mut walked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let real = path
                .replace("contacts/{id}", &format!("contacts/{}", world.contact))
                .replace("recordings/{id}", &format!("recordings/{}", world.recording))
                .replace("{id}", "1001")
                .replace("{name}", "nobody");
            let method = method.to_uppercase();
            let bare = format!("{method} {real} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            let heard = world.raw(&bare).await;
            let Some(roles) = operation["x-roles"].as_array() else {
                // A WebSocket is not opened by a plain request.
                let expected =
                    if operation["responses"]["101"].is_object() { &[426][..] } else { &[200, 503] };
                assert!(expected.contains(&heard.status), "{path}");
                continue;
            };
            assert_eq!(heard.status, 401, "{path}");
            assert_eq!(heard.header("content-type"), Some("application/problem+json"));
            let wrong = bare.replace("Host: h", "Host: h\r\nAuthorization: Bearer hl_guess");
            assert_eq!(world.raw(&wrong).await.status, 401, "{path}");
            for role in Role::ALL {
                let heard = world.ask(role, &method, &real, "").await;
                let may = roles.contains(&Value::from(role.to_string()));
                assert_eq!(heard.status == 403, !may, "{role} {method} {path}: {}", heard.head);
                assert!(heard.status != 405 && heard.status < 500, "{method} {path}: {}", heard.head);
                walked += 1;
            }
        }
    }
    assert_eq!(walked, 48 * 6);
    let text = document.to_string();
    for (_, found) in
        text.match_indices("#/components/schemas/").map(|(at, found)| (at, &text[at + found.len()..]))
    {
        let name = found.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "no schema {name}");
    }
}

/// Who opens the printed address in a browser is not met by an error, and finds the description of the API.
#[tokio::test]
async fn a_browser_finds_a_page_that_says_what_is_here() {
    let world = World::start().await;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let page = world.raw(&ask("/")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let text = String::from_utf8(page.body).unwrap();
    let links: Vec<&str> = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() >= 3, "{text}");
    for link in links {
        assert!([200, 503].contains(&world.raw(&ask(link)).await.status), "{link}");
    }
}

#[tokio::test]
async fn lists_carry_what_the_document_says() {
    let world = World::start().await;
    let document = world.get(Role::Admin, "/api/openapi.json").await.json();
    for (path, schema) in [
        ("/api/v1/contacts", "Contact"),
        ("/api/v1/recordings", "Recording"),
        ("/api/v1/agents", "Agent"),
        ("/api/v1/queues", "Queue"),
        ("/api/v1/trunks", "Trunk"),
        ("/api/v1/directory", "DirectoryEntry"),
        ("/api/v1/tokens", "Token"),
        ("/api/v1/events", "Event"),
    ] {
        let rows = world.get(Role::Admin, path).await.json();
        let first = rows[0].as_object().unwrap_or_else(|| panic!("{path}: {rows}"));
        let fields = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        assert_eq!(first.keys().collect::<Vec<_>>(), fields.keys().collect::<Vec<_>>(), "{path}");
    }
    let heard = world.get(Role::Viewer, "/api/v1/contacts").await;
    let name = testing::CALLER_NAME.replace('\0', "");
    assert_eq!(heard.json()[0]["caller_name"], name, "hostile text is text");
    assert_eq!(heard.header("x-content-type-options"), Some("nosniff"));
    let path = format!("/api/v1/contacts/{}", world.contact);
    assert!(world.get(Role::Viewer, &path).await.json()["recordings"].is_null());
    assert_eq!(world.get(Role::Qa, &path).await.json()["recordings"][0]["channels"], 2);
    let queues = world.get(Role::Agent, "/api/v1/queues").await.json();
    assert_eq!(queues[0]["service_level"], 1.0);
    let text = String::from_utf8(world.get(Role::Viewer, "/metrics").await.body).unwrap();
    assert!(text.contains("hotline_queue_answered_today{queue=\"complaint\"} 1\n"), "{text}");
}

#[tokio::test]
async fn the_directory_says_who_is_there_and_hides_numbers_outside_from_agents() {
    let world = World::start().await;
    for (role, number) in [(Role::Supervisor, "tel:02155550100".into()), (Role::Agent, Value::Null)] {
        let directory = world.get(role, "/api/v1/directory").await.json();
        let [sales] = &directory.as_array().unwrap()[..] else { panic!("{directory}") };
        assert_eq!((&sales["extension"], &sales["zh"]), (&json!("6001"), &json!("销售部")));
        assert_eq!((&sales["open"], &sales["changes_at"]), (&json!(false), &Value::Null));
        assert_eq!((&sales["closed"], &sales["unanswered"]), (&json!("queue inquiry"), &json!("back")));
        let members = sales["members"].as_array().unwrap();
        assert_eq!((&members[0]["who"], &members[0]["state"]["id"]), (&json!("1001"), &json!("1001")));
        assert_eq!((&members[1]["who"], &members[1]["state"]), (&number, &Value::Null), "{role}");
    }
    for role in [Role::Qa, Role::Payment, Role::Viewer] {
        assert_eq!(world.get(role, "/api/v1/directory").await.status, 403, "{role}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let world = World::start().await;
    for (path, status) in [
        ("/api/v1/contacts?limit=0", 422),
        ("/api/v1/contacts?limit=1001", 422),
        ("/api/v1/contacts?colour=red", 422),
        ("/api/v1/contacts?before=r123", 422),
        ("/api/v1/contacts?since=yesterday", 422),
        ("/api/v1/contacts?queue=%27%3B--", 422),
        ("/api/v1/events?wait=61", 422),
        ("/api/v1/events/stream", 426),
        ("/api/v1/qa/samples?queue=complaint", 422),
        ("/api/v1/contacts/none", 404),
        ("/api/v1/contacts/%2e%2e%2f%2e%2e", 404),
        ("/api/v1/contacts/%ff", 404),
        ("/api/v1/nothing", 404),
    ] {
        let heard = world.get(Role::Admin, path).await;
        assert_eq!(heard.status, status, "{path}");
        assert_eq!(heard.header("content-type"), Some("application/problem+json"), "{path}");
        assert!(heard.json()["title"].as_str().unwrap().contains(" / "), "{path}");
    }
    assert_eq!(world.ask(Role::Admin, "PUT", "/api/v1/contacts", "").await.status, 405);
    let next = world.get(Role::Admin, "/api/v1/contacts?limit=1&queue=complaint").await;
    let link = next.header("link").unwrap().to_owned();
    let path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert_eq!(world.get(Role::Admin, &path).await.json(), json!([]));
}

#[tokio::test]
async fn agents_states_change_by_command_and_an_agent_moves_only_itself() {
    let world = World::start().await;
    for (role, agent, status) in [
        (Role::Supervisor, "1001", 204),
        (Role::Supervisor, "1002", 409),
        (Role::Supervisor, "1003", 503),
        (Role::Supervisor, "9999", 404),
        (Role::Agent, "1001", 204),
        (Role::Agent, "1002", 403),
        (Role::Viewer, "1001", 403),
    ] {
        let path = format!("/api/v1/agents/{agent}/break");
        assert_eq!(
            world.ask(role, "POST", &path, "Content-Length: 0\r\n").await.status,
            status,
            "{role} {agent}"
        );
    }
    let orders = world.center.orders.lock().unwrap();
    assert_eq!(orders.len(), 5);
    let agent = "1001".parse().unwrap();
    let (by, order) = (Actor::Token("supervisor".to_owned()), Order::Agent(agent, AgentOrder::Break));
    assert_eq!(orders[0], (by, Scope::All, order));
}

#[tokio::test]
async fn audio_comes_whole_or_by_range_and_one_playback_is_noted_once_for_each_person() {
    let world = World::start().await;
    let path = format!("/api/v1/recordings/{}/audio", world.recording);
    let audio = large_audio();
    let whole = world.get(Role::Qa, &path).await;
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, Some("bytes")));
    assert!(whole.body == audio);
    let tag = whole.header("etag").unwrap().to_owned();
    let length = audio.len();
    for (range, expected) in [
        ("bytes=0-0", Some(0..1)),
        ("bytes=100-200000", Some(100..200_001)),
        ("bytes=-7", Some(length - 7..length)),
        ("bytes=999999-", None),
    ] {
        let heard = world.ask(Role::Qa, "GET", &path, &format!("Range: {range}\r\n")).await;
        match expected {
            Some(part) => {
                assert_eq!(heard.status, 206, "{range}");
                assert!(heard.body == audio[part.clone()], "{range}");
                let place = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                assert_eq!(heard.header("content-range"), Some(place.as_str()));
            }
            None => {
                assert_eq!(heard.status, 416);
                assert_eq!(heard.header("content-range"), Some(format!("bytes */{length}").as_str()));
            }
        }
    }
    let noted = async |world: &World| world.noted().await.len();
    assert_eq!(noted(&world).await, 2, "one download, one playback");
    world.ask(Role::Admin, "GET", &path, "Range: bytes=0-1\r\n").await;
    assert_eq!(noted(&world).await, 3, "another person");
    let head = world.ask(Role::Qa, "HEAD", &path, "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(length.to_string().as_str()));
    let known = format!("If-None-Match: {tag}\r\n");
    assert_eq!(world.ask(Role::Qa, "GET", &path, &known).await.status, 304);
    let stale = "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n";
    assert_eq!(world.ask(Role::Qa, "GET", &path, stale).await.status, 200);
    assert_eq!(noted(&world).await, 3);

    // Above 4 GiB, most of it a hole.
    let file = world.folder().join("recordings/one.wav");
    std::fs::File::options().write(true).open(&file).unwrap().set_len(5 << 30).unwrap();
    let end = (5_u64 << 30) - 1;
    let range = format!("Range: bytes={}-{end}\r\n", end - 9);
    let heard = world.ask(Role::Qa, "GET", &path, &range).await;
    assert_eq!((heard.status, heard.body.as_slice()), (206, [0; 10].as_slice()));
    let place = format!("bytes {}-{end}/{}", end - 9, end + 1);
    assert_eq!(heard.header("content-range"), Some(place.as_str()));

    // A file that became a way out of the folder.
    let file = world.folder().join("recordings/one.wav");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
    assert_eq!(world.get(Role::Qa, &path).await.status, 404);
}

#[tokio::test]
async fn tokens_are_made_and_revoked_by_an_admin() {
    let world = World::start().await;
    let make = async |body: Value| {
        let body = body.to_string();
        let (length, token) = (body.len(), world.token(Role::Admin));
        world
            .raw(&format!(
                "POST /api/v1/tokens HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\
                 Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n{body}"
            ))
            .await
    };
    let heard = make(json!({ "name": "board", "role": "viewer" })).await;
    assert_eq!(heard.status, 201);
    let secret = heard.json()["token"].as_str().unwrap().to_owned();
    let with_it = format!(
        "GET /api/v1/queues HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: bearer {secret}\r\n\r\n"
    );
    assert_eq!(world.raw(&with_it).await.status, 200);
    assert_eq!(make(json!({ "name": "board", "role": "viewer" })).await.status, 409);
    assert_eq!(make(json!({ "name": "a b", "role": "viewer" })).await.status, 422);
    assert_eq!(make(json!({ "name": "x", "role": "king" })).await.status, 422);
    assert_eq!(make(json!({ "name": "x", "role": "agent" })).await.status, 422);
    assert_eq!(make(json!({ "name": "x".repeat(20_000), "role": "viewer" })).await.status, 413);
    let listed = world.get(Role::Admin, "/api/v1/tokens").await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&secret));
    assert_eq!(world.ask(Role::Admin, "DELETE", "/api/v1/tokens/board", "").await.status, 204);
    assert_eq!(world.raw(&with_it).await.status, 401);
    assert_eq!(world.ask(Role::Admin, "DELETE", "/api/v1/tokens/board", "").await.status, 404);
}

#[tokio::test]
async fn a_sample_tells_its_frame() {
    let world = World::start().await;
    let heard = world.get(Role::Qa, "/api/v1/qa/samples?queue=complaint&count=5&seed=7").await.json();
    assert_eq!(heard["frame_size"], 1);
    assert_eq!(heard["contacts"], json!([world.contact]));
    let until = heard["frame"]["until"].as_str().unwrap();
    let path = format!("/api/v1/qa/samples?queue=complaint&count=5&seed=7&until={until}");
    let again = world.get(Role::Qa, &path).await.json();
    assert_eq!(again, heard, "with what the first one said, it is drawn again");
    for (wrong, word) in [
        ("queue=nobody", "no queue nobody"),
        ("agent=nobody", "no agent nobody"),
        ("until=2999-01-01T00:00:00Z", "future"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "exclude"),
        ("shortest_s=5&longest_s=4", "exclude"),
    ] {
        let heard = world.get(Role::Qa, &format!("/api/v1/qa/samples?count=5&seed=7&{wrong}")).await;
        assert_eq!(heard.status, 409, "{wrong}");
        assert!(String::from_utf8_lossy(&heard.body).contains(word), "{wrong}");
    }
    let noted = world.noted().await;
    assert_eq!(noted.len(), 2, "each draw is an event");
    assert_eq!(noted[0].by, Some(Actor::Token("qa".to_owned())));
    let drawn = |record: &Record| {
        matches!(record.event, Event::Center(CenterEvent::SampleDrawn { size: 1, drawn: 1, seed: 7, .. }))
    };
    assert!(noted.iter().all(|record| drawn(record)), "{noted:?}");
}

#[tokio::test]
async fn what_was_pressed_in_secret_is_for_payments_alone() {
    let world = World::start().await;
    let path = format!("/api/v1/contacts/{}/secure-input", world.contact);
    for (role, begins, reads) in [
        (Role::Admin, 204, 200),
        (Role::Payment, 204, 200),
        (Role::Supervisor, 204, 403),
        (Role::Agent, 204, 403),
        (Role::Qa, 403, 403),
        (Role::Viewer, 403, 403),
    ] {
        let heard = world.ask(role, "POST", &path, "Content-Length: 0\r\n").await;
        assert_eq!(heard.status, begins, "{role}");
        let heard = world.get(role, &path).await;
        assert_eq!(heard.status, reads, "{role}");
        if reads == 200 {
            assert_eq!(heard.json(), json!({ "keys": "4111", "count": 4 }));
            assert_eq!(heard.header("cache-control"), Some("no-store"));
        }
    }
    let orders = world.center.orders.lock().unwrap();
    let contact = world.contact;
    let of = |role: &str, scope| {
        (Actor::Token(role.to_owned()), scope, Order::SecureInput(contact, SecureInputOrder::Start))
    };
    let own = Scope::Agent("1001".parse().unwrap());
    assert!(orders.contains(&of("agent", own)), "only the own contact");
    assert!(orders.contains(&of("payment", Scope::All)));
}

#[tokio::test]
async fn a_shift_leader_names_a_seat_a_mode_and_whom() {
    let world = World::start().await;
    let ask = async |role, body: Value| {
        let (body, token) = (body.to_string(), world.token(role));
        let length = body.len();
        world
            .raw(&format!(
                "POST /api/v1/supervisions HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\
                 Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\r\n{body}"
            ))
            .await
            .status
    };
    let contact = world.contact;
    for (role, body, status) in [
        (Role::Supervisor, json!({ "seat": "2001", "mode": "take_over", "agent": "1001" }), 204),
        (Role::Admin, json!({ "seat": "2001", "mode": "listen", "contact": contact }), 204),
        (Role::Supervisor, json!({ "seat": "2001", "mode": "shout", "agent": "1001" }), 422),
        (Role::Supervisor, json!({ "seat": "2001", "mode": "listen" }), 422),
        (
            Role::Supervisor,
            json!({ "seat": "2001", "mode": "listen", "agent": "1", "contact": contact }),
            422,
        ),
        (Role::Supervisor, json!({ "seat": "2001", "mode": "listen", "agent": "1001", "loud": true }), 422),
        (Role::Agent, json!({ "seat": "1001", "mode": "listen", "agent": "1002" }), 403),
    ] {
        assert_eq!(ask(role, body.clone()).await, status, "{role} {body}");
    }
    let orders = world.center.orders.lock().unwrap();
    assert_eq!(orders.len(), 2);
    let (watched, seat) = (Watched::Agent("1001".parse().unwrap()), "2001".parse().unwrap());
    let how = Supervision::TakeOver;
    assert_eq!(orders[0].2, Order::Supervision(SupervisionOrder::Start { watched, seat, how }));
}

#[tokio::test]
async fn refusals_are_in_the_language_that_is_asked_for_otherwise_in_both() {
    let world = World::start().await;
    for (header, title, detail, language) in [
        (
            "",
            "与当前状态冲突 / In conflict with the present state",
            "the agent's seat is not registered 座席话机未注册",
            None,
        ),
        ("Accept-Language: zh-CN,en;q=0.5\r\n", "与当前状态冲突", "座席话机未注册", Some("zh-CN")),
        (
            "Accept-Language: en\r\n",
            "In conflict with the present state",
            "the agent's seat is not registered",
            Some("en"),
        ),
    ] {
        let heard = world.ask(Role::Admin, "POST", "/api/v1/agents/1002/ready", header).await;
        assert_eq!((heard.status, heard.header("content-language")), (409, language), "{}", heard.head);
        assert_eq!(
            (heard.json()["title"].as_str(), heard.json()["detail"].as_str()),
            (Some(title), Some(detail))
        );
        assert_eq!(heard.json()["detail_zh"], "座席话机未注册");
        assert_eq!(heard.header("content-type"), Some("application/problem+json"));
        assert_eq!(heard.header("x-content-type-options"), Some("nosniff"));
    }
    // Headers that belong to a refusal stay.
    let late = world.ask(Role::Admin, "POST", "/api/v1/agents/1003/ready", "Accept-Language: zh\r\n").await;
    assert_eq!((late.status, late.header("retry-after")), (503, Some("2")));
}

#[tokio::test]
async fn files_are_read_anew_and_each_fault_is_named_with_its_place() {
    let world = World::start().await;
    let path = "/api/v1/configuration/reload";
    let reload = async |role, dry_run: bool| {
        let body = json!({ "dry_run": dry_run }).to_string();
        let (token, length) = (world.token(role), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
        );
        world
            .raw(&format!("{head}Content-Length: {length}\r\nAuthorization: Bearer {token}\r\n\r\n{body}"))
            .await
    };
    let heard = reload(Role::Admin, true).await;
    assert_eq!(heard.status, 200);
    let told = heard.json();
    assert_eq!((&told["dry_run"], &told["changes"][0]["effect"]), (&json!(true), &json!("now")));
    let heard = reload(Role::Admin, false).await;
    assert_eq!((heard.status, &heard.json()["title_en"]), (422, &json!("The configuration is not sound")));
    let fault = heard.json()["faults"][0].clone();
    assert_eq!((&fault["file"], &fault["line"]), (&json!("config/queues.toml"), &json!(3)));
    assert_eq!((&fault["message_zh"], &fault["hint_en"]), (&json!("缺少 offer_s"), &json!("offer_s = 15")));
    assert_eq!(reload(Role::Supervisor, true).await.status, 403);
}
